"""The bets behind the rules: three e-processes, each a mixture over fixed bets that depends on sums alone.

Guarantee of each: P(there is a time t with E_t ≥ 1/error) ≤ error under its null hypothesis, however often anybody looks
(Ville, 1939, "Étude critique de la notion de collectif"; mixtures: Robbins, 1970, Ann. Math. Stat. 41:1397-1409).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trials.errors import DataError
from trials.sequential.bets import MOST_AT_STAKE, log_mixture

Floats = NDArray[np.float64]

# Shares of the planned pace that are bet on, and how much of the stake each holds.
PACES, PACE_WEIGHTS = (0.9, 0.75, 0.5, 0.25, 0.1), (0.15, 0.3, 0.3, 0.15, 0.1)
# Odds against the limit's odds that are bet on.
ODDS, ODDS_WEIGHTS = (1.25, 1.5, 2.0, 3.0, 6.0), (0.2, 0.25, 0.25, 0.2, 0.1)
# Shares of what is held that are laid on "above the limit".
STAKES, STAKE_WEIGHTS = (0.25, 0.5, MOST_AT_STAKE), (0.2, 0.3, 0.5)
# Values above so many times the limit count as that: one slip of the pen shall not decide. Lowering keeps the null's mean.
WINSORISED = 3.0


def pace_log_e(joined: ArrayLike, expected: ArrayLike, together: int = 1) -> Floats:
    """log E that people join more slowly than planned: joined against the expected number; shapes (...) alike.

    H0: given the past, at every time people join at the planned rate or faster. θ^N exp((1 − θ) Λ), N joined, Λ expected, is
    a martingale of a Poisson process at that rate for every θ (Wald's likelihood ratio), for θ < 1 a supermartingale at
    a faster one. Where up to b join together N/b and Λ/b do the same, whatever the groups' sizes B: θ^(B/b) is convex in B, so
    at most 1 − (1 − θ) B/b.
    """
    n, mean = np.asarray(joined, dtype=np.float64) / together, np.asarray(expected, dtype=np.float64) / together
    logs = np.stack([n * np.log(pace) + (1.0 - pace) * mean for pace in PACES])
    return log_mixture(logs, PACE_WEIGHTS)


def share_log_e(hits: ArrayLike, people: ArrayLike, limit: float) -> Floats:
    """log E that a share is above its limit: hits among people; shapes (...) alike.

    H0: each one's chance of a hit, given those before them, is at most the limit. (q/limit)^hits ((1 − q)/(1 − limit))^others
    with q above the limit: a factor's mean p q/limit + (1 − p)(1 − q)/(1 − limit) rises with p and is 1 at the limit.
    Raises DataError unless 0 < limit < 1.
    """
    if not 0 < limit < 1:
        raise DataError(f"limit == {limit:g}, must be > 0 and < 1. Write 0.2 for 20 %.")
    k, n = np.asarray(hits, dtype=np.float64), np.asarray(people, dtype=np.float64)
    odds = limit / (1.0 - limit) * np.array(ODDS)
    more = odds / (1.0 + odds)
    logs = np.stack([k * np.log(q / limit) + (n - k) * np.log((1.0 - q) / (1.0 - limit)) for q in more])
    return log_mixture(logs, ODDS_WEIGHTS)


def mean_log_e(ratios: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """log E after each of the values that their mean is above the limit. ratios: (n,) values ≥ 0 over their limit -> (n,).

    H0: each value's mean, given those before it, is at most its limit; so 1 + λ (ratio − 1) has a mean of at most 1 for a
    stake λ in [0, 1), and is above 0 (Waudby-Smith & Ramdas, 2024, JRSS B 86:1-27, section 4). Nothing is assumed of the
    dependence between values beyond that. weights: (n,) in [0, 1], known before each value, that the stakes are multiplied by.
    """
    values = np.minimum(np.asarray(ratios, dtype=np.float64), WINSORISED)
    shares = np.ones_like(values) if weights is None else np.asarray(weights, dtype=np.float64)
    logs = np.stack([np.cumsum(np.log1p(stake * shares * (values - 1.0))) for stake in STAKES])
    return log_mixture(logs, STAKE_WEIGHTS)
