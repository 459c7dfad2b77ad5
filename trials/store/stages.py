"""An idea's stages in the database: where it stands, what it may pass on to, and what a plan carries over from others.

Guarantee: an idea is passed on only to a plan that `trials.lifecycle.may_begin` lets begin, with what its predecessors'
closing decisions say; what was handed over stays as it was then.
"""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import Connection, select

from trials import lifecycle
from trials.acts.act import CLOSED, REGISTERED, Act
from trials.acts.deciding import DECISION, Decision
from trials.acts.ideas import IDEA, IDEA_ENDED, IdeaEnded
from trials.acts.passing import PASSING, Passing
from trials.errors import LifecycleError
from trials.identifiers.free_text import must_name_nobody
from trials.lifecycle import Carried, Predecessor, Standing
from trials.protocol import Protocol, from_content
from trials.store import access, acts
from trials.store.engine import Store, reading, writing
from trials.store.models import PLAN, TRIAL
from trials.store.plans import must_be_aware


def standing_of(connection: Connection, name: str, besides: str = "") -> Standing:
    """Where an idea stands by its acts and its sealed trials. besides: a trial that is left out, because it is asked for."""
    told = acts.of(connection, lifecycle.IDEA + name, [IDEA, IDEA_ENDED, PASSING])
    ended = next((act.body.reason_code for act in told if isinstance(act.body, IdeaEnded)), "")
    stages = {"idea"} if told else set()
    stages |= {act.body.to_stage for act in told if isinstance(act.body, Passing)}
    trials, still = [], []
    for trial, state, protocol in _of_idea(connection, name):
        if trial == besides or state == REGISTERED:
            continue
        trials.append(trial)
        stages.add(protocol.stage)
        if state not in CLOSED:
            still.append(trial)
    furthest = max(stages, key=lifecycle.STAGES.index, default=None)
    return Standing(furthest, ended, tuple(trials), tuple(still))


def _of_idea(connection: Connection, name: str) -> list[tuple[str, str, Protocol]]:
    """The trials that try an idea. Only plans that name it are read whole."""
    found = connection.execute(
        select(TRIAL.c.id, TRIAL.c.state, PLAN.c.canonical)
        .join(PLAN, (PLAN.c.trial_id == TRIAL.c.id) & (PLAN.c.version == TRIAL.c.plan_version))
        .where((TRIAL.c.id == name) | PLAN.c.canonical.contains(json.dumps(name, ensure_ascii=False), autoescape=True))
        .order_by(TRIAL.c.id)
    )
    plans = [(trial, state, from_content(json.loads(text), origin=trial)) for trial, state, text in found]
    return [one for one in plans if lifecycle.prototype_of(one[2]) == name]


def may_begin(store: Store, protocol: Protocol) -> tuple[str, ...]:
    """What is to be noted of a plan's place among the stages; asked before it is registered. Raises LifecycleError; DataError
    when `changed`, which is handed on, seems to name a person."""
    with reading(store) as connection:
        return _may_begin(connection, protocol)


def must_begin(connection: Connection, protocol: Protocol) -> None:
    """Asked again as a plan is sealed: its idea may have been ended since it was registered. Raises LifecycleError."""
    _may_begin(connection, protocol)


def _may_begin(connection: Connection, protocol: Protocol) -> tuple[str, ...]:
    must_name_nobody({"changed": protocol.changed})
    known = _predecessors(connection, protocol)
    return lifecycle.may_begin(
        protocol, known, standing_of(connection, lifecycle.prototype_of(protocol), besides=protocol.trial)
    )


def plan_of(connection: Connection, trial: str) -> tuple[Protocol, str]:
    """(plan, state) of a trial, sealed or not. Raises UnknownTrialError."""
    state = acts.state_of(connection, trial) or ""
    text = connection.scalar(
        select(PLAN.c.canonical)
        .join(TRIAL, (TRIAL.c.id == PLAN.c.trial_id) & (TRIAL.c.plan_version == PLAN.c.version))
        .where(TRIAL.c.id == trial)
    )
    return from_content(json.loads(text or "{}"), origin=trial), state


def _predecessors(connection: Connection, protocol: Protocol) -> dict[str, Predecessor | None]:
    """The trials that a plan continues, by name; None where there is none of that name."""
    names = list(dict.fromkeys(protocol.continues))
    known = set(connection.execute(select(TRIAL.c.id).where(TRIAL.c.id.in_(names))).scalars())
    closings = acts.all_of(connection, names, [DECISION])
    found: dict[str, Predecessor | None] = dict.fromkeys(names)
    for name in names:
        if name in known:
            plan, state = plan_of(connection, name)
            closing = next((act.body for act in reversed(closings.get(name, ()))), None)
            decision = closing if isinstance(closing, Decision) and closing.closes else None
            found[name] = Predecessor(plan, state, decision)
    return found


def carried_over(store: Store, protocol: Protocol) -> Carried:
    """What a plan carries over: its predecessors' criteria, lessons and decisions, and what changed.

    Raises LifecycleError where it may not carry on (`trials.lifecycle.may_begin`).
    """
    with reading(store) as connection:
        _may_begin(connection, protocol)
        return lifecycle.carried(protocol, _known(connection, protocol))


def carried_by(store: Store, trial: str) -> Carried:
    """What a registered trial carries over. Raises UnknownTrialError, LifecycleError."""
    with reading(store) as connection:
        protocol, _ = plan_of(connection, trial)
        return lifecycle.carried(protocol, _known(connection, protocol))


def _known(connection: Connection, protocol: Protocol) -> list[Predecessor]:
    return [one for one in _predecessors(connection, protocol).values() if one is not None]


def pass_on(store: Store, trial: str, *, by: str, at: datetime, now: datetime | None = None) -> Act:
    """Note on the idea that it passes on to a registered trial, with all that is handed over. Again changes nothing.

    Raises LifecycleError where the plan may not carry on, or continues nothing.
    """
    must_be_aware(at=at)
    with reading(store) as connection:
        protocol, _ = plan_of(connection, trial)
    scope = lifecycle.scope_of(protocol)
    with writing(store, scope) as connection:
        access.permit(connection, trial, by, PASSING.action)
        passed = next((act for act in acts.of(connection, scope, [PASSING]) if act.key == trial), None)
        if passed is not None:
            return passed
        before = _known(connection, protocol)
        if not before:
            raise LifecycleError(
                f"{trial} continues no trial, must continue one to be passed on to. Name it in `continues`."
            )
        _may_begin(connection, protocol)
        body = Passing(
            from_stage=max((one.protocol.stage for one in before), key=lifecycle.STAGES.index),
            to_stage=protocol.stage,
            successor=trial,
            changed=protocol.changed,
            handed=tuple(one.handed for one in before),
        )
        return acts.put(connection, scope, PASSING, body, by=by, at=at, key=trial, now=now)
