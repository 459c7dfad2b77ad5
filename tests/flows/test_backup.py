"""`roadtest backup` and `restore`: one file, whole or not at all, and a home made from it with every number equal."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from flows import archives, backing_up, operating_cli, restoring
from flows.archives import Backup
from flows.restoring import STAGE, restore
from flows.settings import Settings
from tests.flows.filled import FIRST, LATER, SECOND, fill, numbers
from tests.flows.making import Desk, people
from trials.errors import StoreError
from trials.store.engine import open_store
from trials.store.verifying import verify

APP, DB = typer.Typer(), typer.Typer()
operating_cli.add(APP, DB)
APP.add_typer(DB, name="db")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("filled") / "home"
    home.mkdir()
    store = open_store(f"sqlite:///{home / 'roadtest.db'}")
    fill(Desk(store, home))
    store.close()
    return home


@pytest.fixture
def home(filled: Path, tmp_path: Path) -> Path:
    """A filled home of this test's own."""
    shutil.copytree(filled, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def archive(filled: Path, tmp_path: Path) -> Path:
    backed_up(filled, tmp_path / "one.backup")
    return tmp_path / "one.backup"


def backed_up(home: Path, file: Path, **options: Any) -> Backup:
    return backing_up.back_up(Settings(home=home), file, at=LATER, **options)[0]


def numbers_of(home: Path) -> Any:
    store = open_store(f"sqlite:///{home / 'roadtest.db'}", migrate=False)
    try:
        return numbers(store)
    finally:
        store.close()


def roadtest(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(APP, [str(word) for word in words])
    return done.exit_code, done.output


# A backup


def test_a_home_comes_back_as_it_was(home: Path, tmp_path: Path) -> None:
    """Database, keys and every number; the file and what comes out of it are their owner's alone; deliveries go on."""
    (home / "alerts.yaml").write_text("to: []\n")
    told = backed_up(home, tmp_path / "one.backup")
    assert stat.S_IMODE((tmp_path / "one.backup").stat().st_mode) == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {"home", "one.backup"}
    assert set(told.parts) == {"roadtest.db", "alerts.yaml", f"keys/{FIRST}.key", f"keys/{SECOND}.key"}
    made, found = restore(tmp_path / "one.backup", tmp_path / "new")
    assert (made, found) == (told, ())
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"roadtest.db", "alerts.yaml", "keys"}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in (tmp_path / "new").rglob("*.*"))
    assert numbers_of(tmp_path / "new") == numbers_of(home)
    store = open_store(f"sqlite:///{tmp_path}/new/roadtest.db")
    again = Desk(store, tmp_path / "new")
    again.sent(SECOND, {"2024-05-01.csv": people(30, 60)})
    receipt = again.collect(SECOND)[SECOND].receipts[0]
    assert (receipt.accepted, receipt.duplicates) == (20, 11)  # the same people are known again by the restored key
    store.close()


def test_a_backup_while_a_writer_writes_is_of_one_moment(home: Path, tmp_path: Path) -> None:
    """However the writer is interleaved, each of several backups verifies, and none holds part of a delivery."""
    store = open_store(f"sqlite:///{home / 'roadtest.db'}")
    desk, stop, sent = Desk(store, home), threading.Event(), []

    def write() -> None:
        while not stop.is_set() and len(sent) < 20:
            first = 41 + 5 * len(sent)
            desk.sent(SECOND, {f"2024-05-{len(sent) + 1:02d}.csv": people(first, first + 4)})
            sent.append(desk.collect(SECOND)[SECOND].receipts[0].accepted)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        heads = [backed_up(home, tmp_path / f"{number}.backup").heads for number in range(4)]
    finally:
        stop.set()
        writer.join()
        store.close()
    assert sent
    assert set(sent) == {5}
    for number, known in enumerate(heads):
        made, found = restore(tmp_path / f"{number}.backup", tmp_path / f"home{number}")
        assert (made.heads, found) == (known, ())
        people_in = numbers_of(tmp_path / f"home{number}")["cards"][1][-1]
        assert people_in % 5 == 0


