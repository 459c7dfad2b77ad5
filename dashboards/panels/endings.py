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
from trials.analysis import method_of
from trials.evidence import Claim


def title(view: TrialView) -> str:
    if view.standing not in ("keep_going", "setting_up"):
        return "What was reached"
    return "What would end this trial" if view.closing is None else "What would have ended it by the evidence"


def how(view: TrialView) -> str:
    if view.protocol.retrospective:
        return wording.RETROSPECTIVE
    return (
        "Agreed and sealed before the first outcome was seen."
        if view.seal
        else "To be sealed before the first outcome is seen."
    )


def body(view: TrialView, screen: Screen) -> list[Any]:
    plan, who = view.protocol.monitoring, wording.units(view.protocol)
    worthwhile = wording.effect(view.protocol, view.protocol.primary.worthwhile)
    beside = wording.held_against(view.protocol, view.look)
    no_benefit, no_harm = (
        ("no benefit", "no harm") if beside is None else (f"no better than {beside}", f"no worse than {beside}")
    )
    against: dict[str, tuple[Standing, str, float]] = {
        "benefit": ("promote", no_benefit, plan.alpha),
        "dud": ("drop", f"{worthwhile} or better", plan.beta),
        "harm": ("stop_for_harm", no_harm, plan.alpha),
    }
    endings = [
        _ending(standing, _when(view, text, error), _now(view.claims.get(name), who))
        for name, (standing, text, error) in against.items()
    ]
    limit = f"at {plan.max_participants:,} {who}, if none of these has happened; or if the first two both have"
    if view.protocol.guardrails:
        limit += "; or if a guardrail is breached"
    return [html.Ul([*endings, _ending("cant_tell", limit, _left(view))], className="endings")]


def _when(view: TrialView, against: str, error: float) -> str:
    if method_of(view.protocol).evidence == "boundaries":
        return f"when the boundary against “{against}” is crossed at a planned look"
    return f"when a bet against “{against}” has paid {1 / error:,.3g} to 1"


def _left(view: TrialView) -> str:
    """How far the limit is, or that it was reached; nothing once a claim has fired, as the limit then ends nothing."""
    fired = {name for name, claim in view.claims.items() if claim.fired}
    if view.standing == "cant_tell":
        return "both have" if fired else "reached"
    if view.look is None or fired:
        return ""
    if view.shown is None:
        return "most still to come"
    # From numbers that stand on the page already: those missing are left out, as few of them may not be told.
    return f"at most {view.protocol.monitoring.max_participants - view.shown.n:,} to go"


def _now(claim: Claim | None, who: str) -> str:
    if claim is None or (claim.log_e is None and not claim.fired):
        return ""
    return wording.strength(claim, who) if claim.fired else f"now {wording.multiple(claim)}"


def _ending(standing: Standing, text: str, now: str) -> html.Li:
    words = [html.Strong(wording.VERDICT_WORDS[standing]), html.Span(text), html.Span(now, className="now")]
    return html.Li([html.Span(icon(standing), className=f"tone-{standing} bare"), html.Div(words)])


PANEL = Panel("endings", "Endings", 4, never, title, how, body)
