"""`roadtest db copy`, `backup`, `restore`, `erase`, `retention`: looking after a home for years. Thin."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.options import By, Home, Json, TrialName, name_of, opened, settings_for, told


def _days(value: float | None) -> float | None:
    if value is not None and not 0 <= value <= 36_500:  # nan is neither
        raise typer.BadParameter("must be a number of days from 0 to 36,500.")
    return value


KeepDays = Annotated[
    float | None,
    typer.Option(
        "--keep-days",
        callback=_days,
        envvar="ROADTEST_KEEP_DAYS",
        help="How many days after a trial closed its key may be kept.",
    ),
]


def add(app: typer.Typer, db_app: typer.Typer) -> None:
    """Puts these commands into the command line, `copy` into the group `db`."""
    db_app.command("copy")(copy)
    app.command("backup")(backup)
    app.command("restore")(restore)
    app.command("erase")(erase)
    app.command("retention")(retention)


def copy(
    to: Annotated[
        str, typer.Option("--to", help="The database that it goes into: empty, sqlite:///... or postgresql://...")
    ],
    from_: Annotated[
        str | None,
        typer.Option("--from", help="The database that is copied; the home's, or ROADTEST_DATABASE_URL, if left out."),
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Copy the whole database into an empty one, such as SQLite into PostgreSQL: all of it, or nothing. Safe to repeat."""
    with told():
        settings = settings_for(home)
        from flows.show import print_json
        from trials.store import copying
        from trials.store.engine import open_store

        source = open_store(from_ or settings.url)
        try:
            found = copying.copy_into(source, to)
        finally:
            source.close()
        if as_json:
            findings = [one.sentence for one in found.findings]
            known = {"to": copying.shown(to), "rows": dict(found.rows), "there_before": found.before}
            print_json({**known, "findings": findings, "ok": not findings})
        else:
            count = f"{sum(found.rows.values()):,} rows of {len(found.rows)} tables"
            if found.before:
                typer.echo(
                    f"{count} are in {copying.shown(to)} already, as the source has them: nothing was left to copy."
                )
            else:
                typer.echo(f"Copied {count} into {copying.shown(to)}; read again there, every table is the same.")
            for one in found.findings:
                typer.echo(f"{one.sentence} (as in the original)")
            if not found.findings:
                typer.echo("All trials: everything is as it was recorded.")
            typer.echo(
                f"Next: set ROADTEST_DATABASE_URL={copying.shown(to)}, with its password, wherever Roadtest runs. What was "
                "stored in the original since this began is not in the copy."
            )
        if found.findings:
            raise typer.Exit(1)


