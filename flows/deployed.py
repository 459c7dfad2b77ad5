"""The flows as deployments run them: their settings are the environment's, their parameters plain and never secret.

Prefect keeps parameters in its database and shows them; the database's address and passwords stay in the environment of
whoever runs the flow (a worker's, a container's, that of `roadtest serve`).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from prefect import flow, runtime

from flows import managing
from flows import work as working
from flows.alerts_flow import run_alerts
from flows.beside import RUNNER
from flows.collect import collect as collect_flow
from flows.engines import on_engine
from flows.look import look as look_flow
from flows.options import settings_for
from flows.round import run_round
from flows.settings import Settings
from flows.stores import store_of

_ENDS_WITHIN = 3.0
_EARLY = 10.0  # seconds


def in_this_process(act: Callable[..., Any]) -> Callable[..., Any]:
    """A flow that runs for `roadtest serve` ends when the runner that started it is gone: nobody else would end it."""

    @wraps(act)
    def acting(*args: Any, **options: Any) -> Any:
        _end_with_the_runner()
        return act(*args, **options)

    return acting


def _end_with_the_runner() -> None:
    runner = os.environ.get(RUNNER)
    if runner is None:
        return

    def watch() -> None:
        while os.getppid() == int(runner):
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_ENDS_WITHIN)
        os._exit(1)

    threading.Thread(target=watch, name="runner", daemon=True).start()


def _wait_until_due() -> None:
    """Prefect starts a run up to a second early, when the trials whose schedule is the same are not due yet."""
    due = runtime.flow_run.scheduled_start_time
    if due is not None:
        time.sleep(min(max((due - working.utc_now()).total_seconds(), 0.0), _EARLY))


def _settings(group: int | None = None) -> Settings:
    return settings_for(None, group=group)


def _tell(outcomes: Any) -> None:
    """The sentences to act on, for the log of `roadtest serve` and a worker's output."""
    for outcome in outcomes if isinstance(outcomes, list) else ():
        if isinstance(outcome, working.Outcome) and not outcome.ok:
            print(f"roadtest: {outcome.trial}: {outcome.error}", file=sys.stderr, flush=True)


@flow(name="round", persist_result=False)
@in_this_process
def round_(trials: list[str] | None = None, group: int | None = None, scheduled: bool = False) -> Any:
    """Everything that is due, or these trials. group: trials of one task. scheduled: a run that a later one covers does
    nothing, because one round does all that is due."""
    if scheduled:
        _wait_until_due()
    settings = _settings(group)
    if settings.engine == "here":
        found = run_round.fn(settings, trials=trials, scheduled=scheduled)
    else:  # a run of its own, because a flow's task runner can't be chosen any more once it runs
        due = runtime.flow_run.scheduled_start_time
        found = on_engine(run_round, settings)(
            settings, trials=trials, scheduled=scheduled, scheduled_for=due, return_state=True
        )
    _tell(getattr(found, "data", found))
    return found


@flow(name="collect", persist_result=False)
@in_this_process
def collect(trials: list[str] | None = None) -> Any:
    """Collects for these trials, or for all sealed ones."""
    settings = _settings()
    found = collect_flow.fn(settings, working.sealed_trials(store_of(settings)) if trials is None else trials)
    _tell(found)
    return found


@flow(name="look", persist_result=False)
@in_this_process
def look(trials: list[str] | None = None) -> Any:
    """Looks at these trials, or at all sealed ones, as of now."""
    settings = _settings()
    found = look_flow.fn(settings, working.sealed_trials(store_of(settings)) if trials is None else trials)
    _tell(found)
    return found


@flow(name="rules", persist_result=False)
@in_this_process
def rules(trials: list[str] | None = None) -> Any:
    """What the stopping rules of these trials, or of all sealed ones, find."""
    return managing.rules.fn(_settings(), trials)


@flow(name="reports", persist_result=False)
@in_this_process
def reports(trials: list[str] | None = None) -> Any:
    """Writes the reports of these trials, or of all sealed ones, into the home."""
    return [str(path) for path in managing.reports.fn(_settings(), trials)]


@dataclass(frozen=True)
class Planned:
    """A deployment: of which flow, by which name, with which parameters. scheduled: by the round's cron. alone: one run at a
    time, a second one is cancelled."""

    flow: Any
    name: str
    parameters: dict[str, Any]
    description: str
    scheduled: bool = False
    alone: bool = False


ALONE_SECONDS = 120  # how long a place is kept for a run that says nothing
TAGS = ["roadtest"]


def planned() -> list[Planned]:
    """What `roadtest deploy` puts on a shared server."""
    return [
        Planned(round_, "round", {"scheduled": True}, "Everything that is due, on schedule.", True, True),
        Planned(round_, "round-now", {}, "Everything that is due, or named trials, now."),
        Planned(collect, "collect", {}, "Collects for all sealed trials, or named ones, now."),
        Planned(look, "look", {}, "Looks at all sealed trials, or named ones, as of now."),
        Planned(rules, "rules", {}, "What the stopping rules find."),
        Planned(run_alerts, "alerts", {}, "Raises, clears and tells alerts, also when no round runs."),
        Planned(reports, "reports", {}, "Writes the one-page reports."),
    ]
