"""expectations.health: a trial's vital signs."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from expectations import engine
from expectations.health import (
    ArmVitals,
    Halves,
    SiteVitals,
    Vitals,
    drift_p,
    halves,
    missing_p,
    sample_ratio_p,
    site_ratio,
    trial_health,
)

ROOT = Path(__file__).parents[2]


def arm(name: str, enrolled: int, *, allocation: int = 1, observed: int = 0, missing: int = 0) -> ArmVitals:
    return ArmVitals(name, allocation, enrolled, observed, missing)


def vitals(trial: str, *arms: ArmVitals, received: int = 100, quarantined: int = 0) -> Vitals:
    return Vitals(trial, arms, received, quarantined)


def in_order(people: list[tuple[str, float]]) -> list[tuple[str, bool, float, int]]:
    """People in order of entry as tallies of one: the first half of them is early."""
    return [(name, place < len(people) // 2, value, 1) for place, (name, value) in enumerate(people)]


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


def test_of_more_arms_the_exact_tests_are_of_all_at_once() -> None:
    """0 of 12 under a planned third: all splits no likelier. All 5 missing in one of three arms of 5: 3 / (15 choose 5)."""
    lost = [arm("c", 6), arm("t", 6), arm("u", 0)]
    ways = [math.factorial(12) // math.prod(map(math.factorial, split)) for split in _splits(12)]
    seen = math.factorial(12) // math.factorial(6) ** 2
    assert sample_ratio_p(*lost) == pytest.approx(sum(way for way in ways if way <= seen) / 3**12, rel=1e-9)
    assert sample_ratio_p(arm("c", 4), arm("t", 4), arm("u", 4)) == pytest.approx(1.0)
    told = [arm("c", 5, missing=5), arm("t", 5, observed=5), arm("u", 5, observed=5)]
    assert missing_p(*told) == pytest.approx(3 / math.comb(15, 5), rel=1e-9)
    found = trial_health([vitals("three", arm("c", 30), arm("t", 30), arm("u", 90))])["three"]
    assert "30 (c), 30 (t) and 90 (u) people where the plan allocates 1 : 1 : 1" in found[0]


def _splits(people: int) -> list[tuple[int, int, int]]:
    return [(a, b, people - a - b) for a in range(people + 1) for b in range(people + 1 - a)]


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
            vitals("dirty", arm("c", 5), arm("t", 5), received=60, quarantined=12),
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
    assert "numbers too small to show (p < 0.001)" in found["lopsided"][0]
    assert found["missing"][0].startswith("34% of the outcomes that are due are missing")
    assert found["dirty"][0].startswith("20% of the rows received are in quarantine (12 of 60)")


def test_sample_ratio_is_flagged_below_one_in_a_thousand() -> None:
    """A split is flagged when its exact p falls below .001, not above it."""
    just_above, just_below = vitals("above", arm("c", 1), arm("t", 13)), vitals("below", arm("c", 0), arm("t", 11))
    assert [sample_ratio_p(*one.arms) for one in (just_above, just_below)] == pytest.approx([30 / 2**14, 2 / 2**11])
    found = trial_health([just_above, just_below])
    assert (len(found["above"]), len(found["below"])) == (0, 1)


def test_the_script_of_the_false_flags_runs_and_judges() -> None:
    """docs/scripts/health_evidence.py prints a line for each rule at both sizes, and ends within its limits."""
    script = ROOT / "docs" / "scripts" / "health_evidence.py"
    done = subprocess.run(
        [sys.executable, str(script), "--runs", "4"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All within limits." in done.stdout
    for rule in engine.load("health").rules:
        assert rule in done.stdout
    assert "1,000 exact test at 0.001                      0.0094  0.5403" in done.stdout


def test_few_people_say_nothing_yet() -> None:
    """Shares of fewer than twenty say nothing, so a trial that just began is not called ill."""
    starting = vitals("new", arm("c", 0), arm("t", 0), received=3, quarantined=2)
    assert trial_health([starting]) == {"new": ()}
    assert trial_health([]) == {}


def test_a_site_is_judged_by_itself_and_small_ones_are_not_named() -> None:
    """Two sites that cancel out are flagged though the trial's arms are even; of sites with fewer than 10 none is named."""
    opposed = (SiteVitals("north", (30, 4)), SiteVitals("south", (4, 30)), SiteVitals("west", (10, 10)))
    even = Vitals("even", (arm("c", 44), arm("t", 44)), 88, 0, opposed)
    p, site = site_ratio(even)
    assert p == pytest.approx(3 * sample_ratio_p(arm("c", 30), arm("t", 4)), rel=1e-9)
    assert site == opposed[0]
    (sentence,) = trial_health([even])["even"]
    assert sentence.startswith("In the site north the arms don't have the people that the plan allocates, 1 : 1")
    uneven = (arm("c", 60, allocation=9), arm("t", 16))
    small = Vitals("small", uneven, 76, 0, (SiteVitals("big", (60, 7)), SiteVitals("tiny", (0, 9))))
    (sentence,) = trial_health([small])["small"]
    assert sentence.startswith("In a small site")
    assert "tiny" not in sentence
    assert site_ratio(Vitals("one", even.arms, 0, 0, (SiteVitals("only", (0, 40)),))) == (None, None)


