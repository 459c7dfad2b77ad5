"""`roadtest db copy`: a whole database into the other kind and back, all of it or nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    insert,
    select,
    text,
)
from sqlalchemy.types import JSON

from tests.flows.filled import FIRST, LATER, SECOND, fill, numbers
from tests.flows.making import Desk, people
from trials.errors import StoreError
from trials.store import accounts, carrying, copying, engine, lessons, rounds
from trials.store.engine import Store, open_store, reading, writing
from trials.store.models import metadata

Urls = Callable[[str], str]
PROCESS = Path(__file__).parent / "copying_process.py"
ALONE = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}


@pytest.fixture
def urls(postgres: Any, tmp_path: Path) -> Urls:
    """A new address of a kind: 'sqlite' or 'postgresql', nothing there yet."""
    made = iter(range(9))
    return lambda kind: postgres.empty() if kind == "postgresql" else f"sqlite:///{tmp_path}/copy{next(made)}.db"


@pytest.fixture
def tables(postgres: Any, migrated_file: bytes, tmp_path: Path) -> Urls:
    """A new address of a kind, with our tables and no row."""
    made = iter(range(9))

    def url(kind: str) -> str:
        if kind == "postgresql":
            return str(postgres.fresh())
        path = tmp_path / f"tables{next(made)}.db"
        path.write_bytes(migrated_file)
        return f"sqlite:///{path}"

    return url


@pytest.fixture(scope="module")
def filled(postgres: Any, migrated_file: bytes, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By kind of database, a home that was filled in it once: the name of a template, or the file."""
    homes = {}
    for kind in ("sqlite", "postgresql"):
        home = homes[kind] = tmp_path_factory.mktemp(kind)
        (home / "roadtest.db").write_bytes(migrated_file)
        if kind == "postgresql":
            postgres.run("CREATE DATABASE filled TEMPLATE migrated")
        url = postgres.url("filled") if kind == "postgresql" else f"sqlite:///{home / 'roadtest.db'}"
        store = open_store(url)
        fill(Desk(store, home))
        store.close()
    return homes


@pytest.fixture
def desk(backend: str, filled: dict[str, Path], postgres: Any, tmp_path: Path) -> Iterator[Desk]:
    """A filled home of this test's own, on either database."""
    home = tmp_path / "home"
    shutil.copytree(filled[backend], home)
    url = f"sqlite:///{home / 'roadtest.db'}"
    if backend == "postgresql":
        name = f"filled{next(postgres.numbers)}"
        postgres.run(f"CREATE DATABASE {name} TEMPLATE filled")
        url = postgres.url(name)
    store = open_store(url)
    yield Desk(store, home)
    store.close()


def rows_of(store: Store) -> dict[str, Any]:
    with reading(store) as connection:
        return {table.name: copying.digest(connection, table) for table in metadata.sorted_tables}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_every_row_and_every_number_arrive(desk: Desk, kind: str, urls: Urls, kit: SimpleNamespace) -> None:
    """To either database: the same rows in every table, none of which was empty, the same numbers, whole chains, and what was
    searched for is found."""
    url = urls(kind)
    found = copying.copy_into(desk.store, url)
    assert found.findings == ()
    empty = {name for name, count in found.rows.items() if count == 0}
    assert {
        "act",
        "account",
        "audit_event",
        "enrolment",
        "link",
        "look",
        "observation",
        "round",
        "trial_work",
    } & empty == set()
    target = open_store(url, migrate=False)
    assert rows_of(target) == rows_of(desk.store)
    assert kit.contents(target) == kit.contents(desk.store)
    assert numbers(target) == numbers(desk.store)
    asked = [lessons.search(one, "erinnerungen").texts for one in (desk.store, target)]
    assert asked[0] == asked[1]
    assert len(asked[0]) == 1
    target.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_copy_goes_on(desk: Desk, kind: str, urls: Urls) -> None:
    """In the copy the next delivery, round and failed sign-in take the numbers that they would have taken in the original."""
    url = urls(kind)
    copying.copy_into(desk.store, url)
    target = open_store(url)
    found = []
    for store in (desk.store, target):
        mine = Desk(store, desk.home)
        mine.sent(SECOND, {"2024-05-01.csv": people(41, 60)})
        receipt = mine.collect(SECOND)[SECOND].receipts[0]
        accounts.attempt(store, "zoe", "192.0.2.7", LATER)
        round_ = rounds.begin(store, LATER, host="here", pid=2)
        assert isinstance(round_, rounds.Round)
        found.append((receipt.accepted, receipt.look_number, round_.id))
    assert found[0] == found[1]
    assert {name: count for name, (count, _) in rows_of(target).items()} == {
        name: count for name, (count, _) in rows_of(desk.store).items()
    }
    target.close()


