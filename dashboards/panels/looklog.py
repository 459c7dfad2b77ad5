"""Every look that may be shown: when, on how many people, what it said, and the way to the page as it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from dash import dcc, html

from dashboards import wording
from dashboards.panels.panel import Absence, Panel, too_early
from dashboards.parts import icon, pill, table
from dashboards.read_model import TrialView
from dashboards.read_model.desk import Desk, choose, sentence_of
from dashboards.read_model.looklog import LookLog, LookRow, looklog
from dashboards.theme import Screen
from trials.disclosure import LIMIT
from trials.evidence import Claim, Look


def absent(about: LookLog) -> Absence | None:
    return too_early(about.view, "The looks are listed, and can be gone back to,")


def title(about: LookLog) -> str:
    shown, taken = wording.plural(len(about.every), "look"), wording.plural(about.taken, "look")
    changes = sum("verdict changed" in row.marks for row in about.rows)
    if len(about.every) == 1:
        return f"One of {taken} can be shown" if about.taken > 1 else "One look so far"
    if not changes:
        return f"The verdict stayed the same over the {shown} shown"
    often = "once" if changes == 1 else wording.plural(changes, "time")
    return f"The verdict changed {often} over the {shown} shown"


def how(about: LookLog) -> str:
    who = wording.units(about.view.protocol)
    taken = wording.plural(about.taken, "look was", "looks were")
    return (
        f"{taken} taken up to here. Those shown lie {LIMIT} or more {who} in each group apart, so that nobody's result can be "
        "worked out from two of them. Follow one to see the page as it was."
    )


def body(about: LookLog, screen: Screen) -> list[Any]:
    columns = ("Look", "As of", f"{wording.units(about.view.protocol).capitalize()}", "Verdict", "What it said")
    rows = [_row(about, row) for row in about.rows]
    return [table(columns, rows, "Looks, the newest first"), *_all(about)]


def address(about: LookLog, number: int) -> str:
    return f"/trial/{about.view.protocol.trial}?look={number}"


def _row(about: LookLog, row: LookRow) -> tuple[Any, ...]:
    if row.number == about.at:
        link: Any = html.Strong(f"{row.number:,}, this page")
    else:
        link = dcc.Link(f"Look {row.number:,}", href=address(about, row.number), className="trial-travel")
    marks = [html.Span(mark, className="badge badge-mark") for mark in row.marks]
    verdict = html.Div([pill(row.standing), *marks], className="trial-log-verdict")
    return link, wording.short_day(row.as_of), f"{row.people:,}", verdict, row.sentence


def _all(about: LookLog) -> list[Any]:
    """Every look as a short link, where the table leaves some out."""
    if len(about.every) == len(about.rows):
        return []
    links = [
        html.Li(
            dcc.Link(f"{number:,}: {wording.short_day(as_of)}", href=address(about, number), className="trial-travel")
        )
        for number, as_of in about.every
    ]
    line = html.Summary([icon("stale"), html.Span(f"Go to any of the {len(links):,} looks")])
    return [html.Details([line, html.Ul(links, className="trial-looks")], className="show-numbers")]


def read(desk: Desk, view: TrialView) -> LookLog:
    """The log, each sentence from its look as it was taken: only there does a claim fire at the number that the sentence has,
    which is then said as the first look shown in which it had."""
    found = looklog(desk, view)
    if not any(claim.fired for look in view.every for claim in _claims(look)):
        return found
    taken = _as_taken(desk, view)
    places = {look.number: place for place, look in enumerate(taken)}
    rows = tuple(replace(row, sentence=_said(view, taken[: places[row.number] + 1])) for row in found.rows)
    return replace(found, rows=rows)


def _claims(look: Look) -> list[Claim]:
    return [*look.claims.values(), *(claim for one in look.comparisons for claim in one.claims.values())]


def _said(view: TrialView, looks: Sequence[Look]) -> str:
    return wording.first_sentence(sentence_of(view.protocol, looks[-1], looks, arms=view.arms))


def _as_taken(desk: Desk, view: TrialView) -> tuple[Look, ...]:
    """The looks of `view.every`, each claim with the number of people at which it fired. As of an earlier look they are chosen
    anew: what the desk remembers goes up to the newest."""
    there = desk if view.since is None else replace(desk, chosen={})
    return choose(there, view.protocol, view.look).looks


PANEL = Panel("looklog", "Look log", 12, absent, title, how, body, section="history", read=read, travels=True)
