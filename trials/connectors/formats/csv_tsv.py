"""CSV and TSV (RFC 4180, with a header): cells stay as they were sent; what they mean is for the checks to judge."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from itertools import chain, islice

from trials.connectors.connector import Limits
from trials.connectors.formats.table import (
    CHUNK,
    Format,
    Gathered,
    Refused,
    Table,
    check_header,
    line_too_long,
    passed_over,
    trimmed,
)
from trials.connectors.formats.text import Text
from trials.protocol import Protocol

_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas"}


def _reading(delimiter: str, wanted: str) -> Callable[[Iterator[bytes], Protocol, Limits], Table]:
    """Reads text whose columns the delimiter separates; wanted: how a sentence names it."""

    def read(chunks: Iterator[bytes], protocol: Protocol, limits: Limits) -> Table:
        text = Text(chunks, limits)
        # The csv module's own limit on a cell is for the whole process and below ours; it is only ever raised.
        csv.field_size_limit(max(csv.field_size_limit(), limits.line_bytes))
        records = csv.reader(chain.from_iterable(text.lines()), delimiter=delimiter, strict=True)
        try:
            found, blank, padded = _gather(records, delimiter, wanted, limits)
        except csv.Error as error:
            raise Refused(_explained(error, limits)) from None
        repairs = [*text.repairs(), *passed_over(blank)]
        if padded:
            repairs.append("trimmed white space around column names")
        if not text.ended:
            repairs.append("the last line has no line end: if the upload was cut short, send it again")
        return found.table(protocol, repairs, unfinished=not text.ended)

    return read


def _gather(records: Iterator[list[str]], delimiter: str, wanted: str, limits: Limits) -> tuple[Gathered, int, bool]:
    """The cells, how many blank lines were passed over, and whether a column's name had space around it."""
    blank = 0
    header: list[str] = []
    for header in records:
        if header:
            break
        blank += 1
    padded = any(trimmed(name) != name for name in header)
    header = [trimmed(name) for name in header]
    others = {mark: plural for mark, plural in _SEPARATORS.items() if mark != delimiter}
    check_header(header, others, wanted)
    found = Gathered(limits, header)
    while chunk := list(islice(records, CHUNK)):
        ragged: dict[int, str] = {}
        if set(map(len, chunk)) != {len(header)}:
            blank += sum(not record for record in chunk)
            chunk, ragged = _evened(chunk, len(header), delimiter)
        # The bytes were counted and decoded already: nothing is left to weigh.
        found.check_room(len(chunk), len(header))
        found.add(dict(zip(header, zip(*chunk, strict=True), strict=bool(chunk))), len(chunk), ragged, weigh=False)
    return found, blank, padded


def _evened(chunk: list[list[str]], width: int, delimiter: str) -> tuple[list[list[str]], dict[int, str]]:
    """A chunk without its blank lines, with blanks for each record of another length, and those records as sent."""
    filled = [record for record in chunk if record]
    ragged = {place: as_sent(record, delimiter) for place, record in enumerate(filled) if len(record) != width}
    nothing = [""] * width
    return [nothing if place in ragged else record for place, record in enumerate(filled)], ragged


def as_sent(fields: list[str], delimiter: str = ",") -> str:
    """One record as the text of a line."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="").writerow(fields)
    return out.getvalue()


def _explained(error: csv.Error, limits: Limits) -> str:
    words = str(error)
    if "unexpected end of data" in words:
        return "the file ends inside a quoted cell of its CSV: it is truncated or incomplete, or a quote is left open."
    if "field larger than field limit" in words:
        return line_too_long("a cell", limits)
    return f"can't be read as CSV ({words}), must have balanced quotes around its cells."


CSV = Format("CSV", (".csv",), (), _reading(",", "commas (the CSV delimiter)"))
TSV = Format("TSV (tab-separated text)", (".tsv", ".tab"), (), _reading("\t", "tabs (the TSV delimiter)"))
