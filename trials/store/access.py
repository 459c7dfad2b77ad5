"""The one place below commands, flows and pages in which roles are asked: every write transaction and every protected read."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection, select

from trials import roles
from trials.acts.act import CLOSED
from trials.acts.granting import GRANT, Grant
from trials.protocol import Protocol
from trials.store.models import ACT, PLAN, TRIAL

PROGRAMME, IDEA = "programme:", "idea:"


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody may see of a trial. roles: theirs, empty in an open programme. arms: results by arm. small: counts below
    the limit. rows: rows by pseudonym. people: who they are."""

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
    try:
        return str(json.loads(text).get("programme") or scope) if text else scope
    except ValueError:  # altered in the database: whoever uses the plan next is told of it
        return scope


def grants(connection: Connection, programme: str) -> tuple[roles.Granted, ...]:
    """The roles that are held in the programme, the newest word on each."""
    found = connection.execute(
        select(ACT.c.body).where(ACT.c.trial_id == PROGRAMME + programme, ACT.c.kind == GRANT.name).order_by(ACT.c.seq)
    )
    held: dict[roles.Granted, None] = {}
    for text in found.scalars():
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


def sight(connection: Connection, trial: str, person: str, protocol: Protocol, state: str) -> Sight:
    """What the person may see of a trial. Raises ForbiddenError when they have no role in its programme."""
    programme = protocol.programme or trial
    given = grants(connection, programme) if _any_grants(connection) else ()
    if not given:
        return Sight(frozenset(), True, True, True, True)
    mine = frozenset(one.role for one in given if one.person == person)
    if not mine:
        roles.require(given, person, "read", programme=programme)
    arms = roles.sees_arms(mine, protocol.access.interim, open_programme=False, closed=state in CLOSED)
    may = {action: bool(mine & roles.ACTIONS[action]) for action in ("see_small_counts", "see_rows", "see_people")}
    return Sight(mine, arms, may["see_small_counts"], may["see_rows"], may["see_people"])


def _any_grants(connection: Connection) -> bool:
    return connection.execute(select(ACT.c.seq).where(ACT.c.kind == GRANT.name).limit(1)).first() is not None
