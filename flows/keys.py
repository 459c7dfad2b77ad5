"""The trials' keys: a file each beside the database, readable by its owner alone; never in the database, a log or a plan.

Whoever backs up the home backs the keys up with it, or keeps them apart (ROADTEST_KEY_FOLDER). A lost key can't be made again:
then nobody can tell who is who any more, which is how a trial's people are forgotten (`flows.erasing`). What is left of such a
key is `<trial>.erased`, so that no new one is ever made in its place.
"""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from trials.errors import StoreError
from trials.pseudonyms import KEY_BYTES, Pseudonyms

KEY, ERASED = ".key", ".erased"
_DIGITS = re.compile(rb"(?<![0-9a-fA-F])[0-9a-fA-F]{%d}(?![0-9a-fA-F])" % (2 * KEY_BYTES))


@dataclass(frozen=True, slots=True)
class Beside:
    """Other files of the folder that hold a trial's key. copies: it and nothing else. shared: other trials' own `.key` with the
    same key. mixed: files in which something else stands too, such as an owner's list of several keys."""

    copies: tuple[Path, ...]
    shared: tuple[Path, ...]
    mixed: tuple[Path, ...]


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
        return self._bound(trial, key, bound)

    def lies(self, trial: str, *, bound: str | None = None) -> bool:
        """Whether the trial's key is there to be destroyed, erased before or not. Raises StoreError when it is another one."""
        key = _read(self.path(trial))
        if key is not None:
            self._bound(trial, key, bound)
        return key is not None

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
        """Whether its tombstone stands and its key is not there."""
        return self.erased_on(trial) is not None and not self.path(trial).exists()

    def beside(self, trial: str, *, bound: str | None = None) -> Beside:
        """Where else in the folder the trial's key lies. bound: its fingerprint, by which it is known without its own file.

        Raises StoreError when a file can't be read: it may hold the key.
        """
        path, held = self.path(trial), Beside((), (), ())
        try:
            if not self.folder.is_dir():
                return held
            own = _key_in(path.read_bytes()) if path.is_file() else None
            known = {one for one in (bound, own and Pseudonyms(own).fingerprint) if one}
            for one in sorted(self.folder.iterdir()) if known else ():
                if one.is_file() and one != path:
                    held = self._told(held, one, one.read_bytes(), own, known)
        except OSError as error:
            raise StoreError(
                f"{error.filename} can't be read ({error.strerror}), must be: it may hold the key of {trial}. Mend its "
                "permissions."
            ) from None
        return held

    def destroy(self, trial: str, on: date, *, bound: str | None = None) -> Beside:
        """Destroy the trial's key and its copies in the folder; leave a tombstone. Safe to repeat after a kill.

        First the tombstone, so that no new key takes its place; then each file is overwritten and removed. Another trial's
        `.key`, and a file in which anything else stands, are never touched: they are in what is returned. A disk that writes
        elsewhere (an SSD, a copy-on-write file system) may keep the old bytes until they are reused: docs/operating.md.
        Raises StoreError when a file can't be written.
        """
        path = self.path(trial)
        try:
            if self.erased_on(trial) is None:
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                _put(self._tombstone(trial), f"{on.isoformat()}\n")
            held = self.beside(trial, bound=bound)
            for copy in held.copies:  # before the key itself: they are known by it
                # Another name of a file in the folder is taken away; what it names is overwritten under its own.
                copy.unlink() if copy.is_symlink() or (path.exists() and copy.samefile(path)) else _shred(copy)
            _shred(path)
            _sync(self.folder)
        except OSError as error:
            raise StoreError(
                f"the key of {trial} in {self.folder} can't be destroyed ({error.strerror}), must be writable. Mend that, then "
                "say the same again."
            ) from None
        return held

    def _must_stand(self, trial: str) -> None:
        on = self.erased_on(trial)
        if on is not None:
            raise StoreError(
                f"the key of {trial} was erased on {on}, must be there to tell who is who: nothing about people is taken in or "
                f"shown any more. What the trial came to stays: roadtest status {trial}"
            )

    def _bound(self, trial: str, key: bytes, bound: str | None) -> Pseudonyms:
        found = Pseudonyms(key)
        if bound is not None and found.fingerprint != bound:
            raise StoreError(
                f"{self.path(trial)} holds the key {found.fingerprint}, must hold {bound}, with which {trial} began. Restore "
                "that one."
            )
        return found

    def _tombstone(self, trial: str) -> Path:
        return self.folder / f"{trial}{ERASED}"

    def _told(self, held: Beside, file: Path, content: bytes, own: bytes | None, known: set[str]) -> Beside:
        """What was found, with one more file of the folder judged."""
        whole = _key_in(content)
        if whole is not None and Pseudonyms(whole).fingerprint in known:
            if file.suffix == KEY:
                return replace(held, shared=(*held.shared, file))
            # A link that leads out of the folder is somebody's own store of keys.
            if file.suffix != ERASED and file.resolve().parent == self.folder.resolve():
                return replace(held, copies=(*held.copies, file))
            return replace(held, mixed=(*held.mixed, file))
        inside = own is not None and (own in content or own.hex().encode() in content.lower())
        tokens = (bytes.fromhex(token.decode()) for token in _DIGITS.findall(content))
        if inside or any(Pseudonyms(token).fingerprint in known for token in tokens):
            return replace(held, mixed=(*held.mixed, file))
        return held


def _key_in(content: bytes) -> bytes | None:
    """The key, of a file that holds one and nothing else, as digits or as its bytes."""
    if len(content) == KEY_BYTES:
        return content
    try:
        key = bytes.fromhex(content.decode("ascii"))
    except ValueError:
        return None
    return key if len(key) == KEY_BYTES else None


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
