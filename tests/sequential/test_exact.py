"""Exact figures: against an independent enumeration, and against the figures that the specification measured."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from tests.sequential.exact import crossing_chance, ends_first, one_arm_chance
from trials.errors import DataError
from trials.sequential import Design, binary_mixture, one_arm_binary
from trials.sequential.operating import exact, streams
from trials.sequential.operating.frontier import Frontier, line

PLAN = Design(1, 1, 0.30, 0.08, 0.05, 0.10, 0.21)


@pytest.mark.parametrize(("claim", "treated"), [("benefit", 0.20), ("dud", 0.30), ("harm", 0.36)])
def test_two_enumerations_agree(claim: str, treated: float) -> None:
    """The package's and the test's own dynamic programme give the same chance and mean to 1e-10."""
    side, stakes = binary_mixture.staked(PLAN)[claim]
    shares = (treated, 0.30) if side.swapped else (0.30, treated)
    chance, pairs = crossing_chance(stakes, side.weights, side.margin, *shares, pairs=120, threshold=1 / side.error)
    found = exact.pairs(PLAN, claim, control=0.30, treated=treated, participants=240)
    assert found.chance == pytest.approx(chance, abs=1e-10)
    assert found.participants == pytest.approx(2 * pairs, abs=1e-8)


@pytest.mark.parametrize(
    ("claim", "treated", "chance", "participants"),
    [
        ("benefit", 0.30, 0.042962549502847655, 1932.3382806594175),
        ("harm", 0.30, 0.04249340673822005, 1938.404204903679),
        ("dud", 0.22, 0.08767121514561133, 1865.5423526306538),
        ("benefit", 0.20, 0.9949632816050679, 475.9523329966601),
        ("dud", 0.30, 0.9555545212652558, 611.7810522430767),
        ("dud", 0.36, 0.9999905487052334, 237.5878251345577),
    ],
)
def test_the_figures_stay_what_they_were(claim: str, treated: float, chance: float, participants: float) -> None:
    """2,000 participants, to 1e-12 and 1e-9. Source: the independent programme in tests/sequential/exact.py, 1,000 pairs."""
    found = exact.pairs(PLAN, claim, control=0.30, treated=treated, participants=2_000)
    assert found.chance == pytest.approx(chance, abs=1e-12)
    assert found.participants == pytest.approx(participants, abs=1e-9)


@pytest.mark.parametrize(
    ("claim", "treated", "target"), [("benefit", 0.20, 502), ("dud", 0.30, 616), ("dud", 0.36, 241)]
)
def test_expected_participants_are_as_specified(claim: str, treated: float, target: int) -> None:
    """At most 3 % above the figures measured for "pair bet, mixture" (docs/statistics.md, "What it reaches")."""
    found = exact.pairs(PLAN, claim, control=0.30, treated=treated, participants=2_000)
    assert found.participants <= 1.03 * target


@pytest.mark.parametrize("design", [PLAN, replace(PLAN, n_t=2, n_c=3), replace(PLAN, n_t=3, n_c=1)])
def test_endings_are_those_of_simulated_trials(design: Design) -> None:
    """Each claim ends as many of 4,000 simulated trials as enumerated, by exact binomial quantiles; their mean length too."""
    runs, truth = 4_000, {"control": 0.30, "treated": 0.24, "participants": 300}
    found = exact.endings(design, **truth)
    crossings = streams.simulate(design, **truth, runs=runs, rng=np.random.default_rng(3))
    for claim in ("benefit", "dud", "harm"):
        ended = round(ends_first(crossings.by_claim, claim) * runs)
        low, high = binom.ppf(
            [0.0005, 0.9995], runs, found.chance(claim) + (found.chance("both") if claim == "dud" else 0)
        )
        assert low <= ended <= high, claim
    first = crossings.first("benefit", "dud", "harm")
    assert abs(first.mean() - found.participants) < 4 * first.std() / np.sqrt(runs)
    assert sum(found.chance(claim) for claim in found.stops) + found.full == pytest.approx(1.0, abs=1e-12)
    assert abs(float(np.quantile(first, 0.5, method="inverted_cdf")) - found.quantile(0.5)) <= 15


def test_the_mean_of_a_full_trials_estimate_is_the_effect() -> None:
    """Where nothing can fire (2 pairs) the plain estimate is unbiased: its mean is .30 − .22."""
    found = exact.endings(PLAN, control=0.30, treated=0.22, participants=4)
    assert found.full == 1.0
    assert found.estimate == pytest.approx(0.08, abs=1e-15)


@pytest.mark.parametrize("claim", ["benefit", "dud", "harm"])
@pytest.mark.parametrize("truth", [0.15, 0.30, 0.40])
def test_one_arm_agrees_with_a_programme_over_one_count(claim: str, truth: float) -> None:
    """The package carries two counts for one arm too; the test's own programme, over losses alone, agrees to 1e-10."""
    design = replace(PLAN, n_c=0)
    side, pay = one_arm_binary.sides(design)[claim], one_arm_binary.tables(design)[claim]
    chance, people = one_arm_chance(pay, side.weights, truth, participants=400, threshold=1 / side.error)
    found = exact.ever(design, claim, control=0.30, treated=truth, participants=400)
    assert found.chance == pytest.approx(chance, abs=1e-10)
    assert found.participants == pytest.approx(people, abs=1e-8)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (1, 0)])
def test_the_frontier_is_where_log_e_crosses(shape: tuple[int, int]) -> None:
    """One count less and the claim does not fire; at the frontier it does, whatever windows were asked for before."""
    design = replace(PLAN, n_t=shape[0], n_c=shape[1])
    for claim in ("benefit", "dud", "harm"):
        bet = line(design, claim)
        frontier = Frontier(bet)
        for looks, low, high in ((1, 0, 3), (40, 5, 60), (41, 0, 200), (300, 90, 110)):
            against, bound = np.arange(low, high + 1), frontier.at(looks, low, high)
            assert (bet.log_e(looks, against, bound) >= bet.threshold).all()
            assert (bet.log_e(looks, against, bound - 1) < bet.threshold).all()


def test_unequal_allocation_is_refused_where_pairs_are_meant() -> None:
    """`pairs` says that it is for 1:1; `endings` refuses several strata, where one order of counts is not enough."""
    with pytest.raises(DataError, match="must be 1:1"):
        exact.pairs(replace(PLAN, n_t=2, n_c=3), "benefit", control=0.3, treated=0.3, participants=20)
    with pytest.raises(DataError, match="one stratum"):
        exact.endings(replace(PLAN, several=True), control=0.3, treated=0.3, participants=20)
