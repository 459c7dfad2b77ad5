"""What a stopping rule is: facts of a trial in, findings out. Pure values; nothing here knows a clock or a database.

A rule's *claim* is an e-process E_t for a null hypothesis "the trial keeps to its plan": P(E_t ever reaches 1/error | the null)
≤ error, however often anybody looks (Ville, 1939). So a rule that is asked at every delivery keeps its error rate, which a
fixed test repeated does not. A finding says what was found in one sentence beside what the plan says.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

from trials.disclosure import safe_count
from trials.evidence import Look
from trials.protocol import Protocol

Code = Literal["recruitment", "burden", "data_quality", "guardrail", "safety"]
Level = Literal["fine", "watch", "stop"]
# Worst first: a limit is passed, people must decide; something to keep an eye on; nothing.
LEVELS: tuple[Level, ...] = ("stop", "watch", "fine")
HIDDEN = "not shown: it rests on so few that it would tell of single ones"
KEPT_BACK = (
    "shown to those who may see small counts: it moves with each person, so that asked again it would tell of them"
)
# Units of claims whose paths run by day instead of by look or delivery.
BY_DAY = ("days", "people treated")
DAYS_A_MONTH = 30.4375


@dataclass(frozen=True, slots=True)
class RuleClaim:
    """The evidence that the trial does not keep to its plan. null: what it speaks against; error: P(it ever fires | null).

    log_e: natural log of the e-process now; p: always-valid p-value; both None, with `reason`, while nothing can be said.
    crossed_on, crossed_at: the day, and the number of `unit`s read, at which E first reached 1/error. untold: it did, on a day
    that is not told.
    """

    null: str
    error: float
    log_e: float | None = None
    p: float | None = None
    crossed_on: date | None = None
    crossed_at: int | None = None
    unit: str = ""
    reason: str | None = None
    untold: bool = False

    @property
    def fired(self) -> bool:
        return self.untold or self.crossed_on is not None


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule says. rule: its name; about: of what, where a rule judges several things (a guardrail, an arm).

    sentence: in plain words; plan: what the plan says. figures: (name, value) beside the sentence. rests_on: the counts that
    somebody could work out from the claim and the figures. told: the sentence for whoever may not see small counts, without
    a number that moves with each person; '' = the same. whole: claim and figures are of nobody in particular, as the rule
    itself sees to.
    """

    rule: str
    code: Code
    level: Level
    sentence: str
    plan: str
    claim: RuleClaim
    about: str = ""
    figures: tuple[tuple[str, float | int | str | None], ...] = ()
    rests_on: tuple[int, ...] = ()
    told: str = ""
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Joined:
    """People who joined a site on a day. treated: those of them in an arm that tries the idea."""

    day: date
    site: str
    people: int
    treated: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one delivery brought: rows that said something new, rows set aside, rows that were known already."""

    day: date
    new: int
    set_aside: int
    known: int


@dataclass(frozen=True, slots=True)
class StaffWeek:
    """One member of staff in one week. staff: a pseudonym. week: its Monday. tenure: weeks of own practice before it."""

    staff: str
    week: date
    tenure: int
    cases: int
    minutes: float


@dataclass(frozen=True, slots=True)
class Event:
    """A safety event as it stands: reported, then judged or not. person: who had it ('' = nobody in particular).

    treated: whether they are in an arm that tries the idea. related: by the newest judgement, else as reported. stops: the
    steward's word, None while not judged.
    """

    number: int
    day: date
    person: str
    treated: bool
    serious: bool
    related: str
    kind: str
    stops: bool | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules may know of a trial as of a day. All of it is stored, append-only facts.

    sealed: the day of the seal. known_until: the last day of whose enrolments we know (the newest delivery's). closed: the day
    on which the trial was closed. withdrawn: sites that left. dated: whether days of enrolment are known.
    """

    protocol: Protocol
    today: date
    sealed: date
    known_until: date
    closed: date | None = None
    joined: tuple[Joined, ...] = ()
    dated: bool = True
    looks: tuple[Look, ...] = ()
    deliveries: tuple[Delivered, ...] = ()
    weeks: tuple[StaffWeek, ...] = ()
    events: tuple[Event, ...] = ()
    withdrawn: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. claim: what its claim says when it fires; todo: what to do then. judge(facts): no finding where the plan
    has no such rule."""

    name: str
    code: Code
    claim: str
    todo: str
    source: str
    judge: Callable[[Facts], tuple[Finding, ...]]


@dataclass(frozen=True, slots=True)
class Point:
    """The evidence after `at` units, on a day."""

    on: date
    at: int
    log_e: float


def claimed(null: str, error: float, unit: str, path: Sequence[Point], nothing: str) -> RuleClaim:
    """The claim at the end of a path of evidence. nothing: why there is none, for an empty path."""
    if not path:
        return RuleClaim(null, error, unit=unit, reason=nothing)
    crossed = next((one for one in path if one.log_e >= -math.log(error)), None)
    peak = max(one.log_e for one in path)
    return RuleClaim(
        null,
        error,
        log_e=path[-1].log_e,
        p=min(1.0, math.exp(-peak)) if peak > 0 else 1.0,
        crossed_on=None if crossed is None else crossed.on,
        crossed_at=None if crossed is None else crossed.at,
        unit=unit,
    )


def level_of(claim: RuleClaim, *, beyond: bool) -> Level:
    """stop when the claim has fired; watch while only the figure lies beyond the limit."""
    return "stop" if claim.fired else "watch" if beyond else "fine"


def veiled(finding: Finding) -> Finding:
    """The finding as everybody may see it: the level, and the day of the look or delivery at which a claim fired, but no number
    that moves with each person, however many there are. Asked again after the next delivery it would tell what came in between.
    So would a day that is worked out from who joined when (`BY_DAY`)."""
    if finding.whole:
        return finding
    few = any(safe_count(count) is None for count in finding.rests_on)
    reason = finding.claim.reason or (HIDDEN if few else KEPT_BACK)
    bare = replace(finding.claim, log_e=None, p=None, crossed_at=None, reason=reason)
    if bare.unit in BY_DAY and bare.fired:
        bare = replace(bare, crossed_on=None, untold=True)
    kept = tuple((name, None if isinstance(value, int | float) else value) for name, value in finding.figures)
    return replace(finding, sentence=finding.told or finding.sentence, claim=bare, figures=kept)


def worst_first(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """By level, then in the order of the rules."""
    return tuple(sorted(findings, key=lambda one: LEVELS.index(one.level)))


def share_text(share: float) -> str:
    """A share as per cent with the digits that tell it apart: 20 %, 2.5 %."""
    return f"{100 * share:.3g} %"


def few(count: int, what: str) -> str:
    """'34 people', or 'fewer than 10 people' where the number itself must not be said."""
    shown = safe_count(count)
    return f"fewer than 10 {what}" if shown is None else f"{shown:,} {what}"


def findings_json(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """A mapping a finding that json.dumps takes; days as YYYY-MM-DD."""
    return [_json(one) for one in findings]


def _json(one: Finding) -> dict[str, Any]:
    claim = one.claim
    said = {
        "null": claim.null,
        "error": claim.error,
        "log_e": claim.log_e,
        "p": claim.p,
        "fired": claim.fired,
        "crossed_on": None if claim.crossed_on is None else claim.crossed_on.isoformat(),
        "crossed_at": claim.crossed_at,
        "unit": claim.unit,
        "reason": claim.reason,
    }
    body = {"rule": one.rule, "code": one.code, "about": one.about, "level": one.level, "sentence": one.sentence}
    return {**body, "plan": one.plan, "claim": said, "figures": dict(one.figures)}
