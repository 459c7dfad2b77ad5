"""Data."""

from __future__ import annotations

from dash import html

from dashboards import shell
from dashboards.page import Nav, Page, nothing
from dashboards.parts import absence

PATH = "/data"


def layout(**_: str) -> html.Div:
    return html.Div(
        [
            html.Header(
                [html.H1("Data"), html.P("What came in, what was set aside and why, and what is waited for.")],
                className="page-head",
            ),
            html.Div(absence("empty", "Nothing here yet", "This page is being built."), className="card"),
        ]
    )


PAGE = Page("data", PATH, f"Data - {shell.PRODUCT}", layout, nothing, Nav("Data", "data", 4))
