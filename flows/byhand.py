"""Deliveries and lists of people taken by hand: `roadtest ingest`, `roadtest enrol --from`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from flows import work
from flows.keys import Keys
from flows.naming import named_safely
from flows.secrets import secret_named
from flows.settings import Settings
from trials.connectors import folder
from trials.connectors.connector import Found
from trials.errors import SourceError
from trials.protocol import Protocol
from trials.records import Receipt
from trials.store import ledger
from trials.store.allocations import must_not_reveal
from trials.store.deliveries import REGISTER
from trials.store.engine import Store
from trials.store.seeing import must_allow


def door_of(settings: Settings) -> work.Door:
    """The keys, secrets and limits that the settings name."""
    return work.Door(settings.folder, Keys(settings.keys_folder), settings.limits, secret_named)


def ingest_files(
    store: Store,
    trial: str,
    files: Sequence[Path],
    *,
    sent_at: datetime | None,
    as_of: datetime | None,
    door: work.Door,
    dry_run: bool = False,
) -> list[Receipt]:
    """Each file as one delivery, in the order given. as_of: received and looked at then; default now.

    Raises SourceError before anything is stored when one of the files isn't there; ForbiddenError before one is opened.
    """
    for path in files:
        must_be_file(path, "Name a delivery.")
    must_allow(store, trial, "collect")
    protocol, _ = ledger.sealed_protocol(store, trial)
    at = as_of or work.utc_now()
    if sent_at is not None and sent_at > at:
        raise SourceError(f"--sent-at == {sent_at:%Y-%m-%d}, must not lie after {at:%Y-%m-%d}, when it is received.")
    deliveries = []
    for path in files:
        named = folder.sent_at_in(path.name) is not None
        found = Found(path.name, sent_at or min(folder.sent_at(path), at), str(path.resolve()), dated=named)
        read = folder.CONNECTOR.read(protocol, found, door.context())
        if read is not None:
            deliveries.append(replace(read, source="hand", dated=sent_at is not None or read.dated))
    deliveries = [*named_safely(store, door.pseudonyms, protocol, deliveries)]
    return work.ingest(store, protocol, deliveries, recorded_at=at, as_of=at, door=door, dry_run=dry_run)


def enrol_from(
    store: Store, trial: str, file: Path, *, as_of: datetime | None, door: work.Door, dry_run: bool = False
) -> Receipt:
    """A trial's list of people, from a file: all of them, or nobody. From then on the register is closed.

    Raises SourceError when the file isn't there, LifecycleError when the trial reveals its arms one by one; ForbiddenError.
    """
    must_be_file(file, "Name the list of people who were allocated, a CSV file.")
    must_allow(store, trial, "collect")
    protocol, _ = ledger.sealed_protocol(store, trial)
    must_not_reveal(store, trial)
    at = as_of or work.utc_now()
    found = Found(file.name, at, str(file.resolve()))
    # The list is the owner's own file, so its columns bear our names whatever the source's are called.
    listed = folder.CONNECTOR.read(replace_columns(protocol), found, door.context())
    if listed is None:
        raise SourceError(f"{file.name}: holds nothing. Name the list of people who were allocated.")
    [listed] = named_safely(store, door.pseudonyms, protocol, [listed])
    return work.enrol(store, protocol, replace(listed, source=f"{REGISTER}hand"), at=at, door=door, dry_run=dry_run)


def must_be_file(path: Path, hint: str) -> None:
    """Raises SourceError, with the hint, unless a file lies there: a pipe, say, would be waited for without end."""
    if path.is_file():
        return
    if path.is_dir():
        raise SourceError(f"{path} is a folder, must be a file. {hint}")
    if path.exists():
        raise SourceError(f"{path} is a pipe or a device, must be a file. {hint}")
    raise SourceError(f"{path}: no such file. {hint}")


def replace_columns(protocol: Protocol) -> Protocol:
    """The plan with no renamed columns."""
    return protocol.model_copy(update={"source": protocol.source.model_copy(update={"columns": {}})})
