"""The plan in short, and its seal."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboards import wording
from dashboards.panels.panel import Panel, never
from dashboards.read_model import TrialView
from dashboards.theme import Screen
from trials.protocol import Protocol


def title(view: TrialView) -> str:
    if view.seal is None:
        return "The plan is not sealed yet"
    if view.protocol.retrospective:
        return "The plan of a replay"
    return "The plan was sealed before the first outcome"


def how(view: TrialView) -> str:
    sealed = "Any change makes another plan with another seal."
    return f"{wording.RETROSPECTIVE} {sealed}" if view.protocol.retrospective else sealed


def body(view: TrialView, screen: Screen) -> list[Any]:
    plan = view.protocol
    facts: list[tuple[str, Any]] = [
        ("Question", plan.question),
        ("Measure", _measure(plan)),
        ("Expected without the idea", _baseline(plan)),
        ("Worth having", wording.worthwhile(plan)),
        ("Chance of promoting an idea that does nothing", f"at most {100 * plan.monitoring.alpha:g} %"),
        ("Chance of dropping a worthwhile idea", f"at most {100 * plan.monitoring.beta:g} %"),
        ("People at most", f"{plan.monitoring.max_participants:,}"),
        ("Partners", _partners(plan)),
        ("Owner", plan.owner),
        ("Seal (SHA-256)", html.Code(view.seal) if view.seal else "not sealed"),
    ]
    if plan.guardrails or plan.stopping:
        what = _also(plan)
        facts.insert(7, (what, "recorded in the plan, not yet monitored by this version"))
    rows = [html.Div([html.Dt(name), html.Dd(value)]) for name, value in facts if value]
    return [html.Dl(rows, className="facts")]


def _also(plan: Protocol) -> str:
    names = ["Guardrails"] if plan.guardrails else []
    names += ["stopping rules" if names else "Stopping rules"] if plan.stopping else []
    return " and ".join(names)


def _measure(plan: Protocol) -> str:
    follow_up = f", followed for {plan.primary.follow_up}" if plan.primary.follow_up else ""
    return f"{wording.measure(plan)} ({plan.primary.better} is better){follow_up}"


def _baseline(plan: Protocol) -> str:
    if wording.per_hundred(plan.primary):
        return f"{100 * plan.primary.baseline:g} in 100"
    return wording.effect_tick(plan.primary, plan.primary.baseline).removeprefix("+")


def _partners(plan: Protocol) -> Any:
    said = [
        f"{partner.name} ({partner.kind})" + (f": {partner.value}" if partner.value else "")
        for partner in plan.partners
    ]
    return html.Ul([html.Li(each) for each in said]) if said else "none named"


PANEL = Panel("plan", "The plan", 5, never, title, how, body)
