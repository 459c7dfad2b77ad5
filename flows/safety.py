"""`roadtest safety`: safety events reported, judged by the steward, listed. Thin; `flows.reported` does the work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from flows.options import By, Home, Json, TrialName, name_of, opened, settings_for, told

if TYPE_CHECKING:
    from trials.acts import Act
    from trials.store.access import Sight
    from trials.store.engine import Store

safety_app = typer.Typer(help="Safety events: report, judge, list.", no_args_is_help=True)

WAITS = "Enrolment is stopped, or waits for the safety steward."
GOES_ON = "No safety event keeps people from being enrolled."
FOR_STEWARDS = "The events themselves are for safety stewards: roadtest safety list TRIAL --by NAME"
SiteName = Annotated[str | None, typer.Option("--site", help="The site, as in the plan; several if left out.")]


@safety_app.command("report")
def report(
    trial: TrialName,
    day: Annotated[str, typer.Option("--day", help="The day on which it happened, such as 2026-02-09.")],
    kind: Annotated[
        str, typer.Option("--kind", help="death, life_threatening, hospital, self_harm, violence or other.")
    ],
    text: Annotated[str, typer.Option("--text", help="What happened, in few words that name nobody.")],
    serious: Annotated[bool, typer.Option("--serious/--not-serious", help="Whether it is serious.")] = True,
    related: Annotated[
        str, typer.Option("--related", help="Whether it may be due to the idea: yes, possibly, no or unknown.")
    ] = "unknown",
    participant: Annotated[
        str | None, typer.Option("--participant", help="Their id as the site's files have it; kept as a pseudonym.")
    ] = None,
    site: SiteName = None,
    reference: Annotated[str, typer.Option("--reference", help="The site's own number for the event.")] = "",
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Report a safety event. The same words again are the same event, unless --reference tells them apart."""
    with told():
        settings = settings_for(home)
        from flows import reported
        from flows.byhand import door_of
        from flows.show import print_json
        from flows.work import utc_now
        from trials.acts.safety_events import SafetyEvent
        from trials.store import standing
        from trials.store.engine import reading

        event = _checked(
            SafetyEvent,
            {
                "day": day,
                "site": site,
                "serious": serious,
                "related": related,
                "kind": kind,
                "text": text,
                "reference": reference,
            },
        )
        who = name_of(by, settings)
        store, door = opened(settings, who), door_of(settings)
        act = reported.report_safety(store, trial, event, participant=participant, by=who, at=utc_now(), door=door)
        with reading(store) as connection:
            waits = standing.enrolment_waits(connection, trial)
        if as_json:
            print_json({"trial": trial, "event": act.seq, "enrolment_waits": waits})
        else:
            after = f" {waits}" if waits else ""
            typer.echo(
                f"{trial}: event {act.seq} is reported.{after} Next, by the safety steward: roadtest safety judge {trial} "
                f"{act.seq} --related ... --goes-on --reason TEXT"
            )


