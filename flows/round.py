"""The round: everything that is due, in one flow run."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from prefect import flow, runtime
from prefect.states import Cancelled, Completed, Failed

from flows import alerts, artifacts, engines, events, tasks, telemetry, work
from flows.alerts_found import STOPPED
from flows.environment import stop_waiting
from flows.settings import Settings
from flows.stores import store_of
from trials.disclosure import about_numbers
from trials.due import is_due
from trials.errors import RoadtestError
from trials.store import rounds
from trials.store.engine import Store
from trials.store.measuring import Stood
from trials.store.seeing import allowed

BEAT_SECONDS = 15.0
MOST_NAMED = 20  # trials that failed, in the message of a run's state; its artifact has them all
log = logging.getLogger("roadtest")


class RoundRunsError(RoadtestError):
    """Another round is at work."""


@flow(name="round", persist_result=False)
def run_round(
    settings: Settings,
    trials: Sequence[str] | None = None,
    as_of: datetime | None = None,
    as_sent: bool = False,
    scheduled: bool = False,
    scheduled_for: datetime | None = None,
) -> Any:
    """Collects for the trials, then looks at those that nothing came for. Returns list[Outcome].

    trials None: all sealed ones for which the settings' person may collect; scheduled: those of them that are due
    (`trials.due`) and don't rest after a failure, unless a round that began later than this one was due has done it. A trial
    that failed leaves the others alone; the run then ends in the state CompletedWithFailures. scheduled_for: when a scheduled
    run was due; as Prefect says when it is not given.
    Raises RoundRunsError when another round is at work; a scheduled run ends as Cancelled instead.
    """
    telemetry.export()
    stop_waiting()
    store = store_of(settings)
    clock = tasks.clock_at(as_of, as_sent)
    if as_sent:  # history is loaded: nothing that a schedule knows of
        return _state(_work(settings, store, list(trials or ()), clock, look_too=False)[0])
    begun = _begin(store, (scheduled_for or runtime.flow_run.scheduled_start_time) if scheduled else None)
    if isinstance(begun, rounds.Skipped):
        return _skipped(begun, scheduled=scheduled)
    before = events.standing(store)
    log.info("round %s begins", begun.id)
    with _beating(store, begun.id):
        try:
            settings.require_key_folder()
            due = _due(store, clock.now, scheduled=scheduled) if trials is None else list(trials)
            with telemetry.span("round", trials=len(due)):
                outcomes, lost = _work(settings, store, due, clock, look_too=True)
                _end(store, begun, outcomes, lost, before)
        except Exception as error:
            sentence = _sentence(error)
            log.info("round %s failed: %s", begun.id, sentence)
            with suppress(RoadtestError):  # where nothing can be written, `roadtest status` says that it fell silent
                rounds.end(store, begun.id, work.utc_now(), "failed", rounds.Counts(), sentence)
            alerts.after_round(settings, store, work.utc_now())
            if isinstance(error, OSError):
                raise RoadtestError(sentence) from None
            raise
        except BaseException:  # it is told to stop: whoever asks for a round next need not wait
            log.info("round %s is told to stop", begun.id)
            with suppress(RoadtestError):
                rounds.end(store, begun.id, work.utc_now(), "interrupted", rounds.Counts(), STOPPED)
            raise
    alerts.after_round(settings, store, work.utc_now())
    return _state(outcomes, lost)


def _begin(store: Store, scheduled_for: datetime | None) -> rounds.Round | rounds.Skipped:
    return rounds.begin(
        store,
        work.utc_now(),
        host=socket.gethostname(),
        pid=os.getpid(),
        flow_run=str(runtime.flow_run.id or ""),
        scheduled_for=scheduled_for,
        gone=is_gone,
    )


def is_gone(one: rounds.Round) -> bool:
    """Whether a round was at work on this machine, and its process is no more."""
    if one.host != socket.gethostname():
        return False
    try:
        os.kill(one.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # somebody else's
    return False


def _skipped(found: rounds.Skipped, *, scheduled: bool) -> Any:
    one = found.by
    if found.reason == "covered":
        return Completed(name="Covered", message=f"round {one.id} began at {one.begun_at:%Y-%m-%d %H:%M} UTC", data=[])
    sentence = (
        f"round {one.id} is at work on {one.host} since {one.begun_at:%Y-%m-%d %H:%M:%S} UTC, must be over before another "
        "begins. Wait for it; one that was killed is given up after 90 seconds."
    )
    if scheduled:
        return Cancelled(message=sentence, data=[])
    raise RoundRunsError(sentence)


def _due(store: Store, at: datetime, *, scheduled: bool) -> list[str]:
    mine = allowed(store, work.sealed_trials(store), "collect")
    if not scheduled:
        return list(mine)
    done, schedules = rounds.work_of(store), rounds.schedules(store)
    known = {trial: done.get(trial, rounds.TrialWork(trial)) for trial in mine}
    return [
        trial
        for trial, one in known.items()
        if not one.rests(at) and (one.failures or is_due(schedules.get(trial), one.done_at, at))
    ]


def _work(
    settings: Settings, store: Store, trials: Sequence[str], clock: work.Clock, *, look_too: bool
) -> tuple[list[work.Outcome], int]:
    """Each trial's Outcome, and how many groups were lost whole, tries and all."""
    groups = tasks.grouped(trials, settings.group)
    outcomes: list[work.Outcome] = []
    lost = 0
    for group, found in zip(
        groups, engines.spread(settings, tasks.work_on_trials, groups, clock, look_too), strict=True
    ):
        if isinstance(found, BaseException):
            lost += 1
            outcomes += [work.Outcome(trial, ok=False, error=_sentence(found), again=True) for trial in group]
        else:
            outcomes += found
    tasks.write_docs(settings, outcomes, clock)
    return outcomes, lost


