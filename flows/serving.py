"""The dashboard, alone or with a loop that runs rounds beside it, in one process."""

from __future__ import annotations

import ipaddress
import socket
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flows.settings import Settings
from trials.errors import RoadtestError

if TYPE_CHECKING:
    from trials.store.engine import Store


def serve(settings: Settings, round_every: float | None = None) -> None:
    """Serves until Ctrl-C. round_every: minutes between rounds; None = none (let the system's scheduler run them).

    Raises RoadtestError when the port is in use.
    """
    from trials.store.engine import open_store

    require_free(settings.host, settings.port)
    app = app_of(settings, open_store(settings.url), timedelta(days=settings.stale_after_days))
    done = threading.Event()
    say_where(settings.host, settings.port)
    with_dashboard(app, settings.host, settings.port, lambda: _rounds(settings, round_every, done), done)


def app_of(settings: Settings, store: Store, stale_after: timedelta | None = None) -> Any:
    """The pages over a store, with what can be done on them, in the name of whoever serves them on this machine."""
    from dashboards.app import create_app
    from dashboards.reader import Reader
    from flows.doing import ByHand
    from flows.stores import person_of

    return create_app(
        store, stale_after=stale_after, doing=ByHand(store, settings), reader=Reader(person_of(settings), "local")
    )


def _rounds(settings: Settings, round_every: float | None, done: threading.Event) -> None:
    if round_every is None:
        done.wait()
        return
    from flows.environment import run
    from flows.round import run_round
    from flows.work import Outcome, guarded

    while not done.is_set():
        # A round that can't run at all (a database that is away for a moment) must not take the pages down.
        found = guarded("round", lambda: run(run_round, settings))
        for outcome in [found] if isinstance(found, Outcome) else found:
            if not outcome.ok:
                print(f"roadtest: {outcome.trial}: {outcome.error}", file=sys.stderr, flush=True)
        done.wait(round_every * 60)


def with_dashboard(app: Any, host: str, port: int, work: Callable[[], None], done: threading.Event) -> None:
    """Serves in a thread while `work` runs in this one; afterwards until Ctrl-C or SIGTERM."""
    import signal

    from dashboards.serve import start

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    server = start(app, host, port)
    try:
        work()
        done.wait()
    except KeyboardInterrupt:
        print("\nStopped.", flush=True)
    finally:
        done.set()
        server.stop()


def require_free(host: str, port: int) -> None:
    """Raises RoadtestError when something else listens on the port, or the address is not this machine's own."""
    if not is_loopback(host):
        raise RoadtestError(
            f"host == '{host}', must be this machine's own (127.0.0.1): the pages have no sign-in yet and show people's "
            "data. Put a server that signs people in before it."
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise RoadtestError(
                f"port == {port}, must be free on {host} ({error.strerror}). Choose another with --port or ROADTEST_PORT."
            ) from None


def is_loopback(host: str) -> bool:
    """Whether an address reaches this machine only."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def say_where(host: str, port: int) -> None:
    print(f"\nDashboard: http://{host}:{port}/  (Ctrl-C ends it)", flush=True)
