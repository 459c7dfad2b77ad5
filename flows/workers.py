"""The production server: gunicorn's master in this process, workers with threads that each make the app anew, and the rounds
in a process of their own beside them.

Nothing is loaded before the workers are forked: an engine's connections must not be shared between processes. The master
binds the port at once and workers answer when they are ready, so whoever asks meanwhile waits instead of being refused.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import timedelta
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from pydantic import SecretStr

from flows.serving import address, app_of, require_free, say_where, signing_of
from flows.settings import Settings
from trials.store import accounts
from trials.store.engine import open_store

THREADS = 8  # of each worker: a slow page keeps no poll waiting
KEEP_ALIVE = 75  # seconds; longer than the balancers that stand in front wait (60)
STOP_WITHIN = 5  # seconds for requests that are being answered
_AGAIN_AFTER = 10.0  # seconds between two tries to keep the rounds going


class Pages(BaseApplication):  # type: ignore[misc]
    """The app as gunicorn asks for it: once in each worker."""

    def __init__(self, settings: Settings, beside: Rounds | None) -> None:
        self._settings, self._beside = settings, beside
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
            "on_exit": lambda _: None if self._beside is None else self._beside.stop(),
            "worker_exit": _leave,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        settings = self._settings
        return app_of(settings, open_store(settings.url), timedelta(days=settings.stale_after_days)).server


def _leave(_: Arbiter, worker: Any) -> None:
    """Ends a worker that has answered what it had to, without taking its modules apart, which takes seconds. The database bears
    being left at any moment."""
    if worker.booted and not worker.alive:
        sys.stderr.flush()
        os._exit(0)


class Master(Arbiter):  # type: ignore[misc]
    """gunicorn's master, which also looks after the rounds. A terminal that closes ends it, as it ends any command."""

    def __init__(self, app: Pages, beside: Rounds | None) -> None:
        self._beside = beside
        super().__init__(app)

    def manage_workers(self) -> None:
        """Called every second: what should run is started again when it has ended."""
        super().manage_workers()
        if self._beside is not None:
            self._beside.keep()

    def handle_hup(self) -> None:
        raise StopIteration


class Rounds:
    """`flows.rounds` as a process beside the workers: they serve, it collects and looks."""

    def __init__(self, settings: Settings, every: float) -> None:
        self._command = [sys.executable, "-m", "flows.rounds", str(every)]
        self._environment = {**os.environ, **variables(settings)}
        self._process: subprocess.Popen[bytes] | None = None
        self._began = float("-inf")

    def keep(self) -> None:
        """Starts it, and again when it has ended."""
        ended = self._process is not None and self._process.poll() is not None
        if self._process is not None and not ended:
            return
        if time.monotonic() - self._began >= _AGAIN_AFTER:
            if ended:
                print("roadtest: the rounds ended and are started again.", file=sys.stderr, flush=True)
                _close(self._process)
            self._began = time.monotonic()
            # The pipe tells it when this process is gone, however that came about.
            self._process = subprocess.Popen(self._command, env=self._environment, stdin=subprocess.PIPE)

    def stop(self) -> None:
        """Ends it; what it was doing is stored whole or not at all."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        _close(self._process)


def _close(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None and process.stdin is not None:
        process.stdin.close()


def variables(settings: Settings) -> dict[str, str]:
    """The settings as another process reads them from its environment."""
    found = {}
    for name, value in settings:
        text = value.get_secret_value() if isinstance(value, SecretStr) else "" if value is None else str(value)
        found[f"ROADTEST_{name.upper()}"] = text
    return {**found, "ROADTEST_HOME": str(settings.folder)}


def serve(settings: Settings, round_every: float | None = None) -> None:
    """Serves until Ctrl-C or SIGTERM. round_every: minutes between rounds; None = none (let the system's scheduler run them).

    Raises RoadtestError when the port is in use, or the pages would be open to others without a sign-in; SystemExit when
    no worker can start.
    """
    signing_of(settings)
    require_free(settings.host, settings.port)
    store = open_store(settings.url)  # brings the tables to this version once, before there are several workers
    nobody = settings.sign_in == "accounts" and not accounts.listed(store)
    store.close()
    say_where(settings.host, settings.port)
    if nobody:
        print("Nobody can sign in yet. Next: roadtest account add NAME", flush=True)
    _run(settings, round_every)


def _run(settings: Settings, round_every: float | None) -> None:
    beside = None if round_every is None else Rounds(settings, round_every)
    master = os.getpid()
    try:
        Master(Pages(settings, beside), beside).run()
    except SystemExit as end:
        if end.code or os.getpid() != master:  # a worker ends this way too
            raise
        print("\nStopped.", flush=True)
