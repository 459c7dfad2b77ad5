"""Plans in the database: registered, replaced until the seal, amended after it; at every use all that stands there is
compared with its hash and with what the chain told of it.

Guarantee: nothing runs on a plan of which any version, who registered or sealed it, which of them is the newest, or any word or
mark of an amendment was altered in the database without writing the chain anew. An added link does not help: the first word on
a version stands.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, String, insert, or_, select, type_coerce, update

from trials.acts.amending import AMENDMENT
from trials.amending import same_person
from trials.errors import (
    DataError,
    FourEyesError,
    NotSealedError,
    PlanHashMismatchError,
    ProtocolError,
    RoadtestError,
    StoreError,
)
from trials.protocol import Protocol, from_content, sha256_text
from trials.store import access, chain, lessons
from trials.store.digests import FORMS, hash_of_text, moment_text, told
from trials.store.engine import Store, reading, writing
from trials.store.expected import Expected, take_in
from trials.store.models import ACT, AUDIT, PLAN, TRIAL
from trials.store.reading import stored_protocol, unknown_trial


def register(store: Store, protocol: Protocol, *, by: str, at: datetime, now: datetime | None = None) -> str:
    """Put a plan in; its SHA-256. The same plan again changes nothing; until the seal another one replaces it.

    at: when it counts as registered. now: what our own clock says, for the chain alone; asked if left out.
    Raises PlanHashMismatchError when the trial is sealed with another plan.
    """
    must_be_aware(at=at)
    canonical, sha256 = protocol.canonical(), protocol.seal()
    with writing(store, protocol.trial) as connection:
        access.permit(connection, protocol.trial, by, "register", programme=protocol.programme or protocol.trial)
        stored = _stored(connection, [protocol.trial])[protocol.trial]
        current = stored.current
        if current is not None:
            _must_be_whole(current, stored)
            # Whoever may register in another programme takes no plan out of this one.
            access.permit(connection, protocol.trial, by, "register")
        if current is not None and _same_plan(current, protocol):
            return str(current.sha256)
        version = 1 if current is None else current.version + 1
        if current is None:
            connection.execute(
                insert(TRIAL).values(
                    id=protocol.trial,
                    state="registered",
                    token=1,
                    plan_version=version,
                    plan_sha256=sha256,
                    created_at=at,
                )
            )
        elif current.sealed_at is not None:
            raise PlanHashMismatchError(
                f"plan hash mismatch: {protocol.trial} was sealed as {current.sha256[:12]}, this plan is {sha256[:12]}"
                f" ({_differing(current.canonical, protocol)}). Register it under another name, or go on with the sealed plan;"
                f" to change that one, run `roadtest amend {protocol.trial}`."
            )
        row = {"version": version, "canonical": canonical, "sha256": sha256, "registered_by": by, "registered_at": at}
        connection.execute(insert(PLAN).values(trial_id=protocol.trial, **row))
        said = {"plan": chain.plan_told({**row, "sealed_by": None, "sealed_at": None})}
        chain.append(
            connection, protocol.trial, "register", {**said, "created_at": _created(connection, protocol.trial)}, now
        )
        if current is not None:
            touch(connection, protocol.trial, plan_version=version, plan_sha256=sha256)
        lessons.note_plan(connection, protocol.trial, version, canonical)
    return sha256


def seal(
    store: Store,
    trial_id: str,
    *,
    by: str,
    at: datetime,
    sha256: str | None = None,
    also: Callable[[Connection, Protocol], object] | None = None,
    now: datetime | None = None,
) -> str:
    """Lock the registered plan; its SHA-256. Sealing again changes nothing.

    sha256: of the plan that was judged before; no other is sealed. also: asked in the same transaction, of a plan that is not
    sealed yet; what it raises stops the seal. Raises FourEyesError when whoever registered it would seal it;
    UnknownTrialError, or PlanHashMismatchError when the stored plan is not the one that was registered, or judged.
    """
    must_be_aware(at=at)
    if not by.strip():
        raise DataError("by == '', must be the name of whoever seals the plan. Add --by NAME.")
    with writing(store, trial_id) as connection:
        access.permit(connection, trial_id, by, "seal")
        plan = _whole_plan(connection, trial_id)
        if sha256 not in (None, plan.sha256):
            raise PlanHashMismatchError(
                f"plan hash mismatch: {trial_id} was judged as {str(sha256)[:12]}, its plan is {plan.sha256[:12]} by now: it"
                " was changed in between. Nothing was sealed; read the new plan, then seal again."
            )
        if plan.sealed_at is None:
            _must_be_second(plan, by)
            if also is not None:
                also(connection, from_content(json.loads(plan.canonical), origin=trial_id))
            connection.execute(
                update(PLAN)
                .where(PLAN.c.trial_id == trial_id, PLAN.c.version == plan.version)
                .values(sealed_by=by, sealed_at=at)
            )
            touch(connection, trial_id, state="sealed")
            said = {**plan._mapping, "sealed_by": by, "sealed_at": at}
            chain.append(connection, trial_id, "seal", {"plan": chain.plan_told(said)}, now)
        return str(plan.sha256)


def sealed_protocol(store: Store, trial_id: str) -> tuple[Protocol, str]:
    """The sealed plan and its SHA-256.

    Raises UnknownTrialError, NotSealedError, or PlanHashMismatchError when the stored text is not what was sealed.
    """
    with reading(store) as connection:
        return sealed_plan(connection, trial_id)


def sealed_protocols(store: Store, trials: Collection[str]) -> dict[str, tuple[Protocol, str] | RoadtestError]:
    """What `sealed_protocol` gives, or raises, for each trial: four queries for all of them, one more for each that is at
    fault."""
    found: dict[str, tuple[Protocol, str] | RoadtestError] = {}
    with reading(store) as connection:
        stored = _stored(connection, trials)
        for trial in trials:
            try:
                found[trial] = _sealed(_checked(connection, trial, stored[trial]), trial)
            except RoadtestError as error:
                found[trial] = error
    return found


def sealed_plan(connection: Connection, trial_id: str) -> tuple[Protocol, str]:
    """What `sealed_protocol` gives, inside a transaction."""
    return _sealed(_whole_plan(connection, trial_id), trial_id)


def _sealed(plan: Row[Any], trial_id: str) -> tuple[Protocol, str]:
    if plan.sealed_at is None:
        raise NotSealedError(
            f"{trial_id} is {plan.state}, must be sealed before anything runs on it. Run `roadtest seal {trial_id} --by NAME`."
        )
    return stored_protocol(trial_id, plan.canonical), str(plan.sha256)


def plan_with(connection: Connection, trial_id: str, sha256: str) -> Protocol:
    """The version of the plan with this hash, which a look rests on; `sealed_plan` says whether it is whole.

    Raises PlanHashMismatchError when there is none.
    """
    text = connection.scalar(
        select(PLAN.c.canonical).where(PLAN.c.trial_id == trial_id, PLAN.c.sha256 == sha256).limit(1)
    )
    if text is None:
        raise _mismatch(
            trial_id, f"{trial_id} has a look that rests on the plan {sha256[:12]}, which is none of its versions"
        )
    return stored_protocol(trial_id, text)


def must_be_whole(connection: Connection, trial_id: str) -> None:
    """Raises UnknownTrialError, or PlanHashMismatchError when a plan or an amendment is not what was recorded."""
    _whole_plan(connection, trial_id)


def touch(connection: Connection, trial_id: str, **changes: object) -> None:
    """Change the trial's token, so that pages see that something did change."""
    connection.execute(update(TRIAL).where(TRIAL.c.id == trial_id).values(token=TRIAL.c.token + 1, **changes))


