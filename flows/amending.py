"""`roadtest amend` and `roadtest amendments`: change a sealed plan in the open, and see what was changed when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.options import By, Home, Json, TrialName

if TYPE_CHECKING:
    from trials.acts.act import Act
    from trials.acts.amending import Change
    from trials.amending import FieldChange
    from trials.protocol import Protocol
    from trials.store.amendments import Examined, Version
    from trials.store.engine import Store

EFFECTS = {
    "none": "Only words change; nothing that is measured or judged does.",
    "future": "It applies to what comes in from now on; the looks before it stay as they are, with their own plan.",
}

File = Annotated[Path, typer.Argument(help="The whole plan as it shall be from now on, a YAML file.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Why the plan is changed.")]
Impact = Annotated[str | None, typer.Option("--impact", help="What the change is expected to do to the trial.")]
ApprovedBy = Annotated[str | None, typer.Option("--approved-by", help="Who read the change and approves it; not you.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change and whether it may; store nothing.")]


def add(app: typer.Typer) -> None:
    """Put the commands on."""
    app.command("amend")(amend)
    app.command("amendments")(amendments)


def amend(
    trial: TrialName,
    file: File,
    reason: Reason = None,
    impact: Impact = None,
    by: By = None,
    approved_by: ApprovedBy = None,
    dry_run: DryRun = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Change a sealed plan: a new version beside the old one, with the reason, approved by a second person."""
    from flows.options import name_of, opened, read_by, settings_for, told

    with told():
        from flows.show import print_json
        from flows.work import utc_now
        from trials.protocol import from_file
        from trials.store.amendments import said_of

        settings, protocol = settings_for(home), from_file(file)
        store = opened(settings, by)
        try:
            if dry_run:
                read_by(store, trial)
                found = examine_trial(store, trial, protocol)
                if as_json:
                    print_json(examined_json(trial, found))
                else:
                    typer.echo(examined_text(trial, found))
                if found.refusal is not None:
                    raise typer.Exit(1)
                return
            done = amend_trial(
                store,
                trial,
                protocol,
                reason=reason or "",
                impact=impact or "",
                by=name_of(by, settings),
                approved_by=approved_by or "",
                at=utc_now(),
            )
        finally:
            store.close()
        if as_json:
            print_json(act_json(done))
        else:
            typer.echo(done_text(trial, done, said_of(done).diff))


def amendments(trial: TrialName, by: By = None, home: Home = None, as_json: Json = False) -> None:
    """List every version of a trial's plan: what was changed, why, by whom, and between which looks."""
    from flows.options import opened, read_by, settings_for, told

    with told():
        from flows.show import print_json
        from trials.store.amendments import versions

        store = opened(settings_for(home), by)
        try:
            read_by(store, trial)
            found = versions(store, trial)
        finally:
            store.close()
        if as_json:
            print_json({"trial": trial, "versions": [version_json(one) for one in found]})
        else:
            typer.echo(versions_text(trial, found))


def amend_trial(
    store: Store,
    trial: str,
    protocol: Protocol,
    *,
    reason: str,
    impact: str,
    by: str,
    approved_by: str,
    at: datetime,
) -> Act:
    """Amend a sealed plan, after the checks that every plan passes; the act that stands. The same again changes nothing.

    Raises ProtocolError for a plan that can't be judged, and what `trials.store.amendments.amend` does.
    """
    from trials.store.amendments import amend

    _must_be_sound(protocol)
    return amend(store, trial, protocol, reason=reason, impact=impact, by=by, approved_by=approved_by, at=at)


def examine_trial(store: Store, trial: str, protocol: Protocol) -> Examined:
    """What amending it to this plan would be, and whether it may; nothing is stored. Raises what `amend_trial` does."""
    from trials.store.amendments import examine

    _must_be_sound(protocol)
    return examine(store, trial, protocol)


def _must_be_sound(protocol: Protocol) -> None:
    from trials.connectors import connector_named
    from trials.planning import admit

    admit(protocol)
    connector_named(protocol.source.connector).check(protocol.source)


def changes_text(changes: Iterable[FieldChange | Change]) -> str:
    """A line for each field: what it was and what it is."""
    return "\n".join(f"  {one.path}: {_change(one.before, one.after)}" for one in changes)


