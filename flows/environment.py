"""Prefect's own settings, which must stand before Prefect is imported. Measured reasons: docs/architecture.md, "Pins"."""

from __future__ import annotations

import logging
import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NoReturn

from flows.one_log import handler_for
from flows.reaching import HERE, found_server, shown
from trials.errors import RoadtestError

# Batches of the embedded server's own bookkeeping: without them every task pays several times its cost.
_TUNED = {
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TRIGGERS_READ_BATCH_SIZE": "100",
}
_QUIET = {
    # Both are needed: DO_NOT_TRACK alone does not stop the server (tests/test_end_to_end.py holds it).
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    # The default of 20 s failed three of four first starts on a loaded machine.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    # A server that is gone is waited for half a minute (2 + 4 + 8 + 16 s), once: see `stop_waiting`.
    "PREFECT_CLIENT_MAX_RETRIES": "4",
    "PREFECT_CLI_PROMPT": "false",
}


_PATIENCE = 10.0  # seconds for a Prefect server to answer


class ServerGoneError(RoadtestError):
    """Prefect's server has stopped answering while a flow ran."""


class _Patience:
    """Hooks of a client's requests: of a server that is gone one request is tried as often as Prefect's client does it, and
    every later one twice. Without them each request of a flow's end would wait half a minute anew, and the flow for minutes."""

    def __init__(self, url: str, tries: int) -> None:
        self._url, self._tries = url, tries
        self._unanswered, self._last = 0, None

    def ask(self, request: Any) -> None:
        """Before each try. A request that is tried again is the same object. Raises ServerGoneError, which is not retried."""
        if request is self._last and self._unanswered > self._tries:
            raise _gone(self._url)
        self._last = request
        self._unanswered += 1

    def answered(self, _: object) -> None:
        """After each answer, whatever it says."""
        self._unanswered, self._last = 0, None


def _gone(url: str) -> ServerGoneError:
    return ServerGoneError(
        f"Prefect's server at {shown(url)} has stopped answering, must answer until a flow's end. What was stored is whole; "
        "start the server again, and the next round does what is left."
    )


def end_at_once() -> NoReturn:
    """Ends the process after ServerGoneError: Prefect would first try for minutes to send its records to nobody."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(1)


def stop_waiting() -> None:
    """Within a flow: its client gives up a server that is gone once, not at each request. Safe to repeat."""
    from prefect.context import SyncClientContext
    from prefect.settings import PREFECT_CLIENT_MAX_RETRIES

    found = SyncClientContext.get()
    if found is None:
        return
    client = found.client._client  # the only way to Prefect's own: httpx's hooks are public, this name is not
    if not client.event_hooks["request"]:
        patience = _Patience(str(found.client.api_url), PREFECT_CLIENT_MAX_RETRIES.value() + 1)
        client.event_hooks = {"request": [patience.ask], "response": [patience.answered]}


def prepare(home: Path) -> None:
    """Sets what Prefect reads when it is imported; what the operator has set already stays (a shared server's URL).

    Makes `home` and Prefect's folder, because Prefect warns instead of making it. Raises RoadtestError when that can't be.
    """
    make_folder(home)
    if "PREFECT_HOME" not in os.environ:
        make_folder(home / "prefect")
        os.environ["PREFECT_HOME"] = str(home / "prefect")
    for name, value in {**_TUNED, **_QUIET}.items():
        os.environ.setdefault(name, value)
    for name in ("NO_PROXY", "no_proxy"):
        # The embedded server is on this machine; a proxy of the network's must not be asked for it.
        kept = [host for host in os.environ.get(name, "").split(",") if host]
        os.environ[name] = ",".join([*kept, *(host for host in HERE if host not in kept)])


def make_folder(folder: Path) -> None:
    """Makes the home, or a folder in it, for its owner alone; one that is there keeps its mode, and so do the folders above.
    Raises RoadtestError when that can't be."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise RoadtestError(
            f"home: {folder} can't be made, must be a folder that can be written ({error.strerror}). "
            "Name another with --home or ROADTEST_HOME."
        ) from None


def keep_log(home: Path) -> None:
    """Each round's beginning and end, and faults of Roadtest's own, with their tracebacks, are written to roadtest.log in the
    home; never to the terminal."""
    logging.raiseExceptions = False  # a log that can't be written must not fill the terminal
    logger = logging.getLogger("roadtest")
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    logger.addHandler(handler_for(home))
    logger.setLevel(logging.INFO)
    logger.propagate = False  # Prefect would print it


