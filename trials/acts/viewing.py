"""That somebody was shown what others may not see: results by arm, small counts, an allocation list, rows of people."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trials.acts.act import ActKind
from trials.plan.base import Frozen


class Viewed(Frozen):
    """what was shown, and to whom it was going (`role` that allowed it)."""

    what: Literal["arms", "small_counts", "allocation_list", "rows", "people"]
    role: str = Field(min_length=1)
    detail: str = ""


VIEWED = ActKind("viewed", Viewed, action="")
