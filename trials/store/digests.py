"""A digest over rows of a table: the same on every database, before the rows are stored and whenever they are read again.

Each column is hashed by itself, its cells as JSON in the order of the table's key (text by code points), so that a
million rows cost column operations alone. Floats are written with their shortest exact digits, times as UTC to the microsecond.

What somebody altered need not be of its column's type: SQLite takes anything anywhere. Such a value has a text too, one that
no value of the right type has, so that it is seen to differ and stops nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

Columns = Mapping[str, Sequence[Any]]
# How many rows, and the SHA-256 over them.
Digest = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Form:
    """What of a table goes into its digests: its columns but trial_id, which every link's own hash takes in.

    order: the columns that rows are taken in order of. days, moments, bodies: columns of dates, of times, of JSON.
    """

    columns: tuple[str, ...]
    order: tuple[str, ...]
    days: tuple[str, ...] = ()
    moments: tuple[str, ...] = ()
    bodies: tuple[str, ...] = ()


# A column that is added to a table belongs here too, or nobody would see it change (tests/store/test_audit.py).
FORMS: dict[str, Form] = {
    "protocol_version": Form(
        ("version", "canonical", "sha256", "registered_by", "registered_at", "sealed_by", "sealed_at"),
        ("version",),
        moments=("registered_at", "sealed_at"),
    ),
    "batch": Form(
        (
            *("seq", "source", "name", "content_sha256", "sent_at", "recorded_at", "action", "accepted", "quarantined"),
            *("duplicates", "corrections", "refusal", "warnings", "watermark"),
        ),
        ("seq",),
        moments=("sent_at", "recorded_at"),
        bodies=("warnings",),
    ),
    "enrolment": Form(
        ("participant_id", "site", "arm", "enrolled_on", "entry_order", "order_key", "batch_seq", "spelling"),
        ("order_key",),
        days=("enrolled_on",),
    ),
    "observation": Form(
        (
            *("measure", "participant_id", "rev", "observed_on", "value", "companion", "sent_at", "effective_at"),
            "batch_seq",
        ),
        ("measure", "participant_id", "rev"),
        days=("observed_on",),
        moments=("sent_at", "effective_at"),
    ),
    "quarantine": Form(("batch_seq", "row_no", "reason", "cells"), ("batch_seq", "row_no"), bodies=("cells",)),
    "repetition": Form(("batch_seq", "readings"), ("batch_seq",), bodies=("readings",)),
    "replayed_row": Form(
        ("batch_seq", "row_no", "of_batch", "of_row", "repair"),
        ("batch_seq", "row_no"),
    ),
    "repair": Form(
        ("batch_seq", "row_no", "number", "cells", "changed", "reason", "repaired_by", "repaired_at"),
        ("batch_seq", "row_no", "number"),
        moments=("repaired_at",),
        bodies=("cells", "changed"),
    ),
    "act": Form(("seq", "kind", "key", "by", "at", "look", "body"), ("seq",), moments=("at",)),
    "look": Form(
        ("number", "as_of", "recorded_at", "batch_seq", "n", "verdict", "body"),
        ("number",),
        moments=("as_of", "recorded_at"),
        bodies=("body",),
    ),
    "method_state": Form(("look_number", "position", "cursor_key", "state"), ("look_number",)),
}


class RowsDigest:
    """A digest that takes its rows in parts, in the order of the table's form."""

    def __init__(self, table: str) -> None:
        self.form = FORMS[table]
        self.count = 0
        self._hashes = [hashlib.sha256() for _ in self.form.columns]
        self._words: dict[str, _Words] = {name: _Words(form) for name, form in _worded(self.form).items()}

    def add(self, columns: Sequence[Sequence[Any]]) -> None:
        """The next rows, by column, as many columns as the form has."""
        self.count += len(columns[0])
        for name, hashed, cells in zip(self.form.columns, self._hashes, columns, strict=True):
            hashed.update(_encoded(cells, self._words.get(name)))

    def result(self) -> Digest:
        found = [hashed.hexdigest() for hashed in self._hashes]
        return self.count, hash_of_text(plain_json([self.count, *found]))


class _Words(dict[Any, str]):
    """The text of each different value of a column that JSON has no form for, worked out once."""

    def __init__(self, form: Callable[[Any], str]) -> None:
        super().__init__()
        self._form = form

    def __missing__(self, value: Any) -> str:
        if len(self) > 50_000:
            self.clear()
        self[value] = text = self._form(value)
        return text


def _worded(form: Form) -> dict[str, Callable[[Any], str]]:
    return {**dict.fromkeys(form.days, day_text), **dict.fromkeys(form.moments, moment_text)}


def _encoded(cells: Sequence[Any], words: _Words | None) -> bytes:
    """Cells as JSON, a comma after each; the same bytes however the rows are cut into parts."""
    first = cells[0]
    if not isinstance(first, dict | list) and cells.count(first) == len(cells):  # one value all the way down
        one = first if words is None or first is None else words[first]
        return (json.dumps(one, default=_no_json) + ",").encode() * len(cells)
    if words is not None:
        cells = [None if cell is None else words[cell] for cell in cells]
    return (json.dumps(cells, default=_no_json, separators=(",", ":"))[1:-1] + ",").encode()


def _no_json(value: Any) -> dict[str, str]:
    """Bytes, or whatever else JSON has no form for: no cell of ours is an object, so it equals none."""
    return {type(value).__name__: repr(value)}


def plain_json(value: Any) -> str:
    """`protocol.canonical_json` of whatever a database may hold; the same text for everything that has one there."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_no_json)


def hash_of_text(text: str) -> str:
    """SHA-256 of UTF-8 text, 64 hex digits; of what is no whole text too."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def day_text(value: object) -> str:
    """A date as YYYY-MM-DD; text as a database holds it stays as it is, and what is no date is shown as it is."""
    if isinstance(value, str):
        return value
    return value.isoformat() if isinstance(value, date) else repr(value)


def moment_text(value: object) -> str:
    """A time as ISO 8601 in UTC with microseconds; what is no time stays as it is, so that it is seen to differ."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return str(value)
    if not isinstance(value, datetime):
        return repr(value)
    aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)  # SQLite holds UTC without saying so
    try:
        return aware.astimezone(UTC).isoformat(timespec="microseconds")
    except OverflowError:  # a zone that takes it out of the years 1 to 9999
        return repr(value)


def body_text(value: Any) -> str:
    """JSON in its canonical form, from what is to be stored or from the text that a database holds."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return f"no JSON: {value}"
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_no_json)


def rows_digest(table: str, columns: Columns) -> Digest:
    """The digest over rows that are about to be stored, by column, in the order of the table's form."""
    form, digest = FORMS[table], RowsDigest(table)
    cells = [
        [body_text(cell) for cell in columns[name]] if name in form.bodies else columns[name] for name in form.columns
    ]
    if len(cells[0]):
        digest.add(cells)
    return digest.result()


def told(table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """One row as a link's body tells it: times as text; of JSON the hash of its canonical form."""
    form = FORMS[table]
    found: dict[str, Any] = {}
    for name in form.columns:
        value = row[name]
        if value is not None and name in form.moments:
            value = moment_text(value)
        elif name in form.bodies:
            value = hash_of_text(body_text(value))
        found[name] = value
    return found
