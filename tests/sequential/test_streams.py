"""Simulated streams fire exactly where the methods do, over the same outcomes."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from trials.evidence import CLAIMS
from trials.sequential import Design, Unit, binary_mixture, multiple, one_arm_binary
from trials.sequential.design import Method
from trials.sequential.operating import exact, streams, streams_arms

PLAN = Design(1, 1, 0.30, 0.08, 0.05, 0.10, 0.21)


def outcomes(design: Design, looks: int, runs: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Losses of each block's treated and controls, (runs,) each, with effects that differ from run to run."""
    rng = np.random.default_rng(seed)
    treated = np.linspace(0.08, 0.55, runs)
    return [(rng.binomial(design.n_t, treated), rng.binomial(design.n_c, 0.30, runs)) for _ in range(looks)]


def counted(design: Design, blocks: list[tuple[np.ndarray, np.ndarray]]) -> list[streams.Move]:
    """The same as `up` and `down`."""
    if design.n_c == 0:
        return [(1 - t, t) for t, _ in blocks]
    if design.n_t == design.n_c == 1:
        return [(c * (1 - t), t * (1 - c)) for t, c in blocks]
    return [(c, t) for t, c in blocks]


def by_method(
    method: Method, design: Design, blocks: list[tuple[np.ndarray, np.ndarray]], run: int, strata: int = 1
) -> dict[str, int]:
    """People at which the method itself first fires each claim, fed one trial."""
    units = []
    for number, (t, c) in enumerate(blocks):
        place = str(number % strata)
        units += [Unit(place, "t", float(i < t[run])) for i in range(design.n_t)]
        units += [Unit(place, "c", float(i < c[run])) for i in range(design.n_c)]
    claims = method.read(design, method.step(design, method.start(design), tuple(units))).claims
    return {
        claim: streams.NEVER if claims[claim].crossed_at_n is None else claims[claim].crossed_at_n for claim in CLAIMS
    }


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (1, 0)])
def test_streams_fire_where_the_method_does(shape: tuple[int, int]) -> None:
    """40 trials under effects from much harm to much benefit: every claim at the very participant."""
    design = replace(PLAN, n_t=shape[0], n_c=shape[1])
    blocks = outcomes(design, 150, 40, 1)
    found = streams.in_one(design, counted(design, blocks), runs=40).by_claim
    method = one_arm_binary.METHOD if shape[1] == 0 else binary_mixture.METHOD
    for run in range(40):
        assert {claim: found[claim][run] for claim in CLAIMS} == by_method(method, design, blocks, run)
    assert all((found[claim] != streams.NEVER).any() for claim in CLAIMS)


@pytest.mark.parametrize("many", [False, True])
def test_several_strata_fire_where_the_method_does(many: bool) -> None:
    """Three sites that take turns: half of the stake on all, half on each; with many sites on all alone."""
    design = replace(PLAN, several=True, many=many)
    blocks = outcomes(design, 150, 15, 2)
    found = streams.in_strata(design, counted(design, blocks), runs=15, strata=3).by_claim
    for run in range(15):
        assert {claim: found[claim][run] for claim in CLAIMS} == by_method(
            binary_mixture.METHOD, design, blocks, run, strata=3
        )
    assert (found["dud"] != streams.NEVER).any()


def test_boundaries_fire_where_multiplying_every_bet_does() -> None:
    """2,000 streams of 300 pairs: the same crossings as carrying each bet's wealth and summing it at each look."""
    rng = np.random.default_rng(5)
    moves = [streams.drawn(PLAN, 0.30, 0.22, 2_000, rng) for _ in range(300)]
    found = streams.in_one(PLAN, moves, runs=2_000).by_claim
    tables = binary_mixture.tables(PLAN)
    for claim, (side, _) in binary_mixture.staked(PLAN).items():
        wealth, fired = np.zeros((5, 2_000)), np.full(2_000, streams.NEVER)
        for number, (up, down) in enumerate(moves, start=1):
            wealth += tables[claim][:, np.where(up, 1, np.where(down, 2, 0))]
            total = np.array(side.weights) @ np.exp(wealth)
            fired[(fired == streams.NEVER) & (total >= 1 / side.error)] = 2 * number
        assert (found[claim] == fired).all()


def test_drawn_pairs_have_their_chances() -> None:
    """The shares of the three kinds of pair, by exact binomial quantiles; no chance means never, certainty always."""
    rng, n = np.random.default_rng(7), 200_000
    up, down = streams.drawn(PLAN, 0.3, 0.2, n, rng)
    for kind, chance in ((up, 0.3 * 0.8), (down, 0.2 * 0.7)):
        low, high = binom.ppf([0.0005, 0.9995], n, chance)
        assert low <= kind.sum() <= high
    assert not (up & down).any()
    assert streams.drawn(PLAN, 1.0, 0.0, 1_000, rng)[0].all()
    assert not streams.drawn(PLAN, 1.0, 1.0, 1_000, rng)[1].any()


def test_fewer_looks_fire_less_often() -> None:
    """Looking after every tenth pair finds at most what looking after each does, and most of it."""
    sample = {"control": 0.3, "treated": 0.2, "participants": 600, "runs": 4_000}
    seldom = streams.simulate(PLAN, **sample, rng=np.random.default_rng(1), stride=10).share("benefit")
    chance = exact.pairs(PLAN, "benefit", control=0.3, treated=0.2, participants=600).chance
    assert chance - 0.1 < seldom < chance


def test_the_first_arms_claim_is_adjusted_as_e_holm_does() -> None:
    """Vectorised over runs, the adjusted log E of the first of four claims is that of `multiple.e_holm`."""
    logs = np.random.default_rng(3).normal(1.0, 2.0, (4, 50))
    each = [multiple.e_holm(list(logs[:, run]))[0] for run in range(50)]
    np.testing.assert_allclose(streams_arms.adjusted(logs), each, rtol=0, atol=1e-12)


def test_several_arms_that_do_nothing_are_promoted_no_more_often_than_alpha() -> None:
    """Three arms, 600 people, .30 everywhere: less often than one arm alone with as many people, and within alpha."""
    designs, runs = [PLAN] * 3, 2_000
    found = streams_arms.simulate(
        designs, control=0.3, treated=[0.3] * 3, participants=600, runs=runs, rng=np.random.default_rng(2)
    )
    assert round(found.share("benefit") * runs) <= binom.ppf(0.999, runs, 0.05)
    alone = exact.pairs(PLAN, "benefit", control=0.3, treated=0.3, participants=300).chance
    assert found.share("benefit") < alone
