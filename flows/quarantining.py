"""Rows that were set aside: shown, mended, judged again through the same checks and the same transaction as any delivery.

A replay is a delivery of its own (source `replay`) that counts as sent when the row was first sent, so that a mended old row
never takes the place of a newer correction. Its rows are in the plan's column names already and are not mapped again.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from flows import work
from trials.errors import DataError
from trials.protocol import Protocol, canonical_json
from trials.pseudonyms import Pseudonyms
from trials.records import RAGGED, Checked, Delivery, Receipt, Row, Rows
from trials.store import ledger, quarantine
from trials.store.engine import Store, Transaction
from trials.store.exported import may_see_rows
from trials.store.quarantine import REPLAY, Place, Replayed, SetAside
from trials.store.seeing import must_allow

_NAME = f"{REPLAY} of "

Cells = dict[Place, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Replay:
    """What became of a replay. left: unmended rows that would be set aside again, and why; they stay open as they are."""

    receipts: tuple[Receipt, ...] = ()
    rows: int = 0
    left: tuple[tuple[SetAside, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Again:
    """Rows of one delivery that are judged again. rows: by their number in the replay's delivery."""

    delivery: Delivery
    rows: Mapping[int, SetAside]


def shown(store: Store, trial: str, rows: Sequence[SetAside], *, door: work.Door, by: str, at: datetime) -> Cells:
    """The cells of rows, in their newest version, opened with the trial's key, for whoever may see people and results by arm.
    That they were opened is noted first.

    Raises ForbiddenError; StoreError when the trial's key is not there.
    """
    may_see_rows(store, trial)
    must_allow(store, trial, "see_people")
    hidden = door.pseudonyms(store, trial)
    places = [row.place for row in rows]
    quarantine.note_shown(store, trial, places, by=said(by, "--by"), at=at)
    return _opened(store, trial, places, hidden)


def mend(
    store: Store,
    trial: str,
    place: Place,
    changes: Mapping[str, str],
    *,
    reason: str,
    by: str,
    door: work.Door,
    at: datetime,
) -> SetAside:
    """Appends a mended version of a row: its newest version with these cells changed, in the plan's column names.

    Raises DataError for a column that the plan doesn't know, for a change that changes nothing, for a ragged row of which
    not every column is given, and for a row that was judged again already; StoreError when the trial's key is not there.
    ForbiddenError besides.
    """
    must_allow(store, trial, "repair")
    protocol, _ = ledger.sealed_protocol(store, trial)
    for column, value in changes.items():
        _must_be_known(protocol, column)
        said(value, f"--set {column}", blank=True)
    row = quarantine.must_be_mendable(trial, quarantine.rows(store, trial), place)
    hidden = door.pseudonyms(store, trial)
    before = _opened(store, trial, [place], hidden)[place]
    if not before or RAGGED in before:
        _must_be_whole(protocol, changes, place)
        before = {}
    changed = [column for column, value in changes.items() if before.get(column) != value]
    if not changed and row.state != "dropped":
        raise DataError(
            f"row {place[1]} of delivery {place[0]} says so already, must be changed by --set column=value."
        )
    cells = {**before, **changes}
    return quarantine.repair(
        store,
        trial,
        place,
        upon=row.version,
        cells=cells if hidden is None else hidden.seal(cells),
        changed=changed or list(changes),
        reason=said(reason, "--reason"),
        by=said(by, "--by"),
        at=at,
    )


def drop(store: Store, trial: str, place: Place, *, reason: str, by: str, at: datetime) -> SetAside:
    """Marks a row as not to be mended, such as an exact repeat; a later `mend` takes that back. Raises DataError,
    ForbiddenError."""
    must_allow(store, trial, "repair")
    row = quarantine.must_be_mendable(trial, quarantine.rows(store, trial), place)
    if row.state == "dropped":
        raise DataError(f"row {place[1]} of delivery {place[0]} was dropped by {row.repairs[-1].by} already.")
    why, who = said(reason, "--reason"), said(by, "--by")
    return quarantine.repair(store, trial, place, upon=row.version, cells={}, changed=(), reason=why, by=who, at=at)


