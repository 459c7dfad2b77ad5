"""sequential-analysis: its exact test of two proportions, one-sided, blocks of one treated and one control."""

from __future__ import annotations

import numpy as np

from peers import MOST, PLAN, Integers, Rival, Streams
from trials.sequential.operating.streams import NEVER

PACKAGE = "sequential-analysis"
HOW = "pip install sequential-analysis"


def _judge(streams: Streams, claim: str) -> Integers:
    from sequential_analysis.procedures.ab import TwoProportionTest

    test = TwoProportionTest(PLAN.alpha, alternative="less")  # fewer losses among the treated (arm 1)
    found = []
    for control, treated in zip(streams.control, streams.treated, strict=True):
        state, at = test.initial_state(), NEVER
        for pair in range(MOST // 2):
            for arm, losses in ((1, treated), (0, control)):
                state, _ = test.step(state, {"arm": arm, "y": int(losses[pair])})
            if state.decision is not None:
                at = 2 * (pair + 1)
                break
        found.append(at)
    return np.array(found)


def rivals() -> list[Rival]:
    return [Rival("TwoProportionTest", _judge, ("benefit",), 500, "one-sided, exact, default prior; no margin")]
