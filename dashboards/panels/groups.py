"""The two groups side by side: what the estimate is the difference of."""

from __future__ import annotations

from typing import Any

from dashboards import wording
from dashboards.panels.panel import Absence, Panel, small_numbers, too_early
from dashboards.parts import table
from dashboards.read_model import TrialView
from dashboards.theme import Screen
from trials.evidence import ArmTotal
from trials.outcomes import kind_named


def absent(view: TrialView) -> Absence | None:
    return too_early(view, "The groups appear side by side") or small_numbers(view)


def title(view: TrialView) -> str:
    assert view.effect is not None
    return f"Between the groups: {wording.effect(view.protocol, view.effect.estimate)}"


def how(view: TrialView) -> str:
    assert view.effect is not None
    primary = view.protocol.primary
    estimand = kind_named(primary.kind).estimand(primary)
    return f"{estimand[:1].upper()}{estimand[1:]}; the first {view.effect.n:,} people whose result is in."


def body(view: TrialView, screen: Screen) -> list[Any]:
    assert view.effect is not None
    names = {arm.id: arm.name or arm.id.replace("_", " ").capitalize() for arm in view.protocol.arms}
    columns = ("Group", "People", *(("With it", "In 100") if wording.per_hundred(view.protocol.primary) else ("Mean",)))
    rows = [(names[arm.arm], f"{arm.n:,}", *_result(view, arm)) for arm in view.effect.arms]
    return [table(columns, rows, "The two groups side by side")]


def _result(view: TrialView, arm: ArmTotal) -> tuple[str, ...]:
    mean = arm.total / arm.n
    if wording.per_hundred(view.protocol.primary):
        return f"{round(arm.total):,}", f"{100 * mean:.1f}"
    return (wording.effect_tick(view.protocol.primary, round(mean, 0 if abs(mean) >= 100 else 1)).removeprefix("+"),)


PANEL = Panel("groups", "The two groups", 5, absent, title, how, body)
