"""Live pages: a small route that says whether anything changed, asked every two seconds outside Dash's callbacks.

The token is bumped in the transaction that writes a look, so a page never refreshes before the data are there.
"""

from __future__ import annotations

import hashlib
import threading
import time
from datetime import timedelta

from flask import Blueprint, Response, request

from dashboards import read_model
from dashboards.read_model import Desk
from trials.errors import StoreError
from trials.protocol import canonical_json

# Many viewers ask at once; within this many seconds they share one query.
REMEMBERED = 0.25


class Tokens:
    """The change tokens of all trials, remembered for REMEMBERED seconds. Safe to share between threads."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._tokens: dict[str, int] = {}

    def all(self) -> dict[str, int]:
        with self._lock:
            if time.monotonic() - self._read_at >= REMEMBERED:
                self._tokens = read_model.tokens(self._desk)
                self._read_at = time.monotonic()
            return self._tokens

    def etag(self, trial_id: str | None = None) -> str:
        """What changes whenever the portfolio (or one trial's page) should be drawn again."""
        tokens = self.all()
        part = tokens if trial_id is None else {trial_id: tokens.get(trial_id, -1)}
        text = canonical_json([part, _quarter(self._desk.stale_after)])
        return f'"{hashlib.sha256(text.encode()).hexdigest()[:16]}"'


def _quarter(stale_after: timedelta | None) -> int:
    """Counts quarters of `stale_after`, so that a page notices within that time that no news came."""
    return 0 if stale_after is None else int(time.time() / max(stale_after.total_seconds() / 4, 60.0))


def routes(tokens: Tokens) -> Blueprint:
    """`/live/token` and `/live/token/<trial>`: 304 if nothing changed, else 200 and the new ETag; 503 without a database."""
    live = Blueprint("live", __name__)

    @live.get("/live/token")
    @live.get("/live/token/<trial_id>")
    def token(trial_id: str | None = None) -> Response:
        try:
            etag = tokens.etag(trial_id)
        except StoreError as error:
            return Response(f"{error}\n", 503, mimetype="text/plain")
        answer = Response(status=304) if request.headers.get("If-None-Match") == etag else Response("{}", 200)
        answer.mimetype = "application/json"
        answer.headers["ETag"] = etag
        answer.headers["Cache-Control"] = "no-store"
        return answer

    return live
