"""Where a round's groups of trials are worked on: one after the other here, or by Dask, in processes of this machine or of as
many as there are. Prefect's task runners do it; a group's outcomes are the same wherever it was worked on, because its clock is
handed to it and each trial's facts rest on that trial alone.

The machines of a Dask cluster need the same database (PostgreSQL), home (sources, keys) and version of Roadtest.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from flows.reaching import HERE, shown
from flows.settings import Settings
from trials.errors import RoadtestError

F = TypeVar("F", bound=Callable[..., Any])
Item = TypeVar("Item")
Found = TypeVar("Found")
_PATIENCE = 5.0  # seconds for a scheduler to answer


def on_engine(flow: F, settings: Settings) -> F:
    """The flow with the task runner that the settings ask for. Raises RoadtestError when it is not installed."""
    if settings.engine == "here":
        return flow
    made: F = flow.with_options(task_runner=_dask(settings))  # type: ignore[attr-defined]
    return made


def spread(settings: Settings, task: Any, groups: Sequence[Any], *args: Any) -> list[Any]:
    """Inside a flow: what the task gives for each group, in their order; an exception in place of a group that was lost."""
    if settings.engine == "here":
        states = [task(settings, group, *args, return_state=True) for group in groups]
    else:
        with _server_of_this_process():
            futures = [task.submit(settings, group, *args) for group in groups]
        states = [future.wait() or future.state for future in futures]
    return [state.result(raise_on_failure=False, _sync=True) for state in states]


def _server_of_this_process() -> AbstractContextManager[None]:
    """What is sent to Dask's workers carries the address of the Prefect server that this flow asks. Without it each worker
    would start an embedded server of its own, and all of them would fight over one database."""
    from prefect.context import SyncClientContext
    from prefect.settings import PREFECT_API_URL, temporary_settings

    found = SyncClientContext.get()
    if PREFECT_API_URL.value() or found is None:
        return nullcontext()
    return cast(
        "AbstractContextManager[None]", temporary_settings({PREFECT_API_URL: str(found.client.api_url).rstrip("/")})
    )


def mapped(settings: Settings, work: Callable[[Item], Found], items: Sequence[Item]) -> list[Found]:
    """What a pure function gives for each item, in their order, without Prefect: for simulations. work and items must bear
    being sent to another process. Raises what it raises, and RoadtestError when Dask is not installed."""
    if settings.engine == "here":
        return [work(item) for item in items]
    _must_have_dask()
    _must_answer(settings.dask_address)
    from distributed import Client

    where = settings.dask_address or None
    with Client(where, dashboard_address="127.0.0.1:0") as client:  # type: ignore[no-untyped-call]
        found: list[Found] = client.gather(client.map(work, items, pure=False))
        return found


def _dask(settings: Settings) -> Any:
    _must_have_dask()
    _must_answer(settings.dask_address)
    _must_reach_prefect(settings.dask_address)
    from prefect_dask.task_runners import DaskTaskRunner

    _log_of_dask()
    local = {"dashboard_address": "127.0.0.1:0", "threads_per_worker": 1}
    if settings.dask_address:
        return DaskTaskRunner(address=settings.dask_address)
    return DaskTaskRunner(cluster_kwargs=local)


def _log_of_dask() -> None:
    """What Dask says of its workers, tracebacks of those told to stop among it, goes to the home's log: what became of
    a group is an Outcome, and a person is told that."""
    ours, dasks = logging.getLogger("roadtest").handlers, logging.getLogger("distributed")
    if ours:
        dasks.handlers, dasks.propagate = list(ours), False
        dasks.setLevel(logging.WARNING)


def _must_answer(address: str) -> None:
    """Raises RoadtestError when nothing listens where the scheduler should be."""
    if not address:
        return
    try:
        found = urlsplit(address)
        with socket.create_connection((found.hostname or "", found.port or 8786), timeout=_PATIENCE):
            return
    except (OSError, ValueError) as error:
        raise RoadtestError(
            f"dask_address == '{shown(address)}', must be a Dask scheduler that answers ({error}). Start it, mend "
            "ROADTEST_DASK_ADDRESS, or set ROADTEST_ENGINE to here."
        ) from None


def _must_reach_prefect(address: str) -> None:
    """Raises RoadtestError when a cluster of other machines would be given the embedded server, which they can't reach."""
    if address and urlsplit(address).hostname not in HERE and not os.environ.get("PREFECT_API_URL"):
        raise RoadtestError(
            f"PREFECT_API_URL == '', must name a Prefect server that the Dask cluster at '{shown(address)}' reaches: the "
            "embedded one is for this machine alone. Set it, or empty ROADTEST_DASK_ADDRESS."
        )


def _must_have_dask() -> None:
    if find_spec("prefect_dask") is None:
        raise RoadtestError(
            "engine == 'dask', must be installed. Run: pip install 'roadtest[dask]', or set ROADTEST_ENGINE to here."
        )
