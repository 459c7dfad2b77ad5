"""The ledger: one transaction per fact. A delivery's rows, the method's state, its cursor and the look commit together.

Nothing is updated: a correction is a new version, and `recompute` takes any past look again, to the last bit.
Plans are facts too: `register`, `seal` and `sealed_protocol` come from `trials.store.plans`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, exists, insert, select

from trials.evidence import Look
from trials.memory import collecting_later
from trials.protocol import Protocol
from trials.records import Checked, Delivery, Receipt, Register
from trials.store import chain
from trials.store.additions import Additions
from trials.store.deliveries import (
    Inbox,
    Seal,
    as_judged_again,
    as_received,
    as_said_again,
    batch_row,
    bind_key,
    bound_key,
    has_register,
    insert_rows,
    judged_again,
    known_batch,
    last_seq,
    merge_delivery,
    receipt_of,
    received_at,
    register_rows,
    with_corrections,
    with_unfit,
)
from trials.store.digests import told
from trials.store.engine import Store, give_room, reading, writing
from trials.store.looks import insert_look, next_look, past_look
from trials.store.models import BATCH, TRIAL
from trials.store.plans import must_be_aware, register, seal, sealed_plan, sealed_protocol, sealed_protocols, touch

# Told what became of deliveries inside their transaction.
Also = Callable[[Connection, list[Receipt]], None]

__all__ = [
    "arrived",
    "inbox",
    "key_of",
    "keys_of",
    "known_receipt",
    "preview",
    "recompute",
    "record",
    "record_all",
    "register",
    "register_of",
    "seal",
    "sealed_protocol",
    "sealed_protocols",
    "take_look",
    "watermark_of",
]


_MANY = 5_000  # rows of a delivery that is a large one


def record(
    store: Store,
    delivery: Delivery,
    checked: Checked,
    *,
    recorded_at: datetime,
    as_of: datetime,
    key: str | None = None,
    seal: Seal | None = None,
    now: datetime | None = None,
) -> Receipt:
    """`record_all` for one delivery."""
    both = [(delivery, checked)]
    return record_all(store, both, recorded_at=recorded_at, as_of=as_of, key=key, seal=seal, now=now)[0]


def record_all(
    store: Store,
    judged: Sequence[tuple[Delivery, Checked]],
    *,
    recorded_at: datetime,
    as_of: datetime,
    key: str | None = None,
    seal: Seal | None = None,
    also: Also | None = None,
    now: datetime | None = None,
) -> list[Receipt]:
    """Put checked deliveries of one trial in, oldest first, and take one look: everything in one transaction, or nothing.

    key: the fingerprint of the key that the ids were hidden with; the first one binds the trial to it. The same bytes from
    the same source again change nothing, whoever sends them and however many at once. Rows that contradict what another
    delivery registered meanwhile are quarantined. Time never goes back: a delivery counts as received no earlier than the
    one before it, and as sent no later than it was received; the look is taken at the last look's time if that is later.
    seal: encrypts the cells of rows that are set aside here. also: told the receipts inside the transaction; what it raises
    undoes everything. now: what our own clock says, for the chain alone; asked if left out.

    Raises what `sealed_protocol` does; StoreError for another key; what the analysis raises.
    """
    if key is not None and seal is None:
        raise ValueError("ids are hidden, so rows that are set aside here must be sealed too: seal is missing")
    must_be_aware(recorded_at=recorded_at, as_of=as_of, sent_at=min(one.sent_at for one, _ in judged))
    [trial] = {delivery.trial for delivery, _ in judged}
    rows = sum(len(checked.accepted) for _, checked in judged)
    with collecting_later(rows), writing(store, trial, "collect") as connection:
        if rows > _MANY:
            give_room(connection)
        protocol, sha256 = sealed_plan(connection, trial)
        bind_key(connection, trial, key)
        receipts: list[Receipt] = []
        changed: str | None = None
        for delivery, checked in judged:
            receipt, touched = _put(connection, protocol, delivery, checked, recorded_at, seal, now)
            receipts.append(receipt)
            changed = touched if changed is None else min(changed, touched or changed)
        fresh = [receipt for receipt in receipts if not receipt.already_known]
        if not fresh:
            return receipts
        if also is not None:
            also(connection, receipts)
        touch(connection, trial)
        if all(receipt.refusal is not None for receipt in fresh):
            return receipts
        _, progress, look = next_look(connection, protocol, sha256, last_seq(connection, trial), as_of, changed)
        insert_look(connection, progress, look, received_at(connection, trial, recorded_at), now)
        return [
            receipt
            if receipt.already_known or receipt.refusal is not None
            else replace(receipt, look_number=look.number)
            for receipt in receipts
        ]


def _put(
    connection: Connection,
    protocol: Protocol,
    delivery: Delivery,
    checked: Checked,
    recorded_at: datetime,
    seal: Seal | None,
    now: datetime | None,
) -> tuple[Receipt, str | None]:
    """One delivery's rows; its receipt, and the smallest order key of the people whom it changed."""
    recorded_at = received_at(connection, delivery.trial, recorded_at)
    delivery = _arrived(connection, delivery, checked, recorded_at)
    known = known_batch(connection, delivery)
    if known is not None:
        return known, None
    seq = last_seq(connection, delivery.trial) + 1
    checked, additions = _merged(connection, protocol, delivery, checked, recorded_at, seal)
    receipt = receipt_of(delivery, checked, additions, seq)
    row = batch_row(delivery, receipt, recorded_at)
    connection.execute(insert(BATCH).values(trial_id=delivery.trial, **row))
    digests = {} if checked.refusal is not None else insert_rows(connection, protocol, seq, checked, additions)
    key = bound_key(connection, delivery.trial)
    chain.append(
        connection, delivery.trial, "delivery", {"batch": told("batch", row), "rows": digests, "key": key}, now
    )
    return receipt, additions.changed


