"""Who has joined: by site and by arm."""

from __future__ import annotations

from typing import Any

from dashboards import wording
from dashboards.figures import enrolment
from dashboards.panels.panel import Absence, Panel
from dashboards.parts import chart
from dashboards.read_model import TrialView
from dashboards.theme import Screen
from trials.disclosure import LIMIT


def absent(view: TrialView) -> Absence | None:
    if view.enrolment.total is not None:
        return None
    if view.quality.deliveries == 0:
        return Absence("early", "nobody yet", "The first delivery fills this panel.")
    where = "each group" if len(view.enrolment.rows) < 2 else "each group of each site"
    return Absence(
        "hidden",
        "hidden to protect privacy",
        f"Too few {wording.units(view.protocol)} have joined in {where} to be shown: {LIMIT} are needed. They count in the "
        "result.",
    )


def title(view: TrialView) -> str:
    joined, planned = view.joined or 0, view.protocol.monitoring.max_participants
    sites = len(view.enrolment.rows)
    where = f" at {sites} sites" if sites > 1 else ""
    return f"At least {joined:,} of {planned:,} {wording.units(view.protocol)} have joined{where}"


def how(view: TrialView) -> str:
    who = "Clusters" if view.protocol.unit == "cluster" else "People"
    return f"{who} who wait for their result, or for those before them, are among these. {wording.STEPS_WHY}"


def body(view: TrialView, screen: Screen) -> list[Any]:
    return chart(enrolment.draw(view.protocol, view.enrolment, screen), "enrolment-chart")


PANEL = Panel("enrolment", "Who has joined", 5, absent, title, how, body, section="who")
