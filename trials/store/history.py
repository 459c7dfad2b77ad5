"""The ledger in two times: what was true when (`sent_at`), and when we knew it (`recorded_at`).

Nothing is ever overwritten, so every earlier state of knowledge is still there to be read.

A delivery that came in late with what a newer one had said before it made no version (`trials.store.merge`); what it repeated
is kept, and counts here from its own `sent_at` on. Guarantee: a value at `true_at`, known at `known_at`, is the one that the
newest of the deliveries sent and received by then said. A person is enrolled since the smallest `sent_at` of the deliveries
that named them, as far as the ledger knows: one that names somebody enrolled already, without a word on values, leaves no
trace.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, or_, select

from trials.errors import DataError
from trials.store.engine import Store, reading
from trials.store.merge import NOTHING, Reading, effective_at
from trials.store.models import BATCH, ENROLMENT, OBSERVATION, PLAN, REPETITION, TRIAL
from trials.store.plans import must_be_aware
from trials.store.reading import must_exist

_PART = 10_000


@dataclass(frozen=True, slots=True)
class Fact:
    """One person's value of one measure. measure None: enrolled, and nothing is known of any. value None: taken back.

    sent_at, recorded_at: of the delivery whose word this is; where there is no value of the one that enrolled them, or (if that
    was sent after `true_at`) of the earliest sent that named them.
    """

    participant_id: str
    site: str
    arm: str
    enrolled_on: date | None
    entry_order: int | None
    measure: str | None
    value: float | None
    companion: float | None
    observed_on: date | None
    sent_at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """One version of one person's value. current: it is the one in force. delivery, name, source: who said so.

    A version that was written out later, because a delivery that came in late made it a change back, names that delivery.
    rev 0: no version, but what a late delivery said of the time before the first one.
    """

    measure: str
    rev: int
    value: float | None
    companion: float | None
    observed_on: date | None
    sent_at: datetime
    recorded_at: datetime
    effective_at: datetime
    delivery: int
    name: str
    source: str
    current: bool


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Where and when one person joined, and by which delivery we knew.

    recorded_at, delivery, name: of the one that came first. sent_at: the smallest of those that named them.
    """

    participant_id: str
    site: str
    arm: str
    enrolled_on: date | None
    entry_order: int | None
    sent_at: datetime
    recorded_at: datetime
    delivery: int
    name: str


def as_of(
    store: Store, trial_id: str, *, true_at: datetime | None = None, known_at: datetime | None = None
) -> Generator[Fact, None, None]:
    """Everybody enrolled with the newest value of each measure, by place in the sealed order, then measure.

    known_at: from deliveries received by then. true_at: from what was sent by then. Both left out: as it stands. One
    ordered query, read in parts: the iterator holds a snapshot until it ends. Its first step raises UnknownTrialError.
    """
    must_be_aware(**{name: at for name, at in (("true_at", true_at), ("known_at", known_at)) if at is not None})
    with reading(store) as connection:
        must_exist(connection, trial_id)
        late = {} if true_at is None else _said_late(connection, trial_id, true_at, known_at)
        _read_whole(connection)
        query = _newest(trial_id, true_at, known_at, everybody=bool(late))
        with connection.execute(query, execution_options={"yield_per": _PART}) as found:
            facts = (Fact(*row) for row in found.tuples())
            yield from facts if true_at is None or not late else _with_late(facts, late, true_at)


