"""Bodies of answers over HTTP -> pages -> one table. What the bytes mean is for `trials.connectors.formats` to say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

import httpx

from trials.connectors.connector import Limits
from trials.connectors.fetching import shown
from trials.connectors.formats import read_table
from trials.connectors.formats.cells import Number, Pairs, json_text
from trials.connectors.formats.json_ndjson import gather
from trials.connectors.formats.table import Refused, Table
from trials.connectors.paging import KeyPath, value_at
from trials.errors import SourceError
from trials.protocol import Protocol
from trials.records import Rows

Format = Literal["csv", "json", "ndjson"]

# Content types of each format, its own first; the last three say nothing either way.
_ANY = ("text/plain", "application/octet-stream", "")
TYPES: dict[Format, tuple[str, ...]] = {
    "csv": ("text/csv", "application/csv", "text/comma-separated-values", "application/vnd.ms-excel", *_ANY),
    "json": ("application/json", "text/json", *_ANY),
    "ndjson": ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines", *_ANY),
}


@dataclass(frozen=True, slots=True)
class Page:
    """One page. count: its rows. document: of JSON, all of it; entries: its rows. problem: why it can't be read.

    digest: of its rows alone, by which a page that was sent twice is known although its time or number differs.
    """

    body: bytes
    count: int = 0
    digest: bytes = b""
    document: Any = None
    entries: Sequence[Any] = ()
    table: Table | None = None
    problem: str | None = None


def read_page(body: bytes, url: httpx.URL, format: Format, rows: KeyPath, protocol: Protocol, limits: Limits) -> Page:
    """What a body says. Raises SourceError when a JSON answer has no list of rows where the plan says."""
    if not body.strip():
        return Page(body)
    try:
        if format == "json":
            return _json_page(body, url, rows)
        digest = hashlib.sha256(body).digest()
        if format == "ndjson":
            return Page(body, sum(1 for line in body.split(b"\n") if line.strip()), digest)
        table = read_table(body, "page.csv", protocol, limits)
        return Page(body, len(table.rows), digest, table=table, problem=table.problem)
    except Refused as refused:
        return Page(body, problem=str(refused))


def to_table(pages: Sequence[Page], format: Format, protocol: Protocol, limits: Limits) -> Table:
    """The rows of all pages; a table with a problem when one of them can't be read, or they don't fit together."""
    broken = next((page.problem for page in pages if page.problem is not None), None)
    if broken is not None:
        return Table(problem=broken)
    filled = [page for page in pages if page.count]
    try:
        if format == "json":
            return gather(chain.from_iterable(page.entries for page in filled), limits).table(protocol)
        if format == "ndjson":
            return read_table(b"".join(_ended([page.body for page in filled])), "pages.ndjson", protocol, limits)
    except Refused as refused:
        return Table(problem=str(refused))
    return _one_below_the_other([page.table for page in filled if page.table is not None])


def _json_page(body: bytes, url: httpx.URL, path: KeyPath) -> Page:
    """Raises Refused when the body is no whole JSON."""
    try:
        text = body.decode("utf-8-sig")
        document = json.loads(
            text, parse_int=Number, parse_float=Number, parse_constant=Number, object_pairs_hook=Pairs
        )
    except UnicodeDecodeError:
        raise Refused("the encoding is not UTF-8, must be UTF-8.") from None
    except json.JSONDecodeError as error:
        raise Refused(
            f"the answer is not valid JSON ({error.msg} in line {error.lineno}), must be one document."
        ) from None
    except RecursionError:
        raise Refused("the answer is nested too deeply, must be a list of flat objects.") from None
    found = value_at(document, path, url, "rows")
    if not isinstance(found, list) or isinstance(found, Pairs):
        raise SourceError(
            f"{shown(url)} answered without a list of rows at {'.'.join(path) or 'its top'}, must have one. Correct "
            "source.options.rows, or ask whoever runs it."
        )
    return Page(body, len(found), hashlib.sha256(json_text(found).encode()).digest(), document, found)


def _one_below_the_other(tables: Sequence[Table]) -> Table:
    """CSV pages, each with its header."""
    first = tables[0]
    odd = next((number for number, table in enumerate(tables, start=1) if table.columns != first.columns), None)
    if odd is not None:
        return Table(problem=f"page {odd} has other columns than the first, must have the same in the same order.")
    if len(tables) == 1:
        return first
    parts = [Rows.of(table.rows) for table in tables]
    cells = {name: [cell for part in parts for cell in part.column(name)] for name in first.columns}
    ragged: dict[int, str] = {}
    before = 0
    for part in parts:
        ragged |= {before + place: text for place, text in part.ragged.items()}
        before += len(part)
    repairs = tuple(dict.fromkeys(repair for table in tables for repair in table.repairs))
    return Table(first.columns, Rows(cells, None, ragged), repairs, unfinished=tables[-1].unfinished)


def _ended(bodies: Sequence[bytes]) -> Iterator[bytes]:
    """Bodies one after the other, each but the last with a line end, and without a byte-order mark after the first."""
    for number, body in enumerate(bodies):
        text = body.removeprefix(b"\xef\xbb\xbf") if number else body
        yield text if number == len(bodies) - 1 or text.endswith(b"\n") else text + b"\n"
