"""Many simulated trials at once with several arms and one control, binary outcomes: when is one arm's claim reached?

The evidence of each comparison is that of `binary_mixture`, adjusted over the arms by e-Holm (`family`), everybody peeking
after every block of all arms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from trials.evidence import CLAIMS
from trials.sequential.bets import Floats
from trials.sequential.design import Design
from trials.sequential.operating.frontier import line
from trials.sequential.operating.streams import NEVER, Crossings


def simulate(
    designs: Sequence[Design],
    *,
    control: float,
    treated: Sequence[float],
    participants: int,
    runs: int,
    rng: np.random.Generator,
) -> Crossings:
    """When the first arm's claims fire, adjusted for the others. designs: one per arm, with the same n_c.

    control, treated: chances of a loss; participants: of the whole trial. Memory: O(runs · arms). One stratum.
    """
    n_c = designs[0].n_c
    size = n_c + sum(design.n_t for design in designs)
    bets = [{claim: line(design, claim) for claim in CLAIMS} for design in designs]
    counts = np.zeros((len(designs), 2, runs))  # "up" and "down" of each comparison, as `frontier` has them
    fired = {claim: np.full(runs, NEVER, dtype=np.int64) for claim in CLAIMS}
    looks = participants // size
    for look in range(1, looks + 1):
        losses = rng.binomial(n_c, control, runs)
        for mine, design, chance in zip(counts, designs, treated, strict=True):
            own = rng.binomial(design.n_t, chance, runs)
            tied = losses * own if design.n_t == n_c == 1 else 0
            mine += np.stack([losses - tied, own - tied])
        for claim in CLAIMS:
            logs = [
                arm[claim].log_e(look, *_sides(arm[claim].swapped, mine))
                for arm, mine in zip(bets, counts, strict=True)
            ]
            reached = (adjusted(np.stack(logs)) >= bets[0][claim].threshold) & (fired[claim] == NEVER)
            fired[claim][reached] = look * size
    return Crossings(fired, looks * size)


def _sides(swapped: bool, counts: Floats) -> tuple[Floats, Floats]:
    ups, downs = counts
    return (ups, downs) if swapped else (downs, ups)


def adjusted(logs: Floats) -> Floats:
    """`multiple.e_holm` of the first of K claims, over many runs: (K, runs) -> (runs,)."""
    others = np.sort(logs[1:], axis=0)
    sums = np.logaddexp.accumulate(np.concatenate([logs[:1], others]), axis=0)
    return np.asarray(np.min(sums - np.log(np.arange(1, logs.shape[0] + 1))[:, None], axis=0), dtype=np.float64)


def in_step(designs: Sequence[Design], allocations: Sequence[int], control: int) -> bool:
    """Whether every block of all arms completes one block of each comparison, so that `simulate` can take them together."""
    divisor = math.gcd(control, *allocations)
    return all(
        (design.n_t, design.n_c) == (own // divisor, control // divisor)
        for design, own in zip(designs, allocations, strict=True)
    )
