"""How people come into the arms: the design from which the evidence label follows (`trials.labelling`)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trials.plan.base import Frozen

How = Literal["random", "site", "period", "caseworker", "choice", "before_after", "everyone"]


class Assignment(Frozen):
    """how: random, by an allocation list; site, period or caseworker, each of which has one arm; choice, somebody decides
    person by person; before_after, the control is people from before; everyone gets the idea (a trial with one arm).

    column: the further column of the deliveries (`data.fields`) that names the caseworker. within_site: whether each site
    has every arm.
    """

    how: How = "random"
    column: str | None = Field(default=None, min_length=1)
    within_site: bool = True
