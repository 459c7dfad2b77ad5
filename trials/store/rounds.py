"""What the rounds did, and how they get on with each trial: at most one round at a time, whoever starts it and wherever.

A round says every few seconds that it is still at work. One that was killed says nothing more: whoever begins next finds it
`interrupted`, and does what it had left, because each step of a round is done whole or not at all. A clock that was set back
or forward can make a running round look dead; a second one beside it then finds every delivery known already.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from trials.acts.erasing import ERASED
from trials.store.engine import Store, reading, writing
from trials.store.models import ACT, PLAN, ROUND, TRIAL, WORK

State = Literal["running", "completed", "with_failures", "failed", "interrupted"]
STATES: tuple[State, ...] = ("running", "completed", "with_failures", "failed", "interrupted")
SILENT = timedelta(seconds=90)  # without a beat for this long, a round is dead
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=5), timedelta(hours=12)
_ROUNDS = " rounds"  # what writers about rounds lock; no trial has this name
_MANY = 500  # names in one statement


@dataclass(frozen=True, slots=True)
class Counts:
    """What a round came to. due: trials; done, failed: of those; deliveries, refused: of these refused whole; accepted,
    quarantined: rows; looks: taken; crossed: claims that crossed their threshold in them."""

    due: int = 0
    done: int = 0
    failed: int = 0
    deliveries: int = 0
    accepted: int = 0
    quarantined: int = 0
    refused: int = 0
    looks: int = 0
    crossed: int = 0


@dataclass(frozen=True, slots=True)
class Round:
    """One round. scheduled_for: when the schedule wanted it, None when somebody asked for it. beat_at: when it last said that
    it is at work. flow_run: Prefect's id of it. error: why it failed, a sentence."""

    id: int
    state: State
    scheduled_for: datetime | None
    begun_at: datetime
    beat_at: datetime
    ended_at: datetime | None
    host: str
    pid: int
    flow_run: str
    counts: Counts
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """Why a round did not begin: another one is running, or one that began after it was due has done its work."""

    reason: Literal["running", "covered"]
    by: Round


@dataclass(frozen=True, slots=True)
class TrialWork:
    """How the rounds get on with a trial. done_at: when its work was last done whole; failures: how often in a row it failed
    since, at last when and why (`error`, the sentence to act on); next_try_at: before then it is left alone."""

    trial: str
    done_at: datetime | None = None
    failures: int = 0
    failed_at: datetime | None = None
    error: str | None = None
    next_try_at: datetime | None = None

    def rests(self, at: datetime) -> bool:
        """Whether it is too early to try again. A clock that was set back must not keep a trial waiting for ever."""
        return self.next_try_at is not None and timedelta(0) < self.next_try_at - at <= LONGEST_WAIT


def begin(
    store: Store,
    at: datetime,
    *,
    host: str,
    pid: int,
    flow_run: str = "",
    scheduled_for: datetime | None = None,
    gone: Callable[[Round], bool] = lambda _: False,
) -> Round | Skipped:
    """A new round that runs, or why there is none.

    scheduled_for: a run that comes later than the beginning of a round that ended is covered by that one, so after a stop of
    days the first run does all that is due and the late ones behind it do nothing. Rounds that fell silent are marked
    `interrupted`, those of the same flow run too: Prefect started it anew. gone: whether a round's process is known to be gone,
    so that nobody need wait until it counts as silent. Raises StoreError.
    """
    with writing(store, _ROUNDS) as connection:
        for one in _running(connection):
            anew = bool(flow_run) and one.flow_run == flow_run
            if abs(at - one.beat_at) <= SILENT and not anew and not gone(one):
                return Skipped("running", one)
            _end(connection, one.id, at, "interrupted", None, "it stopped without a word, and the next round went on")
        covering = None if scheduled_for is None else _covering(connection, scheduled_for, at)
        if covering is not None:
            return Skipped("covered", covering)
        number = int(connection.scalar(select(func.coalesce(func.max(ROUND.c.id), 0))) or 0) + 1
        made = {"id": number, "state": "running", "scheduled_for": scheduled_for, "begun_at": at, "beat_at": at}
        counts = {field.name: 0 for field in fields(Counts)}
        connection.execute(insert(ROUND).values(**made, host=host, pid=pid, flow_run=flow_run, **counts))
        return Round(number, "running", scheduled_for, at, at, None, host, pid, flow_run, Counts())


def beat(store: Store, number: int, at: datetime) -> bool:
    """Says that a round is at work; False when it is not known as running any more."""
    with writing(store, _ROUNDS) as connection:
        running = (ROUND.c.id == number) & (ROUND.c.state == "running")
        return connection.execute(update(ROUND).where(running).values(beat_at=at)).rowcount == 1


def end(store: Store, number: int, at: datetime, state: State, counts: Counts, error: str | None = None) -> None:
    """Says how a round ended. One that was taken for dead meanwhile is put right."""
    with writing(store, _ROUNDS) as connection:
        _end(connection, number, at, state, counts, error)


def listed(store: Store, limit: int = 20) -> list[Round]:
    """The newest rounds, the newest first."""
    with reading(store) as connection:
        return [_round(row) for row in connection.execute(select(ROUND).order_by(ROUND.c.id.desc()).limit(limit))]


