"""The likelihood of a block under "no effect at all": exact expectations, thinning, monotone ratios, lognormal amounts."""

import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom, nbinom, poisson

from trials.errors import DataError
from trials.sequential import Design, Unit, bets, exposure_blocks
from trials.sequential.block_likelihood import (
    AMOUNT_LOGNORMAL,
    COUNT_BLOCK,
    amount_likelihood,
    around,
    count_log_factors,
    count_ratio,
    thinned,
)

PLAN = Design(n_t=1, n_c=1, baseline=1.0, worthwhile=0.4, alpha=0.05, beta=0.10, spread=1.5, values="count", cap=6.0)
AMOUNTS = Design(n_t=1, n_c=1, baseline=0.2, worthwhile=0.05, alpha=0.05, beta=0.10, spread=0.05, values="bounded")
KNOWN = (np.array([0.15]), np.array([0.04]), np.array([1.0]))
MOST_EVENTS = 40


def expectation(design: Design, claim: str, chances: list[np.ndarray], exposures: list[float]) -> np.ndarray:
    """E[what a block pays each bet], enumerated: per person the chances of 0 ... MOST_EVENTS events; treated first."""
    side = bets.sides(exposure_blocks.on_unit_scale(design))[claim]
    cells = np.array(list(itertools.product(range(MOST_EVENTS + 1), repeat=len(chances))), dtype=float).T
    weight = np.prod([chance[y.astype(int)] for chance, y in zip(chances, cells, strict=True)], axis=0)
    times = np.repeat(np.array(exposures)[:, None], cells.shape[1], axis=1)
    treated, control = (cells[: design.n_t], times[: design.n_t]), (cells[design.n_t :], times[design.n_t :])
    arms = (control, treated) if side.swapped else (treated, control)
    known = tuple(np.broadcast_to(value, cells.shape[1]) for value in KNOWN)
    return np.asarray(np.exp(count_log_factors(design, known, side, *arms)) @ weight)  # type: ignore[arg-type]


Y = np.arange(MOST_EVENTS + 1)
SHAPES = {
    "Poisson": poisson.pmf(Y, 2.0),
    "negative binomial": nbinom.pmf(Y, 1, 0.5),
    "two kinds of people": 0.8 * poisson.pmf(Y, 0.3) + 0.2 * poisson.pmf(Y, 9.0),
    "only 0 and 12": np.where(Y == 0, 0.7, np.where(Y == 12, 0.3, 0.0)),
}


