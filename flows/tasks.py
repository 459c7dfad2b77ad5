"""The Prefect tasks that the flows share. A task works on a group of trials, never on one: a task costs ten looks.

Idempotency is the ledger's, so a task that is retried or lost changes nothing twice; nothing is cached or persisted here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from flows import work
from flows.settings import Settings
from trials.store.engine import Store, open_store

GROUP = 100


@task(name="read-sources", cache_policy=NO_CACHE, persist_result=False)
def read_sources(store: Store, home: Path, trials: Sequence[str]) -> list[work.Pending | work.Outcome]:
    """Reads what lies ready for these trials; a source that fails is that trial's Outcome."""
    return work.read_all(store, home, trials)


@task(name="check-and-record", cache_policy=NO_CACHE, persist_result=False, retries=1, retry_delay_seconds=2)
def check_and_record(store: Store, pending: Sequence[work.Pending], clock: work.Clock) -> list[work.Outcome]:
    """Checks the deliveries and records each with its look, one transaction per delivery."""
    return work.collect(store, pending, clock)


@task(name="take-looks", cache_policy=NO_CACHE, persist_result=False, retries=1, retry_delay_seconds=2)
def take_looks(store: Store, trials: Sequence[str], clock: work.Clock) -> list[work.Outcome]:
    """Looks at these trials as of now, without new rows."""
    return work.look_all(store, trials, clock)


def collect_trials(settings: Settings, trials: Sequence[str], clock: work.Clock) -> list[work.Outcome]:
    """Reads, checks and records for these trials, group by group. Retries and time-outs stand where a source is read."""
    store = open_store(settings.url)
    outcomes: list[work.Outcome] = []
    reading = read_sources.with_options(
        retries=settings.read_retries,
        retry_delay_seconds=settings.read_retry_seconds,
        timeout_seconds=settings.read_timeout_seconds,
    )
    for first in range(0, len(trials), GROUP):
        found = reading(store, settings.folder, trials[first : first + GROUP])
        outcomes += [item for item in found if isinstance(item, work.Outcome)]
        pending = [item for item in found if isinstance(item, work.Pending)]
        if any(item.deliveries for item in pending):
            outcomes += check_and_record(store, pending, clock)
        else:
            outcomes += [work.Outcome(item.protocol.trial, ok=True) for item in pending]
    return outcomes


def clock_at(as_of: datetime | None, as_sent: bool) -> work.Clock:
    return work.Clock(as_of or work.utc_now(), as_sent)
