"""Does the work take more of the staff's time than was agreed? The learning curve against its limit."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboards.figures import staff_time as figure
from dashboards.panels.panel import Absence, Panel
from dashboards.panels.rules import LEVELS, shown_level
from dashboards.parts import chart, icon
from dashboards.read_model.watch import StaffTime, staff_time
from dashboards.theme import Screen
from trials.stopping.told import unjudged


def absent(about: StaffTime) -> Absence | None:
    stopping = about.view.protocol.stopping
    if stopping is None or stopping.staff_time is None:
        return Absence(
            "empty", "no limit was agreed", "Where a plan sets a limit to staff time, its curve stands here."
        )
    limit = stopping.staff_time.minutes_at_most
    if about.finding is None or not about.reported:
        return Absence(
            "empty", "none reported yet", f"The limit is {limit:g} minutes per case; the first weeks are learning."
        )
    if not about.points:
        return Absence(
            "hidden", "hidden to protect staff", f"{about.finding.sentence} Three people at least make a figure."
        )
    return None


def title(about: StaffTime) -> str:
    assert about.finding is not None
    if unjudged(about.finding):
        return "Staff are still learning the work, and learning is not judged"
    return {
        "fine": "Once used to the work, staff keep within the limit",
        "watch": "Staff time may be above its limit; that is not sure yet",
        "stop": "Staff time is above its limit, even once the work is learnt",
    }[about.finding.level]


def how(about: StaffTime) -> str:
    assert about.finding is not None
    return (
        f"Agreed: {about.finding.plan}. Each dot holds three people or more, and moves on when three or more have reported "
        "again, so that it tells of nobody in particular."
    )


def body(about: StaffTime, screen: Screen) -> list[Any]:
    finding, stopping = about.finding, about.view.protocol.stopping
    assert finding is not None
    assert stopping is not None
    assert stopping.staff_time is not None
    level = shown_level(finding)
    word, sign = LEVELS[level]
    mark = html.Span([icon(sign), html.Span(word)], className=f"level level-{level}")
    error = f" The rule speaks up wrongly in at most {100 * finding.claim.error:g} of 100 trials, however often it is asked."
    return [
        html.P([mark, html.Span(f"{finding.sentence}{error}")], className="staff-said"),
        *chart(figure.draw(stopping.staff_time, about.points, screen), "staff-time-chart"),
    ]


PANEL = Panel("staff-time", "Staff time", 6, absent, title, how, body, section="watch", read=staff_time)
