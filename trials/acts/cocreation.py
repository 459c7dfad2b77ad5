"""That somebody proposed, changed, vetoed or tested a part of the plan, and what became of it."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field, model_validator

from trials.acts.act import ActKind
from trials.plan.base import Frozen

Group = Literal[
    "users", "families", "community", "frontline_staff", "managers", "partners", "funders", "researchers", "designers"
]
GROUPS: tuple[str, ...] = get_args(Group)
Answer = Literal["taken_up", "partly", "not_taken_up"]
# What can alter a plan; testing a part shows something about it and alters nothing by itself.
ALTERING = ("proposed", "changed", "vetoed")


def unreasoned(what: str, outcome: str, why: str) -> str:
    """What is wrong with an outcome that gives no reason; empty where it needs none."""
    if what != "vetoed" or outcome not in ("partly", "not_taken_up") or why:
        return ""
    return "why is missing, must say why the veto was not heeded in full: whoever objected is owed the reason."


class CoCreation(Frozen):
    """who: the kind of people, never a person. part: a path into the plan, or a component's id. why: of the outcome."""

    who: Group
    what: Literal["proposed", "changed", "vetoed", "tested"]
    part: str = Field(min_length=1)
    text: str = Field(min_length=10)
    outcome: Answer | Literal["pending"] = "pending"
    why: str = ""

    @model_validator(mode="after")
    def _why(self) -> CoCreation:
        reason = unreasoned(self.what, self.outcome, self.why)
        if reason:
            raise ValueError(reason)
        return self


class CoCreationOutcome(Frozen):
    """What became of contribution `number` (the act's own number). Newest word counts."""

    number: int = Field(ge=1)
    outcome: Answer
    why: str = ""


CO_CREATION = ActKind("co_creation", CoCreation, action="take_part", words=("text", "why"))
CO_CREATION_OUTCOME = ActKind("co_creation_outcome", CoCreationOutcome, action="take_part", words=("why",))
