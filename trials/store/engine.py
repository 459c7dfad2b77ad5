"""Opening the database, its migrations, and the two kinds of transaction: `writing` and `reading`."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    OperationalError,
    ProgrammingError,
)

import trials
from trials.errors import StoreError
from trials.store import access, chain

# What `writing` gives, for those who are told of it without knowing the database.
Transaction = Connection
LOCK_SECONDS = 30
_BEFORE_CHAINS = ("r0001", "r0002")  # revisions whose trials have no chain yet
_WRITER = "roadtest_writer"
_CACHE_KB, _ROOMY_KB = 2 * 1024, 64 * 1024  # of an SQLite connection; more of it makes no round and no page quicker
_ROOMY = "roadtest_roomy"
_SQLITE = "sqlite:///"
# A server that vanishes without a word (its machine lost power, the network is cut) is given up within two minutes; by
# default a query would wait for it for hours.
_PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 6,
    "tcp_user_timeout": 120_000,  # milliseconds
}
_IN_MEMORY = (_SQLITE, f"{_SQLITE}:memory:")


@dataclass(frozen=True)
class Store:
    """An open database. Safe to share between threads, not between processes. `close()` gives its connections back."""

    engine: Engine = field(repr=False, compare=False)
    url: str = field(repr=False)  # it may hold a password
    person: str = field(default="", compare=False)  # who asks: their roles apply (`trials.store.access`)

    def as_person(self, name: str) -> Store:
        """The same database, opened by somebody."""
        return replace(self, person=name)

    def close(self) -> None:
        """Close the pooled connections; the store opens new ones if it is used again."""
        self.engine.dispose()


def open_store(url: str, *, migrate: bool = True) -> Store:
    """The database at `url` ('sqlite:///file' or 'postgresql://...'), brought to this version's tables if `migrate`.

    Makes the folder of an SQLite file. Raises StoreError when the database can't be reached, was written by a newer
    version, or (migrate=False) still has older tables.
    """
    target = _target(url)
    engine = _engine(target)
    try:
        with _refused(target):
            found = _revision(engine)
        _check_known(found, target)
        if found != _head():
            if not migrate:
                raise StoreError(
                    f"{_shown(target)} has the tables of revision {found or 'none'}, must have {_head()}."
                    " Run `roadtest db upgrade`."
                )
            _migrate(target)
    except BaseException:
        engine.dispose()
        raise
    return Store(engine, url)


def upgrade(store_or_url: Store | str) -> tuple[str, str]:
    """Bring the tables to this version's; (revision before, after), '' for an empty database.

    One transaction under the writers' lock: of several processes one migrates and the others find it done. Raises
    StoreError as `open_store` does.
    """
    return _migrate(_target(store_or_url if isinstance(store_or_url, str) else store_or_url.url))


@contextmanager
def writing(store: Store, trial_id: str | None = None, action: str | None = None) -> Iterator[Connection]:
    """One write transaction: committed at the end of the block, or nothing of it stays.

    action: what the store's person needs the permission for (`trials.roles.ACTIONS`); None where the block asks itself.

    Whoever writes about the same trial waits for the other (on SQLite whoever writes at all), up to 30 seconds; so ids
    and numbers read inside the block stay true until it ends. Raises StoreError when the wait was in vain; ForbiddenError.
    """
    with _refused(make_url(store.engine.url)), store.engine.connect() as connection:
        writer = connection.execution_options(**{_WRITER: True})
        with writer.begin():
            if writer.dialect.name == "postgresql":
                _lock(writer, trial_id or "")
            if action is not None and trial_id is not None:
                access.permit(writer, trial_id, store.person, action)
            yield writer


@contextmanager
def reading(store: Store) -> Iterator[Connection]:
    """One read-only snapshot: every query in the block sees the same state, and no writer waits for it."""
    with _refused(make_url(store.engine.url)), store.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            yield connection


def alembic_config() -> Config:
    """Alembic's configuration; the migrations travel inside the package, so a wheel has them too."""
    config = Config()
    config.set_main_option("script_location", "trials.store:migrations")
    config.set_main_option("path_separator", "os")
    return config


