"""What a delivery changes, decided without a database: whom it enrols, which values get a new version, what it repeats.

Each measure of each participant has a history of its own. Its readings are value and companion together: a change of either
is a change. So is another day of observation; but a repetition keeps no day, so a late delivery between two others may leave
the day that it brought.

Guarantee: whatever the order in which deliveries arrive, the versions in order of `sent_at` tell the same story, the one
that the deliveries in sending order would have told. So a delivery that comes in late is put in its place, and when
a newer delivery had only repeated a value, that repetition is written out if the late one makes it a change back.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from trials.analysis import order_key
from trials.comparing import beside
from trials.protocol import Protocol
from trials.records import Enrolled, Record
from trials.store.intake import OPEN, Intake

# A delivery's own date is believed if it reached us within so long: a pipeline that was down for some days changes no
# number, and a file that is dated back gains its sender no more than this. But a row that names a day further in the future
# than expectations/rows.py allows is at fault on the day it is read: a round that comes after that day takes it.
TRUSTED_TRANSIT = timedelta(days=7)
LAST_ENTRY = 999_999_999  # fits PostgreSQL's integer and the twelve digits of an order key

# (value, companion), as one delivery said it. (None, None): nothing known, or taken back.
Reading = tuple[float | None, float | None]
# (participant, measure): whose history a reading belongs to.
Subject = tuple[str, str]

NOTHING: Reading = (None, None)


@dataclass(frozen=True, slots=True)
class Known:
    """One version that the ledger holds."""

    rev: int
    value: float | None
    sent_at: datetime
    effective_at: datetime
    companion: float | None = None
    observed_on: date | None = None

    @property
    def reading(self) -> Reading:
        return self.value, self.companion

    def says(self, reading: Reading, observed_on: date | None) -> bool:
        """Whether a row says the same: the reading, and the day if both name one."""
        return self.reading == reading and (None in (observed_on, self.observed_on) or observed_on == self.observed_on)


@dataclass(frozen=True, slots=True)
class Repeated:
    """A reading in a newer delivery that made no version then, as nothing differed."""

    reading: Reading
    sent_at: datetime
    effective_at: datetime


@dataclass(frozen=True, slots=True)
class Added:
    """One version to append."""

    participant_id: str
    measure: str
    observed_on: date | None
    version: Known


@dataclass
class Merge:
    """What to append for one delivery. accepted + duplicates + len(unfit) = its rows; corrections are among accepted.

    A row is a correction if it changes any known reading, accepted if it says anything new. repetitions: the readings
    that made no version, by participant and measure.
    changed: the smallest order key among the people whose facts change; None when nothing does.
    """

    enrolments: list[tuple[str, Record]] = field(default_factory=list)
    versions: list[Added] = field(default_factory=list)
    repetitions: dict[str, dict[str, Reading]] = field(default_factory=dict)
    unfit: list[tuple[Record, str]] = field(default_factory=list)
    accepted: int = 0
    duplicates: int = 0
    corrections: int = 0
    changed: str | None = None


def effective_at(sent_at: datetime, recorded_at: datetime) -> datetime:
    """When a value counts as known: when it was sent, unless it reached us longer after that than is believed."""
    if recorded_at - sent_at <= TRUSTED_TRANSIT:
        return min(sent_at, recorded_at)
    return recorded_at


def merge(
    protocol: Protocol,
    records: Iterable[Record],
    register: Mapping[str, Enrolled],
    versions: Mapping[Subject, Sequence[Known]],
    newer: Mapping[Subject, Repeated],
    *,
    sent_at: datetime,
    recorded_at: datetime,
    intake: Intake = OPEN,
) -> Merge:
    """What the accepted rows of one delivery change.

    register, versions: what the ledger holds of these participants, and of whoever has one of their allocation numbers.
    newer: per participant and measure the oldest repetition among the deliveries sent after this one.
    A row that contradicts the register is unfit: it was checked against an older one. intake: whom it may still enrol.
    """
    result = Merge()
    enrolled = dict(register)
    holders = {person.entry_order: name for name, person in register.items()}
    held = {subject: list(known) for subject, known in versions.items()}
    when = effective_at(sent_at, recorded_at)
    for record in records:
        name = record.participant_id
        reason = _unfit(protocol, record, enrolled.get(name), holders.get(record.entry_order))
        if reason is None and name not in enrolled:
            reason = intake.refusal(record.enrolled_on)
        if reason is not None:
            result.unfit.append((record, reason))
            continue
        is_new, place = name not in enrolled, order_key(protocol, record.enrolled_on, record.entry_order)
        if is_new:
            enrolled[name] = Enrolled(name, record.site, record.arm, record.enrolled_on, record.entry_order)
            holders[record.entry_order] = name
            result.enrolments.append((place, record))
        changes, news, corrects = is_new, is_new, False
        for measure, reading in _readings(protocol, record):
            known = held.setdefault((name, measure), [])
            before = _newest(known)
            added = _versions(reading, record.observed_on, sent_at, when, known, newer.get((name, measure)))
            if not any(version.sent_at == sent_at for version in added):
                result.repetitions.setdefault(name, {})[measure] = reading
            known.extend(added)
            result.versions += [Added(name, measure, version.observed_on, version) for version in added]
            changes |= bool(added)
            news |= bool(added) and before is None
            corrects |= bool(added) and before is not None and not before.says(reading, record.observed_on)
        if changes:
            result.changed = place if result.changed is None else min(place, result.changed)
        _count(result, news, corrects)
    return result


def _readings(protocol: Protocol, record: Record) -> list[tuple[str, Reading]]:
    """What a row says, by measure; of what it is silent on, nothing."""
    said = (
        (protocol.primary.measure, record.value, record.companion, record.withdrawn),
        *((each.measure, each.value, each.companion, each.withdrawn) for each in record.guardrails),
    )
    return [
        (measure, NOTHING if value is None else (value, companion))
        for measure, value, companion, withdrawn in said
        if value is not None or withdrawn
    ]


def _versions(
    reading: Reading,
    day: date | None,
    sent_at: datetime,
    when: datetime,
    known: Sequence[Known],
    newer: Repeated | None,
) -> list[Known]:
    """The versions that one reading adds: itself when it differs from what was in force as it was sent, and after it
    a newer repetition that it turns into a change back."""
    earlier = _newest([version for version in known if version.sent_at <= sent_at])
    if earlier is None:
        if reading == NOTHING or _nothing_new(reading, day, when, known):
            return []
    elif earlier.says(reading, day):
        return []
    rev = len(known) + 1
    added = [_version(rev, reading, sent_at, when, day)]
    later = [version for version in known if version.sent_at > sent_at]
    if newer is not None and newer.reading != reading and not any(v.sent_at <= newer.sent_at for v in later):
        added.append(_version(rev + 1, newer.reading, newer.sent_at, newer.effective_at))
    return added


def _version(rev: int, reading: Reading, sent_at: datetime, when: datetime, day: date | None = None) -> Known:
    value, companion = reading
    return Known(rev, value, sent_at, when, companion, day)


def _nothing_new(reading: Reading, day: date | None, when: datetime, later: Sequence[Known]) -> bool:
    """Whether a first value that comes in late says what the next one said, no earlier than that was known."""
    if not later:
        return False
    following = min(later, key=lambda version: (version.sent_at, version.rev))
    return following.says(reading, day) and when >= min(version.effective_at for version in later)


def _newest(known: Sequence[Known]) -> Known | None:
    return max(known, key=lambda version: (version.sent_at, version.rev), default=None)


def _count(result: Merge, news: bool, corrects: bool) -> None:
    result.corrections += corrects
    if news or corrects:
        result.accepted += 1
    else:
        result.duplicates += 1


def _unfit(protocol: Protocol, record: Record, known: Enrolled | None, holder: str | None) -> str | None:
    """Why a row can't go into the ledger, as its site reads it; None when it can. Never names the participant.

    known: this participant in the register. holder: whose the row's allocation number is.
    """
    reason = unfit_values(protocol, record)
    if reason is not None:
        return reason
    if record.arm not in {arm.id for arm in protocol.arms}:
        return f"arm is '{record.arm}': must be one of {', '.join(arm.id for arm in protocol.arms)}"
    if "\x00" in record.participant_id + record.site:
        return "participant_id or site holds a NUL character: must be plain text"
    if record.entry_order is None or not 1 <= record.entry_order <= LAST_ENTRY:
        return f"entry_order is {record.entry_order}: must be a whole number from 1 to {LAST_ENTRY}"
    if protocol.dated and record.enrolled_on is None:
        return "enrolled_on is missing: must be a date, as people are ordered by it"
    if known is not None:
        for column in ("site", "arm", "enrolled_on", "entry_order"):
            stored, sent = getattr(known, column), getattr(record, column)
            if stored != sent:
                return f"{column} is '{sent}': must be '{stored}', as this participant was registered"
    if holder not in (None, record.participant_id):
        return f"entry_order is {record.entry_order}: must be this participant's own, another was registered under it"
    return None


def unfit_values(protocol: Protocol, record: Record) -> str | None:
    """Why what a row says of its measures can't go into the ledger; None when it can."""
    said = [(protocol.primary.measure, record.value, record.companion)]
    said += [(each.measure, each.value, each.companion) for each in record.guardrails]
    for measure, value, companion in said:
        if value is not None and not math.isfinite(value):
            return f"{measure} is {value}: must be a finite number"
        if companion is not None and not math.isfinite(companion):
            return f"what stands beside {measure} is {companion}: must be a finite number"
    named = [each.measure for each in record.guardrails]
    if len(set(named)) < len(named) or not {*named} <= {one.measure for one in beside(protocol)}:
        return f"the row names the guardrails {', '.join(named)}: must name guardrails of the plan, each once"
    return None
