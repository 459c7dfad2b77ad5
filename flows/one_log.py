"""One log for all processes of `roadtest serve`: roadtest.log in the home, put aside when it is full.

Several processes write to it, each a line at a time; one of them puts it aside, and the others find the new file at their next
line.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from logging.handlers import WatchedFileHandler
from pathlib import Path

LARGEST = 10_000_000  # bytes
KEPT = 5  # files beside the one that is written
_TOLD = "roadtest: "  # how a line begins that is for the terminal too
_SETTLED = 0.5  # seconds without a line, after which nothing more belongs to the last one
# How the lines of Prefect's server begin that are no part of a traceback: its own records, and uvicorn's.
_RECORD = re.compile(r"\d\d:\d\d:\d\d\.\d{3} \| |(DEBUG|INFO|WARNING|ERROR|CRITICAL):\s|roadtest: ")
_TRACEBACK = re.compile(r"[\s+|]*(Exception Group )?Traceback \(most recent call last\):")
_ERROR = re.compile(r"(?:\s*\| )?((?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:: .*)?)$")  # `package.SomeError: what it says`


class _Log(WatchedFileHandler):
    def emit(self, record: logging.LogRecord) -> None:
        """The library's own looks after the file before it guards itself: on a full disk each line would raise."""
        try:
            super().emit(record)
        except OSError:
            self.handleError(record)


def handler_for(home: Path) -> logging.Handler:
    """Writes to the home's log, wherever it lies when a line comes."""
    handler = _Log(home / "roadtest.log", encoding="utf-8", delay=True)
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


class Folded:
    """Says a part's lines, each traceback as one line: the record before it and the error at its end. Prefect's server writes a
    hundred lines when its database was locked for a moment, and they say no more.

    A line is held back until the next one, or `flush`, shows that no traceback follows. Safe to share between threads.
    """

    def __init__(self, say: Callable[[str, str], None]) -> None:
        self._say, self._lock = say, threading.Lock()
        self._part = self._held = self._error = ""
        self._folding = False
        self._since = 0.0

    def say(self, part: str, line: str) -> None:
        if not part:  # what happens to the tree itself
            self._say(part, line)
            return
        with self._lock:
            self._part, self._since = part, time.monotonic()
            if _TRACEBACK.match(line):
                self._folding = True
            elif self._folding and not _RECORD.match(line):
                found = _ERROR.match(line)
                self._error = self._error if found is None else found[1]
            else:
                self._let_go()
                self._held = line

    def flush(self, older: float = _SETTLED) -> None:
        """Lets go of what was held for so many seconds."""
        with self._lock:
            if time.monotonic() - self._since >= older:
                self._let_go()

    def _let_go(self) -> None:
        said = ": ".join(one for one in (self._held, self._error) if one)
        self._held = self._error = ""
        self._folding = False
        if said:
            self._say(self._part, said)
