"""The rounds of `roadtest serve`: `python -m flows.runner cron|minutes VALUE`. Registers the round with its schedule on
Prefect's server and runs its flow runs, one at a time, each in a process of its own; started by flows.beside.

A stop of days leaves the runs that were due meanwhile: the newest is kept and the others are cancelled, so that one round
catches up.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any
from uuid import UUID

from flows.beside import RUNNER, STOP_RUNNER
from flows.environment import must_answer
from flows.parts import FAULT, ends_with_its_parent
from flows.settings import Settings
from trials.errors import RoadtestError

POLL = 5.0  # seconds; a run is fetched 10 s before it is due, so its process is ready in time
STALE = "Nobody runs it any more: the process that did was ended. The next round does what it had left."
COVERED = "A later round does what this one was due for."


def main() -> None:
    """The process: its settings and Prefect's address are in the environment."""
    ends_with_its_parent(STOP_RUNNER)
    from flows.options import settings_for

    os.environ[RUNNER] = str(os.getpid())
    os.environ.setdefault("PREFECT_FLOWS_HEARTBEAT_FREQUENCY", "30")
    try:
        must_answer(os.environ.get("PREFECT_API_URL", ""))
        asyncio.run(go_on(settings_for(None), *sys.argv[1:]))
    except RoadtestError as error:
        print(f"roadtest: {error}", file=sys.stderr, flush=True)
        sys.exit(FAULT)


async def go_on(settings: Settings, kind: str, value: str) -> None:
    """Registers, tidies up what was left, and runs what is due until SIGTERM."""
    from prefect.client.orchestration import get_client
    from prefect.runner import Runner

    # One round at a time is kept by our own database too; here a second one waits for the first.
    runner = Runner(name="roadtest", limit=1, pause_on_shutdown=False, query_seconds=POLL)
    number = await runner.aadd_deployment(deployment_of(kind, value))
    stopping = _stopping(runner, number)
    runner.handle_sigterm = stopping  # type: ignore[method-assign]  # its own stops nothing while a loop runs
    async with get_client() as client:
        await give_up_stale(client, number)
        late = await keep_newest(client, number)
        if not late and left_undone(settings):
            await client.create_flow_run_from_deployment(number, name="catch-up")
    await runner.start()


def _stopping(runner: Any, deployment: UUID) -> Callable[..., None]:
    """On SIGTERM: the flow run that runs is cancelled, and the runner's loop ends."""
    loop, tasks = asyncio.get_running_loop(), set[asyncio.Task[None]]()

    def stop(*_: object) -> None:
        if runner.started and not tasks:
            loop.call_soon_threadsafe(lambda: tasks.add(loop.create_task(_end(runner, deployment))))

    return stop


async def _end(runner: Any, deployment: UUID) -> None:
    """Ends the runner. One that has come to its end keeps its state, though its process may not be gone yet."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.objects import StateType

    async with get_client() as client:
        if not await _runs(client, deployment, [StateType.PENDING, StateType.RUNNING]):
            runner.cancel_all = _nothing
        await runner.astop()


async def _nothing() -> None:
    """There is no flow run to cancel."""


def deployment_of(kind: str, value: str) -> Any:
    """The round's deployment: a cron expression in UTC, or every so many minutes."""
    from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
    from prefect.deployments.runner import RunnerDeployment
    from prefect.schedules import Cron, Interval
    from prefect.types.entrypoint import EntrypointType

    from flows.deployed import ALONE_SECONDS, TAGS, round_

    schedule = Cron(value, timezone="UTC") if kind == "cron" else Interval(float(value) * 60, timezone="UTC")
    alone = ConcurrencyLimitConfig(
        limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW, grace_period_seconds=ALONE_SECONDS
    )
    return RunnerDeployment.from_flow(
        round_,
        name=f"serve-{socket.gethostname()}",
        schedule=schedule,
        parameters={"scheduled": True},
        tags=TAGS,
        concurrency_limit=alone,
        version=version("roadtest"),
        version_type="prefect:simple",  # type: ignore[arg-type]  # else it asks git where it stands
        entrypoint_type=EntrypointType.MODULE_PATH,
        description="Everything that is due, on the schedule of `roadtest serve`.",
    )


async def give_up_stale(client: Any, deployment: UUID) -> None:
    """Runs that a killed runner left: nobody else runs this deployment, so they have no process any more."""
    from prefect.client.schemas.objects import StateType
    from prefect.states import Crashed

    begun = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
    for run in await _runs(client, deployment, begun):
        await client.set_flow_run_state(run.id, Crashed(message=STALE))


async def keep_newest(client: Any, deployment: UUID) -> bool:
    """Of the runs that are due since the stop, the newest is left and the others are cancelled; whether there is one."""
    from prefect.client.schemas.objects import StateType
    from prefect.states import Cancelled

    now = datetime.now(UTC)
    runs = await _runs(client, deployment, [StateType.SCHEDULED])
    late = sorted((run for run in runs if run.expected_start_time <= now), key=lambda run: run.expected_start_time)
    for run in late[:-1]:
        await client.set_flow_run_state(run.id, Cancelled(name="Covered", message=COVERED))
    return bool(late)


async def _runs(client: Any, deployment: UUID, states: list[Any]) -> list[Any]:
    """A deployment's runs in these states, however many."""
    from prefect.client.schemas.filters import (
        DeploymentFilter,
        DeploymentFilterId,
        FlowRunFilter,
        FlowRunFilterState,
        FlowRunFilterStateType,
    )
    from prefect.client.schemas.sorting import FlowRunSort

    found: list[Any] = []
    while True:
        page = await client.read_flow_runs(
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=states))),
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])),
            sort=FlowRunSort.ID_DESC,
            limit=200,
            offset=len(found),
        )
        found += page
        if len(page) < 200:
            return found


def left_undone(settings: Settings) -> bool:
    """Whether a round is wanted at once: there was none yet, or the last one did not come to its end. Says so of one whose
    process on this machine is gone, which nobody need wait for."""
    from flows.round import is_gone
    from flows.stores import store_of
    from trials.store import rounds

    store = store_of(settings)
    last = rounds.newest(store)
    if last is not None and last.state == "running" and is_gone(last):
        rounds.end(store, last.id, datetime.now(UTC), "interrupted", last.counts, "its process was ended")
        return True
    return last is None or last.state in ("interrupted", "failed")


if __name__ == "__main__":
    main()
