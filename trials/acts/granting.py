"""Roles given to and taken from people, in a programme or one of its sites. Scope: 'programme:NAME'."""

from __future__ import annotations

from pydantic import Field

from trials.acts.act import ActKind
from trials.plan.access import Role
from trials.plan.base import Frozen


class Grant(Frozen):
    """person may act as `role`; site: in this site alone, None for all. given False: the role is taken away."""

    person: str = Field(min_length=1)
    role: Role
    site: str | None = None
    given: bool = True


GRANT = ActKind("grant", Grant, action="grant", states=())
