"""What is the case now that somebody should be told of: read off the store for all trials, whoever asks.

Cheap things are asked of every trial each time, in as many queries for all as for one. What costs as much as a trial's history
(its rules, its sites, its sealed plan) is asked only of trials about which something changed, or a day began, since they were
last judged: safety first, then those that waited longest, and of so many at a time.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from cronsim import CronSim, CronSimError

from trials.acts.act import CLOSED
from trials.acts.safety_events import SAFETY_EVENT, SAFETY_JUDGED
from trials.alerting import VERDICTS, Alert, Finding, health_codes
from trials.errors import PlanHashMismatchError, RoadtestError
from trials.overdue import SourceOverdue, expected_every, overdue
from trials.protocol import Protocol
from trials.stopping import veiled
from trials.stopping.told import for_everybody
from trials.store import acts, alerts, arrivals, ledger, newest, reading, rounds, standing
from trials.store.engine import Store
from trials.store.engine import reading as open_reading
from trials.store.reading import TrialCard

log = logging.getLogger("roadtest")
MOST_JUDGED = 100  # trials whose rules, sites and plan are judged at a time
REJUDGED = timedelta(
    hours=20
)  # a trial about which nothing changes is judged again so much later: rules go by days, too
_AGAIN = -1  # no token: such a trial is judged again next time
_DEEP = ("rule:", "site:", "plan", "refused", "unreadable")  # how what is judged of these trials alone begins
LONGEST_DETAIL = 600
STOPPED = "it was told to stop"  # why a round was interrupted by whoever stops `serve` or a worker
# "arm is 'pilot': must be one of ...": what a site sent in a cell may be anything, an id among it, and leaves the house in no
# message.
_CELL = re.compile(r"\bis '[^']*'")


@dataclass(frozen=True, slots=True)
class Found:
    """findings: what is the case. judged: the tokens of the trials whose rules, sites and plan were judged. unread: trials of
    which something could not be read, so that nothing of them clears. closed: trials whose alerts of that sort are over."""

    findings: tuple[Finding, ...]
    judged: dict[str, int] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()

    def asked(self, alert: Alert) -> bool:
        """Whether an alert's cause was looked into this time."""
        if alert.trial in self.unread:
            return False
        return not alert.about.startswith(_DEEP) or alert.trial in self.judged or alert.trial in self.closed


def found_now(store: Store, now: datetime, *, schedule: str, round_grace: timedelta) -> Found:
    """Everything that is the case now. schedule: the rounds' (cron, or `every NUMBER minutes`). Raises StoreError."""
    cards = reading.cards(store)
    findings: list[Finding] = [*_rounds(store, now, schedule, round_grace), *_failed(store, cards)]
    open_ = [card for card in cards if card.state not in CLOSED and card.state != "registered"]
    findings += _verdicts(open_)
    findings += _health(store, open_)
    deep = _deep(store, open_, now)
    findings += _sources(store, [card for card in open_ if card not in deep], now)
    judged: dict[str, int] = {}
    unread = set()
    for card in deep:
        try:
            findings += _judged(store, card, now)
            judged[card.id] = card.token
        except RoadtestError as error:
            findings.append(_unreadable(card.id, error))
            judged[card.id] = _AGAIN
            unread.add(card.id)
    findings += [_unreadable(trial, None) for trial in set(reading.sealed_ids(store)) - {card.id for card in cards}]
    closed = frozenset(card.id for card in cards if card.state in CLOSED)
    return Found(tuple(findings), judged, frozenset(unread), closed)


def _verdicts(cards: Sequence[TrialCard]) -> Iterator[Finding]:
    for card in cards:
        word = None if card.look is None else card.look.verdict
        if word in VERDICTS:
            yield Finding("verdict", card.id, word, VERDICTS[word], "act")


def _health(store: Store, cards: Sequence[TrialCard]) -> Iterator[Finding]:
    for trial, one in newest.newest_deliveries(store, [card.id for card in cards]).items():
        for code, sentence in health_codes(one.warnings).items():
            yield Finding("unhealthy", trial, f"health:{code}", sentence)


