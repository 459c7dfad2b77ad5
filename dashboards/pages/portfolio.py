"""The portfolio: counts per verdict, and one row per trial."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import dash_ag_grid as dag
from dash import Dash, Input, Output, State, dcc, html, no_update, set_props

from dashboards import read_model, shell, wording
from dashboards.page import Nav, Page
from dashboards.parts import absence, attributes, badge, icon, label_badge, mark_badge, pill, stale_badge
from dashboards.read_model import Board, Row

PATH = "/"
TITLE = f"Portfolio - {shell.PRODUCT}"
MOST_ROWS_UNSCROLLED = 40

# Together at most 1,140 px, so that nothing lies outside the window at the smallest width that shows the grid;
# below it (boot.js and pages.css say where) the board is a list.
COLUMNS: list[dict[str, Any]] = [
    {"field": "name", "headerName": "Trial", "cellRenderer": "TrialCell", "flex": 4, "minWidth": 210},
    {"field": "standing_word", "headerName": "Verdict", "cellRenderer": "VerdictCell", "width": 172},
    {
        "field": "sentence",
        "headerName": "In a sentence",
        "cellRenderer": "SentenceCell",
        "flex": 7,
        "minWidth": 222,
        "sortable": False,
    },
    {
        "field": "effect_sort",
        "headerName": "Effect",
        "headerComponent": "EffectHeader",
        "cellRenderer": "EffectCell",
        "width": 208,
        "sortable": False,
    },
    {
        "field": "strength_share",
        "headerName": "Evidence",
        "cellRenderer": "StrengthCell",
        "width": 110,
        "sortingOrder": ["desc", "asc"],
    },
    {"field": "people_share", "headerName": "People in", "cellRenderer": "PeopleCell", "width": 116},
    {"field": "as_of_sort", "headerName": "Fresh as of", "cellRenderer": "FreshCell", "width": 102},
]


def layout(**_: str) -> html.Div:
    # The token is read before the rows: what lands in between is fetched again, never missed.
    etag = shell.tokens().etag()
    found = read_model.board(shell.desk())
    rows = _rows(found)
    return html.Div(
        [
            *shell.live_mark("live-board", "/live/token", etag),
            dcc.Store(id="board-shown", data=rows),
            html.Header(
                [html.H1("Portfolio"), html.P(_summary(found), id="board-summary"), shell.live_word()],
                className="page-head",
            ),
            html.Ul(_strip(found), id="board-strip", className="strip card"),
            html.Section(
                [
                    html.Header(
                        [
                            html.H2("All trials"),
                            html.P(
                                [
                                    "Dot: best estimate. Bar: plausible range. ",
                                    html.Strong("Shaded: worth having", className="tone-promote bare"),
                                    ", on one axis: each trial's own worthwhile effect.",
                                ],
                                className="grid-only",
                            ),
                        ]
                    ),
                    html.Div(_grid(rows) if rows else _nothing(), id="board-grid", className="board-grid"),
                    html.Ul(_list(found), id="board-list", className="board-list"),
                ],
                className="card board",
            ),
        ]
    )


def listen(app: Dash) -> None:
    """Refreshes the board when the live script tells of a change: only the rows that changed travel."""

    @app.callback(
        Output("board-rows", "rowTransaction"),
        Output("board-shown", "data"),
        Output("board-strip", "children"),
        Output("board-summary", "children"),
        Output("board-list", "children"),
        Input("live-board", "data"),
        State("board-shown", "data"),
        prevent_initial_call=True,
    )
    def refresh(_: str, shown: list[dict[str, Any]] | None) -> tuple[Any, ...]:
        found = read_model.board(shell.desk())
        rows = _rows(found)
        before = {row["id"]: row for row in shown or []}
        added = [row for row in rows if row["id"] not in before]
        changed = [row for row in rows if row["id"] in before and row != before[row["id"]]]
        if rows and not before:
            set_props("board-grid", {"children": _grid(rows)})
            added = []
        transaction = {"add": added, "update": changed} if added or changed else no_update
        words = [row for row in found.rows if before.get(row.id, {}).get("standing", row.standing) != row.standing]
        shell.announce([(row.name, row.standing) for row in words])
        listed = _list(found) if shell.listed() else no_update
        return transaction, rows, _strip(found), _summary(found), listed


def _rows(found: Board) -> list[dict[str, Any]]:
    """`place`: where a row stands while the reader sorts by no column."""
    return [{**row_data(row), "place": place} for place, row in enumerate(found.rows)]


def row_data(row: Row) -> dict[str, Any]:
    """A row as the grid's cells read it."""
    return {
        **asdict(row),
        "in_short": wording.first_sentence(row.sentence),
        "href": f"/trial/{row.id}",
        "standing_word": wording.VERDICT_WORDS[row.standing],
        "effect_sort": row.forest.estimate,
    }


