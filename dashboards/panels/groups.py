"""The two groups side by side: what the estimate is the difference of."""

from __future__ import annotations

from typing import Any

from dashboards import wording
from dashboards.panels.panel import Absence, Panel, too_early
from dashboards.parts import table
from dashboards.read_model import TrialView
from dashboards.theme import Screen
from trials.disclosure import safe_count
from trials.evidence import ArmTotal
from trials.outcomes import kind_named


def _hidden(view: TrialView, arm: ArmTotal) -> bool:
    counts = [arm.n]
    if wording.per_hundred(view.protocol.primary):
        counts += [round(arm.total), arm.n - round(arm.total)]
    return any(safe_count(count) is None for count in counts)


def absent(view: TrialView) -> Absence | None:
    early = too_early(view)
    if early is None and view.look is not None and any(_hidden(view, arm) for arm in view.look.arms):
        return Absence(
            "hidden",
            "hidden to protect privacy",
            "Fewer than 10 people are in one of the groups, or had the outcome there, or did not. They count in the result.",
        )
    return early


def title(view: TrialView) -> str:
    assert view.look is not None
    return f"Between the groups: {wording.effect(view.protocol, view.look.estimate)}"


def how(view: TrialView) -> str:
    primary = view.protocol.primary
    return f"{kind_named(primary.kind).estimand(primary).capitalize()}; only people whose result is in."


def body(view: TrialView, screen: Screen) -> list[Any]:
    assert view.look is not None
    names = {arm.id: arm.name or arm.id.replace("_", " ").capitalize() for arm in view.protocol.arms}
    columns = ("Group", "People", *(("With it", "In 100") if wording.per_hundred(view.protocol.primary) else ("Mean",)))
    rows = [(names[arm.arm], f"{arm.n:,}", *_result(view, arm)) for arm in view.look.arms]
    return [table(columns, rows, "The two groups side by side")]


def _result(view: TrialView, arm: ArmTotal) -> tuple[str, ...]:
    mean = arm.total / arm.n
    if wording.per_hundred(view.protocol.primary):
        return f"{round(arm.total):,}", f"{100 * mean:.1f}"
    return (wording.effect_tick(view.protocol.primary, round(mean, 0 if abs(mean) >= 100 else 1)).removeprefix("+"),)


PANEL = Panel("groups", "The two groups", 5, absent, title, how, body)
