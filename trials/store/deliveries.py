"""One delivery's rows in the database: what is known of its participants, and what it adds."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, String, bindparam, func, insert, select, text, update
from sqlalchemy import column as column_

from trials.acts.act import CLOSED
from trials.acts.erasing import ERASED
from trials.comparing import beside
from trials.errors import StoreError
from trials.protocol import Protocol, sha256_text
from trials.records import Checked, Delivery, Enrolled, Receipt, Records, Rejection
from trials.store.additions import Additions, added
from trials.store.bulk import append_columns, wanted
from trials.store.digests import Digest, rows_digest
from trials.store.fresh import taken
from trials.store.intake import Intake, closed_at
from trials.store.merge import LAST_ENTRY, Known, Reading, Repeated, Subject, effective_at, merge
from trials.store.models import ACT, BATCH, ENROLMENT, OBSERVATION, QUARANTINE, REPETITION, TRIAL

# Encrypts a row's cells under the trial's key (`pseudonyms.Pseudonyms.seal`).
Seal = Callable[[Mapping[str, str]], dict[str, str]]


def said_again(content_sha256: str, sent_at: datetime) -> str:
    """How the ledger names bytes that were in already, when their sender says that they were sent again later."""
    return sha256_text(f"{content_sha256} sent again {sent_at.astimezone(UTC).isoformat()}")


def judged_again(content_sha256: str, seq: int) -> str:
    """How the ledger names bytes that were refused as delivery `seq` and came to something else when they were judged again."""
    return sha256_text(f"{content_sha256} judged again after {seq}")


@dataclass(frozen=True, slots=True)
class Inbox:
    """What came from one source. accepted: content -> when it was sent; newest: name of a file -> its content, as it last came;
    seen: all contents, also those that were refused."""

    accepted: Mapping[str, datetime]
    newest: Mapping[str, str]
    seen: frozenset[str]

    def holds(self, content: str, sent_at: datetime, *, dated: bool, name: str) -> bool:
        """Whether bytes are in already and nobody says them again: by a later date, or in a file that held others since."""
        before = self.accepted.get(content)
        if before is None or sent_at <= before or not (dated or self.newest.get(name, content) != content):
            return before is not None
        return said_again(content, sent_at) in self.accepted


def as_received(delivery: Delivery, recorded_at: datetime) -> Delivery:
    """The delivery as sent no later than it was received; a date in the future is no date that its sender can have meant."""
    if delivery.sent_at <= recorded_at:
        return delivery
    return replace(delivery, sent_at=recorded_at, dated=False)


def as_said_again(connection: Connection, delivery: Delivery) -> Delivery:
    """The delivery under a name of its own, if the same bytes are in and are said again: A, B, A is back at A.

    Its sender says so by a later date in its name (or --sent-at), or by a file that held something else in between.
    """
    before = _batch(connection, delivery)
    if before is None or before.refusal is not None or delivery.sent_at <= before.sent_at:
        return delivery
    if not delivery.dated and _newest_of(connection, delivery) in (None, delivery.content_sha256):
        return delivery
    return replace(delivery, content_sha256=said_again(delivery.content_sha256, delivery.sent_at))


def _newest_of(connection: Connection, delivery: Delivery) -> str | None:
    """The content that came last under the delivery's name from its source, if it was accepted."""
    columns = BATCH.c
    return connection.scalar(
        select(columns.content_sha256)
        .where(
            columns.trial_id == delivery.trial,
            columns.source == _text(delivery.source),
            columns.name == _text(delivery.name),
            columns.refusal.is_(None),
        )
        .order_by(columns.seq.desc())
        .limit(1)
    )


def as_judged_again(connection: Connection, delivery: Delivery, refusal: str | None) -> Delivery:
    """The delivery under a name of its own, if the same bytes were refused before and now come to something else.

    A refusal may lie in a file's name, a limit or a list that was still to come: its cause can go while the bytes stay.
    """
    while (before := _batch(connection, delivery)) is not None and before.refusal not in (None, refusal):
        delivery = replace(delivery, content_sha256=judged_again(delivery.content_sha256, before.seq))
    return delivery


