"""Many simulated trials at once: when would each claim fire? Pairs and blocks of binary outcomes, vectorised.

The same pay-off tables as `binary_mixture`, over `runs` streams side by side, everybody peeking after every block.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trials.evidence import CLAIMS
from trials.sequential import binary_mixture
from trials.sequential.design import Design

NEVER = -1


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

    def first_is(self, claim: str) -> float:
        """Share of trials in which this claim is the first to fire (harm before dud before benefit in a tie)."""
        mine = self.by_claim[claim]
        ahead = mine != NEVER
        order = ("harm", "dud", "benefit")
        for other in CLAIMS:
            if other != claim:
                theirs = self.by_claim[other]
                wins_tie = order.index(claim) < order.index(other)
                ahead &= (theirs == NEVER) | (mine < theirs) | ((mine == theirs) & wins_tie)
        return float(np.mean(ahead))


def simulate(
    design: Design, *, control: float, treated: float, participants: int, runs: int, rng: np.random.Generator
) -> Crossings:
    """Runs of a two-arm binary trial with these chances of a loss, looked at after every block.

    participants: at most this many per run (whole blocks only). Memory: O(runs).
    """
    size = design.n_t + design.n_c
    steps = participants // size
    tables = binary_mixture.tables(design)
    sides = {claim: side for claim, (side, _) in binary_mixture.staked(design).items()}
    # The log wealth of bet k in run r, per claim: (K, runs); one block adds a column of the pay-off table.
    wealth = {claim: np.zeros((tables[claim].shape[0], runs)) for claim in CLAIMS}
    fired = {claim: np.full(runs, NEVER, dtype=np.int64) for claim in CLAIMS}
    for number in range(1, steps + 1):
        losses_t = rng.binomial(design.n_t, treated, size=runs)
        losses_c = rng.binomial(design.n_c, control, size=runs)
        cells = losses_t * (design.n_c + 1) + losses_c
        for claim in CLAIMS:
            wealth[claim] += tables[claim][:, cells]
            open_runs = fired[claim] == NEVER
            if not open_runs.any():
                continue
            weights = np.array(sides[claim].weights)
            total = weights @ np.exp(wealth[claim])
            fired[claim][open_runs & (total >= 1 / sides[claim].error)] = number * size
    return Crossings(fired, steps * size)


def share_error(share: float, runs: int) -> float:
    """Monte Carlo standard error of a simulated share."""
    return math.sqrt(max(share * (1 - share), 0.25 / runs) / runs)
