"""What was decided, by whom, on which look and why; sites that left; what happened outside; what came after the decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from dash import dcc, html

from dashboards import wording
from dashboards.panels.panel import Absence, Panel
from dashboards.parts import icon
from dashboards.read_model import TrialView
from dashboards.read_model.desk import Desk
from dashboards.read_model.history import DecisionView, Happened, History, Light, SiteLeft, history
from dashboards.theme import Screen
from trials.deciding import criteria_of

# What a decision is called once it is taken: word, sign, tone.
DONE: dict[str, tuple[str, str, str]] = {
    "drop": ("Dropped", "drop", "drop"),
    "continue": ("Goes on", "keep_going", "keep_going"),
    "promote": ("Promoted", "promote", "promote"),
    "stop": ("Stopped", "stop_for_harm", "stop_for_harm"),
    "rerun": ("Closed for a rerun", "setting_up", "setting_up"),
}
LIGHTS = {
    "green": ("ok", "promote"),
    "amber": ("warn", "warn"),
    "red": ("drop", "drop"),
    "not yet": ("early", "setting_up"),
}


def absent(about: History) -> Absence | None:
    if about.decisions or about.left or about.events or about.may_decide:
        return None
    return Absence(
        "empty",
        "none yet",
        "What people decide on this trial stands here: who, when, on which look, why, and what was learnt.",
    )


def title(about: History) -> str:
    if not about.decisions:
        return "Nothing is decided yet"
    last = about.closing or about.decisions[-1]
    code = f" ({last.code})" if last.code else ""
    return f"{DONE[last.what][0]} on {wording.day(last.at)}{code}, by {last.by}"


def how(about: History) -> str:
    return "Signed, dated, never edited. A decision rests on one look, and says when it goes against the verdict."


def body(about: History, screen: Screen) -> list[Any]:
    parts: list[Any] = []
    if about.decisions:
        items = [html.Li(_decision(one), className=f"tone-{DONE[one.what][2]}") for one in reversed(about.decisions)]
        parts.append(html.Ol(items, className="people-line"))
    if about.after:
        parts.append(html.P([icon("stale"), html.Span(about.after)], className="people-lead"))
    parts += [*_left(about), *_events(about), *_beside(about)]
    if about.may_decide:
        link = dcc.Link(
            [icon("cant_tell"), html.Span("Record a decision")],
            href=f"/decide/{about.trial}",
            className="button primary",
        )
        parts.append(html.P(link, className="people-act"))
    return parts


def _decision(one: DecisionView) -> list[Any]:
    word, sign, _ = DONE[one.what]
    head = html.P(
        [icon(sign), html.Strong(word), html.Span(f"{wording.day(one.at)}, by {one.by}", className="quiet")],
        className="people-what",
    )
    told = [("Why", one.reason), ("Lesson", one.lesson), ("To use again", one.reuse), ("Seen otherwise", one.dissent)]
    rows = [html.Div([html.Dt(name), html.Dd(said)]) for name, said in told if said]
    return [
        head,
        html.P(_rests(one)),
        *([html.Dl(rows, className="people-told")] if rows else []),
        *([html.Ul([html.Li(light(each)) for each in one.lights], className="people-lights")] if one.lights else []),
    ]


def _rests(one: DecisionView) -> str:
    """What it rests on, what it goes against, and who else has looked."""
    on = f"On look {one.look:,}" if one.look else "Before the first look"
    code = f" Reason: {one.code_means}." if one.code_means else ""
    against = f", against the {' and the '.join(one.against)}" if one.against else ""
    second = f", reviewed by {one.second}" if one.second else ""
    return f"{on}{against}{second}.{code}"


def light(one: Light) -> list[Any]:
    """A criterion's light as sign, word and colour, with the value that people gave."""
    sign, tone = LIGHTS[one.colour]
    said = f": people answered {one.said}" if one.said else ""
    return [
        html.Span([icon(sign), html.Strong(one.colour)], className=f"people-light tone-{tone} bare"),
        html.Span(f"{one.id}{said}"),
    ]


def _left(about: History) -> list[Any]:
    if not about.left:
        return []
    items = [html.Li([icon("site"), html.Span(_site(one))]) for one in about.left]
    return [html.H4("Sites that left"), html.Ul(items, className="people-said")]


def _site(one: SiteLeft) -> str:
    day = _date(one.from_day)
    return f"{one.site}, from {day} on: {one.means}. {one.reason} What it reported stays, and its outcomes still count."


def _events(about: History) -> list[Any]:
    if not about.events:
        return []
    items = [html.Li([icon("stage"), html.Span(_event(one))]) for one in about.events]
    return [html.H4("What happened outside"), html.Ul(items, className="people-said")]


def _event(one: Happened) -> str:
    where = f" ({', '.join(one.sites)})" if one.sites else ""
    return f"{_date(one.day)}{where}: {one.text}"


def _beside(about: History) -> list[Any]:
    """Estimates beside each other, as the command tells them; on a plan that was altered none."""
    if not about.parts and not about.fault:
        return []
    said = about.parts or (about.fault,)
    bare = (_bare(one) for one in said)
    items = [html.Li([icon("cant_tell" if about.parts else "failed"), html.Span(one)]) for one in bare]
    why = (
        "The same trial looked at in parts, as of an earlier look. Nobody acts on these: a difference is a question, not an "
        "answer."
    )
    return [
        html.H4("With and without, before and since"),
        html.P(why, className="note"),
        html.Ul(items, className="people-said"),
    ]


def _bare(sentence: str) -> str:
    said = sentence.removeprefix("Sensitivity, never acted on: ").removeprefix("Sensitivity, ")
    return f"{said[:1].upper()}{said[1:]}"


def _date(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def read(desk: Desk, view: TrialView) -> History:
    """The history, each light under what was asked instead of the criterion's id."""
    found = history(desk, view)
    asked = {one.id.replace("_", " "): one.text for one in criteria_of(view.protocol)}
    if not asked:
        return found
    return replace(found, decisions=tuple(replace(one, lights=_asked(one, asked)) for one in found.decisions))


def _asked(one: DecisionView, asked: Mapping[str, str]) -> tuple[Light, ...]:
    return tuple(replace(each, id=asked.get(each.id, each.id)) for each in one.lights)


PANEL = Panel("decisions", "Decisions", 7, absent, title, how, body, section="history", read=read)
