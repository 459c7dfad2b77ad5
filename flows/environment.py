"""Prefect's own settings, which must stand before Prefect is imported. Measured reasons: docs/architecture.md, "Pins"."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

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
    "PREFECT_CLI_PROMPT": "false",
}


_HERE = ("127.0.0.1", "localhost", "::1")


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
        os.environ[name] = ",".join([*kept, *(host for host in _HERE if host not in kept)])


def make_folder(folder: Path) -> None:
    """Makes the home, or a folder in it. Raises RoadtestError when that can't be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RoadtestError(
            f"home: {folder} can't be made, must be a folder that can be written ({error.strerror}). "
            "Name another with --home or ROADTEST_HOME."
        ) from None


def keep_log(home: Path) -> None:
    """Faults of Roadtest's own are written, with their tracebacks, to roadtest.log in the home; never to the terminal."""
    logger = logging.getLogger("roadtest")
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    file = logging.FileHandler(home / "roadtest.log", encoding="utf-8", delay=True)
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(file)
    logger.propagate = False  # Prefect would print it


def run(flow: Callable[..., object], *args: object, **options: object) -> Any:
    """Runs a flow without the heartbeat thread that costs each run up to a second, and returns what it returns."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    for name in ("prefect.flow_runs", "prefect.task_runs"):
        # What fails comes back to the caller, who says it in one sentence. Prefect's own records keep the traceback.
        logging.getLogger(name).propagate = False
    for name in ("EventsWorker", "APILogWorker"):
        # At the end of the process they may still have records to send, and would say so on the terminal.
        logging.getLogger(name).setLevel(logging.ERROR)
    with _alone(), temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        return flow(*args, **options)


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
        yield


def _lock_file(folder: Path) -> IO[str]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / "roadtest.lock").open("w")
    except OSError as error:
        raise RoadtestError(
            f"home: {folder} can't be written ({error.strerror}), must be a folder that can. "
            "Mend its permissions, or name another with --home, ROADTEST_HOME or PREFECT_HOME."
        ) from None
