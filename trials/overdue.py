"""What a trial waits for in vain: a source that sends nothing, a site that fell silent, people whose outcome never came.

Missing things are data. Everything here follows from the plan, from what was received and when, and from the time it is
asked at; nothing is stored. Who counts as reported is `trials.settling`'s rule: a value that was known after the person's
follow-up had closed. A finished trial that is only replayed waits for no source and no site.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from typing import Literal

from cronsim import CronSim, CronSimError

from trials.disclosure import tens
from trials.protocol import Protocol
from trials.records import ON_TIME
from trials.settling import order_key

Waits = Literal["open", "due", "missing", "reported"]

# A site sends when it has something to tell, so it is silent no sooner than after four weeks.
LEAST_SILENCE = timedelta(days=28)
LEAST_INTERVAL = timedelta(days=1)
_FIRINGS = 800  # of a schedule: two years of a daily one


@dataclass(frozen=True, slots=True)
class Failure:
    """One attempt that brought nothing. refused: a delivery came and was refused whole; failed: the source did not answer."""

    at: datetime
    kind: Literal["refused", "failed"]
    sentence: str


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What came in for one trial, and what did not. Lists of people (`roadtest enrol`) and replays don't count.

    last_received_at: of the newest delivery that was not refused. by_site: when each site last told something new.
    failures: the attempts since the last good one, oldest first; a refused delivery stays until one of its name comes again
    or all that comes at one time is good.
    """

    sealed_at: datetime | None = None
    last_received_at: datetime | None = None
    by_site: Mapping[str, datetime] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class Participant:
    """One person, and when their outcome was first and last known; None for one of whom nothing was."""

    participant_id: str
    site: str
    enrolled_on: date | None
    entry_order: int | None
    first_known: datetime | None = None
    last_known: datetime | None = None


@dataclass(frozen=True, slots=True)
class SourceOverdue:
    """Nothing was received since then (the seal, if never: `ever` is False), although a delivery comes every so often."""

    since: datetime
    every: timedelta
    late_by: timedelta
    ever: bool


@dataclass(frozen=True, slots=True)
class SilentSite:
    """A planned site that has told nothing new since then (None: never) although outcomes of so many people there are owed."""

    site: str
    since: datetime | None
    owed: int


@dataclass(frozen=True, slots=True)
class Awaited:
    """One person without an outcome. due: the first moment after the follow-up; closes: from then on missing for good."""

    participant_id: str
    site: str
    due: datetime
    closes: datetime


@dataclass(frozen=True, slots=True)
class Overdue:
    """What one trial waits for at a time. due: can still be reported; missing: can't any more, by the plan's rule.

    holes: allocation numbers that nobody was reported under and that the evidence waits for. every: how often a delivery
    is expected; None when neither `source.every` nor the schedule says.
    """

    trial: str
    as_of: datetime
    every: timedelta | None = None
    source: SourceOverdue | None = None
    silent: tuple[SilentSite, ...] = ()
    due: tuple[Awaited, ...] = ()
    missing: tuple[Awaited, ...] = ()
    holes: tuple[int, ...] = ()
    failures: tuple[Failure, ...] = ()

    @property
    def silent_told(self) -> tuple[SilentSite, ...]:
        """The silent sites that everybody may be told of: where ten or more outcomes are owed. One alone would be somebody."""
        return tuple(one for one in self.silent if tens(one.owed) is not None)

    @property
    def anything(self) -> bool:
        """Whether somebody has to act: people who are missing for good can't be helped any more."""
        return bool(self.source or self.silent or self.due or self.holes or self.failures)

    def by_site(self) -> dict[tuple[str, str], int]:
        """People by (site, 'due' or 'missing'). Raw counts: what is shown passes `trials.disclosure`."""
        counts: dict[tuple[str, str], int] = {}
        for word, people in (("due", self.due), ("missing", self.missing)):
            for one in people:
                counts.setdefault((one.site, "due"), 0)
                counts.setdefault((one.site, "missing"), 0)
                counts[one.site, word] += 1
        return dict(sorted(counts.items()))


def overdue(protocol: Protocol, arrivals: Arrivals, people: Iterable[Participant], as_of: datetime) -> Overdue:
    """What the trial waits for at a time (aware). people: everybody enrolled, in any order."""
    found = sorted(people, key=lambda one: order_key(protocol, one.enrolled_on, one.entry_order))
    stands = [_stands(protocol, one, as_of) for one in found]
    every = expected_every(protocol, as_of)
    running = not protocol.retrospective and not _all_in(protocol, stands)
    return Overdue(
        trial=protocol.trial,
        as_of=as_of,
        every=every,
        source=_source(arrivals, every, as_of) if running else None,
        silent=_silent(protocol, arrivals, found, stands, every, as_of) if not protocol.retrospective else (),
        due=_awaited(protocol, found, stands, "due"),
        missing=_awaited(protocol, found, stands, "missing"),
        holes=_holes(protocol, found, as_of),
        failures=arrivals.failures,
    )


