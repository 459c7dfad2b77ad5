"""The plan in short, and its seal."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboards import wording
from dashboards.panels.panel import Panel, never
from dashboards.read_model import TrialView
from dashboards.theme import Screen
from trials.outcomes import kind_named
from trials.plan.stopping import Stopping
from trials.protocol import Guardrail, Protocol


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
        ("Expected without the idea" if plan.control else "Benchmark", wording.baseline(plan.primary)),
        ("Worth having", wording.worthwhile(plan)),
        ("Chance of promoting an idea that does nothing", f"at most {100 * plan.monitoring.alpha:g} %"),
        ("Chance of dropping a worthwhile idea", f"at most {100 * plan.monitoring.beta:g} %"),
        (f"{wording.units(plan).capitalize()} at most", f"{plan.monitoring.max_participants:,}"),
        ("Partners", _partners(plan)),
        ("Owner", plan.owner),
        ("Seal (SHA-256)", html.Code(view.seal) if view.seal else "not sealed"),
    ]
    if plan.guardrails:
        facts.insert(7, ("Guardrails", html.Ul([html.Li(_guardrail(each)) for each in plan.guardrails])))
    if plan.stopping is not None:
        facts.insert(8 if plan.guardrails else 7, ("Also watched", _stopping(plan, plan.stopping)))
    rows = [html.Div([html.Dt(name), html.Dd(value)]) for name, value in facts if value]
    return [html.Dl(rows, className="facts")]


def _guardrail(guardrail: Guardrail) -> str:
    """'falls (lower is better): nothing worse than 0.5 more per week', in the words that effects have."""
    judged = guardrail.judged()
    margin = kind_named(judged.kind).say_effect(judged, -guardrail.margin)
    name = guardrail.label or guardrail.measure.replace("_", " ")
    return f"{name} ({guardrail.better} is better): nothing worse than {margin}"


def _stopping(plan: Protocol, stopping: Stopping) -> html.Ul:
    """The rules beside the statistics, each with its limit."""
    said = []
    if stopping.recruitment is not None:
        pace, grace = stopping.recruitment.per_month, stopping.recruitment.grace_months
        said.append(f"recruitment: {pace:g} {wording.units(plan)} a month, judged from month {grace:g} on")
    if stopping.burden is not None:
        said.append(f"{stopping.burden.measure.replace('_', ' ')}: at most {stopping.burden.at_most:g} on average")
    return html.Ul([html.Li(each) for each in said])


def _measure(plan: Protocol) -> str:
    follow_up = f", followed for {plan.primary.follow_up}" if plan.primary.follow_up else ""
    return f"{wording.measure(plan)} ({plan.primary.better} is better){follow_up}"


def _partners(plan: Protocol) -> Any:
    said = [
        f"{partner.name} ({partner.kind})" + (f": {partner.value}" if partner.value else "")
        for partner in plan.partners
    ]
    return html.Ul([html.Li(each) for each in said]) if said else "none named"


PANEL = Panel("plan", "The plan", 5, never, title, how, body, section="plan")
