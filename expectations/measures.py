"""Measured cells -> facts: the primary measure, guardrails and strengths, each with the column that stands beside it.

Facts are held by column, and each distinct cell is read once: a million rows hold few different dates, words and scores.
Every measure has the same facts whatever its kind, so that the values of one beside it go through the suite of their own kind.
Which facts are right is written in suites/*.json.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, TypeVar

from trials import identifiers
from trials.comparing import measured
from trials.connectors.tabular import shorten
from trials.identifiers import births
from trials.protocol import Measure, Protocol

# By fact, one entry a row.
Columns = dict[str, list[Any]]
Cell = TypeVar("Cell", bound=Hashable)
Result = TypeVar("Result")

MISSING_WORDS = frozenset({"", "na", "n/a", "null", "none", "nan", "-", "."})
# A blank says nothing; an outcome is taken back only by this word in its cell.
WITHDRAWN = "withdrawn"


def each(column: Sequence[Cell], read: Callable[[Cell], Result]) -> list[Result]:
    """What each cell reads as; every distinct one is read once, where there are few of them."""
    distinct = set(column)
    if 2 * len(distinct) > len(column):
        return [read(cell) for cell in column]
    found = {cell: read(cell) for cell in distinct}
    return [found[cell] for cell in column]


def columns_of(measure: Measure) -> tuple[str, ...]:
    """The measure's own column, then the one that must stand beside it."""
    return (measure.measure,) if measure.companion is None else (measure.measure, measure.companion)


def data_columns(protocol: Protocol) -> tuple[str, ...]:
    """Every column that a measure of the plan is read from, once each: measures may share an exposure."""
    measures = (protocol.primary, *measured(protocol))
    return tuple(dict.fromkeys(name for measure in measures for name in columns_of(measure)))


def delivered(protocol: Protocol, columns: Collection[str]) -> tuple[Measure, ...]:
    """The guardrails and strengths of which a delivery with these columns says something."""
    return tuple(each for each in measured(protocol) if all(name in columns for name in columns_of(each)))


def not_delivered(protocol: Protocol, columns: Collection[str]) -> tuple[str, ...]:
    """The warnings about guardrails and strengths whose columns a delivery lacks; none when it has them all."""
    known = delivered(protocol, columns)
    kinds = (("guardrail", protocol.guardrails), ("strength", protocol.strengths))
    silent = [(kind, [each for each in measures if each not in known]) for kind, measures in kinds]
    return tuple(_nothing_said(kind, measures, columns) for kind, measures in silent if measures)


def _nothing_said(kind: str, silent: Sequence[Measure], columns: Collection[str]) -> str:
    lacking = dict.fromkeys(name for each in silent for name in columns_of(each) if name not in columns)
    few = len(silent) == 1
    names, missing = ", ".join(each.measure for each in silent), ", ".join(lacking)
    return (
        f"nothing said of the {kind}{'' if few else 's'} {names}: "
        f"no column{'' if len(lacking) == 1 else 's'} {missing} in the header"
    )


# What a sentence may repeat of a cell: short numbers and the days of a trial, however they are mistyped, with a unit, and a
# single word that is one of the plan's or of everyday, or nearly one. Any other may be a name in the wrong column.
_NUMERIC = re.compile(r"[-+0-9.,:/ %eE()'*£$€]{1,30}|[-+]?(?i:inf|infinity|nan)")
_UNIT = (
    r"h|hrs?|hours?|mins?|minutes?|d|days?|w|wks?|weeks?|months?|yrs?|years?|kg|cm|mm?|in|inches|ft|feet|lbs?|points?"
)
_WITH_UNIT = re.compile(rf"[-+]?[0-9][0-9.,]{{0,11}} ?(?i:{_UNIT})[.]?")
_WORD = re.compile(r"([^\W\d_]{1,40})[.?!]?")
_EVERYDAY = (
    *(
        "yes",
        "no",
        "true",
        "false",
        "none",
        "null",
        "nil",
        "missing",
        "unknown",
        "pending",
        "refused",
        "declined",
        "absent",
    ),
    *(
        "blank",
        "empty",
        "error",
        "withdrawn",
        "lost",
        "dead",
        "died",
        "alive",
        "well",
        "zero",
        "one",
        "two",
        "three",
        "many",
    ),
    *(
        "few",
        "some",
        "all",
        "both",
        "other",
        "soon",
        "today",
        "tomorrow",
        "yesterday",
        "later",
        "now",
        "never",
        "always",
    ),
    *("control", "treatment", "intervention", "placebo", "usual", "standard", "care", "new", "old", "active", "pilot"),
    *("total", "sum", "mean", "infinity", "inf", "nan"),
)
_TIME_BEHIND = re.compile(r"[T ]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?Z?$")
_COMPACT_DAY = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})")
_LIKE_A_DAY = re.compile(r"((?:19|20)\d{2})[-/. ]\d{1,2}[-/. ]\d{1,2}|\d{1,2}[-/. ]\d{1,2}[-/. ]((?:19|20)\d{2})")
_LONG_NUMBER = 8
_NEARLY = 0.75


