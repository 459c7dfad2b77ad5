"""Recording a decision on a trial: what the evidence says first, then the form; all but going on closes the trial for ever."""

from __future__ import annotations

from typing import Any

from dash import ALL, ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update, set_props
from dash.exceptions import PreventUpdate

from dashboards import read_model, shell
from dashboards.page import Page
from dashboards.pages import decide_form
from dashboards.pages.decide_faults import WHAT, Typed, lacking, mark
from dashboards.pages.decide_form import KEPT, MET
from dashboards.pages.decide_words import STAYS_CLOSED, choice_of, needs, next_step
from dashboards.pages.not_found_404 import only_known
from dashboards.panels.decisions import DONE
from dashboards.parts import absence, attempt, attributes, done, refused
from dashboards.read_model import ContradictionError, NoAccessError
from dashboards.read_model.deciding import Deciding, deciding
from trials.errors import DataError, ForbiddenError, UnknownTrialError

PATH = "/decide/<trial_id>"


def title(trial_id: str = "") -> str:
    """'Decide: Personal budgets - Roadtest'; of a trial that the reader may not see not even its name."""
    try:
        name = read_model.must_see(shell.desk(), trial_id).protocol.name
    except (UnknownTrialError, NoAccessError):
        return f"No such trial - {shell.PRODUCT}"
    return f"Decide: {name} - {shell.PRODUCT}"


def layout(trial_id: str = "", **_: str) -> html.Div:
    # The token is read before the look: what lands in between is fetched again, never missed.
    etag = shell.tokens().etag(trial_id)
    return html.Div(
        [
            *shell.live_mark("live-decide", f"/live/token/{trial_id}", etag),
            dcc.Store(id="decide-trial", data=trial_id),
            *_content(trial_id),
        ]
    )


def _content(trial_id: str) -> list[Any]:
    try:
        about = deciding(shell.desk(), trial_id)
    except UnknownTrialError as error:
        return _instead("No such trial", "empty", "Nothing of that name", str(error))
    except NoAccessError as error:
        return _instead("Not for you to see", "person", "No access", str(error))
    except ContradictionError as error:
        return _instead(trial_id, "failed", "Not shown", str(error))
    shown = decide_form.evidence(about)
    return [_head(about), html.Div(shown, id="decide-evidence"), *_form(about)]


def _instead(heading: str, sign: str, what: str, why: str) -> list[Any]:
    return [html.H1(heading), html.Div(absence(sign, what, why), className="card")]


def _head(about: Deciding) -> html.Header:
    plan = about.view.protocol
    crumbs = [dcc.Link("Portfolio", href="/"), dcc.Link(plan.name, href=f"/trial/{plan.trial}"), html.Span("Decide")]
    return html.Header(
        [
            html.Nav(crumbs, className="crumbs", **attributes(aria_label="Where you are")),
            html.H1("Record a decision"),
            html.P(plan.question),
        ],
        className="page-head",
    )


def _form(about: Deciding) -> list[Any]:
    """The form, or the designed state that says why there is none."""
    trial = about.view.protocol.trial
    back = html.P(dcc.Link("Back to the trial", href=f"/trial/{trial}", className="button"), className="decide-back")
    if about.fault:
        why = f"{about.fault} Nothing can be decided before that is put right."
        return [_state("failed", "The plan is not the one that was sealed", why), back]
    if about.state == "registered":
        why = "Nothing runs on it yet, so there is nothing to decide. It is sealed first, by a second person."
        return [_state("setting_up", "The plan is not sealed", why), back]
    if about.closed is not None:
        why = f"{about.closed.sentence} {STAYS_CLOSED}"
        return [_state(DONE[about.closed.what][1], "This trial is decided", why), back]
    if not shell.acting():
        why = "A link, or pages that only show, decide nothing. Sign in with your own name, or use: roadtest decide."
        return [_state("person", "Here you can read, and not decide", why), back]
    if not about.may:
        programme = about.view.protocol.programme or trial
        why = (
            f"{shell.reader().person} has no role in {programme} that decides: leads do, and safety stewards. Ask a lead of "
            "it for the role, or to record the decision."
        )
        return [_state("person", "Your role does not decide on this trial", why), back]
    return [decide_form.form(about)]


def _state(sign: str, what: str, why: str) -> html.Div:
    return html.Div(absence(sign, what, why), className="card decide-state")


