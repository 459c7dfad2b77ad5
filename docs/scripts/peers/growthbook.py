"""GrowthBook's engine: its sequential interval, two-sided, asymptotic (Waudby-Smith et al., eq. 9, in its own code)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from peers import ERRORS, FIRST, MARGINS, Integers, Rival, Streams, first, worthwhile_people

PACKAGE = "gbstats"
HOW = "asks for numpy < 2 and pandas < 2, so it can't be in the extra: pip install --no-deps gbstats"


def _test(streams: Streams, alpha: float, tuned_for: float) -> Any:
    """Its test object on arrays: shares after each pair, (runs, pairs), in place of one number each."""
    from gbstats.frequentist.tests import SequentialConfig, SequentialTwoSidedTTest

    n = np.arange(1, streams.control.shape[1] + 1)

    def arm(losses: np.ndarray) -> Any:
        share = np.cumsum(losses, axis=1) / n
        variance = np.maximum(share * (1 - share), 1e-12)
        # The unadjusted mean enters relative differences only.
        return SimpleNamespace(n=n, mean=share, unadjusted_mean=1.0, variance=variance)

    config = SequentialConfig(difference_type="absolute", alpha=alpha, sequential_tuning_parameter=tuned_for)
    return SequentialTwoSidedTTest(arm(streams.treated), arm(streams.control), config)


def _judge(streams: Streams, claim: str, level: float, tuned_for: float) -> Integers:
    def one(part: Streams) -> Integers:
        low, high = _test(part, level, tuned_for).confidence_interval
        reached = high < MARGINS["dud"] if claim == "dud" else low > 0
        reached[:, : FIRST - 1] = False
        return first(reached)

    return np.concatenate([one(part) for part in streams.parts()])


def rivals() -> list[Rival]:
    return [
        Rival(
            "sequential, default",
            lambda streams, claim: _judge(streams, claim, 0.05, 5000.0),
            note="two-sided alpha .05, tuned for 5000",
        ),
        Rival(
            "sequential, tuned",
            lambda streams, claim: _judge(streams, claim, 2 * ERRORS[claim], worthwhile_people(claim) / 2),
            note="two-sided at twice the error, tuned for half of what δ* takes",
        ),
    ]
