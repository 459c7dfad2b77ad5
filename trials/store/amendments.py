"""Amendments in the database: a new version of a sealed plan, with its act and one link for both, in one transaction.

Guarantee: no version is ever overwritten, each says who wrote it, who approved it and between which looks, and each look stays
with the version that it was taken with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, func, insert, select

from trials import gate
from trials.acts.act import REGISTERED, SEALED, Act
from trials.acts.allocating import ALLOCATION_LIST, ALLOCATION_SEED
from trials.acts.amending import AMENDMENT, Amendment, Change
from trials.amending import FieldChange, evidence_of, field_diff, mark, refusal, same_person
from trials.errors import DataError, FourEyesError, GateError, LifecycleError
from trials.protocol import Protocol, canonical_json, sha256_text
from trials.store import access, acts, lessons
from trials.store.engine import Store, reading, writing
from trials.store.models import BATCH, ENROLMENT, LOOK, PLAN
from trials.store.plans import must_be_aware, must_be_whole, sealed_plan, touch


@dataclass(frozen=True, slots=True)
class Examined:
    """What an amendment would be. version: of the plan that it makes. mark: between which looks. refusal: why it is not
    allowed, None if it is."""

    version: int
    from_sha256: str
    to_sha256: str
    changes: tuple[FieldChange, ...]
    evidence: Literal["none", "future"]
    mark: str
    refusal: str | None


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a plan. act: the amendment that brought it; None for those from before the seal."""

    number: int
    sha256: str
    written_by: str
    written_at: datetime
    sealed_by: str | None
    sealed_at: datetime | None
    act: Act | None

    @property
    def mark(self) -> str | None:
        """Between which looks it was made; None for a version that is no amendment."""
        return None if self.act is None else mark(self.act.look)


def examine(store: Store, trial: str, protocol: Protocol) -> Examined:
    """What amending the trial to this plan would be; nothing is stored. Raises what `amend` does, but for a refusal."""
    gated = _gated(protocol)
    with reading(store) as connection:
        _must_run(connection, trial)
        return _examined(connection, trial, protocol, gated)


def amend(
    store: Store,
    trial: str,
    protocol: Protocol,
    *,
    reason: str,
    impact: str,
    by: str,
    approved_by: str,
    at: datetime,
    now: datetime | None = None,
) -> Act:
    """Put the next version of a sealed plan in; its act. The same amendment again changes nothing.

    by: whoever wrote it; approved_by: somebody else, who seals it. reason, impact: why, and what it is expected to do, in
    words. now: what our own clock says, for the chain alone. Raises FourEyesError; ForbiddenError; LifecycleError when the
    trial's state, its outcomes or the gate don't allow it; DataError, also for words that name a person; what
    `sealed_protocol` does.
    """
    must_be_aware(at=at)
    said = {"reason": reason, "impact": impact, "by": by, "approved_by": approved_by}
    reason, impact, by, approved_by = (_given(name, value) for name, value in said.items())
    if same_person(by, approved_by):
        raise FourEyesError(
            f"{by} wrote this amendment of {trial}, must be approved by somebody else: a second person reads what changes "
            "before it counts. Name them: --approved-by NAME."
        )
    gated = _gated(protocol)
    with writing(store, trial) as connection:
        _must_be_allowed(connection, trial, protocol, by, approved_by)
        key = sha256_text(canonical_json([protocol.seal(), reason, impact, by, approved_by]))
        before = next((one for one in acts.of(connection, trial, [AMENDMENT]) if one.key == key), None)
        if before is not None:
            return before
        _must_run(connection, trial)
        found = _examined(connection, trial, protocol, gated)
        if found.refusal is not None:
            raise LifecycleError(found.refusal)
        body = Amendment(
            version=found.version,
            from_sha256=found.from_sha256,
            to_sha256=found.to_sha256,
            diff=tuple(Change(path=one.path, before=one.before, after=one.after) for one in found.changes),
            reason=reason,
            impact=impact,
            evidence=found.evidence,
            approved_by=approved_by,
        )
        return _put(connection, trial, protocol, body, by=by, at=at, key=key, now=now)


def _put(
    connection: Connection,
    trial: str,
    protocol: Protocol,
    body: Amendment,
    *,
    by: str,
    at: datetime,
    key: str,
    now: datetime | None,
) -> Act:
    """The version and the act; the act's link tells of both."""
    connection.execute(
        insert(PLAN).values(
            trial_id=trial,
            version=body.version,
            canonical=protocol.canonical(),
            sha256=body.to_sha256,
            registered_by=by,
            registered_at=at,
            sealed_by=body.approved_by,
            sealed_at=at,
        )
    )
    done = acts.put(connection, trial, AMENDMENT, body, by=by, at=at, key=key, now=now)
    touch(connection, trial, plan_version=body.version, plan_sha256=body.to_sha256)
    lessons.note_plan(connection, trial, body.version, protocol.canonical())
    return done


