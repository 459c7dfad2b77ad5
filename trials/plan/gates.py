"""The gate at the end of a stage: what must be met to carry the idea on."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from trials.plan.base import Frozen
from trials.plan.progression import Criterion


class Gate(Frozen):
    """to: the stage that it leads to. criteria: all must be green, or it takes a second reviewer to pass."""

    to: Literal["proof_of_concept", "pilot", "scale"]
    criteria: tuple[Criterion, ...] = Field(min_length=1)

    @field_validator("criteria")
    @classmethod
    def _differ(cls, value: tuple[Criterion, ...]) -> tuple[Criterion, ...]:
        names = [one.id for one in value]
        if len(set(names)) != len(names):
            raise ValueError("must have criteria whose ids all differ")
        return value
