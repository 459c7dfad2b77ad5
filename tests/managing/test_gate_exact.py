"""The exact fixed-size trial of shares: its power by brute force, its error, and how far the approximation is from it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import binom, binomtest, fisher_exact, hypergeom

from trials.reach import _by_formula
from trials.sequential.design import Design
from trials.sequential.operating import exact_size


def design(baseline: float = 0.29, n_t: int = 1, n_c: int = 1, alpha: float = 0.05) -> Design:
    return Design(n_t, n_c, baseline, 0.05, alpha, 0.1, baseline * (1 - baseline))


def by_brute_force(treated: int, controls: int, p_t: float, p_c: float, alpha: float) -> float:
    """Σ P(t) P(c) over the tables whose hypergeometric lower tail is at most alpha."""
    t, c = np.meshgrid(np.arange(treated + 1), np.arange(controls + 1), indexing="ij")
    significant = hypergeom.cdf(t, treated + controls, t + c, treated) <= alpha
    return float((binom.pmf(t, treated, p_t) * binom.pmf(c, controls, p_c) * significant).sum())


def test_sixty_people_by_brute_force() -> None:
    """Thirty in each arm, 29 % against p: 80 % power at p = 3.39 %, by SciPy's own hypergeometric distribution."""
    level = brentq(lambda p: by_brute_force(30, 30, p, 0.29, 0.05) - 0.8, 1e-6, 0.2)
    assert level == pytest.approx(0.0339, abs=0.00005)
    assert exact_size.power(design(), 60, 0.29 - level) == pytest.approx(0.8, abs=1e-9)


@pytest.mark.parametrize(("n_t", "n_c", "people"), [(1, 1, 24), (2, 1, 21), (1, 3, 28)])
@pytest.mark.parametrize("effect", [0.05, 0.2])
def test_power_is_the_best_of_all_sizes_up_to_the_planned_one(n_t: int, n_c: int, people: int, effect: float) -> None:
    """In any ratio, against brute force over every whole number of blocks."""
    blocks = range(1, people // (n_t + n_c) + 1)
    best = max(by_brute_force(n_t * k, n_c * k, 0.29 - effect, 0.29, 0.05) for k in blocks)
    assert exact_size.power(design(n_t=n_t, n_c=n_c), people, effect) == pytest.approx(best, abs=1e-12)


def test_the_tail_is_fishers() -> None:
    """The limits agree with scipy.stats.fisher_exact, table by table, at 8 against 8."""
    limits = exact_size._two_arms(1, 1, 8, 0.05)[7]
    for c in range(9):
        significant = [t for t in range(9) if fisher_exact([[t, 8 - t], [c, 8 - c]], alternative="less").pvalue <= 0.05]
        assert limits[c] == max(significant, default=-1)


def test_one_arm_is_the_exact_binomial_test() -> None:
    """Largest significant number of losses, against scipy.stats.binomtest for every size up to 40."""
    limits = exact_size._one_arm(40, 0.29, 0.05)
    for people in range(1, 41):
        significant = [
            k for k in range(people + 1) if binomtest(k, people, 0.29, alternative="less").pvalue <= 0.05 + 1e-12
        ]
        assert limits[people - 1] == max(significant, default=-1)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.floats(0.02, 0.98), st.integers(1, 2), st.integers(0, 2), st.integers(1, 120), st.sampled_from([0.01, 0.05, 0.2])
)
def test_an_idea_that_does_nothing_is_found_in_at_most_alpha(
    baseline: float, n_t: int, n_c: int, people: int, alpha: float
) -> None:
    """At every baseline, ratio and size: the guarantee."""
    assert exact_size.power(design(baseline, n_t, n_c, alpha), people, 0.0) <= alpha + 1e-9


def test_the_approximation_takes_over_where_it_is_near() -> None:
    """At 300 people it says at most 8 points of power more than the exact test, and hardly ever less."""
    off = [
        _by_formula(design(baseline), exact_size.MOST, effect)
        - exact_size.power(design(baseline), exact_size.MOST, effect)
        for baseline in (0.1, 0.29, 0.5, 0.8)
        for effect in (0.04, 0.07, 0.09)
    ]
    assert max(off) < 0.08
    assert min(off) > -0.005
