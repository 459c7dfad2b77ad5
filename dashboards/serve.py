"""Serving the pages from inside a process that has other work to do.

Werkzeug's threaded server, because the demo's story shares the process: gunicorn must be the main process and forks. It
answers one reader to a few dozen; `roadtest serve` (`flows.workers`) is for more.
"""

from __future__ import annotations

import errno
import logging
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass

import dash
from werkzeug.serving import BaseWSGIServer, ThreadedWSGIServer, WSGIRequestHandler, make_server

from trials.errors import RoadtestError


class PortError(RoadtestError):
    """The port can't be served on."""


class _Quiet(WSGIRequestHandler):
    """Keeps connections open between requests, and logs no line per request: polls would drown everything else."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def free_port(host: str, preferred: int) -> int:
    """The preferred port, or one that is free when it is taken. Raises PortError when the address isn't ours."""
    if _free(host, preferred):
        return preferred
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Running:
    """A server that answers in its own thread until it is stopped."""

    address: str
    _server: BaseWSGIServer
    _thread: threading.Thread

    def stop(self) -> None:
        """Stops answering and frees the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)


def start(app: dash.Dash, host: str, port: int) -> Running:
    """Serves in a thread, beside whatever else the process does. Raises PortError when the port is in use."""
    server = _server(app, host, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="pages", daemon=True)
    thread.start()
    return Running(f"http://{host}:{server.socket.getsockname()[1]}", server, thread)


def serve(app: dash.Dash, host: str, port: int) -> None:
    """Serves until interrupted. Raises PortError when the port is in use."""
    server = _server(app, host, port)
    try:
        with suppress(KeyboardInterrupt):
            server.serve_forever()
    finally:
        server.server_close()


def _server(app: dash.Dash, host: str, port: int) -> BaseWSGIServer:
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    # Tried out first: Werkzeug itself prints to the terminal and exits when it can't have a port.
    if port and not _free(host, port):
        raise PortError(f"port == {port}, must be free and allowed on {host}. Leave --port out, or name another.")
    server = make_server(host, port, app.server, threaded=True, request_handler=_Quiet)
    assert isinstance(server, ThreadedWSGIServer)
    server.daemon_threads = True  # an open connection must not keep the process from ending
    return server


def _free(host: str, port: int) -> bool:
    """Whether a port can be served on. Raises PortError when the address isn't one of this machine."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise PortError(f'host == "{host}", must be an address of this machine. Write 127.0.0.1.') from error
        return True
