"""New trial: the form of a protocol, and what such a trial can tell, as one types."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.exceptions import PreventUpdate

from dashboards import shell
from dashboards.drafting import answers, inputs, placing, talking
from dashboards.drafting.content import to_yaml
from dashboards.drafting.sent import SentDraft, SentPlan, SentText
from dashboards.drafting.talking import Draft
from dashboards.drafting.turns import BusyError
from dashboards.page import Nav, Page
from dashboards.parts import absence, attempt

PATH = "/new"
FIELD = inputs.TYPE
TURN = "new-turn"
ASK_AGAIN = 2_000  # ms until the page asks again for a plan whose turn hasn't come
EVERY = {"type": FIELD, "field": ALL}
USES = {"type": answers.USE, "code": ALL}


def layout(**_: str) -> html.Div:
    head = html.Header(
        [
            html.H1("New trial"),
            html.P("Say what you want to find out; the page says what this trial can tell, before anybody takes part."),
        ],
        className="page-head",
    )
    if not shell.acting():
        return html.Div([head, html.Div(_no_permission(), className="card")])
    return html.Div(
        [head, html.Div([placing.form(shell.reader().person), placing.beside()], className="new-columns"), *_stores()],
        className="new",
    )


def _no_permission() -> html.Div:
    why = (
        "These pages only show what there is, or you came by a link. Sign in with your own name to plan a trial, or use the "
        "command: roadtest protocol new."
    )
    return absence("person", "You can't register a trial here", why)


def _stores() -> list[Any]:
    names = (
        "draft",
        "written",
        "edited",
        "plan",
        "more",
        "asked",
        "poured",
        "typed",
        "shown",
        "undone",
        "said",
        "found",
        "near",
    )
    return [
        *(dcc.Store(id=f"new-{name}") for name in names),
        dcc.Interval(id=TURN, interval=ASK_AGAIN, max_intervals=0),
    ]


def listen(app: Dash) -> None:
    """The form is told apart from its answers: typing goes to the server by assets/draft.js, answers come back by id."""
    _in_the_browser(app)
    _answering(app)
    _trying(app)
    _changing(app)
    _registering(app)


def _in_the_browser(app: Dash) -> None:
    def here(name: str, to: Any, *parts: Any, late: bool = False) -> None:
        call: Any = app.clientside_callback  # untyped in Dash
        call(ClientsideFunction("draft", name), to, *parts, prevent_initial_call=late)

    here("typed", Output("new-typed", "data"), Input(EVERY, "value"))
    here("poured", Output("new-poured", "data"), Input("new-draft", "data"), State(EVERY, "value"))
    values = [Input(inputs.input_id(name), "value") for name in ("kind", "purpose", "against")]
    here("states", Output("new-form", "className"), *values)
    part = {"gate": "children", "bar": "children", "named": "children", "written": "data", "plan": "data"}
    answer = [Output(f"new-{name}", prop) for name, prop in part.items()]
    here("said", [Output(EVERY, "error"), *answer, Output("new-sim", "className")], Input("new-said", "data"))
    sim = [
        Output("new-sim", "children"),
        Output("new-sim", "className", allow_duplicate=True),
        Output("new-more", "data"),
    ]
    here("found", sim, Input("new-found", "data"), late=True)
    here("near", Output("new-similar", "children"), Input("new-near", "data"))
    yaml = (State("new-yaml", "value"), State("new-yaml", "error"))
    here("written", Output("new-shown", "data"), Input("new-written", "data"), *yaml)
    here("edited", Output("new-edited", "data"), Input("new-yaml", "value"), State("new-written", "data"))
    here("undone", Output("new-undone", "data"), Input("new-undo", "n_clicks"), State("new-written", "data"))


def _answering(app: Dash) -> None:
    """Answers travel with the number of their draft: assets/draft.js shows none that is older than what was asked since."""

    @app.callback(Output("new-said", "data"), Input("new-draft", "data"), Input("new-asked", "data"))
    def answer(told: Any, asked: Any) -> dict[str, Any]:
        """The fast answer: what is wrong where, what the gate says, and the plan as text."""
        draft = talking.draft_of(told, shell.reader().person)
        return asdict(talking.answer(shell.desk(), draft, asked=bool(asked))) | {"n": draft.n}

    @app.callback(Output("new-near", "data"), Input("new-draft", "data"))
    def similar(told: Any) -> dict[str, Any]:
        draft = talking.draft_of(told, shell.reader().person)
        return {"n": draft.n, "drawn": talking.similar(shell.desk(), draft)}


def _trying(app: Dash) -> None:
    """Where others are being tried out, the page asks again by its clock, which then ticks once."""
    asked = State(TURN, "n_intervals")
    told = (("new-found", "data"), ("new-bar", "children"), (TURN, "max_intervals"))
    out = [Output(name, prop, allow_duplicate=True) for name, prop in told]

    @app.callback(*out, Input("new-plan", "data"), asked, prevent_initial_call=True)
    def first(plan: SentPlan | None, ticks: int | None) -> tuple[Any, Any, Any]:
        """The plan tried out, with few runs where it is simulated."""
        return _tried(plan, ticks, more=False)

    @app.callback(*out, Input("new-more", "data"), asked, prevent_initial_call=True)
    def more(plan: SentPlan | None, ticks: int | None) -> tuple[Any, Any, Any]:
        """The same with more runs."""
        if not plan:
            raise PreventUpdate
        return _tried(plan, ticks, more=True)

    plans = (State("new-plan", "data"), State("new-more", "data"))

    @app.callback(*out, Input(TURN, "n_intervals"), *plans, prevent_initial_call=True)
    def again(ticks: int | None, plan: SentPlan | None, simulated: SentPlan | None) -> tuple[Any, Any, Any]:
        """What had to wait, asked for again."""
        return _tried(plan, ticks, more=bool(simulated) and simulated == plan)


def _tried(plan: SentPlan | None, ticks: int | None, *, more: bool) -> tuple[Any, Any, Any]:
    """What was found, the line of the answer, and up to how many ticks the page's clock goes."""
    try:
        found = talking.tried(plan, shell.screen(), more=more)
    except BusyError:
        return no_update, no_update, (ticks or 0) + 1
    if found is None or plan is None:
        raise PreventUpdate
    told = {"n": plan["n"], "drawn": found.drawn, "more": plan if found.simulated and not more else None}
    return told, no_update if found.bar is None else found.bar, no_update


