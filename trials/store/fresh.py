"""The common case of a delivery, by column: people of whom no value is known yet, each named once.

Guarantee: what `taken` takes in and `merge` makes of the rest are together what `merge` makes of the whole
(tests/store/test_fresh.py). A row is left to `merge` as soon as anything about it is not plain: its person or their number
is named twice, has a value, contradicts the register, or the row can't go in at all.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from itertools import compress
from typing import Any

from trials.comparing import beside
from trials.protocol import Protocol
from trials.records import Enrolled, Record, Records
from trials.store.intake import OPEN, Intake
from trials.store.merge import LAST_ENTRY, NOTHING, Reading, effective_at, unfit_values

ENROLLED = ("participant_id", "site", "arm", "enrolled_on", "entry_order", "order_key", "spelling")
OBSERVED = ("measure", "participant_id", "rev", "observed_on", "value", "companion", "sent_at", "effective_at")


def _empty(names: Sequence[str]) -> Callable[[], dict[str, list[Any]]]:
    return lambda: {name: [] for name in names}


@dataclass
class Fresh:
    """What the plain rows of one delivery add, by column, and how they count. changed: as in `merge.Merge`."""

    enrolments: dict[str, list[Any]] = field(default_factory=_empty(ENROLLED))
    versions: dict[str, list[Any]] = field(default_factory=_empty(OBSERVED))
    repetitions: dict[str, dict[str, Reading]] = field(default_factory=dict)
    accepted: int = 0
    duplicates: int = 0
    changed: str | None = None


def taken(
    protocol: Protocol,
    records: Records,
    register: Mapping[str, Enrolled],
    busy: set[str],
    *,
    sent_at: datetime,
    recorded_at: datetime,
    intake: Intake = OPEN,
) -> tuple[Fresh, list[Record]]:
    """What the plain rows add, and the rows that are left to `merge`.

    register, intake: as for `merge`. busy: whoever has a version, or a repetition in a later delivery.
    """
    odd = _odd(protocol, records, register, busy)
    if not intake.open:
        odd |= _refused(records, register, intake)
    if odd:
        rest = [records[place] for place in sorted(odd)]
        records = _without(records, odd)
    else:
        rest = []
    return _fresh(protocol, records, register, sent_at, effective_at(sent_at, recorded_at)), rest


def _odd(protocol: Protocol, records: Records, register: Mapping[str, Enrolled], busy: set[str]) -> set[int]:
    """The places of the rows that are not plain."""
    ids, numbers = records.participant_id, records.entry_order
    arms = {arm.id for arm in protocol.arms}
    odd = {
        *_places(records.arm, lambda arm: arm not in arms),
        *_places(records.site, lambda site: "\x00" in site),
        *_places(numbers, lambda number: number is None or not 1 <= number <= LAST_ENTRY),
        *_twice(ids),
        *_twice(numbers),
        *_infinite(records.value),
        *_infinite(records.companion),
    }
    if "\x00" in "".join(ids):
        odd |= {place for place, name in enumerate(ids) if "\x00" in name}
    if protocol.dated and None in records.enrolled_on:
        odd |= {place for place, day in enumerate(records.enrolled_on) if day is None}
    if busy:
        odd |= {place for place, name in enumerate(ids) if name in busy}
    if register:
        odd |= _against(records, register)
    if records.guardrails:
        odd |= {place for place in records.guardrails if unfit_values(protocol, records[place]) is not None}
    return odd


def _places(cells: Sequence[Any], is_odd: Callable[[Any], bool]) -> set[int]:
    """Where the odd cells stand, judging each different cell once."""
    found = {cell for cell in set(cells) if is_odd(cell)}
    return {place for place, cell in enumerate(cells) if cell in found} if found else set()


def _twice(cells: Sequence[Any]) -> set[int]:
    if len(set(cells)) == len(cells):
        return set()
    several = {cell for cell, times in Counter(cells).items() if times > 1}
    return {place for place, cell in enumerate(cells) if cell in several}


def _infinite(cells: Iterable[float | None]) -> set[int]:
    return {place for place, cell in enumerate(cells) if cell is not None and not math.isfinite(cell)}


def _against(records: Records, register: Mapping[str, Enrolled]) -> set[int]:
    """Where a row differs from what is registered of its person, or a new person comes with somebody else's number."""
    held = {person.entry_order for person in register.values()}
    odd = set()
    columns = (records.participant_id, records.site, records.arm, records.enrolled_on, records.entry_order)
    for place, (name, *row) in enumerate(zip(*columns, strict=True)):
        known = register.get(name)
        if known is None:
            if row[3] in held:
                odd.add(place)
        elif [known.site, known.arm, known.enrolled_on, known.entry_order] != row:
            odd.add(place)
    return odd


