"""`roadtest account` and `roadtest link`: who may sign in to the pages, and who may read a trial without signing in."""

from __future__ import annotations

import secrets
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from flows.options import By, Home, Json, name_of, opened, settings_for, told

if TYPE_CHECKING:
    from flows.settings import Settings
    from trials.store.doors import Link

account_app = typer.Typer(help="Let people sign in to the pages with a name and a password.", no_args_is_help=True)
link_app = typer.Typer(help="Let people read a trial by a link, without an account.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The person's name, as in roles and after --by.")]
LONGEST_DAYS = 3_650


@account_app.command("add")
def add_account(name: Name, by: By = None, home: Home = None) -> None:
    """Add an account. The password is asked for, or read from standard input; never from the command line."""
    with told():
        settings = settings_for(home)
        from dashboards.signing.passwords import hashed, must_be_strong
        from flows.work import utc_now
        from trials.store import accounts

        accounts.must_be_a_name(name)
        store, password = opened(settings), _password()
        must_be_strong(password, name)
        stamp = secrets.token_hex(8)
        accounts.add(store, name, hashed(password), stamp=stamp, by=name_of(by, settings), at=utc_now())
        typer.echo(
            f"{name} can sign in. What they may see and do, their roles say: roadtest roles give '{name}' ROLE ..."
        )


@account_app.command("password")
def change_password(name: Name, home: Home = None) -> None:
    """Give an account another password; whoever is signed in with it is signed out."""
    with told():
        settings = settings_for(home)
        from dashboards.signing.passwords import hashed, must_be_strong
        from flows.work import utc_now
        from trials.store import accounts

        store, password = opened(settings), _password()
        must_be_strong(password, name)
        accounts.change_password(store, name, hashed(password), stamp=secrets.token_hex(8), at=utc_now())
        typer.echo(f"{name} has a new password; their sessions have ended.")


@account_app.command("remove")
def remove_account(name: Name, home: Home = None) -> None:
    """Remove an account; whoever is signed in with it is signed out. What they did and their roles stay."""
    with told():
        from trials.store import accounts

        accounts.remove(opened(settings_for(home)), name)
        typer.echo(
            f"{name} can't sign in any more. Their roles stay: roadtest roles take, if they are to lose those too."
        )


@account_app.command("list")
def list_accounts(home: Home = None, as_json: Json = False) -> None:
    """Who can sign in."""
    with told():
        from flows.show import print_json
        from trials.records import in_words
        from trials.store import accounts

        found = accounts.listed(opened(settings_for(home)))
        if as_json:
            print_json(
                [
                    {
                        "name": one.name,
                        "added_by": one.added_by,
                        "added_at": one.added_at.isoformat(),
                        "password_of": one.changed_at.isoformat(),
                    }
                    for one in found
                ]
            )
            return
        for one in found:
            typer.echo(f"{one.name}: added by {one.added_by} on {in_words(one.added_at)}")
        if not found:
            typer.echo("Nobody can sign in yet. Next: roadtest account add NAME")


@link_app.command("make")
def make_link(
    trial: Annotated[str | None, typer.Argument(help="The trial that it leads to.")] = None,
    programme: Annotated[
        str | None, typer.Option("--programme", help="Or the programme whose trials it leads to.")
    ] = None,
    days: Annotated[float, typer.Option("--days", min=0.01, max=LONGEST_DAYS, help="For how long.")] = 90.0,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Make a link that reads a trial, or a programme's trials, as a stakeholder does. It is shown once; leads only."""
    with told():
        settings = settings_for(home)
        from flows.show import print_json
        from flows.work import utc_now
        from trials.records import in_words
        from trials.store import links

        name, at, secret = name_of(by, settings), utc_now(), secrets.token_urlsafe(24)
        made = links.make(
            opened(settings, name),
            trial=trial or "",
            programme=programme or "",
            id=secrets.token_hex(4),
            secret=secret,
            by=name,
            at=at,
            ends_at=at + timedelta(days=days),
        )
        url = f"{_address(settings)}/s/{secret}"
        if as_json:
            print_json({**_link_json(made), "url": url})
            return
        typer.echo(url)
        typer.echo(
            f"Leads to {_where(made)} until {in_words(made.ends_at)}; whoever has it can read that. It is shown once; take it "
            f"back with: roadtest link revoke {made.id}",
            err=True,
        )
        if not settings.public_url:
            typer.echo(
                "Its address follows ROADTEST_HOST and ROADTEST_PORT: where `serve` runs with another --host or --port, put "
                "that before /s/. Where people sign in, set ROADTEST_PUBLIC_URL to the address that they use.",
                err=True,
            )


@link_app.command("list")
def list_links(by: By = None, home: Home = None, as_json: Json = False) -> None:
    """The links to trials that you lead: who made them, where they lead, until when."""
    with told():
        settings = settings_for(home)
        from flows.show import print_json
        from flows.work import utc_now
        from trials.records import in_words
        from trials.store import links

        found, now = links.listed(opened(settings, name_of(by, settings))), utc_now()
        if as_json:
            print_json([{**_link_json(one), "stands": one.stands(now)} for one in found])
            return
        for one in found:
            ending = f"revoked by {one.revoked_by}" if one.revoked_at else f"until {in_words(one.ends_at)}"
            stands = "" if one.stands(now) or one.revoked_at else " (ended)"
            typer.echo(f"{one.id}: {_where(one)}, made by {one.made_by} on {in_words(one.made_at)}, {ending}{stands}")
        if not found:
            typer.echo("No links to trials that you lead. Next: roadtest link make TRIAL")


@link_app.command("revoke")
def revoke_link(
    link: Annotated[str, typer.Argument(help="The link's id, from `roadtest link list`.")],
    by: By = None,
    home: Home = None,
) -> None:
    """Take a link back: whoever has it reads nothing by it from now on."""
    with told():
        settings = settings_for(home)
        from flows.work import utc_now
        from trials.store import links

        name = name_of(by, settings)
        gone = links.revoke(opened(settings, name), link, by=name, at=utc_now())
        typer.echo(f"The link {gone.id} to {_where(gone)} leads nowhere any more.")


def _password() -> str:
    """The password that somebody types twice, or the first line of what is piped in."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt="The same again"))
    return sys.stdin.readline().rstrip("\r\n")


def _address(settings: Settings) -> str:
    from flows.serving import address

    return settings.public_url.rstrip("/") or f"http://{address(settings.host, settings.port)}"


def _where(link: Link) -> str:
    return f"the trial {link.trial}" if link.trial else f"the programme {link.programme}"


def _link_json(link: Link) -> dict[str, object]:
    return {
        "id": link.id,
        "trial": link.trial or None,
        "programme": link.programme or None,
        "made_by": link.made_by,
        "made_at": link.made_at.isoformat(),
        "ends_at": link.ends_at.isoformat(),
        "revoked_by": link.revoked_by,
        "revoked_at": None if link.revoked_at is None else link.revoked_at.isoformat(),
    }


def add(app: typer.Typer) -> None:
    app.add_typer(account_app, name="account")
    app.add_typer(link_app, name="link")
