"""What an outcome kind is: a value with the few functions by which kinds differ."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from trials.errors import DataError
from trials.protocol import Primary

MINUS = "\u2212"


@dataclass(frozen=True, slots=True)
class Kind:
    """One outcome kind.

    values: 'binary' when every unit value is 0 or 1 (evidence then depends on counts alone), else 'bounded'.
    check_plan(primary): raises ProtocolError when the plan can't be judged as this kind.
    to_loss(primary, value): the value on the unit scale [0, 1] where lower is better. DataError when it means nothing.
    scale(primary): an effect on the unit scale times this is the effect in the measure's own unit.
    baseline_loss(primary): the plan's baseline on the unit scale.
    spread(primary): first guess of one value's variance on the unit scale.
    say_effect(primary, effect): an effect (positive = better) in words, such as '8.3 fewer in 100'.
    estimand: what the effect is an effect on, in words.
    example: a plan of this kind; the laws in tests/laws run on it.
    """

    name: str
    values: Literal["binary", "bounded"]
    check_plan: Callable[[Primary], None]
    to_loss: Callable[[Primary, float], float]
    scale: Callable[[Primary], float]
    baseline_loss: Callable[[Primary], float]
    spread: Callable[[Primary], float]
    say_effect: Callable[[Primary, float], str]
    estimand: Callable[[Primary], str]
    example: Primary


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
