"""What would the verdict have been on a finished data set? The same path as ingest, in a store that is thrown away."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flows import work
from flows.byhand import must_be_file
from trials.connectors import folder
from trials.connectors.connector import Found
from trials.errors import SourceError
from trials.evidence import Look
from trials.protocol import Protocol
from trials.records import ON_TIME, Receipt
from trials.store import reading
from trials.store.engine import open_store


@dataclass(frozen=True, slots=True)
class Replay:
    look: Look
    receipt: Receipt


def replay(protocol: Protocol, path: Path, as_of: datetime) -> Replay:
    """Registers, seals, checks and records the file in an empty store, and looks once, as of a time.

    Raises ProtocolError, SourceError (no such file, or the file was refused whole).
    """
    must_be_file(path, "Name the finished data set, a CSV file.")
    with tempfile.TemporaryDirectory(prefix="roadtest-replay-") as home:
        store = open_store(f"sqlite:///{Path(home) / 'replay.db'}")
        try:
            work.register_trial(store, protocol, by="replay", at=ON_TIME, seal_by="second reader")
            door = work.Door(Path(home))
            delivery = folder.CONNECTOR.read(protocol, Found(path.name, ON_TIME, str(path.resolve())), door.context())
            if delivery is None:
                raise SourceError(f"{path}: holds nothing. Name the finished data set.")
            [receipt] = work.ingest(store, protocol, [delivery], recorded_at=ON_TIME, as_of=as_of, door=door)
            look = reading.card(store, protocol.trial).look
        finally:
            store.engine.dispose()
    if receipt.refusal is not None or look is None:
        raise SourceError(receipt.refusal or f"{path.name}: nothing in it could be judged. Name the finished data set.")
    return Replay(look, receipt)