def _sentence(error: BaseException) -> str:
    if isinstance(error, RoadtestError):
        return str(error)
    log.error("a round failed", exc_info=error)
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        return f"the home can't be written: {error.strerror or error}{where}. Make room on its disk, or check its permissions."
    return f"{type(error).__name__} in Roadtest itself. See roadtest.log in the home."


@contextmanager
def _beating(store: Store, number: int) -> Iterator[None]:
    """Says every few seconds that the round is at work, whatever it waits for."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(BEAT_SECONDS):
            try:
                rounds.beat(store, number, work.utc_now())
            except RoadtestError as error:  # the next one may get through; without any the round counts as dead
                log.warning("round %s can't say that it is at work: %s", number, error)

    thread = threading.Thread(target=beat, name="beat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _end(
    store: Store, begun: rounds.Round, outcomes: Sequence[work.Outcome], lost: int, before: Mapping[str, Stood]
) -> None:
    """Keeps what the round came to, and tells Prefect."""
    counts = counted(outcomes, before, events.crossed(store, outcomes, before))
    state: rounds.State = "with_failures" if counts.failed else "completed"
    error = None
    if lost and not counts.done:
        state, error = "failed", next(outcome.error for outcome in outcomes if not outcome.ok)
    with telemetry.span("report", trials=len(outcomes)):
        artifacts.round_artifacts(store, begun, outcomes, before)
    rounds.end(store, begun.id, work.utc_now(), state, counts, error)
    log.info(
        "round %s is done: %s of %s trials, %s deliveries, %s of them refused, %s looks",
        *(begun.id, counts.done, counts.due, counts.deliveries, counts.refused, counts.looks),
    )


def counted(
    outcomes: Sequence[work.Outcome], before: Mapping[str, Stood], crossed: Sequence[events.Crossing]
) -> rounds.Counts:
    """What a round came to. before: the looks that stood when it began."""
    receipts = [receipt for outcome in outcomes for receipt in outcome.receipts]
    looks = {outcome.trial: outcome.look.number for outcome in outcomes if outcome.look is not None}
    known = {trial: before[trial].look for trial in looks if trial in before}
    failed = sum(not outcome.ok for outcome in outcomes)
    return rounds.Counts(
        due=len(outcomes),
        done=len(outcomes) - failed,
        failed=failed,
        deliveries=len(receipts),
        accepted=sum(receipt.accepted for receipt in receipts),
        quarantined=sum(receipt.quarantined for receipt in receipts),
        refused=sum(receipt.refusal is not None for receipt in receipts),
        looks=sum(number > known.get(trial, 0) for trial, number in looks.items()),
        crossed=len({one.trial for one in crossed if not one.again}),  # a second claim tells which it was
    )


def _state(outcomes: list[work.Outcome], lost: int = 0) -> Any:
    failures = [outcome for outcome in outcomes if not outcome.ok]
    if not failures:
        return outcomes
    named = [f"{outcome.trial}: {about_numbers(str(outcome.error))}" for outcome in failures[:MOST_NAMED]]
    message = "; ".join([*named, *([f"and {len(failures) - MOST_NAMED} trials more"] if failures[MOST_NAMED:] else [])])
    if lost and len(failures) == len(outcomes):
        return Failed(message=message)
    return Completed(name="CompletedWithFailures", message=message, data=outcomes)
