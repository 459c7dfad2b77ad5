"""One delivery's rows in the database: what is known of its participants, and what it adds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, func, insert, or_, select

from trials.protocol import Protocol
from trials.records import Checked, Delivery, Enrolled, Receipt, Record, Rejection
from trials.store.merge import Known, Merge, Reading, Repeated, Subject, effective_at, merge
from trials.store.models import BATCH, ENROLMENT, OBSERVATION, QUARANTINE, REPETITION

_CHUNK = 300  # participants per query; three parameters each, well under every database's limit


def known_batch(connection: Connection, delivery: Delivery) -> Receipt | None:
    """The receipt of the same bytes from the same source, when they are in already; else None."""
    row = connection.execute(
        select(BATCH).where(
            BATCH.c.trial_id == delivery.trial,
            BATCH.c.source == _text(delivery.source),
            BATCH.c.content_sha256 == delivery.content_sha256,
        )
    ).one_or_none()
    if row is None:
        return None
    return Receipt(
        trial=delivery.trial,
        name=row.name,
        batch_seq=row.seq,
        action=row.action,
        accepted=0,
        quarantined=0,
        duplicates=row.accepted + row.duplicates,
        corrections=0,
        refusal=row.refusal,
        already_known=True,
    )


def last_seq(connection: Connection, trial_id: str) -> int:
    """The number of the trial's newest delivery; 0 before the first."""
    return connection.scalar(select(func.max(BATCH.c.seq)).where(BATCH.c.trial_id == trial_id)) or 0


def received_at(connection: Connection, trial_id: str, recorded_at: datetime) -> datetime:
    """When a delivery counts as received: never before one that is in already, whatever the clock or the caller says."""
    last = connection.scalar(select(func.max(BATCH.c.recorded_at)).where(BATCH.c.trial_id == trial_id))
    return recorded_at if last is None else max(recorded_at, last)


def merge_delivery(
    connection: Connection, protocol: Protocol, delivery: Delivery, checked: Checked, recorded_at: datetime
) -> Merge:
    """What the accepted rows change, given what the ledger holds of their participants."""
    register: dict[str, Enrolled] = {}
    versions: dict[Subject, list[Known]] = defaultdict(list)
    for part in _chunks(checked.accepted):
        register |= register_rows(connection, protocol.trial, part)
        for subject, known in _versions_of(connection, protocol, [record.participant_id for record in part]):
            versions[subject].append(known)
    return merge(
        protocol,
        checked.accepted,
        register,
        versions,
        _newer_repetitions(connection, protocol, delivery.sent_at),
        sent_at=delivery.sent_at,
        recorded_at=recorded_at,
    )


def with_unfit(delivery: Delivery, checked: Checked, merged: Merge) -> Checked:
    """The checks' result with the rows moved over that the ledger can't take."""
    if not merged.unfit:
        return checked
    cells = {row.row_no: row.cells for row in delivery.rows}
    unfit = {record.row_no: reason for record, reason in merged.unfit}
    moved = [Rejection(number, reason, cells.get(number, {})) for number, reason in unfit.items()]
    return replace(
        checked,
        accepted=tuple(record for record in checked.accepted if record.row_no not in unfit),
        rejected=tuple(sorted((*checked.rejected, *moved), key=lambda rejection: rejection.row_no)),
    )


def register_rows(
    connection: Connection, trial_id: str, records: Sequence[Record] | None = None
) -> dict[str, Enrolled]:
    """The register; with records given only these participants and whoever holds one of their allocation numbers."""
    columns = ENROLMENT.c
    query = select(columns.participant_id, columns.site, columns.arm, columns.enrolled_on, columns.entry_order).where(
        columns.trial_id == trial_id
    )
    if records is not None:
        query = query.where(
            or_(
                columns.participant_id.in_([record.participant_id for record in records]),
                columns.entry_order.in_({record.entry_order for record in records} - {None}),
            )
        )
    return {row[0]: Enrolled(*row) for row in connection.execute(query).tuples()}


def _versions_of(
    connection: Connection, protocol: Protocol, participants: Sequence[str]
) -> Iterator[tuple[Subject, Known]]:
    columns = OBSERVATION.c
    version = (columns.rev, columns.value, columns.sent_at, columns.effective_at, columns.companion)
    found = connection.execute(
        select(columns.participant_id, columns.measure, *version)
        .where(
            columns.trial_id == protocol.trial,
            columns.measure.in_(measures_of(protocol)),
            columns.participant_id.in_(participants),
        )
        .order_by(columns.participant_id, columns.measure, columns.rev)
    )
    for name, measure, *known in found.tuples():
        yield (name, measure), Known(*known)


