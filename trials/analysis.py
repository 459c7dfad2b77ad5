"""A look: people in the sealed order -> evidence -> verdict. Pure: the ledger hands in what it knows, and the time.

The evidence is a function of the ordered people alone (`settling.py` says who counts): arrival order, re-sent files and
when somebody looked leave no trace in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from trials import __version__, comparing, labelling, placing, rules
from trials.comparing import Entry, design_of, method_of
from trials.disclosure import LIMIT
from trials.evidence import ArmTotal, Claim, Comparison, Evidence, Guarded, Interval, Look, Sensitivity
from trials.outcomes import kind_named
from trials.protocol import Arm, Protocol, canonical_json, sha256_text
from trials.sequential import Reading, family
from trials.sequential.operating.adjusted import bias_adjusted
from trials.settling import Person, Settled, Terms, Version, account_for, hole_closed, holes, order_key, settle
from trials.sharing import strengths
from trials.verdict import Held, judge, outlook

__all__ = [
    "Person",
    "Progress",
    "Version",
    "analyse",
    "can_resume",
    "design_of",
    "evidence_of",
    "fold",
    "method_of",
    "order_key",
    "reported_after_all",
    "settle",
]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far into the sealed order the evidence has read: people so far, the last one's place, the state as JSON."""

    position: int
    cursor_key: str
    state: str


# Changes whenever the state's shape or meaning does: a state of another format is never read on from.
STATE_FORMAT = 6


def can_resume(progress: Progress) -> bool:
    """Whether this code can read on from a state; if not, the history is folded again, to the same numbers."""
    try:
        state = json.loads(progress.state)
    except ValueError:
        return False
    return isinstance(state, dict) and state.get("format") == STATE_FORMAT


def reported_after_all(protocol: Protocol, progress: Progress, people: Sequence[Person]) -> bool:
    """Whether somebody after the cursor has a number that was passed over as unreported and counted as one of those planned.

    Their tracks hold a place for nobody that is theirs: read on from there they would be counted twice.
    """
    if not comparing.counts_planned(protocol):
        return False
    passed_over = set(json.loads(progress.state)["unreported"])
    return any(person.entry_order in passed_over for person in people)


def _fresh(protocol: Protocol) -> dict[str, Any]:
    return {
        "format": STATE_FORMAT,
        "arms": {arm.id: _nobody() for arm in protocol.arms},
        "strata": {},
        "guarded": {one.measure: {arm.id: _nobody() for arm in protocol.arms} for one in protocol.guardrails},
        "late": 0,
        "first": None,
        "stop": None,
        "frontier": 0,
        "ahead": [],
        "unreported": [],
        "tracks": comparing.start(protocol),
        **({"strengths": strengths.start(protocol)} if protocol.strengths else {}),
        **placing.start(protocol),
    }


def _nobody() -> dict[str, Any]:
    return {"n": 0, "total": 0.0, "missing": 0, "exposure": 0.0}


def fold(
    protocol: Protocol, people: Sequence[Person], progress: Progress | None, as_of: datetime, *, lock: bool = True
) -> Progress:
    """Reads on along the sealed order as far as everybody is settled. O(new people); resumed = uninterrupted."""
    state = _fresh(protocol) if progress is None else json.loads(progress.state)
    position, cursor = (0, "") if progress is None else (progress.position, progress.cursor_key)
    before = _copied(state["arms"])
    entries: list[Entry] = []
    registered = {person.entry_order for person in people if person.entry_order is not None}
    gone = {arm for person in people for arm in person.without}
    if gone:
        state["gone"] = sorted(gone.union(state.get("gone", ())))
    terms, add, place = Terms(protocol), _adding(protocol), placing.adding(state)
    for person in people:
        if person.order_key <= cursor:
            continue
        passed = [] if person.entry_order is None else holes(state, person.entry_order, registered)
        if passed and not hole_closed(protocol, person, as_of):
            break
        settled = settle(protocol, person, as_of, lock=lock, terms=terms)
        if settled is None:
            break
        if person.entry_order is not None:
            account_for(state, person.entry_order, passed)
            entries += [comparing.HOLE] * len(passed)
        if state["first"] is None and person.enrolled_on is not None:
            state["first"] = person.enrolled_on.isoformat()
        state["late"] += settled.late
        if place is not None:
            place(person)
        position, cursor = position + 1, person.order_key
        entries.append(_entered(protocol, state, person, settled, add))
        if len(entries) >= AT_ONCE:
            _step(protocol, state, before, entries)
            before, entries = _copied(state["arms"]), []
    _step(protocol, state, before, entries)
    return Progress(position, cursor, canonical_json(state))


