"""spotify-confidence: group sequential bounds with its own spending (power family, exponent 2), at 20 equal looks.

Its z test is Wald's with unpooled variances. The bounds come from its own solver; the looks are judged here, since its data
frames take a second per trial.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from peers import ERRORS, MOST, Integers, Rival, Streams, first
from peers.roadtest import z_scores

PACKAGE = "spotify-confidence"
HOW = "pip install spotify-confidence"
LOOKS = 20


@lru_cache(maxsize=2)
def bounds(error: float) -> np.ndarray:
    """z at each look, shape (LOOKS,)."""
    from spotify_confidence.analysis.frequentist.confidence_computers.z_test_computer import sequential_bounds

    return sequential_bounds(np.arange(1, LOOKS + 1) / LOOKS, alpha=error, sides=1).bounds.astype(float)


def _judge(streams: Streams, claim: str) -> Integers:
    every = MOST // LOOKS // 2

    def one(part: Streams) -> Integers:
        return first(z_scores(part, claim)[:, every - 1 :: every] >= bounds(ERRORS[claim]), 2 * every)

    return np.concatenate([one(part) for part in streams.parts()])


def rivals() -> list[Rival]:
    note = "normal approximation; a look every 100; dud as a test against the margin"
    return [Rival("ZTest, sequential, K = 20", _judge, note=note)]
