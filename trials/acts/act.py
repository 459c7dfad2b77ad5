"""What people do to a trial, beside its data: an act is one fact, said once by somebody at a time, never changed.

Kinds of acts register in `trials.acts.ACTS`, a file each; the store writes them all through one door
(`trials.store.acts.act`), which asks `trials.roles` whether the person may and the kind whether the trial's state allows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from trials.plan.base import Frozen

# Where a trial stands; `trials.lifecycle` says what leads from one to the other.
REGISTERED, SEALED = "registered", "sealed"
CLOSED = ("dropped", "promoted", "stopped", "rerun")
STATES = (REGISTERED, SEALED, *CLOSED)


def nowhere(state: str, body: Frozen) -> str:
    """The state that an act leaves the trial in: as it was."""
    return state


@dataclass(frozen=True, slots=True)
class ActKind:
    """One kind of act. name: in the database, for ever. body: its model, whose JSON is stored. action: the permission it
    needs (`trials.roles.ACTIONS`). states: those of a trial in which it is allowed; empty for acts on a programme or an
    idea, which have no state. moves: the state after it. site: the site that an act is about, or None for the whole trial.
    words: the fields in which people write freely, which must name nobody; given: whether a given name alone names somebody.
    """

    name: str
    body: type[Frozen]
    action: str
    states: tuple[str, ...] = STATES
    moves: Callable[[str, Frozen], str] = nowhere
    site: Callable[[Frozen], str | None] = lambda body: None
    words: tuple[str, ...] = ()
    given: bool = False

    def texts(self, body: Frozen) -> Mapping[str, str]:
        """What people wrote freely in an act, by field."""
        return {name: getattr(body, name) for name in self.words}


@dataclass(frozen=True, slots=True)
class Act:
    """One act as it was stored. scope: a trial's name, 'programme:NAME' or 'idea:NAME'. look: the number of the newest look
    when it was done, 0 if none. key: what makes it the same act if it is said again."""

    scope: str
    seq: int
    kind: str
    by: str
    at: datetime
    look: int
    body: Frozen
    key: str | None = None
