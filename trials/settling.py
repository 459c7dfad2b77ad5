"""Who counts, and as what: a person's turn in the sealed order, and the value that they are settled with.

The *complete-follow-up prefix* (docs/statistics.md, "Order, delay, corrections"): a person is in the evidence once their
follow-up has closed and everybody before them in the sealed order is settled: outcome known, or missing by the plan's
rule. Allocation numbers have no holes: one that nobody is registered under is waited for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from trials.comparing import measured
from trials.protocol import Protocol
from trials.records import ON_TIME


class Version(NamedTuple):
    """One version of a participant's value of one measure. value None = withdrawn. effective_at: when it counts as known."""

    rev: int
    value: float | None
    sent_at: datetime
    effective_at: datetime
    companion: float | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """One participant in the sealed order. versions: of the primary measure; guardrails: of each guardrail measure.

    without: the arms that had been dropped when they joined, so that nobody after them enters these either.
    """

    order_key: str
    entry_order: int | None
    enrolled_on: date | None
    site: str
    arm: str
    versions: tuple[Version, ...]
    guardrails: Mapping[str, tuple[Version, ...]] = field(default_factory=dict)
    without: frozenset[str] = frozenset()


def order_key(protocol: Protocol, enrolled_on: date | None, entry_order: int | None) -> str:
    """A person's place in the sealed order, as text that sorts: day of enrolment (if dated), then allocation number."""
    number = f"{entry_order or 0:012d}"
    return f"{enrolled_on.isoformat()}|{number}" if protocol.dated and enrolled_on is not None else number


# Most people have nothing there; shared, and nobody can write into it.
_NONE: Mapping[str, tuple[float, float | None]] = MappingProxyType({})


class Settled(NamedTuple):
    """A person whose turn has come. value None = missing by the plan's rule. late: later changes, kept but not used.

    guardrails: (value, companion) of each guardrail measure that was known in time.
    """

    value: float | None
    late: int
    companion: float | None = None
    guardrails: Mapping[str, tuple[float, float | None]] = _NONE


class Terms:
    """A plan's times, worked out once for all its people."""

    def __init__(self, protocol: Protocol) -> None:
        self.report_within = protocol.data.report_within_time
        self.correction_window = protocol.data.correction_window_time
        self.guardrails = tuple(one.measure for one in measured(protocol))
        self._protocol = protocol
        self._due: dict[date | None, datetime | None] = {}

    def due_at(self, enrolled_on: date | None) -> datetime | None:
        """`Protocol.due_at`, once for each day."""
        if enrolled_on not in self._due:
            self._due[enrolled_on] = self._protocol.due_at(enrolled_on)
        return self._due[enrolled_on]


def settle(
    protocol: Protocol, person: Person, as_of: datetime, *, lock: bool = True, terms: Terms | None = None
) -> Settled | None:
    """What a person counts as at a time; None while they must be waited for.

    A report from before the follow-up closed says what was known then, so it never counts: "nothing yet" is no outcome.
    lock False: changes from after the correction window are used too (the sensitivity analysis).
    terms: the plan's, where many people are settled.
    """
    terms = Terms(protocol) if terms is None else terms
    due = terms.due_at(person.enrolled_on)
    if due is not None and as_of < due:
        return None
    closes = None if due is None else due + terms.report_within
    if len(person.versions) == 1 and not terms.guardrails:  # most people; what follows would say the same, more slowly
        only = person.versions[0]
        at = _known_at(only, due)
        if at <= as_of and (due is None or closes is None or due <= at <= closes):
            return Settled(only.value, 0, only.companion)
    known = _known(person.versions, due, as_of)
    if not known:
        if closes is None or as_of < closes:
            return None
        return Settled(None, 0, None, _guardrails(terms, person, due, as_of, closes))
    first = known[0][1] if len(known) == 1 else min(at for _, at in known)
    if closes is not None and first > closes:
        if lock:
            return Settled(None, len(known), None, _guardrails(terms, person, due, as_of, closes))
        window_ends = as_of
    else:
        window_ends = first + terms.correction_window if lock else as_of
    newest, late = _newest(known, window_ends)
    return Settled(newest.value, late, newest.companion, _guardrails(terms, person, due, as_of, window_ends))


def _known(versions: tuple[Version, ...], due: datetime | None, as_of: datetime) -> list[tuple[Version, datetime]]:
    """The versions known by then, each with the time from which it was; those from before the close left out."""
    known = [(version, _known_at(version, due)) for version in versions]
    return [(version, at) for version, at in known if at <= as_of and (due is None or at >= due)]


def _newest(known: Sequence[tuple[Version, datetime]], window_ends: datetime) -> tuple[Version, int]:
    if len(known) == 1:  # the first is never later than the window that it opens
        return known[0][0], 0
    used = [version for version, at in known if at <= window_ends]
    return max(used, key=lambda version: (version.sent_at, version.rev)), len(known) - len(used)


def _guardrails(
    terms: Terms, person: Person, due: datetime | None, as_of: datetime, window_ends: datetime
) -> Mapping[str, tuple[float, float | None]]:
    """The guardrail values that were known when the outcome locked; a later one is left out, as a late outcome is."""
    if not terms.guardrails:
        return _NONE
    found = {}
    for measure in terms.guardrails:
        known = _known(person.guardrails.get(measure, ()), due, min(as_of, window_ends))
        if known:
            newest, _ = _newest(known, window_ends)
            if newest.value is not None:
                found[measure] = (newest.value, newest.companion)
    return found


def _known_at(version: Version, due: datetime | None) -> datetime:
    return due if due is not None and version.effective_at == ON_TIME else version.effective_at


def hole_closed(protocol: Protocol, following: Person, as_of: datetime) -> bool:
    """Whether an allocation number that nobody was reported under may be passed over.

    Its holder joined no later than the person after, so it is missing once that person's reporting time is over.
    Without dates nothing tells, and the evidence waits.
    """
    due = protocol.due_at(following.enrolled_on)
    return due is not None and as_of >= due + protocol.data.report_within_time


def holes(state: dict[str, Any], number: int, registered: set[int]) -> list[int]:
    """Allocation numbers before this one that nobody is registered under and that were not passed over yet."""
    if number == state["frontier"] + 1:
        return []
    return [
        hole
        for hole in range(state["frontier"] + 1, number)
        if hole not in registered and hole not in state["ahead"] and hole not in state["unreported"]
    ]


def account_for(state: dict[str, Any], number: int, passed_over: list[int]) -> None:
    """Notes a number and the holes passed over before it; `frontier` = all numbers up to it are accounted for."""
    if number == state["frontier"] + 1 and not (passed_over or state["ahead"] or state["unreported"]):
        state["frontier"] = number
        return
    unreported = {*state["unreported"], *passed_over} - {number}
    ahead = {*state["ahead"], number}
    frontier = state["frontier"]
    while frontier + 1 in ahead or frontier + 1 in unreported:
        frontier += 1
    state["frontier"] = frontier
    state["ahead"] = sorted(seen for seen in ahead if seen > frontier)
    state["unreported"] = sorted(unreported)
