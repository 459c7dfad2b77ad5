"""Hits -> one sentence. It says nothing that a cell says: only places, headings, kinds and numbers of rows."""

from __future__ import annotations

from trials.identifiers.judging import Found, holds_identifier

MOST_HEADER = 40
# The most further columns that one sentence names.
MOST_NAMED = 3


def sentence(hits: list[Found]) -> str:
    """What the first column holds, which others do, and what to do. Says nothing that a cell says."""
    first, others = hits[0], hits[1:]
    more = f", {_listed(others)}" if others else ""
    if first.heading:
        place = f"the heading of column {first.column.number} looks like data itself ({first.kind})"
        return f"{place}{more}: must be a word that says what the column holds. Is the header row missing? Nothing was stored."
    count = first.column.rows_with(first.cells)
    rows = f" in {count:,} row{'' if count == 1 else 's'}" if first.column.number else ""
    return (
        f"{_shown(first)} holds what look like {first.kind}{rows}{more}: must hold nothing that names a person. "
        "Leave that out or put codes in its place, and send the file again; nothing of it was stored."
    )


def _listed(others: list[Found]) -> str:
    shown = ", ".join(f"{_shown(one)} {one.kind}" for one in others[:MOST_NAMED])
    return shown + (f", and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else "")


def _shown(hit: Found) -> str:
    """A column by its heading, or by its number alone where the heading may be or hold a value."""
    column = hit.column
    if not column.number:
        return "a row that does not fit the header"
    header = column.header.strip()
    low = header.casefold()
    quotable = column.headed and header and header.isprintable() and not hit.heading and not holds_identifier(header)
    if not quotable or any(cell.strip().casefold() in low for cell in hit.cells):
        return f"column {column.number}"
    return f"column '{header if len(header) <= MOST_HEADER else header[: MOST_HEADER - 1] + '…'}'"
