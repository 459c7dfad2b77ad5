"""Serving: rounds that go on beside the pages, the port, the address."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from flows import serving
from flows.settings import Settings
from tests.flows.making import Desk, people, plan
from trials.errors import RoadtestError
from trials.store import reading
from trials.store.engine import reading as snapshot
from trials.store.engine import writing

OFTEN = 0.0005  # minutes between rounds


class Waited(threading.Event):
    """An event that calls `between` at each wait, with the number of rounds so far, and is set after the last."""

    def __init__(self, between: Callable[[int], None], rounds: int) -> None:
        super().__init__()
        self._between, self._rounds, self.count = between, rounds, 0

    def wait(self, timeout: float | None = None) -> bool:
        self.count += 1
        self._between(self.count)
        if self.count == self._rounds:
            self.set()
        return self.is_set()


@pytest.mark.usefixtures("prefect")
def test_rounds_go_on_when_one_could_not_run(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """A round without a usable database says so in one sentence; the next one finds it and what has come meanwhile."""
    settings = Settings(home=desk.home, read_retries=0)
    trial = desk.sealed(plan())

    def set_version(name: str) -> None:
        with writing(desk.store) as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :name"), {"name": name})

    with snapshot(desk.store) as connection:
        ours = str(connection.scalar(text("SELECT version_num FROM alembic_version")))

    def between(count: int) -> None:
        if count == 1:
            set_version("r9999")
        if count == 2:
            set_version(ours)
            desk.sent(trial, {"2024-03-01.csv": people(1, 10)})

    serving._rounds(settings, OFTEN, Waited(between, rounds=3))
    told = capsys.readouterr().err
    assert told.startswith("roadtest: round: ")
    assert "a newer version wrote it" in told
    assert told.count("\n") == 1
    look = reading.card(desk.store, trial).look
    assert look is not None
    assert look.n == 10


def test_without_rounds_it_only_waits(tmp_path: Path) -> None:
    """No --round-every: no database is opened, nothing is collected."""
    waited = Waited(lambda count: None, rounds=1)
    serving._rounds(Settings(home=tmp_path / "home"), None, waited)
    assert waited.count == 1
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.org", ""])
def test_pages_stay_on_this_machine(host: str) -> None:
    """They have no sign-in yet: any address that others reach is refused."""
    with pytest.raises(RoadtestError, match=f"host == '{host}', must be this machine's own"):
        serving.require_free(host, 8050)


def test_a_free_port_is_free_and_a_taken_one_is_not() -> None:
    """require_free leaves the port free; while somebody listens on it, it says so."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        taken.listen()
        with pytest.raises(RoadtestError, match=f"port == {port}, must be free"):
            serving.require_free("127.0.0.1", port)
    serving.require_free("127.0.0.1", port)
