"""The safe t-test and the batch sizes of the safe z- and t-tests.

P(there is an n at which the e-value >= 1/alpha | mean 0, any variance) <= alpha, for independent normal values: the e-value
is the likelihood ratio of the t statistic at standardised effect delta against 0, which is that of the right Haar prior on
the variance (Perez-Ortiz, Lardy, de Heide & Grunwald, 2024, "E-statistics, group invariance and anytime-valid testing",
Annals of Statistics 52(4); Grunwald, de Heide & Koolen, 2024, "Safe testing", JRSS B 86(5), section 4).

What Roadtest uses it for: a peer. Its guarantee needs normal values, which no kind of Roadtest promises, so no method
offers it; docs/statistics.md shows what the exactness of the pair bet costs beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln
from scipy.stats import ncf, nct, ncx2, norm

from trials.errors import DataError
from trials.sequential.peers.arguments import real, series, share, whole

Alternative = Literal["greater", "less", "two_sided"]
NODES, WEIGHTS = np.polynomial.legendre.leggauss(400)
REACH = 40.0  # the integrand is looked at this many of its widths either side of its peak
MOST_PEOPLE = 1_000_000
SMALLEST, LARGEST = 1e-4, 20.0  # standard deviations: effects that anybody plans for


def log_e_t(t: float, n: int, delta: float, alternative: Alternative = "greater") -> float:
    """log of f(t; delta)/f(t; 0), f the density of the one-sample t statistic of n >= 2 values with standardised effect delta.

    delta from 1e-4 to 20; "less" looks for -delta, "two_sided" for both with weight 1/2 each. Raises DataError.
    """
    t, n, delta = real("t", t), whole("n", n, least=2), real("delta", delta, least=SMALLEST, most=LARGEST)
    if alternative == "two_sided":
        return float(np.logaddexp(_log_ratio(t, n, delta), _log_ratio(t, n, -delta)) - math.log(2))
    if alternative not in ("greater", "less"):
        raise DataError(f'alternative == "{alternative}", must be one of greater, less, two_sided.')
    return _log_ratio(t, n, delta if alternative == "greater" else -delta)


def log_e_values(x: ArrayLike, delta: float, alternative: Alternative = "greater") -> float:
    """log e-value of a sample x, shape (n,), n >= 2, against mean 0. Raises DataError, also where all values are equal."""
    values = series("x", x, low=-1e300, high=1e300)
    n = values.size
    if n < 2 or np.all(values == values[0]):
        raise DataError(f"x has {n} values that do not vary, must hold at least two different ones.")
    values = values / np.abs(values).max()  # t has no unit, and squares must neither overflow nor vanish
    t = math.sqrt(n) * float(np.mean(values)) / float(np.std(values, ddof=1))
    return log_e_t(t, n, delta, alternative)


def _log_ratio(t: float, n: int, delta: float) -> float:
    """exp(-n delta^2/2) E[exp(delta sqrt(n) u Y)], u = t/sqrt(nu + t^2), Y ~ chi of nu + 1 = n degrees of freedom.

    By Gauss-Legendre around the integrand's peak: stable for t of either sign, where the two hypergeometric series of the
    closed form cancel.
    """
    nu, drift = n - 1, delta * math.sqrt(n)
    slope = drift * t / math.hypot(math.sqrt(nu), t)
    root = math.sqrt(slope * slope + 4 * nu)
    peak = (slope + root) / 2 if slope > 0 else 2 * nu / (root - slope)
    width = 1 / math.sqrt(1 + nu / peak**2)
    low, high = max(0.0, peak - REACH * width), peak + REACH * width
    y = (high + low) / 2 + (high - low) / 2 * NODES
    logs = nu * np.log(y / peak) - (y - peak) * (y + peak) / 2 + slope * (y - peak)
    area = math.log((high - low) / 2 * float(WEIGHTS @ np.exp(logs)))
    top = nu * math.log(peak) - peak * peak / 2 + slope * peak
    whole_area = (nu - 1) / 2 * math.log(2) + float(gammaln((nu + 1) / 2))
    return -drift * drift / 2 + area + top - whole_area


def plan_z(
    effect: float, *, alpha: float = 0.05, beta: float = 0.2, optimal: bool = False, two_sided: bool = True
) -> int:
    """Smallest n at which the safe z-test, looked at once, rejects with chance >= 1 - beta if the effect is true.

    effect: mean over SD, from 1e-4 to 20. The e-value is exp(-n phi^2/2) cosh(sqrt(n) phi z), one-sided with exp for cosh.
    optimal False: phi = effect (growth-rate optimal); True: phi = sqrt(2 log(2/alpha)/n), nearly the most powerful at n
    (one-sided log(1/alpha)). Raises DataError.
    """
    effect, log = real("effect", effect, least=SMALLEST, most=LARGEST), -math.log(share("alpha", alpha))
    beta = share("beta", beta)

    def misses(n: int) -> float:
        phi = math.sqrt(2 * (log + math.log(2) * two_sided) / n) if optimal else effect
        lift = n * phi * phi / 2 + log
        if two_sided:
            return float(ncx2.cdf((_acosh_exp(lift) / (math.sqrt(n) * phi)) ** 2, 1, n * effect**2))
        return float(norm.cdf(lift / (math.sqrt(n) * phi) - math.sqrt(n) * effect))

    return _smallest(lambda n: misses(n) <= beta, 1)


def plan_t(effect: float, *, alpha: float = 0.05, beta: float = 0.2, two_sided: bool = True) -> int:
    """Smallest n at which the safe t-test with delta = effect, looked at once, rejects with chance >= 1 - beta.

    Raises DataError.
    """
    effect, log = real("effect", effect, least=SMALLEST, most=LARGEST), -math.log(share("alpha", alpha))
    beta = share("beta", beta)

    def rejects(n: int) -> bool:
        drift = math.sqrt(n) * effect
        if two_sided:
            return log_e_t(math.sqrt(float(ncf.ppf(beta, 1, n - 1, drift**2))), n, effect, "two_sided") > log
        return log_e_t(float(nct.ppf(beta, n - 1, drift)), n, effect) > log

    return _smallest(rejects, 3)


def _smallest(enough: Callable[[int], bool], least: int) -> int:
    """The smallest n >= least that is enough, by doubling and halving; power grows with n."""
    low, high = least - 1, least
    while not enough(high):
        if high == MOST_PEOPLE:
            raise DataError(f"effect needs more than {MOST_PEOPLE:,} people, must be larger to be planned for.")
        low, high = high, min(2 * high, MOST_PEOPLE)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _acosh_exp(log: float) -> float:
    """acosh(exp(log)) for log >= 0, without overflow."""
    return log + math.log1p(math.sqrt(-math.expm1(-2 * log)))
