"""What everybody may read of a finding beyond `rule.veiled`: of safety events no number and no kind, of an arm nothing where
results by arm are kept back; and how near what may be told is to a limit.

Guarantee: of single events everybody is told whether enrolment waits, and nothing else: neither that there was one that it does
not wait for, nor that there was none. The shares are ranges that published steps leave open (`releases`), so they say no more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from trials.feasibility import Facts as Counted
from trials.protocol import Protocol
from trials.stopping.planned import Against
from trials.stopping.rule import LEVELS, Finding, Level, RuleClaim, share_text

WAITS = "Enrolment is stopped, or waits for the safety steward."
GOES_ON = "No safety event keeps people from being enrolled."
# How rules say that they have judged nothing so far; read off the told sentence, so that it tells no more than that does.
_UNJUDGED = (
    "nothing can be said yet",
    "nothing is said yet",
    "is judged from",
    "is not judged",
    "nobody is treated yet",
    "nobody has reported",
    "nobody has joined yet",
)
AT_ONCE = "a death or a life-threatening event stops enrolment until the safety steward has judged it"


@dataclass(frozen=True, slots=True)
class Near:
    """How near something is to its limit: it lies between low and high, by what may be told; all are shares of one whole."""

    low: float
    high: float
    limit: float
    words: str


def for_everybody(protocol: Protocol, findings: Iterable[Finding], *, arms: bool) -> tuple[Finding, ...]:
    """Veiled findings as everybody may read them, worst first. arms: whether results by arm may be shown."""
    found = [one for one in findings if one.rule != "safety_event"]
    if not arms:
        found = _without_arms(protocol, found)
    events = [one for one in findings if one.rule == "safety_event"]
    waits = any(one.level == "stop" for one in events)
    claim = RuleClaim("no event stops the trial", 0.0, untold=waits, reason="the events are for the safety steward")
    level: Level = "stop" if waits else "fine"
    found.append(Finding("safety_event", "safety", level, WAITS if waits else GOES_ON, AT_ONCE, claim))
    return tuple(sorted(found, key=lambda one: LEVELS.index(one.level)))


def _without_arms(protocol: Protocol, findings: Iterable[Finding]) -> list[Finding]:
    """A guardrail once for all arms, at its worst level, without the arm's name."""
    kept: dict[tuple[str, str], Finding] = {}
    for one in findings:
        about, said = one.about, one.sentence
        if one.rule == "guardrail":
            about = about.partition(" (")[0]
            for arm in protocol.treatments:
                said = said.replace(f" in {arm.id}", "")
            one = replace(one, about=about, sentence=said, claim=replace(one.claim, crossed_at=None))
        before = kept.get((one.rule, about))
        if before is None or LEVELS.index(one.level) < LEVELS.index(before.level):
            kept[one.rule, about] = one
    return list(kept.values())


def unjudged(finding: Finding) -> bool:
    """Whether a finding as everybody may read it is in order only because nothing was judged yet."""
    return finding.level == "fine" and any(words in finding.sentence.lower() for words in _UNJUDGED)


def near(finding: Finding, protocol: Protocol, pace: Against | None, worst: Counted, best: Counted) -> Near | None:
    """How near the finding's figure is to its limit, by what may be told; None where nothing may. worst, best: what published
    steps leave open (`trials.store.feasible.facts_between`)."""
    stopping = protocol.stopping
    if finding.rule == "recruitment" and pace is not None and pace.standing != "not yet":
        due = pace.plan.now
        low, high = pace.least / due, pace.most / due
        return Near(low, high, 1.0, f"{_range(low, high)} of those planned by {pace.plan.until}")
    quality = None if stopping is None else stopping.data_quality
    if quality is None:
        return None
    if finding.rule == "missing" and worst.settled and best.settled:
        low, high = 1 - best.with_outcome / best.settled, 1 - worst.with_outcome / worst.settled
        return Near(low, high, quality.missing_at_most, f"{_range(low, high)} are missing")
    if finding.rule == "set_aside" and best.rows and worst.rows:
        low, high = best.set_aside / best.rows, worst.set_aside / worst.rows
        return Near(low, high, quality.set_aside_at_most, f"{_range(low, high)} of all rows were set aside")
    return None


def _range(low: float, high: float) -> str:
    """'5 % to 7 %', in whole per cent, outwards where they differ."""
    first, last = share_text(math.floor(100 * low + 1e-9) / 100), share_text(math.ceil(100 * high - 1e-9) / 100)
    return first if first == last else f"{first} to {last}"
