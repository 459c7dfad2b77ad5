"""Exact tests of counts: arms as allocated, missing alike in all arms, the same level in two halves of a trial.

Guarantee: each p-value here is valid at one look, P(p ≤ x) ≤ x for every x if nothing is wrong. Repeated at every delivery
the chance of some p below x is larger: docs/scripts/health_evidence.py prints it. A two-sided p adds up the outcomes that are
no likelier than the one seen (Freeman & Halton 1951, Biometrika 38:141-149). Where more than MOST_TABLES would have to be
listed, each arm is held against the others together, and the smallest p is multiplied by the number of arms (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

Floats = NDArray[np.float64]

MOST_TABLES = 10_000
# Outcomes whose probabilities differ by less count as equally likely: rounding must not part the two ends of a symmetry.
_TIED = 1 + 1e-7
_REMEMBERED = 1 << 16


def allocation_p(counts: Sequence[int], planned: Sequence[int]) -> float | None:
    """P(a split of the people at least as unlikely | allocated as planned); None with one arm or nobody in.

    counts: people by arm. planned: each arm's share of the allocation, in any unit, above 0. Two arms: the exact binomial
    test. More: the exact multinomial test, where it can be listed.
    """
    if len(counts) < 2 or sum(counts) == 0:
        return None
    return _allocation(tuple(counts), tuple(planned))


def missingness_p(observed: Sequence[int], missing: Sequence[int]) -> float | None:
    """P(missing at least as unequally | alike in all arms); None with one arm, or an arm in which nobody is settled.

    observed, missing: people by arm. Two arms: Fisher's exact test. More: that of Freeman & Halton, where it can be listed.
    """
    sizes = [seen + lost for seen, lost in zip(observed, missing, strict=True)]
    if len(sizes) < 2 or 0 in sizes:
        return None
    return _missingness(tuple(missing), tuple(sizes))


def level_p(strata: Sequence[tuple[int, int, int, int]]) -> float | None:
    """P(halves at least as unlikely | the same level in both, within each stratum); None while nothing can differ.

    strata: (people in the first half, those of them with a high value, people in the second half, high ones). Given each
    stratum's margins the high ones of the first half are hypergeometric, and their sum over strata is judged by its exact
    distribution: what Mantel & Haenszel (1959, JNCI 22:719-748) approximate (Gart 1970, Biometrika 57:471-475).
    """
    used = [one for one in strata if 0 < one[1] + one[3] < one[0] + one[2] and one[0] and one[2]]
    return _level(tuple(used)) if used else None


@lru_cache(_REMEMBERED)
def _allocation(counts: tuple[int, ...], planned: tuple[int, ...]) -> float:
    people, whole = sum(counts), sum(planned)
    if len(counts) == 2:
        return _binomial(counts[0], people, planned[0] / whole)
    if comb(people + len(counts) - 1, people) > MOST_TABLES:
        against = [_binomial(count, people, share / whole) for count, share in zip(counts, planned, strict=True)]
        return min(1.0, len(counts) * min(against))
    shares = np.log(np.array(planned) / whole)
    logs, splits = _log_factorials(people), _splits(people, len(counts))
    seen = logs[people] - logs[list(counts)].sum() + (shares * counts).sum()
    return _no_likelier(logs[people] - logs[splits].sum(axis=1) + splits @ shares, float(seen))


@lru_cache(_REMEMBERED)
def _missingness(missing: tuple[int, ...], sizes: tuple[int, ...]) -> float:
    lost, people = sum(missing), sum(sizes)
    if len(sizes) == 2:
        return _fisher(missing[0], sizes[0], lost, people)
    if comb(lost + len(sizes) - 1, lost) > MOST_TABLES:
        against = [_fisher(one, size, lost, people) for one, size in zip(missing, sizes, strict=True)]
        return min(1.0, len(sizes) * min(against))
    splits = _splits(lost, len(sizes))
    splits = splits[(splits <= np.array(sizes)).all(axis=1)]
    chances = sum(_log_choose(size)[splits[:, arm]] for arm, size in enumerate(sizes))
    seen = sum(float(_log_choose(size)[one]) for one, size in zip(missing, sizes, strict=True))
    whole = float(_log_choose(people)[lost])
    return _no_likelier(np.asarray(chances) - whole, seen - whole)


@lru_cache(_REMEMBERED)
def _level(strata: tuple[tuple[int, int, int, int], ...]) -> float:
    chances, seen = np.ones(1), 0
    for first, first_high, second, second_high in strata:
        high = first_high + second_high
        lowest, logs = _hypergeometric(first, high, first + second)
        chances = np.convolve(chances, np.exp(logs))
        seen += first_high - lowest
    return min(1.0, float(chances[chances <= chances[seen] * _TIED].sum()))


def _binomial(count: int, people: int, share: float) -> float:
    """Exact two-sided binomial test (Clopper & Pearson's tails are not used: outcomes are ordered by their probability)."""
    numbers = np.arange(people + 1)
    logs = _log_choose(people) + numbers * np.log(share) + (people - numbers) * np.log1p(-share)
    return _no_likelier(logs, float(logs[count]))


def _fisher(count: int, size: int, marked: int, people: int) -> float:
    """Fisher's exact test: `count` of `size` people are marked, as are `marked` of all."""
    lowest, logs = _hypergeometric(size, marked, people)
    return _no_likelier(logs, float(logs[count - lowest]))


def _hypergeometric(size: int, marked: int, people: int) -> tuple[int, Floats]:
    """The smallest number of marked people among `size` of them, and the log probabilities from it upwards."""
    lowest = max(0, size + marked - people)
    numbers = np.arange(lowest, min(size, marked) + 1)
    chances = _log_choose(size)[numbers] + _log_choose(people - size)[marked - numbers]
    return lowest, chances - _log_choose(people)[marked]


def _no_likelier(logs: Floats, seen: float) -> float:
    return min(1.0, float(np.exp(logs[logs <= seen + np.log(_TIED)]).sum()))


@lru_cache(64)
def _splits(total: int, parts: int) -> NDArray[np.int64]:
    """Every way to split a total over the parts, one a row."""
    if parts == 2:
        return np.column_stack([np.arange(total + 1), np.arange(total, -1, -1)])
    ends = [_splits(total - first, parts - 1) for first in range(total + 1)] if parts > 3 else _pairs(total)
    firsts = np.repeat(np.arange(total + 1), [len(one) for one in ends])
    return np.column_stack([firsts, np.concatenate(ends)])


def _pairs(total: int) -> list[NDArray[np.int64]]:
    """Every way to split total, total - 1, ..., 0 in two: slices of one list, as three parts are the commonest case."""
    up = np.arange(total + 1)
    return [np.column_stack([up[: left + 1], up[left::-1]]) for left in range(total, -1, -1)]


def _log_choose(people: int) -> Floats:
    """Logs of the binomial coefficients (people over 0, 1, ..., people)."""
    logs = _log_factorials(people)
    return np.asarray(logs[people] - logs[: people + 1] - logs[people::-1])


def _log_factorials(largest: int) -> Floats:
    """Logs of 0!, 1!, ... up to at least the largest."""
    return _table(1 << int(largest).bit_length())


@lru_cache(32)
def _table(length: int) -> Floats:
    return np.asarray(gammaln(np.arange(length + 1) + 1.0))
