"""Down for three days: one catch-up look, not three, and the same numbers as if nobody had been away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from flows import work
from tests.flows.making import Desk, csv_text, people, plan, row
from trials.evidence import Look
from trials.records import Receipt
from trials.store import ledger, reading
from trials.store.engine import open_store

DAYS = [datetime(2024, 3, day, 6, tzinfo=UTC) for day in (1, 2, 3)]
# Each day new people; the third also changes two values of the first; each of the first two has a bad row.
FILES = {
    "2024-03-01": people(1, 40) + row(141, arm="nwe") + "\n",
    "2024-03-02": people(41, 80) + row(142, well="2") + "\n",
    "2024-03-03": csv_text([row(3, well="0"), row(4, well="0"), *(row(number) for number in range(81, 121))]),
}


@dataclass(frozen=True)
class Both:
    """One home that collected daily, one that was down and collected once, and what each collect brought."""

    daily: Desk
    down: Desk
    trial: str
    each_day: tuple[Receipt, ...]
    caught_up: work.Outcome


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    homes = [tmp_path_factory.mktemp(name) for name in ("daily", "down")]
    daily, down = (Desk(open_store(f"sqlite:///{home / 'roadtest.db'}"), home) for home in homes)
    trial = daily.sealed(plan())
    receipts: list[Receipt] = []
    for at, (name, text) in zip(DAYS, FILES.items(), strict=True):
        daily.sent(trial, {f"{name}.csv": text})
        receipts += daily.collect(trial, clock=work.Clock(at))[trial].receipts
    down.sealed(plan(), **FILES)
    yield Both(daily, down, trial, tuple(receipts), down.collect(trial, clock=work.Clock(DAYS[-1]))[trial])
    daily.store.close()
    down.store.close()


def evidence(look: Look | None) -> Look:
    """A look without its number: how many were taken before is all that may differ."""
    assert look is not None
    return replace(look, number=0)


def test_three_days_at_once_are_one_look_with_the_same_numbers(both: Both) -> None:
    """Claims, estimate, interval, sensitivity: all that the look says is equal to the last of three daily looks."""
    assert [look.number for look in reading.looks(both.daily.store, both.trial)] == [1, 2, 3]
    assert [look.number for look in reading.looks(both.down.store, both.trial)] == [1]
    assert [receipt.look_number for receipt in both.caught_up.receipts] == [1, 1, 1]
    assert evidence(both.caught_up.look).n == 120
    assert evidence(both.caught_up.look) == evidence(reading.card(both.daily.store, both.trial).look)


def test_every_row_is_counted_as_on_its_own_day(both: Both) -> None:
    """Accepted, set aside, known already, corrected, and the reasons: per delivery as in three daily collects."""

    def told(receipts: Sequence[Receipt]) -> list[tuple[object, ...]]:
        return [
            (one.name, one.accepted, one.quarantined, one.duplicates, one.corrections, [r.reason for r in one.reasons])
            for one in receipts
        ]

    assert told(both.caught_up.receipts) == told(both.each_day)
    assert [(one.accepted, one.quarantined, one.corrections) for one in both.each_day] == [
        *((40, 1, 0), (40, 1, 0), (42, 0, 2)),
    ]


def test_the_catch_up_look_is_computed_again_from_the_ledger(both: Both) -> None:
    """To the last bit."""
    assert both.caught_up.look is not None
    assert ledger.recompute(both.down.store, both.trial, 1) == both.caught_up.look
