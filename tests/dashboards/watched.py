"""A dated trial at three sites with stopping rules, staff time and progression criteria, for the tests of what is watched."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from tests.dashboards import making
from trials.acts.safety_events import SAFETY_EVENT, SafetyEvent
from trials.acts.staff_time import STAFF_TIME, StaffTimes, WorkedWeek
from trials.protocol import Protocol
from trials.records import Record
from trials.store import acts
from trials.store.engine import Store

TRIAL = "watched"
SITES = [{"id": "N", "name": "North"}, {"id": "S", "name": "South"}, {"id": "W", "name": "West"}]
STOPPING = {
    "recruitment": {"per_month": 60, "grace_months": 0},
    "data_quality": {"missing_at_most": 0.2, "set_aside_at_most": 0.2},
    "staff_time": {"minutes_at_most": 45, "settle_weeks": 4},
    "safety": {"related_at_most": 2},
}


def plan(trial: str = TRIAL, **changes: Any) -> Protocol:
    base = {"sites": SITES, "stopping": STOPPING, "primary": {"follow_up": "1 day"}}
    return making.plan(trial, **(base | changes))


def people(by_site: dict[str, int], *, first: int = 1, day: date = date(2024, 1, 10)) -> list[Record]:
    """So many pairs (one of each arm) at each site, on one day."""
    made, order = [], first
    for site, pairs in by_site.items():
        for _ in range(pairs):
            for arm in ("usual", "call"):
                made.append(Record(order, f"P{order}", site, arm, day, order, None, float(order % 3 == 0)))
                order += 1
    return made


def deliver(store: Store, trial: str, weeks: Iterable[dict[str, int]]) -> None:
    """A delivery a week, each with so many pairs at each site."""
    first = 1
    for week, by_site in enumerate(weeks):
        found = people(by_site, first=first, day=making.START.date() + timedelta(weeks=week))
        making.deliver(store, trial, found, week=week)
        first += len(found)


def report_time(store: Store, trial: str, minutes: dict[int, float], *, staff: int = 4) -> None:
    """What `staff` people needed per case in each of their weeks of practice, 10 cases a week each."""
    rows = tuple(
        WorkedWeek(
            staff=f"S{number}",
            week=date(2024, 1, 1) + timedelta(weeks=tenure),
            tenure=tenure,
            cases=10,
            minutes=10 * per_case,
        )
        for number in range(staff)
        for tenure, per_case in minutes.items()
    )
    acts.act(store, trial, STAFF_TIME, StaffTimes(rows=rows), by="Ann", at=making.START + timedelta(weeks=60))


def report_event(store: Store, trial: str, kind: str, **more: Any) -> None:
    body = SafetyEvent(day=date(2024, 1, 20), serious=True, kind=kind, text="at home", **more)
    acts.act(store, trial, SAFETY_EVENT, body, by="Ann", at=making.START + timedelta(weeks=1))
