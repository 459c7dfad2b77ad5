"""What the commands share: options, one sentence for what is refused, settings, the open store. Imports nothing heavy."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from flows.settings import Settings
    from trials.store.engine import Store

Home = Annotated[
    Path | None, typer.Option("--home", help="Folder for all files (or ROADTEST_HOME; default .roadtest here).")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
By = Annotated[str | None, typer.Option("--by", help="Your name, for the record (default: the account's name).")]
TrialName = Annotated[str, typer.Argument(help="The trial's name, as in its protocol.")]

STOPPED = "stopped; what was stored is whole, and the next round does what is left."
_stops: list[int] = []  # the signals that told this process to stop


@contextmanager
def told() -> Iterator[None]:
    """Turns what Roadtest refuses into one sentence on stderr and exit code 1; so too a fault of its own, with a log."""
    from trials.errors import RoadtestError

    try:
        yield
    except RoadtestError as error:
        from flows.environment import ServerGoneError, end_at_once

        if isinstance(error, ServerGoneError) and not stopped_by(error):
            typer.echo(f"roadtest: {error}", err=True)
            end_at_once()
        fail(STOPPED if stopped_by(error) else str(error))


def begin() -> None:
    """For the entry point: from now on SIGTERM is an ordinary end, which also stops Prefect's embedded server."""
    _stops.clear()
    signal.signal(signal.SIGTERM, _end)


def _end(number: int, _: object) -> NoReturn:
    _stops.append(number)
    sys.exit(128 + number)


def stopped_by(error: BaseException | None) -> int | None:
    """The signal that told this process to stop, if one did: what fails after it (servers and workers that got it too) is no
    fault. Ctrl-C, and SIGTERM while a flow runs (Prefect's own handler stands then), are known by what the error came of."""
    if _stops:
        return _stops[0]
    waiting, seen = [error], set()
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        if isinstance(one, KeyboardInterrupt):
            return int(signal.SIGINT)
        if type(one).__name__ == "TerminationSignal":  # Prefect's, which is not imported for this
            return int(signal.SIGTERM)
        seen.add(id(one))
        waiting += [one.__cause__, one.__context__]
    return None


def fail(sentence: str) -> NoReturn:
    typer.echo(f"roadtest: {sentence}", err=True)
    raise typer.Exit(1)


def settings_for(home: Path | None, *, there: bool = False, **options: object) -> Settings:
    """The settings, with the home made where it is not there yet. there: for what only reads: a home without a database is
    refused instead. Raises RoadtestError."""
    from flows.environment import keep_log, prepare
    from flows.settings import load_settings

    settings = load_settings(home=home, **options)
    if there:
        settings.require_database()
    prepare(settings.folder)
    keep_log(settings.folder)
    return settings


def opened(settings: Settings, by: str | None = None) -> Store:
    """The settings' database, opened by `by` or by whom the settings name: their roles apply."""
    from flows.stores import store_of

    return store_of(settings, by)


def name_of(by: str | None, settings: Settings | None = None) -> str:
    """Who does this, for the record: as said, or as the settings name them, or the account's name."""
    from flows.settings import load_settings
    from flows.stores import person_of

    return person_of(load_settings() if settings is None else settings, by)


def hidden_text(count: int, noun: str, person: str) -> str:
    """What a list says of what it leaves out."""
    these = f"1 {noun} is" if count == 1 else f"{count} {noun}s are"
    return f"{these} not shown, of programmes in which {person} has no role. Ask a lead."


def read_by(store: Store, trial: str, action: str = "read") -> None:
    """What every command that shows something of a trial asks first: may whoever opened the store?

    action: what they need the permission for (`trials.roles.ACTIONS`). Raises ForbiddenError, UnknownTrialError.
    """
    from trials.store import seeing

    seeing.must_allow(store, trial, action)
