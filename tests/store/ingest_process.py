"""One delivery recorded by a process of its own, which can be told to kill itself: URL NAME STATEMENT.

STATEMENT > 0: `kill -9` as that statement of the transaction is about to run; -1: as it is about to commit; 0: never.
Prints the receipt's already_known.
"""

from __future__ import annotations

import os
import signal
import sys

from conftest import Desk, person, plan
from sqlalchemy import event

from trials.store.engine import open_store


def rows(name: str) -> list:
    """The delivery called 'first' has forty people; 'second' has eight more and changes two of the first."""
    if name == "first":
        return [person(number, float(number % 3 == 0)) for number in range(1, 41)]
    more = [person(number, float(number % 2 == 0)) for number in range(41, 49)]
    return [person(3, 0.0), person(4, 1.0), *more]


def main(url: str, name: str, statement: int) -> None:
    store = open_store(url)
    seen = 0

    def count(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == statement:
            os.kill(os.getpid(), signal.SIGKILL)

    def die(_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if statement > 0:
        event.listen(store.engine, "before_cursor_execute", count)
    if statement < 0:
        event.listen(store.engine, "commit", die)
    print(Desk(store, plan()).send(name, rows(name), sent=100.0).already_known)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
