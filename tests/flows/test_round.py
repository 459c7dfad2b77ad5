"""The round: who is due, one at a time, failures that rest, and the same numbers wherever its groups are worked on."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flows import artifacts, engines, sources, work
from flows.environment import ServerGoneError, run
from flows.one_log import handler_for
from flows.settings import Settings
from tests.flows.making import Desk, people, plan
from trials import planning
from trials.errors import RoadtestError
from trials.store import reading, rounds, verifying
from trials.store.engine import open_store

pytestmark = [pytest.mark.usefixtures("prefect"), pytest.mark.timeout(300)]

NOW = datetime(2024, 5, 1, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, read_retries=0, read_retry_seconds=0, group=2)


@pytest.fixture
def desk(settings: Settings) -> Iterator[Desk]:
    store = open_store(settings.url)
    yield Desk(store, settings.folder)
    store.close()


def state_of(settings: Settings, **options: Any) -> Any:
    from flows.round import run_round

    return run(engines.on_engine(run_round, settings), settings, as_of=NOW, return_state=True, **options)


def taken_up(state: Any) -> set[str]:
    return {outcome.trial for outcome in state.result(_sync=True)}


def numbers(desk: Desk) -> dict[str, Any]:
    """Every look of every trial, whole."""
    return {
        card.id: [look.to_json() for look in reading.looks(desk.store, card.id)] for card in reading.cards(desk.store)
    }


def test_a_scheduled_round_takes_up_who_is_due(settings: Settings, desk: Desk) -> None:
    """A trial with a schedule waits for its time, one that failed rests, and the round says what it did."""
    nightly = desk.sealed(plan("nightly", schedule="0 2 * * *"), **{"2024-03-01": people(1, 10)})
    always = desk.sealed(plan("always"), **{"2024-03-01": people(1, 10)})
    work.register_trial(desk.store, plan("folderless"), by="Ann", at=NOW, seal_by="Bea")
    first = state_of(settings, scheduled=True)
    assert first.name == "CompletedWithFailures"
    assert taken_up(first) == {nightly, always, "folderless"}
    one = rounds.newest(desk.store)
    assert one is not None
    assert one.state == "with_failures"
    assert one.counts == rounds.Counts(due=3, done=2, failed=1, deliveries=2, accepted=20, looks=2)
    resting = rounds.work_of(desk.store)["folderless"]
    assert (resting.failures, resting.done_at) == (1, None)
    assert resting.error is not None
    assert resting.error.startswith("source.path")
    assert taken_up(state_of(settings, scheduled=True)) == {always}
    assert taken_up(state_of(settings)) == {nightly, always, "folderless"}
    later = NOW + timedelta(hours=3)
    from flows.round import run_round

    assert taken_up(run(run_round, settings, as_of=later, scheduled=True, return_state=True)) == {
        nightly,
        always,
        "folderless",
    }


def test_a_round_beside_another_one_does_nothing(settings: Settings, desk: Desk) -> None:
    """A scheduled one is cancelled, somebody who asks for one is told which is at work; neither reads anything."""
    from flows.round import RoundRunsError

    desk.sealed(plan("always"), **{"2024-03-01": people(1, 10)})
    before = desk.contents()
    running = rounds.begin(desk.store, work.utc_now(), host="elsewhere", pid=7)
    assert isinstance(running, rounds.Round)
    assert state_of(settings, scheduled=True).is_cancelled()
    with pytest.raises(RoundRunsError, match=r"round 1 is at work on elsewhere since .* Wait for it"):
        state_of(settings).result(_sync=True)
    assert desk.contents() == before


def test_a_late_run_that_is_covered_says_so(settings: Settings, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its state is Covered, names the round that did the work, and nothing is looked at again."""
    from flows import round as module

    desk.sealed(plan("always"), **{"2024-03-01": people(1, 10)})
    assert state_of(settings).name == "Completed"
    began = rounds.listed(desk.store)[0].begun_at
    begin = rounds.begin
    late = partial(begin)
    monkeypatch.setattr(
        module.rounds, "begin", lambda *args, **how: late(*args, **{**how, "scheduled_for": began - timedelta(days=2)})
    )
    found = state_of(settings, scheduled=True)
    assert (found.name, found.message[:13]) == ("Covered", "round 1 began")
    assert len(rounds.listed(desk.store)) == 1


