"""What somebody sees of a trial beyond what everybody does: asked of the roles, logged, then shown, in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, func, select

from trials import roles
from trials.acts.act import CLOSED
from trials.acts.granting import GRANT
from trials.acts.viewing import VIEWED, Viewed
from trials.disclosure import safe_look
from trials.errors import ForbiddenError
from trials.evidence import Look
from trials.protocol import Protocol
from trials.store import access, acts, stages
from trials.store.engine import Store, reading, writing
from trials.store.models import ACT, ENROLMENT, LOOK
from trials.store.reading import TrialCard, must_exist

OPEN_PROGRAMME = "open programme"
_MANY = 500  # asked for more trials than this, all are read and the others left out
What = Literal["rows", "people"]


@dataclass(frozen=True, slots=True)
class Inside:
    """A trial as a safety steward sees it: nothing suppressed.

    enrolled: people by (site, arm), every arm of the plan for every site named by the plan or a person. look: the newest, with
    the arms' results; None before there is one, and while the plan keeps results by arm from this person (`arms` False).
    """

    protocol: Protocol
    state: str
    enrolled: dict[tuple[str, str], int]
    look: Look | None
    arms: bool
    role: str


def inside(store: Store, trial: str, *, by: str, at: datetime, now: datetime | None = None) -> Inside:
    """The trial without suppression, for whoever may see small counts. That they were shown them is an act (`viewed`),
    written before anything is given back: if it can't be written, nothing is shown.

    Raises ForbiddenError for everybody else, UnknownTrialError, DataError without a name.
    """
    with writing(store, trial) as connection:
        state = acts.state_of(connection, trial)
        if state is None:
            raise ForbiddenError(f"{trial} is no trial, must be one to be looked into. See `roadtest status`.")
        allowing = access.permit(connection, trial, by, "see_small_counts")
        protocol, _ = stages.plan_of(connection, trial)
        sight = access.sight(connection, trial, by, protocol, state)
        role = ", ".join(sorted(allowing)) or OPEN_PROGRAMME
        for what in ("small_counts", *(("arms",) if sight.arms else ())):
            body = Viewed(what=what, role=role, detail="counts by site and arm" if what == "small_counts" else "")
            acts.put(connection, trial, VIEWED, body, by=by, at=at, now=now)
        return Inside(
            protocol,
            state,
            _enrolled(connection, protocol),
            _newest(connection, trial) if sight.arms else None,
            sight.arms,
            role,
        )


def must_allow(store: Store, trial: str, action: str = "read") -> None:
    """Asks whether the store's person may read a trial (or, for another action, may do that); before anything is read of it.

    Raises UnknownTrialError, ForbiddenError.
    """
    with reading(store) as connection:
        must_exist(connection, trial)
        access.permit(connection, trial, store.person, action)


def allowed(store: Store, scopes: Collection[str], action: str = "read") -> list[str]:
    """Those of the trials, programmes and ideas that the store's person may read (or do another action in), in their order."""
    with reading(store) as connection:
        return access.permitted(connection, store.person, action, scopes)


def must_allow_shown(store: Store, trial: str, action: str, *, what: What, detail: str, at: datetime) -> None:
    """What `must_allow` asks; where roles decide it, that the store's person was shown it is written before anything is."""
    with reading(store) as connection:
        must_exist(connection, trial)
        if not access.permit(connection, trial, store.person, action):
            return
    with writing(store, trial) as connection:
        role = ", ".join(sorted(access.permit(connection, trial, store.person, action)))
        body = Viewed(what=what, role=role or OPEN_PROGRAMME, detail=detail)
        acts.put(connection, trial, VIEWED, body, by=store.person, at=at)


def look_for(store: Store, card: TrialCard) -> dict[str, Any] | None:
    """The trial's newest look as JSON, as far as whoever opened the store may see it (`trials.disclosure.safe_look`); None
    before there is one. In an open programme it is the whole look.

    Raises ForbiddenError for somebody without a role in a programme that has roles.
    """
    return looks_for(store, [card])[card.id]


def looks_for(store: Store, cards: Collection[TrialCard]) -> dict[str, dict[str, Any] | None]:
    """`look_for` by trial, in as many queries for many as for one. Raises ForbiddenError for the first that may not be read."""
    with reading(store) as connection:
        given = access.grants_of(connection, {card.protocol.programme or card.id for card in cards})
        sights = {
            card.id: access.sight_by(
                given.get(card.protocol.programme or card.id, ()), card.id, store.person, card.protocol, card.state
            )
            for card in cards
            if card.look is not None
        }
        every = _looks_of(connection, {trial for trial, sight in sights.items() if not sight.small})
    found: dict[str, dict[str, Any] | None] = dict.fromkeys((card.id for card in cards), None)
    for card in cards:
        newest, sight = card.look, sights.get(card.id)
        if newest is not None and sight is not None:
            looks = [newest] if sight.small else [one for one in every[card.id] if one.number <= newest.number]
            found[card.id] = safe_look(looks, card.protocol, sight)
    return found


def arms_shown(store: Store, trials: Iterable[tuple[str, Protocol, str]]) -> dict[str, bool]:
    """By trial (id, plan, state), whether pages may show results by arm to whoever opened the store; nobody in particular
    counts as a stakeholder. In an open programme everybody sees them."""
    asked = list(trials)
    with reading(store) as connection:
        scopes = set(connection.scalars(select(ACT.c.trial_id).where(ACT.c.kind == GRANT.name).distinct()))
        programmes = {protocol.programme or trial for trial, protocol, _ in asked}
        mine = {
            programme: _roles(connection, programme, store.person)
            for programme in programmes
            if access.PROGRAMME + programme in scopes
        }
    found = {}
    for trial, protocol, state in asked:
        held = mine.get(protocol.programme or trial)
        found[trial] = roles.sees_arms(
            held or frozenset(), protocol.access.interim, open_programme=held is None, closed=state in CLOSED
        )
    return found


def _roles(connection: Connection, programme: str, person: str) -> frozenset[str]:
    held = roles.held(access.grants(connection, programme), person) if person else frozenset()
    return held or frozenset({"stakeholder"})


def _enrolled(connection: Connection, protocol: Protocol) -> dict[tuple[str, str], int]:
    columns = ENROLMENT.c
    found = connection.execute(
        select(columns.site, columns.arm, func.count())
        .where(columns.trial_id == protocol.trial)
        .group_by(columns.site, columns.arm)
    ).tuples()
    counts = {(site, arm): people for site, arm, people in found}
    sites = dict.fromkeys([*(site.id for site in protocol.sites), *sorted({site for site, _ in counts})])
    return {(site, arm.id): counts.get((site, arm.id), 0) for site in sites for arm in protocol.arms}


def _looks_of(connection: Connection, trials: Collection[str]) -> dict[str, list[Look]]:
    """Every look of these trials, oldest first."""
    query = select(LOOK.c.trial_id, LOOK.c.body).order_by(LOOK.c.trial_id, LOOK.c.number)
    if len(trials) <= _MANY:
        query = query.where(LOOK.c.trial_id.in_(trials))
    found: dict[str, list[Look]] = {trial: [] for trial in trials}
    for trial, body in connection.execute(query).tuples() if trials else ():
        if trial in found:
            found[trial].append(Look.from_json(body))
    return found


def _newest(connection: Connection, trial: str) -> Look | None:
    body = connection.scalar(
        select(LOOK.c.body).where(LOOK.c.trial_id == trial).order_by(LOOK.c.number.desc()).limit(1)
    )
    return None if body is None else Look.from_json(body)
