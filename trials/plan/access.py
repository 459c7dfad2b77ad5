"""Who may see what while the trial runs."""

from __future__ import annotations

from typing import Literal

from trials.plan.base import Frozen

Role = Literal["lead", "operator", "custodian", "safety_steward", "site", "stakeholder"]


class Access(Frozen):
    """interim: the roles that may see results by arm before the trial is closed."""

    interim: tuple[Role, ...] = ("custodian", "safety_steward")
