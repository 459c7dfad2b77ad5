"""Excel workbooks (.xlsx): openpyxl reads styles, texts and the list of sheets; the cells are read here, one by one.

openpyxl's own rows can't be used for what strangers send: they pad a sheet to whatever size its cells claim, hold a row
whole however long it is, and don't tell a blank cell from a formula that was never worked out.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from trials.connectors.connector import Limits
from trials.connectors.formats.csv_tsv import as_sent
from trials.connectors.formats.sheet import Cell, Styles, rows, shared_texts
from trials.connectors.formats.table import (
    Format,
    Gathered,
    Refused,
    Table,
    check_header,
    passed_over,
    shorten,
    too_large,
    trimmed,
)
from trials.protocol import Protocol

_PIECE = 1 << 16
# Rows that are held at a time: one may have 16,384 cells.
_ROWS = 128
# Parts that openpyxl takes in whole. Sheets and shared texts are read bit by bit, pictures not at all.
_MOST_WORDS = 5_000_000
_STREAMED = re.compile(r"xl/(worksheets/[^/]+|sharedStrings)\.xml|xl/(drawings|pivotCache|media|comments)[^/]*/.*")
_SAVE_AS = "Save it as .xlsx or 'CSV UTF-8'."


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A worksheet: its name, where its cells lie, and what they need to be understood."""

    name: str
    part: str
    styles: Styles


def read(chunks: Iterator[bytes], protocol: Protocol, limits: Limits) -> Table:
    """The table in the one sheet of a workbook that holds data. Raises Refused."""
    try:
        with zipfile.ZipFile(io.BytesIO(b"".join(chunks))) as archive:
            _check_parts(archive, limits)
            sheet = _chosen(archive, _sheets(archive), protocol, limits)
            with archive.open(sheet.part) as source:
                return _gather(rows(source, sheet.styles, limits), limits, protocol)
    except Refused:
        raise
    except Exception:  # noqa: BLE001 - zipfile, the XML parser and openpyxl raise errors of many kinds; some name values
        raise Refused("the Excel workbook is damaged: it is truncated, incomplete or locked. Send it again.") from None


def _check_parts(archive: zipfile.ZipFile, limits: Limits) -> None:
    """Raises Refused for a workbook that is too large unpacked, by its own words or in truth, or holds traps."""
    parts = archive.infolist()
    if sum(part.file_size for part in parts) > limits.unpacked_bytes:
        raise Refused(too_large(limits))
    names = {part.filename for part in parts}
    if "mimetype" in names and archive.read("mimetype").startswith(b"application/vnd.oasis.opendocument"):
        raise Refused(f"the file is an OpenDocument spreadsheet (.ods), must be another format. {_SAVE_AS}")
    if "[Content_Types].xml" not in names:
        raise Refused(f"the file is a zip archive and no Excel workbook, must be one. {_SAVE_AS}")
    size = 0
    for part in parts:
        size += _check_part(archive, part, limits.unpacked_bytes - size)
        if size > limits.unpacked_bytes:
            raise Refused(too_large(limits))


def _check_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo, left: int) -> int:
    """How large a part is in truth, as far as there is room left. Raises Refused when it defines words of its own."""
    words = part.filename.endswith((".xml", ".rels"))
    if words and part.file_size > _MOST_WORDS and not _STREAMED.fullmatch(part.filename):
        raise Refused(f"the Excel workbook holds more than cells, must be a plain table. {_SAVE_AS}")
    size = 0
    tail = b""
    with archive.open(part) as file:
        while size <= left and (piece := file.read(_PIECE)):
            size += len(piece)
            # A workbook never has a document type: there, a few bytes could stand for gigabytes.
            if words and b"<!DOCTYPE" in (tail + piece).replace(b"\0", b""):
                raise Refused(f"the Excel workbook holds XML with a document type, must be plain. {_SAVE_AS}")
            tail = piece[-32:]
    return size


