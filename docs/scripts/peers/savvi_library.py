"""savvi: its test of inhomogeneous Bernoulli processes (Lindon & Malek), one-sided. Uses losses alone, in time order.

It solves a convex programme at every update, so few trials are run, and a look is taken after every 25 pairs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from peers import MOST, PLAN, Integers, Rival, Streams
from trials.sequential.operating.streams import NEVER

PACKAGE = "savvi"
HOW = "pip install savvi"
EVERY = 25


def _test() -> Any:
    from savvi.multinomial import InhomogeneousBernoulliProcess

    # Arms: control, treated. H0: the treated's log rate is at least the controls'.
    return InhomogeneousBernoulliProcess(
        PLAN.alpha, np.array([0.5, 0.5]), lambda delta: [delta[1] >= delta[0]], np.array([[1, -1]])
    )


def _judge(streams: Streams, claim: str) -> Integers:
    found = []
    for control, treated in zip(streams.control, streams.treated, strict=True):
        test, at = _test(), NEVER
        for start in range(0, MOST // 2, EVERY):
            test.update(np.array([control[start : start + EVERY].sum(), treated[start : start + EVERY].sum()]))
            if test.odds >= 1 / PLAN.alpha:
                at = 2 * (start + EVERY)
                break
        found.append(at)
    return np.array(found)


def rivals() -> list[Rival]:
    return [Rival("InhomogeneousBernoulliProcess", _judge, ("benefit",), 60, "one-sided, a look every 50; no margin")]
