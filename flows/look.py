"""The flow that looks at trials as of now, without new rows: time alone may settle people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from prefect import flow

from flows import tasks, work
from flows.settings import Settings


@flow(name="look", persist_result=False)
def look(settings: Settings, trials: Sequence[str], as_of: datetime | None = None) -> list[work.Outcome]:
    """One look per trial; where nothing has changed since the last, that one is returned and nothing is written."""
    clock = tasks.clock_at(as_of, False)
    return [one for group in tasks.grouped(trials, settings.group) for one in tasks.take_looks(settings, group, clock)]
