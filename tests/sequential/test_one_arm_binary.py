"""One arm of binary outcomes against a benchmark: exact figures, closed forms, and an interval checked by brute force."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from tests.sequential.exact import ends_first
from trials.errors import DataError, ProtocolError
from trials.sequential import Design, Unit, bets, one_arm_binary
from trials.sequential.design import BENEFIT_WEIGHTS
from trials.sequential.operating import exact, streams_bounded

ONE = Design(1, 0, 0.30, 0.08, 0.05, 0.10, 0.21)
SHARES = (0.26, 0.22, 0.18, 0.14, 0.06)


def units(losses: list[int], stratum: str = "") -> tuple[Unit, ...]:
    return tuple(Unit(stratum, "t", float(loss)) for loss in losses)


def reading(design: Design, people: tuple[Unit, ...]):  # type: ignore[no-untyped-def]
    return one_arm_binary.read(design, one_arm_binary.step(design, one_arm_binary.start(design), people))


def test_the_evidence_is_the_mixture_of_likelihood_ratios() -> None:
    """After 2 losses among 5, E for benefit is Σ w_k (p_k/.30)² ((1 − p_k)/.70)³, in whatever order they came."""
    expected = math.log(
        sum(w * (p / 0.3) ** 2 * ((1 - p) / 0.7) ** 3 for p, w in zip(SHARES, BENEFIT_WEIGHTS, strict=True))
    )
    for losses in ([1, 1, 0, 0, 0], [0, 1, 0, 0, 1]):
        assert reading(ONE, units(losses)).claims["benefit"].log_e == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize(("share", "star"), [(0.03, 0.02), (0.30, 0.08), (0.50, 0.20), (0.95, 0.04)])
def test_false_alarms_stay_below_their_error_exactly(share: float, star: float) -> None:
    """P(the claim ever fires within 400 people | the edge of its null) ≤ its error, by exact enumeration."""
    design = replace(ONE, baseline=share, worthwhile=star)
    for name, truth, error in (("benefit", share, 0.05), ("harm", share, 0.05), ("dud", share - star, 0.10)):
        assert exact.ever(design, name, control=share, treated=truth, participants=400).chance <= error


def test_it_needs_few_people_more_than_the_floor() -> None:
    """Within 10 % (benefit) and 12 % (dud) of log(1/error)/KL, below the 131 and 149 people of the specification."""
    benefit = exact.ever(ONE, "benefit", control=0.30, treated=0.20, participants=2000).participants
    dud = exact.ever(ONE, "dud", control=0.30, treated=0.30, participants=2000).participants
    assert benefit < 1.10 * math.log(20) / exact.growth(ONE, "benefit", 0.20)
    assert dud < 1.12 * math.log(10) / exact.growth(ONE, "dud", 0.30)
    assert benefit < 131
    assert dud < 149


def test_simulated_endings_agree_with_the_exact_ones() -> None:
    """Shares of 4,000 simulated trials that end in each claim lie within the 99.9 % range of the exact chances."""
    ending = exact.endings(ONE, control=0.30, treated=0.24, participants=300)
    found = streams_bounded.simulate_one_arm(
        ONE,
        treated=streams_bounded.binary_losses(0.24),
        participants=300,
        runs=4000,
        rng=np.random.Generator(np.random.PCG64(3)),
    )
    for name in ("benefit", "dud", "harm"):
        low, high = binom.ppf([0.0005, 0.9995], 4000, ending.chance(name))
        assert low <= round(4000 * ends_first(found.by_claim, name)) <= high
    stops = found.first("benefit", "dud", "harm")
    assert abs(stops.mean() - ending.participants) < 4 * stops.std() / math.sqrt(4000)


def test_a_participant_is_a_fair_bet_and_pays_more_the_higher_the_null() -> None:
    """Mean pay-off ≤ 1 wherever the null holds; both pay-offs rise with q, so the rejected effects are an interval."""
    for baseline, star in ((0.30, 0.08), (0.05, 0.04), (0.9, 0.2)):
        design = replace(ONE, baseline=baseline, worthwhile=star)
        for side in one_arm_binary.sides(design).values():
            free = one_arm_binary.null_share(design, side, 0.0)
            q = np.linspace(0.002, 0.998, 400)
            pay = one_arm_binary.table(design, side, free - q)[:, :, :: -1 if side.swapped else 1]
            assert (np.diff(pay, axis=1) >= -1e-12).all()
            for p in (q, (1 + q) / 2, np.ones_like(q)):
                assert ((1 - p) * np.exp(pay[:, :, 0]) + p * np.exp(pay[:, :, 1]) <= 1 + 1e-12).all()


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("truth", [0.12, 0.30, 0.55])
def test_the_interval_is_the_inversion_tried_one_effect_at_a_time(truth: float, several: bool) -> None:
    """low is the largest effect m of a fine grid for which H0: δ ≤ m was rejected at any time; high alike from above."""
    rng = np.random.default_rng(6)
    people = tuple(Unit("ab"[i % 2], "t", float(loss)) for i, loss in enumerate(rng.random(150) < truth))
    design = replace(ONE, several=several)
    state = one_arm_binary.step(design, one_arm_binary.start(design), people)
    kinds = {
        stratum: [[p.stratum == stratum and p.loss == loss for loss in (0.0, 1.0)] for p in people] for stratum in "ab"
    }
    paths = {stratum: np.cumsum(cells, axis=0, dtype=float) for stratum, cells in kinds.items()}
    for end, claim in (("low", "benefit"), ("high", "harm"), ("top", "dud")):
        side = one_arm_binary.sides(design)[claim]
        free = one_arm_binary.null_share(design, side, 0.0)
        grid = np.arange(-690, 690) / 1000
        grid = grid[(grid > free - 0.9995) & (grid < free - 0.0005)]
        logs = one_arm_binary.total(design, paths, one_arm_binary.table(design, side, grid), side.weights)
        rejected = (logs >= -math.log(side.error)).any(axis=1)
        last = grid[rejected][-1] if rejected.any() else None
        found = state[end] if end == "low" else -state[end]
        assert last is not None
        assert last - 1e-9 <= found < last + 0.001


def test_several_sites_share_one_benchmark() -> None:
    """E is the mean of one bet over all sites and of the product of the sites' own; with many sites it is the former."""
    design = replace(ONE, several=True)
    north, south = [0] * 30 + [1] * 2, [1] * 12 + [0] * 20
    people = units(north, "north") + units(south, "south")
    side = one_arm_binary.sides(design)["benefit"]
    pay = one_arm_binary.tables(design)["benefit"]
    logs = [pay[:, :1] * losses.count(0) + pay[:, 1:] * losses.count(1) for losses in (north, south)]
    both = bets.over_strata(logs, logs[0] + logs[1], side.weights)
    assert reading(design, people).claims["benefit"].log_e == pytest.approx(both[0], abs=1e-12)
    together = reading(replace(design, many=True), people).claims["benefit"].log_e
    assert together == pytest.approx(reading(ONE, units(north + south)).claims["benefit"].log_e, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.floats(allow_nan=True, allow_infinity=True).filter(lambda loss: loss not in (0.0, 1.0)))
def test_what_is_neither_loss_nor_none_is_refused(loss: float) -> None:
    """Any number but 0 and 1 raises a sentence and leaves the state as it was."""
    state = one_arm_binary.start(ONE)
    with pytest.raises(DataError, match="must be"):
        one_arm_binary.step(ONE, state, (Unit("", "t", loss),))
    assert state == one_arm_binary.start(ONE)


def test_controls_are_refused_in_data_and_in_plans() -> None:
    """A control participant is an error of the data, a control arm one of the plan, and so is a benchmark without room."""
    with pytest.raises(DataError, match='arm == "c", must be "t"'):
        one_arm_binary.step(ONE, one_arm_binary.start(ONE), (Unit("", "c", 1.0),))
    with pytest.raises(ProtocolError, match="allocation == 1:1, must be one arm"):
        one_arm_binary.admit(replace(ONE, n_c=1))
    with pytest.raises(ProtocolError, match=r"benchmark == 0.05, must lie between"):
        one_arm_binary.admit(replace(ONE, baseline=0.05))
    with pytest.raises(DataError, match="one stratum"):
        exact.ever(replace(ONE, several=True), "benefit", control=0.3, treated=0.2, participants=10)
