"""Deliveries taken by hand: `roadtest ingest`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from flows import work
from trials.connectors import folder
from trials.connectors.connector import Found
from trials.errors import SourceError
from trials.records import Receipt
from trials.store import ledger
from trials.store.engine import Store


def ingest_files(
    store: Store,
    trial: str,
    files: Sequence[Path],
    *,
    sent_at: datetime | None,
    as_of: datetime | None,
    dry_run: bool = False,
) -> list[Receipt]:
    """Each file as one delivery, in the order given. as_of: received and looked at then; default now.

    Raises SourceError before anything is stored when one of the files isn't there.
    """
    for path in files:
        if not path.is_file():
            raise SourceError(f"{path}: no such file. Name a delivery, a CSV file.")
    protocol, _ = ledger.sealed_protocol(store, trial)
    at = as_of or work.utc_now()
    if sent_at is not None and sent_at > at:
        raise SourceError(f"--sent-at == {sent_at:%Y-%m-%d}, must not lie after {at:%Y-%m-%d}, when it is received.")
    receipts = []
    for path in files:
        found = Found(path.name, sent_at or min(folder.sent_at(path), at), str(path.resolve()))
        delivery = replace(folder.CONNECTOR.read(protocol, found), source="hand")
        receipts.append(work.ingest(store, protocol, delivery, recorded_at=at, as_of=at, dry_run=dry_run))
    return receipts
