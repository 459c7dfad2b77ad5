"""What is raised, what clears, who is told of it and when: pure rules over values. Nothing here knows a clock or a database.

Guarantee: on each channel one occurrence is told at most once as raised, once as cleared, and once by each reminder's number;
as long as a cause lasts, its alert stands. A clock that was set back or forward delays a telling by a day at most beyond its
wait, and repeats none: what was told is known by its place in the list, not by its time.

An alert's sentence holds no effect, no count of people and no arm: it may be read by whoever may read the trial.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

KindName = Literal["verdict", "overdue", "unhealthy", "failed", "round"]
Severity = Literal["act", "look"]
What = Literal["raised", "passed", "cleared", "reminder"]
BREACH = "rule:guardrail"  # so begins what an alert of a breached guardrail is about
DAY = timedelta(days=1)
# Two that judge at one time may finish in the other order; what is older than a change by less than this gives way to it.
RACE = timedelta(minutes=10)
CLAIM = timedelta(minutes=5)  # whoever said that they would tell it, and has not for so long, is dead
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=5), timedelta(hours=6)  # of a channel that fails


@dataclass(frozen=True, slots=True)
class Kind:
    """What sort of thing is alarmed. untold: what is said where nobody is known to be allowed to read the trial; it names the
    trial only if `named`. event: its name among Prefect's events."""

    name: KindName
    means: str
    untold: str
    named: bool
    event: str
    next: str


KINDS: tuple[Kind, ...] = (
    Kind(
        "verdict",
        "a claim crossed its threshold, or a trial ended without one: people must decide",
        "A trial has an answer: sign in to see.",
        False,
        "roadtest.verdict.crossed",
        "Decide: roadtest decide {trial} --help",
    ),
    Kind(
        "overdue",
        "a source or a site is silent for longer than agreed",
        "Nothing came from its source, or from one of its sites, for longer than agreed.",
        True,
        "roadtest.source.overdue",
        "Ask whoever sends it, and see: roadtest overdue {trial}",
    ),
    Kind(
        "unhealthy",
        "the data don't add up, a stopping rule says stop, or the plan is not the sealed one",
        "Something in it needs a person's judgement: sign in to see.",
        True,
        "roadtest.trial.unhealthy",
        "See what it is: roadtest rules {trial}, roadtest status {trial}",
    ),
    Kind(
        "failed",
        "the work on a trial failed, or a delivery was refused",
        "The work on it failed, or a delivery was refused.",
        True,
        "roadtest.trial.failed",
        "See why: roadtest overdue {trial}",
    ),
    Kind(
        "round",
        "a round failed, was interrupted, or none has ended for too long; or alerts themselves can't be sent",
        "The rounds need attention.",
        True,
        "roadtest.round.failed",
        "See the log (roadtest.log in the home), then: roadtest round",
    ),
)
KIND_NAMES: tuple[KindName, ...] = tuple(kind.name for kind in KINDS)
_BY_NAME = {kind.name: kind for kind in KINDS}

# What shows the thing itself, where it is another command than its kind's: by how `about` begins.
_SHOWN: tuple[tuple[str, str], ...] = (
    ("health:quarantined_few", "See which rows, and why: roadtest quarantine list {trial}"),
    ("health:sample_ratio", "See how many joined by site and arm: roadtest counts {trial}"),
    ("health:site_ratio", "See how many joined by site and arm: roadtest counts {trial}"),
    ("health:missing_", "See what is due and what is missing: roadtest overdue {trial}"),
    ("plan", "See what differs from the record: roadtest audit verify {trial}"),
    ("work", "See why: roadtest status {trial}. To try it now: roadtest collect {trial}"),
)

# The verdict's word, as whoever may read the trial is told it, whatever else they may see of it.
VERDICTS = {
    "promote": "The claim of benefit crossed its threshold: the verdict is 'promote'.",
    "drop": "The claim that it is not worth it crossed its threshold: the verdict is 'drop'.",
    "stop_for_harm": "The claim of harm crossed its threshold: the verdict is 'stop for harm'. Tell the safety steward.",
    "cant_tell": "It can't tell by itself, and people must decide: the verdict is 'can't tell'.",
}


