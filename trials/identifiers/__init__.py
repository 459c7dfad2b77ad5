"""Does a delivery hold what names a person? Asked at the door, before anything of it is stored.

No sentence from here holds a cell, nor a heading that could be one: what is said depends only on a column's place, on a
heading that is one, on the kind of identifier and on how many rows have it. Names, postcodes, addresses and dates of birth
are looked for in columns that the plan does not know; e-mail addresses, National Insurance, phone and NHS numbers in every
column, because an id must be a code. How many are found, and how often harmless columns are taken for them, is printed by
docs/scripts/identifier_evidence.py. Not found: a given name alone in a text, names that no list has (most names outside
Europe, all in other than Latin letters) unless a heading says so, and names in columns that the plan knows.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date

from trials.identifiers.births import earliest
from trials.identifiers.columns import Column
from trials.identifiers.files import masked
from trials.identifiers.judging import hit_of, holds_identifier
from trials.identifiers.sentences import sentence
from trials.protocol import Protocol
from trials.records import ON_TIME, Delivery, Rows

__all__ = ["found", "holds_identifier", "masked"]


def found(delivery: Delivery, protocol: Protocol) -> str | None:
    """The sentence that refuses a delivery with identifiers in it: which columns, what kind, how many rows.

    None when nothing is found. It never quotes a cell. The file's own name is not looked at: see `masked`.
    """
    joined = _joined(delivery)
    hits = [hit for column in _columns(delivery, protocol) if (hit := hit_of(column, joined)) is not None]
    return sentence(hits) if hits else None


def _joined(delivery: Delivery) -> date | None:
    """The first day on which somebody of the delivery joined, or when it was sent; None where neither is known."""
    sent = None if delivery.sent_at == ON_TIME else delivery.sent_at.date()
    cells = Rows.of(delivery.rows).column("enrolled_on")
    return earliest(cells, sent or date(2100, 1, 1)) or sent


def _columns(delivery: Delivery, protocol: Protocol) -> Iterator[Column]:
    """The delivery's columns under the site's own headings, and one of the cells of rows that don't fit the header."""
    rows = Rows.of(delivery.rows)
    known = set(protocol.known_columns)
    headed = any(name in known for name in delivery.columns)
    order = list(dict.fromkeys((*delivery.columns, *rows.cells)))
    for number, name in enumerate(order, start=1):
        theirs = protocol.source.columns.get(name, name)
        yield Column(number, theirs, rows.column(name), name in known, headed)
    if rows.ragged:
        yield Column(0, "", [cell for text in rows.ragged.values() for cell in _fields(text)], known=True)


def _fields(text: str) -> list[str]:
    """The cells of a ragged row as it was sent, which is CSV; the text itself if it is not."""
    try:
        return [cell for record in csv.reader([text]) for cell in record]
    except csv.Error:
        return [text]
