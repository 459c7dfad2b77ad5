"""The method `group-sequential`: looks where planned, claims that agree with p and interval, error rates, honest refusals."""

import itertools
import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from trials.errors import DataError, ProtocolError
from trials.evidence import CLAIMS
from trials.sequential.design import Design, Reading, Unit
from trials.sequential.group_sequential import METHOD, mean_adjusted, read, start, step
from trials.sequential.grouped.boundaries import crossing
from trials.sequential.grouped.difference import Comparison, Stratum, rejected_up_to, z_score
from trials.sequential.grouped.planned_looks import admit, operating

PLAN = Design(
    n_t=1,
    n_c=1,
    baseline=0.3,
    worthwhile=0.1,
    alpha=0.05,
    beta=0.1,
    spread=0.21,
    most=400,
    looks=(0.25, 0.5, 0.75, 1.0),
    spending="pocock",
    futility="pocock",
)
SCORES = replace(PLAN, values="bounded", spread=0.08)


def people(design: Design, effect: float, seed: int, size: int | None = None, sites: int = 1) -> tuple[Unit, ...]:
    """Participants in the sealed order, arms by permuted pairs or at random; scores are skewed."""
    rng = np.random.default_rng(seed)
    size = size or design.most
    treated = np.tile([True, False], size)[:size] if design.n_t == design.n_c else rng.random(size) < 0.4
    mean = np.where(treated, design.baseline - effect, design.baseline)
    loss = rng.random(size) < mean if design.values == "binary" else rng.beta(2 * mean, 2 * (1 - mean))
    where = rng.integers(sites, size=size)
    return tuple(Unit(f"site {where[i]}", "t" if treated[i] else "c", float(loss[i])) for i in range(size))


def judged(design: Design, units: tuple[Unit, ...]) -> tuple[dict[str, Any], Reading]:
    state = step(design, start(design), units)
    return state, read(design, state)


@pytest.mark.parametrize(
    "design", [replace(PLAN, several=True), replace(SCORES, n_t=2, n_c=3)], ids=["binary", "score"]
)
@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(0, 400), max_size=6), seed=st.integers(0, 2**16))
def test_resumed_equals_uninterrupted(design: Design, cuts: list[int], seed: int) -> None:
    """However the participants are cut into deliveries, and through JSON each time, the state is the same to the bit."""
    units = tuple(
        replace(unit, loss=None) if i % 9 == 4 else unit for i, unit in enumerate(people(design, 0.05, seed, sites=2))
    )
    state = start(design)
    for first, last in itertools.pairwise([0, *sorted(cuts), 400]):
        before = json.dumps(state)
        after = step(design, state, units[first:last])
        assert json.dumps(state) == before
        state = json.loads(json.dumps(after))
    assert state == json.loads(json.dumps(judged(design, units)[0]))


