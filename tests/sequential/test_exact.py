"""Exact figures: against an independent enumeration, and against the figures that the specification measured."""

import pytest

from tests.sequential.exact import crossing_chance
from trials.errors import DataError
from trials.sequential import Design, binary_mixture, exact, streams

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


def test_simulation_agrees_with_enumeration() -> None:
    """5,000 simulated trials fire as often as enumerated, within four Monte Carlo standard errors."""
    import numpy as np

    found = exact.pairs(PLAN, "benefit", control=0.30, treated=0.20, participants=400)
    crossings = streams.simulate(
        PLAN, control=0.30, treated=0.20, participants=400, runs=5_000, rng=np.random.default_rng(3)
    )
    error = streams.share_error(found.chance, 5_000)
    assert abs(crossings.share("benefit") - found.chance) < 4 * error


def test_the_longest_trial_still_keeps_alpha() -> None:
    """P(benefit ever fires in 1,000 pairs | .30 in both arms) ≤ .05, exactly; about .041 (specification: .043 simulated)."""
    assert exact.pairs(PLAN, "benefit", control=0.30, treated=0.30, participants=2_000).chance <= 0.05


@pytest.mark.parametrize(
    ("claim", "treated", "target"), [("benefit", 0.20, 502), ("dud", 0.30, 616), ("dud", 0.36, 241)]
)
def test_expected_participants_are_as_specified(claim: str, treated: float, target: int) -> None:
    """Within 5 % of the figures measured for "pair bet, mixture" (docs/statistics.md, "What it reaches")."""
    found = exact.pairs(PLAN, claim, control=0.30, treated=treated, participants=2_000)
    assert found.participants == pytest.approx(target, rel=0.05)


def test_unequal_allocation_is_refused() -> None:
    """Exact figures exist for pairs only; anything else says so."""
    with pytest.raises(DataError, match="must be 1:1"):
        exact.pairs(Design(2, 3, 0.3, 0.08, 0.05, 0.1, 0.21), "benefit", control=0.3, treated=0.3, participants=20)
