"""The round: everything that is due, in one flow run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from prefect import flow
from prefect.states import Completed

from flows import tasks, work
from flows.settings import Settings
from flows.stores import store_of
from trials.store.seeing import allowed


@flow(name="round", persist_result=False)
def run_round(
    settings: Settings, trials: Sequence[str] | None = None, as_of: datetime | None = None, as_sent: bool = False
) -> Any:
    """Collects for all sealed trials (or these), then looks at those that nothing came for. Returns list[Outcome].

    All are those for which the settings' person may collect. A trial that failed leaves the others alone; the run then
    ends in the state CompletedWithFailures.
    """
    store = store_of(settings)
    due = allowed(store, work.sealed_trials(store), "collect") if trials is None else list(trials)
    clock = tasks.clock_at(as_of, as_sent)
    outcomes = tasks.collect_trials(settings, due, clock)
    quiet = [outcome.trial for outcome in outcomes if outcome.ok and not outcome.receipts]
    if quiet and not as_sent:
        looked = {outcome.trial: outcome for outcome in tasks.take_looks(store, quiet, clock)}
        outcomes = [looked.get(outcome.trial, outcome) for outcome in outcomes]
    failures = [outcome for outcome in outcomes if not outcome.ok]
    if not failures:
        return outcomes
    message = "; ".join(f"{outcome.trial}: {outcome.error}" for outcome in failures)
    return Completed(name="CompletedWithFailures", message=message, data=outcomes)
