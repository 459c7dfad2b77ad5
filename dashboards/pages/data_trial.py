"""One trial's data: what waits to be mended, what is waited for, what came and what was found wrong with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dash import Dash, Input, Output, State, dcc, html, set_props
from dash.exceptions import PreventUpdate

from dashboards import datadocs, refresh, shell, wording
from dashboards.page import Page
from dashboards.pages import data, data_mend
from dashboards.pages import data_words as words
from dashboards.pages.data_parts import PANELS
from dashboards.pages.not_found_404 import only_known
from dashboards.panels.panel import Panel, place
from dashboards.parts import absence, attributes, badge, icon
from dashboards.read_model import ContradictionError, NoAccessError
from dashboards.read_model.data_trial import TrialData, trial_data
from trials.errors import UnknownTrialError

PATH = "/data/<trial_id>"


def layout(trial_id: str = "", **_: str) -> html.Div:
    # The token is read before the data: what lands in between is fetched again, never missed.
    etag = shell.tokens().etag(trial_id)
    drawn = content(trial_id)
    return html.Div(
        [
            *shell.live_mark("live-data-trial", f"/live/token/{trial_id}", etag),
            dcc.Store(id="data-trial-id", data=trial_id),
            dcc.Store(id="data-trial-shapes", data=_shapes(drawn)),
            html.Div(drawn, id="data-trial-content"),
        ]
    )


def listen(app: Dash) -> None:
    """Redraws what follows from the store, in place. The forms of rows are not touched, so nothing typed is lost."""

    @app.callback(
        Output("data-trial-shapes", "data"),
        Input("live-data-trial", "data"),
        State("data-trial-id", "data"),
        State("data-trial-shapes", "data"),
        prevent_initial_call=True,
    )
    def live(_: str, trial_id: str | None, before: dict[str, list[str]] | None) -> dict[str, list[str]]:
        if not trial_id:
            raise PreventUpdate
        return redraw(trial_id, before)

    data_mend.listen(app, redraw)


def redraw(trial_id: str, before: dict[str, list[str]] | None) -> dict[str, list[str]]:
    """Inside a callback: sends what the store says by now, a block of another shape whole."""
    drawn = content(trial_id)
    now = _shapes(drawn)
    if before is None or before.keys() != now.keys():
        set_props("data-trial-content", {"children": drawn})
        return now
    for block in _blocks(drawn):
        if before[block.id] == now[block.id]:
            refresh.redraw(block)
        else:
            set_props(block.id, {"children": block.children})
    return now


def content(trial_id: str) -> list[Any]:
    """The page of one trial's data, or the designed state that says why there is none."""
    try:
        found = trial_data(shell.desk(), trial_id)
    except UnknownTrialError as error:
        return [html.H1("No such trial"), _card("empty", "Nothing of that name", str(error))]
    except NoAccessError as error:
        return [html.H1("Not for you to see"), _card("person", "No access", str(error))]
    except ContradictionError as error:
        return [html.H1(trial_id), _card("failed", "Not shown", str(error))]
    top = html.Div([_head(found), _figures(found)], id="data-top")
    panels = {each.name: _placed(each, found) for each in PANELS}
    return [
        top,
        _section("mend", "Rows to mend", [data_mend.panel(found)]),
        _section("waits", "What is waited for, and what was found", [panels["data-waits"], panels["data-health"]]),
        _section("came", "What came in", [panels["data-deliveries"], panels["data-reasons"]]),
    ]


def _placed(panel: Panel, found: TrialData) -> html.Section:
    """A panel on the page, about the trial's data, which were read once for all of them."""
    return place(replace(panel, read=lambda desk, view: found), shell.desk(), found.view, shell.screen())


def _card(sign: str, title: str, why: str) -> html.Div:
    return html.Div(absence(sign, title, why), className="card")


def _section(name: str, heading: str, panels: list[Any]) -> html.Section:
    heading_id = f"data-{name}-heading"
    return html.Section(
        [html.H2(heading, id=heading_id), html.Div(panels, className="panels")],
        className="section",
        **attributes(aria_labelledby=heading_id),
    )


def _blocks(drawn: list[Any]) -> list[Any]:
    """What is redrawn one by one; the rows' forms are not among them."""
    kept = ("data-top", data_mend.HEAD, *(f"panel-{panel.name}" for panel in PANELS))
    return [each for each in refresh.named(drawn) if each.id in kept]


def _shapes(drawn: list[Any]) -> dict[str, list[str]]:
    return {block.id: refresh.shape(block) for block in _blocks(drawn)}


def _head(found: TrialData) -> html.Header:
    plan = found.protocol
    crumbs: list[Any] = [dcc.Link("Data", href=data.PATH), dcc.Link(plan.name, href=f"/trial/{plan.trial}")]
    named: list[Any] = ["Data of ", plan.name, *(part for text in wording.badges(plan) for part in (" ", badge(text)))]
    needs = [
        html.Span([icon("warn"), words.NEED_WORDS[need]], className="badge badge-warn") for need in found.row.needs
    ]
    docs = (
        [html.A([icon("data"), "Data Docs"], href=datadocs.PLACE, className="data-docs")] if datadocs.offered() else []
    )
    return html.Header(
        [
            html.Nav(crumbs, className="crumbs", **attributes(aria_label="Where you are")),
            html.H1(named),
            html.P(words.sentence(found.row)),
            *([html.P(needs, className="badges")] if needs else []),
            html.Div([html.Span(each) for each in docs] + [shell.live_word()], className="meta"),
        ],
        className="page-head",
    )


def _figures(found: TrialData) -> html.Dl:
    view, row = found.view, found.row
    last = "none yet" if row.last is None else f"last sent {wording.short_day(row.last.sent_at)}"
    facts = [
        ("Deliveries", f"{row.deliveries:,}", f"{row.refused:,} refused; {last}"),
        ("Rows to mend", "under 10" if row.rows is None else f"{row.rows:,}+", "set aside, waiting"),
        ("Have joined", wording.floors(view.joined), f"of {view.protocol.monitoring.max_participants:,} planned"),
        (
            f"{wording.units(view.protocol).capitalize()} with a result",
            wording.counted(view.shown),
            "in the newest look that is shown",
        ),
    ]
    told = [html.Div([html.Dt(name), html.Dd([html.Strong(value), html.Span(note)])]) for name, value, note in facts]
    return html.Dl(told, className="card key-figures data-figures")


def title(trial_id: str = "") -> str:
    """The browser's title: 'Data of Personal budgets (simulated) - Roadtest'."""
    try:
        plan = trial_data(shell.desk(), trial_id).protocol
    except (UnknownTrialError, NoAccessError, ContradictionError):
        return f"No such trial - {shell.PRODUCT}"
    marks = "".join(f" ({mark})" for mark in wording.badges(plan))
    return f"Data of {plan.name}{marks} - {shell.PRODUCT}"


PAGE = Page("data-trial", PATH, title, only_known(layout), listen, exists=shell.is_trial, work=True)
