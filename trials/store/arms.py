"""Arms in the database that nobody enters any more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select

from trials.acts.allocating import ARM_DROPPED, ArmDropped
from trials.amending import same_person
from trials.errors import DataError, LifecycleError
from trials.protocol import Protocol
from trials.store import access
from trials.store.acts import put
from trials.store.allocations import standing
from trials.store.engine import Store, reading, writing
from trials.store.models import ENROLMENT
from trials.store.plans import sealed_plan


def drop_arm(
    store: Store, trial: str, arm: str, *, reason: str, second: str, by: str, at: datetime, now: datetime | None = None
) -> ArmDropped:
    """Nobody enters the arm any more; who is in it stays. Two people must agree. Said again it changes nothing.

    Raises ForbiddenError; DataError for an arm the plan has not and when both names are one; LifecycleError for the
    control, the last idea, and a trial that is not running.
    """
    if not reason.strip():
        raise DataError("reason == '', must say why the arm is dropped. Add --reason TEXT.")
    if same_person(second, by):
        raise DataError(f"second == '{second}', must be somebody else than {by}. Dropping an arm takes two people.")
    with writing(store, trial) as connection:
        access.permit(connection, trial, second, "review")
        protocol, _ = sealed_plan(connection, trial)
        stands = standing(connection, trial, reveals=False)
        _may_go(protocol, arm, {one.arm for _, one in stands.drops})
        before = next((one for _, one in stands.drops if one.arm == arm), None)
        if before is not None:
            access.permit(connection, trial, by, ARM_DROPPED.action)
            return before
        newest = connection.scalar(select(func.max(ENROLMENT.c.entry_order)).where(ENROLMENT.c.trial_id == trial)) or 0
        body = ArmDropped(arm=arm, reason=reason, second=second, after=newest)
        put(connection, trial, ARM_DROPPED, body, by=by, at=at, key=arm, now=now)
        return body


def _may_go(protocol: Protocol, arm: str, gone: set[str]) -> None:
    treatments = [one.id for one in protocol.treatments]
    if arm not in {one.id for one in protocol.arms}:
        raise DataError(f"arm == '{arm}', must be an idea of {protocol.trial}: {', '.join(treatments)}.")
    if arm not in treatments:
        raise LifecycleError(
            f"{arm} is the control of {protocol.trial}, must stay: without it the ideas are compared with nothing."
        )
    if arm not in gone and set(treatments) <= gone | {arm}:
        raise LifecycleError(
            f"{arm} is the last idea of {protocol.trial}, must stay while the trial runs. End the trial: roadtest decide "
            f"{protocol.trial} drop."
        )


def dropped_arms(store: Store, trial: str) -> Mapping[str, ArmDropped]:
    """The arms that nobody enters any more, in the order in which they were dropped."""
    with reading(store) as connection:
        return {one.arm: one for _, one in standing(connection, trial, reveals=False).drops}
