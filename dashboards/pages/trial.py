"""One trial: its sentence first, then the panels; as it is, or, with `?look=7`, as it was at an earlier look."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from dash import Dash, Input, NoUpdate, Output, State, dcc, html, no_update, set_props
from dash.exceptions import PreventUpdate
from plotly.utils import PlotlyJSONEncoder

from dashboards import read_model, refresh, shell
from dashboards.page import Page
from dashboards.pages import trial_top
from dashboards.pages.not_found_404 import only_known
from dashboards.panels import PANELS, SECTIONS
from dashboards.panels.panel import Panel, place
from dashboards.parts import absence, attributes
from dashboards.read_model import ContradictionError, NoAccessError, NoSuchLookError, TrialView
from dashboards.theme import Screen
from trials.errors import UnknownTrialError

PATH = "/trial/<trial_id>"

Prints = dict[str, list[str]]

NO_LOOK = -1  # which no trial has


def layout(trial_id: str = "", look: str = "", **_: str) -> html.Div:
    # The token is read before the looks: what lands in between is fetched again, never missed.
    etag = shell.tokens().etag(trial_id)
    drawn = content(trial_id, shell.screen(), look)
    return html.Div(
        [
            *shell.live_mark("live-trial", f"/live/token/{trial_id}", etag),
            dcc.Store(id="trial-id", data=trial_id),
            dcc.Store(id="trial-look", data=look),
            dcc.Store(id="trial-prints", data=_prints(drawn)),
            html.Div(drawn, id="trial-content"),
        ]
    )


def listen(app: Dash) -> None:
    """Redraws the page in place when the live script tells of a change; only a part of another shape is built anew, and a part
    that stayed as it was is not sent. A page as of an earlier look stays as it is, and tells that there is news."""

    for panel in PANELS:
        if panel.listen is not None:
            panel.listen(app)

    @app.callback(
        Output("trial-prints", "data"),
        Input("live-trial", "data"),
        State("trial-id", "data"),
        State("trial-look", "data"),
        State("trial-prints", "data"),
        prevent_initial_call=True,
    )
    def redraw(why: str, trial_id: str | None, look: str, before: Prints | None) -> Prints | NoUpdate:
        if not trial_id:
            raise PreventUpdate
        if look and not why.startswith("screen"):
            set_props("trial-news", {"children": "Something new has come in since you opened this page. "})
            return no_update  # PreventUpdate would take the news back
        drawn = content(trial_id, shell.screen(), look)
        now = _prints(drawn)
        if before == now:
            raise PreventUpdate
        if before is None or before.keys() != now.keys():
            set_props("trial-content", {"children": drawn})
            return now
        for block in _blocks(drawn):
            if before[block.id][:1] != now[block.id][:1]:
                set_props(block.id, {"children": block.children})
            elif before[block.id] != now[block.id]:
                refresh.redraw(block)
        return now


def content(trial_id: str, screen: Screen, look: str = "") -> list[Any]:
    """The page of one trial, or the designed state that says why there is none. look: the number of an earlier look, if any."""
    number = _number(look)
    try:
        view = read_model.trial(shell.desk(), trial_id, look=number)
    except UnknownTrialError as error:
        return _nothing("No such trial", "empty", "Nothing of that name", str(error))
    except NoAccessError as error:
        return _nothing("Not for you to see", "person", "No access", str(error))
    except ContradictionError as error:
        return _nothing(trial_id, "failed", "Not shown", str(error))
    except NoSuchLookError as error:
        back = html.P(dcc.Link("See the newest", href=f"/trial/{trial_id}", className="button"))
        if number == NO_LOOK:
            why = "Looks are numbered from 1 on, and the address asks for something else."
            return [*_nothing("Not shown", "empty", "There is no such look", why), back]
        return [*_nothing("Not shown", "hidden", "This look is not shown", str(error)), back]
    top = html.Div(trial_top.top(view), id="trial-top")
    if view.since is None:
        return [top, _contents(SECTIONS), *(_section(name, view, PANELS, screen) for name in SECTIONS)]
    panels = [panel for panel in PANELS if panel.read is None or panel.travels]
    names = [name for name in SECTIONS if any(panel.section == name for panel in panels)]
    sections = [_section(name, view, panels, screen) for name in names]
    return [top, _contents(names), *sections, trial_top.left_out(view)]


def _number(look: str) -> int | None:
    """The look that an address asks for; NO_LOOK for what is no number."""
    if not look:
        return None
    return int(look) if look.isascii() and look.isdigit() and len(look) < 10 else NO_LOOK


def _nothing(title: str, sign: str, what: str, why: str) -> list[Any]:
    return [html.H1(title), html.Div(absence(sign, what, why), className="card")]


def _contents(names: Iterable[str]) -> html.Nav:
    """Links to the sections, beside which the reader keeps their place."""
    links = [html.A(SECTIONS[name], href=f"#section-{name}") for name in names]
    return html.Nav(links, className="contents", **attributes(aria_label="On this page"))


def _section(name: str, view: TrialView, panels: Iterable[Panel], screen: Screen) -> html.Section:
    placed = [place(panel, shell.desk(), view, screen) for panel in panels if panel.section == name]
    heading = html.H2(SECTIONS[name], id=f"section-{name}-heading")
    return html.Section(
        [heading, html.Div(placed, className="panels")],
        id=f"section-{name}",
        className="section",
        **attributes(aria_labelledby=f"section-{name}-heading"),
    )


def _blocks(drawn: list[Any]) -> list[Any]:
    """The parts that are redrawn one by one: the top and each panel."""
    return [each for each in refresh.named(drawn) if each.id == "trial-top" or each.id.startswith("panel-")]


def _prints(drawn: list[Any]) -> Prints:
    """By part, what tells whether it has another shape, and whether it says anything else."""
    return {block.id: [_print(refresh.shape(block)), _print(block)] for block in _blocks(drawn)}


def _print(what: Any) -> str:
    return hashlib.sha256(json.dumps(what, cls=PlotlyJSONEncoder).encode()).hexdigest()[:16]


PAGE = Page("trial", PATH, shell.trial_title, only_known(layout), listen, exists=shell.is_trial)
