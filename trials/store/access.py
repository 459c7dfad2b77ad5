"""The one place below commands, flows and pages in which roles are asked: every write transaction and every protected read."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from trials import roles
from trials.acts.act import CLOSED
from trials.acts.granting import GRANT, Grant
from trials.acts.ideas import IDEA as IDEA_ACT
from trials.protocol import Protocol
from trials.store.models import ACT, PLAN, TRIAL

PROGRAMME, IDEA = "programme:", "idea:"
_MANY = 500  # asked for more scopes than this, all are read and the others left out


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody may see of a trial. roles: theirs, empty in an open programme. arms: results by arm. small: counts below
    the limit. rows: rows by pseudonym. people: who they are. A role at one site alone shows none of these, as they are of all
    sites."""

    roles: frozenset[str]
    arms: bool
    small: bool
    rows: bool
    people: bool


def programme_of(connection: Connection, scope: str) -> str:
    """The programme whose roles apply: a trial without one is a programme of its own; an idea's is its own name."""
    if scope.startswith((PROGRAMME, IDEA)):
        return scope.partition(":")[2]
    text = connection.scalar(
        select(PLAN.c.canonical)
        .join(TRIAL, (TRIAL.c.id == PLAN.c.trial_id) & (TRIAL.c.plan_version == PLAN.c.version))
        .where(TRIAL.c.id == scope)
    )
    return _named(text or "") or scope


def grants(connection: Connection, programme: str) -> tuple[roles.Granted, ...]:
    """The roles that are held in the programme, the newest word on each."""
    found = connection.execute(
        select(ACT.c.body).where(ACT.c.trial_id == PROGRAMME + programme, ACT.c.kind == GRANT.name).order_by(ACT.c.seq)
    )
    return _held(found.scalars())


def grants_of(connection: Connection, programmes: Collection[str]) -> dict[str, tuple[roles.Granted, ...]]:
    """`grants` by programme, for those of them that have roles: one query."""
    wanted = {PROGRAMME + name: name for name in programmes}
    query = select(ACT.c.trial_id, ACT.c.body).where(ACT.c.kind == GRANT.name).order_by(ACT.c.trial_id, ACT.c.seq)
    if len(wanted) <= _MANY:
        query = query.where(ACT.c.trial_id.in_(wanted))
    said: defaultdict[str, list[str]] = defaultdict(list)
    for scope, text in connection.execute(query).tuples():
        if scope in wanted:
            said[wanted[scope]].append(text)
    return {programme: _held(texts) for programme, texts in said.items()}


def _held(texts: Iterable[str]) -> tuple[roles.Granted, ...]:
    held: dict[roles.Granted, None] = {}
    for text in texts:
        said = Grant.model_validate_json(text)
        one = roles.Granted(said.person, said.role, said.site)
        if said.given:
            held[one] = None
        else:
            held.pop(one, None)
    return tuple(held)


def permit(
    connection: Connection,
    scope: str,
    person: str,
    action: str,
    *,
    site: str | None = None,
    programme: str | None = None,
) -> frozenset[str]:
    """The person's roles that allow the action; empty in an open programme. programme: of a trial that is not there yet.

    Raises ForbiddenError.
    """
    if not _any_grants(connection):
        return frozenset()
    name = programme_of(connection, scope) if programme is None else programme
    return roles.require(grants(connection, name), person, action, programme=name, site=site)


def permitted(connection: Connection, person: str, action: str, scopes: Collection[str]) -> list[str]:
    """Those of the scopes (trials, programmes, ideas) for which the person may do it, in their order. As many queries for many
    as for one."""
    if not _any_grants(connection):
        return list(scopes)
    whose = _programmes(connection, scopes)
    given = grants_of(connection, {*whose.values()})
    return [
        scope for scope in scopes if not given.get(whose[scope]) or roles.allowing(given[whose[scope]], person, action)
    ]


def is_used(connection: Connection, programme: str) -> bool:
    """Whether any trial or idea is in the programme."""
    noted = connection.scalars(select(ACT.c.trial_id).where(ACT.c.kind == IDEA_ACT.name).distinct())
    scopes = [*connection.scalars(select(TRIAL.c.id)), *noted]
    return programme in _programmes(connection, scopes).values()


def _programmes(connection: Connection, scopes: Collection[str]) -> dict[str, str]:
    """What `programme_of` gives for each scope; of an idea the programme that it was noted in."""
    plans = select(TRIAL.c.id, PLAN.c.canonical).join(
        PLAN, (PLAN.c.trial_id == TRIAL.c.id) & (PLAN.c.version == TRIAL.c.plan_version)
    )
    ideas = select(ACT.c.trial_id, ACT.c.body).where(ACT.c.kind == IDEA_ACT.name).order_by(ACT.c.seq.desc())
    if len(scopes) <= _MANY:
        plans, ideas = plans.where(TRIAL.c.id.in_(scopes)), ideas.where(ACT.c.trial_id.in_(scopes))
    told = [*connection.execute(plans).tuples(), *connection.execute(ideas).tuples()]
    named = {scope: name for scope, text in told if (name := _named(text))}
    return {scope: named.get(scope) or scope.removeprefix(PROGRAMME).removeprefix(IDEA) for scope in scopes}


def _named(text: str) -> str:
    """The programme that a stored plan or idea names."""
    try:
        return str(json.loads(text).get("programme") or "")
    except (ValueError, AttributeError):  # altered in the database: whoever uses it next is told of it
        return ""


def sight(connection: Connection, trial: str, person: str, protocol: Protocol, state: str) -> Sight:
    """What the person may see of a trial. Raises ForbiddenError when they have no role in its programme."""
    programme = protocol.programme or trial
    given = grants(connection, programme) if _any_grants(connection) else ()
    return sight_by(given, trial, person, protocol, state)


def sight_by(given: Collection[roles.Granted], trial: str, person: str, protocol: Protocol, state: str) -> Sight:
    """`sight` by the roles that are held in the trial's programme. Raises ForbiddenError."""
    if not given:
        return Sight(frozenset(), True, True, True, True)
    anywhere = roles.require(given, person, "read", programme=protocol.programme or trial)
    mine = roles.held(given, person)
    arms = roles.sees_arms(mine, protocol.access.interim, open_programme=False, closed=state in CLOSED)
    may = {action: bool(mine & roles.ACTIONS[action]) for action in ("see_small_counts", "see_rows", "see_people")}
    return Sight(anywhere, arms, may["see_small_counts"], may["see_rows"], may["see_people"])


def _any_grants(connection: Connection) -> bool:
    return connection.execute(select(ACT.c.seq).where(ACT.c.kind == GRANT.name).limit(1)).first() is not None
