"""Keeping Python out of the way while many rows are in memory."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_MANY = 20_000


@contextmanager
def collecting_later(rows: int) -> Iterator[None]:
    """Python's search for circular garbage put off while many rows are in memory: it visits each of them again and again
    (half of all the time at a million), and rows hold no circles."""
    if rows < _MANY or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
