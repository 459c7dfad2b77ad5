"""Where a round's groups are worked on: Dask's workers ask the Prefect server that their flow asks."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from flows import engines
from flows.environment import run
from flows.one_log import handler_for
from flows.settings import Settings
from trials.errors import RoadtestError

pytestmark = [pytest.mark.usefixtures("prefect"), pytest.mark.timeout(300)]


def test_a_cluster_of_other_machines_needs_a_server_that_it_reaches(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The embedded server listens on this machine alone, so a sentence says what to set; a cluster of this machine, and one
    beside a shared server, are taken."""

    def options(address: str) -> object:
        return engines.on_engine(Flow(), Settings(home=tmp_path, engine="dask", dask_address=address))

    monkeypatch.setattr(engines, "_must_answer", lambda address: None)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with pytest.raises(
        RoadtestError, match=r"^PREFECT_API_URL == '', must name .* 'tcp://10.0.0.5:8786' reaches"
    ) as why:
        options("tcp://ann:hush@10.0.0.5:8786")
    assert "hush" not in str(why.value)
    assert options("tcp://127.0.0.1:8786") == "tcp://127.0.0.1:8786"
    monkeypatch.setenv("PREFECT_API_URL", "http://prefect.example.org:4200/api")
    assert options("tcp://10.0.0.5:8786") == "tcp://10.0.0.5:8786"


def test_what_dask_says_is_in_the_log_and_not_on_the_terminal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A worker that was lost is a line of the home's log; what Dask says of its daily work is nowhere."""
    ours, dasks = logging.getLogger("roadtest"), logging.getLogger("distributed")
    before = ours.handlers, dasks.handlers, dasks.propagate, dasks.level
    handler = handler_for(tmp_path)
    try:
        ours.handlers = [handler]
        engines.on_engine(Flow(), Settings(home=tmp_path, engine="dask"))
        logging.getLogger("distributed.batched").error("the worker was lost")
        logging.getLogger("distributed.scheduler").info("closing all comms")
    finally:
        handler.close()
        ours.handlers, dasks.handlers, dasks.propagate = before[:3]
        dasks.setLevel(before[3])
    said = (tmp_path / "roadtest.log").read_text(encoding="utf-8")
    assert "ERROR the worker was lost" in said
    assert "comms" not in said
    assert capfd.readouterr() == ("", "")


class Flow:
    """What a flow is to `on_engine`: it tells where its tasks would go."""

    def __call__(self) -> None:
        """Never called."""

    def with_options(self, task_runner: Any) -> Any:
        return task_runner.address


def test_dask_workers_start_no_server_of_their_own(tmp_path: Path) -> None:
    """Each worker's process knows the embedded server of the flow by its address, has started none, and asks it: two
    embedded servers would fight over one database. Afterwards the flow's own process has its setting as before."""
    from prefect import flow, task
    from prefect.context import SyncClientContext
    from prefect.settings import PREFECT_API_URL

    settings = Settings(home=tmp_path, engine="dask")

    @task(persist_result=False)
    def knows(_: Settings, group: str) -> tuple[str, str, list[object]]:
        import os

        from prefect.server.api.server import SubprocessASGIServer
        from prefect.settings import PREFECT_API_URL

        started = [one.server_process for one in SubprocessASGIServer._instances.values()]
        return f"{group}{os.getpid()}", str(PREFECT_API_URL.value()), [one.pid for one in started if one is not None]

    @flow(persist_result=False)
    def asks() -> tuple[str, object, list[tuple[str, str, list[object]]]]:
        found = SyncClientContext.get()
        assert found is not None
        answers = engines.spread(settings, knows, ["a", "b"])
        return str(found.client.api_url).rstrip("/"), PREFECT_API_URL.value(), answers

    address, after, answers = run(engines.on_engine(asks, settings))
    assert after is None
    assert address.startswith("http://127.0.0.1:")
    assert [name[0] for name, _, _ in answers] == ["a", "b"]
    assert [(said, started) for _, said, started in answers] == [(address, [])] * 2
