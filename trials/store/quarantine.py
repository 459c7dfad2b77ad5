"""Rows set aside: their mended versions, and when they were judged again. All is appended; the row as it was sent stays.

A row's state follows from what was appended about it, so none is stored and none can be wrong. Row numbers are those of the
delivery that brought the row; a row that is set aside again has a new place, in the replay's delivery, and is mended there.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, Connection, Subquery, and_, func, insert, select

from trials.errors import DataError, StoreError
from trials.protocol import canonical_json
from trials.store import chain
from trials.store.digests import rows_digest, told
from trials.store.engine import Store, reading, writing
from trials.store.models import BATCH, QUARANTINE, REPAIR, REPLAYED, TRIAL
from trials.store.plans import must_be_aware, touch
from trials.store.reading import unknown_trial

State = Literal["open", "mended", "dropped", "replayed: accepted", "replayed: set aside again"]
Place = tuple[int, int]  # (number of the delivery, number of the row in it)

REPLAY = "replay"  # the source of deliveries that are made of rows which were set aside before
WAITING: tuple[State, ...] = ("open", "mended")
_MANY = 500  # asked for more trials than this, all are read and the others left out


@dataclass(frozen=True, slots=True)
class Mend:
    """One mended version, numbered 1, 2, ...; changed: which columns. None changed: the row is not to be mended."""

    number: int
    changed: tuple[str, ...]
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SetAside:
    """One row that was set aside, and what became of it. source, name, sent_at: its delivery's. replayed_as: where it went."""

    delivery: int
    row_no: int
    source: str
    name: str
    sent_at: datetime
    reason: str
    state: State
    repairs: tuple[Mend, ...] = ()
    replayed_as: Place | None = None

    @property
    def place(self) -> Place:
        return self.delivery, self.row_no

    @property
    def version(self) -> int:
        """The number of the newest mended version; 0 for a row as it was sent."""
        return self.repairs[-1].number if self.repairs else 0


@dataclass(frozen=True, slots=True)
class Replayed:
    """Row `row_no` of the replay's delivery is version `version` of the row that was set aside at `of`."""

    delivery: int
    row_no: int
    of: Place
    version: int


def rows(store: Store, trial_id: str) -> list[SetAside]:
    """Every row that the trial ever set aside, by delivery and row. Raises UnknownTrialError."""
    with reading(store) as connection:
        _must_exist(connection, trial_id)
        return _rows(connection, trial_id)


def newest_cells(store: Store, trial_id: str, places: Collection[Place]) -> dict[Place, dict[str, str]]:
    """The cells of rows, in their newest mended version, sealed as they are kept. A dropped row's are those before that."""
    with reading(store) as connection:
        return _newest_cells(connection, trial_id, places)


def repair(
    store: Store,
    trial_id: str,
    place: Place,
    *,
    upon: int,
    cells: Mapping[str, str],
    changed: Sequence[str],
    reason: str,
    by: str,
    at: datetime,
) -> SetAside:
    """Append a mended version of a row; the row with it. upon: the version that was mended, 0 for the row as it was sent.

    cells: the whole row, sealed. Without cells and changed columns the row is marked as not to be mended.
    Raises DataError when there is no such row or it was judged again already; StoreError when somebody mended it meanwhile.
    """
    must_be_aware(at=at)
    with writing(store, trial_id, "repair") as connection:
        _must_exist(connection, trial_id)
        row = must_be_mendable(trial_id, _rows(connection, trial_id), place)
        if row.version != upon:
            raise StoreError(
                f"row {place[1]} of delivery {place[0]} was mended by {row.repairs[-1].by} meanwhile (version {row.version}). "
                f"See `roadtest quarantine list {trial_id}`, then mend that version."
            )
        said = {
            "batch_seq": place[0],
            "row_no": place[1],
            "number": upon + 1,
            "cells": dict(cells),
            "changed": list(changed),
            "reason": reason,
            "repaired_by": by,
            "repaired_at": at,
        }
        connection.execute(insert(REPAIR).values(trial_id=trial_id, **said))
        chain.append(connection, trial_id, "repair", {"repair": told("repair", said)}, at)
        touch(connection, trial_id)
        [found] = [one for one in _rows(connection, trial_id, {place[0]}) if one.place == place]
        return found


