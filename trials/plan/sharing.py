"""What the partners hope for, and the small sums that people in the trial can decide on."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trials.plan.base import Frozen


class Hope(Frozen):
    """One value that a partner hopes for and the measure that shows it. measure: a measure of the plan, or empty where
    nothing measures it yet."""

    value: str = Field(min_length=1)
    measure: str = ""
    better: Literal["lower", "higher"] | None = None


class Partner(Frozen):
    """value: what the partner hopes for, in one sentence. hopes: the same, each with its measure."""

    name: str = Field(min_length=1)
    kind: Literal["government", "industry", "university", "community", "users"]
    value: str = ""
    hopes: tuple[Hope, ...] = ()


class Fund(Frozen):
    """Enabling fund. total and per_person in `currency`; days_to_approve: how fast a request is to be answered."""

    total: float = Field(gt=0)
    per_person: float = Field(gt=0)
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")
    days_to_approve: int = Field(default=7, ge=0)
