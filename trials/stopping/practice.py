"""The learning curve as everybody may see it: staff's minutes per case by weeks of their own practice, in releases.

Guarantee: a point is all minutes over all cases of the weeks that it stands for, and what it grew by since it was last told is
again of FEWEST_STAFF people or more with LIMIT cases or more, of which nobody has more than MOST_OF_ONE. So neither a point nor
the difference of two that were told one after the other is about fewer. It is no statement of probability.
What is not covered: weeks that are sent again with other numbers, or weeks that come out of their order, change points at once.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from trials.disclosure import LIMIT
from trials.stopping.burden import FEWEST_STAFF, MOST_OF_ONE
from trials.stopping.rule import StaffWeek

# Weeks of own practice that a point holds: from here up to the next.
STARTS = (0, 1, 2, 4, 6, 8, 12, 16, 26, 52)


@dataclass(frozen=True, slots=True)
class Practised:
    """A point: those with `first` to `last` weeks of own practice (None = or more) need so many minutes per case."""

    first: int
    last: int | None
    minutes: float


def practised(weeks: Sequence[StaffWeek], today: date) -> tuple[Practised, ...]:
    """The points that may be told, by weeks of practice. weeks: of all staff, in any order; those that are not over by `today`
    don't count. Minutes are whole ones."""
    done = sorted(
        (one for one in weeks if one.cases > 0 and one.week + timedelta(days=7) <= today),
        key=lambda one: (one.week, one.staff),
    )
    found = []
    for first, end in zip(STARTS, (*STARTS[1:], math.inf), strict=True):
        minutes = _released([one for one in done if first <= one.tenure < end])
        if minutes is not None:
            found.append(Practised(first, None if end == math.inf else int(end) - 1, minutes))
    return tuple(found)


def _released(weeks: Sequence[StaffWeek]) -> float | None:
    """The mean as it was last told: whenever enough has come since, calendar week by calendar week."""
    told: float | None = None
    pending: list[StaffWeek] = []
    for at, one in enumerate(weeks):
        pending.append(one)
        last_of_week = at + 1 == len(weeks) or weeks[at + 1].week != one.week
        if last_of_week and _enough(pending):
            so_far = weeks[: at + 1]
            told = float(round(sum(week.minutes for week in so_far) / sum(week.cases for week in so_far)))
            pending = []
    return told


def _enough(weeks: Sequence[StaffWeek]) -> bool:
    cases: Counter[str] = Counter()
    for one in weeks:
        cases[one.staff] += one.cases
    total = sum(cases.values())
    return len(cases) >= FEWEST_STAFF and total >= LIMIT and max(cases.values()) <= MOST_OF_ONE * total
