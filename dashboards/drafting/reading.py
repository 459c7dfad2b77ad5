"""A registered plan in words, for the person who reads it before sealing it."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboards import wording
from dashboards.drafting.choices import HOW, KINDS, PARTNERS, PURPOSE, UNIT
from trials.outcomes import kind_named
from trials.plan.progression import Criterion
from trials.plan.stopping import Stopping
from trials.protocol import Guardrail, Protocol

_HOW, _KINDS, _PURPOSE, _UNIT, _PARTNERS = map(dict, (HOW, KINDS, PURPOSE, UNIT, PARTNERS))


def facts(plan: Protocol) -> html.Dl:
    """What is sealed, part by part; what the plan doesn't say is left out."""
    said: list[tuple[str, Any]] = [
        ("Question", plan.question),
        ("Idea", _idea(plan)),
        ("What it is to tell", _PURPOSE[plan.purpose]),
        ("Stage", wording.STAGE_WORDS[plan.stage]),
        ("Programme", plan.programme),
        ("Led by", plan.owner),
        ("Sites", _list(site.name or site.id for site in plan.sites)),
        ("What is compared", _list(_arm(plan, arm.id) for arm in plan.arms)),
        ("Who gets the idea", _HOW[plan.assignment.how]),
        ("What is counted", _UNIT[plan.unit]),
        ("Result that decides", f"{wording.measure(plan)}, column {plan.primary.measure}"),
        ("Kind of result", _KINDS.get(plan.primary.kind, plan.primary.kind)),
        ("Better is", plan.primary.better),
        ("Expected without the idea", wording.baseline(plan.primary)),
        ("Smallest change worth having", wording.effect(plan, plan.primary.worthwhile)),
        ("Counts after", plan.primary.follow_up or "no fixed time"),
        (f"{wording.units(plan).capitalize()} at most", f"{plan.monitoring.max_participants:,}"),
        ("Chance of promoting an idea that does nothing", f"{100 * plan.monitoring.alpha:g} in 100"),
        ("Chance of dropping a worthwhile idea", f"{100 * plan.monitoring.beta:g} in 100"),
        ("Must not get worse", _list(_guardrail(one) for one in plan.guardrails)),
        ("Stopped also by", _list(_stopping(plan, plan.stopping)) if plan.stopping is not None else ""),
        ("Goes on when", _list(_criterion(one) for one in plan.progression)),
        ("Partners", _list(_partner(one.name, one.kind, one.value) for one in plan.partners)),
        (
            "Results come from",
            f"{plan.source.connector}: {plan.source.path}" if plan.source.path else plan.source.connector,
        ),
    ]
    return html.Dl(
        [html.Div([html.Dt(name), html.Dd(value)]) for name, value in said if value not in ("", None)],
        className="facts",
    )


def _list(items: Any) -> html.Ul | None:
    found = [html.Li(item) for item in items]
    return html.Ul(found) if found else None


def _idea(plan: Protocol) -> str:
    described = plan.intervention
    return "" if described is None else " ".join(part for part in (described.procedures, described.why) if part)


def _arm(plan: Protocol, arm_id: str) -> str:
    arm = next(one for one in plan.arms if one.id == arm_id)
    of = sum(one.allocation for one in plan.arms)
    return wording.arm_name(plan, arm.id) + (f", {arm.allocation} of every {of}" if len(plan.arms) > 1 else "")


def _guardrail(guardrail: Guardrail) -> str:
    judged = guardrail.judged()
    margin = kind_named(judged.kind).say_effect(judged, -guardrail.margin)
    return f"{guardrail.label or guardrail.measure.replace('_', ' ')}: nothing worse than {margin}"


def _stopping(plan: Protocol, rules: Stopping) -> list[str]:
    who, said = wording.units(plan), []
    if rules.recruitment is not None:
        said.append(f"too few joining: {rules.recruitment.per_month:g} {who} a month are planned")
    if rules.burden is not None:
        said.append(f"burden: {rules.burden.measure.replace('_', ' ')} above {rules.burden.at_most:g} on average")
    if rules.staff_time is not None:
        said.append(f"staff time: more than {rules.staff_time.minutes_at_most:g} minutes a case")
    if rules.data_quality is not None:
        said.append(f"data: more than {100 * rules.data_quality.missing_at_most:g} in 100 results missing")
    if rules.safety is not None:
        said.append(f"safety: more than {rules.safety.related_at_most:g} serious events per 100 treated")
    return said


def _criterion(one: Criterion) -> str:
    way = "from" if one.higher else "down to"
    return f"{one.text}: green {way} {one.green:g}, red from {one.red:g} {one.unit}".strip()


def _partner(name: str, kind: str, value: str) -> str:
    return f"{name} ({_PARTNERS[kind].lower()})" + (f": {value}" if value else "")
