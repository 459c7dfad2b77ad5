"""The ledger in two times, and every past look again."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from trials.errors import DataError, UnknownTrialError
from trials.records import Checked, Measured
from trials.store import engine, ledger, reading
from trials.store import history as history_module
from trials.store.history import Fact, as_of, history
from trials.store.models import REPETITION


def told(desk: Any, **times: datetime) -> dict[str, float | None]:
    return {fact.participant_id: fact.value for fact in as_of(desk.store, desk.trial, **times)}


@pytest.fixture
def corrected(desk: Any, kit: SimpleNamespace) -> Any:
    """p001 has 0 on day 1, 1 from day 5 (received on day 6), 0 from day 3 (received on day 9); p002 joins on day 5."""
    desk.send("first", [kit.person(1, 0.0), kit.person(3, 1.0)], sent=1)
    desk.send("second", [kit.person(1, 1.0, observed_on=kit.day(4).date()), kit.person(2, None)], sent=5, received=6)
    desk.send("late", [kit.person(3, None)], sent=3, received=9)
    return desk


def test_what_was_true_and_when_we_knew_it(corrected: Any, kit: SimpleNamespace) -> None:
    """known_at asks what had been received by then, true_at what had been sent by then; both together ask both."""
    day = kit.day
    assert told(corrected) == {"p001": 1.0, "p002": None, "p003": None}
    assert told(corrected, known_at=day(8)) == {"p001": 1.0, "p002": None, "p003": 1.0}
    assert told(corrected, known_at=day(5)) == {"p001": 0.0, "p003": 1.0}
    assert told(corrected, true_at=day(4)) == {"p001": 0.0, "p003": None}
    assert told(corrected, true_at=day(4), known_at=day(8)) == {"p001": 0.0, "p003": 1.0}
    assert told(corrected, known_at=day(0)) == {}
    first, joined, _ = as_of(corrected.store, corrected.trial)
    assert first == Fact("p001", "A", "idea", None, 1, "y", 1.0, None, day(4).date(), day(5), day(6))
    assert (joined.measure, joined.sent_at, joined.recorded_at) == (None, day(5), day(6))
    with pytest.raises(DataError, match=r"^known_at == 2024-01-01T00:00:00, must name its time zone"):
        list(as_of(corrected.store, corrected.trial, known_at=datetime(2024, 1, 1)))  # noqa: DTZ001
    with pytest.raises(UnknownTrialError, match="Did you mean 'a-trial'"):
        list(as_of(corrected.store, "a-trail"))


def test_each_measure_has_its_newest_version(store: Any, kit: SimpleNamespace) -> None:
    """People come in the sealed order, with a row for each measure of which something was said."""
    desk = kit.sealed(store, kit.watched())
    said = (Measured("hurt", 1.0), Measured("falls", 2.0, 4.0))
    desk.send("one", [kit.person(2, 4.0, companion=2.0), kit.person(1, None, withdrawn=False, guardrails=said)])
    desk.send("two", [kit.person(1, 3.0, companion=1.0)], sent=1)
    found = [(fact.participant_id, fact.measure, fact.value, fact.companion) for fact in as_of(store, desk.trial)]
    assert found == [
        ("p001", "falls", 2.0, 4.0),
        ("p001", "hurt", 1.0, None),
        ("p001", "y", 3.0, 1.0),
        ("p002", "y", 4.0, 2.0),
    ]


def test_one_persons_story(corrected: Any, kit: SimpleNamespace) -> None:
    """Every version of a person's value: when it was sent, when we knew it, by which delivery; one is in force."""
    joined, versions = history(corrected.store, corrected.trial, "p001")
    assert (joined.site, joined.arm, joined.delivery, joined.name) == ("A", "idea", 1, "first")
    assert [(one.value, one.sent_at, one.recorded_at, one.delivery, one.current) for one in versions] == [
        (0.0, kit.day(1), kit.day(1), 1, False),
        (1.0, kit.day(5), kit.day(6), 2, True),
    ]
    assert history(corrected.store, corrected.trial, "p002")[1] == []
    with pytest.raises(DataError, match=r"^the participant is not in a-trial") as refusal:
        history(corrected.store, corrected.trial, "secret-id")
    assert "secret" not in str(refusal.value)


