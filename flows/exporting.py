"""`roadtest export` and `roadtest history`: the ledger as a table, at any time, and one person's story."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, fields
from datetime import date, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from trials.errors import DataError, StoreError

if TYPE_CHECKING:
    from trials.pseudonyms import Pseudonyms
    from trials.store.engine import Store
    from trials.store.history import Enrolment, Fact, Told
    from trials.store.seeing import What

FORMATS = ("csv", "json", "parquet")
_PAD = " \t\u00a0"  # what is trimmed from a delivery's cells too
_PART = 50_000
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def export(
    store: Store,
    trial: str,
    *,
    true_at: datetime | None = None,
    known_at: datetime | None = None,
    form: str | None = None,
    to: Path | None = None,
) -> int:
    """Writes everybody with the newest value of each measure, as of a time; the number of rows.

    form None: what the file's name ends with, CSV without a file. to None: to the standard output. A file appears whole or
    not at all, readable by its owner alone, as each row is a person's. Raises DataError for another format than FORMATS or
    than the file's name says, StoreError when the file is there already or can't be written, UnknownTrialError.
    """
    from trials.store.history import as_of

    write = {"csv": _csv, "json": _json, "parquet": _parquet}[format_of(form, to)]
    if to is not None:
        check_new(to)
    with closing(as_of(store, trial, true_at=true_at, known_at=known_at)) as facts:
        if to is None:
            return write(facts, sys.stdout.buffer)
        with written_whole(to) as out:
            return write(facts, out)


def format_of(form: str | None, to: Path | None) -> str:
    """The format that is asked for, or that the file's name says. Raises DataError when the two differ or there is none."""
    suffix = "" if to is None else to.suffix.lower().removeprefix(".")
    if form is not None and form not in FORMATS:
        raise DataError(f"--format == '{form}', must be one of {', '.join(FORMATS)}.")
    if form == "parquet" and to is None:
        raise DataError("--format == 'parquet', must go into a file. Add --to FILE.")
    if form is not None and suffix in FORMATS and suffix != form:
        raise DataError(
            f"--format == '{form}', must be what --to == '{to}' ends with. Leave --format out, or rename it."
        )
    if to is not None and form is None and suffix not in FORMATS:
        raise DataError(f"--to == '{to}', must end with .csv, .json or .parquet. Or say which with --format.")
    return form or suffix or "csv"


def check_new(path: Path, option: str = "--to", *, folder: bool = False) -> None:
    """Raises StoreError when something stands there already, or no folder to put it in. folder: one is made."""
    if path.is_dir() and not folder:
        raise StoreError(f"{option} == '{path}' is a folder, must be a new file. Name a file in it.")
    if os.path.lexists(path):
        what = "folder" if folder else "file"
        raise StoreError(
            f"{option} == '{path}' exists already, must be a new {what}. Name another, or delete it first."
        )
    if not path.parent.is_dir():
        raise StoreError(
            f"{option} == '{path}', must lie in a folder that exists ({path.parent} is none). Make it first."
        )


def allowed(store: Store, trial: str, at: datetime, *, what: What = "rows", detail: str = "rows") -> None:
    """Asks whether the store's person may be given rows; where roles decide that, it is put on record that they were.
    what: 'people' where it is known whose the rows are.

    Raises ForbiddenError, UnknownTrialError.
    """
    from trials.store.exported import allow_rows, may_see_rows
    from trials.store.seeing import OPEN_PROGRAMME

    if may_see_rows(store, trial) != OPEN_PROGRAMME:
        allow_rows(store, trial, by=store.person, at=at, detail=detail, what=what)


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes its name only once all of it is on the disk; mode 0600. What stood there stays until then."""
    try:
        out = tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}-", delete=False)  # noqa: SIM115
    except OSError as error:
        raise unwritable(path, error) from None
    try:
        with out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        os.replace(out.name, path)
    except OSError as error:
        Path(out.name).unlink(missing_ok=True)
        raise unwritable(path, error) from None
    except BaseException:
        Path(out.name).unlink(missing_ok=True)
        raise


def unwritable(path: Path, error: OSError) -> StoreError:
    """Why nothing was written."""
    return StoreError(f"{path} can't be written ({error.strerror}). Name a file in a folder that exists and is yours.")


def _csv(facts: Iterable[Fact], out: IO[bytes]) -> int:
    count, text = 0, io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(_columns())
    for fact in facts:
        rows.writerow([safe_cell(_text(cell)) for cell in _row(fact)])
        count += 1
        if count % _PART == 0:
            _flush(text, out)
    _flush(text, out)
    return count


def _flush(text: io.StringIO, out: IO[bytes]) -> None:
    out.write(text.getvalue().encode("utf-8"))
    text.seek(0)
    text.truncate()


def safe_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: a leading apostrophe stops it; plain numbers stay numbers."""
    if text and text[0] in "=+-@\t\r" and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def _json(facts: Iterable[Fact], out: IO[bytes]) -> int:
    """A JSON array with an object for each row, written as it is read."""
    count, names = 0, _columns()
    out.write(b"[")
    for fact in facts:
        body = {name: _plain(cell) for name, cell in zip(names, _row(fact), strict=True)}
        out.write(b",\n" if count else b"\n")
        out.write(json.dumps(body, ensure_ascii=False, allow_nan=False).encode("utf-8"))
        count += 1
    out.write(b"\n]\n")
    return count


