"""The flow that looks at trials as of now, without new rows: time alone may settle people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from prefect import flow

from flows import tasks, work
from flows.settings import Settings
from flows.stores import store_of


@flow(name="look", persist_result=False)
def look(settings: Settings, trials: Sequence[str], as_of: datetime | None = None) -> list[work.Outcome]:
    """One look per trial; where nothing has changed since the last, that one is returned and nothing is written."""
    return tasks.take_looks(store_of(settings), list(trials), tasks.clock_at(as_of, False))