def replay(
    store: Store,
    trial: str,
    *,
    unmended: bool = False,
    dry_run: bool = False,
    by: str,
    door: work.Door,
    at: datetime,
) -> Replay:
    """Judges mended rows again, with `unmended` also those that are open as they were sent; all in one transaction.

    Rows of different deliveries are different replays, oldest first. A mended row that fails again is set aside in its
    replay; an unmended one stays open where it is. dry_run: the same transaction, taken back at its end.
    Raises DataError, and stores nothing, when the checks could not judge, or refuse a replay whole; ForbiddenError.
    """
    must_allow(store, trial, "collect")
    protocol, _ = ledger.sealed_protocol(store, trial)
    again = _replays(store, protocol, door.pseudonyms(store, trial), unmended)
    if not again:
        return Replay()
    judged = work.judge(store, {trial: protocol}, [[one.delivery for one in again]], at, door)[0]
    kept: list[tuple[_Again, Checked]] = []
    left: list[tuple[SetAside, str]] = []
    for one, (delivery, checked) in zip(again, judged.results, strict=True):
        if checked.unjudged or checked.refusal is not None:
            raise DataError(f"{delivery.name}: {checked.refusal}")
        fresh, checked, failed = _without_unmended(one, checked)
        left += failed
        if fresh.rows:
            kept.append((fresh, checked))
    if not kept:
        return Replay(left=tuple(left))
    receipts = _recorded(store, judged, kept, dry_run=dry_run, by=said(by, "--by"), at=at)
    return Replay(tuple(receipts), sum(len(one.rows) for one, _ in kept), tuple(left))


def in_words(done: Replay) -> str:
    """What became of a replay: '2 rows taken in, 1 set aside again: age: ...'."""
    if not done.rows and not done.left:
        return "No mended row waits to be judged again."
    taken, again = (sum(getattr(one, name) for one in done.receipts) for name in ("accepted", "quarantined"))
    known = sum(one.duplicates for one in done.receipts)
    parts = [f"{taken} taken in"] if taken or not known else []
    parts += [f"{known} said nothing new"] if known else []
    parts += [f"{again} set aside again"] if again else []
    parts += [f"{len(done.left)} left as they are"] if done.left else []
    why = list(dict.fromkeys(reason.reason for one in done.receipts for reason in one.reasons))
    return f"Of the rows judged again {', '.join(parts)}." + (f" {'; '.join(why)}." if why else "")


class _TakenBack(Exception):
    """Ends a dry run's transaction, so that nothing of it stays."""

    def __init__(self, receipts: Sequence[Receipt]) -> None:
        super().__init__()
        self.receipts = receipts


def _recorded(
    store: Store,
    judged: work.Judged,
    kept: Sequence[tuple[_Again, Checked]],
    *,
    dry_run: bool,
    by: str,
    at: datetime,
) -> list[Receipt]:
    """The replays in the ledger, and in the same transaction which rows they are of."""

    def also(connection: Transaction, receipts: Sequence[Receipt]) -> None:
        marks = [
            Replayed(receipt.batch_seq, number, row.place, row.version)
            for (one, _), receipt in zip(kept, receipts, strict=True)
            if not receipt.already_known
            for number, row in one.rows.items()
        ]
        quarantine.mark_replayed(connection, judged.trial, marks, by=by, at=at)
        if dry_run:
            raise _TakenBack([replace(receipt, batch_seq=0, look_number=None) for receipt in receipts])

    pairs = [(one.delivery, checked) for one, checked in kept]
    try:
        return ledger.record_all(store, pairs, recorded_at=at, as_of=at, key=judged.key, seal=judged.seal, also=also)
    except _TakenBack as end:
        return list(end.receipts)