def known_batch(connection: Connection, delivery: Delivery) -> Receipt | None:
    """The receipt of the same bytes from the same source, when they are in already; else None."""
    row = _batch(connection, delivery)
    if row is None:
        return None
    return Receipt(
        trial=delivery.trial,
        name=delivery.name,
        batch_seq=row.seq,
        action=row.action,
        accepted=0,
        quarantined=0,
        duplicates=row.accepted + row.duplicates,
        corrections=0,
        refusal=row.refusal,
        already_known=True,
    )


def _batch(connection: Connection, delivery: Delivery) -> Row[Any] | None:
    return connection.execute(
        select(BATCH).where(
            BATCH.c.trial_id == delivery.trial,
            BATCH.c.source == _text(delivery.source),
            BATCH.c.content_sha256 == delivery.content_sha256,
        )
    ).one_or_none()


def last_seq(connection: Connection, trial_id: str) -> int:
    """The number of the trial's newest delivery; 0 before the first."""
    return connection.scalar(select(func.max(BATCH.c.seq)).where(BATCH.c.trial_id == trial_id)) or 0


def received_at(connection: Connection, trial_id: str, recorded_at: datetime) -> datetime:
    """When a delivery counts as received: never before one that is in already, whatever the clock or the caller says."""
    last = connection.scalar(
        # The newest was received no earlier than any before it: this very rule.
        select(BATCH.c.recorded_at).where(BATCH.c.trial_id == trial_id).order_by(BATCH.c.seq.desc()).limit(1)
    )
    return recorded_at if last is None else max(recorded_at, last)


def merge_delivery(
    connection: Connection, protocol: Protocol, delivery: Delivery, checked: Checked, recorded_at: datetime
) -> Additions:
    """What the accepted rows change, given what the ledger holds of their participants."""
    records = Records.of(checked.accepted)
    register = _register_of(connection, protocol.trial, records)
    versions = _versions_of(connection, protocol, [name for name in {*records.participant_id} if name in register])
    newer = _newer_repetitions(connection, protocol, delivery.sent_at)
    busy = {name for name, _ in versions} | {name for name, _ in newer}
    at = {"sent_at": delivery.sent_at, "recorded_at": recorded_at}
    intake = _intake_of(connection, delivery, recorded_at)
    fresh, rest = taken(protocol, records, register, busy, **at, intake=intake)
    return added(fresh, merge(protocol, rest, register, versions, newer, **at, intake=intake))


def _intake_of(connection: Connection, delivery: Delivery, recorded_at: datetime) -> Intake:
    """Whom the delivery may still enrol. What was sent before the trial was closed is of people who had joined by then."""
    trial = TRIAL.c
    listed, state = connection.execute(
        select(_registered(connection, [delivery.trial]).exists(), trial.state).where(trial.id == delivery.trial)
    ).one()
    listed = bool(listed) and not delivery.source.startswith(REGISTER)
    ended = closed_at(connection, delivery.trial) if state in CLOSED else None
    if ended is not None and effective_at(delivery.sent_at, recorded_at) < ended:
        ended = None
    return Intake(listed, None if ended is None else ended.astimezone(UTC).date())


# A batch whose source begins so is the trial's list of people (`roadtest enrol`).
REGISTER = "register:"


def has_register(connection: Connection, trial_id: str) -> bool:
    """Whether the trial's list of people was loaded, so that nobody else is in it."""
    return trial_id in listed_trials(connection, [trial_id])


def listed_trials(connection: Connection, trials: Collection[str]) -> frozenset[str]:
    """Those of the trials whose list of people was loaded."""
    return frozenset(connection.scalars(_registered(connection, trials).distinct()))


