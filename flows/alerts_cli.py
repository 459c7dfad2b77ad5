"""`roadtest alerts`: what stands, who was told, saying that one sees to it, and trying the channels. Thin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.options import By, Home, Json, fail, hidden_text, name_of, opened, settings_for, told

if TYPE_CHECKING:
    from flows.alerts import Report
    from flows.alerts_words import View
    from flows.settings import Settings
    from trials.alerting import Alert, ChannelState
    from trials.store.engine import Store

alerts_app = typer.Typer(help="Who is told when something needs a person.", no_args_is_help=True)
AlertId = Annotated[str, typer.Argument(help="The alert's id, or enough of its beginning.")]


@alerts_app.command("list")
def list_alerts(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """What stands, what must be acted on first, and how the channels get on."""
    with told():
        settings = settings_for(home, there=True, person=by)
        from flows.show import print_json
        from trials.store import alerts

        store = opened(settings)
        view, found = _seen(store, everything)
        states = _channels(settings, alerts.channels(store))
        if as_json:
            print_json({"alerts": [alert_json(view, one) for one in found], "channels": states})
        else:
            typer.echo(list_text(view, found, states))


@alerts_app.command("acknowledge")
def acknowledge(
    alert: AlertId,
    by: By = None,
    note: Annotated[str, typer.Option("--note", help="What you do about it, in a sentence that names nobody.")] = "",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Say that you see to an alert: nobody is reminded of it any more. For operators and leads."""
    with told():
        settings = settings_for(home, there=True)
        from flows.show import print_json
        from flows.work import utc_now
        from trials.store import alerts

        name = name_of(by, settings)
        done = alerts.acknowledge(opened(settings, name), alert, by=name, at=utc_now(), note=note)
        if as_json:
            print_json({"id": done.id, "by": done.acknowledged_by, "at": _iso(done.acknowledged_at), "note": done.note})
            return
        what = f"of {done.trial} " if done.trial else ""
        typer.echo(
            f"{done.acknowledged_by} sees to alert {done.id} {what}({done.kind}). It clears when its cause is gone."
        )


