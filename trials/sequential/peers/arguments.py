"""What the formulas beside this file accept: finite numbers in their range, refused with one sentence otherwise."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trials.errors import DataError

Floats = NDArray[np.float64]


def real(
    name: str,
    value: float,
    *,
    above: float = -math.inf,
    below: float = math.inf,
    least: float = -math.inf,
    most: float = math.inf,
) -> float:
    """A finite number with above < value < below and least <= value <= most. Raises DataError."""
    number = _number(name, value)
    fits = math.isfinite(number) and above < number < below and least <= number <= most
    if not fits:
        limits = [(above, "above"), (below, "below"), (least, "at least"), (most, "at most")]
        said = [f"{word} {limit:g}" for limit, word in limits if math.isfinite(limit)]
        raise DataError(f"{name} == {value}, must be a finite number{' ' if said else ''}{' and '.join(said)}.")
    return number


def share(name: str, value: float) -> float:
    """A number strictly between 0 and 1: an error rate, a chance. Raises DataError."""
    return real(name, value, above=0.0, below=1.0)


def whole(name: str, value: float, *, least: int = 0, most: int = 1_000_000) -> int:
    """A whole number from least to most. Raises DataError."""
    number = _number(name, value)
    if not math.isfinite(number) or number != int(number) or not least <= number <= most:
        raise DataError(f"{name} == {value}, must be a whole number from {least} to {most:,}.")
    return int(number)


def series(name: str, values: ArrayLike | Sequence[float], *, low: float, high: float) -> Floats:
    """Shape (n,), n >= 1, every value in [low, high]. Raises DataError."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} must be a row of numbers.") from error
    if array.ndim != 1 or array.size == 0:
        raise DataError(f"{name} has shape {array.shape}, must be one row of at least one number.")
    wrong = ~((array >= low) & (array <= high) & np.isfinite(array))  # NaN compares false
    if wrong.any():
        at = int(np.argmax(wrong))
        raise DataError(f"{name}[{at}] == {array[at]}, must be a finite number from {low:g} to {high:g}.")
    return array


def _number(name: str, value: float) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{name} == {value!r}, must be a number.") from error
