"""The asymptotic confidence sequence: its formula, its agreement with its claims, where it holds and where it is refused."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import binom

from trials.errors import ProtocolError
from trials.sequential import Design, Unit, normal_mixture
from trials.sequential.operating import streams_bounded
from trials.sequential.peers.uniform_bounds import best_rho

PAIRS = Design(1, 1, 0.30, 0.08, 0.05, 0.10, 0.21, most=2000)


def pairs(treated: float, number: int, seed: int) -> tuple[Unit, ...]:
    rng = np.random.default_rng(seed)
    losses = zip(rng.random(number) < treated, rng.random(number) < 0.3, strict=True)
    return tuple(unit for t, c in losses for unit in (Unit("", "t", float(t)), Unit("", "c", float(c))))


def test_the_evidence_is_the_mixture_over_positive_effects() -> None:
    """log E = log of ∫ 2 φ(λ √ρ) √ρ exp(λ s − λ² n/2) dλ over λ > 0, by the trapezoidal rule, s shrunk as stated."""
    units = pairs(0.2, 40, seed=1)
    d = np.array([c.loss - t.loss for t, c in zip(units[::2], units[1::2], strict=True)])  # type: ignore[operator]
    squares = ((d - d.mean()) ** 2).sum()
    sigma = math.sqrt(max((50 * 0.42 + squares) / 90, squares / 39))
    rho = best_rho(math.log(20) * 0.42 / 0.08**2, 0.05, one_sided=True)
    lam = np.linspace(0, 4, 400_001)
    height = 2 * math.sqrt(rho / (2 * math.pi)) * np.exp(lam * d.sum() / sigma - lam**2 * (40 + rho) / 2)
    expected = math.log(np.trapezoid(height, lam))
    state = normal_mixture.step(PAIRS, normal_mixture.start(PAIRS), units)
    assert normal_mixture.read(PAIRS, state).claims["benefit"].log_e == pytest.approx(expected, abs=1e-8)


def test_nothing_is_said_before_the_tenth_pair() -> None:
    """Nine pairs, however lopsided, give no number and a reason; ten give numbers."""
    units = tuple(Unit("", "tc"[i % 2], float(i % 2)) for i in range(20))
    for number, said in ((18, False), (19, False), (20, True)):
        state, marks = normal_mixture.trace(PAIRS, normal_mixture.start(PAIRS), units[:number])
        claim = normal_mixture.read(PAIRS, state).claims["benefit"]
        assert (claim.log_e is not None) == said
        assert (claim.reason is None) == said
        assert bool(marks) == said


@pytest.mark.parametrize("treated", [0.15, 0.30, 0.45])
def test_the_interval_is_the_inversion_of_the_claims(treated: float) -> None:
    """After every pair: low ≥ 0 exactly when benefit fired, high ≤ δ* exactly when dud did, high < 0 only with harm."""
    state = normal_mixture.start(PAIRS)
    for first, second in zip(*[iter(pairs(treated, 400, seed=2))] * 2, strict=True):
        state = normal_mixture.step(PAIRS, state, (first, second))
        reading = normal_mixture.read(PAIRS, state)
        low = -1.0 if reading.low is None else reading.low
        high = 1.0 if reading.high is None else reading.high
        assert reading.claims["benefit"].fired == (low >= 0)
        assert reading.claims["dud"].fired == (high <= PAIRS.worthwhile)
        assert reading.claims["harm"].fired or high >= 0
    fired = {name for name, claim in reading.claims.items() if claim.fired}
    assert fired == {0.15: {"benefit"}, 0.30: {"dud"}, 0.45: {"dud", "harm"}}[treated]


@pytest.mark.parametrize(
    ("claim", "control", "treated", "star", "error"),
    [("benefit", 0.3, 0.3, 0.08, 0.05), ("dud", 0.3, 0.22, 0.08, 0.10), ("dud", 0.03, 0.01, 0.02, 0.10)],
    ids=["benefit", "dud", "dud of a rare outcome"],
)
def test_false_alarms_of_pairs_stay_within_their_error(
    claim: str, control: float, treated: float, star: float, error: float
) -> None:
    """P(the claim fires within 2,000 people, a look after every pair) ≤ its error, judged by the 99.9 % binomial quantile."""
    design = replace(PAIRS, baseline=control, worthwhile=star, spread=control * (1 - control))
    found = streams_bounded.simulate_normal(
        design,
        control=streams_bounded.binary_losses(control),
        treated=streams_bounded.binary_losses(treated),
        participants=2000,
        runs=2000,
        rng=np.random.Generator(np.random.PCG64(4)),
    )
    assert found.share(claim) * 2000 <= binom.isf(0.001, 2000, error)


def test_one_arm_is_refused_because_skew_breaks_it() -> None:
    """The formula on one arm's outcomes of chance .03 around their true mean claims a benefit in over a fifth of trials.

    The asymptotic formula as published, with the running variance alone, from the tenth person on.
    """
    rng, n = np.random.default_rng(6), np.arange(1, 501)
    values = 0.03 - (rng.random((1000, 500)) < 0.03)
    sums = np.cumsum(values, axis=1)
    sigma = np.sqrt(np.maximum(np.cumsum(values**2, axis=1) / n - (sums / n) ** 2, 1e-9))
    logs = streams_bounded.normal_logs(sums / sigma, n, best_rho(200.0, 0.05, one_sided=True))
    alarms = int((logs[:, 9:] >= math.log(20)).any(axis=1).sum())
    assert alarms >= binom.isf(0.001, 1000, 0.20)
    with pytest.raises(ProtocolError, match="design == one_arm, must be two_arm"):
        normal_mixture.admit(replace(PAIRS, n_c=0))


@pytest.mark.parametrize(("n_t", "n_c"), [(2, 3), (2, 1), (2, 2)])
def test_unequal_arms_and_larger_blocks_are_refused(n_t: int, n_c: int) -> None:
    """Only pairs are admitted; the sentence says what to write instead."""
    with pytest.raises(ProtocolError, match=rf"allocation == {n_t}:{n_c}, must be 1:1.*anytime"):
        normal_mixture.admit(replace(PAIRS, n_t=n_t, n_c=n_c))


def test_the_bound_is_tuned_within_the_trial() -> None:
    """Tightest where half of what a worthwhile effect takes is in, but never after the planned end."""
    assert normal_mixture.tuned_for(PAIRS, 0.05) == pytest.approx(math.log(20) * 0.42 / 0.0064)
    assert normal_mixture.tuned_for(replace(PAIRS, most=200), 0.05) == 100
    assert normal_mixture.tuned_for(replace(PAIRS, worthwhile=0.5), 0.05) == normal_mixture.FIRST


def test_the_tail_of_the_normal_is_kept_in_logs() -> None:
    """Far on the wrong side log E stays finite and small, as the closed form says where that can still be computed."""
    s, n, rho = -30.0, 400.0, 50.0
    found = streams_bounded.normal_logs(np.array([s, -1e4]), n, rho)
    plain = 2 * math.sqrt(rho / (n + rho)) * math.exp(s * s / (2 * (n + rho))) * ndtr(s / math.sqrt(n + rho))
    assert found[0] == pytest.approx(math.log(plain), abs=1e-12)
    assert np.isfinite(found[1])


@pytest.mark.parametrize(("planned", "seen"), [(0.01, 0.2), (0.05, 0.2), (0.1, 0.3)])
def test_a_spread_that_was_planned_far_too_small_breaks_nothing(planned: float, seen: float) -> None:
    """Scores that vary 3 to 20 times as much as planned: benefit and harm keep their errors in trials without an effect."""
    design = Design(1, 1, 0.5, 0.04, 0.05, 0.10, planned**2, values="bounded", most=300)
    rng = np.random.default_rng(11)
    fired = {"benefit": 0, "harm": 0}
    for _ in range(200):
        drawn = np.clip(rng.normal(0.5, seen, 240), 0, 1)
        units = tuple(Unit("", "tc"[i % 2], float(value)) for i, value in enumerate(drawn))  # type: ignore[arg-type]
        claims = normal_mixture.read(design, normal_mixture.step(design, normal_mixture.start(design), units)).claims
        for name in fired:
            fired[name] += claims[name].fired
    assert max(fired.values()) <= binom.isf(0.001, 200, 0.05)
