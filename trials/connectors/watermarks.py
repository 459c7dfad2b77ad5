"""How far a source has been read, as text that gives back the very value: JSON with the value's type beside it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from trials.errors import SourceError

Mark = int | float | Decimal | str | date | datetime

_READERS: dict[str, Callable[[str], Mark]] = {
    "int": int,
    "float": float,
    "decimal": Decimal,
    "text": str,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
}


def to_text(mark: Mark) -> str:
    """The text of a mark; `of_text` gives back an equal value of the same type."""
    return json.dumps({"type": _type(mark), "value": mark.isoformat() if isinstance(mark, date) else str(mark)})


def of_text(text: str) -> Mark:
    """The mark in a text. Raises SourceError when it is none."""
    try:
        found = json.loads(text)
        return _READERS[found["type"]](found["value"])
    except (ValueError, KeyError, TypeError, ArithmeticError):
        raise SourceError("the watermark of the last delivery can't be read, must be one that `sql` wrote.") from None


def newer(mark: Mark | None, value: Any, column: str) -> Mark | None:
    """The larger of a mark and a value of its column, None while there is neither. Raises SourceError if they have no order."""
    if value is None:
        return mark
    _type(value, column)
    try:
        return value if mark is None or value > mark else mark
    except TypeError:
        raise SourceError(
            f"the column {column} holds values that can't be compared ({type(mark).__name__}, {type(value).__name__}), "
            "must be of one type to be a watermark."
        ) from None


def _type(mark: Any, column: str = "watermark") -> str:
    """The type's name, the narrow one first: a datetime is a date, too."""
    if isinstance(mark, int) and not isinstance(mark, bool):
        return "int"
    if isinstance(mark, float | Decimal) and math.isfinite(mark):
        return "float" if isinstance(mark, float) else "decimal"
    if isinstance(mark, datetime):
        return "datetime"
    found = "date" if isinstance(mark, date) else "text" if isinstance(mark, str) else None
    if found is None:
        raise SourceError(
            f"the column {column} holds {type(mark).__name__}, must hold numbers, text or times to be a watermark."
        )
    return found
