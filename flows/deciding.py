"""`roadtest decide`, `withdraw-site`, `note-event`, `decisions`, `carried`, `pass-on`: what people decide, and what follows.

Thin; `trials.store.decisions` and `trials.store.subsets` do the work, and `flows.decided` says what came of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

import typer

from flows.options import By, Home, Json, TrialName, name_of, opened, settings_for, told

What = Annotated[str, typer.Argument(help="drop, continue, promote, stop or rerun.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, in words that name nobody.")]


def decide(
    trial: TrialName,
    what: What,
    reason_code: Annotated[
        str, typer.Option("--reason-code", help="Why, as a word of the table in docs/managing/decisions.md.")
    ] = "",
    reason: Reason = "",
    lesson: Annotated[str, typer.Option("--lesson", help="What others should know before they try the same.")] = "",
    reuse: Annotated[str, typer.Option("--reuse", help="What others can use again, or 'nothing'.")] = "",
    dissent: Annotated[str, typer.Option("--dissent", help="Who saw it otherwise and why; 'none' if nobody.")] = "none",
    second: Annotated[
        str, typer.Option("--second", help="Who reviewed it; needed against the verdict or the gate.")
    ] = "",
    met: Annotated[
        list[str] | None, typer.Option("--met", help="criterion=value, for what the gate asks people; once each.")
    ] = None,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Decide on a trial: drop, continue, promote, stop, rerun. All but continue close it."""
    with told():
        settings = settings_for(home)
        from flows.decided import decision_json, next_step, seen_by
        from flows.show import print_json
        from flows.work import utc_now
        from trials.store import decisions

        name = name_of(by, settings)
        store = opened(settings, name)
        done = decisions.decide(
            store,
            trial,
            known_decision(what),
            by=name,
            at=utc_now(),
            reason=reason,
            reason_code=reason_code,
            second=second,
            lesson=lesson,
            reuse=reuse,
            dissent=dissent,
            answers=answers_of(met or []),
        )
        if as_json:
            print_json({"trial": trial, **decision_json(done.act, small=seen_by(store, trial).small)})
        else:
            typer.echo(f"{done.sentence} Next: {next_step(done.act)}")


