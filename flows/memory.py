"""How much a process that runs for months keeps of the memory it once needed. A round needs none of it: its process ends.

Measured by `docs/scripts/soak.py`; docs/monitoring.md says what came of it.
"""

from __future__ import annotations

import ctypes
import sqlite3
import threading
import time
from collections.abc import Callable

SQLITE_BYTES = 24 * 2**20  # of all of a process's connections together
# glibc's names and values (malloc.h), and what we set.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_ARENAS, _MMAP_BYTES, _TRIM_BYTES = 1, 256 * 1024, 2 * 2**20
TRIM_SECONDS = 60.0


def bound() -> None:
    """Bounds what this process keeps. Called once, before its threads start.

    glibc gives each thread a heap of its own, and each keeps what its largest answer needed; under Python's lock threads hardly
    allocate at once, so they share one. SQLite keeps pages of the file by connection; the bound is for all of them, whatever a
    library (Prefect: 80 MB a connection) asks for. What is above is taken from the oldest pages, no statement fails for it.
    What is free within the heap goes back to the system every minute: else the heap keeps the size of its busiest moment,
    which over weeks is ever busier.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc's; musl and macOS have other allocators
    if mallopt is not None:
        for name, value in (
            (_M_ARENA_MAX, _ARENAS),
            (_M_MMAP_THRESHOLD, _MMAP_BYTES),  # larger blocks go back at once
            (_M_TRIM_THRESHOLD, _TRIM_BYTES),
        ):
            mallopt(name, value)
        threading.Thread(target=_give_back, args=(ctypes.CDLL(None).malloc_trim,), name="memory", daemon=True).start()
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute(f"PRAGMA soft_heap_limit = {SQLITE_BYTES}")  # holds for the process, not for the connection
    finally:
        connection.close()


def _give_back(trim: Callable[[int], int]) -> None:
    while True:
        time.sleep(TRIM_SECONDS)
        trim(0)
