"""What came in and what did not: right for each trial, and as many queries for twelve as for one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from sqlalchemy import event

from trials.overdue import Arrivals, Participant
from trials.records import Checked, Rejection
from trials.store import arrivals, ledger
from trials.store.engine import Store
from trials.store.quarantine import REPLAY


def of(desk: Any) -> tuple[Arrivals, list[Participant]]:
    return arrivals.arrivals_of(desk.store, {desk.trial: desk.protocol})[desk.trial]


def sent_from(desk: Any, kit: SimpleNamespace, source: str, rows: list[Any], at: float) -> None:
    """A delivery from another source than the trial's folder."""
    delivery = desk.delivery(source, rows, at, source)
    ledger.record(desk.store, delivery, Checked(tuple(rows)), recorded_at=kit.day(at), as_of=kit.day(at))


def test_a_trial_without_deliveries_has_its_seal_alone(desk: Any, kit: SimpleNamespace) -> None:
    """Sealed on day 0, nothing came, nobody is in."""
    assert of(desk) == (Arrivals(sealed_at=kit.day(0)), [])


def test_what_was_received_when_and_from_which_site(desk: Any, kit: SimpleNamespace) -> None:
    """Persons 1, 4 and 5 are at site A, 2 and 3 at B; day 8 told of A alone, and day 9 only repeated it."""
    desk.send("one", [kit.person(number, 1.0) for number in (1, 2, 3, 4)], sent=5)
    desk.send("two", [kit.person(4, 0.0), kit.person(5, 1.0), kit.person(2, 1.0)], sent=8)
    desk.send("three", [kit.person(5, 1.0), kit.person(2, 1.0)], sent=9)
    came, people = of(desk)
    assert came.last_received_at == kit.day(9)
    assert came.by_site == {"A": kit.day(8), "B": kit.day(5)}
    assert sorted((one.participant_id, one.site) for one in people) == [
        *(("p001", "A"), ("p002", "B"), ("p003", "B"), ("p004", "A"), ("p005", "A")),
    ]


def test_a_value_alone_is_news_of_a_site(desk: Any, kit: SimpleNamespace) -> None:
    """People enrolled from a list have told nothing; their first value has."""
    silent = [kit.person(number, None, withdrawn=False) for number in (1, 2)]
    sent_from(desk, kit, "register:list.csv", silent, 1)
    came, people = of(desk)
    assert (came.last_received_at, came.by_site, len(people)) == (None, {}, 2)
    desk.send("one", [kit.person(2, 1.0)], sent=4)
    came, _ = of(desk)
    assert (came.last_received_at, came.by_site) == (kit.day(4), {"B": kit.day(4)})


def test_a_replay_is_no_delivery_of_a_site(desk: Any, kit: SimpleNamespace) -> None:
    """Rows that were mended here prove nothing of whether the site still sends."""
    desk.send("one", [kit.person(1, 1.0)], sent=2, rejected=[Rejection(2, "bad", {})])
    sent_from(desk, kit, REPLAY, [kit.person(4, 1.0)], 9)
    came, _ = of(desk)
    assert (came.last_received_at, came.by_site) == (kit.day(2), {"A": kit.day(2)})


def test_when_an_outcome_was_first_and_last_known(desk: Any, kit: SimpleNamespace) -> None:
    """From its versions' effective times; None for whom no value came, also when the row said nothing of it."""
    desk.send("one", [kit.person(1, 1.0), kit.person(2, None, withdrawn=False)], sent=3)
    desk.send("two", [kit.person(1, 0.0)], sent=7)
    found = {one.participant_id: (one.first_known, one.last_known) for one in of(desk)[1]}
    assert found == {"p001": (kit.day(3), kit.day(7)), "p002": (None, None)}


def test_another_trials_primary_measure_is_no_outcome(store: Store, kit: SimpleNamespace) -> None:
    """`hurt` is a guardrail here and the primary measure there: its values are no outcome here."""
    here, there = kit.sealed(store, kit.watched("here")), kit.sealed(store, kit.plan("there", measure="hurt"))
    hurt = kit.person(1, None, withdrawn=False)
    hurt = type(hurt)(*(getattr(hurt, name) for name in hurt.__slots__[:10]), guardrails=(_measured("hurt"),))
    here.send("one", [hurt], sent=2)
    there.send("one", [kit.person(1, 1.0)], sent=3)
    found = arrivals.arrivals_of(store, {one.trial: one.protocol for one in (here, there)})
    assert [one.last_known for one in found["here"][1]] == [None]
    assert [one.last_known for one in found["there"][1]] == [kit.day(3)]
    assert found["here"][0].by_site == {"A": kit.day(2)}


