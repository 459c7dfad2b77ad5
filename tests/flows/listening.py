"""Real servers for what alerts send: one for HTTP and one for mail, on ports of their own; they keep what they were sent."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_string, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Hook:
    """A web hook. status: what it answers; held: set to let a hanging one (status 0) go."""

    url: str = ""
    status: int = 200
    got: list[dict[str, Any]] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)

    @property
    def said(self) -> str:
        """All that came, in one text."""
        return json.dumps(self.got, ensure_ascii=False)


@contextmanager
def hook() -> Iterator[Hook]:
    found = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if found.status == 0:
                found.held.wait(60)
                return
            if found.status == 200:
                found.got.append(json.loads(body))
            self.send_response(found.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        found.url = f"json://127.0.0.1:{server.server_port}/hook"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield found
        finally:
            found.held.set()
            server.shutdown()


@dataclass
class Post:
    """A mail server. got: (from, to, the whole message)."""

    url: str = ""
    got: list[tuple[str, list[str], Any]] = field(default_factory=list)


@contextmanager
def post() -> Iterator[Post]:
    found = Post()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            sender, to = "", []
            self._say("220 here")
            for line in iter(self.rfile.readline, b""):
                word, said = line[:4].upper(), line.decode().strip()
                if word == b"MAIL":
                    sender = said
                elif word == b"RCPT":
                    to.append(said)
                elif word == b"DATA":
                    self._say("354 go on")
                    text = b"".join(iter(self.rfile.readline, b".\r\n")).decode()
                    found.got.append((sender, to, message_from_string(text, policy=policy.default)))
                elif word == b"QUIT":
                    self._say("221 bye")
                    return
                self._say("250 ok")

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        found.url = f"mailto://127.0.0.1:{server.server_address[1]}?from=roadtest@example.org&to=team@example.org"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield found
        finally:
            server.shutdown()