def measures_of(protocol: Protocol) -> tuple[str, ...]:
    """The measures whose values are stored: the primary one first, then the guardrails in the plan's order."""
    return (protocol.primary.measure, *(guardrail.measure for guardrail in protocol.guardrails))


def _newer_repetitions(connection: Connection, protocol: Protocol, sent_at: datetime) -> dict[Subject, Repeated]:
    """Per participant and measure the oldest repetition in deliveries sent after this one: nothing, unless it is late."""
    found = connection.execute(
        select(BATCH.c.sent_at, BATCH.c.recorded_at, REPETITION.c.readings)
        .join(REPETITION, (REPETITION.c.trial_id == BATCH.c.trial_id) & (REPETITION.c.batch_seq == BATCH.c.seq))
        .where(BATCH.c.trial_id == protocol.trial, BATCH.c.sent_at > sent_at)
        .order_by(BATCH.c.sent_at, BATCH.c.seq)
    )
    oldest: dict[Subject, Repeated] = {}
    for sent, recorded, readings in found.tuples():
        when = effective_at(sent, recorded)
        for name, said in readings.items():
            for measure, reading in _by_measure(protocol, said).items():
                oldest.setdefault((name, measure), Repeated(reading, sent, when))
    return oldest


def _by_measure(protocol: Protocol, said: dict[str, list[float | None]] | float | None) -> dict[str, Reading]:
    """What a participant's row repeated. A bare value is the primary measure's, as it was written before r0002."""
    if not isinstance(said, dict):
        return {protocol.primary.measure: (said, None)}
    return {measure: (value, companion) for measure, (value, companion) in said.items()}


def insert_batch(connection: Connection, delivery: Delivery, receipt: Receipt, recorded_at: datetime) -> None:
    """Append the delivery itself, with its counts."""
    connection.execute(
        insert(BATCH).values(
            trial_id=delivery.trial,
            seq=receipt.batch_seq,
            source=_text(delivery.source),
            name=_text(delivery.name),
            content_sha256=delivery.content_sha256,
            sent_at=delivery.sent_at,
            recorded_at=recorded_at,
            action=receipt.action,
            accepted=receipt.accepted,
            quarantined=receipt.quarantined,
            duplicates=receipt.duplicates,
            corrections=receipt.corrections,
            refusal=None if receipt.refusal is None else _text(receipt.refusal),
            warnings=list(receipt.warnings),
        )
    )


def insert_rows(connection: Connection, protocol: Protocol, seq: int, checked: Checked, merged: Merge) -> None:
    """Append what the delivery adds: participants, versions, quarantined rows, repetitions."""
    key = {"trial_id": protocol.trial, "batch_seq": seq}
    if merged.enrolments:
        connection.execute(
            insert(ENROLMENT),
            [
                {
                    **key,
                    "participant_id": record.participant_id,
                    "site": record.site,
                    "arm": record.arm,
                    "enrolled_on": record.enrolled_on,
                    "entry_order": record.entry_order,
                    "order_key": place,
                }
                for place, record in merged.enrolments
            ],
        )
    if merged.versions:
        connection.execute(
            insert(OBSERVATION),
            [
                {
                    **key,
                    "measure": added.measure,
                    "participant_id": added.participant_id,
                    "rev": added.version.rev,
                    "observed_on": added.observed_on,
                    "value": added.version.value,
                    "companion": added.version.companion,
                    "sent_at": added.version.sent_at,
                    "effective_at": added.version.effective_at,
                }
                for added in merged.versions
            ],
        )
    if checked.rejected:
        connection.execute(
            insert(QUARANTINE),
            [
                {**key, "row_no": row.row_no, "reason": _text(row.reason), "cells": dict(row.cells)}
                for row in checked.rejected
            ],
        )
    if merged.repetitions:
        connection.execute(insert(REPETITION).values(**key, readings=merged.repetitions))


def receipt_of(delivery: Delivery, checked: Checked, merged: Merge, seq: int) -> Receipt:
    """What the sender hears."""
    return Receipt(
        trial=delivery.trial,
        name=delivery.name,
        batch_seq=seq,
        action=checked.action,
        accepted=merged.accepted,
        quarantined=0 if checked.refusal is not None else len(checked.rejected),
        duplicates=merged.duplicates,
        corrections=merged.corrections,
        reasons=() if checked.refusal is not None else checked.rejected,
        warnings=checked.warnings,
        refusal=checked.refusal,
    )


def _chunks(records: Sequence[Record]) -> Iterable[Sequence[Record]]:
    return (records[start : start + _CHUNK] for start in range(0, len(records), _CHUNK))


def _text(text: str) -> str:
    """Text that every database takes: PostgreSQL has no NUL."""
    return text.replace("\x00", "␀")
