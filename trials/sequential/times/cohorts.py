"""Entry cohorts: people who joined one after another, compared among themselves by time since entry.

A cohort is the next `design.cohort` participants of a stratum in the sealed order; an unfinished one waits. Missing people
keep their place and are left out of the risk set. When the planned `design.most` participants are all accounted for, the
unfinished cohorts count as they are. So cohorts depend on the order alone, not on outcomes or arrival.

Why not one risk set by calendar time: when allocation drifts while people join, those who joined lately are mostly of one
arm, and a hazard that changes with time since entry looks like an effect (docs/scripts/time_evidence.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from trials.errors import DataError
from trials.sequential.design import Design, Unit

# arm, time at risk, 1.0 = event; None = missing for good. Lists, so that JSON gives them back as they were.
Member = list[Any] | None
RiskSet = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Completed:
    """The cohorts that unit number `at` completed, as (stratum, risk sets); people with an outcome up to that unit."""

    at: int
    people: int
    cohorts: tuple[tuple[str, list[RiskSet]], ...]


def check(unit: Unit) -> None:
    """Raises DataError for a time or an event flag that means nothing. Missing outcomes pass."""
    if unit.loss is None:
        return
    if not (math.isfinite(unit.loss) and unit.loss > 0):
        raise DataError(f"time == {unit.loss}, must be > 0 and finite: a time at risk. Leave it empty when unknown.")
    if unit.companion not in (0.0, 1.0):
        raise DataError(f"event == {unit.companion}, must be 0 or 1: 1 = the event happened at that time.")


def complete(
    design: Design, waiting: dict[str, list[Member]], seen: int, units: tuple[Unit, ...]
) -> Iterator[Completed]:
    """Puts units into `waiting` (changed in place); yields what they complete. seen: units before these, missing ones too.

    Cohorts in which nobody has an outcome are passed over. Raises DataError as `check` does.
    """
    people = 0
    for at, unit in enumerate(units):
        check(unit)
        people += unit.loss is not None
        queue = waiting.setdefault(unit.stratum, [])
        queue.append(None if unit.loss is None else [unit.arm, float(unit.loss), float(unit.companion)])
        ready = [unit.stratum] if len(queue) >= design.cohort else []
        if seen + at + 1 == design.most:
            ready = sorted(waiting)
        cohorts = tuple((stratum, waiting.pop(stratum)) for stratum in ready)
        counted = tuple((stratum, risk_sets(cohort)) for stratum, cohort in cohorts if any(cohort))
        if counted:
            yield Completed(at, people, counted)


def copied(waiting: dict[str, list[Member]]) -> dict[str, list[Member]]:
    """A copy that `complete` may change. Members are never changed in place."""
    return {stratum: list(queue) for stratum, queue in waiting.items()}


def risk_sets(cohort: list[Member]) -> list[RiskSet]:
    """(n_t, n_c, d_t, d) at each time of an event: treated and controls at risk, treated among the events, events.

    People who were censored at that very time were still at risk. Times at which the arm of an event is no news (one arm
    alone at risk, or everybody has the event) are left out: their factor is 1.
    """
    known = [member for member in cohort if member is not None]
    found = []
    for time in sorted({time for _, time, event in known if event}):
        at_risk = [(arm, at == time and event) for arm, at, event in known if at >= time]
        n_t = sum(arm == "t" for arm, _ in at_risk)
        events = [arm for arm, happened in at_risk if happened]
        n_c, d = len(at_risk) - n_t, len(events)
        if min(n_t, n_c) > 0 and d < n_t + n_c:
            found.append((n_t, n_c, sum(arm == "t" for arm in events), d))
    return found