def _failed(store: Store, cards: Sequence[TrialCard]) -> Iterator[Finding]:
    """Trials on which the rounds' work failed, whatever the reason, closed ones too: their outcomes still come."""
    known = {card.id for card in cards}
    for trial, one in rounds.work_of(store).items():
        if one.failures and trial in known:
            again = (
                "" if one.next_try_at is None else f" It is tried again from {one.next_try_at:%Y-%m-%d %H:%M} UTC on."
            )
            yield Finding("failed", trial, "work", "The work on it failed.", detail=f"{_reason(one.error)}{again}")


def _sources(store: Store, cards: Sequence[TrialCard], now: datetime) -> Iterator[Finding]:
    """Sources that are silent. Only of trials that may be, everything that came in is read."""
    came = newest.newest_deliveries(store, [card.id for card in cards])
    every = _Every(now)
    silent: dict[str, Protocol] = {}
    for card in cards:
        wait = every.of(card.protocol)
        if wait is not None and (card.id not in came or abs(now - came[card.id].recorded_at) > wait):
            silent[card.id] = card.protocol
    found = arrivals.arrivals_of(store, silent) if silent else {}
    for trial, (arrived, people) in found.items():
        yield from _source(overdue(silent[trial], arrived, people, now).source, trial)


class _Every:
    """How often trials expect a delivery; each schedule is worked out once."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._known: dict[tuple[str | None, timedelta | None], timedelta | None] = {}

    def of(self, protocol: Protocol) -> timedelta | None:
        key = (protocol.schedule, protocol.source.every_time)
        if key not in self._known:
            self._known[key] = expected_every(protocol, self._now)
        return self._known[key]


def _source(late: SourceOverdue | None, trial: str) -> list[Finding]:
    if late is None:
        return []
    every = f"one is expected every {late.every.total_seconds() / 86_400:g} days"
    since = f"since {late.since:%Y-%m-%d}" if late.ever else f"since the seal, {late.since:%Y-%m-%d}"
    return [Finding("overdue", trial, "source", f"Nothing has come from its source {since}; {every}.")]


def _deep(store: Store, cards: Sequence[TrialCard], now: datetime) -> list[TrialCard]:
    """The trials to be judged this time: those with safety events first, then those that waited longest."""
    before = alerts.watched(store)
    waiting = [
        card
        for card in cards
        if card.id not in before or before[card.id][0] != card.token or abs(now - before[card.id][1]) >= REJUDGED
    ]
    if len(waiting) > MOST_JUDGED:
        with open_reading(store) as connection:
            events = set(acts.all_of(connection, None, [SAFETY_EVENT, SAFETY_JUDGED]))
        never = datetime.min.replace(tzinfo=UTC)
        waiting.sort(key=lambda card: (card.id not in events, before[card.id][1] if card.id in before else never))
    return waiting[:MOST_JUDGED]


def _judged(store: Store, card: TrialCard, now: datetime) -> list[Finding]:
    """What a trial's rules, sites, refused deliveries and plan say. Raises RoadtestError where it can't be judged."""
    try:
        protocol, _ = ledger.sealed_protocol(store, card.id)
    except PlanHashMismatchError:
        return [
            Finding("unhealthy", card.id, "plan", "Its plan is not the one that was sealed: nothing runs on it.", "act")
        ]
    return [*_rules(store, protocol, now), *_came(store, protocol, now)]


def _rules(store: Store, protocol: Protocol, now: datetime) -> Iterator[Finding]:
    """The rules that say stop, as whoever may read the trial and sees no arm may be told."""
    found = standing.standing(store, protocol.trial, now)
    for one in for_everybody(protocol, [veiled(each) for each in found], arms=False):
        if one.level == "stop":
            about = f"rule:{one.rule}" + (f":{one.about}" if one.about else "")
            severity = "act" if one.code in ("safety", "guardrail") else "look"
            yield Finding("unhealthy", protocol.trial, about, one.sentence, severity)  # type: ignore[arg-type]


def _came(store: Store, protocol: Protocol, now: datetime) -> Iterator[Finding]:
    trial = protocol.trial
    arrived, people = arrivals.arrivals_of(store, {trial: protocol})[trial]
    late = overdue(protocol, arrived, people, now)
    yield from _source(late.source, trial)
    for site in late.silent_told:
        since = "has never told anything" if site.since is None else f"has told nothing new since {site.since:%Y-%m-%d}"
        yield Finding("overdue", trial, f"site:{site.site}", f"Site {site.site} {since}, though it owes outcomes.")
    refused = [one for one in late.failures if one.kind == "refused"]
    if refused:
        said = "A delivery was refused whole."
        yield Finding("failed", trial, "refused", said, detail=_reason(refused[-1].sentence))


def _reason(error: object) -> str:
    """Why something failed, as the sentence to act on, without what stood in anybody's cells."""
    return _CELL.sub("is not as it must be", str(error or ""))[:LONGEST_DETAIL]


