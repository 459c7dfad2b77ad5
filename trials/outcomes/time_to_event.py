"""Time to an event with censoring: weeks until re-arrest, days until work is found. Judged by the hazard.

`bounds: [0, T]` names the end of follow-up in the measure's own unit; a longer time counts as T without an event.

The effect is the share by which the hazard changes for the better: 0.25 means a quarter fewer events at any time (or,
where the event is good, a quarter more). Its method works on −log(hazard ratio), so that halving and doubling are alike.
"""

from __future__ import annotations

import math

from trials.errors import DataError, ProtocolError
from trials.outcomes.kind import Kind, finite, refuse_unused, signed_words
from trials.protocol import Primary


def check_plan(primary: Primary) -> None:
    """Raises ProtocolError when the event's column is missing, or baseline or worthwhile effect are no shares."""
    refuse_unused(primary, "event", "bounds")
    if primary.event is None:
        raise ProtocolError(
            "primary.event is missing, must name the column that says 1 = the event happened then, 0 = followed up so long "
            "without one. Write event: rearrested."
        )
    if not 0 < primary.baseline < 1:
        raise ProtocolError(
            f"primary.baseline == {primary.baseline:g}, must be > 0 and < 1: the share of people with an event by the end of "
            "follow-up. Write 0.30 for 30 %."
        )
    if primary.bounds is not None and primary.bounds[0] != 0:
        raise ProtocolError(
            f"primary.bounds == {list(primary.bounds)}, must start at 0: [0, end of follow-up]. Write bounds: [0, 52]."
        )
    if primary.better == "lower" and primary.worthwhile >= 1:
        raise ProtocolError(
            f"primary.worthwhile == {primary.worthwhile:g}, must be < 1: the share of events at any time that the idea is to "
            "prevent. Write 0.25 for a quarter."
        )
    if primary.better == "higher" and primary.worthwhile > 19:
        raise ProtocolError(f"primary.worthwhile == {primary.worthwhile:g}, must be at most 19 (20 times the hazard).")


def to_unit(primary: Primary, value: float, companion: float | None) -> tuple[float, float]:
    if finite(primary, value) <= 0:
        raise DataError(f"{primary.measure} == {value:g}, must be > 0: a time at risk.")
    if companion not in (0.0, 1.0):
        raise DataError(f"{primary.event} == {companion}, must be 0 or 1.")
    if primary.bounds is not None and value > primary.bounds[1]:
        return primary.bounds[1], 0.0
    return value, companion


def from_effect(primary: Primary, effect: float) -> float:
    """−log of the hazard ratio, turned so that positive = better."""
    if primary.better == "lower":
        return -math.log1p(-effect) if effect < 1 else math.inf
    return math.log1p(effect) if effect > -1 else -math.inf


def to_effect(primary: Primary, effect: float) -> float:
    return -math.expm1(-effect) if primary.better == "lower" else math.expm1(effect)


def say_effect(primary: Primary, effect: float) -> str:
    size, word = signed_words(primary, effect)
    return f"{100 * size:.0f} % {word} at any time"


KIND = Kind(
    name="time_to_event",
    values="time",
    check_plan=check_plan,
    to_unit=to_unit,
    from_effect=from_effect,
    to_effect=to_effect,
    baseline_loss=lambda primary: primary.baseline,
    spread=lambda primary: 1.0,
    say_effect=say_effect,
    estimand=lambda primary: (
        f"the hazard of {primary.label or primary.measure} at any time, by people who joined together"
    ),
    example=Primary(
        measure="weeks_at_risk",
        kind="time_to_event",
        better="lower",
        baseline=0.40,
        worthwhile=0.35,
        event="rearrested",
    ),
)
