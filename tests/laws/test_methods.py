"""Laws that hold for every registered method with every kind and shape it judges. A new method is tested here unasked."""

import itertools
import json
import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from tests.laws.streams import CASES, Case, people, run, some_missing, values
from trials.errors import DataError
from trials.evidence import CLAIMS
from trials.outcomes import KINDS
from trials.sequential import METHODS, Unit
from trials.sequential.design import Reading


def cases(rule: Callable[[Case], bool] = lambda case: True) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [case for case in CASES if rule(case)], ids=str)


def test_every_kind_has_a_method() -> None:
    """No outcome kind is registered that nothing can judge, and no method names a kind that does not exist."""
    judged = {kind for method in METHODS for kind in method.kinds}
    assert judged == {kind.name for kind in KINDS}


def test_every_kind_can_be_judged_at_any_time_in_every_design() -> None:
    """With one arm and with two, pairs or not, each kind has a method of bets that is exact, not asymptotic."""
    exact = {(case.kind.name, case.n_t, case.n_c) for case in CASES if case.bets and not case.method.asymptotic}
    assert exact == {(kind.name, *shape) for kind in KINDS for shape in [(1, 1), (2, 3), (1, 0)]}


@cases()
@settings(max_examples=8, deadline=None)
@given(cuts=st.lists(st.integers(0, 120), max_size=8), seed=st.integers(0, 2**16))
def test_resumed_equals_uninterrupted(case: Case, cuts: list[int], seed: int) -> None:
    """However the participants are cut into deliveries, and through JSON each time, the state is the same to the bit."""
    design = case.design(several=case.two_arms)
    units = some_missing(people(case.kind, design, 0.05, 120, seed, strata=2))
    state = case.method.start(design)
    edges = [0, *sorted(cuts), 120]
    for first, last in itertools.pairwise(edges):
        state = json.loads(json.dumps(case.method.step(design, state, units[first:last])))
    assert state == json.loads(json.dumps(run(case.method, design, units)))


@cases(lambda case: case.method.trace is not None)
def test_the_trace_tells_what_the_state_comes_to(case: Case) -> None:
    """trace() steps as step() does, and its last mark is the evidence that read() gives; marks rise in place and people."""
    assert case.method.trace is not None
    design = case.design()
    units = some_missing(people(case.kind, design, 0.05, 120, seed=12))
    state, marks = case.method.trace(design, case.method.start(design), units)
    assert json.dumps(state) == json.dumps(run(case.method, design, units))
    reading = case.method.read(design, state)
    assert marks[-1].logs == pytest.approx({name: claim.log_e for name, claim in reading.claims.items()}, abs=1e-9)
    assert [mark.at for mark in marks] == sorted({mark.at for mark in marks})
    known = np.cumsum([unit.loss is not None for unit in units])
    assert [mark.people for mark in marks] == [known[mark.at] for mark in marks]


@cases()
def test_stepping_leaves_the_given_state_as_it_was(case: Case) -> None:
    """A state is a value: stepping from it twice gives the same twice."""
    design = case.design()
    units = people(case.kind, design, 0.0, 60, seed=3)
    before = run(case.method, design, units[:31])
    kept = json.dumps(before)
    first = case.method.step(design, before, units[31:])
    assert json.dumps(before) == kept
    assert json.dumps(first) == json.dumps(case.method.step(design, before, units[31:]))


@cases(lambda case: case.two_arms and case.bets)
def test_exchanging_the_arms_exchanges_benefit_and_harm(case: Case) -> None:
    """Benefit of one arm over the other is harm of the other over the one."""
    design, mirrored = case.design(), case.design(n_t=case.n_c, n_c=case.n_t)
    units = people(case.kind, design, design.worthwhile, 200, seed=8)
    swapped = tuple(Unit(one.stratum, "c" if one.arm == "t" else "t", one.loss, one.companion) for one in units)
    there = case.method.read(design, run(case.method, design, units))
    back = case.method.read(mirrored, run(case.method, mirrored, swapped))
    # The bets for benefit look for p_C − δ and those for harm for p_C + δ, so for some kinds the stakes differ a little.
    if case.kind.values == "bounded":
        assert there.claims["benefit"].log_e == pytest.approx(back.claims["harm"].log_e, abs=1e-9)
    else:
        assert there.claims["benefit"].log_e == pytest.approx(back.claims["harm"].log_e, rel=0.25, abs=0.6)