def test_a_copy_of_a_copy_is_the_original(desk: Desk, urls: Urls) -> None:
    """Through the other database and back nothing is lost, not a microsecond and not a digit."""
    there, back = urls("postgresql"), urls("sqlite")
    copying.copy_into(desk.store, there)
    middle = open_store(there)
    copying.copy_into(middle, back)
    middle.close()
    home = open_store(back)
    assert rows_of(home) == rows_of(desk.store)
    assert numbers(home) == numbers(desk.store)
    home.close()


def test_the_copy_is_of_one_moment(desk: Desk, urls: Urls) -> None:
    """A delivery that comes in while tables are copied is in none of them."""
    before, url, sent = numbers(desk.store), urls("sqlite"), []

    def write(table: str, rows: int) -> None:
        if not sent:
            sent.append(desk.sent(SECOND, {"2024-05-01.csv": people(41, 60)}))
            assert desk.collect(SECOND)[SECOND].receipts[0].accepted == 20

    found = copying.copy_into(desk.store, url, told=write)
    assert found.findings == ()
    target = open_store(url)
    assert numbers(target) == before
    assert numbers(desk.store) != before
    target.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_is_cut_short_leaves_nothing(desk: Desk, kind: str, urls: Urls) -> None:
    """Whatever stops it after some tables, the target holds no row, and the next attempt goes through."""
    url = urls(kind)

    def stop(table: str, rows: int) -> None:
        if table == "observation":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copying.copy_into(desk.store, url, told=stop)
    target = open_store(url, migrate=False)
    assert {count for count, _ in rows_of(target).values()} == {0}
    target.close()
    assert copying.copy_into(desk.store, url).rows["observation"] > 0


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_copy_that_is_killed_is_harmless(desk: Desk, kind: str, urls: Urls, tables: Urls) -> None:
    """`kill -9` at moments drawn from the whole of a copy, before its commit and after it: the target has no row, or all of
    them, searchable; the same copy again goes through, and says which it was."""
    # The first is killed while its tables are made, the others have them.
    whole, *at_random, commit, audit = (urls(kind) if place == 1 else tables(kind) for place in range(6))
    words = [sys.executable, PROCESS, desk.store.url, whole, *at_random, "--seed", 7]
    words += [f"--at=COMMIT={commit}", f"--at=AUDIT={audit}"]
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, env=ALONE, check=False)
    assert done.returncode == 0, done.stderr
    killed = json.loads(done.stdout)["ended"]
    assert killed == dict.fromkeys((*at_random, commit, audit), -signal.SIGKILL)
    source, found = rows_of(desk.store), {}
    for url in killed:
        target = open_store(url)
        left = rows_of(target)
        found[url] = left == source
        assert found[url] or {count for count, _ in left.values()} == {0}
        again = copying.copy_into(desk.store, url)
        assert (again.before, again.findings) == (found[url], ())
        assert rows_of(target) == source
        assert len(lessons.search(target, "erinnerungen").texts) == 1
        target.close()
    assert (found[commit], found[audit]) == (False, True)
    assert not found[at_random[0]]


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_copy_whose_connection_is_cut_is_harmless(desk: Desk, urls: Urls, postgres: Any) -> None:
    """The server ends the connection after some tables: one sentence, no row, and the same copy again goes through."""
    url = urls("postgresql")

    def cut(table: str, rows: int) -> None:
        if table == "observation":
            postgres.run(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{url.split('/')[3].split('?')[0]}'"
            )

    with pytest.raises(StoreError, match="can't be used"):
        copying.copy_into(desk.store, url, told=cut)
    target = open_store(url, migrate=False)
    assert {count for count, _ in rows_of(target).values()} == {0}
    target.close()
    assert not copying.copy_into(desk.store, url).before


