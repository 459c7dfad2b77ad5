"""Sealing: a second person reads the registered plan and locks it."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.exceptions import PreventUpdate

from dashboards import shell, wording
from dashboards.drafting import answers, reading
from dashboards.page import Page
from dashboards.pages.not_found_404 import only_known
from dashboards.parts import absence, attempt, attributes, badge, button, done, icon, outcome, refused
from dashboards.read_model import NoAccessError
from dashboards.read_model.draft import Sealing, may_seal, sealing
from trials.errors import PlanHashMismatchError, ProtocolError, UnknownTrialError

PATH = "/seal/<trial_id>"
NOT_SEALED = (
    "This plan may not be sealed as it stands: why, and every way on, is said with the gate's answer on this page."
)


def layout(trial_id: str = "", **_: str) -> html.Div:
    try:
        found = sealing(shell.desk(), trial_id)
    except (UnknownTrialError, NoAccessError) as error:
        return _state("person", "Not for you to see", str(error))
    except (PlanHashMismatchError, ProtocolError) as error:
        return _state("failed", "Not shown", str(error))
    stores = [dcc.Store(id="seal-trial", data=trial_id), dcc.Store(id="seal-sha256", data=found.sha256)]
    return html.Div(
        [_head(found), html.Div([_plan(found), _aside(found)], className="new-columns"), *stores], className="new"
    )


def _state(sign: str, title: str, why: str) -> html.Div:
    head = html.Header(html.H1(title), className="page-head")
    return html.Div([head, html.Div(absence(sign, title, why), className="card")])


def _head(found: Sealing) -> html.Header:
    plan = found.protocol
    crumbs = [dcc.Link("Portfolio", href="/"), dcc.Link(plan.name, href=f"/trial/{plan.trial}")]
    verb = "Seal" if found.sealed_by is None else "Sealed"
    named: list[Any] = [f"{verb}: {plan.name}", *(part for text in wording.badges(plan) for part in (" ", badge(text)))]
    registered = f"Registered by {found.registered_by} on {wording.day(found.registered_at)}"
    return html.Header(
        [
            html.Nav(crumbs, className="crumbs", **attributes(aria_label="Where you are")),
            html.H1(named),
            html.P("Once sealed, nobody changes this plan unseen: read it as if you had to defend it afterwards."),
            html.Div([html.Span([icon("person"), registered])], className="meta"),
        ],
        className="page-head",
    )


def _plan(found: Sealing) -> html.Div:
    whole = html.Details(
        [
            html.Summary("The whole plan as YAML"),
            html.Pre(
                html.Code(found.protocol.to_yaml()),
                tabIndex="0",
                className="seal-yaml",
                **attributes(aria_label="The whole plan"),
            ),
        ],
        className="seal-whole",
    )
    return html.Div(
        html.Section(
            [
                html.Header([html.H2("The plan"), html.P("What is agreed before the first result is known.")]),
                reading.facts(found.protocol),
                whole,
            ],
            className="card new-section",
        ),
        className="new-form",
    )


def _aside(found: Sealing) -> html.Aside:
    told = answers.gate(found.foreseen, ways=_refused(found), use=False)
    parts = [
        html.Section([html.H2("What this trial can tell", className="unseen"), *told], className="card"),
        html.Section([html.H2("The seal"), html.Div(_seal(found), id="seal-body")], className="card new-side"),
    ]
    refused_too = " seal-refused" if _refused(found) else ""
    return html.Aside(parts, className=f"new-answers{refused_too}", **attributes(aria_label="Gate and seal"))


def _refused(found: Sealing) -> bool:
    """Whether the gate stands against a seal that is still to be put."""
    return found.sealed_by is None and not found.foreseen.gate.may_seal


def _seal(found: Sealing) -> list[Any]:
    sha = [html.P("SHA-256 of this plan", className="note"), html.Code(found.sha256, className="seal-hash")]
    if found.sealed_by is not None:
        link = dcc.Link("Open the trial", href=f"/trial/{found.protocol.trial}", className="button")
        said = f"Sealed by {found.sealed_by} on {wording.day(found.sealed_at)}."
        return [html.Div([*done(said), *sha, html.P(link)], className="seal-parts")]
    return [html.Div([*sha, *(_back() if _refused(found) else []), *_form(found)], className="seal-parts")]


def _back() -> list[Any]:
    """Why there is no sealing this plan, and the way to another one."""
    return [
        html.Div(refused(NOT_SEALED), className="outcome"),
        html.P(
            "To change it, copy the whole plan's text from this page, put it into the form under “Everything else: the plan "
            "itself”, take one of the ways on there, and register it again."
        ),
        html.P(dcc.Link("Open the form", href="/new", className="button")),
    ]


def _form(found: Sealing) -> list[Any]:
    reader, trial = shell.reader(), found.protocol.trial
    if not shell.acting():
        return [
            html.P(
                "You can read this plan here. To seal it, sign in with your own name, or use the command: roadtest seal."
            )
        ]
    if reader.kind != "local" and not may_seal(shell.desk(), trial):
        return [html.P("Your roles don't let you seal plans of this programme. Ask one of its leads, or a custodian.")]
    local = reader.kind == "local"
    who = dmc.TextInput(
        id="seal-by",
        label="Your name",
        description="Nobody signs in on this machine, so say who you are: somebody else than whoever registered it."
        if local
        else "You are signed in; a plan is sealed in your own name.",
        value=reader.person,
        readOnly=not local,
        autoComplete="off",
    )
    box = dmc.Checkbox(id="seal-read", label="I have read this plan", checked=False)
    press = button("Seal it", "seal-do", "ok", primary=True, disabled=_refused(found))
    return [who, box, html.Div(press, className="form-buttons"), outcome("seal-outcome")]


def listen(app: Dash) -> None:
    @app.callback(
        Output("seal-body", "children"),
        Output("seal-outcome", "children"),
        Input("seal-do", "n_clicks"),
        State("seal-trial", "data"),
        State("seal-sha256", "data"),
        State("seal-by", "value"),
        State("seal-read", "checked"),
        prevent_initial_call=True,
    )
    def seal(clicks: int | None, trial: str, sha256: str, said: str | None, read: bool | None) -> tuple[Any, Any]:
        """Seals the very plan that was shown, in the name of whoever signed in; where nobody does, of whoever says so."""
        if not clicks:
            raise PreventUpdate
        reader = shell.reader()
        by = (said or "").strip() if reader.kind == "local" else reader.person
        after: list[Any] = []

        def work() -> list[Any]:
            if not read:
                return refused("Read the plan first, then say so above the button.")
            if _refused(sealing(shell.desk(), str(trial))):
                return refused(NOT_SEALED)
            shell.doing().seal(str(trial), sha256=str(sha256), by=by)
            after.extend(_seal(sealing(shell.desk(), str(trial))))
            return []

        outcome = attempt(work)
        return (after, no_update) if after else (no_update, outcome)


def title(trial_id: str = "") -> str:
    return f"Seal {trial_id} - {shell.PRODUCT}"


PAGE = Page("seal", PATH, title, only_known(layout), listen, acts=True, exists=shell.is_trial)
