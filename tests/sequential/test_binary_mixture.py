"""The evidence of pairs and blocks of binary outcomes, against exact figures and closed forms."""

import math

import numpy as np
import pytest

from tests.sequential.exact import crossing_chance
from trials.errors import DataError
from trials.sequential import Design, Unit, bets, binary_mixture

PAIRS = Design(1, 1, 0.30, 0.08, 0.05, 0.10, 0.21)


def pair(treated: int, control: int) -> tuple[Unit, Unit]:
    return Unit("", "t", float(treated)), Unit("", "c", float(control))


def test_the_first_pairs_pay_what_the_formula_says() -> None:
    """After pairs with D = 1, 0, 1, −1 the evidence for benefit is Σ w_k Π (1 + λ_k D)."""
    units = (*pair(0, 1), *pair(1, 1), *pair(0, 1), *pair(1, 0))
    state = binary_mixture.step(PAIRS, binary_mixture.start(PAIRS), units)
    side, stakes = binary_mixture.staked(PAIRS)["benefit"]
    expected = math.log(sum(w * (1 + s) ** 2 * (1 - s) for w, s in zip(side.weights, stakes, strict=True)))
    assert binary_mixture.read(PAIRS, state).claims["benefit"].log_e == pytest.approx(expected, abs=1e-14)


def test_stakes_for_benefit_in_pairs_have_their_closed_form() -> None:
    """λ = (u − d)/(u + d) with u = p_C(1 − p_T), d = p_T(1 − p_C) (docs/statistics.md, "Defaults")."""
    side, stakes = binary_mixture.staked(PAIRS)["benefit"]
    for distance, stake in zip(side.distances, stakes, strict=True):
        treated = 0.30 - distance
        up, down = 0.30 * (1 - treated), treated * 0.70
        assert stake == pytest.approx((up - down) / (up + down), abs=1e-6)


def test_a_single_bet_crosses_as_often_as_the_reference_says() -> None:
    """λ = .2, p_C = .30, p_T = .22, threshold 20, 400 pairs: P(cross) .6777516013786143, 278.8798276747884 pairs on average.

    Source: shared reference file exact_dp.json, computed by another program (dynamic programming over counts).
    """
    chance, pairs = crossing_chance(np.array([0.2]), (1.0,), 0.0, 0.30, 0.22, pairs=400, threshold=20.0)
    assert chance == pytest.approx(0.6777516013786143, abs=1e-12)
    assert pairs == pytest.approx(278.8798276747884, abs=1e-9)


@pytest.mark.parametrize("share", [0.05, 0.30, 0.50, 0.90])
@pytest.mark.parametrize("claim", ["benefit", "harm"])
def test_false_alarms_stay_below_alpha_exactly(share: float, claim: str) -> None:
    """P(a claim of an effect ever fires within 250 pairs | no effect) ≤ .05 by exact enumeration, at any base rate."""
    side, stakes = binary_mixture.staked(PAIRS)[claim]
    chance, _ = crossing_chance(stakes, side.weights, side.margin, share, share, pairs=250, threshold=20.0)
    assert chance <= 0.05


@pytest.mark.parametrize("share", [0.15, 0.30, 0.50, 0.90])
def test_a_worthwhile_idea_is_dropped_no_more_often_than_beta_exactly(share: float) -> None:
    """P(dud ever fires within 250 pairs | effect exactly δ*) ≤ .10 by exact enumeration, at any base rate."""
    side, stakes = binary_mixture.staked(PAIRS)["dud"]
    # In dud's own orientation the arms are exchanged.
    chance, _ = crossing_chance(stakes, side.weights, side.margin, share - 0.08, share, pairs=250, threshold=10.0)
    assert chance <= 0.10


def test_blocks_are_a_fair_bet_whatever_their_shape() -> None:
    """A block's mean pay-off is ≤ 1 at the null's edge for 1:1, 3:2 and 1:4 allocation and every base rate."""
    for n_t, n_c in ((1, 1), (2, 3), (4, 1), (1, 4)):
        design = Design(n_t, n_c, 0.30, 0.08, 0.05, 0.10, 0.21)
        for claim, (side, _) in binary_mixture.staked(design).items():
            pay = np.exp(binary_mixture.tables(design)[claim])
            for control in np.linspace(0.02, 0.98, 25):
                treated = control + (side.margin if side.swapped else -side.margin)
                if not 0 <= treated <= 1:
                    continue
                mean = sum(
                    math.comb(n_t, t) * treated**t * (1 - treated) ** (n_t - t)
                    * math.comb(n_c, c) * control**c * (1 - control) ** (n_c - c)
                    * pay[:, binary_mixture.cell(design, t, c)]
                    for t in range(n_t + 1)
                    for c in range(n_c + 1)
                )  # fmt: skip
                assert (mean <= 1 + 1e-12).all(), (claim, n_t, n_c, control)