def _registered(connection: Connection, trials: Collection[str]) -> Select[Any]:
    source = BATCH.c.source
    # SQLite compares by code point, and so finds what begins alike by its index; PostgreSQL may order by a language.
    begins = (
        (source >= REGISTER) & (source < REGISTER[:-1] + chr(ord(REGISTER[-1]) + 1))
        if connection.dialect.name == "sqlite"
        else source.startswith(REGISTER)
    )
    return select(BATCH.c.trial_id).where(BATCH.c.trial_id.in_(list(trials)), begins, BATCH.c.refusal.is_(None))


def bound_key(connection: Connection, trial_id: str) -> str | None:
    """The fingerprint of the key that the trial's ids are hidden with; None before the first."""
    return connection.scalar(select(TRIAL.c.key_fingerprint).where(TRIAL.c.id == trial_id))


# The key that a trial is bound to, and when it was destroyed, if it was.
_BOUND = select(
    TRIAL.c.key_fingerprint,
    select(func.max(ACT.c.at)).where(ACT.c.trial_id == TRIAL.c.id, ACT.c.kind == ERASED.name).scalar_subquery(),
).where(TRIAL.c.id == bindparam("trial"))


def bind_key(connection: Connection, trial_id: str, key: str | None) -> None:
    """Binds a trial to its key with its first delivery. Raises StoreError when ids were hidden with another one."""
    bound, erased = connection.execute(_BOUND, {"trial": trial_id}).one()
    if erased is not None:
        raise StoreError(
            f"{trial_id}: its key was destroyed on {erased:%Y-%m-%d}, must be there to tell whose rows these are. Nothing is "
            "taken in any more; take the file out of the source."
        )
    if key == bound:
        return
    if bound is None and last_seq(connection, trial_id) == 0:
        connection.execute(update(TRIAL).where(TRIAL.c.id == trial_id).values(key_fingerprint=key))
        return
    raise StoreError(
        f"{trial_id} began with the key {bound or 'none (plain ids)'}, must go on with it; this delivery was read with "
        f"{key or 'none'}. Restore the trial's key file."
    )


def with_corrections(checked: Checked, additions: Additions) -> Checked:
    """The checks' result with a word on rows that changed what was known before."""
    if not additions.corrections:
        return checked
    few = additions.corrections == 1
    said = f"{additions.corrections} row{'' if few else 's'} corrected an earlier value; the old one is kept in the history"
    return replace(checked, warnings=(*checked.warnings, said))


def with_unfit(delivery: Delivery, checked: Checked, additions: Additions, seal: Seal | None = None) -> Checked:
    """The checks' result with the rows moved over that the ledger can't take. seal: encrypts their cells."""
    if not additions.unfit:
        return checked
    unfit = {record.row_no: reason for record, reason in additions.unfit}
    cells = {row.row_no: row.cells for row in delivery.rows if row.row_no in unfit}
    kept = cells if seal is None else {number: seal(said) for number, said in cells.items()}
    moved = [Rejection(number, reason, kept.get(number, {})) for number, reason in unfit.items()]
    return replace(
        checked,
        accepted=tuple(record for record in checked.accepted if record.row_no not in unfit),
        rejected=tuple(sorted((*checked.rejected, *moved), key=lambda rejection: rejection.row_no)),
    )


_WHO = (
    ENROLMENT.c.participant_id,
    ENROLMENT.c.site,
    ENROLMENT.c.arm,
    ENROLMENT.c.enrolled_on,
    ENROLMENT.c.entry_order,
    func.coalesce(ENROLMENT.c.spelling, ""),
)


def register_rows(connection: Connection, trial_id: str) -> dict[str, Enrolled]:
    """The register: everybody who is enrolled."""
    found = connection.execute(select(*_WHO).where(ENROLMENT.c.trial_id == trial_id))
    return {row[0]: Enrolled(*row) for row in found.tuples()}


