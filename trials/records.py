"""The values that travel from a source to the ledger. Frozen; no behaviour beyond what their names say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Literal, overload

Action = Literal["accept", "accept_with_warning", "quarantine_rows", "reject_batch"]

# The columns every delivery may have, beside the one named after the protocol's primary measure.
IDENTITY_COLUMNS = ("participant_id", "site", "arm", "enrolled_on", "entry_order", "observed_on")


# The time of a delivery of which nobody knows when it was sent: a finished data set, loaded whole. Its outcomes count as
# known on the day on which their follow-up closed.
ON_TIME = datetime(1970, 1, 1, tzinfo=UTC)


def in_words(day: date) -> str:
    """A day as people write it in a sentence: '4 March 2024'."""
    return f"{day.day} {day:%B %Y}"


@dataclass(frozen=True, slots=True)
class Row:
    """One data record as it was delivered: text by column name, blanks kept. row_no is 1-based, header not counted."""

    row_no: int
    cells: dict[str, str]


# A ragged row has this one cell, with the row as it was sent, so that the checks set the row aside.
RAGGED = "__ragged__"


class Rows(Sequence[Row]):
    """Data records held by column, so that a million of them fit and are judged column by column; read like Row tuples.

    cells: per column a list with one text per record. ragged: position -> the record as it was sent, for records that
    have more or fewer fields than the header; their cells are blank. row_nos: 1, 2, 3, ... unless given.
    """

    __slots__ = ("cells", "ragged", "row_nos")

    def __init__(
        self,
        cells: Mapping[str, list[str]],
        row_nos: Sequence[int] | None = None,
        ragged: Mapping[int, str] | None = None,
    ) -> None:
        self.cells = dict(cells)
        count = max((len(column) for column in self.cells.values()), default=0)
        self.row_nos: Sequence[int] = range(1, count + 1) if row_nos is None else row_nos
        self.ragged = dict(ragged or {})
        if any(len(column) != len(self.row_nos) for column in self.cells.values()):
            raise ValueError(f"columns of {count} cells beside {len(self.row_nos)} row numbers, must be as many")

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Rows:
        """The same records by column; a cell that a record lacks is blank."""
        if isinstance(rows, Rows):
            return rows
        names = dict.fromkeys(name for row in rows for name in row.cells if name != RAGGED)
        cells = {name: [row.cells.get(name, "") for row in rows] for name in names}
        ragged = {place: row.cells[RAGGED] for place, row in enumerate(rows) if RAGGED in row.cells}
        return cls(cells, [row.row_no for row in rows], ragged)

    def column(self, name: str) -> list[str]:
        """The cells of a column; blanks for one that was not delivered."""
        return self.cells.get(name) or [""] * len(self)

    def __len__(self) -> int:
        return len(self.row_nos)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Row, ...]: ...
    def __getitem__(self, index: int | slice) -> Row | tuple[Row, ...]:
        if isinstance(index, slice):
            return tuple(self[place] for place in range(*index.indices(len(self))))
        place = range(len(self))[index]
        if place in self.ragged:
            return Row(self.row_nos[place], {RAGGED: self.ragged[place]})
        return Row(self.row_nos[place], {name: column[place] for name, column in self.cells.items()})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Rows({len(self)} records of {', '.join(self.cells)})"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One batch of rows from a source, before anyone judged it.

    `problem` is set when the file could not be read with certainty: the batch is then refused whole, with that
    sentence. `repairs` are the lossless repairs the reader made and reports (a byte-order mark, CRLF).
    unfinished: the last record had no line end, so its last cell may have been cut off.
    watermark: what the connector wants to be told next time, once these rows are in (a place in a table, an ETag).
    dated: its sender says when it was sent, so the same bytes with a later date were said again.
    """

    trial: str
    source: str
    name: str
    content_sha256: str
    sent_at: datetime
    columns: tuple[str, ...]
    rows: Sequence[Row]
    repairs: tuple[str, ...] = ()
    problem: str | None = None
    unfinished: bool = False
    watermark: str | None = None
    dated: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """What a row says of one guardrail measure. value None: nothing, unless withdrawn."""

    measure: str
    value: float | None
    companion: float | None = None
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """One accepted row: typed, in the protocol's column names.

    companion: what stands beside the value, as the plan's kind needs it: exposure of a count, event of a time to event.
    guardrails: what the row says of the plan's guardrail measures, one each at most.
    value None: the row says nothing of the outcome (not known yet), and takes nothing back that was said before.
    withdrawn: the site takes the outcome back, by the word "withdrawn" in its cell; value is None then too.
    spelling: which letters of the id were capitals (`trials.pseudonyms.spelling`); blank where the id is kept as it is.
    """

    row_no: int
    participant_id: str
    site: str
    arm: str
    enrolled_on: date | None
    entry_order: int | None
    observed_on: date | None
    value: float | None
    withdrawn: bool = False
    companion: float | None = None
    guardrails: tuple[Measured, ...] = ()
    spelling: str = ""