def withdraw_site(
    trial: TrialName,
    site: Annotated[str, typer.Argument(help="The site's id, as in the protocol.")],
    reason_code: Annotated[
        str,
        typer.Option("--reason-code", help="provider_failed, policy_reversed, recruitment, staffing, ... or other."),
    ],
    reason: Reason,
    from_day: Annotated[
        str | None,
        typer.Option("--from", help="First day on which nobody joins there (YYYY-MM-DD); today if left out."),
    ] = None,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Take a site out of a trial: its data stay, nobody joins there any more, and what can still be told is said."""
    with told():
        settings = settings_for(home)
        from flows.decided import sites_json, sites_text
        from flows.show import print_json
        from flows.work import utc_now
        from trials.store import decisions

        name, at = name_of(by, settings), utc_now()
        store = opened(settings, name)
        day = at.date() if from_day is None else day_of(from_day, "--from")
        decisions.withdraw_site(
            store, trial, site, reason_code=reason_code, reason=reason, from_day=day, by=name, at=at
        )
        body = sites_json(store, trial, at)
        if as_json:
            print_json({"trial": trial, "site": site, "from_day": day.isoformat(), **body})
            return
        typer.echo(f"{site} left {trial} from {day} on; what it reported stays, and its outcomes still count.")
        for line in sites_text(body):
            typer.echo(line)
        typer.echo(
            f"Next: tell {site} to enrol nobody else and to send the outcomes it owes; then: roadtest decisions {trial}"
        )


def note_event(
    trial: TrialName,
    text: Annotated[str, typer.Argument(help="What happened outside the trial, in a few words.")],
    day: Annotated[str, typer.Option("--day", help="The first day on which it was so (YYYY-MM-DD).")],
    kind: Annotated[str, typer.Option("--kind", help="policy, provider, law or other.")] = "other",
    sites: Annotated[list[str] | None, typer.Option("--site", help="A site that it touches; all if left out.")] = None,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Note an event outside the trial; the estimate is then shown for those who joined before and since."""
    with told():
        settings = settings_for(home)
        from flows.decided import act_json, seen_by
        from flows.show import print_json
        from flows.work import utc_now
        from trials.store import decisions, subsets

        name = name_of(by, settings)
        store = opened(settings, name)
        act = decisions.note_event(
            store,
            trial,
            text,
            day=day_of(day, "--day"),
            kind=known_event(kind),
            sites=sites or (),
            by=name,
            at=utc_now(),
        )
        mine = [one.to_json() for one in subsets.splits(store, trial, seen_by(store, trial)) if one.event == act.body]
        if as_json:
            print_json({"trial": trial, **act_json(act), "split": mine})
            return
        typer.echo(f"Noted on {trial}: {text}")
        for one in mine:
            typer.echo(one["sentence"])
        typer.echo(f"Next: roadtest decisions {trial}")


def decisions(trial: TrialName, by: By = None, home: Home = None, as_json: Json = False) -> None:
    """What was decided on a trial, by whom, on which look; sites that left; outside events and their split."""
    with told():
        settings = settings_for(home)
        from flows.decided import decisions_json, decisions_text
        from flows.show import print_json
        from flows.work import utc_now

        store = opened(settings, name_of(by, settings))
        body = decisions_json(store, trial, utc_now())
        if as_json:
            print_json(body)
        else:
            typer.echo("\n".join(decisions_text(body)))


def carried(trial: TrialName, by: By = None, home: Home = None, as_json: Json = False) -> None:
    """What a trial carries over from those it continues: criteria, lessons, decisions, what changed."""
    with told():
        settings = settings_for(home)
        from flows.decided import carried_json, carried_text, may_read, seen_by
        from flows.show import print_json
        from trials.store import stages

        store = opened(settings, name_of(by, settings))
        may_read(store, trial)
        found, small = stages.carried_by(store, trial), seen_by(store, trial).small
        if as_json:
            print_json(carried_json(found, small=small))
        else:
            typer.echo("\n".join(carried_text(found, small=small)))


def pass_on(trial: TrialName, by: By = None, home: Home = None, as_json: Json = False) -> None:
    """Note on the idea that it passes on to this registered trial, with all that is handed over."""
    with told():
        settings = settings_for(home)
        from flows.decided import act_json, carried_json, carried_text, seen_by
        from flows.show import print_json
        from flows.work import utc_now
        from trials.store import stages

        name = name_of(by, settings)
        store = opened(settings, name)
        act = stages.pass_on(store, trial, by=name, at=utc_now())
        found, small = stages.carried_by(store, trial), seen_by(store, trial).small
        if as_json:
            body = carried_json(found, small=small)
            print_json({**act_json(act), "handed": body["handed_over"], **body})
        else:
            typer.echo("\n".join([*carried_text(found, small=small), f"Next: roadtest seal {trial} --by NAME"]))


def add(app: typer.Typer) -> None:
    """Puts the commands of this module on the app."""
    app.command("decide")(decide)
    app.command("withdraw-site")(withdraw_site)
    app.command("note-event")(note_event)
    app.command("decisions")(decisions)
    app.command("carried")(carried)
    app.command("pass-on")(pass_on)


def known_decision(what: str) -> Any:
    """The decision of this name. Raises DataError for an unknown one."""
    from trials.acts.deciding import DECISIONS
    from trials.errors import DataError

    if what not in DECISIONS:
        raise DataError(f"decision == {what!r}, must be one of {', '.join(DECISIONS)}.")
    return what


def known_event(kind: str) -> Any:
    """The kind of event of this name. Raises DataError for an unknown one."""
    from trials.acts.events import EVENT_KINDS
    from trials.errors import DataError

    if kind not in EVENT_KINDS:
        raise DataError(f"kind == {kind!r}, must be one of {', '.join(EVENT_KINDS)}.")
    return kind


def day_of(text: str, option: str) -> date:
    """A day from YYYY-MM-DD. Raises DataError for anything else."""
    from trials.errors import DataError

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise DataError(f"{option} == {text!r}, must be a day such as 2026-03-01.") from None


def answers_of(met: Sequence[str]) -> dict[str, float]:
    """criterion -> value. Raises DataError for one without a number and for a criterion that is given twice."""
    import math

    from trials.errors import DataError

    found: dict[str, float] = {}
    for one in met:
        name, _, value = one.partition("=")
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise DataError(f"--met {one!r}, must be criterion=number. Write --met acceptability=0.8.")
        if name.strip() in found:
            raise DataError(f"--met {name.strip()} is given twice, must be given once.")
        found[name.strip()] = number
    return found
