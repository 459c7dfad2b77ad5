"""What the stopping rules say of a trial, read off stored facts as of a time: enrolments, deliveries, looks, acts.

Nothing is stored. Deterministic: facts are appended, and only those recorded (acts: done) by the time count, under the plan
that was sealed by then.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from sqlalchemy import Connection, func, select

from trials.acts import Act, act_kind
from trials.acts.act import CLOSED, SEALED
from trials.acts.safety_events import SAFETY_EVENT, SAFETY_JUDGED, SafetyEvent, SafetyJudged
from trials.acts.site_withdrawing import SiteWithdrawn
from trials.acts.staff_time import STAFF_TIME, StaffTimes
from trials.evidence import Look
from trials.protocol import Protocol, from_content
from trials.stopping import Facts, Finding, judged, veiled
from trials.stopping.rule import Delivered, Event, Joined, StaffWeek
from trials.stopping.safety import waits
from trials.store import acts
from trials.store.engine import Store, reading
from trials.store.models import BATCH, ENROLMENT, LOOK, PLAN
from trials.store.plans import must_be_aware, sealed_plan
from trials.store.quarantine import REPLAY


def standing(store: Store, trial: str, as_of: datetime, *, small: bool = False) -> tuple[Finding, ...]:
    """What every rule of the plan says as of a time, worst first. small: with numbers that rest on few people, for whom may see
    them (`access.Sight.small`).

    Raises UnknownTrialError, NotSealedError, PlanHashMismatchError; DataError for a time without its zone.
    """
    with reading(store) as connection:
        return standing_in(connection, trial, as_of, small=small)


def standing_in(connection: Connection, trial: str, as_of: datetime, *, small: bool = False) -> tuple[Finding, ...]:
    """What `standing` gives, inside a transaction."""
    found = judged(facts_of(connection, trial, as_of))
    return found if small else tuple(veiled(one) for one in found)


def enrolment_waits(connection: Connection, trial: str, protocol: Protocol | None = None) -> str | None:
    """Why nobody may be enrolled in the trial now, in one sentence; None when people may be.

    protocol: the sealed plan, if it was read in the transaction. Raises what `standing` does.
    """
    protocol = sealed_plan(connection, trial)[0] if protocol is None else protocol
    rule = None if protocol.stopping is None else protocol.stopping.safety
    return waits(rule, events_of(connection, protocol, acts.of(connection, trial, [SAFETY_EVENT, SAFETY_JUDGED])))


def joined_while_waiting(store: Store, trial: str, joined: Iterable[date | None]) -> tuple[str, ...]:
    """A warning for each time that enrolment waited for the safety steward and a delivery enrols somebody all the same.

    joined: days of joining of the people whom the delivery is the first to name; None, unknown, counts where enrolment
    still waits. Raises what `standing` does.
    """
    days = set(joined)
    with reading(store) as connection:
        done = acts.of(connection, trial, [SAFETY_EVENT, SAFETY_JUDGED]) if days else ()
        if not done:
            return ()
        protocol, _ = sealed_plan(connection, trial)
        spells = _spells(connection, protocol, done)
    return tuple(
        f"enrolment waited for the safety steward {f'from {start} to {end}' if end else f'from {start} on'}, and this delivery "
        "enrols people who joined then; they are kept and counted, so ask the site who let them in"
        for start, end in spells
        if any(end is None if day is None else start <= day and (end is None or day < end) for day in days)
    )


def _spells(connection: Connection, protocol: Protocol, done: Sequence[Act]) -> list[tuple[date, date | None]]:
    """From which day to which (None: it still does) enrolment waited; a spell within one day has none of its own."""
    rule = None if protocol.stopping is None else protocol.stopping.safety
    found: list[tuple[date, date | None]] = []
    began: date | None = None
    for at in range(len(done)):
        waiting = waits(rule, events_of(connection, protocol, done[: at + 1])) is not None
        if waiting and began is None:
            began = done[at].at.date()
        elif not waiting and began is not None:
            found.append((began, done[at].at.date()))
            began = None
    return [*found, *([(began, None)] if began is not None else [])]


def facts_of(connection: Connection, trial: str, as_of: datetime) -> Facts:
    """What the rules may know as of a time. Raises as `standing` does."""
    must_be_aware(as_of=as_of)
    protocol, sealed = _plan(connection, trial, as_of)
    done = [act for act in acts.of(connection, trial) if act.at <= as_of]
    joined, dated = _joined(connection, protocol, as_of)
    deliveries, newest = _deliveries(connection, trial, as_of)
    return Facts(
        protocol=protocol,
        today=as_of.date(),
        sealed=sealed,
        known_until=newest or as_of.date(),
        closed=_closed(done),
        joined=joined,
        dated=dated,
        looks=_looks(connection, trial, as_of),
        deliveries=deliveries,
        weeks=weeks_of(done),
        events=events_of(connection, protocol, done),
        withdrawn=frozenset(act.body.site for act in done if isinstance(act.body, SiteWithdrawn)),
    )


def _plan(connection: Connection, trial: str, as_of: datetime) -> tuple[Protocol, date]:
    """The plan in force then (the first one, before its seal), and the day of the trial's first seal."""
    current, _ = sealed_plan(connection, trial)
    rows = connection.execute(
        select(PLAN.c.canonical, PLAN.c.sealed_at)
        .where(PLAN.c.trial_id == trial, PLAN.c.sealed_at.is_not(None))
        .order_by(PLAN.c.version)
    ).all()
    if len(rows) == 1:
        return current, rows[0].sealed_at.date()
    text = [row.canonical for row in rows if row.sealed_at <= as_of][-1:] or [rows[0].canonical]
    return from_content(json.loads(text[0]), origin=trial), rows[0].sealed_at.date()


