"""Acts in the database: the one door through which people do something to a trial, a programme or an idea.

In one transaction the door asks the roles (`trials.store.access`), then whether where the trial stands allows the step, then
whether its words name anybody (`trials.identifiers.free_text`); then it writes the act, its link in the chain and the state it
leads to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, func, insert, select

from trials.acts import Act, ActKind, act_kind
from trials.acts.act import STATES
from trials.errors import DataError, LifecycleError
from trials.identifiers.free_text import must_name_nobody
from trials.plan.base import Frozen
from trials.protocol import canonical_json, explain
from trials.store import access, chain, lessons
from trials.store.digests import told
from trials.store.engine import Store, reading, writing
from trials.store.models import ACT, LOOK, TRIAL
from trials.store.plans import must_be_aware, touch
from trials.store.reading import unknown_trial


def act(
    store: Store,
    scope: str,
    kind: ActKind,
    body: Frozen,
    *,
    by: str,
    at: datetime,
    key: str | None = None,
    now: datetime | None = None,
) -> Act:
    """Do it: one transaction. The same key again changes nothing and gives the act that stands.

    at: when it counts as done; now: what our own clock says, for the chain alone. Raises ForbiddenError, LifecycleError,
    UnknownTrialError; DataError when the key stands for another act, and when a free text seems to name a person.
    """
    with writing(store, scope) as connection:
        return put(connection, scope, kind, body, by=by, at=at, key=key, now=now)


def put(
    connection: Connection,
    scope: str,
    kind: ActKind,
    body: Frozen,
    *,
    by: str,
    at: datetime,
    key: str | None = None,
    now: datetime | None = None,
) -> Act:
    """What `act` does, inside a transaction that holds the scope's lock."""
    must_be_aware(at=at)
    if not by.strip():
        raise DataError("by == '', must be the name of whoever does it. Add --by NAME.")
    if kind.action:
        access.permit(connection, scope, by, kind.action, site=kind.site(body))
    state = state_of(connection, scope)
    before = None if key is None else _with_key(connection, scope, kind, key)
    if before is not None:
        return _same(before, body)
    if state is not None:
        _must_allow(scope, kind, state)
    must_name_nobody(kind.texts(body), given=kind.given)
    text = canonical_json(body.model_dump(mode="json"))
    row: dict[str, Any] = {
        "seq": 1 + (connection.scalar(select(func.max(ACT.c.seq)).where(ACT.c.trial_id == scope)) or 0),
        "kind": kind.name,
        "key": key,
        "by": by,
        "at": at,
        "look": connection.scalar(select(func.max(LOOK.c.number)).where(LOOK.c.trial_id == scope)) or 0,
        "body": text,
    }
    connection.execute(insert(ACT).values(trial_id=scope, **row))
    chain.append(connection, scope, "act", {"act": told("act", row)}, now)
    if state is not None:
        after = kind.moves(state, body)
        touch(connection, scope, **({} if after == state else {"state": after}))
    done = Act(scope, row["seq"], kind.name, by, at, row["look"], body, key)
    lessons.note(connection, done)
    return done


def acts(store: Store, scope: str, kinds: Iterable[ActKind] = ()) -> tuple[Act, ...]:
    """The acts of a scope (of these kinds, or all), oldest first."""
    with reading(store) as connection:
        return of(connection, scope, kinds)


def of(connection: Connection, scope: str, kinds: Iterable[ActKind] = ()) -> tuple[Act, ...]:
    """What `acts` gives, inside a transaction."""
    return tuple(found for one in all_of(connection, [scope], kinds).values() for found in one)


def all_of(
    connection: Connection, scopes: Collection[str] | None, kinds: Iterable[ActKind] = ()
) -> dict[str, tuple[Act, ...]]:
    """The acts of several scopes (None: of all), oldest first, in one query."""
    names = [kind.name for kind in kinds]
    query = select(ACT).order_by(ACT.c.trial_id, ACT.c.seq)
    if scopes is not None:
        query = query.where(ACT.c.trial_id.in_(scopes))
    if names:
        query = query.where(ACT.c.kind.in_(names))
    found: dict[str, list[Act]] = {}
    for row in connection.execute(query):
        found.setdefault(row.trial_id, []).append(_act(row))
    return {scope: tuple(several) for scope, several in found.items()}


def state_of(connection: Connection, scope: str) -> str | None:
    """Where a trial stands; None for a programme or an idea. Raises UnknownTrialError."""
    if scope.startswith((access.PROGRAMME, access.IDEA)):
        return None
    state = connection.scalar(select(TRIAL.c.state).where(TRIAL.c.id == scope))
    if state is None:
        raise unknown_trial(connection, scope)
    return str(state)


def _must_allow(scope: str, kind: ActKind, state: str) -> None:
    if state in kind.states:
        return
    allowed = " or ".join(one for one in STATES if one in kind.states) or "no trial at all"
    raise LifecycleError(
        f"{scope} is {state}, must be {allowed} for a {kind.name.replace('_', ' ')}. See `roadtest status {scope}`."
    )


def _with_key(connection: Connection, scope: str, kind: ActKind, key: str) -> Act | None:
    row = connection.execute(
        select(ACT).where(ACT.c.trial_id == scope, ACT.c.kind == kind.name, ACT.c.key == key)
    ).one_or_none()
    return None if row is None else _act(row)


def _same(before: Act, body: Frozen) -> Act:
    if before.body != body:
        raise DataError(
            f"{before.kind} {before.key} was done before with other words ({before.by}, {before.at.date()}), must be said "
            "once. Nothing was changed."
        )
    return before


def _act(row: Row[Any]) -> Act:
    kind = act_kind(row.kind)
    try:
        body = kind.body.model_validate_json(row.body)
    except ValidationError as error:
        raise DataError(
            f"act {row.seq} of {row.trial_id} can't be read ({explain(error)}) Somebody changed it in the database; run "
            "`roadtest audit verify`."
        ) from None
    return Act(row.trial_id, row.seq, row.kind, row.by, row.at, row.look, body, row.key)
