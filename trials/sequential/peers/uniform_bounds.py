"""Uniform boundaries by conjugate mixtures.

P(there is a t >= 1 with S_t >= bound(V_t)) <= alpha, where exp(lambda S_t - psi(lambda) V_t) is a supermartingale for every
lambda of the mixture: S_t is a centred sum, V_t its intrinsic time (a variance). Two-sided: |S_t| >= bound(V_t).
Howard, Ramdas, McAuliffe & Sekhon (2021), "Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of
Statistics 49(2), section 3.2 and appendix A ("conjugate mixtures"); normal mixture: Robbins (1970), Ann. Math. Stat. 41.

What Roadtest uses: the beta-binomial mixture for the interval of one arm's binary outcomes (`bernoulli_ci`), the normal
mixture for the asymptotic confidence sequence of means. Gamma-exponential and gamma-Poisson mixtures are the peers for
values without an upper bound that docs/statistics.md compares with. psi: lambda^2/2 for the normal mixture; with scale c,
(-log(1 - c lambda) - c lambda)/c^2 gamma-exponential, (exp(c lambda) - c lambda - 1)/c^2 gamma-Poisson; a value in
[-g, h] for beta-binomial. Every mixture is tuned to be tightest near intrinsic time v_opt for the error alpha_opt.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.special import betainc, betaln, gammainc, gammaincc, gammaln, log_ndtr

from trials.errors import DataError
from trials.sequential.peers.arguments import real, share, whole

XTOL, RTOL = 1e-14, 1e-14  # of every root; far below what anybody reads off
SIZES = 1e100  # of variances and scales: squares and ratios of such numbers stay numbers
SHAPES = 1e9  # the largest parameter of a gamma or beta function; beyond, differences of their logs lose their digits


def best_rho(v_opt: float, alpha_opt: float, *, one_sided: bool) -> float:
    """The mixture's precision rho that makes the bound nearly tightest at v_opt (section 3.5, its closed approximation).

    v_opt > 0; alpha_opt in (0, 1), one-sided below 1/2. Raises DataError.
    """
    v_opt = _size("v_opt", v_opt)
    tail = 2 * share("alpha_opt", alpha_opt) if one_sided else share("alpha_opt", alpha_opt)
    if tail >= 1:
        raise DataError(f"alpha_opt == {alpha_opt}, must be below 0.5 for a one-sided bound.")
    log = -2 * math.log(tail)
    return v_opt / (log + math.log1p(log))


def normal_log_mixture(s: float, v: float, *, v_opt: float, alpha_opt: float = 0.05, one_sided: bool = True) -> float:
    """log of the mixture of exp(lambda s - lambda^2 v/2) over lambda ~ N(0, 1/rho), one-sided: its positive half.

    s: the centred sum; v >= 0: its intrinsic time. Raises DataError.
    """
    s, v, rho = _sum(s), _time(v), best_rho(v_opt, alpha_opt, one_sided=one_sided)
    both = 0.5 * math.log(rho / (v + rho)) + s * s / (2 * (v + rho))
    return both + math.log(2) + float(log_ndtr(s / math.sqrt(v + rho))) if one_sided else both


def normal_mixture_bound(
    v: float, alpha: float, *, v_opt: float, alpha_opt: float = 0.05, one_sided: bool = True
) -> float:
    """The s at which the normal mixture reaches 1/alpha; two-sided sqrt((v + rho)(log(1 + v/rho) + 2 log(1/alpha))).

    Raises DataError.
    """
    v, level = _time(v), -math.log(share("alpha", alpha))
    if one_sided:
        return _crossing(lambda s: normal_log_mixture(s, v, v_opt=v_opt, alpha_opt=alpha_opt), level, v)
    rho = best_rho(v_opt, alpha_opt, one_sided=False)
    return math.sqrt((v + rho) * (math.log1p(v / rho) + 2 * level))


def gamma_exponential_log_mixture(s: float, v: float, *, v_opt: float, c: float, alpha_opt: float = 0.05) -> float:
    """log of the gamma mixture for sub-exponential sums of scale c > 0 (one-sided).

    Needs c s + v > -rho: what the sum can reach. Raises DataError.
    """
    s, v, c = _sum(s), _time(v), _size("c", c)
    rho = best_rho(v_opt, alpha_opt, one_sided=True)
    a, y = _shapes(v, rho, c)
    x = s / c + v / c / c
    if x + a <= 0:
        raise DataError(f"s == {s}, must be above {-(v + rho) / c:g} for v == {v} and c == {c}.")
    start = a * math.log(a) - gammaln(a) - _log(gammainc(a, a))
    return _told(start + gammaln(y) + _log(gammainc(y, x + a)) - y * math.log(x + a) + x)


def gamma_exponential_mixture_bound(
    v: float, alpha: float, *, v_opt: float, c: float, alpha_opt: float = 0.05
) -> float:
    """The s at which the gamma-exponential mixture reaches 1/alpha. Raises DataError."""
    level = -math.log(share("alpha", alpha))
    v = _time(v)
    return _crossing(lambda s: gamma_exponential_log_mixture(s, v, v_opt=v_opt, c=c, alpha_opt=alpha_opt), level, v)


def gamma_poisson_log_mixture(s: float, v: float, *, v_opt: float, c: float, alpha_opt: float = 0.05) -> float:
    """log of the gamma mixture for sub-Poisson sums of scale c > 0 (one-sided).

    Needs c s + v > -rho: what the sum can reach. Raises DataError.
    """
    s, v, c = _sum(s), _time(v), _size("c", c)
    rho = best_rho(v_opt, alpha_opt, one_sided=True)
    a, y = _shapes(v, rho, c)
    k = s / c + y
    if k <= 0:
        raise DataError(f"s == {s}, must be above {-(v + rho) / c:g} for v == {v} and c == {c}.")
    start = a * math.log(a) - gammaln(a) - _log(gammaincc(a, a))
    return _told(start + gammaln(k) + _log(gammaincc(k, y)) - k * math.log(y) + v / c / c)


def gamma_poisson_mixture_bound(v: float, alpha: float, *, v_opt: float, c: float, alpha_opt: float = 0.05) -> float:
    """The s at which the gamma-Poisson mixture reaches 1/alpha. Raises DataError."""
    level = -math.log(share("alpha", alpha))
    v = _time(v)
    return _crossing(lambda s: gamma_poisson_log_mixture(s, v, v_opt=v_opt, c=c, alpha_opt=alpha_opt), level, v)


def beta_binomial_log_mixture(
    s: float, v: float, *, v_opt: float, g: float, h: float, alpha_opt: float = 0.05, one_sided: bool = True
) -> float:
    """log of the beta mixture for sums of values in [-g, h] with mean 0; v = g h t after t values.

    -v/h <= s <= v/g: nothing else can be reached. Raises DataError.
    """
    g, h, v = _size("g", g), _size("h", h), _time(v)
    s = real("s", s, least=-v / h * (1 + 1e-12), most=v / g * (1 + 1e-12))
    # The beta prior's size: 1/1000 of a value at least, so that it stays a distribution where v_opt is tiny.
    r = max(best_rho(v_opt, alpha_opt, one_sided=one_sided) - g * h, 1e-3 * g * h)
    total = g + h
    x = h / total if one_sided else 1.0
    up, down = (v + h * s) / (h * total), (v - g * s) / (g * total)  # numbers of values at h and at -g
    free = v / (g * h) * math.log(total) - up * math.log(g) - down * math.log(h)
    prior = r / (g * total), r / (h * total)
    if max(up + down, *prior) > SHAPES:
        raise DataError(
            f"v == {v}, v_opt == {v_opt} amount to more than {SHAPES:g} values, must be less for this mixture."
        )
    return _told(free + _log_beta(prior[0] + down, prior[1] + up, x) - _log_beta(*prior, x))


def beta_binomial_mixture_bound(
    v: float, alpha: float, *, v_opt: float, g: float, h: float, alpha_opt: float = 0.05, one_sided: bool = True
) -> float:
    """The s at which the beta-binomial mixture reaches 1/alpha, or v/g, the largest s there is, where it does not.

    Raises DataError.
    """
    level = -math.log(share("alpha", alpha))
    g, v = _size("g", g), _time(v)

    def log_mixture(s: float) -> float:
        return beta_binomial_log_mixture(s, v, v_opt=v_opt, g=g, h=h, alpha_opt=alpha_opt, one_sided=one_sided)

    return v / g if log_mixture(v / g) < level else _root(log_mixture, level, 0.0, v / g)


def bernoulli_ci(
    successes: float, trials: int, alpha: float, *, t_opt: float, alpha_opt: float = 0.05
) -> tuple[float, float]:
    """(low, high) for the mean of values in [0, 1]: P(the true mean ever leaves it) <= alpha, over all numbers of trials.

    successes: their sum; t_opt: number of trials near which it is tightest. Inverts the two-sided beta-binomial mixture
    with g = p, h = 1 - p. No running intersection: later intervals may be wider. Raises DataError.
    """
    trials = whole("trials", trials, least=1, most=int(SHAPES))
    share_seen = real("successes", successes, least=0.0, most=float(trials)) / trials
    t_opt, level = real("t_opt", t_opt, least=1e-6, most=1e15), -math.log(share("alpha", alpha))

    def log_mixture(p: float) -> float:
        v = p * (1 - p)
        s = (share_seen - p) * trials
        return beta_binomial_log_mixture(
            s, v * trials, v_opt=v * t_opt, g=p, h=1 - p, alpha_opt=alpha_opt, one_sided=False
        )

    tiny = 1e-12
    inside = min(max(share_seen, tiny), 1 - tiny)  # the mixture is defined for p strictly between 0 and 1
    low = _root(log_mixture, level, tiny, inside, none=0.0) if share_seen > tiny else 0.0
    high = _root(log_mixture, level, inside, 1 - tiny, none=1.0) if share_seen < 1 - tiny else 1.0
    return low, high


def _size(name: str, value: float) -> float:
    return real(name, value, above=0.0, least=1 / SIZES, most=SIZES)


def _time(v: float) -> float:
    return real("v", v, least=0.0, most=SIZES)


def _sum(s: float) -> float:
    return real("s", s, least=-SIZES, most=SIZES)


def _crossing(log_mixture: Callable[[float], float], level: float, v: float) -> float:
    """The s > 0 at which a mixture without an upper end of s reaches a level."""
    high = max(v, 1.0)
    while log_mixture(high) <= level:
        high *= 2
    return _root(log_mixture, level, 0.0, high)


def _root(
    log_mixture: Callable[[float], float], level: float, low: float, high: float, none: float = math.nan
) -> float:
    """Where the mixture crosses the level between low and high; `none` where it does not."""
    from scipy.optimize import brentq

    at_low, at_high = log_mixture(low) - level, log_mixture(high) - level
    if at_low * at_high > 0 and not math.isnan(none):
        return none
    if at_low * at_high > 0:
        raise DataError(
            f"s from {low:g} to {high:g} never reaches 1/alpha, must do so: the sizes given are too far apart."
        )
    return float(brentq(lambda s: log_mixture(s) - level, low, high, xtol=XTOL, rtol=RTOL))


def _shapes(v: float, rho: float, c: float) -> tuple[float, float]:
    """(rho/c^2, (v + rho)/c^2), the gamma mixtures' shapes, where their closed forms keep enough digits."""
    if not (rho / c / c >= 1 / SHAPES and (v + rho) / c / c <= SHAPES):
        low, high = math.sqrt((v + rho) / SHAPES), math.sqrt(rho * SHAPES)
        raise DataError(
            f"c == {c}, must be from {low:g} to {high:g} at these v and v_opt. Below, the normal mixture fits."
        )
    return rho / c / c, (v + rho) / c / c


def _told(log_mixture: float) -> float:
    """The result, unless sizes too far apart have left no digit of it."""
    if math.isnan(log_mixture):
        raise DataError("s, v, v_opt and the scale differ too much in size, must be within some ten powers of ten.")
    return float(log_mixture)


def _log_beta(a: float, b: float, x: float) -> float:
    """log of the incomplete beta function, not regularised."""
    return float(betaln(a, b)) + (0.0 if x == 1.0 else _log(betainc(a, b, x)))


def _log(value: float) -> float:
    """log that takes 0, which is what a tail smaller than 1e-308 comes out as."""
    return float(np.log(value)) if value > 0 else -math.inf
