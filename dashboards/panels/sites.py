"""Whether the sites tell the same story: the spread first, then each site drawn towards the average. No ranks, no league."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboards import wording
from dashboards.figures import sites as figure
from dashboards.panels.panel import Absence, Panel, kept_back, too_early
from dashboards.parts import chart
from dashboards.read_model.sites import Sites, sites
from dashboards.theme import Screen
from trials.disclosure import LIMIT
from trials.site_totals import told_apart

NO_BASIS = "It is there to look for surprises: the verdict does not rest on it."


def absent(about: Sites) -> Absence | None:
    plan = about.view.protocol
    if len(plan.sites) < 2:
        return Absence("empty", "one site only", "Where a plan names several sites, they stand side by side here.")
    if not told_apart(plan):
        return Absence(
            "empty", "not told apart", "Sites are set side by side for one idea and an outcome with a share or a mean."
        )
    early = too_early(about.view, "The sites appear") or kept_back(about.view)
    if early or about.rows:
        return early
    if about.told:
        return Absence(
            "early",
            "no spread",
            "At one of the sites everybody in a group has the same value, so nothing tells chance.",
        )
    each = f"{LIMIT} {wording.units(plan)}"
    kinds = (
        f"{each} with the outcome and {LIMIT} without it"
        if wording.per_hundred(plan.primary)
        else f"{each} with a result"
    )
    return Absence(
        "hidden",
        "hidden to protect privacy",
        f"Sites stand alone once two of them have {kinds} in each group, and the others together as well.",
    )


def title(about: Sites) -> str:
    rows = about.rows
    alone = sum(row.sites == 1 for row in rows)
    both = alone == len(rows) == 2
    which = f"The {alone} sites" if alone == len(rows) else f"The {alone} sites shown, and the others together,"
    which = "Both sites" if both else which
    if not about.differ:
        way = f"{'' if both else ' all'} point the same way and" if about.same_way else ""
        return f"{which}{way} cannot be told apart"
    return f"{which} point the same way, some further" if about.same_way else f"{which} point different ways"


def how(about: Sites) -> str:
    found = (
        "what is between them may be chance" if not about.differ else "chance alone would rarely make them so different"
    )
    who = wording.units(about.view.protocol)
    return (
        f"As of {about.n:,} {who} with a result, on {wording.day(about.as_of)}; {found}. A dot is a site's effect drawn "
        f"towards the average, the more so the fewer {who} it has; the line its range, the ring its own figure. {NO_BASIS}"
    )


def body(about: Sites, screen: Screen) -> list[Any]:
    plan = about.view.protocol
    together = next((row for row in about.rows if row.sites > 1), None)
    hidden = "" if together is None else f" {together.name}: too few to stand alone."
    note = (
        f"Sites stand in the plan's order, not by result.{hidden} The ranges hold for one look, so do not watch them for a "
        f"site to cross a line; they move on when every line has {LIMIT} more of each outcome in each group."
    )
    return [*chart(figure.draw(plan, about, screen), "sites-chart"), html.P(note, className="note trial-note")]


PANEL = Panel("sites", "The sites", 7, absent, title, how, body, read=sites, travels=True)
