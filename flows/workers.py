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
from datetime import timedelta
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from pydantic import SecretStr

from flows.beside import ENDS_WITHIN, only_one
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
    """The app as gunicorn asks for it: once in each worker. due: whether rounds are due by the settings' schedule."""

    def __init__(self, settings: Settings, beside: Part | None, counts: Path, *, due: bool) -> None:
        self._settings, self._beside, self._counts, self._due = settings, beside, counts, due
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
        settings = self._settings
        stale, metering = (
            timedelta(days=settings.stale_after_days),
            metering_of(settings, self._counts, rounds=self._due),
        )
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


def beside_of(settings: Settings, schedule: tuple[str, str]) -> Part:
    """The process that looks after Prefect's server and the rounds. schedule: ("cron", expression) or ("minutes", number)."""
    command = [sys.executable, "-m", "flows.beside", *schedule]

    log = OneLog(settings.folder)

    def say(_: str, line: str) -> None:
        log.say("", line if line.startswith("roadtest: ") else f"roadtest: {line}")

    # What it prints comes to the terminal as it is: gunicorn forks this process, which must have no other threads then.
    return Part("what runs the rounds", command, {**os.environ, **variables(settings)}, say, heard=False)


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
    in use, the pages would be open to others without a sign-in, or another process runs the rounds of this home; SystemExit
    when no worker can start.
    """
    master = os.getpid()  # workers come back here too, when they end
    signing_of(settings)
    metering_of(settings)
    require_free(settings.host, settings.port)
    if rounds:
        require_alone()
    store = open_store(settings.url)  # brings the tables to this version once, before there are several workers
    nobody = settings.sign_in == "accounts" and not accounts.listed(store)
    store.close()
    schedule = ("cron", settings.schedule) if round_every is None else ("minutes", str(round_every))
    say_where(settings.host, settings.port)
    if rounds:
        when = f"{settings.schedule} (UTC)" if round_every is None else f"every {round_every:g} min"
        print(f"Rounds: {when}; log: {settings.folder / 'roadtest.log'}", flush=True)
        # For whoever asks whether a round is late.
        settings.schedule_file.write_text(" ".join(schedule) + "\n", encoding="utf-8")
    if nobody:
        print("Nobody can sign in yet. Next: roadtest account add NAME", flush=True)
    try:
        _run(settings, beside_of(settings, schedule) if rounds else None, due=rounds and round_every is None)
    finally:
        if rounds and os.getpid() == master:
            settings.schedule_file.unlink(missing_ok=True)


def require_alone(within: float = ENDS_WITHIN) -> None:
    """Raises RoadtestError when a `roadtest serve` runs the rounds of this home already; one that was killed is given time
    to end."""
    lock = only_one(Path(os.environ["PREFECT_HOME"]), within)
    if lock is None:
        raise RoadtestError(
            "home: another `roadtest serve` runs its rounds, must be one at a time. Add --no-rounds to serve the pages "
            "alone, or name another home."
        )
    lock.close()


def _run(settings: Settings, beside: Part | None, *, due: bool) -> None:
    master, counts = os.getpid(), Path(tempfile.mkdtemp(prefix="roadtest-counts-"))  # what the workers count
    try:
        Master(Pages(settings, beside, counts, due=due), beside, settings.folder).run()
    except SystemExit as end:
        if end.code or os.getpid() != master:  # a worker ends this way too
            raise
        print("\nStopped.", flush=True)
    finally:
        if os.getpid() == master:
            shutil.rmtree(counts, ignore_errors=True)
