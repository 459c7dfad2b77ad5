"""The head of a trial's page: what was decided, what the evidence says, the key figures, and where in time the page is."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from dashboards import shell, wording
from dashboards.panels.decisions import DONE
from dashboards.parts import attributes, badge, icon, label_badge, mark_badge, pill
from dashboards.read_model import TrialView
from trials.acts.act import Act
from trials.acts.deciding import Decision
from trials.disclosure import LIMIT


def top(view: TrialView) -> list[Any]:
    """Headline, where in time, and the verdict with its figures."""
    return [head(view), *_travelled(view), *_stale(view), verdict(view)]


def head(view: TrialView) -> html.Header:
    plan = view.protocol
    crumbs: list[Any] = [dcc.Link("Portfolio", href="/"), *([html.Span(plan.programme)] if plan.programme else [])]
    named: list[Any] = [plan.name, *(part for text in wording.badges(plan) for part in (" ", badge(text)))]
    facts = [
        html.Span([icon("stage"), wording.STAGE_WORDS[plan.stage]]),
        html.Span([icon("person"), f"Led by {plan.owner}"]),
        *([html.Span([icon("site"), wording.plural(len(plan.sites), "site")])] if plan.sites else []),
        *([shell.live_word()] if view.since is None else []),
    ]
    return html.Header(
        [
            html.Div(
                [html.Nav(crumbs, className="crumbs", **attributes(aria_label="Where you are")), _actions(view)],
                className="trial-head",
            ),
            html.H1(named),
            html.P(plan.question),
            html.Div(facts, className="meta"),
        ],
        className="page-head",
    )


def _actions(view: TrialView) -> html.Div:
    """What can be done from here; for readers who can do nothing, only the way to paper."""
    trial, buttons = view.protocol.trial, list[Any]()
    if view.since is None and shell.acting():
        if view.seal is None:
            buttons.append(dcc.Link([icon("closed"), "Seal"], href=f"/seal/{trial}", className="button primary"))
        elif view.closing is None:
            words: list[Any] = [icon("cant_tell"), "Record a decision"]
            buttons.append(dcc.Link(words, href=f"/decide/{trial}", className="button primary"))
    paper = html.Button(
        [icon("save"), html.Span("Print or save as PDF")],
        type="button",
        className="button",
        **attributes(data_print="page"),
    )
    return html.Div([paper, *buttons], className="trial-actions")


def _travelled(view: TrialView) -> list[Any]:
    """Where in time a page as of an earlier look is, and the ways from there."""
    if view.since is None or view.look is None:
        return []
    trial, number, since = view.protocol.trial, view.look.number, view.since
    before = view.every[-2].number if len(view.every) > 1 else None
    ways: list[Any] = [
        *([_way(trial, before, f"Look {before:,}, the one before")] if before is not None else []),
        *([_way(trial, since.next, f"Look {since.next:,}, the next one")] if since.next is not None else []),
        dcc.Link("See the newest", href=f"/trial/{trial}", className="trial-travel"),
    ]
    later = f"{wording.plural(since.looks, 'later look')} can be shown. " if since.looks else ""
    did = "" if since.closing is None else _did(since.closing)
    decided = f"Since then it was {did[:1].lower()}{did[1:]}. " if did else ""
    words: list[Any] = [
        html.Strong(f"This is look {number:,}, as of {wording.day(view.look.as_of)}. "),
        f"Nothing below is newer. {later}{decided}",
        html.Span(id="trial-news", role="status"),
    ]
    inside = html.Div([html.Span(words), html.Nav(ways, **attributes(aria_label="Other looks"))])
    return [html.Div([icon("stale"), inside], className="banner trial-then", role="note")]


def _way(trial: str, number: int, words: str) -> dcc.Link:
    return dcc.Link(words, href=f"/trial/{trial}?look={number}", className="trial-travel")


def left_out(view: TrialView) -> html.P:
    """What a page as of an earlier look has no panels of."""
    return html.P(
        [
            "Who joined site by site, rules, data checks, plan, voices and decisions stand on the newest page only. ",
            dcc.Link("See the newest", href=f"/trial/{view.protocol.trial}", className="trial-travel"),
        ],
        className="note trial-left-out",
    )


def _stale(view: TrialView) -> list[Any]:
    if not view.stale:
        return []
    words: list[Any] = [
        html.Strong(f"No news since {wording.day(view.quality.last_received_at)}. "),
        "Everything below shows what came before.",
    ]
    return [html.Div([icon("stale"), html.Span(words)], className="banner", role="status")]


def verdict(view: TrialView) -> html.Section:
    """What was decided first, once something is; then what the evidence says."""
    tone = view.standing if view.closing is None else DONE[_what(view.closing)][2]
    return html.Section(
        [html.Div(_said(view), className="said"), html.Dl(_figures(view), className="key-figures")],
        className=f"card verdict edge-{tone}",
        **attributes(aria_label="Verdict" if view.closing is None else "Decision and verdict"),
    )


def _said(view: TrialView) -> list[Any]:
    sentence = view.sentence or "Nothing can be said yet: the plan is registered, and no outcome has been looked at."
    label: list[Any] = [
        label_badge(wording.label(view.protocol, view.look), ""),
        " ",
        wording.label_means(view.protocol, view.look),
    ]
    safe = "Checking often is safe: the evidence is built to be looked at as often as you like."
    return [
        *_word(view),
        html.P(sentence, className="sentence"),
        html.P(label, className="note"),
        *([html.P(wording.RETROSPECTIVE, className="note")] if view.protocol.retrospective else []),
        html.P([icon("stale"), html.Span(f"{_as_of(view)} {safe}".strip())], className="as-of"),
    ]


def _word(view: TrialView) -> list[Any]:
    if view.closing is None:
        said: list[Any] = [icon(view.standing), html.Span(wording.VERDICT_WORDS[view.standing])]
        return [html.P(said, className=f"verdict-word tone-{view.standing} bare")]
    _, sign, tone = DONE[_what(view.closing)]
    late = [mark for mark in view.marks if mark == "after the decision"]
    evidence: list[Any] = ["What the evidence said: ", pill(view.standing), *(mark_badge(mark) for mark in late)]
    return [
        html.P([icon(sign), html.Span(_did(view.closing))], className=f"verdict-word tone-{tone} bare"),
        html.P(_why(view, view.closing), className="trial-decided"),
        html.P(evidence, className="trial-said"),
    ]


def _what(closing: Act) -> str:
    assert isinstance(closing.body, Decision)
    return closing.body.what


def _did(closing: Act) -> str:
    """'Stopped on 4 March 2024'."""
    return f"{DONE[_what(closing)][0]} on {wording.day(closing.at)}"


def _why(view: TrialView, closing: Act) -> str:
    body = closing.body
    assert isinstance(body, Decision)
    means = wording.reason_means(view.protocol, body.reason_code, view.look)
    on = f"on look {body.grounds.look:,}" if body.grounds.look else "before its first look"
    return f"Decided by {closing.by} {on}" + (f": {means}." if means else ".")


def _as_of(view: TrialView) -> str:
    if view.look is None:
        return ""
    newest = f"Look {view.look.number:,}, data as of {wording.day(view.look.as_of)}."
    if view.shown is None or view.since is not None:
        return newest
    shown = f"{view.shown.n:,} {wording.units(view.protocol)}"
    return (
        f"{newest} What is said of results is as of {shown}; it moves on when {LIMIT} more in each "
        "group have one, so that nobody's result can be worked out. People count in the order in which they joined: whoever "
        "waits for a result, or for a row to be mended, holds back those after them."
    )


def _figures(view: TrialView) -> list[html.Div]:
    plan, look = view.protocol, view.look
    planned = f"of {plan.monitoring.max_participants:,} planned"
    counted = f"{wording.units(plan).capitalize()} with a result"
    joined = ("Have joined", wording.floors(view.joined), _missing(view))
    if look is None:
        facts = [
            ("Best estimate", "–", "no result yet"),
            ("Strength of evidence", "–", "no result yet"),
            (counted, "–", planned),
            ("Have joined", "–", ""),
        ]
    else:
        facts = [_estimate(view), _strength(view), (counted, wording.counted(view.shown), planned), joined]
    return [html.Div([html.Dt(name), html.Dd([html.Strong(value), html.Span(note)])]) for name, value, note in facts]


def _missing(view: TrialView) -> str:
    """'results missing for good: Phone call about 12', of the groups in which as many are that it may be told."""
    many = {arm: count for arm, count in view.quality.missing.cells.items() if count is not None}
    if not many:
        return f"results missing for good: fewer than {LIMIT} a group"
    said = (
        f"{wording.arm_name(view.protocol, arm) if arm else 'never reported'} {wording.about(count)}"
        for arm, count in many.items()
    )
    return f"results missing for good: {', '.join(said)}"


def _estimate(view: TrialView) -> tuple[str, str, str]:
    name, shown = "Best estimate", view.effect
    if shown is not None:
        return name, wording.effect(view.protocol, shown.estimate), wording.plausible(view.protocol, shown)
    if view.shown is not None:
        return name, "–", "hidden to protect privacy: small numbers stand behind it"
    return name, "–", f"appears once {LIMIT} {wording.units(view.protocol)} in each group have a result"


def _strength(view: TrialView) -> tuple[str, str, str]:
    name, claim = "Strength of evidence", view.deciding
    if claim is None:
        return name, "–", f"appears once {LIMIT} {wording.units(view.protocol)} in each group have a result"
    if claim.fired:
        return name, wording.threshold(claim).capitalize(), wording.reached(claim, wording.units(view.protocol))
    if wording.by_boundary(claim):
        return name, "–", wording.strength(claim)
    return name, wording.multiple(claim), f"{wording.threshold(claim)} needed to act"