def _target(url: str) -> URL:
    if url.startswith(_SQLITE):
        # Taken as it stands, so that a folder with ? or # in its name is that folder.
        return (
            URL.create("sqlite", database=url.removeprefix(_SQLITE))
            if url not in _IN_MEMORY
            else _unusable("SQLite in memory")
        )
    try:
        target = make_url(url)
    except (ArgumentError, ValueError):
        return _unusable("database url")  # not shown: it may hold a password
    backend = target.get_backend_name()
    if backend in ("postgresql", "postgres"):
        if is_torn(url, target):
            raise StoreError(
                "database url can't be read: an '@' stands behind its host, must be one only, before the host. In a password "
                "write %40 for @, %2F for /, %3F for ?, %23 for # and %25 for %."
            )
        return target.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and target.database not in (None, "", ":memory:"):
        return target.set(drivername="sqlite")
    return _unusable(f"database url for {backend}")


def is_torn(url: str, target: URL) -> bool:
    """Whether a server's address was cut in the wrong place: an '@' behind the host means that the password has one too, and a
    '/' or '?', which are not percent-encoded; then a part of it may stand as the host or the database's name."""
    behind = url.partition("@")[2].partition("?")[2] if target.password else ""
    return "@" in f"{target.database or ''}{behind}"


def _unusable(what: str) -> NoReturn:
    raise StoreError(
        f"{what} can't be used, must be an SQLite file or PostgreSQL."
        " Write sqlite:///roadtest.db or postgresql://user@host/name into ROADTEST_DATABASE_URL."
    )


def _secrets(target: URL) -> list[str]:
    """What of an address may be a password or a part of one; a driver's own words may repeat it."""
    hosts = (target.host or "").split("@")
    hidden = [str(value) for name, value in target.query.items() if "pass" in name.lower()]
    return [str(target.password or ""), *(hosts if len(hosts) > 1 else []), *hidden]


def _shown(target: URL) -> str:
    """Where a database is, without anything that may be a password: no user, no query, no odd part of the host."""
    if target.get_backend_name() == "sqlite":
        return str(target.database)
    host = (target.host or "").rpartition("@")[2]
    return f"the PostgreSQL database '{target.database}' on {host or 'the local socket'}"


@contextmanager
def _refused(target: URL) -> Iterator[None]:
    """Turn a driver's complaint about the database itself into one sentence; errors of the caller's pass as they are."""
    try:
        yield
    except (OperationalError, NoSuchModuleError, ProgrammingError) as error:
        if isinstance(error, ProgrammingError) and not isinstance(error.orig, psycopg.ProgrammingError):
            raise
        if isinstance(error, ProgrammingError) and error.statement is not None:
            raise  # a fault in a query of ours, not in how the database was named
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0].rstrip(".")
        if any(secret and secret in cause for secret in _secrets(target)):
            cause = "it does not answer, or refuses what it was given"
        raise StoreError(f"{_shown(target)} can't be used: {cause}. {_advice(cause)}") from error
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.DatabaseError) and not isinstance(error, IntegrityError):
            raise StoreError(
                f"{_shown(target)} can't be used: the file is not a whole SQLite database ({error.orig})."
                " Put its last good copy in its place."
            ) from error
        raise


# What SQLite, PostgreSQL and the system below them say, and what helps.
_ADVICE = {
    "is full": "Make room on its disk; nothing half-done was stored.",
    "no space left": "Make room on its disk; nothing half-done was stored.",
    "readonly": "Check the permissions of the file and its folder, and that its disk is mounted for writing.",
    "read-only": "Check the permissions of the file and its folder, and that its disk is mounted for writing.",
    "disk i/o error": "Check its disk and the quota on it; nothing half-done was stored.",
    "quota": "Check its disk and the quota on it; nothing half-done was stored.",
}


def _advice(cause: str) -> str:
    found = next((advice for words, advice in _ADVICE.items() if words in cause.lower()), None)
    return found or "Check ROADTEST_HOME and ROADTEST_DATABASE_URL, or try again."