def _summary(found: Board) -> str:
    if not found.rows:
        return "No trials yet."
    return f"{_how_many(found.rows)}. Each asks a single question: is this worth doing more of?"


def _how_many(rows: Sequence[Row]) -> str:
    """'7 trials, 5 of them simulated in the programme personalised-probation': made-up trials are told apart."""
    made_up = {row.id for row in rows if row.simulated}
    inside = {row.id for row in rows if row.programme}
    programmes = sorted({row.programme for row in rows if row.programme})
    where = f"in the programme {programmes[0]}" if len(programmes) == 1 else f"in {len(programmes)} programmes"
    parts = [wording.plural(len(rows), "trial")]
    if made_up:
        parts.append(_part(len(made_up), len(rows)) + " simulated")
    if made_up and made_up == inside:
        parts[-1] += f" {where}"
    elif inside:
        parts.append(f"{_part(len(inside), len(rows))} {where}")
    return ", ".join(parts)


def _part(some: int, of: int) -> str:
    return "all of them" if some == of else f"{some:,} of them"


def _strip(found: Board) -> list[html.Li]:
    everything = sum(found.counts.values()) or 1
    made_up = Counter(row.standing for row in found.rows if row.simulated and row.fault is None)
    return [
        html.Li(
            [
                html.Span(
                    [icon(standing), html.Span(wording.VERDICT_WORDS[standing])], className=f"tone-{standing} bare word"
                ),
                html.Span(
                    [
                        html.Strong(f"{count:,}"),
                        *([html.Span(f" ({made_up[standing]:,} simulated)")] if made_up[standing] else []),
                        html.Span(f" {100 * count / everything:.0f} %"),
                    ],
                    className="count",
                ),
                html.Span(wording.VERDICT_MEANS[standing], className="means"),
            ],
            className="" if count else "none",
        )
        for standing, count in found.counts.items()
    ]


def _grid(rows: list[dict[str, Any]]) -> dag.AgGrid:
    whole = len(rows) <= MOST_ROWS_UNSCROLLED
    return dag.AgGrid(
        id="board-rows",
        columnDefs=COLUMNS,
        rowData=rows,
        getRowId="params.data.id",
        defaultColDef={
            "sortable": True,
            "resizable": False,
            "suppressMovable": True,
            "wrapText": True,
            # Cells show more than their own column's value, so a changed row is drawn again whole.
            "equals": {"function": "sameCell(params)"},
        },
        dashGridOptions={
            "rowHeight": 112,
            "headerHeight": 48,
            "domLayout": "autoHeight" if whole else "normal",
            "suppressCellFocus": False,
            "animateRows": False,
            "enableCellTextSelection": True,
            "postSortRows": {"function": "inPlace(params)"},
            "tabToNextHeader": {"function": "fromHeader(params)"},
            "tabToNextCell": {"function": "fromCell(params)"},
        },
        style={"height": None if whole else "720px", "width": "100%"},
    )


def _nothing() -> list[Any]:
    # The grid stays on the page, hidden: without the component that it writes to, the callback would not run.
    why = "Register one with `roadtest register` and this board fills itself as results come in."
    return [absence("empty", "No trials here yet", why), html.Div(_grid([]), hidden=True)]


def _list(found: Board) -> list[html.Li]:
    return [_item(row) for row in found.rows]


def _item(row: Row) -> html.Li:
    badges = [
        label_badge(row.label, row.label_means),
        *(badge(text) for text in row.badges),
        *(mark_badge(text) for text in row.marks),
        *([stale_badge()] if row.stale else []),
    ]
    facts = [row.programme, row.stage, f"{row.people} of {row.planned} {row.units}", f"as of {row.as_of}"]
    return html.Li(
        [
            html.Div([dcc.Link(row.name, href=f"/trial/{row.id}"), pill(row.standing)], className="item-head"),
            html.P(badges, className="badges"),
            html.P(row.sentence),
            html.P(" · ".join(fact for fact in (f"Evidence: {row.strength}", *facts) if fact), className="item-facts"),
        ],
        **attributes(data_trial=row.id),
    )


PAGE = Page("portfolio", PATH, TITLE, layout, listen, Nav("Portfolio", "board", 1))
