"""A web server on this machine whose answers a test decides, and a desk that reads from it as the flow does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from trials.connectors import http
from trials.connectors.connector import Connector, Context, Limits
from trials.connectors.fetching import Patience
from trials.protocol import Protocol, from_content
from trials.records import Delivery

ROOMY = Limits()
NOW = datetime(2024, 6, 3, 8, tzinfo=UTC)
HUSH = "hush-4711-hush"
CSV = b"participant_id,arm,entry_order,well\np001,usual,1,0\np002,new,2,1\n"
ROWS = [{"participant_id": f"p{number:03d}", "well": number % 2} for number in range(1, 8)]


@dataclass
class Reply:
    """What the server sends. length False: no Content-Length, the connection's end is the body's. hang: never."""

    body: bytes = b""
    status: int = 200
    type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    length: bool | int = True
    hang: bool = False


@dataclass
class Asked:
    path: str
    query: dict[str, str]
    headers: dict[str, str]


class Server:
    """A server of one page whose answers are a function of the request; it remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], Reply] = lambda asked: Reply(CSV, type="text/csv")
        self.over = Event()
        self._httpd = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._httpd.server_port}/data/outcomes"
        self._thread = Thread(target=self._httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.over.set()
        self._httpd.shutdown()
        self._httpd.server_close()
        self._thread.join()

    def in_turn(self, *replies: Reply) -> None:
        """One reply after the other; the last one again and again."""
        left = list(replies)
        self.answer = lambda asked: left.pop(0) if len(left) > 1 else left[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
                asked = Asked(parts.path, query, {name.lower(): text for name, text in self.headers.items()})
                server.asked.append(asked)
                self._send(server.answer(asked))

            def _send(self, reply: Reply) -> None:
                if reply.hang:
                    server.over.wait(30)
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                if reply.type:
                    self.send_header("Content-Type", reply.type)
                for name, text in reply.headers.items():
                    self.send_header(name, text)
                if reply.length is not False and reply.status != 304:
                    length = len(reply.body) if reply.length is True else reply.length
                    self.send_header("Content-Length", str(length))
                self.close_connection = reply.length is not True
                if self.close_connection:
                    self.send_header("Connection", "close")
                self.end_headers()
                try:
                    self.wfile.write(reply.body)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True  # whoever asked has read enough

            def handle(self) -> None:
                try:
                    super().handle()
                except ConnectionResetError:
                    self.close_connection = True  # so does a client that refuses the rest of an answer

            def log_message(self, *args: object) -> None:
                """Nothing on the terminal."""

        return Handler


@contextmanager
def serving() -> Iterator[Server]:
    """A server for the block."""
    found = Server()
    try:
        yield found
    finally:
        found.close()


@dataclass
class Desk:
    """Reads as the flow does, without waiting. waits: what it would have waited."""

    home: Path
    url: str
    waits: list[float] = field(default_factory=list)

    def plan(self, *, path: str | None = None, secret: str | None = None, **options: Any) -> Protocol:
        source = {"connector": "http", "path": path or self.url, "secret": secret, "options": options}
        return plan(source)

    @property
    def connector(self) -> Connector:
        return http.connector(Patience(sleep=self.waits.append))

    def read(
        self, *, watermark: str | None = None, limits: Limits = ROOMY, timeout: float = 5.0, **asked: Any
    ) -> Delivery | None:
        protocol = self.plan(**{"format": "json", **asked})
        context = Context(self.home, limits, lambda name: HUSH, watermark, NOW, timeout)
        self.connector.check(protocol.source)
        [found] = self.connector.find(protocol.source, context)
        assert self.connector.fingerprint(found, context) is None
        return self.connector.read(protocol, found, context)

    def rows(self, **asked: Any) -> list[dict[str, str]]:
        delivery = self.read(**asked)
        assert delivery is not None
        assert delivery.problem is None
        return [row.cells for row in delivery.rows]


def plan(source: dict[str, Any]) -> Protocol:
    return from_content(
        {
            "trial": "a-trial",
            "question": "Does it help?",
            "owner": "tests",
            "arms": [{"id": "usual", "role": "control"}, {"id": "new"}],
            "primary": {"measure": "well", "kind": "binary", "better": "higher", "baseline": 0.4, "worthwhile": 0.2},
            "monitoring": {"max_participants": 200},
            "order_by": ["entry_order"],
            "source": source,
        }
    )


def as_json(value: object) -> Reply:
    return Reply(json.dumps(value).encode())


def in_pages(size: int, wrap: Callable[[list[Any], int], Reply]) -> Callable[[Asked], Reply]:
    """Pages of ROWS by the parameter `page`, from 1."""

    def answer(asked: Asked) -> Reply:
        number = int(asked.query.get("page", "1"))
        return wrap(ROWS[(number - 1) * size : number * size], number)

    return answer
