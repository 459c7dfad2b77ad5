"""How far sites differ, and each site's effect with strength borrowed from the others: a random-effects model.

Guarantee: for estimates that are normal around their sites' effects with known variances, Cochran's Q finds a spread where
there is none with a probability of at most .05 (`Pooled.differ`), asked once. It is not valid for peeking, the shrunken
ranges are not either, and nothing of it enters a verdict: it is there to look for surprises.

Sources: DerSimonian & Laird (1986), Controlled Clinical Trials 7:177-188, eq. 8 (`dersimonian_laird`); Paule & Mandel (1982),
J. Res. Nat. Bur. Stand. 87:377-385, eq. 4-6 (`paule_mandel`), which Veroniki et al. (2016), Research Synthesis Methods 7:55-79,
prefer; Efron & Morris (1975), JASA 70:311-319 and Morris (1983), JASA 78:47-55, eq. 1.17-1.19 for shrinkage (`pool`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import chi2, norm

from trials.errors import DataError

Floats = NDArray[np.float64]
# How often sites that are alike are said to differ.
ERROR = 0.05
COVERAGE = 0.95


@dataclass(frozen=True, slots=True)
class Shrunken:
    """One site: its own estimate, the one drawn to the others', its range. weight: the share of its own in that, 0 to 1."""

    own: float
    estimate: float
    low: float
    high: float
    weight: float


@dataclass(frozen=True, slots=True)
class Pooled:
    """Sites together. mean, se: of the sites' effects. tau2: their variance. q, p: Cochran's test that they are alike."""

    mean: float
    se: float
    tau2: float
    q: float
    p: float
    sites: tuple[Shrunken, ...]

    @property
    def differ(self) -> bool:
        """Whether the sites can be told apart."""
        return self.p < ERROR and self.tau2 > 0


def pool(estimates: Sequence[float], variances: Sequence[float]) -> Pooled:
    """The model with Paule and Mandel's variance between sites. estimates, variances: of k sites, in one order, shape (k,).

    A site's shrunken effect is (v μ + τ² y) / (v + τ²), its variance τ² v / (v + τ²) + (v / (v + τ²))² se², with se² that of
    μ. Raises DataError for fewer than two sites, or a variance that is not above 0.
    """
    y, v = _checked(estimates, variances)
    tau2 = paule_mandel(y, v)
    mean, se = _mean(y, v, tau2)
    q = _q(y, v, 0.0)
    share = tau2 / (v + tau2)
    shrunken = share * y + (1 - share) * mean
    spread = norm.ppf(0.5 + COVERAGE / 2) * np.sqrt(share * v + ((1 - share) * se) ** 2)
    each = zip(y, shrunken, shrunken - spread, shrunken + spread, share, strict=True)
    sites = tuple(Shrunken(*map(float, one)) for one in each)
    return Pooled(mean, se, tau2, q, float(chi2.sf(q, len(y) - 1)), sites)


def paule_mandel(estimates: Sequence[float] | Floats, variances: Sequence[float] | Floats) -> float:
    """The τ² ≥ 0 at which Q(τ²) = Σ (y − μ)² / (v + τ²) is k − 1, as it is on average; 0 where it is below even at 0."""
    y, v = _checked(estimates, variances)
    expected = len(y) - 1
    if _q(y, v, 0.0) <= expected:
        return 0.0
    most = float(np.var(y) * len(y) + v.max())
    return float(brentq(lambda tau2: _q(y, v, tau2) - expected, 0.0, most, xtol=1e-14, rtol=1e-12))


def dersimonian_laird(estimates: Sequence[float] | Floats, variances: Sequence[float] | Floats) -> float:
    """τ² by moments: (Q − (k − 1)) / (Σ w − Σ w² / Σ w) with w = 1 / v, not below 0."""
    y, v = _checked(estimates, variances)
    w = 1 / v
    return max(0.0, (_q(y, v, 0.0) - (len(y) - 1)) / float(w.sum() - (w**2).sum() / w.sum()))


def _checked(estimates: Sequence[float] | Floats, variances: Sequence[float] | Floats) -> tuple[Floats, Floats]:
    y, v = np.asarray(estimates, dtype=float), np.asarray(variances, dtype=float)
    if len(y) < 2 or y.shape != v.shape:
        raise DataError(f"estimates == {len(y)} sites, must be two or more, each with its variance.")
    if not (np.isfinite(y).all() and np.isfinite(v).all() and (v > 0).all()):
        raise DataError("variances must be > 0 and finite, and estimates finite. Leave out sites where all are alike.")
    return y, v


def _mean(y: Floats, v: Floats, tau2: float) -> tuple[float, float]:
    w = 1 / (v + tau2)
    return float((w * y).sum() / w.sum()), 1 / math.sqrt(float(w.sum()))


def _q(y: Floats, v: Floats, tau2: float) -> float:
    mean, _ = _mean(y, v, tau2)
    return float(((y - mean) ** 2 / (v + tau2)).sum())
