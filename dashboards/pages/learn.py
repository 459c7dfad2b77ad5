"""Learn: what the pictures mean, each with a small made-up example that the pages' own functions draw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import dash_ag_grid as dag
from dash import Dash, Input, Output, dcc, html

from dashboards import demonstration, refresh, shell, wording
from dashboards.explaining import GLOSSARY, SECTIONS, Section
from dashboards.figures import consort, effect, evidence
from dashboards.page import Nav, Page
from dashboards.panels.lights import SHAPES
from dashboards.parts import attributes, badge, chart, icon, label_badge, numbers, pill, table
from dashboards.read_model import learning
from dashboards.theme import Screen

PATH = "/learn"


def layout(**_: str) -> html.Div:
    screen = shell.screen()
    return html.Div(
        [
            dcc.Store(id="learn-screen"),
            html.Header(
                [
                    html.H1("Learn"),
                    html.P(
                        "What the pictures mean, in plain English. Every example on this page is made up: no people are "
                        "behind it."
                    ),
                ],
                className="page-head",
            ),
            _contents(),
            *(_section(section, screen) for section in SECTIONS),
            _glossary(),
        ],
        id="learn",
    )


def listen(app: Dash) -> None:
    """The demonstration, and the charts in the other colours when somebody switches."""
    demonstration.listen(app)

    @app.callback(Output("learn", "className"), Input("learn-screen", "data"), prevent_initial_call=True)
    def redraw(_: Any) -> str:
        screen = shell.screen()
        refresh.redraw([*_band(screen), *_evidence(screen)])
        return ""


def _contents() -> html.Nav:
    words = [*((section.anchor, section.word) for section in SECTIONS), ("glossary", "Words")]
    links = [html.A(word, href=f"#{anchor}") for anchor, word in words]
    return html.Nav(links, className="contents", **attributes(aria_label="On this page"))


def _section(section: Section, screen: Screen) -> html.Section:
    heading = f"{section.anchor}-heading"
    return html.Section(
        [
            html.Div(
                [html.H2(section.title, id=heading), *(html.P(text) for text in section.text)], className="learn-text"
            ),
            html.Div(
                [html.P([badge("made-up")], className="learn-mark"), *EXAMPLES[section.anchor](screen)],
                className="card learn-example",
            ),
        ],
        id=section.anchor,
        className=f"learn-section learn-about-{section.anchor}",
        **attributes(aria_labelledby=heading),
    )


def _verdicts(_: Screen) -> list[Any]:
    items = [html.Li([pill(word), html.Span(wording.VERDICT_MEANS[word])]) for word in wording.VERDICT_WORDS]
    return [html.Ul(items, className="learn-list")]


def _rows(screen: Screen) -> list[Any]:
    """Three rows of the board, drawn by the board's own cell functions."""
    told = ("A good idea, early", "The same idea, at the end", "An idea that does nothing")
    rows = [_row(name, row) for name, row in zip(told, learning.rows(), strict=True)]
    columns: list[dict[str, Any]] = [
        {"field": "name", "headerName": "Trial", "flex": 1, "minWidth": 120},
        {"field": "standing_word", "headerName": "Verdict", "cellRenderer": "VerdictCell", "width": 150},
        {
            "field": "effect",
            "headerComponent": "EffectHeader",
            "headerName": "Effect",
            "cellRenderer": "EffectCell",
            "width": 212,
        },
        {
            "field": "furthest",
            "headerComponent": "BalanceHeader",
            "headerName": "Evidence",
            "cellRenderer": "BalanceCell",
            "width": 176,
        },
    ]
    grid = dag.AgGrid(
        id="learn-rows",
        columnDefs=columns[2:] if screen.narrow else columns,
        rowData=rows,
        columnSize=None,
        defaultColDef={"resizable": False, "sortable": False, "suppressMovable": True},
        dashGridOptions={"rowHeight": 84, "headerHeight": 48, "domLayout": "autoHeight", "animateRows": False},
        style={"height": None, "width": "100%"},
    )
    listed = [
        (row["name"], row["standing_word"], row["effect"], row["plausible"], row["balance"]["said"]) for row in rows
    ]
    columns_said = ("Trial", "Verdict", "Effect", "Plausible range", "Evidence")
    return [
        html.Div(grid, className="board-grid learn-grid"),
        numbers("learn-rows-numbers", columns_said, listed, "The three made-up trials"),
    ]


