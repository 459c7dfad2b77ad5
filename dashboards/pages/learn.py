"""Learn."""

from __future__ import annotations

from dash import html

from dashboards import shell
from dashboards.page import Nav, Page, nothing
from dashboards.parts import absence

PATH = "/learn"


def layout(**_: str) -> html.Div:
    return html.Div(
        [
            html.Header(
                [html.H1("Learn"), html.P("What the pictures mean, in plain English.")],
                className="page-head",
            ),
            html.Div(absence("empty", "Nothing here yet", "This page is being built."), className="card"),
        ]
    )


PAGE = Page("learn", PATH, f"Learn - {shell.PRODUCT}", layout, nothing, Nav("Learn", "learn", 5))
