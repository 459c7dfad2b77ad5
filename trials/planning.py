"""What can this trial tell us? Asked before sealing; every way of registering a trial goes through `admit`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from trials.analysis import design_of, method_of
from trials.errors import ProtocolError
from trials.outcomes import kind_named
from trials.protocol import Protocol
from trials.sequential import streams

RUNS, SEED = 2_000, 20_260_101
SMALLEST_WORTHWHILE = 1e-4


def admit(protocol: Protocol) -> None:
    """Raises ProtocolError when the plan's kind or method can't judge it; returns when it can be registered."""
    kind_named(protocol.primary.kind).check_plan(protocol.primary)
    method_of(protocol)
    if design_of(protocol).worthwhile < SMALLEST_WORTHWHILE:
        raise ProtocolError(
            f"primary.worthwhile == {protocol.primary.worthwhile:g}, must be at least a 10,000th of the measure's range: "
            "no trial finds less. Name an improvement worth having."
        )


def warnings(protocol: Protocol) -> tuple[str, ...]:
    """What the plan asks for that this version records but does not do, one sentence each."""
    found = []
    if protocol.guardrails:
        names = ", ".join(guardrail.measure for guardrail in protocol.guardrails)
        found.append(
            f"guardrails ({names}) are recorded in the plan but not monitored by this version; watch them yourself"
        )
    if protocol.stopping is not None:
        found.append("stopping rules beside the statistics are recorded in the plan but not applied by this version")
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What happens in repeated trials of this plan if one thing is true. Shares with their Monte Carlo error.

    people: mean participants until the first claim fires, at most the planned number.
    """

    truth: str
    effect: float
    promote: float
    drop: float
    stop_for_harm: float
    people: float
    runs: int
    error: float


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer of `protocol check`. fixed_size: participants of a fixed-size trial with the same errors.

    detectable: the smallest effect that such a trial of the planned size finds with 1 − beta power; None if there is none.
    """

    detectable: float | None
    fixed_size: int
    outlooks: tuple[Outlook, ...]
    sentence: str
    warnings: tuple[str, ...]


def check(protocol: Protocol, runs: int = RUNS) -> Plan:
    """What this plan can and cannot tell; deterministic (seeded). Raises ProtocolError as `admit` does."""
    admit(protocol)
    fixed, detectable = fixed_size(protocol)
    outlooks = simulated(protocol, runs) if kind_named(protocol.primary.kind).values == "binary" else ()
    return Plan(detectable, fixed, outlooks, _sentence(protocol, fixed, detectable), warnings(protocol))


def fixed_size(protocol: Protocol) -> tuple[int, float | None]:
    """Participants that a fixed-size trial needs for the worthwhile effect, and the effect that the planned number finds.

    The latter is None when even the largest effect that the baseline leaves room for needs more people.

    Normal approximation with unpooled variances (Fleiss, Levin & Paik, 2003, eq. 4.14 without continuity correction),
    one-sided alpha, power 1 − beta. The detectable effect solves the same equation for the effect.
    """
    design, monitoring = design_of(protocol), protocol.monitoring
    scale = kind_named(protocol.primary.kind).scale(protocol.primary)
    quantiles = float(norm.isf(monitoring.alpha) + norm.isf(monitoring.beta)) ** 2
    share_t = design.n_t / (design.n_t + design.n_c)

    def needed(effect: float) -> float:
        variance = _variance(protocol, design.baseline) / (1 - share_t)
        variance += _variance(protocol, design.baseline - effect) / share_t
        return quantiles * variance / effect**2

    low, high = 1e-6, design.baseline * (1 - 1e-9)
    if needed(high) > monitoring.max_participants:
        return math.ceil(needed(design.worthwhile)), None
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if needed(middle) > monitoring.max_participants else (low, middle)
    return math.ceil(needed(design.worthwhile)), high * scale


def _variance(protocol: Protocol, mean: float) -> float:
    kind = kind_named(protocol.primary.kind)
    return mean * (1 - mean) if kind.values == "binary" else kind.spread(protocol.primary)


def simulated(protocol: Protocol, runs: int) -> tuple[Outlook, ...]:
    """Binary plans: repeated trials, peeking after every block, under four truths."""
    design, star = design_of(protocol), protocol.primary.worthwhile
    truths = (("worthwhile", star), ("twice worthwhile", 2 * star), ("no effect", 0.0), ("harmful", -star))
    found = []
    for truth, effect in truths:
        treated = design.baseline - effect
        if not 0 < treated < 1:
            continue
        crossings = streams.simulate(
            design,
            control=design.baseline,
            treated=treated,
            participants=protocol.monitoring.max_participants,
            runs=runs,
            rng=np.random.Generator(np.random.PCG64(SEED)),
        )
        promote, drop, harm = (crossings.first_is(claim) for claim in ("benefit", "dud", "harm"))
        people = crossings.expected("benefit", "dud", "harm")
        error = streams.share_error(promote, runs)
        found.append(Outlook(truth, effect, promote, drop, harm, people, runs, error))
    return tuple(found)


def _sentence(protocol: Protocol, fixed: int, detectable: float | None) -> str:
    primary = protocol.primary
    kind = kind_named(primary.kind)
    planned = protocol.monitoring.max_participants
    power = f"{100 * (1 - protocol.monitoring.beta):.0f} %"
    if detectable is None:
        return (
            f"{planned:,} people are too few to find any effect with {power} power: the "
            f"{kind.say_effect(primary, primary.worthwhile)} called worthwhile takes {fixed:,} at a fixed size. "
            "Plan more people, or a more frequent measure."
        )
    if detectable > primary.worthwhile:
        return (
            f"{planned:,} people are few: a trial of this size finds {kind.say_effect(primary, detectable)} with {power} "
            f"power, not the {kind.say_effect(primary, primary.worthwhile)} called worthwhile (that takes {fixed:,} at a fixed "
            "size). Plan more people, a more frequent measure, or a larger worthwhile effect."
        )
    return (
        f"{planned:,} people are enough for a fixed-size trial to find {kind.say_effect(primary, primary.worthwhile)} with "
        f"{power} power ({fixed:,} would do); this plan looks after every delivery and may stop earlier."
    )
