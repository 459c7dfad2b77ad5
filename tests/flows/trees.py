"""Processes that the tests of `roadtest serve` and `roadtest deploy` start, find and wait for."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0  # seconds that a busy machine is given


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(home: Path, **more: str) -> dict[str, str]:
    """What a process gets that works on a home: Prefect's files lie in it."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "ROADTEST_"))}
    return {**ours, "ROADTEST_HOME": str(home), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **more}


@contextmanager
def started(home: Path, *words: str, **more: str) -> Iterator[subprocess.Popen[str]]:
    """`python -m WORDS` on a home; killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", *words],
        env=environment(home, **more),
        cwd=home,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=PATIENCE)


def until(holds: Callable[[], bool], process: subprocess.Popen[str] | None = None, within: float = PATIENCE) -> None:
    """Waits until something holds, as long as the process runs."""
    end = time.monotonic() + within
    while not holds():
        assert process is None or process.poll() is None, process.communicate() if process else ""
        assert time.monotonic() < end, f"waited {within:g} s in vain"
        threading.Event().wait(0.1)


def of_home(home: Path) -> dict[int, str]:
    """The processes that work on a home, with their command lines: by their environment, whoever their parent is."""
    found, mark = {}, f"ROADTEST_HOME={home}".encode()
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and _running(folder):
            try:
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
            except OSError:
                continue
    return found


def part(found: Mapping[int, str], name: str) -> int | None:
    """The process of a part: `beside`, `prefect_server` or `runner`."""
    return next((pid for pid, words in found.items() if f"-m flows.{name}" in words), None)


def _running(folder: Path) -> bool:
    try:
        return (folder / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
