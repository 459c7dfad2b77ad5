"""Criteria for going on: of a feasibility trial (red, amber, green) and of a stage gate."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trials.plan.base import Frozen

Asks = Literal["recruitment", "retention", "data", "delivery", "burden", "safety", "benefit", "acceptability", "other"]


class Criterion(Frozen):
    """One prespecified criterion. green and red: the values from which on it is green, or red; amber lies between.

    higher: whether a larger value is better. asks: what it is about; those that the ledger knows (recruitment, retention,
    data) are worked out, the others are answered by people when they decide. unit: of the value; retention and data are
    shares from 0 to 1, or from 0 to 100 with the unit '%'; recruitment is people a month.
    """

    id: str = Field(min_length=1, pattern=r"^[a-z][a-z0-9_]*$")
    asks: Asks
    text: str = Field(min_length=1)
    green: float
    red: float
    higher: bool = True
    unit: str = ""
