"""What a file plainly says, read apart from Roadtest's own readers: csv, json, zipfile, ElementTree; pyarrow for Parquet.

It reads more leniently than Roadtest does (any separator, lines above the header): a record that Roadtest accepted must say
here, too, what was stored. It judges nothing.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tests.corpus.manifest import COLUMNS

PAD = " \t\u00a0\u202f\u2007\ufeff\r\n"
MISSING = ("", "na", "n/a", "null", "none", "nan", "-", ".")
MOST_BYTES = 60_000_000
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:[.][0-9]*)?|[.][0-9]+)(?:[eE][+-]?[0-9]+)?")
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:[.][0-9]+)?")
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@dataclass(frozen=True, slots=True)
class Plain:
    """A file's records in their order; number n of the manifest is records[n - 1]. A ragged record is None.

    cells: what stands there, as text or as the format's own type. header: the columns as they are named.
    """

    header: tuple[str, ...]
    records: tuple[dict[str, Any] | None, ...]


def read(path: Path) -> Plain | None:
    """The file's records; None where this reader can make nothing of it."""
    data, name = path.read_bytes(), path.name.lower()
    try:
        if data.startswith(b"\x1f\x8b"):
            with gzip.open(io.BytesIO(data)) as packed:
                data = packed.read(MOST_BYTES + 1)
            name = name.removesuffix(".gz")
        if len(data) > MOST_BYTES or not data.strip():
            return None
        if data.startswith(b"PAR1"):
            return _parquet(data)
        if data.startswith(b"PK\x03\x04"):
            return _table(_workbook(data))
        text = _text(data)
        if text.lstrip(PAD).startswith(("[", "{")) and not name.endswith((".csv", ".tsv")):
            return _objects(text)
        return _table(_lines(text))
    except (
        OSError,
        EOFError,
        ValueError,
        KeyError,
        csv.Error,
        ElementTree.ParseError,
        zipfile.BadZipFile,
        RecursionError,
    ):
        return None


def _text(data: bytes) -> str:
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig")):
        if data.startswith(mark):
            return data.decode(encoding)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _lines(text: str) -> list[list[Any]]:
    """Records of fields, with the separator under which a line names the participant's column."""
    for separator in (",", ";", "\t", "|"):
        found = [fields for fields in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if fields]
        if any(_is_header(fields) for fields in found):
            return found
    raise ValueError("no header")


def swallowed(path: Path) -> tuple[str, ...]:
    """The lines that a quoted cell of a CSV file runs on over, each without the line in which its cell begins."""
    try:
        lines = _text(path.read_bytes()).splitlines(keepends=True)
        reader, found, at = csv.reader(lines), [], 0
        for _ in reader:
            found += lines[at + 1 : reader.line_num]
            at = reader.line_num
    except (OSError, UnicodeError, csv.Error):
        return ()
    return tuple(found)


def _is_header(fields: Sequence[Any]) -> bool:
    return len(fields) > 1 and any(str(one).strip(PAD).casefold() == "participant_id" for one in fields)


def _table(lines: list[list[Any]]) -> Plain:
    at = next((place for place, fields in enumerate(lines) if _is_header(fields)), None)
    if at is None:
        raise ValueError("no header")
    header = tuple(_named(str(one).strip(PAD)) for one in lines[at])
    body = lines[at + 1 :]
    return Plain(
        header, tuple(dict(zip(header, one, strict=True)) if len(one) == len(header) else None for one in body)
    )


def _named(name: str) -> str:
    """A column of the schema in another letter case is that column."""
    return name.casefold() if name.casefold() in COLUMNS else name


def _objects(text: str) -> Plain:
    try:
        body = json.loads(text)
    except ValueError:
        body = [json.loads(line) for line in text.splitlines() if line.strip(PAD)]
    if isinstance(body, dict):
        lists = [one for one in body.values() if isinstance(one, list)]
        body = lists[0] if len(lists) == 1 else [body]
    records = tuple(one if isinstance(one, dict) else None for one in body)
    return Plain(tuple(dict.fromkeys(name for one in records if one for name in one)), records)


