"""The logrank evidence, against enumeration, against SciPy's noncentral hypergeometric, and against its own definition."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import binom, nchypergeom_fisher

from trials.errors import DataError, ProtocolError
from trials.evidence import CLAIMS
from trials.sequential import bets, logrank_mixture
from trials.sequential.design import Design, Unit
from trials.sequential.operating import time_streams
from trials.sequential.times import cohorts, hazard_states, hazards

STAR = -math.log(0.75)
PLAN = Design(1, 1, 0.30, STAR, 0.05, 0.10, 1.0, values="time", cohort=20)
SMALL = replace(PLAN, cohort=4)


def person(arm: str, time: float, event: int) -> Unit:
    return Unit("", arm, time, float(event))  # type: ignore[arg-type]


def people(design: Design, hazard_ratio: float, size: int, seed: int, *, ties: bool = True) -> tuple[Unit, ...]:
    """Arms at random by the design's ratio; exponential times, in whole weeks of a year when there are ties."""
    rng = np.random.default_rng(seed)
    treated = rng.random(size) < design.n_t / (design.n_t + design.n_c)
    times = rng.standard_exponential(size) / (-math.log1p(-design.baseline) * np.where(treated, hazard_ratio, 1.0))
    events = times <= 1.0
    times = np.ceil(52 * np.minimum(times, 1.0)) if ties else np.minimum(times, 1.0)
    return tuple(person("t" if treated[i] else "c", float(times[i]), int(events[i])) for i in range(size))


def judge(design: Design, units: tuple[Unit, ...]) -> tuple[dict, tuple, object]:  # type: ignore[type-arg]
    state, marks = logrank_mixture.trace(design, logrank_mixture.start(design), units)
    return state, marks, logrank_mixture.read(design, state)


def cohort_curve(design: Design, cohort: list) -> np.ndarray:  # type: ignore[type-arg]
    """What a cohort adds to the curve."""
    return np.sum([logrank_mixture.pay(design, *risk_set) for risk_set in cohorts.risk_sets(cohort)], axis=0)


