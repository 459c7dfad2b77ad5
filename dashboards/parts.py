"""Small pieces of page that several panels share: pill, badge, chart with its numbers, table, explained absence."""

from __future__ import annotations

import csv
import io
import logging
import secrets
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from dash import dcc, html
from flask import current_app, has_request_context

from dashboards import wording
from dashboards.figures.drawn import Drawn
from dashboards.wording import Standing
from trials.errors import RoadtestError

log = logging.getLogger(__name__)


def attributes(**named: str) -> dict[str, Any]:
    """HTML's aria- and data- attributes by names that Python allows: aria_label becomes aria-label."""
    return {name.replace("_", "-"): value for name, value in named.items()}


def icon(name: str) -> html.Span:
    """A drawn sign; decoration to a screen reader, as the word stands beside it."""
    return html.Span(className=f"icon icon-{name}", **attributes(aria_hidden="true"))


def pill(standing: Standing) -> html.Span:
    """The verdict as word, shape and colour."""
    return html.Span([icon(standing), html.Span(wording.VERDICT_WORDS[standing])], className=f"pill tone-{standing}")


def badge(text: str) -> html.Span:
    """Marks a trial that is no finding: one of `wording.badges`."""
    return html.Span(text, className="badge badge-simulated", title=wording.BADGE_WHY.get(text, ""))


def label_badge(text: str, means: str) -> html.Span:
    """The evidence label, in words."""
    return html.Span(text, className="badge badge-label", title=means)


def mark_badge(text: str) -> html.Span:
    """What was decided on a trial: one of `wording.marks`."""
    return html.Span(text, className="badge badge-mark")


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], label: str, **more: str) -> html.Div:
    """A table that scrolls in itself and can be reached by keyboard."""
    head = html.Thead(html.Tr([html.Th(column, scope="col") for column in columns]))
    body = html.Tbody([html.Tr([html.Td(cell) for cell in row]) for row in rows])
    return html.Div(
        html.Table([head, body]),
        className="numbers",
        tabIndex="0",
        role="region",
        **attributes(aria_label=label, **more),
    )


def numbers(
    numbers_id: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    label: str,
    summary: str = "Show the numbers",
) -> html.Details:
    """A table behind a line that opens it. The ids let a live page change the numbers and leave it open."""
    line = html.Summary([icon("table"), html.Span(summary, id=f"{numbers_id}-summary")])
    return html.Details(
        [line, table(columns, rows, label, id=numbers_id), *_download(numbers_id, columns, rows)],
        className="show-numbers",
    )


def _download(numbers_id: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[Any]:
    """A link that saves the same table as CSV; no address of its own, so nothing but what is shown can be had there."""
    if not all(isinstance(cell, str) for row in rows for cell in row):
        return []
    link = html.A(
        [icon("save"), html.Span("Download CSV")],
        id=f"{numbers_id}-csv",
        href=f"data:text/csv;charset=utf-8,{quote(as_csv(columns, rows), safe=' ,:;()/')}",
        download=f"{numbers_id}.csv",
        className="csv",
    )
    return [link]


def as_csv(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as CSV for spreadsheets: with a byte order mark, and no cell that one would take for a formula."""
    text = io.StringIO()
    csv.writer(text).writerows([[_plain(cell) for cell in row] for row in (columns, *rows)])
    return "\ufeff" + text.getvalue()


def _plain(cell: str) -> str:
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def chart(drawn: Drawn, chart_id: str) -> list[Any]:
    """A chart, its sentence for those who can't see it, and its numbers: all from one object."""
    graph = dcc.Graph(
        id=chart_id,
        figure=drawn.figure,
        config={"displayModeBar": False, "responsive": True, "scrollZoom": False, "doubleClick": False},
        style={"height": f"{drawn.height}px"},
    )
    picture = html.Div(
        graph, id=f"{chart_id}-picture", role="img", className="chart", **attributes(aria_label=drawn.alt)
    )
    return [picture, numbers(f"{chart_id}-numbers", drawn.columns, drawn.rows, drawn.alt)]


def absence(sign: str, title: str, why: str) -> html.Div:
    """A designed state instead of data: too early, hidden, stale, failed, empty."""
    return html.Div([icon(sign), html.H3(title), html.P(why)], className=f"absence absence-{sign}")


def button(text: str, button_id: str, sign: str = "", *, primary: bool = False, **more: Any) -> html.Button:
    """A button that a callback listens to; the primary one is what most people came to the form for."""
    inside = [*([icon(sign)] if sign else []), html.Span(text)]
    return html.Button(inside, id=button_id, type="button", className="button primary" if primary else "button", **more)


def outcome(outcome_id: str) -> html.Div:
    """Where a form says what became of it; a screen reader reads it out when it changes."""
    return html.Div(id=outcome_id, className="outcome", role="status", **attributes(aria_live="polite"))


def done(sentence: str, *more: Any) -> list[Any]:
    """What an `outcome` says when it went well. more: a link to what follows."""
    return [html.P([icon("ok"), html.Span(sentence), *more], className="outcome-done")]


def refused(sentence: str) -> list[Any]:
    """What an `outcome` says when nothing was done: one sentence that says what to do."""
    return [html.P([icon("warn"), html.Span(sentence)], className="outcome-refused")]


def attempt(work: Callable[[], list[Any]]) -> list[Any]:
    """Does something in a callback. A refusal becomes its sentence; a fault of ours one with a reference to the log."""
    try:
        return work()
    except RoadtestError as error:
        return refused(str(error))
    except Exception:
        if has_request_context() and not current_app.extensions.get("roadtest.ours", lambda: True)():
            raise  # no page asks so: `dashboards.answering` answers
        reference = secrets.token_hex(2).upper()
        log.exception("a deed on the pages failed, reference %s", reference)
        return refused(f"This did not work, and it is not your fault. Tell whoever runs this: reference {reference}.")
