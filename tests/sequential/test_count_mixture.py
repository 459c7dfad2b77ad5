"""Counts with exposure: the bets on the capped rate, and what holds of both methods for counts."""

import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from trials.errors import DataError, ProtocolError
from trials.evidence import CLAIMS
from trials.sequential import Design, Method, Unit, count_mixture
from trials.sequential.block_likelihood import COUNT_BLOCK
from trials.sequential.design import BENEFIT_WEIGHTS
from trials.sequential.operating import count_streams

PLAN = Design(n_t=1, n_c=1, baseline=1.0, worthwhile=0.2, alpha=0.05, beta=0.10, spread=1.0, values="count", cap=6.0)
methods = pytest.mark.parametrize("method", [count_mixture.METHOD, COUNT_BLOCK], ids=lambda method: method.name)
ratios = pytest.mark.parametrize(("n_t", "n_c"), [(1, 1), (2, 3)], ids=["pairs", "2 to 3"])


def people(design: Design, effect: float, size: int, seed: int, sites: int = 1) -> tuple[Unit, ...]:
    """Over-dispersed counts (k = .5) with exposures from .5 to 1.5, arms at random, every eleventh person missing."""
    rng = np.random.default_rng(seed)
    treated = rng.random(size) < design.n_t / (design.n_t + design.n_c)
    change = effect if design.higher else -effect
    rates = design.baseline + np.where(treated, change, 0.0)
    exposures = rng.uniform(0.5, 1.5, size)
    events = rng.poisson(rates * rng.gamma(2, 0.5, size) * exposures)
    where = rng.integers(sites, size=size)
    return tuple(
        Unit(
            f"site {where[i]}",
            "t" if treated[i] else "c",
            None if i % 11 == 5 else float(events[i]),
            float(exposures[i]),
        )
        for i in range(size)
    )


def run(method: Method, design: Design, units: tuple[Unit, ...]) -> dict:  # type: ignore[type-arg]
    return method.step(design, method.start(design), units)


@methods
@ratios
@settings(max_examples=8, deadline=None)
@given(cuts=st.lists(st.integers(0, 120), max_size=6), seed=st.integers(0, 2**16))
def test_resumed_equals_uninterrupted(method: Method, n_t: int, n_c: int, cuts: list[int], seed: int) -> None:
    """However the participants are cut into deliveries, and through JSON each time, the state is the same to the bit."""
    design = replace(PLAN, n_t=n_t, n_c=n_c, several=True)
    units = people(design, 0.2, 120, seed, sites=2)
    state = method.start(design)
    for first, last in itertools.pairwise([0, *sorted(cuts), 120]):
        before = json.dumps(state)
        following = method.step(design, state, units[first:last])
        assert json.dumps(state) == before
        state = json.loads(json.dumps(following))
    assert state == json.loads(json.dumps(run(method, design, units)))


@methods
@ratios
def test_exchanging_the_arms_exchanges_benefit_and_harm(method: Method, n_t: int, n_c: int) -> None:
    """Benefit of one arm over the other is harm of the other over the one, at every block."""
    design, mirrored = replace(PLAN, n_t=n_t, n_c=n_c), replace(PLAN, n_t=n_c, n_c=n_t)
    units = people(design, 0.3, 200, seed=8)
    swapped = tuple(replace(unit, arm="c" if unit.arm == "t" else "t") for unit in units)
    there = method.read(design, run(method, design, units)).claims
    back = method.read(mirrored, run(method, mirrored, swapped)).claims
    assert there["benefit"].log_e == pytest.approx(back["harm"].log_e, abs=1e-9)
    assert there["harm"].p == pytest.approx(back["benefit"].p, abs=1e-9)


@methods
@ratios
def test_more_events_being_better_turns_benefit_into_harm(method: Method, n_t: int, n_c: int) -> None:
    """The same counts read the other way round: benefit is what harm was, in rates that are wanted high."""
    lower = replace(PLAN, n_t=n_t, n_c=n_c)
    higher = replace(lower, higher=True)
    units = people(lower, -0.3, 200, seed=9)
    harm = method.read(lower, run(method, lower, units)).claims["harm"].log_e
    benefit = method.read(higher, run(method, higher, units)).claims["benefit"].log_e
    assert harm == pytest.approx(benefit, abs=1e-9)


