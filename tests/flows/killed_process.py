"""The command in a process of its own, which can be told to kill itself: WHEN WORD...

WHEN: the beginning of the statement before which it does `kill -9` itself, such as 'INSERT INTO look', or COMMIT; `never`
for a process that lives; `together` for one that, with the checks loaded, prints a line and waits for one before it begins.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import Any

from sqlalchemy import Engine, event

from flows.cli import main


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def watch(when: str) -> None:
    """Kills this process before its first statement of that sort."""

    def before(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(when):
            die()

    event.listen(Engine, "before_cursor_execute", before)


def watch_commit() -> None:
    """Kills this process when it would commit the delivery that it has written."""
    wrote = []

    def before(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO batch"):
            wrote.append(statement)

    event.listen(Engine, "before_cursor_execute", before)
    event.listen(Engine, "commit", lambda _: die() if wrote else None)


if __name__ == "__main__":
    chosen, sys.argv = sys.argv[1], ["roadtest", *sys.argv[2:]]
    if chosen == "COMMIT":
        watch_commit()
    elif chosen == "together":
        importlib.import_module("great_expectations")
        print("ready", flush=True)
        sys.stdin.readline()
    elif chosen != "never":
        watch(chosen)
    main()
