"""The portfolio: what stands where, what waits for people, what deciding early released, and one row per trial."""

from __future__ import annotations

import hashlib
from typing import Any, TypedDict

from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update, set_props

from dashboards import read_model, shell
from dashboards.board import asked, top
from dashboards.board.grid import grid, height_of, row_data
from dashboards.page import Nav, Page
from dashboards.parts import absence, button, icon
from dashboards.read_model import Board, Row
from dashboards.read_model.programme import Achieved, achieved

PATH = "/"
TITLE = f"Portfolio - {shell.PRODUCT}"

__all__ = ["PAGE", "row_data"]


def layout(**query: Any) -> html.Div:
    # The token is read before the rows: what lands in between is fetched again, never missed.
    etag = shell.tokens().etag()
    found, brought = _read()
    wanted = asked.asked(query, found.rows)
    register = [dcc.Link([icon("new"), "Register a trial"], href="/new", className="button primary")]
    return html.Div(
        [
            *shell.live_mark("live-board", "/live/token", etag),
            dcc.Store(id="board-data", data=[row_data(row) for row in found.rows]),
            dcc.Store(id="board-shown", data=dict(_stamps(found, brought))),
            *(dcc.Store(id=name) for name in ("board-changes", "board-wide", "board-most")),
            html.Header(
                [
                    html.H1("Portfolio"),
                    html.P(top.summary(found), id="board-summary"),
                    html.Div([shell.live_word(), *(register if shell.acting() else [])], className="board-live"),
                ],
                className="page-head board-page-head",
            ),
            html.Ul(top.strip(found), id="board-strip", className="strip card"),
            html.Section(top.waiting(found, acting=shell.acting()), id="board-waiting", className="board-section"),
            html.Section(top.achievements(brought), id="board-achieved", className="board-section"),
            _rows(found, wanted),
        ]
    )


def _rows(found: Board, wanted: asked.Asked) -> html.Section:
    how: list[Any] = [
        html.Strong("Evidence: "),
        "the further a bar reaches to its end, the nearer the answer; the thin one is harm. ",
        html.Strong("Effect: "),
        "dot = best estimate, bar = plausible range, ",
        html.Strong("shaded = worth having", className="tone-promote bare"),
        ", on each trial's own scale.",
    ]
    none_fits = absence("search", "No trial fits", "Take a filter off, or search for fewer words.")
    none_fits.children.append(button("Show all trials", "board-clear-too"))
    return html.Section(
        [
            html.Header([html.H2("All trials"), html.P("", id="board-found", role="status")], className="board-head"),
            html.Div(
                [
                    html.Div(asked.controls(wanted, found.rows), id="board-asking", hidden=not found.rows),
                    html.Div(_nothing(found), id="board-empty"),
                    html.Div(none_fits, id="board-none", hidden=True),
                    html.Div(
                        [
                            html.P(how, className="board-how grid-only"),
                            html.Div(grid(), id="board-grid", className="board-grid", style=height_of(len(found.rows))),
                            html.Ul(id="board-list", className="board-list"),
                            html.Div(
                                button("Show more", "board-more"), id="board-rest", className="board-rest", hidden=True
                            ),
                        ],
                        id="board-place",
                        hidden=not found.rows,
                    ),
                ],
                className="card board",
            ),
        ],
        className="board-section",
    )


class Shown(TypedDict):
    """What the browser has of the board."""

    rows: dict[str, str]
    top: str


