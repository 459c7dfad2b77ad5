"""Whose turn it is to be worked out: one simulation at a time in a process, and of each open form only the newest.

Somebody who types fast asks faster than trials can be tried out. What has been overtaken while it waited is never begun.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
_REMEMBERED = 500


class Turns:
    """Safe to share between threads. Forms are remembered by their own word, the least recent forgotten first."""

    def __init__(self) -> None:
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
        """Does the work when nothing else is being worked out; None when the form has asked for something newer by then."""
        self.ask(form, number)
        with self._working:
            return None if self.overtaken(form, number) else work()
