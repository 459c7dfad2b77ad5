"""What a trial takes over from earlier ones: their decisions, lessons and criteria, and what is new."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from dashboards import wording
from dashboards.panels.decisions import DONE, light
from dashboards.panels.panel import Absence, Panel
from dashboards.parts import icon, numbers
from dashboards.read_model.history import CarriedView, Light, carried, code_words
from dashboards.theme import Screen
from trials.acts.passing import Handed


def absent(about: CarriedView) -> Absence | None:
    if not about.continues:
        return Absence("empty", "nothing taken over", "This trial begins an idea here: it continues no earlier one.")
    if about.why and not about.handed:
        return Absence("hidden", "not told", about.why)
    return None


def title(about: CarriedView) -> str:
    if about.sentence:
        return about.sentence.rstrip(".")
    return f"It continues {wording.plural(len(about.continues), 'earlier trial')}"


def how(about: CarriedView) -> str:
    return "What earlier trials handed over when they were closed, failures and all."


def body(about: CarriedView, screen: Screen) -> list[Any]:
    items = [html.Li(_handed(one, lights)) for one, lights in about.handed]
    parts: list[Any] = [html.Ol(items, className="people-line")] if items else []
    if about.changed:
        parts.append(html.P([html.Strong("What is new: "), about.changed], className="people-lead"))
    if about.lost:
        lost = ", ".join(name.replace("_", " ") for name in about.lost)
        parts.append(
            html.P(
                [icon("warn"), html.Span(f"No criterion of this trial asks any more: {lost}.")], className="people-lead"
            )
        )
    if about.hidden:
        hidden = wording.plural(len(about.hidden), "trial")
        parts.append(html.P(f"{hidden} that you cannot see handed something over too.", className="note"))
    if about.criteria:
        rows = [(trial, name.replace("_", " "), text) for trial, name, text in about.criteria]
        columns = ("Sealed with", "Criterion", "In its words")
        parts.append(numbers("carried-criteria", columns, rows, "Criteria taken over", "Show the criteria taken over"))
    return parts


def _handed(one: Handed, lights: tuple[Light, ...]) -> list[Any]:
    word, sign, tone = DONE[one.decision]
    code = f" ({code_words(one.reason_code)})" if one.reason_code else ""
    told = [("Lesson", one.lesson), ("To use again", one.reuse)]
    rows = [html.Div([html.Dt(name), html.Dd(said)]) for name, said in told if said]
    return [
        html.P([dcc.Link(one.trial, href=f"/trial/{one.trial}")], className="people-what"),
        html.P([icon(sign), html.Span(f"{word}{code}")], className=f"people-stands tone-{tone} bare"),
        *([html.Dl(rows, className="people-told")] if rows else []),
        *([html.Ul([html.Li(light(each)) for each in lights], className="people-lights")] if lights else []),
    ]


PANEL = Panel("carried", "From earlier trials", 5, absent, title, how, body, section="history", read=carried)
