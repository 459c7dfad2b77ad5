"""Live pages: a small route that says whether anything changed, asked every second and a half outside Dash's callbacks.

The token is bumped in the transaction that writes a look, so a page never refreshes before the data are there. A poll costs
one query over small rows that all readers of a process share for REMEMBERED seconds, and nothing else: which trials a reader is
told of is worked out again only when a role was given or taken, or a plan changed. A reader who may not see a trial gets the
answer that they would get if there were none.

An answer's tag is keyed with the server's secret, so that nobody counts what happened from it; and what happens to one person
alone (`doors.QUIET`) moves no tag of a reader who came by a link. Their page has it with the next change, or quarter of
`stale_after`.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, Response, current_app, has_app_context, request

from dashboards import read_model
from dashboards.read_model import Desk
from dashboards.reader import Reader
from trials.errors import StoreError
from trials.protocol import canonical_json
from trials.store import doors
from trials.store.doors import Pulse

# Many viewers ask at once; within this many seconds they share one query.
REMEMBERED = 0.25
_MOST_READERS = 1_000  # remembered at once
_OWN_KEY = secrets.token_bytes(32)  # for an app that signs nothing
_Seen = tuple[object, frozenset[str] | None]


@dataclass(frozen=True, slots=True)
class Told:
    """What one reader is told of changes."""

    _tokens: Tokens
    _reader: Reader

    def all(self) -> dict[str, int]:
        """The change tokens of the trials that the reader may read."""
        return self._tokens.seen(self._reader)

    def etag(self, trial_id: str | None = None) -> str:
        """What changes whenever the portfolio (or one trial's page) should be drawn again for this reader."""
        return self._tokens.etag(self._reader, trial_id)


class Tokens:
    """The change tokens of all trials, remembered for REMEMBERED seconds. Safe to share between threads."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._pulse = Pulse({}, {}, 0, 0)
        self._plans: object = None
        self._seen: dict[Reader, _Seen] = {}

    def told_to(self, reader: Reader) -> Told:
        """The tokens as somebody is told of them."""
        return Told(self, reader)

    def pulse(self) -> Pulse:
        """What changed, as of at most REMEMBERED seconds ago. Raises StoreError."""
        with self._lock:
            if time.monotonic() - self._read_at >= REMEMBERED:
                self._pulse = found = doors.pulse(self._desk.store)
                # One object for as long as no role and no plan changes: what readers may see was worked out for it.
                rights = (found.grants, dict(found.plans))
                self._plans = self._plans if rights == self._plans else rights
                self._read_at = time.monotonic()
            return self._pulse

    def seen(self, reader: Reader) -> dict[str, int]:
        """The tokens of the trials that the reader may read."""
        return self._seen_of(self.pulse().tokens, self._may(reader))

    @staticmethod
    def _seen_of(tokens: Mapping[str, int], may: frozenset[str] | None) -> dict[str, int]:
        return {trial: token for trial, token in tokens.items() if may is None or trial in may}

    def etag(self, reader: Reader, trial_id: str | None) -> str:
        pulse, may = self.pulse(), self._may(reader)
        tokens = pulse.told if reader.kind == "link" else pulse.tokens
        if trial_id is None:
            part: object = self._seen_of(tokens, may)
        else:
            part = tokens.get(trial_id, -1) if may is None or trial_id in may else -1
        who = [reader.kind, reader.reads_as, sorted(reader.trials), sorted(reader.programmes), pulse.grants]
        text = canonical_json([part, who, _quarter(self._desk.stale_after)])
        return f'"{hmac.digest(_key(), text.encode(), "sha256").hex()[:16]}"'

    def _may(self, reader: Reader) -> frozenset[str] | None:
        """Which trials the reader is told of; None = all."""
        rights, found = self._plans, self._seen.get(reader)
        if found is None or found[0] is not rights:
            found = (rights, read_model.seen_ids(self._desk.for_reader(reader)))
            if len(self._seen) >= _MOST_READERS:
                self._seen.clear()
            self._seen[reader] = found
        return found[1]


def _key() -> bytes:
    """What tags are keyed with: made from the app's secret, which all its workers share and cookies are signed with."""
    doors = current_app.extensions.get("roadtest.doors") if has_app_context() else None
    return _OWN_KEY if doors is None else hmac.digest(doors.signing.secret, b"live tags", "sha256")


def _quarter(stale_after: timedelta | None) -> int:
    """Counts quarters of `stale_after`, so that a page notices within that time that no news came."""
    return 0 if stale_after is None else int(time.time() / max(stale_after.total_seconds() / 4, 60.0))


def routes(tokens: Tokens, reader: Callable[[], Reader]) -> Blueprint:
    """`/live/token` and `/live/token/<trial>`: 304 if nothing changed, else 200 and the new ETag; 503 without a database."""
    live = Blueprint("live", __name__)

    @live.get("/live/token")
    @live.get("/live/token/<trial_id>")
    def token(trial_id: str | None = None) -> Response:
        try:
            etag = tokens.told_to(reader()).etag(trial_id)
        except StoreError as error:
            return Response(f"{error}\n", 503, mimetype="text/plain")
        answer = Response(status=304) if request.headers.get("If-None-Match") == etag else Response("{}", 200)
        answer.mimetype = "application/json"
        answer.headers["ETag"] = etag
        answer.headers["Cache-Control"] = "no-store"
        return answer

    return live
