"""Betting on the mean of values in [0, 1], with bets set by the data so far.

P(there is a t at which the capital against the true mean exceeds 1/alpha) <= alpha, for values in [0, 1] whose conditional
mean is constant; so P(the mean ever leaves the confidence sequence) <= alpha.
Waudby-Smith & Ramdas (2024), "Estimating means of bounded random variables by betting", JRSS B 86(1): predictable bets
and empirical Bernstein Theorem 2, hedged capital Theorem 3.

What Roadtest uses it for: it is "plug-in betting" of docs/statistics.md, the peer that the mixture of fixed bets is
compared with. Its e-value depends on the order of the data; the mixture's does not.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from trials.sequential.peers.arguments import Floats, real, series, share, whole

LEAST_STAKE = 1e-6  # a bet of less is none
ROWS = 128  # candidate means computed at once: bounds the memory of long data


def predictable_bets(x: ArrayLike, alpha: float) -> Floats:
    """lambda_t = sqrt(2 log(1/alpha) / (t log(1 + t) var_{t-1})), shape (n,); each uses values before its own only.

    mean_t = (1/2 + sum x)/(t + 1), var_t = (1/4 + sum (x_i - mean_i)^2)/(t + 1). Raises DataError for x outside [0, 1].
    """
    x, level = series("x", x, low=0.0, high=1.0), -math.log(share("alpha", alpha))
    t = np.arange(1, x.size + 1)
    mean = (0.5 + np.cumsum(x)) / (t + 1)
    variance = (0.25 + np.cumsum((x - mean) ** 2)) / (t + 1)
    before = np.concatenate(([0.25], variance[:-1]))
    return np.asarray(np.sqrt(2 * level / (t * np.log1p(t) * before)), dtype=np.float64)


def hedged_capital(x: ArrayLike, mean: ArrayLike, *, alpha: float, theta: float = 0.5, stake: float = 0.5) -> Floats:
    """Capital max(theta K_up, (1 - theta) K_down) against each candidate mean, shape (M, n) for `mean` of shape (M,).

    K_up = prod(1 + lambda (x - m)), lambda at most stake/m; K_down the same downwards, at most stake/(1 - m).
    theta: share bet on a mean above m. stake in (0, 1): most at risk on one value. Raises DataError.
    """
    x = series("x", x, low=0.0, high=1.0)
    means = series("mean", mean, low=0.0, high=1.0)[:, None]
    share("alpha", alpha)
    theta, stake = real("theta", theta, least=0.0, most=1.0), real("stake", stake, least=LEAST_STAKE, below=1.0)
    capital = np.zeros((means.size, x.size))
    with np.errstate(
        divide="ignore", over="ignore"
    ):  # at m = 0 (m = 1) or next to it any stake upwards (downwards) is safe: the limit is infinite
        if theta > 0:
            bets = np.minimum(predictable_bets(x, alpha * theta), stake / means)
            capital = theta * np.exp(np.cumsum(np.log1p(bets * (x - means)), axis=1))
        if theta < 1:
            bets = np.minimum(predictable_bets(x, alpha * (1 - theta)), stake / (1 - means))
            down = (1 - theta) * np.exp(np.cumsum(np.log1p(-bets * (x - means)), axis=1))
            capital = np.maximum(capital, down)
    return np.asarray(capital, dtype=np.float64)


def betting_sequence(
    x: ArrayLike, *, alpha: float, breaks: int = 1000, theta: float = 0.5, stake: float = 0.5
) -> tuple[Floats, Floats]:
    """(low, high), each of shape (n,): the candidate means k/breaks that hold less than 1/alpha, and one step more on
    either side, because what lies between two candidates was not tried. (0, 1) where no candidate is left.

    No running intersection: later intervals may be wider. Raises DataError.
    """
    x, breaks = series("x", x, low=0.0, high=1.0), whole("breaks", breaks, least=1)
    grid = np.arange(breaks + 1) / breaks
    kept = np.vstack(
        [
            hedged_capital(x, grid[start : start + ROWS], alpha=alpha, theta=theta, stake=stake) <= 1 / alpha
            for start in range(0, grid.size, ROWS)
        ]
    )
    left = kept.any(axis=0)
    first, last = kept.argmax(axis=0), breaks - kept[::-1].argmax(axis=0)
    low = np.where(left, np.maximum(first - 1, 0), 0) / breaks
    high = np.where(left, np.minimum(last + 1, breaks), breaks) / breaks
    return low, high


def empirical_bernstein_sequence(x: ArrayLike, *, alpha: float, stake: float = 0.5) -> tuple[Floats, Floats]:
    """(low, high), each of shape (n,): the predictable plug-in empirical Bernstein confidence sequence, in closed form.

    No running intersection: later intervals may be wider. Raises DataError.
    """
    x, error = series("x", x, low=0.0, high=1.0), share("alpha", alpha) / 2
    stake = real("stake", stake, least=LEAST_STAKE, below=1.0)
    return _bernstein_low(x, error, stake), 1 - _bernstein_low(1 - x, error, stake)


def _bernstein_low(x: Floats, error: float, stake: float) -> Floats:
    """sum(lambda x)/sum(lambda) - (log(1/error) + sum (x - mean_before)^2 psi(lambda))/sum(lambda), at least 0."""
    mean = np.cumsum(x) / np.arange(1, x.size + 1)
    before = np.concatenate(([0.0], mean[:-1]))  # any value fixed beforehand is valid; 0 is the published code's
    bets = np.minimum(predictable_bets(x, error), stake)
    spent = np.cumsum((x - before) ** 2 * (-np.log1p(-bets) - bets)) - math.log(error)
    return np.asarray(np.maximum((np.cumsum(bets * x) - spent) / np.cumsum(bets), 0.0), dtype=np.float64)
