"""The ledger in two times: what was true when (`sent_at`), and when we knew it (`recorded_at`).

Nothing is ever overwritten, so every earlier state of knowledge is still there to be read.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, or_, select

from trials.errors import DataError
from trials.store.engine import Store, reading
from trials.store.models import BATCH, ENROLMENT, OBSERVATION
from trials.store.plans import must_be_aware
from trials.store.reading import must_exist

_PART = 10_000


@dataclass(frozen=True, slots=True)
class Fact:
    """One person's value of one measure. measure None: enrolled, and nothing is known of any. value None: taken back.

    sent_at, recorded_at: of the delivery that said so; of the enrolment where there is no value.
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
    """Where and when one person joined, and by which delivery we knew."""

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
        query = _newest(trial_id, true_at, known_at)
        with connection.execute(query, execution_options={"yield_per": _PART}) as found:
            for row in found.tuples():
                yield Fact(*row)


def _newest(trial_id: str, true_at: datetime | None, known_at: datetime | None) -> Select[Any]:
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
        .where(what.trial_id == trial_id, *_until(what.sent_at, true_at), *_until(told.c.recorded_at, known_at))
        .subquery()
    )
    newest = versions.c
    silent = [] if true_at is None else [or_(newest.measure.is_not(None), joined.c.sent_at <= true_at)]
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
    newest = {one[0]: one[1] for one in versions}  # the last of each measure
    return Enrolment(*row), [Told(*[*one, newest[one[0]] == one[1]]) for one in versions]
