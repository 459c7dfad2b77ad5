"""The production server: gunicorn's master in this process, workers with threads that each make the app anew, and beside them
a process that looks after the rounds (flows.beside).

Nothing is loaded before the workers are forked: an engine's connections must not be shared between processes. The master
binds the port at once and workers answer when they are ready, so whoever asks meanwhile waits instead of being refused.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from pydantic import SecretStr

from flows.alerts_file import read_channels
from flows.beside import ENDS_WITHIN, only_one
from flows.memory import bound
from flows.one_log import OneLog, handler_for
from flows.parts import Part
from flows.serving import address, app_of, metering_of, require_free, say_where, signing_of
from flows.settings import Settings
from trials.errors import RoadtestError
from trials.store import accounts
from trials.store.engine import open_store

THREADS = 8  # of each worker: a slow page keeps no poll waiting
KEEP_ALIVE = 75  # seconds; longer than the balancers that stand in front wait (60)
STOP_WITHIN = 5  # seconds for requests that are being answered


class Pages(BaseApplication):  # type: ignore[misc]
    """The app as gunicorn asks for it: once in each worker. schedule: when rounds are due, as `Settings.schedule_in_force` says
    it; empty where none are."""

    def __init__(self, settings: Settings, beside: Part | None, counts: Path, schedule: str) -> None:
        self._settings, self._beside, self._counts, self._schedule = settings, beside, counts, schedule
        super().__init__(prog="roadtest")

    def load_config(self) -> None:
        settings = self._settings
        for name, value in {
            "bind": [address(settings.host, settings.port)],
            "workers": settings.workers,
            "worker_class": "gthread",
            "threads": THREADS,
            "keepalive": KEEP_ALIVE,
            "timeout": 60,
            "graceful_timeout": STOP_WITHIN,
            "preload_app": False,
            "accesslog": None,
            "loglevel": "warning",
            "proc_name": "roadtest",
            "control_socket_disable": True,
            "on_exit": lambda _: None if self._beside is None else self._beside.stop(ENDS_WITHIN),
            "worker_exit": _leave,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        bound()
        settings = self._settings
        stale = timedelta(days=settings.stale_after_days)
        metering = replace(metering_of(settings, self._counts), schedule=self._schedule)
        return app_of(settings, open_store(settings.url), stale, metering).server


def _leave(_: Arbiter, worker: Any) -> None:
    """Ends a worker that has answered what it had to, without taking its modules apart, which takes seconds. The database bears
    being left at any moment."""
    if worker.booted and not worker.alive:
        sys.stderr.flush()
        os._exit(0)


class Master(Arbiter):  # type: ignore[misc]
    """gunicorn's master, which also keeps what runs beside the workers. A terminal that closes ends it, like any command."""

    def __init__(self, app: Pages, beside: Part | None, home: Path) -> None:
        self._beside = beside
        super().__init__(app)
        # What gunicorn says of its workers stands in the one log too.
        self.log.error_log.addHandler(handler_for(home))

    def manage_workers(self) -> None:
        """Called every second: what should run is started again when it has ended."""
        super().manage_workers()
        if self._beside is not None:
            self._beside.keep()

    def stop(self, graceful: bool = True) -> None:
        """What runs beside the workers ends while they do."""
        if self._beside is not None:
            self._beside.end()
        super().stop(graceful)

    def handle_hup(self) -> None:
        raise StopIteration


def beside_of(settings: Settings, schedule: tuple[str, str], lock: IO[str]) -> Part:
    """The process that looks after Prefect's server and the rounds. schedule: ("cron", expression) or ("minutes", number).
    lock: the home's, which it holds too."""
    command = [sys.executable, "-m", "flows.beside", *schedule, str(lock.fileno())]

    log = OneLog(settings.folder)

    def say(_: str, line: str) -> None:
        log.say("", line if line.startswith("roadtest: ") else f"roadtest: {line}")

    # What it prints comes to the terminal as it is: gunicorn forks this process, which must have no other threads then.
    told = {**os.environ, **variables(settings)}
    return Part("what runs the rounds", command, told, say, heard=False, shared=[lock.fileno()])


