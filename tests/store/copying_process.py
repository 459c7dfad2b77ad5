"""Copies of one database, each in a process of its own that does `kill -9` itself: SOURCE WHOLE RANDOM... [--at WHEN=URL].

The copy into WHOLE lives; how many functions it called is what the moments of the others are drawn from, one in each part of
its length. COMMIT: before what was written is committed; AUDIT: as soon as it is. Prints a JSON object: the number of calls,
and how each process ended.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, event

from trials.store import carrying, copying, lessons, verifying
from trials.store.engine import open_store

carrying.PART = 7  # so that each table takes many parts


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def forked(work: Callable[[], None]) -> int:
    """How a process that does the work ended: 0, or minus the signal."""
    child = os.fork()
    if child == 0:
        failed = 1
        try:
            work()
            failed = 0
        finally:
            os._exit(failed)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def copied(source: str, target: str, at: int | None = None) -> int:
    """Copies; kills this process at that call. How many there were."""
    calls = 0

    def count(_frame: Any, kind: str, _what: Any) -> None:
        nonlocal calls
        calls += kind == "call"
        if calls == at:
            die()

    store = open_store(source)
    sys.setprofile(count)
    copying.copy_into(store, target)
    sys.setprofile(None)
    return calls


def counted(source: str, target: str) -> int:
    """The calls of a copy that lives, in a process of its own."""
    reader, writer = os.pipe()
    ended = forked(lambda: os.write(writer, b"%d" % copied(source, target)) and None)
    os.close(writer)
    assert ended == 0
    return int(os.read(reader, 20))


def watch(when: str) -> None:
    if when == "AUDIT":
        verifying.verify = die  # type: ignore[assignment]
        return
    rebuilt = []
    made = lessons.rebuild_in

    def noted(connection: Connection) -> int:
        rebuilt.append(connection)
        return made(connection)

    lessons.rebuild_in = noted
    event.listen(Engine, "commit", lambda _: die() if rebuilt else None)


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("source")
    words.add_argument("whole")
    words.add_argument("random", nargs="*")
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--at", action="append", default=[])
    asked = words.parse_args()
    calls, chance = counted(asked.source, asked.whole), random.Random(asked.seed)
    ended = {}
    for place, target in enumerate(asked.random):
        at = int(0.97 * calls * (place + chance.random()) / len(asked.random)) + 1
        ended[target] = forked(lambda target=target, at=at: copied(asked.source, target, at) and None)  # type: ignore[misc]
    for when, _, target in (one.partition("=") for one in asked.at):

        def work(when: str = when, target: str = target) -> None:
            watch(when)
            copied(asked.source, target)

        ended[target] = forked(work)
    print(json.dumps({"calls": calls, "ended": ended}))


if __name__ == "__main__":
    main()
