"""What the runner of `roadtest serve` looks after: rounds that were killed, and runs that piled up while the machine slept."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from flows import alerts_found, runner
from flows.alerts_found import STOPPED
from flows.settings import Settings
from tests.flows.making import Desk
from trials.errors import StoreError
from trials.store import alerts, rounds


@dataclass
class Server:
    """Prefect's, as far as the runner asks it."""

    runs: list[Any] = field(default_factory=list)
    made: int = 0

    async def read_flow_runs(self, *, flow_run_filter: Any, **_: Any) -> list[Any]:
        wanted = {one.value for one in flow_run_filter.state.type.any_}
        return [run for run in self.runs if run.state in wanted]

    async def create_flow_run_from_deployment(self, *_: Any, name: str) -> None:
        assert name == "catch-up"
        self.made += 1

    async def set_flow_run_state(self, number: Any, state: Any) -> None:
        (run,) = (one for one in self.runs if one.id == number)
        run.state = state.name


def a_run(state: str, ago: float = 0.0) -> Any:
    return SimpleNamespace(id=uuid4(), state=state, expected_start_time=datetime.now(UTC) - timedelta(minutes=ago))


@pytest.fixture(scope="module")
def gone() -> int:
    """A process that was."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


@pytest.fixture
def watch(desk: Desk) -> runner.Watch:
    made = runner.Watch(Settings(home=desk.home), desk.store)
    made.deployment = uuid4()
    return made


def at_work(desk: Desk, pid: int) -> int:
    begun = rounds.begin(desk.store, datetime.now(UTC), host=socket.gethostname(), pid=pid)
    assert isinstance(begun, rounds.Round)
    return begun.id


def turn(watch: runner.Watch, server: Server) -> None:
    async def turned() -> None:
        await watch.turn(server)
        await asyncio.gather(*watch._telling)

    asyncio.run(turned())


def states(desk: Desk) -> list[str]:
    return [one.state for one in rounds.listed(desk.store)]


def test_a_killed_round_is_said_and_made_good_once(
    desk: Desk, watch: runner.Watch, gone: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is interrupted and a sentence says so; one run is made, as soon as Prefect knows that the killed one is over."""
    number, server = at_work(desk, gone), Server([a_run("RUNNING")])
    turn(watch, server)
    assert (states(desk), server.made) == (["interrupted"], 0)
    said = capsys.readouterr().err
    assert said.startswith(f"roadtest: round {number} was interrupted: its process was ended")
    assert said.count("\n") == 1
    server.runs[0].state = "CRASHED"
    for _ in range(3):
        turn(watch, server)
    assert (server.made, capsys.readouterr().err) == (1, "")


def test_a_round_that_is_due_anyway_makes_it_good(desk: Desk, watch: runner.Watch, gone: int) -> None:
    """No run is made beside one that lies there, nor once another round has begun."""
    at_work(desk, gone)
    server = Server([a_run("SCHEDULED", ago=1)])
    turn(watch, server)
    assert server.made == 0
    with_other = Server([a_run("RUNNING")])
    rounds.end(desk.store, at_work(desk, gone), datetime.now(UTC), "completed", rounds.Counts())
    at_work(desk, gone)
    turn(watch, with_other)
    rounds.end(desk.store, at_work(desk, 1), datetime.now(UTC), "completed", rounds.Counts())
    with_other.runs.clear()
    turn(watch, with_other)
    assert with_other.made == 0


