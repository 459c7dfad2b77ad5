"""Evidence -> verdict and its one plain sentence. One pure rule; pages, reports and the command read its result.

A claim that fired stays fired (docs/statistics.md, "Claims"), so the verdict can't flip back without new data:
harm stops the trial; dud and benefit together mean "it helps, but by less than was called worthwhile", which people
must weigh; a full trial in which nothing fired has reached its limit and can't tell.
"""

from __future__ import annotations

import math
from datetime import date

from trials.disclosure import LIMIT
from trials.evidence import Evidence, Verdict
from trials.outcomes import kind_named
from trials.protocol import Protocol


def judge(
    protocol: Protocol, evidence: Evidence, *, enrolled: int = 0, next_due: date | None = None
) -> tuple[Verdict, str]:
    """The verdict and its sentence, from the claims and the plan alone.

    enrolled and next_due only colour the sentence of a trial that has too few results to speak of: with a handful of people
    in an arm, what a bet has paid would tell their outcomes.
    """
    benefit, dud, harm = (evidence.claims[name].fired for name in ("benefit", "dud", "harm"))
    if harm:
        return "stop_for_harm", _harm(protocol, evidence)
    if benefit and dud:
        return "cant_tell", _small(protocol, evidence)
    if benefit:
        return "promote", _promote(protocol, evidence)
    if dud:
        return "drop", _drop(protocol, evidence)
    if evidence.n + evidence.missing >= protocol.monitoring.max_participants:
        return "cant_tell", _limit(protocol, evidence)
    if evidence.claims["benefit"].log_e is None or min(arm.n for arm in evidence.arms) < LIMIT:
        return "keep_going", _early(protocol, evidence, enrolled, next_due)
    return "keep_going", _unclear(protocol, evidence)


def count(number: int) -> str:
    """A number of people in a sentence that anybody may read; below 10 it is not given away."""
    return "fewer than 10" if number < LIMIT else f"{number:,}"


def people(number: int) -> str:
    return f"{count(number)} people"


def times(log_e: float) -> str:
    """What a bet has paid, 'to 1': e^log_e with as many digits as anybody needs, rounded down.

    Down, because "20 to 1" beside "we act at 20 to 1" must mean that the claim has fired.
    """
    if log_e >= math.log(1e6):
        return "over 1,000,000"
    tenths = math.floor(math.exp(log_e) * 10 + 1e-9)
    if tenths < 1:
        return "under 0.1"
    return f"{tenths // 10:,}" if tenths >= 100 else f"{tenths / 10:.1f}"


def at_threshold(threshold: float) -> str:
    return f"{threshold:,.0f}" if math.isclose(threshold, round(threshold)) else f"{threshold:,.1f}"


def _say(protocol: Protocol, effect: float | None) -> str:
    return "nothing yet" if effect is None else kind_named(protocol.primary.kind).say_effect(protocol.primary, effect)


def _measure(protocol: Protocol) -> str:
    return protocol.primary.label or protocol.primary.measure


def _estimate(protocol: Protocol, evidence: Evidence) -> str:
    low, high = evidence.interval
    middle = f"{_measure(protocol)}: {_say(protocol, evidence.estimate)}"
    if low is None and high is None:
        return middle
    ends = [("unknown" if end is None else _say(protocol, end)) for end in (low, high)]
    return f"{middle} (plausibly from {ends[0]} to {ends[1]})"


def _paid(evidence: Evidence, claim: str) -> str:
    log_e = evidence.claims[claim].log_e
    return "nothing yet" if log_e is None else f"{times(log_e)} to 1"


def _fired(evidence: Evidence, claim: str) -> str:
    """'reached the 20 to 1 that we agreed to act on after 351 people (94 more have come in since)'."""
    found = evidence.claims[claim]
    at = found.crossed_at_n or 0
    since = f" ({count(evidence.n - at)} more have come in since)" if evidence.n > at else ""
    return f"reached the {at_threshold(found.threshold)} to 1 that we agreed to act on after {people(at)}{since}"


def _harm(protocol: Protocol, evidence: Evidence) -> str:
    if evidence.claims["benefit"].fired:
        return (
            "Stop and tell the safety steward: the effect has changed over time; a bet against 'no benefit' "
            f"{_fired(evidence, 'benefit')}, and one against 'no harm' {_fired(evidence, 'harm')}."
        )
    return (
        f"Stop and tell the safety steward: it does harm; a bet against 'no harm' {_fired(evidence, 'harm')}. "
        f"{_estimate(protocol, evidence)}."
    )


def _small(protocol: Protocol, evidence: Evidence) -> str:
    return (
        f"People must decide: it helps, but by less than the {_say(protocol, protocol.primary.worthwhile)} called "
        f"worthwhile. {_estimate(protocol, evidence)}."
    )


def _promote(protocol: Protocol, evidence: Evidence) -> str:
    return (
        f"Promote: it helps; a bet against 'no benefit' {_fired(evidence, 'benefit')}. {_estimate(protocol, evidence)}."
    )


def _drop(protocol: Protocol, evidence: Evidence) -> str:
    return (
        f"Drop: not worth it; a bet against 'at least {_say(protocol, protocol.primary.worthwhile)}' "
        f"{_fired(evidence, 'dud')}. {_estimate(protocol, evidence)}."
    )


def _limit(protocol: Protocol, evidence: Evidence) -> str:
    planned = people(protocol.monitoring.max_participants)
    full = f"the planned {planned} are in"
    if evidence.missing:
        full = f"everybody of the planned {planned} is in or counted as missing"
    return (
        f"Can't tell: {full}; a bet against 'no benefit' has "
        f"paid {_paid(evidence, 'benefit')}, short of {at_threshold(evidence.claims['benefit'].threshold)}. "
        f"{_estimate(protocol, evidence)}."
    )


def _early(protocol: Protocol, evidence: Evidence, enrolled: int, next_due: date | None) -> str:
    planned = protocol.monitoring.max_participants
    when = "" if next_due is None else f"; the next result is due after {next_due.isoformat()}"
    return f"Too early to say: {people(enrolled)} of {planned:,} have joined, {count(evidence.n)} with a result{when}."


def _unclear(protocol: Protocol, evidence: Evidence) -> str:
    benefit = evidence.claims["benefit"]
    return (
        f"Not yet clear: {count(evidence.n)} of {protocol.monitoring.max_participants:,} people in; a bet against 'no benefit' "
        f"has paid {_paid(evidence, 'benefit')}, and we act at {at_threshold(benefit.threshold)} to 1."
    )