def must_be_mendable(trial_id: str, found: Sequence[SetAside], place: Place) -> SetAside:
    """The row at a place. Raises DataError when there is none, or when it was judged again and so has ended here."""
    row = next((one for one in found if one.place == place), None)
    delivery, number = place
    if row is None:
        there = [str(one.row_no) for one in found if one.delivery == delivery]
        known = sorted({one.delivery for one in found})
        if there:
            hint = f"must be one that delivery {delivery} had set aside: {_few(there)}"
        else:
            hint = f"must be of a delivery with rows set aside: {_few([str(one) for one in known]) or 'there is none'}"
        raise DataError(f"row == {number} of delivery {delivery}, {hint}. See `roadtest quarantine list {trial_id}`.")
    if row.replayed_as is not None:
        into = f"row {row.replayed_as[1]} of delivery {row.replayed_as[0]}"
        if row.state == "replayed: accepted":
            raise DataError(
                f"row {number} of delivery {delivery} was accepted as {into}, must not be mended any more. "
                "What is wrong with it now is a correction: let the site send it again."
            )
        raise DataError(f"row {number} of delivery {delivery} was set aside again as {into}. Mend that one.")
    return row


def mark_replayed(connection: Connection, trial_id: str, marks: Sequence[Replayed], *, by: str, at: datetime) -> None:
    """Append which rows were judged again, in the transaction that records the replay's deliveries.

    Raises StoreError, so that nothing of the replay stays, when one of them was judged again or mended meanwhile.
    """
    standing = {one.place: one for one in _rows(connection, trial_id, {mark.of[0] for mark in marks})}
    for mark in marks:
        row = standing[mark.of]
        if row.replayed_as is not None or row.version != mark.version:
            raise StoreError(
                f"row {mark.of[1]} of delivery {mark.of[0]} was replayed or mended by somebody else meanwhile; nothing was "
                "stored. Run the replay again."
            )
    fields = ("batch_seq", "row_no", "of_batch", "of_row", "repair")
    said = sorted((mark.delivery, mark.row_no, *mark.of, mark.version) for mark in marks)
    connection.execute(
        insert(REPLAYED), [{"trial_id": trial_id, **dict(zip(fields, each, strict=True))} for each in said]
    )
    digest = rows_digest("replayed_row", dict(zip(fields, zip(*said, strict=True), strict=True)))
    body = {"by": by, "deliveries": sorted({mark.delivery for mark in marks}), "replayed_row": digest}
    chain.append(connection, trial_id, "replay", body, at)


def note_shown(store: Store, trial_id: str, places: Collection[Place], *, by: str, at: datetime) -> None:
    """Notes in the audit, before anybody sees them, that the cells of these rows are opened for somebody."""
    with writing(store, trial_id, "repair") as connection:
        body = {"by": by, "rows": len(places), "rows_sha256": _digest(places)}
        chain.append(connection, trial_id, "shown", body, at)


def waiting(store: Store, ids: Collection[str] | None = None) -> dict[str, int]:
    """Per trial (those named, or all) how many rows still wait to be mended, replayed or dropped, in two queries."""
    with reading(store) as connection:
        return waiting_rows(connection, ids)


def waiting_rows(connection: Connection, ids: Collection[str] | None = None) -> dict[str, int]:
    """What `waiting` gives, inside a transaction. Trials of which no row waits are left out."""
    kept = QUARANTINE.c
    unjudged = (
        select(kept.trial_id, func.count())
        .outerjoin(REPLAYED, _went())
        .where(REPLAYED.c.of_batch.is_(None), _of(kept.trial_id, ids))
        .group_by(kept.trial_id)
    )
    counts = Counter(dict(connection.execute(unjudged).tuples().all()))
    newest = _newest_repairs()
    mended = (
        select(REPAIR.c.trial_id, REPAIR.c.changed)
        .join(newest, _same_version(newest))
        .outerjoin(
            REPLAYED,
            and_(
                REPLAYED.c.trial_id == REPAIR.c.trial_id,
                REPLAYED.c.of_batch == REPAIR.c.batch_seq,
                REPLAYED.c.of_row == REPAIR.c.row_no,
            ),
        )
        .where(REPLAYED.c.of_batch.is_(None), _of(REPAIR.c.trial_id, ids))
    )
    counts.subtract(trial for trial, changed in connection.execute(mended).tuples() if not changed)
    return {trial: count for trial, count in counts.items() if count and (ids is None or trial in ids)}


