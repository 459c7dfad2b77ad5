"""Wald's sequential probability ratio test of one share, exactly.

P(reject p0 | p0) <= alpha/(1 - beta) and P(accept p0 | p1) <= beta/(1 - alpha), and the two errors sum to at most
alpha + beta: with the boundaries log((1 - beta)/alpha) and log(beta/(1 - alpha)) on the log likelihood ratio of p1 against
p0 (Wald, 1947, "Sequential Analysis", ch. 3; approximate means eq. 3:57).

What Roadtest uses it for: the classical test of one share with nobody limiting its length, the floor that docs/statistics.md
holds the one-arm mixture against. Figures by dynamic programming over the number of events, without simulation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from trials.errors import DataError
from trials.sequential.peers.arguments import Floats, share

FORGOTTEN = 1e-18  # stop when so little of the probability is still undecided that no printed digit can change
MOST_STEPS = 20_000


@dataclass(frozen=True, slots=True)
class Sprt:
    """p0, p1: the two simple hypotheses about the share. alpha, beta: Wald's nominal errors, alpha + beta < 1."""

    p0: float
    p1: float
    alpha: float
    beta: float

    def __post_init__(self) -> None:
        for name in ("p0", "p1", "alpha", "beta"):
            share(name, getattr(self, name))
        if self.p0 == self.p1:
            raise DataError(f"p1 == {self.p1}, must differ from p0.")
        if self.alpha + self.beta >= 1:
            raise DataError(f"alpha + beta == {self.alpha + self.beta:g}, must be below 1.")

    @property
    def boundaries(self) -> tuple[float, float]:
        """(accept at or below, reject at or above), of the log likelihood ratio."""
        return math.log(self.beta / (1 - self.alpha)), math.log((1 - self.beta) / self.alpha)

    @property
    def steps(self) -> tuple[float, float]:
        """What an event and a non-event add to the log likelihood ratio."""
        return math.log(self.p1 / self.p0), math.log((1 - self.p1) / (1 - self.p0))


@dataclass(frozen=True, slots=True)
class Characteristics:
    """mean: E[number of observations]; reject, accept: chances of ending with p0 rejected, accepted."""

    mean: float
    reject: float
    accept: float


def characteristics(test: Sprt, p: float) -> Characteristics:
    """The exact figures if the true share is p. Raises DataError; also where the test needs more than 20,000 steps."""
    p = share("p", p)
    accept_at, reject_at = test.boundaries
    event, other = test.steps
    alive = np.array([1.0])  # by number of events so far
    mean = reject = accept = 0.0
    for n in range(1, MOST_STEPS + 1):
        mean += float(alive.sum())
        alive = advanced(alive, p)
        count = np.arange(n + 1)
        log_ratio = count * event + (n - count) * other
        up, down = log_ratio >= reject_at, log_ratio <= accept_at
        reject += float(alive[up].sum())
        accept += float(alive[down].sum())
        alive[up | down] = 0.0
        if alive.sum() * n < FORGOTTEN:
            return Characteristics(mean, reject, accept)
    raise DataError(f"p1 == {test.p1} is too close to p0 == {test.p0}, must be decided within {MOST_STEPS} steps.")


def wald_means(test: Sprt) -> tuple[float, float]:
    """Wald's approximate E[number of observations] under p0 and under p1: they leave out the overshoot."""
    accept_at, reject_at = test.boundaries
    event, other = test.steps

    def mean(rejects: float, p: float) -> float:
        return (rejects * reject_at + (1 - rejects) * accept_at) / (p * event + (1 - p) * other)

    return mean(test.alpha, test.p0), mean(1 - test.beta, test.p1)


def advanced(alive: Floats, p: float) -> Floats:
    """The distribution of the number of events one observation later, shape (n,) -> (n + 1,)."""
    moved = np.zeros(alive.size + 1)
    moved[:-1] = alive * (1 - p)
    moved[1:] += alive * p
    return moved
