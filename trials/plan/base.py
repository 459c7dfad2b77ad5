"""What every part of a plan rests on: frozen models in which an unknown key is an error, and durations."""

from __future__ import annotations

import re
from datetime import timedelta

from pydantic import BaseModel, ConfigDict

_DURATION = re.compile(r"^\s*(\d+)\s*(day|week)s?\s*$")


def parse_duration(text: str) -> timedelta:
    """'52 weeks' or '28 days' as a timedelta. Months are refused: they have no fixed length."""
    match = _DURATION.match(text)
    if match is None:
        raise ValueError("must be a whole number of days or weeks, such as '28 days' or '52 weeks'")
    number, unit = int(match.group(1)), match.group(2)
    if number > 5_000:
        raise ValueError("must be at most 5000 days or weeks")
    return timedelta(days=number) if unit == "day" else timedelta(weeks=number)


class Frozen(BaseModel):
    """Base of the plan's parts: immutable, and an unknown key is an error, never a silent loss."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, strict=False, allow_inf_nan=False)
