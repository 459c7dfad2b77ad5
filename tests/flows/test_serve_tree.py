"""`roadtest serve` for real: rounds run on schedule, what dies comes back, and nothing is left when it ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows import workers
from flows.beside import only_one
from flows.reaching import found_server
from flows.settings import Settings
from tests.flows.making import Desk, people, plan
from tests.flows.receiving import Receiver, receiving
from tests.flows.trees import free_port, of_home, part, started, until
from trials.errors import RoadtestError
from trials.store import reading, rounds
from trials.store.engine import open_store

pytestmark = pytest.mark.timeout(600)

PARTS = ("beside", "prefect_server", "runner")
EVERY = "0.1"  # minutes


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A home with a sealed trial, for which ten people have come."""
    home = tmp_path_factory.mktemp("tree")
    store = open_store(f"sqlite:///{home / 'roadtest.db'}")
    desk = Desk(store, home)
    desk.sent(desk.sealed(plan()), {"2024-03-01.csv": people(1, 10)})
    yield desk
    store.close()


def serve(home: Path, *words: str, **more: str):  # type: ignore[no-untyped-def]
    return started(home, "flows.cli", "serve", "--port", str(free_port()), *words, **more)


STEPS = {"round", "read", "check", "record", "look", "report"}


def traces(found: Receiver) -> list[set[str]]:
    """The steps of each trace that a collector was told of."""
    steps = defaultdict(set)
    for _, _, span in found.spans():
        steps[span.trace_id].add(span.name.removeprefix("roadtest."))
    return list(steps.values())


def told_no_more_than_steps(found: Receiver) -> None:
    """A round's steps came as spans of one trace, and as a metric; nothing of Prefect's, whose spans tell what errors say,
    nor of the trial and its people."""
    assert {(service, scope) for service, scope, _ in found.spans()} == {("roadtest", "roadtest")}
    everything = b"".join(body for _, body in found.got)
    assert not [word for word in (b"first-trial", b"2024-03-08.csv", b"prefect.") if word in everything]


def fired_after(desk: Desk, at: datetime) -> bool:
    """Whether a round was due by the schedule after a moment, and came to its end."""
    return any(
        one.state == "completed" and one.scheduled_for is not None and one.scheduled_for > at
        for one in rounds.listed(desk.store)
    )


def comes_back(desk: Desk, server: subprocess.Popen[str], name: str) -> None:
    """Kills a part and waits until it runs again."""
    before = part(of_home(desk.home), name)
    assert before is not None
    os.kill(before, signal.SIGKILL)
    until(lambda: part(of_home(desk.home), name) not in (None, before), server)


def test_a_schedule_fires_what_dies_comes_back_and_nothing_is_left(house: Desk) -> None:
    """A round runs when it is due, not only at the start. Killed with -9, the server, the runner and what keeps them are
    started again and rounds go on, with the numbers as they were. SIGTERM ends all within 15 s with exit code 0. A collector
    of OTLP gets the rounds' steps."""
    began = datetime.now(UTC)
    with (
        receiving() as collector,
        serve(house.home, "--round-every", EVERY, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url) as server,
    ):
        until(lambda: fired_after(house, began), server)
        before, look = house.contents()["observation"], reading.card(house.store, "first-trial").look
        assert look is not None
        assert look.n == 10
        for names in (("prefect_server", "runner"), ("beside",)):
            for name in names:
                comes_back(house, server, name)
            back_at = datetime.now(UTC)
            until(lambda at=back_at: fired_after(house, at), server)  # type: ignore[misc]
        assert house.contents()["observation"] == before
        assert reading.card(house.store, "first-trial").look == look
        house.sent("first-trial", {"2024-03-08.csv": people(11, 12)})
        until(lambda: STEPS in traces(collector) and collector.steps_measured() == STEPS, server)
        assert only_one(house.home / "prefect", within=0.0) is None
        server.send_signal(signal.SIGTERM)
        told_at = time.monotonic()
        out, err = server.communicate(timeout=60)
        assert time.monotonic() - told_at < 15.0
    assert (server.returncode, out.count("Stopped.")) == (0, 1), err
    assert of_home(house.home) == {}
    assert found_server(house.home / "prefect") == {}
    assert sum("ended" in line and "started again" in line for line in err.splitlines()) >= len(PARTS)
    log = (house.home / "roadtest.log").read_text(encoding="utf-8")
    assert "[serve] prefect ended (signal 9)" in log
    assert "[serve] rounds ended (signal 9)" in log
    assert "[serve] looks after the rounds; they are due by minutes" in log
    assert re.search(r"INFO round \d+ is done: 1 of 1 trials, 1 deliveries, 0 of them refused, 1 looks", log)
    assert log.splitlines()[-1].endswith("[serve] has stopped")
    told_no_more_than_steps(collector)


def a_killed_round_is_made_good(desk: Desk, server: subprocess.Popen[str]) -> None:
    """One whose process is gone: the runner says so, and another one does what it left, long before one is due."""
    until(lambda: rounds.listed(desk.store)[0].state == "completed", server)  # the runner has begun to fetch runs
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    killed = rounds.begin(desk.store, datetime.now(UTC), host=socket.gethostname(), pid=gone.pid)
    assert isinstance(killed, rounds.Round)
    until(lambda: [one.state for one in rounds.listed(desk.store, 2)] == ["completed", "interrupted"], server)
    log = (desk.home / "roadtest.log").read_text(encoding="utf-8")
    assert f"[rounds] round {killed.id} was interrupted: its process was ended" in log


def test_a_killed_master_leaves_nothing(house: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """`kill -9` of the process that the person started: within seconds all the others have ended by themselves. While it ran, a
    command beside it found its Prefect server, a second `serve` of the home was refused in one sentence, and a round that was
    killed alone was made good."""
    begun = rounds.begin(house.store, datetime.now(UTC), host="elsewhere", pid=1, gone=lambda _: True)
    assert isinstance(begun, rounds.Round)
    rounds.end(house.store, begun.id, datetime.now(UTC), "failed", rounds.Counts())
    with serve(house.home, "--round-every", "60") as server:
        until(lambda: all(part(of_home(house.home), name) for name in PARTS), server)
        reach = found_server(house.home / "prefect")
        assert reach["PREFECT_API_URL"].startswith("http://127.0.0.1:")
        assert (house.home / "prefect" / "serve.json").stat().st_mode & 0o077 == 0
        assert Settings(home=house.home).schedule_in_force == "every 60.0 minutes"
        a_killed_round_is_made_good(house, server)
        os.kill(server.pid, signal.SIGKILL)
        server.wait(timeout=10)
        until(lambda: of_home(house.home) == {}, within=30.0)
    with only_one(house.home / "prefect", within=0.0) as lock:  # type: ignore[union-attr]
        assert not lock.closed
        monkeypatch.setenv("PREFECT_HOME", str(house.home / "prefect"))
        with pytest.raises(RoadtestError, match="another `roadtest serve` runs its rounds"):
            workers.alone(within=0.0)
