"""What pages read: right numbers, few queries, no writes."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event

from trials.errors import UnknownTrialError
from trials.records import Rejection
from trials.store import ledger, reading
from trials.store.engine import Store


def queries(store: Store, read: Callable[[Store], object]) -> int:
    """How many statements a reading function sends, BEGIN left out."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    read(store)
    event.remove(store.engine, "before_cursor_execute", note)
    return sum(statement != "BEGIN" for statement in sent)


def test_a_card_tells_where_a_trial_stands(desk: Any, kit: SimpleNamespace) -> None:
    """A card has the plan, the newest look and the counts of the deliveries."""
    fresh = reading.card(desk.store, desk.trial)
    assert (fresh.protocol, fresh.state, fresh.look, fresh.deliveries) == (desk.protocol, "sealed", None, 0)
    assert (fresh.last_received_at, fresh.last_sent_at, fresh.refused, fresh.quarantined) == (None, None, 0, 0)
    desk.send("one", [kit.person(1, 1.0)], sent=3, rejected=[Rejection(2, "no", {}), Rejection(3, "no", {})])
    desk.send("two", [kit.person(2, 1.0)], sent=1, received=5)
    desk.send("bad", sent=2, received=6, refusal="unreadable")
    card = reading.card(desk.store, desk.trial)
    assert (card.deliveries, card.refused, card.quarantined) == (3, 1, 2)
    assert (card.last_received_at, card.last_sent_at) == (kit.day(6), kit.day(3))
    assert card.look == reading.looks(desk.store, desk.trial)[-1]
    assert card.token == reading.tokens(desk.store)[desk.trial]


def test_the_queries_do_not_grow_with_the_trials(store: Store, kit: SimpleNamespace) -> None:
    """Twelve trials cost as many queries as one: one for the tokens, three for the cards."""
    for number in range(12):
        desk = kit.sealed(store, kit.plan(f"trial-{number:02d}"))
        desk.send("one", [kit.person(1, 1.0), kit.person(2, 0.0)])
        assert queries(store, reading.tokens) == 1
        assert queries(store, reading.cards) == 3
    assert [card.id for card in reading.cards(store)] == [f"trial-{number:02d}" for number in range(12)]
    wanted = ["trial-03", "trial-01", "no-such-trial"]
    assert [card.id for card in reading.cards(store, wanted)] == ["trial-01", "trial-03"]
    assert reading.cards(store, []) == []
    many = [*wanted, *map(str, range(1000))]
    assert [card.id for card in reading.cards(store, many)] == ["trial-01", "trial-03"]


def test_tokens_change_with_every_fact_and_with_nothing_else(store: Store, kit: SimpleNamespace) -> None:
    """Registering, sealing, a delivery and a look move the token of their trial alone; reading and repeats do not."""
    kit.sealed(store, kit.plan("other"))
    other = reading.tokens(store)["other"]
    seen = []

    def note() -> None:
        found = reading.tokens(store)
        assert found["other"] == other
        seen.append(found["a-trial"])

    ledger.register(store, kit.plan(baseline=0.5), by="Ann", at=kit.day(0))
    note()
    desk = kit.sealed(store, kit.plan())
    note()
    desk.send("one", [kit.person(1, 1.0)])
    note()
    desk.send("bad", refusal="unreadable")
    note()
    assert seen == sorted(set(seen))
    kit.sealed(store, kit.plan())
    desk.send("one", [kit.person(1, 1.0)])
    ledger.take_look(store, "a-trial", recorded_at=kit.day(9), as_of=kit.day(9))
    reading.cards(store)
    note()
    assert seen[-1] == seen[-2]


def test_looks_after_a_number_are_the_newer_ones(desk: Any, kit: SimpleNamespace) -> None:
    """A page asks only for the looks that it has not drawn yet."""
    for number in range(1, 5):
        desk.send(str(number), [kit.person(number, 1.0)], sent=number)
    assert [look.number for look in reading.looks(desk.store, desk.trial)] == [1, 2, 3, 4]
    assert [look.number for look in reading.looks(desk.store, desk.trial, after=2)] == [3, 4]


def test_counts_by_site_arm_and_reason(desk: Any, kit: SimpleNamespace) -> None:
    """People are counted by site and arm, quarantined rows by reason, the most frequent first."""
    bad = [Rejection(20 + number, "late" if number else "early", {}) for number in range(3)]
    desk.send("one", [kit.person(number, None) for number in range(1, 7)], rejected=bad)
    assert reading.enrolment_by_site(desk.store, desk.trial) == [
        ("A", "control", 1),
        ("A", "idea", 2),
        ("B", "control", 2),
        ("B", "idea", 1),
    ]
    assert reading.quarantine_reasons(desk.store, desk.trial) == [("late", 2), ("early", 1)]


def test_deliveries_are_listed_newest_first(desk: Any, kit: SimpleNamespace) -> None:
    """The last deliveries come with their counts and, if refused, the sentence."""
    desk.send("one", [kit.person(1, 1.0)], sent=1)
    desk.send("two", [kit.person(1, 0.0)], sent=2, received=3)
    desk.send("three", refusal="unreadable", sent=4)
    rows = reading.deliveries(desk.store, desk.trial, last=2)
    assert [(row.seq, row.name, row.action, row.refusal) for row in rows] == [
        (3, "three", "reject_batch", "unreadable"),
        (2, "two", "accept_with_warning", None),
    ]
    assert (rows[1].accepted, rows[1].corrections, rows[1].duplicates) == (1, 1, 0)
    assert (rows[1].sent_at, rows[1].recorded_at) == (kit.day(2), kit.day(3))


def test_an_unknown_trial_is_named_with_what_helps(store: Store, kit: SimpleNamespace) -> None:
    """Who asks for a trial that is not there hears of the names like it, or how to see or register some."""
    with pytest.raises(UnknownTrialError, match=r"Run `roadtest register FILE` first\.$"):
        reading.card(store, "zebra")
    kit.sealed(store, kit.plan())
    with pytest.raises(UnknownTrialError, match=r"See `roadtest status`\.$"):
        reading.card(store, "zebra")