def expected_every(protocol: Protocol, as_of: datetime) -> timedelta | None:
    """How often a delivery is expected: `source.every`; without it the longest wait that the schedule has; else None.

    A schedule of working days waits for three days over the weekend. Never less than a day.
    """
    if protocol.source.every_time is not None:
        return protocol.source.every_time
    if protocol.schedule is None:
        return None
    try:
        firings = list(islice(CronSim(protocol.schedule, as_of.astimezone(UTC)), _FIRINGS))
    except CronSimError:
        return None
    waits = [after - before for before, after in pairwise(firings)]
    return max([LEAST_INTERVAL, *waits]) if waits else None


def _stands(protocol: Protocol, person: Participant, as_of: datetime) -> Waits:
    """How a person stands: not due yet (or without dates: not reported yet), due, missing for good, or reported."""
    due = protocol.due_at(person.enrolled_on)
    if person.last_known is not None and (
        due is None or person.first_known == ON_TIME or (as_of >= due and person.last_known >= due)
    ):
        return "reported"
    if due is None or as_of < due:
        return "open"
    return "due" if as_of < due + protocol.data.report_within_time else "missing"


def _all_in(protocol: Protocol, stands: Sequence[Waits]) -> bool:
    """Whether nothing more can come: everybody planned has joined, and nobody's outcome is waited for."""
    return len(stands) >= protocol.monitoring.max_participants and not {"open", "due"} & set(stands)


def _source(arrivals: Arrivals, every: timedelta | None, as_of: datetime) -> SourceOverdue | None:
    since = arrivals.last_received_at or arrivals.sealed_at
    if every is None or since is None or as_of - since <= every:
        return None
    return SourceOverdue(since, every, as_of - since - every, ever=arrivals.last_received_at is not None)


def _silent(
    protocol: Protocol,
    arrivals: Arrivals,
    people: Sequence[Participant],
    stands: Sequence[Waits],
    every: timedelta | None,
    as_of: datetime,
) -> tuple[SilentSite, ...]:
    """Planned sites of which nothing new came for too long: 2 x every, four weeks at least."""
    patience = LEAST_SILENCE if every is None else max(2 * every, LEAST_SILENCE)
    found = []
    for site in protocol.sites:
        last = arrivals.by_site.get(site.id)
        if last is not None and as_of - last <= patience:
            continue
        mine = [(one, stand) for one, stand in zip(people, stands, strict=True) if one.site == site.id]
        owed = sum(_should_have_come(protocol, one, stand, last) for one, stand in mine)
        if owed:
            found.append(SilentSite(site.id, last, owed))
    return tuple(found)


def _should_have_come(protocol: Protocol, person: Participant, stand: Waits, last: datetime | None) -> bool:
    """Whether a person's site owes their outcome: it is due, or fell due (and went missing) after the site last told anything.

    Without dates nothing falls due, so everybody who is not reported is owed.
    """
    due = protocol.due_at(person.enrolled_on)
    if due is None:
        return stand == "open"
    return stand == "due" or (stand == "missing" and (last is None or due > last))


def _awaited(
    protocol: Protocol, people: Sequence[Participant], stands: Sequence[Waits], word: Waits
) -> tuple[Awaited, ...]:
    within = protocol.data.report_within_time
    found = [
        Awaited(one.participant_id, one.site, due, due + within)
        for one, stand in zip(people, stands, strict=True)
        if stand == word and (due := protocol.due_at(one.enrolled_on)) is not None
    ]
    return tuple(sorted(found, key=lambda one: (one.due, one.site, one.participant_id)))


def _holes(protocol: Protocol, people: Sequence[Participant], as_of: datetime) -> tuple[int, ...]:
    """Allocation numbers that nobody has and that are not passed over yet (`settling.hole_closed`); people in sealed order."""
    taken = {one.entry_order for one in people}
    highest = 0
    found: list[int] = []
    for person in people:
        number = person.entry_order
        if number is None or number <= highest:
            continue
        due = protocol.due_at(person.enrolled_on)
        if due is None or as_of < due + protocol.data.report_within_time:
            found += _missing_numbers(highest + 1, number, taken)
        highest = number
    return tuple(found)


def _missing_numbers(first: int, end: int, taken: Collection[int | None]) -> list[int]:
    return [number for number in range(first, end) if number not in taken]