def test_the_confidence_sequence_agrees_with_the_claims() -> None:
    """low ≥ 0 exactly when benefit fired; high ≤ δ* exactly when dud did; high ≤ 0 when harm did, < 0 only then."""
    rng = np.random.default_rng(5)
    for treated in (0.1, 0.3, 0.5):
        state = binary_mixture.start(PAIRS)
        for t, c in zip(rng.random(300) < treated, rng.random(300) < 0.3, strict=True):
            state = binary_mixture.step(PAIRS, state, pair(int(t), int(c)))
            reading = binary_mixture.read(PAIRS, state)
            assert reading.claims["benefit"].fired == (reading.low is not None and reading.low >= 0)
            assert reading.claims["dud"].fired == (reading.high is not None and reading.high <= PAIRS.worthwhile)
            assert not reading.claims["harm"].fired or (reading.high is not None and reading.high <= 0)
            assert reading.claims["harm"].fired or reading.high is None or reading.high >= 0


def test_what_a_block_pays_falls_as_the_margin_rises() -> None:
    """So the rejected effects are an interval, and inverting the bets gives a confidence sequence."""
    margins = np.linspace(-0.99, 0.99, 199)
    for n_t, n_c in ((1, 1), (2, 3), (4, 1)):
        for baseline in (0.1, 0.5, 0.9):
            design = Design(n_t, n_c, baseline, 0.05, 0.05, 0.10, 0.2)
            side, stakes = binary_mixture.staked(design)["benefit"]
            for stake in stakes:
                capped = np.minimum(stake, bets.most(n_t, n_c, margins, baseline))
                for t in range(n_t + 1):
                    for c in range(n_c + 1):
                        logs = bets.log_factor(t, c, side.n_t, side.n_c, capped, margins, baseline)
                        assert (np.diff(logs) <= 1e-12).all()


def test_several_strata_multiply_and_never_mix_their_people() -> None:
    """Treated people of one site are never paired with controls of another."""
    design = Design(1, 1, 0.30, 0.08, 0.05, 0.10, 0.21, several=True)
    units = tuple(Unit("north", "t", 1.0) for _ in range(9)) + tuple(Unit("south", "c", 0.0) for _ in range(9))
    reading = binary_mixture.read(design, binary_mixture.step(design, binary_mixture.start(design), units))
    assert reading.blocks == 0
    assert reading.claims["benefit"].log_e is None


@pytest.mark.parametrize("loss", [math.nan, math.inf, -0.1, 1.1])
def test_a_value_outside_the_sealed_scale_is_refused(loss: float) -> None:
    """A loss that is no number from 0 to 1 raises a sentence; it never becomes evidence."""
    with pytest.raises(DataError, match="must be from 0 to 1"):
        binary_mixture.step(PAIRS, binary_mixture.start(PAIRS), (Unit("", "t", loss),))


@pytest.mark.parametrize(("alpha", "beta"), [(0.1, 0.05), (0.05, 0.01), (0.3, 0.05)])
def test_a_range_beside_harm_never_reaches_into_benefit(alpha: float, beta: float) -> None:
    """Where alpha > beta harm may fire before dud: the interval then ends at 0 at the latest, and is never turned round."""
    design = Design(1, 1, 0.3, 0.08, alpha, beta, 0.21)
    rng, seen = np.random.default_rng(9), 0
    for _ in range(60):
        losses = zip(rng.random(150) < 0.42, rng.random(150) < 0.3, strict=True)
        units = tuple(unit for t, c in losses for unit in (Unit("", "t", float(t)), Unit("", "c", float(c))))
        reading = binary_mixture.read(design, binary_mixture.step(design, binary_mixture.start(design), units))
        if reading.claims["harm"].fired and reading.high is not None:
            seen += 1
            assert reading.high <= 0
    assert seen > 5
