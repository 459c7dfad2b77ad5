"""Making a home from an archive: whole, or not at all. It is unpacked, judged and migrated in a folder of its own first."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from flows import archives
from flows.archives import ALERTS, DATABASE, KEYS, MANIFEST, SOURCES, Backup
from flows.backing_up import plainly, sync
from flows.environment import make_folder
from trials.errors import StoreError
from trials.store import verifying
from trials.store.engine import open_store
from trials.store.verifying import Finding

STAGE = ".restoring"
# What lies in a home whose restore was stopped before its database was there.
_MOVED = {STAGE, KEYS, SOURCES, ALERTS, MANIFEST, f"{DATABASE}-wal", f"{DATABASE}-shm"}


def restore(file: Path, home: Path, *, as_it_was: bool = False) -> tuple[Backup, tuple[Finding, ...]]:
    """Make a home from an archive; what it held, and what the audit found. An older revision is migrated.

    as_it_was: also a database that was altered before it was backed up. Raises StoreError, and the home stays as it was, when
    it is not empty, the archive is damaged or was written by a newer version, or its ledger is not what the chain says.
    """
    _must_be_free(home)
    new = not home.exists()
    make_folder(home)
    stage = home / STAGE
    with plainly(home):
        _clear(home)
        stage.mkdir(mode=0o700)
        try:
            manifest = archives.read(file, stage)
            found = _judged(file, stage, manifest)
            if found and not as_it_was:
                raise StoreError(
                    f"{file} holds a database that was altered before it was backed up ({found[0].sentence.rstrip('.')}; "
                    f"{len(found)} findings), must be as its chains say. Take an older archive, or add --as-it-was."
                )
            _move(stage, home)
        except BaseException:
            shutil.rmtree(stage, ignore_errors=True)
            _undo(home, new)
            raise
    return manifest, found


def _undo(home: Path, new: bool) -> None:
    """Take away what was moved, and the folder if it is new. Once the database is there, the home is whole and stays."""
    if (home / DATABASE).exists():
        return
    with suppress(OSError):
        _clear(home)
        if new:
            home.rmdir()


def _must_be_free(home: Path) -> None:
    """Raises StoreError unless the home is empty, or holds what an interrupted restore left and nothing else."""
    try:
        inside = {path.name for path in home.iterdir()} if home.exists() else set()
    except OSError as error:
        raise StoreError(
            f"{home} can't be read ({error.strerror}), must be an empty folder. Name another with --home."
        ) from None
    if {STAGE, DATABASE} <= inside and (home / STAGE).is_dir() and not any((home / STAGE).iterdir()):
        (home / STAGE).rmdir()
        raise StoreError(
            f"{home} holds a whole home: a restore was stopped there after all was done but to take its folder {STAGE} away, "
            f"which is gone now. Must be empty to restore into it again; next: roadtest status --home {home}"
        )
    if inside and not (STAGE in inside and inside <= _MOVED):
        raise StoreError(f"{home} holds {sorted(inside)[0]}, must be empty. Name another folder with --home.")


def _clear(home: Path) -> None:
    """Nothing, or what an interrupted restore left; what somebody else put there meanwhile stays."""
    for path in [one for one in home.iterdir() if one.name in _MOVED]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _judged(file: Path, stage: Path, manifest: Backup) -> tuple[Finding, ...]:
    """Brings the database to this version's tables and reads all of it against its chains and the archive's heads."""
    try:
        store = open_store(f"sqlite:///{stage / DATABASE}")
    except StoreError as error:
        raise StoreError(str(error).replace(str(stage / DATABASE), f"{DATABASE} in {file}")) from None
    try:
        return tuple(verifying.verify(store, heads=manifest.heads))
    finally:
        store.close()


def _move(stage: Path, home: Path) -> None:
    """All out of the stage, the database last: until it is there, the home is one that was never restored."""
    for path in sorted(stage.iterdir(), key=lambda one: one.name == DATABASE):
        path.rename(home / path.name)
    sync(home)
    with suppress(FileNotFoundError):
        stage.rmdir()
