"""The exact logrank e-factor: what one event time says about a hazard ratio.

P(there is an event time at which the product of the factors >= 1/alpha | hazard ratio 1) <= alpha, for every theta and
so for every mixture over theta, however often anybody looks: given who is at risk and how many have the event, the number
of treated among them is hypergeometric under the null, so each factor has expectation 1 (ter Schure, Perez-Ortiz, Ly &
Grunwald, 2024, "The anytime-valid logrank test", section 2; ties: Fisher's noncentral hypergeometric).
The risk sets must follow the time since entry, one cohort at a time (docs/statistics.md).

Roadtest builds its method for times to event on it. theta = hazard of the treated / hazard of the controls.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp

from trials.errors import DataError
from trials.sequential.peers.arguments import Floats, series, whole

SMALLEST, LARGEST = 1e-12, 1e12  # hazard ratios beyond these are typing errors, not hypotheses


def log_factor(theta: ArrayLike, n_t: int, n_c: int, d_t: int, d: int) -> Floats:
    """log of p_theta(d_t | n_t, n_c, d) / p_1(d_t | n_t, n_c, d), shape (K,) for theta of shape (K,).

    n_t, n_c: treated and controls at risk just before this time; d: events at it, d_t of them treated.
    One event: theta^d_t (n_t + n_c) / (theta n_t + n_c). Raises DataError for counts that can't be.
    """
    log_theta = np.log(series("theta", theta, low=SMALLEST, high=LARGEST))
    _, relative = _relative(n_t, n_c, d_t, d)
    return _tilted(log_theta, relative) + float(logsumexp(relative[1]))


def log_chance(theta: ArrayLike, n_t: int, n_c: int, d_t: int, d: int) -> Floats:
    """log p_theta(d_t | n_t, n_c, d), shape (K,): Fisher's noncentral hypergeometric with odds theta. Arguments as above.

    p_theta(u) is proportional to C(n_t, u) C(n_c, d - u) theta^u.
    """
    log_theta = np.log(series("theta", theta, low=SMALLEST, high=LARGEST))
    own, relative = _relative(n_t, n_c, d_t, d)
    return own + _tilted(log_theta, relative)


def _relative(n_t: int, n_c: int, d_t: int, d: int) -> tuple[float, tuple[Floats, Floats]]:
    """(log weight of d_t, (u - d_t, log weights of every possible u)): C(n_t, u) C(n_c, d - u) but for a factor.

    Neighbours' ratios are added up from the lowest u: logs of whole binomials would lose digits in large risk sets.
    """
    n_t, n_c, d_t, d = whole("n_t", n_t), whole("n_c", n_c), whole("d_t", d_t), whole("d", d)
    low, high = max(0, d - n_c), min(d, n_t)
    if d > n_t + n_c:
        raise DataError(f"d == {d} events, must be at most the {n_t + n_c} people at risk.")
    if not low <= d_t <= high:
        raise DataError(
            f"d_t == {d_t} of {d} events, must be from {low} to {high} with {n_t} treated and {n_c} controls at risk."
        )
    u = np.arange(low, high + 1, dtype=np.float64)
    step = np.log((n_t - u[:-1]) * (d - u[:-1])) - np.log((u[:-1] + 1) * (n_c - d + u[:-1] + 1))
    weight = np.concatenate(([0.0], np.cumsum(step)))
    return float(weight[d_t - low]), (u - d_t, weight)


def _tilted(log_theta: Floats, relative: tuple[Floats, Floats]) -> Floats:
    """-log of the sum over u of weight(u) theta^(u - d_t), shape (K,)."""
    away, weight = relative
    return np.asarray(-logsumexp(weight + np.multiply.outer(log_theta, away), axis=1), dtype=np.float64)
