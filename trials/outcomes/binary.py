"""Yes or no: re-arrested within a year, still in work, came to the appointment."""

from __future__ import annotations

from trials.errors import DataError, ProtocolError
from trials.outcomes.kind import Kind, refuse_unused, signed_words
from trials.protocol import Primary


def check_plan(primary: Primary) -> None:
    """Raises ProtocolError when the baseline isn't a share or leaves no room for the worthwhile effect."""
    if not 0 < primary.baseline < 1:
        raise ProtocolError(
            f"primary.baseline == {primary.baseline:g}, must be > 0 and < 1 for a binary measure. Write 0.30 for 30 %."
        )
    room = primary.baseline if primary.better == "lower" else 1 - primary.baseline
    if primary.worthwhile >= room:
        direction = "below 0" if primary.better == "lower" else "above 1"
        raise ProtocolError(
            f"primary.worthwhile == {primary.worthwhile:g}, must be < {room:g}: from a baseline of {primary.baseline:g} "
            f"it would take the share to {direction}. Name the smallest improvement worth having."
        )
    refuse_unused(primary)


def to_unit(primary: Primary, value: float, companion: float | None) -> tuple[float, float]:
    if value not in (0.0, 1.0):
        raise DataError(f"{primary.measure} == {value:g}, must be 0 or 1.")
    return (value if primary.better == "lower" else 1.0 - value), 1.0


def baseline_loss(primary: Primary) -> float:
    return primary.baseline if primary.better == "lower" else 1 - primary.baseline


def say_effect(primary: Primary, effect: float) -> str:
    size, word = signed_words(primary, effect)
    return f"{100 * size:.1f} {word} in 100"


KIND = Kind(
    name="binary",
    values="binary",
    check_plan=check_plan,
    to_unit=to_unit,
    from_effect=lambda primary, effect: effect,
    to_effect=lambda primary, effect: effect,
    baseline_loss=baseline_loss,
    spread=lambda primary: primary.baseline * (1 - primary.baseline),
    say_effect=say_effect,
    estimand=lambda primary: f"the share of people with this outcome: {primary.label or primary.measure}",
    example=Primary(measure="rearrested", kind="binary", better="lower", baseline=0.30, worthwhile=0.08),
)
