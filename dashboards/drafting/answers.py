"""What the page answers while somebody types: the gate, what happens to repeated trials, similar ideas on record."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from dashboards import wording
from dashboards.drafting.fields import Field
from dashboards.figures.operating import ENDS, in_100, operating, said_of
from dashboards.parts import absence, attributes, chart, icon, label_badge
from dashboards.read_model.draft import ByPeople, Ending, Foreseen, Near, NearBy, TriedOut
from dashboards.theme import Screen
from trials.gate import ONE_LOOK
from trials.labelling import FEASIBLE
from trials.outcomes import kind_named
from trials.planning import Outlook
from trials.proposals import Proposal
from trials.protocol import Protocol
from trials.verdict import noun

USE = "draft-use"
COMPARATOR = "comparator"

BECAME = {
    "ended": ("Ended for good", "drop"),
    "dropped": ("Dropped", "drop"),
    "stopped": ("Stopped", "drop"),
    "rerun": ("Closed for a rerun", "setting_up"),
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


def bar(found: Foreseen | None, told: TriedOut | ByPeople | None = None) -> list[Any]:
    """The answer in a line, for a phone. told: what came of trying the plan out, once it is there: its own share goes before
    that of a trial with one look."""
    if found is None:
        return ["The answer appears here as you type."]
    word, tone = _verdict(found)
    return [html.Strong(word, className=f"tone-{tone}"), f" {_odds(found, told)}"]


def _odds(found: Foreseen, told: TriedOut | ByPeople | None) -> str:
    if isinstance(told, ByPeople):
        return "people decide, not the evidence alone"
    worth = _of(told, "worthwhile") if told is not None else None
    if worth is None:
        return f"found in {in_100(found.gate.power)} of 100 such trials {ONE_LOOK}"
    return f"promoted in {in_100(worth.promote)} of 100 trials of this plan, if worthwhile"


def _of(told: TriedOut, truth: str) -> Outlook | None:
    return next((one for one in told.plan.outlooks if one.truth == truth), None)


def _verdict(found: Foreseen) -> tuple[str, str]:
    if found.gate.reasons:
        return "May not be sealed", "drop"
    if found.gate.purpose == "feasibility":
        return "May be sealed as a feasibility trial", "promote"
    return "May be sealed", "promote"


def gate(found: Foreseen, *, ways: bool = True, use: bool = True) -> list[Any]:
    """The gate's sentence first, then why it may not be sealed and, for a plan that can still be changed, every way on.
    use: whether there is a form beside it that a way on can be put into."""
    word, tone = _verdict(found)
    answer = found.gate
    head = html.P([icon(tone), html.Span(word)], className=f"verdict-word tone-{tone} bare")
    said = [
        head,
        html.P(answer.sentence, className="new-sentence", id="new-gate-sentence"),
        *(html.P(_capital(reason), className="new-reason") for reason in answer.reasons),
        *(html.P([html.Strong("Note: "), _capital(one), "."], className="note") for one in found.warnings),
        *(_ways(answer.proposals, use=use) if ways else []),
    ]
    return [html.Div(said, className="new-answer-part"), _label(found, use=use)]


def _ways(proposals: tuple[Proposal, ...], *, use: bool) -> list[Any]:
    if not proposals:
        return []
    items = [html.Li([html.P(f"{_capital(one.sentence)}."), *(_use(one) if use else [])]) for one in proposals]
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


def _label(found: Foreseen, *, use: bool) -> html.Div:
    label = found.gate.label
    may, may_not = label.may_claim, label.may_not_claim
    if label.caution and found.gate.purpose == "effect":
        may_not += f": {label.caution}"
    better: list[Any] = []
    if label.proposal:
        better = [html.P([html.Strong("Better: "), f"{label.proposal}."])]
        better += [use_button(COMPARATOR, label.proposal)] if label.changes and use else []
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


def tried(found: TriedOut | ByPeople, screen: Screen) -> list[Any]:
    """The simulation: what it finds, five figures, and the picture with its table; without it where people decide."""
    if isinstance(found, ByPeople):
        return _by_people(found)
    plan = found.plan
    if not plan.outlooks:
        return no_trying("Not tried out here", f"{_capital('. '.join(plan.notes))}.")
    drawn = operating(found.protocol, plan.outlooks, found.pace, found.joined, screen)
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
        _list(_figures(found)),
        key,
        *chart(drawn, "new-operating"),
    ]


def _by_people(found: ByPeople) -> list[Any]:
    """No shares of trials that promote or drop: none of them does."""
    protocol, who = found.protocol, noun(found.protocol)
    title = "People decide, not the evidence alone"
    said: list[Any] = [html.P(found.why)]
    if protocol.purpose == "feasibility":
        title = f"It tells {FEASIBLE[0]}"
        said.append(
            html.P(f"If each criterion came out just green with {protocol.monitoring.max_participants:,} {who}:")
        )
        said.append(html.Ul([html.Li(_capital(one)) for one in found.criteria]))
        if not found.criteria:
            said[1:] = [html.P("Say first what would let it go on: it has no progression criteria that can be judged.")]
    figures = [(f"{who.capitalize()} at most", f"{protocol.monitoring.max_participants:,}", "as planned")]
    figures.append(_months(found.protocol, None, found.longest))
    return [html.Header([html.H3(title), *said], className="new-tried-head"), _list(figures)]


def _list(said: list[tuple[str, str, str]]) -> html.Dl:
    rows = [html.Div([html.Dt(name), html.Dd([html.Strong(value), html.Span(note)])]) for name, value, note in said]
    return html.Dl(rows, className="new-figures")


def _finding(found: TriedOut) -> str:
    """The best that the plan can show, as a title."""
    protocol, shown = found.protocol, found.plan.shown
    often = f"in {100 - 100 * protocol.monitoring.beta:.3g} of 100 such trials"
    if shown is None:
        return f"No effect, however large, is shown {often}"
    effect = kind_named(protocol.primary.kind).say_effect(protocol.primary, shown)
    return f"At best it shows {effect}, {often}"


def _figures(found: TriedOut) -> list[tuple[str, str, str]]:
    nothing, worth = _of(found, "no effect"), _of(found, "worthwhile")
    who, truths = _who(found.protocol)
    said: list[tuple[str, str, str]] = []
    if nothing is not None:
        note = f"promotes it in {in_100(nothing.promote)}"
        said.append((f"Drops the idea if {who} {truths['no effect']}", _share(nothing.drop), note))
    if worth is not None:
        note = f"drops it in {in_100(worth.drop)}"
        said.append((f"Promotes the idea if {who} {truths['worthwhile']}", _share(worth.promote), note))
    said += [_people(found, f"{who} {truths[one.truth]}", one) for one in (nothing, worth) if one]
    said.append(_months(found.protocol, found.pace.get("no effect"), found.longest))
    return said


def _who(protocol: Protocol) -> tuple[str, dict[str, str]]:
    """As `said_of`, where the idea was just named or is what all is about."""
    who, truths = said_of(protocol)
    return "it" if who == "the idea" else who, truths


def _share(share: float) -> str:
    return f"{in_100(share)} in 100"


def _people(found: TriedOut, what: str, one: Outlook) -> tuple[str, str, str]:
    """Everybody who has joined by the answer, also those whose result is not in; without a rate, those with a result."""
    who, joined = noun(found.protocol), found.joined.get(one.truth)
    waits = bool(found.protocol.primary.follow_up_time)
    if waits and joined is not None:
        note = (
            f"in half of such trials at most; {joined[1]:,} in nine of ten; {one.people:,.0f} with a result on average"
        )
        return f"{who.capitalize()} who have joined by the answer if {what}", f"{joined[0]:,}", note
    more = "; more have joined by then: say how many join a month" if waits else ""
    note = f"half of such trials end by {one.ended_by[1]:,}{more}"
    return f"Expected {who} with a result if {what}", f"{one.people:,.0f}", note


def _months(protocol: Protocol, took: float | None, longest: float | None) -> tuple[str, str, str]:
    """took: until the answer if the idea does nothing; None where no evidence gives one. longest: with all who are planned."""
    what = "with follow-up" if protocol.primary.follow_up_time else "of recruitment"
    if longest is None:
        return "Months until the answer", "–", "say how many join a month"
    if took is None:
        return f"Months until all planned {noun(protocol)} have a result", f"{longest:,.0f}", what
    who, truths = _who(protocol)
    note = f"{what}; {longest:,.0f} if all that are planned must have a result"
    return f"Months until the answer if {who} {truths['no effect']}", f"{took:,.0f}", note


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
