"""Allocation as acts: the list that is fixed beforehand, each arm that is revealed, an arm that is dropped.

What says who comes into which arm is sealed with the trial's key; in clear there is a commitment to it alone
(`trials.allocation.proofs`), so the database tells nobody an arm before its turn.
"""

from __future__ import annotations

from datetime import date

from pydantic import Field

from trials.acts.act import SEALED, ActKind
from trials.plan.base import Frozen


class AllocationSeed(Frozen):
    """sealed: the seed under the trial's key. key: that key's fingerprint. shares: the arms that the blocks are made of."""

    sealed: str = Field(min_length=1)
    commitment: str = Field(pattern=r"^[0-9a-f]{64}$")
    plan_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    key: str
    shares: tuple[tuple[str, int], ...] = Field(min_length=1)


class AllocationList(Frozen):
    """A list from outside. sealed: salt and arms under the trial's key. positions: how many each site has."""

    sealed: str = Field(min_length=1)
    commitment: str = Field(pattern=r"^[0-9a-f]{64}$")
    plan_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    key: str
    positions: dict[str, int]


class Reveal(Frozen):
    """One arm that was revealed as somebody was enrolled. stratum: their site, or "". participant: their pseudonym.

    commitment: of the list that it comes from.
    """

    stratum: str
    position: int = Field(ge=1)
    arm: str = Field(min_length=1)
    participant: str = Field(min_length=1)
    entry_order: int = Field(ge=1)
    enrolled_on: date
    commitment: str


class ArmDropped(Frozen):
    """Nobody enters the arm any more. second: who agreed. after: the last allocation number that was given before."""

    arm: str = Field(min_length=1)
    reason: str = Field(min_length=1)
    second: str = Field(min_length=1)
    after: int = Field(ge=0)


# No action of its own: the first reveal fixes the list on behalf of a site, whose permission is asked for the reveal.
ALLOCATION_SEED = ActKind("allocation_seed", AllocationSeed, action="", states=(SEALED,))
ALLOCATION_LIST = ActKind("allocation_list", AllocationList, action="keep_allocation", states=(SEALED,))
REVEAL = ActKind(
    "reveal",
    Reveal,
    action="allocate",
    states=(SEALED,),
    site=lambda body: body.stratum or None if isinstance(body, Reveal) else None,
)
ARM_DROPPED = ActKind("arm_dropped", ArmDropped, action="decide", states=(SEALED,), words=("reason",))
