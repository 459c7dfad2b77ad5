"""What /metrics and /readyz know of the store: no trial, nobody, nothing by arm. Whoever may ask is settled by who asks."""

from __future__ import annotations

from collections.abc import Mapping
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
    """Whether pages and rounds can do their work. schedule: the rounds' (cron, UTC); '' where none are expected."""
    try:
        found = measuring.ready(desk.store)
    except StoreError:
        return Readiness("away", ("the database does not answer",))
    why = []
    if found.revision != found.ours:
        why.append(f"the database is at revision '{found.revision}', this version's is {found.ours}")
    elif schedule and found.newest is not None:
        why += _slow(found.newest, schedule, now or datetime.now(UTC))
    return Readiness("degraded" if why else "ready", tuple(why), found.revision, found.ours, found.newest)


def _slow(newest: Newest, schedule: str, now: datetime) -> list[str]:
    """What keeps the rounds from going on. One that begins when the one after it is due counts as late."""
    if newest.state == "running":
        silent = now - newest.beat_at
        return ["the round that runs has fallen silent"] if silent > rounds.SILENT else []
    ticks = CronSim(schedule, newest.begun_at.astimezone(UTC))
    due, next_due = next(ticks, None), next(ticks, None)
    late = due is not None and now >= (next_due or due + timedelta(days=1))
    return [
        *(["the newest round failed"] if newest.state == "failed" else []),
        *(["a round was due, and the one after it is due too"] if late else []),
    ]
