"""Whose turn it is to be worked out: one simulation at a time in a process, and of each open form only the newest.

Somebody who types fast asks faster than trials can be tried out. What has been overtaken while it waited is never begun,
and nobody waits for long: a form that waits would hold one of the server's few threads, so it is told to ask again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
_REMEMBERED = 500
LONGEST_WAIT = 1.0  # seconds


class BusyError(Exception):
    """Something else is being worked out: ask again."""


class Turns:
    """Safe to share between threads. Forms are remembered by their own word, the least recent forgotten first."""

    def __init__(self, longest: float = LONGEST_WAIT) -> None:
        """longest: seconds that a form waits for its turn."""
        self._longest = longest
        self._waiting = threading.Lock()
        self._working = threading.Lock()
        self._knowing = threading.Lock()
        self._newest: OrderedDict[str, int] = OrderedDict()

    def ask(self, form: str, number: int) -> None:
        """A form asks for its draft with this number; higher ones are newer."""
        with self._knowing:
            self._newest[form] = max(number, self._newest.pop(form, number))
            while len(self._newest) > _REMEMBERED:
                self._newest.popitem(last=False)

    def overtaken(self, form: str, number: int) -> bool:
        with self._knowing:
            return self._newest.get(form, number) > number

    def work(self, form: str, number: int, work: Callable[[], Found]) -> Found | None:
        """Does the work when nothing else is being worked out; None when the form has asked for something newer by then.

        Raises BusyError when its turn doesn't come soon, and at once when another waits already: one thread at most waits.
        """
        self.ask(form, number)
        if not self._turn():
            if self.overtaken(form, number):
                return None
            raise BusyError
        try:
            return None if self.overtaken(form, number) else work()
        finally:
            self._working.release()

    def _turn(self) -> bool:
        if self._working.acquire(blocking=False):
            return True
        if not self._waiting.acquire(blocking=False):
            return False
        try:
            return self._working.acquire(timeout=self._longest)
        finally:
            self._waiting.release()
