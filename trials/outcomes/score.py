"""A score on a scale with ends: a depression inventory, a school test, the share of a cluster's people with an outcome."""

from __future__ import annotations

from trials.errors import DataError
from trials.outcomes import bounded
from trials.outcomes.kind import Kind, finite, refuse_unused, signed_words
from trials.protocol import Primary


def check_plan(primary: Primary) -> None:
    """Raises ProtocolError when bounds are missing or leave no room for the baseline or the worthwhile effect."""
    bounded.check_plan(primary)
    refuse_unused(primary, "bounds", "sd")


def to_unit(primary: Primary, value: float, companion: float | None) -> tuple[float, float]:
    """A score outside its scale is an error of the data, never capped."""
    low, high = bounded.bounds(primary)
    if not low <= finite(primary, value) <= high:
        raise DataError(f"{primary.measure} == {value:g}, must be from {low:g} to {high:g}, the ends of its scale.")
    return bounded.to_loss(primary, value), 1.0


def say_effect(primary: Primary, effect: float) -> str:
    size, word = signed_words(primary, effect)
    digits = 1 if bounded.width(primary) >= 10 else 3
    unit = primary.unit or "points"
    return f"{size:,.{digits}f} {unit} {'lower' if word == 'fewer' else 'higher'}"


KIND = Kind(
    name="score",
    values="bounded",
    check_plan=check_plan,
    to_unit=to_unit,
    from_effect=lambda primary, effect: effect / bounded.width(primary),
    to_effect=lambda primary, effect: effect * bounded.width(primary),
    baseline_loss=bounded.baseline_loss,
    spread=bounded.spread,
    say_effect=say_effect,
    estimand=lambda primary: f"the mean of {primary.label or primary.measure}",
    example=Primary(
        measure="wellbeing",
        kind="score",
        better="higher",
        baseline=50,
        worthwhile=8,
        bounds=(0, 100),
        sd=20,
        unit="points",
    ),
)
