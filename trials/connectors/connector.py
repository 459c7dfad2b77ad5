"""What a connector is: two functions that find deliveries and read them. Connectors are data, not subclasses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from trials.protocol import Protocol, Source
from trials.records import Delivery


@dataclass(frozen=True, slots=True)
class Found:
    """A delivery that lies ready, not read yet. name: relative to the source; sent_at: aware UTC."""

    name: str
    sent_at: datetime
    locator: str


@dataclass(frozen=True, slots=True)
class Connector:
    """One way of getting deliveries.

    find(source, home): what lies ready, oldest first by (sent_at, name). Relative paths are relative to `home`.
        Raises SourceError when the source is not there.
    fingerprint(found): SHA-256 of the bytes, so that what is known already is not read again. Raises SourceError.
    read(protocol, found): the delivery. Bad content raises nothing: `Delivery.problem` says why it can't be read
        with certainty. Raises SourceError when the bytes can't be had (gone, no permission): trying again may help.
    """

    name: str
    fingerprint: Callable[[Found], str]
    find: Callable[[Source, Path], tuple[Found, ...]]
    read: Callable[[Protocol, Found], Delivery]


def source_name(connector: str, source: Source) -> str:
    """How the ledger names a source; the same bytes from the same source are the same delivery."""
    return f"{connector}:{source.path}"
