"""After a stop: p-values, estimates and intervals that know of the looks. All over normal statistics, so errors are exact."""

import math

import numpy as np
import pytest
from scipy.stats import binom, norm

from trials.errors import DataError
from trials.sequential.grouped.after_stopping import (
    bias_adjusted,
    drift_at,
    mean_estimate,
    repeated_interval,
    repeated_p,
    stagewise_p,
)
from trials.sequential.grouped.boundaries import boundaries, crossing, spending_bounds
from trials.sequential.grouped.spending import equally_spaced, spent

LOOKS = (0.2, 0.45, 0.7, 1.0)
PLAN = boundaries(LOOKS, 0.025, "pocock", futility="pocock", beta=0.1)
# DeMets, Hardy, Friedman & Lan (1984), Controlled Clinical Trials 5:362-372: BHAT stopped at the sixth of seven reviews.
BHAT_Z = (1.68, 2.24, 2.37, 2.30, 2.34, 2.82)
BHAT = boundaries(equally_spaced(7), 0.05, "obrien-fleming", sided=2)


def simulated_stops(drift: float, runs: int, seed: int) -> list[tuple[int, float]]:
    """(look from 0, Z at the stop) of trials that stop by PLAN's bounds."""
    rng = np.random.default_rng(seed)
    steps = np.diff([0.0, *LOOKS])
    z = np.cumsum(rng.normal(size=(runs, 4)) * np.sqrt(steps) + drift * steps, axis=1) / np.sqrt(LOOKS)
    out = (z >= np.array(PLAN.upper, dtype=float)) | (z < np.array(PLAN.lower, dtype=float))
    out[:, -1] = True
    first = np.argmax(out, axis=1)
    return [(int(k), float(z[run, k])) for run, k in enumerate(first)]


def between(hits: int, runs: int, chance: float) -> bool:
    """A count that its binomial law gives with a probability of 99.9 %."""
    return bool(binom.ppf(0.0005, runs, chance) <= hits <= binom.isf(0.0005, runs, chance))


def test_beta_blocker_heart_attack_trial() -> None:
    """BHAT's bounds are first reached at look 6; p is below .025, the estimate below the plain one."""
    reached = [bound is not None and z >= bound for z, bound in zip(BHAT_Z, BHAT.upper, strict=False)]
    assert reached == [False] * 5 + [True]
    information = BHAT.information[:6]
    stop = (information, BHAT.upper[:5], BHAT.lower[:5], BHAT_Z[-1])
    low, estimate, high = (drift_at(*stop, chance) for chance in (0.025, 0.5, 0.975))
    plain = BHAT_Z[-1] / math.sqrt(information[-1])
    assert norm.sf(BHAT_Z[-1]) < stagewise_p(*stop) < BHAT.alpha_spent[5] / 2
    assert 0 < low < estimate < plain < high
    error = 1 / math.sqrt(information[-1])
    repeated = repeated_interval(plain, error, BHAT.upper[5])
    assert repeated is not None
    assert 0 < repeated[0] < plain


def test_one_look_gives_the_textbook_answers() -> None:
    """Without earlier looks everything is normal theory."""
    assert stagewise_p((1.0,), (), (), 1.7) == pytest.approx(norm.sf(1.7))
    for chance in (0.05, 0.5, 0.9):
        assert drift_at((1.0,), (), (), 1.7, chance) == pytest.approx(1.7 + norm.ppf(chance))
    assert bias_adjusted((1.0,), (1.6,), (1.6,), 1, 1.7) == pytest.approx(1.7)


@pytest.mark.parametrize("drift", [0.0, 2.0, 4.0])
@pytest.mark.parametrize("level", [0.025, 0.5, 0.9])
def test_the_stagewise_order_is_exact(drift: float, level: float) -> None:
    """At the true drift the stagewise probability is uniform: so p, median and interval keep what they promise."""
    runs = 1500
    hits = sum(
        stagewise_p(LOOKS[: k + 1], PLAN.upper[:k], PLAN.lower[:k], z, drift) <= level
        for k, z in simulated_stops(drift, runs, seed=4)
    )
    assert between(hits, runs, level)


def test_a_stop_at_a_bound_has_the_spent_alpha_as_p() -> None:
    """Reaching an upper bound by nothing, p is the alpha spent by then, when futility is not heeded."""
    for k, bound in enumerate(PLAN.upper):
        assert bound is not None
        p = stagewise_p(LOOKS[: k + 1], PLAN.upper[:k], (None,) * k, bound)
        assert p == pytest.approx(PLAN.alpha_spent[k], abs=1e-12)


