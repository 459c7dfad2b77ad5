"""One arm of scores, amounts and counts against a benchmark: fair bets, guardrails, units, and the simulators' agreement."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from trials.errors import DataError, ProtocolError
from trials.sequential import Design, Method, Unit, bounded_mixture, normal_mixture, one_arm_bounded, one_arm_count
from trials.sequential.design import BENEFIT_TRUTHS, BENEFIT_WEIGHTS
from trials.sequential.operating import streams_bounded

SCORE = Design(1, 0, 0.50, 0.04, 0.05, 0.10, 0.25 / 6, values="bounded")
COUNT = Design(1, 0, 2.0, 0.5, 0.05, 0.10, 1.0, values="count", cap=12.0)


def people(losses: np.ndarray) -> tuple[Unit, ...]:
    return tuple(Unit("", "t", float(loss)) for loss in losses)


def test_the_first_values_pay_what_the_formula_says() -> None:
    """After .4 and .7, E for benefit is Σ w_k Π (1 + λ_k (.5 − y)), λ_k = a_k/(v̂ + a_k²) ≤ .98 · .9/.5, v̂ from those before."""
    state = one_arm_bounded.step(SCORE, one_arm_bounded.start(SCORE), people(np.array([0.4, 0.7])))
    first = 0.25 / 6
    mean = (5 * 0.5 + 0.4) / 6
    second = (5 * (first + 0.25) + 0.16) / 6 - mean**2
    total = 0.0
    for truth, weight in zip(BENEFIT_TRUTHS, BENEFIT_WEIGHTS, strict=True):
        a = 0.04 * truth
        stakes = [min(a / (variance + a * a), 0.98 * 0.9 / 0.5) for variance in (first, second)]
        total += weight * (1 + stakes[0] * 0.1) * (1 - stakes[1] * 0.2)
    log_e = one_arm_bounded.read(SCORE, state).claims["benefit"].log_e
    assert log_e == pytest.approx(math.log(total), abs=1e-13)


def test_a_value_is_a_fair_bet_and_pays_less_the_larger_the_effect() -> None:
    """Mean pay-off ≤ 1 for the widest distribution with the null's mean; what is paid falls as m rises, so inversion holds."""
    for baseline in (0.05, 0.5, 0.93):
        for variance in (1e-4, 0.04, 0.25):
            design = replace(SCORE, baseline=baseline)
            for ledger in one_arm_bounded.ledgers(design).values():
                pays = [one_arm_bounded.pay(design, ledger, loss, variance) for loss in (0.0, 0.3, 1.0)]
                assert all((np.diff(pay, axis=1) <= 1e-12).all() for pay in pays)
                q = (1 - baseline if ledger.side.swapped else baseline) - ledger.margins
                high, low = (pays[0], pays[2]) if ledger.side.swapped else (pays[2], pays[0])
                assert (q * np.exp(high) + (1 - q) * np.exp(low) <= 1 + 1e-12).all()


@pytest.mark.parametrize("effect", [0.0, 0.04])
def test_false_alarms_with_values_at_both_ends(effect: float) -> None:
    """Values of 0 and 1 only, a guess of the spread that is six times too small: each error stays below its 99.9 % quantile."""
    design = replace(SCORE, baseline=0.2)
    found = streams_bounded.simulate_one_arm(
        design,
        treated=streams_bounded.binary_losses(0.2 - effect),
        participants=400,
        runs=2000,
        rng=np.random.Generator(np.random.PCG64(5)),
    )
    for claim, error in (("benefit", 0.05), ("harm", 0.05)) if effect == 0 else (("dud", 0.10),):
        assert found.share(claim) * 2000 <= binom.isf(0.001, 2000, error)


def test_a_guardrail_has_one_claim_and_no_interval() -> None:
    """With a margin the one claim is breach: H0 δ ≥ −margin. It fires when people do worse than that, and only then."""
    design = replace(SCORE, margin=0.10)
    rng = np.random.default_rng(2)
    for mean, fires in ((0.75, True), (0.55, False)):
        state = one_arm_bounded.step(
            design, one_arm_bounded.start(design), people(rng.beta(5 * mean, 5 * (1 - mean), 200))
        )
        reading = one_arm_bounded.read(design, state)
        assert list(reading.claims) == ["breach"]
        assert reading.claims["breach"].fired == fires
        assert (reading.low, reading.high) == (None, None)


