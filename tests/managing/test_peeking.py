"""Peeking: a test that is asked again and again is fooled as often as the literature says, and the evidence is not."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from trials import peeking
from trials.errors import DataError
from trials.peeking import NEVER, Setting
from trials.sequential.binary_mixture import METHOD
from trials.sequential.design import Unit
from trials.sequential.grouped.difference import Comparison, Stratum, z_score

SETTING = Setting()


@pytest.mark.parametrize(
    ("looks", "chance"),
    [(1, 0.050), (2, 0.083), (3, 0.107), (4, 0.126), (5, 0.142), (10, 0.193), (20, 0.248), (50, 0.320)],
)
def test_repeated_tests_at_five_percent_are_wrong_as_often_as_armitage_and_others_found(
    looks: int, chance: float
) -> None:
    """Armitage, McPherson & Rowe (1969), JRSS A 132:235-244, table 2, two-sided 5 %."""
    assert peeking.theory(looks) == pytest.approx(chance, abs=6e-4)


def test_the_exact_rate_is_the_sum_over_every_possible_trial() -> None:
    """Of four pairs, looked at twice: all 256 courses written out with their chances."""
    small = Setting(pairs=4, share=0.3, alpha=0.2)
    wrong = 0.0
    for bad in itertools.product((0, 1), repeat=8):
        chance = math.prod(0.3 if one else 0.7 for one in bad)
        control, treated = np.cumsum(bad[0::2]), np.cumsum(bad[1::2])
        at = np.array([2, 4])
        z = peeking.statistic(control[at - 1], treated[at - 1], at)
        wrong += chance * bool((z >= peeking.bound(small)).any())
    assert peeking.ordinary_rate(small, 2) == pytest.approx(wrong, rel=1e-12)


@pytest.mark.parametrize("looks", [1, 2, 5, 10, 20, 40])
def test_shares_of_many_people_come_near_the_theory_of_means(looks: int) -> None:
    """400 pairs: the exact rate of the ordinary test is within a point of the normal one, at the same looks."""
    exact = peeking.ordinary_rate(Setting(pairs=400), looks)
    assert exact == pytest.approx(peeking.theory(looks, sided=1), abs=0.01)


def test_more_looks_fool_the_ordinary_test_more_often_and_the_evidence_never_beyond_its_error() -> None:
    """From 5 in 100 at one look to more than 25 at forty; the evidence stays below its 5 whoever looks."""
    rates = [peeking.ordinary_rate(SETTING, looks) for looks in (1, 2, 5, 10, 20, 40)]
    assert rates == sorted(rates)
    assert rates[0] == pytest.approx(0.05, abs=0.002)
    assert rates[-1] > 0.25
    assert 0.02 < peeking.evidence_rate(SETTING) <= SETTING.alpha


@pytest.mark.parametrize("looks", [1, 5, 20])
def test_simulated_trials_are_wrong_as_often_as_the_exact_rates_say(looks: int) -> None:
    """1,000 trials: both counts lie between the exact binomial quantiles of 1 in 10,000."""
    played = peeking.play(SETTING, looks, seed=11, trials=1_000)
    for wrong, rate in (
        (played.tested, peeking.ordinary_rate(SETTING, looks)),
        (played.fired, peeking.evidence_rate(SETTING)),
    ):
        low, high = binom.ppf([1e-4, 1 - 1e-4], 1_000, rate)
        assert low <= (wrong != NEVER).sum() <= high


def test_the_evidence_is_the_method_of_the_trial_pages() -> None:
    """log E after every pair, and where it fired, as `binary-mixture` works them out from the people one by one."""
    played = peeking.play(SETTING, 5, seed=3, trials=20)
    control, treated, _, _ = peeking.drawn(SETTING, seed=3, trials=20)
    for trial in (0, int(np.argmax(played.fired))):
        state = METHOD.start(SETTING.design)
        bad = np.diff(np.stack([control[trial], treated[trial]]), axis=1, prepend=0)
        units = tuple(Unit("", arm, float(bad[row, pair])) for pair in range(200) for row, arm in enumerate("ct"))  # type: ignore[arg-type]
        assert METHOD.trace is not None
        state, marks = METHOD.trace(SETTING.design, state, units)
        assert played.log_e[trial] == pytest.approx([mark.logs["benefit"] for mark in marks], abs=1e-9)
        crossed = METHOD.read(SETTING.design, state).claims["benefit"].crossed_at_n
        assert played.fired[trial] == (NEVER if crossed is None else crossed)


@given(pairs=st.integers(2, 200), shares=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_the_ordinary_test_is_the_score_test_of_two_shares(pairs: int, shares: tuple[float, float]) -> None:
    """As `grouped.difference` has it (Miettinen & Nurminen, 1985), but for their factor N/(N - 1)."""
    control, treated = (round(pairs * share) for share in shares)
    stratum = Stratum(pairs, float(treated), float(treated), pairs, float(control), float(control))
    theirs = z_score(Comparison((stratum,), binary=True), 0.0)
    ours = float(peeking.statistic(np.array(control), np.array(treated), pairs))
    assert ours == pytest.approx(theirs * math.sqrt(2 * pairs / (2 * pairs - 1)), abs=1e-6)


def test_the_first_trials_stay_when_more_are_drawn_and_when_looks_change() -> None:
    """The same seed gives the same trials: pressing again adds to what was there."""
    some, more = (peeking.play(SETTING, 5, seed=2, trials=count) for count in (40, 100))
    assert (more.tested[:40] == some.tested).all()
    assert (peeking.play(SETTING, 5, seed=2, trials=20, first=40).tested == more.tested[40:60]).all()
    assert (peeking.play(SETTING, 40, seed=2, trials=100).fired == more.fired).all()
    assert (peeking.play(SETTING, 5, seed=3, trials=100).tested != more.tested).any()


@pytest.mark.parametrize("looks", [0, -1, 201])
def test_looks_that_mean_nothing_are_refused(looks: int) -> None:
    """In one sentence with the rule."""
    with pytest.raises(DataError, match="must be from 1 to 200"):
        peeking.play(SETTING, looks, seed=1, trials=20)


@pytest.mark.parametrize(("trials", "first", "seed"), [(10, 0, 1), (20, 5, 1), (1_020, 0, 1), (20, 0, -1)])
def test_work_is_bounded(trials: int, first: int, seed: int) -> None:
    """Whole batches, at most MOST_TRIALS: nobody can ask the server for more."""
    with pytest.raises(DataError, match="at most 1,000 in all"):
        peeking.play(SETTING, 5, seed=seed, trials=trials, first=first)
