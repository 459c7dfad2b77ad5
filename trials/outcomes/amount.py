"""An amount with a long tail: earnings, costs, hours. Winsorised to the plan's bounds, so the mean of that is judged."""

from __future__ import annotations

from trials.errors import ProtocolError
from trials.outcomes.kind import Kind, finite, signed_words
from trials.protocol import Primary

CURRENCY = {"USD": "$", "GBP": "£", "EUR": "€"}


def _bounds(primary: Primary) -> tuple[float, float]:
    if primary.bounds is None:
        raise ProtocolError(
            "primary.bounds is missing, must be given for an amount: values outside [low, high] count as low or high, "
            "and without a cap one huge value could decide the trial. Write bounds: [0, 25000]."
        )
    return primary.bounds


def check_plan(primary: Primary) -> None:
    """Raises ProtocolError when bounds are missing or leave no room for the baseline or the worthwhile effect."""
    low, high = _bounds(primary)
    if not low < primary.baseline < high:
        raise ProtocolError(
            f"primary.baseline == {primary.baseline:g}, must lie inside primary.bounds [{low:g}, {high:g}]. Widen the bounds."
        )
    room = primary.baseline - low if primary.better == "lower" else high - primary.baseline
    if primary.worthwhile >= room:
        raise ProtocolError(
            f"primary.worthwhile == {primary.worthwhile:g}, must be < {room:g}: from a baseline of {primary.baseline:g} it "
            f"would leave the bounds [{low:g}, {high:g}]. Name the smallest improvement worth having, or widen the bounds."
        )
    if primary.sd is not None and primary.sd > (high - low) / 2:
        raise ProtocolError(
            f"primary.sd == {primary.sd:g}, must be ≤ {(high - low) / 2:g}: no amount inside the bounds varies more."
        )


def to_loss(primary: Primary, value: float) -> float:
    low, high = _bounds(primary)
    share = (min(max(finite(primary, value), low), high) - low) / (high - low)
    return share if primary.better == "lower" else 1.0 - share


def scale(primary: Primary) -> float:
    low, high = _bounds(primary)
    return high - low


def baseline_loss(primary: Primary) -> float:
    return to_loss(primary, primary.baseline)


def spread(primary: Primary) -> float:
    """(sd / range)^2, or half the largest variance that a mean of this size allows when no sd is given."""
    if primary.sd is not None:
        return (primary.sd / scale(primary)) ** 2
    mean = baseline_loss(primary)
    return mean * (1 - mean) / 2


def say_amount(primary: Primary, size: float) -> str:
    """An amount in its unit: '$1,530', '4.2 hours'."""
    digits = 0 if size >= 100 or size == round(size) else 1
    number = f"{size:,.{digits}f}"
    sign = CURRENCY.get(primary.unit)
    return f"{sign}{number}" if sign else f"{number} {primary.unit}".strip()


def say_effect(primary: Primary, effect: float) -> str:
    size, word = signed_words(primary, effect)
    return f"{say_amount(primary, size)} {'less' if word == 'fewer' else word}"


KIND = Kind(
    name="amount",
    values="bounded",
    check_plan=check_plan,
    to_loss=to_loss,
    scale=scale,
    baseline_loss=baseline_loss,
    spread=spread,
    say_effect=say_effect,
    estimand=lambda primary: (
        f"the mean of {primary.label or primary.measure}, each amount capped to "
        f"{say_amount(primary, _bounds(primary)[0])} to {say_amount(primary, _bounds(primary)[1])}"
    ),
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
