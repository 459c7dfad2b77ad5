"""What people can do on the pages. The pages know this and no more of it: `flows.doing` does it, through the same doors as the
command, and hands itself to `dashboards.app.create_app`.

Everything here is done in somebody's name and asks their roles. It raises RoadtestError: one sentence for the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol as Interface

Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Registered:
    """A plan that was registered, and its SHA-256. said: what it should be known beside it, a sentence each."""

    trial: str
    sha256: str
    said: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """A row that was set aside and waits. place: number of its delivery, and its own in it. cells: its newest version by
    column, as its site sent it; None for whoever may not see people. changed: what was mended of it so far. version: how
    often it was mended."""

    place: Place
    delivery: str
    sent_at: datetime
    reason: str
    state: str
    cells: Mapping[str, str] | None
    changed: tuple[str, ...] = ()
    version: int = 0


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of judging mended rows again: how many were taken in, set aside again, or left as they are; in a sentence."""

    taken: int
    again: int
    left: int
    sentence: str


class Doing(Interface):
    """The deeds of the pages. by: whose name it is done in, and whose roles are asked."""

    def register(self, text: str, *, by: str) -> Registered:
        """Registers the plan that a YAML text holds. Raises RoadtestError."""

    def seal(self, trial: str, *, sha256: str, by: str) -> str:
        """Seals the registered plan with this SHA-256, which is given back. Raises GateError, FourEyesError, ForbiddenError,
        PlanHashMismatchError when another plan stands there by now."""

    def decide(
        self,
        trial: str,
        what: str,
        *,
        by: str,
        reason: str = "",
        reason_code: str = "",
        second: str = "",
        lesson: str = "",
        reuse: str = "",
        dissent: str = "none",
        answers: Mapping[str, float] | None = None,
    ) -> str:
        """Takes a decision, one of `trials.acts.deciding.DECISIONS`; its sentence. Raises RoadtestError."""

    def waiting(self, *, by: str) -> Mapping[str, int]:
        """How many rows wait, by trial of which somebody may see the rows. No cell is opened, so nothing is noted."""

    def waiting_rows(self, trial: str, *, by: str) -> tuple[WaitingRow, ...]:
        """The rows that wait to be mended or judged again. That their cells were opened is noted. Raises ForbiddenError for
        whoever may not see rows."""

    def mend(
        self, trial: str, place: Place, changes: Mapping[str, str], *, reason: str, by: str, upon: int | None = None
    ) -> None:
        """Appends a mended version of a row. upon: the version that was seen. Raises RoadtestError, also when another
        stands there by now."""

    def leave(self, trial: str, place: Place, *, reason: str, by: str, upon: int | None = None) -> None:
        """Marks a row as not to be mended. upon: the version that was seen. Raises RoadtestError."""

    def replay(self, trial: str, *, by: str) -> Replayed:
        """Judges mended rows again through the same checks and takes a look, in one transaction. Raises RoadtestError."""
