"""What stands above the board's rows: how many stand where, what waits for people, what deciding early brought."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from dash import dcc, html

from dashboards import wording
from dashboards.board import words
from dashboards.parts import badge, icon, pill
from dashboards.read_model import Board, Row
from dashboards.read_model.programme import Achieved
from trials.programme import Figures


def summary(found: Board) -> str:
    """The page's first sentence."""
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


def strip(found: Board) -> list[html.Li]:
    """How many open trials stand where, by verdict, and how many were decided on: a closed trial waits for nobody."""
    everything = len(found.rows) or 1
    made_up = Counter(row.standing for row in found.rows if row.simulated and row.fault is None and not row.closed)
    tiles = [
        _tile(standing, wording.VERDICT_WORDS[standing], count, made_up[standing], everything, means)
        for standing, means in wording.VERDICT_MEANS.items()
        for count in [found.counts[standing]]
    ]
    closed = sum(found.decided.values())
    said = ", ".join(f"{count:,} {word.lower()}" for word, count in sorted(found.decided.items()))
    made_up_closed = sum(row.simulated for row in found.rows if row.closed)
    means = f"{said[:1].upper()}{said[1:]}. Why is in each row." if said else "No trial is closed yet."
    return [*tiles, _tile("closed", "Decided", closed, made_up_closed, everything, means)]


def _tile(tone: str, word: str, count: int, made_up: int, everything: int, means: str) -> html.Li:
    return html.Li(
        [
            html.Span([icon(tone), html.Span(word)], className=f"tone-{tone} bare word"),
            html.Span(
                [
                    html.Strong(f"{count:,}"),
                    html.Span(f" {100 * count / everything:.0f} %"),
                    *([html.Span(f" ({made_up:,} simulated)")] if made_up else []),
                ],
                className="count",
            ),
            html.Span(means, className="means"),
        ],
        className="" if count else "none",
    )


def waiting(found: Board, *, acting: bool) -> list[Any]:
    """The trials that have an answer and are still open; nothing where none waits."""
    if not found.waits:
        return []
    has = "trial has" if found.waits == 1 else "trials have"
    which = "" if found.waits <= len(found.waiting) else "; possible harm first, then the oldest"
    head = html.Header(
        [
            html.H2("Waiting for you" if acting else "Waiting for a decision"),
            html.P(
                f"{found.waits:,} {has} reached an answer and {'is' if found.waits == 1 else 'are'} still open{which}."
            ),
        ],
        className="board-head",
    )
    return [head, html.Ul([_card(each.row, each.how_long, acting) for each in found.waiting], className="board-cards")]


def _card(row: Row, how_long: str, acting: bool) -> html.Li:
    name = dcc.Link(row.name, href=f"/trial/{row.id}")
    decide = dcc.Link(
        [icon("closed"), "Decide", html.Span(f" on {row.name}", className="unseen")], href=f"/decide/{row.id}"
    )
    return html.Li(
        [
            html.Div([pill(row.standing), html.Span(how_long, className="quiet")], className="board-card-head"),
            html.H3(name),
            html.P([badge(text) for text in row.badges], className="badges") if row.badges else None,
            html.P(wording.first_sentence(row.sentence), className="board-card-said"),
            html.P(f"{row.people} of {row.planned} {row.units}, {row.label.lower()}", className="quiet"),
            html.P(decide, className="board-decide") if acting else None,
        ],
        className="card",
    )


def achievements(found: Achieved) -> list[Any]:
    """What deciding early brought: of real trials, and of simulated ones apart from them."""
    if not found.figures:
        return []
    left = (
        [
            html.P(
                f"{wording.plural(found.left, 'trial')} left out, as its programme gives you no role.", className="note"
            )
        ]
        if found.left
        else []
    )
    head = html.Header(
        [
            html.H2("What was decided, and what that released"),
            html.P("Against the people whom one test at the very end would have taken."),
        ],
        className="board-head",
    )
    closed = [one for one in found.figures if one.closed]
    if not closed:
        nothing = html.P(
            "Nothing is decided yet, so nothing is released and nothing learnt.", className="board-nothing"
        )
        return [head, html.Div(nothing, className="board-achieved card"), *left]
    return [head, *(_group(one) for one in closed), *left]


def _group(one: Figures) -> html.Div:
    """The figures of real trials or of simulated ones, and which they are."""
    of = wording.plural(one.trials, "trial" if one.simulated else "real trial")
    mark = [badge(wording.SIMULATED), f" {of}"] if one.simulated else [of]
    running = f", {one.running:,} still running" if one.running else ""
    whose = html.P([*mark, running], className="board-whose")
    return html.Div([whose, html.Dl([_figure(*each) for each in _figures(one)])], className="board-achieved card")


def _figures(one: Figures) -> list[tuple[str, str, str]]:
    """Title, figure, and what it is, for anybody."""
    took = words.from_idea(one.days) if one.days is not None else ("–", "no decision has a date")
    unanswered = f"{one.uninformative:,} ended without" if one.uninformative else "none ended without"
    again = f"; {one.reruns:,} to be run again" if one.reruns else ""
    return [
        ("From idea to decision", *took),
        (
            "Dropped early",
            f"{one.dropped_early:,} of {one.closed:,}",
            "closed trials that stopped before their planned end",
        ),
        (
            "Learned",
            f"{one.learned:,} of {one.closed:,}",
            f"closed trials that ended with an answer; {unanswered}{again}",
        ),
        ("Released", *words.released(one.released)),
    ]


def _figure(title: str, figure: str, what: str) -> html.Div:
    return html.Div([html.Dt(title), html.Dd([html.Strong(figure), html.Span(what)])])
