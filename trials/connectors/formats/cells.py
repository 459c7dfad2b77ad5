"""Values of typed sources (JSON, Parquet, Excel, SQL) -> the text of a cell, losing nothing and guessing nothing.

Nothing is "", a whole number has no ".0", a day is YYYY-MM-DD, also as its midnight; a time stays an ISO time, a list
stays a list, so that the checks set the row aside.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

# Above this a float is no longer sure to be the whole number that was meant.
_SURE = 2.0**53
# A decimal of more digits than this keeps its exponent.
_MOST_DIGITS = 400


class Number(str):
    """A number that is kept as it was written."""

    __slots__ = ()


def text_of(value: Any) -> str:
    """The text of one value. Raises UnicodeDecodeError for bytes that are no UTF-8."""
    match value:
        case None:
            return ""
        case Number():
            return _written(value)
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case float():
            return _float(value)
        case Decimal():
            return _decimal(value)
        case datetime():
            return value.date().isoformat() if value.time() == time() else value.isoformat()
        case date() | time():
            return value.isoformat()
        case bytes():
            return value.decode("utf-8")
        case Mapping() | list() | tuple():
            return json_text(value)
    return str(value)


def json_text(value: Any) -> str:
    """A list, a mapping or a list of pairs as JSON, its numbers as they were written."""
    match value:
        case Pairs():
            return "{" + ", ".join(f"{_quoted(key)}: {json_text(inner)}" for key, inner in value) + "}"
        case Mapping():
            return "{" + ", ".join(f"{_quoted(str(key))}: {json_text(inner)}" for key, inner in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(json_text(inner) for inner in value) + "]"
        case None:
            return "null"
        case Number() | bool() | int() | float() | Decimal():
            return text_of(value)
    return _quoted(text_of(value))


class Pairs(list[tuple[str, Any]]):
    """A JSON object as it was sent: a key may stand twice."""


def _quoted(text: str) -> str:
    return json.dumps(text)


def _written(number: Number) -> str:
    """The number as it was written; a whole one that was written as a fraction (68.0, 1e2) without it."""
    plain = str(number)
    if plain.lstrip("-").isdecimal() or plain in ("NaN", "Infinity", "-Infinity"):
        return plain
    value = float(plain)
    return _float(value) if abs(value) < _SURE and value.is_integer() and (value or _is_zero(plain)) else plain


def _is_zero(written: str) -> bool:
    """Whether a number reads as 0 because it is, not because it is too small for a float."""
    return not written.lower().partition("e")[0].strip("-0.")


def _float(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return str(int(value)) if abs(value) < _SURE and value.is_integer() else repr(value)


def _decimal(value: Decimal) -> str:
    if not value.is_finite():
        return "NaN" if value.is_nan() else _float(float(value))
    if abs(value.adjusted()) > _MOST_DIGITS:
        return str(value)
    whole = value == value.to_integral_value()
    return format(value.to_integral_value() if whole else value, "f")
