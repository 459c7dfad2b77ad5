"""One query in a database that can't be changed by it: SQLite opened read-only, PostgreSQL in a read-only transaction.

Other databases are refused: nothing here could hold them to reading. That a query is one SELECT is checked beforehand, but
it is the database that keeps it from writing. An account that may only read is the third lock; only the owner can turn it.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, CursorResult, Engine, bindparam, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.types import NullType

from trials.connectors.connector import Context
from trials.connectors.formats.table import shorten
from trials.errors import SourceError

BATCH = 5_000
# What an address may say after its '?'; libpq knows more, passwords and settings that would undo ours among them.
_KNOWN = {"application_name", "channel_binding", "host", "port", "sslmode", "sslrootcert", "target_session_attrs"}
_TIMED_OUT = ("57014", "interrupted")
# Classes of PostgreSQL's errors whose words tell of the query alone: not supported, wrong transaction, syntax and rights.
_TELLING = ("0A", "25", "42")


def address(written: str) -> URL | str:
    """The address of a database; or the rule that it breaks, which never repeats it."""
    if written.startswith("sqlite:///"):
        # Taken as it stands, so that a folder with ? or # in its name is that folder.
        path = written.removeprefix("sqlite:///")
        return URL.create("sqlite", database=path) if path not in ("", ":memory:") else "must name the SQLite file."
    try:
        target = make_url(written)
    except (ArgumentError, ValueError):
        return "must be an address such as 'postgresql://user@host/name' or 'sqlite:///file.db'."
    if target.get_backend_name() not in ("postgresql", "postgres"):
        return f"names {target.get_backend_name()}, must name SQLite or PostgreSQL: only these can be held to reading."
    odd = sorted(set(target.query) - _KNOWN)
    if odd:
        # What doesn't look like a parameter may be the rest of a password that holds a '?'.
        which = f"the parameter {odd[0]}" if odd[0].isidentifier() else "an unknown parameter"
        return f"has {which}, must have none but {', '.join(sorted(_KNOWN))}."
    return target.set(drivername="postgresql+psycopg")


def shown(target: URL) -> str:
    """Where a database is, without user, password and parameters."""
    if target.get_backend_name() == "sqlite":
        return f"the SQLite file {target.database}"
    return (
        f"the PostgreSQL database {target.database} on {(target.host or '').rpartition('@')[2] or 'the local socket'}"
    )


def names_in(query: str) -> set[str]:
    """The values that a query names: `:watermark`. A colon in a text is written `\\:`; `::type` names nothing."""
    return set(text(query).compile().params)


@dataclass(frozen=True, slots=True)
class Database:
    """Where a query is asked. label: how errors call it. hidden: the address is a secret, and a server repeats parts of it."""

    target: URL
    label: str
    hidden: bool = False


@contextmanager
def answer(
    database: Database, query: str, values: Mapping[str, Any], context: Context
) -> Iterator[tuple[tuple[str, ...], Iterator[Any]]]:
    """Columns and rows of a query, rows as they arrive.

    Raises SourceError when the database can't be reached or refuses, also from the rows' iterator within the block.
    """
    engine = _engine(database, context)
    try:
        with engine.connect() as connection:
            _hold_to_reading(connection, context.timeout)
            # Without a type the database takes the value for what it is compared with.
            asked = text(query).bindparams(
                *(bindparam(name, value, type_=NullType()) for name, value in values.items())
            )
            streamed = connection.execution_options(stream_results=True, max_row_buffer=BATCH)
            with closing(streamed.execute(asked)) as result:
                yield tuple(result.keys()), _in_time(result, context.timeout, database.label)
    except (SQLAlchemyError, sqlite3.Error) as error:
        cause = _cause(error, context.timeout, database)
        raise SourceError(f"{database.label}: {cause}. Check source, or try again.") from None
    finally:
        engine.dispose()


def _engine(database: Database, context: Context) -> Engine:
    if database.target.get_backend_name() == "sqlite":
        path = (context.home / str(database.target.database)).resolve()
        if not path.is_file():
            where = "" if database.hidden else f" ({path})"
            raise SourceError(f"{database.label}: no such file{where}. Correct source.path in the plan.")
        return create_engine("sqlite://", creator=partial(_open_sqlite, path, context.timeout), poolclass=NullPool)
    seconds = max(2, int(context.timeout))
    alive = {"keepalives_idle": seconds, "keepalives_interval": seconds, "tcp_user_timeout": seconds * 1000}
    given = {"connect_timeout": seconds, **alive}
    return create_engine(database.target, connect_args=given, poolclass=NullPool, hide_parameters=True)


def _open_sqlite(path: Path, timeout: float) -> sqlite3.Connection:
    """The file opened so that nothing can be written, and so that a query without end is interrupted."""
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=timeout)
    connection.execute("PRAGMA query_only = ON")
    deadline = time.monotonic() + timeout
    connection.set_progress_handler(lambda: int(time.monotonic() > deadline), 10_000)
    return connection


def _hold_to_reading(connection: Connection, timeout: float) -> None:
    if connection.dialect.name != "postgresql":
        return
    connection.execution_options(postgresql_readonly=True)
    connection.exec_driver_sql("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {max(1, int(timeout * 1000))}")
    connection.exec_driver_sql("SET LOCAL TIME ZONE 'UTC'")  # the same row gives the same text on every machine


def _in_time(result: CursorResult[Any], timeout: float, label: str) -> Iterator[Any]:
    """The rows; PostgreSQL's own time limit starts anew with every batch that is fetched."""
    deadline = time.monotonic() + timeout
    for batch in result.partitions(BATCH):
        yield from batch
        if time.monotonic() > deadline:
            raise SourceError(f"{label}: the query did not answer within {timeout:g} s. Ask for less at a time.")


def _cause(error: SQLAlchemyError | sqlite3.Error, timeout: float, database: Database) -> str:
    """What went wrong, without secrets, and without values of rows, which PostgreSQL repeats where they don't fit."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(cause, "sqlstate", None)
    said = getattr(getattr(cause, "diag", None), "message_primary", None) or str(cause).strip().partition("\n")[0]
    if state in _TIMED_OUT or said in _TIMED_OUT:
        return f"the query did not answer within {timeout:g} s"
    if not isinstance(error, DBAPIError) or (state is not None and state[:2] not in _TELLING):
        return f"it refuses the query ({type(cause).__name__})"
    password = database.target.password
    if (database.hidden and state is None) or (password and str(password) in said):
        return "it can't be reached, or refuses what it is given"
    return shorten(said, 200).rstrip(".")