def _engine(target: URL, *, foreign_keys: bool = True) -> Engine:
    # Non-finite numbers are not JSON; PostgreSQL would refuse them, so SQLite does too.
    options: dict[str, Any] = {"json_serializer": partial(json.dumps, ensure_ascii=False, allow_nan=False)}
    if target.get_backend_name() == "sqlite":
        folder = Path(str(target.database)).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"{_shown(target)} can't be used: the folder can't be made ({type(error).__name__})."
            ) from None
        # A file is opened in less than 1 ms, and each connection that is kept fills a cache: few are.
        options |= {"pool_size": 2, "max_overflow": 13, "pool_use_lifo": True}
        engine = create_engine(target, connect_args={"timeout": LOCK_SECONDS}, **options)
        event.listen(engine, "connect", partial(_prepare_sqlite, foreign_keys=foreign_keys))
        event.listen(engine, "begin", _begin_sqlite)
        event.listen(engine, "checkin", _take_room)
        return engine
    return create_engine(target, pool_pre_ping=True, connect_args=_PATIENCE, **options)


def _prepare_sqlite(connection: sqlite3.Connection, _: object, *, foreign_keys: bool) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, see _begin_sqlite
    connection.execute(f"PRAGMA busy_timeout = {LOCK_SECONDS * 1000}")
    _use_wal(connection)
    connection.execute("PRAGMA synchronous = FULL")
    _cache(connection, _CACHE_KB)
    connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")


def _cache(connection: Any, kilobytes: int) -> None:
    connection.execute(f"PRAGMA cache_size = -{kilobytes}")


def give_room(connection: Connection) -> None:
    """For what writes all over an index, as a large delivery does, whose ids are random: a larger cache until the connection
    is given back. Each connection would fill it in time, and the memory of pages and rounds grow with the ledger."""
    if connection.dialect.name == "sqlite":
        connection.info[_ROOMY] = True
        _cache(connection.connection, _ROOMY_KB)


def _take_room(connection: Any, record: Any) -> None:
    if record.info.pop(_ROOMY, False) and connection is not None:
        _cache(connection, _CACHE_KB)


def _use_wal(connection: sqlite3.Connection) -> None:
    """Write-ahead log, so that readers never wait. Only a brand-new file is switched; busy_timeout does not cover it."""
    patience = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > patience:
                raise
            time.sleep(0.02)


def _begin_sqlite(connection: Connection) -> None:
    # A writer must lock before its first read: BEGIN; SELECT; INSERT fails at once when somebody wrote in between.
    writer = connection.get_execution_options().get(_WRITER, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")


def _lock(connection: Connection, name: str) -> None:
    key = int.from_bytes(hashlib.sha256(f"roadtest:{name}".encode()).digest()[:8], "big", signed=True)
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%(key)s)", {"key": key})


def _revision(engine: Engine) -> str:
    with engine.connect() as connection, connection.begin():
        return MigrationContext.configure(connection).get_current_revision() or ""


def _head() -> str:
    return ScriptDirectory.from_config(alembic_config()).get_current_head() or ""


def _check_known(revision: str, target: URL) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()}
    if revision and revision not in known:
        raise StoreError(
            f"{_shown(target)} is at revision '{revision}', which Roadtest {trials.__version__} doesn't know: a newer version"
            " wrote it. Install that version, or name another database."
        )


def _migrate(target: URL) -> tuple[str, str]:
    # Foreign keys are off here alone: SQLite changes a table by copying it, and dropping the old one would cascade.
    engine = _engine(target, foreign_keys=False)
    try:
        with writing(Store(engine, _shown(target))) as connection:
            before = MigrationContext.configure(connection).get_current_revision() or ""
            _check_known(before, target)
            config = alembic_config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            if before in _BEFORE_CHAINS:
                chain.adopt_all(connection)
            if connection.dialect.name == "sqlite":
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
                if broken is not None:
                    raise StoreError(
                        f"{_shown(target)} can't be migrated: table {broken[0]} has rows without their parent."
                    )
            return before, _head()
    finally:
        engine.dispose()
