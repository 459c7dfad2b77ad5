"""JSON (an array of flat objects, RFC 8259) and NDJSON (one object a line): an entry is a row, a key a column.

Numbers stay as they were written. A key that an entry lacks is a blank cell. A list or an object in an entry is kept as
its JSON text, so that the checks set that row aside.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from trials.connectors.connector import Limits
from trials.connectors.formats.cells import Number, Pairs, text_of
from trials.connectors.formats.table import (
    CHUNK,
    Format,
    Gathered,
    Refused,
    Table,
    check_header,
    passed_over,
    shorten,
    trimmed,
)
from trials.connectors.formats.text import Text
from trials.protocol import Protocol

_SPACE = " \t\r\n"
_BLANK = re.compile(r"[ \t\r\n]*")
# Numbers are not turned into Python's: one of 5,000 digits would raise, one of 17 would change. NaN and the infinities,
# which JSON doesn't have but many programs write, become words that the checks know.
_DECODER = json.JSONDecoder(
    parse_int=Number, parse_float=Number, parse_constant=Number, object_pairs_hook=Pairs, strict=True
)


def read_json(chunks: Iterator[bytes], protocol: Protocol, limits: Limits) -> Table:
    """The table in one JSON document. Raises Refused."""
    text = Text(chunks, limits)
    found = gather(_entries(text.parts(), limits), limits)
    return found.table(protocol, text.repairs(line_ends=False))


def read_ndjson(chunks: Iterator[bytes], protocol: Protocol, limits: Limits) -> Table:
    """The table in lines of JSON. Raises Refused."""
    text = Text(chunks, limits)
    blank: Counter[str] = Counter()
    found = gather(_lines(text, blank), limits)
    repairs = [*text.repairs(line_ends=False), *passed_over(blank["lines"])]
    return found.table(protocol, repairs, unfinished=not text.ended)


def gather(entries: Iterable[Any], limits: Limits) -> Gathered:
    """Entries, each the `Pairs` of one object, as columns. Raises Refused for one that is no flat table's row."""
    found = Gathered(limits)
    entries = iter(entries)
    while chunk := list(islice(entries, CHUNK)):
        rows = [_row(entry, found.count + place) for place, entry in enumerate(chunk, start=1)]
        names = dict.fromkeys(name for row in rows for name in row)
        found.check_room(len(rows), len(found.cells.keys() | names.keys()))
        found.add({name: [row.get(name, "") for row in rows] for name in names}, len(rows))
        if not any(found.cells):
            raise Refused("no entry names a column, each must be an object: {column: value}. Is the header blank?")
    if not found.count:
        raise Refused("the file is empty (no entries), must hold at least one row. Was there nothing to send?")
    check_header(list(found.cells))
    return found


def _row(entry: Any, number: int) -> dict[str, str]:
    if not isinstance(entry, Pairs):
        raise Refused(f"entry {number} is no object, must be one: {{column: value}}. Send an array of objects.")
    try:
        row = {trimmed(name): text_of(value) for name, value in entry}
    except RecursionError:
        raise Refused(_too_deep(number)) from None
    if len(row) < len(entry):
        twice = Counter(trimmed(name) for name, _ in entry).most_common(1)[0][0]
        raise Refused(f"entry {number} has the key '{shorten(twice)}' twice, must have each column once.")
    return row


def _lines(text: Text, blank: Counter[str]) -> Iterator[Any]:
    number = 0
    for lines in text.lines():
        for line in lines:
            if not line.strip(_SPACE):
                blank["lines"] += 1
                continue
            number += 1
            entry, end = _decode(line, _BLANK.match(line).end(), number)  # type: ignore[union-attr]
            if entry is None or line[end:].strip(_SPACE):
                cut = "" if line.endswith(("\n", "\r")) else " The file is truncated or incomplete."
                raise Refused(f"entry {number} is not valid JSON, must be one object in one line.{cut}")
            yield entry[0]


def _entries(parts: Iterator[str], limits: Limits) -> Iterator[Any]:
    """The entries of a JSON array, one after the other, without ever holding the whole of it."""
    window = _Window(parts, limits)
    if window.next_mark() != "[":
        kind = "an object" if window.next_mark() == "{" else "no JSON"
        hint = " If each line is one object, call the file .ndjson." if kind == "an object" else ""
        raise Refused(f"the document is {kind}, must be a JSON array of objects: [{{column: value}}, ...].{hint}")
    window.skip()
    number = 0
    while window.next_mark() != "]" or number:
        number += 1
        yield window.entry(number)
        mark = window.next_mark()
        if mark == "]":
            break
        if mark != ",":
            raise Refused(window.broken(number))
        window.skip()
    window.skip()
    if window.next_mark():
        raise Refused("the document goes on after its array, must be one JSON array.")


class _Window:
    """The part of a document that is looked at: at most an entry and what was read with it."""

    def __init__(self, parts: Iterator[str], limits: Limits) -> None:
        self._parts = parts
        self._limits = limits
        self._text = ""
        self._at = 0
        self._last = ""

    def next_mark(self) -> str:
        """The next character that is no white space; "" at the end of the document."""
        while True:
            self._at = _BLANK.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def skip(self) -> None:
        """Goes on behind the next mark."""
        self._at += 1

    def entry(self, number: int) -> Any:
        """The next value, whole. Raises Refused when there is none, or it is longer than a line may be."""
        while True:
            found, end = (None, 0) if not self.next_mark() else _decode(self._text, self._at, number)
            # A number at the very end of what was read may go on.
            if found is not None and (end < len(self._text) or not self._more()):
                self._at = end
                return found[0]
            if found is None and len(self._text) - self._at > self._limits.line_bytes:
                most = f"{self._limits.line_bytes / 1e6:,g} MB"
                raise Refused(
                    f"entry {number} is not valid JSON or has more than {most}, must be a whole object below that."
                )
            if found is None and not self._more():
                raise Refused(self.broken(number))

    def broken(self, number: int) -> str:
        """The sentence for a document whose array doesn't go on as it should."""
        while self._more():
            self._at = len(self._text)
        if self._last == "]":
            return (
                f"entry {number} is not valid JSON, must be an object such as {{column: value}}, with commas between."
            )
        return f"the JSON ends or breaks in entry {number}: the file is truncated or incomplete. Send it again."

    def _more(self) -> bool:
        """Reads on; False at the end."""
        part = next(self._parts, None)
        if part is None:
            return False
        self._last = part.rstrip(_SPACE)[-1:] or self._last
        self._text = self._text[self._at :] + part
        self._at = 0
        return True


def _decode(text: str, start: int, number: int) -> tuple[tuple[Any] | None, int]:
    """The value that begins there, in a tuple, and where it ends; None when there is no whole one."""
    try:
        value, end = _DECODER.raw_decode(text, start)
    except ValueError:
        return None, start
    except RecursionError:
        raise Refused(_too_deep(number)) from None
    return (value,), end


def _too_deep(number: int) -> str:
    return f"entry {number} is nested too deeply, must be a flat object: {{column: value}}."


JSON = Format("JSON", (".json",), (), read_json)
NDJSON = Format("NDJSON (one JSON object a line)", (".ndjson", ".jsonl"), (), read_ndjson)
