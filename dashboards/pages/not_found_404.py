"""What stands where there is nothing: an address without a page, or the name of no trial. Both answer 404.

The name of this module is how Dash finds the page for unknown addresses.
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from dash import dcc, html

from dashboards import shell
from dashboards.parts import icon

TITLE = f"No such page - {shell.PRODUCT}"


def layout(**_: str) -> html.Div:
    return _nothing("There is no page here", "The address may be mistyped, or the page may have moved.", [])


def only_known(page: Callable[..., html.Div]) -> Callable[..., html.Div]:
    """A trial's page, which for a name that no trial has says so and offers the names that come close."""

    def shown(trial_id: str = "", **more: str) -> html.Div:
        if shell.is_trial(trial_id):
            return page(trial_id, **more)
        local = shell.reader().kind == "local"
        trials = shell.tokens().all() if local else ()  # others are told no names
        seen = "here." if local else "that you can see. Ask its lead for a role, or for a link to it."
        return _nothing(
            "No such trial",
            f"There is no trial called {trial_id} {seen}",
            get_close_matches(trial_id, trials, cutoff=0.75),
        )

    return shown


def _nothing(title: str, why: str, close: list[str]) -> html.Div:
    meant: list[Any] = ["Did you mean "]
    for place, trial_id in enumerate(close):
        meant += [*([" or "] if place else []), dcc.Link(trial_id, href=f"/trial/{trial_id}")]
    said = [
        icon("empty"),
        html.P(why),
        *([html.P([*meant, "?"])] if close else []),
        html.P(dcc.Link("Back to the portfolio", href="/", className="button")),
    ]
    return html.Div(
        [
            html.Header(html.H1(title), className="page-head"),
            html.Div(html.Div(said, className="absence"), className="card"),
        ]
    )
