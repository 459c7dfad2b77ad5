"""The rounds of `roadtest serve`: `python -m flows.runner cron|minutes VALUE`. Registers the round with its schedule on
Prefect's server and runs its flow runs, one at a time, each in a process of its own; started by flows.beside.

A stop of days, or a machine that slept, leaves the runs that were due meanwhile: the newest is kept and the others are
cancelled, so that one round catches up. A round whose process was killed is noticed within seconds: it is marked as
interrupted, said, and made good by a round at once; when that one is killed too, the schedule's next one is waited for.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from itertools import takewhile
from typing import TYPE_CHECKING, Any
from uuid import UUID

from flows.beside import RUNNER, STOP_RUNNER
from flows.environment import must_answer
from flows.parts import FAULT, ends_with_its_parent
from flows.settings import Settings
from trials.errors import RoadtestError

if TYPE_CHECKING:
    from trials.store.engine import Store

POLL = 5.0  # seconds; a run is fetched 10 s before it is due, so its process is ready in time
STALE = "Nobody runs it any more: the process that did was ended. The next round does what it had left."
COVERED = "A later round does what this one was due for."
SLEPT = timedelta(minutes=1)  # between two polls: the machine slept, or its clock was set forward
IN_A_ROW = (
    2  # rounds that were killed, one after the other: nothing is done at once any more, the schedule's next one is
)
ENDED = "its process was ended"


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

    from flows.stores import store_of

    watch = Watch(settings, store_of(settings))
    runner = runner_that(watch.turn)
    watch.deployment = number = await runner.aadd_deployment(deployment_of(kind, value))
    stopping = _stopping(runner, number)
    runner.handle_sigterm = stopping  # its own stops nothing while a loop runs
    async with get_client() as client:
        await give_up_stale(client, number)
        late = await keep_newest(client, number)
        if not late and left_undone(watch.store):
            await client.create_flow_run_from_deployment(number, name="catch-up")
    await runner.start()


def runner_that(acts: Callable[[Any], Awaitable[None]]) -> Any:
    """Prefect's runner, which does something with its client before each time that it fetches what is due: then nothing that it
    fetched can be changed behind its back."""
    from prefect.runner import Runner

    class Acting(Runner):
        async def __aenter__(self) -> Any:
            entered = await super().__aenter__()
            client, fetch = self._client, self._client.get_scheduled_flow_runs_for_deployments

            async def fetched(*args: Any, **options: Any) -> Any:
                await acts(client)
                return await fetch(*args, **options)

            client.get_scheduled_flow_runs_for_deployments = fetched  # type: ignore[method-assign]
            return entered

    # One round at a time is kept by our own database too; here a second one waits for the first.
    return Acting(name="roadtest", limit=1, pause_on_shutdown=False, query_seconds=POLL)


class Watch:
    """What the runner looks after every few seconds: runs that piled up while the machine slept, and a round that was killed.

    deployment: Prefect's number of it, once it is registered.
    """

    deployment: UUID

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings, self.store = settings, store
        self._turned = datetime.now(UTC)
        self._owed: int | None = None  # the round that was killed, until another does what it left
        self._fault = ""  # of our database, said once
        self._telling: set[asyncio.Task[Any]] = set()

    async def turn(self, client: Any) -> None:
        """Before the runner fetches what is due. A database that is away is said once, and asked again next time."""
        now = datetime.now(UTC)
        slept, self._turned = now - self._turned > SLEPT, now
        if slept:
            await keep_newest(client, self.deployment)
        try:
            killed = await asyncio.to_thread(note_killed, self.store, now)
            if killed:
                await self._say_killed(killed, now)
            if self._owed is not None:
                await self._catch_up(client)
            self._fault = ""
        except RoadtestError as error:
            if str(error) != self._fault:
                _say(str(error))
            self._fault = str(error)

    async def _say_killed(self, killed: list[int], now: datetime) -> None:
        from flows import alerts

        said = f"round {killed[0]} was interrupted: {ENDED} (out of memory, or killed)"
        if len(killed) < IN_A_ROW:
            self._owed = killed[0]
            _say(f"{said}. Another one does at once what it left.")
            return
        self._owed = None
        _say(f"{said}, and so was the one before it: the next one on the schedule does what they left.")
        # No round ends that would tell. In a thread, and not waited for: a channel may take its time.
        telling = asyncio.create_task(asyncio.to_thread(alerts.after_round, self.settings, self.store, now))
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)

    async def _catch_up(self, client: Any) -> None:
        """One run, once Prefect knows that the killed one is over: until then it holds the deployment's one place."""
        from prefect.client.schemas.objects import StateType

        from trials.store import rounds

        newest = await asyncio.to_thread(rounds.newest, self.store)
        if newest is None or newest.id != self._owed:  # one that was due has begun meanwhile
            self._owed = None
            return
        begun = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
        if not await _runs(client, self.deployment, begun):
            if not await keep_newest(client, self.deployment):
                await client.create_flow_run_from_deployment(self.deployment, name="catch-up")
            self._owed = None


def _say(sentence: str) -> None:
    """For the log, and the terminal of whoever serves."""
    print(f"roadtest: {sentence}", file=sys.stderr, flush=True)


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


def note_killed(store: Store, at: datetime) -> list[int]:
    """Marks the round that runs as interrupted where its process on this machine is gone. That one and those before it that
    were killed too, the newest first; empty where none was."""
    from flows.alerts_found import STOPPED
    from flows.round import is_gone
    from trials.store import rounds

    last = rounds.newest(store)
    if last is None or last.state != "running" or not is_gone(last):
        return []
    rounds.end(store, last.id, at, "interrupted", last.counts, ENDED)
    found = rounds.listed(store, IN_A_ROW)
    return [one.id for one in takewhile(lambda one: one.state == "interrupted" and one.error != STOPPED, found)]


def left_undone(store: Store) -> bool:
    """Whether a round is wanted when the runner starts: there was none yet, or the last one did not come to its end. Says so of
    one whose process on this machine is gone, which nobody need wait for."""
    from trials.store import rounds

    now = datetime.now(UTC)
    if killed := note_killed(store, now):
        _say(f"round {killed[0]} was interrupted: {ENDED}. Another one does at once what it left.")
        return True
    last = rounds.newest(store)
    if last is None or last.state in ("interrupted", "failed"):
        return True
    return last.state == "running" and abs(now - last.beat_at) > rounds.SILENT


if __name__ == "__main__":
    main()
