"""Who shaped the plan, and whether the idea is done as planned: influence, not attendance; tailoring, or drift."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboards import wording
from dashboards.panels.panel import Absence, Panel
from dashboards.parts import icon, numbers
from dashboards.read_model.people import Shaping, shaped
from dashboards.theme import Screen
from trials.sharing.cocreation import GROUP_WORDS, Entry
from trials.sharing.fidelity import Fidelity

OUTCOMES = {
    "taken_up": "taken up",
    "partly": "taken up in part",
    "not_taken_up": "not taken up",
    "pending": "waits for an answer",
}


def absent(about: Shaping) -> Absence | None:
    if about.entries or about.fidelity is not None:
        return None
    return Absence(
        "empty",
        "nothing on record",
        "Nobody is on record as having proposed, changed, vetoed or tested a part of it, and the plan does not describe how "
        "the idea is done.",
    )


def title(about: Shaping) -> str:
    if about.entries:
        if not about.altered:
            return "Nothing that people proposed, changed or vetoed has altered the plan"
        said = wording.plural(about.said, "proposal, change or veto", "proposals, changes and vetoes")
        return f"{about.altered:,} of {said} altered the plan"
    assert about.fidelity is not None
    return about.fidelity.sentence.rstrip(".")


def how(about: Shaping) -> str:
    return "Having been in the room counts for nothing here; what altered the plan does."


def body(about: Shaping, screen: Screen) -> list[Any]:
    return [*_influence(about), *_fidelity(about.fidelity)]


def _influence(about: Shaping) -> list[Any]:
    heading = html.H4("Who shaped the plan")
    if not about.entries:
        return [heading, html.P("Nobody has proposed, changed, vetoed or tested anything yet.", className="note")]
    items = [html.Li([icon("person"), html.Span(one.sentence)]) for one in about.influence]
    columns = ("Who", "Did what", "To which part", "In their words", "What became of it")
    rows = [_row(one) for one in about.entries]
    said = wording.plural(len(rows), "contribution")
    return [
        heading,
        html.Ul(items, className="people-said"),
        numbers("cocreation-said", columns, rows, "Contributions", f"Show the {said}"),
    ]


def _row(one: Entry) -> tuple[str, ...]:
    became = OUTCOMES.get(one.outcome, one.outcome) + (f": {one.why}" if one.why else "")
    return GROUP_WORDS[one.who], one.what, one.part.replace("_", " "), one.text, became


def _fidelity(found: Fidelity | None) -> list[Any]:
    heading = html.H4("Is it done as planned?")
    if found is None:
        why = "The plan does not describe the intervention, so nobody can say whether it is done as planned."
        return [heading, html.P(why, className="note")]
    sites = [html.Li([icon("warn" if one.drift else "site"), html.Span(one.sentence)]) for one in found.sites]
    open_ = [html.Li([icon("empty"), html.Span(f"{text[:1].upper()}{text[1:]}.")]) for text in found.warnings]
    rows = [(f"{item.number}", item.name, item.text or "nothing said") for item in found.items]
    return [
        heading,
        html.P(found.sentence, className="people-lead"),
        html.Ul([*sites, *open_], className="people-said"),
        numbers(
            "cocreation-items", ("No.", "Item", "What it is"), rows, "The idea by item", "Show the idea, item by item"
        ),
    ]


PANEL = Panel("cocreation", "Who shaped it", 7, absent, title, how, body, section="people", read=shaped)
