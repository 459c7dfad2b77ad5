"""What the plan says beforehand about events outside the trial, such as a policy that reverses."""

from __future__ import annotations

from typing import Literal

from trials.plan.base import Frozen


class Events(Frozen):
    """split: how the estimate is split when an event is noted: people who joined before against after it, or none."""

    split: Literal["joined_before_after", "none"] = "joined_before_after"
