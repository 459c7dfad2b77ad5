"""What participants, families and staff say of the idea, next to the numbers, and where both conflict."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboards import wording
from dashboards.panels.panel import Absence, Panel
from dashboards.parts import icon, table
from dashboards.read_model.people import VoicesView, voices_of
from dashboards.theme import Screen
from trials.disclosure import LIMIT
from trials.sharing.voices import WHO, Heard

STANCE_WORDS = {"helps": "It helps", "mixed": "It helps in part", "hinders": "It hinders"}


def absent(about: VoicesView) -> Absence | None:
    if about.heard:
        return None
    return Absence(
        "hidden",
        "too few to tell",
        f"What people say appears once {LIMIT} of one kind, such as participants or staff, have said the same of it.",
    )


def title(about: VoicesView) -> str:
    if about.summary.conflicts:
        return "What people say and what the numbers say pull apart"
    return about.summary.sentence.split(". ")[0].rstrip(".")


def how(about: VoicesView) -> str:
    return "Who speaks was not drawn by lot: voices explain the numbers, and never move the verdict."


def body(about: VoicesView, screen: Screen) -> list[Any]:
    found = about.summary
    sign = "cant_tell" if found.conflicts else "quote"
    sentence = html.P([icon(sign), html.Span(found.sentence)], className="people-lead")
    columns = ("Who", *STANCE_WORDS.values(), "Mostly")
    rows = [_row(one) for one in found.heard]
    return [
        sentence,
        table(columns, rows, "Voices by who speaks"),
        *_codes(about),
        html.P(
            [
                "Words of people who agreed to be quoted are sealed with the trial’s key, which no page holds. Who has it "
                "reads them with: ",
                html.Code(f"roadtest voices {about.trial} --quotes"),
            ],
            className="note",
        ),
    ]


def _row(heard: Heard) -> tuple[str, ...]:
    counts = (wording.floor(heard.counts[stance]) for stance in STANCE_WORDS)
    mostly = STANCE_WORDS[heard.mostly].lower() if heard.mostly else "–"
    return WHO[heard.who].capitalize(), *counts, mostly


def _codes(about: VoicesView) -> list[Any]:
    if not about.summary.codes:
        return []
    items = [
        html.Li([html.Span(code.replace("-", " ").replace("_", " ")), html.Strong(wording.floor(count))])
        for code, count in about.summary.codes
    ]
    return [html.H4("Said most"), html.Ul(items, className="reasons")]


PANEL = Panel("voices", "Voices", 5, absent, title, how, body, section="people", read=voices_of)
