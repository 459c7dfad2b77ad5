"""What fails after SIGTERM or Ctrl-C is told as a stop, never as a fault."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from prefect.utilities.engine import capture_sigterm
from typer import Typer

from flows import cli
from flows.options import STOPPED, told
from trials.errors import RoadtestError


@pytest.fixture(autouse=True)
def handler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Files of faults would lie in the test's folder; afterwards SIGTERM means what it meant."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def stop(number: int, after: Exception) -> None:
    """A signal comes, and what it ended raises an error of its own on the way out, as Dask's cluster does."""
    try:
        os.kill(os.getpid(), number)
        signal.pause()
    finally:
        raise after


def faults(tmp_path: Path) -> list[Path]:
    return list(tmp_path.glob("roadtest-fault-*"))


def ended(command: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> object:
    """The exit code with which the program ends when a command does so."""
    monkeypatch.setattr(cli, "_command", lambda: command)
    with pytest.raises(SystemExit) as end:
        cli.main()
    return end.value.code


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_what_fails_after_a_signal_is_told_as_a_stop(
    number: int, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error of a library's and a refusal of ours alike: one sentence, the signal's exit code, no file of a fault."""

    def refuses() -> None:
        with told():
            stop(number, RoadtestError("Prefect's server has stopped answering."))

    assert ended(lambda: stop(number, httpx.ConnectError("refused")), monkeypatch) == code
    assert capsys.readouterr().err == f"roadtest: {STOPPED}\n"

    app = Typer()
    app.command()(refuses)
    assert ended(lambda: app([]), monkeypatch) == code
    assert capsys.readouterr().err == f"roadtest: {STOPPED}\n"
    assert faults(tmp_path) == []


def test_a_signal_that_prefect_took_is_known_by_what_the_error_came_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """While a flow runs, Prefect's handler stands in the place of ours; its server, which got the signal too, is then gone."""

    def flow() -> None:
        with told(), capture_sigterm():
            try:
                stop(signal.SIGTERM, httpx.ConnectError("refused"))
            except httpx.ConnectError as error:
                raise RoadtestError("Prefect's server has stopped answering.") from error

    app = Typer()
    app.command()(flow)
    assert ended(lambda: app([]), monkeypatch) == 143
    assert capsys.readouterr().err == f"roadtest: {STOPPED}\n"
    assert ended(flow, monkeypatch) == 143
    assert faults(tmp_path) == []


def test_without_a_signal_a_fault_is_a_fault_also_after_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stop is of one run of the program: the next one's fault is told, with exit code 1 and a file."""

    def broken() -> None:
        raise httpx.ConnectError("refused")

    assert ended(lambda: stop(signal.SIGTERM, ValueError("late")), monkeypatch) == 143
    capsys.readouterr()
    assert ended(broken, monkeypatch) == 1
    assert "a fault in Roadtest itself (ConnectError)" in capsys.readouterr().err
    assert len(faults(tmp_path)) == 1
