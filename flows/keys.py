"""The trials' keys: a file each beside the database, readable by its owner alone; never in the database, a log or a plan.

Whoever backs up the home backs the keys up with it, or keeps them apart (ROADTEST_KEY_FOLDER). A lost key can't be made again:
then nobody can tell who is who any more, which is how a trial's people are forgotten.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

from trials.errors import StoreError
from trials.pseudonyms import KEY_BYTES, Pseudonyms


@dataclass(frozen=True, slots=True)
class Keys:
    """A folder of key files, `<trial>.key`, 64 hex digits each."""

    folder: Path

    def of(self, trial: str, *, bound: str | None = None) -> Pseudonyms:
        """The trial's key; a new one when nothing was pseudonymised yet. bound: the fingerprint that the ledger knows.

        Raises StoreError when the key is gone or is another one: with it every known person would look like a new one.
        """
        path = self.folder / f"{trial}.key"
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
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".new-", delete=False) as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(file.name, path)  # fails when it is there already, and never shows a half-written file
        except FileExistsError:
            pass
        finally:
            os.unlink(file.name)
    except OSError as error:
        raise StoreError(
            f"{path} can't be written ({error.strerror}), must hold the trial's key. Check the folder's permissions."
        ) from None
    found = _read(path)
    if found is None:
        raise StoreError(f"{path} vanished while it was written. Check the folder.")
    return found
