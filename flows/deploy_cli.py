"""`roadtest deploy`: the flows as deployments on a shared Prefect server. Imports nothing heavy."""

from __future__ import annotations

import json
import os
from typing import Annotated

import typer

from flows.options import Home, Json, fail, settings_for, told

_KINDS = ("process", "docker", "kubernetes")


def deploy(
    pool: Annotated[
        str, typer.Option(help="Work pool whose workers run the flows; made if it is not there.")
    ] = "roadtest",
    kind: Annotated[
        str | None, typer.Option("--type", help="Kind of a pool that is made: process, docker or kubernetes.")
    ] = None,
    image: Annotated[str, typer.Option(help="Image of the containers, where the pool starts some.")] = "roadtest",
    schedule: Annotated[str | None, typer.Option(help="When rounds run: cron in UTC (or ROADTEST_SCHEDULE).")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and write nothing.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Put the flows on the shared Prefect server that PREFECT_API_URL names, with the rounds' schedule."""
    with told():
        if kind is not None and kind not in _KINDS:
            fail(f"type == '{kind}', must be process, docker or kubernetes. Set it with --type.")
        settings = settings_for(home, schedule=schedule)
        from flows import deploying

        done, notes = deploying.deploy(settings, pool=pool, kind=kind, image=image, dry_run=dry_run)  # type: ignore[arg-type]
        if as_json:
            typer.echo(json.dumps(deploying.done_json(done, notes, pool, os.environ), indent=2))
            return
        for one in done:
            would = "would be " if dry_run and one.did != "kept" else ""
            typer.echo(f"{one.kind} {one.name}: {would}{one.did}" + (f" ({one.detail})" if one.detail else ""))
        for note in notes:
            typer.echo(note)