def _sheets(archive: zipfile.ZipFile) -> list[_Sheet]:
    """The worksheets, hidden ones too. What openpyxl takes in whole is small: _check_part saw to it."""
    from openpyxl.reader.excel import ExcelReader
    from openpyxl.styles.stylesheet import apply_stylesheet
    from openpyxl.xml.constants import ARC_WORKBOOK, SHARED_STRINGS, XLSM, XLSX, XLTM, XLTX

    reader = ExcelReader(archive.fp, read_only=True, data_only=True, keep_links=False)
    with reader.archive, warnings.catch_warnings():
        # openpyxl warns of styles and names that it leaves out; nothing here needs them.
        warnings.simplefilter("ignore")
        reader.read_manifest()
        books = [part for kind in (XLSX, XLSM, XLTX, XLTM) if (part := reader.package.find(kind)) is not None]
        if any(part.PartName.lstrip("/") != ARC_WORKBOOK for part in books):
            raise Refused(f"the Excel workbook is not laid out as Excel does, must be plain. {_SAVE_AS}")
        reader.read_workbook()
        apply_stylesheet(reader.archive, reader.wb)
        shared = reader.package.find(SHARED_STRINGS)
        words = _words(archive, None if shared is None else shared.PartName.lstrip("/"))
        book = reader.wb
        styles = Styles(words, frozenset(book._date_formats), frozenset(book._timedelta_formats), book.epoch)
        found = [
            (sheet.name, rel.target) for sheet, rel in reader.parser.find_sheets() if rel.Type.endswith("/worksheet")
        ]
    return [_Sheet(name, part, styles) for name, part in found]


def _words(archive: zipfile.ZipFile, part: str | None) -> tuple[str, ...]:
    """The texts that cells refer to by number."""
    if part is None:
        return ()
    with archive.open(part) as source:
        return tuple(shared_texts(source))


def _chosen(archive: zipfile.ZipFile, sheets: Sequence[_Sheet], protocol: Protocol, limits: Limits) -> _Sheet:
    """The sheet that the plan names, or the only one with data."""
    wanted = protocol.source.options.get("sheet")
    if wanted is not None:
        found = [sheet for sheet in sheets if sheet.name == wanted]
        if not found:
            raise Refused(f"the workbook has no sheet '{shorten(str(wanted))}', must have it. It has {_named(sheets)}.")
        return found[0]
    filled = [sheet for sheet in sheets if _has_data(archive, sheet, limits)]
    if not filled:
        raise Refused("the file is empty (a workbook without a filled cell), must have a header and at least one row.")
    if len(filled) > 1:
        raise Refused(
            f"the workbook has data in {len(filled)} sheets ({_named(filled)}), must have them in one. "
            "Delete the others, or name the sheet in source.options of the plan."
        )
    return filled[0]


def _has_data(archive: zipfile.ZipFile, sheet: _Sheet, limits: Limits) -> bool:
    with archive.open(sheet.part) as source:
        return any(rows(source, sheet.styles, limits))


def _named(sheets: Sequence[_Sheet]) -> str:
    shown = ", ".join(f"'{shorten(sheet.name, 31)}'" for sheet in sheets[:5])
    return shown if len(sheets) <= 5 else f"{shown} and {len(sheets) - 5} more"


def _gather(found: Iterator[tuple[int, dict[int, Cell]]], limits: Limits, protocol: Protocol) -> Table:
    """The first filled row is the header, each one below it a record."""
    first = next(found, None)
    if first is None:
        raise Refused("the file is empty (a sheet without a filled cell), must have a header and at least one row.")
    last_no, cells = first
    header = [trimmed(cells.get(place, Cell("")).text) for place in range(1, max(cells) + 1)]
    check_header(header)
    gathered = Gathered(limits, header)
    blank = 0
    while chunk := list(islice(found, _ROWS)):
        blank += chunk[-1][0] - last_no - len(chunk)
        last_no = chunk[-1][0]
        _add(gathered, header, chunk)
    return gathered.table(protocol, passed_over(blank))


def _add(gathered: Gathered, header: Sequence[str], chunk: Sequence[tuple[int, dict[int, Cell]]]) -> None:
    gathered.check_room(len(chunk), len(header))
    for number, row in chunk:
        _check_worked_out(header, number, row)
    records = [{} if max(row) > len(header) else row for _, row in chunk]
    texts = {
        name: [row[place].text if place in row else "" for row in records] for place, name in enumerate(header, start=1)
    }
    gathered.add(
        texts, len(chunk), {place: _as_sent(row) for place, (_, row) in enumerate(chunk) if max(row) > len(header)}
    )


def _as_sent(row: dict[int, Cell]) -> str:
    return as_sent([row[place].text if place in row else "" for place in range(1, max(row) + 1)])


def _check_worked_out(header: Sequence[str], number: int, row: dict[int, Cell]) -> None:
    for place, cell in row.items():
        if cell.unworked:
            name = header[place - 1] if place <= len(header) else str(place)
            raise Refused(
                f"sheet row {number}, column '{shorten(name)}' is a formula without a stored result, must have one. "
                "Open the workbook in Excel and save it."
            )


EXCEL = Format("an Excel workbook (.xlsx)", (".xlsx",), (b"PK\x03\x04",), read)
