"""The fixed-size trial beside a plan: how many people one test at the end would need, and what it would find.

One-sided alpha, power 1 − beta, normal approximation. Shares: Fleiss, Levin & Paik (2003), eq. 4.14 and, for one arm, 2.13,
without continuity correction. Means and rates: the same with known variances (rates: variance = dispersion · mean, Zhu &
Lakkis, 2014, Stat. Med. 33:376-387, for negative binomial counts). Times: Schoenfeld (1981), Biometrika 68:316-319; one arm:
the one-sample logrank test, expected − observed events, with its mean and variance under a constant hazard. Clusters are units
like any other.
"""

from __future__ import annotations

import math

from scipy.optimize import brentq
from scipy.special import ndtri

from trials.sequential.design import Design
from trials.sequential.grouped import sample_size
from trials.sequential.operating.truths import limits, rates, variance


def needed(design: Design, effect: float) -> float:
    """Participants for this effect (> 0, possible), not rounded. Raises ProtocolError for alpha + beta ≥ 1."""
    control, treated = rates(design, effect)
    ratio = design.n_t / design.n_c if design.n_c else math.inf
    if design.values == "time" and design.n_c:
        events = sample_size.events(math.exp(-effect), design.alpha, design.beta, ratio)
        return events / _event_chance(design, control, treated)
    if design.values == "binary" and design.n_c:
        return sample_size.binary_people(treated, control, design.alpha, design.beta, ratio)
    z_alpha, z_beta = -float(ndtri(design.alpha)), -float(ndtri(design.beta))
    if design.n_c == 0:
        mean, none, some = (
            _one_sample(control, treated)
            if design.values == "time"
            else (effect, variance(design, control), variance(design, treated))
        )
        return ((z_alpha * math.sqrt(none) + z_beta * math.sqrt(some)) / mean) ** 2
    under_none, under_effect = variance(design, control), variance(design, treated)
    share = design.n_t / (design.n_t + design.n_c)
    return (z_alpha + z_beta) ** 2 * (under_none / (1 - share) + under_effect / share) / effect**2


def _event_chance(design: Design, control: float, treated: float) -> float:
    """P(a participant has the event by the end of follow-up), over both arms."""
    chances = -math.expm1(-control), -math.expm1(-treated)
    return (design.n_c * chances[0] + design.n_t * chances[1]) / (design.n_t + design.n_c)


def _one_sample(benchmark: float, hazard: float) -> tuple[float, float, float]:
    """Of one person's expected − observed events, followed up to time 1: the mean, and its variance as tested and in truth.

    benchmark: the hazard that events are expected with; hazard: the true one. The test takes the expected for the variance.
    """
    seen = -math.expm1(-hazard)
    early = seen - hazard * math.exp(-hazard)  # ∫ u e^{-u} du from 0 to the hazard
    expected = benchmark * seen / hazard
    square = 2 * (benchmark / hazard) ** 2 * early - 2 * benchmark / hazard * early + seen
    mean = expected - seen
    return abs(mean), expected, square - mean**2


def detectable(design: Design, participants: float) -> float | None:
    """The smallest effect that so many people find with power 1 − beta; None when even the largest possible needs more."""
    low, high = 1e-9 * design.worthwhile, limits(design)[1] * (1 - 1e-9)
    if needed(design, high) > participants:
        return None

    def missing(effect: float) -> float:
        return math.log(needed(design, effect) / participants)

    return float(brentq(missing, low, high, rtol=1e-9))
