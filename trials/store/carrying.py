"""A cell on its way from one database to the other: its form on SQLite, which both sides are compared in, and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any, Literal

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Float, Integer, String, TypeDecorator
from sqlalchemy.types import JSON

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
