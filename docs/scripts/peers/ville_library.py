"""ville: its asymptotic A/B test as it comes, the same sequence on pair differences tuned, and its one-sided betting test."""

from __future__ import annotations

import numpy as np

from peers import ERRORS, MARGINS, Integers, Rival, Streams, by_run, first, worthwhile_people

PACKAGE = "ville"
HOW = "pip install ville"


def _default(streams: Streams, claim: str) -> Integers:
    """Participants one by one, a treated and a control in turn; the sign is turned, since losses are compared."""
    from ville import AsymptoticABTest

    arms = np.tile([1.0, 0.0], streams.control.shape[1])
    rows = []
    for control, treated in zip(streams.control, streams.treated, strict=True):
        test = AsymptoticABTest().fit(np.stack([treated, control], axis=1).ravel().astype(float), arms)
        low, high = -np.asarray(test.upper_)[1::2], -np.asarray(test.lower_)[1::2]
        rows.append(high < MARGINS["dud"] if claim == "dud" else low > 0)
    return first(np.array(rows))


def _tuned(streams: Streams, claim: str) -> Integers:
    from ville import AsymptoticCS

    pairs = round(worthwhile_people(claim) / 4)

    def path(row: np.ndarray) -> np.ndarray:
        sequence = AsymptoticCS(alpha=2 * ERRORS[claim], t_opt=pairs, min_samples=50)
        sequence.update(row)
        low, high = np.asarray(sequence.lower_), np.asarray(sequence.upper_)
        return high < MARGINS["dud"] if claim == "dud" else low > 0

    return by_run(path)(streams)


def _betting(streams: Streams, claim: str) -> Integers:
    from ville import BettingTest

    side = "less" if claim == "dud" else "greater"

    def path(row: np.ndarray) -> np.ndarray:
        test = BettingTest(MARGINS[claim], bounds=(-1.0, 1.0), alternative=side, alpha=ERRORS[claim])
        test.update(row)
        return np.asarray(test.log_e_values_) >= -np.log(ERRORS[claim])

    return by_run(path)(streams)


def rivals() -> list[Rival]:
    return [
        Rival("AsymptoticABTest, default", _default, note="two-sided alpha .05, from the 100th participant"),
        Rival("AsymptoticCS on pairs, tuned", _tuned, note="two-sided at twice the error, from the 50th pair"),
        Rival("BettingTest on pairs", _betting, note="one-sided, exact, default stakes"),
    ]