@dataclass(frozen=True, slots=True)
class Records(Sequence[Record]):
    """Accepted rows by column, read like a tuple of Record. Every list has one entry a row.

    guardrails: position -> what that row says of guardrail measures, for the rows that say something.
    """

    row_no: list[int]
    participant_id: list[str]
    site: list[str]
    arm: list[str]
    enrolled_on: list[date | None]
    entry_order: list[int | None]
    observed_on: list[date | None]
    value: list[float | None]
    withdrawn: list[bool]
    companion: list[float | None]
    spelling: list[str]
    guardrails: dict[int, tuple[Measured, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, records: Iterable[Record]) -> Records:
        if isinstance(records, Records):
            return records
        found = list(records)
        names = [name for name in Record.__slots__ if name != "guardrails"]
        said = {place: one.guardrails for place, one in enumerate(found) if one.guardrails}
        return cls(**{name: [getattr(one, name) for one in found] for name in names}, guardrails=said)

    def __len__(self) -> int:
        return len(self.row_no)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Record, ...]: ...
    def __getitem__(self, index: int | slice) -> Record | tuple[Record, ...]:
        if isinstance(index, slice):
            return tuple(self[place] for place in range(*index.indices(len(self))))
        place = range(len(self))[index]
        return Record(
            *(self.row_no[place], self.participant_id[place], self.site[place], self.arm[place]),
            *(self.enrolled_on[place], self.entry_order[place], self.observed_on[place], self.value[place]),
            *(self.withdrawn[place], self.companion[place], self.guardrails.get(place, ())),
            self.spelling[place],
        )

    def __iter__(self) -> Iterator[Record]:
        return (self[place] for place in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Rejection:
    """One quarantined row: its number, the reason its site reads, and the row as it was sent.

    cells: at the door of a trial with pseudonyms they are sealed with its key: `{"sealed": ...}`.
    """

    row_no: int
    reason: str
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks made of one delivery. A refusal stands alone: then nothing was accepted or quarantined.

    unjudged: the checks themselves failed, and `refusal` says how. Nothing is recorded, so that the same delivery is
    judged again once they work. broken: (rule, rows that break it), for the record of a round.
    """

    accepted: Sequence[Record] = ()
    rejected: tuple[Rejection, ...] = ()
    warnings: tuple[str, ...] = ()
    refusal: str | None = None
    unjudged: bool = False
    broken: tuple[tuple[str, int], ...] = ()

    @property
    def action(self) -> Action:
        if self.refusal is not None:
            return "reject_batch"
        if self.rejected:
            return "quarantine_rows"
        return "accept_with_warning" if self.warnings else "accept"


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What the register (the enrolments already in the ledger) knows of a participant."""

    participant_id: str
    site: str
    arm: str
    enrolled_on: date | None
    entry_order: int | None
    spelling: str = ""


class Register(dict[str, Enrolled]):
    """Who is enrolled, by participant_id. closed: the trial's list was loaded (`roadtest enrol`), so nobody else is in it."""

    def __init__(self, people: Mapping[str, Enrolled] | None = None, *, closed: bool = False) -> None:
        super().__init__(people or {})
        self.closed = closed


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the ledger did with one delivery.

    accepted (said something new; corrections are among them) + duplicates (said nothing new) + quarantined = its rows.
    already_known: the same bytes came before and nothing changed; every row that was in then is a duplicate now.
    """

    trial: str
    name: str
    batch_seq: int
    action: Action
    accepted: int
    quarantined: int
    duplicates: int
    corrections: int
    reasons: tuple[Rejection, ...] = ()
    warnings: tuple[str, ...] = ()
    refusal: str | None = None
    already_known: bool = False
    look_number: int | None = None
