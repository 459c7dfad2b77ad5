"""Laws that hold for every registered method with every kind it judges. A new method is tested here unasked."""

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from tests.laws.streams import CASES, RATIOS, design_for, losses, people, run, some_missing
from trials.errors import DataError
from trials.evidence import CLAIMS
from trials.outcomes import KINDS, kind_named
from trials.sequential import METHODS, Method, Unit

cases = pytest.mark.parametrize(("method", "kind_name"), CASES, ids=[f"{m.name}-{k}" for m, k in CASES])
ratios = pytest.mark.parametrize(("n_t", "n_c"), RATIOS, ids=["pairs", "2 to 3"])


def test_every_kind_has_a_method() -> None:
    """No outcome kind is registered that nothing can judge, and no method names a kind that does not exist."""
    judged = {kind for method in METHODS for kind in method.kinds}
    assert judged == {kind.name for kind in KINDS}


@cases
@ratios
@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 120), max_size=8), seed=st.integers(0, 2**16))
def test_resumed_equals_uninterrupted(
    method: Method, kind_name: str, n_t: int, n_c: int, cuts: list[int], seed: int
) -> None:
    """However the participants are cut into deliveries, and through JSON each time, the state is the same to the bit."""
    kind = kind_named(kind_name)
    design = design_for(kind, n_t, n_c, several=True)
    units = some_missing(people(kind, design, 0.05, 120, seed, strata=2))
    state = method.start(design)
    edges = [0, *sorted(cuts), 120]
    for first, last in itertools.pairwise(edges):
        state = json.loads(json.dumps(method.step(design, state, units[first:last])))
    assert state == json.loads(json.dumps(run(method, design, units)))


@cases
@ratios
def test_stepping_leaves_the_given_state_as_it_was(method: Method, kind_name: str, n_t: int, n_c: int) -> None:
    """A state is a value: stepping from it twice gives the same twice."""
    kind = kind_named(kind_name)
    design = design_for(kind, n_t, n_c)
    units = people(kind, design, 0.0, 60, seed=3)
    before = run(method, design, units[:31])
    kept = json.dumps(before)
    first = method.step(design, before, units[31:])
    assert json.dumps(before) == kept
    assert first == method.step(design, before, units[31:])


@cases
@ratios
def test_exchanging_the_arms_exchanges_benefit_and_harm(method: Method, kind_name: str, n_t: int, n_c: int) -> None:
    """Benefit of one arm over the other is harm of the other over the one."""
    kind = kind_named(kind_name)
    design, mirrored = design_for(kind, n_t, n_c), design_for(kind, n_c, n_t)
    units = people(kind, design, 0.1, 200, seed=8)
    swapped = tuple(Unit(unit.stratum, "c" if unit.arm == "t" else "t", unit.loss) for unit in units)
    there = method.read(design, run(method, design, units))
    back = method.read(mirrored, run(method, mirrored, swapped))
    # The bets for benefit look for p_C − δ and those for harm for p_C + δ, so for binary kinds the stakes differ a little.
    if kind.values == "bounded":
        assert there.claims["benefit"].log_e == pytest.approx(back.claims["harm"].log_e, abs=1e-9)
    else:
        assert there.claims["benefit"].log_e == pytest.approx(back.claims["harm"].log_e, rel=0.25, abs=0.6)


@cases
@ratios
@pytest.mark.parametrize("claim", CLAIMS)
def test_false_alarms_under_continuous_peeking(method: Method, kind_name: str, n_t: int, n_c: int, claim: str) -> None:
    """P(the claim ever fires | its null's edge) ≤ error, looking after every block; judged by the 99.9 % binomial quantile."""
    kind = kind_named(kind_name)
    design = design_for(kind, n_t, n_c)
    effect = design.worthwhile if claim == "dud" else 0.0
    error = design.beta if claim == "dud" else design.alpha
    runs, size = (300, 200) if kind.values == "binary" else (150, 150)
    fired = sum(
        method.read(design, run(method, design, people(kind, design, effect, size, seed))).claims[claim].fired
        for seed in range(runs)
    )
    assert fired <= binom.isf(0.001, runs, error)


@cases
@ratios
def test_a_large_effect_is_found_and_the_opposite_never_claimed(
    method: Method, kind_name: str, n_t: int, n_c: int
) -> None:
    """With an effect of three worthwhile ones benefit fires and harm does not; with its mirror image harm fires."""
    kind = kind_named(kind_name)
    design = design_for(kind, n_t, n_c, baseline=0.5)
    star = design.worthwhile
    good = method.read(design, run(method, design, people(kind, design, 3 * star, 600, seed=1))).claims
    assert good["benefit"].fired
    assert not good["harm"].fired
    bad = method.read(design, run(method, design, people(kind, design, -3 * star, 600, seed=1))).claims
    assert bad["harm"].fired
    assert bad["dud"].fired
    assert not bad["benefit"].fired


