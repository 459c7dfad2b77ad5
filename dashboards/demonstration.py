"""The peeking demonstration: trials of an idea that does nothing, judged by an ordinary test and by Roadtest's evidence.

Nothing is kept on the server: what the browser sends (a seed, how many trials) says which trials are meant, and they are worked
out again. One press costs well under 100 ms (docs: tests/dashboards/test_learn.py bounds the work).
"""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, ctx, dcc, html

from dashboards import refresh, shell
from dashboards.figures import peeking
from dashboards.figures.peeking import Tally, looked
from dashboards.parts import button, chart, icon
from dashboards.read_model import learning
from dashboards.theme import Screen
from trials.peeking import BATCH, MOST_TRIALS

START = {"seed": 1, "trials": 5 * BATCH}


def demonstration(screen: Screen) -> list[Any]:
    """Controls, what came out so far, and its pictures."""
    return [
        dcc.Store(id="peeking-state", data=START),
        html.Div(
            [
                dmc.Select(
                    id="peeking-looks",
                    label="How often do you look at the ordinary test?",
                    data=[{"value": str(looks), "label": _choice(looks)} for looks in learning.LOOKS],
                    value=str(learning.USUAL_LOOKS),
                    allowDeselect=False,
                ),
                button(f"Run another {BATCH} trials of an idea that does nothing", "peeking-more", primary=True),
                button("Start again with other trials", "peeking-again"),
            ],
            className="learn-controls",
        ),
        *shown(*learning.asked(learning.USUAL_LOOKS, START), screen),
        html.Details([html.Summary("How this is worked out"), *map(html.P, _worked_out())], className="learn-more"),
    ]


def listen(app: Dash) -> None:
    """Adds trials, begins anew, or asks the same trials with more looks; redraws in place."""

    @app.callback(
        Output("peeking-state", "data"),
        Output("peeking-more", "disabled"),
        Input("peeking-looks", "value"),
        Input("peeking-more", "n_clicks"),
        Input("peeking-again", "n_clicks"),
        Input("learn-screen", "data"),
        State("peeking-state", "data"),
        prevent_initial_call=True,
    )
    def play(looks: Any, _: Any, __: Any, ___: Any, state: Any) -> tuple[dict[str, int], bool]:
        chosen, seed, trials = pressed(ctx.triggered_id, looks, state)
        refresh.redraw(shown(chosen, seed, trials, shell.screen()))
        return {"seed": seed, "trials": trials}, trials >= MOST_TRIALS


def pressed(what: object, looks: object, state: object) -> tuple[int, int, int]:
    """(looks, seed, trials) after one of the controls was used; nothing but what the browser sent decides."""
    chosen, seed, trials = learning.asked(looks, state)
    if what == "peeking-more":
        trials = min(trials + BATCH, MOST_TRIALS)
    if what == "peeking-again":
        seed, trials = seed + 1, BATCH
    return learning.asked(chosen, {"seed": seed, "trials": trials})


def shown(looks: int, seed: int, trials: int, screen: Screen) -> list[Any]:
    """What is said and drawn of these trials."""
    newest, told = learning.tally(looks, seed, trials)
    return [
        html.P(said(told), id="peeking-said", className="learn-said", role="status"),
        html.Div([_figure(told, 0, "drop", "drop"), _figure(told, 1, "promote", "promote")], className="learn-figures"),
        html.Div(
            [
                html.H3(f"The newest {BATCH} trials: each line is one, a ring is a wrong “success”"),
                *chart(peeking.courses(newest, screen), "peeking-courses"),
            ],
            className="learn-picture",
        ),
        html.Div(
            [
                html.H3("All trials so far: dotted lines are the long run"),
                *chart(peeking.tally(told, screen), "peeking-tally"),
            ],
            className="learn-picture",
        ),
    ]


def said(told: Tally) -> str:
    """What came out, in one sentence."""
    ordinary, evidence = told.counts(told.trials)
    return (
        f"Of {told.trials:,} trials of an idea that does nothing, the ordinary test, {looked(told.looks)}, called "
        f"{ordinary:,} a success. Roadtest’s evidence called {evidence:,}."
    )


def _figure(told: Tally, method: int, sign: str, token: str) -> html.Div:
    name = ("Ordinary test, " + looked(told.looks), "Roadtest’s evidence, looked at all the time")[method]
    count, key = told.counts(told.trials)[method], ("ordinary", "evidence")[method]
    return html.Div(
        [
            html.P([icon(sign), html.Span(name, id=f"peeking-{key}-name")], className=f"tone-{token} bare learn-name"),
            html.P([html.Strong(f"{count:,}"), f" of {told.trials:,} wrong"], id=f"peeking-{key}-count"),
            html.P(f"In the long run: {told.long_run[method]:.1f} of 100", id=f"peeking-{key}-rate", className="note"),
        ]
    )


def _choice(looks: int) -> str:
    every = learning.SETTING.people // looks
    return f"{looked(looks).removeprefix('looked at ').capitalize()}: " + (
        "at the end" if looks == 1 else f"every {every} people"
    )


def _worked_out() -> tuple[str, ...]:
    setting = learning.SETTING
    bad, error = round(100 * setting.share), round(100 * setting.alpha)
    return (
        f"Each trial has {setting.people} made-up people. In both groups, {bad} in 100 miss their appointment. Lots decide who "
        "gets the idea.",
        f"The ordinary test is the usual test of two shares, with a limit of {error} % on one side. It stops at the first look "
        f"that says yes. Roadtest’s evidence is the one on the trial pages: it has the same limit of {error} %, and is looked "
        "at after every two people.",
        "The trials are drawn by a computer from a fixed start, so the same presses show the same trials. The long run is not "
        "drawn: it is worked out exactly, by adding up the chances of all the ways in which such a trial can go.",
        "More looks mean more false alarms for any test of this kind. Armitage, McPherson and Rowe showed it in 1969.",
    )