@methods
@pytest.mark.parametrize("higher", [False, True])
@pytest.mark.parametrize("effect", [0.4, 0.0, -0.4])
def test_the_interval_never_contradicts_the_claims(method: Method, higher: bool, effect: float) -> None:
    """low ≥ 0 exactly when benefit has fired, high ≤ δ* exactly when dud has, high < 0 only when harm has; ends only narrow."""
    design = replace(PLAN, higher=higher, baseline=2.0, worthwhile=0.3, cap=8.0)
    state, last = method.start(design), (-math.inf, math.inf)
    fired = set()
    for unit in people(design, 3 * effect, 500, seed=5):
        state = method.step(design, state, (unit,))
        reading = method.read(design, state)
        claims = reading.claims
        low = -math.inf if reading.low is None else reading.low
        high = math.inf if reading.high is None else reading.high
        assert (low >= 0) == claims["benefit"].fired
        assert (high <= design.worthwhile) == claims["dud"].fired
        assert high >= 0 or claims["harm"].fired
        assert last[0] <= low <= high <= last[1]
        last = low, high
        fired |= {claim for claim in CLAIMS if claims[claim].fired}
    assert ("benefit" in fired) == (effect > 0)
    assert ("harm" in fired) == (effect < 0)


@methods
@pytest.mark.parametrize(
    ("loss", "exposure", "sentence"),
    [
        (-1.0, 1.0, "events == -1.0, must be a whole number"),
        (1.5, 1.0, "events == 1.5, must be a whole number"),
        (math.nan, 1.0, "events == nan, must be"),
        (math.inf, 1.0, "events == inf, must be"),
        (1.0, 0.0, "exposure == 0.0, must be a number > 0"),
        (1.0, -2.0, "exposure == -2.0, must be"),
        (1.0, math.nan, "exposure == nan, must be"),
        (1.0, math.inf, "exposure == inf, must be"),
    ],
)
def test_what_is_no_count_or_no_exposure_is_refused(
    method: Method, loss: float, exposure: float, sentence: str
) -> None:
    """A count that is negative, broken or no number, and an exposure of nothing, raise one sentence with the value."""
    with pytest.raises(DataError, match=sentence):
        run(method, PLAN, (Unit("", "t", 1.0), Unit("", "c", loss, exposure)))


@methods
def test_a_missing_person_needs_no_exposure_and_takes_their_block_with_them(method: Method) -> None:
    """Missing for good is not refused whatever stands beside it; the block is left out whole, and the next ones keep place."""
    first = (Unit("", "t", None, math.nan), Unit("", "c", 3.0, 2.0))
    rest = people(PLAN, 0.0, 40, seed=2)
    rest = rest[: max(i for i, unit in enumerate(rest) if unit.arm == "c") + 1]
    with_hole = method.read(PLAN, run(method, PLAN, first + rest))
    without = method.read(PLAN, run(method, PLAN, rest))
    assert with_hole.claims["benefit"].log_e == without.claims["benefit"].log_e
    assert with_hole.blocks == without.blocks


@methods
def test_an_arm_that_never_recruits_says_nothing(method: Method) -> None:
    """Without one complete block each claim is None with its reason; a site with one arm only changes no evidence."""
    alone = tuple(Unit("site 9", "t", 2.0, 1.0) for _ in range(50))
    reading = method.read(PLAN, run(method, PLAN, alone))
    assert {claim.log_e for claim in reading.claims.values()} == {None}
    assert all(claim.p is None and claim.reason for claim in reading.claims.values())
    assert (reading.low, reading.high, reading.blocks) == (None, None, 0)
    design = replace(PLAN, several=True)
    others = people(design, 0.2, 80, seed=3, sites=2)
    there = method.read(design, run(method, design, others))
    with_them = method.read(design, run(method, design, alone + others))
    assert there.claims["benefit"].log_e == with_them.claims["benefit"].log_e


def test_a_first_pair_pays_what_a_hand_finds() -> None:
    """One pair, counts 0 and 2 in exposure 1: Σ w_k (1 + λ_k · 2/6), λ_k = a_k/(v + a_k²), v from the largest variance."""
    mean, effects = 1 / 6, np.array([0.1, 0.2, 0.3, 0.4, 0.6]) / 6
    stakes = effects / (2 * mean * (1 - mean) + effects**2)
    expected = math.log(np.dot(BENEFIT_WEIGHTS, 1 + stakes * 2 / 6))
    state = run(count_mixture.METHOD, PLAN, (Unit("", "t", 0.0), Unit("", "c", 2.0)))
    log_e = count_mixture.METHOD.read(PLAN, state).claims["benefit"].log_e
    assert log_e == pytest.approx(expected, abs=1e-12)