def _measured(measure: str) -> Any:
    from trials.records import Measured

    return Measured(measure, 1.0)


def test_refused_deliveries_count_until_a_good_one_comes(desk: Any, kit: SimpleNamespace) -> None:
    """Two refused after the first good one are listed with their sentences; the next good one ends the list."""
    desk.send("bad 0", refusal="unreadable", sent=1)
    desk.send("one", [kit.person(1, 1.0)], sent=2)
    desk.send("bad 1", refusal="no header", sent=3)
    desk.send("bad 2", refusal="no rows", sent=4)
    came, _ = of(desk)
    assert [(one.at, one.kind, one.sentence) for one in came.failures] == [
        (kit.day(3), "refused", "bad 1: no header"),
        (kit.day(4), "refused", "bad 2: no rows"),
    ]
    assert came.last_received_at == kit.day(2)
    desk.send("two", [kit.person(2, 1.0)], sent=5)
    assert of(desk)[0].failures == ()


def test_a_good_file_beside_it_does_not_hide_a_refused_one(desk: Any, kit: SimpleNamespace) -> None:
    """Until it comes again by its name, or all that comes at one time is good; its name is said once."""
    desk.send("bad.csv", refusal="bad.csv: no rows", sent=3)
    desk.send("good.csv", [kit.person(1, 1.0)], sent=3)
    assert [one.sentence for one in of(desk)[0].failures] == ["bad.csv: no rows"]
    desk.send("worse.csv", refusal="worse.csv: no header", sent=4)
    desk.send("other.csv", [kit.person(2, 1.0)], sent=4)
    assert [one.sentence for one in of(desk)[0].failures] == ["bad.csv: no rows", "worse.csv: no header"]
    desk.send("bad.csv", [kit.person(3, 1.0)], sent=4)
    assert [one.sentence for one in of(desk)[0].failures] == ["worse.csv: no header"]
    desk.send("last.csv", [kit.person(4, 1.0)], sent=5)
    assert of(desk)[0].failures == ()


def test_the_newest_refused_deliveries_are_listed(desk: Any) -> None:
    """Ten at most, the last of each name."""
    for number in range(1, 14):
        desk.send(f"{number}.csv", refusal=f"{number}.csv: no rows", sent=number)
    desk.send("13.csv", refusal="13.csv: no header", sent=14)
    found = [one.sentence for one in of(desk)[0].failures]
    assert found == [*(f"{number}.csv: no rows" for number in range(4, 13)), "13.csv: no header"]


def test_failed_attempts_count_until_the_source_answers(desk: Any, kit: SimpleNamespace) -> None:
    """Each failed attempt is kept; one that answers ends them, and is kept only if one had failed before."""
    note = arrivals.note_attempt
    note(desk.store, desk.trial, failed=None, at=kit.day(1))
    before = kit.contents(desk.store)
    note(desk.store, desk.trial, failed=None, at=kit.day(2))
    assert kit.contents(desk.store) == before
    note(desk.store, desk.trial, failed="the folder is not there", at=kit.day(3))
    note(desk.store, desk.trial, failed="no permission", at=kit.day(4))
    assert [(one.at, one.kind, one.sentence) for one in of(desk)[0].failures] == [
        (kit.day(3), "failed", "the folder is not there"),
        (kit.day(4), "failed", "no permission"),
    ]
    assert arrivals.failing(desk.store, [desk.trial, "other"]) == {desk.trial}
    note(desk.store, desk.trial, failed=None, at=kit.day(5))
    assert of(desk)[0].failures == ()
    assert arrivals.failing(desk.store, [desk.trial]) == frozenset()


def test_the_queries_do_not_grow_with_the_trials(store: Store, kit: SimpleNamespace) -> None:
    """Twelve trials cost as many queries as one, and each gets what is its own."""
    sent: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *words: sent.append(words[2]))
    protocols: dict[str, Any] = {}
    counts = set()
    for number in range(12):
        desk = kit.sealed(store, kit.plan(f"trial-{number:02d}"))
        desk.send("one", [kit.person(one, 1.0) for one in range(1, 2 + number)], sent=number)
        arrivals.note_attempt(store, desk.trial, failed="gone", at=kit.day(number))
        protocols[desk.trial] = desk.protocol
        sent.clear()
        found = arrivals.arrivals_of(store, protocols)
        counts.add(len([one for one in sent if one != "BEGIN"]))
    assert len(counts) == 1
    assert [len(people) for _, people in found.values()] == list(range(1, 13))
    assert all(len(came.failures) == 1 for came, _ in found.values())
    some = arrivals.arrivals_of(store, {"trial-03": protocols["trial-03"]})
    assert some == {"trial-03": found["trial-03"]}
    assert arrivals.arrivals_of(store, {}) == {}
