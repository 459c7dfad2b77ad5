"""The plan: in short, with what was amended marked; whole, behind a line that opens it; its seal, and who put it there."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboards import wording
from dashboards.panels import amendments
from dashboards.panels.panel import Panel, never
from dashboards.parts import attributes, icon
from dashboards.read_model.plans import PlanVersion, PlanView, plan
from dashboards.theme import Screen
from trials.outcomes import kind_named
from trials.plan.stopping import Stopping
from trials.protocol import Guardrail, Protocol


def title(about: PlanView) -> str:
    if about.fault:
        return "This plan is not the one that was sealed"
    sealed = about.sealed
    if sealed is None:
        return "The plan is not sealed yet"
    if about.protocol.retrospective:
        return "The plan of a replay"
    first = "The plan was sealed before the first outcome"
    if not about.amended:
        return first
    times = wording.plural(len(about.amended), "time")
    return f"{first} and amended {'once' if len(about.amended) == 1 else times} since, {about.amended[-1].mark}"


def how(about: PlanView) -> str:
    if about.fault:
        return "Nothing below rests on it until that is put right, and no round runs."
    sealed = "Any change makes another version with another seal; none is ever overwritten."
    return f"{wording.RETROSPECTIVE} {sealed}" if about.protocol.retrospective else sealed


def body(about: PlanView, screen: Screen) -> list[Any]:
    if about.fault:
        said = [html.Strong("Plan hash mismatch. "), html.Span(about.fault)]
        return [html.Div([icon("failed"), html.Div(said)], className="plan-fault", role="alert")]
    rows = [html.Div([html.Dt(name), html.Dd([value, *marks])]) for name, value, marks in _facts(about) if value]
    facts = html.Dl(rows, className="facts")
    side = html.Div(amendments.parts(about), className="plan-side")
    return [html.Div([facts, side], className="plan-columns"), _whole(about)]


def _facts(about: PlanView) -> list[tuple[str, Any, list[Any]]]:
    """Each fact of the plan with the marks of what was amended in it."""
    plan = about.protocol
    watched = "" if plan.stopping is None else _stopping(plan, plan.stopping)
    guardrails = html.Ul([html.Li(_guardrail(each)) for each in plan.guardrails]) if plan.guardrails else ""
    told: list[tuple[str, Any, tuple[str, ...]]] = [
        ("Question", plan.question, ("question",)),
        ("Measure", _measure(plan), ("primary",)),
        ("Expected without the idea" if plan.control else "Benchmark", wording.baseline(plan.primary), ()),
        ("Worth having", wording.worthwhile(plan), ()),
        ("Chance of promoting an idea that does nothing", f"at most {100 * plan.monitoring.alpha:g} %", ()),
        ("Chance of dropping a worthwhile idea", f"at most {100 * plan.monitoring.beta:g} %", ()),
        (
            f"{wording.units(plan).capitalize()} at most",
            f"{plan.monitoring.max_participants:,}",
            ("monitoring.max_participants",),
        ),
        ("Guardrails", guardrails, ("guardrails",)),
        ("Also watched", watched, ("stopping",)),
        ("Partners", _partners(plan), ("partners",)),
        ("Sites", wording.plural(len(plan.sites), "site") if plan.sites else "", ("sites",)),
        ("Owner", plan.owner, ("owner",)),
        ("Registered", _who(about, first=True), ()),
        ("Sealed", _who(about, first=False), ()),
        ("Seal (SHA-256)", html.Code(about.newest.sha256) if about.newest and about.sealed else "not sealed", ()),
    ]
    return [(name, value, _marks(about, parts)) for name, value, parts in told]


def _marks(about: PlanView, parts: tuple[str, ...]) -> list[Any]:
    return [html.Span([icon("amended"), f"amended {mark}"], className="plan-mark") for mark in about.marks_of(*parts)]


def _who(about: PlanView, *, first: bool) -> str:
    """'anna, on 4 March 2024': who wrote the first version, or sealed the one that was sealed first."""
    sealed = about.sealed
    if sealed is None:
        newest: PlanVersion | None = about.newest
        return f"{newest.written_by}, on {wording.day(newest.written_at)}" if first and newest else ""
    if first:
        return f"{sealed.written_by}, on {wording.day(sealed.written_at)}"
    return f"{sealed.sealed_by}, on {wording.day(sealed.sealed_at)}: somebody else than who wrote it"


def _whole(about: PlanView) -> html.Details:
    """The plan as YAML. What saves it as a file is plan.js: it takes the very text that stands here."""
    line = html.Summary([icon("table"), html.Span("Show the whole plan")])
    trial = about.protocol.trial
    version = f"-v{about.newest.number}" if about.newest else ""
    told = attributes(data_save=f"{trial}{version}.yaml", data_from="plan-text")
    save = html.Button([icon("save"), html.Span("Download")], className="button", type="button", **told)
    text = html.Pre(
        html.Code(about.text, id="plan-text"),
        className="plan-text",
        tabIndex="0",
        role="region",
        **attributes(aria_label="The whole plan as YAML"),
    )
    return html.Details([line, html.Div([save], className="plan-save"), text], className="show-numbers")


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


PANEL = Panel("plan", "The plan", 12, never, title, how, body, section="plan", read=plan)
