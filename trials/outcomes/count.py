"""A count of events with exposure: missed appointments in the weeks watched, seizures in a fortnight.

Judged is the rate per unit of exposure; each person's is capped at the upper bound where a method needs a limit.
"""

from __future__ import annotations

import math

from trials.errors import DataError, ProtocolError
from trials.outcomes.kind import Kind, finite, refuse_unused, say_amount, signed_words
from trials.protocol import Primary


def cap(primary: Primary) -> float:
    """The highest rate that counts in full. Raises ProtocolError when the plan gives none."""
    if primary.bounds is None or primary.bounds[0] != 0:
        raise ProtocolError(
            f"primary.bounds == {primary.bounds}, must be [0, most events per unit of {primary.exposure or 'exposure'}] for a "
            "count: a rate above it counts as that rate, so that one person can't decide the trial."
        )
    return primary.bounds[1]


def check_plan(primary: Primary) -> None:
    """Raises ProtocolError when exposure or bounds are missing, or leave no room for the worthwhile effect."""
    refuse_unused(primary, "bounds", "sd", "exposure")
    if primary.exposure is None:
        raise ProtocolError(
            "primary.exposure is missing, must name the column with each person's time at risk. Write exposure: weeks."
        )
    if not 0 < primary.baseline < cap(primary):
        raise ProtocolError(
            f"primary.baseline == {primary.baseline:g}, must be > 0 and < {cap(primary):g}, the cap in primary.bounds."
        )
    room = primary.baseline if primary.better == "lower" else cap(primary) - primary.baseline
    if primary.worthwhile >= room:
        raise ProtocolError(
            f"primary.worthwhile == {primary.worthwhile:g}, must be < {room:g}: from a baseline of {primary.baseline:g} it "
            f"would leave [0, {cap(primary):g}]. Name the smallest improvement worth having."
        )


def to_unit(primary: Primary, value: float, companion: float | None) -> tuple[float, float]:
    if finite(primary, value) < 0 or value != int(value):
        raise DataError(f"{primary.measure} == {value:g}, must be a whole number, 0 or more.")
    if companion is None or not 0 < companion < math.inf:
        raise DataError(
            f"{primary.exposure} == {companion}, must be a finite number > 0: nothing is counted in no time."
        )
    return value, companion


def spread(primary: Primary) -> float:
    """Variance of a count over its mean, at least 1 (Poisson); from the plan's sd of one count at exposure 1 if given."""
    return 1.0 if primary.sd is None else max(1.0, primary.sd**2 / primary.baseline)


def say_effect(primary: Primary, effect: float) -> str:
    size, word = signed_words(primary, effect)
    return f"{say_amount(primary.model_copy(update={'unit': ''}), size)} {word} per {_per(primary)}"


def _per(primary: Primary) -> str:
    """What the rate is per: the plan's unit ('week'), else the exposure's column in words."""
    return primary.unit or f"unit of {(primary.exposure or 'exposure').replace('_', ' ')}"


KIND = Kind(
    name="count",
    values="count",
    check_plan=check_plan,
    to_unit=to_unit,
    from_effect=lambda primary, effect: effect,
    to_effect=lambda primary, effect: effect,
    baseline_loss=lambda primary: primary.baseline,
    spread=spread,
    say_effect=say_effect,
    estimand=lambda primary: f"the rate of {primary.label or primary.measure} per {_per(primary)}",
    example=Primary(
        measure="missed_appointments",
        kind="count",
        better="lower",
        baseline=2.0,
        worthwhile=0.5,
        bounds=(0, 12),
        exposure="months_watched",
    ),
)
