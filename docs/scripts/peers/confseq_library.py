"""confseq: its betting martingale on pair differences, rescaled to [0, 1]; exact.

Its empirical Bernstein mixture has no row: it stops with an error where the first pair is a tie.
"""

from __future__ import annotations

import numpy as np

from peers import ERRORS, MARGINS, Integers, Rival, Streams, by_run

PACKAGE = "confseq"
HOW = (
    "on Python 3.11 it builds only with Boost headers and a newer pybind11: pip install 'pybind11<3' scikit-build 'cmake<4' "
    "ninja, then pip install --no-build-isolation confseq"
)


def _scaled(row: np.ndarray, claim: str) -> tuple[np.ndarray, float]:
    """(D + 1)/2 and its null mean, turned so that the claim says that the mean is above it."""
    sign = -1 if claim == "dud" else 1
    return (1 + sign * row) / 2, (1 + sign * MARGINS[claim]) / 2


def _ready() -> None:
    """confseq 0.0.11 spells a type as NumPy did before 2.0."""
    if not hasattr(np, "float_"):
        np.float_ = np.float64


def _betting(streams: Streams, claim: str) -> Integers:
    _ready()
    from confseq.betting import betting_mart

    def path(row: np.ndarray) -> np.ndarray:
        values, null = _scaled(row, claim)
        return betting_mart(values, null, alpha=ERRORS[claim], theta=1) >= 1 / ERRORS[claim]

    return by_run(path)(streams)


def rivals() -> list[Rival]:
    return [Rival("betting_mart on pairs", _betting, note="one-sided (theta 1), exact, default stakes")]
