"""Further columns that the plan knows (`data.fields`): what stands against each cell, in one sentence a row."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from expectations.measures import each, is_missing
from trials.protocol import Field

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:[.][0-9]*)?|[.][0-9]+)(?:[eE][+-]?[0-9]+)?")


def faults(
    fields: Sequence[Field], cells: Mapping[str, list[str]], rows: int, shown: Callable[[str], str]
) -> list[str | None]:
    """Per row what is wrong with its further columns, all of it; None where nothing is. shown: a cell as a sentence has it."""
    found: dict[int, list[str]] = {}
    for field in fields:
        column = cells[field.name]
        often = {cell for cell, count in Counter(column).items() if count > 1} if field.unique else set()
        said = each(column, _reader(field, shown))
        for place, fault in enumerate(said):
            if fault is None and column[place] in often and not is_missing(column[place]):
                fault = f"{field.name} is {shown(column[place])} in several rows: must be in one"
            if fault is not None:
                found.setdefault(place, []).append(fault)
    return ["; ".join(found[place]) if place in found else None for place in range(rows)]


def words(fields: Sequence[Field], column: str) -> tuple[str, ...]:
    """The words that a further column allows; none if it is no such column."""
    return next((field.one_of for field in fields if field.name == column), ())


def _reader(field: Field, shown: Callable[[str], str]) -> Callable[[str], str | None]:
    pattern = None if field.pattern is None else re.compile(field.pattern)

    def fault(cell: str) -> str | None:
        if is_missing(cell):
            return f"{field.name} is missing: must be given" if field.required else None
        if field.one_of and cell not in field.one_of:
            listed = ", ".join(field.one_of[:8]) + (", ..." if len(field.one_of) > 8 else "")
            return f"{field.name} is {shown(cell)}: must be one of {listed}"
        if pattern is not None and not pattern.fullmatch(cell):
            return f"{field.name} is {shown(cell)}: must fit the plan's pattern {field.pattern}"
        if field.between is not None and not _within(cell, field.between):
            low, high = field.between
            return f"{field.name} is {shown(cell)}, out of range: must be a plain number from {low:g} to {high:g}"
        return None

    return fault


def _within(cell: str, limits: tuple[float, float]) -> bool:
    return _NUMBER.fullmatch(cell) is not None and limits[0] <= float(cell) <= limits[1]