def test_a_round_that_fails_as_a_whole_is_kept_as_failed(
    settings: Settings, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What went wrong is one sentence in the round's row, and the next round begins."""
    from flows import round as module

    def broken(*_: Any, **__: Any) -> Any:
        raise RoadtestError("the disk is full. Make room on it.")

    with monkeypatch.context() as patch:
        patch.setattr(module.tasks, "write_docs", broken)
        assert state_of(settings).is_failed()
    one = rounds.listed(desk.store)[0]
    assert (one.state, one.error) == ("failed", "the disk is full. Make room on it.")
    assert state_of(settings).name == "Completed"


@pytest.mark.parametrize("writable", [True, False])
def test_a_round_whose_end_fails_is_kept_as_failed(
    settings: Settings, desk: Desk, monkeypatch: pytest.MonkeyPatch, writable: bool
) -> None:
    """Its work is stored; its row says what went wrong, or, where not even that can be written, stays as it was, and a
    scheduled round takes it for dead."""
    end = rounds.end

    def full(*args: Any, **how: Any) -> None:
        if not writable or args[3] != "failed":
            raise RoadtestError("the disk is full. Make room on it.")
        end(*args, **how)

    trial = desk.sealed(plan("always"), **{"2024-03-01": people(1, 10)})
    with monkeypatch.context() as patch:
        patch.setattr(rounds, "end", full)
        assert state_of(settings).is_failed()
    one = rounds.listed(desk.store)[0]
    assert [look["n"] for look in numbers(desk)[trial]] == [10]
    if writable:
        assert (one.state, one.error) == ("failed", "the disk is full. Make room on it.")
    else:
        assert (one.state, one.ended_at) == ("running", None)
        later = work.utc_now() + rounds.SILENT + timedelta(seconds=1)
        assert isinstance(rounds.begin(desk.store, later, host="elsewhere", pid=7), rounds.Round)
        assert rounds.listed(desk.store)[1].state == "interrupted"


def test_a_log_on_a_full_disk_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that can't be written are lost, and nobody is troubled: a round that fails must still say so in its row."""
    (tmp_path / "roadtest.log").symlink_to("/dev/full")
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logger = logging.Logger("full")
    logger.addHandler(handler_for(tmp_path))
    for number in range(3):
        logger.error("line %s", number)
    with suppress(OSError):
        logger.handlers[0].close()


@dataclass
class Server:
    """Prefect's server as a flow's client sees it: from `leave` on it refuses so many requests, then it answers again."""

    refusals: float = 0
    waits: list[float] = field(default_factory=list)

    def leave(self, *_: Any, refusals: float = float("inf"), **__: Any) -> bool:
        self.refusals = refusals
        return True


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    """Nothing is waited for: the waits between two tries are only kept."""
    import httpx

    made, handle = Server(), httpx.HTTPTransport.handle_request

    def answer(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        if made.refusals > 0:
            made.refusals -= 1
            raise httpx.ConnectError("Connection refused", request=request)
        return handle(transport, request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", answer)
    monkeypatch.setattr("prefect.client.base.time", SimpleNamespace(sleep=made.waits.append))
    return made


def test_a_round_whose_server_is_gone_ends_within_a_minute(
    settings: Settings, desk: Desk, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for it once, says one sentence, and its work is stored and its row complete."""
    trial = desk.sealed(plan("always"), **{"2024-03-01": people(1, 10)})
    write = artifacts.round_artifacts
    monkeypatch.setattr(artifacts, "round_artifacts", lambda *args, **how: server.leave() and write(*args, **how))
    with pytest.raises(ServerGoneError, match=r"has stopped answering.* start the server again"):
        state_of(settings)
    assert 24 <= sum(server.waits) <= 45  # 2 + 4 + 8 + 16 s and a fifth more or less; then twice 2 s
    assert [look["n"] for look in numbers(desk)[trial]] == [10]
    assert rounds.listed(desk.store)[0].state == "completed"


def test_a_round_survives_a_server_that_is_started_again(settings: Settings, desk: Desk, server: Server) -> None:
    """One that is back before the fifth try costs a wait, wherever in the flow it went; it may go twice."""
    from prefect import flow

    desk.sealed(plan("always"), **{"2024-03-01": people(1, 10)})

    @flow(persist_result=False)
    def twice() -> str:
        from flows.round import run_round

        server.leave(refusals=4)
        found = run_round.fn(settings, as_of=NOW)
        server.leave(refusals=4)
        return str(found[0].trial)

    assert run(twice) == "always"
    assert sum(server.waits) >= 2 * 24


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with five trials of which one fails, before any round."""
    home = tmp_path_factory.mktemp("made")
    store = open_store(f"sqlite:///{home / 'roadtest.db'}")
    desk = Desk(store, home)
    for number in range(4):
        desk.sealed(plan(f"trial-{number}"), **{"2024-03-01": people(1, 20 + number), "2024-04-01": people(30, 45)})
        desk.door.keys.of(f"trial-{number}")  # type: ignore[union-attr]
    work.register_trial(store, plan("folderless"), by="Ann", at=NOW, seal_by="Bea")
    store.close()
    return home


@pytest.fixture(scope="module")
def here(made: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the round comes to on the plain engine."""
    return played(made, tmp_path_factory.mktemp("here") / "home", "here")


def played(made: Path, home: Path, engine: str) -> dict[str, Any]:
    shutil.copytree(made, home)
    settings = Settings(home=home, read_retries=0, group=2, engine=engine)  # type: ignore[arg-type]
    state = state_of(settings)
    store = open_store(settings.url)
    try:
        assert not list(verifying.verify(store))
        outcomes = [replace(one, protocol=None) for one in state.result(_sync=True)]
        return {
            "numbers": numbers(Desk(store, home)),
            "outcomes": {one.trial: repr(one).replace(str(home), "HOME") for one in outcomes},
            "state": state.name,
        }
    finally:
        store.close()


def test_dask_comes_to_the_same(made: Path, here: dict[str, Any], tmp_path: Path) -> None:
    """Looks, receipts and end state are equal bit for bit on a Dask cluster, whose workers are processes of their own."""
    assert here["state"] == "CompletedWithFailures"
    assert here["numbers"]["trial-3"][0]["n"] > 0
    assert played(made, tmp_path / "home", "dask") == here


def test_simulations_come_to_the_same_on_dask() -> None:
    """A plan that is tried out in other processes has the same figures, bit for bit."""
    spread = partial(engines.mapped, Settings(engine="dask"))
    assert repr(planning.simulate(plan(), 200, spread=spread)) == repr(planning.simulate(plan(), 200))


def test_one_source_that_hangs_costs_its_own_time_only() -> None:
    """The sources behind it are read by another thread, in their order; two that hang cost two time limits."""
    asleep = threading.Event()

    def read(trial: str) -> work.Outcome:
        if trial.startswith("hangs"):
            asleep.wait(30)
        return work.Outcome(trial, ok=True)

    found, hung = sources.within(read, ["a", "hangs", "b", "hangs too", "c"], 0.2)
    asleep.set()
    assert list(found) == ["a", "b", "c"]
    assert hung == ["hangs", "hangs too"]
