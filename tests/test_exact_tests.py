"""trials.exact_tests: counts are judged by exact tests, checked against SciPy's and against bare enumeration."""

from __future__ import annotations

from itertools import combinations, product
from math import comb, factorial, prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, fisher_exact

from trials.exact_tests import MOST_TABLES, allocation_p, level_p, missingness_p

COUNTS = st.integers(0, 60)


@given(COUNTS, COUNTS, st.integers(1, 7), st.integers(1, 7))
@settings(max_examples=150, deadline=None)
def test_two_arms_are_the_exact_binomial_test(one: int, other: int, planned: int, against: int) -> None:
    """As scipy.stats.binomtest has it, at any allocation; None while nobody is in."""
    found = allocation_p((one, other), (planned, against))
    if one + other == 0:
        assert found is None
    else:
        expected = binomtest(one, one + other, planned / (planned + against)).pvalue
        assert found == pytest.approx(expected, rel=1e-9)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
@settings(max_examples=150, deadline=None)
def test_missing_in_two_arms_is_fishers_exact_test(one: int, two: int, three: int, four: int) -> None:
    """As scipy.stats.fisher_exact has it; None while an arm has nobody settled."""
    found = missingness_p((one, two), (three, four))
    if one + three == 0 or two + four == 0:
        assert found is None
    else:
        assert found == pytest.approx(fisher_exact([[one, two], [three, four]]).pvalue, rel=1e-9)


@pytest.mark.parametrize("counts", [(6, 6, 0), (1, 2, 9), (3, 3, 3, 1)])
def test_more_arms_are_the_exact_multinomial_test(counts: tuple[int, ...]) -> None:
    """Every sequence of arms, counted in whole numbers: allocation 1 : 2 : 1 (: 1)."""
    planned = (1, 2, 1, 1)[: len(counts)]
    splits = [split for split in product(range(sum(counts) + 1), repeat=len(counts)) if sum(split) == sum(counts)]

    def weight(split: tuple[int, ...]) -> int:
        ways = factorial(sum(split)) // prod(map(factorial, split))
        return ways * prod(share**count for share, count in zip(planned, split, strict=True))

    expected = sum(weight(split) for split in splits if weight(split) <= weight(counts)) / sum(planned) ** sum(counts)
    assert allocation_p(counts, planned) == pytest.approx(expected, rel=1e-9)


def test_missing_in_more_arms_is_freeman_and_haltons_test() -> None:
    """Every choice of who is missing, counted: 5 of 3 + 4 + 5 people, (4, 1, 0) by arm."""
    sizes, missing = (5, 3, 4), (4, 1, 0)
    arms = [arm for arm, size in enumerate(sizes) for _ in range(size)]
    tables = [tuple(np.bincount(chosen, minlength=3).tolist()) for chosen in combinations(arms, 5)]
    ways = {table: prod(comb(size, lost) for size, lost in zip(sizes, table, strict=True)) for table in tables}
    expected = sum(ways[table] for table in set(tables) if ways[table] <= ways[missing]) / comb(12, 5)
    observed = [size - lost for size, lost in zip(sizes, missing, strict=True)]
    assert missingness_p(observed, missing) == pytest.approx(expected, rel=1e-9)


def test_what_is_too_large_to_list_is_judged_arm_by_arm() -> None:
    """Above MOST_TABLES splits: the smallest p of an arm against the others, times the arms."""
    counts = (400, 330, 270)
    assert comb(1002, 2) > MOST_TABLES
    expected = 3 * min(binomtest(count, 1000, 1 / 3).pvalue for count in counts)
    assert allocation_p(counts, (1, 1, 1)) == pytest.approx(expected, rel=1e-9)
    lost = (100, 60, 50)
    tables = [[[one, 210 - one], [400 - one, 800 - (210 - one)]] for one in lost]
    expected = 3 * min(fisher_exact(table).pvalue for table in tables)
    assert missingness_p([400 - one for one in lost], lost) == pytest.approx(expected, rel=1e-9)


def test_halves_in_strata_are_the_exact_mantel_haenszel_test() -> None:
    """Two strata: the sum's distribution is the convolution, here counted over all pairs of tables."""
    strata = [(5, 1, 6, 5), (4, 0, 3, 2)]
    chances: dict[int, float] = {}
    for one in range(7):
        for two in range(3):
            chance = comb(5, one) * comb(6, 6 - one) * comb(4, two) * comb(3, 2 - two) / comb(11, 6) / comb(7, 2)
            chances[one + two] = chances.get(one + two, 0.0) + chance
    expected = sum(chance for chance in chances.values() if chance <= chances[1] * (1 + 1e-9))
    assert level_p(strata) == pytest.approx(expected, rel=1e-9)
    assert level_p([(5, 0, 5, 0), (0, 0, 5, 3)]) is None


@given(st.lists(st.tuples(COUNTS, COUNTS), min_size=2, max_size=4))
@settings(max_examples=100, deadline=None)
def test_a_p_value_lies_between_0_and_1(arms: list[tuple[int, int]]) -> None:
    """Whatever the counts; and the order of the arms changes nothing."""
    observed, missing = zip(*arms, strict=True)
    for found, turned in (
        (allocation_p(observed, [1] * len(arms)), allocation_p(observed[::-1], [1] * len(arms))),
        (missingness_p(observed, missing), missingness_p(observed[::-1], missing[::-1])),
    ):
        assert (found is None) == (turned is None)
        if found is not None:
            assert 0 < found <= 1
            assert found == pytest.approx(turned, rel=1e-9)