def _read_whole(connection: Connection) -> None:
    """Tells PostgreSQL that everybody is read, and that there are many. For a cursor it plans the first tenth alone, and of the
    newest versions it expects a handful: it would go through all of them again for each person."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL cursor_tuple_fraction = 1")
        connection.exec_driver_sql("SET LOCAL enable_nestloop = off")


def _newest(trial_id: str, true_at: datetime | None, known_at: datetime | None, *, everybody: bool) -> Select[Any]:
    """The query behind `as_of`, by versions alone. everybody: also who was enrolled by a delivery sent after `true_at`."""
    who, what = ENROLMENT.c, OBSERVATION.c
    joined, told = BATCH.alias("joined"), BATCH.alias("told")
    versions = (
        select(
            *(what.participant_id, what.measure, what.value, what.companion, what.observed_on, what.sent_at),
            told.c.recorded_at,
            # The newest version has number 1: one pass over the versions in order, whatever their number.
            func.row_number()
            .over(partition_by=(what.measure, what.participant_id), order_by=(what.sent_at.desc(), what.rev.desc()))
            .label("age"),
        )
        .join(told, (told.c.trial_id == what.trial_id) & (told.c.seq == what.batch_seq))
        # "Between" where "is" would do: SQLite takes what one key is equal to for a handful of rows, and would read all of them
        # again for each person instead of looking them up.
        .where(
            what.trial_id.between(trial_id, trial_id),
            *_until(what.sent_at, true_at),
            *_until(told.c.recorded_at, known_at),
        )
        .subquery()
    )
    newest = versions.c
    silent = [] if true_at is None or everybody else [or_(newest.measure.is_not(None), joined.c.sent_at <= true_at)]
    return (
        select(
            *(who.participant_id, who.site, who.arm, who.enrolled_on, who.entry_order),
            *(newest.measure, newest.value, newest.companion, newest.observed_on),
            func.coalesce(newest.sent_at, joined.c.sent_at, type_=BATCH.c.sent_at.type),
            func.coalesce(newest.recorded_at, joined.c.recorded_at, type_=BATCH.c.sent_at.type),
        )
        .join(joined, (joined.c.trial_id == who.trial_id) & (joined.c.seq == who.batch_seq))
        .outerjoin(versions, (newest.participant_id == who.participant_id) & (newest.age == 1))
        .where(who.trial_id == trial_id, *_until(joined.c.recorded_at, known_at), *silent)
        .order_by(who.order_key, newest.measure)
    )


@dataclass(slots=True)
class _Late:
    """What repetitions say of one person. since: (sent_at, recorded_at) of the earliest sent that names them."""

    since: tuple[datetime, datetime]
    readings: dict[str, tuple[Reading, datetime, datetime]] = field(default_factory=dict)


def _said_late(connection: Connection, trial_id: str, true_at: datetime, known_at: datetime | None) -> dict[str, _Late]:
    """What repetitions sent by `true_at` say of whoever is named by one that came after a delivery sent later than that.

    Of all others the versions say it all. Two reads of the repetitions, and none unless such deliveries came.
    """
    what = BATCH.c
    known = _until(what.recorded_at, known_at)
    ahead = connection.scalar(
        select(func.min(what.seq)).where(what.trial_id == trial_id, what.sent_at > true_at, *known)
    )
    if ahead is None:
        return {}
    told = [what.sent_at <= true_at, *known]
    names = {name for _, said in _repetitions(connection, trial_id, *told, what.seq > ahead) for name in said}
    found: dict[str, _Late] = {}
    if not names:
        return found
    for batch, said in _repetitions(connection, trial_id, *told):
        for name in names & said.keys():
            person = found.setdefault(name, _Late((batch.sent_at, batch.recorded_at)))
            for measure, value in said[name].items():
                before = person.readings.get(measure)
                if value != (NOTHING if before is None else before[0]):
                    person.readings[measure] = value, batch.sent_at, batch.recorded_at
    return found


def _repetitions(
    connection: Connection, trial_id: str, *conditions: ColumnElement[bool]
) -> Iterator[tuple[Row[Any], dict[str, dict[str, Reading]]]]:
    """What deliveries repeated, by person and measure, in the order in which they were sent."""
    what, said = BATCH.c, REPETITION.c
    query = (
        select(what.seq, what.name, what.source, what.sent_at, what.recorded_at, said.readings)
        .join(REPETITION, (said.trial_id == what.trial_id) & (said.batch_seq == what.seq))
        .where(what.trial_id == trial_id, *conditions)
        .order_by(what.sent_at, what.seq)
    )
    primary: str | None = None
    for row in connection.execute(query, execution_options={"yield_per": 1}):
        people = {}
        for name, readings in row.readings.items():
            if isinstance(readings, dict):
                people[name] = {measure: (value, companion) for measure, (value, companion) in readings.items()}
            else:  # from before revision r0002: the primary measure's value
                primary = _primary(connection, trial_id) if primary is None else primary
                people[name] = {primary: (readings, None)}
        yield row, people


def _primary(connection: Connection, trial_id: str) -> str:
    plan = connection.scalar(
        select(PLAN.c.canonical)
        .join(TRIAL, (TRIAL.c.id == PLAN.c.trial_id) & (TRIAL.c.plan_version == PLAN.c.version))
        .where(TRIAL.c.id == trial_id)
    )
    return str(json.loads(plan or "")["primary"]["measure"])


def _with_late(facts: Iterable[Fact], late: Mapping[str, _Late], true_at: datetime) -> Iterator[Fact]:
    """The facts that versions tell, and what repetitions tell of measures of which no version had been sent by then."""
    for name, told in groupby(facts, attrgetter("participant_id")):
        first, *others = told
        person = late.get(name)
        known = [] if first.measure is None else [first, *others]
        if person is not None:
            known += _repeated(first, person, {fact.measure for fact in known})
        if known:
            yield from sorted(known, key=lambda fact: fact.measure or "")
        elif first.sent_at <= true_at:
            yield first
        elif person is not None:
            yield replace(first, sent_at=person.since[0], recorded_at=person.since[1])


def _repeated(of: Fact, person: _Late, known: set[str | None]) -> list[Fact]:
    return [
        replace(
            of,
            measure=measure,
            value=value,
            companion=companion,
            observed_on=None,
            sent_at=sent_at,
            recorded_at=recorded_at,
        )
        for measure, ((value, companion), sent_at, recorded_at) in person.readings.items()
        if measure not in known
    ]


def _until(column: Any, at: datetime | None) -> list[Any]:
    return [] if at is None else [column <= at]


def history(store: Store, trial_id: str, participant_id: str) -> tuple[Enrolment, list[Told]]:
    """Every version of one person's values, by measure and the time it was sent. participant_id: as the ledger holds it.

    Raises UnknownTrialError; DataError when nobody is enrolled under that id, which it does not repeat.
    """
    who, what, told = ENROLMENT.c, OBSERVATION.c, BATCH.c
    with reading(store) as connection:
        must_exist(connection, trial_id)
        row = connection.execute(
            select(
                *(who.participant_id, who.site, who.arm, who.enrolled_on, who.entry_order),
                *(told.sent_at, told.recorded_at, told.seq, told.name),
            )
            .join(BATCH, (told.trial_id == who.trial_id) & (told.seq == who.batch_seq))
            .where(who.trial_id == trial_id, who.participant_id == participant_id)
        ).first()
        if row is None:
            raise DataError(
                f"the participant is not in {trial_id}, must be one whom a delivery enrolled. Give the id as the site sends it."
            )
        found = connection.execute(
            select(
                *(what.measure, what.rev, what.value, what.companion, what.observed_on, what.sent_at),
                *(told.recorded_at, what.effective_at, told.seq, told.name, told.source),
            )
            .join(BATCH, (told.trial_id == what.trial_id) & (told.seq == what.batch_seq))
            .where(what.trial_id == trial_id, what.participant_id == participant_id)
            .order_by(what.measure, what.sent_at, what.rev)
        )
        versions: list[list[Any]] = [[*one] for one in found]
        joined = Enrolment(*row)
        since, early = _before_versions(connection, trial_id, joined, participant_id, versions)
    newest = {one[0]: one[1] for one in versions}  # the last of each measure
    versions = sorted([*early, *versions], key=lambda one: (one[0], one[5], one[1]))
    return replace(joined, sent_at=since), [Told(*[*one, newest[one[0]] == one[1]]) for one in versions]


def _before_versions(
    connection: Connection, trial_id: str, joined: Enrolment, participant_id: str, versions: list[list[Any]]
) -> tuple[datetime, list[list[Any]]]:
    """Since when a person is enrolled, and what repetitions say of each measure before its first version."""
    since, early = joined.sent_at, []
    first: dict[str, datetime] = {}
    for measure, _, _, _, _, sent_at, *_ in versions:
        first[measure] = min(first.get(measure, sent_at), sent_at)
    until = BATCH.c.sent_at < max([joined.sent_at, *first.values()])
    said: defaultdict[str, Reading] = defaultdict(lambda: NOTHING)
    for batch, people in _repetitions(connection, trial_id, until):
        readings = people.get(participant_id)
        if readings is None:
            continue
        since = min(since, batch.sent_at)
        at = (batch.sent_at, batch.recorded_at)
        for measure, value in readings.items():
            if measure in first and batch.sent_at < first[measure] and value != said[measure]:
                said[measure] = value
                early.append([measure, 0, *value, None, *at, effective_at(*at), batch.seq, batch.name, batch.source])
    return min([since, *first.values()]), early