def quoted(cell: str, is_personal: Callable[[str], bool], words: Iterable[str], today: date) -> str:
    """A cell as a sentence shows it. What may name a person, or is a text, is described and not repeated: sentences are stored,
    and outlive the key.

    is_personal: whether a cell is somebody's id or names them. words: the plan's own, its arms and sites among them. today:
    days long before it, as birthdays are, are not repeated.
    """
    if not cell:
        return "blank"
    if is_personal(cell):
        return "somebody's id or name"
    if word := _WORD.fullmatch(cell):
        told = len(cell) <= 2 or _is_nearly(word[1], (*words, *MISSING_WORDS, *_EVERYDAY))
        return f"'{cell}'" if told else f"a word of {len(word[1])} letters"
    if len(cell) > 3 and not any(shape.fullmatch(cell) for shape in (_NUMERIC, _WITH_UNIT)):
        return f"a text of {len(cell)} characters"
    year = _year(cell, today)
    if year is not None:
        return f"'{shorten(cell)}'" if year > today.year - births.YOUNGEST else "a date of long ago"
    digits = _digits(cell)
    return f"'{shorten(cell)}'" if digits < _LONG_NUMBER else f"a number of {digits} digits"


@lru_cache(4096)  # a column that is wrong is wrong in many rows, with few words
def _is_nearly(word: str, words: tuple[str, ...]) -> bool:
    """Whether a word is one of these but for letter case or a slip of the keyboard."""
    low, known = word.casefold(), [one.casefold() for one in words]
    return low in known or bool(difflib.get_close_matches(low, known, n=1, cutoff=_NEARLY))


def _year(cell: str, today: date) -> int | None:
    """The year of a cell that is a date in any of the usual forms, with a time of day behind it or not, though there may be no
    such day; None where it is no date."""
    text = _COMPACT_DAY.sub(r"\1-\2-\3", cell) if _COMPACT_DAY.fullmatch(cell) else _TIME_BEHIND.sub("", cell)
    day, written = births.day_of(text, today), _LIKE_A_DAY.fullmatch(text)
    return day.year if day is not None else int(written[1] or written[2]) if written else None


def _digits(cell: str) -> int:
    """How many digits a number has; those behind its decimal point say nothing of a person."""
    whole = cell.partition(".")[0] if cell.count(".") == 1 else cell
    return sum(map(str.isdigit, whole))


def heading(name: str, known: Collection[str], pattern: str | None) -> str:
    """A column's name as a sentence shows it. One with several digits, or that fits an id, may be a cell of a lost header."""
    if name not in known:
        fits = pattern is not None and any(re.fullmatch(pattern, one) for one in (name, name.upper(), name.lower()))
        if fits or sum(map(str.isdigit, name)) >= 3 or identifiers.holds_identifier(name):
            return f"a name of {len(name)} characters"
    return shorten(name, 40)


def is_missing(cell: str) -> bool:
    return cell.casefold() in MISSING_WORDS


def number(cell: str | None) -> float | None:
    try:
        return None if cell is None else float(cell)
    except ValueError:
        return None


