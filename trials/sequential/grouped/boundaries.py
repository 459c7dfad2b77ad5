"""Group sequential boundaries: at which test statistics a trial with planned looks stops, and what the looks cost.

Guarantee: P(the statistic ever reaches an upper bound | no effect) = alpha when the statistics at the looks are jointly
normal with independent increments, whether or not anybody acts on the lower bounds (non-binding): the upper ones are
computed as if those were not there. With futility, P(no upper bound is reached | the drift) = beta.
Sources: Pocock (1977), Biometrika 64:191-199; O'Brien & Fleming (1979), Biometrics 35:549-556; Lan & DeMets (1983),
Biometrika 70:659-663; Pampallona, Tsiatis & Kim (2001), Drug Information Journal 35:1113-1121 (beta spending);
Jennison & Turnbull (2000), "Group Sequential Methods", chapters 2, 7 and 19.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from scipy.special import ndtri

from trials.errors import ProtocolError
from trials.sequential.grouped import recursion
from trials.sequential.grouped.recursion import PRACTICALLY_NEVER, Cloud
from trials.sequential.grouped.spending import SHAPES, check_error, check_information, check_shape, spent

Bounds = tuple[float | None, ...]
# The classical tests: one constant C, the bound at fraction t is C · t^power.
CLASSICAL = {"classical-pocock": 0.0, "classical-obrien-fleming": -0.5}
NAMES = (*SHAPES, *CLASSICAL)


@dataclass(frozen=True, slots=True)
class Boundaries:
    """What a group sequential plan does at each look. Tuples have one entry per look; a bound of None is practically infinite.

    alpha_spent, beta_spent: cumulative probabilities of stopping so far (beta_spent empty without futility; two-sided:
    both sides together). constant: the classical tests' C. drift: θ = effect · √(all the information) at which the power
    is 1 − beta; inflation: all the information over that of the fixed design of the same errors; expected_h1,
    expected_half, expected_h0: expected information over the fixed design's, at θ, θ/2 and 0. These five are None
    without beta.
    """

    information: tuple[float, ...]
    alpha: float
    sided: int
    upper: Bounds
    lower: Bounds
    alpha_spent: tuple[float, ...]
    beta_spent: tuple[float, ...]
    constant: float | None
    drift: float | None
    inflation: float | None
    expected_h1: float | None
    expected_half: float | None
    expected_h0: float | None


@dataclass(frozen=True, slots=True)
class Crossing:
    """For each look the probabilities of first reaching the upper and of first falling below the lower bound then."""

    up: tuple[float, ...]
    down: tuple[float, ...]

    def stopped(self, look: int) -> float:
        return self.up[look] + self.down[look]


def boundaries(
    information: Sequence[float],
    alpha: float,
    spending: str,
    *,
    parameter: float | None = None,
    sided: int = 1,
    futility: str | None = None,
    futility_parameter: float | None = None,
    beta: float | None = None,
) -> Boundaries:
    """The plan's boundaries. `information`: rising fractions ending in 1; `spending`: one of NAMES, `futility`: of SHAPES.

    sided 2 is symmetric, alpha both sides together: each side spends f(alpha/2). With beta but no futility the drift
    is that of the efficacy bounds alone. Raises ProtocolError for a name, error rate, parameter or fraction that means nothing.
    """
    fractions = _checked(information, alpha, sided, futility, futility_parameter, beta)
    upper, constant = _efficacy(fractions, alpha / sided, spending, parameter, sided)
    outer = _mirror(upper) if sided == 2 else (None,) * len(upper)
    null = crossing(fractions, upper, outer, 0.0)
    alpha_spent = _cumulative(null.up if sided == 1 else tuple(map(sum, zip(null.up, null.down, strict=True))))
    blank: dict[str, float | None] = dict.fromkeys(
        ("drift", "inflation", "expected_h1", "expected_half", "expected_h0")
    )
    if beta is None:
        return Boundaries(fractions, alpha, sided, upper, outer, alpha_spent, (), constant, **blank)
    fixed = float(-ndtri(alpha / sided) - ndtri(beta))
    spends = [spent(futility, t, beta, futility_parameter) for t in fractions] if futility else None

    def lowers(drift: float) -> Bounds:
        return futility_bounds(fractions, upper, spends, drift) if spends else outer

    drift = _drift(lambda theta: math.fsum(crossing(fractions, upper, lowers(theta), theta).up), beta, fixed)
    lower = lowers(drift)
    inflation = (drift / fixed) ** 2
    sizes = [inflation * expected_information(fractions, upper, lower, drift * share) for share in (1.0, 0.5, 0.0)]
    beta_spent = _cumulative(crossing(fractions, upper, lower, drift).down) if spends else ()
    return Boundaries(
        fractions, alpha, sided, upper, lower, alpha_spent, beta_spent, constant, drift, inflation, *sizes
    )


def spending_bounds(information: Sequence[float], spends: Sequence[float], sided: int = 1) -> Bounds:
    """Upper bounds that use up `spends[k]` (cumulative, one side) by look k under no effect; None = practically infinite.

    information: rising, on any scale; only the ratios matter. sided 2: the mirrored lower bounds stop trials too.
    """
    bounds: list[float | None] = []
    cloud, used = recursion.begin(), 0.0
    for k, t in enumerate(information):
        bound = recursion.bound_above(cloud, t, spends[k] - used)
        bounds.append(bound)
        used = used if bound is None else spends[k]
        if k + 1 < len(information):
            low = -bound if sided == 2 and bound is not None else None
            cloud = recursion.go_on(cloud, t, low, bound, 0.0, information[k + 1])
    return tuple(bounds)


def futility_bounds(information: Sequence[float], upper: Bounds, spends: Sequence[float], drift: float) -> Bounds:
    """Lower bounds that use up `spends[k]` of beta by look k at this drift, in trials that stop at either bound.

    The last lower bound is the last upper one: whoever does not reach it has failed. A lower bound never exceeds the upper.
    """
    bounds: list[float | None] = []
    cloud, used = recursion.begin(), 0.0
    for k, (t, next_t) in enumerate(pairwise(information)):
        bound = recursion.bound_below(cloud, t, spends[k] - used, drift)
        high = upper[k]
        if bound is not None:
            bound = bound if high is None else min(bound, high)
            used += recursion.below(cloud, t, bound, drift)
        bounds.append(bound)
        cloud = recursion.go_on(cloud, t, bound, high, drift, next_t)
    return (*bounds, upper[-1])


def crossing(information: Sequence[float], upper: Bounds, lower: Bounds, drift: float) -> Crossing:
    """First-passage probabilities of a trial that stops at the first look on or beyond a bound; None = no bound there."""
    up, down = [], []
    cloud: Cloud = recursion.begin()
    for k, t in enumerate(information):
        high, low = upper[k], lower[k]
        up.append(0.0 if high is None else recursion.above(cloud, t, high, drift))
        down.append(0.0 if low is None else recursion.below(cloud, t, low, drift))
        if k + 1 < len(information):
            cloud = recursion.go_on(cloud, t, low, high, drift, information[k + 1])
    return Crossing(tuple(up), tuple(down))


def expected_information(information: Sequence[float], upper: Bounds, lower: Bounds, drift: float) -> float:
    """E[information at the stop], on the scale of `information`; a trial that meets no bound ends at the last look."""
    passed = crossing(information, upper, lower, drift)
    early = math.fsum(passed.stopped(k) * t for k, t in enumerate(information[:-1]))
    return early + (1.0 - math.fsum(passed.stopped(k) for k in range(len(information) - 1))) * information[-1]


def _efficacy(
    fractions: tuple[float, ...], alpha: float, spending: str, parameter: float | None, sided: int
) -> tuple[Bounds, float | None]:
    """Upper bounds for `alpha` on one side, and the constant of a classical test."""
    from scipy.optimize import brentq

    if spending not in CLASSICAL:
        if spending not in SHAPES:
            raise ProtocolError(f'spending == "{spending}", must be one of {", ".join(NAMES)}. Write obrien-fleming.')
        spends = [spent(spending, t, alpha, parameter) for t in fractions]
        return spending_bounds(fractions, spends, sided), None
    if parameter is not None:
        raise ProtocolError(f"parameter == {parameter}, must be left out for {spending}. It has none.")

    if alpha >= 0.5:
        raise ProtocolError(f"alpha == {alpha} on one side, must be < 0.5 for {spending}. Write 0.025 for 2.5 %.")

    def bounds(constant: float) -> tuple[float, ...]:
        return tuple(constant * t ** CLASSICAL[spending] for t in fractions)

    def excess(constant: float) -> float:
        upper = bounds(constant)
        lower = _mirror(upper) if sided == 2 else (None,) * len(upper)
        return float(ndtri(math.fsum(crossing(fractions, upper, lower, 0.0).up)) - ndtri(alpha))

    single = float(-ndtri(alpha))
    # Bonferroni's bound at each look is surely wide enough; a test with one look surely too narrow.
    widest = float(-ndtri(alpha / len(fractions)))
    constant = single if len(fractions) == 1 else float(brentq(excess, single, widest, xtol=1e-12, rtol=1e-14))
    farthest = float(-ndtri(PRACTICALLY_NEVER))
    return tuple(None if bound > farthest else bound for bound in bounds(constant)), constant


def _drift(power: Callable[[float], float], beta: float, fixed: float) -> float:
    """The drift at which the power is 1 − beta. It is never below the fixed design's."""
    from scipy.optimize import brentq

    def lack(theta: float) -> float:
        return float(ndtri(min(max(power(theta), 1e-15), 1.0 - 1e-15)) + ndtri(beta))

    high = max(fixed, 0.1) * 1.25
    while lack(high) < 0.0:
        high *= 1.5
    low = fixed * 0.999 - 1e-3
    return float(brentq(lack, low, high, xtol=1e-11, rtol=1e-13))


