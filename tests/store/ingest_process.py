"""Deliveries recorded by a process of its own, which can be told to kill itself: URL NAME[,NAME...] [WHEN].

WHEN: the beginning of the statement before which it does `kill -9` itself, such as 'INSERT INTO look', or COMMIT.
Prints each receipt's already_known.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from conftest import Desk, plan, rows
from sqlalchemy import event

from trials.store.engine import open_store


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(url: str, names: str, when: str = "never") -> None:
    store = open_store(url)

    def watch(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(when):
            die()

    event.listen(store.engine, "before_cursor_execute", watch)
    if when == "COMMIT":
        event.listen(store.engine, "commit", lambda _: die())
    for name in names.split(","):
        print(Desk(store, plan()).send(name, rows(name), sent=100.0).already_known)
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