def facts_of(
    measures: Sequence[Measure], cells: Mapping[str, list[str]], not_before: Sequence[str | None]
) -> tuple[Columns, ...]:
    """Per measure, what the rows say of it. not_before: the day after which results may be sent, where it was too early."""
    names = {name for measure in measures for name in columns_of(measure)}
    texts = {name: each(cells[name], lambda cell: None if is_missing(cell) else cell) for name in names}
    return tuple(_facts(measure, measures, cells, texts, not_before) for measure in measures)


def _facts(
    measure: Measure,
    measures: Sequence[Measure],
    cells: Mapping[str, list[str]],
    texts: Mapping[str, list[str | None]],
    not_before: Sequence[str | None],
) -> Columns:
    sent, said, rows = cells[measure.measure], texts[measure.measure], len(not_before)
    withdrawn = each(sent, lambda cell: "yes" if cell.casefold() == WITHDRAWN else None)
    value = said
    if any(withdrawn):
        value = [None if back else text for text, back in zip(said, withdrawn, strict=True)]
    low, high = measure.bounds or (None, None)
    least, most = measure.valid or (None, None)
    return {
        "measure": [measure.measure] * rows,
        "value_text": value,
        "value": each(value, number),
        "sent_value": sent,
        "withdrawn": withdrawn,
        "too_early": [None if text is None else day for text, day in zip(said, not_before, strict=True)]
        if any(not_before)
        else [None] * rows,
        **_beside(measure, measures, cells, texts, value),
        "low": [low] * rows,
        "high": [high] * rows,
        "valid_low": [least] * rows,
        "valid_high": [most] * rows,
        "valid_range": [valid_range(measure)] * rows,
    }


def valid_range(measure: Measure) -> str:
    """The plan's limits of what a value can be at all, in words."""
    low, high = measure.valid or (None, None)
    if low is not None and high is not None:
        return f"from {low:g} to {high:g}"
    return f"{low:g} or more" if low is not None else "" if high is None else f"{high:g} or less"


def _beside(
    measure: Measure,
    measures: Sequence[Measure],
    cells: Mapping[str, list[str]],
    texts: Mapping[str, list[str | None]],
    value: list[str | None],
) -> Columns:
    """What stands beside the values. Beside a blank value it says nothing, unless it stands alone, which is a fault."""
    beside, rows = measure.companion, len(value)
    none: list[Any] = [None] * rows
    if beside is None:
        names = ("companion_text", "companion_value", "companion_lacking", "companion_alone")
        return {"companion": none, "sent_companion": [""] * rows, **dict.fromkeys(names, none)}
    text = [None if one is None else other for one, other in zip(value, texts[beside], strict=True)]
    # A companion that several measures share stands beside whichever of them has a value.
    sharing = [texts[other.measure] for other in measures if beside in columns_of(other)]
    spoken_for = [any(one is not None for one in values) for values in zip(*sharing, strict=True)]
    given = texts[beside]
    taken_back = [sent.casefold() == WITHDRAWN for sent in cells[measure.measure]]
    return {
        "companion": [beside] * rows,
        "sent_companion": cells[beside],
        "companion_text": text,
        "companion_value": each(text, number),
        "companion_lacking": [
            "yes" if one is not None and other is None else None for one, other in zip(value, given, strict=True)
        ],
        "companion_alone": [
            "yes" if other is not None and not back and not stands else None
            for other, back, stands in zip(given, taken_back, spoken_for, strict=True)
        ],
    }


def says_something(facts: Columns) -> list[int]:
    """The rows in which there is anything to judge: a value, a withdrawal, or a companion that stands alone."""
    told = zip(facts["value_text"], facts["withdrawn"], facts["companion_alone"], strict=True)
    return [place for place, one in enumerate(told) if one != (None, None, None)]


def keys(facts: Columns) -> Iterable[tuple[Any, ...]]:
    """What must be the same in two rows that say the same of a measure."""
    names = ("value_text", "withdrawn", "companion_text", "companion_alone")
    return zip(*(facts[name] for name in names), strict=True)
