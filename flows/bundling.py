"""A bundle: rows, plans, looks and acts of a trial in one folder, as of a time; enough to take every look again elsewhere.

Guarantee: nothing that was recorded after `known_at` is in it, and it appears whole or not at all, for its owner alone.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flows.bundle_columns import Column
    from trials.store.engine import Store
    from trials.store.exported import Snapshot

README = """{name}: a bundle exported by Roadtest {version}, trial {trial}{mark}.

{known}

What is in it
  dictionary.csv     each column of each table: meaning, type, unit, what it can hold
  enrolments         who joined where and when, in which arm, by pseudonym (CSV and Parquet)
  observations       every version of every value, with when it was sent and when we had it (CSV and Parquet)
  deliveries         what came in, and what was done with it (CSV and Parquet)
  plan/              each version of the plan: canonical JSON (its SHA-256 is the plan's hash) and YAML; versions.csv says who
  looks.json         each look as it was stored; looks.csv, looks.parquet: the same, flat
  acts.json          what people did: amendments, decisions, and more; no seeds, lists, quotes or texts about anybody
  audit.json         the newest link of the trial's chain then: compare it with `roadtest audit head`
  manifest.json      SHA-256 of each of these files

How to take every look again
  1. With Roadtest: roadtest recompute THIS_FOLDER. It uses these files alone and prints what differs.
  2. By hand, for look k of looks.json: take the enrolments and observations with delivery <= its batch_seq, sort people by
     order_key as text, and hand them with the plan whose SHA-256 is its protocol_sha256 and its as_of to
     trials.analysis.analyse (flows/recomputing.py is that, in {lines} lines). Floats are written with all their digits.
  A value counts from effective_at on; of two versions the one with the later sent_at, then the larger rev, is in force.
  Text that begins with one of = + - @ ' has an apostrophe before it, so that no spreadsheet takes it for a formula.

These are rows of people. They are under pseudonyms, not anonymous: keep them as you keep the trial's own files.
"""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_PART = 50_000


def write_bundle(
    store: Store, trial: str, path: Path, *, by: str, at: datetime, known_at: datetime | None = None
) -> dict[str, Any]:
    """Writes a bundle and puts on record who was given it; its manifest. path: a new folder, or a new file ending in .zip.

    It appears whole or not at all, for its owner alone. Raises ForbiddenError, StoreError, UnknownTrialError.
    """
    from flows.exporting import check_new, written_whole
    from trials.store.exported import allow_rows, snapshot

    check_new(path, "--bundle", folder=path.suffix.lower() != ".zip")
    detail = "bundle as it stands" if known_at is None else f"bundle as known at {known_at.isoformat()}"
    allow_rows(store, trial, by=by, at=at, detail=detail)
    with _beside(path) as folder:
        with snapshot(store, trial, known_at) as facts:
            manifest = _fill(folder, facts, at)
        if path.suffix.lower() == ".zip":
            with written_whole(path) as out, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
                for name in sorted(_names(folder)):
                    _zip(archive, folder, name)
        else:
            os.rename(folder, path)
    return manifest


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A new folder for its owner alone beside where the bundle is to be, gone at the end unless it was renamed."""
    from flows.exporting import unwritable

    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    except OSError as error:
        raise unwritable(path, error) from None
    try:
        yield folder
    except OSError as error:
        raise unwritable(path, error) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _names(folder: Path) -> list[str]:
    return [found.relative_to(folder).as_posix() for found in folder.rglob("*") if found.is_file()]


def _zip(archive: zipfile.ZipFile, folder: Path, name: str) -> None:
    """One file, with no time of its own, so that the same bundle is the same bytes."""
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
    with archive.open(info, "w") as out, (folder / name).open("rb") as source:
        shutil.copyfileobj(source, out)


def _fill(folder: Path, facts: Snapshot, at: datetime) -> dict[str, Any]:
    """All files of the bundle; its manifest, which is the last of them."""
    from flows import bundle_columns as columns
    from flows.recomputing import FORMAT, MANIFEST
    from trials import __version__
    from trials.protocol import from_content
    from trials.store import exported

    (folder / "plan").mkdir()
    versions, looks = facts.versions(), facts.looks()
    for one in versions:
        _text(folder / f"plan/version-{one['version']}.json", one["canonical"])
        plan = from_content(json.loads(one["canonical"]), origin=facts.trial)
        _text(folder / f"plan/version-{one['version']}.yaml", plan.to_yaml())
    if not versions:
        from trials.errors import DataError

        raise DataError(f"--known-at must not lie before {facts.trial} was registered: nothing was known of it then.")
    plan = from_content(json.loads(versions[-1]["canonical"]), origin=facts.trial)
    tables: dict[str, Iterable[Sequence[Any]]] = {
        "enrolments": facts.enrolments(),
        "observations": facts.observations(),
        "deliveries": facts.deliveries(),
        "plan/versions": ([one[column.name] for column in columns.VERSIONS] for one in versions),
        "looks": (columns.flat(recorded_at, body) for recorded_at, body in looks),
    }
    rows = {name: write_table(folder, name, columns.TABLES[name], cells) for name, cells in tables.items()}
    _json(folder / "looks.json", [{"recorded_at": when.isoformat(), "look": body} for when, body in looks])
    _json(folder / "acts.json", facts.acts())
    _json(folder / "audit.json", {"trial": facts.trial, "head": facts.head()})
    _text(folder / "dictionary.csv", _csv_text([columns.DICTIONARY, *columns.dictionary(plan)]))
    known = facts.known_at
    said = (
        f"As it stood at {at.isoformat()}."
        if known is None
        else f"As it was known at {known.isoformat()}: nothing that came later is in it."
    )
    lines = len((Path(__file__).parent / "recomputing.py").read_text(encoding="utf-8").splitlines())
    readme = README.format(
        name=plan.name, version=__version__, trial=facts.trial, mark=plan.mark, known=said, lines=lines
    )
    _text(folder / "README.txt", readme)
    manifest = {
        "format": FORMAT,
        "trial": facts.trial,
        "state": facts.state(),
        "known_at": None if known is None else known.isoformat(),
        "exported_at": at.isoformat(),
        "code_version": __version__,
        "acts_in_full": sorted(kind for kind, kept in exported.KEPT.items() if kept is None),
        "rows": rows,
        "files": {name: _sha256(folder / name) for name in sorted(_names(folder))},
    }
    _json(folder / MANIFEST, manifest)
    return manifest


def write_table(folder: Path, name: str, columns: Sequence[Column], rows: Iterable[Sequence[Any]]) -> int:
    """One table as CSV and as Parquet, in one pass; the number of rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"text": pa.string(), "whole": pa.int64(), "number": pa.float64(), "day": pa.date32()}
    kinds["moment"] = pa.timestamp("us", tz="UTC")
    schema = pa.schema([(one.name, kinds[one.type]) for one in columns])
    count = 0
    with (
        (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as text,
        pq.ParquetWriter(folder / f"{name}.parquet", schema) as parquet,
    ):
        lines = csv.writer(text, lineterminator="\n")
        lines.writerow([one.name for one in columns])
        for part in _parts(rows):
            lines.writerows([_cell(cell) for cell in row] for row in part)
            cells = zip(*part, strict=True)
            arrays = [pa.array(list(one), field.type) for one, field in zip(cells, schema, strict=True)]
            parquet.write_table(pa.Table.from_arrays(arrays, schema=schema))
            count += len(part)
    return count


def _parts(rows: Iterable[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    part: list[Sequence[Any]] = []
    for row in rows:
        part.append(row)
        if len(part) == _PART:
            yield part
            part = []
    if part:
        yield part


def _cell(cell: Any) -> str:
    """A cell as text that reads back to the same value, and that no spreadsheet takes for a formula."""
    from flows.exporting import safe_cell

    if cell is None:
        return ""
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith("'") else safe_cell(cell)
    return cell.isoformat() if isinstance(cell, date) else repr(cell)


def _csv_text(rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([_cell(cell) for cell in row] for row in rows)
    return out.getvalue()


def _json(path: Path, body: Any) -> None:
    _text(path, json.dumps(body, ensure_ascii=False, allow_nan=False, indent=1) + "\n")


def _text(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8"))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
