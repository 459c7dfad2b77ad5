"""What the page answers while somebody types: the gate, what happens to repeated trials, similar ideas on record."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from dashboards import wording
from dashboards.drafting.fields import Field
from dashboards.figures.operating import ENDS, in_100, operating
from dashboards.parts import absence, attributes, chart, icon, label_badge
from dashboards.read_model.draft import Ending, Foreseen, Near, NearBy, TriedOut
from dashboards.theme import Screen
from trials.outcomes import kind_named
from trials.planning import Outlook
from trials.proposals import Proposal
from trials.protocol import Protocol
from trials.verdict import noun

USE = "draft-use"
COMPARATOR = "comparator"

# What a feasibility trial may claim, and what not, whatever its label.
FEASIBLE = ("whether you can recruit, deliver and measure", "that the idea works, or that it doesn't")
BECAME = {
    "ended": ("Ended for good", "drop"),
    "stopped": ("Stopped", "drop"),
    "open": ("Still running", "keep_going"),
    "promoted": ("Promoted", "promote"),
    "never": ("Registered, not sealed", "setting_up"),
}


def waiting(fields: tuple[Field, ...], more: str = "") -> list[Any]:
    """What is still to be said before the gate can answer."""
    links: list[Any] = []
    for place, field in enumerate(fields):
        links += [*([", "] if place else []), html.A(field.label, href=f"#place-{field.name}")]
    said = [html.Strong("Still to be said: "), *links, "."] if links else [more]
    return [
        html.Div(
            [icon("early"), html.H3("What can this trial find?"), html.P(said)],
            className="absence new-waiting",
        )
    ]


def bar(found: Foreseen | None) -> list[Any]:
    """The answer in a line, for a phone."""
    if found is None:
        return ["The answer appears here as you type."]
    word, tone = _verdict(found)
    odds = f"found in {in_100(found.gate.power)} of 100 such trials"
    return [html.Strong(word, className=f"tone-{tone}"), f" {odds}"]


def _verdict(found: Foreseen) -> tuple[str, str]:
    if found.gate.reasons:
        return "May not be sealed", "drop"
    if found.gate.purpose == "feasibility":
        return "May be sealed as a feasibility trial", "promote"
    return "May be sealed", "promote"


def gate(found: Foreseen, *, ways: bool = True) -> list[Any]:
    """The gate's sentence first, then why it may not be sealed and, for a plan that can still be changed, every way on."""
    word, tone = _verdict(found)
    answer = found.gate
    head = html.P([icon(tone), html.Span(word)], className=f"verdict-word tone-{tone} bare")
    said = [
        head,
        html.P(answer.sentence, className="new-sentence", id="new-gate-sentence"),
        *(html.P(_capital(reason), className="new-reason") for reason in answer.reasons),
        *(html.P([html.Strong("Note: "), _capital(one), "."], className="note") for one in found.warnings),
        *(_ways(answer.proposals) if ways else []),
    ]
    return [html.Div(said, className="new-answer-part"), _label(found, ways=ways)]


def _ways(proposals: tuple[Proposal, ...]) -> list[Any]:
    if not proposals:
        return []
    items = [html.Li([html.P(f"{_capital(one.sentence)}."), *_use(one)]) for one in proposals]
    return [html.H3("Ways on"), html.Ul(items, className="new-ways")]


def _use(one: Proposal) -> list[Any]:
    return [] if one.changes is None else [use_button(one.code, one.sentence)]


def use_button(code: str, sentence: str) -> html.Button:
    return html.Button(
        "Use this",
        id={"type": USE, "code": code},
        type="button",
        className="button",
        **attributes(aria_label=f"Use this: {sentence}"),
    )


def _label(found: Foreseen, *, ways: bool) -> html.Div:
    label = found.gate.label
    may, may_not = label.may_claim, label.may_not_claim + (f": {label.caution}" if label.caution else "")
    if found.gate.purpose == "feasibility":
        may, may_not = FEASIBLE
    better: list[Any] = []
    if label.proposal:
        better = [html.P([html.Strong("Better: "), f"{label.proposal}."])]
        better += [use_button(COMPARATOR, label.proposal)] if label.changes and ways else []
    return html.Div(
        [
            label_badge(f"Evidence: {found.gate.labelled}", ""),
            html.P([html.Strong("It may claim "), f"{may}."]),
            html.P([html.Strong("It may not claim "), f"{may_not}."]),
            *([html.P(found.sought, className="note")] if found.sought else []),
            *better,
        ],
        className="new-answer-part new-label",
    )


def no_trying(title: str, why: str) -> list[Any]:
    return [absence("early", title, why)]