def _checked(
    information: Sequence[float],
    alpha: float,
    sided: int,
    futility: str | None,
    futility_parameter: float | None,
    beta: float | None,
) -> tuple[float, ...]:
    """The fractions. Raises ProtocolError for a plan that means nothing."""
    fractions = check_information(information)
    if fractions[-1] != 1.0:
        raise ProtocolError(
            f"information == {fractions[-1]:g} at the last look, must be 1. Give shares of the whole plan."
        )
    check_error("alpha", alpha)
    if sided not in (1, 2):
        raise ProtocolError(f"sided == {sided}, must be 1 or 2. Write 1 where only a benefit leads to promotion.")
    if beta is not None:
        check_error("beta", beta)
        if alpha / sided + beta >= 1.0:
            raise ProtocolError(f"beta == {beta}, must be < {1 - alpha / sided:g}. Write 0.1 for a power of 90 %.")
    if futility:
        check_shape(futility, futility_parameter)
        if beta is None:
            raise ProtocolError("beta == None, must be given with futility. Write 0.1 for a power of 90 %.")
        if sided == 2:
            raise ProtocolError("sided == 2, must be 1 with futility. Futility bounds are for one-sided plans.")
    elif futility_parameter is not None:
        raise ProtocolError(f"futility_parameter == {futility_parameter}, must be left out without futility.")
    return fractions


def _mirror(bounds: Bounds) -> Bounds:
    return tuple(None if bound is None else -bound for bound in bounds)


def _cumulative(parts: Sequence[float]) -> tuple[float, ...]:
    return tuple(math.fsum(parts[: k + 1]) for k in range(len(parts)))
