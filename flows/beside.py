"""What runs beside the pages of `roadtest serve`: Prefect's server on this machine, unless PREFECT_API_URL names one, and the
runner of the rounds. `python -m flows.beside cron|minutes VALUE LOCK`, started by flows.workers, which holds the home's rounds:
LOCK is the number of that open file.

This process starts both again when they end, keeps the one log, and ends with the process that started it. Its listening
socket outlives the server, so that nobody is refused while that is started again.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from flows.one_log import Folded, OneLog
from flows.parts import Part, ends_with_its_parent
from flows.reaching import ADDRESS_FILE

TURN = 0.25  # seconds between two looks at the parts
STOP_RUNNER, STOP_SERVER = 4.0, 3.0  # seconds that each is given
ENDS_WITHIN = STOP_RUNNER + STOP_SERVER + 1.0
RUNNER = "ROADTEST_RUNNER"  # in a flow run's environment: the process id of the runner that started it

# Of the server beside the pages; what the operator has set stays.
_SERVER = {
    "PREFECT_UI_ENABLED": "false",  # its pages are written into the installed package when it starts
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(30 * 24 * 3600),
    # Runs are made two minutes ahead, not an hour: after a stop few of them are late.
    "PREFECT_SERVER_SERVICES_SCHEDULER_MIN_SCHEDULED_TIME": "PT2M",
    # In memory, what holds a deployment's one place is lost with a server that is killed, and the place with it.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
}


class Beside:
    """The parts, and how to reach the server."""

    def __init__(self, home: Path, schedule: list[str], environment: Mapping[str, str]) -> None:
        self.log = OneLog(home)
        self._folded = Folded(self.log.say)
        self._file = Path(environment["PREFECT_HOME"]) / ADDRESS_FILE
        self._server: Part | None = None
        self._health = ""
        reached = dict(environment)
        if not environment.get("PREFECT_API_URL"):
            reached |= self._with_server(environment)
        command = [sys.executable, "-m", "flows.runner", *schedule]
        self._runner = Part("rounds", command, reached, self.log.say)
        self.log.say("", f"looks after the rounds; they are due by {' '.join(schedule)}")

    def _with_server(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Binds the server's socket; what another process needs to reach it."""
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/api"
        # On this machine others may have accounts: without the word they can't start a round.
        word = f"roadtest:{secrets.token_urlsafe(24)}"
        reach = {"PREFECT_API_URL": url, "PREFECT_API_AUTH_STRING": word}
        server = {**_SERVER, **environment, "PREFECT_API_AUTH_STRING": word, "PREFECT_SERVER_API_AUTH_STRING": word}
        number = self._socket.fileno()
        command = [sys.executable, "-m", "flows.prefect_server", str(number)]
        self._server = Part("prefect", command, server, self._folded.say, shared=[number])
        self._health = f"{url}/health"
        _write_private(self._file, json.dumps(reach))
        return reach

    def go_on(self, done: threading.Event) -> None:
        """Keeps the parts until `done`; the runner is started once the server answers."""
        ready, turns = False, 0
        while not done.wait(TURN):
            if self._server is not None:
                self._server.keep()
            ready = ready or self._server is None or _answers(self._health)
            if ready:
                self._runner.keep()
            self._folded.flush()
            turns += 1
            if turns % 40 == 0:
                self.log.put_aside()

    def stop(self) -> None:
        """The runner first: it says how its flow run ended."""
        self._runner.stop(STOP_RUNNER)
        if self._server is not None:
            self._file.unlink(missing_ok=True)
            self._server.stop(STOP_SERVER)
            self._socket.close()
        self._folded.flush(older=0.0)
        self.log.say("", "has stopped")
        self.log.close()


def only_one(prefect_home: Path, within: float) -> IO[str] | None:
    """A lock on the home's rounds, held as long as the file is open; None when another `roadtest serve` has it."""
    prefect_home.mkdir(parents=True, exist_ok=True)
    file = (prefect_home / "serve.lock").open("a")
    until = time.monotonic() + within
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            if time.monotonic() >= until:
                file.close()
                return None
            time.sleep(TURN)


def _answers(url: str) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2.0) as answer:
            return int(answer.status) == 200
    except (OSError, urllib.error.URLError):
        return False


def _write_private(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    part.replace(path)


def main() -> int:
    """The process: its settings are in the environment, its standard input closes when whoever started it is gone."""
    from flows.environment import prepare
    from flows.settings import load_settings

    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    ends_with_its_parent(ENDS_WITHIN)
    settings = load_settings()
    prepare(settings.folder)
    *schedule, lock = sys.argv[1:]
    # The lock is its opener's as long as either has it open: a successor waits for both to end.
    with os.fdopen(int(lock), "a"):
        parts = Beside(settings.folder, schedule, os.environ)
        try:
            parts.go_on(done)
        finally:
            parts.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
