"""Serving: what would let strangers in is refused, workers answer and are replaced, parts are kept, one log is written."""

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

from flows import one_log, serving, workers
from flows.beside import only_one
from flows.parts import Part
from flows.settings import Settings
from trials.errors import RoadtestError, StoreError

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds that a busy machine is given


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


def test_serve_starts_with_the_keys_and_alerts_that_were_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A key folder that can't be one, and a file of alerts that is not there, are refused by the variable's name before
    anything runs. A folder that can be made is made with the first key; what is wrong in the file is said, and they run."""
    (tmp_path / "file").write_text("roundgrace: 1 hour\n")
    ran: list[Settings] = []
    monkeypatch.setattr(workers, "_serve", lambda settings, *_: ran.append(settings))
    home = {"home": tmp_path / "home", "port": free_port()}
    for options, sentence in (
        ({"key_folder": tmp_path / "gone" / "keys"}, r"is not there either.* Mount it, or mend ROADTEST_KEY_FOLDER\."),
        ({"key_folder": tmp_path / "file"}, r"\(it is a file\).* ROADTEST_KEY_FOLDER\."),
        ({"alerts": tmp_path / "typo.yaml"}, r"typo\.yaml is not there, .* Mend ROADTEST_ALERTS"),
    ):
        with pytest.raises(RoadtestError, match=sentence):
            workers.serve(Settings(**home, **options), rounds=False)  # type: ignore[arg-type]
    assert ran == []
    workers.serve(Settings(**home, key_folder=tmp_path / "keys"), rounds=False)  # type: ignore[arg-type]
    workers.serve(Settings(**home, alerts=tmp_path / "file"), rounds=False)  # type: ignore[arg-type]
    assert len(ran) == 2
    assert "Did you mean 'round_grace'?" in capsys.readouterr().err


def test_of_two_that_start_at_once_one_runs_the_rounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From before the pages run until they have ended: the other is refused, and leaves the first one's schedule as it is."""
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    monkeypatch.setattr(workers, "only_one", lambda home, _: only_one(home, within=0.0))
    settings = Settings(home=tmp_path, port=free_port())
    refused: list[str] = []

    def other(*_: object) -> None:
        settings.schedule_file.write_text("minutes 30\n")
        try:
            workers.serve(settings)
        except RoadtestError as error:
            refused.append(str(error))

    monkeypatch.setattr(workers, "_serve", other)
    workers.serve(settings)
    assert ["another `roadtest serve` runs its rounds" in said for said in refused] == [True]
    assert settings.schedule_file.read_text() == "minutes 30\n"
    with workers.alone():
        pass


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
    with pytest.raises(StoreError, match=r"secret\.key can't be read"):
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
    with serve(tmp_path, port, "--no-rounds") as server:
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
        wait_for(lambda: not [pid for pid in before | after if running(pid)])
    serving.require_free("127.0.0.1", port)
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600


def test_a_part_that_ended_is_started_again() -> None:
    """Not at once after the last start, and later each time; one that runs is left alone; what it started ends with it."""
    said: list[str] = []
    script = "sleep 600 & echo $!; sleep 600"
    part = Part("the part", ["sh", "-c", script], dict(os.environ), lambda name, line: said.append(f"{name}:{line}"))
    part.keep()
    first = part.pid
    assert first is not None
    part.keep()
    assert part.pid == first
    wait_for(lambda: len(said) == 1)
    inner = int(said[0].removeprefix("the part:"))
    assert running(inner)
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: part.pid is None)
    part.keep()
    assert part.pid is None  # a moment ago: whatever ended it may not be over
    wait_for(lambda: not running(inner))
    assert ":roadtest: the part ended (signal 9) and is started again in 1 s." in said

    def again() -> bool:
        part.keep()
        return part.pid is not None

    wait_for(again)
    second = part.pid
    assert second not in (None, first)
    part.stop(within=5.0)
    assert part.pid is None


def test_the_log_is_put_aside_when_it_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lines bear the part's name; what is for people comes to the terminal too; of the files put aside five are kept, and
    whoever writes finds the new one."""
    monkeypatch.setattr(one_log, "LARGEST", 50)
    log = one_log.OneLog(tmp_path)
    for number in range(8):
        log.say("rounds", f"line {number} that is long enough to fill a file")
        log.put_aside()
    log.say("", "roadtest: prefect ended and is started again in 1 s.")
    log.say("rounds", "   ")
    log.close()
    assert "[serve] prefect ended" in (tmp_path / "roadtest.log").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "roadtest.log",
        *(f"roadtest.log.{number}" for number in range(1, one_log.KEPT + 1)),
    ]
    assert "INFO [rounds] line 7" in (tmp_path / "roadtest.log.1").read_text()
    assert capsys.readouterr().err == "roadtest: prefect ended and is started again in 1 s.\n"


LOCKED = """\
16:45:10.611 | ERROR   | prefect.server - Encountered error during state validation
Traceback (most recent call last):
  File "base.py", line 2000, in _exec_single_context
    cursor.execute(statement, parameters)
            ^^^^^^^^^^^^
sqlite3.OperationalError: database is locked

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "rules.py", line 274, in validate_proposed_state
    await self.session.flush()
sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) database is locked
[SQL: INSERT INTO flow_run_state (flow_run_id, type) VALUES (:flow_run_id, :type)]
(Background on this error at: https://sqlalche.me/e/20/e3q8)
ERROR:    Exception in ASGI application
  + Exception Group Traceback (most recent call last):
  |   File "app.py", line 1, in call
  |     raise found
  | ExceptionGroup: several (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    | KeyError: 'run'
    +------------------------------------
16:45:11.000 | WARNING | prefect.server - All is well
roadtest: what people must know"""


def test_a_traceback_of_prefects_server_is_one_line() -> None:
    """The record before it, with its level, and the error at its end; other lines stay as they are, and none waits for another
    that never comes."""
    said: list[str] = []
    folded = one_log.Folded(lambda part, line: said.append(f"{part}: {line}"))
    for line in LOCKED.splitlines():
        folded.say("prefect", line)
    folded.flush(older=3600.0)
    assert len(said) == 3
    folded.flush(older=0.0)
    folded.flush(older=0.0)
    folded.say("", "roadtest: prefect ended.")
    assert said == [
        "prefect: 16:45:10.611 | ERROR   | prefect.server - Encountered error during state validation: "
        "sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) database is locked",
        "prefect: ERROR:    Exception in ASGI application: KeyError: 'run'",
        "prefect: 16:45:11.000 | WARNING | prefect.server - All is well",
        "prefect: roadtest: what people must know",
        ": roadtest: prefect ended.",
    ]


def wait_for(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        threading.Event().wait(0.05)


def running(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
