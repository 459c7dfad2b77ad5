"""The best estimate in people: of a hundred with and a hundred without the idea, how many have the outcome."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboards import wording
from dashboards.figures.people import Side, in_people, picture
from dashboards.panels.panel import Absence, Panel, kept_back, small_numbers, too_early
from dashboards.read_model import TrialView
from dashboards.theme import Screen


def absent(view: TrialView) -> Absence | None:
    return too_early(view, "The estimate in people appears") or kept_back(view) or small_numbers(view)


def title(view: TrialView) -> str:
    assert view.effect is not None
    return in_people(view.protocol, view.effect).sentence


def how(view: TrialView) -> str:
    """The range stands beside the estimate wherever that is told."""
    assert view.effect is not None
    return f"The best estimate, {wording.plausible(view.protocol, view.effect)}. A guess from the people so far, not a promise."


def body(view: TrialView, screen: Screen) -> list[Any]:
    assert view.effect is not None
    sides = in_people(view.protocol, view.effect).sides
    return [html.Div([_side(side, screen) for side in sides], className="trial-hundreds")] if sides else []


def _side(side: Side, screen: Screen) -> html.Figure:
    dots = []
    if side.of_hundred is not None:
        dots = [html.Img(src=picture(side.of_hundred, screen), alt=f"{side.of_hundred} of 100 dots are filled")]
    return html.Figure([*dots, html.Figcaption([html.Strong(side.shown), html.Span(side.name)])])


PANEL = Panel("people", "In people", 5, absent, title, how, body)