# SQLite would rather read a whole trial than look a list of numbers up in another index than the primary key's: in a CROSS
# JOIN the list comes first.
_LISTED = {
    "sqlite": "(SELECT json_extract(value, '$[0]') AS trial, json_extract(value, '$[1]') AS key FROM json_each(:keys))"
    " AS k CROSS JOIN enrolment AS e",
    "postgresql": "unnest(CAST(:trials AS text[]), CAST(:keys AS {kind}[])) AS k (trial, key), enrolment AS e",
}
_KINDS = {"participant_id": "text", "entry_order": "integer"}


def people_by(
    connection: Connection, column: str, keys: Sequence[tuple[str, str | int]]
) -> dict[str, dict[str, Enrolled]]:
    """Who is enrolled, by trial and participant, of those under these keys. column: `participant_id` or `entry_order`; keys:
    (trial, its value), each once. One query, whose cost is that of so many look-ups."""
    if not keys:
        return {}
    name = connection.dialect.name
    query = text(
        "SELECT e.trial_id, e.participant_id, e.site, e.arm, e.enrolled_on, e.entry_order, coalesce(e.spelling, '') AS spelling"
        f" FROM {_LISTED[name].format(kind=_KINDS[column])} WHERE e.trial_id = k.trial AND e.{column} = k.key"
    ).columns(ENROLMENT.c.trial_id, *_WHO[:-1], column_("spelling", String))
    given: dict[str, Any] = {"keys": json.dumps(keys)}
    if name == "postgresql":
        given = {"trials": [trial for trial, _ in keys], "keys": [key for _, key in keys]}
    found: defaultdict[str, dict[str, Enrolled]] = defaultdict(dict)
    for trial, participant, *rest in connection.execute(query, given).tuples():
        found[trial][participant] = Enrolled(participant, *rest)
    return found


def _register_of(connection: Connection, trial_id: str, records: Records) -> dict[str, Enrolled]:
    """The register's part on these participants and on whoever holds one of their allocation numbers."""
    anybody = connection.execute(select(ENROLMENT.c.site).where(ENROLMENT.c.trial_id == trial_id).limit(1)).first()
    if anybody is None:
        return {}
    names = [name for name in {*records.participant_id} if "\x00" not in name]
    numbers = [number for number in {*records.entry_order} if number is not None and 0 < number <= LAST_ENTRY]
    people = select(*_WHO).where(ENROLMENT.c.trial_id == trial_id)
    found = connection.execute(people.where(ENROLMENT.c.participant_id.in_(wanted(connection, names))))
    register = {row[0]: Enrolled(*row) for row in found.tuples()}
    mine = {person.entry_order for person in register.values()}
    others = [number for number in numbers if number not in mine]
    if others:
        register |= people_by(connection, "entry_order", [(trial_id, number) for number in others]).get(trial_id, {})
    return register


def _versions_of(connection: Connection, protocol: Protocol, participants: list[str]) -> dict[Subject, list[Known]]:
    columns = OBSERVATION.c
    versions: dict[Subject, list[Known]] = defaultdict(list)
    if not participants:
        return versions
    found = connection.execute(
        select(
            *(columns.participant_id, columns.measure),
            *(
                columns.rev,
                columns.value,
                columns.sent_at,
                columns.effective_at,
                columns.companion,
                columns.observed_on,
            ),
        )
        .where(
            columns.trial_id == protocol.trial,
            columns.measure.in_(measures_of(protocol)),
            columns.participant_id.in_(wanted(connection, participants)),
        )
        .order_by(columns.participant_id, columns.measure, columns.rev)
    )
    for name, measure, *known in found.tuples():
        versions[name, measure].append(Known(*known))
    return versions


def measures_of(protocol: Protocol) -> tuple[str, ...]:
    """The measures whose values are stored: the primary one first, then guardrails and strengths in the plan's order."""
    return (protocol.primary.measure, *(one.measure for one in beside(protocol)))


