"""`roadtest counts`: who joined, as everybody with a role may see it; `roadtest look-inside`: all of it, which is logged."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.options import By, Home, Json, TrialName, name_of, opened, read_by, settings_for, told

if TYPE_CHECKING:
    from trials.disclosure import SafeTable
    from trials.store.engine import Store
    from trials.store.seeing import Inside

Sites = Annotated[list[str] | None, typer.Option("--site", help="This site alone (again for more); all if left out.")]
Arms = Annotated[list[str] | None, typer.Option("--arm", help="This arm alone (again for more); all if left out.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV: site, arm, and at_least or below.")]


def add(app: typer.Typer) -> None:
    """Registers the two commands."""
    app.command("counts")(counts)
    app.command("look-inside")(look_inside)


def counts(
    trial: TrialName,
    site: Sites = None,
    arm: Arms = None,
    as_csv: AsCsv = False,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Print how many have joined by site and arm, in steps of ten or more: what pages show, for whoever may read it."""
    with told():
        from flows.show import print_json
        from trials.disclosure import part_of

        store = opened(settings_for(home), by)
        try:
            table = part_of(released(store, trial), site or (), arm or ())
        finally:
            store.close()
        if as_json:
            print_json({"trial": trial, **counts_json(table)})
        else:
            typer.echo(counts_csv(table) if as_csv else counts_text(trial, table), nl=not as_csv)


def look_inside(trial: TrialName, by: By = None, home: Home = None, as_json: Json = False) -> None:
    """Print a trial's counts and results as they are, nothing hidden; for safety stewards, and written into the record."""
    with told():
        settings = settings_for(home)
        from flows.show import print_json
        from flows.work import utc_now
        from trials.store import seeing

        name = name_of(by, settings)
        store = opened(settings, name)
        try:
            found = seeing.inside(store, trial, by=name, at=utc_now())
        finally:
            store.close()
        if as_json:
            print_json({"by": name, **inside_json(found)})
        else:
            typer.echo(inside_text(found, name))


def released(store: Store, trial: str) -> SafeTable:
    """The released table of who joined, as the trial's page has it. Raises UnknownTrialError, ForbiddenError."""
    from trials.store import reading
    from trials.store.sights import joined_as_told

    read_by(store, trial)
    return joined_as_told(store, reading.card(store, trial).protocol)


def counts_json(table: SafeTable) -> dict[str, Any]:
    """`at_least`: the sum of the counts shown, null where none is; `cells`: site, arm, and at_least or below."""
    from trials.disclosure import listed

    cells = [
        {"site": one["row"], "arm": one["column"], "at_least": one["at_least"], "below": one["below"]}
        for one in listed(table)
    ]
    return {"at_least": table.total, "cells": cells}


def counts_csv(table: SafeTable) -> str:
    """Lines of site, arm, at_least, below; no totals, as they would be sums of these."""
    from flows.exporting import safe_cell
    from trials.disclosure import listed

    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(["site", "arm", "at_least", "below"])
    for one in listed(table):
        lines.writerow(["" if cell is None else safe_cell(str(cell)) for cell in one.values()])
    return out.getvalue()


def counts_text(trial: str, table: SafeTable) -> str:
    """A line for each site, and what the numbers mean."""
    from trials.disclosure import LIMIT

    def said(site: str, arm: str) -> str:
        count = table.cells[site, arm]
        return f"under {table.below[site, arm]:,}" if count is None else f"{count:,}+"

    lines = [
        f"  {row or 'no site'}: " + ", ".join(f"{arm} {said(row, arm)}" for arm in table.columns) for row in table.rows
    ]
    return "\n".join(
        [
            f"{trial}: {'few' if table.total is None else f'{table.total:,}+'} have joined.",
            *lines,
            f"Numbers move on in steps of {LIMIT} or more: 30+ is 30 or some more.",
            f"Next: roadtest look-inside {trial} shows a safety steward everything, and records that it did.",
        ]
    )


def inside_json(found: Inside) -> dict[str, Any]:
    """Raw counts by site and arm, and the newest look whole; `look` is null before there is one or where arms are kept back."""
    from flows.show import look_json

    cells = [{"site": site, "arm": arm, "joined": people} for (site, arm), people in found.enrolled.items()]
    return {
        "trial": found.protocol.trial,
        "state": found.state,
        "role": found.role,
        "joined": sum(found.enrolled.values()),
        "cells": cells,
        "arms_shown": found.arms,
        "look": None if found.look is None else look_json(found.protocol, found.look),
    }


def inside_text(found: Inside, by: str) -> str:
    """Counts by site, results by arm, and that it was recorded."""
    trial, look = found.protocol.trial, found.look
    sites = dict.fromkeys(site for site, _ in found.enrolled)
    lines = [f"{trial}{found.protocol.mark}, nothing hidden: {sum(found.enrolled.values()):,} have joined."]
    for site in sites:
        split = (f"{arm.id} {found.enrolled[site, arm.id]:,}" for arm in found.protocol.arms)
        lines.append(f"  {site or 'no site'}: {', '.join(split)}")
    if look is not None:
        lines.append(f"{look.n:,} with a result, {look.waiting:,} waiting, {look.missing:,} missing. {look.sentence}")
        lines += [f"  {arm.arm}: {arm.n:,} people, total {arm.total:g}, {arm.missing:,} missing" for arm in look.arms]
    elif not found.arms:
        lines.append("Results by arm are kept back: the plan doesn't name this role (access.interim).")
    else:
        lines.append("No look yet.")
    return "\n".join([*lines, f"Recorded: {by} was shown this ({found.role}). Next: roadtest audit verify {trial}"])
