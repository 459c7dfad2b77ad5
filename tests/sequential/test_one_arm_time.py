"""One arm against a benchmark hazard: closed forms, and exact means by integration."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import binom

from trials.errors import DataError, ProtocolError
from trials.evidence import CLAIMS
from trials.sequential import one_arm_time
from trials.sequential.design import Design, Reading, Unit
from trials.sequential.operating import time_streams
from trials.sequential.times import hazard_states, hazards

STAR = -math.log(0.75)
PLAN = Design(1, 0, 0.30, STAR, 0.05, 0.10, 1.0, values="time", cap=52.0)
RATE = -math.log(0.70) / 52


def judge(design: Design, units: tuple[Unit, ...]) -> Reading:
    return one_arm_time.read(design, one_arm_time.step(design, one_arm_time.start(design), units))


def people(design: Design, hazard_ratio: float, size: int, seed: int) -> tuple[Unit, ...]:
    times = np.random.default_rng(seed).exponential(1 / (RATE * hazard_ratio), size)
    return tuple(Unit("", "t", float(min(time, 52.0)), float(time <= 52.0)) for time in times)


def test_the_first_people_pay_what_the_formula_says() -> None:
    """Events at 10 and 30 weeks and 52 weeks without: E = Σ w θ² exp(−(θ − 1) λ 92), and the estimate is log(92 λ / 2)."""
    reading = judge(PLAN, (Unit("", "t", 10.0, 1.0), Unit("", "t", 30.0, 1.0), Unit("", "t", 52.0, 0.0)))
    for claim, null in (("benefit", 1.0), ("harm", 1.0), ("dud", 0.75)):
        side = hazards.sides(PLAN)[claim]
        sign = -1 if side.swapped else 1
        thetas = [math.exp(-sign * (side.margin + distance) / 20 * STAR) for distance in side.distances]
        ratios = [(theta / null) ** 2 * math.exp(-(theta - null) * RATE * 92) for theta in thetas]
        expected = math.log(sum(w * ratio for w, ratio in zip(side.weights, ratios, strict=True)))
        assert reading.claims[claim].log_e == pytest.approx(expected, abs=1e-12)
    assert reading.estimate == pytest.approx(math.log(92 * RATE / 2), abs=1e-12)
    assert reading.blocks == 3


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("higher", [False, True])
def test_a_person_is_a_fair_bet_on_every_side_of_the_null(claim: str, higher: bool) -> None:
    """By integration over the time: mean pay-off 1 at the null's edge and less beyond it, for every bet."""
    design = replace(PLAN, higher=higher)
    side, where = hazards.sides(design)[claim], hazards.claim_places(design)[claim]
    sign = -1 if side.swapped else 1

    def pay(time: float, event: float, place: int) -> float:
        curve = one_arm_time.curve_of(design, np.array([[event, one_arm_time.benchmark(design, time)]]))[0]
        return math.exp(curve[where.truths[place, 0]] - curve[where.null[0]])

    for beyond in (0.0, 0.4, 1.5):
        effect = sign * (side.margin / 20 * STAR - beyond)
        rate = RATE * math.exp(effect if higher else -effect)
        for place in range(len(side.distances)):
            mean = quad(lambda t: rate * math.exp(-rate * t) * pay(t, 1.0, place), 0, 52)[0]  # noqa: B023 used at once
            mean += math.exp(-rate * 52) * pay(52.0, 0.0, place)
            assert mean == pytest.approx(1, abs=1e-9) if beyond == 0.0 else mean < 1


@pytest.mark.parametrize("claim", CLAIMS)
def test_false_alarms_under_continuous_peeking(claim: str) -> None:
    """P(the claim ever fires within 300 people | its null's edge) ≤ error at 3,000 runs, by the 99.9 % binomial quantile."""
    error, ratio = (PLAN.beta, 0.75) if claim == "dud" else (PLAN.alpha, 1.0)
    crossings = time_streams.simulate_one_arm(
        PLAN, hazard_ratio=ratio, participants=300, runs=3000, rng=np.random.default_rng(3)
    )
    assert crossings.share(claim) * 3000 <= binom.isf(0.001, 3000, error)


def test_many_streams_at_once_are_judged_as_one_by_one() -> None:
    """The vectorised judge, fed by the same generator, crosses when the method itself does."""
    for ratio, claim in ((0.4, "benefit"), (2.5, "harm"), (1.0, "dud")):
        plan = replace(PLAN, cap=1.0)
        found = time_streams.simulate_one_arm(
            plan, hazard_ratio=ratio, participants=250, runs=1, rng=np.random.default_rng(8)
        )
        times = np.random.default_rng(8).standard_exponential(250) / (RATE * 52 * ratio)
        units = tuple(Unit("", "t", float(min(time, 1.0)), float(time <= 1.0)) for time in times)
        claims = judge(plan, units).claims
        assert claims[claim].fired
        assert found.by_claim[claim][0] == claims[claim].crossed_at_n


