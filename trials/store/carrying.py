"""What a copy carries from one database to the other: each cell in its form on SQLite, which both sides are compared in, and on
PostgreSQL; a table's rows in parts, in the order of its key, and a digest over them that is the same on every database."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Float,
    Integer,
    String,
    Table,
    Text,
    TypeDecorator,
    cast,
    select,
    type_coerce,
)
from sqlalchemy.types import JSON

PART = 20_000  # rows that are held at a time
Digest = tuple[int, str]
Kind = Literal["bool", "int4", "int8", "float8", "timestamptz", "date", "json", "text"]


def kind_of(column: Column[Any]) -> Kind:
    """PostgreSQL's name of what a column holds. Raises TypeError for a type that has no exact form on both databases."""
    kind = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    for known, name in _KINDS:
        if isinstance(kind, known):
            return name
    raise TypeError(f"column {column} is of type {kind!r}, must be of one that both databases hold exactly")


# The first that fits. No Numeric: SQLite would round it.
_KINDS: tuple[tuple[type, Kind], ...] = (
    (Boolean, "bool"),
    (BigInteger, "int8"),
    (Integer, "int4"),
    (Float, "float8"),
    (DateTime, "timestamptz"),
    (Date, "date"),
    (JSON, "json"),
    (String, "text"),
)


def plain(kinds: Sequence[Kind], rows: Sequence[tuple[Any, ...]]) -> list[Sequence[Any]]:
    """Rows by column, each cell as SQLite holds it: days and times as text, truth as 0 and 1."""
    return [
        [_FORM[kind](cell) for cell in cells]
        if kind == "bool"
        else list(map(_Cells(_FORM[kind]).__getitem__, cells))
        if kind in _FORM
        else cells
        for kind, cells in zip(kinds, zip(*rows, strict=True), strict=True)
    ]


class _Cells(dict[Any, Any]):
    """A column's cells in another form, each different one worked out once a part: a delivery's rows share their times."""

    def __init__(self, form: Callable[[Any], Any]) -> None:
        super().__init__()
        self._form = form

    def __missing__(self, cell: Any) -> Any:
        self[cell] = made = self._form(cell)
        return made


def _moment(stored: datetime | str | None) -> str | None:
    if stored is None:
        return None
    told = datetime.fromisoformat(stored) if isinstance(stored, str) else stored
    aware = told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)
    return aware.strftime("%Y-%m-%d %H:%M:%S.%f").rjust(26, "0")


def _day(stored: date | str | None) -> str | None:
    return stored.isoformat() if isinstance(stored, date) else stored


def _truth(stored: bool | int | None) -> int | None:
    return None if stored is None else int(stored)


_FORM: dict[Kind, Callable[[Any], Any]] = {"timestamptz": _moment, "date": _day, "bool": _truth}
# And back, for PostgreSQL.
_TYPED: dict[Kind, Callable[[Any], Any]] = {
    "timestamptz": lambda text: None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC),
    "date": lambda text: None if text is None else date.fromisoformat(text),
    "bool": lambda number: None if number is None else bool(number),
}


def typed(kinds: Sequence[Kind], columns: Sequence[Sequence[Any]]) -> list[Any]:
    """Columns in SQLite's form as psycopg takes them. Raises TypeError, ValueError, OverflowError for what doesn't fit."""
    for kind, cells in zip(kinds, columns, strict=True):
        _must_fit(kind, cells)
    return [
        map(_Cells(_TYPED[kind]).__getitem__, cells) if kind in _TYPED else cells
        for kind, cells in zip(kinds, columns, strict=True)
    ]


def _must_fit(kind: Kind, cells: Sequence[Any]) -> None:
    """Raises TypeError or OverflowError for what is not of the column's type: four letters would be taken for an int4."""
    wanted, largest = _FITS.get(kind, (str, 0))
    strange = {type(cell) for cell in cells} - {wanted, type(None)}
    if strange:
        raise TypeError(f"{strange} in a column of {kind}")
    if largest and any(cell is not None and not -largest <= cell < largest for cell in cells):
        raise OverflowError(f"too large for {kind}")


# The type of a cell as SQLite holds it, and the limit of what the column may hold.
_FITS: dict[Kind, tuple[type, int]] = {
    "int4": (int, 2**31),
    "int8": (int, 2**63),
    "float8": (float, 0),
    "bool": (int, 0),
}


def digest(connection: Connection, table: Table) -> Digest:
    """How many rows a table has, and a SHA-256 over them in the order of its key: the same on every database."""
    kinds = [kind_of(column) for column in table.c]
    found = Running(table)
    for part in parts(connection, table):
        found.add(plain(kinds, part))
    return found.result()


def parts(connection: Connection, table: Table) -> Iterator[list[tuple[Any, ...]]]:
    """The rows as the database holds them, in the order of the key, text by code points."""
    postgres = connection.dialect.name == "postgresql"
    as_text = [postgres and kind_of(column) == "json" for column in table.c]  # psycopg would read it
    columns = [
        cast(column, Text) if text else type_coerce(column, String())
        for column, text in zip(table.c, as_text, strict=True)
    ]
    key = [column.collate("C") if postgres and kind_of(column) == "text" else column for column in table.primary_key]
    found = connection.execute(select(*columns).order_by(*key), execution_options={"yield_per": PART})
    for part in found.partitions():
        yield [tuple(row) for row in part]


@dataclass(slots=True)
class Running:
    """A digest that takes its rows in parts."""

    table: Table
    count: int = 0
    hashes: list[Any] = field(init=False)

    def __post_init__(self) -> None:
        self.hashes = [hashlib.sha256() for _ in self.table.c]

    def add(self, columns: Sequence[Sequence[Any]]) -> None:
        self.count += len(columns[0])
        for hashed, cells in zip(self.hashes, columns, strict=True):
            hashed.update(json.dumps(list(cells), default=repr)[1:-1].encode() + b", ")

    def result(self) -> Digest:
        whole = hashlib.sha256(b"".join(hashed.digest() for hashed in self.hashes))
        return self.count, whole.hexdigest()
