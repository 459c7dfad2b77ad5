"""How many had joined by when, as the page of each day told it: nothing that somebody who kept every page does not have.

Guarantee: that of `trials.disclosure.releases`, which counts on every page there ever was being kept. Each number here is what
`joined_table` of the moments up to then shows, so the newest equals the table beside it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from trials.disclosure.releases import Column, Moment
from trials.disclosure.tables import LIMIT


@dataclass(frozen=True, slots=True)
class Told:
    """What was told from a day on. rows: by row the sum of its cells shown, None where none is. total: of all of them."""

    on: date
    rows: dict[str, int | None]
    total: int | None


def joined_over_time(
    rows: Sequence[str], columns: Sequence[str], moments: Sequence[tuple[date, Moment]]
) -> tuple[Told, ...]:
    """What was told after each moment, oldest first; a moment that changes nothing has no entry, nor has what a later moment
    of the same day overtakes. The rows have to hold everybody."""
    arms = {
        column: Column(dict.fromkeys(rows, 0), dict.fromkeys(rows, 0), dict.fromkeys(rows, 0)) for column in columns
    }
    found: list[Told] = []
    for on, moment in moments:
        for column in ({place[1] for place in moment.came} | set(moment.told)) & set(columns):
            arms[column].after({row: moment.came.get((row, column), 0) for row in rows}, moment.told.get(column))
        now = _told(on, rows, arms.values())
        if found and found[-1].rows == now.rows:
            continue
        if found and found[-1].on == on:
            found.pop()
        found.append(now)
    return tuple(found)


def _told(on: date, rows: Sequence[str], arms: Collection[Column]) -> Told:
    shown = {row: [arm.floors[row] for arm in arms if arm.floors[row] >= LIMIT] for row in rows}
    sums = {row: sum(counts) if counts else None for row, counts in shown.items()}
    told = [count for count in sums.values() if count is not None]
    return Told(on, sums, sum(told) if told else None)
