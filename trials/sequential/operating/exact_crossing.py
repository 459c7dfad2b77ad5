"""Exact crossing chances of mixtures given as numbers: one arm's likelihood ratios, and pair bets without a design.

`crossing.chance` is P(the mixture reaches the threshold within the trial), looked at after every observation; under the
null it is at most 1/threshold (Ville). By dynamic programming over counts, no simulation (Wald, 1947, ch. 3).

What Roadtest uses it for: `exact.pairs` answers for a protocol's own design; these answer for any bets, so that the exact
figures of docs/statistics.md can be held against other people's programs, bet by bet.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from trials.errors import DataError
from trials.sequential.operating.sprt import advanced
from trials.sequential.peers.arguments import Floats, real, series, share, whole

MOST_PEOPLE, MOST_PAIRS = 20_000, 4_000  # what fits into memory and a minute


@dataclass(frozen=True, slots=True)
class Crossing:
    """chance: P(the threshold is reached within the trial). mean: E[min(time of crossing, length of the trial)]."""

    chance: float
    mean: float


def one_arm(
    alternatives: ArrayLike, weights: ArrayLike, *, benchmark: float, truth: float, threshold: float, people: int
) -> Crossing:
    """sum_k w_k prod LR(p_k against the benchmark) >= threshold, each of `people` looked at in turn.

    alternatives, weights: shape (K,), weights sum to 1. truth: the true share; mean is in people. Raises DataError.
    """
    shares = series("alternatives", alternatives, low=1e-12, high=1 - 1e-12)
    mixing = _weights(weights, shares.size)
    benchmark, truth, people = (
        share("benchmark", benchmark),
        share("truth", truth),
        whole("people", people, least=1, most=MOST_PEOPLE),
    )
    level = math.log(real("threshold", threshold, above=1.0))
    event, other = np.log(shares / benchmark), np.log((1 - shares) / (1 - benchmark))
    alive, chance, mean = np.array([1.0]), [], []
    for n in range(1, people + 1):
        mean.append(float(alive.sum()))
        alive = advanced(alive, truth)
        count = np.arange(n + 1.0)[:, None]
        fires = _log_mixture(count * event + (n - count) * other, mixing) >= level
        chance.append(float(alive[fires].sum()))
        alive[fires] = 0.0
    return Crossing(math.fsum(chance), math.fsum(mean))


def pair_bets(
    stakes: ArrayLike, weights: ArrayLike, *, control: float, treated: float, threshold: float, pairs: int
) -> Crossing:
    """sum_k w_k prod(1 + lambda_k D) >= threshold, D = control's loss - treated's loss of a pair.

    stakes: lambda_k in (-1, 1), shape (K,); weights sum to 1. control, treated: true chances of a loss; mean is in pairs.
    A tie pays nothing, so the two counts of unequal pairs are the whole state. Cost O(pairs^3) additions.
    Raises DataError.
    """
    bets = series("stakes", stakes, low=-1 + 1e-12, high=1 - 1e-12)
    mixing = _weights(weights, bets.size)
    control, treated, pairs = (
        share("control", control),
        share("treated", treated),
        whole("pairs", pairs, least=1, most=MOST_PAIRS),
    )
    level = math.log(real("threshold", threshold, above=1.0))
    up, down = control * (1 - treated), treated * (1 - control)
    count = np.arange(pairs + 1.0)[:, None]
    ups, downs = count * np.log1p(bets), count * np.log1p(-bets)
    fires = np.stack([_log_mixture(row + downs, mixing) >= level for row in ups])
    alive = np.zeros((pairs + 1, pairs + 1))
    alive[0, 0] = 1.0
    chance, mean = [], []
    for n in range(1, pairs + 1):
        mean.append(float(alive[:n, :n].sum()))
        moved = alive[: n + 1, : n + 1] * (1 - up - down)
        moved[1:] += alive[:n, : n + 1] * up
        moved[:, 1:] += alive[: n + 1, :n] * down
        crossed = fires[: n + 1, : n + 1]
        chance.append(float(moved[crossed].sum()))
        moved[crossed] = 0.0
        alive[: n + 1, : n + 1] = moved
    return Crossing(math.fsum(chance), math.fsum(mean))


def _log_mixture(logs: Floats, weights: Floats) -> Floats:
    """log sum_k w_k exp(logs[..., k])."""
    top = logs.max(axis=-1)
    return np.asarray(top + np.log(np.exp(logs - top[..., None]) @ weights), dtype=np.float64)


def _weights(weights: ArrayLike | Sequence[float], size: int) -> Floats:
    array = series("weights", weights, low=0.0, high=1.0)
    if array.size != size or abs(math.fsum(array) - 1) > 1e-9:
        raise DataError(f"weights == {array.tolist()}, must be {size} numbers that sum to 1.")
    return array