def _refused(records: Records, register: Mapping[str, Enrolled], intake: Intake) -> set[int]:
    """Where somebody new is named who may not come in any more."""
    refused = intake.refused(records.enrolled_on)
    return {place for place, name in enumerate(records.participant_id) if refused[place] and name not in register}


def _without(records: Records, odd: set[int]) -> Records:
    keep = [place not in odd for place in range(len(records))]
    names = [one.name for one in fields(Records) if one.name != "guardrails"]
    moved = {old: new for new, old in enumerate(compress(range(len(keep)), keep))} if records.guardrails else {}
    return Records(
        **{name: list(compress(getattr(records, name), keep)) for name in names},  # each keeps its own type
        guardrails={moved[place]: said for place, said in records.guardrails.items() if place in moved},
    )


def _fresh(
    protocol: Protocol, records: Records, register: Mapping[str, Enrolled], sent_at: datetime, when: datetime
) -> Fresh:
    found = Fresh()
    ids = records.participant_id
    places = order_keys(protocol, records.enrolled_on, records.entry_order)
    new = [name not in register for name in ids] if register else [True] * len(ids)
    spelling = [said or None for said in records.spelling]
    where: tuple[Sequence[Any], ...] = (ids, records.site, records.arm)
    order: tuple[Sequence[Any], ...] = (records.enrolled_on, records.entry_order, places, spelling)
    for name, cells in zip(ENROLLED, (*where, *order), strict=True):
        found.enrolments[name] = list(compress(cells, new)) if register else list(cells)
    known = [value is not None for value in records.value]
    _observe(found, protocol.primary.measure, records, known, records.value, records.companion, sent_at, when)
    if True in records.withdrawn:
        for name, value, withdrawn in zip(ids, records.value, records.withdrawn, strict=True):
            if withdrawn and value is None:
                _repeat(found, name, protocol.primary.measure)
    known_at_all = _observe_guardrails(found, protocol, records, known, sent_at, when)
    changes = [one or other for one, other in zip(new, known_at_all, strict=True)]
    found.accepted = sum(changes)
    found.duplicates = len(ids) - found.accepted
    found.changed = min(compress(places, changes), default=None)
    return found


def _repeat(found: Fresh, name: str, measure: str) -> None:
    found.repetitions.setdefault(name, {})[measure] = NOTHING


def order_keys(protocol: Protocol, days: Sequence[date | None], numbers: Sequence[int | None]) -> list[str]:
    """`settling.order_key` for many."""
    if not protocol.dated:
        return [f"{number or 0:012d}" for number in numbers]
    said = {day: "" if day is None else f"{day.isoformat()}|" for day in set(days)}
    return [f"{said[day]}{number or 0:012d}" for day, number in zip(days, numbers, strict=True)]


def _observe(
    found: Fresh,
    measure: str,
    records: Records,
    known: Sequence[bool],
    values: Sequence[float | None],
    companions: Sequence[float | None],
    sent_at: datetime,
    when: datetime,
) -> None:
    """First versions of one measure."""
    count = sum(known)
    cells: tuple[Iterable[Any], ...] = (
        [measure] * count,
        compress(records.participant_id, known),
        [1] * count,
        compress(records.observed_on, known),
        compress(values, known),
        compress(companions, known),
        [sent_at] * count,
        [when] * count,
    )
    for name, column in zip(OBSERVED, cells, strict=True):
        found.versions[name].extend(column)


def _observe_guardrails(
    found: Fresh, protocol: Protocol, records: Records, known: Sequence[bool], sent_at: datetime, when: datetime
) -> Sequence[bool]:
    """First versions of guardrail measures; whose rows bring any value at all."""
    if not records.guardrails:
        return known
    any_known, count = list(known), len(records)
    for guardrail in beside(protocol):
        values: list[float | None] = [None] * count
        companions: list[float | None] = [None] * count
        for place, said in records.guardrails.items():
            for one in said:
                if one.measure != guardrail.measure:
                    continue
                if one.value is not None:
                    values[place], companions[place], any_known[place] = one.value, one.companion, True
                elif one.withdrawn:
                    _repeat(found, records.participant_id[place], one.measure)
        brought = [value is not None for value in values]
        _observe(found, guardrail.measure, records, brought, values, companions, sent_at, when)
    return any_known
