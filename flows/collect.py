"""The flow that fetches what a source has, checks it, records it and looks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from prefect import flow

from flows import tasks, work
from flows.settings import Settings


@flow(name="collect", persist_result=False)
def collect(
    settings: Settings, trials: Sequence[str], as_of: datetime | None = None, as_sent: bool = False
) -> list[work.Outcome]:
    """Collects for these trials; each delivery is recorded with the look after it. One failing trial fails alone."""
    return tasks.collect_trials(settings, list(trials), tasks.clock_at(as_of, as_sent))