def _row(name: str, row: learning.MadeRow) -> dict[str, Any]:
    """What the board's cell functions read of a row."""
    return {
        "id": name,
        "name": name,
        "standing": row.standing,
        "standing_word": wording.VERDICT_WORDS[row.standing],
        "effect": row.effect,
        "plausible": row.plausible,
        "forest": {"estimate": row.forest.estimate, "low": row.forest.low, "high": row.forest.high},
        "furthest": row.furthest,
        "balance": asdict(row.balance),
        "marks": [],
        "fault": None,
    }


def _band(screen: Screen) -> list[Any]:
    trial = learning.made_up()
    return chart(effect.draw(trial.protocol, trial.looks, screen), "learn-band")


def _evidence(screen: Screen) -> list[Any]:
    trial = learning.made_up()
    return chart(evidence.draw(trial.protocol, trial.looks, screen), "learn-evidence")


def _labels(_: Screen) -> list[Any]:
    items = [
        html.Li(
            [
                label_badge(f"Evidence: {one.name}", ""),
                html.P([html.Strong("May claim: "), f"{one.label.may_claim}."]),
                html.P([html.Strong("May not claim: "), f"{one.label.may_not_claim}."]),
                *([html.P(f"{one.label.caution[:1].upper()}{one.label.caution[1:]}.")] if one.label.caution else []),
            ]
        )
        for one in learning.labels()
    ]
    return [html.Ul(items, className="learn-list learn-labels")]


def _hidden(_: Screen) -> list[Any]:
    columns = ("Week", "Really joined", "What the page shows")
    return [table(columns, learning.moving_numbers(), "A made-up trial: who joined, and what the page shows")]


def _lights(_: Screen) -> list[Any]:
    """As the trial page's lights: word, shape, colour."""
    items = []
    for one in learning.lights():
        word, sign = SHAPES[one.colour]
        light = html.Span([icon(sign), html.Span(word)], className=f"level light-{one.colour.replace(' ', '-')}")
        items.append(html.Li([light, html.Span(one.means), html.Span(one.example, className="note")]))
    return [html.Ul(items, className="learn-list")]


def _flow(_: Screen) -> list[Any]:
    """As the trial page's flow, from the same object."""
    drawn = consort.draw(learning.made_up().protocol, learning.flow(), None, ())
    groups = [
        html.Div([html.Strong(name, className="learn-group"), *map(_box, boxes)], className="flow-arm")
        for name, boxes in drawn.columns
    ]
    inside = [
        html.P(drawn.sentence, className="unseen"),
        html.Div([_box(box) for box in drawn.top], className="flow-top"),
        html.Div(groups, className="flow-arms"),
    ]
    told = attributes(aria_label="Flow of people through a made-up trial")
    return [
        html.Div(inside, className="flow", role="group", **told),
        numbers("learn-flow-numbers", drawn.head, drawn.rows, drawn.sentence),
    ]


def _box(box: consort.Box) -> html.Div:
    tone = " quiet" if box.quiet else ""
    return html.Div([html.Strong(box.number), html.Span(box.what)], className=f"flow-box{tone}")


def _glossary() -> html.Section:
    words = sorted(GLOSSARY.items(), key=lambda one: one[1][0].lower())
    entries = [
        html.Div([html.Dt(word), html.Dd(means)], id=f"term-{name}", className="learn-term")
        for name, (word, means) in words
    ]
    return html.Section(
        [html.H2("Words, from A to Z", id="glossary-heading"), html.Dl(entries, className="card learn-words")],
        id="glossary",
        className="learn-section learn-about-glossary",
        **attributes(aria_labelledby="glossary-heading"),
    )


EXAMPLES: dict[str, Callable[[Screen], list[Any]]] = {
    "verdict": _verdicts,
    "row": _rows,
    "band": _band,
    "evidence": _evidence,
    "peeking": demonstration.demonstration,
    "label": _labels,
    "hidden": _hidden,
    "light": _lights,
    "flow": _flow,
}
PAGE = Page("learn", PATH, f"Learn - {shell.PRODUCT}", layout, listen, Nav("Learn", "learn", 5))