def must_be_aware(**moments: datetime) -> None:
    """DataError when a time does not name its zone."""
    for name, moment in moments.items():
        if moment.utcoffset() is None:
            text = moment.isoformat()
            raise DataError(f"{name} == {text}, must name its time zone. Write {text}+00:00 for UTC.")


def _created(connection: Connection, trial_id: str) -> str:
    return moment_text(connection.execute(select(TRIAL.c.created_at).where(TRIAL.c.id == trial_id)).scalar_one())


@dataclass
class _Stored:
    """What the database holds of one trial's plan, and what the chain tells of it. plans, amendments: as the database holds
    them, oldest first."""

    current: Row[Any] | None = None
    told: Expected = field(default_factory=Expected)
    plans: list[dict[str, Any]] = field(default_factory=list)
    amendments: list[dict[str, Any]] = field(default_factory=list)


def _stored(connection: Connection, trials: Collection[str]) -> dict[str, _Stored]:
    """Each trial's plans with all that is compared with them, in four queries."""
    found = {trial: _Stored() for trial in trials}
    for row in connection.execute(
        select(PLAN, TRIAL.c.state, TRIAL.c.plan_sha256)
        .join(TRIAL, (TRIAL.c.id == PLAN.c.trial_id) & (TRIAL.c.plan_version == PLAN.c.version))
        .where(TRIAL.c.id.in_(list(trials)))
    ):
        found[row.trial_id].current = row
    _read_told(connection, found)
    _read_plans(connection, found)
    _read_amendments(connection, found)
    return found


def _whole_plan(connection: Connection, trial_id: str) -> Row[Any]:
    """The current plan, after making sure that it and every version before it are what was recorded."""
    return _checked(connection, trial_id, _stored(connection, [trial_id])[trial_id])


def _checked(connection: Connection, trial_id: str, stored: _Stored) -> Row[Any]:
    plan = stored.current
    if plan is None:
        version = connection.scalar(select(TRIAL.c.plan_version).where(TRIAL.c.id == trial_id))
        if version is None:
            raise unknown_trial(connection, trial_id)
        raise _mismatch(trial_id, f"{trial_id} runs on version {version} of its plan, which is not there")
    _must_be_whole(plan, stored)
    return plan


def _mismatch(trial_id: str, what: str) -> PlanHashMismatchError:
    return PlanHashMismatchError(
        f"plan hash mismatch: {what}. Somebody changed it in the database; run `roadtest audit verify {trial_id}`, and restore"
        " a backup."
    )


