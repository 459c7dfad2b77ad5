"""The flow of people through the trial (CONSORT), as boxes, a sentence and a table from one object."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboards import wording
from dashboards.figures.consort import Box, Boxes, draw
from dashboards.panels.panel import Absence, Panel
from dashboards.parts import attributes, numbers
from dashboards.read_model.who import Through, through
from dashboards.theme import Screen
from trials.disclosure import LIMIT


def absent(about: Through) -> Absence | None:
    if about.flow.joined is not None:
        return None
    if about.view.quality.deliveries == 0:
        return Absence("empty", "nobody has joined yet", "Once people join, where each of them stands is drawn here.")
    return Absence(
        "hidden",
        "too few to draw",
        f"Each box needs {LIMIT} {wording.units(about.view.protocol)} in it; those who joined count in the result.",
    )


def title(about: Through) -> str:
    flow, who = about.flow, wording.units(about.view.protocol)
    joined = f"At least {flow.joined or 0:,} {who} joined"
    if flow.with_result is None:
        return f"{joined}; results are still to come"
    return f"{joined}, {flow.with_result:,} of them have a result so far"


def how(about: Through) -> str:
    why = "" if about.flow.by_arm else " Results are not shown by group here."
    return (
        "From joining to a result, group by group. The flow begins with those who joined: whom a site invited, and who "
        f"declined, it keeps to itself. Who waits is not counted here, as that would tell of single people.{why}"
    )


def body(about: Through, screen: Screen) -> list[Any]:
    plan = about.view.protocol
    drawn = draw(plan, about.flow, about.view.quality.reasons.total, about.left)
    return [
        html.Div(
            [
                html.P(drawn.sentence, className="unseen", id="consort-sentence"),
                html.Div([_box(box) for box in drawn.top], className="flow-top"),
                html.Div([_column(name, boxes) for name, boxes in drawn.columns], className="flow-arms"),
                html.Div([_box(box) for box in drawn.aside], className="flow-aside"),
            ],
            className="flow",
            role="group",
            **attributes(aria_label="Flow of people through the trial"),
        ),
        _table(drawn),
    ]


def _table(drawn: Boxes) -> html.Details:
    return numbers("consort-numbers", drawn.head, drawn.rows, drawn.sentence, "Show the flow as a table")


def _column(name: str, boxes: tuple[Box, ...]) -> html.Div:
    return html.Div([html.H4(name), *(_box(box) for box in boxes)], className="flow-arm")


def _box(box: Box) -> html.Div:
    tone = " quiet" if box.quiet else ""
    return html.Div([html.Strong(box.number), html.Span(box.what)], className=f"flow-box{tone}")


PANEL = Panel("consort", "The flow of people", 5, absent, title, how, body, section="who", read=through)
