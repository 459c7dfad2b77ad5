"""The newest delivery of each trial that could be used, for lists of many trials: one query, however many there are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select

from trials.store.deliveries import REGISTER
from trials.store.engine import Store, reading
from trials.store.models import BATCH
from trials.store.quarantine import REPLAY

_MANY = 500  # asked for more trials than this, all are read and the others left out


@dataclass(frozen=True, slots=True)
class Newest:
    """A trial's newest delivery from a site that was not refused, and what it was warned of: its notes and health flags."""

    name: str
    sent_at: datetime
    recorded_at: datetime
    warnings: tuple[str, ...]


def newest_deliveries(store: Store, trials: Collection[str]) -> dict[str, Newest]:
    """By trial that has one. Lists of people, replays and refused deliveries don't count."""
    batch = BATCH.c
    newest = (
        select(batch.trial_id, func.max(batch.seq).label("seq"))
        .where(
            _of(batch.trial_id, trials),
            *(batch.refusal.is_(None), batch.source != REPLAY),
            ~batch.source.startswith(REGISTER, autoescape=True),
        )
        .group_by(batch.trial_id)
        .subquery()
    )
    found = select(batch.trial_id, batch.name, batch.sent_at, batch.recorded_at, batch.warnings).join(
        newest, (newest.c.trial_id == batch.trial_id) & (newest.c.seq == batch.seq)
    )
    with reading(store) as connection:
        return {
            row.trial_id: Newest(row.name, row.sent_at, row.recorded_at, tuple(row.warnings))
            for row in connection.execute(found)
            if row.trial_id in trials
        }


def _of(column: ColumnElement[str], trials: Collection[str]) -> ColumnElement[bool]:
    return column.in_(sorted(trials)) if len(trials) <= _MANY else column.is_not(None)