def _parquet(data: bytes) -> Plain:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(io.BytesIO(data))
    except pyarrow.ArrowException as error:
        raise ValueError(str(error)) from None
    return Plain(tuple(table.column_names), tuple(table.to_pylist()))


def _workbook(data: bytes) -> list[list[Any]]:
    """The first sheet's rows from the XML itself; numbers under a date format become dates."""
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        if sum(one.file_size for one in book.infolist()) > MOST_BYTES:
            raise ValueError("too large")
        names = book.namelist()
        shared = _shared(book.read("xl/sharedStrings.xml")) if "xl/sharedStrings.xml" in names else []
        dated = _dated(book.read("xl/styles.xml")) if "xl/styles.xml" in names else set()
        sheets = sorted(one for one in names if re.fullmatch(r"xl/worksheets/sheet\d+\.xml", one))
        if not sheets:
            raise ValueError("no worksheet")
        root = ElementTree.fromstring(book.read(sheets[0]))
    rows = [_cells(row, shared, dated) for row in root.iter(f"{_SHEET}row")]
    width = max((len(row) for row in rows), default=0)
    return [row + [None] * (width - len(row)) for row in rows if any(one is not None for one in row)]


def _shared(xml: bytes) -> list[str]:
    items = ElementTree.fromstring(xml).iter(f"{_SHEET}si")
    return ["".join(text.text or "" for text in item.iter(f"{_SHEET}t")) for item in items]


def _dated(xml: bytes) -> set[int]:
    """The styles that show a number as a date: the built-in formats 14 to 22, and own ones with y and d in them."""
    root = ElementTree.fromstring(xml)
    own = {int(one.get("numFmtId", "0")): one.get("formatCode", "").lower() for one in root.iter(f"{_SHEET}numFmt")}
    dates = {number for number, code in own.items() if "y" in code and "d" in code} | set(range(14, 23))
    formats = root.find(f"{_SHEET}cellXfs")
    styles = [] if formats is None else list(formats)
    return {place for place, one in enumerate(styles) if int(one.get("numFmtId", "0")) in dates}


def _cells(row: ElementTree.Element, shared: list[str], dated: set[int]) -> list[Any]:
    found: list[Any] = []
    for cell in row.iter(f"{_SHEET}c"):
        letters = re.match("[A-Z]+", cell.get("r", ""))
        at = len(found) if letters is None else _column(letters.group())
        found += [None] * (at - len(found))
        found.append(_cell(cell, shared, dated))
    return found


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _cell(cell: ElementTree.Element, shared: list[str], dated: set[int]) -> Any:
    kind, value = cell.get("t", "n"), cell.find(f"{_SHEET}v")
    if kind == "inlineStr":
        return "".join(text.text or "" for text in cell.iter(f"{_SHEET}t"))
    if value is None or value.text is None:
        return None
    if kind == "s":
        return shared[int(value.text)]
    if kind == "b":
        return value.text == "1"
    if kind != "n":
        return value.text
    number = float(value.text)
    if int(cell.get("s", "0")) in dated:
        return datetime(1899, 12, 30) + timedelta(days=number)  # noqa: DTZ001 - a workbook knows no time zone
    return number


def text(cell: Any) -> str:
    """A cell as text with the padding off; a whole number without its fraction, a date in ISO form."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time().isoformat() == "00:00:00" else cell.isoformat()
    return str(cell).strip(PAD)


def is_missing(cell: Any) -> bool:
    return text(cell).casefold() in MISSING


def number(cell: Any) -> float | None:
    """The finite number that a cell plainly is, thousands separated by commas included; None where it is none."""
    found = text(cell)
    if _THOUSANDS.fullmatch(found):
        found = found.replace(",", "")
    if isinstance(cell, bool | list | dict) or not _NUMBER.fullmatch(found):
        return None
    value = float(found)
    return value if math.isfinite(value) else None


def day(cell: Any) -> date | None:
    """The date that a cell plainly is; None for anything but YYYY-MM-DD, a date, or a midnight."""
    found = text(cell)
    try:
        return date.fromisoformat(found) if _ISO.fullmatch(found) else None
    except ValueError:
        return None


def known(header: Sequence[str]) -> bool:
    """Whether the header names every column of the schema."""
    return set(COLUMNS) <= set(header)
