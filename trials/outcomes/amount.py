"""An amount with a long tail: earnings, costs, hours. Winsorised to the plan's bounds, so the mean of that is judged."""

from __future__ import annotations

from trials.outcomes import bounded
from trials.outcomes.kind import Kind, refuse_unused, say_amount, signed_words
from trials.protocol import Primary


def check_plan(primary: Primary) -> None:
    """Raises ProtocolError when bounds are missing or leave no room for the baseline or the worthwhile effect."""
    bounded.check_plan(primary)
    refuse_unused(primary, "bounds", "sd")


def say_effect(primary: Primary, effect: float) -> str:
    size, word = signed_words(primary, effect)
    return f"{say_amount(primary, size)} {'less' if word == 'fewer' else word}"


def estimand(primary: Primary) -> str:
    low, high = bounded.bounds(primary)
    capped = f"{say_amount(primary, low)} to {say_amount(primary, high)}"
    return f"the mean of {primary.label or primary.measure}, each amount capped to {capped}"


KIND = Kind(
    name="amount",
    values="bounded",
    check_plan=check_plan,
    to_unit=lambda primary, value, companion: (bounded.to_loss(primary, value), 1.0),
    from_effect=lambda primary, effect: effect / bounded.width(primary),
    to_effect=lambda primary, effect: effect * bounded.width(primary),
    baseline_loss=bounded.baseline_loss,
    spread=bounded.spread,
    say_effect=say_effect,
    estimand=estimand,
    example=Primary(
        measure="earnings",
        kind="amount",
        better="higher",
        baseline=4_500,
        worthwhile=1_500,
        bounds=(0, 25_000),
        sd=5_500,
        unit="USD",
    ),
)
