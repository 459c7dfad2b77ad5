"""Plans in the database: registered, replaced until the seal, and from then on compared with their hash at every use."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from trials.errors import DataError, NotSealedError, PlanHashMismatchError, ProtocolError
from trials.protocol import Protocol, from_content, sha256_text
from trials.store import access, chain
from trials.store.digests import moment_text
from trials.store.engine import Store, reading, writing
from trials.store.models import PLAN, TRIAL
from trials.store.reading import unknown_trial


def register(store: Store, protocol: Protocol, *, by: str, at: datetime, now: datetime | None = None) -> str:
    """Put a plan in; its SHA-256. The same plan again changes nothing; until the seal another one replaces it.

    at: when it counts as registered. now: what our own clock says, for the chain alone; asked if left out.
    Raises PlanHashMismatchError when the trial is sealed with another plan.
    """
    must_be_aware(at=at)
    canonical, sha256 = protocol.canonical(), protocol.seal()
    with writing(store, protocol.trial) as connection:
        access.permit(connection, protocol.trial, by, "register", programme=protocol.programme or protocol.trial)
        current = _current_plan(connection, protocol.trial)
        if current is not None:
            _must_be_whole(current)
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
                f" ({_differing(current.canonical, protocol)}). Register it under another name, or go on with the sealed plan."
            )
        row = {"version": version, "canonical": canonical, "sha256": sha256, "registered_by": by, "registered_at": at}
        connection.execute(insert(PLAN).values(trial_id=protocol.trial, **row))
        told = {"plan": chain.plan_told({**row, "sealed_by": None, "sealed_at": None})}
        chain.append(
            connection, protocol.trial, "register", {**told, "created_at": _created(connection, protocol.trial)}, now
        )
        if current is not None:
            touch(connection, protocol.trial, plan_version=version, plan_sha256=sha256)
    return sha256


def seal(store: Store, trial_id: str, *, by: str, at: datetime, now: datetime | None = None) -> str:
    """Lock the registered plan; its SHA-256. Sealing again changes nothing.

    Raises UnknownTrialError, or PlanHashMismatchError when the stored plan is not the one that was registered.
    """
    must_be_aware(at=at)
    with writing(store, trial_id) as connection:
        access.permit(connection, trial_id, by, "seal")
        plan = _whole_plan(connection, trial_id)
        if plan.sealed_at is None:
            connection.execute(
                update(PLAN)
                .where(PLAN.c.trial_id == trial_id, PLAN.c.version == plan.version)
                .values(sealed_by=by, sealed_at=at)
            )
            touch(connection, trial_id, state="sealed")
            told = {**plan._mapping, "sealed_by": by, "sealed_at": at}
            chain.append(connection, trial_id, "seal", {"plan": chain.plan_told(told)}, now)
        return str(plan.sha256)


def sealed_protocol(store: Store, trial_id: str) -> tuple[Protocol, str]:
    """The sealed plan and its SHA-256.

    Raises UnknownTrialError, NotSealedError, or PlanHashMismatchError when the stored text is not what was sealed.
    """
    with reading(store) as connection:
        return sealed_plan(connection, trial_id)


def sealed_plan(connection: Connection, trial_id: str) -> tuple[Protocol, str]:
    """What `sealed_protocol` gives, inside a transaction."""
    plan = _whole_plan(connection, trial_id)
    if plan.sealed_at is None:
        raise NotSealedError(
            f"{trial_id} is {plan.state}, must be sealed before anything runs on it. Run `roadtest seal {trial_id} --by NAME`."
        )
    return from_content(json.loads(plan.canonical), origin=trial_id), str(plan.sha256)


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


def _current_plan(connection: Connection, trial_id: str) -> Row[Any] | None:
    return connection.execute(
        select(PLAN, TRIAL.c.state, TRIAL.c.plan_sha256)
        .join(TRIAL, (TRIAL.c.id == PLAN.c.trial_id) & (TRIAL.c.plan_version == PLAN.c.version))
        .where(TRIAL.c.id == trial_id)
    ).one_or_none()


def _whole_plan(connection: Connection, trial_id: str) -> Row[Any]:
    """The current plan, after making sure that its text is what its hash says."""
    plan = _current_plan(connection, trial_id)
    if plan is None:
        raise unknown_trial(connection, trial_id)
    _must_be_whole(plan)
    return plan


def _must_be_whole(plan: Row[Any]) -> None:
    found = sha256_text(plan.canonical)
    if not found == plan.sha256 == plan.plan_sha256:
        raise PlanHashMismatchError(
            f"plan hash mismatch: {plan.trial_id} was registered as {plan.plan_sha256[:12]}, its stored plan is {found[:12]}."
            " Somebody changed it in the database; restore that from a backup."
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