def newest(store: Store) -> Round | None:
    """The round that began last."""
    return next(iter(listed(store, 1)), None)


def work_of(store: Store, trials: Collection[str] | None = None) -> dict[str, TrialWork]:
    """How the rounds get on with the trials (these, or all that a round ever took up), by trial."""
    asked = select(WORK).order_by(WORK.c.trial_id)
    if trials is not None and len(trials) <= _MANY:
        asked = asked.where(WORK.c.trial_id.in_(sorted(trials)))
    with reading(store) as connection:
        found = [_work(row) for row in connection.execute(asked)]
    return {one.trial: one for one in found if trials is None or one.trial in trials}


def note(store: Store, at: datetime, *, failed: Mapping[str, str], done: Collection[str]) -> None:
    """Keeps how the work on these trials ended: done, or failed with the sentence to act on. Unknown trials are left out, and
    those whose key was destroyed: nothing is done for them any more.

    Each failure in a row doubles the wait until the next try, from FIRST_WAIT to LONGEST_WAIT.
    """
    if not failed and not done:
        return
    with writing(store, _ROUNDS) as connection:
        named = {*failed, *done}
        few = [TRIAL.c.id.in_(sorted(named))] if len(named) <= _MANY else []
        erased = select(ACT.c.trial_id).where(ACT.c.kind == ERASED.name)
        known = set(connection.scalars(select(TRIAL.c.id).where(TRIAL.c.id.not_in(erased), *few))) & named
        few = [WORK.c.trial_id.in_(sorted(known))] if len(known) <= _MANY else []
        before = {row.trial_id: _work(row) for row in connection.execute(select(WORK).where(*few))}
        after = [_noted(before.get(trial, TrialWork(trial)), failed.get(trial), at) for trial in sorted(known)]
        rows = [_row(one) for one in after]
        new = [row for row in rows if row["trial_id"] not in before]
        old = [{f"_{name}": value for name, value in row.items()} for row in rows if row["trial_id"] in before]
        if new:
            connection.execute(insert(WORK), new)
        if old:
            connection.execute(_CHANGE, old)


def schedules(store: Store) -> dict[str, str]:
    """The schedule of each trial whose current plan names one. Plans are not checked here: an altered one is taken up, and
    found when its trial is worked on."""
    current = (PLAN.c.trial_id == TRIAL.c.id) & (PLAN.c.version == TRIAL.c.plan_version)
    named = PLAN.c.canonical.like('%"schedule":"%')
    with reading(store) as connection:
        found = connection.execute(select(TRIAL.c.id, PLAN.c.canonical).join(PLAN, current).where(named)).tuples().all()
    told = {trial: _schedule(canonical) for trial, canonical in found}
    return {trial: schedule for trial, schedule in told.items() if schedule is not None}


def _schedule(canonical: str) -> str | None:
    try:
        said = json.loads(canonical)["schedule"]
    except (ValueError, TypeError, KeyError):
        return None
    return said if isinstance(said, str) else None


def _noted(before: TrialWork, error: str | None, at: datetime) -> TrialWork:
    if error is None:
        return TrialWork(before.trial, done_at=at)
    wait = min(FIRST_WAIT * 2 ** min(before.failures, 20), LONGEST_WAIT)
    return TrialWork(before.trial, before.done_at, before.failures + 1, at, error, at + wait)


def _running(connection: Connection) -> list[Round]:
    return [_round(row) for row in connection.execute(select(ROUND).where(ROUND.c.state == "running"))]


def _covering(connection: Connection, scheduled_for: datetime, at: datetime) -> Round | None:
    """The newest round that did its work and began no earlier than that; one from a clock that was ahead says nothing."""
    whole = ROUND.c.state.in_(("completed", "with_failures"))
    began = ROUND.c.begun_at.between(scheduled_for, at)
    found = connection.execute(select(ROUND).where(whole, began).order_by(ROUND.c.id.desc()).limit(1)).first()
    return None if found is None else _round(found)


def _end(
    connection: Connection, number: int, at: datetime, state: State, counts: Counts | None, error: str | None
) -> None:
    told = {} if counts is None else {field.name: getattr(counts, field.name) for field in fields(Counts)}
    connection.execute(update(ROUND).where(ROUND.c.id == number).values(state=state, ended_at=at, error=error, **told))


def _round(row: Row[tuple[object, ...]]) -> Round:
    said = row._mapping
    counts = Counts(**{field.name: said[field.name] for field in fields(Counts)})
    own = {field.name: said[field.name] for field in fields(Round) if field.name != "counts"}
    return Round(**own, counts=counts)


def _work(row: Row[tuple[object, ...]]) -> TrialWork:
    said = row._mapping
    return TrialWork(said["trial_id"], **{name: said[name] for name in _OWN})


def _row(one: TrialWork) -> dict[str, object]:
    return {"trial_id": one.trial, **{name: getattr(one, name) for name in _OWN}}


_OWN = tuple(field.name for field in fields(TrialWork) if field.name != "trial")
_CHANGE = (
    update(WORK).where(WORK.c.trial_id == bindparam("_trial_id")).values({name: bindparam(f"_{name}") for name in _OWN})
)
