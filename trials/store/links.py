"""Links that lead to a trial, or to a programme's trials, without an account: made and taken back by leads, read by whoever
holds them. The row keeps who made and revoked one and when; of its secret it keeps the SHA-256.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from trials.errors import DataError
from trials.store import access
from trials.store.acts import state_of
from trials.store.doors import Link, changed, link_of
from trials.store.engine import Store, reading, writing
from trials.store.models import LINK, PLAN, TRIAL

ACTION = "grant"  # who may give roles may give a link: both let somebody read


def digest_of(secret: str) -> str:
    """What is kept of a link's secret. It is random and long, so a plain hash can't be searched."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def make(
    store: Store,
    *,
    trial: str = "",
    programme: str = "",
    id: str,
    secret: str,
    by: str,
    at: datetime,
    ends_at: datetime,
) -> Link:
    """A link to one of the two, which reads what a stakeholder reads until `ends_at`.

    secret: random, at least 128 bits, known to whoever gets the link. Raises ForbiddenError for whoever is no lead,
    UnknownTrialError, DataError.
    """
    if bool(trial) == bool(programme):
        raise DataError(
            "a link leads to a trial or to a programme, must be one of the two. Name TRIAL, or --programme."
        )
    if ends_at <= at:
        raise DataError(f"ends_at == {ends_at.isoformat()}, must be later than now. Write --days 90.")
    made = Link(id, trial, programme, by, at, ends_at)
    with writing(store, "doors") as connection:
        if trial:
            state_of(connection, trial)
        scope = trial or access.PROGRAMME + programme
        access.permit(connection, scope, by, ACTION)
        if programme and programme not in _programmes(connection):
            raise DataError(f"programme == '{programme}', must be that of a trial. See `roadtest status`.")
        values = {column.name: getattr(made, column.name) for column in LINK.c if column.name != "digest"}
        connection.execute(insert(LINK).values(**values, digest=digest_of(secret)))
        changed(connection)
    return made


def revoke(store: Store, id: str, *, by: str, at: datetime) -> Link:
    """The link leads nowhere from now on. Raises ForbiddenError; DataError when there is none, or it was revoked before."""
    with writing(store, "doors") as connection:
        row = connection.execute(select(LINK).where(LINK.c.id == id)).one_or_none()
        if row is None:
            raise DataError(f"link == '{id}', must be one that exists. See `roadtest link list`.")
        link = link_of(row)
        access.permit(connection, link.trial or access.PROGRAMME + link.programme, by, ACTION)
        if link.revoked_at is not None:
            raise DataError(f"link == '{id}', was revoked by {link.revoked_by} before, must be one that stands.")
        connection.execute(update(LINK).where(LINK.c.id == id).values(revoked_by=by, revoked_at=at))
        changed(connection)
        return link_of(connection.execute(select(LINK).where(LINK.c.id == id)).one())


def find(store: Store, secret: str) -> Link | None:
    """The link with this secret, whether it still stands or not."""
    with reading(store) as connection:
        row = connection.execute(select(LINK).where(LINK.c.digest == digest_of(secret))).one_or_none()
        return None if row is None else link_of(row)


def listed(store: Store) -> tuple[Link, ...]:
    """The links that the store's person may give, oldest first, ended and revoked ones too."""
    with reading(store) as connection:
        links = [link_of(row) for row in connection.execute(select(LINK).order_by(LINK.c.made_at, LINK.c.id))]
        scopes = [link.trial or access.PROGRAMME + link.programme for link in links]
        mine = set(access.permitted(connection, store.person, ACTION, scopes))
        return tuple(link for link, scope in zip(links, scopes, strict=True) if scope in mine)


def _programmes(connection: Connection) -> set[str]:
    """The programmes that trials name in their current plans."""
    current = (TRIAL.c.id == PLAN.c.trial_id) & (TRIAL.c.plan_version == PLAN.c.version)
    plans = select(PLAN.c.canonical).join(TRIAL, current)
    return {str(json.loads(text).get("programme") or "") for text in connection.scalars(plans)}