def _arrived(connection: Connection, delivery: Delivery, checked: Checked, recorded_at: datetime) -> Delivery:
    """The delivery with the time and under the name by which the ledger knows it, or would."""
    delivery = as_said_again(connection, as_received(delivery, recorded_at))
    return as_judged_again(connection, delivery, checked.refusal)


def _merged(
    connection: Connection,
    protocol: Protocol,
    delivery: Delivery,
    checked: Checked,
    recorded_at: datetime,
    seal: Seal | None,
) -> tuple[Checked, Additions]:
    """What the delivery came to beside what the ledger holds, and what it adds; of a refused one nothing."""
    if checked.refusal is not None:
        return checked, Additions()
    additions = merge_delivery(connection, protocol, delivery, checked, recorded_at)
    return with_corrections(with_unfit(delivery, checked, additions, seal), additions), additions


def known_receipt(store: Store, delivery: Delivery) -> Receipt | None:
    """What `record` would answer if the delivery was accepted already, so that nobody need judge it again; else None."""
    with reading(store) as connection:
        known = known_batch(connection, as_said_again(connection, delivery))
        return None if known is None or known.refusal is not None else known


def preview(store: Store, delivery: Delivery, checked: Checked, *, recorded_at: datetime) -> Receipt:
    """What `record` would answer, without storing anything. Its batch_seq is 0."""
    must_be_aware(recorded_at=recorded_at, sent_at=delivery.sent_at)
    with reading(store) as connection:
        protocol, _ = sealed_plan(connection, delivery.trial)
        recorded_at = received_at(connection, delivery.trial, recorded_at)
        delivery = _arrived(connection, delivery, checked, recorded_at)
        known = known_batch(connection, delivery)
        if known is not None:
            return known
        checked, additions = _merged(connection, protocol, delivery, checked, recorded_at, seal=None)
        return receipt_of(delivery, checked, additions, 0)