def tried(found: TriedOut, screen: Screen) -> list[Any]:
    """The simulation: what it finds, five figures, and the picture with its table."""
    plan = found.plan
    if not plan.outlooks:
        return no_trying("Not tried out here", f"{_capital('. '.join(plan.notes))}.")
    drawn = operating(found.protocol, plan.outlooks, found.pace, screen)
    key = html.Ul(
        [
            html.Li([html.Span(className="new-key", **attributes(data_tone=tone)), word], className=f"tone-{tone}")
            for word, tone, _ in ENDS
        ],
        className="new-legend",
    )
    return [
        html.Header(
            [
                html.H3(_finding(found)),
                html.P(plan.sentence),
                html.P(f"{_capital('. '.join(plan.notes))}.", className="note"),
            ],
            className="new-tried-head",
        ),
        html.Dl(_figures(found), className="new-figures"),
        key,
        *chart(drawn, "new-operating"),
    ]


def _finding(found: TriedOut) -> str:
    """The best that the plan can show, as a title."""
    protocol, shown = found.protocol, found.plan.shown
    often = f"in {100 - 100 * protocol.monitoring.beta:.3g} of 100 such trials"
    if shown is None:
        return f"No effect, however large, is shown {often}"
    effect = kind_named(protocol.primary.kind).say_effect(protocol.primary, shown)
    return f"At best it shows {effect}, {often}"


def _figures(found: TriedOut) -> list[html.Div]:
    by_truth = {one.truth: one for one in found.plan.outlooks}
    nothing, worth = by_truth.get("no effect"), by_truth.get("worthwhile")
    said: list[tuple[str, str, str]] = []
    if nothing is not None:
        said.append(
            ("Drops an idea that does nothing", _share(nothing.drop), f"promotes it in {in_100(nothing.promote)}")
        )
    if worth is not None:
        said.append(("Promotes a worthwhile idea", _share(worth.promote), f"drops it in {in_100(worth.drop)}"))
    said += [
        _people(found.protocol, name, one) for name, one in (("does nothing", nothing), ("is worthwhile", worth)) if one
    ]
    said.append(_months(found))
    return [html.Div([html.Dt(name), html.Dd([html.Strong(value), html.Span(note)])]) for name, value, note in said]


def _share(share: float) -> str:
    return f"{in_100(share)} in 100"


def _people(protocol: Protocol, what: str, one: Outlook) -> tuple[str, str, str]:
    who = noun(protocol)
    return (f"Expected {who} if it {what}", f"{one.people:,.0f}", f"half of such trials end by {one.ended_by[1]:,}")


def _months(found: TriedOut) -> tuple[str, str, str]:
    took = found.pace.get("no effect")
    rule = None if found.protocol.stopping is None else found.protocol.stopping.recruitment
    if took is None or rule is None:
        return "Months at the planned pace", "–", "say how many join a month"
    most = found.protocol.monitoring.max_participants / rule.per_month
    return "Months to recruit if it does nothing", f"{took:,.0f}", f"{most:,.0f} if all that are planned must join"


def near(found: NearBy) -> list[Any]:
    """Similar ideas on record, failures first: why they ended and what to use again."""
    hidden = [html.P(_hidden(found.hidden), className="note")] if found.hidden else []
    if not found.ideas:
        return [html.P("Nothing like it is on record.", className="new-nothing"), *hidden]
    return [html.Ul([_near(one) for one in found.ideas], className="new-near"), *hidden]


def _hidden(count: int) -> str:
    more = wording.plural(count, "more idea like it is", "more ideas like it are")
    return f"{more} in programmes in which you have no role."


def _near(one: Near) -> html.Li:
    title = one.title if len(one.title) <= 160 else one.title[:160].rsplit(" ", 1)[0] + " …"
    endings = [_ending(each) for each in one.endings]
    none = [html.P("Noted, never tried so far.")] if not endings else []
    return html.Li([html.H3(title), *none, *endings], **attributes(data_idea=one.name))


def _ending(one: Ending) -> html.Div:
    word, tone = BECAME[one.became]
    when = "" if one.at is None else f" on {wording.short_day(one.at)}"
    where: list[Any] = []
    if one.trial is not None:
        where = [": ", dcc.Link(one.title, href=f"/trial/{one.trial}") if one.shown else one.title, one.mark]
    parts = [("Why", one.reason), ("Lesson", one.lesson), ("Use again", one.reuse)]
    return html.Div(
        [
            html.P(
                [icon(tone), html.Span([html.Strong(f"{word}{when}", className=f"tone-{tone}"), *where])],
                className="new-became",
            ),
            *(html.P([html.Strong(f"{name}: "), text]) for name, text in parts if text),
        ],
        className="new-ending",
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