# So many people go through the methods together: the same numbers as all at once, in less memory.
AT_ONCE = 65_536


def _step(
    protocol: Protocol, state: dict[str, Any], before: dict[str, dict[str, Any]], entries: Sequence[Entry]
) -> None:
    """Takes settled people into the tracks. before: the arms' totals without them."""
    already = sum(totals["n"] for totals in before.values())
    counted = _running([entry.value is not None for entry in entries], already)
    state["tracks"] = comparing.step(protocol, state["tracks"], entries, counted)
    if protocol.strengths:
        state["strengths"] = strengths.step(protocol, state["strengths"], entries)
    if state["stop"] is None:
        state["stop"] = _stop(protocol, state, before, entries, counted)


def _copied(arms: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {arm: dict(totals) for arm, totals in arms.items()}


def _entered(protocol: Protocol, state: dict[str, Any], person: Person, settled: Settled, add: Adding) -> Entry:
    """Adds a settled person to the arms' totals; the entry for the tracks."""
    entry = Entry(person.site, person.arm, settled.value, settled.companion, settled.guardrails, without=person.without)
    add(state["arms"], entry)
    if len(protocol.sites) > 1:
        if person.site not in state["strata"]:
            state["strata"][person.site] = {arm.id: _nobody() for arm in protocol.arms}
        add(state["strata"][person.site], entry)
    for measure, arms in state["guarded"].items():
        totals = arms[person.arm]
        if measure not in settled.guardrails:
            totals["missing"] += 1
            continue
        value, companion = settled.guardrails[measure]
        totals["n"] += 1
        totals["total"] += value
        totals["exposure"] += companion or 0.0
    return entry


# Adds a settled person to the totals by arm.
Adding = Callable[[dict[str, dict[str, Any]], Entry], None]


def _adding(protocol: Protocol) -> Adding:
    """How a plan's people are added up, worked out once for all of them."""
    values, bounds = kind_named(protocol.primary.kind).values, protocol.primary.bounds
    timed, capped = values == "time", values == "bounded" and bounds is not None

    def add(arms: dict[str, dict[str, Any]], entry: Entry) -> None:
        totals = arms[entry.arm]
        if entry.value is None:
            totals["missing"] += 1
            return
        value, exposure = entry.value, entry.companion or 0.0
        if timed:
            value, exposure = exposure, value  # events, and the time at risk in which they happened
        if capped and bounds is not None:  # an amount is judged capped to the plan's bounds
            value = min(max(value, bounds[0]), bounds[1])
        totals["n"] += 1
        totals["total"] += value
        totals["exposure"] += exposure

    return add


def _running(known: Sequence[bool], start: int) -> list[int]:
    counted = []
    for one in known:
        start += one
        counted.append(start)
    return counted


def _stop(
    protocol: Protocol,
    state: dict[str, Any],
    before: dict[str, dict[str, Any]],
    entries: Sequence[Entry],
    counted: Sequence[int],
) -> dict[str, Any] | None:
    """The arms' totals as they were when the first claim fired; None while none has."""
    readings = readings_of(protocol, state).values()
    fired = [claim.crossed_at_n for reading in readings for claim in reading.claims.values()]
    at = min((n for n in fired if n is not None), default=None)
    if at is None or at not in counted:
        return None
    add = _adding(protocol)
    for entry in entries[: counted.index(at) + 1]:
        if not entry.unreported:
            add(before, entry)
    return {"n": at, "arms": before, "adjusted": _unbiased(protocol, before)}


def readings_of(protocol: Protocol, state: dict[str, Any]) -> dict[str, Reading]:
    """What the primary measure's track says, by treatment arm."""
    members = comparing.members_of(protocol)
    if members:
        return family.read(members, state["tracks"]["primary"])
    reading = method_of(protocol).read(design_of(protocol), state["tracks"]["primary"])
    return {protocol.treatments[0].id: reading}


def evidence_of(
    protocol: Protocol, progress: Progress, *, enrolled: int = 0, as_of: datetime | None = None
) -> Evidence:
    """What the state says, in the measure's own unit. enrolled, as_of: for the rules beside the statistics."""
    state = json.loads(progress.state)
    arms, strata = _arm_totals(protocol, state["arms"], _exposed(protocol)), _strata(protocol, state)
    readings = readings_of(protocol, state)
    comparisons = tuple(_comparison(protocol, arm, arms, readings[arm.id], strata) for arm in protocol.treatments)
    # An arm that people dropped is shown on and speaks for the trial no more.
    kept = tuple(one for one in comparisons if one.arm not in state.get("gone", ()))
    lead = comparisons[0] if len(comparisons) == 1 else leading(kept)
    adjusted = _adjusted(protocol, state, readings[lead.arm]) if len(comparisons) == 1 else None
    evidence = Evidence(
        n=sum(arm.n for arm in arms),
        missing=sum(arm.missing for arm in arms) + len(state["unreported"]),
        claims=lead.claims if len(comparisons) == 1 else of_all(kept),
        estimate=lead.estimate,
        interval=lead.interval,
        arms=arms,
        adjusted=adjusted,
        comparisons=comparisons if len(comparisons) > 1 else (),
        guardrails=_guarded(protocol, state),
        basis=method_of(protocol).evidence,
        strengths=strengths.read(protocol, state["strengths"]) if protocol.strengths else (),
    )
    evidence = rules.with_concerns(
        protocol,
        evidence,
        enrolled=enrolled,
        first=_first(state),
        as_of=as_of,
        late=state["late"],
        gone=state.get("gone", ()),
    )
    return replace(
        evidence, concerns=(*labelling.concerns_of(protocol), *evidence.concerns, *placing.concerns(protocol, state))
    )


def _first(state: dict[str, Any]) -> date | None:
    return None if state["first"] is None else date.fromisoformat(state["first"])


def _exposed(protocol: Protocol) -> bool:
    """Whether the primary measure's totals stand beside a time or another amount at risk."""
    return kind_named(protocol.primary.kind).values in ("count", "time")


def _arm_totals(protocol: Protocol, totals: dict[str, dict[str, Any]], exposed: bool) -> tuple[ArmTotal, ...]:
    return tuple(
        ArmTotal(
            arm.id,
            totals[arm.id]["n"],
            totals[arm.id]["total"],
            totals[arm.id]["missing"],
            totals[arm.id]["exposure"] if exposed else None,
        )
        for arm in protocol.arms
    )


def _strata(protocol: Protocol, state: dict[str, Any]) -> tuple[tuple[ArmTotal, ...], ...]:
    """The arms' totals in each site; empty when there is one site or none, or when arms don't share a site."""
    if comparing.strata(protocol) < 2:
        return ()
    return tuple(_arm_totals(protocol, state["strata"][site], _exposed(protocol)) for site in sorted(state["strata"]))


def _comparison(
    protocol: Protocol,
    arm: Arm,
    arms: tuple[ArmTotal, ...],
    reading: Reading,
    strata: tuple[tuple[ArmTotal, ...], ...],
) -> Comparison:
    primary = protocol.primary
    kind = kind_named(primary.kind)
    low, high = (None if end is None else kind.to_effect(primary, end) for end in (reading.low, reading.high))
    if kind.values == "time":
        estimate = None if reading.estimate is None else kind.to_effect(primary, reading.estimate)
    else:
        estimate = stratified_estimate(protocol, arm, strata) if strata else plain_estimate(protocol, arm, arms)
    return Comparison(arm.id, reading.claims, estimate, (low, high))


def plain_estimate(protocol: Protocol, arm: Arm, arms: tuple[ArmTotal, ...]) -> float | None:
    """Difference of the arms' means (counts: rates), or from the benchmark; positive = better. None while one is empty."""
    by_arm = {total.arm: total for total in arms}
    treated = _mean(by_arm[arm.id])
    control = protocol.primary.baseline if protocol.control is None else _mean(by_arm[protocol.control.id])
    if treated is None or control is None:
        return None
    return control - treated if protocol.primary.better == "lower" else treated - control


def stratified_estimate(protocol: Protocol, arm: Arm, strata: Sequence[tuple[ArmTotal, ...]]) -> float | None:
    """The sites' own estimates, weighted by n_T n_C/(n_T + n_C) (Mantel & Haenszel, 1959); None while no site has one.

    People are compared within their site only, as the evidence does: pooled means would count a difference between
    sites as an effect where the sites' allocation differs.
    """
    total, weights = 0.0, 0.0
    for arms in strata:
        by_arm = {one.arm: _size(one) for one in arms}
        n_t, n_c = by_arm[arm.id], 1.0 if protocol.control is None else by_arm[protocol.control.id]
        found = plain_estimate(protocol, arm, arms)
        if found is not None:
            weight = n_t if protocol.control is None else n_t * n_c / (n_t + n_c)
            total, weights = total + weight * found, weights + weight
    return total / weights if weights > 0 else None


def _size(total: ArmTotal) -> float:
    return float(total.n) if total.exposure is None else total.exposure


def _mean(total: ArmTotal) -> float | None:
    below = total.n if total.exposure is None else total.exposure
    return total.total / below if below > 0 else None


def leading(comparisons: Sequence[Comparison]) -> Comparison:
    """The arm that speaks for a trial with several: one that harms, else one that helps, else the strongest so far."""

    def rank(one: Comparison) -> tuple[bool, bool, float]:
        good = one.claims["benefit"].fired and not one.claims["dud"].fired
        log_e = one.claims["benefit"].log_e
        return one.claims["harm"].fired, good, float("-inf") if log_e is None else log_e

    return max(comparisons, key=rank)


def of_all(comparisons: Sequence[Comparison]) -> dict[str, Claim]:
    """A trial's claims from its arms': harm by any arm, benefit by any that is no dud, dud by every one.

    So the one rule that leads from claims to a verdict holds for any number of arms.
    """
    alive = [one for one in comparisons if not one.claims["dud"].fired] or list(comparisons)
    return {
        "benefit": _strongest([one.claims["benefit"] for one in alive]),
        "dud": _weakest([one.claims["dud"] for one in comparisons]),
        "harm": _strongest([one.claims["harm"] for one in comparisons]),
    }


def _strongest(claims: Sequence[Claim]) -> Claim:
    fired = [claim for claim in claims if claim.crossed_at_n is not None]
    if fired:
        return min(fired, key=lambda claim: claim.crossed_at_n or 0)
    return max(claims, key=lambda claim: float("-inf") if claim.log_e is None else claim.log_e)


def _weakest(claims: Sequence[Claim]) -> Claim:
    if all(claim.fired for claim in claims):
        return max(claims, key=lambda claim: claim.crossed_at_n or 0)
    standing = [claim for claim in claims if not claim.fired]
    return min(standing, key=lambda claim: float("-inf") if claim.log_e is None else claim.log_e)


def _guarded(protocol: Protocol, state: dict[str, Any]) -> tuple[Guarded, ...]:
    found = []
    for name, track in (("guardrails", comparing.guardrails_of(protocol)), ("burden", comparing.burdens_of(protocol))):
        if not track:
            continue
        readings = family.read([one.member for one in track], state["tracks"][name])
        for one in track:
            totals = _arm_totals(protocol, state["guarded"][one.measure], one.primary.exposure is not None)
            claim = readings[one.member.name].claims["breach"]
            found.append(Guarded("burden" if one.alone else one.measure, one.arm.id, claim, totals))
    return tuple(found)


def _adjusted(protocol: Protocol, state: dict[str, Any], reading: Reading) -> float | None:
    """The estimate at the stop without the bias of stopping there; None before a claim has fired."""
    stop = state["stop"]
    if stop is None or sum(claim.fired for claim in reading.claims.values()) > 1:
        return None  # after a second claim the first stop is no longer where the trial ended
    if method_of(protocol).evidence == "boundaries":
        kind = kind_named(protocol.primary.kind)
        return None if reading.estimate is None else kind.to_effect(protocol.primary, reading.estimate)
    found: float | None = stop["adjusted"]
    return found


def _unbiased(protocol: Protocol, totals: dict[str, dict[str, Any]]) -> float | None:
    """Whitehead's estimate from the arms' totals at the stop; kept in the state, as it takes longer than a look."""
    primary = protocol.primary
    kind = kind_named(primary.kind)
    if kind.values != "binary" or protocol.design == "multi_arm" or method_of(protocol).evidence == "boundaries":
        return None
    arms = _arm_totals(protocol, totals, False)
    estimate = plain_estimate(protocol, protocol.treatments[0], arms)
    if estimate is None:
        return None
    control = kind.baseline_loss(primary)
    if protocol.control is not None:
        seen = next(total for total in arms if total.arm == protocol.control.id)
        control = seen.total / seen.n if primary.better == "lower" else 1 - seen.total / seen.n
    found = bias_adjusted(design_of(protocol), estimate=kind.from_effect(primary, estimate), control=control)
    return None if found is None else kind.to_effect(primary, found)


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
    everybody: Callable[[], Sequence[Person]] | None = None,
) -> tuple[Progress, Look]:
    """One look. `people` in the sealed order: those after the cursor, or everybody when progress is None.

    everybody: all people, asked for only when there are late changes, to say what they would alter.
    """
    after = fold(protocol, people, progress, as_of)
    evidence = evidence_of(protocol, after, enrolled=enrolled, as_of=as_of)
    state = json.loads(after.state)
    waiting = max(enrolled - after.position, 0)
    next_due = _next_due(protocol, people, after)
    verdict, sentence = judge(
        protocol, evidence, enrolled=enrolled, next_due=next_due, held=_held(protocol, people, after, evidence, as_of)
    )
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
        outlook=outlook(protocol, evidence),
        adjusted=evidence.adjusted,
        comparisons=evidence.comparisons,
        guardrails=evidence.guardrails,
        concerns=evidence.concerns,
        basis=evidence.basis,
        sensitivity=_sensitivity(protocol, people, progress, as_of, enrolled, state["late"], everybody),
        strengths=evidence.strengths,
    )
    return after, look


