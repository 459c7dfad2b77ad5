"""The sub-command `roadtest quarantine`: list, repair, replay. Thin; `flows.quarantining` does the work.

What a site sent is never printed raw: a cell that a spreadsheet would take for a formula gets an apostrophe before it, and
characters that steer a terminal are written out.
"""

from __future__ import annotations

import csv
import os
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.options import By, Home, Json, TrialName, fail, name_of, opened, read_by, settings_for, told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flows.quarantining import Replay
    from trials.store.quarantine import Place, SetAside

quarantine_app = typer.Typer(help="Rows that were set aside: list, mend, judge again.", no_args_is_help=True)

_FORMULA = ("=", "+", "-", "@")
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


@quarantine_app.command("list")
def list_(
    trial: TrialName,
    everything: Annotated[
        bool, typer.Option("--all/--open", help="Every row ever set aside, or those that still wait.")
    ] = False,
    show: Annotated[
        bool, typer.Option("--show", help="Open the cells with the trial's key; the audit keeps who.")
    ] = False,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="Write the list to a new CSV file.")] = None,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """List rows that were set aside, with the reason and what became of them; with --show their cells too."""
    with told():
        settings = settings_for(home)
        from flows import quarantining
        from flows.byhand import door_of
        from flows.show import print_json
        from flows.work import utc_now
        from trials.store import quarantine

        who = name_of(by, settings)
        store = opened(settings, who)
        read_by(store, trial, "see_rows")
        rows = [one for one in quarantine.rows(store, trial) if everything or one.state in quarantine.WAITING]
        cells: dict[Place, dict[str, str]] = {}
        if show and rows:
            cells = quarantining.shown(store, trial, rows, door=door_of(settings), by=who, at=utc_now())
        if csv_file is not None:
            write_csv(csv_file, rows, cells)
        if as_json:
            print_json({"trial": trial, "rows": [row_json(one, cells) for one in rows]})
        elif csv_file is not None:
            typer.echo(f"Wrote {len(rows)} rows to {csv_file}.")
        else:
            typer.echo(list_text(trial, rows, cells, everything))


