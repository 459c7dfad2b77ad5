"""The Prefect tasks that the flows share. A task works on a group of trials, never on one: a task costs ten looks.

Idempotency is the ledger's, so a task that is retried or lost changes nothing twice; nothing is cached or persisted here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from expectations import docs
from flows import telemetry, work
from flows.byhand import door_of
from flows.overdue import note_attempts
from flows.settings import Settings
from flows.sources import read_group
from flows.stores import store_of
from trials.store import rounds
from trials.store.engine import Store
from trials.store.seeing import allowed, must_allow

LOST = (2, 15)  # seconds before a group that was lost as a whole is tried again


@task(
    name="work-on-trials",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=len(LOST),
    retry_delay_seconds=list(LOST),
)
def work_on_trials(settings: Settings, trials: Sequence[str], clock: work.Clock, look_too: bool) -> list[work.Outcome]:
    """A group's whole work, in whichever process: `work_on` with a database connection of its own."""
    store = store_of(settings)
    try:
        return work_on(settings, store, trials, clock, look_too=look_too)
    finally:
        store.close()


@task(name="take-looks", cache_policy=NO_CACHE, persist_result=False, retries=len(LOST), retry_delay_seconds=list(LOST))
def take_looks(settings: Settings, trials: Sequence[str], clock: work.Clock) -> list[work.Outcome]:
    """Looks at these trials as of now, without new rows."""
    store = store_of(settings)
    try:
        return work.look_all(store, trials, clock)
    finally:
        store.close()


def work_on(
    settings: Settings, store: Store, trials: Sequence[str], clock: work.Clock, *, look_too: bool
) -> list[work.Outcome]:
    """Reads, checks and records for these trials and keeps how that ended; look_too: looks at those that got no look by it.

    Nothing is read, noted or said of a trial for which the store's person may not collect: that is its Outcome.
    """
    door = door_of(settings)
    may = set(allowed(store, trials, "collect"))
    others = [trial for trial in trials if trial not in may]
    asked = [work.guarded(trial, lambda trial=trial: must_allow(store, trial, "collect")) for trial in others]  # type: ignore[misc]
    refused = [found for found in asked if isinstance(found, work.Outcome)]
    mine = [trial for trial in trials if trial in may]
    with telemetry.span("read", trials=len(mine)):
        found = read_group(settings, store, door, mine)
    pending = [one for one in found if isinstance(one, work.Pending)]
    ended = [one for one in found if isinstance(one, work.Outcome)] + work.collect(store, pending, clock, door)
    quiet = [one.trial for one in ended if one.ok and _brought_nothing(one)] if look_too else []
    with telemetry.span("look", trials=len(quiet)):
        looked = {one.trial: one for one in work.look_all(store, quiet, clock)}
    ended = [replace(looked.get(one.trial, one), receipts=one.receipts, checks=one.checks) for one in ended]
    note_attempts(store, ended, clock.now)
    failed = {one.trial: one.error or "the round failed" for one in ended if not one.ok}
    rounds.note(store, clock.now, failed=failed, done=[one.trial for one in ended if one.ok])
    return refused + ended


def _brought_nothing(outcome: work.Outcome) -> bool:
    """Whether no delivery gave the trial a look: none came, or each was refused or in already."""
    return all(receipt.refusal is not None or receipt.already_known for receipt in outcome.receipts)


def collect_trials(settings: Settings, trials: Sequence[str], clock: work.Clock) -> list[work.Outcome]:
    """Reads, checks and records for these trials, group by group, in this process; then the Data Docs."""
    outcomes: list[work.Outcome] = []
    for group in grouped(trials, settings.group):
        outcomes += work_on_trials(settings, group, clock, False)
    write_docs(settings, outcomes, clock)
    return outcomes


def grouped(trials: Sequence[str], size: int) -> list[list[str]]:
    """The trials in groups of so many."""
    return [list(trials[first : first + size]) for first in range(0, len(trials), size)]


def write_docs(settings: Settings, outcomes: Sequence[work.Outcome], clock: work.Clock) -> None:
    """The Data Docs of what was checked."""
    checked = [outcome.checks for outcome in outcomes if outcome.checks is not None]
    docs.build(settings.folder / "data-docs", checked, clock.now)


def clock_at(as_of: datetime | None, as_sent: bool) -> work.Clock:
    return work.Clock(as_of or work.utc_now(), as_sent)
