"""The published figures, recomputed from the data: plain formulas that owe nothing to `trials`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, norm

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Difference:
    """Of two means, treated minus control, with its standard error and two-sided p (normal unless said otherwise)."""

    size: float
    error: float
    p: float


def pooled(treated: Sequence[float], control: Sequence[float]) -> Difference:
    """One variance for both arms, as in ordinary least squares on an indicator."""
    t, c = np.array(treated), np.array(control)
    sums = ((t - t.mean()) ** 2).sum() + ((c - c.mean()) ** 2).sum()
    error = math.sqrt(sums / (t.size + c.size - 2) * (1 / t.size + 1 / c.size))
    return _difference(float(t.mean() - c.mean()), error)


def robust(treated: Sequence[float], control: Sequence[float], more: int = 0) -> Difference:
    """A variance for each arm: White's HC1 for least squares on indicators. more: people in further arms of the model."""
    t, c = np.array(treated), np.array(control)
    n, arms = t.size + c.size + more, 3 if more else 2
    apart = ((t - t.mean()) ** 2).sum() / t.size**2 + ((c - c.mean()) ** 2).sum() / c.size**2
    return _difference(float(t.mean() - c.mean()), math.sqrt(apart * n / (n - arms)))


def shares(events_t: int, n_t: int, events_c: int, n_c: int) -> Difference:
    """Difference of two shares; the test takes one share for both arms, as Pearson's chi-squared test does."""
    both = (events_t + events_c) / (n_t + n_c)
    return _difference(events_t / n_t - events_c / n_c, math.sqrt(both * (1 - both) * (1 / n_t + 1 / n_c)))


def _difference(size: float, error: float) -> Difference:
    return Difference(size, error, float(2 * norm.sf(abs(size) / error)))


def logrank(times: Sequence[float], events: Sequence[float], treated: Sequence[bool]) -> tuple[float, float]:
    """Mantel's chi-squared statistic and its p, with the hypergeometric variance for ties."""
    at, happened, t = np.array(times), np.array(events) == 1, np.array(treated)
    surplus = variance = 0.0
    for time in np.unique(at[happened]):
        at_risk, now = at >= time, (at == time) & happened
        n, n_t, d = at_risk.sum(), (at_risk & t).sum(), now.sum()
        surplus += (now & t).sum() - d * n_t / n
        variance += 0.0 if n == 1 else d * (n_t / n) * (1 - n_t / n) * (n - d) / (n - 1)
    statistic = float(surplus**2 / variance)
    return statistic, float(chi2.sf(statistic, 1))


def poisson_regression(
    counts: Floats, design: Floats, offset: Floats, clusters: NDArray[np.int64]
) -> tuple[Floats, Floats, Floats]:
    """Coefficients by maximum likelihood (Newton), naive standard errors, and those robust to clusters (Liang & Zeger,
    1986, independence). design: shape (n, k) -> (k,) each.
    """
    beta = np.zeros(design.shape[1])
    beta[0] = math.log(counts.sum() / np.exp(offset).sum())
    for _ in range(50):
        mean = np.exp(design @ beta + offset)
        information = design.T @ (design * mean[:, None])
        move = np.linalg.solve(information, design.T @ (counts - mean))
        beta = beta + move
        if np.abs(move).max() < 1e-12:
            break
    bread = np.linalg.inv(information)
    scores = design * (counts - np.exp(design @ beta + offset))[:, None]
    sums = np.stack([scores[clusters == cluster].sum(axis=0) for cluster in np.unique(clusters)])
    return beta, np.sqrt(np.diag(bread)), np.sqrt(np.diag(bread @ (sums.T @ sums) @ bread))


@dataclass(frozen=True, slots=True)
class Pooled:
    """A random-effects mean odds ratio with its 95 % interval, the variance between trials, and Cochran's Q."""

    ratio: float
    low: float
    high: float
    tau2: float
    q: float


def dersimonian_laird(tables: Sequence[tuple[int, int, int, int]]) -> Pooled:
    """tables: (events and others among the controls, events and others among the treated); ratio > 1: controls have more.

    DerSimonian & Laird (1986), Controlled Clinical Trials 7:177-188. No cell may be 0.
    """
    cells = np.array(tables, dtype=np.float64)
    y = np.log(cells[:, 0] * cells[:, 3] / (cells[:, 1] * cells[:, 2]))
    v = (1 / cells).sum(axis=1)
    w = 1 / v
    q = float((w * (y - (w * y).sum() / w.sum()) ** 2).sum())
    tau2 = max(0.0, (q - (y.size - 1)) / float(w.sum() - (w**2).sum() / w.sum()))
    w = 1 / (v + tau2)
    mean, error = float((w * y).sum() / w.sum()), float(1 / math.sqrt(w.sum()))
    z = float(norm.isf(0.025))
    return Pooled(math.exp(mean), math.exp(mean - z * error), math.exp(mean + z * error), tau2, q)
