"""`roadtest export` and `roadtest recompute`: rows, counts, or a bundle; and whether a bundle's looks come out again. Thin."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.options import By, Home, Json, TrialName, name_of, opened, settings_for, told

if TYPE_CHECKING:
    from flows.recomputing import Recomputed
    from trials.store.engine import Store


def add(app: typer.Typer) -> None:
    """Registers the two commands."""
    app.command("export")(export)
    app.command("recompute")(recompute_command)


def export(
    trial: TrialName,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="What was true then: values by when they were sent; default now.")
    ] = None,
    known_at: Annotated[
        str | None, typer.Option("--known-at", help="And only what we had received by then; default now.")
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", help="csv, json or parquet; by the file's name if left out.")
    ] = None,
    to: Annotated[Path | None, typer.Option("--to", help="New file to write; printed if left out.")] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(
            "--bundle", help="New folder, or .zip: rows, plans, looks, acts; enough to take every look again."
        ),
    ] = None,
    counts: Annotated[
        bool,
        typer.Option(
            "--counts", help="Only how many joined by site and arm, in steps of ten: for whoever may read it."
        ),
    ] = False,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Write a trial's rows, by pseudonym, as they are or were; or all that is needed to take every look again; or counts."""
    with told():
        given = {"--as-of": as_of, "--known-at": known_at, "--format": form, "--to": to}
        _must_fit([name for name, value in given.items() if value is not None], bundle, counts)
        settings = settings_for(home)
        name = name_of(by, settings)
        store = opened(settings, name)
        try:
            if counts:
                _counts(store, trial, to, as_json)
            elif bundle is not None:
                _bundle(store, trial, bundle, known_at, name, as_json)
            else:
                _rows(store, trial, as_of, known_at, form, to, as_json)
        finally:
            store.close()


# Beside what each may be given.
_WITH = {"--bundle": ("--known-at",), "--counts": ("--to",)}


def _must_fit(given: Sequence[str], bundle: Path | None, counts: bool) -> None:
    """Raises DataError for options that can't be meant together."""
    from trials.errors import DataError

    if bundle is not None and counts:
        raise DataError("--bundle is given with --counts, must be one of them. A bundle holds rows, counts hold none.")
    chosen = "--bundle" if bundle is not None else "--counts" if counts else ""
    wrong = [name for name in given if chosen and name not in _WITH[chosen]]
    if wrong:
        raise DataError(f"{chosen} is given with {' and '.join(wrong)}, must be without. Leave {wrong[0]} out.")


def _rows(
    store: Store,
    trial: str,
    as_of: str | None,
    known_at: str | None,
    form: str | None,
    to: Path | None,
    as_json: bool,
) -> None:
    from flows.exporting import allowed, format_of
    from flows.exporting import export as write
    from flows.moments import parse_time
    from flows.show import print_json
    from flows.work import utc_now

    true_at, known = parse_time(as_of, "--as-of", ""), parse_time(known_at, "--known-at", "")
    allowed(store, trial, utc_now())
    rows = write(store, trial, true_at=true_at, known_at=known, form=form, to=to)
    if to is not None and as_json:
        print_json({"trial": trial, "rows": rows, "file": str(to), "format": format_of(form, to)})
    elif to is not None:
        typer.echo(f"Wrote {rows:,} rows of {trial} to {to}.")


def _counts(store: Store, trial: str, to: Path | None, as_json: bool) -> None:
    from flows.exporting import check_new, written_whole
    from flows.seeing import counts_csv, counts_json, released
    from flows.show import print_json

    table = released(store, trial)
    text = counts_csv(table)
    if to is not None:
        check_new(to)
        with written_whole(to) as out:
            out.write(text.encode("utf-8"))
    if as_json:
        print_json({"trial": trial, **counts_json(table), **({} if to is None else {"file": str(to)})})
    else:
        typer.echo(f"Wrote the counts of {trial} to {to}." if to is not None else text, nl=to is not None)


def _bundle(store: Store, trial: str, path: Path, known_at: str | None, by: str, as_json: bool) -> None:
    from flows.bundling import write_bundle
    from flows.moments import parse_time
    from flows.show import print_json
    from flows.work import utc_now

    known = parse_time(known_at, "--known-at", "")
    manifest = write_bundle(store, trial, path, by=by, at=utc_now(), known_at=known)
    if as_json:
        print_json({**manifest, "bundle": str(path)})
    else:
        told_of = manifest["rows"]
        typer.echo(
            f"Wrote {trial} to {path}: {told_of['enrolments']:,} people, {told_of['observations']:,} values, "
            f"{told_of['looks']:,} looks. That {by} was given them is on record.\nNext: roadtest recompute {path}"
        )


def recompute_command(
    bundle: Annotated[Path, typer.Argument(help="A folder or .zip that `roadtest export --bundle` wrote.")],
    as_json: Json = False,
) -> None:
    """Take every look of a bundle again from its files alone, and say what differs. Exit 1 if anything does."""
    with told():
        from flows.recomputing import recompute
        from flows.show import print_json

        found = recompute(bundle)
        differing = [one for one in found if one.differing]
        if as_json:
            print_json(recomputed_json(bundle, found))
        else:
            typer.echo(recomputed_text(bundle, found))
        if differing:
            raise typer.Exit(1)


def recomputed_json(bundle: Path, found: Sequence[Recomputed]) -> dict[str, Any]:
    """`looks`: how many; `equal`: whether all came out the same; `differing`: look, what, as stored, as it came out."""
    differing = [
        {"look": one.number, "what": name, "stored": one.stored.get(name), "found": one.found.get(name)}
        for one in found
        for name in one.differing
    ]
    return {"bundle": str(bundle), "looks": len(found), "equal": not differing, "differing": differing}


def recomputed_text(bundle: Path, found: Sequence[Recomputed]) -> str:
    """One sentence, or a line for each difference; and what to do next."""
    lines = [
        f"Look {one.number}: {name} is {json.dumps(one.found.get(name))}, stored was {json.dumps(one.stored.get(name))}"
        for one in found
        for name in one.differing
    ]
    if not found:
        return f"{bundle} holds no looks, so there is nothing to take again."
    if not lines:
        others = sorted({one.stored["code_version"] for one in found} - {one.found["code_version"] for one in found})
        of = f" They were taken by version {', '.join(others)}." if others else ""
        return f"All {len(found):,} looks of {bundle} came out again, equal to the last bit.{of}"
    ends = "Next: compare audit.json with `roadtest audit head` where the trial is kept; see docs/managing/report.md."
    return "\n".join([*lines, ends])