def _unreadable(trial: str, error: RoadtestError | None) -> Finding:
    if error is not None:
        log.error("alerts: %s can't be judged: %s", trial, error)
    said = "It can't be judged: what is stored of it can't be read."
    return Finding("unhealthy", trial, "unreadable", said, "act", _reason(error))


def _rounds(store: Store, now: datetime, schedule: str, grace: timedelta) -> Iterator[Finding]:
    listed = rounds.listed(store, 20)
    yield from _ended_badly(listed, now)
    since = _alive(store, listed, now)
    if since is not None and is_late(since, schedule, grace, now):
        yield Finding("round", "", "silent", f"No round has ended since {since:%Y-%m-%d %H:%M} UTC.", "act")


def _ended_badly(listed: Sequence[rounds.Round], now: datetime) -> Iterator[Finding]:
    """What the newest round came to. One that was cut off is told of also when the one after it was the first to look: only
    when another has ended is it over. One that was told to stop was stopped by somebody who knows."""
    ended = [one for one in listed if one.state != "running"]
    silent = [one for one in listed if one.state == "running" and abs(now - one.beat_at) > rounds.SILENT]
    if ended and ended[0].state == "failed":
        yield Finding("round", "", "failed", "The last round failed.", "act", _reason(ended[0].error))
    if silent:
        since = f"{silent[0].beat_at:%Y-%m-%d %H:%M} UTC"
        said = f"The round that runs has fallen silent: no sign of life since {since}."
        yield Finding("round", "", "interrupted", said, "act")
    elif ended and ended[0].state == "interrupted":
        yield Finding("round", "", "interrupted", "The last round was interrupted.", "act", _reason(ended[0].error))
    elif len(ended) > 1 and ended[1].state == "interrupted" and ended[1].error != STOPPED:
        said = "The round before the last was interrupted; what it left was for the last one to do."
        yield Finding("round", "", "interrupted", said, "look", _reason(ended[1].error))


def _alive(store: Store, listed: Sequence[rounds.Round], now: datetime) -> datetime | None:
    """When the rounds last gave a sign of life: one ended well, or one that is at work says so. Before the first, when the
    first of the trials came to be sealed; None: there is nothing to do yet."""
    signs = [one.ended_at for one in listed if one.state in ("completed", "with_failures") and one.ended_at is not None]
    signs += [one.beat_at for one in listed if one.state == "running" and abs(now - one.beat_at) <= rounds.SILENT]
    if signs:
        return max(signs)
    if listed:
        return min(one.begun_at for one in listed)
    return alerts.first_seal(store)


def is_late(since: datetime, schedule: str, grace: timedelta, now: datetime) -> bool:
    """Whether a round that the schedule wanted after `since` has not ended by `now`, though its grace is over. A sign of life
    that lies ahead by more than a day comes from a clock that was set back, and counts for nothing."""
    if since - now > timedelta(days=1):
        return True
    try:
        if schedule.startswith("every "):
            return now > since + timedelta(minutes=float(schedule.split()[1])) + grace
        following = next(iter(CronSim(schedule, since.astimezone(UTC))), None)
    except CronSimError:
        return False
    return following is not None and now > following + grace


def with_fault(found: Found, about: str, sentence: str, detail: str) -> Found:
    """The same with a fault of the alerts' own."""
    fault = Finding("round", "", about, sentence, "look", _reason(detail))
    return replace(found, findings=(*found.findings, fault))
