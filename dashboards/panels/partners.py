"""What each partner hopes for beside what the trial shows of it so far, and where hopes pull apart."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboards.panels.panel import Absence, Panel
from dashboards.parts import icon
from dashboards.read_model.people import PartnersView, shared_hopes
from dashboards.theme import Screen
from trials.sharing.partners import SharedValue, TradeOff

# How a hope stands, by the partner's own word on which way is better: sign, tone, words.
STANDS = {
    "better": ("ok", "promote", "comes nearer"),
    "worse": ("warn", "drop", "moves away"),
    "unclear": ("early", "setting_up", "not yet clear"),
    "nothing": ("early", "setting_up", "nothing to say yet"),
    "unmeasured": ("empty", "setting_up", "nothing measures it"),
}


def absent(about: PartnersView) -> Absence | None:
    if not about.shared.rows:
        return Absence(
            "empty", "none named", "The plan names no partners. Who they are and what they hope for belongs into it."
        )
    return None


def title(about: PartnersView) -> str:
    return _capital(about.shared.sentence.rstrip("."))


def how(about: PartnersView) -> str:
    said = "Each partner’s hope, the measure that shows it, and whether it is coming true by their own word on what is better."
    return said if about.arms else f"{said} Results by group are kept back until the trial is closed."


def body(about: PartnersView, screen: Screen) -> list[Any]:
    rows = [html.Li(_hope(row)) for row in about.shared.rows]
    pulls = [html.Li(_pull(one)) for one in about.shared.trade_offs]
    listed = html.Ul(rows, className="people-hopes")
    return [listed, *([html.Ul(pulls, className="people-pulls")] if pulls else [])]


def _hope(row: SharedValue) -> list[Any]:
    sign, tone, words = STANDS[row.stands]
    measure = f"By {row.label}: {row.shows}" if row.label else "No measure of the plan shows it."
    return [
        html.Div([html.Strong(row.partner), html.Span(row.kind, className="quiet")], className="people-partner"),
        html.Div([html.P(row.value), html.P(measure, className="quiet")]),
        html.P([icon(sign), html.Span(words)], className=f"people-stands tone-{tone} bare"),
    ]


def _pull(one: TradeOff) -> list[Any]:
    return [icon("cant_tell"), html.Span(one.sentence)]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


PANEL = Panel("partners", "Partners", 7, absent, title, how, body, section="people", read=shared_hopes)
