"""ACTS: what people can do to a trial, a programme or an idea. A new kind is one file here and one line below."""

from __future__ import annotations

from trials.acts.act import Act, ActKind
from trials.acts.granting import GRANT
from trials.acts.viewing import VIEWED
from trials.errors import DataError

_KINDS = (GRANT, VIEWED)

ACTS: dict[str, ActKind] = {kind.name: kind for kind in _KINDS}

__all__ = ["ACTS", "Act", "ActKind", "act_kind"]


def act_kind(name: str) -> ActKind:
    """The kind of this name. Raises DataError for an unknown one: a newer version wrote it, or somebody else did."""
    found = ACTS.get(name)
    if found is None:
        raise DataError(
            f"kind == {name!r}, must be one of {', '.join(sorted(ACTS))}. Install the version that wrote it."
        )
    return found
