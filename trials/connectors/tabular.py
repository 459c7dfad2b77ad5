"""Bytes of a file -> a delivery. Strict: what can't be read with certainty is a problem, never a guess.

Lossless repairs (a byte-order mark, CRLF, blank lines) are made and reported. Cells stay as they were sent; what they
mean is for `expectations.check` to judge. What the bytes of each format mean is in `trials.connectors.formats`.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from trials.connectors.connector import Limits
from trials.connectors.formats import read_table
from trials.connectors.formats.table import LIMITS, Table, shorten
from trials.protocol import Protocol
from trials.records import RAGGED, Delivery

__all__ = ["RAGGED", "Table", "delivery_of", "parse_csv", "read_table", "shorten", "to_delivery"]


def to_delivery(
    protocol: Protocol, data: bytes, *, source: str, name: str, sent_at: datetime, limits: Limits = LIMITS
) -> Delivery:
    """The delivery that a file's bytes make, read as its name ends; sent_at is aware UTC. Raises nothing for bad content."""
    table = read_table(data, name, protocol, limits)
    return delivery_of(protocol, table, hashlib.sha256(data).hexdigest(), source=source, name=name, sent_at=sent_at)


def delivery_of(
    protocol: Protocol, table: Table, content_sha256: str, *, source: str, name: str, sent_at: datetime
) -> Delivery:
    """The delivery of a table; content_sha256: of the bytes that it was read from, 64 hex digits."""
    return Delivery(
        trial=protocol.trial,
        source=source,
        name=name,
        content_sha256=content_sha256,
        sent_at=sent_at,
        columns=table.columns,
        rows=table.rows,
        repairs=table.repairs,
        problem=table.problem,
        unfinished=table.unfinished,
    )


def parse_csv(data: bytes, protocol: Protocol, limits: Limits = LIMITS) -> Table:
    """Columns (in our names), rows, repairs and problem of a CSV file's bytes. Raises nothing for bad content."""
    return read_table(data, "data.csv", protocol, limits)
