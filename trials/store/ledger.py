"""The ledger: one transaction per fact. A delivery's rows, the method's state, its cursor and the look commit together.

Nothing is updated: a correction is a new version, and `recompute` takes any past look again, to the last bit.
Plans are facts too: `register`, `seal` and `sealed_protocol` come from `trials.store.plans`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import select

from trials.evidence import Look
from trials.records import Checked, Delivery, Enrolled, Receipt
from trials.store.deliveries import (
    insert_batch,
    insert_rows,
    known_batch,
    last_seq,
    merge_delivery,
    receipt_of,
    received_at,
    register_rows,
    with_unfit,
)
from trials.store.engine import Store, reading, writing
from trials.store.looks import insert_look, next_look, past_look
from trials.store.merge import Merge
from trials.store.models import BATCH
from trials.store.plans import must_be_aware, register, seal, sealed_plan, sealed_protocol, touch

__all__ = [
    "known_contents",
    "recompute",
    "record",
    "register",
    "register_of",
    "seal",
    "sealed_protocol",
    "take_look",
]


def record(store: Store, delivery: Delivery, checked: Checked, *, recorded_at: datetime, as_of: datetime) -> Receipt:
    """Put one checked delivery in and take a look: everything in one transaction, or nothing of it.

    The same bytes from the same source again change nothing, whoever sends them and however many at once. Rows
    that contradict what another delivery registered meanwhile are quarantined. Time never goes back: a delivery counts as
    received no earlier than the one before it, and as sent no later than it was received; the look is taken at the last
    look's time if that is later. Raises what `sealed_protocol` does; what the analysis raises.
    """
    must_be_aware(recorded_at=recorded_at, as_of=as_of, sent_at=delivery.sent_at)
    with writing(store, delivery.trial) as connection:
        protocol, sha256 = sealed_plan(connection, delivery.trial)
        known = known_batch(connection, delivery)
        if known is not None:
            return known
        seq = last_seq(connection, delivery.trial) + 1
        recorded_at = received_at(connection, delivery.trial, recorded_at)
        delivery = replace(delivery, sent_at=min(delivery.sent_at, recorded_at))
        merged = Merge()
        if checked.refusal is None:
            merged = merge_delivery(connection, protocol, delivery, checked, recorded_at)
            checked = with_unfit(delivery, checked, merged)
        receipt = receipt_of(delivery, checked, merged, seq)
        insert_batch(connection, delivery, receipt, recorded_at)
        touch(connection, delivery.trial)
        if checked.refusal is not None:
            return receipt
        insert_rows(connection, protocol, seq, checked, merged)
        _, progress, look = next_look(connection, protocol, sha256, seq, as_of, merged.changed)
        insert_look(connection, progress, look, recorded_at)
        return replace(receipt, look_number=look.number)


def take_look(store: Store, trial_id: str, *, recorded_at: datetime, as_of: datetime) -> Look:
    """A look without new rows. When it says what the last one said, that one is returned and nothing is written.

    Raises what `sealed_protocol` does.
    """
    must_be_aware(recorded_at=recorded_at, as_of=as_of)
    with writing(store, trial_id) as connection:
        protocol, sha256 = sealed_plan(connection, trial_id)
        last, progress, look = next_look(
            connection, protocol, sha256, last_seq(connection, trial_id), as_of, changed=None
        )
        if last is not None and last == replace(look, number=last.number, as_of=last.as_of, batch_seq=last.batch_seq):
            return last
        insert_look(connection, progress, look, recorded_at)
        touch(connection, trial_id)
        return look


def recompute(store: Store, trial_id: str, number: int) -> Look:
    """A past look taken again from the ledger's history: equal to the stored one to the last bit on the same code version.

    Raises what `sealed_protocol` does, and StoreError when there is no such look.
    """
    with reading(store) as connection:
        protocol, sha256 = sealed_plan(connection, trial_id)
        return past_look(connection, protocol, sha256, number)


def known_contents(store: Store, trial_id: str, source: str) -> frozenset[str]:
    """SHA-256 of every delivery from that source that is in, accepted or refused."""
    with reading(store) as connection:
        found = connection.execute(
            select(BATCH.c.content_sha256).where(BATCH.c.trial_id == trial_id, BATCH.c.source == source)
        )
        return frozenset(found.scalars())


def register_of(store: Store, trial_id: str) -> dict[str, Enrolled]:
    """Everyone the trial has enrolled, by participant_id."""
    with reading(store) as connection:
        return register_rows(connection, trial_id)
