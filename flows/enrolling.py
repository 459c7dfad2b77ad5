"""`roadtest enrol` and `drop-arm`: people join, and hear their arm when they do. `allocation` is in `custody.py`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.custody import DryRun, Site, allocation_app
from flows.options import By, Home, Json, TrialName, fail, name_of, opened, settings_for, told

if TYPE_CHECKING:
    from datetime import date

    from trials.store.revealing import Revealed

Listed = Annotated[
    Path | None,
    typer.Option("--from", help="An outside register: who was allocated to which arm, in order; a CSV file."),
]
Participant = Annotated[str | None, typer.Option("--participant", help="The code of whoever joins; never a name.")]
On = Annotated[str | None, typer.Option("--on", help="The day they join, such as 2024-07-01; default today.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="With --from: judge the list at this date; default now.")]


def add(app: typer.Typer) -> None:
    """Registers `enrol`, `drop-arm` and the group `allocation`."""
    app.command("enrol")(enrol)
    app.command("drop-arm")(drop_arm)
    app.add_typer(allocation_app, name="allocation")


def enrol(
    trial: TrialName,
    site: Site = None,
    participant: Participant = None,
    on: On = None,
    listed: Listed = None,
    dry_run: DryRun = False,
    as_of: AsOf = None,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Enrol somebody and hear their arm (--participant), or load an outside register of who got what (--from)."""
    with told():
        if listed is not None:
            if (site, participant, on) != (None, None, None):
                fail("--from loads a whole register, must stand without --site, --participant and --on.")
            _from_register(trial, listed, dry_run, as_of, by, home, as_json)
            return
        if participant is None:
            fail("give --participant ID (and --site) to enrol one person, or --from FILE to load an outside register.")
        if dry_run or as_of is not None:
            fail("--dry-run and --as-of are for --from, must be left out: an arm is revealed once, and now.")
        _one(trial, participant, site, on, by, home, as_json)


def _one(
    trial: str, participant: str, site: str | None, on: str | None, by: str | None, home: Path | None, as_json: bool
) -> None:
    settings = settings_for(home)
    from flows.allocating import enrol_one
    from flows.byhand import door_of
    from flows.show import print_json
    from flows.work import utc_now

    name = name_of(by, settings)
    found = enrol_one(
        opened(settings, name),
        trial,
        participant=participant,
        site=site or "",
        on=_day(on),
        by=name,
        at=utc_now(),
        door=door_of(settings),
    )
    if as_json:
        print_json(revealed_json(found))
    else:
        typer.echo(revealed_text(found))


def _day(text: str | None) -> date | None:
    from datetime import date

    from trials.errors import DataError

    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise DataError(f"--on == {text!r}, must be an ISO date. Write 2024-07-01.") from None


def _from_register(
    trial: str, listed: Path, dry_run: bool, as_of: str | None, by: str | None, home: Path | None, as_json: bool
) -> None:
    settings = settings_for(home)
    from flows.byhand import door_of, enrol_from
    from flows.moments import parse_time
    from flows.show import print_json, receipt_json

    at, store = parse_time(as_of, "--as-of"), opened(settings, by)
    receipt = enrol_from(store, trial, listed, as_of=at, door=door_of(settings), dry_run=dry_run)
    if as_json:
        print_json(receipt_json(receipt))
    elif receipt.refusal is None:
        typer.echo(
            f"{receipt.name}: {receipt.accepted} people {'would be ' if dry_run else ''}enrolled, "
            f"{receipt.duplicates} enrolled already. Next: roadtest collect {trial}"
        )
        for warning in receipt.warnings:
            typer.echo(f"  note: {warning}")
    if receipt.refusal is not None:
        fail(receipt.refusal)


def revealed_json(found: Revealed) -> dict[str, Any]:
    """`trial, site, arm, entry_order, enrolled_on, participant (the pseudonym), by, at, already`; nothing of the list."""
    return {
        "trial": found.trial,
        "site": found.stratum or None,
        "arm": found.arm,
        "entry_order": found.entry_order,
        "enrolled_on": None if found.enrolled_on is None else found.enrolled_on.isoformat(),
        "participant": found.participant,
        "by": found.by,
        "at": found.at.isoformat(),
        "already": found.already,
    }


def revealed_text(found: Revealed) -> str:
    """The arm, and whether it is news."""
    where = f" at site {found.stratum}" if found.stratum else ""
    if found.already:
        return (
            f"This participant was enrolled{where} on {found.enrolled_on} by {found.by}, arm: {found.arm}. "
            "Nothing was changed."
        )
    return (
        f"Enrolled{where} as number {found.entry_order}, arm: {found.arm}. Next: give them what the arm says; their outcome "
        f"comes with a delivery (roadtest collect {found.trial})."
    )


def drop_arm(
    trial: TrialName,
    arm: Annotated[str, typer.Argument(help="The arm that nobody enters any more.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, in a sentence.")],
    second: Annotated[str, typer.Option("--second", help="Who agreed: somebody else.")],
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Drop one of several arms; who is in it stays, and the others go on in their ratio."""
    with told():
        settings = settings_for(home)
        from flows.show import print_json
        from flows.work import utc_now
        from trials.store import arms

        name = name_of(by, settings)
        done = arms.drop_arm(opened(settings, name), trial, arm, reason=reason, second=second, by=name, at=utc_now())
        if as_json:
            print_json({"trial": trial, **done.model_dump(mode="json")})
        else:
            typer.echo(
                f"{arm} is dropped from {trial} after person {done.after}: nobody enters it any more, who is in it stays. "
                f"Next: roadtest status {trial}"
            )