@cache
def readings(case: Case, effect: float) -> list[Reading]:
    """What repeated trials of the case come to; benefit, harm and the interval are read from the same ones."""
    design = case.design()
    runs, size = (200, 200) if case.kind.values == "binary" else (80, 120)
    return [
        case.method.read(design, run(case.method, design, people(case.kind, design, effect, size, seed)))
        for seed in range(runs)
    ]


@cases()
@pytest.mark.parametrize("claim", CLAIMS)
def test_false_alarms_under_continuous_peeking(case: Case, claim: str) -> None:
    """P(the claim ever fires | its null's edge) ≤ error, looking after every block; judged by the 99.9 % binomial quantile."""
    design = case.design()
    error = design.beta if claim == "dud" else design.alpha
    found = readings(case, design.worthwhile if claim == "dud" else 0.0)
    assert sum(each.claims[claim].fired for each in found) <= binom.isf(0.001, len(found), error)


@cases()
def test_a_large_effect_is_found_and_the_opposite_never_claimed(case: Case) -> None:
    """With an effect of three worthwhile ones benefit fires and harm does not; with its mirror image harm fires."""
    middle = {"binary": 0.5, "bounded": 0.5}.get(case.kind.values, case.design().baseline)
    design = case.design(baseline=middle)
    star = design.worthwhile
    good = case.method.read(design, run(case.method, design, people(case.kind, design, 3 * star, 600, seed=1))).claims
    assert good["benefit"].fired
    assert not good["harm"].fired
    bad = case.method.read(design, run(case.method, design, people(case.kind, design, -3 * star, 600, seed=1))).claims
    assert bad["harm"].fired
    assert bad["dud"].fired
    assert not bad["benefit"].fired


@cases()
def test_the_interval_covers_the_truth(case: Case) -> None:
    """P(the confidence sequence ever misses the true effect) ≤ alpha + beta, judged by the 99.9 % binomial quantile."""
    design = case.design()
    found, missed = readings(case, design.worthwhile), 0
    for reading in found:
        low = -math.inf if reading.low is None else reading.low
        high = math.inf if reading.high is None else reading.high
        missed += not low <= design.worthwhile <= high
    assert missed <= binom.isf(0.001, len(found), design.alpha + design.beta)


@cases()
def test_the_interval_never_contradicts_a_claim(case: Case) -> None:
    """low ≥ 0 exactly when benefit fired, high ≤ δ* exactly when dud did, high < 0 only when harm did; at every length."""
    design = case.design()
    for effect, seed in itertools.product((-2, 0, 1, 3), range(3)):
        units = people(case.kind, design, effect * design.worthwhile, 400, seed)
        state = case.method.start(design)
        for first in range(0, 400, 50):
            state = case.method.step(design, state, units[first : first + 50])
            reading = case.method.read(design, state)
            if reading.low is None and reading.high is None:
                continue
            low = -math.inf if reading.low is None else reading.low
            high = math.inf if reading.high is None else reading.high
            assert low <= high
            assert (low >= 0) == reading.claims["benefit"].fired
            # An end is found on a grid or lattice: at the very edge it may lie a step of it beyond.
            if reading.claims["dud"].fired:
                assert high <= design.worthwhile * (1 + 1e-9)
            elif not reading.claims["harm"].fired:
                assert high >= design.worthwhile * (1 - 1e-9)
            if high < 0:
                assert reading.claims["harm"].fired


@cases(lambda case: case.bets)
def test_p_never_rises_and_the_interval_never_widens(case: Case) -> None:
    """Once something has been shown it stays shown: no new data can take it back."""
    design = case.design()
    units = people(case.kind, design, design.worthwhile, 200, seed=21)
    state = case.method.start(design)
    last = dict.fromkeys(CLAIMS, 1.0)
    low, high = -math.inf, math.inf
    for unit in units:
        state = case.method.step(design, state, (unit,))
        reading = case.method.read(design, state)
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


@cases()
def test_nothing_is_said_before_there_is_something_to_say(case: Case) -> None:
    """Before the first block every claim is None with a reason: no invented 0, no p of 1."""
    design = case.design()
    missing = tuple(Unit("", "t", None) for _ in range(3))
    for units in ((), missing, (Unit("", "t", 1.0), Unit("", "t", 1.0)) if case.two_arms else ()):
        reading = case.method.read(design, run(case.method, design, units))
        for claim in reading.claims.values():
            assert claim.log_e is None
            assert claim.p is None
            assert claim.reason
        assert (reading.low, reading.high) == (None, None)


