"""Outcome kinds. Adding one is a file beside these and a line in KINDS; the laws in tests/laws run on it unasked."""

from __future__ import annotations

import difflib

from trials.errors import ProtocolError
from trials.outcomes import amount, binary, count, score, time_to_event
from trials.outcomes.kind import Kind

KINDS: list[Kind] = [binary.KIND, score.KIND, amount.KIND, count.KIND, time_to_event.KIND]


def kind_named(name: str) -> Kind:
    """The kind of that name. Raises ProtocolError with the known names when there is none."""
    for kind in KINDS:
        if kind.name == name:
            return kind
    known = [kind.name for kind in KINDS]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    raise ProtocolError(f'primary.kind == "{name}", must be one of {", ".join(known)}.{hint}')
