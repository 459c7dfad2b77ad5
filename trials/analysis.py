"""A look: people in the sealed order -> evidence -> verdict. Pure: the ledger hands in what it knows, and the time.

Who counts (docs/statistics.md, "Order, delay, corrections"): the *complete-follow-up prefix*. A person is in the
evidence once their follow-up has closed and everybody before them in the sealed order is settled: outcome known, or
missing by the plan's rule. So neither early events nor quick reporters get ahead of the others, and the evidence is a
function of the ordered people alone: arrival order, re-sent files and when somebody looked leave no trace in it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import gcd
from typing import Any, Literal

from trials import __version__
from trials.evidence import ArmTotal, Evidence, Look
from trials.outcomes import kind_named
from trials.protocol import Protocol, canonical_json, sha256_text
from trials.records import ON_TIME
from trials.sequential import Design, Method, Unit, method_for
from trials.verdict import judge


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a participant's primary outcome. value None = withdrawn. effective_at: when it counts as known."""

    rev: int
    value: float | None
    sent_at: datetime
    effective_at: datetime


@dataclass(frozen=True, slots=True)
class Person:
    order_key: str
    entry_order: int | None
    enrolled_on: date | None
    site: str
    arm: str
    versions: tuple[Version, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far into the sealed order the evidence has read: people so far, the last one's place, the state as JSON."""

    position: int
    cursor_key: str
    state: str


def order_key(protocol: Protocol, enrolled_on: date | None, entry_order: int | None) -> str:
    """A person's place in the sealed order, as text that sorts: day of enrolment (if dated), then allocation number."""
    number = f"{entry_order or 0:012d}"
    return f"{enrolled_on.isoformat()}|{number}" if protocol.dated and enrolled_on is not None else number


def design_of(protocol: Protocol) -> Design:
    """The plan on the unit scale on which its method works. Blocks are the smallest that keep the allocation ratio."""
    primary = protocol.primary
    kind = kind_named(primary.kind)
    treated, control = protocol.treatment.allocation, protocol.control.allocation
    divisor = gcd(treated, control)
    return Design(
        n_t=treated // divisor,
        n_c=control // divisor,
        baseline=kind.baseline_loss(primary),
        worthwhile=primary.worthwhile / kind.scale(primary),
        alpha=protocol.monitoring.alpha,
        beta=protocol.monitoring.beta,
        spread=kind.spread(primary),
        several=len(protocol.sites) > 1,
    )


def method_of(protocol: Protocol) -> Method:
    return method_for(protocol.monitoring.method, protocol.primary.kind)


@dataclass(frozen=True, slots=True)
class Settled:
    """A person whose turn has come. value None = missing by the plan's rule. late: later changes, kept but not used."""

    value: float | None
    late: int


def settle(protocol: Protocol, person: Person, as_of: datetime) -> Settled | None:
    """What a person counts as at a time; None while they must be waited for.

    A report from before the follow-up closed says what was known then, so it never counts: "nothing yet" is no outcome.
    """
    due = protocol.due_at(person.enrolled_on)
    if due is not None and as_of < due:
        return None
    known = {version: _known_at(version, due) for version in person.versions}
    known = {version: at for version, at in known.items() if at <= as_of and (due is None or at >= due)}
    if not known:
        closed = due is not None and as_of >= due + protocol.data.report_within_time
        return Settled(None, 0) if closed else None
    first = min(known.values())
    if due is not None and first > due + protocol.data.report_within_time:
        return Settled(None, len(known))
    window_ends = first + protocol.data.correction_window_time
    used = [version for version, at in known.items() if at <= window_ends]
    newest = max(used, key=lambda version: (version.sent_at, version.rev))
    return Settled(newest.value, len(known) - len(used))


def _known_at(version: Version, due: datetime | None) -> datetime:
    return due if due is not None and version.effective_at == ON_TIME else version.effective_at


def _hole_closed(protocol: Protocol, following: Person, as_of: datetime) -> bool:
    """Whether an allocation number that nobody was reported under may be passed over.

    Its holder joined no later than the person after, so it is missing once that person's reporting time is over.
    Without dates nothing tells, and the evidence waits.
    """
    due = protocol.due_at(following.enrolled_on)
    return due is not None and as_of >= due + protocol.data.report_within_time


# Changes whenever the state's shape or meaning does: a state of another format is never read on from.
STATE_FORMAT = 2


def can_resume(progress: Progress) -> bool:
    """Whether this code can read on from a state; if not, the history is folded again, to the same numbers."""
    try:
        state = json.loads(progress.state)
    except ValueError:
        return False
    return isinstance(state, dict) and state.get("format") == STATE_FORMAT


def _fresh(protocol: Protocol) -> dict[str, Any]:
    arms = {arm.id: {"n": 0, "total": 0.0, "missing": 0} for arm in protocol.arms}
    return {
        "format": STATE_FORMAT,
        "arms": arms,
        "late": 0,
        "frontier": 0,
        "ahead": [],
        "unreported": [],
        "method": method_of(protocol).start(design_of(protocol)),
    }


def _holes(state: dict[str, Any], number: int, registered: set[int]) -> list[int]:
    """Allocation numbers before this one that nobody is registered under and that were not passed over yet."""
    return [
        hole
        for hole in range(state["frontier"] + 1, number)
        if hole not in registered and hole not in state["ahead"] and hole not in state["unreported"]
    ]


def _account_for(state: dict[str, Any], number: int, holes: list[int]) -> None:
    """Notes a number and the holes passed over before it; `frontier` = all numbers up to it are accounted for."""
    unreported = {*state["unreported"], *holes} - {number}
    ahead = {*state["ahead"], number}
    frontier = state["frontier"]
    while frontier + 1 in ahead or frontier + 1 in unreported:
        frontier += 1
    state["frontier"] = frontier
    state["ahead"] = sorted(seen for seen in ahead if seen > frontier)
    state["unreported"] = sorted(unreported)


def fold(protocol: Protocol, people: Sequence[Person], progress: Progress | None, as_of: datetime) -> Progress:
    """Reads on along the sealed order as far as everybody is settled. O(new people); resumed = uninterrupted."""
    kind, design, method = kind_named(protocol.primary.kind), design_of(protocol), method_of(protocol)
    state = _fresh(protocol) if progress is None else json.loads(progress.state)
    position, cursor = (0, "") if progress is None else (progress.position, progress.cursor_key)
    units: list[Unit] = []
    registered = {person.entry_order for person in people if person.entry_order is not None}
    for person in people:
        if person.order_key <= cursor:
            continue
        holes = [] if person.entry_order is None else _holes(state, person.entry_order, registered)
        if holes and not _hole_closed(protocol, person, as_of):
            break
        settled = settle(protocol, person, as_of)
        if settled is None:
            break
        if person.entry_order is not None:
            _account_for(state, person.entry_order, holes)
        state["late"] += settled.late
        position += 1
        cursor = person.order_key
        role: Literal["t", "c"] = "c" if person.arm == protocol.control.id else "t"
        stratum = person.site if protocol.sites else ""
        totals = state["arms"][person.arm]
        if settled.value is None:
            totals["missing"] += 1
            units.append(Unit(stratum, role, None))
        else:
            totals["n"] += 1
            totals["total"] += _judged(protocol, settled.value)
            units.append(Unit(stratum, role, kind.to_loss(protocol.primary, settled.value)))
    state["method"] = method.step(design, state["method"], tuple(units))
    return Progress(position, cursor, canonical_json(state))


def _judged(protocol: Protocol, value: float) -> float:
    """A value as it is judged: an amount capped to the plan's bounds, anything else as it is."""
    bounds = protocol.primary.bounds
    return value if bounds is None else min(max(value, bounds[0]), bounds[1])


def evidence_of(protocol: Protocol, progress: Progress) -> Evidence:
    """What the state says, in the measure's own unit."""
    state = json.loads(progress.state)
    scale = kind_named(protocol.primary.kind).scale(protocol.primary)
    reading = method_of(protocol).read(design_of(protocol), state["method"])
    arms = tuple(
        ArmTotal(
            arm.id,
            state["arms"][arm.id]["n"],
            state["arms"][arm.id]["total"],
            state["arms"][arm.id]["missing"],
        )
        for arm in protocol.arms
    )
    return Evidence(
        n=sum(arm.n for arm in arms),
        missing=sum(arm.missing for arm in arms) + len(state["unreported"]),
        claims=reading.claims,
        estimate=_estimate(protocol, arms),
        interval=(
            None if reading.low is None else reading.low * scale,
            None if reading.high is None else reading.high * scale,
        ),
        arms=arms,
    )


def _estimate(protocol: Protocol, arms: tuple[ArmTotal, ...]) -> float | None:
    """Difference of the arms' means, positive = better. None while an arm is empty. Not adjusted for early stopping."""
    by_arm = {arm.arm: arm for arm in arms}
    treated, control = by_arm[protocol.treatment.id], by_arm[protocol.control.id]
    if treated.n == 0 or control.n == 0:
        return None
    difference = treated.total / treated.n - control.total / control.n
    return -difference if protocol.primary.better == "lower" else difference


def analyse(
    protocol: Protocol,
    people: Sequence[Person],
    progress: Progress | None,
    *,
    as_of: datetime,
    batch_seq: int,
    number: int,
    enrolled: int,
    protocol_sha256: str,
) -> tuple[Progress, Look]:
    """One look. `people` in the sealed order: those after the cursor, or everybody when progress is None."""
    after = fold(protocol, people, progress, as_of)
    evidence = evidence_of(protocol, after)
    state = json.loads(after.state)
    waiting = max(enrolled - after.position, 0)
    verdict, sentence = judge(protocol, evidence, enrolled=enrolled, next_due=_next_due(protocol, people, after))
    look = Look(
        trial=protocol.trial,
        number=number,
        as_of=as_of,
        batch_seq=batch_seq,
        n=evidence.n,
        enrolled=enrolled,
        waiting=waiting,
        missing=evidence.missing,
        late_changes=state["late"],
        claims=evidence.claims,
        estimate=evidence.estimate,
        interval=evidence.interval,
        arms=evidence.arms,
        verdict=verdict,
        sentence=sentence,
        protocol_sha256=protocol_sha256,
        code_version=__version__,
        state_sha256=sha256_text(after.state),
    )
    return after, look


def _next_due(protocol: Protocol, people: Sequence[Person], progress: Progress) -> date | None:
    """When the first person who is waited for has completed their follow-up."""
    for person in people:
        if person.order_key > progress.cursor_key:
            due = protocol.due_at(person.enrolled_on)
            return None if due is None else due.date()
    return None
