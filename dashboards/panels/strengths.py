"""What people can do, beside the verdict and apart from it."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboards import wording
from dashboards.panels.panel import Absence, Panel
from dashboards.parts import icon
from dashboards.read_model.people import StrengthsView, strengths
from dashboards.theme import Screen


def absent(about: StrengthsView) -> Absence | None:
    if not about.measures:
        return Absence(
            "empty",
            "none in the plan",
            "The plan measures what goes wrong or right, and nothing of what people can do.",
        )
    if not about.arms:
        return Absence(
            "hidden", "not shown while the trial runs", "They are results by group, shown once the trial is closed."
        )
    if not about.seen:
        return Absence("early", "too early to say", "They appear once 10 people in each group have a result.")
    return None


def title(about: StrengthsView) -> str:
    return f"{wording.plural(about.measures, 'measure')} of what people can do"


def how(about: StrengthsView) -> str:
    return "They stand beside the verdict: no strength makes one or moves one."


def body(about: StrengthsView, screen: Screen) -> list[Any]:
    said = (
        sentence.removesuffix(" It stands beside the verdict and has no part in it.") for sentence in about.sentences
    )
    items = [html.Li([icon("strength"), html.Span(sentence)]) for sentence in said]
    return [html.Ul(items, className="people-said")]


PANEL = Panel("strengths", "Strengths", 5, absent, title, how, body, section="people", read=strengths)
