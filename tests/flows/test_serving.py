"""Serving: what would let strangers in is refused, workers answer and are replaced, rounds go on beside them."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from flows import rounds, serving, workers
from flows.settings import Settings
from tests.flows.making import Desk, people, plan
from trials.errors import RoadtestError, StoreError
from trials.store import reading
from trials.store.engine import open_store, writing
from trials.store.engine import reading as snapshot

ROOT = Path(__file__).parents[2]
OFTEN = 0.0005  # minutes between rounds
PATIENCE = 60.0  # seconds that a busy machine is given


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

    rounds.go_on(settings, OFTEN, Waited(between, rounds=3))
    told = capsys.readouterr().err
    assert told.startswith("roadtest: round: ")
    assert "a newer version wrote it" in told
    assert told.count("\n") == 1
    look = reading.card(desk.store, trial).look
    assert look is not None
    assert look.n == 10


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"host": "0.0.0.0"}, "host == '0.0.0.0', must be this machine's own"),
        ({"host": "192.0.2.1"}, "host == '192.0.2.1', must be this machine's own"),
        ({"host": "example.org"}, "host == 'example.org', must be this machine's own"),
        ({"host": ""}, "host == '', must be this machine's own"),
        ({"public_url": "https://trials.example.org"}, "must be empty while nobody signs in"),
        ({"sign_in": "accounts", "host": "0.0.0.0"}, "public_url == '', must be the https:// address"),
        ({"sign_in": "accounts", "public_url": "http://trials.example.org"}, "must be https:// and a name"),
        ({"sign_in": "accounts", "public_url": "https://trials.example.org/here"}, "must be https:// and a name"),
        ({"sign_in": "proxy", "proxy_addresses": "127.0.0.1"}, "public_url == '', must be the https:// address"),
        ({"sign_in": "proxy", "public_url": "https://t.example"}, "proxy_addresses == '', must be the addresses"),
        (
            {"sign_in": "proxy", "public_url": "https://t.example", "proxy_addresses": "front"},
            "must be addresses or networks",
        ),
        (
            {"sign_in": "proxy", "public_url": "https://t.example", "proxy_addresses": "0.0.0.0/0"},
            "must not be every address",
        ),
    ],
)
def test_what_would_let_strangers_in_is_refused(tmp_path: Path, settings: dict[str, str], sentence: str) -> None:
    """One sentence names the setting and what to do, before anything is served, by the server and in the demo alike."""
    with pytest.raises(RoadtestError) as refused:
        serving.signing_of(Settings(home=tmp_path, **settings))  # type: ignore[arg-type]
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_sign_in_opens_the_pages_to_others(tmp_path: Path) -> None:
    """With accounts, or a trusted server in front, and https before browsers; on this machine accounts need none."""
    far = {"home": tmp_path, "host": "0.0.0.0", "public_url": "https://trials.example.org/"}
    found = serving.signing_of(Settings(sign_in="accounts", **far))  # type: ignore[arg-type]
    assert (found.mode, found.secure, found.public_url) == ("accounts", True, "https://trials.example.org")
    found = serving.signing_of(Settings(sign_in="proxy", proxy_addresses="10.0.0.7, fd00::/64", **far))  # type: ignore[arg-type]
    assert [found.proxy.is_at(address) for address in ("10.0.0.7", "10.0.0.8", "fd00::1")] == [True, False, True]
    assert serving.signing_of(Settings(home=tmp_path, sign_in="accounts")).secure is False


def test_the_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    """Random, the same at the next start, closed again when somebody opened it; what is no secret is refused."""
    path = tmp_path / "home" / "secret.key"
    first = serving.cookie_secret(path)
    assert (len(first), stat.S_IMODE(path.stat().st_mode)) == (32, 0o600)
    path.chmod(0o644)
    assert serving.cookie_secret(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert serving.cookie_secret(tmp_path / "other.key") != first
    path.write_text("short")
    with pytest.raises(StoreError, match=r"secret\.key can't be used"):
        serving.cookie_secret(path)


def test_a_free_port_is_free_and_a_taken_one_is_not() -> None:
    """require_free leaves the port free; while somebody listens on it, it says so."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        taken.listen()
        with pytest.raises(RoadtestError, match=f"port == {port}, must be free"):
            serving.require_free("127.0.0.1", port)
    serving.require_free("127.0.0.1", port)


