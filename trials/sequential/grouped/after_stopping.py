"""What can be said after a trial with planned looks has stopped: p-value, estimate and intervals that know of the stopping.

Guarantee: P(stagewise p ≤ a | no effect) ≤ a, P(estimate ≤ truth) = 1/2 and P(interval holds the truth) = 1 − its errors
when statistics are jointly normal with independent increments and the trial stops by the bounds given here. Repeated
intervals and p-values hold whatever the reason for stopping.
Stage-wise order: a stop at an earlier upper bound is more extreme than a later one, at an earlier lower bound less.
Sources: Tsiatis, Rosner & Mehta (1984), Biometrics 40:797-803; Jennison & Turnbull (1989), JRSS B 51:305-361 (repeated);
Whitehead (1986), Biometrika 73:573-581 (bias adjusted); Jennison & Turnbull (2000), chapters 8 and 9.

Effects are drifts: θ = effect · √(all the information planned); information as shares of it, Z(t) has mean θ√t.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from scipy.special import ndtr, ndtri

from trials.errors import DataError
from trials.sequential.grouped import recursion
from trials.sequential.grouped.boundaries import Bounds, spending_bounds
from trials.sequential.grouped.recursion import Cloud

# The largest p that is sought; anything above is said as 1.
HIGHEST_P = 1.0 - 1e-6
# Repeated p-values are the normal probabilities of multiples of this.
LATTICE = 2.0**-30


def stagewise_p(information: Sequence[float], upper: Bounds, lower: Bounds, z: float, drift: float = 0.0) -> float:
    """P(an outcome at least as extreme as stopping at the last of these looks with Z = z | drift), in stage-wise order.

    information: t_1 < ... < t_k as they were. upper, lower: the bounds at the looks before the stop, k − 1 each (None =
    no bound there). drift 0: the one-sided p-value against a drift ≤ 0. Raises DataError when lengths or z don't fit.
    """
    _fits(information, upper, lower, z)
    cloud, passed = recursion.begin(), 0.0
    for k, (high, low) in enumerate(zip(upper, lower, strict=True)):
        t = information[k]
        passed += 0.0 if high is None else recursion.above(cloud, t, high, drift)
        cloud = recursion.go_on(cloud, t, low, high, drift, information[k + 1])
    return min(1.0, passed + recursion.above(cloud, information[-1], z, drift))


def drift_at(information: Sequence[float], upper: Bounds, lower: Bounds, z: float, chance: float) -> float:
    """The drift under which an outcome this extreme has the given chance; 1/2 gives the median unbiased estimate.

    An error a gives the lower end that is above the truth with chance a, 1 − a the upper one. Otherwise as `stagewise_p`.
    """
    from scipy.optimize import brentq

    def excess(drift: float) -> float:
        p = stagewise_p(information, upper, lower, z, drift)
        return float(ndtri(min(max(p, 1e-300), 1.0 - 1e-16)) - ndtri(chance))

    middle, width = z / math.sqrt(information[-1]), 2.0 / math.sqrt(information[0])
    low, high = middle - width, middle + width
    while excess(low) > 0.0:
        low -= 2.0 * width
    while excess(high) < 0.0:
        high += 2.0 * width
    return float(brentq(excess, low, high, xtol=1e-10))


def repeated_interval(estimate: float, standard_error: float, bound: float | None) -> tuple[float, float] | None:
    """estimate ± bound · standard error, the bound being the look's own: holds at all looks at once. None without a bound."""
    return None if bound is None else (estimate - bound * standard_error, estimate + bound * standard_error)


def repeated_p(
    information: Sequence[float], zs: Sequence[float], spends: Callable[[float], Sequence[float]], above: float = 1e-12
) -> float:
    """The smallest error rate at which one of the looks so far would have reached its upper bound; 1 if there is none.

    information, zs: one entry per look so far. spends(error): the cumulative error spent at each. above: known to be no
    lower than this. Jennison & Turnbull (2000), section 9.3. Sought on a lattice of normal quantiles, so that a further
    look lowers p or leaves it as it is to the last bit.
    """
    from scipy.optimize import brentq

    def excess(quantile: float) -> float:
        bounds = spending_bounds(information, spends(float(ndtr(quantile))))
        return max(z - (40.0 if bound is None else bound) for z, bound in zip(zs, bounds, strict=True))

    lowest, highest = float(ndtri(above)), float(ndtri(HIGHEST_P))
    if excess(highest) < 0.0:
        return 1.0
    if excess(lowest) >= 0.0:
        return above
    place = math.ceil(float(brentq(excess, lowest, highest, xtol=LATTICE / 8)) / LATTICE)
    while excess(place * LATTICE) < 0.0:
        place += 1
    while excess((place - 1) * LATTICE) >= 0.0:
        place -= 1
    return float(ndtr(place * LATTICE))


def mean_estimate(information: Sequence[float], upper: Bounds, lower: Bounds, drift: float) -> float:
    """E[Z/√t at the stop]: the mean of the plain estimate of the drift in a trial that stops by these bounds.

    information, upper, lower: all K looks; at the last every trial stops. More than `drift` where trials stop for benefit.
    """
    total = 0.0
    cloud = recursion.begin()
    for k, t in enumerate(information):
        high, low = upper[k], lower[k]
        if k + 1 == len(information):
            return total + recursion.beyond_mean(cloud, t, -math.inf, drift) / math.sqrt(t)
        part = 0.0 if high is None else recursion.beyond_mean(cloud, t, high, drift)
        part += 0.0 if low is None else -recursion.beyond_mean(_turned(cloud), t, -low, -drift)
        total += part / math.sqrt(t)
        cloud = recursion.go_on(cloud, t, low, high, drift, information[k + 1])
    raise DataError("looks == 0, must be at least 1. Give the information at each look.")


def bias_adjusted(information: Sequence[float], upper: Bounds, lower: Bounds, look: int, z: float) -> float:
    """The drift under which the plain estimate's mean is what was seen: Z = z at look number `look` (from 1).

    information, upper, lower: all K looks, those to come as planned. Whitehead (1986): less bias, not none.
    """
    from scipy.optimize import brentq

    if not 1 <= look <= len(information):
        raise DataError(f"look == {look}, must be from 1 to {len(information)}. Looks are counted from 1.")
    _fits(information[:look], upper[: look - 1], lower[: look - 1], z)
    plain = z / math.sqrt(information[look - 1])
    width = 2.0 / math.sqrt(information[0])

    def excess(drift: float) -> float:
        return mean_estimate(information, upper, lower, drift) - plain

    low, high = plain - width, plain + width
    while excess(low) > 0.0:
        low -= width
    while excess(high) < 0.0:
        high += width
    return float(brentq(excess, low, high, xtol=1e-10))


def _turned(cloud: Cloud) -> Cloud:
    """The same trials seen from the other arm."""
    return Cloud(cloud.t, -cloud.at, cloud.mass, cloud.step)


def _fits(information: Sequence[float], upper: Bounds, lower: Bounds, z: float) -> None:
    if not len(information) - 1 == len(upper) == len(lower):
        raise DataError(
            f"looks == {len(information)} with {len(upper)} upper and {len(lower)} lower bounds, must be one bound fewer "
            "than looks. Leave out the bound of the look at which the trial stopped."
        )
    if not information or information[0] <= 0.0 or any(b <= a for a, b in pairwise(information)):
        raise DataError(f"information == {list(information)}, must rise from above 0. Give it at each look, in order.")
    if not math.isfinite(z):
        raise DataError(f"z == {z}, must be finite. Give the test statistic at the look at which the trial stopped.")