def _changing(app: Dash) -> None:
    @app.callback(
        Output("new-draft", "data"),
        Output("new-yaml", "error"),
        Input(USES, "n_clicks"),
        Input("new-edited", "data"),
        Input("new-again", "n_clicks"),
        State(EVERY, "value"),
        State("new-draft", "data"),
        prevent_initial_call=True,
    )
    def change(
        uses: list[int | None], edited: SentText | None, again: int | None, _: Any, draft: SentDraft | None
    ) -> tuple[Any, Any]:
        """A proposal that was taken, an edit of the plan's text, or an empty form."""
        now, number = _now(draft), int((draft or {}).get("n", 0)) + 1
        trigger = ctx.triggered_id
        if trigger == "new-edited":
            found = talking.of_yaml("" if edited is None else str(edited.get("text", "")))
            return (no_update, found) if isinstance(found, str) else (found.told(number), None)
        if trigger == "new-again" and again:
            return talking.draft_of(None, shell.reader().person).told(number), None
        if isinstance(trigger, dict) and any(uses):
            return talking.proposed(now, str(trigger["code"])).told(number), None
        raise PreventUpdate

    @app.callback(
        Output("new-file", "data"),
        Input("new-download", "n_clicks"),
        State(EVERY, "value"),
        State("new-draft", "data"),
        prevent_initial_call=True,
    )
    def download(_: int, __: Any, draft: SentDraft | None) -> dict[str, Any]:
        content = _now(draft).content
        return {"content": to_yaml(content), "filename": f"{content.get('trial', 'plan')}.yaml", "type": "text/yaml"}


def _now(draft: SentDraft | None) -> Draft:
    """The draft as the form has it at this moment: what is typed may not have been told yet."""
    values = {
        part["id"]["field"]: part.get("value")
        for part in next(each for each in ctx.states_list if isinstance(each, list))
    }
    typed = {name: value for name, value in values.items() if value not in (None, "")}
    return Draft(typed, (draft or {}).get("kept") or {})


def _registering(app: Dash) -> None:
    @app.callback(
        Output("new-outcome", "children"),
        Output("new-asked", "data"),
        Input("new-register", "n_clicks"),
        State(EVERY, "value"),
        State("new-draft", "data"),
        State("new-yaml", "value"),
        State("new-yaml", "error"),
        State("new-written", "data"),
        prevent_initial_call=True,
    )
    def register(
        clicks: int | None, _: Any, draft: SentDraft | None, yaml: str | None, fault: Any, written: str | None
    ) -> tuple[Any, Any]:
        if not clicks:
            raise PreventUpdate
        edited = yaml if fault or (yaml and written and yaml != written and _same_form(draft)) else None

        def work() -> list[Any]:
            return talking.registered(_now(draft), edited, shell.doing(), shell.reader().person)

        return attempt(work), clicks


def _same_form(draft: SentDraft | None) -> bool:
    """Whether nothing was typed into the form since it was last told, so that another text of the plan is an edit of it."""
    return draft is None or _now(draft).values == {
        k: v for k, v in (draft.get("values") or {}).items() if v not in (None, "")
    }


PAGE = Page("new", PATH, f"New trial - {shell.PRODUCT}", layout, listen, Nav("New trial", "new", 2), acts=True)