def test_another_process_gets_the_same_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its environment, secrets too, whatever this one's says."""
    ours = Settings(home=tmp_path, database_url="postgresql://u:hush@db/x", workers=3, proxy_secret="s", person="anna")  # type: ignore[arg-type]
    for name, value in workers.variables(ours).items():
        monkeypatch.setenv(name, value)
    assert Settings() == ours.model_copy(update={"home": ours.folder})


# The real server


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve(home: Path, port: int, *words: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "flows.cli", "serve", "--port", str(port), *words]
    environment = {**os.environ, "ROADTEST_HOME": str(home), "PYTHONPATH": str(ROOT)}
    server = subprocess.Popen(
        command, env=environment, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield server
    finally:
        if server.poll() is None:
            server.kill()
        server.communicate(timeout=PATIENCE)


def until(holds: Callable[[], bool], server: subprocess.Popen[str]) -> None:
    """Waits until something holds, as long as the server runs."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert server.poll() is None, server.communicate()
        assert time.monotonic() < end, "waited in vain"
        threading.Event().wait(0.05)


def answers(port: int) -> bool:
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
            return health(connection) == 200
    except OSError:
        return False


def health(connection: http.client.HTTPConnection) -> int:
    connection.request("GET", "/healthz")
    answer = connection.getresponse()
    answer.read()
    return answer.status


def children(pid: int) -> dict[int, str]:
    """A process's children, with their command lines."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {
        int(child): Path(f"/proc/{child}/cmdline").read_text() for child in found if Path(f"/proc/{child}").exists()
    }


def test_two_workers_serve_are_replaced_and_stop(tmp_path: Path) -> None:
    """The port is answered once the app is ready; a worker that is killed is replaced; SIGTERM ends all within seconds, also
    with connections kept open, and frees the port; nothing is left behind."""
    port = free_port()
    with serve(tmp_path, port) as server:
        until(lambda: answers(port), server)
        before = set(children(server.pid))
        assert len(before) == 2
        kept = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        assert health(kept) == 200
        assert kept.sock is not None  # kept open
        os.kill(min(before), signal.SIGKILL)
        until(lambda: len(set(children(server.pid)) - {min(before)}) == 2, server)
        until(lambda: answers(port), server)
        after = set(children(server.pid))
        server.send_signal(signal.SIGTERM)
        out, err = server.communicate(timeout=20)
        kept.close()
        assert (server.returncode, "Stopped." in out) == (0, True), err
        assert out.count("Stopped.") == 1
        assert re.sub(r"\[.*?\] ", "", err).strip().splitlines() in (
            [f"Worker (pid:{min(before)}) was sent SIGKILL! Perhaps out of memory?"],
            [f"[ERROR] Worker (pid:{min(before)}) was sent SIGKILL! Perhaps out of memory?"],
        )
        assert not [pid for pid in before | after if Path(f"/proc/{pid}").exists()]
    serving.require_free("127.0.0.1", port)
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600


def test_rounds_run_beside_the_workers_and_end_with_them(tmp_path: Path) -> None:
    """In a process of their own, which is gone when the master is, however it ended."""
    open_store(f"sqlite:///{tmp_path / 'roadtest.db'}").close()
    port = free_port()
    with serve(tmp_path, port, "--round-every", "60") as server:
        until(lambda: len(children(server.pid)) == 3, server)
        mine = children(server.pid)
        assert len([words for words in mine.values() if "flows.rounds" in words]) == 1
        until(lambda: answers(port), server)
        server.kill()
        server.wait(timeout=PATIENCE)
        end = time.monotonic() + PATIENCE
        while [pid for pid in mine if running(pid)]:
            assert time.monotonic() < end, "a process outlived its master"
            threading.Event().wait(0.05)


def test_rounds_that_ended_are_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not at once after the last start; one that runs is left alone; it can be stopped."""
    beside = workers.Rounds(Settings(home=tmp_path), 1.0)
    monkeypatch.setattr(beside, "_command", ["sleep", "600"])
    beside.keep()
    first = beside._process
    assert first is not None
    beside.keep()
    assert beside._process is first
    first.kill()
    first.wait()
    beside.keep()
    assert beside._process is first  # a moment ago: whatever ended it may not be over
    monkeypatch.setattr(workers, "_AGAIN_AFTER", 0.0)
    beside.keep()
    second = beside._process
    assert second is not None
    assert second.pid != first.pid
    assert "started again" in capsys.readouterr().err
    beside.stop()
    assert second.poll() is not None


def running(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