def test_a_guardrail_is_breached_wrongly_no_more_often_than_alpha() -> None:
    """P(breach ever fires | exactly at the margin) ≤ .05, judged by the 99.9 % binomial quantile."""
    design = replace(SCORE, margin=0.10)
    losses = streams_bounded.beta_losses(0.60, 0.04)
    rng = np.random.Generator(np.random.PCG64(9))
    found = streams_bounded.simulate_one_arm(design, treated=losses, participants=400, runs=2000, rng=rng)
    assert found.share("breach") * 2000 <= binom.isf(0.001, 2000, 0.05)


def fed(values: np.ndarray) -> streams_bounded.Draw:
    """Hands out the rows of `values`, (rows, runs), in turn, in blocks of the shape asked for."""
    left = iter(values)
    return lambda rng, shape: np.array([next(left) for _ in range(shape[0])]) if len(shape) == 2 else next(left)


@pytest.mark.parametrize(
    ("method", "simulate", "n_t", "n_c"),
    [
        (bounded_mixture.METHOD, streams_bounded.simulate, 1, 1),
        (bounded_mixture.METHOD, streams_bounded.simulate, 2, 3),
        (normal_mixture.METHOD, streams_bounded.simulate_normal, 1, 1),
        (one_arm_bounded.METHOD, streams_bounded.simulate_one_arm, 1, 0),
    ],
    ids=["pairs", "blocks", "normal", "one arm"],
)
def test_simulators_fire_when_the_method_does(method: Method, simulate, n_t: int, n_c: int) -> None:  # type: ignore[no-untyped-def]
    """On the same values a simulated trial fires each claim at the participant at which the method does."""
    design = replace(SCORE, n_t=n_t, n_c=n_c)
    rng, runs, steps = np.random.default_rng(4), 6, 120
    means = np.array([0.35, 0.42, 0.5, 0.5, 0.58, 0.65])
    treated = rng.beta(5 * means, 5 * (1 - means), (steps * n_t, runs))
    control = rng.beta(2.5, 2.5, (steps * n_c, runs))
    arms = {"treated": fed(treated)} | ({"control": fed(control)} if n_c else {})
    found = simulate(design, **arms, participants=steps * (n_t + n_c), runs=runs, rng=rng)
    fired = 0
    for run in range(runs):
        units = []
        for block in range(steps):
            units += [Unit("", "t", float(loss)) for loss in treated[block * n_t : (block + 1) * n_t, run]]
            units += [Unit("", "c", float(loss)) for loss in control[block * n_c : (block + 1) * n_c, run]]
        claims = method.read(design, method.step(design, method.start(design), tuple(units))).claims
        for name, claim in claims.items():
            at = int(found.by_claim[name][run])
            assert claim.crossed_at_n == (None if at == streams_bounded.NEVER else at)
            fired += claim.fired
    assert fired >= 4


def test_counts_are_judged_by_capped_rates() -> None:
    """Events over exposure over the cap are the losses, the interval is back in events per unit of exposure."""
    rng = np.random.default_rng(8)
    exposure = rng.uniform(0.5, 2.0, 200)
    events = rng.poisson(1.2 * exposure)
    units = tuple(Unit("", "t", float(n), float(time)) for n, time in zip(events, exposure, strict=True))
    reading = one_arm_count.read(COUNT, one_arm_count.step(COUNT, one_arm_count.start(COUNT), units))
    plain = replace(SCORE, baseline=2 / 12, worthwhile=0.5 / 12, spread=2 / 144)
    rates = people(np.minimum(events / exposure / 12, 1.0))
    same = one_arm_bounded.read(plain, one_arm_bounded.step(plain, one_arm_bounded.start(plain), rates))
    assert reading.claims["benefit"].fired
    assert reading.claims["benefit"].log_e == pytest.approx(same.claims["benefit"].log_e, abs=1e-9)
    assert reading.low == pytest.approx(12 * (same.low or 0.0))
    assert reading.estimate == pytest.approx(2.0 - np.minimum(events / exposure, 12).mean())


