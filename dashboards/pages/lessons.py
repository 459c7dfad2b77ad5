"""Lessons: what ended, failures first; what was tried, why it ended, what to use again. A search can be sent as an address."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, ctx, dcc, html

from dashboards import shell, wording
from dashboards.page import Nav, Page
from dashboards.parts import absence, attributes, badge, button, icon, label_badge
from dashboards.read_model.lesson_cards import Lesson, Passage, Untried
from dashboards.read_model.lessons import Asked, Lessons, lessons

PATH = "/lessons"
LONGEST_QUERY = 300
MORE = 40
GROUPS = (
    (True, "failed", "What did not work", "What nobody needs to try again as it was."),
    (False, "worked", "What worked", "What can be built on."),
)


def layout(q: str = "", reason: str = "", programme: str = "", **_: str) -> html.Div:
    # The token is read before the lessons: what lands in between is fetched again, never missed.
    etag = shell.tokens().etag()
    asked = _asked(q, reason, programme)
    found = lessons(shell.desk(), asked)
    return html.Div(
        [
            *shell.live_mark("live-lessons", "/live/token", etag),
            dcc.Location(id="lessons-address", refresh=False),
            dcc.Store(id="lessons-most", data=MORE),
            html.Header(
                [html.H1("Lessons"), html.P(summary(found), id="lessons-summary"), shell.live_word()],
                className="page-head",
            ),
            _search(found, asked),
            html.P(result(found, asked), id="lessons-result", className="lessons-result", role="status"),
            html.Div(listed(found, asked), id="lessons-list"),
            html.Div(button("Show more", "lessons-more"), id="lessons-rest", hidden=found.found <= len(found.lessons)),
        ]
    )


def listen(app: Dash) -> None:
    """Searches as one types, keeps the address in step, and shows a lesson that lands while the page is open."""

    @app.callback(
        Output("lessons-summary", "children"),
        Output("lessons-result", "children"),
        Output("lessons-list", "children"),
        Output("lessons-rest", "hidden"),
        Output("lessons-reason", "data"),
        Output("lessons-programme", "data"),
        Output("lessons-address", "search"),
        Output("lessons-most", "data"),
        Input("lessons-query", "value"),
        Input("lessons-reason", "value"),
        Input("lessons-programme", "value"),
        Input("lessons-more", "n_clicks"),
        Input("live-lessons", "data"),
        State("lessons-most", "data"),
        prevent_initial_call=True,
    )
    def search(q: str | None, reason: str | None, programme: str | None, _: int, __: str, most: Any) -> tuple[Any, ...]:
        wanted = most if isinstance(most, int) and MORE <= most <= 10_000 else MORE
        wanted += MORE if ctx.triggered_id == "lessons-more" else 0
        asked = _asked(q, reason, programme, wanted)
        found = lessons(shell.desk(), asked)
        return (
            summary(found),
            result(found, asked),
            listed(found, asked),
            found.found <= len(found.lessons),
            _reasons(found),
            list(found.programmes),
            address(asked),
            wanted,
        )


def _asked(q: object, reason: object, programme: object, most: int = MORE) -> Asked:
    """What somebody typed, chose, or put into the address."""
    query, code, whose = (" ".join(str(each or "").split())[:LONGEST_QUERY] for each in (q, reason, programme))
    return Asked(query, code, whose, most)


def address(asked: Asked) -> str:
    """The end of the address that leads to this search: '?q=reminders&reason=no_benefit'."""
    said = {"q": asked.query, "reason": asked.reason, "programme": asked.programme}
    given = {name: value for name, value in said.items() if value}
    return f"?{urlencode(given)}" if given else ""


def summary(found: Lessons) -> str:
    """The page's first sentence: how many ended, how many of them failed."""
    if found.ended == 0:
        return "No trial or idea has ended yet. What is learnt will stand here, failures first."
    ended = f"{wording.plural(found.ended, 'trial or idea', 'trials and ideas')} {_has(found.ended)} ended."
    if found.failed == 0:
        return f"{ended} None failed so far."
    if found.failed == found.ended:
        return f"{ended} {'It' if found.ended == 1 else 'All of them'} did not work; here is why."
    return f"{ended} {found.failed:,} of them did not work; here is why."


def _has(count: int) -> str:
    return "has" if count == 1 else "have"


def result(found: Lessons, asked: Asked) -> str:
    """How many answer what was asked, said again whenever that changes."""
    if asked.anything:
        more = len(found.untried) + len(found.passages)
        also = f", and {wording.plural(more, 'other text')}" if more else ""
        return f"{found.found:,} of {found.ended:,} found{also}."
    return "Some lessons are left out: they are of programmes in which you have no role." if found.hidden else ""


def _search(found: Lessons, asked: Asked) -> html.Div:
    return html.Div(
        [
            dmc.TextInput(
                id="lessons-query",
                label="Search what was learnt",
                description="Every word must be there. Endings don’t matter: “remind” finds “reminders”.",
                value=asked.query,
                debounce=350,
                inputProps={"maxLength": LONGEST_QUERY},
                className="lessons-query",
                autoComplete="off",
            ),
            _select("lessons-reason", "Why it ended", asked.reason, _reasons(found), "Any reason"),
            _select("lessons-programme", "Programme", asked.programme, list(found.programmes), "Every programme"),
        ],
        className="lessons-search card",
        role="search",
    )


