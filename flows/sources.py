"""Reading what the sources of a group of trials have, each within its time: one that hangs fails alone.

A source that hangs in a system call can't be stopped from outside, so each group is read in a thread of its own that is left
behind when it doesn't come back; it only reads, and ends with the process.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from flows import work
from flows.settings import Settings
from trials.store.engine import Store

Read = work.Pending | work.Outcome
LONGEST_WAIT = 300.0  # seconds between two tries within a round


def read_group(settings: Settings, store: Store, door: work.Door, trials: Sequence[str]) -> list[Read]:
    """What lies ready for each trial. A source that fails is tried again, each wait twice as long as the one before it;
    one that doesn't answer in time is not. What still fails is that trial's Outcome."""
    found: dict[str, Read] = {}
    left = list(trials)
    for attempt in range(settings.read_retries + 1):
        if attempt:
            time.sleep(min(settings.read_retry_seconds * 2 ** (attempt - 1), LONGEST_WAIT))
        ready = work.ahead_of(store, door, left)
        read, hung = within(partial(_one, store, ready), left, settings.read_timeout_seconds)
        found |= {**read, **{trial: _hung(trial, settings.read_timeout_seconds) for trial in hung}}
        left = [trial for trial, one in read.items() if isinstance(one, work.Outcome) and one.again]
        if not left:
            break
    return [found[trial] for trial in trials]


def within(read: Callable[[str], Read], trials: Sequence[str], seconds: float) -> tuple[dict[str, Read], list[str]]:
    """What `read` gives for each trial, one after the other, and the trials for which it took longer than so many seconds."""
    found: dict[str, Read] = {}
    hung: list[str] = []
    left = list(trials)
    while left:
        answers: queue.Queue[Read] = queue.Queue()
        threading.Thread(target=_read_all, args=(read, tuple(left), answers), name="sources", daemon=True).start()
        while left:
            try:
                found[left[0]] = answers.get(timeout=seconds)
            except queue.Empty:
                hung.append(left.pop(0))
                break  # the thread is stuck: another one reads the rest
            left.pop(0)
    return found, hung


def _read_all(read: Callable[[str], Read], trials: Sequence[str], answers: queue.Queue[Read]) -> None:
    for trial in trials:
        answers.put(read(trial))


def _one(store: Store, door: work.Door, trial: str) -> Read:
    return work.guarded(trial, lambda: work.read_pending(store, door, trial))


def _hung(trial: str, seconds: float) -> work.Outcome:
    error = f"the source did not answer within {seconds:g} s. Try again, or set ROADTEST_READ_TIMEOUT_SECONDS higher."
    return work.Outcome(trial, ok=False, error=error, again=True)
