"""One trial: its sentence first, then the panels."""

from __future__ import annotations

from typing import Any

from dash import Dash, Input, Output, State, dcc, html, set_props
from dash.exceptions import PreventUpdate

from dashboards import read_model, refresh, shell, wording
from dashboards.page import Page
from dashboards.pages.not_found_404 import only_known
from dashboards.panels import PANELS, SECTIONS
from dashboards.panels.panel import place
from dashboards.parts import absence, attributes, badge, icon, label_badge, mark_badge
from dashboards.read_model import ContradictionError, NoAccessError, TrialView
from dashboards.theme import Screen
from trials.disclosure import LIMIT
from trials.errors import UnknownTrialError

PATH = "/trial/<trial_id>"


def layout(trial_id: str = "", **_: str) -> html.Div:
    # The token is read before the looks: what lands in between is fetched again, never missed.
    etag = shell.tokens().etag(trial_id)
    drawn = content(trial_id, shell.screen())
    return html.Div(
        [
            *shell.live_mark("live-trial", f"/live/token/{trial_id}", etag),
            dcc.Store(id="trial-id", data=trial_id),
            dcc.Store(id="trial-shapes", data=_shapes(drawn)),
            html.Div(drawn, id="trial-content"),
        ]
    )


def listen(app: Dash) -> None:
    """Redraws the page in place when the live script tells of a change; only a part of another shape is built anew."""

    @app.callback(
        Output("trial-shapes", "data"),
        Input("live-trial", "data"),
        State("trial-id", "data"),
        State("trial-shapes", "data"),
        prevent_initial_call=True,
    )
    def redraw(_: str, trial_id: str | None, before: dict[str, list[str]] | None) -> dict[str, list[str]]:
        if not trial_id:
            raise PreventUpdate
        drawn = content(trial_id, shell.screen())
        now = _shapes(drawn)
        if before is None or before.keys() != now.keys():
            set_props("trial-content", {"children": drawn})
            return now
        for block in _blocks(drawn):
            if before[block.id] == now[block.id]:
                refresh.redraw(block)
            else:
                set_props(block.id, {"children": block.children})
        return now


def content(trial_id: str, screen: Screen) -> list[Any]:
    """The page of one trial, or the designed state that says why there is none."""
    try:
        view = read_model.trial(shell.desk(), trial_id)
    except UnknownTrialError as error:
        return [
            html.H1("No such trial"),
            html.Div(absence("empty", "Nothing of that name", str(error)), className="card"),
        ]
    except NoAccessError as error:
        return [html.H1("Not for you to see"), html.Div(absence("person", "No access", str(error)), className="card")]
    except ContradictionError as error:
        return [html.H1(trial_id), html.Div(absence("failed", "Not shown", str(error)), className="card")]
    top = html.Div([_head(view), *_stale(view), _verdict(view)], id="trial-top")
    return [top, _contents(), *(_section(name, view, screen) for name in SECTIONS)]


def _contents() -> html.Nav:
    """Links to the sections, beside which the reader keeps their place."""
    links = [html.A(word, href=f"#section-{name}") for name, word in SECTIONS.items()]
    return html.Nav(links, className="contents", **attributes(aria_label="On this page"))


def _section(name: str, view: TrialView, screen: Screen) -> html.Section:
    panels = [place(panel, shell.desk(), view, screen) for panel in PANELS if panel.section == name]
    heading = html.H2(SECTIONS[name], id=f"section-{name}-heading")
    return html.Section(
        [heading, html.Div(panels, className="panels")],
        id=f"section-{name}",
        className="section",
        **attributes(aria_labelledby=f"section-{name}-heading"),
    )


def _blocks(drawn: list[Any]) -> list[Any]:
    """The parts that are redrawn one by one: the top and each panel."""
    return [each for each in refresh.named(drawn) if each.id == "trial-top" or each.id.startswith("panel-")]


def _shapes(drawn: list[Any]) -> dict[str, list[str]]:
    return {block.id: refresh.shape(block) for block in _blocks(drawn)}


def _head(view: TrialView) -> html.Header:
    plan = view.protocol
    crumbs: list[Any] = [dcc.Link("Portfolio", href="/"), *([html.Span(plan.programme)] if plan.programme else [])]
    named: list[Any] = [plan.name, *(part for text in wording.badges(plan) for part in (" ", badge(text)))]
    facts = [
        html.Span([icon("stage"), wording.STAGE_WORDS[plan.stage]]),
        html.Span([icon("person"), f"Led by {plan.owner}"]),
        *([html.Span([icon("site"), wording.plural(len(plan.sites), "site")])] if plan.sites else []),
        shell.live_word(),
    ]
    return html.Header(
        [
            html.Nav(crumbs, className="crumbs", **attributes(aria_label="Where you are")),
            html.H1(named),
            html.P(plan.question),
            html.Div(facts, className="meta"),
        ],
        className="page-head",
    )


def _stale(view: TrialView) -> list[Any]:
    if not view.stale:
        return []
    words: list[Any] = [
        html.Strong(f"No news since {wording.day(view.quality.last_received_at)}. "),
        "Everything below shows what came before.",
    ]
    return [html.Div([icon("stale"), html.Span(words)], className="banner", role="status")]


def _verdict(view: TrialView) -> html.Section:
    sentence = view.sentence or "Nothing can be said yet: the plan is registered, and no outcome has been looked at."
    word = html.P(
        [
            icon(view.standing),
            html.Span(wording.VERDICT_WORDS[view.standing]),
            *(mark_badge(text) for text in view.marks),
        ],
        className=f"verdict-word tone-{view.standing} bare",
    )
    safe = "Checking often is safe: the evidence is built to be looked at as often as you like."
    said = [
        word,
        html.P(sentence, className="sentence"),
        html.P(
            [
                label_badge(wording.label(view.protocol, view.look), ""),
                " ",
                wording.label_means(view.protocol, view.look),
            ],
            className="note",
        ),
        *([html.P(wording.RETROSPECTIVE, className="note")] if view.protocol.retrospective else []),
        html.P([icon("stale"), html.Span(f"{_as_of(view)} {safe}".strip())], className="as-of"),
    ]
    return html.Section(
        [html.Div(said, className="said"), html.Dl(_figures(view), className="key-figures")],
        className=f"card verdict edge-{view.standing}",
        **attributes(aria_label="Verdict"),
    )


def _as_of(view: TrialView) -> str:
    if view.look is None:
        return ""
    newest = f"Look {view.look.number:,}, data as of {wording.day(view.look.as_of)}."
    if view.shown is None:
        return newest
    shown = f"{view.shown.n:,} {wording.units(view.protocol)}"
    return (
        f"{newest} What is said of results is as of {shown}; it moves on when {LIMIT} more in each "
        "group have one, so that nobody's result can be worked out."
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


PAGE = Page("trial", PATH, shell.trial_title, only_known(layout), listen, exists=shell.is_trial)
