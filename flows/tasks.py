"""The Prefect tasks that the flows share. A task works on a group of trials, never on one: a task costs ten looks.

Idempotency is the ledger's, so a task that is retried or lost changes nothing twice; nothing is cached or persisted here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from expectations import docs
from flows import work
from flows.byhand import door_of
from flows.overdue import note_attempts
from flows.settings import Settings
from flows.stores import store_of
from trials.store.engine import Store
from trials.store.seeing import must_allow

GROUP = 100


@task(name="read-sources", cache_policy=NO_CACHE, persist_result=False)
def read_sources(
    store: Store, door: work.Door, trials: Sequence[str], retries: int, wait: float
) -> list[work.Pending | work.Outcome]:
    """Reads what lies ready for these trials; a source that still fails after the retries is that trial's Outcome."""
    return work.read_all(store, door, trials, retries, wait)


@task(name="check-and-record", cache_policy=NO_CACHE, persist_result=False, retries=1, retry_delay_seconds=2)
def check_and_record(
    store: Store, pending: Sequence[work.Pending], clock: work.Clock, door: work.Door
) -> list[work.Outcome]:
    """Checks the deliveries and records them, one transaction with one look for what a trial receives at one time."""
    return work.collect(store, pending, clock, door)


@task(name="take-looks", cache_policy=NO_CACHE, persist_result=False, retries=1, retry_delay_seconds=2)
def take_looks(store: Store, trials: Sequence[str], clock: work.Clock) -> list[work.Outcome]:
    """Looks at these trials as of now, without new rows."""
    return work.look_all(store, trials, clock)


def collect_trials(settings: Settings, trials: Sequence[str], clock: work.Clock) -> list[work.Outcome]:
    """Reads, checks and records for these trials, group by group. Retries and time-outs stand where a source is read.

    Nothing is read, noted or said of a trial for which the store's person may not collect: that is its Outcome.
    """
    store, door = store_of(settings), door_of(settings)
    asked = {trial: work.guarded(trial, lambda trial=trial: must_allow(store, trial, "collect")) for trial in trials}  # type: ignore[misc]
    outcomes = [refused for refused in asked.values() if isinstance(refused, work.Outcome)]
    mine = [trial for trial, refused in asked.items() if refused is None]
    for first in range(0, len(mine), GROUP):
        found = _read_in_time(settings, store, door, mine[first : first + GROUP])
        pending = [item for item in found if isinstance(item, work.Pending)]
        ended = [item for item in found if isinstance(item, work.Outcome)]
        if any(item.deliveries for item in pending):
            ended += check_and_record(store, pending, clock, door)
        else:
            ended += [work.done(store, item.protocol.trial) for item in pending]
        note_attempts(store, ended, clock.now)
        outcomes += ended
    checked = [outcome.checks for outcome in outcomes if outcome.checks is not None]
    docs.build(settings.folder / "data-docs", checked, clock.now)
    return outcomes


def _read_in_time(
    settings: Settings, store: Store, door: work.Door, trials: Sequence[str]
) -> list[work.Pending | work.Outcome]:
    """Reads a group within the time limit; when one source hangs, each trial by itself, so that it fails alone."""
    reading = read_sources.with_options(timeout_seconds=settings.read_timeout_seconds)
    try:
        return reading(store, door, trials, settings.read_retries, settings.read_retry_seconds)
    except TimeoutError:
        if len(trials) > 1:
            return [one for trial in trials for one in _read_in_time(settings, store, door, [trial])]
        error = (
            f"the source did not answer within {settings.read_timeout_seconds:g} s."
            " Try again, or set ROADTEST_READ_TIMEOUT_SECONDS higher."
        )
        return [work.Outcome(trials[0], ok=False, error=error, again=True)]


def clock_at(as_of: datetime | None, as_sent: bool) -> work.Clock:
    return work.Clock(as_of or work.utc_now(), as_sent)