def test_exchanging_the_arms_turns_the_estimate_round() -> None:
    """The mirrored trial has the mirrored estimate and interval."""
    outer = tuple(None if bound is None else -bound for bound in PLAN.upper)
    for chance in (0.5, 0.05):
        there = drift_at(LOOKS[:3], PLAN.upper[:2], outer[:2], 1.1, chance)
        back = drift_at(LOOKS[:3], PLAN.upper[:2], outer[:2], -1.1, 1 - chance)
        assert there == pytest.approx(-back, abs=1e-8)


def test_the_mean_of_the_plain_estimate_is_the_simulated_one() -> None:
    """E[Z/√t at the stop] agrees with simulated trials within four standard errors, and is above the truth."""
    plain = np.array([z / math.sqrt(LOOKS[k]) for k, z in simulated_stops(3.0, 20_000, seed=9)])
    ours = mean_estimate(LOOKS, PLAN.upper, PLAN.lower, 3.0)
    assert ours == pytest.approx(plain.mean(), abs=4 * plain.std() / math.sqrt(plain.size))
    assert ours > 3.1


def test_the_bias_adjusted_estimate_has_less_bias() -> None:
    """In the mean Whitehead's estimate is nearer to the truth than the plain one: less than six tenths of the bias."""
    assert PLAN.drift is not None
    plain = np.array([z / math.sqrt(LOOKS[k]) for k, z in simulated_stops(PLAN.drift, 20_000, seed=2)])
    # The estimate is the inverse of the plain estimate's mean, so one table of means serves all trials.
    drifts = np.linspace(-8, 16, 481)
    means = [mean_estimate(LOOKS, PLAN.upper, PLAN.lower, float(drift)) for drift in drifts]
    assert bias_adjusted(LOOKS, PLAN.upper, PLAN.lower, 2, 2.9) == pytest.approx(
        np.interp(2.9 / math.sqrt(LOOKS[1]), means, drifts), abs=2e-3
    )
    adjusted = np.interp(plain, means, drifts)
    assert 0 < abs(adjusted.mean() - PLAN.drift) < 0.6 * abs(plain.mean() - PLAN.drift)


def test_the_repeated_p_is_the_level_at_which_a_look_would_just_have_crossed() -> None:
    """A statistic on the bound for alpha has p = alpha; p falls as the statistic rises; nothing seen at all gives 1."""

    def spends(error: float) -> list[float]:
        return [spent("obrien-fleming", t, error) for t in (0.3, 0.6)]

    bounds = spending_bounds((0.3, 0.6), spends(0.04))
    assert bounds[1] is not None
    assert repeated_p((0.3, 0.6), (0.0, bounds[1]), spends) == pytest.approx(0.04, abs=1e-8)
    assert repeated_p((0.3, 0.6), (0.0, bounds[1] + 0.3), spends) < 0.03
    assert repeated_p((0.3, 0.6), (-9.0, -9.0), spends) == 1.0


def test_repeated_intervals_hold_at_all_looks_at_once() -> None:
    """P(some look's repeated interval misses the truth from below) = alpha: it is the chance of crossing at drift 0."""
    runs, drift = 2000, 1.7
    rng = np.random.default_rng(12)
    steps = np.diff([0.0, *LOOKS])
    score = np.cumsum(rng.normal(size=(runs, 4)) * np.sqrt(steps) + drift * steps, axis=1)
    missed = 0
    for run in score:
        ends = [
            repeated_interval(s / t, 1 / math.sqrt(t), bound)
            for s, t, bound in zip(run, LOOKS, PLAN.upper, strict=True)
        ]
        missed += any(end is not None and end[0] > drift for end in ends)
    assert between(missed, runs, 0.025)
    assert repeated_interval(0.3, 0.1, None) is None


def test_running_under_the_plan_the_last_look_spends_what_is_left() -> None:
    """With less information than planned at the end, giving the last look the whole error keeps it exactly."""
    actual = (0.22, 0.41, 0.66)
    spends = [spent("obrien-fleming", t, 0.05) for t in actual[:-1]]
    bounds = spending_bounds(actual, [*spends, 0.05])
    assert math.fsum(crossing(actual, bounds, (None,) * 3, 0.0).up) == pytest.approx(0.05, abs=1e-12)


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        (lambda: stagewise_p((0.5, 1.0), (), (), 1.0), "must be one bound fewer"),
        (lambda: stagewise_p((0.5, 0.4), (2.0,), (None,), 1.0), "must rise"),
        (lambda: stagewise_p((), (), (), 1.0), "must"),
        (lambda: stagewise_p((1.0,), (), (), math.nan), "z == nan"),
        (lambda: bias_adjusted((1.0,), (2.0,), (None,), 2, 1.0), "look == 2"),
    ],
)
def test_stops_that_mean_nothing_are_refused(asked, names: str) -> None:  # type: ignore[no-untyped-def]
    """One sentence that names the argument and its value."""
    with pytest.raises(DataError, match=names):
        asked()