def test_keys_are_left_out_where_they_are_kept_elsewhere(home: Path, tmp_path: Path) -> None:
    """Nothing in the archive tells who is who, nor what alerts may hold; tombstones stay. Sources come only if wanted."""
    (home / "alerts.yaml").write_text("to: [mailto://user:opensesame@example.org]\n")
    (home / "keys" / "old-trial.erased").write_text("2024-01-01\n")
    keys = [path.read_bytes().strip() for path in (home / "keys").glob("*.key")]
    told = backed_up(home, tmp_path / "one.backup", with_keys=False)
    assert set(told.parts) == {"roadtest.db", "keys/old-trial.erased"}
    with zipfile.ZipFile(tmp_path / "one.backup") as opened:
        held = b"".join(opened.read(name) for name in opened.namelist())
    assert not [key for key in [*keys, b"opensesame"] if key in held]
    told = backed_up(home, tmp_path / "two.backup", with_sources=True)
    assert "sources/second-trial/2024-03-02.csv" in told.parts
    restore(tmp_path / "two.backup", tmp_path / "new")
    first = home / "sources" / "second-trial" / "2024-03-02.csv"
    assert (tmp_path / "new" / "sources" / "second-trial" / first.name).read_bytes() == first.read_bytes()


def test_sources_behind_a_link_go_in_and_what_does_not_is_named(home: Path, tmp_path: Path) -> None:
    """`sources` on another disk is backed up under its name in the home; links that lead out of it are named, not followed."""
    (home / "sources").rename(tmp_path / "disk")
    (home / "sources").symlink_to(tmp_path / "disk")
    (tmp_path / "notes").write_text("not a source")
    (tmp_path / "disk" / "notes").symlink_to(tmp_path / "notes")
    (tmp_path / "disk" / "loop").symlink_to("loop")
    (tmp_path / "disk" / "folder").symlink_to(tmp_path)
    files = {path.relative_to(tmp_path / "disk").as_posix() for path in (tmp_path / "disk").rglob("*.csv")}
    told = backed_up(home, tmp_path / "one.backup", with_sources=True)
    assert {name.removeprefix("sources/") for name in told.parts if name.startswith("sources/")} == files != set()
    links = {"folder": tmp_path, "loop": "loop", "notes": tmp_path / "notes"}
    assert told.left_out == tuple(f"{home / 'sources' / name} (a link to {to})" for name, to in links.items())
    code, said = roadtest("backup", tmp_path / "two.backup", "--with-sources", "--home", home)
    assert (code, f"2 keys, {len(files)} source files." in said) == (0, True)
    assert f"Note: left out: {home / 'sources' / 'notes'} (a link to" in said
    assert restore(tmp_path / "one.backup", tmp_path / "new")[0] == told
    (home / "sources").unlink()
    assert backed_up(home, tmp_path / "three.backup", with_sources=True).left_out == (
        f"{home / 'sources'} (not a folder that is there)",
    )