def _change(before: Any, after: Any) -> str:
    if before is None:
        return f"new, {_shown(after)}"
    return f"taken out, was {_shown(before)}" if after is None else f"from {_shown(before)} to {_shown(after)}"


def _shown(value: Any) -> str:
    import json

    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:117]}..."


def examined_text(trial: str, found: Examined) -> str:
    """What an amendment would be, for --dry-run."""
    number = f"version {found.version} of its plan" if found.refusal is None else "no new version of its plan"
    lines = [f"{trial}: this would be {number}, {found.mark}."]
    lines += [changes_text(found.changes)] if found.changes else []
    if found.refusal is not None:
        return "\n".join([*lines, f"It can't be done: {found.refusal}"])
    again = "without --dry-run, with --reason, --impact, --by and --approved-by"
    return "\n".join(
        [*lines, EFFECTS[found.evidence], f"Nothing was stored. Next: roadtest amend {trial} FILE {again}"]
    )


def done_text(trial: str, act: Act, changes: Sequence[Change]) -> str:
    """What was amended, and what to do next."""
    from trials.store.amendments import said_of

    said = said_of(act)
    return "\n".join(
        [
            f"Amended {trial}: version {said.version} of its plan, {_mark(act)}. It stands so for ever beside version "
            f"{said.version - 1}.",
            changes_text(changes),
            EFFECTS[said.evidence],
            f"Next: roadtest look {trial}",
        ]
    )


def versions_text(trial: str, found: Sequence[Version]) -> str:
    """Each version of a plan with its mark; the newest is the one that runs."""
    from trials.store.amendments import said_of

    lines = []
    for one in found:
        unsealed = "replaced before the seal" if one is not found[-1] else "not sealed"
        sealed = f"sealed by {one.sealed_by}" if one.sealed_by else unsealed
        head = f"Version {one.number} ({one.sha256[:12]}), written by {one.written_by} on {one.written_at.date()}, {sealed}"
        if one.act is None:
            lines.append(f"{head}.")
            continue
        said = said_of(one.act)
        lines += [
            f"{head}: {one.mark}.",
            f"  Why: {said.reason}",
            f"  Expected: {said.impact}",
            changes_text(said.diff),
        ]
    amended = sum(one.act is not None for one in found)
    never = "not been amended since its seal" if found[-1].sealed_by else "not been sealed yet, so nothing was amended"
    word = never if amended == 0 else f"been amended {amended} time{'s' * (amended > 1)}"
    after = (
        f"To change it: roadtest amend {trial} FILE --dry-run"
        if found[-1].sealed_by
        else f"Next: roadtest seal {trial}"
    )
    return "\n".join([f"{trial} has {word}.", *lines, after])


def examined_json(trial: str, found: Examined) -> dict[str, Any]:
    """`allowed`, `refusal` (a sentence or null), `version`, `mark`, `evidence`, `changes` with path, before, after, class."""
    return {
        "trial": trial,
        "allowed": found.refusal is None,
        "refusal": found.refusal,
        "version": found.version,
        "from_sha256": found.from_sha256,
        "to_sha256": found.to_sha256,
        "mark": found.mark,
        "evidence": found.evidence,
        "changes": [
            {"path": one.path, "before": one.before, "after": one.after, "class": one.of} for one in found.changes
        ],
    }


def act_json(act: Act) -> dict[str, Any]:
    """One amendment: its body (version, hashes, diff, reason, impact, evidence, approved_by), and by, at, look, mark."""
    from trials.store.amendments import said_of

    body = said_of(act).model_dump(mode="json")
    return {"trial": act.scope, **body, "by": act.by, "at": act.at.isoformat(), "look": act.look, "mark": _mark(act)}


def version_json(one: Version) -> dict[str, Any]:
    """One version: number, sha256, who wrote and sealed it when; `amendment` as `act_json` gives it, or null."""
    return {
        "version": one.number,
        "sha256": one.sha256,
        "written_by": one.written_by,
        "written_at": one.written_at.isoformat(),
        "sealed_by": one.sealed_by,
        "sealed_at": None if one.sealed_at is None else one.sealed_at.isoformat(),
        "amendment": None if one.act is None else act_json(one.act),
    }


def _mark(act: Act) -> str:
    from trials.amending import mark

    return mark(act.look)