@quarantine_app.command("repair")
def repair(
    trial: TrialName,
    delivery: Annotated[int, typer.Argument(help="The delivery's number, as the list has it.")],
    row: Annotated[int, typer.Argument(help="The row's number in that delivery.")],
    sets: Annotated[
        list[str] | None, typer.Option("--set", help="column=value, in the plan's column names; once a column.")
    ] = None,
    drop: Annotated[bool, typer.Option("--drop", help="Not to be mended, such as an exact repeat.")] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record.")] = "",
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Mend a row that was set aside; what was sent stays as it is. Nothing is judged until `quarantine replay`."""
    with told():
        changes = changes_of(sets or [])
        if drop == bool(changes):
            fail("give either --set column=value (once a column) or --drop.")
        settings = settings_for(home)
        from flows import quarantining
        from flows.byhand import door_of
        from flows.show import print_json
        from flows.work import utc_now

        who, at = name_of(by, settings), utc_now()
        store = opened(settings, who)
        if drop:
            done = quarantining.drop(store, trial, (delivery, row), reason=reason, by=who, at=at)
        else:
            door = door_of(settings)
            done = quarantining.mend(store, trial, (delivery, row), changes, reason=reason, by=who, door=door, at=at)
        if as_json:
            print_json({"trial": trial, **row_json(done, {})})
        elif drop:
            typer.echo(f"Row {row} of delivery {delivery} is not to be mended; it has left the open list.")
        else:
            typer.echo(
                f"Row {row} of delivery {delivery}: version {done.version} changes {', '.join(done.repairs[-1].changed)}. "
                f"Next: roadtest quarantine replay {trial}"
            )


@quarantine_app.command("replay")
def replay(
    trial: TrialName,
    everything: Annotated[
        bool, typer.Option("--all", help="Also rows that nobody mended, whose reason may have gone.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Judge the rows, store nothing.")] = False,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Judge mended rows again, through the same checks and into the same ledger as when they were first sent."""
    with told():
        settings = settings_for(home)
        from flows import quarantining
        from flows.byhand import door_of
        from flows.show import print_json
        from flows.work import utc_now

        door, who = door_of(settings), name_of(by, settings)
        done = quarantining.replay(
            opened(settings, who), trial, unmended=everything, dry_run=dry_run, by=who, door=door, at=utc_now()
        )
        if as_json:
            print_json({"trial": trial, "dry_run": dry_run, **replay_json(done)})
        else:
            typer.echo(replay_text(trial, done, dry_run, everything))


def changes_of(sets: Sequence[str]) -> dict[str, str]:
    """column -> value. Raises DataError for a --set without '=' and for a column that is given twice."""
    from trials.errors import DataError

    changes: dict[str, str] = {}
    for one in sets:
        column, equals, value = one.partition("=")
        if not equals or not column.strip():
            raise DataError(f"--set {plain(one)}, must be column=value. Write --set arm=control.")
        if column.strip() in changes:
            raise DataError(f"--set {plain(column.strip())} is given twice, must be given once.")
        changes[column.strip()] = value
    return changes


def plain(text: str) -> str:
    """A text from outside as it may be printed: characters that show nothing are written out, a formula is no formula."""
    seen = "".join(
        char.encode("unicode_escape").decode("ascii") if unicodedata.category(char) in _UNSEEN else char
        for char in text
    )
    # A tab or a return before a formula is written out by now, and blanks don't hide one.
    return f"'{seen}" if seen.lstrip().startswith(_FORMULA) else seen


def row_json(row: SetAside, cells: Mapping[Place, Mapping[str, str]]) -> dict[str, Any]:
    """`delivery, name, row, reason, state, repairs[], replayed_as`, and `cells` when they were opened."""
    into = None if row.replayed_as is None else {"delivery": row.replayed_as[0], "row": row.replayed_as[1]}
    repairs = [
        {
            "version": one.number,
            "changed": list(one.changed),
            "reason": one.reason,
            "by": one.by,
            "at": one.at.isoformat(),
        }
        for one in row.repairs
    ]
    body: dict[str, Any] = {
        "delivery": row.delivery,
        "name": row.name,
        "row": row.row_no,
        "reason": row.reason,
        "state": row.state,
        "repairs": repairs,
        "replayed_as": into,
    }
    if row.place in cells:
        body["cells"] = dict(cells[row.place])
    return body


def write_csv(file: Path, rows: Sequence[SetAside], cells: Mapping[Place, Mapping[str, str]]) -> None:
    """Writes a new file that its owner alone can read; every cell safe for a spreadsheet. Raises DataError if it is there."""
    from trials.errors import DataError

    columns = list(dict.fromkeys(name for one in cells.values() for name in one))
    head = ["delivery", "name", "row", "state", "reason", "repairs"]
    try:
        with open(file, "x", encoding="utf-8", newline="", opener=_for_its_owner) as out:
            writer = csv.writer(out, quoting=csv.QUOTE_ALL)
            writer.writerow([*head, *(f"cell: {plain(name)}" for name in columns)])
            for one in rows:
                said = [one.delivery, plain(one.name), one.row_no, one.state, plain(one.reason), one.version]
                writer.writerow([*said, *(plain(cells.get(one.place, {}).get(name, "")) for name in columns)])
    except FileExistsError:
        raise DataError(f"{file} exists already, must be a new file. Name another, or delete it first.") from None
    except OSError as error:
        raise DataError(f"{file} can't be written ({error.strerror}). Name a file in a folder that exists.") from None


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def list_text(trial: str, rows: Sequence[SetAside], cells: Mapping[Place, Mapping[str, str]], everything: bool) -> str:
    """A paragraph a row, and what to do next."""
    if not rows:
        return (
            f"{trial}: no row was ever set aside." if everything else f"{trial}: no row waits. --all lists every one."
        )
    lines = []
    for one in rows:
        lines.append(f"delivery {one.delivery} ({plain(one.name)}), row {one.row_no}: {one.state}{_into(one)}")
        lines.append(f"  {plain(one.reason)}")
        lines += [f"  {_mend_text(one, number)}" for number in range(len(one.repairs))]
        lines += [f"    {plain(name)} = {plain(value)}" for name, value in cells.get(one.place, {}).items()]
    count = len(rows)
    lines.append(f"{count} row{'' if count == 1 else 's'}.")
    if not everything:
        lines.append(f"Next: roadtest quarantine repair {trial} DELIVERY ROW --set column=value --reason TEXT")
    return "\n".join(lines)


def _into(row: SetAside) -> str:
    return "" if row.replayed_as is None else f", as row {row.replayed_as[1]} of delivery {row.replayed_as[0]}"


def _mend_text(row: SetAside, number: int) -> str:
    mend = row.repairs[number]
    what = f"changed {', '.join(map(plain, mend.changed))}" if mend.changed else "not to be mended"
    return f"version {mend.number}, {mend.at:%Y-%m-%d}, {plain(mend.by)}: {what} ({plain(mend.reason)})"


def replay_json(done: Replay) -> dict[str, Any]:
    """`rows, accepted, quarantined, duplicates, corrections, left[], deliveries[]`: sums, and each replay's own receipt."""
    from flows.show import receipt_json

    names = ("accepted", "quarantined", "duplicates", "corrections")
    return {
        "rows": done.rows,
        **{name: sum(getattr(one, name) for one in done.receipts) for name in names},
        "left": [{"delivery": row.delivery, "row": row.row_no, "reason": reason} for row, reason in done.left],
        "deliveries": [receipt_json(one) for one in done.receipts],
    }


def replay_text(trial: str, done: Replay, dry_run: bool, everything: bool) -> str:
    """What became of each replay, and of the rows that stay where they are."""
    from flows.show import receipt_text

    lines = [plain_lines(receipt_text(one, dry_run)) for one in done.receipts]
    lines += [f"  delivery {row.delivery}, row {row.row_no} stays open: {plain(reason)}" for row, reason in done.left]
    if not lines:
        more = "" if everything else " --all judges those too that nobody mended."
        return f"{trial}: no mended row waits to be judged again.{more}"
    return "\n".join(lines)


def plain_lines(text: str) -> str:
    return "\n".join(plain(line) for line in text.split("\n"))
