"""How one thing that is watched is shown: word, shape and colour, its sentence, its limit, and how near it is."""

from __future__ import annotations

from typing import Any, Literal

from dash import html

from dashboards import wording
from dashboards.parts import attributes, icon
from dashboards.read_model.watch import Rule
from trials.outcomes import kind_named
from trials.overdue import Overdue
from trials.protocol import Guardrail, Protocol
from trials.stopping.rule import Finding, Level
from trials.stopping.told import Near, unjudged

# Word, shape, colour: the shape and the word tell the levels apart for whoever does not see the colour.
Shown = Literal["fine", "watch", "stop", "waiting"]
LEVELS: dict[Shown, tuple[str, str]] = {
    "fine": ("In order", "ok"),
    "waiting": ("Not judged yet", "early"),
    "watch": ("Keep an eye on it", "warn"),
    "stop": ("Limit passed", "drop"),
}
NAMES = {
    "recruitment": "Do people join fast enough?",
    "staff_time": "Does the work take too much staff time?",
    "missing": "Do outcomes come in?",
    "set_aside": "Are the rows usable?",
    "flagged": "Do the data add up?",
    "safety_rate": "Are serious events as rare as expected?",
    "safety_event": "May people be enrolled?",
}
SUBJECTS = {
    "recruitment": "recruitment",
    "staff_time": "staff time",
    "missing": "missing outcomes",
    "set_aside": "unusable rows",
    "flagged": "the data",
    "safety_rate": "serious events",
    "safety_event": "enrolment",
    "guardrail": "a guardrail",
}


def row(protocol: Protocol, rule: Rule, *, closed: bool) -> html.Li:
    """One rule of the plan."""
    one = rule.finding
    more: list[Any] = [html.P(f"Limit: {limit(protocol, one)}.", className="watched-limit"), *_evidence(one)]
    if rule.near is not None:
        more.append(gauge(rule.near))
    if one.level == "stop" and not closed:
        more.append(html.P([html.Strong("What to do: "), *_with_code(f"{rule.todo}.")], className="watched-todo"))
    return line(shown_level(one), name(protocol, one), _in_words(protocol, one), more)


def shown_level(one: Finding) -> Shown:
    """The finding's level; waiting where it is in order only because nothing was judged yet."""
    return "waiting" if unjudged(one) else one.level


def limit(protocol: Protocol, one: Finding) -> str:
    """What the plan allows; of a guardrail in the words that effects have."""
    guardrail = _guardrail(protocol, one)
    if guardrail is None:
        return one.plan
    judged = guardrail.judged()
    return f"nothing worse than {kind_named(judged.kind).say_effect(judged, -guardrail.margin)}"


def _guardrail(protocol: Protocol, one: Finding) -> Guardrail | None:
    measure = one.about.partition(" (")[0]
    found = (each for each in protocol.guardrails if each.measure == measure)
    return next(found, None) if one.rule == "guardrail" else None


def _in_words(protocol: Protocol, one: Finding) -> str:
    """The sentence with the names of arms and measures for their ids."""
    said, guardrail = one.sentence, _guardrail(protocol, one)
    if guardrail is None:
        return said
    for arm in protocol.treatments:
        said = said.replace(f" in {arm.id}", f" in the group “{wording.arm_name(protocol, arm.id)}”")
    return said.replace(guardrail.measure, guardrail.label or guardrail.measure.replace("_", " "))


def _with_code(text: str) -> list[Any]:
    """Commands, which stand between backticks, as code."""
    return [html.Code(part) if at % 2 else part for at, part in enumerate(text.split("`")) if part]


def line(level: Shown, about: str, sentence: str, more: list[Any] | None = None) -> html.Li:
    """A line of the list: its level as word, shape and colour, what it is about, its sentence."""
    word, sign = LEVELS[level]
    mark = html.Span([icon(sign), html.Span(word)], className=f"level level-{level}")
    return html.Li([mark, html.Div([html.H4(about), html.P(sentence), *(more or [])])], className="watched")


def name(protocol: Protocol, one: Finding) -> str:
    """What a rule asks, in words."""
    if one.rule != "guardrail":
        return NAMES[one.rule]
    measure, _, arm = one.about.partition(" (")
    labels = {guardrail.measure: guardrail.label for guardrail in protocol.guardrails}
    about = "the burden" if measure == "burden" else labels.get(measure) or measure.replace("_", " ")
    where = f", {wording.arm_name(protocol, arm.removesuffix(')'))}" if arm else ""
    return f"Guardrail: {about}{where}"


def _evidence(one: Finding) -> list[html.P]:
    """Since when a rule has said so, and how often it says so wrongly."""
    claim = one.claim
    if not claim.fired or not claim.error:
        return []
    since = "" if claim.crossed_on is None else f"Said since {claim.crossed_on.day} {claim.crossed_on:%B %Y}. "
    return [html.P(f"{since}Said wrongly in at most {100 * claim.error:g} of 100 trials.", className="watched-limit")]


def gauge(near: Near) -> html.Div:
    """A bar up to what is there for sure, lighter up to what may be, and a tick at the limit."""
    whole = max(near.limit * 1.25, near.high, 1e-9)
    low, high, limit = (100 * min(share / whole, 1.0) for share in (near.low, near.high, near.limit))
    parts = [
        html.Span(className="gauge-low", style={"width": f"{low:.1f}%"}),
        html.Span(className="gauge-high", style={"left": f"{low:.1f}%", "width": f"{high - low:.1f}%"}),
        html.Span(className="gauge-limit", style={"left": f"{limit:.1f}%"}),
    ]
    bar = html.Div(parts, className="gauge", **attributes(aria_hidden="true"))
    return html.Div([bar, html.P(f"{near.words[:1].upper()}{near.words[1:]}.", className="watched-near")])


def waited_lines(protocol: Protocol, waited: Overdue | None) -> list[tuple[Level, str, str]]:
    """What should have come and has not: (level, about, sentence). Nothing where nothing is waited for."""
    if waited is None:
        return []
    names = {site.id: site.name or site.id for site in protocol.sites}
    found: list[tuple[Level, str, str]] = []
    if waited.source is not None:
        since = f"{'since' if waited.source.ever else 'since the seal on'} {wording.day(waited.source.since)}"
        found.append(("watch", "Do deliveries come?", f"Nothing has come {since}, although a delivery is expected."))
    elif waited.every is not None:
        found.append(("fine", "Do deliveries come?", "Deliveries come as often as expected."))
    if waited.silent_told:
        silent = ", ".join(names[one.site] for one in waited.silent_told)
        found.append(
            ("watch", "Does every site report?", f"Nothing new from {silent}, where ten results or more are due.")
        )
    elif len(protocol.sites) > 1:
        found.append(
            ("fine", "Does every site report?", "No site owes ten results or more without having told anything new.")
        )
    return found
