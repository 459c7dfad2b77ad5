"""Random effects over sites: known figures of a published set, the equations themselves, and what shrinking does."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from trials.errors import DataError
from trials.pooling import dersimonian_laird, paule_mandel, pool

# Thirteen trials of the BCG vaccine: (cases, others) vaccinated, then not. Colditz et al. (1994), JAMA 271:698-702.
BCG = [
    (4, 119, 11, 128),
    (6, 300, 29, 274),
    (3, 228, 11, 209),
    (62, 13536, 248, 12619),
    (33, 5036, 47, 5761),
    (180, 1361, 372, 1079),
    (8, 2537, 10, 619),
    (505, 87886, 499, 87892),
    (29, 7470, 45, 7232),
    (17, 1699, 65, 1600),
    (186, 50448, 141, 27197),
    (5, 2493, 3, 2338),
    (27, 16886, 29, 17825),
]
Y = [math.log(a / (a + b)) - math.log(c / (c + d)) for a, b, c, d in BCG]
V = [1 / a - 1 / (a + b) + 1 / c - 1 / (c + d) for a, b, c, d in BCG]


def test_published_figures_are_met() -> None:
    """Log risk ratios of the BCG trials: Q 152.2330, τ² .3088 by DerSimonian and Laird, .3181 by Paule and Mandel, as printed
    by R's metafor (Viechtbauer 2010, J. Stat. Softw. 36(3)) with method = 'DL' and 'PM'."""
    found = pool(Y, V)
    assert found.q == pytest.approx(152.2330, abs=5e-5)
    assert dersimonian_laird(Y, V) == pytest.approx(0.3088, abs=5e-5)
    assert found.tau2 == paule_mandel(Y, V) == pytest.approx(0.3181, abs=5e-5)
    assert found.differ


def test_eight_schools_cannot_be_told_apart() -> None:
    """Rubin's (1981) eight schools, J. Educ. Stat. 6:377-401: τ² 0, so all are drawn to 7.7 (Gelman et al., Bayesian
    Data Analysis, section 5.5: pooled 7.7 with standard error 4.1)."""
    found = pool([28, 8, -3, 7, -1, 1, 18, 12], [each**2 for each in (15, 10, 16, 11, 9, 11, 10, 18)])
    assert (found.tau2, found.differ) == (0.0, False)
    assert (round(found.mean, 1), round(found.se, 1)) == (7.7, 4.1)
    assert {round(site.estimate, 1) for site in found.sites} == {7.7}


def test_shrunken_estimates_are_the_posterior_means() -> None:
    """Given μ and τ², a site's is the mean of its effect given its estimate, by summing over a fine grid."""
    found = pool(Y, V)
    grid = np.linspace(-6, 6, 200_001)
    for y, v, site in zip(Y, V, found.sites, strict=True):
        density = np.exp(-((grid - found.mean) ** 2) / (2 * found.tau2) - (y - grid) ** 2 / (2 * v))
        assert site.estimate == pytest.approx(float((grid * density).sum() / density.sum()), abs=1e-6)


numbers = st.floats(-5, 5)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(numbers, st.floats(0.01, 4)), min_size=2, max_size=12), st.floats(0.1, 10), numbers)
def test_units_and_order_change_nothing(sites: list[tuple[float, float]], scale: float, shift: float) -> None:
    """Scaled and shifted estimates give scaled and shifted results, sites in another order the same; each shrunken one lies
    between the site's own and the mean; at the variance found Q is what is expected."""
    y, v = [each for each, _ in sites], [each for _, each in sites]
    found = pool(y, v)
    moved = pool([shift + scale * each for each in y], [scale**2 * each for each in v])
    assert moved.tau2 == pytest.approx(scale**2 * found.tau2, abs=1e-6, rel=1e-5)
    assert [site.estimate for site in pool(y[::-1], v[::-1]).sites][::-1] == pytest.approx(
        [site.estimate for site in found.sites], abs=1e-9
    )
    for one, other in zip(found.sites, moved.sites, strict=True):
        assert other.estimate == pytest.approx(shift + scale * one.estimate, abs=1e-5)
        low, high = sorted((one.own, found.mean))
        assert low - 1e-9 <= one.estimate <= high + 1e-9
        assert one.low < one.estimate < one.high
    if found.tau2 > 0:
        w = 1 / (np.array(v) + found.tau2)
        mean = (w * y).sum() / w.sum()
        assert float((w * (np.array(y) - mean) ** 2).sum()) == pytest.approx(len(y) - 1, rel=1e-6)


def test_less_is_shrunk_where_more_people_are() -> None:
    """The smaller a site's variance, the more of its own estimate counts."""
    found = pool([1.0, 1.0, -1.0, -1.0], [0.05, 0.5, 0.1, 1.0])
    weights = [site.weight for _, site in sorted(zip([0.05, 0.5, 0.1, 1.0], found.sites, strict=True))]
    assert all(one > other for one, other in pairwise(weights))


def test_sites_that_are_alike_are_rarely_said_to_differ() -> None:
    """At most in 5 of 100 trials, judged by an exact binomial quantile, and mostly found where they do differ."""
    chance = np.random.default_rng(7)
    variances = np.array([0.02, 0.05, 0.03, 0.08, 0.04])
    alike = sum(pool(chance.normal(0.1, np.sqrt(variances)), variances).differ for _ in range(600))
    apart = sum(pool(chance.normal(0.1, np.sqrt(variances + 0.3)), variances).differ for _ in range(200))
    assert alike <= binom.ppf(0.999, 600, 0.05)
    assert apart >= 150


@pytest.mark.parametrize(("y", "v"), [([1.0], [1.0]), ([1.0, 2.0], [1.0, 0.0]), ([1.0, math.nan], [1.0, 1.0])])
def test_what_cannot_be_pooled_is_refused(y: list[float], v: list[float]) -> None:
    """One site alone, a site without a variance, no number."""
    with pytest.raises(DataError, match="must be"):
        pool(y, v)
