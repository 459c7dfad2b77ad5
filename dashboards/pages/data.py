"""Data: how the deliveries of all trials stand, those that need somebody first."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, dcc, html, set_props
from dash.exceptions import PreventUpdate

from dashboards import datadocs, shell, wording
from dashboards.page import Nav, Page
from dashboards.pages import data_words as words
from dashboards.parts import absence, attempt, attributes, badge, button, done, icon, outcome
from dashboards.read_model.data import DataRow, Overview, names_of, overview
from trials.disclosure import LIMIT

log = logging.getLogger(__name__)

PATH = "/data"
SHOWN = 50  # trials at first, and as many more with each press


def layout(**_: str) -> html.Div:
    # The token is read before the rows: what lands in between is fetched again, never missed.
    etag = shell.tokens().etag()
    return html.Div([*shell.live_mark("live-data", "/live/token", etag), *_content()])


def _content() -> list[Any]:
    try:
        found = overview(shell.desk())
    except Exception:
        reference = secrets.token_hex(2).upper()
        log.exception("the data page failed, reference %s", reference)
        why = f"What came in is stored and safe. Tell whoever runs this: reference {reference}."
        return [_head("What came in could not be read."), _card(absence("failed", "This page did not load", why))]
    only = found.attention > 0
    chosen = _chosen(found, only, "")
    why = "Register a trial and seal it: its deliveries, and what was set aside of them, then stand here."
    return [
        _head(words.summary(found)),
        html.Div(
            absence("empty", "No trials here yet", why), id="data-empty", className="card", hidden=bool(found.rows)
        ),
        html.Div(_board(found, chosen, only), id="data-board", hidden=not found.rows),
    ]


def _board(found: Overview, chosen: Sequence[DataRow], only: bool) -> list[Any]:
    return [
        html.Ul(_tiles(found), id="data-tiles", className="data-tiles card"),
        dcc.Store(id="data-shown", data=_marks(chosen[:SHOWN])),
        html.Section(
            [
                html.Header([html.H2("Trials"), html.P(_counted(found), id="data-counted")]),
                _controls(only),
                outcome("data-mine"),
                html.Ul(_items(chosen[:SHOWN], only), id="data-list", className="data-list"),
                html.Div(
                    button(_more(len(chosen), SHOWN), "data-more", hidden=len(chosen) <= SHOWN), className="data-more"
                ),
            ],
            className="card data-board",
        ),
    ]


def _head(said: str) -> html.Header:
    return html.Header(
        [html.H1("Data"), html.P(said, id="data-summary"), shell.live_word()],
        className="page-head",
    )


def _card(inside: Any) -> html.Div:
    return html.Div(inside, className="card")


def _controls(only: bool) -> html.Div:
    # A button that nobody may press stays on the page, hidden: without it the callback that reads it would not run.
    mine = button("Count the rows that I can mend", "data-count", "person", hidden=not shell.acting())
    docs = [html.A([icon("data"), html.Span("Data Docs of the last round")], href=datadocs.PLACE, className="button")]
    return html.Div(
        [
            dmc.TextInput(id="data-search", label="Find a trial", value="", debounce=200, autoComplete="off"),
            dmc.Switch(id="data-only", label="Only what needs attention", checked=only),
            html.Div([mine, *(docs if datadocs.offered() else [])], className="form-buttons"),
        ],
        className="data-controls",
    )


def _tiles(found: Overview) -> list[html.Li]:
    """What would make somebody act, each with a word, a shape and a number."""
    needs = found.needs
    none = f"for no trial {LIMIT} or more" if found.waiting is None else wording.plural(found.waiting_in, "trial")
    tiles = [
        ("Sources overdue", needs["overdue"], f"{needs['overdue']:,}", f"of {found.expecting:,} that are expected"),
        ("Sources not reached", needs["failed"], f"{needs['failed']:,}", "at the last attempt"),
        ("Files refused", needs["refused"], f"{needs['refused']:,}", "trials wait for one sent again"),
        ("Silent sites", found.silent_sites, f"{found.silent_sites:,}", "though people there are due"),
        ("Rows to mend", found.waiting, wording.floors(found.waiting), none),
        ("Trials flagged", needs["flagged"], f"{needs['flagged']:,}", "by the checks of the whole trial"),
    ]
    return [
        html.Li(
            [
                html.Span([icon("warn" if bad else "ok"), name], className=f"word {'attention' if bad else 'good'}"),
                html.Strong(value),
                html.Span(note, className="means"),
            ]
        )
        for name, bad, value, note in tiles
    ]


def _counted(found: Overview) -> str:
    if not found.attention:
        return "None needs attention."
    return f"{found.attention:,} of {len(found.rows):,} need attention; the most pressing come first."


def _chosen(found: Overview, only: bool, text: str) -> list[DataRow]:
    sought = text.strip().lower()
    return [
        row
        for row in found.rows
        if (row.needs or not only) and (sought in row.name.lower() or sought in row.id.lower())
    ]


def _marks(rows: Sequence[DataRow]) -> list[list[str]]:
    """Which trials are listed, each with a mark that changes with what is said of it."""
    return [[row.id, hashlib.sha256(repr(row).encode()).hexdigest()[:12]] for row in rows]


def _items(rows: Sequence[DataRow], only: bool) -> list[Any]:
    if rows:
        return [html.Li(_item(row), id=_id(row), className="data-row") for row in rows]
    if only:
        return [html.Li(absence("ok", "Nothing needs attention", "Switch the filter off to see every trial."))]
    return [html.Li(absence("empty", "No trial of that name", "Clear the search to see every trial."))]


def _id(row: DataRow) -> str:
    return f"data-row-{row.id}"


def _item(row: DataRow) -> list[Any]:
    marks = [
        *(badge(text) for text in row.badges),
        *(html.Span([icon("warn"), words.NEED_WORDS[need]], className="badge badge-warn") for need in row.needs),
        *([] if row.needs else [html.Span([icon("ok"), "in order"], className="badge data-good")]),
    ]
    flags = [html.Li([icon("warn"), html.Span(flag)]) for flag in row.flags]
    return [
        html.Div(
            [
                html.H3(dcc.Link(row.name, href=f"{PATH}/{row.id}")),
                html.P(marks, className="badges"),
                html.P(words.sentence(row), className="data-said"),
                *([html.Ul(flags, className="data-flags")] if flags else []),
            ],
            className="data-main",
        ),
        html.Dl([html.Div([html.Dt(name), html.Dd(value)]) for name, value in _facts(row)], className="data-facts"),
    ]


def _facts(row: DataRow) -> list[tuple[str, str]]:
    last = "none yet" if row.last is None else wording.short_day(row.last.sent_at)
    waits = row.waits
    return [
        ("Last delivery sent", last),
        ("Deliveries", f"{row.deliveries:,}, {row.refused:,} refused" if row.refused else f"{row.deliveries:,}"),
        ("Rows to mend", words.more(row.rows)),
        ("Results overdue", "not expected" if waits is None else words.more(waits.due)),
    ]


def _more(found: int, shown: int) -> str:
    left = max(found - shown, 0)
    return f"Show {min(left, SHOWN):,} more of {left:,}"


def listen(app: Dash) -> None:
    """Refreshes the page when the live script tells of a change or somebody filters: only the rows that changed travel."""

    @app.callback(
        Output("data-shown", "data"),
        Input("live-data", "data"),
        Input("data-only", "checked"),
        Input("data-search", "value"),
        Input("data-more", "n_clicks"),
        State("data-shown", "data"),
        prevent_initial_call=True,
    )
    def refresh(
        _: str | None, only: bool | None, text: str | None, pressed: int | None, before: list[list[str]] | None
    ) -> list[list[str]]:
        found = overview(shell.desk())
        chosen = _chosen(found, bool(only), text or "")
        most = SHOWN * (1 + (pressed or 0))
        shown = chosen[:most]
        set_props("data-summary", {"children": words.summary(found)})
        set_props("data-tiles", {"children": _tiles(found)})
        set_props("data-counted", {"children": _counted(found)})
        set_props("data-more", {"children": _more(len(chosen), most), "hidden": len(chosen) <= most})
        set_props("data-empty", {"hidden": bool(found.rows)})
        set_props("data-board", {"hidden": not found.rows})
        return _redraw(shown, before or [], bool(only))

    @app.callback(
        Output("data-mine", "children"),
        Input("data-count", "n_clicks"),
        Input("live-data", "data"),
        prevent_initial_call=True,
    )
    def count(pressed: int | None, _: str | None) -> list[Any]:
        if not pressed:
            raise PreventUpdate
        return attempt(mine)


def _redraw(rows: Sequence[DataRow], before: list[list[str]], only: bool) -> list[list[str]]:
    """Sends the rows that say something new; all of them only when others are listed, or in another order."""
    now = _marks(rows)
    if not rows or [mark[:1] for mark in now] != [mark[:1] for mark in before]:
        set_props("data-list", {"children": _items(rows, only)})
        return now
    for row, mark, known in zip(rows, now, before, strict=True):
        if mark != known:
            set_props(_id(row), {"children": _item(row)})
    return now


def mine() -> list[Any]:
    """What waits for whoever presses, where their roles let them see rows: exact, and only on their asking."""
    found = shell.doing().waiting(by=shell.reader().person)
    named = names_of(shell.desk(), tuple(found))
    if not named:
        return done("No row waits in a trial whose rows you may see.")
    many = wording.plural(sum(found[trial] for trial in named), "row waits", "rows wait")
    links = [
        html.Li([dcc.Link(name, href=f"{PATH}/{trial}"), f": {wording.plural(found[trial], 'row')}"])
        for trial, name in sorted(named.items(), key=lambda pair: (-found[pair[0]], pair[1]))
    ]
    listed = html.Ul(links, className="data-mine", **attributes(aria_label="Rows to mend by trial"))
    return [*done(f"{many} to be mended."), listed]


PAGE = Page("data", PATH, f"Data - {shell.PRODUCT}", layout, listen, Nav("Data", "data", 4), work=True)
