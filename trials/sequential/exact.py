"""Exact operating characteristics of pair bets on binary outcomes, by dynamic programming over counts. No simulation.

How a trial of pairs stands is fixed by two counts: pairs in which only the control had a loss, and pairs in which only
the treated had. Their joint distribution is carried from pair to pair (Wald, 1947, "Sequential Analysis", ch. 3, does so
for one count); what has crossed leaves it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trials.errors import DataError
from trials.sequential import binary_mixture
from trials.sequential.design import Design


@dataclass(frozen=True, slots=True)
class Exact:
    """chance: P(the claim fires within the pairs). participants: the mean number until it does, at most a full trial."""

    chance: float
    participants: float


def pairs(design: Design, claim: str, *, control: float, treated: float, participants: int) -> Exact:
    """The exact chance that a claim ever fires, and when, with everybody looking after every pair.

    control, treated: true chances of a loss. Cost O(pairs^3) additions; 1,000 pairs take a few seconds.
    Raises DataError for designs that are not 1:1.
    """
    if (design.n_t, design.n_c) != (1, 1):
        raise DataError(
            f"allocation == {design.n_t}:{design.n_c}, must be 1:1 for exact figures. Use streams.simulate."
        )
    steps = participants // 2
    side, _ = binary_mixture.staked(design)[claim]
    table = binary_mixture.tables(design)[claim]  # columns: (t, c) = (0, 0), (0, 1), (1, 0), (1, 1)
    up, down = control * (1 - treated), treated * (1 - control)
    count = np.arange(steps + 1)
    # log pay-off of a state = ties · log(tie) + ups · log(up/tie) + downs · log(down/tie), per bet.
    ups = np.exp(np.outer(count, table[:, 1] - table[:, 0]))
    downs = np.exp(np.outer(count, table[:, 2] - table[:, 0]))
    alive = np.zeros((steps + 1, steps + 1))
    alive[0, 0] = 1.0
    chance, mean = 0.0, 0.0
    for step in range(1, steps + 1):
        mean += float(alive.sum())
        moved = alive[: step + 1, : step + 1] * (1 - up - down)
        moved[1:, :] += alive[:step, : step + 1] * up
        moved[:, 1:] += alive[: step + 1, :step] * down
        weights = np.array(side.weights) * np.exp(step * table[:, 0])
        fires = (ups[: step + 1] * weights) @ downs[: step + 1].T >= 1 / side.error
        chance += float(moved[fires].sum())
        moved[fires] = 0.0
        alive[: step + 1, : step + 1] = moved
    return Exact(chance, 2 * mean)
