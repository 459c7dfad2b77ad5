"""Many rows at once: appended as plain tuples (COPY on PostgreSQL), and looked up by a million keys in one query."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import repeat
from typing import Any

import psycopg
from sqlalchemy import Connection, Float, Integer, Select, String, Table, Text, cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import OperationalError

from trials.store.digests import FORMS

# A column as the driver hands it over: SQLite's times and days as text. A million rows have few different ones, so
# `Moments` and `Days` read each once.
AS_STORED = String()

# From so many rows on PostgreSQL's COPY pays; below, its round trips cost more than they save.
_COPY_FROM = 1_000
_PART = 20_000


def append_columns(
    connection: Connection, table: Table, fixed: Mapping[str, Any], columns: Mapping[str, Sequence[Any]]
) -> None:
    """Append rows given by column; `fixed` columns hold the same in every row. Raises as an insert does."""
    names = (*fixed, *columns)
    rows: Iterator[tuple[Any, ...]] = zip(*(repeat(value) for value in fixed.values()), *columns.values(), strict=False)
    count = len(next(iter(columns.values())))
    if connection.dialect.name == "postgresql" and count >= _COPY_FROM:
        _copy(connection, table, names, rows)
        return
    postgres = connection.dialect.name == "postgresql"
    statement = (
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join(['%s' if postgres else '?'] * len(names))})"
    )
    if not postgres:
        rows = _as_text(table.name, names, fixed, columns)
    while part := _take(rows):
        connection.exec_driver_sql(statement, part)


def _take(rows: Iterator[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [row for _, row in zip(range(_PART), rows, strict=False)]


def _as_text(
    table: str, names: Sequence[str], fixed: Mapping[str, Any], columns: Mapping[str, Sequence[Any]]
) -> Iterator[tuple[Any, ...]]:
    """The rows as SQLite holds them: dates and times are text there, in SQLAlchemy's own form."""
    form = FORMS[table]
    found: list[Iterable[Any]] = [repeat(value) for value in fixed.values()]
    for name in names[len(fixed) :]:
        cells = columns[name]
        if name in form.days:
            days = {day: None if day is None else day.isoformat() for day in set(cells)}
            found.append([days[day] for day in cells])
        elif name in form.moments:
            moments = {moment: _sqlite_moment(moment) for moment in set(cells)}
            found.append([moments[moment] for moment in cells])
        else:
            found.append(cells)
    return zip(*found, strict=False)


def _sqlite_moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _copy(connection: Connection, table: Table, names: Sequence[str], rows: Iterator[tuple[Any, ...]]) -> None:
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise TypeError(f"{type(driver).__name__} can't COPY, must be psycopg's connection")
    types = [_copied_as(table, name) for name in names]
    try:
        with (
            driver.cursor() as cursor,
            cursor.copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN (FORMAT BINARY)") as copy,
        ):
            copy.set_types(types)
            write = copy.write_row
            for row in rows:
                write(row)
    except psycopg.OperationalError as error:
        raise OperationalError(f"COPY {table.name}", None, error) from error


def _copied_as(table: Table, name: str) -> str:
    kind = table.c[name].type
    if isinstance(kind, Integer):
        return "int4"
    if isinstance(kind, Float):
        return "float8"
    form = FORMS[table.name]
    return "date" if name in form.days else "timestamptz" if name in form.moments else "text"


class Moments(dict[Any, datetime]):
    """A time as it is stored -> aware UTC."""

    def __missing__(self, stored: datetime | str) -> datetime:
        told = datetime.fromisoformat(stored) if isinstance(stored, str) else stored
        self[stored] = found = told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)
        return found


class Days(dict[Any, date | None]):
    """A day as it is stored -> the date, or None."""

    def __missing__(self, stored: date | str | None) -> date | None:
        self[stored] = found = date.fromisoformat(stored) if isinstance(stored, str) else stored
        return found


def wanted(connection: Connection, keys: Sequence[str] | Sequence[int]) -> Select[Any]:
    """The keys as a query, for `column.in_(...)`: one parameter however many there are."""
    if connection.dialect.name == "postgresql":
        kind = Integer if keys and isinstance(keys[0], int) else Text
        return select(func.unnest(cast(list(keys), ARRAY(kind))))
    return select(func.json_each(json.dumps(list(keys))).table_valued("value").c.value)
