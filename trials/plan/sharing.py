"""What the partners hope for, and the small sums that people in the trial can decide on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from pydantic import Field, model_validator

from trials.plan.base import Frozen


class Hope(Frozen):
    """One value that a partner hopes for and the measure that shows it. measure: a measure of the plan, or empty where
    nothing measures it yet. better: which way is better for this partner, where it differs from the plan's own word on it."""

    value: str = Field(min_length=1)
    measure: str = ""
    better: Literal["lower", "higher"] | None = None

    @model_validator(mode="after")
    def _measured(self) -> Hope:
        if self.better is not None and not self.measure:
            raise ValueError(
                "better is given without a measure, must say of which measure. Add measure, or leave better out"
            )
        return self


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

    @model_validator(mode="after")
    def _fits(self) -> Fund:
        if self.per_person > self.total:
            raise ValueError(
                f"per_person == {self.per_person:g}, must be at most the total of {self.total:g}: nobody can get more than "
                "there is"
            )
        return self


def check_hopes(partners: Sequence[Partner], measures: Collection[str]) -> None:
    """Raises ValueError when a hope names a measure that the plan doesn't have. measures: all those of the plan."""
    for partner in partners:
        for hope in partner.hopes:
            if hope.measure and hope.measure not in measures:
                raise ValueError(
                    f"partners.{partner.name}.hopes.measure == '{hope.measure}', must be a measure of the plan "
                    f"({', '.join(measures)}). Leave it out where nothing measures it yet"
                )
