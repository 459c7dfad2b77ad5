"""sequentialized-barnard-tests: its one-sided tests of two shares, SAVI (Turner & Grunwald) and Lai's for a known end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from peers import MOST, PLAN, Integers, Rival, Streams
from trials.sequential.operating.streams import NEVER

PACKAGE = "sequentialized-barnard-tests"
HOW = "pip install sequentialized-barnard-tests"


def _judge(make: Callable[[], Any]) -> Callable[[Streams, str], Integers]:
    def judge(streams: Streams, claim: str) -> Integers:
        from sequentialized_barnard_tests import Decision

        test, found = make(), []
        for control, treated in zip(streams.control, streams.treated, strict=True):
            test.reset()
            at = NEVER
            for pair, (y_c, y_t) in enumerate(zip(control.tolist(), treated.tolist(), strict=True), start=1):
                if test.step(int(y_c), int(y_t)).decision == Decision.AcceptAlternative:
                    at = 2 * pair
                    break
            found.append(at)
        return np.array(found)

    return judge


def _savi() -> Any:
    from sequentialized_barnard_tests import Hypothesis, SaviTest

    return SaviTest(Hypothesis.P0MoreThanP1, PLAN.alpha)


def _lai() -> Any:
    from sequentialized_barnard_tests import Hypothesis, LaiTest

    return LaiTest(Hypothesis.P0MoreThanP1, MOST // 2, PLAN.alpha)


def rivals() -> list[Rival]:
    return [
        Rival("SaviTest", _judge(_savi), ("benefit",), 20, "one-sided, exact; no margin"),
        Rival("LaiTest", _judge(_lai), ("benefit",), 500, "one-sided, calibrated by simulation for 1,000 pairs"),
    ]