def kind_named(name: str) -> Kind:
    """Raises KeyError for a kind that there is not."""
    return _BY_NAME[name]  # type: ignore[index]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is the case now. about: which of several such things in the trial, in words that stay the same while it
    lasts. trial: '' where it is none's. detail: more, for whoever may collect for the trial."""

    kind: KindName
    trial: str
    about: str
    sentence: str
    severity: Severity = "look"
    detail: str = ""

    @property
    def id(self) -> str:
        """The same for as long as there is this version of Roadtest: of kind, trial and about."""
        told = "\x1f".join((self.kind, self.trial, self.about)).encode()
        return hashlib.sha256(told).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Alert:
    """One occurrence of a finding, from when it was first found to when it was found no longer. Times are aware UTC."""

    id: str
    occurrence: int
    kind: KindName
    trial: str
    about: str
    sentence: str
    severity: Severity
    raised_at: datetime
    detail: str = ""
    cleared_at: datetime | None = None
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    note: str = ""

    @property
    def open(self) -> bool:
        return self.cleared_at is None


def next_step(alert: Alert) -> str:
    """What to do about an alert: the command that shows what it is about."""
    shown = (said for start, said in _SHOWN if alert.trial and alert.about.startswith(start))
    return next(shown, kind_named(alert.kind).next).format(trial=alert.trial)


@dataclass(frozen=True, slots=True)
class Step:
    """What one judgement changes: occurrences that begin, that end, and whose words are others now."""

    raised: tuple[Alert, ...] = ()
    cleared: tuple[Alert, ...] = ()
    changed: tuple[Alert, ...] = ()


def step(
    known: Iterable[Alert], findings: Iterable[Finding], now: datetime, asked: Callable[[Alert], bool] = lambda _: True
) -> Step:
    """What findings of `now` do to the alerts known: the newest occurrence of each id.

    asked: whether the alert's cause was looked into this time; what was not stays as it is.
    """
    newest = {one.id: one for one in known}
    found = {one.id: one for one in findings}
    raised, changed = [], []
    for id_, one in found.items():
        before = newest.get(id_)
        if before is None or not before.open:
            if before is None or not _just(before.cleared_at, now):
                raised.append(_begun(one, 1 if before is None else before.occurrence + 1, now))
        elif (one.sentence, one.detail, one.severity) != (before.sentence, before.detail, before.severity):
            changed.append(replace(before, sentence=one.sentence, detail=one.detail, severity=one.severity))
    cleared = [
        replace(one, cleared_at=now)
        for id_, one in newest.items()
        if one.open and id_ not in found and asked(one) and not _just(one.raised_at, now)
    ]
    return Step(tuple(raised), tuple(cleared), tuple(changed))


def _begun(one: Finding, occurrence: int, now: datetime) -> Alert:
    return Alert(one.id, occurrence, one.kind, one.trial, one.about, one.sentence, one.severity, now, one.detail)


def _just(changed: datetime | None, now: datetime) -> bool:
    """Whether a change is newer than what was judged, by so little that another judge made it meanwhile."""
    return changed is not None and timedelta(0) < changed - now <= RACE


@dataclass(frozen=True, slots=True)
class Rule:
    """When a channel is told. digest: at once, at full hours, or ('daily 08:00') once a day, UTC. grace: by kind, how long
    something lasts before it is told. remind: how long until what nobody acknowledged is told again; None: never. since:
    from when on there is the channel. ends: whether it is told what cleared."""

    channel: str
    kinds: tuple[KindName, ...] = KIND_NAMES
    digest: str = "now"
    grace: Mapping[KindName, timedelta] = field(default_factory=dict)
    remind: timedelta | None = None
    since: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    ends: bool = True


@dataclass(frozen=True, slots=True)
class Told:
    """One telling on record. sent_at: None while it is claimed, or failed: then it is due again when the claim is old."""

    what: What
    number: int
    claimed_at: datetime
    sent_at: datetime | None = None
    failed: bool = False


def due(alert: Alert, told: Sequence[Told], rule: Rule, now: datetime) -> tuple[What, int] | None:
    """What a channel has to be told of an occurrence now, and the telling's number; None: nothing.

    told: what is on record of this occurrence on this channel.
    """
    if alert.kind not in rule.kinds:
        return None
    waiting = [one for one in told if one.sent_at is None]
    if waiting:  # one after the other: nobody is told that something cleared which they were never told of
        first = waiting[0]
        return (first.what, first.number) if first.failed or abs(now - first.claimed_at) >= CLAIM else None
    if not told:
        return _first(alert, rule, now)
    if any(one.what in ("passed", "cleared") for one in told):
        return None
    if alert.cleared_at is not None:
        return ("cleared", 1) if rule.ends and _released(alert.cleared_at, rule.digest, now) else None
    return _reminder(alert, told, rule, now)