def test_the_interval_agrees_with_the_claims_and_is_its_own_definition() -> None:
    """After each person: low ≥ 0 with benefit, high ≤ δ* with dud, high ≤ 0 with harm; ends are what was ever rejected."""
    for ratio in (0.3, 1.0, 2.5):
        state, furthest = one_arm_time.start(PLAN), dict.fromkeys(hazard_states.ENDS, -math.inf)
        for unit in people(PLAN, ratio, 250, seed=4):
            state = one_arm_time.step(PLAN, state, (unit,))
            reading = one_arm_time.read(PLAN, state)
            claims = reading.claims
            assert claims["benefit"].fired == (reading.low is not None and reading.low >= 0)
            assert claims["dud"].fired == (reading.high is not None and reading.high <= STAR)
            assert not claims["harm"].fired or (reading.high is not None and reading.high <= 0)
            assert claims["harm"].fired or reading.high is None or reading.high >= 0
            curve = {"": one_arm_time.curve_of(PLAN, np.array([state["sums"][""]]))}
            for end, claim in hazard_states.ENDS.items():
                side, where = hazards.sides(PLAN)[claim], hazards.end_places(PLAN)[claim]
                rejected = hazards.log_e(PLAN, side, where, curve)[0] >= -math.log(side.error)
                if rejected.any():
                    furthest[end] = max(furthest[end], int(hazards.margins(PLAN)[rejected][-1]))
        assert state["low"] == furthest["low"]
        assert (state["high"], state["top"]) == (-furthest["high"], -furthest["top"])


def test_time_beyond_the_follow_up_is_left_out() -> None:
    """An event after the end of follow-up is none: nothing is known of the benchmark there."""
    late, none = judge(PLAN, (Unit("", "t", 60.0, 1.0),)), judge(PLAN, (Unit("", "t", 52.0, 0.0),))
    assert late.claims == none.claims
    assert none.estimate is None


def test_missing_people_add_nothing() -> None:
    """A person without an outcome changes neither evidence nor the number of people."""
    units = people(PLAN, 0.5, 30, seed=2)
    gaps = tuple(one for unit in units for one in (unit, Unit("", "t", None)))
    assert judge(PLAN, gaps) == judge(PLAN, units)


@settings(max_examples=60, deadline=None)
@given(time=st.floats(max_value=0) | st.sampled_from([math.nan, math.inf]) | st.just(5.0), event=st.floats())
def test_values_that_mean_nothing_are_refused(time: float, event: float) -> None:
    """A time that is not > 0 and finite, or an event flag other than 0 and 1, raises one sentence."""
    if time == 5.0 and event in (0.0, 1.0):
        event = 0.5
    with pytest.raises(DataError, match=r"(time|event) == .*must be"):
        judge(PLAN, (Unit("", "t", time, event),))


@pytest.mark.parametrize("change", [{"cap": 0.0}, {"cap": math.inf}, {"baseline": 0.0}, {"worthwhile": -0.1}])
def test_designs_that_cannot_be_judged_are_refused(change: dict[str, float]) -> None:
    """No follow-up, no benchmark and no effect worth having raise a sentence with the rule."""
    with pytest.raises(ProtocolError, match=r"== .*must be"):
        one_arm_time.METHOD.admit(replace(PLAN, **change))  # type: ignore[arg-type]


@pytest.mark.parametrize(("share", "steps"), [(0.8, 4), (0.8, 1), (0.4, 4), (0.95, 2)])
def test_times_recorded_in_whole_steps_keep_the_errors(share: float, steps: int) -> None:
    """Common events, times rounded up to a few steps: benefit and harm fire in at most alpha of the trials on the benchmark.

    Had the step's end been taken for the time of the event, benefit would fire in most of them.
    """
    design = replace(PLAN, baseline=share, worthwhile=-math.log(0.8), cap=float(steps), grain=1.0)
    careless = replace(design, grain=0.0)
    rng, runs = np.random.default_rng(6), 150
    fired = dict.fromkeys(("benefit", "harm", "careless"), 0)
    for _ in range(runs):
        times = rng.exponential(-steps / math.log1p(-share), 250)
        units = tuple(Unit("", "t", float(min(math.ceil(time), steps)), float(time <= steps)) for time in times)
        found = judge(design, units).claims
        fired["benefit"] += found["benefit"].fired
        fired["harm"] += found["harm"].fired
        fired["careless"] += judge(careless, units).claims["benefit"].fired
    assert max(fired["benefit"], fired["harm"]) <= binom.isf(0.001, runs, 0.05)
    if share >= 0.8:
        assert fired["careless"] > 0.5 * runs


def test_steps_tell_what_the_exact_times_in_them_would_have() -> None:
    """The evidence of steps is the likelihood ratio of a yes-or-no trial in each step at risk, computed by hand."""
    design = replace(PLAN, cap=4.0, grain=1.0)
    h = -math.log1p(-design.baseline) / 4
    units = (Unit("", "t", 2.0, 1.0), Unit("", "t", 4.0, 0.0), Unit("", "t", 0.3, 1.0))
    survived, events = 1 + 4 + 0, 2
    state = one_arm_time.step(design, one_arm_time.start(design), units)
    curve = one_arm_time.curve_of(design, np.array([state["sums"][""]]))[0]
    theta = np.exp(-hazards.turn(design) * hazards.effects(design))
    expected = events * np.log((1 - np.exp(-theta * h)) / (1 - np.exp(-h))) - survived * h * (theta - 1)
    assert curve == pytest.approx(expected, abs=1e-10)