def test_a_late_delivery_that_says_what_a_newer_one_said_counts_from_its_own_time(
    desk: Any, kit: SimpleNamespace
) -> None:
    """The value was true, and the person enrolled, since the late delivery was sent; we knew it when that came in."""
    day = kit.day
    desk.send("f20", [kit.person(1, 1.0), kit.person(2, None)], sent=20)
    late = [kit.person(1, 1.0), kit.person(2, None), kit.person(3, None, withdrawn=False)]
    desk.send("f5", late, sent=5, received=25)
    assert told(desk, true_at=day(4)) == {}
    assert told(desk, true_at=day(6)) == {"p001": 1.0, "p002": None, "p003": None}
    assert told(desk, true_at=day(6), known_at=day(24)) == {}
    first, second, _ = as_of(desk.store, desk.trial, true_at=day(6))
    assert first == Fact("p001", "A", "idea", None, 1, "y", 1.0, None, None, day(5), day(25))
    assert (second.measure, second.sent_at, second.recorded_at) == (None, day(5), day(25))
    [now, *_] = as_of(desk.store, desk.trial, true_at=day(21))
    assert (now.value, now.sent_at, now.recorded_at) == (1.0, day(20), day(20))
    joined, versions = history(desk.store, desk.trial, "p001")
    assert (joined.sent_at, joined.recorded_at, joined.delivery) == (day(5), day(20), 1)
    assert [(one.rev, one.value, one.sent_at, one.recorded_at, one.delivery, one.current) for one in versions] == [
        (0, 1.0, day(5), day(25), 2, False),
        (1, 1.0, day(20), day(20), 1, True),
    ]


def test_repetitions_from_before_companions_count_too(desk: Any, kit: SimpleNamespace) -> None:
    """Before revision r0002 a repetition was a bare value, of the primary measure."""
    desk.send("f20", [kit.person(1, 1.0)], sent=20)
    desk.send("f5", [kit.person(1, 1.0)], sent=5, received=25)
    with engine.writing(desk.store) as connection:
        connection.execute(REPETITION.update().values(readings={"p001": 1.0}))
    [fact] = as_of(desk.store, desk.trial, true_at=kit.day(6))
    assert (fact.measure, fact.value, fact.sent_at) == ("y", 1.0, kit.day(5))
    assert [one.rev for one in history(desk.store, desk.trial, "p001")[1]] == [0, 1]


def test_a_late_row_without_a_word_on_values_leaves_no_trace(desk: Any, kit: SimpleNamespace) -> None:
    """The limit: of somebody enrolled before, such a row says when they were enrolled, and nothing in the ledger keeps it."""
    desk.send("f20", [kit.person(1, 1.0)], sent=20)
    before = kit.contents(desk.store)["repetition"]
    desk.send("f5", [kit.person(1, None, withdrawn=False)], sent=5, received=25)
    assert kit.contents(desk.store)["repetition"] == before == []
    assert told(desk, true_at=kit.day(6)) == {}


# What one row says: who, and the value of each measure of which it says something.
Said = tuple[str, dict[str, float | None]]
Sent = tuple[datetime, datetime, list[Said]]


def model(sent: Sequence[Sent], true_at: datetime, known_at: datetime) -> dict[str, dict[str, float]]:
    """Everybody named by then, with the value that the newest of the deliveries sent and received by then gave each measure."""
    enrolled: set[str] = set()
    people: dict[str, dict[str, float | None]] = {}
    seen = []
    for sent_at, received, rows in sent:  # as they came
        for name, said in rows:
            if received <= known_at and sent_at <= true_at and (said or name not in enrolled):
                people.setdefault(name, {})
            enrolled.add(name)
        if received <= known_at and sent_at <= true_at:
            seen.append((sent_at, rows))
    for _, rows in sorted(seen, key=lambda one: one[0]):
        for name, said in rows:
            if name in people:
                people[name] |= said
    return {
        name: {measure: value for measure, value in known.items() if value is not None}
        for name, known in people.items()
    }


def random_history(draw: random.Random, desk: Any, kit: SimpleNamespace) -> list[Sent]:
    """Three to nine deliveries of up to twelve people, each sent up to 20 days before it comes, some at one time."""
    clock, sent = 0.0, []
    for number in range(draw.randint(3, 9)):
        clock += draw.choice([0, 0.5, 1, 3, 10])
        rows, says = [], []
        for person in sorted(draw.sample(range(1, 13), draw.randint(1, 12))):
            value, hurt = draw.choice([0.0, 1.0, 1.0, None]), draw.choice([0.0, 1.0, None])
            withdrawn, beside = draw.random() < 0.4, draw.random() < 0.5
            guardrails = (Measured("hurt", hurt, None, hurt is None),) if beside else ()
            rows.append(kit.person(person, value, withdrawn=value is None and withdrawn, guardrails=guardrails))
            said = {"y": value} if value is not None or withdrawn else {}
            says.append((f"p{person:03d}", said | ({"hurt": hurt} if beside else {})))
        at = max(0.0, clock - draw.choice([0, 0, 0.5, 1, 2, 5, 7, 8, 20]))
        desk.send(str(number), rows, sent=at, received=clock)
        sent.append((kit.day(at), kit.day(clock), says))
    return sent


