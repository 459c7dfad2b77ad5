"""`roadtest audit`: does the ledger still hold what it was told, and where does its chain end?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from trials.store.engine import Store
    from trials.store.verifying import Finding

audit_app = typer.Typer(help="Check that nothing in the ledger was changed afterwards.", no_args_is_help=True)

Trial = Annotated[str | None, typer.Argument(help="The trial's name; all trials if left out.")]
HeadFile = Annotated[
    Path | None, typer.Option("--head", help="What `audit head --json` printed earlier; kept elsewhere, it shows more.")
]
Home = Annotated[
    Path | None, typer.Option("--home", help="Folder for all files (or ROADTEST_HOME; default .roadtest here).")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


@audit_app.command("verify")
def verify(trial: Trial = None, head: HeadFile = None, home: Home = None, as_json: Json = False) -> None:
    """Read everything again and compare it with the chain; exit code 1 when something differs."""
    from flows.options import opened, settings_for, told
    from flows.show import print_json

    with told():
        store = opened(settings_for(home))
        try:
            found = verified(store, trial, head)
        finally:
            store.close()
        if as_json:
            print_json(findings_json(found))
        else:
            typer.echo(findings_text(found, trial))
        if found:
            raise typer.Exit(1)


@audit_app.command("head")
def head(home: Home = None, as_json: Json = False) -> None:
    """Print where each trial's chain ends. Keep it where whoever writes the database can't."""
    from flows.options import opened, settings_for, told
    from flows.show import print_json
    from trials.store import verifying

    with told():
        store = opened(settings_for(home))
        try:
            found = verifying.heads(store)
        finally:
            store.close()
        if as_json:
            print_json(heads_json(found))
            return
        for name, (seq, hashed) in found.items():
            typer.echo(f"{name}  {seq}  {hashed}")


def verified(store: Store, trial: str | None, head: Path | None) -> list[Finding]:
    """What of a trial (or of all) is not as it was recorded. Raises UnknownTrialError, DataError for heads it can't read."""
    from trials.errors import DataError
    from trials.store import reading, verifying

    heads = None
    if head is not None:
        try:
            heads = verifying.heads_from_text(head.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(
                f"{head} can't be read ({type(error).__name__}), must be what `roadtest audit head --json` printed."
            ) from None
    if trial is not None and (heads is None or trial not in heads):
        reading.must_be_known(store, trial)
    return verifying.verify(store, trial, heads=heads)


def heads_json(heads: dict[str, tuple[int, str]]) -> dict[str, Any]:
    """`trials`: by name, `seq` and `hash` of the newest link; what `--head` reads."""
    return {"trials": {trial: {"seq": seq, "hash": hashed} for trial, (seq, hashed) in heads.items()}}


def findings_json(found: Sequence[Finding]) -> dict[str, Any]:
    """`ok`, and `findings` with trial, link (its number, or null) and sentence."""
    findings = [{"trial": one.trial, "link": one.link, "sentence": one.sentence} for one in found]
    return {"ok": not found, "findings": findings}


def findings_text(found: Sequence[Finding], trial: str | None) -> str:
    """A sentence for each thing that differs, or that nothing does."""
    if not found:
        return f"{trial or 'All trials'}: everything is as it was recorded."
    return "\n".join(one.sentence for one in found)
