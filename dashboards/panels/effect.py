"""How large the effect is: the confidence sequence."""

from __future__ import annotations

from typing import Any

from dashboards import wording
from dashboards.figures import effect
from dashboards.panels.panel import Absence, Panel, kept_back, several, small_numbers, too_early
from dashboards.parts import chart
from dashboards.read_model import TrialView
from dashboards.theme import Screen
from trials.outcomes import kind_named


def absent(view: TrialView) -> Absence | None:
    early = too_early(view, "The estimate and its plausible range appear")
    return early or (kept_back(view) if several(view) else None) or small_numbers(view)


def title(view: TrialView) -> str:
    """The range in words. It is read off the claims, which are exact, rather than off its rounded ends."""
    look = view.effect
    assert look is not None
    fired = {name for name, claim in look.claims.items() if claim.fired}
    low = look.interval[0]
    if wording.changed_over_time(look):
        changed = "effect" if wording.held_against(view.protocol, view.look) is None else "difference"
        return f"The {changed} has changed over time, so no single range is plausible"
    if "harm" in fired:
        return "The whole plausible range is on the bad side"
    if view.protocol.purpose == "feasibility":
        # It isn't there to tell whether the idea works: whatever side the range is on, nothing is said of it.
        return "How wide the plausible range is"
    if "benefit" in fired and "dud" in fired:
        return "The whole plausible range is on the good side, and below what is worth having"
    if "benefit" in fired and low is not None and low > view.protocol.primary.worthwhile:
        return "The whole plausible range is worth having"
    if "benefit" in fired:
        return "The whole plausible range is on the good side"
    if "dud" in fired:
        return "The whole plausible range is below what is worth having"
    if (look.estimate or 0.0) > 0:
        return "The estimate is on the good side, but no effect is still plausible"
    return "The estimate is not on the good side, but a worthwhile effect is still plausible"


def how(view: TrialView) -> str:
    primary, plan = view.protocol.primary, view.protocol.monitoring
    low, high = (f"{100 * (1 - error):g}" for error in (plan.alpha, plan.beta))
    holds = f"Its lower edge holds with {low} % confidence, the upper with {high} %"
    if low == high:
        holds = f"Each of its edges holds with {low} % confidence"
    estimand = kind_named(primary.kind).estimand(primary)
    return (
        f"Better is up; {wording.effect_unit(primary)}. The dark line is the best estimate of the effect on {estimand}, "
        f"the band its plausible range. {holds}, however often you look."
    )


def body(view: TrialView, screen: Screen) -> list[Any]:
    return chart(effect.draw(view.protocol, view.effects, screen), "effect-chart")


PANEL = Panel("effect", "Effect", 8, absent, title, how, body)
