"""The ledger in two times, and every past look again."""

from __future__ import annotations

import random
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from trials.errors import DataError, UnknownTrialError
from trials.records import Checked, Measured
from trials.store import ledger, reading
from trials.store.history import Fact, as_of, history


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


def test_as_of_is_what_the_versions_say(desk: Any, kit: SimpleNamespace) -> None:
    """Whatever arrives in whatever order, the query gives what picking by hand from every version gives."""
    draw = random.Random(8)
    for number in range(12):
        rows = [kit.person(n, draw.choice([0.0, 1.0, None])) for n in sorted(draw.sample(range(1, 16), 8))]
        sent = draw.uniform(0, 20)
        desk.send(f"part {number}", rows, sent=sent, received=sent + draw.choice([0, 1, 15]))
    people = {fact.participant_id for fact in as_of(desk.store, desk.trial)}
    stories = {name: history(desk.store, desk.trial, name) for name in people}
    for _ in range(20):
        true_at, known_at = kit.day(draw.uniform(0, 22)), kit.day(draw.uniform(0, 36))
        expected = {}
        for name, (joined, versions) in stories.items():
            seen = [one for one in versions if one.sent_at <= true_at and one.recorded_at <= known_at]
            if joined.recorded_at <= known_at and (seen or joined.sent_at <= true_at):
                expected[name] = max(seen, key=lambda one: (one.sent_at, one.rev)).value if seen else None
        assert told(desk, true_at=true_at, known_at=known_at) == expected


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