def backup(
    file: Annotated[Path, typer.Argument(help="The archive to write; must not be there yet.")],
    without_keys: Annotated[
        bool, typer.Option("--without-keys", help="Leave keys and alerts.yaml out: for who keeps the keys elsewhere.")
    ] = False,
    with_sources: Annotated[
        bool, typer.Option("--with-sources", help="Also `sources` in the home: files with people's ids in clear.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Write database and keys into one file, while others go on working: whole, or not at all."""
    with told():
        from dataclasses import asdict

        from flows.backing_up import back_up
        from flows.settings import load_settings
        from flows.show import print_json
        from flows.work import utc_now

        settings = load_settings(home=home)
        settings.require_database()
        made, size = back_up(settings, file, at=utc_now(), with_keys=not without_keys, with_sources=with_sources)
        if as_json:
            print_json({"file": str(file), "bytes": size, **asdict(made)})
            return
        keys = sum(name.endswith(".key") for name in made.parts)
        held = f"{len(made.heads)} chains, {keys} key{'' if keys == 1 else 's'}"
        if with_sources:
            sources = sum(name.startswith("sources/") for name in made.parts)
            held += f", {sources:,} source file{'' if sources == 1 else 's'}"
        typer.echo(f"Wrote {file}: {size:,} bytes, revision {made.revision}, {held}.")
        if made.missing:
            typer.echo(
                f"Note: no key was found of {', '.join(made.missing)}. Set ROADTEST_KEY_FOLDER, or look for a copy."
            )
        for one in made.left_out:
            typer.echo(f"Note: left out: {one}")
        care = (
            "no key is in it: keep those elsewhere"
            if without_keys
            else "it holds keys: encrypt it before it leaves this machine"
        )
        typer.echo(f"Next: {care}; try it with roadtest restore {file} --home NEW-FOLDER")


def restore(
    file: Annotated[Path, typer.Argument(help="What `roadtest backup` wrote.")],
    home: Annotated[Path, typer.Option("--home", help="The folder to make it in: a new or an empty one.")],
    as_it_was: Annotated[
        bool, typer.Option("--as-it-was", help="Also a database that was altered before it was backed up.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a home from a backup; checked against its sums and chains before it is there."""
    with told():
        from dataclasses import asdict

        from flows.restoring import restore as make
        from flows.settings import load_settings
        from flows.show import print_json

        settings = load_settings(home=home)
        made, found = make(file, settings.folder, as_it_was=as_it_was)
        if as_json:
            print_json({"home": str(settings.folder), "findings": [one.sentence for one in found], **asdict(made)})
            return
        typer.echo(
            f"Made {home} from the backup of {made.made_at[:16]}, revision {made.revision}: {len(made.heads)} chains."
        )
        typer.echo("\n".join(one.sentence for one in found) or "All trials: everything is as it was recorded.")
        for line in _then(made.with_keys, settings.key_folder, made.database, home):
            typer.echo(line)
        if "alerts.yaml" in made.parts:
            for line in _alerts_then(
                settings.alerts and settings.alerts_file, made.settings.get("ROADTEST_ALERTS"), home
            ):
                typer.echo(line)
        typer.echo(f"Next: roadtest status --home {home}")


def _alerts_then(named: Path | None, then: str | None, home: Path) -> list[str]:
    """Where the file of alerts belongs. named: by ROADTEST_ALERTS now; then: when it was backed up."""
    lies = f"The alerts file lies in {home / 'alerts.yaml'}"
    if named is not None:
        return [f"{lies}: move it to {named}, where ROADTEST_ALERTS looks for it."]
    if then is not None:
        return [f"{lies}, which counts here. It came from {then}: ROADTEST_ALERTS was set."]
    return []


def _then(with_keys: bool, key_folder: Path | None, database: str, home: Path) -> list[str]:
    """What is to be done after a restore, and what to know."""
    lines = []
    if not with_keys:
        lines.append(f"It was made without keys: put them into {key_folder or home / 'keys'}.")
    elif key_folder is not None:
        lines.append(
            f"The keys lie in {home / 'keys'}: move them to {key_folder}, where ROADTEST_KEY_FOLDER looks for them."
        )
    if database.startswith("postgres"):
        lines.append(
            f"It was {database}, and is SQLite now. Back: roadtest db copy --from sqlite:///{home.absolute() / 'roadtest.db'} "
            "--to URL"
        )
    lines.append("What was erased after this backup was made has to be erased again: roadtest retention")
    return lines


def erase(
    trial: TrialName,
    second: Annotated[
        str, typer.Option("--second", help="Who agreed: a lead, safety steward or custodian, not yourself.")
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why, in words that name nobody.")],
    key_gone: Annotated[
        bool, typer.Option("--key-gone", help="The key was lost or destroyed before: only say so on record.")
    ] = False,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Destroy a closed trial's key, for ever: nobody can tell any more who is who. Numbers and chain stay."""
    with told():
        settings = settings_for(home)
        from flows import erasing
        from flows.keys import Keys
        from flows.show import print_json
        from flows.work import utc_now

        name = name_of(by, settings)
        done = erasing.erase(
            *(opened(settings, name), trial),
            keys=Keys(settings.keys_folder),
            home=settings.folder,
            by=name,
            at=utc_now(),
            second=second,
            reason=reason,
            key_gone=key_gone,
        )
        if as_json:
            print_json(erasing.erasure_json(done))
        else:
            typer.echo(erasing.erasure_text(done))


def retention(keep_days: KeepDays = None, by: By = None, home: Home = None, as_json: Json = False) -> None:
    """Since when each trial has been closed, whether its key is kept for too long, and how to erase it."""
    with told():
        settings = settings_for(home, there=True)
        from flows import erasing
        from flows.keys import Keys
        from flows.show import print_json
        from flows.work import utc_now

        store = opened(settings, by)
        found = erasing.kept(store, keys=Keys(settings.keys_folder), keep_days=keep_days, at=utc_now())
        if as_json:
            print_json(erasing.kept_json(found))
        else:
            typer.echo(erasing.kept_text(found, keep_days))