def test_rounds_that_are_killed_again_and_again_wait_for_the_schedule(
    desk: Desk, watch: runner.Watch, gone: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second in a row makes no run, and the alert that no round's end will raise is raised at once. A round that somebody
    stopped counts for nothing, and one that completed begins the count anew."""
    server = Server()
    rounds.end(desk.store, at_work(desk, gone), datetime.now(UTC), "interrupted", rounds.Counts(), STOPPED)
    at_work(desk, gone)
    turn(watch, server)
    assert server.made == 1
    assert alerts.standing(desk.store) == []
    at_work(desk, gone)
    turn(watch, server)
    assert server.made == 1
    assert "the next one on the schedule does what they left" in capsys.readouterr().err
    assert [(one.kind, one.about) for one in alerts.standing(desk.store)] == [("round", "interrupted")]
    rounds.end(desk.store, at_work(desk, gone), datetime.now(UTC), "completed", rounds.Counts())
    at_work(desk, gone)
    turn(watch, server)
    assert server.made == 2


def test_a_round_that_works_is_left_alone(desk: Desk, watch: runner.Watch) -> None:
    """While its process lives, or where it is another machine's."""
    server = Server()
    at_work(desk, os.getpid())
    turn(watch, server)
    rounds.end(desk.store, 1, datetime.now(UTC), "completed", rounds.Counts())
    rounds.begin(desk.store, datetime.now(UTC), host="elsewhere", pid=1)
    turn(watch, server)
    assert (states(desk), server.made) == (["running", "completed"], 0)


def test_after_a_sleep_the_newest_run_is_kept(desk: Desk, watch: runner.Watch) -> None:
    """Of those that piled up the others end as Covered before any is fetched; without a sleep nothing is touched."""
    server = Server([a_run("SCHEDULED", ago) for ago in (3, 2, 1)] + [a_run("SCHEDULED", ago=-60)])
    turn(watch, server)
    assert [one.state for one in server.runs] == ["SCHEDULED"] * 4
    watch._turned -= timedelta(hours=8)
    turn(watch, server)
    assert [one.state for one in server.runs] == ["Covered", "Covered", "SCHEDULED", "SCHEDULED"]


def test_a_database_that_is_away_is_said_once(
    watch: runner.Watch, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The runner goes on; once it was back, the next time is said again."""

    def away(*_: Any) -> list[int]:
        raise StoreError("the database is away.")

    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(runner, "note_killed", away)
            turn(watch, Server())
            turn(watch, Server())
        turn(watch, Server())
    assert capsys.readouterr().err == "roadtest: the database is away.\n" * 2


def test_a_round_is_wanted_at_the_start(desk: Desk, gone: int) -> None:
    """When there was none, the last one failed, was killed or fell silent; not when it completed or works."""
    assert runner.left_undone(desk.store)
    first = at_work(desk, gone)
    assert runner.left_undone(desk.store)
    assert states(desk) == ["interrupted"]
    rounds.end(desk.store, first, datetime.now(UTC), "completed", rounds.Counts())
    assert not runner.left_undone(desk.store)
    there = rounds.begin(desk.store, datetime.now(UTC), host="elsewhere", pid=1)
    assert isinstance(there, rounds.Round)
    assert not runner.left_undone(desk.store)
    rounds.beat(desk.store, there.id, datetime.now(UTC) - rounds.SILENT - timedelta(seconds=1))
    assert runner.left_undone(desk.store)


def found(desk: Desk, now: datetime) -> list[tuple[str, str]]:
    return [
        (one.about, one.severity)
        for one in alerts_found.found_now(desk.store, now, schedule="", round_grace=timedelta(1)).findings
        if one.kind == "round"
    ]


def test_a_round_that_was_cut_off_is_told_at_least_once(desk: Desk) -> None:
    """While it says nothing, while it is the newest, and by the first round after it, which may be the first to look; it is
    over when another has ended. One that somebody stopped and that was made good is no news."""
    now = datetime.now(UTC)
    first = rounds.begin(desk.store, now, host="elsewhere", pid=1)
    assert isinstance(first, rounds.Round)
    assert found(desk, now) == []
    now += rounds.SILENT + timedelta(seconds=1)
    assert found(desk, now) == [("interrupted", "act")]
    second = rounds.begin(desk.store, now, host="elsewhere", pid=2)
    assert isinstance(second, rounds.Round)
    assert found(desk, now) == [("interrupted", "act")]
    rounds.end(desk.store, second.id, now, "completed", rounds.Counts())
    assert found(desk, now) == [("interrupted", "look")]
    rounds.end(desk.store, first.id, now, "interrupted", rounds.Counts(), STOPPED)
    assert found(desk, now) == []
    rounds.end(desk.store, first.id, now, "interrupted", rounds.Counts(), "its process was ended")
    third = rounds.begin(desk.store, now, host="elsewhere", pid=3)
    assert isinstance(third, rounds.Round)
    assert found(desk, now) == [("interrupted", "look")]
    rounds.end(desk.store, third.id, now, "failed", rounds.Counts(), "the disk is full.")
    assert found(desk, now) == [("failed", "act")]
