"""Prefect's server beside the pages: `python -m flows.prefect_server FILE`, the number of an open listening socket.

It differs from `prefect server start` in that it takes over a socket that is open already, keeps within bounds what it holds in
memory, and ends with its parent.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from flows.beside import STOP_SERVER
from flows.environment import prepare
from flows.memory import bound
from flows.parts import FAULT, ends_with_its_parent
from flows.settings import load_settings


def main() -> int:
    """Serves until SIGTERM, or until whoever started it is gone."""
    bound()
    ends_with_its_parent(STOP_SERVER)
    listening = socket.socket(fileno=int(sys.argv[1]))
    prepare(load_settings().folder)
    os.chdir(Path(os.environ["PREFECT_HOME"]))
    import uvicorn
    from prefect.server.api.server import create_app

    config = uvicorn.Config(create_app(final=True), log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    server.run(sockets=[listening])
    return 0 if server.started else FAULT


if __name__ == "__main__":
    sys.exit(main())
