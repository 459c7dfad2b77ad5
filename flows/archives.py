"""The archive that a backup writes and a restore reads: a zip, signed by its own hash.

It holds `manifest.json`, `roadtest.db` (one state of the database, as SQLite whatever it lives in), `keys/`, `alerts.yaml`, and
if wanted `sources/`. Its last 64 bytes, the zip's comment, are the SHA-256 of all before them, so any bit that flips is found;
each part has its own in the manifest, so it is named.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from trials.errors import StoreError

FORMAT = 1
DATABASE, MANIFEST, KEYS, SOURCES, ALERTS = "roadtest.db", "manifest.json", "keys", "sources", "alerts.yaml"
_DIGITS = 64
_PIECE = 1 << 20
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError)


@dataclass(frozen=True, slots=True)
class Backup:
    """What an archive holds. heads: where each chain ended. settings: `ROADTEST_...` that were set; of secret ones the name
    alone, addresses without who signs in with what. missing: trials whose key should have been there and was not. with_keys
    False: they were left out. left_out: files that were wanted and are not in it, and why."""

    made_at: str
    version: str
    revision: str
    database: str
    with_keys: bool
    heads: dict[str, tuple[int, str]]
    missing: tuple[str, ...]
    settings: dict[str, str | None]
    parts: dict[str, str]
    left_out: tuple[str, ...] = ()


def write(archive: Path, parts: Mapping[str, Path], told: Mapping[str, Any]) -> Backup:
    """The archive, for its owner alone. parts: files by their names in it. told: every other field of `Backup`."""
    with (
        open(archive, "xb", opener=owners_alone) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out,
    ):
        manifest = Backup(**told, parts={name: _put(out, name, path) for name, path in parts.items()})
        body = {"format": FORMAT, **{name: getattr(manifest, name) for name in Backup.__slots__}}
        out.writestr(MANIFEST, json.dumps(body, ensure_ascii=False, indent=1))
        out.comment = b"0" * _DIGITS
    _sign(archive)
    return manifest


def read(file: Path, into: Path) -> Backup:
    """Every part into a folder, each compared with its sum. Raises StoreError, which names the part that is damaged."""
    whole = _is_whole(file)
    try:
        with zipfile.ZipFile(file) as archive:
            manifest = _manifest_of(json.loads(archive.read(MANIFEST)))
            for name, known in manifest.parts.items():
                _take(archive, name, known, into, file)
    except (*_BROKEN, ValueError, TypeError, AttributeError) as error:
        raise StoreError(
            f"{file} is damaged ({type(error).__name__}), must be what `roadtest backup` wrote. Take another copy."
        ) from None
    if not whole:
        raise StoreError(f"{file} is damaged outside of its parts, must be as it was written. Take another copy.")
    return manifest


def _put(archive: zipfile.ZipFile, name: str, path: Path) -> str:
    """A file into the archive; its SHA-256."""
    hashed = hashlib.sha256()
    with path.open("rb") as source, archive.open(name, "w", force_zip64=True) as out:
        while piece := source.read(_PIECE):
            hashed.update(piece)
            out.write(piece)
    return hashed.hexdigest()


def _sign(archive: Path) -> None:
    """Write the hash of all before it over the last bytes, which are the zip's comment, and bring everything to the disk."""
    with archive.open("r+b") as file:
        sealed = _hash_of(file, archive.stat().st_size - _DIGITS)
        file.write(sealed.encode())
        file.flush()
        os.fsync(file.fileno())


def _hash_of(file: IO[bytes], length: int) -> str:
    hashed, left = hashlib.sha256(), length
    while left > 0 and (piece := file.read(min(_PIECE, left))):
        hashed.update(piece)
        left -= len(piece)
    return hashed.hexdigest()


def _is_whole(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            sealed = _hash_of(opened, file.stat().st_size - _DIGITS)
            return opened.read() == sealed.encode()
    except OSError as error:
        raise StoreError(f"{file} can't be read ({error.strerror}), must be what `roadtest backup` wrote.") from None


def _take(archive: zipfile.ZipFile, name: str, known: str, stage: Path, file: Path) -> None:
    place = PurePosixPath(name)
    if place.is_absolute() or ".." in place.parts or place.parts[0] not in (DATABASE, KEYS, SOURCES, ALERTS):
        raise ValueError(name)
    to = stage.joinpath(*place.parts)
    to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    hashed = hashlib.sha256()
    try:
        with archive.open(name) as part, open(to, "xb", opener=owners_alone) as out:
            while piece := part.read(_PIECE):
                hashed.update(piece)
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())
    except _BROKEN:
        hashed = hashlib.sha256(b"unreadable")
    if hashed.hexdigest() != known:
        raise StoreError(f"{file} is damaged: its part {name} is not what was backed up. Take another copy.")


def owners_alone(path: str, flags: int) -> int:
    """How to open a file that nobody else may read."""
    return os.open(path, flags, 0o600)


def _manifest_of(body: dict[str, Any]) -> Backup:
    if body["format"] != FORMAT:
        raise StoreError(
            f"the archive is of format {body['format']!r}, must be {FORMAT}. Install the version that wrote it."
        )
    heads = {str(trial): (int(seq), str(hashed)) for trial, (seq, hashed) in body["heads"].items()}
    parts = {str(name): str(known) for name, known in body["parts"].items()}
    fields = {name: body[name] for name in Backup.__slots__ if name != "left_out"}
    lists = {"missing": tuple(body["missing"]), "left_out": tuple(body.get("left_out", ()))}
    return Backup(**{**fields, "heads": heads, "parts": parts, **lists})
