"""A whole database into an empty one, of the same kind or the other: SQLite to PostgreSQL, back, or to another file.

Guarantee: the target holds every row of one snapshot of the source, or none, whenever it is stopped: all is one transaction,
what is searched (`lesson_text`, made again from acts and plans) too. Each table is read in the order of its key and written in
parts, then read again from the target; both readings must have the same count and SHA-256. Text, JSON and numbers are carried
as they are stored, times as the same moment. A target that has rows is never written to: if they are the source's, as after
a copy that was stopped while it was audited, that is what the next attempt finds, and it audits them.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, Table, func, inspect, make_url, select
from sqlalchemy.exc import DataError as UnfitError
from sqlalchemy.exc import IntegrityError, OperationalError

from trials.errors import StoreError
from trials.store import carrying, chain, lessons, verifying
from trials.store.carrying import digest
from trials.store.engine import LOCK_SECONDS, Store, give_room, is_torn, open_store, reading, upgrade, writing
from trials.store.models import AUDIT, metadata

_SQLITE = "sqlite:///"
# What a value that is not of its column's type, or none that PostgreSQL knows (such as a NUL in a text), raises.
_UNHELD = (ValueError, TypeError, OverflowError, psycopg.Error, IntegrityError, UnfitError)
# What the server is told of this end: seconds, and milliseconds for the last. Over a local socket it counts for nothing.
_PATIENCE = {
    "tcp_keepalives_idle": 30,
    "tcp_keepalives_interval": 10,
    "tcp_keepalives_count": 6,
    "tcp_user_timeout": 120_000,
}


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy came to. rows: by table. heads: where each chain ended in the snapshot that was copied. findings: what the
    audit found in the copy afterwards; as the tables are equal, the source has the same. before: an earlier attempt had put
    everything there already."""

    rows: Mapping[str, int]
    heads: Mapping[str, tuple[int, str]]
    findings: tuple[verifying.Finding, ...] = ()
    before: bool = False


def copy_into(source: Store, url: str, *, told: Callable[[str, int], None] = lambda table, rows: None) -> Copied:
    """Copy all that the source holds now into the database at `url`; one that has no tables yet is given them first.

    told: hears of each table that is done, and how many rows it has. Others may go on writing in the source: what comes after
    the beginning is not in the copy. Raises StoreError, and nothing is copied, when the target is the source, holds anything
    else, stands at another revision, or can't hold a value.
    """
    target = _made_ready(url)
    try:
        _must_be_another(source, target, url)
        with reading(source) as here:
            heads = chain.heads(here)
            rows = _there_already(here, target, heads, url, told)
            before = rows is not None
            if rows is None:
                rows = _carried(here, target, url, told)
        # Only read from here on. The audit stands outside, so that no ledger is too damaged to be copied.
        return Copied(rows, heads, tuple(verifying.verify(target, heads=heads)), before)
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
    target = make_url(url)
    if is_torn(url, target) or "@" in (target.host or ""):
        return f"{target.drivername}://..."  # where its password ends is not known
    return target.difference_update_query(["password", "sslpassword"]).render_as_string(hide_password=True)


def copy_table(here: Connection, there: Connection, table: Table) -> int:
    """Copy one table's rows; how many. Raises StoreError when they don't arrive as they were, or can't."""
    kinds = [carrying.kind_of(column) for column in table.c]
    before = carrying.Running(table)
    try:
        for part in carrying.parts(here, table):
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


def _made_ready(url: str) -> Store:
    """The target, at this version's revision. One without tables gets them; one with older ones is left as it is."""
    try:
        return open_store(url, migrate=False)
    except StoreError as error:
        if "revision none" not in str(error):
            raise
    upgrade(url)
    return open_store(url, migrate=False)


def _must_be_another(source: Store, target: Store, url: str) -> None:
    """Raises StoreError when both are the same database, under whatever names."""
    kinds = {one.engine.dialect.name for one in (source, target)}
    if len(kinds) > 1:
        return
    if "sqlite" in kinds:
        files = [Path(str(one.engine.url.database)) for one in (source, target)]
        same = files[0].samefile(files[1])
    else:
        # A lock counts within one database of one server. Only who came by this very address takes this one.
        key = int.from_bytes(hashlib.sha256(f"roadtest copy:{url}".encode()).digest()[:8], "big", signed=True)
        with reading(target) as there, reading(source) as here:
            there.execute(select(func.pg_advisory_xact_lock(key)))
            same = not here.scalar(select(func.pg_try_advisory_xact_lock(key)))
    if same:
        raise StoreError(f"{shown(url)} is the database that is to be copied, must be another. Nothing was copied.")


def _there_already(
    here: Connection, target: Store, heads: verifying.Heads, url: str, told: Callable[[str, int], None]
) -> dict[str, int] | None:
    """How many rows each table has, if the target holds what the source holds; None for an empty one. Nobody is kept from
    writing there meanwhile. Raises StoreError for any other."""
    with reading(target) as there:
        if _filled(there) is None:
            return None
        if chain.heads(there) != heads:
            raise _in_use(url, AUDIT.name)
        rows = {}
        for table in metadata.sorted_tables:
            found = digest(there, table)
            if found != digest(here, table):
                raise _in_use(url, table.name)
            rows[table.name] = found[0]
            told(table.name, found[0])
        return rows


def _carried(here: Connection, target: Store, url: str, told: Callable[[str, int], None]) -> dict[str, int]:
    """Every table's rows, and what is made from them, in one transaction; how many rows each has."""
    with writing(target) as there:
        give_room(there)
        if there.dialect.name == "postgresql":
            _keep(there)
        filled = _filled(there)
        if filled is not None:
            raise _in_use(url, filled)
        rows = {}
        for table in metadata.sorted_tables:
            rows[table.name] = copy_table(here, there, table)
            told(table.name, rows[table.name])
        lessons.rebuild_in(there)
        _count_on(there)
        return rows


def _keep(connection: Connection) -> None:
    """Nobody may put a first row in before the commit; and should this end of the connection vanish without a word, the
    server gives the transaction, and with it the tables, back within two minutes instead of hours."""
    quote = connection.dialect.identifier_preparer.quote_identifier
    names = ", ".join(quote(table.name) for table in metadata.sorted_tables)
    connection.exec_driver_sql(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE")
    for setting, value in _PATIENCE.items():
        connection.exec_driver_sql(f"SET LOCAL {setting} = {value}")


def _filled(connection: Connection) -> str | None:
    """The first table that has a row."""
    for table in metadata.sorted_tables:
        if connection.execute(select(table).limit(1)).first() is not None:
            return table.name
    return None


def _in_use(url: str, table: str) -> StoreError:
    return StoreError(
        f"the database at {shown(url)} is not empty, and its table {table} is not what the source's is now, must be empty. "
        "Name a new one; nothing was copied. A copy that was stopped left no row, or every row of its moment: ask `roadtest "
        "audit verify` with ROADTEST_DATABASE_URL set to it."
    )


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
            if sequence is not None:
                newest = connection.scalar(select(func.max(table.c[column["name"]])))
                # Also of a table without rows: a number that was set stays when a transaction doesn't.
                connection.execute(select(func.setval(sequence, newest or 1, newest is not None)))
    connection.exec_driver_sql("ANALYZE")
