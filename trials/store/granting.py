"""Roles in the database: given, taken, listed."""

from __future__ import annotations

from datetime import datetime

from trials.acts.act import Act
from trials.acts.granting import GRANT, Grant
from trials.errors import DataError
from trials.plan.access import Role
from trials.roles import Granted
from trials.store import access
from trials.store.acts import put
from trials.store.engine import Store, reading, writing


def give(
    store: Store, programme: str, person: str, role: Role, *, by: str, at: datetime, site: str | None = None
) -> tuple[Act, ...]:
    """Give a role. The first grant of a programme also makes whoever gives it a lead. Raises ForbiddenError."""
    for name, text in (("programme", programme), ("person", person), *([] if site is None else [("site", site)])):
        if not text.strip():
            raise DataError(f"{name} == '{text}', must be a name. Nothing was given.")
    done = []
    with writing(store, access.PROGRAMME + programme) as connection:
        held = access.grants(connection, programme)
        if not held and (by, "lead", None) != (person, role, site):
            done.append(_put(connection, programme, Grant(person=by, role="lead"), by, at))
        if Granted(person, role, site) not in held:
            done.append(_put(connection, programme, Grant(person=person, role=role, site=site), by, at))
    return tuple(done)


def take(
    store: Store, programme: str, person: str, role: Role, *, by: str, at: datetime, site: str | None = None
) -> Act:
    """Take a role away. Raises ForbiddenError; DataError when it is not held, or when no lead would be left."""
    one = Granted(person, role, site)
    with writing(store, access.PROGRAMME + programme) as connection:
        held = access.grants(connection, programme)
        if one not in held:
            where = f"{programme}, site {site}" if site else programme
            raise DataError(f"{person} is not {role} in {where}, must be to lose it. See `roadtest roles list`.")
        if role == "lead" and [other for other in held if other.role == "lead" and other.site is None] == [one]:
            raise DataError(
                f"{person} is the only lead of {programme}, must not be the last. Make somebody else lead first."
            )
        return _put(connection, programme, Grant(person=person, role=role, site=site, given=False), by, at)


def _put(connection: object, programme: str, body: Grant, by: str, at: datetime) -> Act:
    return put(connection, access.PROGRAMME + programme, GRANT, body, by=by, at=at)  # type: ignore[arg-type]


def listed(store: Store, programme: str) -> tuple[Granted, ...]:
    """What `held` gives, for the store's person, who must have a role there. Raises ForbiddenError."""
    with reading(store) as connection:
        access.permit(connection, access.PROGRAMME + programme, store.person, "read")
        return access.grants(connection, programme)


def in_use(store: Store, programme: str) -> bool:
    """Whether any trial or idea is in the programme; a trial without one is a programme of its own, under its name."""
    with reading(store) as connection:
        return access.is_used(connection, programme)


def held(store: Store, programme: str) -> tuple[Granted, ...]:
    """The roles that are held in a programme; none: it is open."""
    with reading(store) as connection:
        return access.grants(connection, programme)
