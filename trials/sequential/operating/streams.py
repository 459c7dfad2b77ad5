"""Many simulated trials at once of binary outcomes: when would each claim fire?

The same pay-off tables as `binary_mixture` and `one_arm_binary`, over `runs` streams side by side, everybody peeking after
every block. In one stratum a look compares two whole numbers with a boundary (`frontier`), so tens of millions of looks at
a stream take a second.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trials.evidence import CLAIMS
from trials.sequential import bets
from trials.sequential.bets import Floats
from trials.sequential.design import Design
from trials.sequential.operating.frontier import Frontier, Line, line

NEVER = -1
Move = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Crossings:
    """For each simulated trial and claim the number of participants when it first fired; NEVER (-1) if it did not.

    by_claim: shape (runs,) each. most: participants at the end of a full trial.
    """

    by_claim: dict[str, NDArray[np.int64]]
    most: int

    def share(self, claim: str) -> float:
        """Share of trials in which the claim fired."""
        return float(np.mean(self.by_claim[claim] != NEVER))

    def first(self, *claims: str) -> NDArray[np.int64]:
        """Participants at the first of these claims, or a full trial. Shape (runs,)."""
        stops = [np.where(self.by_claim[claim] == NEVER, self.most, self.by_claim[claim]) for claim in claims]
        return np.asarray(np.min(stops, axis=0), dtype=np.int64)

    def expected(self, *claims: str) -> float:
        """Mean participants until the first of these claims fires, at most a full trial."""
        return float(np.mean(self.first(*claims)))


def simulate(
    design: Design,
    *,
    control: float,
    treated: float,
    participants: int,
    runs: int,
    rng: np.random.Generator,
    strata: int = 1,
    stride: int = 1,
) -> Crossings:
    """Runs of a binary trial with these chances of a loss, looked at after every block. Memory: O(runs · strata).

    participants: at most this many per run (whole blocks only). strata: of designs with several, how many; they take turns.
    stride: look only after so many blocks, for plans so large that every block would take too long.
    """
    looks = participants // ((design.n_t + design.n_c) * stride)
    moves = (drawn(design, control, treated, runs, rng, stride) for _ in range(looks))
    if design.several:
        return in_strata(design, moves, runs=runs, strata=strata, stride=stride)
    return in_one(design, moves, runs=runs, stride=stride)


def drawn(design: Design, control: float, treated: float, runs: int, rng: np.random.Generator, stride: int = 1) -> Move:
    """What the blocks before one look add to "up" and "down" of each run (`frontier`): two arrays of shape (runs,)."""
    if design.n_c == 0:
        losses = rng.binomial(stride, treated, size=runs)
        return stride - losses, losses
    if not design.n_t == design.n_c == 1:
        return rng.binomial(design.n_c * stride, control, runs), rng.binomial(design.n_t * stride, treated, runs)
    up, down = control * (1 - treated), treated * (1 - control)
    if stride == 1:
        # One number in [0, 2^32) says which of the three kinds of pair it is; chances are met to 2^-33.
        raw = rng.integers(0, 2**32, size=runs, dtype=np.uint32)
        return raw < round(up * 2**32), raw > 2**32 - 1 - round(down * 2**32)
    ups = rng.binomial(stride, up, runs)
    return ups, rng.binomial(stride - ups, down / (1 - up) if up < 1 else 0.0)


def in_one(design: Design, moves: Iterable[Move], *, runs: int, stride: int = 1) -> Crossings:
    """When the claims fire in trials whose blocks add these moves. Compares counts with the claims' frontiers.

    moves: what each look adds to "up" and "down", shape (runs,) each.
    """
    size = (design.n_t + design.n_c) * stride
    ups, downs = np.zeros(runs, dtype=np.int64), np.zeros(runs, dtype=np.int64)
    frontiers = {claim: Frontier(line(design, claim)) for claim in CLAIMS}
    fired = {claim: np.full(runs, NEVER, dtype=np.int64) for claim in CLAIMS}
    number = 0
    for number, (up, down) in enumerate(moves, start=1):
        ups += up
        downs += down
        ends = int(ups.min()), int(ups.max()), int(downs.min()), int(downs.max())
        for claim, frontier in frontiers.items():
            against, towards, low, high = (ups, downs, *ends[:2]) if frontier.bet.swapped else (downs, ups, *ends[2:])
            bound = frontier.at(number * stride, low, high)
            if bound.min() > (ends[3] if frontier.bet.swapped else ends[1]):
                continue
            reached = np.flatnonzero(towards >= bound[against - low])
            if reached.size:
                fired[claim][reached[fired[claim][reached] == NEVER]] = number * size
    return Crossings(fired, number * size)


def in_strata(design: Design, moves: Iterable[Move], *, runs: int, strata: int, stride: int = 1) -> Crossings:
    """The same in several strata, whose blocks take turns: half of the stake on them all, half on each (`bets.over_strata`)."""
    size = (design.n_t + design.n_c) * stride
    lines = {claim: line(design, claim) for claim in CLAIMS}
    fired = {claim: np.full(runs, NEVER, dtype=np.int64) for claim in CLAIMS}
    counts = np.zeros((strata, 3, runs))  # looks, "up", "down" in each stratum
    mixed = {claim: np.zeros((strata, runs)) for claim in CLAIMS}
    number = 0
    for number, (up, down) in enumerate(moves, start=1):
        turn = (number - 1) % strata
        counts[turn] += np.stack([np.full(runs, stride), up, down])
        pooled = counts.sum(axis=0)
        for claim, bet in lines.items():
            shared = bets.log_mixture(
                _wealth(bet, pooled)[1:], tuple(w / (1 - bet.weights[0]) for w in bet.weights[1:])
            )
            total = shared
            if not design.many:
                mixed[claim][turn] = bets.log_mixture(_wealth(bet, counts[turn]), bet.weights)
                total = np.logaddexp(mixed[claim].sum(axis=0), shared) - math.log(2)
            reached = (total >= bet.threshold) & (fired[claim] == NEVER)
            fired[claim][reached] = number * size
    return Crossings(fired, number * size)


def _wealth(bet: Line, counts: Floats) -> Floats:
    """log wealth of each bet, (K, runs), at these looks, "up" and "down": shape (3, runs)."""
    looks, ups, downs = counts
    against, towards = (ups, downs) if bet.swapped else (downs, ups)
    return np.asarray(np.outer(bet.each, looks) + np.outer(bet.away, against) + np.outer(bet.nearer, towards))


def share_error(share: float, runs: int) -> float:
    """Monte Carlo standard error of a simulated share."""
    return math.sqrt(max(share * (1 - share), 0.25 / runs) / runs)
