"""`roadtest roles`: who may do what in a programme or in one of its sites."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flows.options import By, Home, Json, name_of, opened, settings_for, told

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
        granting.give(opened(settings, name), programme, person, known_role(role), by=name, at=utc_now(), site=site)
        _show(settings, programme, as_json)


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
        granting.take(opened(settings, name), programme, person, known_role(role), by=name, at=utc_now(), site=site)
        _show(settings, programme, as_json)


@roles_app.command("list")
def list_(programme: Programme, home: Home = None, as_json: Json = False) -> None:
    """Who holds which role."""
    with told():
        _show(settings_for(home), programme, as_json)


def known_role(role: str) -> Any:
    """The role of this name. Raises RoadtestError for an unknown one."""
    from trials.errors import RoadtestError
    from trials.roles import ROLES

    name = role.replace("-", "_")
    if name not in ROLES:
        raise RoadtestError(f"role == {role!r}, must be one of {', '.join(ROLES)}.")
    return name


def _show(settings: Any, programme: str, as_json: bool) -> None:
    from dataclasses import asdict

    from flows.show import print_json
    from trials.store import granting

    held = granting.held(opened(settings), programme)
    if as_json:
        print_json({"programme": programme, "open": not held, "roles": [asdict(one) for one in held]})
    elif held:
        for one in held:
            typer.echo(f"{one.person}: {one.role}" + ("" if one.site is None else f" of site {one.site}"))
    else:
        typer.echo(
            f"No role was ever given in {programme}: whoever can run the command may do everything. Next: roadtest roles give "
            f"NAME lead --programme {programme}"
        )


def add(app: typer.Typer) -> None:
    app.add_typer(roles_app, name="roles")
