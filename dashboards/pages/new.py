"""New trial."""

from __future__ import annotations

from dash import html

from dashboards import shell
from dashboards.page import Nav, Page, nothing
from dashboards.parts import absence

PATH = "/new"


def layout(**_: str) -> html.Div:
    return html.Div(
        [
            html.Header(
                [
                    html.H1("New trial"),
                    html.P("Say what you want to find out; the page says what this trial can tell."),
                ],
                className="page-head",
            ),
            html.Div(absence("empty", "Nothing here yet", "This page is being built."), className="card"),
        ]
    )


PAGE = Page("new", PATH, f"New trial - {shell.PRODUCT}", layout, nothing, Nav("New trial", "new", 2), acts=True)
