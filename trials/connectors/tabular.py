"""Bytes of a CSV file -> rows of text. Strict: what can't be read with certainty is a problem, never a guess.

Lossless repairs (a byte-order mark, CRLF, blank lines) are made and reported. Cells stay as they were sent; what they
mean is for `expectations.check` to judge.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from collections import Counter
from datetime import datetime
from typing import NamedTuple

from trials.protocol import Protocol
from trials.records import Delivery, Row

MAX_BYTES = 50 * 1024 * 1024
MAX_LINE_BYTES = 1024 * 1024

# A ragged row has this one cell, with the row as it was sent, so that the checks set the row aside.
RAGGED = "__ragged__"

_PAD = " \t\u00a0"
_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
_OTHER_ENCODINGS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
_OTHER_FORMATS = {
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF file",
    b"\x1f\x8b": "a gzip archive",
}


class Table(NamedTuple):
    """What a file's bytes say. With `problem` set there are no rows: the file is refused whole with that sentence."""

    columns: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    repairs: tuple[str, ...] = ()
    problem: str | None = None


def to_delivery(protocol: Protocol, data: bytes, *, source: str, name: str, sent_at: datetime) -> Delivery:
    """The delivery that a CSV file's bytes make; sent_at is aware UTC. Raises nothing for bad content."""
    table = parse_csv(data, protocol)
    return Delivery(
        trial=protocol.trial,
        source=source,
        name=name,
        content_sha256=hashlib.sha256(data).hexdigest(),
        sent_at=sent_at,
        columns=table.columns,
        rows=table.rows,
        repairs=table.repairs,
        problem=table.problem,
    )


def parse_csv(data: bytes, protocol: Protocol) -> Table:
    """Columns (in our names), rows, repairs and problem of a CSV file's bytes. Raises nothing for bad content."""
    problem = _unreadable(data)
    if problem is not None:
        return Table(problem=problem)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return Table(problem=f"the encoding is not UTF-8 (line {line}), must be UTF-8. Save it as 'CSV UTF-8'.")
    try:
        records = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        return Table(problem=f"can't be read as CSV ({error}), must have balanced quotes around its cells.")
    header, body, blank = _split(records)
    problem = _bad_header(header)
    if problem is not None:
        return Table(problem=problem)
    columns = _our_names(header, protocol)
    rows = tuple(_row(number, fields, columns) for number, fields in enumerate(body, start=1))
    return Table(columns, rows, _repairs(data, blank))


def _unreadable(data: bytes) -> str | None:
    """Why bytes can't be CSV in UTF-8 at all, or are too many; None if nothing stands against it."""
    if not data.strip():
        return "the file is empty, must have a header and at least one row. Was the upload cut short?"
    if len(data) > MAX_BYTES:
        return too_large(len(data))
    for mark, encoding in _OTHER_ENCODINGS.items():
        if data.startswith(mark):
            return f"the encoding is {encoding}, must be UTF-8. Save it as 'CSV UTF-8'."
    for mark, kind in _OTHER_FORMATS.items():
        if data.startswith(mark):
            return f"the file is {kind}, must be CSV. Save it as 'CSV UTF-8'."
    if b"\0" in data:
        return "the file holds NUL bytes, must be CSV text in UTF-8 encoding (perhaps it is UTF-16 or damaged)."
    longest = max(len(line) for line in data.replace(b"\r", b"\n").split(b"\n"))
    if longest > MAX_LINE_BYTES:
        return f"a line has {longest:,} bytes, must have at most {MAX_LINE_BYTES:,}. Is a quote left open?"
    return None


def too_large(size: int) -> str:
    """The sentence that refuses a file of so many bytes."""
    return f"the file has {size:,} bytes, must have at most {MAX_BYTES:,}. Send it in parts."


def _split(records: list[list[str]]) -> tuple[list[str], list[list[str]], int]:
    """Header, data records, and how many blank lines were passed over."""
    filled = [record for record in records if record]
    return [name.strip(_PAD) for name in filled[0]] if filled else [], filled[1:], len(records) - len(filled)


def _bad_header(header: list[str]) -> str | None:
    if not any(header):
        return "the header is blank, must name the columns in the file's first line."
    if len(header) == 1:
        for mark, plural in _OTHER_SEPARATORS.items():
            if mark in header[0]:
                return f"the columns are separated by {plural}, must be separated by commas (the CSV delimiter)."
    if "" in header:
        return f"column {header.index('') + 1} has no name in the header, must have one. Is the first line a title?"
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice:
        return f"column '{shorten(twice[0])}' stands twice in the header, must stand once."
    return None


def _our_names(header: list[str], protocol: Protocol) -> tuple[str, ...]:
    """The header in the protocol's names (`source.columns` maps ours to theirs)."""
    ours = {theirs: our for our, theirs in protocol.source.columns.items()}
    taken = {ours[name] for name in header if name in ours}
    # A column that bears the name of one which the plan takes from elsewhere is not that column.
    return tuple(ours.get(name, f"{name} (not mapped)" if name in taken else name) for name in header)


def _row(number: int, fields: list[str], columns: tuple[str, ...]) -> Row:
    if len(fields) != len(columns):
        return Row(number, {RAGGED: _as_sent(fields)})
    return Row(number, dict(zip(columns, fields, strict=True)))


def _as_sent(fields: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(fields)
    return out.getvalue()


def _repairs(data: bytes, blank: int) -> tuple[str, ...]:
    made = []
    if data.startswith(codecs.BOM_UTF8):
        made.append("removed a byte-order mark (BOM)")
    if b"\r" in data:
        made.append("read line ends other than LF (CRLF)")
    if blank:
        made.append(f"passed over {blank} blank line{'s' if blank > 1 else ''}")
    if not data.endswith((b"\n", b"\r")):
        made.append("the last line has no line end: if the upload was cut short, send it again")
    return tuple(made)


def shorten(text: str, most: int = 60) -> str:
    """Text that fits into a sentence: at most so many characters, control characters made visible."""
    visible = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text[: most + 1])
    return visible if len(visible) <= most else visible[: most - 1] + "…"
