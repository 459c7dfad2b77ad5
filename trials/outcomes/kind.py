"""What an outcome kind is: a value with the few functions by which kinds differ."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from trials.errors import DataError, ProtocolError
from trials.protocol import Primary

MINUS = "\u2212"


@dataclass(frozen=True, slots=True)
class Kind:
    """One outcome kind.

    values: what its units hold: 'binary' (0 or 1, so that evidence depends on counts alone), 'bounded' (a loss in [0, 1]),
    'count' (events, with exposure) or 'time' (time at risk, with an event flag).
    check_plan(primary): raises ProtocolError when the plan can't be judged as this kind.
    to_unit(primary, value, companion): (loss, companion) as `Unit` has them. DataError when they mean nothing.
    from_effect(primary, effect): an effect in the measure's own unit on the method's scale; to_effect the way back.
    Positive = better on both.
    baseline_loss(primary): the plan's baseline on the method's scale.
    spread(primary): first guess of one value's variance on the method's scale; for counts of variance over mean.
    say_effect(primary, effect): an effect (positive = better) in words, such as '8.3 fewer in 100'.
    estimand: what the effect is an effect on, in words.
    example: a plan of this kind; the laws in tests/laws run on it.
    """

    name: str
    values: Literal["binary", "bounded", "count", "time"]
    check_plan: Callable[[Primary], None]
    to_unit: Callable[[Primary, float, float | None], tuple[float, float]]
    from_effect: Callable[[Primary, float], float]
    to_effect: Callable[[Primary, float], float]
    baseline_loss: Callable[[Primary], float]
    spread: Callable[[Primary], float]
    say_effect: Callable[[Primary, float], str]
    estimand: Callable[[Primary], str]
    example: Primary


def refuse_unused(primary: Primary, *allowed: str) -> None:
    """Raises ProtocolError when the plan sets a key that means nothing for its kind."""
    for key in ("bounds", "sd", "exposure", "event"):
        if key not in allowed and getattr(primary, key) is not None:
            raise ProtocolError(f"primary.{key} means nothing for the kind {primary.kind}, must be left out.")


def finite(primary: Primary, value: float) -> float:
    """The value, or a DataError when it is NaN or infinite."""
    if not math.isfinite(value):
        raise DataError(
            f"{primary.measure} == {value}, must be a finite number. Send the value again, or leave it empty."
        )
    return value


def signed_words(primary: Primary, effect: float) -> tuple[float, str]:
    """The size of an effect and whether that is 'fewer' or 'more' of the measure."""
    raw = -effect if primary.better == "lower" else effect
    return abs(raw), "more" if raw > 0 else "fewer"


CURRENCY = {"USD": "$", "GBP": "£", "EUR": "€"}


def say_amount(primary: Primary, size: float) -> str:
    """An amount in its unit: '$1,530', '4.2 hours'."""
    digits = 0 if size >= 100 or size == round(size) else 1 if size >= 1 else 2
    number = f"{size:,.{digits}f}"
    sign = CURRENCY.get(primary.unit)
    unit = primary.unit.removesuffix("s") if number == "1" else primary.unit
    return f"{sign}{number}" if sign else f"{number} {unit}".strip()
