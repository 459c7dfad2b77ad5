"""A feasibility trial's progression criteria: can we recruit, deliver and measure? Red, amber or green, with word and shape."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboards import wording
from dashboards.panels.panel import Absence, Panel
from dashboards.parts import icon
from dashboards.read_model.watch import Lights, lights
from dashboards.theme import Screen
from trials.feasibility import Colour, Lit

# The shape and the word tell the colours apart for whoever does not see them.
SHAPES: dict[Colour, tuple[str, str]] = {
    "green": ("Green", "ok"),
    "amber": ("Amber", "warn"),
    "red": ("Red", "drop"),
    "not yet": ("Not yet", "setting_up"),
}


def absent(about: Lights) -> Absence | None:
    if about.view.protocol.progression:
        return None
    return Absence(
        "empty",
        "none were agreed",
        "A trial that asks whether a larger one can be done shows here what was agreed for it.",
    )


def title(about: Lights) -> str:
    colours = [one.colour for one in about.lit]
    whole = len(colours)
    if "red" in colours:
        return f"Red: by {colours.count('red')} of {whole} criteria a larger trial can't be done like this"
    if "not yet" in colours:
        return f"Not all is known yet: {colours.count('green')} of {whole} criteria are green"
    if "amber" in colours:
        return f"Amber: {colours.count('amber')} of {whole} criteria ask for something to be mended first"
    return "Green: a larger trial can be done"


def how(about: Lights) -> str:
    who = wording.units(about.view.protocol)
    return (
        f"Agreed beforehand: green goes on, amber is mended first, red stops. Numbers of {who} come in steps, so a colour is "
        "shown once all that they leave open has it."
    )


def body(about: Lights, screen: Screen) -> list[Any]:
    return [html.Ul([_light(one) for one in about.lit], className="watched-list")]


def _light(one: Lit) -> html.Li:
    word, sign = SHAPES[one.colour]
    mark = html.Span([icon(sign), html.Span(word)], className=f"level light-{one.colour.replace(' ', '-')}")
    heading, _, rest = one.sentence.partition(": ")
    said = f"{rest[:1].upper()}{rest[1:]}"
    return html.Li([mark, html.Div([html.H4(heading), html.P(said)])], className="watched")


PANEL = Panel("lights", "Progression criteria", 6, absent, title, how, body, section="watch", read=lights)