def test_rows_that_contradict_the_register_are_flagged_when_they_come() -> None:
    """One crossover is enough, one stranger too; how many is told from 10 on."""
    calm = (arm("c", 5), arm("t", 5))
    found = trial_health(
        [
            Vitals("crossed", calm, 100, 2, crossovers=2),
            Vitals("strangers", calm, 200, 12, unregistered=12),
            Vitals("neither", calm, 100, 0),
        ]
    )
    assert "(fewer than 10 in this delivery" in found["crossed"][0]
    assert "(12 rows in this delivery" in found["strangers"][0]
    assert found["neither"] == ()


def test_late_reports_are_flagged_above_one_in_ten() -> None:
    """12 of 100 are too many, 10 of 100 are not, and 9 are too few to speak of in any trial."""
    settled = (arm("c", 50, observed=50), arm("t", 50, observed=50))
    tiny = (arm("c", 15, observed=15), arm("t", 15, observed=15))
    trials = [Vitals("many", settled, 100, 0, late=12), Vitals("some", settled, 100, 0, late=10)]
    found = trial_health([*trials, Vitals("few", tiny, 30, 0, late=9)])
    assert [len(found[name]) for name in ("many", "some", "few")] == [1, 0, 0]
    assert found["many"][0].startswith("12% of the reports and changes came too late")


def test_drift_is_fishers_test_of_the_halves_within_an_arm() -> None:
    """None of 15, then 15 of 15: two-sided p = 2 / (30 choose 15). A second arm in which all are alike adds nothing."""
    one = Halves(15, 0, 15, 15)
    assert drift_p([one]) == pytest.approx(2 / math.comb(30, 15), rel=1e-9)
    assert drift_p([one, Halves(10, 0, 10, 0)]) == drift_p([one])
    assert drift_p([Halves(10, 10, 10, 10)]) is None
    (sentence,) = trial_health([Vitals("drifts", (arm("c", 30),), 30, 0, halves=(one,))])["drifts"]
    assert sentence.startswith("Outcomes among the first half of the people are not like those among the second")
    assert "15" not in sentence


def test_a_difference_between_arms_is_no_drift() -> None:
    """Nobody of one arm and everybody of the other with the outcome, one arm first, then the other: no drift to be seen."""
    people = [("c", 0.0)] * 40 + [("t", 1.0)] * 40
    assert drift_p(halves(in_order(people), binary=True)) is None
    mixed = [("c", 0.0), ("t", 1.0)] * 20 + [("t", 1.0)] * 40
    assert drift_p(halves(in_order(mixed), binary=True)) is None


def test_halves_cut_every_arm_where_the_trial_is_cut() -> None:
    """Seven people, arms unevenly early: three are the first half; scores count as high above their arm's own median."""
    people = [("c", 1.0), ("c", 2.0), ("t", 9.0), ("c", 5.0), ("t", 8.0), ("t", 7.0), ("c", 6.0)]
    assert halves(in_order(people), binary=False) == (Halves(2, 0, 2, 2), Halves(1, 1, 2, 0))
    assert halves(in_order([("c", 1.0), ("c", 0.0)]), binary=True) == (Halves(1, 1, 1, 0),)
    assert halves([], binary=True) == ()
    assert halves([("c", True, 0.0, 4), ("c", False, 1.0, 5)], binary=True) == (Halves(4, 0, 5, 5),)


@pytest.mark.parametrize("few", range(1, 10))
def test_no_sentence_tells_a_small_number(few: int) -> None:
    """Counts from 1 to 9 stand in no sentence, nor a share or an exact p that they follow from."""
    told = trial_health(
        [
            vitals("ratio", arm("c", few), arm("t", 97)),
            vitals("missing", arm("c", 60, observed=60), arm("t", 60, observed=60 - few, missing=few)),
            vitals("alike", arm("c", 20, observed=few, missing=20), arm("t", 20, missing=20)),
            vitals("dirty", arm("c", 5), arm("t", 5), received=20, quarantined=few),
        ]
    )
    sentences = [sentence for each in told.values() for sentence in each]
    assert sentences
    for sentence in sentences:
        plain = sentence.replace("1 : 1", "").replace("fewer than 10", "").replace("p < 0.001", "")
        numbers = [token.strip("(),.") for token in plain.split()]
        assert set(numbers) & {token for token in numbers if token[:1].isdigit()} <= {"10%", "20%"}, sentence
