"""Every look of a bundle taken again from the bundle's files alone: no database, no Roadtest home.

Guarantee: each number of each look follows from the tables, the plan's versions and `trials.analysis`; a bundle of which any
file was altered is refused, as its manifest has the SHA-256 of each.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from trials.analysis import analyse
from trials.comparing import beside
from trials.errors import DataError
from trials.evidence import Look
from trials.protocol import Protocol, from_content, sha256_text
from trials.settling import Person, Version

MANIFEST = "manifest.json"
FORMAT = 1
_MOST = 2_000_000_000  # bytes of one file, unpacked: more is no bundle that this wrote


@dataclass(frozen=True, slots=True)
class Enrolled:
    """One row of the table of enrolments."""

    participant_id: str
    site: str
    arm: str
    enrolled_on: date | None
    entry_order: int | None
    order_key: str
    delivery: int


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle's files as values. versions: plans by their SHA-256. values: by measure and participant, each with its delivery.
    looks: as they were stored."""

    trial: str
    versions: Mapping[str, Protocol]
    enrolled: tuple[Enrolled, ...]
    values: Mapping[str, Mapping[str, tuple[tuple[int, Version], ...]]]
    looks: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Recomputed:
    """A look as it was stored and as it came out again, both as JSON. differing: the names of what is not the same."""

    number: int
    stored: dict[str, Any]
    found: dict[str, Any]

    @property
    def differing(self) -> tuple[str, ...]:
        """Empty when they are equal to the last bit, but for the version of the code."""
        names = dict.fromkeys([*self.stored, *self.found])
        return tuple(one for one in names if one != "code_version" and self.stored.get(one) != self.found.get(one))


def recompute(path: Path) -> tuple[Recomputed, ...]:
    """Each look of the bundle (a folder or a .zip), taken again. Raises DataError when it is none, or was altered."""
    return recomputed(read(path))


def recomputed(bundle: Bundle) -> tuple[Recomputed, ...]:
    """Each look of a bundle that was read, oldest first."""
    return tuple(
        Recomputed(int(stored["number"]), stored, json.loads(json.dumps(look_again(bundle, stored).to_json())))
        for stored in bundle.looks
    )


def look_again(bundle: Bundle, stored: Mapping[str, Any]) -> Look:
    """A look from what was in when it was taken, with the version of the plan that it rests on."""
    sha256, seq = str(stored["protocol_sha256"]), int(stored["batch_seq"])
    protocol = bundle.versions.get(sha256)
    if protocol is None:
        raise DataError(
            f"look {stored['number']} rests on the plan {sha256[:12]}, must be one of the bundle's versions."
        )
    people = people_of(bundle, protocol, seq)
    return analyse(
        protocol,
        people,
        None,
        as_of=datetime.fromisoformat(str(stored["as_of"])),
        batch_seq=seq,
        number=int(stored["number"]),
        enrolled=len(people),
        protocol_sha256=sha256,
    )[1]


def people_of(bundle: Bundle, protocol: Protocol, upto: int) -> list[Person]:
    """People in the sealed order, as they were known when delivery `upto` was in."""
    measures = [one.measure for one in beside(protocol)]

    def versions(measure: str, participant: str) -> tuple[Version, ...]:
        return tuple(one for seq, one in bundle.values.get(measure, {}).get(participant, ()) if seq <= upto)

    return [
        Person(
            *(one.order_key, one.entry_order, one.enrolled_on, one.site, one.arm),
            versions(protocol.primary.measure, one.participant_id),
            {measure: versions(measure, one.participant_id) for measure in measures},
        )
        for one in bundle.enrolled
        if one.delivery <= upto
    ]


def read(path: Path) -> Bundle:
    """The bundle in a folder or a .zip. Raises DataError when it is none, or a file is not what the manifest says."""
    try:
        return _read(path)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"{path} can't be read ({type(error).__name__}), must be as it was exported. Export it again."
        ) from None


def _read(path: Path) -> Bundle:
    with_file = _opened(path)
    manifest = _json(MANIFEST, with_file(MANIFEST))
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise DataError(
            f"{path} has a manifest of another format, must be {FORMAT}. Install the version that wrote it."
        )

    def checked(name: str) -> bytes:
        content = with_file(name)
        if hashlib.sha256(content).hexdigest() != manifest["files"].get(name):
            raise DataError(
                f"{name} of {path} is not the file that was exported: somebody changed it. Export it again."
            )
        return content

    versions = {}
    for row in _rows(checked("plan/versions.csv")):
        text = checked(f"plan/version-{row['version']}.json").decode("utf-8")
        if sha256_text(text) != row["sha256"]:
            raise DataError(f"version {row['version']} of the plan has another SHA-256 than plan/versions.csv says.")
        versions[row["sha256"]] = from_content(json.loads(text), origin=f"version-{row['version']}")
    looks = tuple(one["look"] for one in _json("looks.json", checked("looks.json")))
    enrolled = tuple(sorted(map(_enrolled, _rows(checked("enrolments.csv"))), key=lambda one: one.order_key))
    return Bundle(str(manifest["trial"]), versions, enrolled, _values(checked("observations.csv")), looks)


def _opened(path: Path) -> Callable[[str], bytes]:
    """How the bundle's files are read."""
    if path.is_dir():
        return lambda name: _from_folder(path, name)
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile):
        raise DataError(
            f"{path} is no bundle, must be a folder or a .zip that roadtest export --bundle wrote."
        ) from None
    return lambda name: _from_zip(archive, path, name)


def _from_folder(path: Path, name: str) -> bytes:
    try:
        return (path / name).read_bytes()
    except OSError:
        raise _lacking(path, name) from None


def _from_zip(archive: zipfile.ZipFile, path: Path, name: str) -> bytes:
    try:
        if archive.getinfo(name).file_size > _MOST:
            raise DataError(f"{name} of {path} is larger than any file that is exported. Export it again.")
        return archive.read(name)
    except (KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError):
        raise _lacking(path, name) from None


def _lacking(path: Path, name: str) -> DataError:
    return DataError(f"{path} lacks {name}, must hold it whole: it is no bundle, or part of one. Export it again.")


def _json(name: str, content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        raise DataError(f"{name} can't be read as JSON, must be as it was exported. Export it again.") from None


def _rows(content: bytes) -> Iterator[dict[str, str]]:
    """Rows of a table. A leading apostrophe was put before what a spreadsheet would take for a formula."""
    for row in csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")):
        yield {name: cell[1:] if cell.startswith("'") else cell for name, cell in row.items()}


def _enrolled(row: Mapping[str, str]) -> Enrolled:
    return Enrolled(
        row["participant_id"],
        row["site"],
        row["arm"],
        date.fromisoformat(row["enrolled_on"]) if row["enrolled_on"] else None,
        int(row["entry_order"]) if row["entry_order"] else None,
        row["order_key"],
        int(row["delivery"]),
    )


def _values(content: bytes) -> dict[str, dict[str, tuple[tuple[int, Version], ...]]]:
    found: defaultdict[str, defaultdict[str, list[tuple[int, Version]]]] = defaultdict(lambda: defaultdict(list))
    for row in _rows(content):
        version = Version(
            int(row["rev"]),
            float(row["value"]) if row["value"] else None,
            datetime.fromisoformat(row["sent_at"]),
            datetime.fromisoformat(row["effective_at"]),
            float(row["companion"]) if row["companion"] else None,
        )
        found[row["measure"]][row["participant_id"]].append((int(row["delivery"]), version))
    return {
        measure: {name: tuple(sorted(told, key=lambda one: one[1].rev)) for name, told in people.items()}
        for measure, people in found.items()
    }
