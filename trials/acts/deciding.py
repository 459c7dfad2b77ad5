"""What people decide on a trial: drop, continue, promote, stop, rerun. All but 'continue' close it, for ever.

The act keeps what the decision was taken on: the look, its verdict and figures, and what each criterion came to. Codes of
reasons are plain words here, so that a later version reads every decision that was ever taken; `trials.reasons.REASONS`
says which ones are taken now.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args

from pydantic import Field

from trials.acts.act import SEALED, ActKind
from trials.plan.base import Frozen

What = Literal["drop", "continue", "promote", "stop", "rerun"]
Light = Literal["green", "amber", "red", "not yet"]
DECISIONS: tuple[What, ...] = get_args(What)
# The state that a decision leaves a trial in.
LEADS_TO: dict[str, str] = {
    "drop": "dropped",
    "continue": SEALED,
    "promote": "promoted",
    "stop": "stopped",
    "rerun": "rerun",
}


class Answered(Frozen):
    """What one criterion came to. source: the ledger worked it out, or people answered it. value None: not known yet."""

    id: str = Field(min_length=1)
    value: float | None
    light: Light
    source: Literal["ledger", "people"]


class Grounds(Frozen):
    """The look that a decision was taken on. look 0, verdict None: there was none. n: people with a result. Effects in
    the measure's own unit, positive = better. rules: codes of the stopping rules that asked for a stop. stale: a look at the
    time of deciding would have counted more, or said otherwise."""

    look: int = 0
    as_of: datetime | None = None
    verdict: str | None = None
    label: str = ""
    n: int = 0
    missing: int = 0
    enrolled: int = 0
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    claims: tuple[str, ...] = ()
    concerns: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    protocol_sha256: str = ""
    stale: bool = False


class Decision(Frozen):
    """what was decided and why. against: what it goes against ('verdict', 'gate', 'progression'); then `second` has
    reviewed it. lesson, reuse: what was learnt, what of it others can use. dissent: who saw it otherwise, or 'none'."""

    what: What
    reason: str = ""
    reason_code: str = ""
    second: str = ""
    lesson: str = ""
    reuse: str = ""
    dissent: str = Field(default="none", min_length=1)
    against: tuple[str, ...] = ()
    answers: tuple[Answered, ...] = ()
    grounds: Grounds = Grounds()

    @property
    def closes(self) -> bool:
        return self.what != "continue"


def _moves(state: str, body: Frozen) -> str:
    return LEADS_TO[body.what] if isinstance(body, Decision) else state


DECISION = ActKind(
    "decision",
    Decision,
    action="decide",
    states=(SEALED,),
    moves=_moves,
    words=("reason", "lesson", "reuse", "dissent"),
)
