"""Numbers that were passed over as unreported and come later: looks are what the history gives, whoever looked between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows import work
from tests.flows.making import Desk, plan
from trials.evidence import Look
from trials.protocol import Protocol
from trials.store import ledger, reading
from trials.store.engine import Store, open_store

HEADER = "participant_id,arm,enrolled_on,entry_order"
LATE = range(3, 43, 2)  # numbers whose people are first heard of with the last delivery
BOUNDARIES = {"method": "group-sequential", "looks": 5}
BINARY: dict[str, object] = {
    "measure": "well",
    "kind": "binary",
    "better": "higher",
    "baseline": 0.4,
    "worthwhile": 0.2,
    "follow_up": "1 day",
}
TIMES: dict[str, object] = {
    "measure": "free",
    "kind": "time_to_event",
    "better": "lower",
    "baseline": 0.4,
    "worthwhile": 0.5,
    "event": "well",
    "follow_up": "1 day",
}


def dated(primary: dict[str, object], monitoring: dict[str, object]) -> Protocol:
    """People are ordered by the day on which they joined; who is not reported a week after their day counts as missing."""
    order, data = ["enrolled_on", "entry_order"], {"report_within": "7 days"}
    return plan(
        "dated-trial", order_by=order, primary=primary, data=data, monitoring={"max_participants": 200} | monitoring
    )


def rows(people: Iterable[tuple[int, int, int]]) -> str:
    """(number, day of March, whether well) as a delivery; the days until then are there for who counts them."""
    lines = (
        f"p{number},{'usual' if number % 2 else 'new'},2024-03-{day:02},{number},{well},{1 + number % 7}"
        for number, day, well in people
    )
    return "\n".join([f"{HEADER},well,free", *lines, ""])


def outcome(number: int) -> int:
    return int(number % 3 == 0 if number % 2 else (number // 2) % 2)


FIRST = rows((number, 1 + number // 60, outcome(number)) for number in range(1, 161) if number not in LATE)
LAST = rows([(number, 13, 1) for number in LATE] + [(number, 14, outcome(number)) for number in range(161, 181)])


def played(desk: Desk, protocol: Protocol, days: Iterable[int]) -> Look:
    """The last look, without its number and time, when rounds ran on these days of March: each takes in what is there, or
    looks again."""
    trial = desk.sealed(protocol)
    for day in days:
        at = datetime(2024, 3, 1, 20, tzinfo=UTC) + timedelta(days=day - 1)
        arrived = {6: FIRST, 17: LAST}
        desk.sent(trial, {f"2024-03-{sent - 1:02}.csv": text for sent, text in arrived.items() if sent <= day})
        (found,) = desk.collect(trial, clock=work.Clock(at)).values()
        if not found.receipts:
            (found,) = work.look_all(desk.store, [trial], work.Clock(at))
        assert found.ok, found.error
    return replace(reading.looks(desk.store, trial)[-1], number=0, as_of=datetime(2024, 3, 21, tzinfo=UTC))


def differing(store: Store, trial: str) -> list[int]:
    """The looks that are not what the history gives."""
    return [one.number for one in reading.looks(store, trial) if ledger.recompute(store, trial, one.number) != one]


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[list[Desk]]:
    """Two homes with nothing in them."""
    desks = [Desk(open_store(f"sqlite:///{tmp_path / name}.db"), tmp_path / name) for name in ("daily", "caught-up")]
    yield desks
    for desk in desks:
        desk.store.close()


@pytest.mark.parametrize(
    ("primary", "monitoring"),
    [(BINARY, BOUNDARIES), (BINARY, {}), (TIMES, {})],
    ids=["planned looks", "at any time", "times to an event"],
)
def test_who_comes_under_a_number_that_was_passed_over_counts_once(
    primary: dict[str, object], monitoring: dict[str, object], homes: list[Desk]
) -> None:
    """Rounds on every day, which pass the missing numbers over, and two rounds alone come to the same last look; each look is
    the one that is computed again from history."""
    protocol = dated(primary, monitoring)
    daily, caught_up = (played(desk, protocol, days) for desk, days in zip(homes, (range(6, 22), (6, 21)), strict=True))
    assert daily.n == 180
    assert daily == caught_up
    assert [differing(desk.store, protocol.trial) for desk in homes] == [[], []]
