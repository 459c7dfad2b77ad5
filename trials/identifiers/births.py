"""Dates of birth: a date beside the word, or a column of dates that lie as far back as people are old."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from trials.identifiers.columns import Column

YOUNGEST, OLDEST = 10, 110

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
_MIDNIGHT = r"(?:[T ]0?0:00(?::00(?:\.0+)?)?Z?)?"
_YEAR_FIRST = re.compile(rf"([0-9]{{4}})([-/. ])([0-9]{{1,2}})\2([0-9]{{1,2}}){_MIDNIGHT}")
_YEAR_LAST = re.compile(rf"([0-9]{{1,2}})([-/. ])([0-9]{{1,2}})\2([0-9]{{4}}|[0-9]{{2}}){_MIDNIGHT}")
_SPELT = re.compile(
    r"([0-9]{1,2})(?:st|nd|rd|th)?[ ./-]{0,2}(?:of )?([a-z]{3})[a-z]{0,6}[ .,/-]{0,2}([0-9]{4}|[0-9]{2})", re.IGNORECASE
)
_SPELT_MONTH_FIRST = re.compile(
    r"([a-z]{3})[a-z]{0,6}[ .-]{1,2}([0-9]{1,2})(?:st|nd|rd|th)?[ ,-]{1,2}([0-9]{4})", re.IGNORECASE
)
_COMPACT = re.compile(r"(1[89][0-9]{2}|20[0-9]{2})([01][0-9])([0-3][0-9])")
BIRTH_WORDS = re.compile(r"birth|born|d\.?o\.?b")
_SAID = re.compile(
    r"\b(?:d\.?o\.?b\.?|date of birth|birth ?date|birthday|born(?: on)?)\W{0,4}(?:is |was |the )?"
    r"(?:[0-9]{1,4}(?:st|nd|rd|th)?(?: of)?[-/. ]{1,2}(?:[0-9]{1,2}|[a-z]{3,9})[-/., ]{1,2}[0-9]{2,4}|[0-9]{8})",
    re.IGNORECASE,
)
# What stands in a date field when nobody knows the date.
_PLACEHOLDERS = frozenset(
    {date(1900, 1, 1), date(1899, 12, 30), date(1899, 12, 31), date(1970, 1, 1), date(1901, 1, 1)}
)
_COULD_BE = re.compile(
    r"0{1,4}[-/. ]0{1,2}[-/. ]0{2,4}(?:[aT ]0?0:00.*)?|0{8}|0{1,2}(?:aa)?[ ./-]{0,2}(?:aa )?a{3,9}[ .,/-]{0,2}0{2,4}"
    r"|a{3,9}[ .-]{1,2}0{1,2}(?:aa)?[ ,-]{1,2}0{4}"
)
# So few numbers like 19850312 may be chance.
FEWEST_COMPACT = 3
NEARLY_ALL = 0.9


def said(text: str) -> bool:
    """Holds a date beside the words date of birth."""
    return _SAID.search(text) is not None


def day_of(text: str, latest: date) -> date | None:
    """The day that a text is, in any of the usual forms, day before month where both could be; None if it is none.

    latest: a year of two digits is the last one of that ending that isn't later.
    """
    if found := _YEAR_FIRST.fullmatch(text):
        return _day(found[1], found[3], found[4], latest)
    if found := _YEAR_LAST.fullmatch(text):
        return _day(found[4], found[3], found[1], latest) or _day(found[4], found[1], found[3], latest)
    if (found := _SPELT.fullmatch(text)) and found[2].lower() in _MONTHS:
        return _day(found[3], str(_MONTHS[found[2].lower()]), found[1], latest)
    if (found := _SPELT_MONTH_FIRST.fullmatch(text)) and found[1].lower() in _MONTHS:
        return _day(found[3], str(_MONTHS[found[1].lower()]), found[2], latest)
    return None


def _day(year: str, month: str, day: str, latest: date) -> date | None:
    number = int(year)
    if len(year) == 2:
        number += latest.year // 100 * 100
        number -= 100 if number > latest.year else 0
    try:
        return date(number, int(month), int(day))
    except ValueError:
        return None


def births(column: Column, joined: date) -> set[str]:
    """The column's cells that are birthdays, if nearly all its dates lie 10 to 110 years before people joined."""
    dates: dict[str, date] = {}
    compact: dict[str, date] = {}
    for cell in column.shaped(_COULD_BE):
        if ":" in cell and "0:00" not in cell:
            continue  # a time of day: nobody's birthday
        text = cell.strip()
        if found := _COMPACT.fullmatch(text):
            day = _day(found[1], found[2], found[3], joined)
            if day is not None:
                compact[cell] = day
        elif (day := day_of(text, joined)) is not None:
            dates[cell] = day
    eights = len(column.shaped(re.compile("0{8}")))
    if len(compact) >= max(FEWEST_COMPACT, NEARLY_ALL * eights):
        dates |= compact
    return _plausible(dates, joined)


def _plausible(dates: dict[str, date], joined: date) -> set[str]:
    known = {cell: day for cell, day in dates.items() if day not in _PLACEHOLDERS}
    old_enough = {cell for cell, day in known.items() if YOUNGEST <= _years(day, joined) <= OLDEST}
    return old_enough if old_enough and len(old_enough) >= NEARLY_ALL * len(known) else set()


def _years(day: date, later: date) -> float:
    return (later - day).days / 365.25


def earliest(cells: Iterable[str], latest: date) -> date | None:
    """The earliest day among the cells; None if none is a day."""
    days = [day for cell in set(cells) if (day := day_of(cell.strip(), latest)) is not None]
    return min(days, default=None)
