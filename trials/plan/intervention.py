"""The idea as it is done, by the items of TIDieR (Hoffmann et al., 2014, BMJ 348:g1687), with its core and flexible parts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trials.plan.base import Frozen


class Component(Frozen):
    """One part of the idea. flexible: a practitioner may fit it to the person; what of it may vary is said in `within`."""

    id: str = Field(min_length=1, pattern=r"^[a-z][a-z0-9_]*$")
    text: str = Field(min_length=1)
    role: Literal["core", "flexible"] = "core"
    within: str = ""


class Intervention(Frozen):
    """TIDieR's items in its order; items 10 (modifications) and 12 (how well, actual) come from what is recorded."""

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