def test_an_address_is_shown_without_its_password() -> None:
    """Neither before the host nor among what follows the question mark."""
    url = "postgresql://ann:sesame@db.example.org/tried?password=sesame&sslmode=require"
    assert copying.shown(url) == "postgresql://ann:***@db.example.org/tried?sslmode=require"
    for torn in ("ses@me/ses@me@db.example.org", "ses@me@db.example.org", "ses@me?ses@me@db.example.org"):
        assert copying.shown(f"postgresql://ann:{torn}/tried") == "postgresql://..."


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_target_that_is_in_use_is_refused(desk: Desk, kind: str, urls: Urls) -> None:
    """One in which anything differs from the source, whichever of them went on, and one with older tables stay as they are."""
    used, older = urls(kind), urls(kind)
    copying.copy_into(desk.store, used)
    target = open_store(used)
    accounts.remove(target, "Zoë")  # of which no chain tells
    held = rows_of(target)
    with pytest.raises(StoreError, match=r"its table account is not what the source's is now"):
        copying.copy_into(desk.store, used)
    desk.sent(SECOND, {"2024-05-01.csv": people(41, 60)})
    desk.collect(SECOND)
    with pytest.raises(
        StoreError, match=r"its table audit_event is not what .*nothing was copied.*ask `roadtest audit verify`"
    ):
        copying.copy_into(desk.store, used)
    assert rows_of(target) == held
    target.close()
    opened = engine._engine(engine._target(older), foreign_keys=False)
    with writing(Store(opened, older)) as connection:
        config = engine.alembic_config()
        config.attributes["connection"] = connection
        engine.command.upgrade(config, "r0003")
    with pytest.raises(StoreError, match="has the tables of revision r0003, must have"):
        copying.copy_into(desk.store, older)
    assert engine._revision(opened) == "r0003"
    opened.dispose()


def test_the_source_is_no_target(desk: Desk, tmp_path: Path) -> None:
    """Nor is it under another name: a link to the file, or an address that says the same in other words."""
    url = desk.store.url
    if url.startswith("sqlite"):
        (tmp_path / "link.db").symlink_to(url.removeprefix("sqlite:///"))
        other = f"sqlite:///{tmp_path}/link.db"
    else:
        other = f"{url}{'&' if '?' in url else '?'}application_name=other"
    for named in (url, other):
        with pytest.raises(StoreError, match="is the database that is to be copied, must be another"):
            copying.copy_into(desk.store, named)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_what_postgresql_can_not_hold_is_refused(desk: Desk, urls: Urls) -> None:
    """SQLite takes anything anywhere. What somebody wrote in past Roadtest is named by its table, and nothing is copied."""
    url = urls("postgresql")
    for change in ("state = 'a' || char(0) || 'b'", "token = 'many'", "token = 99999999999", "created_at = 'soon'"):
        with writing(desk.store) as connection:
            before = connection.execute(
                text("SELECT state, token, created_at FROM trial WHERE id = :id"), {"id": FIRST}
            ).one()
            connection.execute(text(f"UPDATE trial SET {change} WHERE id = :id"), {"id": FIRST})
        with pytest.raises(StoreError, match=r"^table trial holds a value that the target can't hold"):
            copying.copy_into(desk.store, url)
        with writing(desk.store) as connection:
            back = {"state": before[0], "token": before[1], "at": before[2], "id": FIRST}
            connection.execute(
                text("UPDATE trial SET state = :state, token = :token, created_at = :at WHERE id = :id"), back
            )
    assert copying.copy_into(desk.store, url).findings == ()


