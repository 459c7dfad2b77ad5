"""Who has joined: by site against the plan, over time, and one site at a time.

The filter reads the released table that stands on the page already, so no choice of it tells what the page does not.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.exceptions import PreventUpdate

from dashboards import read_model, refresh, shell, wording
from dashboards.figures import enrolment
from dashboards.figures.enrolment import cell, site_name
from dashboards.panels.panel import Absence, Panel
from dashboards.parts import chart
from dashboards.read_model.who import Who, who
from dashboards.theme import Screen
from trials.disclosure import LIMIT, part_of

STAMP, SITE, ALL = "enrolment-stamp", "enrolment-site", "enrolment-all"
ONE, SHAPE = "enrolment-one", "enrolment-shape"


def absent(about: Who) -> Absence | None:
    view = about.view
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


def title(about: Who) -> str:
    view, pace = about.view, about.pace
    joined, planned = view.joined or 0, view.protocol.monitoring.max_participants
    who_, sites = wording.units(view.protocol), len(view.enrolment.rows)
    if pace is None or pace.standing == "not yet":
        where = f" at {sites} sites" if sites > 1 else ""
        return f"At least {joined:,} of {planned:,} {who_} have joined{where}"
    if pace.behind is not None and pace.behind >= 0.01:
        found = f"Enrolment is at least {int(100 * pace.behind)} % behind plan"
    else:
        found = "Enrolment is on plan" if pace.standing == "on plan" else "Enrolment is about as planned"
    names = [site_name(view.protocol, site) for site in pace.barely]
    if not names:
        return found
    joins = ", but" if pace.behind is None else ", and"
    return f"{found}{joins} {names[0] if len(names) == 1 else f'{len(names)} sites'} {_has(names)} barely started"


def _has(names: list[str]) -> str:
    return "has" if len(names) == 1 else "have"


def how(about: Who) -> str:
    view, pace = about.view, about.pace
    who_ = wording.units(view.protocol)
    joined = (
        f"{'Clusters' if view.protocol.unit == 'cluster' else 'People'} who wait for their result are among these. "
    )
    if pace is None:
        return f"{joined}The plan names no pace to hold them against. {wording.STEPS_WHY}"
    plan = pace.plan
    due = (
        f"By {_day(plan.until)} at least {pace.least:,} {who_} have joined, where the plan counts on {plan.now:,.0f}"
        if pace.standing != "not yet"
        else f"The plan counts on {plan.per_month:g} {who_} a month from {_day(plan.begin)} on"
    )
    alike = ", with every site expected to bring the same" if plan.sites > 1 and pace.standing != "not yet" else ""
    return f"{due}{alike}. {joined}{wording.STEPS_WHY}"


def body(about: Who, screen: Screen) -> list[Any]:
    everybody = html.Div(_everybody(about, screen), id=ALL)
    if len(about.view.enrolment.rows) < 2:
        return [everybody]
    one = html.Div(id=ONE, className="who-one", role="status")
    # Filled by the filter alone: a live refresh leaves what it shows as it is (`redraw` sends no children that a component has
    # not), and then tells it by the stamp to look again.
    del one.children
    return [
        _filter(about),
        everybody,
        one,
        dcc.Store(id=SHAPE),
        dcc.Store(id=STAMP, data=[about.view.look.number if about.view.look else 0, about.view.joined]),
    ]


def _everybody(about: Who, screen: Screen) -> list[Any]:
    view, plan = about.view, None if about.pace is None else about.pace.plan
    drawn = enrolment.over_time(view.protocol, about.told, screen, plan)
    return [
        *chart(enrolment.draw(view.protocol, view.enrolment, screen, plan), "enrolment-chart"),
        *(chart(drawn, "enrolment-over-time") if drawn else []),
    ]


def _filter(about: Who) -> html.Div:
    view = about.view
    sites = [{"value": site, "label": site_name(view.protocol, site)} for site in view.enrolment.rows if site]
    choice = dmc.Select(
        id=SITE,
        label="Site",
        data=sites,
        placeholder="All sites",
        clearable=True,
        searchable=True,
        nothingFoundMessage="No such site",
        comboboxProps={"withinPortal": True},
        clearButtonProps={"aria-label": "Show all sites"},
        persistence=view.protocol.trial,
        persistence_type="session",
        size="sm",
    )
    return html.Div(choice, className="who-filter")


def one_site(about: Who, site: str, screen: Screen) -> list[Any]:
    """What the released table has of one site: a sentence, its groups, how it grew. Raises DataError for an unknown one."""
    view, plan = about.view, None if about.pace is None else about.pace.plan
    part = part_of(view.enrolment, [site])
    grew = enrolment.over_time(view.protocol, about.told, screen, plan, site)
    return [
        html.P(sentence(about, site), id="enrolment-site-said", className="who-said"),
        *chart(enrolment.draw(view.protocol, part, screen), "enrolment-site-chart"),
        *(chart(grew, "enrolment-site-over-time") if grew else []),
    ]


def sentence(about: Who, site: str) -> str:
    """'North: at least 40 people have joined. Usual: suppressed (< 10). Phone call: 40+.'"""
    view, table = about.view, about.view.enrolment
    count, who_ = table.row_totals[site], wording.units(view.protocol)
    joined = "suppressed" if count is None else f"at least {count:,} {who_} have joined"
    groups = " ".join(f"{wording.arm_name(view.protocol, arm)}: {cell(table, site, arm)}." for arm in table.columns)
    plan = "" if about.pace is None or about.pace.plan.now <= 0 else f" Planned by now: {about.pace.plan.a_site:,.0f}."
    hidden = " Numbers of fewer than 10 are never shown; they count in the result." if "suppressed" in groups else ""
    return f"{site_name(view.protocol, site)}: {joined}. {groups}{plan}{hidden}"


def _day(on: date) -> str:
    return f"{on.day} {on:%B %Y}"


def listen(app: Dash) -> None:
    """The filter: a site narrows the panel to itself; nothing chosen shows all of them."""

    @app.callback(
        Output(ONE, "children"),
        Output(ALL, "hidden"),
        Output(SHAPE, "data"),
        Input(SITE, "value"),
        Input(STAMP, "data"),
        State(SHAPE, "data"),
        State("trial-id", "data"),
    )
    def narrow(site: str | None, _: Any, before: list[str] | None, trial_id: str | None) -> tuple[Any, bool, list[str]]:
        if not trial_id:
            raise PreventUpdate
        if not site:
            return [], False, []
        desk = shell.desk()
        drawn = one_site(who(desk, read_model.trial(desk, trial_id)), site, shell.screen())
        now = refresh.shape(drawn)
        if now != before:
            return drawn, True, now
        refresh.redraw(drawn)  # in place, so that what is opened stays open
        return no_update, True, now


PANEL = Panel("enrolment", "Who has joined", 7, absent, title, how, body, section="who", read=who, listen=listen)
