"""Real trials whose data are in this tree: the published figures come out of the data, and each trial ends as written down."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from statistics import fmean

import pytest

from tests.real import loading, published
from tests.real.endings import ENDINGS, Ending
from tests.real.judging import by_arm, ends_as_written
from tests.real.loading import KEPT, shuffled

MINE = [ending for ending in ENDINGS if ending.kept]


@pytest.mark.parametrize("ending", MINE, ids=lambda ending: ending.name)
def test_a_trial_ends_as_written_down(ending: Ending) -> None:
    """Verdict and claims are those of the table, everybody is in, and the intervals agree with the claims."""
    ends_as_written(ending, ending.load(KEPT))


def test_rossi_differs_by_as_much_as_published() -> None:
    """66 and 48 of 216 were re-arrested, 114 in all; without covariates p is .0494 for shares and .0501 for the logrank."""
    values = by_arm(loading.rossi(KEPT))
    assert {arm: (sum(found), len(found)) for arm, found in values.items()} == {
        "control": (66, 216),
        "financial_aid": (48, 216),
    }
    assert published.shares(48, 216, 66, 216).p == pytest.approx(0.04942, abs=5e-6)
    members = loading.rossi_weeks(KEPT).members
    assert sum(member.companion == 1 for member in members) == 114
    statistic, p = published.logrank(
        [member.value or 0.0 for member in members],
        [member.companion or 0.0 for member in members],
        [member.arm == "financial_aid" for member in members],
    )
    assert (statistic, p) == (pytest.approx(3.8376, abs=5e-5), pytest.approx(0.05012, abs=5e-6))


def test_nsw_differs_by_as_much_as_published() -> None:
    """1,794 dollars, SE 633 in ordinary least squares (Dehejia & Wahba, 1999)."""
    values = by_arm(loading.nsw(KEPT))
    found = published.pooled(values["supported_work"], values["control"])
    assert (found.size, found.error) == (pytest.approx(1794.3424, abs=1e-3), pytest.approx(632.8534, abs=1e-3))


def test_thornton_differs_by_as_much_as_published() -> None:
    """34 of 100 came without a payment; +.452 with one, where the published model with covariates has +.431 (SE .023)."""
    values = by_arm(loading.thornton(KEPT))
    assert (len(values["incentive"]), len(values["no_incentive"])) == (2207, 623)
    assert fmean(values["no_incentive"]) == pytest.approx(0.33868, abs=5e-6)
    found = published.robust(values["incentive"], values["no_incentive"])
    assert found.size == pytest.approx(0.4520, abs=5e-5)
    assert abs(found.size - 0.431) < 0.023


def test_penn_differs_by_as_much_as_published() -> None:
    """tg4 against control in log weeks: -.0855, robust SE .0359, p .017; and each arm's difference in weeks with its p."""
    values = by_arm(loading.penn(KEPT))
    assert sum(len(found) for found in values.values()) == 13_913
    logs = {arm: [math.log(week) for week in found] for arm, found in values.items()}
    found = published.robust(logs["tg4"], logs["control"])
    assert (found.size, found.error, found.p) == (
        pytest.approx(-0.08546, abs=5e-6),
        pytest.approx(0.03586, abs=5e-6),
        pytest.approx(0.01716, abs=5e-6),
    )
    weeks = {"tg1": -0.278, "tg2": -0.725, "tg3": -0.387, "tg4": -0.832, "tg5": -0.147, "tg6": -1.002}
    differences = {arm: published.robust(values[arm], values["control"]) for arm in weeks}
    assert {arm: round(one.size, 3) for arm, one in differences.items()} == weeks
    assert {arm for arm, one in differences.items() if one.p < 0.01} == {"tg2", "tg4", "tg6"}


def test_another_order_has_the_same_people_and_days() -> None:
    """`shuffled` moves nobody to another day of entry, and loses nobody; the sealed order is by day already."""
    for trial in (loading.penn_tg4(KEPT), loading.thornton(KEPT)):
        other = shuffled(trial, 3)
        assert other.members != trial.members
        assert Counter(other.members) == Counter(trial.members)
        days = [member.enrolled_on for member in trial.members]
        assert [member.enrolled_on for member in other.members] == days


@pytest.mark.parametrize("dataset", ["rossi_life", "thornton_hiv"])
def test_the_kept_order_is_the_one_that_its_source_describes(dataset: str) -> None:
    """Undated people stand in the order of a hash of their ids, which anybody can make again."""
    ids = [row["participant_id"] for row in loading.in_order(loading.rows(KEPT, dataset))]
    assert ids == sorted(ids, key=lambda name: hashlib.sha256(f"{dataset}|{name}".encode()).hexdigest())