def listen(app: Dash) -> None:
    """Refreshes the board when the live script tells of a change: only what changed travels, in both directions."""

    @app.callback(
        Output("board-changes", "data"),
        Output("board-shown", "data"),
        Output("board-strip", "children"),
        Output("board-waiting", "children"),
        Output("board-achieved", "children"),
        Output("board-summary", "children"),
        Output("board-empty", "children"),
        Input("live-board", "data"),
        State("board-shown", "data"),
        prevent_initial_call=True,
    )
    def refresh(_: str, shown: Shown | None) -> tuple[Any, ...]:
        found, brought = _read()
        stamps, before = _stamps(found, brought), shown or Shown(rows={}, top="")
        known = before["rows"]
        changed = [row for row in found.rows if known.get(row.id) != row.stamp]
        gone = [trial for trial in known if trial not in stamps["rows"]]
        if not changed and not gone and before["top"] == stamps["top"]:
            return (no_update,) * 7
        _announce(changed, known)
        _choices(found, gone or [row for row in changed if row.id not in known])
        above = (
            (
                top.strip(found),
                top.waiting(found, acting=shell.acting()),
                top.achievements(brought),
                top.summary(found),
                _nothing(found),
            )
            if before["top"] != stamps["top"]
            else (no_update,) * 5
        )
        return {"rows": [row_data(row) for row in changed], "gone": gone}, stamps, *above

    controls = [Input(f"board-{name}", "value") for name, _, _ in asked.FILTERS]
    in_browser: Any = app.clientside_callback  # untyped in Dash
    in_browser(
        ClientsideFunction("board", "show"),
        Output("board-rows", "rowData"),
        Output("board-rows", "style"),
        Output("board-grid", "style"),
        Output("board-list", "children"),
        Output("board-rest", "hidden"),
        Output("board-found", "children"),
        Output("board-filter-word", "children"),
        Output("board-asking", "hidden"),
        Output("board-none", "hidden"),
        Output("board-place", "hidden"),
        Input("board-data", "data"),
        Input("board-changes", "data"),
        Input("board-wide", "data"),
        Input("board-more", "n_clicks"),
        Input("board-search", "value"),
        Input("board-group", "value"),
        Input("board-sort", "value"),
        *controls,
    )
    in_browser(
        ClientsideFunction("board", "clear"),
        Output("board-search", "value"),
        *(Output(f"board-{name}", "value") for name, _, _ in asked.FILTERS),
        Input("board-clear", "n_clicks"),
        Input("board-clear-too", "n_clicks"),
        prevent_initial_call=True,
    )


def _read() -> tuple[Board, Achieved]:
    desk = shell.desk()
    return read_model.board(desk), achieved(desk)


def _stamps(found: Board, brought: Achieved) -> Shown:
    """What the browser has, in short: a stamp a row, and one for all that stands above the rows."""
    above = (found.counts, found.decided, found.waiting, found.waits, brought, top.summary(found))
    return {
        "rows": {row.id: row.stamp for row in found.rows},
        "top": hashlib.blake2b(repr(above).encode(), digest_size=6).hexdigest(),
    }


def _announce(changed: list[Row], known: dict[str, str]) -> None:
    """Tells a screen reader which trials stand otherwise than before, 'Personal budgets: Drop.'"""
    moved = [row for row in changed if row.id in known and known[row.id][:1] != row.stamp[:1]]
    if moved:
        set_props("announce", {"children": " ".join(f"{row.name}: {row.word}." for row in moved)})


def _choices(found: Board, other: object) -> None:
    """What can be filtered by, when trials came or went."""
    if other:
        for name, values in asked.options(found.rows).items():
            set_props(f"board-{name}", {"data": values})


def _nothing(found: Board) -> list[Any]:
    """Why there is no row at all, and what to do; nothing where there is one."""
    if found.rows:
        return []
    who = shell.reader()
    if who.kind == "link":
        return [
            absence("hidden", "This link leads to no trial", "What it led to may be gone. Ask whoever gave it to you.")
        ]
    if found.hidden:
        why = "There are trials here, and you have no role in any of their programmes yet. Ask a lead to give you one."
        return [absence("hidden", "No role yet", why)]
    why = "Register one and this board fills itself as results come in."
    if not shell.acting():
        return [absence("empty", "No trials here yet", f"{why} With the command: roadtest register FILE")]
    empty = absence("empty", "No trials here yet", why)
    empty.children.append(dcc.Link([icon("new"), "Register a trial"], href="/new", className="button primary"))
    return [empty]


PAGE = Page("portfolio", PATH, TITLE, layout, listen, Nav("Portfolio", "board", 1))
