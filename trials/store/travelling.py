"""What a page as of an earlier look is made from: the plan it was taken with, and what had been delivered by then."""

from __future__ import annotations

from sqlalchemy import func, select

from trials.evidence import Look
from trials.protocol import Protocol
from trials.store import reading as reads
from trials.store.engine import Store, reading
from trials.store.models import QUARANTINE
from trials.store.plans import plan_with
from trials.store.reading import DeliveryRow

_ALL = 1_000_000


def plan_at(store: Store, look: Look) -> Protocol:
    """The version of the plan that a look was taken with. Raises PlanHashMismatchError."""
    with reading(store) as connection:
        return plan_with(connection, look.trial, look.protocol_sha256)


def deliveries_at(store: Store, look: Look) -> list[DeliveryRow]:
    """What had been received when a look was taken, newest first."""
    return [each for each in reads.deliveries(store, look.trial, _ALL) if each.seq <= look.batch_seq]


def set_aside_at(store: Store, look: Look) -> list[tuple[str, int]]:
    """What `tallies.set_aside_by_delivery` gave then."""
    columns = QUARANTINE.c
    with reading(store) as connection:
        found = connection.execute(
            select(columns.reason, func.count())
            .where(columns.trial_id == look.trial, columns.batch_seq <= look.batch_seq)
            .group_by(columns.batch_seq, columns.reason)
            .order_by(columns.batch_seq, columns.reason)
        )
        return [(reason, rows) for reason, rows in found.tuples()]