def _joined(connection: Connection, protocol: Protocol, as_of: datetime) -> tuple[tuple[Joined, ...], bool]:
    """People by day and site, and whether all their days are known; an unknown day is that of the delivery."""
    who, what = ENROLMENT.c, BATCH.c
    found = connection.execute(
        select(who.enrolled_on, what.sent_at, who.site, who.arm, func.count().label("people"))
        .join(BATCH, (what.trial_id == who.trial_id) & (what.seq == who.batch_seq))
        .where(who.trial_id == protocol.trial, what.recorded_at <= as_of)
        .group_by(who.enrolled_on, what.sent_at, who.site, who.arm)
    ).all()
    treated, dated = {arm.id for arm in protocol.treatments}, True
    people: dict[tuple[date, str], tuple[int, int]] = {}
    for row in found:
        dated = dated and row.enrolled_on is not None
        place = (row.enrolled_on or row.sent_at.date(), row.site)
        before = people.get(place, (0, 0))
        people[place] = (before[0] + row.people, before[1] + (row.people if row.arm in treated else 0))
    by_day = sorted(people.items())
    return tuple(Joined(day, site, counts[0], counts[1]) for (day, site), counts in by_day), dated


def _deliveries(connection: Connection, trial: str, as_of: datetime) -> tuple[tuple[Delivered, ...], date | None]:
    """What came in, without what was judged again, and the day on which the newest of it was sent."""
    what = BATCH.c
    rows = connection.execute(
        select(what.sent_at, what.recorded_at, what.accepted, what.quarantined, what.duplicates)
        .where(what.trial_id == trial, what.recorded_at <= as_of, what.refusal.is_(None), what.source != REPLAY)
        .order_by(what.seq)
    ).all()
    found = [Delivered(row.recorded_at.date(), row.accepted, row.quarantined, row.duplicates) for row in rows]
    return tuple(found), max((row.sent_at.date() for row in rows), default=None)


def _looks(connection: Connection, trial: str, as_of: datetime) -> tuple[Look, ...]:
    what = LOOK.c
    found = connection.execute(
        select(what.body)
        .where(what.trial_id == trial, what.recorded_at <= as_of, what.as_of <= as_of)
        .order_by(what.number)
    )
    return tuple(Look.from_json(body) for body in found.scalars())


def _closed(done: Iterable[Act]) -> date | None:
    """The day on which an act closed the trial."""
    state = SEALED
    for act in done:
        state = act_kind(act.kind).moves(state, act.body)
        if state in CLOSED:
            return act.at.date()
    return None


def weeks_of(done: Iterable[Act]) -> tuple[StaffWeek, ...]:
    """Staff's weeks as the upload that was sent last has them, by week and pseudonym."""
    newest: dict[tuple[date, str], StaffWeek] = {}
    for act in sorted((act for act in done if act.kind == STAFF_TIME.name), key=lambda one: (one.at, one.seq)):
        assert isinstance(act.body, StaffTimes)
        for row in act.body.rows:
            newest[row.week, row.staff] = StaffWeek(row.staff, row.week, row.tenure, row.cases, row.minutes)
    return tuple(newest[place] for place in sorted(newest))


def events_of(connection: Connection, protocol: Protocol, done: Iterable[Act]) -> tuple[Event, ...]:
    """Safety events as they stand, oldest first: reported, and judged by the steward's newest word."""
    reported: dict[int, SafetyEvent] = {}
    words: dict[int, SafetyJudged] = {}
    for act in done:
        if isinstance(act.body, SafetyEvent):
            reported[act.seq] = act.body
        elif isinstance(act.body, SafetyJudged):
            words[act.body.event] = act.body
    controls = _controls(connection, protocol, {one.participant for one in reported.values() if one.participant})
    found = []
    for number, event in reported.items():
        word = words.get(number)
        found.append(
            Event(
                number=number,
                day=event.day,
                person=event.participant or "",
                treated=event.participant not in controls,
                serious=event.serious,
                related=event.related if word is None else word.related,
                kind=event.kind,
                stops=None if word is None else word.stops,
            )
        )
    return tuple(found)


def _controls(connection: Connection, protocol: Protocol, people: set[str]) -> set[str]:
    """Those of the people who are in the control arm."""
    if not people or protocol.control is None:
        return set()
    who = ENROLMENT.c
    return set(
        connection.scalars(
            select(who.participant_id).where(
                who.trial_id == protocol.trial, who.participant_id.in_(people), who.arm == protocol.control.id
            )
        )
    )


def has_joined(connection: Connection, trial: str, participant: str) -> bool:
    """Whether somebody with this pseudonym joined the trial."""
    who = ENROLMENT.c
    return (
        connection.scalar(select(who.site).where(who.trial_id == trial, who.participant_id == participant)) is not None
    )
