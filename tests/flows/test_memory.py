"""What a process that runs for months keeps is bounded. Each is asked in a process of its own: bounds can't be taken back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_READ = """
import sqlite3, sys
from flows import memory
if sys.argv[2] == "bound":
    memory.bound()
def resident():
    return next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmRSS"))
before, opened = resident(), []
for _ in range(4):
    connection = sqlite3.connect(sys.argv[1])
    connection.execute("PRAGMA cache_size = 20000")  # as Prefect asks for
    assert connection.execute("SELECT sum(length(words)) FROM kept").fetchone() == (300 * 100_000,)
    opened.append(connection)
print(resident() - before)
"""

_THREADS = """
import ctypes, sys, threading
from flows import memory
if sys.argv[1] == "bound":
    memory.bound()
meet = threading.Barrier(4)
def take():
    meet.wait()
    kept = [bytes(5000 + number) for number in range(2000)]
    meet.wait()
threads = [threading.Thread(target=take) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
libc.fopen.restype, libc.fopen.argtypes = ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_char_p]
libc.malloc_info.argtypes, libc.fclose.argtypes = [ctypes.c_int, ctypes.c_void_p], [ctypes.c_void_p]
file = libc.fopen(sys.argv[2].encode(), b"w")
assert libc.malloc_info(0, file) == 0
libc.fclose(file)
print(open(sys.argv[2]).read().count("<heap nr="))
"""

_FREE = """
import sys, time
from flows import memory
memory.TRIM_SECONDS = 0.2 if sys.argv[1] == "trimmed" else 3600
memory.bound()
def resident():
    return next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmRSS"))
before = resident()
kept = [bytearray(1000) for _ in range(50_000)]
last = bytearray(1000)  # lies on top: what is below is free, and the heap can't shrink
del kept
time.sleep(1)
print(resident() - before)
"""


def _said(program: str, *arguments: str) -> float:
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    return float(done.stdout)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    import sqlite3

    path = tmp_path / "kept.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE kept (words TEXT)")
        connection.executemany("INSERT INTO kept VALUES (?)", (("x" * 300,) for _ in range(100_000)))
    connection.close()
    return path


def test_all_connections_to_sqlite_together_keep_no_more_than_the_bound(database: Path) -> None:
    """Each of the four could keep the whole file of some 30 MB, as it does without the bound."""
    assert _said(_READ, str(database), "bound") < 40
    assert _said(_READ, str(database), "unbound") > 90


def test_threads_share_one_heap(tmp_path: Path) -> None:
    assert _said(_THREADS, "bound", str(tmp_path / "heaps.xml")) == 1
    assert _said(_THREADS, "unbound", str(tmp_path / "heaps.xml")) > 1


def test_what_is_free_within_the_heap_goes_back() -> None:
    """Some 50 MB that were needed for a moment, below something that stays."""
    assert _said(_FREE, "trimmed") < 10
    assert _said(_FREE, "kept") > 40
