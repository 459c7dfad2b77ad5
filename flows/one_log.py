"""One log for all processes of `roadtest serve`: roadtest.log in the home, put aside when it is full.

Several processes write to it, each a line at a time; one of them puts it aside, and the others find the new file at their next
line.
"""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from logging.handlers import WatchedFileHandler
from pathlib import Path

LARGEST = 10_000_000  # bytes
KEPT = 5  # files beside the one that is written
_TOLD = "roadtest: "  # how a line begins that is for the terminal too


def handler_for(home: Path) -> logging.Handler:
    """Writes to the home's log, wherever it lies when a line comes."""
    handler = WatchedFileHandler(home / "roadtest.log", encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    return handler


class OneLog:
    """What the parts say, with their names; sentences that are meant for people go to the terminal too."""

    def __init__(self, home: Path) -> None:
        self._path = home / "roadtest.log"
        self._logger = logging.Logger("roadtest.serve")
        self._logger.addHandler(handler_for(home))

    def say(self, part: str, line: str) -> None:
        """part: who says it; empty for what happens to the tree itself."""
        if not line.strip():
            return
        told = line.startswith(_TOLD)
        self._logger.log(
            logging.WARNING if told else logging.INFO, "[%s] %s", part or "serve", line.removeprefix(_TOLD)
        )
        if told:
            with suppress(OSError):  # a terminal that was closed
                print(line, file=sys.stderr, flush=True)

    def close(self) -> None:
        for handler in self._logger.handlers:
            handler.close()

    def put_aside(self) -> None:
        """Makes room once it is full: roadtest.log.1 is the newest of those kept."""
        with suppress(OSError):  # somebody has removed it, or the disk is full: tried again in a moment
            if self._path.stat().st_size < LARGEST:
                return
            for number in range(KEPT - 1, 0, -1):
                older = self._path.with_name(f"roadtest.log.{number}")
                if older.exists():
                    older.replace(self._path.with_name(f"roadtest.log.{number + 1}"))
            self._path.replace(self._path.with_name("roadtest.log.1"))