@pytest.mark.parametrize("claim", ["benefit", "harm"])
@pytest.mark.parametrize("higher", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_block_pays_at_most_1_on_average_when_nothing_differs(shape: str, higher: bool, claim: str) -> None:
    """With one exposure the expectation is ≤ 1 whatever the distribution of the counts, enumerated; pairs and 1:2."""
    for design, size in ((PLAN, 2), (replace(PLAN, n_c=2), 3)):
        design = replace(design, higher=higher)
        found = expectation(design, claim, [SHAPES[shape]] * size, [1.0] * size)
        assert (found <= 1 + 1e-9).all()
        assert (found > 0.5).all()


@pytest.mark.parametrize("exposures", [[0.5, 2.0], [2.0, 0.5], [1.0, 0.1]])
@pytest.mark.parametrize("higher", [False, True])
@pytest.mark.parametrize("level", [0.3, 1.0, 3.0])
def test_a_longer_exposure_pays_nothing_by_itself(exposures: list[float], higher: bool, level: float) -> None:
    """Treated watched longer or shorter at the same (over-dispersed) rate: the expectation stays ≤ 1, exposures given."""
    design = replace(PLAN, higher=higher)
    chances = [
        0.5 * poisson.pmf(Y, 0.4 * level * exposure) + 0.5 * poisson.pmf(Y, 1.6 * level * exposure)
        for exposure in exposures
    ]
    for claim in ("benefit", "harm"):
        assert (expectation(design, claim, chances, exposures) <= 1 + 1e-9).all()


def test_a_worse_arm_pays_less() -> None:
    """When the treated have more events in distribution, benefit's expectation is lower than with no effect: P falls too."""
    same = expectation(PLAN, "benefit", [poisson.pmf(Y, 1.0), poisson.pmf(Y, 1.0)], [1.0, 1.0])
    worse = expectation(PLAN, "benefit", [poisson.pmf(Y, 1.3), poisson.pmf(Y, 1.0)], [1.0, 1.0])
    better = expectation(PLAN, "benefit", [poisson.pmf(Y, 0.6), poisson.pmf(Y, 1.0)], [1.0, 1.0])
    assert (worse < same).all()
    assert (better > 1).all()


@pytest.mark.parametrize(("events", "share"), [(0, 0.3), (1, 0.5), (7, 0.25), (5_000, 0.4), (10**6, 0.999)])
def test_thinned_counts_are_binomial(events: int, share: float) -> None:
    """Values and chances are those of Binomial(events, share); what is left out holds less than 1e-12."""
    values, chances = thinned(np.array([float(events)]), np.array([share]))
    np.testing.assert_allclose(chances[0], binom.pmf(values[0], events, share), rtol=1e-6, atol=1e-15)
    assert 1 - 1e-9 < chances.sum() < 1 + 1e-9


def test_thinning_side_by_side_is_thinning_one_by_one() -> None:
    """Many people at once get the chances that each would alone, those with nothing to thin among them."""
    events, share = np.array([0.0, 3.0, 12.0, 4.0]), np.array([0.2, 1.0, 0.6, 0.9])
    values, chances = thinned(events, share)
    for i in range(4):
        np.testing.assert_allclose(chances[i], binom.pmf(values[0], events[i], share[i]), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("dispersion", [0.0, 0.3, 2.0])
def test_the_ratio_is_that_of_the_distributions(dispersion: float) -> None:
    """log f_low/f_high equals SciPy's negative binomial (Poisson at k = 0) and falls with the count."""
    low, high, exposure = np.array([0.7]), np.array([1.1]), np.array([1.7])
    found = count_ratio(Y.astype(float), low, high, np.array(dispersion), exposure)
    if dispersion == 0:
        expected = poisson.logpmf(Y, low * exposure) - poisson.logpmf(Y, high * exposure)
    else:
        size = 1 / dispersion
        expected = np.subtract(
            *(nbinom.logpmf(Y, size, 1 / (1 + dispersion * rate * exposure)) for rate in (low, high))
        )
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert (np.diff(found) < 0).all()


def test_means_lie_around_the_pooled_one() -> None:
    """The two means differ by the effect, their mixture is the pooled mean, and an idle bet has no difference."""
    low, high = around(2.0, np.array([0.0, 0.5, 1.0]), 0.25)
    np.testing.assert_allclose(high - low, [0.0, 0.5, 1.0])
    np.testing.assert_allclose(0.25 * low + 0.75 * high, 2.0)
    assert around(1.0, np.array([9.0]), 0.5)[0][0] > 0


def amounts(design: Design, ratio: float, size: int, seed: int) -> tuple[Unit, ...]:
    """Lognormal amounts with a fifth of zeros, winsorised; the treated pay `ratio` times as much."""
    rng = np.random.default_rng(seed)
    raw = np.minimum(rng.lognormal(-2.1, 1.0, size) * np.where(np.arange(size) % 2 == 0, ratio, 1.0), 1.0)
    values = raw * (rng.random(size) > 0.2)
    return tuple(
        Unit("", "t" if i % 2 == 0 else "c", float(1 - value if design.baseline > 0.5 else value))
        for i, value in enumerate(values)
    )


@pytest.mark.parametrize("claim", ["benefit", "harm"])
@pytest.mark.parametrize("baseline", [0.2, 0.8])
def test_amounts_pay_at_most_1_on_average_when_nothing_differs(claim: str, baseline: float) -> None:
    """Over a grid of losses with any chances, zeros and the cap among them, the expectation is ≤ 1; losses turned or not."""
    design = replace(AMOUNTS, baseline=baseline)
    state, side = exposure_blocks.start(design), bets.sides(design)[claim]
    values = np.array([0.0, 0.01, 0.1, 0.4, 0.9, 1.0])
    for chances in (np.full(6, 1 / 6), np.array([0.5, 0.1, 0.1, 0.1, 0.1, 0.1]), np.array([0, 0.6, 0, 0, 0, 0.4])):
        total = sum(
            chances[i]
            * chances[j]
            * np.exp(amount_likelihood(design, state, (baseline, 0.05), side, [(values[i], 1.0)], [(values[j], 1.0)]))
            for i, j in itertools.product(range(6), repeat=2)
        )
        assert (total <= 1 + 1e-12).all()


@pytest.mark.parametrize("baseline", [0.2, 0.8])
def test_amounts_find_an_effect_in_their_direction(baseline: float) -> None:
    """Treated who pay half as much have a benefit where less is better and a harm where more is; the interval agrees."""
    design = replace(AMOUNTS, baseline=baseline)
    wanted, other = ("benefit", "harm") if baseline < 0.5 else ("harm", "benefit")
    reading = AMOUNT_LOGNORMAL.read(
        design, AMOUNT_LOGNORMAL.step(design, AMOUNT_LOGNORMAL.start(design), amounts(design, 0.5, 800, 1))
    )
    assert reading.claims[wanted].fired
    assert not reading.claims[other].fired
    assert reading.low is not None if wanted == "benefit" else reading.high is not None
    assert (reading.low is not None and reading.low >= 0) == reading.claims["benefit"].fired


def test_amounts_keep_their_error() -> None:
    """No effect, zeros and a long tail: benefit and harm fire in at most the 99.9 % binomial quantile of 5 %."""
    fired = {"benefit": 0, "harm": 0}
    for seed in range(150):
        units = amounts(AMOUNTS, 1.0, 160, seed)
        claims = AMOUNT_LOGNORMAL.read(
            AMOUNTS, AMOUNT_LOGNORMAL.step(AMOUNTS, AMOUNT_LOGNORMAL.start(AMOUNTS), units)
        ).claims
        for claim in fired:
            fired[claim] += claims[claim].fired
    assert max(fired.values()) <= binom.isf(0.001, 150, 0.05)


def test_amounts_resume_through_json_and_refuse_what_is_off_the_scale() -> None:
    """Cut anywhere, the state is the same to the bit; a loss outside [0, 1] raises one sentence."""
    units, start = amounts(AMOUNTS, 0.7, 100, 3), AMOUNT_LOGNORMAL.start(AMOUNTS)
    half = json.loads(json.dumps(AMOUNT_LOGNORMAL.step(AMOUNTS, start, units[:41])))
    assert AMOUNT_LOGNORMAL.step(AMOUNTS, half, units[41:]) == AMOUNT_LOGNORMAL.step(AMOUNTS, start, units)
    for loss in (math.nan, 1.01, -0.01, math.inf):
        with pytest.raises(DataError, match="must be from 0 to 1"):
            AMOUNT_LOGNORMAL.step(AMOUNTS, start, (Unit("", "t", loss),))


def test_where_the_cap_is_far_off_the_likelihood_needs_fewer_people() -> None:
    """A cap of 20 on a rate of 1 holds the bets on the mean back; the block's likelihood fires earlier on the same people."""
    design = replace(PLAN, worthwhile=0.2, spread=1.0, cap=20.0)
    rng = np.random.default_rng(2)
    arms = np.where(np.arange(900) % 2 == 0, 0.7, 1.0)
    units = tuple(Unit("", "t" if i % 2 == 0 else "c", float(y)) for i, y in enumerate(rng.poisson(arms)))
    plain = exposure_blocks.Engine(lambda unit: (unit.loss or 0.0, unit.companion), lambda design, inverse: 1 / 400)
    state, _ = exposure_blocks.trace(plain, design, exposure_blocks.start(design), units)
    both = COUNT_BLOCK.read(design, COUNT_BLOCK.step(design, COUNT_BLOCK.start(design), units)).claims["benefit"]
    mean = exposure_blocks.read(design, state).claims["benefit"]
    assert both.crossed_at_n is not None
    assert mean.crossed_at_n is None or both.crossed_at_n < mean.crossed_at_n
