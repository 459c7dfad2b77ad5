"""Parts of a tree of processes: each is started, started again when it has ended, and stopped in time with all that it started.

A part learns from its standard input that whoever started it is gone, however that came about (`ends_with_its_parent`); so
nothing is left behind when a process of the tree is killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # seconds before a part that ended is started again
_STEADY = 60.0  # seconds after which a part that ends begins again with the first wait
FAULT = 1  # a part's exit code; never 3 or 4, which end gunicorn's master

Say = Callable[[str, str], None]


class Part:
    """One process of the tree, with the processes that it starts.

    say: is called with the part's name and each line that it prints, and with what happens to it. heard: False leaves what it
    prints to this process's own output, without a thread that reads it. shared: open files of this process that it inherits.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        say: Say,
        *,
        heard: bool = True,
        shared: Sequence[int] = (),
    ) -> None:
        self.name = name
        self._command, self._environment, self._say = list(command), dict(environment), say
        self._heard, self._shared = heard, shared
        self._process: subprocess.Popen[str] | None = None
        self._began = self._again_at = float("-inf")
        self._wait = FIRST_WAIT

    @property
    def pid(self) -> int | None:
        """Its process, while it runs."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if running and self._process is not None else None

    def keep(self) -> None:
        """Starts it, and again when it has ended: after 1 s, 2 s, 4 s ... 60 s, and after 1 s once it ran for a minute."""
        if self.pid is not None:
            return
        now = time.monotonic()
        if self._process is not None:
            self._note_end(self._process, now)
        if now >= self._again_at:
            self._start(now)

    def _note_end(self, process: subprocess.Popen[str], now: float) -> None:
        wait = FIRST_WAIT if now - self._began > _STEADY else self._wait
        self._again_at, self._wait = now + wait, min(wait * 2, LONGEST_WAIT)
        code = process.returncode  # 0 also where something else has collected it
        how = "" if code == 0 else f" (signal {-code})" if code < 0 else f" (code {code})"
        self._say("", f"roadtest: {self.name} ended{how} and is started again in {wait:g} s.")
        self._clear(process)

    def _start(self, now: float) -> None:
        self._began = now
        self._process = subprocess.Popen(
            self._command,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if self._heard else None,
            stderr=subprocess.STDOUT if self._heard else None,
            text=True,
            errors="replace",
            bufsize=1,
            pass_fds=self._shared,
            start_new_session=True,  # a terminal's Ctrl-C goes to the master alone, which ends all in order
        )
        if self._process.stdout is not None:
            threading.Thread(target=self._read, args=(self._process.stdout,), name=self.name, daemon=True).start()

    def _read(self, lines: IO[str]) -> None:
        with lines:
            for line in lines:
                self._say(self.name, line.rstrip("\n"))

    def end(self) -> None:
        """Asks it to end, and doesn't wait."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGTERM)

    def stop(self, within: float) -> None:
        """Ends it, and after so many seconds by force; what it was doing is stored whole or not at all."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=within)
        self._clear(process)

    def _clear(self, process: subprocess.Popen[str]) -> None:
        """Leaves nothing of it: what it had started lives in its session."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdin is not None:
            process.stdin.close()
        if self._process is process:
            self._process = None


def ends_with_its_parent(within: float) -> None:
    """For a part: SIGTERM to itself when whoever started it is gone, and after so many seconds by force, with its session."""

    def watch() -> None:
        with suppress(OSError):
            while os.read(sys.stdin.fileno(), 1024):
                pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(within)
        if os.getpgid(0) == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(FAULT)

    threading.Thread(target=watch, name="parent", daemon=True).start()
