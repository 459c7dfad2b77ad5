"""The groups side by side, however many: what the estimate is the difference of."""

from __future__ import annotations

from typing import Any

from dashboards import wording
from dashboards.panels.panel import Absence, Panel, kept_back, small_numbers, too_early
from dashboards.parts import table
from dashboards.read_model import TrialView
from dashboards.theme import Screen
from trials.analysis import leading
from trials.evidence import ArmTotal
from trials.outcomes import kind_named
from trials.protocol import Primary


def absent(view: TrialView) -> Absence | None:
    return too_early(view, "The groups appear side by side") or kept_back(view) or small_numbers(view)


def title(view: TrialView) -> str:
    look, plan = view.effect, view.protocol
    assert look is not None
    said = wording.effect(plan, look.estimate)
    if wording.changed_over_time(look):
        return f"On average over time: {said}"
    if plan.control is None:
        return f"Against the benchmark: {said}"
    if look.comparisons:
        return f"{wording.arm_name(plan, leading(look.comparisons).arm)} leads: {said}"
    return f"Between the groups: {said}"


def how(view: TrialView) -> str:
    assert view.effect is not None
    primary, plan = view.protocol.primary, view.protocol
    estimand = kind_named(primary.kind).estimand(primary)
    benchmark = "" if plan.control is not None else f" The benchmark is {wording.baseline(primary)}."
    return (
        f"{estimand[:1].upper()}{estimand[1:]}; the first {view.effect.n:,} {wording.units(plan)} whose result is "
        f"in.{benchmark}"
    )


def body(view: TrialView, screen: Screen) -> list[Any]:
    look, plan = view.effect, view.protocol
    assert look is not None
    effects = {one.arm: wording.directed(plan, one.estimate) for one in look.comparisons}
    against = ("Against usual practice",) if effects else ()
    columns = ("Group", wording.units(plan).capitalize(), *_columns(plan.primary), *against)
    rows = [
        (
            wording.arm_name(plan, arm.arm),
            f"{arm.n:,}",
            *_result(plan.primary, arm),
            *((effects.get(arm.arm, "–"),) if effects else ()),
        )
        for arm in look.arms
    ]
    return [table(columns, rows, "The groups side by side")]


def _columns(primary: Primary) -> tuple[str, ...]:
    if wording.per_hundred(primary):
        return "With it", "In 100"
    if wording.is_time(primary):
        return "With an event", "In 100", "Time at risk"
    if wording.is_count(primary):
        return "Events", wording.exposure(primary).capitalize(), f"Per {wording.exposure(primary)}"
    return ("Mean",)


def _result(primary: Primary, arm: ArmTotal) -> tuple[str, ...]:
    exposure = arm.exposure or 0.0
    if wording.per_hundred(primary):
        return f"{round(arm.total):,}", f"{100 * arm.total / arm.n:.1f}"
    if wording.is_time(primary):
        return f"{round(arm.total):,}", f"{100 * arm.total / arm.n:.1f}", f"{exposure:,.0f}"
    if wording.is_count(primary):
        rate = wording.mean(primary, arm.total / exposure) if exposure > 0 else "–"
        return f"{round(arm.total):,}", f"{exposure:,.0f}", rate
    return (wording.mean(primary, arm.total / arm.n),)


PANEL = Panel("groups", "The groups", 5, absent, title, how, body)
