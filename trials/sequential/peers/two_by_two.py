"""Block e-values for two shares, with the alternative learnt from the data.

P(there is a block after which the product of the e-values >= 1/alpha | equal shares) <= alpha: for a block of n_a and n_b
people the likelihood under (theta_a, theta_b), fixed before it, over that under their weighted mean has expectation <= 1
whatever the common share is (Turner, Ly & Grunwald, 2024, "Generic E-variables for exact sequential k-sample tests that
allow for optional stopping", JSPI 230, Theorem 1 and section 3).

What Roadtest uses it for: it is "safe 2x2 test, its default" of docs/statistics.md, the peer that the pair bet is
compared with.

theta_a and theta_b are posterior means given the blocks so far. Unrestricted: two independent Beta(prior, prior).
Restricted to theta_b = theta_a + delta, or to a log odds ratio delta: a grid of theta_a with Beta(prior, prior) weights;
theta_b then follows from the posterior mean of theta_a.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit, softmax, xlog1py, xlogy

from trials.errors import DataError
from trials.sequential.peers.arguments import Floats, real, series, whole

Restriction = Literal["none", "difference", "log_odds_ratio"]
PRIOR = 0.18  # both Beta parameters; the paper's choice, of smallest regret for n_a = n_b = 1
GRID = 1000
LARGEST_LOG_ODDS_RATIO = 20.0  # exp(20): beyond it shares round to 0 and 1


def log_e_values(
    a: ArrayLike,
    b: ArrayLike,
    *,
    n_a: int = 1,
    n_b: int = 1,
    restriction: Restriction = "none",
    delta: float | None = None,
    prior: float = PRIOR,
    grid: int = GRID,
) -> Floats:
    """log of the product of the blocks' e-values after each block, shape (n,).

    a, b: numbers of events per block among its n_a and n_b people, shape (n,). delta: theta_b - theta_a in (-1, 1), or the
    log odds ratio, with the restriction that names it; None with "none". grid: number of candidate theta_a.
    Raises DataError.
    """
    n_a, n_b = whole("n_a", n_a, least=1), whole("n_b", n_b, least=1)
    prior, grid = real("prior", prior, least=1e-6, most=1e6), whole("grid", grid, least=2)
    a, b = _counts("a", a, n_a), _counts("b", b, n_b)
    if a.size != b.size:
        raise DataError(f"a has {a.size} blocks and b {b.size}, must be as many: only complete blocks count.")
    size = np.arange(a.size)
    seen = np.stack([_before(a), size * n_a - _before(a), _before(b), size * n_b - _before(b)], axis=1)
    if restriction == "none" and delta is None:
        shares = (seen[:, ::2] + prior) / (seen[:, ::2] + seen[:, 1::2] + 2 * prior)
        theta_a, theta_b = shares[:, 0], shares[:, 1]
    else:
        theta_a, theta_b = _restricted(seen, restriction, delta, prior, grid)
    common = (n_a * theta_a + n_b * theta_b) / (n_a + n_b)
    own = _log_likelihood(a, n_a, theta_a) + _log_likelihood(b, n_b, theta_b)
    return np.asarray(np.cumsum(own - _log_likelihood(a + b, n_a + n_b, common)), dtype=np.float64)


def _restricted(
    seen: Floats, restriction: Restriction, delta: float | None, prior: float, grid: int
) -> tuple[Floats, Floats]:
    """(theta_a, theta_b) before each block, shape (n,) each; `seen`: events and others so far in a and in b, shape (n, 4)."""
    if restriction not in ("difference", "log_odds_ratio") or delta is None:
        raise DataError(
            f'restriction == "{restriction}" with delta == {delta}, must be none without a delta, or difference or '
            "log_odds_ratio with one."
        )
    difference = restriction == "difference"
    limit = 1.0 if difference else LARGEST_LOG_ODDS_RATIO
    delta = real("delta", delta, above=-limit, below=limit)
    unit = np.linspace(1 / grid, 1 - 1 / grid, grid)
    weight = xlogy(prior - 1, unit) + xlog1py(prior - 1, -unit)
    theta = unit * (1 - abs(delta)) - min(delta, 0.0) if difference else unit

    def other(share: Floats) -> Floats:
        return np.asarray(share + delta if difference else expit(logit(share) + delta), dtype=np.float64)

    terms = np.stack([np.log(theta), np.log1p(-theta), np.log(other(theta)), np.log1p(-other(theta))])
    theta_a = np.array([softmax(weight + row @ terms) @ theta for row in seen])  # block by block: memory of one grid
    return theta_a, other(theta_a)


def _log_likelihood(events: Floats, people: int, share: Floats) -> Floats:
    return np.asarray(xlogy(events, share) + xlog1py(people - events, -share), dtype=np.float64)


def _before(counts: Floats) -> Floats:
    return np.concatenate(([0.0], np.cumsum(counts)[:-1]))


def _counts(name: str, values: ArrayLike, people: int) -> Floats:
    counts = series(name, values, low=0.0, high=float(people))
    if (counts != np.floor(counts)).any():
        at = int(np.argmax(counts != np.floor(counts)))
        raise DataError(f"{name}[{at}] == {counts[at]}, must be a whole number of events.")
    return counts
