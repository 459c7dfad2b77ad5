"""What a connector is: functions that find deliveries and read them. Connectors are data, not subclasses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from trials.errors import SourceError
from trials.protocol import Protocol, Source
from trials.records import Delivery


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that is read. What is larger is refused before it fills the memory: a zip bomb, a quote left open."""

    unpacked_bytes: int = 50_000_000
    line_bytes: int = 1_000_000


def no_secrets(name: str) -> str:
    """Where no secrets can be had."""
    variable = f"ROADTEST_SECRET_{name.upper().replace('-', '_')}"
    raise SourceError(f"source.secret == '{name}', can't be looked up here. Set {variable}.")


@dataclass(frozen=True, slots=True)
class Context:
    """What a connector may know beside the plan.

    home: relative paths are relative to it. secret: the value of a named secret; raises SourceError when there is none.
    watermark: what the newest delivery of this source that is in asked to be told next time; None before the first.
    now: aware UTC. timeout: seconds that one request may take.
    """

    home: Path
    limits: Limits = Limits()
    secret: Callable[[str], str] = no_secrets
    watermark: str | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    timeout: float = 30.0


@dataclass(frozen=True, slots=True)
class Found:
    """A delivery that lies ready, not read yet. name: relative to the source; sent_at: aware UTC.

    dated: its sender says when it was sent (a date in its name); else that is only when the file was changed.
    """

    name: str
    sent_at: datetime
    locator: str
    dated: bool = False


@dataclass(frozen=True, slots=True)
class Connector:
    """One way of getting deliveries.

    check(source): raises ProtocolError when the plan's `source` lacks what this connector needs, or holds a secret.
    find(source, context): what lies ready, oldest first by (sent_at, name). Raises SourceError when the source is not
        there.
    fingerprint(found, context): SHA-256 of the bytes, so that what is known already is not read again; None when that
        can't be had without reading. Raises SourceError.
    read(protocol, found, context): the delivery; None when the source says that there is nothing new. Bad content raises
        nothing: `Delivery.problem` says why it can't be read with certainty. Raises SourceError when it can't be had
        (gone, no permission, an answer without rows where there must be some): trying again may help.
    """

    name: str
    check: Callable[[Source], None]
    find: Callable[[Source, Context], tuple[Found, ...]]
    fingerprint: Callable[[Found, Context], str | None]
    read: Callable[[Protocol, Found, Context], Delivery | None]


def source_name(connector: str, source: Source) -> str:
    """How the ledger names a source; the same bytes from the same source are the same delivery."""
    return f"{connector}:{source.path}"
