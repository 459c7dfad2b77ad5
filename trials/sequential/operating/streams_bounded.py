"""Many simulated trials at once of values in [0, 1]: when would each claim fire? Two arms, or one against a benchmark.

The same evidence as `bounded_mixture`, `normal_mixture`, `one_arm_bounded` and `one_arm_binary`, over `runs` streams side by
side in one stratum, everybody peeking after every block. No interval: only the claims' own bets are kept.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import log_ndtr

from trials.errors import DataError
from trials.sequential import bets, bounded_mixture, exposure_blocks, normal_mixture, one_arm_binary, one_arm_bounded
from trials.sequential.bets import Floats, Side
from trials.sequential.design import Design
from trials.sequential.operating.streams import NEVER, Crossings
from trials.sequential.peers.arguments import share, whole
from trials.sequential.peers.uniform_bounds import best_rho

# (rng, shape) -> losses in [0, 1] of that shape: an arm's people, each drawn like the others.
Draw = Callable[[np.random.Generator, tuple[int, ...]], Floats]


def beta_losses(mean: float, variance: float) -> Draw:
    """Losses with a beta distribution of this mean and variance. Raises DataError where there is none.

    0 < mean < 1; 0 < variance < mean (1 − mean).
    """
    mean = share("mean", mean)
    size = mean * (1 - mean) / variance - 1 if variance > 0 else 0.0
    if not size > 0:
        raise DataError(f"variance == {variance:g}, must be > 0 and < {mean * (1 - mean):g} for a mean of {mean:g}.")
    return lambda rng, shape: np.asarray(rng.beta(size * mean, size * (1 - mean), shape), dtype=np.float64)


def binary_losses(chance: float) -> Draw:
    """1 with this chance, else 0. Raises DataError for a chance that is not in (0, 1)."""
    chance = share("chance", chance)
    return lambda rng, shape: np.asarray(rng.random(shape) < chance, dtype=np.float64)


def simulate(
    design: Design, *, control: Draw, treated: Draw, participants: int, runs: int, rng: np.random.Generator
) -> Crossings:
    """Runs of a two-arm trial judged by `bounded_mixture`, looked at after every block. Memory: O(runs).

    participants: at most this many per run (whole blocks only). Raises DataError.
    """
    size = design.n_t + design.n_c
    runs, steps = whole("runs", runs, least=1), whole("participants", participants, least=size) // size
    sides, learner = bets.sides(design), Learner(design, runs)
    watch = Watch(sides, runs)
    for number in range(1, steps + 1):
        t, c = treated(rng, (design.n_t, runs)), control(rng, (design.n_c, runs))
        mean, variance = learner.guess()
        for claim, side in sides.items():
            one, other = (c, t) if side.swapped else (t, c)
            watch.wealth[claim] += exposure_blocks.pay(side, one, other, side.margin, mean, variance)
        watch.look(number * size)
        learner.learn(t, c)
    return Crossings(watch.fired, steps * size)


def simulate_one_arm(
    design: Design, *, treated: Draw, participants: int, runs: int, rng: np.random.Generator
) -> Crossings:
    """Runs of a one-arm trial, looked at after everybody: binary designs by `one_arm_binary`, others by `one_arm_bounded`.

    Designs for counts as `one_arm_count.scaled` makes them. Raises DataError, and ProtocolError for two arms.
    """
    one_arm_binary.admit(design)
    runs, steps = whole("runs", runs, least=1), whole("participants", participants, least=1)
    sides, learner = bets.sides(design), Learner(design, runs)
    watch = Watch(sides, runs)
    for number in range(1, steps + 1):
        losses = treated(rng, (1, runs))
        variance = learner.guess()[1]
        for claim, side in sides.items():
            if design.values == "binary":
                watch.wealth[claim] += one_arm_binary.tables(design)[claim][:, losses[0].astype(int)]
            else:
                edge = one_arm_binary.null_share(design, side, side.margin)
                watch.wealth[claim] += value_pay(side, losses[0], edge, variance)
        watch.look(number)
        learner.learn(losses)
    return Crossings(watch.fired, steps)


def simulate_normal(
    design: Design, *, control: Draw, treated: Draw, participants: int, runs: int, rng: np.random.Generator
) -> Crossings:
    """Runs of a trial of pairs judged by `normal_mixture`, looked at after every pair from the tenth on. Memory: O(runs).

    Raises DataError, and ProtocolError for what that method does not judge.
    """
    normal_mixture.admit(design)
    runs, steps = whole("runs", runs, least=1), whole("participants", participants, least=2) // 2
    sides = bets.sides(design)
    fired = {claim: np.full(runs, NEVER, dtype=np.int64) for claim in sides}
    total, squares = np.zeros(runs), np.zeros(runs)
    for n in range(1, steps + 1):
        difference = control(rng, (runs,)) - treated(rng, (runs,))
        total, squares = total + difference, squares + difference**2
        seen = np.maximum(squares - total**2 / n, 0.0)
        shrunk = (seen + normal_mixture.PRIOR_WEIGHT * 2 * design.spread) / (normal_mixture.PRIOR_WEIGHT + n)
        sigma = np.sqrt(np.maximum(np.maximum(shrunk, seen / max(n - 1, 1)), normal_mixture.SMALLEST_VARIANCE))
        for claim, side in sides.items() if n >= normal_mixture.FIRST else ():
            beyond = (-total if side.swapped else total) - n * side.margin
            rho = best_rho(normal_mixture.tuned_for(design, side.error), side.error, one_sided=True)
            logs = normal_logs(beyond / sigma, n, rho)
            fired[claim][(fired[claim] == NEVER) & (logs >= -np.log(side.error))] = 2 * n
    return Crossings(fired, 2 * steps)


def normal_logs(s: Floats, v: float | Floats, rho: float) -> Floats:
    """`uniform_bounds.normal_log_mixture`, one-sided, over many sums s at once: shape as s."""
    both = 0.5 * np.log(rho / (v + rho)) + s**2 / (2 * (v + rho))
    return np.asarray(both + np.log(2) + log_ndtr(s / np.sqrt(v + rho)), dtype=np.float64)


class Learner:
    """Mean and variance of one loss per run, as `bounded_mixture.learned` has them."""

    def __init__(self, design: Design, runs: int) -> None:
        weight = bounded_mixture.PRIOR_WEIGHT
        self.weight = weight
        self.sum = np.full(runs, weight * design.baseline)
        self.squares = np.full(runs, weight * (design.spread + design.baseline**2))

    def guess(self) -> tuple[Floats, Floats]:
        mean = self.sum / self.weight
        return mean, np.maximum(self.squares / self.weight - mean**2, 1e-4)

    def learn(self, *arms: Floats) -> None:
        """Each of shape (people, runs)."""
        for losses in arms:
            self.weight += losses.shape[0]
            self.sum = self.sum + losses.sum(axis=0)
            self.squares = self.squares + (losses**2).sum(axis=0)


class Watch:
    """Log wealth of each claim's bets, (K, runs), and the number of people at which the claim fired, (runs,)."""

    def __init__(self, sides: dict[str, Side], runs: int) -> None:
        self.sides = sides
        self.wealth = {claim: np.zeros((len(side.weights), runs)) for claim, side in sides.items()}
        self.fired = {claim: np.full(runs, NEVER, dtype=np.int64) for claim in sides}

    def look(self, people: int) -> None:
        for claim, side in self.sides.items():
            waiting = self.fired[claim] == NEVER
            if waiting.any():
                reached = bets.log_mixture(self.wealth[claim], side.weights) >= -np.log(side.error)
                self.fired[claim][waiting & reached] = people


def value_pay(side: Side, losses: Floats, edge: float, variance: Floats) -> Floats:
    """log of what a value pays each bet against H0: mean ≥ edge, per run: shape (K, runs). As `one_arm_bounded.pay`."""
    distance = np.array(side.distances)[:, None]
    limit = one_arm_bounded.CAUTION * bets.MOST_AT_STAKE / (1.0 - edge)
    stake = np.minimum(distance / (variance + distance**2), limit)
    return np.asarray(np.log1p(stake * (edge - (1.0 - losses if side.swapped else losses))), dtype=np.float64)