def _sensitivity(
    protocol: Protocol,
    people: Sequence[Person],
    progress: Progress | None,
    as_of: datetime,
    enrolled: int,
    late: int,
    everybody: Callable[[], Sequence[Person]] | None,
) -> Sensitivity | None:
    """The same history with the late changes let in; None when there are none."""
    if late == 0:
        return None
    if progress is not None:
        if everybody is None:
            return None
        people = everybody()
    opened = fold(protocol, people, None, as_of, lock=False)
    evidence = evidence_of(protocol, opened, enrolled=enrolled, as_of=as_of)
    verdict, _ = judge(protocol, evidence, enrolled=enrolled)
    interval: Interval = evidence.interval
    return Sensitivity(verdict, evidence.estimate, interval, late)


def _held(
    protocol: Protocol, people: Sequence[Person], progress: Progress, evidence: Evidence, as_of: datetime
) -> Held | None:
    """The results that are in and wait for somebody who joined earlier; asked only while the trial has too few to speak of."""
    if min(arm.n for arm in evidence.arms) >= LIMIT:
        return None
    waiting = [person for person in people if person.order_key > progress.cursor_key]
    terms = Terms(protocol)
    settled = [settle(protocol, person, as_of, terms=terms) for person in waiting]
    results = sum(one is not None and one.value is not None for one in settled)
    if not results:
        return None
    due = protocol.due_at(waiting[0].enrolled_on)
    return Held(results, None if due is None else (due + terms.report_within).date())


def _next_due(protocol: Protocol, people: Sequence[Person], progress: Progress) -> date | None:
    """When the first person who is waited for has completed their follow-up."""
    for person in people:
        if person.order_key > progress.cursor_key:
            due = protocol.due_at(person.enrolled_on)
            return None if due is None else due.date()
    return None
