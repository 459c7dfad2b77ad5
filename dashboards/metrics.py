"""/metrics for Prometheus and /readyz for whatever decides where requests go. Both stand before the gate, because neither a
scraper nor a balancer has a session: /metrics has a door of its own, /readyz tells nothing of anybody.

Nobody comes in by accident: `local` lets in whoever asks from this machine by its own name, and only while nobody signs in;
what was handed on by a server in front never counts as that. Everybody else needs the token.

Several workers answer, so what each counted stands in a file of a folder that they share (`folder`), and whichever is asked
adds all of them up. A worker takes the first file that no living one holds and counts on in it: a worker that died takes
nothing with it, and no file is left over, however many die.
"""

from __future__ import annotations

import fcntl
import hmac
import ipaddress
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Literal
from urllib.parse import urlsplit

from flask import Flask, Response, g, jsonify, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, values
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from dashboards.gauges import REQUESTS, SECONDS, Stored
from dashboards.read_model.desk import Desk
from dashboards.read_model.measured import readiness
from trials.errors import RoadtestError

SHORTEST_TOKEN = 16
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via")
# What was asked for, by how its address begins: a few kinds, so that no address makes a series of its own.
KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("poll", ("/live/",)),
    ("callback", ("/_dash-update-component",)),
    ("file", ("/assets/", "/_dash-component-suites/", "/theme.css", "/boot.js", "/_favicon.ico")),
    ("health", ("/healthz", "/readyz", "/metrics")),
    ("sign-in", ("/sign-", "/s/", "/leave", "/name")),
    ("data-docs", ("/data-docs",)),
    ("layout", ("/_",)),
)
_OURS = "roadtest_"
_ENVIRONMENT = "PROMETHEUS_MULTIPROC_DIR"
_HELD: list[IO[str]] = []  # the locks on files that this process counts in, for as long as it lives


@dataclass(frozen=True, slots=True)
class Metering:
    """mode: who may read /metrics: `local` (this machine, while nobody signs in), `token` (who shows it), `off`.
    folder: shared by all workers of one server; None: the only process there is. schedule: the rounds' (cron, UTC, or `every
    NUMBER minutes`), for /readyz; '' where none are expected. Raises RoadtestError for a token that could be guessed."""

    mode: Literal["local", "token", "off"] = "local"
    token: str = field(default="", repr=False)
    folder: Path | None = None
    schedule: str = ""

    def __post_init__(self) -> None:
        if self.mode == "token" and (len(self.token) < SHORTEST_TOKEN or not self.token.isascii()):
            raise RoadtestError(
                f"metrics_token has {len(self.token)} characters, must have {SHORTEST_TOKEN} or more of ASCII. Set "
                "ROADTEST_METRICS_TOKEN, for example to what `openssl rand -hex 24` prints."
            )


def install(server: Flask, desk: Desk, metering: Metering, *, signs_in: bool) -> None:
    """Counts what the server answers, and answers /metrics and /readyz before anybody else does. signs_in: whether people
    do."""
    counted = Counted(metering.folder)
    registry = CollectorRegistry()
    registry.register(Stored(desk))
    registry.register(counted)

    def read() -> Response:
        return _refusal(metering, signs_in=signs_in) or Response(
            generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"}
        )

    views: dict[str, Callable[[], Response]] = {"/metrics": read, "/readyz": lambda: _ready(desk, metering)}
    for path, view in views.items():
        server.add_url_rule(path, path[1:], view)

    @server.before_request
    def before_the_gate() -> Response | None:
        g.began = time.perf_counter()
        mine = request.method in ("GET", "HEAD") and request.path in views
        return views[request.path]() if mine else None

    @server.after_request
    def count(response: Response) -> Response:
        seconds = time.perf_counter() - g.get("began", time.perf_counter())
        counted.count(kind_of(request.path), request.method, response.status_code, seconds)
        return response


def _ready(desk: Desk, metering: Metering) -> Response:
    now = datetime.now(UTC)
    found = readiness(desk, metering.schedule, now)
    answer = jsonify(found.to_json(now))
    answer.status_code = 503 if found.status == "away" else 200
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _refusal(metering: Metering, *, signs_in: bool) -> Response | None:
    """The answer to whoever may not read the metrics; None for who may."""
    if metering.mode == "off":
        return _said(404, "There are no metrics here. Set ROADTEST_METRICS.")
    if metering.mode == "token":
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        shown = kind.lower() == "bearer" and hmac.compare_digest(
            token.strip().encode("utf-8", "replace"), metering.token.encode()
        )
        return None if shown else _said(401, "Needs the token, as `Authorization: Bearer`.", bearer=True)
    if signs_in:
        return _said(403, "Where people sign in the metrics need a token. Set ROADTEST_METRICS to token.")
    return None if _from_here() else _said(403, "Without a token the metrics are for this machine alone.")


def _said(status: int, why: str, *, bearer: bool = False) -> Response:
    found = Response(f"{why}\n", status, mimetype="text/plain", headers={"Cache-Control": "no-store"})
    if bearer:
        found.headers["WWW-Authenticate"] = 'Bearer realm="metrics"'
    return found


def _from_here() -> bool:
    """Whether somebody on this machine asks by its own name, and nobody in between: not a page of another site whose name
    leads here (DNS rebinding), and not a server in front, which asks from here too."""
    handed_on = any(name in request.headers for name in FORWARDED)
    return not handed_on and _loopback(request.remote_addr) and _loopback(urlsplit(f"//{request.host}").hostname)


def _loopback(address: str | None) -> bool:
    try:
        return address == "localhost" or ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False


def kind_of(path: str) -> str:
    """What was asked for; `page` for everything that is none of the others."""
    return next((kind for kind, begins in KINDS if path.startswith(begins)), "page")


class Counted(Collector):
    """What the workers answered. Safe to share between threads. folder: as in `Metering`."""

    def __init__(self, folder: Path | None) -> None:
        self._own = CollectorRegistry()
        self._all: Any = self._own if folder is None else MultiProcessCollector(CollectorRegistry(), str(folder))  # type: ignore[no-untyped-call]
        if folder is not None:
            values.ValueClass = values.MultiProcessValue(_slot(folder))  # type: ignore[no-untyped-call]
            os.environ[_ENVIRONMENT] = str(folder)
        self._requests = Counter(REQUESTS.name, REQUESTS.means, REQUESTS.labels, registry=self._own)
        self._seconds = Histogram(SECONDS.name, SECONDS.means, SECONDS.labels, registry=self._own, buckets=BUCKETS)
        if folder is not None:
            # Both files are open after this, and no process that this one starts should count in them.
            self._requests.labels("health", "GET", "200").inc(0)
            self._seconds.labels("health")
            del os.environ[_ENVIRONMENT]

    def count(self, kind: str, method: str, status: int, seconds: float) -> None:
        """One answer."""
        self._requests.labels(kind, method if method in METHODS else "other", str(status)).inc()
        self._seconds.labels(kind).observe(seconds)

    def collect(self) -> Iterable[Family]:
        """What all workers counted so far."""
        for family in self._all.collect():
            if family.name.startswith(_OURS):
                family.samples = [one for one in family.samples if not one.name.endswith("_created")]
                yield family


def _slot(folder: Path) -> Any:
    """The number of the first file that no other living process counts in, as prometheus_client asks for it: by a function."""
    number = 0
    while True:
        lock = (folder / f"{number}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            number += 1
        else:
            _HELD.append(lock)
            return lambda: str(number)
