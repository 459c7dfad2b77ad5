"""`roadtest audit`: does the ledger still hold what it was told, and where does its chain end?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.options import By, Home, Json, hidden_text, opened, read_by, settings_for, told

if TYPE_CHECKING:
    from trials.store.engine import Store
    from trials.store.verifying import Finding

audit_app = typer.Typer(help="Check that nothing in the ledger was changed afterwards.", no_args_is_help=True)

Trial = Annotated[str | None, typer.Argument(help="The trial's name; all trials if left out.")]
HeadFile = Annotated[
    Path | None, typer.Option("--head", help="What `audit head --json` printed earlier; kept elsewhere, it shows more.")
]


@audit_app.command("verify")
def verify(trial: Trial = None, head: HeadFile = None, by: By = None, home: Home = None, as_json: Json = False) -> None:
    """Read everything again and compare it with the chain; exit code 1 when something differs.

    That something differs anybody hears; what, whoever may read that trial.
    """
    from flows.show import print_json

    with told():
        store = opened(settings_for(home, there=True), by)
        try:
            found = verified(store, trial, head)
            shown = seen(store, found)
        finally:
            store.close()
        hidden = len(found) - len(shown)
        if as_json:
            print_json({**findings_json(shown), "ok": not found, "hidden": hidden})
        elif shown or not found:
            typer.echo(findings_text(shown, trial))
        if hidden:
            typer.echo(hidden_text(hidden, "finding", store.person), err=True)
        if found:
            raise typer.Exit(1)


@audit_app.command("head")
def head(by: By = None, home: Home = None, as_json: Json = False) -> None:
    """Print where the chain of each trial that you may read ends. Keep it where whoever writes the database can't."""
    from flows.show import print_json
    from trials.store import seeing, verifying

    with told():
        store = opened(settings_for(home, there=True), by)
        try:
            ends = verifying.heads(store)
            found = {name: ends[name] for name in seeing.allowed(store, [*ends])}
        finally:
            store.close()
        if len(found) < len(ends):
            typer.echo(hidden_text(len(ends) - len(found), "chain", store.person), err=True)
        if as_json:
            print_json(heads_json(found))
            return
        for name, (seq, hashed) in found.items():
            typer.echo(f"{name}  {seq}  {hashed}")


def verified(store: Store, trial: str | None, head: Path | None) -> list[Finding]:
    """What of a trial (or of all) is not as it was recorded.

    Raises UnknownTrialError, DataError for heads it can't read; ForbiddenError for a trial that is not the person's to read.
    """
    from trials.errors import DataError
    from trials.store import seeing, verifying

    heads = None
    if head is not None:
        try:
            heads = verifying.heads_from_text(head.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(
                f"{head} can't be read ({type(error).__name__}), must be what `roadtest audit head --json` printed."
            ) from None
    if trial is not None and (heads is None or trial not in heads):
        read_by(store, trial)
    elif trial is not None and not seeing.allowed(store, [trial]):
        seeing.must_allow(store, trial)
    return verifying.verify(store, trial, heads=heads)


def seen(store: Store, found: Sequence[Finding]) -> list[Finding]:
    """The findings of trials, programmes and ideas that the store's person may read."""
    from trials.store import seeing

    readable = {*seeing.allowed(store, [*{one.trial for one in found}])}
    return [one for one in found if one.trial in readable]


def heads_json(heads: dict[str, tuple[int, str]]) -> dict[str, Any]:
    """`trials`: by name, `seq` and `hash` of the newest link; what `--head` reads."""
    return {"trials": {trial: {"seq": seq, "hash": hashed} for trial, (seq, hashed) in heads.items()}}


def findings_json(found: Sequence[Finding]) -> dict[str, Any]:
    """`ok`, and `findings` that may be told with trial, link (its number, or null) and sentence."""
    findings = [{"trial": one.trial, "link": one.link, "sentence": one.sentence} for one in found]
    return {"ok": not found, "findings": findings}


def findings_text(found: Sequence[Finding], trial: str | None) -> str:
    """A sentence for each thing that differs, or that nothing does."""
    if not found:
        return f"{trial or 'All trials'}: everything is as it was recorded."
    return "\n".join(one.sentence for one in found)