@safety_app.command("judge")
def judge(
    trial: TrialName,
    event: Annotated[int, typer.Argument(help="The event's number, as the list has it.")],
    related: Annotated[
        str, typer.Option("--related", help="Whether it may be due to the idea: yes, possibly, no, unknown.")
    ],
    stops: Annotated[bool, typer.Option("--stops/--goes-on", help="Whether nobody may be enrolled any more.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, in words that name nobody.")],
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Judge a safety event; only the safety steward may. The newest word counts, earlier ones stay on record."""
    with told():
        settings = settings_for(home)
        from flows import reported
        from flows.show import print_json
        from flows.work import utc_now
        from trials.acts.safety_events import SafetyJudged
        from trials.store import standing
        from trials.store.engine import reading

        word = _checked(SafetyJudged, {"event": event, "related": related, "stops": stops, "reason": reason})
        who = name_of(by, settings)
        store = opened(settings, who)
        reported.judge_safety(
            store, trial, event, related=word.related, stops=stops, reason=reason, by=who, at=utc_now()
        )
        with reading(store) as connection:
            waits = standing.enrolment_waits(connection, trial)
        if as_json:
            print_json({"trial": trial, "event": event, "enrolment_waits": waits})
        else:
            typer.echo(
                f"{trial}: event {event} is judged. {waits or 'People may be enrolled.'} Next: roadtest rules {trial}"
            )


@safety_app.command("list")
def list_(trial: TrialName, by: By = None, home: Home = None, as_json: Json = False) -> None:
    """List safety events with what the steward made of them, for whoever may see small counts, which is logged; words and
    people only for whom may see rows too. Others are told whether enrolment waits."""
    with told():
        settings = settings_for(home)
        from flows.show import print_json
        from flows.work import utc_now
        from trials.acts.act import CLOSED
        from trials.acts.safety_events import SAFETY_EVENT, SAFETY_JUDGED
        from trials.acts.viewing import VIEWED, Viewed
        from trials.store import acts, standing
        from trials.store.engine import reading

        who = name_of(by, settings)
        store = opened(settings, who)
        sight = sight_of(store, trial)
        with reading(store) as connection:
            waits = standing.enrolment_waits(connection, trial)
            closed = acts.state_of(connection, trial) in CLOSED
        if not sight.small:
            told_of = None if waits is None else WAITS
            if as_json:
                print_json({"trial": trial, "events": None, "enrolment_waits": told_of})
            else:
                typer.echo(f"{trial}: {told_of or GOES_ON} {FOR_STEWARDS}")
            return
        done = acts.acts(store, trial, [SAFETY_EVENT, SAFETY_JUDGED])
        if sight.roles and done:
            what: Literal["rows", "small_counts"] = "rows" if sight.rows else "small_counts"
            seen = Viewed(what=what, role=" and ".join(sorted(sight.roles)), detail="safety events")
            acts.act(store, trial, VIEWED, seen, by=who, at=utc_now())
        found = events_json(done, sight.rows)
        if as_json:
            print_json({"trial": trial, "events": found, "enrolment_waits": waits})
        else:
            typer.echo(events_text(trial, found, waits, closed=closed))


def events_json(done: Sequence[Act], rows: bool) -> list[dict[str, Any]]:
    """Events, oldest first: number, day, site, kind, serious, related, reported_by, judged; text and participant if `rows`."""
    from trials.acts.safety_events import SafetyEvent, SafetyJudged

    words = {act.body.event: act for act in done if isinstance(act.body, SafetyJudged)}
    found = []
    for act in done:
        if not isinstance(act.body, SafetyEvent):
            continue
        body, word = act.body.model_dump(mode="json"), words.get(act.seq)
        hidden = () if rows else ("text", "participant", "reference")
        said = None
        if word is not None and isinstance(word.body, SafetyJudged):
            said = {"related": word.body.related, "stops": word.body.stops, "by": word.by, "at": word.at.isoformat()}
            said |= {"reason": word.body.reason} if rows else {}
        kept = {name: value for name, value in body.items() if name not in hidden}
        found.append(
            {"event": act.seq, **kept, "reported_by": act.by, "reported_at": act.at.isoformat(), "judged": said}
        )
    return found


def events_text(trial: str, found: Sequence[dict[str, Any]], waits: str | None, *, closed: bool = False) -> str:
    """A line or two an event, and what to do next; nothing in a trial that is closed."""
    from flows.quarantine import plain

    lines = []
    for one in found:
        where = f" at {one['site']}" if one["site"] else ""
        serious = "serious" if one["serious"] else "not serious"
        word = one["judged"]
        judged = (
            "waits for the safety steward"
            if word is None
            else f"judged: {'stops the trial' if word['stops'] else 'goes on'}"
        )
        related = one["related"] if word is None else word["related"]
        lines.append(
            f"event {one['event']}, {one['day']}{where}: {one['kind']}, {serious}, due to the idea: {related}; {judged}"
        )
        lines += [f"  {plain(one['text'])}"] if one.get("text") else []
    open_ = [one["event"] for one in found if one["judged"] is None]
    lines.append(waits or (f"{trial}: no safety event was reported." if not found else f"{len(found)} reported."))
    if open_ and not closed:
        lines.append(
            f"Next, by the safety steward: roadtest safety judge {trial} {open_[0]} --related ... --goes-on --reason TEXT"
        )
    return "\n".join(lines)


def sight_of(store: Store, trial: str) -> Sight:
    """What the store's person may see of the trial. Raises ForbiddenError, UnknownTrialError."""
    from trials.store import access, acts, plans
    from trials.store.engine import reading

    with reading(store) as connection:
        protocol, _ = plans.sealed_plan(connection, trial)
        return access.sight(connection, trial, store.person, protocol, acts.state_of(connection, trial) or "")


def _checked(model: Any, content: dict[str, Any]) -> Any:
    """The content as the act's body. Raises DataError with the first thing that is wrong, and without the free text."""
    from pydantic import ValidationError

    from trials.errors import DataError
    from trials.protocol import explain

    try:
        return model.model_validate(content)
    except ValidationError as error:
        if error.errors(include_url=False)[0]["loc"][:1] in (("text",), ("reason",), ("reference",)):
            name = error.errors(include_url=False)[0]["loc"][0]
            raise DataError(f"--{name} can't be used, must be given and not too long.") from None
        raise DataError(explain(error)) from None
