"""Opening, migrating, locking: on both databases."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from trials.errors import StoreError
from trials.store import engine
from trials.store.engine import Store, give_room, open_store, reading, upgrade, writing
from trials.store.models import TRIAL, metadata

HEAD = "r0008"


def test_an_empty_database_gets_our_tables(empty_url: str) -> None:
    """Opening a database that nobody has used makes every table (and the SQLite file's folder)."""
    store = open_store(empty_url)
    with reading(store) as connection:
        for table in metadata.sorted_tables:
            assert connection.execute(table.select()).all() == []
    store.close()


def test_upgrade_says_from_where_to_where(empty_url: str) -> None:
    """upgrade() names the revision before and after, and a second run changes nothing."""
    assert upgrade(empty_url) == ("", HEAD)
    assert upgrade(empty_url) == (HEAD, HEAD)
    store = open_store(empty_url, migrate=False)
    assert upgrade(store) == (HEAD, HEAD)
    store.close()


def test_the_migrations_make_the_tables_of_the_models(store: Store) -> None:
    """Alembic's autogenerate finds nothing to change between the migrated database and the models."""
    with store.engine.connect() as connection:
        # The texts to search are a virtual table on SQLite, which is no table of the models.
        ours = {"compare_type": True, "include_name": lambda name, *_: "lesson_text" not in str(name)}
        context = MigrationContext.configure(connection, opts=ours)
        assert compare_metadata(context, metadata) == []


def test_the_sealed_order_does_not_depend_on_a_locale(postgres: Any) -> None:
    """On PostgreSQL the columns that order people compare code points, whatever locale the server was set up with."""
    store = open_store(postgres.fresh())
    query = "SELECT collation_name FROM information_schema.columns WHERE column_name IN ('order_key', 'cursor_key')"
    with reading(store) as connection:
        assert connection.execute(text(query)).scalars().all() == ["C", "C"]
    store.close()


def test_a_database_of_a_newer_version_is_refused(store: Store, url: str) -> None:
    """An unknown revision is one clear sentence, for opening and for upgrading, and nothing is touched."""
    with writing(store) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'r9999'"))
    for attempt in (open_store, upgrade, lambda address: open_store(address, migrate=False)):
        with pytest.raises(StoreError, match=r"at revision 'r9999', which Roadtest \S+ doesn't know: a newer version"):
            attempt(url)
    with reading(store) as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "r9999"


def test_an_older_database_is_refused_where_nothing_may_change(empty_url: str) -> None:
    """With migrate=False tables that are not this version's are refused with the command that helps."""
    with pytest.raises(StoreError, match=r"revision none, must have r0008\. Run `roadtest db upgrade`\."):
        open_store(empty_url, migrate=False)


def test_a_failed_migration_leaves_nothing(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error in the middle of a migration rolls every table back, on SQLite too."""
    monkeypatch.setattr(
        "alembic.operations.Operations.create_index",
        lambda *_args, **_options: (_ for _ in ()).throw(RuntimeError("no")),
    )
    with pytest.raises(RuntimeError, match="no"):
        open_store(empty_url)
    monkeypatch.undo()
    assert upgrade(empty_url) == ("", HEAD)


def test_many_may_open_an_empty_database_at_once(empty_url: str) -> None:
    """Of several processes and threads that open a new database together one migrates; all of them go on."""
    script = "import sys; from trials.store.engine import upgrade; print(upgrade(sys.argv[1])[1])"
    processes = [
        subprocess.Popen([sys.executable, "-c", script, empty_url], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    with ThreadPoolExecutor(4) as pool:
        assert [after for _, after in pool.map(upgrade, [empty_url] * 4)] == [HEAD] * 4
    assert [process.communicate(timeout=60)[0].strip() for process in processes] == [HEAD] * 3


def test_a_reader_does_not_wait_for_a_writer(store: Store) -> None:
    """While one transaction writes, another reads the state before it."""
    with writing(store, "x") as writer:
        writer.execute(TRIAL.insert().values(_trial("x")))
        with reading(store) as reader:
            assert reader.execute(TRIAL.select()).all() == []
    with reading(store) as reader:
        assert len(reader.execute(TRIAL.select()).all()) == 1


def test_a_snapshot_stays_as_it_was(store: Store) -> None:
    """Two queries of one reading block see the same state, whatever is written between them."""
    with reading(store) as reader:
        assert reader.execute(TRIAL.select()).all() == []
        with writing(store, "x") as writer:
            writer.execute(TRIAL.insert().values(_trial("x")))
        assert reader.execute(TRIAL.select()).all() == []


def test_writers_about_one_trial_wait_for_each_other(store: Store) -> None:
    """Read-then-write in a writing block loses no update, with eight threads at it."""
    with writing(store, "x") as connection:
        connection.execute(TRIAL.insert().values(_trial("x")))

    def add_one(_: int) -> None:
        with writing(store, "x") as connection:
            token = connection.scalar(TRIAL.select().with_only_columns(TRIAL.c.token))
            connection.execute(TRIAL.update().values(token=token + 1))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add_one, range(40)))
    with reading(store) as connection:
        assert connection.scalar(TRIAL.select().with_only_columns(TRIAL.c.token)) == 40


def test_waiting_in_vain_is_one_sentence(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer who can't get its turn is told so in one sentence."""
    monkeypatch.setattr(engine, "LOCK_SECONDS", 1)
    store, inside, done = open_store(url), threading.Event(), threading.Event()

    def hold() -> None:
        with writing(store, "x"):
            inside.set()
            done.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    assert inside.wait(30)
    with pytest.raises(StoreError, match=r"can't be used: .*lock.*\. Check ROADTEST_HOME"), writing(store, "x"):
        pass
    done.set()
    holder.join()
    store.close()


def test_a_connection_has_room_for_as_long_as_it_writes_much(tmp_path: Path) -> None:
    """An SQLite connection holds 2 MB of the file at most, and 64 MB while it takes in a large delivery: of what a page or a
    round has read, memory keeps no more, however large the ledger grows."""
    store = open_store(f"sqlite:///{tmp_path / 'ledger.db'}")
    with writing(store) as connection:
        give_room(connection)
        assert connection.exec_driver_sql("PRAGMA cache_size").scalar() == -65_536
    for transaction in (writing, reading):
        with transaction(store) as connection:
            assert connection.exec_driver_sql("PRAGMA cache_size").scalar() == -2_048
    store.close()


def test_an_sqlite_file_survives_a_power_cut(tmp_path: Path) -> None:
    """SQLite runs with a write-ahead log, full synchronisation, enforced foreign keys and a patient lock."""
    store = open_store(f"sqlite:///{tmp_path}/deep/er/store.db")
    with reading(store) as connection:
        settings = {
            name: connection.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    store.close()
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("roadtest.db", r"database url can't be used, must be an SQLite file or PostgreSQL\. Write sqlite:///"),
        ("sqlite://", r"must be an SQLite file or PostgreSQL"),
        ("sqlite:///:memory:", r"must be an SQLite file or PostgreSQL"),
        ("mysql://root@localhost/x", r"must be an SQLite file or PostgreSQL"),
        ("postgresql://me:secret@localhost:1/x", r"the PostgreSQL database 'x' on localhost can't be used: "),
        ("postgresql//me:secret@localhost/x", r"database url can't be used"),
        ("postgresql://me:secret@localhost:54x/x", r"database url can't be used"),
        ("postgresql://me@localhost:1/x?password=secret", r"the PostgreSQL database 'x' on localhost can't be used: "),
        ("postgresql://me:se@secret@localhost:1/x", r"the PostgreSQL database 'x' on localhost can't be used: "),
        (
            "postgresql://me:se@cret/secret@secret@localhost:1/x",
            r"database url can't be read: .*In a password write %40",
        ),
        (
            "postgresql://me:se@secret?secret@localhost:1/x",
            r"database url can't be read: an '@' stands behind its host",
        ),
        ("postgresql://me:sec?ret@localhost:1/x", r"the PostgreSQL database 'x' on localhost can't be used: "),
        ("postgresql://localhost:1/x?nonsense=secret", r"the PostgreSQL database 'x' on localhost can't be used: "),
    ],
)
def test_an_address_that_does_not_work_is_one_sentence(address: str, sentence: str) -> None:
    """What can't be opened is named with the rule, and without its password."""
    with pytest.raises(StoreError, match=sentence) as caught:
        open_store(address)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """A text file in the database's place is refused in one sentence and left alone."""
    (tmp_path / "notes.db").write_text("not a database, but long enough to look at" * 30)
    with pytest.raises(StoreError, match="the file is not a whole SQLite database"):
        open_store(f"sqlite:///{tmp_path}/notes.db")
    with pytest.raises(StoreError, match="folder can't be made"):
        open_store(f"sqlite:///{tmp_path}/notes.db/deeper/store.db")


@pytest.mark.parametrize(
    ("cause", "advice"),
    [
        ("database or disk is full", "Make room on its disk"),
        ("could not extend file: No space left on device", "Make room on its disk"),
        ("attempt to write a readonly database", "Check the permissions of the file and its folder"),
        ("disk I/O error", "Check its disk and the quota"),
        ("database is locked", "Check ROADTEST_HOME and ROADTEST_DATABASE_URL, or try again"),
    ],
)
def test_the_advice_fits_the_cause(tmp_path: Path, cause: str, advice: str) -> None:
    """What the database says of itself stands in the sentence, with what helps against that."""
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    failed = OperationalError("INSERT", {}, sqlite3.OperationalError(cause))
    with pytest.raises(StoreError, match=rf"can't be used: {re.escape(cause)}\. {advice}") as caught, reading(store):
        raise failed
    assert "\n" not in str(caught.value)
    store.close()


def test_a_full_database_says_to_make_room(tmp_path: Path) -> None:
    """SQLite's own words for it are understood: a file that may not grow."""
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    rows = [_trial(f"{number}-{'x' * 500}") for number in range(2_000)]

    def fill() -> None:
        with writing(store, "x") as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1")
            connection.execute(TRIAL.insert(), rows)

    with pytest.raises(StoreError, match=r"disk is full\. Make room"):
        fill()
    store.close()


def _trial(name: str) -> dict[str, object]:
    return {
        "id": name,
        "state": "registered",
        "token": 0,
        "plan_version": 1,
        "plan_sha256": "0" * 64,
        "created_at": datetime(2024, 1, 1, tzinfo=UTC),
    }