@alerts_app.command("test")
def try_channel(
    channel: Annotated[str | None, typer.Argument(help="The channel's name; all if left out.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Send a message that says it is a test, to see that a channel works."""
    with told():
        settings = settings_for(home)
        from flows.alerts import try_channels
        from flows.show import print_json

        found = try_channels(settings, channel)
        if as_json:
            print_json([{"channel": name, "sent": error is None, "error": error} for name, error in found.items()])
        else:
            for name, error in found.items():
                typer.echo(f"{name}: sent. Look whether it arrived." if error is None else f"{name}: {error}.")
        if any(error is not None for error in found.values()):
            fail(f"a channel can't be used. Mend it in {settings.alerts_file}, then: roadtest alerts test")


@alerts_app.command("check")
def check_alerts(home: Home = None, as_json: Json = False) -> None:
    """Find out what is the case now, and tell whoever is to know. Run it apart from the rounds, to hear when they stop."""
    with told():
        settings = settings_for(home, there=True)
        from flows.alerts import check
        from flows.show import print_json
        from flows.work import utc_now

        store = opened(settings)
        report = check(settings, store, utc_now())
        if as_json:
            print_json(report_json(report))
        elif not report.errors or "" not in report.errors:  # of a file that can't be read the fault alone is said
            typer.echo(report_text(report))
        if report.errors:
            fail("; ".join(f"{name or 'alerts'}: {error}" for name, error in report.errors.items()))


def _seen(store: Store, everything: bool) -> tuple[View, list[Alert]]:
    """What whoever opened the store may be told of; how much else there is goes to stderr."""
    from flows import alerts_untold
    from flows.alerts_words import programmes_of, view_of
    from trials.alerting import worst_first
    from trials.store import alerts, reading

    view = view_of(store, store.person, programmes_of(reading.cards(store)), reading.sealed_ids(store))
    found = alerts.listed(store) if everything else worst_first(alerts.standing(store))
    # Of what they may not see, as many are counted as there would be whatever the trials' answers are.
    if left := sum(not view.may(one) for one in alerts_untold.countable(store, found)):
        typer.echo(hidden_text(left, "alert", store.person), err=True)
    return view, [one for one in found if view.may(one)]


def _channels(settings: Settings, states: dict[str, ChannelState]) -> list[dict[str, Any]]:
    from flows.alerts_file import Channels, read_channels
    from trials.errors import RoadtestError

    try:
        file = read_channels(settings.alerts_file, named=settings.alerts is not None)
    except RoadtestError as error:  # what stands is shown all the same
        typer.echo(f"roadtest: {error}", err=True)
        file = Channels()
    found = []
    for one in file.channels:
        state = states.get(one.name)
        known = {"name": one.name, "kinds": list(one.kinds), "person": one.person, "digest": one.digest}
        failures = 0 if state is None else state.failures
        said = {"failures": failures, "error": None if state is None else state.error}
        times = {name: _iso(getattr(state, name, None)) for name in ("sent_at", "failed_at", "next_try_at")}
        found.append({**known, **said, **times})
    return found


def alert_json(view: View, one: Alert) -> dict[str, Any]:
    """The alert as the view's person may be told it."""
    from flows.alerts_words import named, sentence_for

    return {
        "id": one.id,
        "occurrence": one.occurrence,
        "kind": one.kind,
        "trial": one.trial if one.trial and named(view, one) else None,
        "severity": view.severity(one),
        "sentence": sentence_for(view, one),
        "raised_at": _iso(one.raised_at),
        "cleared_at": _iso(one.cleared_at),
        "acknowledged_by": one.acknowledged_by,
        "acknowledged_at": _iso(one.acknowledged_at),
        "note": one.note,
    }


def list_text(view: View, found: Sequence[Alert], states: Sequence[dict[str, Any]]) -> str:
    """A line or two an alert, then a line a channel."""
    from flows.alerts_words import heading, sentence_for

    lines = [] if found else ["Nothing needs anybody. Next: roadtest alerts check looks again."]
    for one in found:
        mark = "over" if not one.open else "ACT " if view.severity(one) == "act" else "look"
        lines.append(f"{mark}  {one.id}  {heading(view, one)}: {sentence_for(view, one)}")
        since = f"      {one.kind}, since {one.raised_at:%Y-%m-%d %H:%M} UTC"
        if one.cleared_at is not None:
            since += f", over since {one.cleared_at:%Y-%m-%d %H:%M} UTC"
        if one.acknowledged_by is not None:
            since += f"; {one.acknowledged_by} sees to it" + (f": {one.note}" if one.note else "")
        lines.append(since)
    if any(one.open and one.acknowledged_by is None for one in found):
        lines.append("Next: roadtest alerts acknowledge ID --by NAME says that you see to one.")
    for state in states:
        lines.append(f"channel {state['name']}: {_channel_text(state)}")
    if not states:
        lines.append("Nobody is told: no channel is set up. See docs/alerts.md.")
    return "\n".join(lines)


def _channel_text(state: dict[str, Any]) -> str:
    if state["failures"]:
        times = "once" if state["failures"] == 1 else f"{state['failures']} times in a row"
        again = (state["next_try_at"] or "")[:16].replace("T", " ")
        return f"failed {times}: {state['error']}; tried again from {again} UTC on"
    return "nothing was sent yet" if state["sent_at"] is None else f"last sent {state['sent_at']}"


def report_json(report: Report) -> dict[str, Any]:
    return {
        "raised": len(report.raised),
        "cleared": len(report.cleared),
        "told": report.told or {},
        "errors": report.errors or {},
    }


def report_text(report: Report) -> str:
    told = ", ".join(f"{name} of {count}" for name, count in (report.told or {}).items()) or "nobody"
    return f"{len(report.raised)} raised, {len(report.cleared)} cleared; told: {told}. Next: roadtest alerts list"


def _iso(at: Any) -> str | None:
    return None if at is None else at.isoformat()
