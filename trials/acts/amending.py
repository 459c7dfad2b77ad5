"""That a sealed plan was amended: what changed, why, and what that is expected to do. The text is a new version of the plan."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from trials.acts.act import SEALED, ActKind
from trials.plan.base import Frozen


class Change(Frozen):
    """One field: its path in the plan, and its value before and after as JSON. None: it was, or is, not there."""

    path: str = Field(min_length=1)
    before: Any = None
    after: Any = None


class Amendment(Frozen):
    """From one version of the plan to the next. Whoever does the act wrote it; `approved_by`, somebody else, sealed it.

    evidence: 'none' if only words changed, 'future' if something does that comes in from now on; what the looks before it
    said stays as it was in both cases. impact: the expected impact, in words.
    """

    version: int = Field(ge=2)
    from_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    to_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    diff: tuple[Change, ...] = Field(min_length=1)
    reason: str = Field(min_length=1)
    impact: str = Field(min_length=1)
    evidence: Literal["none", "future"]
    approved_by: str = Field(min_length=1)


AMENDMENT = ActKind("amendment", Amendment, action="amend", states=(SEALED,), words=("reason", "impact"))
