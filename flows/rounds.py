"""Rounds, one after the other, in a process of their own: `python -m flows.rounds MINUTES`, started by `roadtest serve
--round-every`. It ends with SIGTERM, with Ctrl-C, and with the process that started it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress

from flows.settings import Settings


def go_on(settings: Settings, every: float, done: threading.Event) -> None:
    """A round, and another one every so many minutes until `done`. What fails is said in a sentence, and the next one runs."""
    from flows.environment import run
    from flows.round import run_round
    from flows.work import Outcome, guarded

    while not done.is_set():
        # A round that can't run at all (a database that is away for a moment) must not end the others.
        found = guarded("round", lambda: run(run_round, settings))
        for outcome in [found] if isinstance(found, Outcome) else found:
            if not outcome.ok:
                print(f"roadtest: {outcome.trial}: {outcome.error}", file=sys.stderr, flush=True)
        done.wait(every * 60)


def main() -> None:
    """The process: its settings are in the environment, its standard input closes when whoever started it is gone."""
    from flows.options import settings_for

    done = threading.Event()

    def end(*_: object) -> None:
        """Now if it can be, else after the round: what is interrupted may take it for a failure of its own, and go on."""
        if not done.is_set():
            done.set()
            raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    threading.Thread(target=_with_the_parent, name="parent", daemon=True).start()
    with suppress(KeyboardInterrupt):
        go_on(settings_for(None), float(sys.argv[1]), done)


def _with_the_parent() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