def test_the_alerts_file_comes_from_where_it_is_kept(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that ROADTEST_ALERTS names is in the archive, not another; `restore` says where it belongs; one that is not there
    is missed."""
    (home / "alerts.yaml").write_text("of: the home\n")
    (tmp_path / "told.yaml").write_text("of: another place\n")
    monkeypatch.setenv("ROADTEST_ALERTS", str(tmp_path / "told.yaml"))
    backed_up(home, tmp_path / "one.backup")
    code, said = roadtest("restore", tmp_path / "one.backup", "--home", tmp_path / "new")
    assert (tmp_path / "new" / "alerts.yaml").read_text() == "of: another place\n"
    lies = f"The alerts file lies in {tmp_path / 'new' / 'alerts.yaml'}"
    assert (code, f"{lies}: move it to {tmp_path / 'told.yaml'}" in said) == (0, True)
    (tmp_path / "told.yaml").unlink()
    assert "ROADTEST_ALERTS names it" in backed_up(home, tmp_path / "two.backup").left_out[0]
    monkeypatch.delenv("ROADTEST_ALERTS")
    code, said = roadtest("restore", tmp_path / "one.backup", "--home", tmp_path / "newer")
    assert (code, f"which counts here. It came from {tmp_path / 'told.yaml'}" in said) == (0, True)


def test_no_password_of_an_address_is_in_the_manifest(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """User and password before a host are masked, whatever signs the password has; the host stays."""
    monkeypatch.setenv("ROADTEST_DASK_ADDRESS", "tcp://ann:open/se@same@host:8786")
    monkeypatch.setenv("ROADTEST_PUBLIC_URL", "https://trials.example.org/x")
    told = backed_up(home, tmp_path / "one.backup")
    assert told.settings["ROADTEST_DASK_ADDRESS"] == "tcp://***@host:8786"
    assert told.settings["ROADTEST_PUBLIC_URL"] == "https://trials.example.org/x"


def test_a_key_that_should_be_there_is_missed(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The manifest names the trial, and the settings that were set, a secret one by its name alone."""
    (home / "keys" / f"{FIRST}.key").unlink()
    monkeypatch.setenv("ROADTEST_PROXY_SECRET", "open sesame")
    monkeypatch.setenv("ROADTEST_WORKERS", "3")
    told = backed_up(home, tmp_path / "one.backup")
    assert told.missing == (FIRST,)
    assert told.settings == {"ROADTEST_HOME": str(home), "ROADTEST_PROXY_SECRET": None, "ROADTEST_WORKERS": "3"}
    assert b"sesame" not in (tmp_path / "one.backup").read_bytes()


def test_nothing_is_written_over(archive: Path, filled: Path) -> None:
    """A file that is there stays, whatever it is."""
    before = archive.read_bytes()
    with pytest.raises(StoreError, match="exists already, must be a new file"):
        backed_up(filled, archive)
    assert archive.read_bytes() == before


@pytest.mark.parametrize("step", ["snapshot", "write", "link"])
def test_a_backup_that_is_killed_leaves_no_archive(step: str, home: Path, tmp_path: Path) -> None:
    """Killed (SIGKILL) at any step there is no file of that name, and the next backup clears what was half-done away."""
    script = f"""
import os, signal, sys
from pathlib import Path
from flows import archives, backing_up
from flows.settings import Settings
from trials.store import copying
die = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
places = {{"snapshot": (copying, "snapshot"), "write": (archives, "_sign"), "link": (os, "link")}}
setattr(*places[{step!r}], die)
from datetime import datetime, UTC
backing_up.back_up(Settings(home=Path({str(home)!r})), Path({str(tmp_path / "one.backup")!r}), at=datetime.now(UTC))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, cwd=Path(__file__).parents[2]
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert [path.name[:17] for path in tmp_path.iterdir() if path.name != "home"] == [".roadtest-backup-"]
    backed_up(home, tmp_path / "one.backup")
    assert {path.name for path in tmp_path.iterdir()} == {"home", "one.backup"}


# A restore


def test_any_bit_that_flips_is_found(archive: Path, tmp_path: Path) -> None:
    """Wherever it lies; one in a part is told by the part's name; the home is not made."""
    whole = archive.read_bytes()
    with zipfile.ZipFile(archive) as opened:
        starts = {info.filename: info.header_offset + 30 + len(info.filename) + 40 for info in opened.infolist()}
    places = {**starts, "end": len(whole) - 10, "header": 5, "directory": len(whole) - 200}
    for name, place in places.items():
        broken = bytearray(whole)
        broken[place] ^= 1
        archive.write_bytes(broken)
        with pytest.raises(StoreError, match="is damaged") as refused:
            restore(archive, tmp_path / "new")
        assert f"part {name}" in str(refused.value) or name in ("end", "header", "directory", "manifest.json")
        assert not (tmp_path / "new").exists()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        archive.write_bytes(whole[:length])
        with pytest.raises(StoreError, match="is damaged"):
            restore(archive, tmp_path / "new")


def test_a_forged_archive_can_not_write_outside(archive: Path, tmp_path: Path) -> None:
    """A part whose name leads out of the home is refused, with sums that fit and all."""
    evil = tmp_path / "evil.txt"
    evil.write_text("x")
    for name in ("../out.txt", "/out.txt", "keys/../../out.txt", "prefect/x"):
        forged = tmp_path / "forged"
        told = {"made_at": "", "version": "", "revision": "", "database": "", "with_keys": True, "heads": {}}
        archives.write(forged, {name: evil}, {**told, "missing": (), "settings": {}})
        with pytest.raises(StoreError, match="is damaged"):
            restore(forged, tmp_path / "new")
        forged.unlink()
        assert not (tmp_path / "out.txt").exists()


def test_a_home_that_holds_anything_stays(archive: Path, tmp_path: Path) -> None:
    """The first thing that lies there is named, and nothing is written beside it."""
    home = tmp_path / "used"
    home.mkdir()
    (home / "notes.txt").write_text("mine")
    with pytest.raises(StoreError, match=r"used holds notes\.txt, must be empty"):
        restore(archive, home)
    assert [path.name for path in home.iterdir()] == ["notes.txt"]


def test_a_ledger_that_was_altered_before_is_not_restored_unsaid(home: Path, tmp_path: Path) -> None:
    """It is refused with what is wrong, and restored with the findings where somebody wants it as it was."""
    with sqlite3.connect(home / "roadtest.db") as connection:
        connection.execute("UPDATE look SET n = n + 1 WHERE number = 1")
    connection.close()
    backed_up(home, tmp_path / "one.backup")
    with pytest.raises(StoreError, match="altered before it was backed up"):
        restore(tmp_path / "one.backup", tmp_path / "new")
    assert not (tmp_path / "new").exists()
    _, found = restore(tmp_path / "one.backup", tmp_path / "new", as_it_was=True)
    assert "look 1 is not what was recorded" in found[0].sentence


def test_a_newer_archive_is_refused_and_an_older_one_migrated(home: Path, tmp_path: Path) -> None:
    """Unknown revisions are another version's; known ones are brought to this version's tables."""
    with sqlite3.connect(home / "roadtest.db") as connection:
        now = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
        connection.execute("UPDATE alembic_version SET version_num = 'r9999'")
    backed_up(home, tmp_path / "newer.backup")
    with pytest.raises(StoreError, match=r"roadtest\.db in .*newer\.backup is at revision 'r9999'.*a newer version"):
        restore(tmp_path / "newer.backup", tmp_path / "new")
    with sqlite3.connect(home / "roadtest.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'r0006'")
        added = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'alert%'")
        later = ("round", "trial_work", *(name for (name,) in added))
        for name in later:
            connection.execute(f"DROP TABLE {name}")
        connection.execute("DROP INDEX ix_audit_event_trial_id_kind")
    connection.close()
    assert backed_up(home, tmp_path / "older.backup").revision == "r0006"
    restore(tmp_path / "older.backup", tmp_path / "new")
    store = open_store(f"sqlite:///{tmp_path}/new/roadtest.db", migrate=False)
    assert verify(store) == []
    store.close()
    assert now != "r0006"


@pytest.mark.parametrize("step", ["read", "verify", "keys moved"])
def test_a_restore_that_is_killed_leaves_no_database(step: str, archive: Path, tmp_path: Path, filled: Path) -> None:
    """Killed (SIGKILL) at any step there is no database in the home, and the same again goes through."""
    script = f"""
import os, signal
from pathlib import Path
from flows import archives, restoring
from trials.store import verifying
die = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
rename = Path.rename
def renamed(path, to):
    die() if path.name == "roadtest.db" else rename(path, to)
places = {{"read": (archives, "_take", die), "verify": (verifying, "verify", die), "keys moved": (Path, "rename", renamed)}}
setattr(*places[{step!r}])
restoring.restore(Path({str(archive)!r}), Path({str(tmp_path / "new")!r}))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, cwd=Path(__file__).parents[2]
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not (tmp_path / "new" / "roadtest.db").exists()
    assert (tmp_path / "new" / STAGE).exists()
    restore(archive, tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"roadtest.db", "keys"}
    assert numbers_of(tmp_path / "new") == numbers_of(filled)


@pytest.mark.parametrize("new", [True, False])
def test_a_restore_that_is_stopped_takes_back_what_it_moved(
    new: bool, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped (Ctrl-C) between two renames the home is as it was, and the same again goes through."""
    home, rename = tmp_path / "new", Path.rename
    if not new:
        home.mkdir()

    def stopped(path: Path, to: Path) -> Path:
        if path.name == "roadtest.db":
            assert (home / "keys").exists()
            raise KeyboardInterrupt
        return rename(path, to)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", stopped)
        with pytest.raises(KeyboardInterrupt):
            restore(archive, home)
    assert (home.exists(), [*tmp_path.glob("new/*")]) == (not new, [])
    restore(archive, home)
    assert {path.name for path in home.iterdir()} == {"roadtest.db", "keys"}


def test_a_restore_that_is_stopped_after_its_end_is_whole(
    archive: Path, tmp_path: Path, filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the database has its name everything stays; an empty stage is taken away, and the home is said to be whole."""

    def stopped(_: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(restoring, "sync", stopped)
        with pytest.raises(KeyboardInterrupt):
            restore(archive, tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"roadtest.db", "keys"}
    (tmp_path / "new" / STAGE).mkdir()  # as a kill leaves it
    with pytest.raises(StoreError, match=r"holds a whole home.*next: roadtest status --home"):
        restore(archive, tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"roadtest.db", "keys"}
    assert numbers_of(tmp_path / "new") == numbers_of(filled)


# The commands


def test_the_commands_say_what_is_next(home: Path, tmp_path: Path) -> None:
    """Backup, restore and copy end with 0 and name the next command; what is refused is one sentence and 1."""
    code, said = roadtest("backup", tmp_path / "one.backup", "--home", home)
    assert (code, "2 keys" in said, "Next: it holds keys: encrypt it" in said) == (0, True, True)
    code, said = roadtest("backup", tmp_path / "one.backup", "--home", home)
    assert (code, said.count("\n"), said.startswith("roadtest: ")) == (1, 1, True)
    code, said = roadtest("restore", tmp_path / "one.backup", "--home", tmp_path / "new")
    assert code == 0
    assert "everything is as it was recorded" in said
    assert f"Next: roadtest status --home {tmp_path / 'new'}" in said
    code, said = roadtest("db", "copy", "--to", f"sqlite:///{tmp_path}/copy.db", "--home", home)
    assert (code, "every table is the same" in said) == (0, True)
    assert f"Next: set ROADTEST_DATABASE_URL=sqlite:///{tmp_path}/copy.db" in said
    code, said = roadtest("db", "copy", "--to", f"sqlite:///{tmp_path}/copy.db", "--home", home, "--json")
    assert (code, json.loads(said)["there_before"]) == (0, True)
    code, said = roadtest("backup", tmp_path / "two.backup", "--without-keys", "--home", home, "--json")
    assert json.loads(said)["with_keys"] is False
    code, said = roadtest("backup", tmp_path / "three.backup", "--home", tmp_path / "nowhere")
    assert (code, "must be a database" in said) == (1, True)
    assert not (tmp_path / "nowhere").exists()
