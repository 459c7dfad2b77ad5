"""Sources that show a state rather than send files: the same state twice is nothing new, a state that comes back is.

A value that was corrected and corrected back gives an answer whose bytes were there before. By their hash alone the ledger
would take it for the old delivery; so the delivery's hash covers the state and the delivery before it.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from trials.protocol import sha256_text


class Shown(NamedTuple):
    """What the newest accepted delivery showed: SHA-256 of its state and of the delivery, and the server's own mark."""

    state: str = ""
    content: str = ""
    etag: str | None = None

    def to_text(self) -> str:
        return json.dumps(self._asdict())


def shown_before(watermark: str | None) -> Shown:
    """What the watermark remembers. Of one that can't be read nothing, so that everything is asked for again."""
    try:
        found = json.loads(watermark or "{}")
        return Shown(*(found.get(name, default) for name, default in Shown._field_defaults.items()))
    except (ValueError, AttributeError):
        return Shown()


def shown_now(before: Shown, state: str, etag: str | None = None) -> Shown | None:
    """What a delivery of this state would leave; None when the newest accepted one showed the same."""
    if state == before.state:
        return None
    return Shown(state, sha256_text(f"{before.content} {state}") if before.content else state, etag)
