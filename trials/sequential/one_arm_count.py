"""One arm of counts with exposure against a benchmark rate: bets on each person's capped rate.

Guarantee: P(there is a participant t with E_t ≥ 1/error) ≤ error under the claim's null hypothesis on the mean of people's
*capped rates*, min(events/exposure, cap), whatever the distribution of counts and however often anybody looks. Nothing is
assumed Poisson: a Poisson or gamma-Poisson likelihood ratio against the benchmark takes over-dispersed counts for evidence.
Source: as for `one_arm_bounded`, whose bets these are, on the rate over its cap.

Everybody's rate weighs alike, however long they were watched. Capping lowers the mean: where people pass the cap, "the mean
capped rate is below the benchmark" is weaker than "the rate is", so a cap must leave room above what people do.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

from trials.errors import DataError, ProtocolError
from trials.sequential import one_arm_binary, one_arm_bounded
from trials.sequential.design import Design, Mark, Method, Reading, State, Unit


@lru_cache(maxsize=64)
def scaled(design: Design) -> Design:
    """The design on the unit scale: rates over the cap, as losses (where more events are better, what is missing to 1).

    A rate's variance is guessed as that of a count at exposure 1: variance over mean times the mean.
    """
    baseline = design.baseline / design.cap
    return replace(
        design,
        baseline=1.0 - baseline if design.higher else baseline,
        worthwhile=design.worthwhile / design.cap,
        spread=design.spread * design.baseline / design.cap**2,
        margin=design.margin / design.cap,
        values="bounded",
        higher=False,
        cap=1.0,
    )


def admit(design: Design) -> None:
    """Raises ProtocolError for a cap that is none, and as `one_arm_binary.admit` does."""
    if not (math.isfinite(design.cap) and design.cap > design.baseline):
        raise ProtocolError(
            f"cap == {design.cap:g}, must be finite and above the benchmark {design.baseline:g}: a person's rate counts up to "
            "it. Name the highest rate that anybody is likely to have."
        )
    one_arm_binary.admit(scaled(design))


def as_loss(design: Design, unit: Unit) -> Unit:
    """The participant with their capped rate as a loss in [0, 1]. Raises DataError for what is no count or no exposure."""
    if unit.loss is None:
        return unit
    if not (unit.loss >= 0 and float(unit.loss).is_integer()):
        raise DataError(f"events == {unit.loss}, must be a whole number, 0 or more.")
    if not (math.isfinite(unit.companion) and unit.companion > 0):
        raise DataError(f"exposure == {unit.companion}, must be > 0: nothing can be counted in no time.")
    share = min(unit.loss / unit.companion / design.cap, 1.0)
    return Unit(unit.stratum, unit.arm, 1.0 - share if design.higher else share)


def start(design: Design) -> State:
    return one_arm_bounded.start(scaled(design))


def step(design: Design, state: State, units: tuple[Unit, ...]) -> State:
    """The state after these participants, in the sealed order. O(1) each; the given state stays as it was."""
    return trace(design, state, units)[0]


def trace(design: Design, state: State, units: tuple[Unit, ...]) -> tuple[State, tuple[Mark, ...]]:
    """`step`, and the evidence after each participant with an outcome."""
    return one_arm_bounded.trace(scaled(design), state, tuple(as_loss(design, unit) for unit in units))


def read(design: Design, state: State) -> Reading:
    """The interval is in events per unit of exposure; estimate: benchmark less the mean capped rate, signed alike."""
    reading = one_arm_bounded.read(scaled(design), state)
    low, high = (None if end is None else end * design.cap for end in (reading.low, reading.high))
    if high is not None and reading.claims.get("dud") is not None and reading.claims["dud"].fired:
        high = min(high, design.worthwhile)
    estimate = None
    if state["blocks"]:
        estimate = (scaled(design).baseline - state["sum"] / state["blocks"]) * design.cap
    return Reading(reading.claims, low, high, reading.blocks, estimate)


METHOD = Method(
    name="one-arm-count",
    kinds=("count",),
    guarantee=(
        "P(the claim ever fires) ≤ its error rate under its null hypothesis on the mean of people's capped rates, at every "
        "sample size and however often anybody looks, however the counts are dispersed, when the benchmark is what these "
        "people's mean capped rate would be without the idea"
    ),
    start=start,
    step=step,
    read=read,
    trace=trace,
    designs=("one_arm",),
    units=("person", "cluster"),
    admit=admit,
)
