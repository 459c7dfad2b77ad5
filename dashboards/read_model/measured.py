"""What /metrics and /readyz know of the store: no trial, nobody, nothing by arm. Whoever may ask is settled by who asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from cronsim import CronSim

from dashboards.read_model.desk import Desk
from trials.errors import StoreError
from trials.store import measuring, rounds
from trials.store.measuring import Measured, Newest

__all__ = ["Measured", "Newest", "Readiness", "measured", "readiness"]

Status = Literal["ready", "degraded", "away"]


@dataclass(frozen=True, slots=True)
class Readiness:
    """away: the database does not answer. degraded: it does, and something keeps the rounds from going on; why: sentences."""

    status: Status
    why: tuple[str, ...]
    revision: str = ""
    expected: str = ""
    newest: Newest | None = None

    def to_json(self, now: datetime) -> Mapping[str, Any]:
        """Times in ISO 8601, ages in seconds."""
        one = self.newest
        about = None if one is None else {"state": one.state, "begun_at": one.begun_at.isoformat(), "age_seconds": 0.0}
        if one is not None and about is not None:
            about["age_seconds"] = round(max(0.0, (now - one.begun_at).total_seconds()), 1)
        database = {"answers": self.status != "away", "revision": self.revision, "expected": self.expected}
        return {"status": self.status, "why": list(self.why), "database": database, "round": about}


def measured(desk: Desk) -> Measured:
    """What is measured now. Raises StoreError."""
    return measuring.measured(desk.store)


def readiness(desk: Desk, schedule: str, now: datetime | None = None) -> Readiness:
    """Whether pages and rounds can do their work. schedule: the rounds' (cron, UTC, or `every NUMBER minutes`); '' where none
    are expected here: then none is late, and how the newest ended is judged all the same."""
    try:
        found = measuring.ready(desk.store)
        why = []
        if found.revision != found.ours:
            why.append(f"the database is at revision '{found.revision}', this version's is {found.ours}")
        else:
            why += _wrong(rounds.listed(desk.store, 2), schedule, now or datetime.now(UTC))
    except StoreError:
        return Readiness("away", ("the database does not answer",))
    return Readiness("degraded" if why else "ready", tuple(why), found.revision, found.ours, found.newest)


def _wrong(listed: Sequence[rounds.Round], schedule: str, now: datetime) -> list[str]:
    """What keeps the rounds from going on. listed: the newest, the newest first. What one came to stands until another ends."""
    why = []
    ended = next((one for one in listed if one.state != "running"), None)
    if ended is not None and ended.state in ("failed", "interrupted"):
        why.append(f"the newest round {'failed' if ended.state == 'failed' else 'was interrupted'}")
    if listed and listed[0].state == "running":
        if abs(now - listed[0].beat_at) > rounds.SILENT:
            why.append("the round that runs has fallen silent")
    elif listed and schedule and _is_late(listed[0].begun_at, schedule, now):
        why.append("a round was due, and the one after it is due too")
    return why


def _is_late(begun_at: datetime, schedule: str, now: datetime) -> bool:
    """One that begins when the one after it is due counts as late."""
    if schedule.startswith("every "):
        return now >= begun_at + 2 * timedelta(minutes=float(schedule.split()[1]))
    ticks = CronSim(schedule, begun_at.astimezone(UTC))
    due, next_due = next(ticks, None), next(ticks, None)
    return due is not None and now >= (next_due or due + timedelta(days=1))