@cases
def test_the_interval_covers_the_truth(method: Method, kind_name: str) -> None:
    """P(the confidence sequence ever misses the true effect) ≤ alpha + beta, judged by the 99.9 % binomial quantile."""
    kind = kind_named(kind_name)
    design = design_for(kind)
    missed = 0
    for seed in range(150):
        reading = method.read(design, run(method, design, people(kind, design, design.worthwhile, 150, seed)))
        low = -1.0 if reading.low is None else reading.low
        high = 1.0 if reading.high is None else reading.high
        missed += not low <= design.worthwhile <= high
    assert missed <= binom.isf(0.001, 150, design.alpha + design.beta)


@cases
def test_p_never_rises_and_the_interval_never_widens(method: Method, kind_name: str) -> None:
    """Once something has been shown it stays shown: no new data can take it back."""
    kind = kind_named(kind_name)
    design = design_for(kind)
    units = people(kind, design, 0.1, 200, seed=21)
    state = method.start(design)
    last = dict.fromkeys(CLAIMS, 1.0)
    low, high = -1.0, 1.0
    for unit in units:
        state = method.step(design, state, (unit,))
        reading = method.read(design, state)
        for claim in CLAIMS:
            p = reading.claims[claim].p
            if p is not None:
                assert p <= last[claim]
                last[claim] = p
        if reading.low is not None:
            assert reading.low >= low
            low = reading.low
        if reading.high is not None:
            assert reading.high <= high
            high = reading.high
    assert low <= high


@cases
def test_nothing_is_said_before_the_first_block(method: Method, kind_name: str) -> None:
    """Before a block is complete every claim is None with a reason: no invented 0, no p of 1."""
    design = design_for(kind_named(kind_name))
    for units in ((), (Unit("", "t", 1.0), Unit("", "t", 0.0))):
        reading = method.read(design, run(method, design, units))
        for claim in reading.claims.values():
            assert claim.log_e is None
            assert claim.p is None
            assert claim.reason
        assert (reading.low, reading.high) == (None, None)


@cases
@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf, 1.0001, -0.0001])
def test_values_off_the_scale_are_refused(method: Method, kind_name: str, loss: float) -> None:
    """NaN, infinities and values outside [0, 1] raise one sentence and never move the evidence."""
    design = design_for(kind_named(kind_name))
    with pytest.raises(DataError, match="must be from 0 to 1"):
        run(method, design, (Unit("", "t", 0.5), Unit("", "c", loss)))


@cases
@ratios
def test_a_block_with_a_missing_member_is_left_out_whole(method: Method, kind_name: str, n_t: int, n_c: int) -> None:
    """Missing people keep their places: taking their whole block out of the data changes neither evidence nor interval."""
    kind = kind_named(kind_name)
    design = design_for(kind, n_t, n_c)
    size = n_t + n_c
    rng = np.random.default_rng(17)
    arms = ["t"] * n_t + ["c"] * n_c
    blocks = [
        [Unit("", arms[i], float(loss)) for i, loss in enumerate(losses(kind, 0.4, size, rng))]  # type: ignore[arg-type]
        for _ in range(40)
    ]
    holed = [
        [Unit("", one.arm, None), *rest] if number % 5 == 0 else [one, *rest]
        for number, (one, *rest) in enumerate(blocks)
    ]
    whole = [block for number, block in enumerate(blocks) if number % 5]
    with_holes = method.read(design, run(method, design, tuple(unit for block in holed for unit in block)))
    without = method.read(design, run(method, design, tuple(unit for block in whole for unit in block)))
    assert {name: claim.log_e for name, claim in with_holes.claims.items()} == {
        name: claim.log_e for name, claim in without.claims.items()
    }
    assert (with_holes.low, with_holes.high, with_holes.blocks) == (without.low, without.high, without.blocks)


@cases
def test_an_effect_that_turns_round_has_no_interval(method: Method, kind_name: str) -> None:
    """When the ends have crossed nothing is shown between them: never an interval with low above high."""
    kind = kind_named(kind_name)
    design = design_for(kind, baseline=0.5)
    star = design.worthwhile
    good, bad = (people(kind, design, sign * 4 * star, 1500, seed=4) for sign in (1, -1))
    reading = method.read(design, run(method, design, good + bad))
    assert reading.claims["benefit"].fired
    assert (reading.low, reading.high) == (None, None)


@cases
def test_the_guarantee_is_stated(method: Method, kind_name: str) -> None:
    """A method states its promise as a probability."""
    assert method.guarantee.startswith("P(")
    assert kind_named(kind_name).name in method.kinds
    assert np.isfinite(
        method.read(design_for(kind_named(kind_name)), method.start(design_for(kind_named(kind_name)))).blocks
    )
