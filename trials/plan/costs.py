"""What one more participant costs, so that the portfolio can say what stopping early released."""

from __future__ import annotations

from pydantic import Field

from trials.plan.base import Frozen


class Costs(Frozen):
    """Of one participant (or cluster) from joining to the end of follow-up, as planned. per_person: money, in `currency`,
    beside the staff's time; staff_hours_per_person: their hours. None: not known."""

    per_person: float | None = Field(default=None, ge=0)
    staff_hours_per_person: float | None = Field(default=None, ge=0)
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")