def _rows(connection: Connection, trial_id: str, deliveries: Collection[int] | None = None) -> list[SetAside]:
    kept, again = QUARANTINE.c, QUARANTINE.alias("again")
    found = (
        select(
            *(kept.batch_seq, kept.row_no, kept.reason, BATCH.c.source, BATCH.c.name, BATCH.c.sent_at),
            *(REPLAYED.c.batch_seq.label("into"), REPLAYED.c.row_no.label("into_row"), again.c.row_no.label("again")),
        )
        .join(BATCH, and_(BATCH.c.trial_id == kept.trial_id, BATCH.c.seq == kept.batch_seq))
        .outerjoin(REPLAYED, _went())
        .outerjoin(
            again,
            and_(
                again.c.trial_id == REPLAYED.c.trial_id,
                again.c.batch_seq == REPLAYED.c.batch_seq,
                again.c.row_no == REPLAYED.c.row_no,
            ),
        )
        .where(kept.trial_id == trial_id, _of_deliveries(kept.batch_seq, deliveries))
        .order_by(kept.batch_seq, kept.row_no)
    )
    repairs = _repairs(connection, trial_id)
    return [
        SetAside(
            delivery=row.batch_seq,
            row_no=row.row_no,
            source=row.source,
            name=row.name,
            sent_at=row.sent_at,
            reason=row.reason,
            state=_state(repairs.get((row.batch_seq, row.row_no), ()), row.into is not None, row.again is not None),
            repairs=tuple(repairs.get((row.batch_seq, row.row_no), ())),
            replayed_as=None if row.into is None else (row.into, row.into_row),
        )
        for row in connection.execute(found)
    ]


def _state(repairs: Sequence[Mend], judged: bool, again: bool) -> State:
    if judged:
        return "replayed: set aside again" if again else "replayed: accepted"
    if not repairs:
        return "open"
    return "mended" if repairs[-1].changed else "dropped"


def _repairs(connection: Connection, trial_id: str) -> dict[Place, list[Mend]]:
    columns = REPAIR.c
    found: dict[Place, list[Mend]] = defaultdict(list)
    made = connection.execute(
        select(
            *(columns.batch_seq, columns.row_no, columns.number, columns.changed),
            *(columns.reason, columns.repaired_by, columns.repaired_at),
        )
        .where(columns.trial_id == trial_id)
        .order_by(columns.batch_seq, columns.row_no, columns.number)
    )
    for delivery, row_no, number, changed, reason, by, at in made.tuples():
        found[delivery, row_no].append(Mend(number, tuple(changed), reason, by, at))
    return found


def _newest_cells(connection: Connection, trial_id: str, places: Collection[Place]) -> dict[Place, dict[str, str]]:
    wanted = set(places)
    deliveries = {delivery for delivery, _ in wanted}
    found: dict[Place, dict[str, str]] = {}
    for table, order in ((QUARANTINE, ()), (REPAIR, (REPAIR.c.number,))):
        columns = table.c
        kept = connection.execute(
            select(columns.batch_seq, columns.row_no, columns.cells)
            .where(columns.trial_id == trial_id, _of_deliveries(columns.batch_seq, deliveries))
            .order_by(columns.batch_seq, columns.row_no, *order)
        )
        found |= {
            (delivery, row_no): dict(cells)
            for delivery, row_no, cells in kept.tuples()
            if cells and (delivery, row_no) in wanted
        }
    return found


def _of_deliveries(column: ColumnElement[int], deliveries: Collection[int] | None) -> ColumnElement[bool]:
    return (
        column.in_(sorted(deliveries)) if deliveries is not None and len(deliveries) <= _MANY else column.is_not(None)
    )


def _of(column: ColumnElement[str], ids: Collection[str] | None) -> ColumnElement[bool]:
    return column.in_(sorted(ids)) if ids is not None and len(ids) <= _MANY else column.is_not(None)


def _went() -> ColumnElement[bool]:
    return and_(
        REPLAYED.c.trial_id == QUARANTINE.c.trial_id,
        REPLAYED.c.of_batch == QUARANTINE.c.batch_seq,
        REPLAYED.c.of_row == QUARANTINE.c.row_no,
    )


def _newest_repairs() -> Subquery:
    columns = REPAIR.c
    return (
        select(columns.trial_id, columns.batch_seq, columns.row_no, func.max(columns.number).label("number"))
        .group_by(columns.trial_id, columns.batch_seq, columns.row_no)
        .subquery()
    )


def _same_version(newest: Subquery) -> ColumnElement[bool]:
    names = ("trial_id", "batch_seq", "row_no", "number")
    return and_(*(REPAIR.c[name] == newest.c[name] for name in names))


def _must_exist(connection: Connection, trial_id: str) -> None:
    if connection.scalar(select(TRIAL.c.id).where(TRIAL.c.id == trial_id)) is None:
        raise unknown_trial(connection, trial_id)


def _digest(places: Collection[Place]) -> str:
    return hashlib.sha256(canonical_json(sorted(places)).encode()).hexdigest()


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