def test_looks_are_taken_where_they_are_planned_and_nowhere_else() -> None:
    """Before the first look there is a reason instead of a number; between looks nothing changes."""
    units = people(PLAN, 0.02, seed=1)
    state, readings = start(PLAN), []
    for unit in units:
        state = step(PLAN, state, (unit,))
        readings.append(read(PLAN, state))
    assert [reading.blocks for reading in readings] == [(i + 1) // 100 for i in range(400)]
    for claim in readings[98].claims.values():
        assert (claim.log_e, claim.p) == (None, None)
        assert claim.reason
    assert (readings[98].low, readings[98].high, readings[98].estimate) == (None, None, None)
    assert readings[99] == readings[198]
    assert all(claim.log_e is None and claim.p is not None for claim in readings[99].claims.values())


@pytest.mark.parametrize("design", [PLAN, SCORES, replace(SCORES, n_t=2, n_c=3)], ids=["binary", "score", "score 2:3"])
def test_claims_p_and_interval_agree_and_are_never_taken_back(design: Design) -> None:
    """Fired = p at or below its error = the interval on the claim's side; p never rises and no end of the interval widens."""
    fired = dict.fromkeys(CLAIMS, 0)
    for seed, effect in itertools.product(range(12), (-0.15, 0.0, 0.1, 0.2)):
        state, last, ends = start(design), dict.fromkeys(CLAIMS, 1.0), (-1.0, 1.0)
        for quarter in range(4):
            units = people(design, effect, seed)[100 * quarter : 100 * quarter + 100]
            state = step(design, state, units)
            reading = read(design, state)
            for name, claim in reading.claims.items():
                assert claim.p is not None
                assert claim.p <= last[name]
                last[name] = claim.p
                assert claim.fired == (claim.p <= (design.beta if name == "dud" else design.alpha))
                fired[name] += claim.fired
            claims = reading.claims
            assert claims["benefit"].fired == (state["low"] >= 0)
            assert claims["harm"].fired == (state["high"] <= 0)
            assert claims["dud"].fired == (state["top"] <= design.worthwhile)
            assert not (claims["benefit"].fired and claims["harm"].fired)
            if reading.low is not None and reading.high is not None:
                assert ends[0] <= reading.low <= reading.high <= ends[1]
                ends = (reading.low, reading.high)
    assert min(fired.values()) > 0


@pytest.mark.parametrize(("claim", "effect", "error"), [("benefit", 0.0, 0.05), ("harm", 0.0, 0.05), ("dud", 0.1, 0.1)])
@pytest.mark.parametrize(
    "design",
    [
        replace(PLAN, most=200),
        replace(PLAN, most=120, spending="obrien-fleming", futility="obrien-fleming"),
        replace(SCORES, most=200),
    ],
    ids=["binary", "binary 120 late spending", "score"],
)
def test_false_alarms_stay_within_the_errors(design: Design, claim: str, effect: float, error: float) -> None:
    """P(the claim ever fires | its null's edge) is the error rate or little more; judged by the 99.9 % binomial quantile."""
    runs = 200
    fired = sum(claim in step(design, start(design), people(design, effect, seed))["crossed"] for seed in range(runs))
    assert fired <= binom.isf(0.001, runs, error)
    assert fired > 0


def test_a_worthwhile_effect_is_found_as_often_as_the_plan_says() -> None:
    """Simulated chances to promote and to drop are those of `operating`, within the 99.9 % binomial quantiles."""
    runs, design = 300, replace(PLAN, spread=0.185)  # the mean variance of shares .3 and .2
    said = operating(design)
    ends = [step(design, start(design), people(design, 0.1, seed))["crossed"] for seed in range(runs)]
    promoted = sum("benefit" in end and end["benefit"] <= end.get("dud", math.inf) for end in ends)
    dropped = sum("dud" in end and end["dud"] < end.get("benefit", math.inf) for end in ends)
    assert (
        binom.ppf(0.0005, runs, said.promote_worthwhile) <= promoted <= binom.isf(0.0005, runs, said.promote_worthwhile)
    )
    assert binom.ppf(0.0005, runs, said.drop_worthwhile) <= dropped <= binom.isf(0.0005, runs, said.drop_worthwhile)
    assert said.promote_none <= design.alpha
    assert said.drop_worthwhile <= design.beta


@pytest.mark.parametrize("design", [PLAN, SCORES], ids=["binary", "score"])
def test_exchanging_the_arms_exchanges_benefit_and_harm(design: Design) -> None:
    """Benefit of one arm is harm of the other, with the same p; without futility the estimate and interval turn round."""
    design = replace(design, futility="")
    for effect in (0.0, 0.2):
        units = people(design, effect, seed=7)
        swapped = tuple(replace(unit, arm="c" if unit.arm == "t" else "t") for unit in units)
        (_, there), (_, back) = judged(design, units), judged(design, swapped)
        assert there.claims["benefit"].p == pytest.approx(back.claims["harm"].p, abs=1e-9)
        assert there.claims["harm"].p == pytest.approx(back.claims["benefit"].p, abs=1e-9)
        assert there.estimate == pytest.approx(-(back.estimate or 0.0), abs=1e-9)
        assert there.claims["benefit"].fired == (effect == 0.2)


def test_missing_people_leave_less_information_and_the_last_look_spends_the_rest() -> None:
    """With a third missing looks come where they were planned, at the information that is in, and alpha is used up."""
    units = tuple(replace(unit, loss=None) if i % 3 == 0 else unit for i, unit in enumerate(people(PLAN, 0.0, 3)))
    state, reading = judged(PLAN, units)
    times = [look["t"] for look in state["looks"]]
    assert times == pytest.approx([1 / 6, 1 / 3, 1 / 2, 2 / 3], rel=0.02)
    upper = tuple(look["bound"]["benefit"] for look in state["looks"])
    assert math.fsum(crossing(times, upper, (None,) * 4, 0.0).up) == pytest.approx(0.05, abs=1e-10)
    assert reading.blocks == 4


def test_a_look_with_too_few_outcomes_is_passed_over() -> None:
    """While an arm has fewer than ten outcomes nothing is judged and nothing is spent; the next look goes by what is in."""
    units = tuple(replace(unit, loss=None) if i < 90 else unit for i, unit in enumerate(people(PLAN, 0.0, 3)))
    assert judged(PLAN, units[:100])[1].claims["benefit"].p is None
    state, _ = judged(PLAN, units)
    assert [look["n"] for look in state["looks"]] == [110, 210, 310]


def test_sites_are_compared_within_themselves() -> None:
    """Sites with other base rates and other allocation would look like an effect if pooled; compared within they don't."""
    rng = np.random.default_rng(5)
    units = []
    for i in range(400):
        poor = i % 2 == 0
        treated = rng.random() < (0.2 if poor else 0.8)
        units.append(
            Unit("poor" if poor else "rich", "t" if treated else "c", float(rng.random() < (0.6 if poor else 0.1)))
        )
    pooled = judged(PLAN, tuple(units))[1]
    within = judged(replace(PLAN, several=True), tuple(units))[1]
    assert pooled.claims["benefit"].fired
    assert not within.claims["benefit"].fired
    assert within.estimate == pytest.approx(0.0, abs=0.08)


def test_the_estimate_at_the_stop_is_median_unbiased() -> None:
    """Half of the stopped trials estimate less than the truth; the plain difference overstates; so does Whitehead's less."""
    runs = 160
    low, plain, adjusted = 0.0, [], []
    for seed in range(runs):
        units = people(PLAN, 0.1, seed)
        state = start(PLAN)
        for quarter in range(4):
            state = step(PLAN, state, units[100 * quarter : 100 * quarter + 100])
            if state["crossed"]:
                break
        estimate = read(PLAN, state).estimate
        assert estimate is not None
        low += 0.5 if abs(estimate - 0.1) < 1e-9 else float(estimate < 0.1)
        plain.append(state["looks"][-1]["estimate"])
        adjusted.append(mean_adjusted(PLAN, state))
    assert binom.ppf(0.0005, runs, 0.5) <= low <= binom.isf(0.0005, runs, 0.5)
    assert 0.0 < abs(np.mean(adjusted) - 0.1) < abs(np.mean(plain) - 0.1)


def test_nothing_is_adjusted_before_a_stop() -> None:
    """Until a claim fires or the looks are over the estimate is the plain one of the latest look."""
    state, reading = judged(PLAN, people(PLAN, 0.05, 4)[:200])
    assert not state["crossed"]
    assert reading.estimate == state["looks"][-1]["estimate"]
    assert mean_adjusted(PLAN, state) is None


def test_going_on_beyond_a_dud_breaks_no_other_promise() -> None:
    """Futility is non-binding: the upper bounds are the same with and without it."""
    units = people(PLAN, -0.05, 6)
    with_it, without = judged(PLAN, units)[0], judged(replace(PLAN, futility=""), units)[0]
    assert "dud" in with_it["crossed"]
    assert [look["bound"]["benefit"] for look in with_it["looks"]] == [
        look["bound"]["benefit"] for look in without["looks"]
    ]
    claim = read(replace(PLAN, futility=""), without).claims["dud"]
    assert (claim.p, claim.fired) == (None, False)
    assert claim.reason == "the plan has no futility boundary"


def test_no_events_at_all_say_nothing_but_that_there_are_none() -> None:
    """Where nobody has the outcome benefit and harm have Z = 0, and a large effect either way is ruled out."""
    units = tuple(Unit("", "t" if i % 2 else "c", 0.0) for i in range(400))
    state, reading = judged(PLAN, units)
    assert [look["z"]["benefit"] for look in state["looks"]] == [0.0] * 4
    assert reading.claims["dud"].fired
    assert not reading.claims["benefit"].fired
    assert not reading.claims["harm"].fired
    assert reading.estimate == 0.0


@pytest.mark.parametrize(
    ("counts", "interval"),
    [((56, 70, 48, 80), (0.0528, 0.3382)), ((9, 10, 3, 10), (0.1700, 0.8406))],
)
def test_score_intervals_are_the_published_ones(
    counts: tuple[int, int, int, int], interval: tuple[float, float]
) -> None:
    """Inverting the score test gives Miettinen & Nurminen's 95 % limits in Newcombe (1998), Stat. Med. 17:873, table II."""
    x, m, y, n = counts
    whole = Comparison((Stratum(n, y, y, m, x, x),), binary=True)
    found = rejected_up_to(whole, 1.959964), -rejected_up_to(whole.turned(), 1.959964)
    assert found == pytest.approx(interval, abs=5e-5)
    assert z_score(whole, found[0]) == pytest.approx(1.959964, abs=1e-6)


@pytest.mark.parametrize("loss", [math.nan, math.inf, -0.001, 1.001])
def test_values_off_the_scale_are_refused(loss: float) -> None:
    """A loss outside [0, 1] raises one sentence."""
    with pytest.raises(DataError, match="must be from 0 to 1"):
        step(PLAN, start(PLAN), (Unit("", "t", loss),))


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"looks": ()}, "looks == 0"),
        ({"looks": (0.5, 0.4, 1.0)}, "information == 0.4"),
        ({"looks": (0.5, 0.9)}, "looks == 0.9"),
        ({"most": 0}, "must give each arm at least 10"),
        ({"most": 70}, "must give each arm at least 10"),
        ({"n_c": 3}, "must give each arm at least 50"),
        ({"baseline": 0.02}, "baseline of 0.02"),
        ({"spending": "none"}, 'spending == "none"'),
        ({"futility": "other"}, 'spending == "other"'),
        ({"spending": "kim-demets"}, "parameter == None"),
        ({"spending_parameter": 2.0}, "parameter == 2.0"),
        ({"values": "count"}, "must be anytime here"),
        ({"n_c": 0}, "must be anytime here"),
        ({"margin": 0.1}, "for a guardrail"),
        ({"alpha": 0.0}, "alpha == 0.0"),
        ({"looks": (0.5012, 0.5023, 1.0)}, "at least one person apart"),
    ],
)
def test_plans_that_cannot_be_judged_are_refused(changes: dict[str, Any], names: str) -> None:
    """`admit`, and with it every step, refuses with one sentence; the plan itself is admitted."""
    base = SCORES if changes == {"n_c": 3} else PLAN
    METHOD.admit(base)
    with pytest.raises(ProtocolError, match=names):
        admit(replace(base, **changes))
    with pytest.raises(ProtocolError, match=names):
        step(replace(base, **changes), start(base), ())


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("bound", [-1.5, 0.0, 0.7, 2.0, 4.3])
def test_an_intervals_end_is_where_the_statistic_meets_its_bound(binary: bool, bound: float) -> None:
    """z(H0: δ ≤ m) at the end m that is rejected at a bound is that bound, for shares and scores; more before it."""
    stratum = Stratum(60, 15.0, 15.0 if binary else 6.0, 55, 20.0, 20.0 if binary else 9.0)
    comparison = Comparison((stratum,), binary)
    end = rejected_up_to(comparison, bound)
    assert z_score(comparison, end) == pytest.approx(bound, abs=1e-6)
    assert z_score(comparison, end - 0.01) > bound
    assert (end < comparison.estimate) == (bound > 0)
