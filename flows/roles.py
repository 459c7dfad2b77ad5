"""`roadtest roles`: who may do what in a programme or in one of its sites."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.options import By, Home, Json, name_of, opened, settings_for, told

if TYPE_CHECKING:
    from trials.store.engine import Store

roles_app = typer.Typer(help="Give people roles in a programme, or in one of its sites.", no_args_is_help=True)

Person = Annotated[str, typer.Argument(help="Whose role it is, as they write their name with --by.")]
RoleName = Annotated[str, typer.Argument(help="lead, operator, custodian, safety_steward, site or stakeholder.")]
Programme = Annotated[str, typer.Option("--programme", help="The programme; of a trial without one, the trial's name.")]
Site = Annotated[str | None, typer.Option("--site", help="In this site alone; everywhere if left out.")]


@roles_app.command("give")
def give(
    person: Person,
    role: RoleName,
    programme: Programme,
    site: Site = None,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Give a role. The first one given in a programme closes it, and makes whoever gives it a lead."""
    with told():
        settings = settings_for(home)
        from flows.work import utc_now
        from trials.store import granting

        name = name_of(by, settings)
        store = opened(settings, name)
        done = granting.give(store, programme, person, known_role(role), by=name, at=utc_now(), site=site)
        _show(store, programme, as_json, _notes(store, programme, name, first=any(act.seq == 1 for act in done)))


@roles_app.command("take")
def take(
    person: Person,
    role: RoleName,
    programme: Programme,
    site: Site = None,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Take a role away; a programme keeps at least one lead."""
    with told():
        settings = settings_for(home)
        from flows.work import utc_now
        from trials.store import granting

        name = name_of(by, settings)
        store = opened(settings, name)
        granting.take(store, programme, person, known_role(role), by=name, at=utc_now(), site=site)
        _show(store, programme, as_json)


@roles_app.command("list")
def list_(programme: Programme, by: By = None, home: Home = None, as_json: Json = False) -> None:
    """Who holds which role; for whoever holds one there."""
    with told():
        settings = settings_for(home)
        _show(opened(settings, name_of(by, settings)), programme, as_json)


def known_role(role: str) -> Any:
    """The role of this name. Raises RoadtestError for an unknown one."""
    from trials.errors import RoadtestError
    from trials.roles import ROLES

    name = role.replace("-", "_")
    if name not in ROLES:
        raise RoadtestError(f"role == {role!r}, must be one of {', '.join(ROLES)}.")
    return name


def _notes(store: Store, programme: str, by: str, *, first: bool) -> list[str]:
    """What a grant changed for everybody, and whether it may be of a programme that nobody has."""
    from trials.store import granting

    notes = []
    if first:
        notes.append(
            f"{programme} is closed now, and {by} is its lead: from now on only those who are given a role there may read "
            "or do anything in it"
        )
    if not granting.in_use(store, programme):
        notes.append(
            f"no trial and no idea has the programme {programme} so far; see whether it is spelt so in the plan"
        )
    return notes


def _show(store: Store, programme: str, as_json: bool, notes: Sequence[str] = ()) -> None:
    from dataclasses import asdict

    from flows.show import print_json
    from trials.store import granting

    held = granting.listed(store, programme)
    if as_json:
        print_json(
            {"programme": programme, "open": not held, "roles": [asdict(one) for one in held], "notes": list(notes)}
        )
        return
    for note in notes:
        typer.echo(f"Note: {note}.")
    if held:
        for one in held:
            typer.echo(f"{one.person}: {one.role}" + ("" if one.site is None else f" of site {one.site}"))
    else:
        typer.echo(
            f"No role was ever given in {programme}: whoever can run the command may do everything. Next: roadtest roles give "
            f"NAME lead --programme {programme}"
        )


def add(app: typer.Typer) -> None:
    app.add_typer(roles_app, name="roles")
