"""A whole database into an empty one, of the same kind or the other: SQLite to PostgreSQL, back, or to another file.

Guarantee: the target holds every row of one snapshot of the source, or none. Each table is read in the order of its key and
written in parts, then read again from the target; both readings must have the same count and SHA-256. Text, JSON and numbers
are carried as they are stored, times as the same moment. What is searched (`lesson_text`) is made again from acts and plans.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import (
    Connection,
    String,
    Table,
    Text,
    cast,
    func,
    inspect,
    make_url,
    select,
    type_coerce,
)
from sqlalchemy.exc import DataError as UnfitError
from sqlalchemy.exc import IntegrityError, OperationalError

from trials.errors import StoreError
from trials.store import carrying, chain, lessons, verifying
from trials.store.engine import LOCK_SECONDS, Store, open_store, reading, upgrade, writing
from trials.store.models import metadata

_PART = 20_000
_SQLITE = "sqlite:///"
# What a value that is not of its column's type, or none that PostgreSQL knows (such as a NUL in a text), raises.
_UNHELD = (ValueError, TypeError, OverflowError, psycopg.Error, IntegrityError, UnfitError)
Digest = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy came to. rows: by table. heads: where each chain ended in the snapshot that was copied. findings: what the
    audit found in the copy afterwards; as the tables are equal, the source has the same."""

    rows: Mapping[str, int]
    heads: Mapping[str, tuple[int, str]]
    findings: tuple[verifying.Finding, ...] = ()


def copy_into(source: Store, url: str, *, told: Callable[[str, int], None] = lambda table, rows: None) -> Copied:
    """Copy all that the source holds now into the database at `url`; one that has no tables yet is given them first.

    told: hears of each table that is done, and how many rows it has. Others may go on writing in the source: what comes after
    the beginning is not in the copy. Raises StoreError, and nothing is copied, when the target holds anything, stands at
    another revision, or can't hold a value.
    """
    target = _made_ready(url)
    try:
        with reading(source) as here, writing(target) as there:
            _must_be_empty(there, url)
            rows = {}
            for table in metadata.sorted_tables:
                rows[table.name] = copy_table(here, there, table)
                told(table.name, rows[table.name])
            _count_on(there)
            heads = chain.heads(here)
        # All is there from here on. Stopped before its end, a search makes what it needs by itself.
        lessons.rebuild(target)
        return Copied(rows, heads, tuple(verifying.verify(target, heads=heads)))
    finally:
        target.close()


def snapshot(url: str, path: Path) -> None:
    """One state of the database at `url` as an SQLite file at `path`, which must not be there yet; writers go on meanwhile.

    An SQLite database is written down as it is, at whatever revision (VACUUM INTO); PostgreSQL is copied into a new file, for
    which it must be at this version's. Raises StoreError.
    """
    if not url.startswith(_SQLITE):
        with closing(open_store(url, migrate=False)) as source:
            copy_into(source, f"{_SQLITE}{path}")
        return
    written = Path(url.removeprefix(_SQLITE))
    if not written.is_file():
        raise StoreError(f"{written} is not there, must be a database. Check ROADTEST_HOME and ROADTEST_DATABASE_URL.")
    try:
        with closing(sqlite3.connect(written, timeout=LOCK_SECONDS)) as connection:
            connection.execute("VACUUM INTO ?", [str(path)])
    except sqlite3.Error as error:
        raise StoreError(
            f"{written} can't be written down ({error}). Check its disk, and run `roadtest audit verify`."
        ) from None


def shown(url: str) -> str:
    """An address without its password, wherever in it that stands."""
    if url.startswith(_SQLITE):
        return url
    return make_url(url).difference_update_query(["password", "sslpassword"]).render_as_string(hide_password=True)


def copy_table(here: Connection, there: Connection, table: Table) -> int:
    """Copy one table's rows; how many. Raises StoreError when they don't arrive as they were, or can't."""
    kinds = [carrying.kind_of(column) for column in table.c]
    before = _Running(table)
    try:
        for part in _parts(here, table):
            plain = carrying.plain(kinds, part)
            before.add(plain)
            _write(there, table, kinds, plain)
        after = digest(there, table)
    except _UNHELD as error:
        raise StoreError(
            f"table {table.name} holds a value that the target can't hold ({type(error).__name__}), must hold none. Run "
            "`roadtest audit verify` on the source; nothing was copied."
        ) from error
    if after != before.result():
        raise StoreError(
            f"table {table.name} has {after[0]:,} rows in the target that are not the {before.count:,} that were read, must be "
            "the same. Nothing was copied; try again, and report it."
        )
    return before.count


