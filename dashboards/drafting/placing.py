"""Where form and answers stand on the page of a new trial, before anything is typed."""

from __future__ import annotations

import secrets
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from dashboards.drafting import inputs, talking
from dashboards.drafting.fields import SECTIONS
from dashboards.parts import attributes, button, outcome


def form(person: str) -> html.Div:
    """The questions, the plan as text and the button; the reader's name stands for whoever leads."""
    more: dict[str, list[Any]] = {"size": [inputs.criteria()], "partners": [inputs.partners()]}
    values = talking.draft_of(None, person).values
    sections = [inputs.section(name, at + 1, values, more.get(name)) for at, name in enumerate(SECTIONS)]
    return html.Div(
        [*sections, _advanced(), _register()],
        id="new-form",
        className="new-form",
        **attributes(data_page=secrets.token_hex(8)),
    )


def _advanced() -> html.Section:
    text = dmc.Textarea(
        id="new-yaml",
        label="The plan as YAML",
        description="It follows the form. Change it here and leave it: the form follows, and what it doesn't ask is kept.",
        autosize=True,
        minRows=8,
        maxRows=28,
        debounce=True,
        value="",
        spellCheck=False,
        classNames={"input": "new-code"},
    )
    buttons = [
        button("Download the plan", "new-download", "table"),
        button("Undo my edits", "new-undo"),
        button("Start over", "new-again"),
    ]
    parts = [
        html.Summary("Everything else: the plan itself"),
        html.Div(
            [text, html.Div(buttons, className="form-buttons"), dcc.Download(id="new-file")], className="new-advanced"
        ),
    ]
    return html.Section(html.Details(parts), className="card new-section", **attributes(aria_label="The plan itself"))


def _register() -> html.Section:
    return html.Section(
        [
            html.P(
                "Registering puts the plan on record. Nothing runs on it until a second person has read and sealed it."
            ),
            html.Div(id="new-named", className="note"),
            html.Div([button("Register this plan", "new-register", "promote", primary=True)], className="form-buttons"),
            outcome("new-outcome"),
        ],
        className="card new-section new-register",
        **attributes(aria_label="Register"),
    )


def beside() -> html.Aside:
    """Where the answers come, beside the form."""
    return html.Aside(
        [
            # assets/draft.js says here that what stands below is for other numbers, and takes it away again.
            html.P(id="new-behind", className="new-behind", role="status"),
            html.Section(
                [
                    html.H2("What this trial can tell", className="unseen"),
                    html.Div(id="new-gate", role="status", **attributes(aria_live="polite")),
                ],
                className="card",
            ),
            html.Section(
                [html.H2("If it were run a hundred times"), html.Div(id="new-sim", className="new-sim")],
                className="card new-side",
                id="new-tried",
            ),
            html.Section(
                [html.H2("Similar ideas on record"), html.Div(id="new-similar")],
                className="card new-side",
                id="new-on-record",
            ),
            html.A(id="new-bar", href="#new-gate", className="new-bar"),
        ],
        id="new-answers",
        className="new-answers",
        **attributes(aria_label="What this trial can tell"),
    )
