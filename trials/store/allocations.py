"""Allocation lists in the database: fixed beforehand and kept sealed under the trial's key.

What a trial's list is follows from its acts alone: the newest `allocation_list`, else the `allocation_seed`; which arms were
dropped, and after which position of each stratum; what was revealed. `trials.store.revealing` gives the next arm, and
`trials.store.custody` shows the list to its custodian and checks what was revealed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from trials.acts import Act
from trials.acts.allocating import (
    ALLOCATION_LIST,
    ALLOCATION_SEED,
    ARM_DROPPED,
    REVEAL,
    AllocationList,
    AllocationSeed,
    ArmDropped,
    Reveal,
)
from trials.allocation import Drop, shares_of
from trials.allocation.proofs import Opened
from trials.errors import DataError, LifecycleError, StoreError
from trials.protocol import Protocol, canonical_json
from trials.pseudonyms import SEALED, Pseudonyms
from trials.store import access
from trials.store.acts import of, put
from trials.store.engine import Store, reading, writing
from trials.store.models import ACT, BATCH, ENROLMENT
from trials.store.plans import sealed_plan

# The source of the deliveries that reveals are: a list of people (`deliveries.REGISTER`) of our own.
OURS = "register:allocation"
# The ways of coming into the arms for which a list is drawn.
DRAWN = ("random", "everyone")


@dataclass(frozen=True, slots=True)
class Standing:
    """What a trial's acts say of its allocation, oldest first. fixed: the list in force; None before it was fixed."""

    fixed: Act | None
    reveals: tuple[tuple[int, Reveal], ...]
    drops: tuple[tuple[int, ArmDropped], ...]

    @property
    def commitment(self) -> str:
        return "" if self.fixed is None else _sealed_of(self.fixed).commitment

    def last(self, stratum: str, before: int | None = None) -> int:
        """The stratum's last revealed position (before act number `before`); 0 when none was."""
        found = (
            one.position for seq, one in self.reveals if one.stratum == stratum and (before is None or seq < before)
        )
        return max(found, default=0)

    def dropped(self, stratum: str) -> tuple[Drop, ...]:
        """The dropped arms as the stratum's list sees them."""
        return tuple(Drop(one.arm, self.last(stratum, seq)) for seq, one in self.drops)


def standing(connection: Connection, trial: str, *, reveals: bool = True) -> Standing:
    """What the trial's acts say of its allocation. reveals: False leaves them out, who may be many."""
    fixed: Act | None = None
    shown, drops = [], []
    kinds = [ALLOCATION_SEED, ALLOCATION_LIST, ARM_DROPPED, *([REVEAL] if reveals else [])]
    for act in of(connection, trial, kinds):
        if isinstance(act.body, Reveal):
            shown.append((act.seq, act.body))
        elif isinstance(act.body, ArmDropped):
            drops.append((act.seq, act.body))
        else:
            fixed = act  # a list from outside replaces the one before it, until the first reveal
    return Standing(fixed, tuple(shown), tuple(drops))


def last_position(connection: Connection, trial: str, stratum: str, after: int | None = None) -> int:
    """What `Standing.last` gives, read from the newest reveal alone. after: of the allocation numbers up to this one."""
    who = ENROLMENT.c
    newest = (
        select(ACT.c.body)
        .join(ENROLMENT, (who.trial_id == ACT.c.trial_id) & (who.participant_id == ACT.c.key))
        .where(who.trial_id == trial, who.site == stratum, ACT.c.kind == REVEAL.name)
        .order_by(who.entry_order.desc())
        .limit(1)
    )
    body = connection.scalar(newest if after is None else newest.where(who.entry_order <= after))
    return 0 if body is None else Reveal.model_validate_json(body).position


def dropped(connection: Connection, trial: str, stands: Standing, stratum: str) -> tuple[Drop, ...]:
    """What `Standing.dropped` gives, for a standing without its reveals."""
    return tuple(Drop(one.arm, last_position(connection, trial, stratum, one.after)) for _, one in stands.drops)


def has_reveals(connection: Connection, trial: str) -> bool:
    """Whether an arm of the trial was revealed here."""
    found = select(ACT.c.seq).where(ACT.c.trial_id == trial, ACT.c.kind == REVEAL.name)
    return connection.execute(found.limit(1)).first() is not None


def fix(store: Store, trial: str, *, hidden: Pseudonyms, seed: bytes, by: str, at: datetime) -> str:
    """Fix the trial's list now, from this seed (32 secret random bytes); its commitment. One that is fixed already stays.

    Raises ForbiddenError; NotSealedError; DataError where the plan draws no lists.
    """
    with writing(store, trial) as connection:
        access.permit(connection, trial, by, "keep_allocation")
        protocol, sha256 = sealed_plan(connection, trial)
        return fixed_list(connection, protocol, sha256, hidden, seed, by=by, at=at)[0].commitment


