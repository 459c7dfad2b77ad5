"""The trials' keys: a file each beside the database, readable by its owner alone; never in the database, a log or a plan.

Whoever backs up the home backs the keys up with it, or keeps them apart (ROADTEST_KEY_FOLDER). A lost key can't be made again:
then nobody can tell who is who any more, which is how a trial's people are forgotten (`flows.erasing`). What is left of such a
key is `<trial>.erased`, so that no new one is ever made in its place.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from trials.errors import StoreError
from trials.pseudonyms import KEY_BYTES, Pseudonyms

KEY, ERASED = ".key", ".erased"


@dataclass(frozen=True, slots=True)
class Keys:
    """A folder of key files, `<trial>.key`, 64 hex digits each, and of `<trial>.erased`, the day on which one was destroyed."""

    folder: Path

    def of(self, trial: str, *, bound: str | None = None) -> Pseudonyms:
        """The trial's key; a new one when nothing was pseudonymised yet. bound: the fingerprint that the ledger knows.

        Raises StoreError when the key was erased, is gone or is another one: with it every known person would look like a new
        one.
        """
        path = self.path(trial)
        self._must_stand(trial)
        key = _read(path)
        if key is None:
            if bound is not None:
                raise StoreError(
                    f"{path} is not there, must hold the key of {trial} ({bound}). Restore it from the backup of the home."
                )
            key = _make(path)
        found = Pseudonyms(key)
        if bound is not None and found.fingerprint != bound:
            raise StoreError(
                f"{path} holds the key {found.fingerprint}, must hold {bound}, with which {trial} began. Restore that one."
            )
        return found

    def path(self, trial: str) -> Path:
        return self.folder / f"{trial}{KEY}"

    def erased_on(self, trial: str) -> str | None:
        """The day on which the trial's key was destroyed, as its tombstone says it; None without one."""
        try:
            return self._tombstone(trial).read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StoreError(
                f"{self._tombstone(trial)} can't be read ({type(error).__name__}), must hold a date. Mend its permissions."
            ) from None

    def is_gone(self, trial: str) -> bool:
        """Whether nothing is left to be destroyed."""
        return self.erased_on(trial) is not None and not self.path(trial).exists() and not self._copies(trial)

    def destroy(self, trial: str, on: date) -> None:
        """Destroy the trial's key and every copy of it in the folder; leave a tombstone. Safe to repeat after a kill.

        First the tombstone, so that no new key takes its place; then each file is overwritten and removed. A disk that writes
        elsewhere (an SSD, a copy-on-write file system) may keep the old bytes until they are reused: docs/operating.md.
        Raises StoreError when a file can't be written.
        """
        try:
            if self.erased_on(trial) is None:
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                _put(self._tombstone(trial), f"{on.isoformat()}\n")
            for path in (*self._copies(trial), self.path(trial)):  # the key itself last: its copies are known by it
                _shred(path)
            _sync(self.folder)
        except OSError as error:
            raise StoreError(
                f"the key of {trial} in {self.folder} can't be destroyed ({error.strerror}), must be writable. Mend that, then "
                "say the same again."
            ) from None

    def _must_stand(self, trial: str) -> None:
        on = self.erased_on(trial)
        if on is not None:
            raise StoreError(
                f"the key of {trial} was erased on {on}, must be there to tell who is who: nothing about people is taken in or "
                f"shown any more. What the trial came to stays: roadtest status {trial}"
            )

    def _tombstone(self, trial: str) -> Path:
        return self.folder / f"{trial}{ERASED}"

    def _copies(self, trial: str) -> list[Path]:
        """Other files of the folder that hold the same key: of a process that was killed while it made it, or made by hand."""
        path = self.path(trial)
        if not path.exists():
            return []
        held = path.read_bytes().strip()
        others = [one for one in self.folder.iterdir() if one.is_file() and one != path]
        return [one for one in sorted(others) if len(held) > 0 and held in one.read_bytes()]


def _read(path: Path) -> bytes | None:
    try:
        text = path.read_text(encoding="ascii").strip()
        key = bytes.fromhex(text)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{path} can't be read ({type(error).__name__}), must hold a key. Restore it from the backup."
        ) from None
    if len(key) != KEY_BYTES:
        raise StoreError(f"{path} holds {len(key)} bytes, must hold a key of {KEY_BYTES}. Restore it from the backup.")
    return key


def _make(path: Path) -> bytes:
    """Writes a new key; if another process was faster, its key is the one."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _put(path, secrets.token_hex(KEY_BYTES) + "\n")
    except OSError as error:
        raise StoreError(
            f"{path} can't be written ({error.strerror}), must hold the trial's key. Check the folder's permissions."
        ) from None
    found = _read(path)
    if found is None:
        raise StoreError(f"{path} vanished while it was written. Check the folder.")
    return found


def _put(path: Path, text: str) -> None:
    """Write a file that never shows half of itself, for its owner alone; one that is there already stays."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".new-", delete=False) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(file.name, path)  # fails when it is there already
    except FileExistsError:
        pass
    finally:
        os.unlink(file.name)
    _sync(path.parent)


def _shred(path: Path) -> None:
    """Overwrite a file with random bytes, then remove it."""
    try:
        with path.open("r+b") as file:
            file.write(secrets.token_bytes(max(path.stat().st_size, 2 * KEY_BYTES)))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
    except FileNotFoundError:
        return


def _sync(folder: Path) -> None:
    """Make sure that what was put into a folder, or taken out, outlives a power cut. Windows has no such call."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
