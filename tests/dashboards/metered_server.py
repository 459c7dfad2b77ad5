"""A gunicorn server of two workers that share their counts, for test_metrics.py: FOLDER DATABASE, and a port of its own choice
on the first line that it prints."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from dashboards import metrics
from dashboards.read_model.desk import Desk
from trials.store.engine import open_store


class Server(BaseApplication):
    """Two workers with threads, as `flows.workers` has them."""

    def load_config(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        for name, value in {
            "bind": [f"127.0.0.1:{port}"],
            "workers": 2,
            "worker_class": "gthread",
            "threads": 2,
            "preload_app": False,
            "loglevel": "critical",
            "control_socket_disable": True,
            "when_ready": lambda _: print(port, flush=True),
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        server = Flask("metered")
        metering = metrics.Metering(folder=Path(sys.argv[1]))
        metrics.install(server, Desk(open_store(sys.argv[2])), metering, signs_in=False)
        server.add_url_rule("/live/pid", view_func=lambda: str(os.getpid()))
        return server


if __name__ == "__main__":
    Server().run()