def test_as_of_is_what_the_deliveries_said(desk: Any, kit: SimpleNamespace) -> None:
    """In 35 random histories of twelve people, at eight pairs of times each, the ledger says what a model of few lines says."""
    draw, late = random.Random(8), 0
    guardrail = {"measure": "hurt", "kind": "binary", "better": "lower", "margin": 0.1, "baseline": 0.2}
    for number in range(35):
        one = kit.sealed(desk.store, kit.plan(f"trial-{number}", guardrails=[guardrail]))
        sent = random_history(draw, one, kit)
        end = max(received for _, received, _ in sent)
        for known_at in (end, draw.choice(sent)[1]):
            for true_at in (*(draw.choice(sent)[0] for _ in range(3)), end):
                found: dict[str, dict[str, float]] = {}
                for fact in as_of(one.store, one.trial, true_at=true_at, known_at=known_at):
                    mine = found.setdefault(fact.participant_id, {})
                    if fact.measure is not None and fact.value is not None:
                        mine[fact.measure] = fact.value
                    assert fact.sent_at <= true_at
                    assert fact.recorded_at <= known_at
                assert found == model(sent, true_at, known_at), (number, true_at, known_at)
                late += bool(_said_late(one, true_at, known_at))
    assert late > 40


def _said_late(desk: Any, true_at: datetime, known_at: datetime) -> Any:
    with engine.reading(desk.store) as connection:
        return history_module._said_late(connection, desk.trial, true_at, known_at)


def test_a_persons_story_is_what_as_of_says(desk: Any, kit: SimpleNamespace) -> None:
    """At any time the newest entry of everybody's story is what is exported, and who had joined by then has a row."""
    draw = random.Random(8)
    for number in range(12):
        rows = [kit.person(n, draw.choice([0.0, 1.0, None])) for n in sorted(draw.sample(range(1, 16), 8))]
        sent = draw.uniform(0, 20)
        desk.send(f"part {number}", rows, sent=sent, received=sent + draw.choice([0, 1, 15]))
    stories = {
        fact.participant_id: history(desk.store, desk.trial, fact.participant_id)
        for fact in as_of(desk.store, desk.trial)
    }
    for _ in range(20):
        true_at = kit.day(draw.uniform(0, 22))
        expected = {}
        for name, (joined, versions) in stories.items():
            seen = [one for one in versions if one.sent_at <= true_at]
            if joined.sent_at <= true_at:
                expected[name] = max(seen, key=lambda one: (one.sent_at, one.rev)).value if seen else None
        assert told(desk, true_at=true_at) == expected


def test_looks_after_several_deliveries_at_once_are_taken_again(desk: Any, kit: SimpleNamespace) -> None:
    """Deliveries that go in together share a look; with late ones and corrections among them each look is computed again."""
    draw = random.Random(9)
    for turn in range(6):
        judged = []
        for number in range(1 + turn % 3):
            who = range(1, 50) if turn == 0 else sorted(draw.sample(range(1, 50), 20))
            rows = [kit.person(n, draw.choice([0.0, 1.0, 1.0, None])) for n in who]
            delivery = desk.delivery(f"{turn}-{number}", rows, sent=draw.uniform(0, 10 * turn + 1))
            judged.append((delivery, Checked(tuple(rows))))
        at = kit.day(10 * turn + 2)
        receipts = ledger.record_all(desk.store, judged, recorded_at=at, as_of=at, now=at)
        assert {receipt.look_number for receipt in receipts} == {turn + 1}
    looks = reading.looks(desk.store, desk.trial)
    assert [look.batch_seq for look in looks] == [1, 3, 6, 7, 9, 12]
    assert looks[-1].n > 20
    for look in looks:
        assert ledger.recompute(desk.store, desk.trial, look.number).to_json() == look.to_json()


def test_of_versions_sent_at_once_the_last_to_come_holds(desk: Any, kit: SimpleNamespace) -> None:
    """Two deliveries that bear one date are in the order in which they came, for the newest value as in the story."""
    desk.send("first", [kit.person(1, 0.0)], sent=1)
    desk.send("second", [kit.person(1, 1.0)], sent=1)
    desk.send("third", [kit.person(1, 0.0)], sent=1, received=2)
    story = history(desk.store, desk.trial, "p001")[1]
    assert [(one.rev, one.value, one.current) for one in story] == [(1, 0.0, False), (2, 1.0, False), (3, 0.0, True)]
    assert told(desk, known_at=kit.day(1)) == {"p001": 1.0}
    assert told(desk) == {"p001": 0.0}
