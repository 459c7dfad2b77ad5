"""The difference of two arms' means at one look: test statistics against any effect, their inversion, the estimate.

Strata are weighted by n_T n_C / (n_T + n_C) (Mantel-Haenszel; Cochran, 1954, Biometrics 10:417-451), never pooled.
Binary losses: score statistic with the shares' maximum likelihood under the effect tested and the factor N/(N − 1)
(Miettinen & Nurminen, 1985, Statistics in Medicine 4:213-226; closed form: Farrington & Manning, 1990, 9:1447-1454).
Other losses: Welch's t (1947, Biometrika 34:28-35), as the normal score of the same tail probability, which is Jennison &
Turnbull's significance level approach (2000, section 11.5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import ndtr, ndtri, stdtr, stdtrit

# Effects are sought within (−1, 1), this far from its ends.
EDGE = 1e-9
# Beyond this a normal score is no longer told apart.
FARTHEST = 37.0


@dataclass(frozen=True, slots=True)
class Stratum:
    """Counts, sums and sums of squares of losses in [0, 1], treated then control; both arms have people."""

    n_t: int
    sum_t: float
    squares_t: float
    n_c: int
    sum_c: float
    squares_c: float

    @property
    def weight(self) -> float:
        return self.n_t * self.n_c / (self.n_t + self.n_c)

    @property
    def difference(self) -> float:
        """Control's mean less the treated's: positive = the treated do better."""
        return self.sum_c / self.n_c - self.sum_t / self.n_t

    def turned(self) -> Stratum:
        """The arms exchanged."""
        return Stratum(self.n_c, self.sum_c, self.squares_c, self.n_t, self.sum_t, self.squares_t)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All strata at one look. binary: whether losses are 0 or 1. Every stratum has people in both arms."""

    strata: tuple[Stratum, ...]
    binary: bool

    @property
    def information(self) -> float:
        """Σ n_T n_C / (n_T + n_C): in units of 1 / variance of one loss."""
        return math.fsum(stratum.weight for stratum in self.strata)

    @property
    def estimate(self) -> float:
        return math.fsum(s.weight * s.difference for s in self.strata) / self.information

    @property
    def people(self) -> tuple[int, int]:
        return sum(s.n_t for s in self.strata), sum(s.n_c for s in self.strata)

    def turned(self) -> Comparison:
        return Comparison(tuple(stratum.turned() for stratum in self.strata), self.binary)


def standard_error(comparison: Comparison) -> float:
    """Of the estimate, variances not pooled over arms. 0 when all losses of an arm are alike in both arms."""
    if comparison.binary:
        return _score_error(comparison, None)
    return _welch(comparison)[0]


def z_score(comparison: Comparison, effect: float) -> float:
    """The statistic for H0: δ ≤ effect, large when δ is larger; standard normal at δ = effect as numbers grow."""
    distance = comparison.estimate - effect
    if comparison.binary:
        error = _score_error(comparison, effect)
        # No events at all: as the tested effect nears 0 both shrink, the distance faster.
        return 0.0 if error == 0.0 else distance / error
    error, freedom = _welch(comparison)
    score = -float(ndtri(stdtr(freedom, -abs(distance) / error)))
    return math.copysign(min(score, FARTHEST), distance)


def rejected_up_to(comparison: Comparison, bound: float) -> float:
    """The largest effect m in [−1, 1] such that the statistic for H0: δ ≤ m is at or above `bound`; −1 if there is none."""
    from scipy.optimize import brentq

    if not comparison.binary:
        error, freedom = _welch(comparison)
        quantile = math.copysign(float(stdtrit(freedom, ndtr(-abs(bound)))), bound)
        return max(-1.0, comparison.estimate - quantile * error)

    def excess(effect: float) -> float:
        return z_score(comparison, effect) - bound

    if excess(EDGE - 1.0) < 0.0:
        return -1.0
    if excess(1.0 - EDGE) >= 0.0:
        return 1.0
    return float(brentq(excess, EDGE - 1.0, 1.0 - EDGE, xtol=1e-12))


def _score_error(comparison: Comparison, effect: float | None) -> float:
    """Standard error of the estimate if the effect is this one in every stratum; None: as the shares were seen."""
    parts = []
    for s in comparison.strata:
        control, treated = s.sum_c / s.n_c, s.sum_t / s.n_t
        if effect is not None:
            control, treated = restricted_shares(control, s.n_c, treated, s.n_t, effect)
        variance = control * (1.0 - control) / s.n_c + treated * (1.0 - treated) / s.n_t
        people = s.n_c + s.n_t
        parts.append(s.weight**2 * variance * people / (people - 1))
    return math.sqrt(max(0.0, math.fsum(parts))) / comparison.information


def restricted_shares(control: float, n_c: int, treated: float, n_t: int, effect: float) -> tuple[float, float]:
    """Maximum likelihood of the shares (control, treated) when control − treated = effect: Farrington & Manning (1990)."""
    ratio = n_t / n_c
    a = 1.0 + ratio
    b = -(1.0 + ratio + control + ratio * treated + effect * (ratio + 2.0))
    c = effect**2 + effect * (2.0 * control + ratio + 1.0) + control + ratio * treated
    d = -control * effect * (1.0 + effect)
    v = b**3 / (27.0 * a**3) - b * c / (6.0 * a**2) + d / (2.0 * a)
    u = math.copysign(math.sqrt(max(0.0, b**2 / (9.0 * a**2) - c / (3.0 * a))), v)
    turn = 0.0 if u == 0.0 else math.acos(min(1.0, max(-1.0, v / u**3)))
    share = 2.0 * u * math.cos((math.pi + turn) / 3.0) - b / (3.0 * a)
    share = min(max(share, 0.0, effect), 1.0, 1.0 + effect)
    return share, min(max(share - effect, 0.0), 1.0)


def _welch(comparison: Comparison) -> tuple[float, float]:
    """Standard error and degrees of freedom; one variance per arm, from within the strata."""
    total = comparison.information
    parts = [
        _arm([(s.n_t, s.sum_t, s.squares_t) for s in comparison.strata], comparison.strata, total),
        _arm([(s.n_c, s.sum_c, s.squares_c) for s in comparison.strata], comparison.strata, total),
    ]
    variance = math.fsum(part for part, _ in parts)
    if variance <= 0.0:
        return 0.0, 1.0
    return math.sqrt(variance), variance**2 / math.fsum(part**2 / freedom for part, freedom in parts)


def _arm(sums: Sequence[tuple[int, float, float]], strata: tuple[Stratum, ...], total: float) -> tuple[float, float]:
    """One arm's part of the estimate's variance, and its degrees of freedom."""
    freedom = max(1, sum(n - 1 for n, _, _ in sums))
    within = math.fsum(squares - total_loss**2 / n for n, total_loss, squares in sums)
    # What is left of rounding when all losses are alike is no variance.
    within = within if within > 1e-12 * math.fsum(squares for _, _, squares in sums) else 0.0
    spread = math.fsum((s.weight / total) ** 2 / n for s, (n, _, _) in zip(strata, sums, strict=True))
    return within / freedom * spread, float(freedom)
