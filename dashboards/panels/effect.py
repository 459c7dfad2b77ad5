"""How large the effect is: the confidence sequence."""

from __future__ import annotations

from typing import Any

from dashboards import wording
from dashboards.figures import effect
from dashboards.panels.panel import Panel, too_early
from dashboards.parts import chart
from dashboards.read_model import TrialView
from dashboards.theme import Screen
from trials.outcomes import kind_named


def title(view: TrialView) -> str:
    assert view.look is not None
    low, high = view.look.interval
    worthwhile = view.protocol.primary.worthwhile
    if low is not None and low > worthwhile:
        return "The whole plausible range is worth having"
    if low is not None and low > 0:
        return "The whole plausible range is above no effect"
    if high is not None and high < 0:
        return "The whole plausible range is harm"
    if high is not None and high < worthwhile:
        return "The whole plausible range is below what is worth having"
    if (view.look.estimate or 0.0) > 0:
        return "The estimate is on the good side, but no effect is still plausible"
    return "The estimate is not on the good side, but a worthwhile effect is still plausible"


def how(view: TrialView) -> str:
    primary = view.protocol.primary
    confidence = 100 * (1 - view.protocol.monitoring.alpha)
    estimand = kind_named(primary.kind).estimand(primary)
    return (
        f"Better is up; {wording.effect_unit(primary)}. The dark line is the best estimate of the effect on {estimand}. "
        f"Each edge of the band holds with {confidence:g} % confidence, however often you look."
    )


def body(view: TrialView, screen: Screen) -> list[Any]:
    return chart(effect.draw(view.protocol, view.drawable(), screen), "effect-chart")


PANEL = Panel("effect", "Effect", 8, too_early, title, how, body)