def oracle_curve(units: tuple[Unit, ...], effect: float, size: int) -> float:
    """log of the conditional likelihood of whole cohorts, from SciPy's noncentral hypergeometric distribution."""
    total = 0.0
    for first in range(0, len(units) // size * size, size):
        cohort = [unit for unit in units[first : first + size] if unit.loss is not None]
        for time in {unit.loss for unit in cohort if unit.companion == 1.0}:
            at_risk = [unit for unit in cohort if unit.loss >= time]
            n_t = sum(unit.arm == "t" for unit in at_risk)
            dead = [unit for unit in at_risk if unit.loss == time and unit.companion == 1.0]
            d_t = sum(unit.arm == "t" for unit in dead)
            total += float(nchypergeom_fisher.logpmf(d_t, len(at_risk), n_t, len(dead), math.exp(-effect)))
    return total


def test_the_first_cohort_pays_what_the_formula_says() -> None:
    """Events of c (2t, 2c at risk), then t (2t, 1c), one censored: E = Σ w θ/1 · 4/(2θ + 2) · 3/(2θ + 1) for benefit."""
    units = (person("t", 5, 1), person("c", 3, 1), person("t", 9, 0), person("c", 7, 0))
    reading = judge(SMALL, units)[2]
    side = hazards.sides(SMALL)["benefit"]
    thetas = [math.exp(-STAR * distance / 20) for distance in side.distances]
    expected = sum(w * t * 4 / (2 * t + 2) * 3 / (2 * t + 1) for w, t in zip(side.weights, thetas, strict=True))
    assert reading.claims["benefit"].log_e == pytest.approx(math.log(expected), abs=1e-14)
    assert reading.blocks == 1


def test_evidence_estimate_and_every_effect_agree_with_scipy() -> None:
    """The curve, E for each claim and the estimate are those of SciPy's noncentral hypergeometric, with ties and censoring."""
    units = people(PLAN, 0.6, 400, seed=3)
    units = tuple(replace(unit, loss=None) if i % 9 == 4 else unit for i, unit in enumerate(units))
    state, _, reading = judge(PLAN, units)
    curve = np.array(state["sums"][""])
    effects = hazards.effects(PLAN)
    for place in (0, 100, 221, 300, curve.size - 1):
        expected = oracle_curve(units, effects[place], 20) - oracle_curve(units, 0.0, 20)
        assert curve[place] == pytest.approx(expected, rel=1e-9, abs=1e-9)
    for claim, side in hazards.sides(PLAN).items():
        sign = -1 if side.swapped else 1
        null = oracle_curve(units, sign * side.margin * STAR / 20, 20)
        ratios = [oracle_curve(units, sign * (side.margin + d) * STAR / 20, 20) - null for d in side.distances]
        expected = math.log(sum(w * math.exp(r) for w, r in zip(side.weights, ratios, strict=True)))
        assert reading.claims[claim].log_e == pytest.approx(expected, rel=1e-9, abs=1e-9)
    best = minimize_scalar(lambda d: -oracle_curve(units, d, 20), bounds=(-2, 2), method="bounded").x
    assert reading.estimate == pytest.approx(best, abs=1e-4)


def test_no_cohort_favours_an_arm_when_labels_mean_nothing() -> None:
    """Over all C(8, 3) ways to name the treated of one cohort the mean of the likelihood ratio is 1, at every effect."""
    times = [(3.0, 1), (3.0, 1), (4.0, 0), (5.0, 1), (5.0, 1), (5.0, 1), (5.0, 0), (8.0, 1)]
    design = replace(PLAN, cohort=8)
    ratios = []
    for treated in itertools.combinations(range(8), 3):
        cohort = [["t" if i in treated else "c", time, event] for i, (time, event) in enumerate(times)]
        ratios.append(np.exp(cohort_curve(design, cohort)))
    assert np.mean(ratios, axis=0) == pytest.approx(np.ones(ratios[0].size), abs=1e-9)


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("higher", [False, True])
def test_a_cohort_is_a_fair_bet_on_every_side_of_the_null(claim: str, higher: bool) -> None:
    """Over all orders of events in a cohort of 3 + 3: mean pay-off 1 at the null's edge and less beyond it, for every bet."""
    design = replace(PLAN, cohort=6, higher=higher)
    side, where = hazards.sides(design)[claim], hazards.claim_places(design)[claim]
    sign = -1 if side.swapped else 1
    for beyond in (0.0, 0.3, 1.5):
        effect = sign * (side.margin / 20 * STAR - beyond)
        theta = math.exp(effect if higher else -effect)
        mean = np.zeros(len(side.distances))
        for treated in itertools.combinations(range(6), 3):
            chance, n_t, n_c = 1.0, 3, 3
            for place in range(6):
                mine = place in treated
                chance *= (theta * n_t if mine else n_c) / (theta * n_t + n_c)
                n_t, n_c = n_t - mine, n_c - (not mine)
            cohort = [["t" if i in treated else "c", i + 1.0, 1.0] for i in range(6)]
            curve = cohort_curve(design, cohort)
            mean += chance * np.exp(curve[where.truths[:, 0]] - curve[where.null[0]])
        assert (mean <= 1 + 1e-12).all()
        if beyond == 0.0:
            assert mean == pytest.approx(np.ones(mean.size), abs=1e-12)


@pytest.mark.parametrize(("n_t", "n_c", "higher"), [(1, 1, False), (2, 3, False), (1, 1, True)])
@pytest.mark.parametrize("claim", CLAIMS)
def test_false_alarms_under_continuous_peeking(claim: str, n_t: int, n_c: int, higher: bool) -> None:
    """P(the claim ever fires within 600 people | its null's edge) ≤ error at 3,000 runs, by the 99.9 % binomial quantile."""
    design = replace(PLAN, n_t=n_t, n_c=n_c, higher=higher)
    error = design.beta if claim == "dud" else design.alpha
    effect = STAR if claim == "dud" else 0.0
    crossings = time_streams.simulate(
        design,
        hazard_ratio=math.exp(effect if higher else -effect),
        participants=600,
        runs=3000,
        rng=np.random.default_rng(11),
    )
    assert crossings.share(claim) * 3000 <= binom.isf(0.001, 3000, error)


def test_drifting_allocation_and_a_falling_hazard_make_no_effect() -> None:
    """With most of the treated joining first and most events soon after entry, false promotions stay ≤ .05 (2,000 runs).

    One risk set by calendar time promotes most such trials (docs/scripts/time_evidence.py).
    """
    rng, runs = np.random.default_rng(2), 2000
    parts = []
    for first in range(0, 400, 20):
        share = 0.95 - 0.9 * (first + np.arange(20)) / 400
        times = (rng.standard_exponential((runs, 20)) / -math.log(0.4)) ** (1 / 0.3)
        parts.append((rng.random((runs, 20)) < share, np.minimum(times, 1.0), times <= 1.0))
    found = time_streams.judged(PLAN, parts, runs).people
    for claim in ("benefit", "harm"):
        assert found.share(claim) * runs <= binom.isf(0.001, runs, PLAN.alpha)


@pytest.mark.parametrize("several", [False, True])
def test_many_streams_at_once_are_judged_as_one_by_one(several: bool) -> None:
    """The vectorised judge gives the method's own first crossings, in people; the last cohort is unfinished."""
    design = replace(PLAN, n_t=1, n_c=2, worthwhile=1.0, several=several, most=150)
    streams = [people(design, 0.2 if seed % 2 else 3.0, 150, seed, ties=False) for seed in range(10)]
    arrays = [
        tuple(np.array([[read(unit) for unit in part] for part in parts]) for read in READERS)
        for parts in ([units[first : first + 20] for units in streams] for first in range(0, 150, 20))
    ]
    found = time_streams.judged(design, arrays, 10).people
    fired = 0
    for run, units in enumerate(streams):
        for claim, value in judge(design, units)[2].claims.items():  # type: ignore[attr-defined]
            crossed = time_streams.NEVER if value.crossed_at_n is None else value.crossed_at_n
            assert found.by_claim[claim][run] == crossed
            fired += crossed != time_streams.NEVER
    assert fired >= 8


READERS = (lambda unit: unit.arm == "t", lambda unit: unit.loss, lambda unit: unit.companion == 1.0)


@pytest.mark.parametrize("hazard_ratio", [0.3, 1.0, 2.5])
def test_the_interval_agrees_with_the_claims(hazard_ratio: float) -> None:
    """low ≥ 0 exactly when benefit fired; high ≤ δ* exactly when dud did; high ≤ 0 when harm did, < 0 only then."""
    units, state = people(PLAN, hazard_ratio, 800, seed=8), logrank_mixture.start(PLAN)
    fired = set()
    for first in range(0, 800, 20):
        state = logrank_mixture.step(PLAN, state, units[first : first + 20])
        reading = logrank_mixture.read(PLAN, state)
        claims = reading.claims
        assert claims["benefit"].fired == (reading.low is not None and reading.low >= 0)
        assert claims["dud"].fired == (reading.high is not None and reading.high <= PLAN.worthwhile)
        assert not claims["harm"].fired or (reading.high is not None and reading.high <= 0)
        assert claims["harm"].fired or reading.high is None or reading.high >= 0
        fired |= {claim for claim in CLAIMS if claims[claim].fired}
    assert fired == {0.3: {"benefit"}, 1.0: {"dud"}, 2.5: {"harm", "dud"}}[hazard_ratio]


@pytest.mark.parametrize("several", [False, True])
def test_the_ends_are_the_last_effects_ever_rejected(several: bool) -> None:
    """Each end is the furthest effect of the lattice whose own test crossed its threshold at some event of some cohort."""
    design = replace(PLAN, several=several)
    units = tuple(replace(unit, stratum=str(i // 20 % 2)) for i, unit in enumerate(people(design, 0.4, 600, seed=9)))
    if not several:
        units = tuple(replace(unit, stratum="") for unit in units)
    state = logrank_mixture.step(design, logrank_mixture.start(design), units)
    furthest, peak = dict.fromkeys(hazard_states.ENDS, -math.inf), 0.0
    curves: dict[str, np.ndarray] = {}
    for first in range(0, 600, 20):
        cohort = [[unit.arm, unit.loss, unit.companion] for unit in units[first : first + 20]]
        for risk_set in cohorts.risk_sets(cohort):
            stratum = units[first].stratum
            curves[stratum] = curves.get(stratum, np.zeros((1, 1))) + logrank_mixture.pay(design, *risk_set)
            for end, claim in hazard_states.ENDS.items():
                side, where = hazards.sides(design)[claim], hazards.end_places(design)[claim]
                logs = hazards.log_e(design, side, where, curves)[0]
                assert (np.diff(logs) <= 1e-9).all()
                rejected = hazards.margins(design)[logs >= -math.log(side.error)]
                furthest[end] = max([furthest[end], *hazards.value(design, rejected)])
            benefit = hazards.sides(design)["benefit"], hazards.claim_places(design)["benefit"]
            peak = max(peak, float(hazards.log_e(design, *benefit, curves)[0, 0]))
    assert hazard_states.interval(design, state) == (furthest["low"], -furthest["top"])
    assert state["peak"]["benefit"] == pytest.approx(peak, abs=1e-9)


def test_the_interval_covers_the_truth() -> None:
    """P(the confidence sequence ever misses δ* in 400 people) ≤ alpha + beta at 150 trials, by the 99.9 % binomial quantile."""
    missed = 0
    for seed in range(150):
        reading = judge(PLAN, people(PLAN, 0.75, 400, seed, ties=False))[2]
        low = -math.inf if reading.low is None else reading.low  # type: ignore[attr-defined]
        high = math.inf if reading.high is None else reading.high  # type: ignore[attr-defined]
        missed += not low <= STAR <= high
    assert missed <= binom.isf(0.001, 150, PLAN.alpha + PLAN.beta)


def test_more_events_can_be_better() -> None:
    """With `higher`, exchanging the arms gives the same evidence, interval and estimate as fewer events being better."""
    units = people(PLAN, 0.5, 300, seed=2)
    swapped = tuple(replace(unit, arm="c" if unit.arm == "t" else "t") for unit in units)
    lower, higher = judge(PLAN, units)[2], judge(replace(PLAN, higher=True), swapped)[2]
    for claim in CLAIMS:
        assert lower.claims[claim].log_e == pytest.approx(higher.claims[claim].log_e, abs=1e-9)  # type: ignore[attr-defined]
    assert (lower.low, lower.high) == (higher.low, higher.high)  # type: ignore[attr-defined]
    assert lower.estimate == pytest.approx(higher.estimate, abs=1e-9)  # type: ignore[attr-defined]


def test_missing_people_keep_their_place() -> None:
    """A missing person fills a place in their cohort and is at risk in none; a cohort of missing people alone is none."""
    units = people(SMALL, 0.5, 8, seed=1)
    gone = Unit("", "t", None)
    state, marks, reading = judge(SMALL, (*units[:3], gone, gone, gone, gone, gone, *units[4:8]))
    assert reading.blocks == 2
    assert [mark.at for mark in marks] == [3, 11]
    assert [mark.people for mark in marks] == [3, 7]
    alone = judge(replace(SMALL, cohort=3), units[:3])[0]["sums"][""]
    after = judge(SMALL, units[4:8])[0]["sums"][""]
    assert state["sums"][""] == pytest.approx(np.add(alone, after), abs=1e-12)


def test_the_last_cohort_counts_when_everybody_planned_is_accounted_for() -> None:
    """With most == 12 and cohorts of 4 the last two of each site count at the twelfth place; without it they wait."""
    units = tuple(replace(unit, stratum="ab"[i % 2]) for i, unit in enumerate(people(SMALL, 0.5, 12, seed=4)))
    planned = replace(SMALL, most=12, several=True)
    _, marks, reading = judge(planned, (*units[:11], Unit("b", "t", None)))
    assert [mark.at for mark in marks] == [6, 7, 11]
    assert reading.blocks == 4
    assert judge(replace(planned, most=0), units)[2].blocks == 2  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "cohort",
    [
        [("t", 5, 1), ("c", 5, 1), ("t", 5, 1), ("c", 5, 1)],
        [("t", 5, 1), ("t", 6, 1), ("t", 7, 0), ("t", 8, 1)],
        [("t", 5, 0), ("c", 5, 0), ("t", 7, 0), ("c", 8, 0)],
        [("t", 5, 0), ("t", 5, 0), ("c", 7, 1), ("c", 8, 1)],
    ],
    ids=["all events at one time", "one arm alone", "no event", "the other arm left before"],
)
def test_a_cohort_that_tells_nothing_pays_exactly_one(cohort: list[tuple[str, float, int]]) -> None:
    """Its evidence is 0 to the bit, its p-value 1, and there is no estimate and no interval."""
    reading = judge(SMALL, tuple(person(*member) for member in cohort))[2]
    assert {(claim.log_e, claim.p) for claim in reading.claims.values()} == {(0.0, 1.0)}
    assert (reading.estimate, reading.low, reading.high, reading.blocks) == (None, None, None, 1)


def test_sites_are_never_compared_with_each_other() -> None:
    """Treated people of one site and controls of another make no cohort; two sites are judged half together, half apart."""
    design = replace(SMALL, several=True)
    waiting = tuple(Unit(site, arm, 1.0, 1.0) for site, arm in (("n", "t"), ("n", "t"), ("n", "t"), ("s", "c")))
    assert judge(design, waiting)[2].claims["benefit"].log_e is None  # type: ignore[attr-defined]
    north, south = people(SMALL, 0.4, 40, seed=1), people(SMALL, 1.5, 40, seed=2)
    mixed = tuple(
        replace(unit, stratum=site)
        for pair in zip(north, south, strict=True)
        for site, unit in zip("ns", pair, strict=True)
    )
    side, where = hazards.sides(design)["benefit"], hazards.claim_places(design)["benefit"]
    logs = []
    for units in (north, south):
        curve = np.array(judge(SMALL, units)[0]["sums"][""])
        logs.append(curve[where.truths] - curve[where.null])
    expected = bets.over_strata(logs, logs[0] + logs[1], side.weights)[0]
    assert judge(design, mixed)[2].claims["benefit"].log_e == pytest.approx(expected, abs=1e-9)  # type: ignore[attr-defined]


def test_a_guardrail_has_one_claim() -> None:
    """With a margin the claim is 'breach': it fires when the hazard is clearly worse than the margin, not when it is equal."""
    design = replace(PLAN, margin=0.2)
    assert judge(design, people(design, 3.0, 600, seed=1))[2].claims["breach"].fired  # type: ignore[attr-defined]
    reading = judge(design, people(design, 1.0, 600, seed=1))[2]
    assert set(reading.claims) == {"breach"}
    assert not reading.claims["breach"].fired
    assert (reading.low, reading.high) == (None, None)


@settings(max_examples=60, deadline=None)
@given(time=st.floats(max_value=0) | st.sampled_from([math.nan, math.inf]) | st.just(5.0), event=st.floats())
def test_values_that_mean_nothing_are_refused(time: float, event: float) -> None:
    """A time that is not > 0 and finite, or an event flag other than 0 and 1, raises one sentence and moves no evidence."""
    if time == 5.0 and event in (0.0, 1.0):
        event = 0.5
    with pytest.raises(DataError, match=r"(time|event) == .*must be"):
        judge(SMALL, (person("t", 4, 1), Unit("", "c", time, event)))


@pytest.mark.parametrize("change", [{"cohort": 1}, {"worthwhile": 0.0}, {"worthwhile": 4.0}, {"baseline": 1.0}])
def test_designs_that_cannot_be_judged_are_refused(change: dict[str, float]) -> None:
    """A cohort of one, no effect worth having, an absurd one, and a baseline of everybody raise a sentence with the rule."""
    with pytest.raises(ProtocolError, match=r"== .*must be"):
        logrank_mixture.METHOD.admit(replace(PLAN, **change))  # type: ignore[arg-type]


@pytest.mark.parametrize("worthwhile", [1e-4, 0.02, 1.0, math.log(20)])
def test_every_design_that_is_admitted_can_be_judged(worthwhile: float) -> None:
    """From a ten-thousandth to a twentieth of the hazard, evidence is finite and the lattice has at most 800 places."""
    design = replace(PLAN, worthwhile=worthwhile)
    logrank_mixture.METHOD.admit(design)
    reading = judge(design, people(design, 0.5, 100, seed=1))[2]
    assert all(math.isfinite(claim.log_e) for claim in reading.claims.values())
    assert hazards.lattice(design).size <= 1000
