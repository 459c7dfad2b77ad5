"""Writing one file with all that a home can't do without, while others go on writing: whole, or not at all.

The keys are in it, so it is worth as much care as they are; `with_keys=False` leaves them out, for who keeps them elsewhere.
Sources are the sites' own files with people's ids in clear, and the ledger does without them: they are left out unless wanted.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO

from pydantic import SecretStr

import trials
from flows import archives
from flows.archives import ALERTS, DATABASE, KEYS, SOURCES, Backup
from flows.settings import Settings
from trials.errors import StoreError
from trials.store import copying

_WORK = ".roadtest-backup-"


def back_up(
    settings: Settings, file: Path, *, at: datetime, with_keys: bool = True, with_sources: bool = False
) -> tuple[Backup, int]:
    """Write the archive; what it holds and its bytes. Others may go on writing: it holds one state of the database.

    Raises StoreError when the file is there already or can't be written; nothing half is left in its place.
    """
    if file.exists():
        raise StoreError(f"{file} exists already, must be a new file. Name another.")
    with plainly(file), _work_folder(file.absolute().parent) as work:
        manifest = _written(settings, work, at, with_keys=with_keys, with_sources=with_sources)
        archive = work / "archive"
        size = archive.stat().st_size
        _name(archive, file)
        sync(file.absolute().parent)
    return manifest, size


def _name(archive: Path, file: Path) -> None:
    """The archive under its name, never over another."""
    try:
        os.link(archive, file)
    except FileExistsError:
        raise StoreError(f"{file} exists already, must be a new file. Name another.") from None
    except OSError:  # a file system without links
        archive.rename(file)


def _written(settings: Settings, work: Path, at: datetime, *, with_keys: bool, with_sources: bool) -> Backup:
    database = work / DATABASE
    copying.snapshot(settings.url, database)
    revision, heads, bound = _told_of(database)
    # After the database: a key is made before anything is hidden with it, so all that it needs are there by now.
    found, left_out = _files_of(settings, with_keys=with_keys, with_sources=with_sources)
    held = {path.name for path in _inside(settings.keys_folder)}
    told = {
        "made_at": at.isoformat(),
        "version": trials.__version__,
        "revision": revision,
        "database": copying.shown(settings.url),
        "with_keys": with_keys,
        "heads": heads,
        "missing": tuple(trial for trial in bound if not {f"{trial}.key", f"{trial}.erased"} & held),
        "settings": _settings_of(settings),
        "left_out": left_out,
    }
    return archives.write(work / "archive", {DATABASE: database, **found}, told)


def _told_of(database: Path) -> tuple[str, dict[str, tuple[int, str]], list[str]]:
    """(revision, heads, trials with a key) of an SQLite file at any revision."""
    with closing(sqlite3.connect(database)) as connection:
        columns = {row[1] for row in connection.execute("PRAGMA table_info(trial)")}
        chained = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'audit_event'").fetchone()
        revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        newest = "SELECT trial_id, seq, hash, MAX(seq) FROM audit_event GROUP BY trial_id"
        heads = {row[0]: (row[1], row[2]) for row in connection.execute(newest)} if chained else {}
        keyed = "SELECT id FROM trial WHERE key_fingerprint IS NOT NULL ORDER BY id"
        bound = [row[0] for row in connection.execute(keyed)] if "key_fingerprint" in columns else []
    return str(revision[0]), heads, bound


def _files_of(settings: Settings, *, with_keys: bool, with_sources: bool) -> tuple[dict[str, Path], tuple[str, ...]]:
    """By name in the archive: tombstones always, keys and what may hold a secret with the keys, sources if they are wanted; and
    what of these is left out."""
    folder = settings.keys_folder
    wanted = (".key", ".erased") if with_keys else (".erased",)
    found = {f"{KEYS}/{path.name}": path for path in _inside(folder) if path.suffix in wanted and path.name[0] != "."}
    left_out: list[str] = []
    alerts = settings.alerts_file
    if with_keys and alerts.is_file():
        found[ALERTS] = alerts
    elif with_keys and settings.alerts is not None:
        left_out.append(f"{alerts} (not there, though ROADTEST_ALERTS names it)")
    if with_sources:
        sources, outside = _sources_of(settings.folder / SOURCES)
        found |= sources
        left_out += outside
    return found, tuple(left_out)


def _sources_of(folder: Path) -> tuple[dict[str, Path], list[str]]:
    """The files of the folder, which may itself be a link, by name in the archive; and what in it is no file of its own."""
    root, found, left_out = Path(os.path.realpath(folder)), {}, []
    if not root.is_dir():
        return {}, [f"{folder} (not a folder that is there)"]
    for inside, folders, files in os.walk(root, onerror=_must_be_readable):
        links = [name for name in folders if Path(inside, name).is_symlink()]
        for path in (Path(inside, name) for name in [*links, *files]):
            if path.is_file() and path.resolve().is_relative_to(root):
                found[f"{SOURCES}/{path.relative_to(root).as_posix()}"] = path
            else:
                why = f"a link to {os.readlink(path)}" if path.is_symlink() else "not a file"
                left_out.append(f"{folder / path.relative_to(root)} ({why})")
    return dict(sorted(found.items())), sorted(left_out)


def _must_be_readable(error: OSError) -> None:
    raise StoreError(
        f"{error.filename} can't be read ({error.strerror}), must be for --with-sources. Mend its permissions; nothing half is "
        "left."
    )


def _inside(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []


def _settings_of(settings: Settings) -> dict[str, str | None]:
    """What was set; a secret's name without it, an address without user and password. For whoever sets a machine up again."""
    found: dict[str, str | None] = {}
    for name in sorted(settings.model_fields_set):
        value = getattr(settings, name)
        # Up to the last @: a password may hold any other sign, that one too.
        shown = None if isinstance(value, SecretStr) else re.sub(r"://.*@", "://***@", str(value), flags=re.DOTALL)
        found[f"ROADTEST_{name.upper()}"] = shown
    return found


@contextmanager
def _work_folder(beside: Path) -> Iterator[Path]:
    """A folder for what is half-done, for its owner alone; gone at the end, as are those of backups that were killed."""
    for old in beside.glob(f"{_WORK}*"):
        if _is_dead(old):
            shutil.rmtree(old, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=f"{_WORK}{os.getpid()}-", dir=beside))
    with (work / "lock").open("w") as lock:
        _locked(lock)
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _is_dead(work: Path) -> bool:
    try:
        with (work / "lock").open("r") as lock:
            return _locked(lock)
    except OSError:
        return False


def _locked(lock: IO[str]) -> bool:
    """Whether the lock could be had: it ends with the process that holds it."""
    if os.name == "nt":
        return False
    import fcntl

    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


@contextmanager
def plainly(about: Path) -> Iterator[None]:
    """What the system refuses, as one sentence."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{about} can't be written ({error.strerror}). Make room, or name another place; nothing half is left."
        ) from None


def sync(folder: Path) -> None:
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
