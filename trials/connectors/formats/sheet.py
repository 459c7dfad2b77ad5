"""The cells of one worksheet (ECMA-376 part 1, 18.3), streamed from its XML: what isn't a cell is dropped at once."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import IO

from trials.connectors.connector import Limits
from trials.connectors.formats.cells import Number, text_of
from trials.connectors.formats.table import MOST_COLUMNS, Refused, line_too_long

_NAMESPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_ROW, _CELL, _VALUE = f"{_NAMESPACE}row", f"{_NAMESPACE}c", f"{_NAMESPACE}v"
_FORMULA, _INLINE, _SHARED = f"{_NAMESPACE}f", f"{_NAMESPACE}is", f"{_NAMESPACE}si"
_MOST_ROWS = 1_048_576
# Parts of one cell: a rich text has one for each change of its letters.
_MOST_PARTS = 10_000


@dataclass(frozen=True, slots=True)
class Cell:
    """A filled cell. unworked: a formula whose result was never stored."""

    text: str
    unworked: bool = False


@dataclass(frozen=True, slots=True)
class Styles:
    """What a workbook's cells refer to: texts by number, styles that show dates or spans, the day that is day 0."""

    texts: tuple[str, ...]
    dates: frozenset[int]
    spans: frozenset[int]
    epoch: datetime


def rows(source: IO[bytes], styles: Styles, limits: Limits) -> Iterator[tuple[int, dict[int, Cell]]]:
    """The rows that have a filled cell: their number in the sheet and their cells by column, both from 1, rising.

    Raises Refused for a sheet that is larger than a sheet can be, and what the XML parser raises.
    """
    row_no = column = size = 0
    row: dict[int, Cell] = {}
    for event, element in _events(source, _CELL):
        if element.tag == _ROW and event == "start":
            row_no, column, size, row = _row_number(element, row_no), 0, 0, {}
        elif element.tag == _ROW and row:
            yield row_no, row
        elif element.tag == _CELL and event == "end":
            column = _column_number(element, column)
            if (cell := _cell(element, styles)) is not None:
                row[column] = cell
                size += len(cell.text)
            if size > limits.line_bytes:
                raise Refused(line_too_long(f"sheet row {row_no}", limits))


def shared_texts(source: IO[bytes]) -> Iterator[str]:
    """The texts that cells refer to by number, in order."""
    for event, element in _events(source, _SHARED):
        if element.tag == _SHARED and event == "end":
            # Excel writes an underscore that could be taken for an escape as _x005F_.
            yield _plain(element).replace("x005F_", "")


def _events(source: IO[bytes], whole: str) -> Iterator[tuple[str, ET.Element]]:
    """Starts and ends of elements. Those named `whole` are whole at their end; all else is dropped as soon as it is read."""
    open_elements: list[ET.Element] = []
    parts = 0
    inside = False
    for event, element in ET.iterparse(source, events=("start", "end")):
        if event == "start":
            open_elements.append(element)
            inside, parts = (True, 1) if element.tag == whole else (inside, parts + 1)
            if inside and parts > _MOST_PARTS:
                raise Refused(f"a cell of the sheet has more than {_MOST_PARTS:,} parts, must be plain.")
            yield event, element
            continue
        open_elements.pop()
        inside = inside and element.tag != whole
        yield event, element
        if not inside and open_elements:
            open_elements[-1].clear()


def _row_number(element: ET.Element, last: int) -> int:
    number = int(element.get("r", last + 1))
    if not last < number <= _MOST_ROWS:
        raise Refused("the sheet's rows are out of order or too many, must be as Excel saves them. Save it again.")
    return number


def _column_number(element: ET.Element, last: int) -> int:
    """The column that a cell's reference names (C5 -> 3), or the next one."""
    number = last + 1
    if (reference := element.get("r")) is not None:
        number = 0
        for letter in reference.rstrip("0123456789")[:8]:
            number = number * 26 + ord(letter) - ord("A") + 1
    if not last < number <= MOST_COLUMNS:
        raise Refused("the sheet's columns are out of order or too many, must be as Excel saves them. Save it again.")
    return number


def _cell(element: ET.Element, styles: Styles) -> Cell | None:
    """What a cell holds; None for a blank one."""
    kind = element.get("t", "n")
    if kind == "inlineStr":
        inline = element.find(_INLINE)
        return _filled("" if inline is None else _plain(inline))
    value = element.find(_VALUE)
    if value is None or (not value.text and kind != "str"):
        return None if element.find(_FORMULA) is None else Cell("", unworked=True)
    return _filled(_text(kind, value.text or "", int(element.get("s", 0)), styles))


def _filled(text: str) -> Cell | None:
    return Cell(text) if text else None


def _plain(element: ET.Element) -> str:
    """A rich text without its letters' looks."""
    from openpyxl.cell.text import Text

    return str(Text.from_tree(element).content)


def _text(kind: str, value: str, style: int, styles: Styles) -> str:
    """A cell's stored value as text. Errors such as #N/A stay what they are: the checks set the row aside."""
    from openpyxl.utils.datetime import from_ISO8601

    match kind:
        case "s":
            return styles.texts[int(value)]
        case "b":
            return text_of(bool(int(value)))
        case "d":
            return text_of(from_ISO8601(value))
        case "n":
            return _date(float(value), style, styles) if style in styles.dates else _number(value)
    return value


def _number(value: str) -> str:
    """The shortest number that is the stored one: Excel writes 9.4 as 9.4000000000000004."""
    digits = value.strip()
    return text_of(Number(digits)) if digits.lstrip("-").isdecimal() else text_of(float(digits))


def _date(value: float, style: int, styles: Styles) -> str:
    """What Excel shows for a number in a cell that is formatted as a date, a time or a span."""
    from openpyxl.utils.datetime import from_excel

    try:
        found: datetime | date | time | timedelta = from_excel(value, styles.epoch, timedelta=style in styles.spans)
    except (OverflowError, ValueError):
        return "#VALUE!"
    return text_of(found)
