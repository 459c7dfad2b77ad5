"""Several claims at once, whatever their dependence: e-Holm within a trial, e-BH over a portfolio.

Guarantee (e-Holm): P(some true null's adjusted e-value ever reaches 1/α) ≤ α, at every stopping time: for the set of
true nulls the mean of their e-processes is an e-process, and no adjusted value exceeds it (closure by means: Vovk &
Wang, 2021, Ann. Stat. 49:1736-1754, section 5). Guarantee (e-BH): the expected share of false ones among those that it
picks is ≤ q, under any dependence (Wang & Ramdas, 2022, JRSS B 84:822-852, theorem 5.1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from trials.errors import DataError


def e_holm(logs: Sequence[float]) -> list[float]:
    """Adjusted log e-values, in the order given: min over sets that hold i of the mean e-value, O(K²).

    The worst set of each size holds i and the smallest of the others.
    """
    values = _checked(logs)
    adjusted = []
    for i, own in enumerate(values):
        others = sorted(values[:i] + values[i + 1 :])
        sums = np.logaddexp.accumulate([own, *others])
        sizes = np.log(np.arange(1, len(values) + 1))
        adjusted.append(float(np.min(sums - sizes)))
    return adjusted


def e_bh(logs: Sequence[float], q: float) -> list[bool]:
    """Which claims may be made together at false discovery rate q: the k largest with E_(k) ≥ K/(q k), k as large as may be.

    Raises DataError unless 0 < q < 1.
    """
    if not 0 < q < 1:
        raise DataError(f"q == {q}, must be > 0 and < 1. Write 0.1 for 10 %.")
    values = _checked(logs)
    order = sorted(range(len(values)), key=lambda i: -values[i])
    most = 0
    for rank, i in enumerate(order, start=1):
        if values[i] >= math.log(len(values) / (q * rank)) - 1e-12:
            most = rank
    picked = set(order[:most])
    return [i in picked for i in range(len(values))]


def _checked(logs: Sequence[float]) -> list[float]:
    values = [float(log) for log in logs]
    if any(math.isnan(value) for value in values):
        raise DataError("a log e-value is NaN, must be a number. Leave out claims of which nothing can be said.")
    return values
