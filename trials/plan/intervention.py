"""The idea as it is done, by the items of TIDieR (Hoffmann et al., 2014, BMJ 348:g1687), with its core and flexible parts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from trials.plan.base import Frozen


class Component(Frozen):
    """One part of the idea. flexible: a practitioner may fit it to the person; what of it may vary is said in `within`."""

    id: str = Field(min_length=1, pattern=r"^[a-z][a-z0-9_]*$")
    text: str = Field(min_length=1)
    role: Literal["core", "flexible"] = "core"
    within: str = ""

    @model_validator(mode="after")
    def _limits(self) -> Component:
        if self.role == "core" and self.within:
            raise ValueError(
                f"components.{self.id}.within says what may vary, must be left out of a core component: nothing of it may. "
                "Write role: flexible"
            )
        return self


class Intervention(Frozen):
    """TIDieR's items in its order; items 10 (modifications) and 12 (how well, actual) come from what is recorded.

    how_well: item 11, how it is checked that the idea is done as planned. tailoring: item 9, what is fitted to the person.
    """

    name: str = Field(min_length=1)
    why: str = ""
    materials: str = ""
    procedures: str = ""
    who: str = ""
    how: str = ""
    where: str = ""
    when_and_how_much: str = ""
    tailoring: str = ""
    how_well: str = ""
    components: tuple[Component, ...] = ()

    @model_validator(mode="after")
    def _apart(self) -> Intervention:
        ids = [one.id for one in self.components]
        twice = sorted({one for one in ids if ids.count(one) > 1})
        if twice:
            raise ValueError(f"components have the id {', '.join(twice)} more than once, must all differ")
        return self
