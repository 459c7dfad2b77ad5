"""The fixed-size trial of shares by its exact test: what so few people find that a normal approximation promises too much.

Guarantee: P(the test rejects | no effect) ≤ alpha at every size and every baseline. Two arms: Fisher's exact test, one-sided
(Fisher, 1935); its power is the sum over both arms' binomial counts. One arm: the exact binomial test. The power of either
goes up and down a little from one size to the next, because counts are whole numbers; a trial may stop counting earlier than
at its end, so what is given is the best of all sizes up to the planned one, which never falls as people are added.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln
from scipy.stats import binom

from trials.sequential.bets import Floats
from trials.sequential.design import Design
from trials.sequential.operating.truths import possible, rates

Ints = NDArray[np.int64]

# Beyond so many people the normal approximation is used: there it says at most 8 points of power more
# (tests/managing/test_gate_exact.py), and trials that large are not refused for want of a few people.
MOST = 300


def fits(design: Design, participants: float) -> bool:
    """Whether the exact test is worked out for this design and size."""
    return design.values == "binary" and participants < MOST + 1


def power(design: Design, participants: float, effect: float) -> float:
    """P(the exact test at alpha finds this effect | it is true), with at most so many participants in the planned ratio.

    effect: on the method's scale, positive = better; one that leaves no share in (0, 1) is taken to the edge. Participants that
    don't fill the ratio are left out.
    """
    block = design.n_t + design.n_c
    largest = int(participants + 1e-9) // block
    if largest < 1:
        return 0.0
    control, treated = rates(design, effect) if possible(design, effect) else (design.baseline, 0.0)
    sizes = np.arange(1, largest + 1)
    if design.n_c == 0:
        return float(np.max(binom.cdf(_one_arm(largest, design.baseline, design.alpha), sizes, treated)))
    limits = _two_arms(design.n_t, design.n_c, largest, design.alpha)
    controls = np.arange(design.n_c * largest + 1)
    counts = binom.pmf(controls, design.n_c * sizes[:, None], control)
    found = binom.cdf(limits, design.n_t * sizes[:, None], treated)
    return float(np.max((counts * found).sum(axis=1)))


@lru_cache(64)
def _one_arm(largest: int, benchmark: float, alpha: float) -> Ints:
    """For 1, 2, ... people the largest number of losses that is significantly below the benchmark; −1 = none. (largest,)"""
    sizes = np.arange(1, largest + 1)
    at = binom.ppf(alpha, sizes, benchmark)
    return np.asarray(np.where(binom.cdf(at, sizes, benchmark) <= alpha, at, at - 1), dtype=np.int64)


@lru_cache(64)
def _two_arms(n_t: int, n_c: int, largest: int, alpha: float) -> Ints:
    """By blocks (1, 2, ...) and the controls' losses: the treated's largest number of losses that is significantly fewer.

    (largest, n_c · largest + 1); −1 = none, also where a size has not so many controls.
    """
    found = np.full((largest, n_c * largest + 1), -1, dtype=np.int64)
    for blocks in range(1, largest + 1):
        treated, controls = n_t * blocks, n_c * blocks
        significant = _below(treated, controls) <= alpha
        found[blocks - 1, : controls + 1] = significant.sum(axis=0) - 1
    return found


def _below(treated: int, controls: int) -> Floats:
    """P(no more losses among the treated than seen | both arms' losses together, no effect), by (treated's, controls') losses.

    Given the total, the treated's losses are hypergeometric. It rises with the treated's losses, so for each number of
    controls' losses those that are significant are 0, 1, ... up to a limit (Barnard, 1947, Biometrika 34:123-138).
    """
    t, totals = np.arange(treated + 1)[:, None], np.arange(treated + controls + 1)[None, :]
    c = totals - t
    inside = (c >= 0) & (c <= controls)
    logs = _choose(treated)[t] + _choose(controls)[np.clip(c, 0, controls)] - _choose(treated + controls)[totals]
    cumulated = np.cumsum(np.where(inside, np.exp(logs), 0.0), axis=0)
    lost = np.arange(controls + 1)[None, :]
    return np.asarray(np.take_along_axis(cumulated, t + lost, axis=1))


@lru_cache(4 * MOST)
def _choose(people: int) -> Floats:
    """Logs of the binomial coefficients (people over 0, 1, ..., people)."""
    logs = gammaln(np.arange(people + 1) + 1.0)
    return np.asarray(logs[people] - logs - logs[::-1])