def _newer_repetitions(connection: Connection, protocol: Protocol, sent_at: datetime) -> dict[Subject, Repeated]:
    """Per participant and measure the oldest repetition in deliveries sent after this one: nothing, unless it is late.

    Whatever was sent after it was received after it, and deliveries are numbered as they were received: only those since
    the last that was received by then are read.
    """
    before = (
        select(BATCH.c.seq)
        .where(BATCH.c.trial_id == protocol.trial, BATCH.c.recorded_at <= sent_at)
        .order_by(BATCH.c.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    found = connection.execute(
        select(BATCH.c.sent_at, BATCH.c.recorded_at, REPETITION.c.readings)
        .join(REPETITION, (REPETITION.c.trial_id == BATCH.c.trial_id) & (REPETITION.c.batch_seq == BATCH.c.seq))
        .where(
            BATCH.c.trial_id == protocol.trial,
            BATCH.c.seq > func.coalesce(before, 0),
            REPETITION.c.batch_seq > func.coalesce(before, 0),
            BATCH.c.sent_at > sent_at,
        )
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


def batch_row(delivery: Delivery, receipt: Receipt, recorded_at: datetime) -> dict[str, Any]:
    """The delivery itself as it is stored, with its counts."""
    return {
        "seq": receipt.batch_seq,
        "source": _text(delivery.source),
        "name": _text(delivery.name),
        "content_sha256": delivery.content_sha256,
        "sent_at": delivery.sent_at,
        "recorded_at": recorded_at,
        "action": receipt.action,
        "accepted": receipt.accepted,
        "quarantined": receipt.quarantined,
        "duplicates": receipt.duplicates,
        "corrections": receipt.corrections,
        "refusal": None if receipt.refusal is None else _text(receipt.refusal),
        "warnings": [_text(warning) for warning in receipt.warnings],
        "watermark": None if receipt.refusal is not None else delivery.watermark,
    }


def insert_rows(
    connection: Connection, protocol: Protocol, seq: int, checked: Checked, additions: Additions
) -> dict[str, Digest]:
    """Append what the delivery adds: participants, versions, quarantined rows, repetitions; a digest of each."""
    fixed = {"trial_id": protocol.trial, "batch_seq": seq}
    digests: dict[str, Digest] = {}
    for table, columns in ((ENROLMENT, additions.enrolments), (OBSERVATION, additions.versions)):
        count = len(columns["participant_id"])
        if count:
            digests[table.name] = rows_digest(table.name, {**columns, "batch_seq": [seq] * count})
            append_columns(connection, table, fixed, columns)
    if checked.rejected:
        rows = sorted(checked.rejected, key=lambda row: row.row_no)
        told = [{"row_no": row.row_no, "reason": _text(row.reason), "cells": dict(row.cells)} for row in rows]
        digests["quarantine"] = _digest_of("quarantine", [{**row, "batch_seq": seq} for row in told])
        connection.execute(insert(QUARANTINE), [{**fixed, **row} for row in told])
    if additions.repetitions:
        digests["repetition"] = _digest_of("repetition", [{"batch_seq": seq, "readings": additions.repetitions}])
        connection.execute(insert(REPETITION).values(**fixed, readings=additions.repetitions))
    return digests


def _digest_of(table: str, rows: list[dict[str, Any]]) -> Digest:
    return rows_digest(table, {name: [row[name] for row in rows] for name in rows[0]})


def receipt_of(delivery: Delivery, checked: Checked, additions: Additions, seq: int) -> Receipt:
    """What the sender hears."""
    return Receipt(
        trial=delivery.trial,
        name=delivery.name,
        batch_seq=seq,
        action=checked.action,
        accepted=additions.accepted,
        quarantined=0 if checked.refusal is not None else len(checked.rejected),
        duplicates=additions.duplicates,
        corrections=additions.corrections,
        reasons=() if checked.refusal is not None else checked.rejected,
        warnings=checked.warnings,
        refusal=checked.refusal,
    )


def _text(text: str) -> str:
    """Text that every database takes: PostgreSQL has no NUL."""
    return text.replace("\x00", "␀")
