"""What is measured of a running Roadtest: how its trials, rounds and alerts stand, and what its database is. For metrics,
readiness, and what a round reports.

No trial is named, nobody is counted by arm, and numbers of rows are rounded down to tens (`trials.disclosure.tens`): read at
every scrape, exact ones would tell how few rows came in between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import ColumnElement, Connection, Table, func, select, tuple_

from trials.acts.act import STATES as TRIAL_STATES
from trials.alerting import BREACH, KIND_NAMES
from trials.disclosure import tens
from trials.errors import StoreError
from trials.evidence import Look
from trials.store import rounds
from trials.store.engine import Store, alembic_config, reading
from trials.store.models import ALERT, CHANNEL, LOOK, ROUND, STATE, TRIAL, WORK

_MANY = 500  # names in one statement
ROWS = ("accepted", "quarantined")
COUNTED = ("due", "done", "failed", "deliveries", "refused", "looks", "crossed")


@dataclass(frozen=True, slots=True)
class Stood:
    """The number of a trial's newest look, and its verdict."""

    look: int
    verdict: str


@dataclass(frozen=True, slots=True)
class Newest:
    """The round that began last. ended_at: None while it runs, or since it fell silent (`beat_at`)."""

    state: str
    begun_at: datetime
    beat_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Measured:
    """trials, rounds: by state, every state. totals: of all rounds, by `COUNTED`. rows: of all rounds, by `ROWS`, in tens.
    failing: trials whose work failed in the last round that took them up. alerts: those that last, by kind; of verdict, the
    trials that have an answer. channels_failing: to which the newest telling failed.
    revision: the database's; ours: what this version brings. bytes: of the database."""

    trials: Mapping[str, int]
    rounds: Mapping[str, int]
    newest: Newest | None
    totals: Mapping[str, int]
    rows: Mapping[str, int]
    failing: int
    alerts: Mapping[str, int]
    channels_failing: int
    backend: str
    revision: str
    ours: str
    bytes: int


def measured(store: Store) -> Measured:
    """All of it, of one moment, in a handful of queries that don't grow with what the trials hold.

    Raises StoreError, also when the database's tables are another version's.
    """
    with reading(store) as connection:
        revision = revision_in(connection)
        if revision != head():
            raise StoreError(
                f"the database is at revision '{revision}', must be at {head()}. Run `roadtest db upgrade`."
            )
        totals = _totals(connection)
        return Measured(
            trials=_by(connection, TRIAL.c.state, TRIAL_STATES),
            rounds=_by(connection, ROUND.c.state, rounds.STATES),
            newest=newest_in(connection),
            totals={name: totals[name] for name in COUNTED},
            rows={name: tens(totals[name]) or 0 for name in ROWS},
            failing=_count(connection, WORK, WORK.c.failures > 0),
            alerts=_alerts(connection),
            channels_failing=_count(connection, CHANNEL, CHANNEL.c.failures > 0),
            backend=connection.dialect.name,
            revision=revision,
            ours=head(),
            bytes=_bytes(connection),
        )


@dataclass(frozen=True, slots=True)
class Ready:
    """What readiness rests on: the database's revision, ours, and the newest round."""

    revision: str
    ours: str
    newest: Newest | None


def ready(store: Store) -> Ready:
    """Asks the database for little. Raises StoreError when it does not answer."""
    with reading(store) as connection:
        revision = revision_in(connection)
        return Ready(revision, head(), newest_in(connection) if revision == head() else None)


def stood(store: Store) -> dict[str, Stood]:
    """By trial that has a look: the newest one's number and verdict, in one query without the looks themselves."""
    newest = (LOOK.c.trial_id == STATE.c.trial_id) & (LOOK.c.number == STATE.c.look_number)
    with reading(store) as connection:
        found = connection.execute(select(LOOK.c.trial_id, LOOK.c.number, LOOK.c.verdict).join(STATE, newest))
        return {row.trial_id: Stood(row.number, row.verdict) for row in found}


def looks_since(store: Store, since: Mapping[str, int]) -> dict[str, Look]:
    """The newest looks of those of the trials that have one of a higher number than said."""
    with reading(store) as connection:
        numbers = dict(connection.execute(select(STATE.c.trial_id, STATE.c.look_number)).tuples().all())
        fresh = {trial: numbers[trial] for trial in since if numbers.get(trial, 0) > since[trial]}
        return _looks(connection, fresh)


def looks_at(store: Store, numbers: Mapping[str, int]) -> dict[str, Look]:
    """The looks of these numbers, by trial."""
    if not numbers:
        return {}
    with reading(store) as connection:
        return _looks(connection, numbers)


def _looks(connection: Connection, numbers: Mapping[str, int]) -> dict[str, Look]:
    wanted, found = sorted(numbers.items()), {}
    for first in range(0, len(wanted), _MANY):
        some = tuple_(LOOK.c.trial_id, LOOK.c.number).in_(wanted[first : first + _MANY])
        for trial, body in connection.execute(select(LOOK.c.trial_id, LOOK.c.body).where(some)).tuples():
            found[trial] = Look.from_json(body)
    return found


def _by(
    connection: Connection, column: ColumnElement[str], names: Sequence[str], *which: ColumnElement[bool]
) -> dict[str, int]:
    found = dict(connection.execute(select(column, func.count()).where(*which).group_by(column)).tuples().all())
    return {name: found.get(name, 0) for name in names}


def _alerts(connection: Connection) -> dict[str, int]:
    """Of a trial's answer and the guardrail whose breach made it there is one, so that they look alike to who reads metrics."""
    lasts = ALERT.c.cleared_at.is_(None)
    told = _by(connection, ALERT.c.kind, KIND_NAMES, lasts, ~ALERT.c.about.startswith(BREACH, autoescape=True))
    answered = select(func.count(ALERT.c.trial.distinct())).where(lasts, ALERT.c.kind == "verdict")
    return told | {"verdict": int(connection.scalar(answered) or 0)}


def _count(connection: Connection, table: Table, which: ColumnElement[bool]) -> int:
    return int(connection.scalar(select(func.count()).select_from(table).where(which)) or 0)


def _totals(connection: Connection) -> dict[str, int]:
    names = (*COUNTED, *ROWS)
    row = connection.execute(select(*(func.coalesce(func.sum(ROUND.c[name]), 0) for name in names))).one()
    return {name: int(total) for name, total in zip(names, row, strict=True)}


def _bytes(connection: Connection) -> int:
    """What the database takes up on its disk; the log beside an SQLite file comes on top."""
    if connection.dialect.name == "postgresql":
        return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())
    pages, size = (int(connection.exec_driver_sql(f"PRAGMA {of}").scalar_one()) for of in ("page_count", "page_size"))
    return pages * size


def newest_in(connection: Connection) -> Newest | None:
    asked = select(ROUND.c.state, ROUND.c.begun_at, ROUND.c.beat_at, ROUND.c.ended_at)
    row = connection.execute(asked.order_by(ROUND.c.id.desc()).limit(1)).first()
    return None if row is None else Newest(*row)


def revision_in(connection: Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""


@cache
def head() -> str:
    """The revision of this version's tables; read from its files once."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head() or ""