def test_more_events_can_be_better() -> None:
    """Where more is better the same people are evidence of harm as strong as it was of benefit, with the signs turned."""
    units = tuple(Unit("", "t", float(n)) for n in np.random.default_rng(8).poisson(1.2, 150))
    fewer, more = (
        one_arm_count.read(plan, one_arm_count.step(plan, one_arm_count.start(plan), units))
        for plan in (COUNT, replace(COUNT, higher=True))
    )
    assert more.claims["harm"].log_e == pytest.approx(fewer.claims["benefit"].log_e, abs=1e-9)
    assert more.estimate == pytest.approx(-(fewer.estimate or 0.0))
    assert more.claims["harm"].fired
    assert not more.claims["benefit"].fired


@pytest.mark.parametrize("dispersion", [1.0, 3.0])
def test_over_dispersed_counts_raise_no_false_alarms(dispersion: float) -> None:
    """Negative binomial counts, variance μ + dispersion μ², a guess of Poisson: benefit and harm stay below their quantile.

    Poisson likelihood ratios on the same counts: .5 and more (docs/scripts/one_arm_evidence.py).
    """

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        events = rng.poisson(2.0 * rng.gamma(1 / dispersion, dispersion, shape))
        return np.asarray(np.minimum(events / 12, 1.0))

    mean = float(draw(np.random.default_rng(1), (2_000_000,)).mean())
    design = replace(one_arm_count.scaled(COUNT), baseline=mean)
    rng = np.random.Generator(np.random.PCG64(12))
    found = streams_bounded.simulate_one_arm(design, treated=draw, participants=400, runs=2000, rng=rng)
    for claim in ("benefit", "harm"):
        assert found.share(claim) * 2000 <= binom.isf(0.001, 2000, 0.05)


@settings(max_examples=60, deadline=None)
@given(
    events=st.one_of(st.floats(max_value=-1e-9), st.floats(0.01, 0.99), st.just(math.nan), st.just(math.inf)),
    exposure=st.one_of(st.floats(max_value=0.0), st.just(math.nan), st.just(math.inf)),
)
def test_what_is_no_count_or_no_exposure_is_refused(events: float, exposure: float) -> None:
    """Broken, negative and endless counts, and exposures that are not above 0, raise one sentence each."""
    with pytest.raises(DataError, match=r"events == .*must be a whole number"):
        one_arm_count.step(COUNT, one_arm_count.start(COUNT), (Unit("", "t", events, 1.0),))
    with pytest.raises(DataError, match=r"exposure == .*must be > 0"):
        one_arm_count.step(COUNT, one_arm_count.start(COUNT), (Unit("", "t", 1.0, exposure),))


def test_plans_that_leave_no_room_are_refused() -> None:
    """A cap below the benchmark, a second arm and a guardrail's margin beyond the scale raise a sentence before any data."""
    with pytest.raises(ProtocolError, match="cap == 1, must be finite and above the benchmark 2"):
        one_arm_count.admit(replace(COUNT, cap=1.0))
    with pytest.raises(ProtocolError, match="must be one arm"):
        one_arm_count.admit(replace(COUNT, n_c=1))
    with pytest.raises(ProtocolError, match=r"benchmark == 0.5, must lie between"):
        one_arm_bounded.METHOD.admit(replace(SCORE, margin=0.6))


def test_losses_that_cannot_be_drawn_are_refused() -> None:
    """No beta distribution varies more than mean (1 − mean); one that exists is drawn with its mean and variance."""
    with pytest.raises(DataError, match=r"variance == 0.3, must be > 0 and < 0.25"):
        streams_bounded.beta_losses(0.5, 0.3)
    drawn = streams_bounded.beta_losses(0.3, 0.02)(np.random.default_rng(1), (200_000,))
    assert drawn.mean() == pytest.approx(0.3, abs=0.002)
    assert drawn.var() == pytest.approx(0.02, abs=0.0005)