def _select(select_id: str, label: str, value: str, data: list[Any], placeholder: str) -> dmc.Select:
    return dmc.Select(
        id=select_id,
        label=label,
        data=data,
        value=value or None,
        placeholder=placeholder,
        clearable=True,
        clearButtonProps=attributes(aria_label=f"{label}: any"),
        nothingFoundMessage="None",
    )


def _reasons(found: Lessons) -> list[dict[str, str]]:
    return [{"value": code, "label": means[:1].upper() + means[1:]} for code, means in found.reasons]


def listed(found: Lessons, asked: Asked) -> list[Any]:
    """The groups with something in them, failures first; else the state that says why there is nothing."""
    parts: list[Any] = []
    for failed, name, title, why in GROUPS:
        mine = [one for one in found.lessons if one.failed == failed]
        if mine:
            parts.append(_group(name, title, why, [_card(one) for one in mine]))
    if found.untried:
        why = "Noted by somebody, and waiting for a trial."
        parts.append(_group("untried", "Ideas nobody has tried yet", why, [_untried(one) for one in found.untried]))
    if found.passages:
        why = "Texts with these words, of what still goes on."
        parts.append(_group("passages", "Also on record", why, [_loose(one) for one in found.passages]))
    if parts:
        return parts
    heading = html.H2("No lessons to show", className="unseen")
    return [html.Section([heading, html.Div(_nothing(asked), className="card")], key="nothing")]


def _nothing(asked: Asked) -> html.Div:
    if not asked.anything:
        why = "When a trial is dropped, stopped or promoted, its lesson lands here by itself."
        return absence("lessons", "Nothing has ended yet", why)
    said = f"No lesson has all of these words: {asked.query}." if asked.query else "No lesson is of this kind."
    return absence("empty", "Nothing found", f"{said} Try fewer words, or another reason or programme.")


def _group(name: str, title: str, why: str, cards: list[Any]) -> html.Section:
    heading = f"lessons-{name}"
    return html.Section(
        [
            html.Header([html.H2(title, id=heading), html.P(why)], className="lessons-group"),
            html.Ul(cards, className="lessons-cards"),
        ],
        key=name,
        **attributes(aria_labelledby=heading),
    )


def _card(one: Lesson) -> html.Li:
    named: Any = dcc.Link(one.title, href=f"/trial/{one.trial}") if one.trial else one.title
    head = [html.H3([named, *(part for text in one.badges for part in (" ", badge(text)))]), _ending(one)]
    facts: list[tuple[str, list[Any]]] = [
        ("What was tried", [one.question, html.Span(one.tried, className="lessons-aside")]),
        ("Why it ended", [f"{one.code_means[:1].upper()}{one.code_means[1:]}. ", one.reason]),
        ("What the evidence said", _evidence(one)),
        ("What to use again", [one.reuse]),
        ("Who saw it otherwise", [one.dissent]),
        *((f"Also found: {found.what}", [found.words]) for found in one.passages),
    ]
    shown = [(name, [part for part in parts if part]) for name, parts in facts]
    meta = " · ".join(filter(None, (one.stage, one.programme)))
    return html.Li(
        [
            html.Div(head, className="lessons-head"),
            html.P(one.lesson or "No lesson was written down.", className="lessons-lesson"),
            html.Dl([html.Div([html.Dt(name), html.Dd(parts)]) for name, parts in shown if parts]),
            html.P(meta, className="note"),
        ],
        key=one.key,
        className=f"card lessons-card edge-{one.tone}",
        **attributes(data_lesson=one.key),
    )


def _ending(one: Lesson) -> html.Span:
    """'Dropped, 29 Dec 2025': word, shape, colour."""
    said = f"{one.ended}, {wording.short_day(one.at)}"
    return html.Span([icon(one.tone), html.Span(said)], className=f"pill tone-{one.tone}")


def _evidence(one: Lesson) -> list[Any]:
    if not one.trial:
        return []
    if one.evidence is None:
        return ["No outcome had been looked at."]
    return [one.evidence, " ", label_badge(one.label, one.label_means)]


def _untried(one: Untried) -> html.Li:
    meta = [f"noted on {wording.short_day(one.at)}", one.programme]
    hoped = [html.P(f"Hoped for: {one.hoped_for}", className="lessons-aside")] if one.hoped_for else []
    return html.Li(
        [
            html.H3(one.title),
            html.P(one.text),
            *hoped,
            html.P(" · ".join(filter(None, meta)), className="note"),
        ],
        key=one.key,
        className="card lessons-card lessons-plain",
        **attributes(data_lesson=one.key),
    )


def _loose(one: Passage) -> html.Li:
    where: Any = dcc.Link(one.where, href=f"/trial/{one.trial}") if one.trial else one.where
    said = f"{one.what[:1].upper()}{one.what[1:]}, {wording.short_day(one.at)}"
    return html.Li(
        [html.H3(where), html.P(one.words), html.P(said, className="note")],
        className="card lessons-card lessons-plain",
    )


TITLE = f"Lessons - {shell.PRODUCT}"
PAGE = Page("lessons", PATH, TITLE, layout, listen, Nav("Lessons", "lessons", 3))