def _parquet(facts: Iterable[Fact], out: IO[bytes]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    moment = pa.timestamp("us", tz="UTC")
    kinds = {"enrolled_on": pa.date32(), "entry_order": pa.int32(), "value": pa.float64(), "companion": pa.float64()}
    kinds |= {"observed_on": pa.date32(), "sent_at": moment, "recorded_at": moment}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in _columns()])
    count = 0
    with pq.ParquetWriter(out, schema) as writer:
        for part in _parts(facts):
            columns = list(zip(*map(_row, part), strict=True))
            cells = [pa.array(cells, field.type) for cells, field in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(cells, schema=schema))
            count += len(part)
    return count


def _parts(facts: Iterable[Fact]) -> Iterator[list[Fact]]:
    part: list[Fact] = []
    for fact in facts:
        part.append(fact)
        if len(part) == _PART:
            yield part
            part = []
    if part:
        yield part


def _columns() -> list[str]:
    from trials.store.history import Fact

    return [one.name for one in fields(Fact)]


def _row(fact: Fact) -> tuple[Any, ...]:
    return (
        *(fact.participant_id, fact.site, fact.arm, fact.enrolled_on, fact.entry_order, fact.measure),
        *(fact.value, fact.companion, fact.observed_on, fact.sent_at, fact.recorded_at),
    )


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    return cell.isoformat() if isinstance(cell, date) else repr(cell) if isinstance(cell, float) else str(cell)


def _plain(cell: Any) -> Any:
    return cell.isoformat() if isinstance(cell, date) else cell


def shown_story(
    store: Store, trial: str, participant: str, pseudonyms: Callable[[], Pseudonyms | None], at: datetime
) -> tuple[Enrolment, list[Told]]:
    """`story` for the store's person, who must be one who may see rows and results by arm; that they are shown it is put on
    record. pseudonyms: gives what hides the id, if anything; asked after the roles.

    Raises ForbiddenError besides.
    """
    from trials.store.exported import may_see_rows

    may_see_rows(store, trial)
    hidden = pseudonyms()
    found = story(store, trial, participant, hidden)
    name = "one person" if hidden is None else found[0].participant_id
    allowed(store, trial, at, what="people", detail=f"history of {name}")
    return found


def story(store: Store, trial: str, participant: str, pseudonyms: Pseudonyms | None) -> tuple[Enrolment, list[Told]]:
    """Every version of one person's values. participant: the id as the site sends it; pseudonyms: what hides it, if anything.

    Raises UnknownTrialError, and DataError when nobody is enrolled under that id.
    """
    from trials.store.history import history

    given = participant.strip(_PAD)
    if pseudonyms is None:
        # No delivery holds a lone surrogate, and no database takes one.
        given = given.encode("utf-8", "replace").decode("utf-8")
    return history(store, trial, given if pseudonyms is None else pseudonyms.of(given))


def story_json(trial: str, joined: Enrolment, told: Sequence[Told]) -> dict[str, Any]:
    """`trial`, `enrolled` (where, when, by which delivery) and `versions`: value, when it was sent and when we knew it."""
    plain: Callable[[Any], dict[str, Any]] = lambda one: {name: _plain(cell) for name, cell in asdict(one).items()}  # noqa: E731
    return {"trial": trial, "enrolled": plain(joined), "versions": [plain(one) for one in told]}


def story_text(joined: Enrolment, told: Sequence[Told]) -> str:
    """One line for each version, the one in force marked."""
    number = "" if joined.entry_order is None else f", number {joined.entry_order}"
    day = "" if joined.enrolled_on is None else f" on {joined.enrolled_on.isoformat()}"
    lines = [
        f"Enrolled{day} at {joined.site}, arm {joined.arm}{number}; known since {_minute(joined.recorded_at)} "
        f"by delivery {joined.delivery} ({joined.name})."
    ]
    for one in told:
        value = "taken back" if one.value is None else f"{one.value:g}"
        beside = "" if one.companion is None else f" beside {one.companion:g}"
        mark = "  <- in force" if one.current else ""
        lines.append(
            f"  {one.measure} {value}{beside}: sent {_minute(one.sent_at)}, known {_minute(one.recorded_at)}, "
            f"delivery {one.delivery} ({one.name}){mark}"
        )
    return "\n".join(lines if told else [*lines, "  No value is known yet."])


def _minute(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M")
