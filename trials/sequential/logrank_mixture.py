"""Times to an event, two arms: a mixture of exact logrank likelihood ratios, stratified by entry cohort.

Guarantee: P(there is an event after which E ≥ 1/error) ≤ error under the claim's null hypothesis on the hazard ratio, at
all times and in all cohorts, however often anybody looks, when within each cohort the treated share one hazard and the
controls another (hazards of any shape, and different from cohort to cohort) and follow-up does not end because of what is
to come. For benefit and harm it is enough that nothing tells the arms of a cohort apart when the idea does nothing.
Source: ter Schure, Pérez-Ortiz, Ly & Grünwald (2024), "The anytime-valid logrank test", sections 2 and 2.2 (ties);
cohorts as strata of the conditional likelihood: Cox (1972), JRSS B 34:187-220.

At each time of an event, given who of the cohort is at risk and how many have the event, the number of treated among them
is Fisher's noncentral hypergeometric with odds θ = hazard ratio. The product of these chances over all cohorts is the
partial likelihood, kept as a curve over δ = −log θ (`hazards.py`). That is O(1) per new event, whatever came before; a
table of distinct risk sets would grow with the trial, and each look would have to go through it.

E is a martingale from event to event: cohort after cohort, and within one by time since entry. So what it reached within a
cohort counts (p, claims, interval), though a cohort is judged only when it is complete; looking at its end alone would
take about 5 % more events. `trace` leaves a mark at the ends.

The estimate is the peak of that curve, Cox's conditional maximum likelihood estimate by cohort; the interval holds at all
looks, the estimate is not adjusted for early stopping. With several strata the hazard ratio is taken as common to them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from trials.errors import ProtocolError
from trials.sequential.bets import Floats
from trials.sequential.design import Design, Mark, Method, Reading, State, Unit
from trials.sequential.times import cohorts, hazard_states, hazards
from trials.sequential.times.hazard_states import Gain
from trials.sequential.times.logrank_e import log_factor

NOTHING_YET = "no entry cohort is complete yet"
SMALLEST_COHORT, LARGEST_COHORT = 2, 1000


def admit(design: Design) -> None:
    """Raises ProtocolError when the cohorts or the smallest effect worth having can't be judged."""
    hazards.admit(design)
    if not SMALLEST_COHORT <= design.cohort <= LARGEST_COHORT:
        raise ProtocolError(
            f"cohort == {design.cohort}, must be from {SMALLEST_COHORT} to {LARGEST_COHORT}: people who joined one after "
            "another and are compared among themselves. Write 20."
        )


@lru_cache(maxsize=4096)
def pay(design: Design, n_t: int, n_c: int, d_t: int, d: int) -> Floats:
    """What one event time adds to the curve: log p_θ(d_t | n_t, n_c, d) / p_1 at every effect. Shape (P,), read-only."""
    theta = np.exp(-hazards.turn(design) * hazards.effects(design))
    found = log_factor(theta, n_t, n_c, d_t, d)
    found.flags.writeable = False
    return found


def start(design: Design) -> State:
    return {**hazard_states.fresh(), "units": 0, "waiting": {}}


def step(design: Design, state: State, units: tuple[Unit, ...]) -> State:
    """The state after these participants, in the sealed order. O(1) per cohort; the given state stays as it was."""
    return trace(design, state, units)[0]


def trace(design: Design, state: State, units: tuple[Unit, ...]) -> tuple[State, tuple[Mark, ...]]:
    """`step`, and the evidence after each completed cohort. Raises DataError for values that mean nothing."""
    waiting = cohorts.copied(state["waiting"])
    gains = list(_gains(design, waiting, state["units"], units))
    state, marks = hazard_states.advance(design, state, gains, curve_of)
    people = state["people"] + sum(unit.loss is not None for unit in units)
    return {**state, "people": people, "units": state["units"] + len(units), "waiting": waiting}, marks


def _gains(design: Design, waiting: dict[str, Any], seen: int, units: tuple[Unit, ...]) -> Iterator[Gain]:
    for found in cohorts.complete(design, waiting, seen, units):
        names = ["" if design.many else stratum for stratum, _ in found.cohorts]
        for name, (_, risk_sets) in zip(names, found.cohorts, strict=True):
            for risk_set in risk_sets:
                yield Gain(found.at, found.people, 0, {name: pay(design, *risk_set)})
        # The mark: it adds nothing, and makes sure that a stratum whose cohorts tell nothing is known too.
        nothing = np.zeros(hazards.lattice(design).size)
        yield Gain(found.at, found.people, len(names), dict.fromkeys(names, nothing))


def curve_of(design: Design, sums: Floats) -> Floats:
    """The sums kept are the curve itself. Shape (B, P)."""
    return sums


def estimate(design: Design, curve: Floats) -> float | None:
    """The effect at the curve's peak, by the parabola through its three highest points; None where it has no peak.

    It has none when no event told anything, or all of them point one way.
    """
    effects, peak = hazards.effects(design), int(np.argmax(curve))
    if not 0 < peak < curve.size - 1:
        return None
    (left, middle, right), (a, b, c) = effects[peak - 1 : peak + 2], curve[peak - 1 : peak + 2]
    rise, fall = (b - a) / (middle - left), (b - c) / (right - middle)
    # The slope falls from `rise` to −`fall` between the midpoints of the two intervals; it is 0 in between.
    return float((left + middle) / 2 + (right - left) / 2 * rise / (rise + fall))


def read(design: Design, state: State) -> Reading:
    return hazard_states.read(design, state, curve_of, estimate, NOTHING_YET)


METHOD = Method(
    name="logrank-mixture",
    kinds=("time_to_event",),
    guarantee=(
        "P(the claim ever fires) ≤ its error rate under its null hypothesis on the hazard ratio, at every sample size and "
        "however often anybody looks, when within each entry cohort the treated share one hazard and the controls another"
    ),
    start=start,
    step=step,
    read=read,
    trace=trace,
    admit=admit,
)
