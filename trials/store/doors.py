"""What a page asks of the database before each answer: what changed, and who is let in. Two small reads, whose second is only
needed when the first says that something changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Row, func, insert, literal, select, update

from trials.acts.allocating import REVEAL
from trials.acts.fund import FUND_ANSWER, FUND_REQUEST, FUND_SPENT
from trials.acts.granting import GRANT
from trials.acts.safety_events import SAFETY_EVENT, SAFETY_JUDGED
from trials.acts.viewing import VIEWED
from trials.acts.voices import VOICE, VOICE_WITHDRAWN
from trials.store.engine import Store, reading
from trials.store.models import ACCOUNT, ACT, DOOR, ENDED, LINK, TRIAL

_NOBODY = ""  # no trial has this name
# Acts that are about one person, of which pages tell nothing or, later, that there were ten.
QUIET = (VIEWED, REVEAL, SAFETY_EVENT, SAFETY_JUDGED, FUND_REQUEST, FUND_ANSWER, FUND_SPENT, VOICE, VOICE_WITHDRAWN)
_QUIET_ROW = -1  # no trial has a plan of this number
_GIVEN = select(func.count()).select_from(ACT).where(ACT.c.kind == GRANT.name)


@dataclass(frozen=True, slots=True)
class Pulse:
    """tokens: each trial's, which grows whenever anything about it changes. plans: the number of its current plan. grants: how
    many roles were ever given or taken. doors: grows with accounts, links and sessions. quiet: by trial, how many of what its
    token counts are acts about one person (`QUIET`)."""

    tokens: Mapping[str, int]
    plans: Mapping[str, int]
    grants: int
    doors: int
    quiet: Mapping[str, int] = field(default_factory=dict)

    @property
    def told(self) -> dict[str, int]:
        """The tokens without what one person alone moved."""
        return {trial: token - self.quiet.get(trial, 0) for trial, token in self.tokens.items()}


@dataclass(frozen=True, slots=True)
class Link:
    """A link to one trial, or to the trials of one programme; the other is "". The link's secret is known to nobody here."""

    id: str
    trial: str
    programme: str
    made_by: str
    made_at: datetime
    ends_at: datetime
    revoked_by: str | None = None
    revoked_at: datetime | None = None

    def stands(self, at: datetime) -> bool:
        """Whether it still leads anywhere."""
        return self.revoked_at is None and at < self.ends_at


@dataclass(frozen=True, slots=True)
class Known:
    """Who may come in. stamps: of each account. ended: sessions that were signed out of. links: those not revoked, by id."""

    stamps: Mapping[str, str]
    ended: frozenset[str]
    links: Mapping[str, Link]


def grants(store: Store) -> int:
    """How many roles were ever given or taken."""
    with reading(store) as connection:
        return int(connection.scalar(_GIVEN) or 0)


def pulse(store: Store) -> Pulse:
    """What changed, for every reader: one query over small rows."""
    door = func.coalesce(select(func.max(DOOR.c.token)).scalar_subquery(), 0)
    trials = select(TRIAL.c.id, TRIAL.c.token, TRIAL.c.plan_version)
    scope = ACT.c.trial_id
    acted = (
        select(scope, func.count(), literal(_QUIET_ROW))
        .where(ACT.c.kind.in_([one.name for one in QUIET]))
        .group_by(scope)
    )
    asked = trials.union_all(select(literal(_NOBODY), _GIVEN.scalar_subquery(), door), acted)
    with reading(store) as connection:
        rows = connection.execute(asked).tuples().all()
    quiet = {name: count for name, count, what in rows if what == _QUIET_ROW}
    found = {name: (first, second) for name, first, second in rows if second != _QUIET_ROW}
    grants, doors = found.pop(_NOBODY)
    ordered = sorted(found.items())
    tokens, plans = ({name: two[place] for name, two in ordered} for place in (0, 1))
    return Pulse(tokens, plans, int(grants), int(doors), quiet)


def doors(store: Store) -> int:
    """The number that grows with accounts, links and sessions, fresh: one query over one row."""
    with reading(store) as connection:
        return int(connection.scalar(select(func.max(DOOR.c.token))) or 0)


def known(store: Store) -> tuple[int, Known]:
    """Who may come in, and `doors` when that was so."""
    with reading(store) as connection:
        token = int(connection.scalar(select(func.max(DOOR.c.token))) or 0)
        stamps = dict(connection.execute(select(ACCOUNT.c.name, ACCOUNT.c.stamp)).tuples().all())
        ended = frozenset(connection.scalars(select(ENDED.c.id)))
        standing = connection.execute(select(LINK).where(LINK.c.revoked_at.is_(None)))
        return token, Known(stamps, ended, {row.id: link_of(row) for row in standing})


def link_of(row: Row[tuple[object, ...]]) -> Link:
    """A link from its row."""
    names = ("id", "trial", "programme", "made_by", "made_at", "ends_at", "revoked_by", "revoked_at")
    return Link(*(getattr(row, name) for name in names))


def changed(connection: Connection) -> None:
    """Inside the transaction that writes an account, a link or an ended session: every worker looks again."""
    if connection.execute(update(DOOR).values(token=DOOR.c.token + 1)).rowcount == 0:
        connection.execute(insert(DOOR).values(id=1, token=1))
