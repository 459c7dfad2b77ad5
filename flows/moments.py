"""Dates and times as people write them on the command line."""

from __future__ import annotations

from datetime import UTC, date, datetime, time


def parse_time(text: str | None, option: str, why: str = ": nobody can be waited for after it") -> datetime | None:
    """A date or time of the command line as aware UTC; a date alone means its end, so that the day counts as over.

    why: why it must not lie in the future, as the sentence goes on.
    """
    from trials.errors import RoadtestError

    if text is None:
        return None
    now = datetime.now(UTC)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    try:
        parsed = datetime.fromisoformat(text) if day is None else datetime.combine(day, time(23, 59, 59))
        parsed = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise RoadtestError(f"{option} == {text!r}, must be an ISO date or time. Write 2024-07-01.") from None
    if day == now.date():
        return now
    if parsed > now:
        raise RoadtestError(f"{option} == {text!r}, must not lie in the future{why}.")
    return parsed
