"""`roadtest allocation`: the custodian's work on a trial's list, and anybody's check of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.options import By, Home, Json, TrialName, name_of, opened, settings_for, told

if TYPE_CHECKING:
    from trials.allocation.outside import Outside

allocation_app = typer.Typer(help="Look after a trial's allocation list: its custodian's work.", no_args_is_help=True)

Site = Annotated[str | None, typer.Option("--site", help="The site at which people join.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Judge the list, store nothing.")]


@allocation_app.command("fix")
def fix(trial: TrialName, by: By = None, home: Home = None, as_json: Json = False) -> None:
    """Fix the list now, before the first person joins; the first enrolment does it otherwise."""
    with told():
        settings = settings_for(home)
        from flows.allocating import fix_list
        from flows.byhand import door_of
        from flows.show import print_json
        from flows.work import utc_now

        name = name_of(by, settings)
        commitment = fix_list(opened(settings, name), trial, by=name, at=utc_now(), door=door_of(settings))
        if as_json:
            print_json({"trial": trial, "commitment": commitment})
        else:
            typer.echo(
                f"{trial}: the list is fixed; commitment {commitment}. Next: keep this line elsewhere, then: roadtest enrol "
                f"{trial} --site SITE --participant ID"
            )


@allocation_app.command("list")
def list_(
    trial: TrialName,
    site: Site = None,
    n: Annotated[int, typer.Option("--n", help="How many of the arms to come.")] = 10,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show the next arms of a site. For the custodian alone; that it was shown is logged."""
    with told():
        settings = settings_for(home)
        from flows.allocating import key_of
        from flows.byhand import door_of
        from flows.show import print_json
        from flows.work import utc_now
        from trials.store import custody

        name = name_of(by, settings)
        store = opened(settings, name)
        hidden = key_of(store, trial, door_of(settings))
        found = custody.upcoming(store, trial, site or "", n, hidden=hidden, by=name, at=utc_now())
        if as_json:
            arms = [{"position": position, "arm": arm} for position, arm in found.arms]
            print_json({"trial": trial, "site": site, "revealed": found.revealed, "coming": arms})
            return
        for position, arm in found.arms:
            typer.echo(f"{position}  {arm}")
        typer.echo(
            f"{found.revealed} revealed, {len(found.arms)} of those to come shown to {name}; this was logged. Show them to "
            "nobody who enrols."
        )


@allocation_app.command("open")
def open_(trial: TrialName, by: By = None, home: Home = None, as_json: Json = False) -> None:
    """Print the seed that the whole list follows from: once the trial is closed, or before for the custodian; logged."""
    with told():
        settings = settings_for(home)
        from flows.allocating import open_list, opened_json
        from flows.byhand import door_of
        from flows.show import print_json
        from flows.work import utc_now

        name = name_of(by, settings)
        found = open_list(opened(settings, name), trial, by=name, at=utc_now(), door=door_of(settings))
        if as_json:
            print_json(opened_json(found))
            return
        typer.echo(f"{'seed' if found.lists is None else 'salt'}: {found.secret}")
        typer.echo(f"plan: {found.plan_sha256}\ncommitment: {found.commitment}")
        for stratum, arms in (found.lists or {}).items():
            typer.echo(f"{stratum or 'list'}: {' '.join(arms)}")
        typer.echo(f"Next: roadtest allocation open {trial} --json > opened.json; anybody can check with it: roadtest "
                   f"allocation verify {trial} --opened opened.json")  # fmt: skip


@allocation_app.command("verify")
def verify(
    trial: TrialName,
    opened_file: Annotated[
        Path | None,
        typer.Option("--opened", help="What `allocation open --json` printed; else the trial's key is used."),
    ] = None,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Check that the list is the one that was fixed, and that every arm that was revealed is the list's."""
    with told():
        settings = settings_for(home)
        from flows.allocating import opened_from, verified
        from flows.byhand import door_of
        from flows.show import print_json

        said = None if opened_file is None else opened_from(opened_file)
        name = name_of(by, settings)
        count, found = verified(opened(settings, name), trial, by=name, door=door_of(settings), opened=said)
        if as_json:
            print_json({"trial": trial, "ok": not found, "revealed": count, "findings": list(found)})
        elif found:
            for sentence in found:
                typer.echo(f"{trial}: {sentence}.")
        else:
            typer.echo(f"{trial}: all {count} arms that were revealed are those of the list that was fixed beforehand.")
        if found:
            raise typer.Exit(1)


@allocation_app.command("import")
def import_(
    trial: TrialName,
    file: Annotated[Path, typer.Argument(help="The list: site, position, arm, and block if it says.")],
    dry_run: DryRun = False,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Take a list that somebody else made, sealed; arms are then revealed from it one by one."""
    with told():
        settings = settings_for(home)
        from flows.allocating import bring_list
        from flows.byhand import door_of
        from flows.show import print_json
        from flows.work import utc_now

        name = name_of(by, settings)
        found, commitment = bring_list(
            opened(settings, name), trial, file, by=name, at=utc_now(), door=door_of(settings), dry_run=dry_run
        )
        if as_json:
            print_json(outside_json(trial, found, commitment))
            return
        for warning in found.warnings:
            typer.echo(f"note: {warning}.")
        said = "would be taken" if commitment is None else f"sealed; commitment {commitment}"
        count = sum(map(len, found.lists.values()))
        typer.echo(f"{trial}: {count} positions {said}. Next: delete {file.name} from this machine; roadtest enrol {trial} "
                   "--site SITE --participant ID")  # fmt: skip


def outside_json(trial: str, found: Outside, commitment: str | None) -> dict[str, Any]:
    """`trial, stored, commitment, positions (by site), warnings`; no arm."""
    positions = {stratum: len(arms) for stratum, arms in found.lists.items()}
    return {
        "trial": trial,
        "stored": commitment is not None,
        "commitment": commitment,
        "positions": positions,
        "warnings": list(found.warnings),
    }