@methods
def test_the_unit_of_exposure_changes_nothing(method: Method) -> None:
    """Weeks or days: rates, cap and worthwhile effect over 7, exposures times 7, and the evidence is the same."""
    days = replace(PLAN, baseline=1 / 7, worthwhile=0.2 / 7, cap=6 / 7)
    units = people(PLAN, 0.2, 200, seed=12)
    in_days = tuple(replace(unit, companion=7 * unit.companion) for unit in units)
    weeks_read, days_read = method.read(PLAN, run(method, PLAN, units)), method.read(days, run(method, days, in_days))
    for claim in CLAIMS:
        assert weeks_read.claims[claim].log_e == pytest.approx(days_read.claims[claim].log_e, abs=1e-6)


@methods
@ratios
def test_simulated_trials_are_the_trials_that_step_judges(method: Method, n_t: int, n_c: int) -> None:
    """The vectorised simulation fires at the same participant as the method does on the same counts."""
    design = replace(PLAN, n_t=n_t, n_c=n_c)
    rates = {"control": 1.0, "treated": 0.5}
    crossings = count_streams.simulate(
        design, **rates, dispersion=0.5, participants=400, runs=1, rng=np.random.default_rng(4),
        exposures=(0.5, 1.5), likelihood=method is COUNT_BLOCK,
    )  # fmt: skip
    rng, units = np.random.default_rng(4), []
    for _ in range(400 // (n_t + n_c)):
        for arm, rate, size in (("t", 0.5, n_t), ("c", 1.0, n_c)):
            events, exposures = count_streams.draw(rate, 0.5, (0.5, 1.5), (size, 1), rng)
            pairs = zip(events[:, 0], exposures[:, 0], strict=True)
            units += [Unit("", arm, float(y), float(e)) for y, e in pairs]  # type: ignore[arg-type]
    claims = method.read(design, run(method, design, tuple(units))).claims
    assert claims["benefit"].fired
    for claim in CLAIMS:
        assert crossings.by_claim[claim][0] == (claims[claim].crossed_at_n or count_streams.NEVER)


@pytest.mark.parametrize("likelihood", [False, True])
@pytest.mark.parametrize("dispersion", [0.0, 1.0])
@ratios
def test_false_alarms_under_continuous_peeking(likelihood: bool, dispersion: float, n_t: int, n_c: int) -> None:
    """P(a claim ever fires | its null's edge) ≤ error for Poisson and over-dispersed counts; 99.9 % binomial quantile."""
    design, runs = replace(PLAN, n_t=n_t, n_c=n_c, spread=1 + dispersion, cap=10.0), 400
    rng = np.random.default_rng(11)
    for effect, claims in ((0.0, ("benefit", "harm")), (design.worthwhile, ("dud",))):
        found = count_streams.simulate(
            design, control=1.0, treated=1.0 - effect, dispersion=dispersion, participants=600, runs=runs, rng=rng,
            likelihood=likelihood,
        )  # fmt: skip
        for claim in claims:
            limit = design.beta if claim == "dud" else design.alpha
            assert found.share(claim) * runs <= binom.isf(0.001, runs, limit)


def test_it_needs_no_more_people_than_it_was_asked_to() -> None:
    """Poisson 1.0 -> .775: at most 3 % over 460 participants to benefit; no effect: 502 to dud (EVIDENCE, section 4)."""
    rng = np.random.default_rng(6)
    for claim, treated, target in (("benefit", 0.775, 460), ("dud", 1.0, 502)):
        found = count_streams.simulate(PLAN, control=1.0, treated=treated, participants=2000, runs=1500, rng=rng)
        error = found.first(claim).std() / math.sqrt(1500)
        assert found.expected(claim) <= 1.03 * target + 2 * error


@methods
def test_a_plan_without_room_below_the_cap_is_refused(method: Method) -> None:
    """A baseline at the cap, or a worthwhile effect beyond it, raises a sentence with the value and the rule."""
    method.admit(PLAN)
    with pytest.raises(ProtocolError, match=r"baseline == 6, must be > 0 and < 6, the cap"):
        method.admit(replace(PLAN, baseline=6.0))
    with pytest.raises(ProtocolError, match=r"worthwhile == 7, must be > 0 and < 6, the cap"):
        method.admit(replace(PLAN, worthwhile=7.0))


@methods
def test_a_guardrail_has_one_claim(method: Method) -> None:
    """With a margin the only claim is breach: it fires on a large rise of the rate, and not on none."""
    design = replace(PLAN, margin=0.2)
    worse = method.read(design, run(method, design, people(design, -1.0, 500, seed=1))).claims
    same = method.read(design, run(method, design, people(design, 0.0, 500, seed=1))).claims
    assert set(worse) == {"breach"}
    assert worse["breach"].fired
    assert not same["breach"].fired
