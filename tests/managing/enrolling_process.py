"""Enrols people in a process of its own: URL KEY BY FIRST LAST WHEN.

WHEN: the beginning of the statement of its third reveal before which it does `kill -9` itself, COMMIT for its commit;
`together` to wait for a line before it begins. It prints each person's arm.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, event

from trials.pseudonyms import Pseudonyms
from trials.store import revealing
from trials.store.engine import open_store

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
REVEALS = 0


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def watch(when: str) -> None:
    """Kills this process in its third reveal, before that statement or its commit."""

    def before(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if REVEALS == 3 and when != "COMMIT" and statement.startswith(when):
            die()

    event.listen(Engine, "before_cursor_execute", before)
    event.listen(Engine, "commit", lambda _: die() if REVEALS == 3 and when == "COMMIT" else None)


def main(url: str, key: str, by: str, first: str, last: str, when: str) -> None:
    global REVEALS
    store, hidden = open_store(url), Pseudonyms(bytes.fromhex(key))
    if when == "together":
        print("ready", flush=True)
        sys.stdin.readline()
    else:
        watch(when)
    for number in range(int(first), int(last) + 1):
        REVEALS += 1
        newcomer = revealing.Newcomer(hidden.of(f"p{number}"), "A", AT.date())
        found = revealing.reveal(store, "a-trial", newcomer, hidden=hidden, seed=b"s" * 32, by=by, at=AT)
        print(number, found.arm, found.entry_order, flush=True)
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