def variables(settings: Settings) -> dict[str, str]:
    """The settings as another process reads them from its environment."""
    found = {}
    for name, value in settings:
        text = value.get_secret_value() if isinstance(value, SecretStr) else "" if value is None else str(value)
        found[f"ROADTEST_{name.upper()}"] = text
    return {**found, "ROADTEST_HOME": str(settings.folder)}


def serve(settings: Settings, round_every: float | None = None, rounds: bool = True) -> None:
    """Serves until Ctrl-C or SIGTERM, and runs rounds on the settings' schedule beside it.

    round_every: minutes between rounds instead. rounds: False serves the pages alone. Raises RoadtestError when the port is
    in use, the pages would be open to others without a sign-in, keys or the file of alerts can't be where the settings say, or
    another process runs the rounds of this home; SystemExit when no worker can start.
    """
    signing_of(settings)
    metering_of(settings)
    settings.require_key_folder()
    require_alerts(settings)
    require_free(settings.host, settings.port)
    with ExitStack() as held:
        lock = held.enter_context(alone()) if rounds else None
        _serve(settings, round_every, lock)


def require_alerts(settings: Settings) -> None:
    """Raises RoadtestError when ROADTEST_ALERTS names no file. What else is wrong with the file is said, and alarmed: a word in
    it must not keep the pages from coming back after the night."""
    try:
        read_channels(settings.alerts_file, named=settings.alerts is not None)
    except RoadtestError as error:
        if not settings.alerts_file.is_file():
            raise
        print(f"roadtest: nobody is told of alerts: {error}", file=sys.stderr, flush=True)


def _serve(settings: Settings, round_every: float | None, lock: IO[str] | None) -> None:
    """lock: the home's, where this process runs its rounds."""
    master = os.getpid()  # workers come back here too, when they end
    store = open_store(settings.url)  # brings the tables to this version once, before there are several workers
    nobody = settings.sign_in == "accounts" and not accounts.listed(store)
    store.close()
    schedule = ("cron", settings.schedule) if round_every is None else ("minutes", str(round_every))
    say_where(settings.host, settings.port)
    if lock is not None:
        when = f"{settings.schedule} (UTC)" if round_every is None else f"every {round_every:g} min"
        print(f"Rounds: {when}; log: {settings.folder / 'roadtest.log'}", flush=True)
        # For whoever asks whether a round is late.
        settings.schedule_file.write_text(" ".join(schedule) + "\n", encoding="utf-8")
    if nobody:
        print("Nobody can sign in yet. Next: roadtest account add NAME", flush=True)
    try:
        if lock is None:
            _run(settings, None, "")
        else:
            _run(settings, beside_of(settings, schedule, lock), settings.schedule_in_force)
    finally:
        if lock is not None and os.getpid() == master:
            settings.schedule_file.unlink(missing_ok=True)


def alone(within: float = ENDS_WITHIN) -> IO[str]:
    """The home's rounds, this process's as long as the file is open. Raises RoadtestError when a `roadtest serve` has them; one
    that was killed is given time to end."""
    lock = only_one(Path(os.environ["PREFECT_HOME"]), within)
    if lock is None:
        raise RoadtestError(
            "home: another `roadtest serve` runs its rounds, must be one at a time. Add --no-rounds to serve the pages "
            "alone, or name another home."
        )
    return lock


def _run(settings: Settings, beside: Part | None, schedule: str) -> None:
    master, counts = os.getpid(), Path(tempfile.mkdtemp(prefix="roadtest-counts-"))  # what the workers count
    try:
        Master(Pages(settings, beside, counts, schedule), beside, settings.folder).run()
    except SystemExit as end:
        if end.code or os.getpid() != master:  # a worker ends this way too
            raise
        print("\nStopped.", flush=True)
    finally:
        if os.getpid() == master:
            shutil.rmtree(counts, ignore_errors=True)
