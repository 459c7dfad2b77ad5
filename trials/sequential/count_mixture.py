"""Pairs and blocks of counts with exposure: bets on each person's capped rate, with stakes that learn the spread.

Guarantee: P(there is a block t with E_t ≥ 1/error) ≤ error under the claim's null hypothesis on the mean *capped rate*,
min(events / exposure, cap), however often anybody looks and whatever the distribution of the counts, when within each
stratum the treated are alike in mean given the past, and the controls too. Each stake is fixed before its block.
Source: Waudby-Smith & Ramdas (2024), JRSS B 86:1-27, section 4 (predictable plug-in bets); mixture: Robbins (1970).

No model of the counts is assumed. Treating a pair's total as if its counts were Poisson would assume one: with negative
binomial counts that fires wrongly three times too often (docs/scripts/count_evidence.py prints both).
The cap. A stake can't be larger than 1/cap per event, so a cap far above the rates that occur costs power: baseline + 5
standard deviations of a person's rate keeps what it can. Below the rates that occur it changes what is judged: capped
rates of people watched for a fifth of an exposure unit are lower than those of people watched for two, at the same rate,
so where the arms are watched for very different times no common rate should lie above the cap.
"""

from __future__ import annotations

import math

from trials.errors import DataError, ProtocolError
from trials.sequential import exposure_blocks
from trials.sequential.design import Design, Mark, Method, State, Unit
from trials.sequential.exposure_blocks import Engine, Entry


def entry_of(unit: Unit) -> Entry:
    """Events and exposure of a participant with an outcome. Raises DataError when they mean nothing."""
    events, exposure = unit.loss, unit.companion
    if events is None or not (math.isfinite(events) and events >= 0 and events == math.floor(events)):
        raise DataError(f"events == {events}, must be a whole number, 0 or more: anything else is no count.")
    if not (math.isfinite(exposure) and exposure > 0):
        raise DataError(f"exposure == {exposure}, must be a number > 0: nothing can be counted in no time.")
    return events, exposure


def variance(design: Design, inverse: float) -> float:
    """Guessed variance of one rate over cap²: the plan's variance-to-mean ratio is that at exposure 1 (1 = Poisson)."""
    return design.baseline * (inverse + design.spread - 1.0) / design.cap**2


def admit(design: Design) -> None:
    """Raises ProtocolError when the cap leaves no room for the baseline or the worthwhile effect."""
    if not 0 < design.baseline < design.cap:
        raise ProtocolError(
            f"baseline == {design.baseline:g}, must be > 0 and < {design.cap:g}, the cap: a higher rate counts as the cap. "
            "Raise the upper bound in primary.bounds."
        )
    if not 0 < max(design.worthwhile, design.margin) < design.cap:
        raise ProtocolError(
            f"worthwhile == {design.worthwhile:g}, must be > 0 and < {design.cap:g}, the cap. Name the smallest "
            "improvement worth having."
        )


ENGINE = Engine(entry_of, variance)


def step(design: Design, state: State, units: tuple[Unit, ...]) -> State:
    """The state after these participants, in the sealed order. O(1) per block; the given state stays as it was."""
    return trace(design, state, units)[0]


def trace(design: Design, state: State, units: tuple[Unit, ...]) -> tuple[State, tuple[Mark, ...]]:
    """`step`, and the evidence after each block."""
    return exposure_blocks.trace(ENGINE, design, state, units)


METHOD = Method(
    name="count-mixture",
    kinds=("count",),
    guarantee=(
        "P(the claim ever fires) ≤ its error rate under its null hypothesis on the mean capped rate, whatever the "
        "distribution of the counts, at every sample size and however often anybody looks"
    ),
    start=exposure_blocks.start,
    step=step,
    read=exposure_blocks.read,
    trace=trace,
    units=("person", "cluster"),
    admit=admit,
)