def _replays(store: Store, protocol: Protocol, hidden: Pseudonyms | None, unmended: bool) -> list[_Again]:
    """The replays that are due, oldest first. A ragged row that nobody mended can't be judged, so it is left out."""
    states = ("mended", "open") if unmended else ("mended",)
    rows = [row for row in quarantine.rows(store, protocol.trial) if row.state in states]
    cells = _opened(store, protocol.trial, [row.place for row in rows], hidden)
    rows = [row for row in rows if cells[row.place] and RAGGED not in cells[row.place]]
    rows.sort(key=lambda row: (row.sent_at, row.place))
    return [
        _again(protocol, list(group), cells) for _, group in groupby(rows, key=lambda row: (row.sent_at, row.delivery))
    ]


def _again(protocol: Protocol, rows: Sequence[SetAside], cells: Cells) -> _Again:
    """One delivery's rows as a new delivery; of their columns those that the plan knows."""
    known = protocol.known_columns
    numbered = dict(enumerate(rows, start=1))
    sent = [
        Row(number, {name: cells[row.place][name] for name in known if name in cells[row.place]})
        for number, row in numbered.items()
    ]
    first = rows[0]
    name = first.name if first.source == REPLAY else f"{_NAME}{first.name}"
    delivery = Delivery(
        trial=protocol.trial,
        source=REPLAY,
        name=name,
        content_sha256=_content(rows, sent),
        sent_at=first.sent_at,
        columns=tuple(column for column in known if any(column in row.cells for row in sent)),
        rows=Rows.of(sent),
    )
    return _Again(delivery, numbered)


def _content(rows: Sequence[SetAside], sent: Sequence[Row]) -> str:
    """What makes a replay the same: the same versions of the same rows with the same cells."""
    said = [[*row.place, row.version, each.cells] for row, each in zip(rows, sent, strict=True)]
    return hashlib.sha256(canonical_json(said).encode("utf-8", "surrogatepass")).hexdigest()


def _without_unmended(one: _Again, checked: Checked) -> tuple[_Again, Checked, list[tuple[SetAside, str]]]:
    """A replay without the unmended rows that failed again, and these with their reasons: nothing is new about them."""
    failed = {
        rejection.row_no: rejection.reason for rejection in checked.rejected if one.rows[rejection.row_no].version == 0
    }
    if not failed:
        return one, checked, []
    sent = [row for row in one.delivery.rows if row.row_no not in failed]
    rows = {number: row for number, row in one.rows.items() if number not in failed}
    delivery = replace(one.delivery, rows=Rows.of(sent), content_sha256=_content(list(rows.values()), sent))
    rejected = tuple(rejection for rejection in checked.rejected if rejection.row_no not in failed)
    left = [(one.rows[number], reason) for number, reason in failed.items()]
    return _Again(delivery, rows), replace(checked, rejected=rejected), left


def _opened(store: Store, trial: str, places: Collection[Place], hidden: Pseudonyms | None) -> Cells:
    """Rows in their newest version, opened. Raises DataError when one was sealed with another key."""
    found = quarantine.newest_cells(store, trial, places)
    return {place: found.get(place, {}) if hidden is None else hidden.open(found.get(place, {})) for place in places}


def _must_be_known(protocol: Protocol, column: str) -> None:
    known = protocol.known_columns
    if column in known:
        return
    ours = [our for our, theirs in protocol.source.columns.items() if theirs == column]
    near = ours or difflib.get_close_matches(column, known, n=1)
    hint = f"Did you mean '{near[0]}'?" if near else ""
    raise DataError(f"--set {column!r}, must be a column of the plan: {', '.join(known)}. {hint}".rstrip())


def _must_be_whole(protocol: Protocol, changes: Mapping[str, str], place: Place) -> None:
    missing = [column for column in protocol.known_columns if column not in changes]
    if missing:
        raise DataError(
            f"row {place[1]} of delivery {place[0]} had more or fewer cells than the header, so nobody knows which is which: "
            f"every column must be given, and {', '.join(missing)} are not. Write --set {missing[0]}= for a blank one."
        )


def said(text: str, option: str, *, blank: bool = False) -> str:
    """A text from the command line, whole. Raises DataError when it is blank or holds what is no character."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise DataError(f"{option} holds bytes that are no text in UTF-8, must be text.") from None
    if not blank and not text.strip():
        raise DataError(f"{option} is blank, must say something: it is kept for ever beside the row.")
    return text if blank else text.strip()