def take_look(
    store: Store, trial_id: str, *, recorded_at: datetime, as_of: datetime, now: datetime | None = None
) -> Look:
    """A look without new rows. When it says what the last one said, that one is returned and nothing is written.

    Raises what `sealed_protocol` does.
    """
    must_be_aware(recorded_at=recorded_at, as_of=as_of)
    with writing(store, trial_id, "collect") as connection:
        protocol, sha256 = sealed_plan(connection, trial_id)
        last, progress, look = next_look(
            connection, protocol, sha256, last_seq(connection, trial_id), as_of, changed=None
        )
        if last is not None and last == replace(look, number=last.number, as_of=last.as_of, batch_seq=last.batch_seq):
            return last
        insert_look(connection, progress, look, recorded_at, now)
        touch(connection, trial_id)
        return look


def recompute(store: Store, trial_id: str, number: int) -> Look:
    """A past look taken again from the ledger's history, with the version of the plan that it rests on: equal to the stored
    one to the last bit on the same code version.

    Raises what `sealed_protocol` does, and StoreError when there is no such look.
    """
    with reading(store) as connection:
        return past_look(connection, trial_id, number)


def inbox(store: Store, trial_id: str, source: str) -> Inbox:
    """What was accepted from a source.

    What was refused is not among it, unless it was accepted since: it is read and judged again, as the cause may be gone.
    """
    return arrived(store, {trial_id: source})[trial_id][0]


def arrived(store: Store, sources: Mapping[str, str]) -> dict[str, tuple[Inbox, str | None]]:
    """Per trial what `inbox` and `watermark_of` give of its source, in one query."""
    columns = BATCH.c
    rows: dict[str, list[Row[Any]]] = {trial: [] for trial in sources}
    asked = select(
        *(columns.trial_id, columns.source, columns.content_sha256, columns.sent_at, columns.seq),
        *(columns.refusal.is_not(None).label("refused"), columns.name, columns.watermark),
    )
    with reading(store) as connection:
        for row in connection.execute(
            asked.where(columns.trial_id.in_(list(sources)), columns.source.in_({*sources.values()})).order_by(
                columns.trial_id, columns.seq
            )
        ):
            if row.source == sources[row.trial_id]:
                rows[row.trial_id].append(row)
    return {trial: (_inbox_of(found), _watermark_in(found)) for trial, found in rows.items()}


def _inbox_of(found: Sequence[Row[Any]]) -> Inbox:
    rows = {row.content_sha256: row for row in found}
    accepted = {}
    for content, row in rows.items():
        last: Row[Any] | None = row
        while last is not None and last.refused:
            last = rows.get(judged_again(last.content_sha256, last.seq))
        if last is not None:
            accepted[content] = row.sent_at
    newest = {row.name: row.content_sha256 for row in found if not row.refused}
    return Inbox(accepted, newest, frozenset(rows))


def _watermark_in(found: Sequence[Row[Any]]) -> str | None:
    told = (row.watermark for row in reversed(found) if not row.refused and row.watermark is not None)
    return next(told, None)


def register_of(store: Store, trial_id: str) -> Register:
    """Everyone the trial has enrolled, by participant_id; closed once a list of them was loaded."""
    with reading(store) as connection:
        return Register(register_rows(connection, trial_id), closed=has_register(connection, trial_id))


def key_of(store: Store, trial_id: str) -> tuple[str | None, bool]:
    """(fingerprint of the key that the trial's ids are hidden with, whether the ids are plain: it began before keys)."""
    return keys_of(store, [trial_id]).get(trial_id, (None, False))


def keys_of(store: Store, trials: Collection[str]) -> dict[str, tuple[str | None, bool]]:
    """What `key_of` gives for each trial that was registered, in one query."""
    begun = exists().where(BATCH.c.trial_id == TRIAL.c.id)
    with reading(store) as connection:
        found = connection.execute(
            select(TRIAL.c.id, TRIAL.c.key_fingerprint, begun).where(TRIAL.c.id.in_(list(trials)))
        )
        return {trial: (key, bool(is_begun)) for trial, key, is_begun in found.tuples()}


def watermark_of(store: Store, trial_id: str, source: str) -> str | None:
    """What the newest accepted delivery of a source asked to be told next time."""
    return arrived(store, {trial_id: source})[trial_id][1]
