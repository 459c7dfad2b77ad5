"""Times to an event in one arm against a benchmark: a mixture of exact likelihood ratios of a counting process.

Guarantee: P(there is a participant after whom E ≥ 1/error) ≤ error under the claim's null hypothesis on the hazard ratio
against the benchmark, at all times since entry, however often anybody looks, when follow-up does not end because of what is
to come. People may differ among themselves as long as each is on the null's side.
Source: θ^N exp(−(θ − 1) A) is the likelihood ratio of a counting process with N events and compensator A (Aalen, Borgan &
Gjessing, 2008, "Survival and Event History Analysis", eq. 5.4); mixtures: Robbins (1970), Ann. Math. Stat. 41.

The benchmark is a constant hazard with `design.baseline` = share of people with an event by the end of follow-up
`design.cap` (in the measure's own unit of time): H0(t) = −log(1 − baseline) t / cap, A = Σ H0(t_i). Time beyond `cap` is
left out: nothing is known of the benchmark there. A benchmark whose hazard is low at first and high later is another
null: judge the share by the end of follow-up instead (kind binary), which needs no shape.

Times recorded in steps (`design.grain`, rounded up) tell only in which step an event happened. Each step at risk is then a
yes-or-no trial with P(event) = 1 − exp(−θ h), h = the benchmark's hazard over a step, and the likelihood ratio is that of all
those trials: with N events and A = the hazard of all steps survived, ((1 − e^{−θh})/(1 − e^{−h}))^N exp(−(θ − 1) A). Taking a
week's end for the time of an event would claim benefit in most trials of common events. Grain 0 is the limit, θ^N.

The state is (N, A) by stratum, O(1) per participant and checkable by hand; the estimate is the peak of the likelihood,
log(A / N) for exact times, turned by `higher`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from trials.errors import ProtocolError
from trials.sequential.bets import Floats
from trials.sequential.design import Design, Mark, Method, Reading, State, Unit
from trials.sequential.times import hazard_states, hazards
from trials.sequential.times.cohorts import check
from trials.sequential.times.hazard_states import Gain

NOTHING_YET = "nobody's outcome is known yet"


def admit(design: Design) -> None:
    """Raises ProtocolError when the benchmark, the follow-up or the smallest effect worth having can't be judged."""
    hazards.admit(design)
    if not (math.isfinite(design.cap) and design.cap > 0):
        raise ProtocolError(f"cap == {design.cap}, must be > 0: the length of follow-up in the measure's unit of time.")


def benchmark(design: Design, time: float) -> float:
    """H0(time): the benchmark's cumulative hazard, with time cut off at the end of follow-up."""
    return -math.log1p(-design.baseline) * min(time / design.cap, 1.0)


def before_step(design: Design, time: float) -> float:
    """The start of the step that a time lies in; the time itself when times are exact."""
    return (math.ceil(time / design.grain - 1e-9) - 1) * design.grain if design.grain > 0 else time


def start(design: Design) -> State:
    return hazard_states.fresh()


def step(design: Design, state: State, units: tuple[Unit, ...]) -> State:
    """The state after these participants, in the sealed order. O(1) each; the given state stays as it was."""
    return trace(design, state, units)[0]


def trace(design: Design, state: State, units: tuple[Unit, ...]) -> tuple[State, tuple[Mark, ...]]:
    """`step`, and the evidence after each participant with an outcome. Raises DataError for values that mean nothing."""
    gains = list(_gains(design, units))
    state, marks = hazard_states.advance(design, state, gains, curve_of)
    return {**state, "people": state["people"] + len(gains)}, marks


def _gains(design: Design, units: tuple[Unit, ...]) -> Iterator[Gain]:
    people = 0
    for at, unit in enumerate(units):
        check(unit)
        if unit.loss is None:
            continue
        people += 1
        event = unit.companion if unit.loss <= design.cap else 0.0
        survived = before_step(design, unit.loss) if event else unit.loss
        added = np.array([event, benchmark(design, survived)])
        yield Gain(at, people, 1, {"" if design.many else unit.stratum: added})


def curve_of(design: Design, sums: Floats) -> Floats:
    """log θ^N exp(−(θ − 1) A) at every effect, from N and A: shape (B, 2) -> (B, P)."""
    log_theta = -hazards.turn(design) * hazards.effects(design)
    gain = log_theta
    if design.grain > 0:
        h = benchmark(design, min(design.grain, design.cap))
        gain = np.log(-np.expm1(-h * np.exp(log_theta))) - math.log(-math.expm1(-h))
    return np.asarray(sums[:, :1] * gain - sums[:, 1:] * np.expm1(log_theta), dtype=np.float64)


def estimate(design: Design, sums: Floats) -> float | None:
    """The maximum likelihood estimate of −log θ, turned by `higher`; None while nobody, or everybody, has had the event.

    log(A / N); with steps of hazard h the θ that solves N h x/(1 − x) = A, x = e^{−θh}.
    """
    events, expected = (float(part) for part in sums)
    if events == 0 or expected == 0:
        return None
    if design.grain == 0:
        return hazards.turn(design) * math.log(expected / events)
    h = benchmark(design, min(design.grain, design.cap))
    return -hazards.turn(design) * math.log(math.log1p(events * h / expected) / h)


def read(design: Design, state: State) -> Reading:
    return hazard_states.read(design, state, curve_of, estimate, NOTHING_YET)


METHOD = Method(
    name="one-arm-time",
    kinds=("time_to_event",),
    guarantee=(
        "P(the claim ever fires) ≤ its error rate under its null hypothesis on the hazard ratio against the benchmark, a "
        "constant hazard, at every sample size and however often anybody looks"
    ),
    start=start,
    step=step,
    read=read,
    trace=trace,
    designs=("one_arm",),
    admit=admit,
)
