"""Formats of files. A new one is one file here and one line in FORMATS.

A file is read by what its name ends with, and refused when its bytes say otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from trials.connectors.connector import Limits
from trials.connectors.formats import csv_tsv, excel, json_ndjson, parquet
from trials.connectors.formats.table import LIMITS, Format, Refused, Table, shorten
from trials.connectors.formats.text import other_encoding
from trials.connectors.formats.unpacking import Stream, pieces
from trials.protocol import Protocol

FORMATS = [csv_tsv.CSV, csv_tsv.TSV, json_ndjson.JSON, json_ndjson.NDJSON, parquet.PARQUET, excel.EXCEL]

# Files that hold tables which can't be read here. They are found and refused, so that nobody waits for them in vain.
UNREADABLE = {
    ".xls": "an old Excel workbook (.xls)",
    ".xlsm": "an Excel workbook with macros (.xlsm)",
    ".xlsb": "a binary Excel workbook (.xlsb)",
    ".ods": "an OpenDocument spreadsheet (.ods)",
}
SUFFIXES = tuple(suffix for one in FORMATS for suffix in one.suffixes)

_GZIP = ".gz"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_LOCKED = "EncryptedPackage".encode("utf-16-le")
_MARKS = {
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    _OLD_EXCEL: "an old Excel workbook (.xls), or one that is protected by a password",
    b"PAR1": "a Parquet file",
    b"PARE": "an encrypted Parquet file",
    b"\x1f\x8b": "a gzip archive",
    b"%PDF": "a PDF file",
    b"7z\xbc\xaf": "a 7z archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"SQLite format 3": "a SQLite database",
}
_WEB_PAGE = re.compile(rb"\s*<(!doctype\s|html|\?xml)", re.IGNORECASE)
_JSON = re.compile(rb"\s*(\[\s*[\{\]]|\{\s*[\"}])")

__all__ = ["FORMATS", "SUFFIXES", "UNREADABLE", "Format", "Table", "is_delivery", "read_table"]


def read_table(source: Stream | bytes, name: str, protocol: Protocol, limits: Limits = LIMITS) -> Table:
    """The table that a file holds; its format is what its name ends with, `.gz` behind it or not.

    source: the file's bytes, or what they are read from, once and from the beginning. Raises nothing for bad content:
    `Table.problem` then says in one sentence why it can't be read with certainty. What reading the source raises passes.
    """
    plain = name.lower().removesuffix(_GZIP)
    try:
        chosen = _named(plain, name)
        chunks = pieces(source, limits, gzipped=plain != name.lower())
        first = next(chunks, b"")
        _check_kind(first, chosen)
        return chosen.read(_again(first, chunks), protocol, limits)
    except Refused as refusal:
        return Table(problem=str(refusal))


def is_delivery(name: str) -> bool:
    """Whether a file of this name is a delivery: a format's suffix, or one of those that are found to be refused."""
    plain = name.lower().removesuffix(_GZIP)
    return not name.startswith((".", "~")) and plain.endswith((*SUFFIXES, *UNREADABLE))


def _named(plain: str, name: str) -> Format:
    for one in FORMATS:
        if plain.endswith(one.suffixes):
            return one
    unreadable = next((kind for suffix, kind in UNREADABLE.items() if plain.endswith(suffix)), None)
    if unreadable is not None:
        raise Refused(f"the file is {unreadable}, must be another format. Save it as .xlsx or 'CSV UTF-8'.")
    ending = shorten(name.rpartition(".")[2], 20) if "." in name else "no suffix"
    raise Refused(f"the file's name ends with {ending}, must end with {', '.join(SUFFIXES)}, or one of these and .gz.")


def _check_kind(head: bytes, chosen: Format) -> None:
    """Raises Refused when the first bytes are not those of the format that the name says."""
    if not head.strip():
        raise Refused("the file is empty, must have a header and at least one row. Was the upload cut short?")
    if chosen.marks and head.startswith(chosen.marks):
        return
    kind = _kind(head)
    if chosen.marks:
        said = f"the file is {kind}" if kind else "the file's first bytes are another format's"
        raise Refused(f"{said}, must be {chosen.noun}, as its name says. Is it damaged?")
    encoding = other_encoding(head)
    if encoding is not None:
        raise Refused(f"the encoding is {encoding}, must be UTF-8. Save it as 'CSV UTF-8'.")
    if kind is not None and not (kind == "JSON" and chosen in (json_ndjson.JSON, json_ndjson.NDJSON)):
        hint = "Save it as 'CSV UTF-8'." if chosen is csv_tsv.CSV else "Name it as what it is."
        raise Refused(f"the file is {kind}, must be {chosen.noun}, as its name says. {hint}")


def _kind(head: bytes) -> str | None:
    """What the first bytes say that a file is, if they are another's than text's."""
    if head.startswith(_OLD_EXCEL) and _LOCKED in head:
        return "an Excel workbook that is protected by a password"
    marked = next((kind for mark, kind in _MARKS.items() if head.startswith(mark)), None)
    if marked is not None:
        return marked
    if _WEB_PAGE.match(head):
        return "a web page (HTML or XML)"
    return "JSON" if _JSON.match(head) else None


def _again(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
