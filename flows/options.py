"""What the commands share: options, one sentence for what is refused, settings, the open store. Imports nothing heavy."""

from __future__ import annotations

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


@contextmanager
def told() -> Iterator[None]:
    """Turns what Roadtest refuses into one sentence on stderr and exit code 1; so too a fault of its own, with a log."""
    from trials.errors import RoadtestError

    try:
        yield
    except RoadtestError as error:
        fail(str(error))


def fail(sentence: str) -> NoReturn:
    typer.echo(f"roadtest: {sentence}", err=True)
    raise typer.Exit(1)


def settings_for(home: Path | None, **options: object) -> Settings:
    from flows.environment import keep_log, prepare
    from flows.settings import load_settings

    settings = load_settings(home=home, **options)
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
