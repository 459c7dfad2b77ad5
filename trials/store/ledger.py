"""The ledger: one transaction per fact. A delivery's rows, the method's state, its cursor and the look commit together.

Nothing is updated: a correction is a new version, and `recompute` takes any past look again, to the last bit.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update

from trials import __version__
from trials.analysis import Person, Progress, Version, analyse
from trials.errors import DataError, NotSealedError, PlanHashMismatchError, ProtocolError, StoreError
from trials.evidence import Look
from trials.protocol import Protocol, from_content, sha256_text
from trials.records import Checked, Delivery, Enrolled, Receipt, Record, Rejection
from trials.store.engine import Store, reading, writing
from trials.store.merge import Known, Merge, Repeated, effective_at, merge
from trials.store.models import (
    BATCH,
    ENROLMENT,
    LOOK,
    OBSERVATION,
    PLAN,
    QUARANTINE,
    REPETITION,
    STATE,
    TRIAL,
)
from trials.store.reading import unknown_trial

_CHUNK = 300  # participants per query; three parameters each, well under every database's limit


def register(store: Store, protocol: Protocol, *, by: str, at: datetime) -> str:
    """Put a plan in; its SHA-256. The same plan again changes nothing; until the seal another one replaces it.

    Raises PlanHashMismatchError when the trial is sealed with another plan.
    """
    _aware(at=at)
    canonical, sha256 = protocol.canonical(), protocol.seal()
    with writing(store, protocol.trial) as connection:
        current = _current_plan(connection, protocol.trial)
        if current is not None and _same_plan(current, protocol):
            return str(current.sha256)
        version = 1 if current is None else current.version + 1
        if current is None:
            connection.execute(
                insert(TRIAL).values(
                    id=protocol.trial,
                    state="registered",
                    token=1,
                    plan_version=version,
                    plan_sha256=sha256,
                    created_at=at,
                )
            )
        elif current.sealed_at is not None:
            raise PlanHashMismatchError(
                f"plan hash mismatch: {protocol.trial} was sealed as {current.sha256[:12]}, this plan is {sha256[:12]}"
                f" ({_differing(current.canonical, protocol)}). Register it under another name, or go on with the sealed plan."
            )
        connection.execute(
            insert(PLAN).values(
                trial_id=protocol.trial,
                version=version,
                canonical=canonical,
                sha256=sha256,
                registered_by=by,
                registered_at=at,
            )
        )
        if current is not None:
            _touch(connection, protocol.trial, plan_version=version, plan_sha256=sha256)
    return sha256


def seal(store: Store, trial_id: str, *, by: str, at: datetime) -> str:
    """Lock the registered plan; its SHA-256. Sealing again changes nothing.

    Raises UnknownTrialError, or PlanHashMismatchError when the stored plan is not the one that was registered.
    """
    _aware(at=at)
    with writing(store, trial_id) as connection:
        plan = _whole_plan(connection, trial_id)
        if plan.sealed_at is None:
            connection.execute(
                update(PLAN)
                .where(PLAN.c.trial_id == trial_id, PLAN.c.version == plan.version)
                .values(sealed_by=by, sealed_at=at)
            )
            _touch(connection, trial_id, state="sealed")
        return str(plan.sha256)


def sealed_protocol(store: Store, trial_id: str) -> tuple[Protocol, str]:
    """The sealed plan and its SHA-256.

    Raises UnknownTrialError, NotSealedError, or PlanHashMismatchError when the stored text is not what was sealed.
    """
    with reading(store) as connection:
        return _sealed(connection, trial_id)


def record(store: Store, delivery: Delivery, checked: Checked, *, recorded_at: datetime, as_of: datetime) -> Receipt:
    """Put one checked delivery in and take a look: everything in one transaction, or nothing of it.

    The same bytes from the same source again change nothing, whoever sends them and however many at once. Rows
    that contradict what another delivery registered meanwhile are quarantined. `as_of` never goes back: the look is
    taken at the last look's time if that is later. Raises what `sealed_protocol` does; what the analysis raises.
    """
    _aware(recorded_at=recorded_at, as_of=as_of, sent_at=delivery.sent_at)
    trial_id = delivery.trial
    with writing(store, trial_id) as connection:
        protocol, sha256 = _sealed(connection, trial_id)
        known = _known_batch(connection, delivery)
        if known is not None:
            return known
        seq = _last_seq(connection, trial_id) + 1
        if checked.refusal is not None:
            _insert_batch(connection, delivery, checked, Merge(), seq, recorded_at)
            _touch(connection, trial_id)
            return _receipt(delivery, checked, Merge(), seq)
        merged = _merge(connection, protocol, delivery, checked, recorded_at)
        checked = _with_unfit(delivery, checked, merged)
        settled = _nothing_hidden(connection, trial_id)
        _insert_batch(connection, delivery, checked, merged, seq, recorded_at)
        _insert_rows(connection, protocol, trial_id, seq, checked, merged)
        last, progress, look = _analyse(
            connection, protocol, sha256, seq, as_of, changed=merged.changed, settled=settled
        )
        _insert_look(connection, progress, look, recorded_at, is_first=last is None)
        _touch(connection, trial_id)
        return replace(_receipt(delivery, checked, merged, seq), look_number=look.number)


def take_look(store: Store, trial_id: str, *, recorded_at: datetime, as_of: datetime) -> Look:
    """A look without new rows. When it says what the last one said, that one is returned and nothing is written.

    Raises what `sealed_protocol` does.
    """
    _aware(recorded_at=recorded_at, as_of=as_of)
    with writing(store, trial_id) as connection:
        protocol, sha256 = _sealed(connection, trial_id)
        settled = _nothing_hidden(connection, trial_id)
        seq = _last_seq(connection, trial_id)
        last, progress, look = _analyse(connection, protocol, sha256, seq, as_of, changed=None, settled=settled)
        if last is not None and last == replace(look, number=last.number, as_of=last.as_of, batch_seq=last.batch_seq):
            return last
        _insert_look(connection, progress, look, recorded_at, is_first=last is None)
        _touch(connection, trial_id)
        return look


def recompute(store: Store, trial_id: str, number: int) -> Look:
    """A past look taken again from the ledger's history: equal to the stored one to the last bit on the same code version.

    Raises what `sealed_protocol` does, and StoreError when there is no such look.
    """
    with reading(store) as connection:
        protocol, sha256 = _sealed(connection, trial_id)
        stored = _look(connection, trial_id, number)
        if stored is None:
            raise StoreError(
                f"look == {number}, must be a look that {trial_id} has had. See `roadtest status {trial_id}`."
            )
        return analyse(
            protocol,
            _people(connection, protocol, upto=stored.batch_seq),
            None,
            as_of=stored.as_of,
            batch_seq=stored.batch_seq,
            number=number,
            enrolled=_enrolled(connection, trial_id, stored.batch_seq),
            protocol_sha256=sha256,
            previous=_look(connection, trial_id, number - 1),
        )[1]


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
        return _register(connection, trial_id)


# Plans


def _current_plan(connection: Connection, trial_id: str) -> Row[Any] | None:
    return connection.execute(
        select(PLAN, TRIAL.c.state, TRIAL.c.plan_sha256)
        .join(TRIAL, (TRIAL.c.id == PLAN.c.trial_id) & (TRIAL.c.plan_version == PLAN.c.version))
        .where(TRIAL.c.id == trial_id)
    ).one_or_none()


def _whole_plan(connection: Connection, trial_id: str) -> Row[Any]:
    """The current plan, after making sure that its text is what its hash says."""
    plan = _current_plan(connection, trial_id)
    if plan is None:
        raise unknown_trial(connection, trial_id)
    found = sha256_text(plan.canonical)
    if not found == plan.sha256 == plan.plan_sha256:
        raise PlanHashMismatchError(
            f"plan hash mismatch: {trial_id} was registered as {plan.plan_sha256[:12]}, its stored plan is {found[:12]}."
            " Somebody changed it in the database; restore that from a backup."
        )
    return plan


def _sealed(connection: Connection, trial_id: str) -> tuple[Protocol, str]:
    plan = _whole_plan(connection, trial_id)
    if plan.sealed_at is None or plan.state != "sealed":
        raise NotSealedError(
            f"{trial_id} is {plan.state}, must be sealed before anything runs on it. Run `roadtest seal {trial_id} --by NAME`."
        )
    return from_content(json.loads(plan.canonical), origin=trial_id), str(plan.sha256)


def _same_plan(stored: Row[Any], protocol: Protocol) -> bool:
    """Whether a plan is the stored one, also when a newer version of the code writes more defaults out."""
    if stored.canonical == protocol.canonical():
        return True
    try:
        return from_content(json.loads(stored.canonical)) == protocol
    except (ProtocolError, ValueError):
        return False


def _differing(stored: str, protocol: Protocol) -> str:
    old, new = json.loads(stored), json.loads(protocol.canonical())
    return "it differs in " + ", ".join(sorted(key for key in {*old, *new} if old.get(key) != new.get(key)))


# Deliveries


def _known_batch(connection: Connection, delivery: Delivery) -> Receipt | None:
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


def _merge(
    connection: Connection, protocol: Protocol, delivery: Delivery, checked: Checked, recorded_at: datetime
) -> Merge:
    register: dict[str, Enrolled] = {}
    versions: dict[str, list[Known]] = defaultdict(list)
    for part in _chunks(checked.accepted):
        register |= _register(connection, protocol.trial, part)
        for name, known in _versions_of(connection, protocol, [record.participant_id for record in part]):
            versions[name].append(known)
    return merge(
        protocol,
        checked.accepted,
        register,
        versions,
        _newer_repetitions(connection, protocol, delivery.sent_at),
        sent_at=delivery.sent_at,
        recorded_at=recorded_at,
    )


def _register(connection: Connection, trial_id: str, records: Sequence[Record] | None = None) -> dict[str, Enrolled]:
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
) -> Iterator[tuple[str, Known]]:
    columns = OBSERVATION.c
    found = connection.execute(
        select(columns.participant_id, columns.rev, columns.value, columns.sent_at, columns.effective_at)
        .where(
            columns.trial_id == protocol.trial,
            columns.measure == protocol.primary.measure,
            columns.participant_id.in_(participants),
        )
        .order_by(columns.participant_id, columns.rev)
    )
    for name, *version in found.tuples():
        yield name, Known(*version)


def _newer_repetitions(connection: Connection, protocol: Protocol, sent_at: datetime) -> dict[str, Repeated]:
    """Per participant the oldest repetition in deliveries sent after this one: nothing, unless this one is late."""
    found = connection.execute(
        select(BATCH.c.sent_at, BATCH.c.recorded_at, REPETITION.c.readings)
        .join(REPETITION, (REPETITION.c.trial_id == BATCH.c.trial_id) & (REPETITION.c.batch_seq == BATCH.c.seq))
        .where(BATCH.c.trial_id == protocol.trial, BATCH.c.sent_at > sent_at)
        .order_by(BATCH.c.sent_at, BATCH.c.seq)
    )
    oldest: dict[str, Repeated] = {}
    for sent, recorded, readings in found.tuples():
        when = effective_at(protocol, sent, recorded)
        for name, value in readings.items():
            oldest.setdefault(name, Repeated(value, sent, when))
    return oldest


def _with_unfit(delivery: Delivery, checked: Checked, merged: Merge) -> Checked:
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


def _insert_batch(
    connection: Connection,
    delivery: Delivery,
    checked: Checked,
    merged: Merge,
    seq: int,
    recorded_at: datetime,
) -> None:
    connection.execute(
        insert(BATCH).values(
            trial_id=delivery.trial,
            seq=seq,
            source=_text(delivery.source),
            name=_text(delivery.name),
            content_sha256=delivery.content_sha256,
            sent_at=delivery.sent_at,
            recorded_at=recorded_at,
            action=checked.action,
            accepted=merged.accepted,
            quarantined=0 if checked.refusal is not None else len(checked.rejected),
            duplicates=merged.duplicates,
            corrections=merged.corrections,
            refusal=None if checked.refusal is None else _text(checked.refusal),
            warnings=list(checked.warnings),
        )
    )


def _insert_rows(
    connection: Connection, protocol: Protocol, trial_id: str, seq: int, checked: Checked, merged: Merge
) -> None:
    key = {"trial_id": trial_id, "batch_seq": seq}
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
                    "measure": protocol.primary.measure,
                    "participant_id": added.participant_id,
                    "rev": added.version.rev,
                    "observed_on": added.observed_on,
                    "value": added.version.value,
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


def _receipt(delivery: Delivery, checked: Checked, merged: Merge, seq: int) -> Receipt:
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


# Looks


def _analyse(
    connection: Connection,
    protocol: Protocol,
    sha256: str,
    seq: int,
    as_of: datetime,
    *,
    changed: str | None,
    settled: bool,
) -> tuple[Look | None, Progress, Look]:
    """The last look, and the next one with the state behind it.

    It reads on from the cursor where it can. From the start when somebody before the cursor changed (a correction, a late
    enrolment), when the last look could not see all that was in (settled is False), or when other code wrote the state.
    """
    last, progress = _last(connection, protocol.trial)
    if progress is not None and last is not None:
        rewritten = changed is not None and changed <= progress.cursor_key
        if rewritten or not settled or last.code_version != __version__:
            progress = None
    after, look = analyse(
        protocol,
        _people(connection, protocol, after=None if progress is None else progress.cursor_key),
        progress,
        as_of=as_of.astimezone(UTC) if last is None else max(as_of.astimezone(UTC), last.as_of),
        batch_seq=seq,
        number=1 if last is None else last.number + 1,
        enrolled=_enrolled(connection, protocol.trial),
        protocol_sha256=sha256,
        previous=last,
    )
    return last, after, look


def _nothing_hidden(connection: Connection, trial_id: str) -> bool:
    """Whether the last look saw everything received before it: no delivery was received after the time it was taken at.

    A value counts from its effective_at on, which is never after the delivery's recorded_at.
    """
    received = connection.scalar(select(func.max(BATCH.c.recorded_at)).where(BATCH.c.trial_id == trial_id))
    looked = connection.scalar(
        select(LOOK.c.as_of)
        .join(STATE, (STATE.c.trial_id == LOOK.c.trial_id) & (STATE.c.look_number == LOOK.c.number))
        .where(LOOK.c.trial_id == trial_id)
    )
    return received is None or looked is None or received <= looked


def _people(
    connection: Connection, protocol: Protocol, *, after: str | None = None, upto: int | None = None
) -> list[Person]:
    """People in the sealed order with their versions; after a cursor, or as the ledger stood when delivery `upto` was in."""
    who, what = ENROLMENT.c, OBSERVATION.c
    people = select(who.participant_id, who.order_key, who.entry_order, who.enrolled_on, who.site, who.arm).where(
        who.trial_id == protocol.trial
    )
    values = select(what.participant_id, what.rev, what.value, what.sent_at, what.effective_at).where(
        what.trial_id == protocol.trial, what.measure == protocol.primary.measure
    )
    if after is not None:
        people = people.where(who.order_key > after)
        values = values.join(
            ENROLMENT, (who.trial_id == what.trial_id) & (who.participant_id == what.participant_id)
        ).where(who.order_key > after)
    if upto is not None:
        people = people.where(who.batch_seq <= upto)
        values = values.where(what.batch_seq <= upto)
    versions: dict[str, list[Version]] = defaultdict(list)
    for name, *version in connection.execute(values).tuples():
        versions[name].append(Version(*version))
    found = [
        Person(place, number, enrolled_on, site, arm, tuple(sorted(versions[name], key=lambda one: one.rev)))
        for name, place, number, enrolled_on, site, arm in connection.execute(people).tuples()
    ]
    return sorted(found, key=lambda person: person.order_key)


def _enrolled(connection: Connection, trial_id: str, upto: int | None = None) -> int:
    query = select(func.count()).select_from(ENROLMENT).where(ENROLMENT.c.trial_id == trial_id)
    return connection.scalar(query if upto is None else query.where(ENROLMENT.c.batch_seq <= upto)) or 0


def _last(connection: Connection, trial_id: str) -> tuple[Look | None, Progress | None]:
    row = connection.execute(
        select(STATE.c.position, STATE.c.cursor_key, STATE.c.state, LOOK.c.body)
        .join(LOOK, (STATE.c.trial_id == LOOK.c.trial_id) & (STATE.c.look_number == LOOK.c.number))
        .where(STATE.c.trial_id == trial_id)
    ).one_or_none()
    if row is None:
        return None, None
    return Look.from_json(row.body), Progress(row.position, row.cursor_key, row.state)


def _look(connection: Connection, trial_id: str, number: int) -> Look | None:
    body = connection.scalar(select(LOOK.c.body).where(LOOK.c.trial_id == trial_id, LOOK.c.number == number))
    return None if body is None else Look.from_json(body)


def _insert_look(
    connection: Connection, progress: Progress, look: Look, recorded_at: datetime, *, is_first: bool
) -> None:
    connection.execute(
        insert(LOOK).values(
            trial_id=look.trial,
            number=look.number,
            as_of=look.as_of,
            recorded_at=recorded_at,
            batch_seq=look.batch_seq,
            n=look.n,
            verdict=look.verdict,
            body=look.to_json(),
        )
    )
    if not is_first:
        connection.execute(delete(STATE).where(STATE.c.trial_id == look.trial))
    connection.execute(
        insert(STATE).values(
            trial_id=look.trial,
            look_number=look.number,
            position=progress.position,
            cursor_key=progress.cursor_key,
            state=progress.state,
        )
    )


# Small things


def _last_seq(connection: Connection, trial_id: str) -> int:
    return connection.scalar(select(func.max(BATCH.c.seq)).where(BATCH.c.trial_id == trial_id)) or 0


def _touch(connection: Connection, trial_id: str, **changes: object) -> None:
    """Change the trial's token, so that pages see that something did change."""
    connection.execute(update(TRIAL).where(TRIAL.c.id == trial_id).values(token=TRIAL.c.token + 1, **changes))


def _chunks(records: Sequence[Record]) -> Iterable[Sequence[Record]]:
    return (records[start : start + _CHUNK] for start in range(0, len(records), _CHUNK))


def _text(text: str) -> str:
    """Text that every database takes: PostgreSQL has no NUL."""
    return text.replace("\x00", "␀")


def _aware(**moments: datetime) -> None:
    for name, moment in moments.items():
        if moment.utcoffset() is None:
            text = moment.isoformat()
            raise DataError(f"{name} == {text}, must name its time zone. Write {text}+00:00 for UTC.")
