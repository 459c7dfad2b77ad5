"""Laws of the two methods for times to an event that need sites, the planned number or `higher`; tests/laws has the others."""

import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from trials.evidence import CLAIMS
from trials.sequential import logrank_mixture, one_arm_time
from trials.sequential.design import Design, Method, Reading, Unit

TWO = Design(1, 1, 0.30, -math.log(0.75), 0.05, 0.10, 1.0, values="time", cohort=20)
ONE = replace(TWO, n_c=0, cap=52.0)
CASES = [
    (logrank_mixture.METHOD, TWO),
    (logrank_mixture.METHOD, replace(TWO, n_t=2, n_c=3, higher=True)),
    (one_arm_time.METHOD, ONE),
    (one_arm_time.METHOD, replace(ONE, higher=True)),
]
NAMES = ["two arms", "two arms 2 to 3, more is better", "one arm", "one arm, more is better"]
cases = pytest.mark.parametrize(("method", "design"), CASES, ids=NAMES)


def people(design: Design, effect: float, size: int, seed: int, strata: int = 1) -> tuple[Unit, ...]:
    """Participants with exponential times, followed up for 52 weeks; effect: −log(hazard ratio), turned by `higher`."""
    rng = np.random.default_rng(seed)
    treated = rng.random(size) < design.n_t / (design.n_t + design.n_c)
    ratio = math.exp(effect if design.higher else -effect)
    times = 52 * rng.standard_exponential(size) / (-math.log1p(-design.baseline) * np.where(treated, ratio, 1.0))
    sites = rng.integers(strata, size=size)
    return tuple(
        Unit(f"site {sites[i]}", "t" if treated[i] else "c", float(min(times[i], 52.0)), float(times[i] <= 52.0))
        for i in range(size)
    )


def holed(units: tuple[Unit, ...]) -> tuple[Unit, ...]:
    return tuple(replace(unit, loss=None) if i % 7 == 3 else unit for i, unit in enumerate(units))


def judged(method: Method, design: Design, units: tuple[Unit, ...]) -> Reading:
    return method.read(design, method.step(design, method.start(design), units))


@cases
@pytest.mark.parametrize("many", [False, True], ids=["few strata", "many strata"])
@settings(max_examples=6, deadline=None)
@given(cuts=st.lists(st.integers(0, 400), max_size=8), seed=st.integers(0, 2**16))
def test_resumed_equals_uninterrupted(method: Method, design: Design, many: bool, cuts: list[int], seed: int) -> None:
    """However the participants are cut and through JSON each time, state and marks are the same to the bit."""
    design = replace(design, several=True, many=many, most=390)
    units = holed(people(design, 0.2, 400, seed, strata=3))
    state, marks = method.start(design), []
    for first, last in itertools.pairwise([0, *sorted(cuts), 400]):
        stepped, found = method.trace(design, state, units[first:last])  # type: ignore[misc]
        assert stepped == method.step(design, state, units[first:last])
        state = json.loads(json.dumps(stepped))
        marks += [replace(mark, at=mark.at + first) for mark in found]
    whole, path = method.trace(design, method.start(design), units)  # type: ignore[misc]
    assert json.dumps(state) == json.dumps(whole)
    assert tuple(marks) == path
    assert method.read(design, state) == method.read(design, whole)
    assert path[-1].logs == {claim: value.log_e for claim, value in method.read(design, whole).claims.items()}


@pytest.mark.parametrize(("n_t", "n_c"), [(1, 1), (2, 3)])
def test_exchanging_the_arms_exchanges_benefit_and_harm(n_t: int, n_c: int) -> None:
    """Benefit of one arm over the other is harm of the other over the one, to rounding; the estimate turns its sign."""
    design, mirrored = replace(TWO, n_t=n_t, n_c=n_c), replace(TWO, n_t=n_c, n_c=n_t)
    units = people(design, 0.4, 300, seed=8)
    swapped = tuple(replace(unit, arm="c" if unit.arm == "t" else "t") for unit in units)
    there = judged(logrank_mixture.METHOD, design, units)
    back = judged(logrank_mixture.METHOD, mirrored, swapped)
    assert there.claims["benefit"].log_e == pytest.approx(back.claims["harm"].log_e, abs=1e-9)
    assert there.claims["harm"].log_e == pytest.approx(back.claims["benefit"].log_e, abs=1e-9)
    assert there.estimate is not None
    assert back.estimate == pytest.approx(-there.estimate, abs=1e-9)


@cases
@pytest.mark.parametrize("claim", CLAIMS)
def test_false_alarms_under_continuous_peeking(method: Method, design: Design, claim: str) -> None:
    """P(the claim ever fires within 200 people of three sites | its null's edge) ≤ error, by the 99.9 % binomial quantile."""
    error = design.beta if claim == "dud" else design.alpha
    effect = design.worthwhile if claim == "dud" else 0.0
    design = replace(design, several=True)
    fired = sum(
        judged(method, design, people(design, effect, 200, seed, strata=3)).claims[claim].fired for seed in range(60)
    )
    assert fired <= binom.isf(0.001, 60, error)


@cases
def test_a_large_effect_is_found_and_the_opposite_never_claimed(method: Method, design: Design) -> None:
    """With four worthwhile effects benefit fires and harm does not; with their mirror image harm and dud fire."""
    star = design.worthwhile
    good = judged(method, design, people(design, 4 * star, 600, seed=1)).claims
    assert good["benefit"].fired
    assert not good["harm"].fired
    bad = judged(method, design, people(design, -4 * star, 600, seed=1)).claims
    assert bad["harm"].fired
    assert bad["dud"].fired
    assert not bad["benefit"].fired


@cases
def test_nothing_is_said_before_the_first_step(method: Method, design: Design) -> None:
    """Before a cohort is complete (one arm: before anybody's outcome is known) every claim is None with a reason."""
    nobody: tuple[Unit, ...] = (Unit("", "t", None),)
    early = people(design, 0.0, 19, seed=1) if "two_arm" in method.designs else ()
    for units in ((), nobody, early):
        reading = judged(method, design, units)
        for claim in reading.claims.values():
            assert (claim.log_e, claim.p, claim.crossed_at_n) == (None, None, None)
            assert claim.reason
        assert (reading.low, reading.high, reading.estimate, reading.blocks) == (None, None, None, 0)