@pytest.mark.parametrize("backend", ["sqlite"])
def test_an_altered_ledger_is_copied_as_it_is_and_said_to_be(desk: Desk, urls: Urls) -> None:
    """The copy is exact, so what the audit finds in the original it finds in the copy."""
    with writing(desk.store) as connection:
        connection.execute(text("UPDATE observation SET value = 1 - value WHERE participant_id IN "
                                "(SELECT participant_id FROM observation ORDER BY participant_id LIMIT 1)"))  # fmt: skip
    found = copying.copy_into(desk.store, urls("postgresql"))
    assert (
        [one.sentence for one in found.findings] == [one.sentence for one in copying.verifying.verify(desk.store)] != []
    )


def test_every_kind_of_value_crosses(urls: Urls) -> None:
    """Booleans, large and missing numbers, times of other zones, days, JSON and any letters, both ways; none is changed."""
    table = Table(
        "several",
        MetaData(),
        Column("id", Text, primary_key=True),
        Column("yes", Boolean),
        Column("large", BigInteger),
        Column("small", Integer),
        Column("real", Float),
        Column("at", DateTime(timezone=True)),
        Column("day", Date),
        Column("body", JSON),
    )
    rows: list[dict[str, Any]] = [
        {"id": "ä", "yes": True, "large": 2**62, "small": -1, "real": 0.1 + 0.2, "at": LATER, "day": date(1, 1, 1)},
        {
            "id": "Z",
            "yes": False,
            "real": -1e308,
            "at": datetime(1, 1, 1, tzinfo=UTC),
            "body": {"日": [1, None, "\\n"]},
        },
        {"id": "a\n\t\\N'\"", "real": 5e-324, "at": datetime.fromisoformat("2024-10-27T02:30:00.000001+02:00")},
    ]
    names = [column.name for column in table.c]
    stores = [
        Store(engine._engine(engine._target(url)), url) for url in (urls("sqlite"), urls("postgresql"), urls("sqlite"))
    ]
    with writing(stores[1]) as connection:
        table.create(connection)
        connection.execute(insert(table), [{**dict.fromkeys(names), **row} for row in rows])
    for here, there in ((1, 0), (0, 2)):
        with reading(stores[here]) as source, writing(stores[there]) as target:
            table.create(target)
            assert copying.copy_table(source, target, table) == 3
    told = []
    for store in stores:
        with reading(store) as connection:
            told.append(
                (
                    copying.digest(connection, table),
                    sorted(map(repr, connection.execute(select(*[table.c[name] for name in names if name != "at"])))),
                )
            )
        store.close()
    assert told[0] == told[1] == told[2]
    with pytest.raises(TypeError, match="must be of one that both databases hold exactly"):
        carrying.kind_of(Column("money", Numeric))


def test_each_column_of_ours_can_cross() -> None:
    """Whoever adds a column of a type that SQLite and PostgreSQL don't both hold exactly hears of it here."""
    assert {carrying.kind_of(column) for table in metadata.sorted_tables for column in table.c} >= {"text", "json"}


def test_a_snapshot_is_the_database(desk: Desk, tmp_path: Path) -> None:
    """Of SQLite and of PostgreSQL, an SQLite file with the same numbers; a database that is not there gives none."""
    path = tmp_path / "snapshot.db"
    copying.snapshot(desk.store.url, path)
    taken = open_store(f"sqlite:///{path}", migrate=False)
    assert numbers(taken) == numbers(desk.store)
    taken.close()
    with pytest.raises(StoreError, match="is not there, must be a database"):
        copying.snapshot(f"sqlite:///{tmp_path}/none.db", tmp_path / "two.db")
    assert not (tmp_path / "none.db").exists()