def run(flow: Callable[..., object], *args: object, **options: object) -> Any:
    """Runs a flow without the heartbeat thread that costs each run up to a second, and returns what it returns.

    Where a `roadtest serve` runs on this home, its server is used: two would fight over one database.
    """
    from prefect.settings import (
        PREFECT_API_AUTH_STRING,
        PREFECT_API_URL,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        temporary_settings,
    )

    for name in ("prefect.flow_runs", "prefect.task_runs"):
        # What fails comes back to the caller, who says it in one sentence. Prefect's own records keep the traceback.
        logging.getLogger(name).propagate = False
    for name in ("EventsWorker", "APILogWorker"):
        # At the end of the process they may still have records to send, and would say so on the terminal.
        logging.getLogger(name).setLevel(logging.ERROR)
    for name in ("prefect.events.clients", "prefect._internal.concurrency"):
        # That a server is gone is said in one sentence, not once for each of the records for it.
        logging.getLogger(name).setLevel(logging.CRITICAL)
    must_answer(os.environ.get("PREFECT_API_URL", ""))
    here = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
    served = {} if os.environ.get("PREFECT_API_URL") else found_server(Path(os.environ["PREFECT_HOME"]))
    if served:
        names = {"PREFECT_API_URL": PREFECT_API_URL, "PREFECT_API_AUTH_STRING": PREFECT_API_AUTH_STRING}
        with temporary_settings({**here, **{names[name]: said for name, said in served.items()}}), _one_client():
            return flow(*args, **options)
    with _alone(), temporary_settings(here), _one_client():
        return flow(*args, **options)


@contextmanager
def _one_client() -> Iterator[None]:
    """One client for all that the flow says to Prefect's server, which gives up in time. Raises ServerGoneError."""
    import httpx
    from prefect.context import SyncClientContext

    made = SyncClientContext()  # the embedded server, if it is to be that one, is started here
    try:
        with made:
            stop_waiting()
            yield
    except (httpx.TransportError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not isinstance(error.__cause__, httpx.TransportError):
            raise  # Prefect wraps so what befalls its very first request
        raise _gone(str(made.client.api_url)) from error


def must_answer(url: str) -> None:
    """Raises RoadtestError when no Prefect server answers at an address; "" is the embedded one, which is always there."""
    if not url:
        return
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=_PATIENCE):
            return
    except urllib.error.HTTPError:
        return  # it answers; that it wants a word to be let in is Prefect's to say
    except (OSError, ValueError) as error:
        why = getattr(error, "reason", error)
        raise RoadtestError(
            f"PREFECT_API_URL == '{shown(url)}', must name a Prefect server that answers ({why}). Start it, mend the address, "
            "or take the variable away to use the embedded server."
        ) from None


@contextmanager
def _alone() -> Iterator[None]:
    """One flow at a time on a home: a second command waits, as two embedded servers would fight over one database."""
    folder = Path(os.environ["PREFECT_HOME"])
    if os.environ.get("PREFECT_API_URL") or sys.platform == "win32":
        yield
        return
    import fcntl

    with _lock_file(folder) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for orphan in orphans(folder):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(orphan, signal.SIGTERM)
        yield


def orphans(folder: Path) -> list[int]:
    """Prefect's embedded servers of this home whose flow was killed: nobody else would ever end them. Linux only; while the
    home's lock is held, as a server that starts and one whose flow is gone look alike."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.stat().st_uid != os.getuid():
                continue
            command = (process / "cmdline").read_bytes().split(b"\0")
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            if b"uvicorn" not in command or not any(b"prefect.server" in word for word in command):
                continue
            # Whoever takes over what is left behind (init, a terminal's session) is no Python program; who started it is.
            if b"python" in Path(f"/proc/{parent}/cmdline").read_bytes():
                continue
            if f"PREFECT_HOME={folder}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
        except (OSError, ValueError, IndexError):
            continue  # it ended meanwhile
    return found


def _lock_file(folder: Path) -> IO[str]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / "roadtest.lock").open("w")
    except OSError as error:
        raise RoadtestError(
            f"home: {folder} can't be written ({error.strerror}), must be a folder that can. "
            "Mend its permissions, or name another with --home, ROADTEST_HOME or PREFECT_HOME."
        ) from None
