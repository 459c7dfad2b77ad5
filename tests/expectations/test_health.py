"""expectations.health: a trial's vital signs."""

from __future__ import annotations

import math

import pytest

from expectations.health import ArmVitals, Vitals, missing_p, sample_ratio_p, trial_health


def arm(name: str, enrolled: int, *, allocation: int = 1, observed: int = 0, missing: int = 0) -> ArmVitals:
    return ArmVitals(name, allocation, enrolled, observed, missing)


def vitals(trial: str, *arms: ArmVitals, received: int = 100, quarantined: int = 0) -> Vitals:
    return Vitals(trial, arms, received, quarantined)


def test_sample_ratio_is_the_exact_binomial() -> None:
    """0 of 12 under a planned half has two-sided p = 2/2^12, and a planned 3 : 2 is held against three fifths."""
    assert sample_ratio_p(arm("c", 0), arm("t", 12)) == pytest.approx(2 / 2**12, rel=1e-12)
    assert sample_ratio_p(arm("c", 6, allocation=3), arm("t", 4, allocation=2)) == 1.0
    # Splits no likelier than 5 : 0 (.6^5 = .0778) are itself, 0 : 5 and 1 : 4 (5 × .6 × .4^4 = .0768).
    expected = 0.6**5 + 0.4**5 + 5 * 0.6 * 0.4**4
    assert sample_ratio_p(arm("c", 5, allocation=3), arm("t", 0, allocation=2)) == pytest.approx(expected, rel=1e-12)
    assert sample_ratio_p(arm("c", 0), arm("t", 0)) is None


def test_missing_is_fishers_exact_test() -> None:
    """All of 5 missing against none of 5 has two-sided p = 2 / (10 choose 5)."""
    first, second = arm("c", 5, missing=5), arm("t", 5, observed=5)
    assert missing_p(first, second) == pytest.approx(2 / math.comb(10, 5), rel=1e-9)
    assert missing_p(first, arm("t", 5)) is None


def test_of_more_arms_each_is_held_against_the_others() -> None:
    """The smallest of the arms' exact tests times their number: 0 of 12 under a planned third, at 3 arms."""
    lost = [arm("c", 6), arm("t", 6), arm("u", 0)]
    assert sample_ratio_p(*lost) == pytest.approx(3 * ((2 / 3) ** 12 + _as_far_above(12)), rel=1e-9)
    assert sample_ratio_p(arm("c", 4), arm("t", 4), arm("u", 4)) == 1.0
    # Of 15, all 5 in one arm missing and none in the others: 1 / (15 choose 5), times the three arms.
    told = [arm("c", 5, missing=5), arm("t", 5, observed=5), arm("u", 5, observed=5)]
    assert missing_p(*told) == pytest.approx(3 / math.comb(15, 5), rel=1e-9)
    found = trial_health([vitals("three", arm("c", 30), arm("t", 30), arm("u", 90))])["three"]
    assert "30 (c), 30 (t) and 90 (u) people where the plan allocates 1 : 1 : 1" in found[0]


def _as_far_above(people: int) -> float:
    """P(a count above a third of the people that is no likelier than none at all), binomial."""
    chances = [math.comb(people, k) * (1 / 3) ** k * (2 / 3) ** (people - k) for k in range(people + 1)]
    return sum(chance for chance in chances[1:] if chance <= chances[0] * (1 + 1e-7))


def test_one_arm_has_no_ratio_to_be_off() -> None:
    """A trial with one arm is judged by what is missing and quarantined alone."""
    assert sample_ratio_p(arm("t", 40)) is None
    assert missing_p(arm("t", 40, observed=30, missing=10)) is None
    (sentence,) = trial_health([vitals("alone", arm("t", 40, observed=20, missing=20))])["alone"]
    assert sentence.startswith("50% of the outcomes that are due are missing (20 of 40 in t)")


def test_each_sign_has_its_sentence() -> None:
    """Healthy trials get no sentence; each fault gets one, and one trial's faults are not another's."""
    found = trial_health(
        [
            vitals("healthy", arm("c", 50, observed=45, missing=2), arm("t", 48, observed=44, missing=3)),
            vitals("ratio", arm("c", 30), arm("t", 80)),
            vitals("lopsided", arm("c", 50, observed=48, missing=0), arm("t", 50, observed=36, missing=12)),
            vitals("missing", arm("c", 50, observed=30, missing=15), arm("t", 50, observed=30, missing=16)),
            vitals("dirty", arm("c", 5), arm("t", 5), received=40, quarantined=8),
        ]
    )
    assert {trial: len(sentences) for trial, sentences in found.items()} == {
        "healthy": 0,
        "ratio": 1,
        "lopsided": 1,
        "missing": 1,
        "dirty": 1,
    }
    assert "30 (c) and 80 (t) people where the plan allocates 1 : 1" in found["ratio"][0]
    assert "0 of 48 in c and 12 of 48 in t" in found["lopsided"][0]
    assert found["missing"][0].startswith("34% of the outcomes that are due are missing")
    assert found["dirty"][0].startswith("20% of the rows received are in quarantine (8 of 40)")


def test_sample_ratio_is_flagged_below_one_in_a_thousand() -> None:
    """A split is flagged when its exact p falls below .001, not above it."""
    just_above, just_below = vitals("above", arm("c", 1), arm("t", 13)), vitals("below", arm("c", 0), arm("t", 11))
    assert [sample_ratio_p(*one.arms) for one in (just_above, just_below)] == pytest.approx([30 / 2**14, 2 / 2**11])
    found = trial_health([just_above, just_below])
    assert (len(found["above"]), len(found["below"])) == (0, 1)


def test_few_people_say_nothing_yet() -> None:
    """Shares of fewer than twenty say nothing, so a trial that just began is not called ill."""
    starting = vitals("new", arm("c", 0), arm("t", 0), received=3, quarantined=2)
    assert trial_health([starting]) == {"new": ()}
    assert trial_health([]) == {}
