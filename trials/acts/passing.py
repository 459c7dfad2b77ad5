"""An idea passes on: to the next stage, or to a rerun within its stage. Scope: 'idea:NAME'; key: the successor's name.

What is carried over stands in the predecessors' decisions; the act keeps it as it was when the idea was passed on.
"""

from __future__ import annotations

from pydantic import Field

from trials.acts.act import ActKind
from trials.acts.deciding import Answered
from trials.plan.base import Frozen


class Handed(Frozen):
    """What one predecessor hands over."""

    trial: str = Field(min_length=1)
    decision: str = Field(min_length=1)
    reason_code: str = ""
    lesson: str = ""
    reuse: str = ""
    answers: tuple[Answered, ...] = ()


class Passing(Frozen):
    """successor: the trial that goes on. changed: what is new in it, in its plan's own words."""

    from_stage: str = Field(min_length=1)
    to_stage: str = Field(min_length=1)
    successor: str = Field(min_length=1)
    changed: str = Field(min_length=1)
    handed: tuple[Handed, ...] = Field(min_length=1)


PASSING = ActKind("passing", Passing, action="decide", states=(), words=("changed",))
