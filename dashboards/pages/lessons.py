"""Lessons."""

from __future__ import annotations

from dash import html

from dashboards import shell
from dashboards.page import Nav, Page, nothing
from dashboards.parts import absence

PATH = "/lessons"


def layout(**_: str) -> html.Div:
    return html.Div(
        [
            html.Header(
                [html.H1("Lessons"), html.P("What was tried, why it ended, and what to use again.")],
                className="page-head",
            ),
            html.Div(absence("empty", "Nothing here yet", "This page is being built."), className="card"),
        ]
    )


PAGE = Page("lessons", PATH, f"Lessons - {shell.PRODUCT}", layout, nothing, Nav("Lessons", "lessons", 3))
