"""What would end the trial: each ending in words, and how near it is."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboards import wording
from dashboards.panels.panel import Panel, never
from dashboards.parts import icon
from dashboards.read_model import TrialView
from dashboards.theme import Screen
from dashboards.wording import Standing
from trials.evidence import Claim


def title(view: TrialView) -> str:
    return "What would end this trial" if view.standing in ("keep_going", "setting_up") else "What ended this trial"


def how(view: TrialView) -> str:
    return (
        "Agreed and sealed before the first outcome was seen."
        if view.seal
        else "To be sealed before the first outcome is seen."
    )


def body(view: TrialView, screen: Screen) -> list[Any]:
    plan = view.protocol.monitoring
    worthwhile = wording.effect(view.protocol, view.protocol.primary.worthwhile)
    claims: dict[str, Claim] = {} if view.look is None else view.look.claims
    asked: dict[str, tuple[Standing, str]] = {
        "benefit": ("promote", f"when a bet against “no benefit” has paid {1 / plan.alpha:,.3g} to 1"),
        "dud": ("drop", f"when a bet against “{worthwhile} or better” has paid {1 / plan.beta:,.3g} to 1"),
        "harm": ("stop_for_harm", f"when a bet against “no harm” has paid {1 / plan.alpha:,.3g} to 1"),
    }
    endings = [_ending(standing, text, _now(claims.get(name))) for name, (standing, text) in asked.items()]
    limit = f"at {plan.max_participants:,} people, if none of these has happened"
    left = "" if view.look is None else _left(plan.max_participants - view.look.n - view.look.missing)
    return [html.Ul([*endings, _ending("cant_tell", limit, left)], className="endings")]


def _left(people: int) -> str:
    return f"{people:,} to go" if people > 0 else "reached"


def _now(claim: Claim | None) -> str:
    if claim is None or claim.log_e is None:
        return ""
    return wording.strength(claim) if claim.fired else f"now {wording.multiple(claim)}"


def _ending(standing: Standing, text: str, now: str) -> html.Li:
    words = [html.Strong(wording.VERDICT_WORDS[standing]), html.Span(text), html.Span(now, className="now")]
    return html.Li([html.Span(icon(standing), className=f"tone-{standing} bare"), html.Div(words)])


PANEL = Panel("endings", "Endings", 4, never, title, how, body)