def _first(alert: Alert, rule: Rule, now: datetime) -> tuple[What, int] | None:
    wait = rule.grace.get(alert.kind, timedelta(0))
    if alert.cleared_at is not None:
        lasted = abs(alert.cleared_at - alert.raised_at) >= wait
        if not lasted or not rule.ends or alert.cleared_at <= rule.since:
            return None
        return ("passed", 1) if _released(alert.raised_at + wait, rule.digest, now) else None
    return ("raised", 1) if _released(alert.raised_at + wait, rule.digest, now, wait) else None


def _reminder(alert: Alert, told: Sequence[Told], rule: Rule, now: datetime) -> tuple[What, int] | None:
    if rule.remind is None or alert.acknowledged_at is not None:
        return None
    last = max(one.sent_at for one in told if one.sent_at is not None)
    count = sum(one.what == "reminder" for one in told)
    # By the distance: a clock that was a year ahead must not silence reminders for a year.
    if abs(now - last) < rule.remind or not _released(min(last + rule.remind, now), rule.digest, now):
        return None
    return ("reminder", count + 1)


def _released(at: datetime, digest: str, now: datetime, wait: timedelta = timedelta(0)) -> bool:
    """Whether what is due from `at` on may be told: the digest's next time has come; or `at` lies so far ahead that only a
    clock that was set back explains it."""
    return now >= next_digest(at, digest) or at - now > wait + DAY


def next_digest(at: datetime, digest: str) -> datetime:
    """The first time at or after `at` at which a digest goes out."""
    at = at.astimezone(UTC)
    if digest == "now":
        return at
    if digest == "hourly":
        hour = at.replace(minute=0, second=0, microsecond=0)
        return hour if hour == at else hour + timedelta(hours=1)
    hours, minutes = (int(part) for part in digest.removeprefix("daily ").split(":"))
    today = at.replace(hour=hours, minute=minutes, second=0, microsecond=0)
    return today if today >= at else today + DAY


@dataclass(frozen=True, slots=True)
class ChannelState:
    """How a channel gets on. failures: in a row; error: a sentence without anything secret."""

    name: str
    since: datetime
    failures: int = 0
    failed_at: datetime | None = None
    error: str | None = None
    next_try_at: datetime | None = None
    sent_at: datetime | None = None

    def rests(self, now: datetime) -> bool:
        """Whether it is too early to try again; a clock that was set back must not silence a channel for ever."""
        return self.next_try_at is not None and timedelta(0) < self.next_try_at - now <= LONGEST_WAIT

    def after(self, error: str | None, now: datetime) -> ChannelState:
        """The state after a message went out (error None) or did not."""
        if error is None:
            return ChannelState(self.name, self.since, sent_at=now)
        wait = min(FIRST_WAIT * 2 ** min(self.failures, 20), LONGEST_WAIT)
        return replace(self, failures=self.failures + 1, failed_at=now, error=error, next_try_at=now + wait)


# How the checks' sentences of a trial as a whole begin (expectations/suites/health.json), and what is alarmed of them: no
# number, no arm. A test holds that every check has its line.
HEALTH: tuple[tuple[str, str, str], ...] = (
    ("sample_ratio", "The arms have ", "The arms don't have the people that the plan allocates."),
    ("site_ratio", "In ", "At one site the arms don't have the people that the plan allocates."),
    (
        "one_arm",
        "Participants are sent under another arm",
        "People are sent under another arm or site than registered.",
    ),
    ("in_register", "People are sent who were never enrolled", "People are sent who were never enrolled."),
    ("missing_alike", "Outcomes are missing unequally", "Outcomes are missing unequally among the arms."),
    ("missing_few", " of the outcomes that are due are missing", "Too many of the outcomes that are due are missing."),
    ("few_late", " of the reports and changes came too late", "Too many reports and changes came too late to count."),
    ("no_drift", "Outcomes among the first half of the people", "Outcomes have changed in the course of the trial."),
    ("quarantined_few", " of the rows received are in quarantine", "Too many of the rows received are in quarantine."),
    ("waited", "enrolment waited for the safety steward", "People were enrolled while enrolment had to wait."),
)


def health_codes(warnings: Iterable[str]) -> dict[str, str]:
    """By code, the sentence to alarm of a delivery's warnings; other warnings than of the trial's health are left out."""
    found = {}
    for text in warnings:
        for code, words, sentence in HEALTH:
            if text.startswith(words) if words[0] != " " else words in text:
                if code == "site_ratio" and "the arms don't have the people" not in text:
                    continue
                found[code] = sentence
                break
    return found


def worst_first(alerts: Collection[Alert]) -> list[Alert]:
    """What must be acted on first, then by kind, trial and what it is about."""
    return sorted(alerts, key=lambda one: (one.severity != "act", KIND_NAMES.index(one.kind), one.trial, one.about))