def _must_be_whole(plan: Row[Any], stored: _Stored) -> None:
    found = sha256_text(plan.canonical)
    if not found == plan.sha256 == plan.plan_sha256:
        raise PlanHashMismatchError(
            f"plan hash mismatch: {plan.trial_id} was registered as {plan.plan_sha256[:12]}, its stored plan is {found[:12]}."
            " Somebody changed it in the database; restore that from a backup."
        )
    _must_be_as_told(stored, plan.trial_id, plan.version)


def _must_be_as_told(stored: _Stored, trial_id: str, current: int) -> None:
    """Every version and every amendment as the chain tells it, none more and none less, and the current one the newest."""
    expected, newest = stored.told, current
    plans = dict(expected.plans)
    if not plans:
        raise StoreError(
            f"the chain of {trial_id} is gone from the database, must be there from its registration on. Run `roadtest audit"
            " verify`, and restore a backup."
        )
    for row in stored.plans:
        known = plans.pop(row["version"], None)
        if known is None:
            raise _mismatch(trial_id, f"{trial_id} has a version {row['version']} of its plan that nobody recorded")
        if known != chain.plan_told(row) or hash_of_text(str(row["canonical"])) != row["sha256"]:
            raise _mismatch(trial_id, f"{trial_id} has another version {row['version']} of its plan than was recorded")
        newest = row["version"]
    if plans:
        raise _mismatch(trial_id, f"{trial_id} has lost version {min(plans)} of its plan")
    if current != newest:
        raise _mismatch(trial_id, f"{trial_id} runs on version {current} of its plan, and the newest is {newest}")
    if stored.amendments != [row for row in expected.act.values() if _is_amendment(row)]:
        raise _mismatch(
            trial_id, f"{trial_id} has other amendments, or other words or marks of them, than were recorded"
        )


def _is_amendment(row: dict[str, Any]) -> bool:
    return bool(row["kind"] == AMENDMENT.name)


def _read_plans(connection: Connection, found: Mapping[str, _Stored]) -> None:
    """Every version as the database holds it. Nothing is read into its type: what somebody altered need not be of one."""
    columns = [type_coerce(PLAN.c[name], String()) for name in FORMS["protocol_version"].columns]
    for trial, *cells in connection.execute(
        select(PLAN.c.trial_id, *columns)
        .where(PLAN.c.trial_id.in_(list(found)))
        .order_by(PLAN.c.trial_id, PLAN.c.version)
    ):
        found[trial].plans.append(dict(zip(FORMS["protocol_version"].columns, cells, strict=True)))


def _read_amendments(connection: Connection, found: Mapping[str, _Stored]) -> None:
    """The acts that say of each amendment who, why and after which look, as their links should tell them, oldest first."""
    columns = [type_coerce(ACT.c[name], String()) for name in FORMS["act"].columns]
    mine = ACT.c.trial_id.in_(list(found)) & (ACT.c.kind == AMENDMENT.name)
    for trial, *cells in connection.execute(
        select(ACT.c.trial_id, *columns).where(mine).order_by(ACT.c.trial_id, ACT.c.seq)
    ):
        found[trial].amendments.append(told("act", dict(zip(FORMS["act"].columns, cells, strict=True))))


def _read_told(connection: Connection, found: Mapping[str, _Stored]) -> None:
    """What the chain tells of each trial's plans, by version, and of the acts that amended them."""
    link = AUDIT.c
    amends = link.body.contains(f'"kind":"{AMENDMENT.name}"', autoescape=True)
    for trial, seq, kind, body in connection.execute(
        select(link.trial_id, link.seq, link.kind, link.body)
        # Written so that an index over (trial_id, kind) leads to them, past the links of deliveries and looks.
        .where(
            link.trial_id.in_(list(found)),
            link.kind.in_(("adopted", "register", "seal", "act")),
            or_(link.kind != "act", amends),
        )
        .order_by(link.trial_id, link.seq)
    ).tuples():
        take_in(found[trial].told, kind, body, first=seq == 1, link=seq)


def _must_be_second(plan: Row[Any], by: str) -> None:
    if same_person(plan.registered_by, by):
        raise FourEyesError(
            f"{by} registered {plan.trial_id}, must be sealed by somebody else: a second person reads the plan before anything "
            f"runs on it. Ask them to run `roadtest seal {plan.trial_id} --by NAME` with their own name."
        )


def _same_plan(stored: Row[Any], protocol: Protocol) -> bool:
    """Whether a plan is the stored one, also when a newer version of the code writes more defaults out."""
    if stored.canonical == protocol.canonical():
        return True
    try:
        return from_content(json.loads(stored.canonical)) == protocol
    except (ProtocolError, ValueError):
        return False


def _differing(stored: str, protocol: Protocol) -> str:
    old, new = json.loads(stored), json.loads(protocol.canonical())
    return "it differs in " + ", ".join(sorted(key for key in {*old, *new} if old.get(key) != new.get(key)))