@cases(lambda case: case.two_arms)
def test_an_arm_that_never_recruits_shows_nothing(case: Case) -> None:
    """However many people are in one arm alone, or in another site's, nothing is claimed and nothing estimated."""
    design = case.design(several=True)
    one = people(case.kind, design, 0.0, 160, seed=5)
    alone = tuple(Unit("a", "t", unit.loss, unit.companion) for unit in one)
    apart = tuple(Unit("a" if unit.arm == "t" else "b", unit.arm, unit.loss, unit.companion) for unit in one)
    for units in (alone, apart):
        reading = case.method.read(design, run(case.method, design, units))
        assert not any(claim.fired for claim in reading.claims.values())
        assert reading.low is None or reading.low < 0
        assert reading.high is None or reading.high > 0


WRONG = {
    "binary": [(math.nan, 1.0), (math.inf, 1.0), (-math.inf, 1.0), (1.0001, 1.0), (-0.0001, 1.0)],
    "bounded": [(math.nan, 1.0), (math.inf, 1.0), (-math.inf, 1.0), (1.0001, 1.0), (-0.0001, 1.0)],
    "count": [(math.nan, 1.0), (math.inf, 1.0), (-1.0, 1.0), (1.5, 1.0), (2.0, 0.0), (2.0, -1.0), (2.0, math.nan)],
    "time": [(math.nan, 1.0), (math.inf, 1.0), (0.0, 1.0), (-1.0, 0.0), (1.0, 0.5), (1.0, math.nan)],
}


@cases()
def test_values_off_the_scale_are_refused(case: Case) -> None:
    """NaN, infinities and what lies outside the sealed scale raise one sentence and never move the evidence."""
    design = case.design()
    for loss, companion in WRONG[case.kind.values]:
        with pytest.raises(DataError, match="must be"):
            run(case.method, design, (Unit("", "t", loss, companion), Unit("", "c" if case.two_arms else "t", 1.0)))


@cases(lambda case: case.bets and case.two_arms and case.kind.values != "time")
def test_a_block_with_a_missing_member_is_left_out_whole(case: Case) -> None:
    """Missing people keep their places: taking their whole block out of the data changes neither evidence nor interval."""
    design = case.design()
    size = case.n_t + case.n_c
    rng = np.random.default_rng(17)
    arms = ["t"] * case.n_t + ["c"] * case.n_c
    blocks = []
    for _ in range(40):
        drawn, beside = values(case.kind, design, 0.0, size, rng)
        blocks.append([Unit("", arms[i], float(drawn[i]), float(beside[i])) for i in range(size)])  # type: ignore[arg-type]
    holed = [
        [Unit("", one.arm, None), *rest] if number % 5 == 0 else [one, *rest]
        for number, (one, *rest) in enumerate(blocks)
    ]
    whole = [block for number, block in enumerate(blocks) if number % 5]
    with_holes, without = (
        case.method.read(design, run(case.method, design, tuple(unit for block in some for unit in block)))
        for some in (holed, whole)
    )
    for name, claim in with_holes.claims.items():
        assert claim.log_e == without.claims[name].log_e
    assert (with_holes.low, with_holes.high, with_holes.blocks) == (without.low, without.high, without.blocks)


@cases(lambda case: case.bets)
def test_an_effect_that_turns_round_has_no_interval(case: Case) -> None:
    """When the ends have crossed nothing is shown between them: never an interval with low above high."""
    middle = {"binary": 0.5, "bounded": 0.5}.get(case.kind.values, case.design().baseline)
    design = case.design(baseline=middle)
    star = design.worthwhile
    good, bad = (people(case.kind, design, sign * 3 * star, 1000, seed=4) for sign in (1, -1))
    reading = case.method.read(design, run(case.method, design, good + bad + bad))
    assert reading.claims["benefit"].fired
    assert (reading.low, reading.high) == (None, None)


@cases()
def test_the_guarantee_is_stated(case: Case) -> None:
    """A method states its promise as a probability, and one that holds only as numbers grow says so."""
    assert case.method.guarantee.startswith("P(")
    assert ("as numbers grow" in case.method.guarantee or "approximately" in case.method.guarantee) == (
        case.method.asymptotic
    )