def _in_the_browser(app: Dash) -> None:
    """What was typed outlasts a reload or a way back, and a refusal leads to its first field (assets/decide.js)."""
    typed = [Input(field, "value") for field in KEPT]
    call: Any = app.clientside_callback  # untyped in Dash
    call(
        ClientsideFunction("decide", "kept"),
        Output("decide-kept", "data"),
        Input("decide-form", "className"),
        *typed,
        Input({"type": MET, "criterion": ALL}, "value"),
        State("decide-trial", "data"),
    )
    call(
        ClientsideFunction("decide", "focus"),
        Output("decide-kept", "data", allow_duplicate=True),
        Input("decide-focus", "data"),
        prevent_initial_call=True,
    )


def listen(app: Dash) -> None:
    """The evidence is drawn again when something lands; the form is explained as one chooses; the button decides."""
    _in_the_browser(app)

    @app.callback(
        Output("decide-evidence", "children"),
        Input("live-decide", "data"),
        State("decide-trial", "data"),
        prevent_initial_call=True,
    )
    def redraw(_: str, trial_id: str | None) -> list[Any]:
        if not trial_id:
            raise PreventUpdate
        return decide_form.evidence(deciding(shell.desk(), trial_id), meanwhile=True)

    @app.callback(
        Output("decide-code", "data"),
        Output("decide-code", "value"),
        Output("decide-code-row", "hidden"),
        Output("decide-consequence", "children"),
        Output("decide-second", "description"),
        Input("decide-what", "value"),
        State("decide-code", "value"),
        State("decide-trial", "data"),
        prevent_initial_call=True,
    )
    def explain(what: str, code: str | None, trial_id: str) -> tuple[Any, ...]:
        about = deciding(shell.desk(), trial_id)
        choice = choice_of(about, what)
        if choice is None:
            raise PreventUpdate
        mark({}, [one.id for one in about.asked])  # what was said at the fields was about another choice
        codes = decide_form.codes(choice)
        kept = no_update if code in {one["value"] for one in codes} else None
        consequence, second = needs(choice)
        return codes, kept, not codes, consequence, second

    @app.callback(
        Output("decide-outcome", "children"),
        Output("decide-form", "className"),
        Input("decide-button", "n_clicks"),
        State("decide-trial", "data"),
        State("decide-what", "value"),
        State("decide-code", "value"),
        State("decide-reason", "value"),
        State("decide-lesson", "value"),
        State("decide-reuse", "value"),
        State("decide-dissent", "value"),
        State("decide-second", "value"),
        State({"type": MET, "criterion": ALL}, "value"),
        State({"type": MET, "criterion": ALL}, "id"),
        running=[(Output("decide-button", "disabled"), True, False)],
        prevent_initial_call=True,
    )
    def decide(clicks: int | None, trial_id: str, what: str | None, *said: Any) -> tuple[list[Any], Any]:
        if not clicks:
            raise PreventUpdate
        code, reason, lesson, reuse, dissent, second, values, ids = said
        asked = tuple(one["criterion"] for one in ids)
        answers = decide_form.answers(values, ids)
        typed = Typed(code or "", reason or "", lesson or "", reuse or "", second or "", answers, asked)
        done_with: list[str] = []

        def work() -> list[Any]:
            if not what:
                return _lacks({"what": WHAT}, asked, clicks)
            try:
                sentence = _decided(trial_id, what, typed, dissent or "none")
            except (DataError, ForbiddenError) as error:
                choice = choice_of(deciding(shell.desk(), trial_id), what)
                found = {} if choice is None else lacking(choice, typed, str(error))
                if not found:
                    raise
                return _lacks(found, asked, clicks)
            done_with.append(sentence)
            return [*done(sentence), *next_step(what, trial_id)]

        shown = attempt(work)
        return shown, "decide-form decided" if done_with else no_update


def _decided(trial_id: str, what: str, typed: Typed, dissent: str) -> str:
    return shell.doing().decide(
        trial_id,
        what,
        by=shell.reader().person,
        reason=typed.reason,
        reason_code="" if what == "continue" else typed.code,
        second=typed.second,
        lesson=typed.lesson,
        reuse=typed.reuse,
        dissent=dissent,
        answers=typed.answers,
    )


def _lacks(found: dict[str, str], asked: tuple[str, ...], clicks: int) -> list[Any]:
    """What is to be done, at its field and beside the button; whoever pressed it is led to the first field."""
    set_props("decide-focus", {"data": {"field": mark(found, asked), "press": clicks}})
    return refused(" ".join(["Nothing is recorded yet.", *found.values()]))


PAGE = Page("decide", PATH, title, only_known(layout), listen, acts=True, exists=shell.is_trial)