def versions(store: Store, trial: str) -> tuple[Version, ...]:
    """Every version of a trial's plan, oldest first, each with the amendment that brought it.

    Raises UnknownTrialError; PlanHashMismatchError when a version, or an amendment's words or mark, was altered.
    """
    with reading(store) as connection:
        must_be_whole(connection, trial)
        by_version = {said_of(one).version: one for one in acts.of(connection, trial, [AMENDMENT])}
        found = connection.execute(select(PLAN).where(PLAN.c.trial_id == trial).order_by(PLAN.c.version))
        return tuple(
            Version(
                row.version,
                row.sha256,
                row.registered_by,
                row.registered_at,
                row.sealed_by,
                row.sealed_at,
                by_version.get(row.version),
            )
            for row in found
        )


def amendments(store: Store, trial: str) -> tuple[Act, ...]:
    """The trial's amendments, oldest first; each body is an `Amendment`. Raises what `versions` does."""
    return tuple(one.act for one in versions(store, trial) if one.act is not None)


def said_of(act: Act) -> Amendment:
    """What an amendment's act says. Raises DataError for an act of another kind."""
    if not isinstance(act.body, Amendment):
        raise DataError(f"act {act.seq} of {act.scope} is a {act.kind}, must be an amendment.")
    return act.body


def _given(name: str, value: str) -> str:
    if not value.strip():
        raise DataError(f"{name} == '', must be given: an amendment says why, what it will do, and who did it.")
    return value.strip()


def _must_be_allowed(connection: Connection, trial: str, protocol: Protocol, by: str, approved_by: str) -> None:
    """The roles of both; and in the programme that the trial is moved to, if it is."""
    acts.state_of(connection, trial)
    access.permit(connection, trial, by, "amend")
    access.permit(connection, trial, approved_by, "seal")
    programme = protocol.programme or trial
    if programme != access.programme_of(connection, trial):
        access.permit(connection, trial, by, "register", programme=programme)
        access.permit(connection, trial, approved_by, "seal", programme=programme)


def _must_run(connection: Connection, trial: str) -> None:
    state = acts.state_of(connection, trial)
    if state == REGISTERED:
        raise LifecycleError(
            f"{trial} is registered, must be sealed before its plan is amended. Until then register the changed file again: "
            "roadtest register FILE."
        )
    if state != SEALED:
        raise LifecycleError(
            f"{trial} is {state}, must be running for its plan to be amended. Start a new trial: write continues: [{trial}] in "
            "the file, under a new name."
        )


def _gated(protocol: Protocol) -> str | None:
    """Why the gate would not let the plan be sealed; worked out before the transaction, which others wait for."""
    try:
        gate.must_pass(protocol)
    except GateError as refused:
        return str(refused)
    return None


def _examined(connection: Connection, trial: str, protocol: Protocol, gated: str | None) -> Examined:
    before, sha256 = sealed_plan(connection, trial)
    changes: Sequence[FieldChange] = field_diff(before, protocol)
    look = connection.scalar(select(func.max(LOOK.c.number)).where(LOOK.c.trial_id == trial)) or 0
    newest = connection.scalar(select(func.max(PLAN.c.version)).where(PLAN.c.trial_id == trial)) or 0
    enrolled = connection.scalar(select(func.count()).select_from(ENROLMENT).where(ENROLMENT.c.trial_id == trial)) or 0
    return Examined(
        version=newest + 1,
        from_sha256=sha256,
        to_sha256=protocol.seal(),
        changes=tuple(changes),
        evidence=evidence_of(changes),
        mark=mark(look),
        refusal=refusal(
            before,
            protocol,
            begun=look > 0 or _received(connection, trial),
            enrolled=enrolled,
            allocated=bool(acts.of(connection, trial, [ALLOCATION_SEED, ALLOCATION_LIST])),
            gated=gated,
        ),
    )


def _received(connection: Connection, trial: str) -> bool:
    """Whether a delivery was accepted with a row in it."""
    return (
        connection.execute(
            select(BATCH.c.seq)
            .where(BATCH.c.trial_id == trial, BATCH.c.refusal.is_(None), BATCH.c.accepted > 0)
            .limit(1)
        ).first()
        is not None
    )