def digest(connection: Connection, table: Table) -> Digest:
    """How many rows a table has, and a SHA-256 over them in the order of its key: the same on every database."""
    kinds = [carrying.kind_of(column) for column in table.c]
    found = _Running(table)
    for part in _parts(connection, table):
        found.add(carrying.plain(kinds, part))
    return found.result()


def _made_ready(url: str) -> Store:
    """The target, at this version's revision. One without tables gets them; one with older ones is left as it is."""
    try:
        return open_store(url, migrate=False)
    except StoreError as error:
        if "revision none" not in str(error):
            raise
    upgrade(url)
    return open_store(url, migrate=False)


def _must_be_empty(connection: Connection, url: str) -> None:
    names = [table.name for table in metadata.sorted_tables]
    if connection.dialect.name == "postgresql":
        quote = connection.dialect.identifier_preparer.quote_identifier
        # Nobody may put a first row in between this and the commit.
        connection.exec_driver_sql(f"LOCK TABLE {', '.join(map(quote, names))} IN SHARE ROW EXCLUSIVE MODE")
    for table in metadata.sorted_tables:
        if connection.execute(select(table).limit(1)).first() is not None:
            raise StoreError(
                f"the database at {shown(url)} has rows in its table {table.name}, must be empty. Name a new one; nothing was "
                "copied. If a copy into it was stopped at its end, while it was read again, all of it is there: run "
                "`roadtest audit verify` with ROADTEST_DATABASE_URL set to it."
            )


def _parts(connection: Connection, table: Table) -> Iterator[list[tuple[Any, ...]]]:
    """The rows as the database holds them, in the order of the key, text by code points."""
    postgres = connection.dialect.name == "postgresql"
    as_text = [postgres and carrying.kind_of(column) == "json" for column in table.c]  # psycopg would read it
    columns = [
        cast(column, Text) if text else type_coerce(column, String())
        for column, text in zip(table.c, as_text, strict=True)
    ]
    key = [
        column.collate("C") if postgres and carrying.kind_of(column) == "text" else column
        for column in table.primary_key
    ]
    found = connection.execute(select(*columns).order_by(*key), execution_options={"yield_per": _PART})
    for part in found.partitions():
        yield [tuple(row) for row in part]


@dataclass(slots=True)
class _Running:
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


def _write(
    connection: Connection, table: Table, kinds: Sequence[carrying.Kind], columns: Sequence[Sequence[Any]]
) -> None:
    quote = connection.dialect.identifier_preparer.quote_identifier
    names = f"{quote(table.name)} ({', '.join(quote(column.name) for column in table.c)})"
    if connection.dialect.name != "postgresql":
        places = ", ".join("?" * len(kinds))
        rows = list(zip(*columns, strict=True))
        connection.exec_driver_sql(f"INSERT INTO {names} VALUES ({places})", rows)
        return
    typed = carrying.typed(kinds, columns)
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    try:
        with driver.cursor() as cursor, cursor.copy(f"COPY {names} FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["text" if kind == "json" else kind for kind in kinds])
            for row in zip(*typed, strict=True):
                copy.write_row(row)
    except psycopg.OperationalError as error:
        raise OperationalError(f"COPY {table.name}", None, error) from error


def _count_on(connection: Connection) -> None:
    """PostgreSQL numbers new rows after those that came in, and knows how large its tables are. SQLite does so by itself."""
    if connection.dialect.name != "postgresql":
        return
    quote = connection.dialect.identifier_preparer.quote_identifier
    for table in metadata.sorted_tables:
        for column in inspect(connection).get_columns(table.name):
            own = func.pg_get_serial_sequence(quote(table.name), column["name"])
            sequence = connection.scalar(select(own))
            newest = None if sequence is None else connection.scalar(select(func.max(table.c[column["name"]])))
            if newest is not None:
                connection.execute(select(func.setval(sequence, newest)))
    connection.exec_driver_sql("ANALYZE")
