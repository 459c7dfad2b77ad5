"""An estimate without most of the bias that comes of stopping when the evidence looks good.

Who stops at the first claim stops at a lucky moment, so the plain estimate is too far from 0 on average. The adjusted one
is the δ under which the plain estimate's mean, over all ways in which such a trial could have gone, is what was seen:
Whitehead (1986), Biometrika 73:573-581. It has less bias, not none. No interval is read off it: that is what the
confidence sequence is for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

from trials.errors import DataError
from trials.sequential.design import Design
from trials.sequential.operating import exact
from trials.sequential.peers.arguments import real

# The search ends with a step shorter than this; a secant step's error is of the order of its square.
LAST_STEP = 1e-4
# Chances below this are left out of the mean of the estimate; all together they shift it by less than 1e-6.
NEGLIGIBLE = 1e-11
MOST_STEPS = 60


@lru_cache(maxsize=1024)
def bias_adjusted(design: Design, *, estimate: float, control: float) -> float | None:
    """Whitehead's estimate of δ for a trial that ended with this plain `estimate` at its first claim, or full.

    estimate: control's mean loss − treated's (one arm: benchmark − mean), positive = better. control: the controls' share of
    losses as observed, taken as known; of one arm not read. Exact, by dynamic programming: 4 to 6 times the cost of
    `exact.endings`. None where `exact` can't say: values that are not binary, several strata, no planned number (most == 0).
    Raises DataError for shares outside [0, 1].
    """
    size = design.n_t + design.n_c
    if design.values != "binary" or design.several or design.most < size:
        return None
    base = design.baseline if design.n_c == 0 else real("control", control, least=0.0, most=1.0)
    low, high = base - 1.0, base
    if not low - 1e-9 <= estimate <= high + 1e-9:
        raise DataError(f"estimate == {estimate}, must be from {low:g} to {high:g} with controls at {base:g}.")

    def bias(delta: float) -> float:
        treated = min(max(base - delta, 0.0), 1.0)
        ends = exact.endings(design, control=base, treated=treated, participants=design.most, negligible=NEGLIGIBLE)
        return ends.estimate - delta

    return _root(bias, estimate, low, high)


def _root(bias: Callable[[float], float], estimate: float, low: float, high: float) -> float:
    """The δ in [low, high] with δ + bias(δ) = estimate: Newton's steps with the slope of the last two (secant), in a bracket.

    The first guess is the plain estimate, the second takes its bias off; the mean rises with δ.
    """
    before, delta = math.nan, min(max(estimate, low), high)
    excess_before, slope = math.nan, 1.0
    for _ in range(MOST_STEPS):
        excess = delta + bias(delta) - estimate
        low, high = (low, delta) if excess > 0 else (delta, high)
        if not math.isnan(before) and delta != before:
            slope = max((excess - excess_before) / (delta - before), 0.1)
        before, excess_before = delta, excess
        delta = delta - excess / slope
        delta = delta if low < delta < high else (low + high) / 2
        if abs(delta - before) < LAST_STEP:
            break
    return delta
