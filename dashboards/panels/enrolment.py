"""Who has joined: by site and by arm."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboards import wording
from dashboards.figures import enrolment
from dashboards.panels.panel import Absence, Panel
from dashboards.parts import chart
from dashboards.read_model import TrialView
from dashboards.theme import Screen


def absent(view: TrialView) -> Absence | None:
    if view.enrolment.total is None:
        return Absence(
            "hidden", "hidden to protect privacy", "Fewer than 10 people have joined so far. They count in the result."
        )
    if view.enrolment.total == 0:
        return Absence("early", "nobody yet", "The first delivery fills this panel.")
    return None


def title(view: TrialView) -> str:
    joined, planned = view.enrolment.total or 0, view.protocol.monitoring.max_participants
    sites = len(view.enrolment.rows)
    where = f" at {sites} sites" if sites > 1 else ""
    return f"{joined:,} of {planned:,} {wording.units(view.protocol)} have joined{where}"


def how(view: TrialView) -> str:
    waiting = view.quality.waiting
    if waiting == 0 and view.protocol.unit == "cluster":
        return "Every cluster that joined is in the evidence or settled as missing."
    if waiting == 0:
        return "Everybody who joined is in the evidence or settled as missing."
    if waiting is None:
        return "Some of them may still wait for their result, or for those before them."
    return f"{waiting:,} of them wait for their result, or for those before them."


def body(view: TrialView, screen: Screen) -> list[Any]:
    shown = chart(enrolment.draw(view.protocol, view.enrolment, screen), "enrolment-chart")
    note = [html.P(wording.HIDDEN_WHY, className="note")] if view.enrolment.hides else []
    return [shown[0], *note, shown[1]]


PANEL = Panel("enrolment", "Who has joined", 5, absent, title, how, body)
