"""Who counts, and as what: a person's turn in the sealed order, and the value that they are settled with.

The *complete-follow-up prefix* (docs/statistics.md, "Order, delay, corrections"): a person is in the evidence once their
follow-up has closed and everybody before them in the sealed order is settled: outcome known, or missing by the plan's
rule. Allocation numbers have no holes: one that nobody is registered under is waited for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from trials.protocol import Protocol
from trials.records import ON_TIME


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a participant's value of one measure. value None = withdrawn. effective_at: when it counts as known."""

    rev: int
    value: float | None
    sent_at: datetime
    effective_at: datetime
    companion: float | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """One participant in the sealed order. versions: of the primary measure; guardrails: of each guardrail measure."""

    order_key: str
    entry_order: int | None
    enrolled_on: date | None
    site: str
    arm: str
    versions: tuple[Version, ...]
    guardrails: Mapping[str, tuple[Version, ...]] = field(default_factory=dict)


def order_key(protocol: Protocol, enrolled_on: date | None, entry_order: int | None) -> str:
    """A person's place in the sealed order, as text that sorts: day of enrolment (if dated), then allocation number."""
    number = f"{entry_order or 0:012d}"
    return f"{enrolled_on.isoformat()}|{number}" if protocol.dated and enrolled_on is not None else number


@dataclass(frozen=True, slots=True)
class Settled:
    """A person whose turn has come. value None = missing by the plan's rule. late: later changes, kept but not used.

    guardrails: (value, companion) of each guardrail measure that was known in time.
    """

    value: float | None
    late: int
    companion: float | None = None
    guardrails: Mapping[str, tuple[float, float | None]] = field(default_factory=dict)


def settle(protocol: Protocol, person: Person, as_of: datetime, *, lock: bool = True) -> Settled | None:
    """What a person counts as at a time; None while they must be waited for.

    A report from before the follow-up closed says what was known then, so it never counts: "nothing yet" is no outcome.
    lock False: changes from after the correction window are used too (the sensitivity analysis).
    """
    due = protocol.due_at(person.enrolled_on)
    if due is not None and as_of < due:
        return None
    known = _known(person.versions, due, as_of)
    closes = None if due is None else due + protocol.data.report_within_time
    if not known:
        if closes is None or as_of < closes:
            return None
        return Settled(None, 0, None, _guardrails(protocol, person, due, as_of, closes))
    first = min(known.values())
    if closes is not None and first > closes:
        if lock:
            return Settled(None, len(known), None, _guardrails(protocol, person, due, as_of, closes))
        window_ends = as_of
    else:
        window_ends = first + protocol.data.correction_window_time if lock else as_of
    newest, late = _newest(known, window_ends)
    return Settled(newest.value, late, newest.companion, _guardrails(protocol, person, due, as_of, window_ends))


def _known(versions: tuple[Version, ...], due: datetime | None, as_of: datetime) -> dict[Version, datetime]:
    """The versions known by then, each with the time from which it was; those from before the close left out."""
    known = {version: _known_at(version, due) for version in versions}
    return {version: at for version, at in known.items() if at <= as_of and (due is None or at >= due)}


def _newest(known: Mapping[Version, datetime], window_ends: datetime) -> tuple[Version, int]:
    used = [version for version, at in known.items() if at <= window_ends]
    return max(used, key=lambda version: (version.sent_at, version.rev)), len(known) - len(used)


def _guardrails(
    protocol: Protocol, person: Person, due: datetime | None, as_of: datetime, window_ends: datetime
) -> dict[str, tuple[float, float | None]]:
    """The guardrail values that were known when the outcome locked; a later one is left out, as a late outcome is."""
    found = {}
    for guardrail in protocol.guardrails:
        known = _known(person.guardrails.get(guardrail.measure, ()), due, min(as_of, window_ends))
        if known:
            newest, _ = _newest(known, window_ends)
            if newest.value is not None:
                found[guardrail.measure] = (newest.value, newest.companion)
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
    return [
        hole
        for hole in range(state["frontier"] + 1, number)
        if hole not in registered and hole not in state["ahead"] and hole not in state["unreported"]
    ]


def account_for(state: dict[str, Any], number: int, passed_over: list[int]) -> None:
    """Notes a number and the holes passed over before it; `frontier` = all numbers up to it are accounted for."""
    unreported = {*state["unreported"], *passed_over} - {number}
    ahead = {*state["ahead"], number}
    frontier = state["frontier"]
    while frontier + 1 in ahead or frontier + 1 in unreported:
        frontier += 1
    state["frontier"] = frontier
    state["ahead"] = sorted(seen for seen in ahead if seen > frontier)
    state["unreported"] = sorted(unreported)