def fixed_list(
    connection: Connection, protocol: Protocol, sha256: str, hidden: Pseudonyms, seed: bytes, *, by: str, at: datetime
) -> tuple[Standing, Opened]:
    """The trial's list, fixed from this seed if it was not, without what was revealed of it; inside a transaction that asked
    for the permission."""
    must_be_drawn(protocol)
    stands = standing(connection, protocol.trial, reveals=False)
    if stands.fixed is None:
        made = Opened(protocol.trial, sha256, seed.hex(), shares_of(protocol))
        body = AllocationSeed(
            sealed=hidden.seal({"secret": made.secret})[SEALED],
            commitment=made.commitment,
            plan_sha256=sha256,
            key=hidden.fingerprint,
            shares=made.shares,
        )
        put(connection, protocol.trial, ALLOCATION_SEED, body, by=by, at=at, key="seed")
        stands = standing(connection, protocol.trial, reveals=False)
    found = opened_with(stands, protocol.trial, hidden)
    if found.lists is None and found.shares != shares_of(protocol):
        raise LifecycleError(
            f"{protocol.trial} was amended to other arms or shares than its list was fixed for, must have those. Drop an arm "
            "with `roadtest drop-arm`, or run the new arms as a trial of their own."
        )
    return stands, found


def must_be_drawn(protocol: Protocol) -> None:
    """Raises DataError where the plan says that something else than a list decides who comes into which arm."""
    if protocol.assignment.how not in DRAWN:
        raise DataError(
            f"assignment.how == '{protocol.assignment.how}' in {protocol.trial}, must be random for an allocation list. Load "
            "who is in which arm with `roadtest enrol TRIAL --from FILE`."
        )


def opened_with(stands: Standing, trial: str, hidden: Pseudonyms) -> Opened:
    """What the list's commitment stands for. Raises StoreError when it was sealed with another key, or altered."""
    if stands.fixed is None:
        raise DataError(f"{trial} has no allocation list yet, must have one. The first `roadtest enrol` makes it.")
    body = _sealed_of(stands.fixed)
    if body.key != hidden.fingerprint:
        raise StoreError(
            f"the allocation list of {trial} was sealed with the key {body.key}, must be opened with it, not with "
            f"{hidden.fingerprint}. Restore the trial's key file."
        )
    said = hidden.open({SEALED: body.sealed})
    if isinstance(body, AllocationSeed):
        found = Opened(trial, body.plan_sha256, said["secret"], body.shares)
    else:
        lists = {stratum: tuple(arms) for stratum, arms in json.loads(said["lists"]).items()}
        found = Opened(trial, body.plan_sha256, said["secret"], lists=lists)
    if found.commitment != body.commitment:
        raise StoreError(
            f"the allocation list of {trial} is not the one that was fixed, must be. Run `roadtest audit verify {trial}`."
        )
    return found


def _sealed_of(act: Act) -> AllocationSeed | AllocationList:
    assert isinstance(act.body, AllocationSeed | AllocationList)
    return act.body


def bring(
    store: Store,
    trial: str,
    lists: Mapping[str, Sequence[str]],
    *,
    hidden: Pseudonyms,
    salt: bytes,
    by: str,
    at: datetime,
) -> str:
    """Fix a list that somebody else made (`trials.allocation.outside.judged`); its commitment. Before the first reveal a
    newer one replaces it. salt: 32 secret random bytes. Raises ForbiddenError; LifecycleError after the first reveal."""
    with writing(store, trial) as connection:
        access.permit(connection, trial, by, "keep_allocation")
        protocol, sha256 = sealed_plan(connection, trial)
        must_be_drawn(protocol)
        must_have_nobody_else(connection, trial)
        stands = standing(connection, trial)
        arms = {stratum: tuple(held) for stratum, held in lists.items()}
        before = None if stands.fixed is None else opened_with(stands, trial, hidden)
        if before is not None and before.lists == arms:
            return before.commitment
        if stands.reveals:
            raise LifecycleError(
                f"{trial} has revealed {len(stands.reveals)} arms of its list, must have revealed none to take another one."
            )
        made = Opened(trial, sha256, salt.hex(), lists=arms)
        text = canonical_json({stratum: list(held) for stratum, held in arms.items()})
        body = AllocationList(
            sealed=hidden.seal({"secret": made.secret, "lists": text})[SEALED],
            commitment=made.commitment,
            plan_sha256=sha256,
            key=hidden.fingerprint,
            positions={stratum: len(held) for stratum, held in arms.items()},
        )
        put(connection, trial, ALLOCATION_LIST, body, by=by, at=at)
        return made.commitment


def must_have_nobody_else(connection: Connection, trial: str) -> None:
    """Raises LifecycleError when people are in the trial whose arms did not come from its list here."""
    from_elsewhere = connection.scalar(
        select(BATCH.c.seq)
        .select_from(ENROLMENT)
        .join(BATCH, (BATCH.c.trial_id == ENROLMENT.c.trial_id) & (BATCH.c.seq == ENROLMENT.c.batch_seq))
        .where(ENROLMENT.c.trial_id == trial, BATCH.c.source != OURS)
        .limit(1)
    )
    if from_elsewhere is not None:
        raise LifecycleError(
            f"{trial} has people from an outside register or from deliveries, must have none to reveal arms one by one. Go on "
            f"with `roadtest enrol {trial} --from FILE`."
        )


def must_not_reveal(store: Store, trial: str) -> None:
    """Raises LifecycleError when arms of the trial are revealed here, so that no outside register may be loaded."""
    with reading(store) as connection:
        must_have_no_reveals(connection, trial)


def must_have_no_reveals(connection: Connection, trial: str) -> None:
    """What `must_not_reveal` does, inside a transaction."""
    if has_reveals(connection, trial):
        raise LifecycleError(
            f"{trial} reveals its arms one by one, must have no outside register beside that. Enrol people with `roadtest "
            f"enrol {trial} --site SITE --participant ID`."
        )
