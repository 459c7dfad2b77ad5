"""`roadtest rules` and `staff-time`: the stopping rules beside the statistics, and one thing that they rest on. Thin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.options import By, Home, Json, TrialName, name_of, opened, settings_for, told
from flows.safety import SiteName, safety_app, sight_of

if TYPE_CHECKING:
    from datetime import datetime

    from trials.stopping import Finding

AsOf = Annotated[
    str | None, typer.Option("--as-of", help="Date or time to judge the facts at, such as 2026-07-01; default now.")
]
LEVEL_WORDS = {"stop": "STOP", "watch": "watch", "fine": "fine"}


def add(app: typer.Typer) -> None:
    """Puts these commands into the command line."""
    app.command("rules")(rules)
    app.command("staff-time")(staff_time)
    app.add_typer(safety_app, name="safety")


def rules(trial: TrialName, as_of: AsOf = None, by: By = None, home: Home = None, as_json: Json = False) -> None:
    """Say what each stopping rule of the plan finds, worst first: its sentence, reason code, evidence and what to do."""
    with told():
        settings = settings_for(home)
        from flows.moments import parse_time
        from flows.show import print_json
        from flows.work import utc_now
        from trials.store import reading, standing

        store = opened(settings, name_of(by, settings))
        at = parse_time(as_of, "--as-of", "") or utc_now()
        found = standing.standing(store, trial, at, small=sight_of(store, trial).small)
        if as_json:
            print_json(rules_json(trial, at, found))
        else:
            typer.echo(rules_text(trial, found, reading.card(store, trial).state))


def staff_time(
    trial: TrialName,
    file: Annotated[
        Path, typer.Argument(help="CSV: staff (a code), week, tenure_weeks or started_week, cases, minutes.")
    ],
    site: SiteName = None,
    sent_at: Annotated[str | None, typer.Option("--sent-at", help="When it was sent; default now.")] = None,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Take in staff's minutes per case by week. A later upload on the same person's week takes the earlier one's place."""
    with told():
        settings = settings_for(home)
        from flows import reported
        from flows.byhand import door_of
        from flows.moments import parse_time
        from flows.show import print_json
        from flows.work import utc_now

        who, sent = name_of(by, settings), parse_time(sent_at, "--sent-at", "")
        store, at = opened(settings, who), sent or utc_now()
        door = door_of(settings)
        act = reported.staff_time(store, trial, file, site=site, by=who, at=at, sent=sent is not None, door=door)
        count = len(act.body.rows)  # type: ignore[attr-defined]
        if as_json:
            print_json({"trial": trial, "act": act.seq, "rows": count})
        else:
            rows = f"{count} row{'' if count == 1 else 's'}"
            typer.echo(f"{trial}: {rows} of staff time, upload {act.seq}. Next: roadtest rules {trial}")


def rules_json(trial: str, at: datetime, found: Sequence[Finding]) -> dict[str, Any]:
    """`trial, as_of, level` (the worst), and `findings`: rule, code, about, level, sentence, plan, claim, figures, todo."""
    from trials.stopping import CODES, findings_json, todo_of

    findings = [
        {**body, "means": CODES[one.code], "todo": todo_of(one)}
        for one, body in zip(found, findings_json(found), strict=True)
    ]
    level = found[0].level if found else None
    return {"trial": trial, "as_of": at.isoformat(), "level": level, "findings": findings}


def rules_text(trial: str, found: Sequence[Finding], state: str) -> str:
    """A paragraph a finding, worst first, and what to do next; state: where the trial stands, as a closed one needs nothing."""
    from trials.acts.act import CLOSED
    from trials.stopping import CODES, todo_of

    if not found:
        return f"{trial}: the plan has no stopping rules. Add a section `stopping` to the next plan."
    lines = []
    for one in found:
        about = f", {one.about}" if one.about else ""
        lines.append(f"{LEVEL_WORDS[one.level]}  {one.sentence}")
        lines.append(f"      {one.code} ({one.rule}{about}): {CODES[one.code]}. Plan: {one.plan}.")
        if one.claim.crossed_on is not None and one.claim.error:
            lines.append(
                f"      Said since {one.claim.crossed_on}; wrongly in at most {100 * one.claim.error:g} of 100 trials."
            )
        if one.level == "stop" and state not in CLOSED:
            lines.append(f"      What to do: {todo_of(one)}.")
    if state in CLOSED:
        lines.append(f"The trial is {state}: nothing is left to decide. Next: roadtest decisions {trial}")
    elif found[0].level == "stop":
        lines.append(f"Next: roadtest decide {trial} stop --reason-code {found[0].code} --lesson TEXT --reuse TEXT")
        lines.append(f"or, to go on all the same: roadtest decide {trial} continue --reason TEXT")
    else:
        lines.append(f"No rule asks for a stop. Next: roadtest status {trial}")
    return "\n".join(lines)
