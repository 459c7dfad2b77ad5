"""The two halves of the page on which a decision is recorded: the evidence, and the form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from dashboards import wording
from dashboards.pages.decide_faults import MET as MET
from dashboards.pages.decide_words import CHOICES, NOT_NEEDED, OVERTAKEN, STAYS_CLOSED, agrees
from dashboards.panels.decisions import light
from dashboards.parts import attributes, badge, button, icon, label_badge, outcome
from dashboards.read_model.deciding import Choice, Deciding, Lit
from dashboards.read_model.history import Light

# What assets/decide.js keeps while one types: not who saw it otherwise, nor the second reviewer, who are people.
KEPT = ("decide-what", "decide-code", "decide-reason", "decide-lesson", "decide-reuse")


def evidence(about: Deciding, *, meanwhile: bool = False) -> list[Any]:
    """What the evidence says: verdict, sentence, label, the lights of what was agreed, rules that ask for something.
    meanwhile: the form was open before, so that it is told here when somebody has decided; assets/decide.css
    hides the form then."""
    view = about.view
    plan = view.protocol
    word = html.P([icon(view.standing), html.Span(wording.VERDICT_WORDS[view.standing])], className="verdict-word")
    sentence = view.sentence or "Nothing can be said yet: no outcome has been looked at."
    label: list[Any] = [label_badge(wording.label(plan, view.look), ""), " ", wording.label_means(plan, view.look)]
    rests = "" if view.look is None else f"Look {view.look.number:,}, data as of {wording.day(view.look.as_of)}."
    said = [
        html.H2([f"What the evidence says of {plan.name}", *(_badges(about))]),
        html.Div(word, className=f"tone-{view.standing} bare"),
        html.P(sentence, className="sentence"),
        html.P(label, className="note"),
        *([html.P([icon("stale"), html.Span(rests)], className="as-of")] if rests else []),
        *(_closed(about) if meanwhile else []),
        *_rules(about),
        *_lights(about.lights),
    ]
    return [html.Section(said, className=f"card decide-evidence edge-{view.standing}")]


def _badges(about: Deciding) -> list[Any]:
    return [part for text in wording.badges(about.view.protocol) for part in (" ", badge(text))]


def _closed(about: Deciding) -> list[Any]:
    if about.closed is None:
        return []
    said = html.Span([html.Strong(f"{OVERTAKEN} "), f"{about.closed.sentence} {STAYS_CLOSED}"])
    return [html.Div([icon("warn"), said], className="banner decide-overtaken", role="status")]


def _rules(about: Deciding) -> list[Any]:
    if not about.rules:
        return []
    items = [
        html.Li([icon("stop_for_harm" if level == "stop" else "warn"), html.Span(said)]) for level, said in about.rules
    ]
    return [html.H3("Rules beside the statistics"), html.Ul(items, className="people-said")]


def _lights(lights: Sequence[Lit]) -> list[Any]:
    if not lights:
        return []
    items = [
        html.Li([*light(Light(one.text, one.colour, "")), html.Span(_how(one), className="quiet")]) for one in lights
    ]
    return [html.H3("What was agreed beforehand"), html.Ul(items, className="people-lights")]


def _how(one: Lit) -> str:
    return f"{one.rule}{'; you answer it below' if one.asked else ''}"


def form(about: Deciding) -> html.Div:
    """The form. What is typed stays where it is whatever the ledger answers."""
    return html.Div(
        [
            html.Section([html.H2("The decision"), *_fields(about)], id="decide-form", className="decide-form"),
            outcome("decide-outcome"),
            dcc.Store(id="decide-kept"),
            dcc.Store(id="decide-focus"),
        ],
        className="card decide-card",
    )


def _fields(about: Deciding) -> list[Any]:
    return [
        dmc.RadioGroup(
            html.Div([_radio(choice) for choice in about.choices], className="decide-choices"),
            id="decide-what",
            label="What do you decide?",
        ),
        html.P("", id="decide-consequence", className="decide-consequence", **attributes(aria_live="polite")),
        html.Div(
            dmc.Select(id="decide-code", label="Reason", placeholder="Choose one", data=[], value=None, clearable=True),
            id="decide-code-row",
            hidden=True,  # until a choice has brought its reasons: a list that opens empty stays empty
        ),
        _text(
            "decide-reason",
            "Why, in words",
            "Names nobody. Needed where no verdict says so by itself, or against it.",
            3,
        ),
        _text("decide-lesson", "Lesson", "What others should know before they try the same: at least four words.", 3),
        _text("decide-reuse", "What others can use again", "Forms, training, contacts; or “nothing”.", 2),
        *[_met(one) for one in about.asked],
        dmc.TextInput(
            id="decide-dissent",
            label="Who saw it otherwise, and why",
            description="Leave it empty if nobody did.",
            value="",
        ),
        dmc.TextInput(id="decide-second", label="Second reviewer", description=NOT_NEEDED, value=""),
        html.Div([button("Record the decision", "decide-button", "cant_tell", primary=True)], className="form-buttons"),
    ]


def _radio(choice: Choice) -> dmc.Radio:
    name, means = CHOICES[choice.what]
    return dmc.Radio(
        label=name,
        value=choice.what,
        description=choice.refused or f"{means} {agrees(choice)}",
        disabled=bool(choice.refused),
        size="md",
    )


def _text(field: str, label: str, description: str, rows: int) -> dmc.Textarea:
    return dmc.Textarea(id=field, label=label, description=description, autosize=True, minRows=rows, value="")


def _met(one: Lit) -> dmc.NumberInput:
    """A criterion that only people can answer."""
    return dmc.NumberInput(
        id={"type": MET, "criterion": one.id}, label=one.text, description=f"{one.rule}. Needed to promote.", value=""
    )


def codes(choice: Choice) -> list[dict[str, str]]:
    """The reasons that a decision may have, as the list to choose from."""
    return [{"value": code, "label": f"{means[:1].upper()}{means[1:]}"} for code, means in choice.codes]


def answers(values: Sequence[Any], ids: Sequence[Mapping[str, str]]) -> dict[str, float]:
    """criterion -> value, of those that were answered."""
    pairs = zip(ids, values, strict=True)
    return {one["criterion"]: float(value) for one, value in pairs if isinstance(value, int | float)}
