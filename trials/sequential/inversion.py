"""The end of a confidence sequence by inverting a claim's own bets, where log E at any effect follows from counts.

An effect is rejected once its log E reaches log(1/error). log E falls as the effect rises, so the rejected effects are an
interval; its end is sought among multiples of 2^-40 of the scale, where it is the same number however participants are cut
into deliveries.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from trials.sequential.bets import Floats

LATTICE = 2**40
# The lattice is cut into so many sections at a time.
SECTIONS = 32
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
Paths = dict[str, Floats]


def furthest(
    log_e: Callable[[Floats, Paths], Floats], paths: Paths, threshold: float, known: float, first: int, last: int
) -> float:
    """The largest effect ever rejected from lattice point `first` up to `last`; `known` when not even the first is.

    log_e: (effects, shape (M,); counts) -> (M, B). paths: counts by stratum after each of B blocks or people, (B, cells).
    Rows that can't move the end any further drop out, so long deliveries cost little more than reading them once.
    """
    end, candidate, left = known, first, paths
    while candidate <= last:
        logs = log_e(np.array([candidate]) / LATTICE, left)[0]
        beyond = logs >= threshold
        if not beyond.any():
            break
        strongest = {stratum: path[[int(np.argmax(logs))]] for stratum, path in left.items()}
        left = {stratum: path[beyond] for stratum, path in left.items()}
        low = last_rejected(lambda m, at=strongest: log_e(m / LATTICE, at)[:, 0] >= threshold, candidate, last)  # type: ignore[misc]
        candidate, end = low + 1, low / LATTICE
    return end


def last_rejected(rejected: Callable[[Integers], Booleans], low: int, high: int) -> int:
    """The last rejected lattice point from `low` (which is) up to `high`, where the rejected ones come first."""
    high += 1
    while high - low > 1:
        inner = np.unique(np.linspace(low, high, SECTIONS + 1).astype(np.int64)[1:-1])
        inner = inner[(inner > low) & (inner < high)]
        accepted = np.flatnonzero(~rejected(inner))
        first = inner.size if accepted.size == 0 else int(accepted[0])
        high = high if first == inner.size else int(inner[first])
        low = low if first == 0 else int(inner[first - 1])
    return low
