"""What is counted over a trial's whole ledger: outcomes by half (drift is judged by them), and by delivery who joined and what
was set aside. Raw counts: what is shown of them passes `trials.disclosure`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sqlalchemy import case, func, select

from trials.disclosure import Moment, SafeTable, Told, joined_table
from trials.protocol import Protocol
from trials.store.engine import Store, reading
from trials.store.models import ENROLMENT, OBSERVATION, QUARANTINE, STATE

# (arm, whether in the first half by entry, value, people)
Tally = tuple[str, bool, float, int]


def outcomes_by_half(store: Store, measures: Mapping[str, str]) -> dict[str, list[Tally]]:
    """Per trial, the people whose turn has come, by arm, half and newest value. measures: each trial's primary measure.

    One query for all trials; its cost grows with their histories.
    """
    who, what = ENROLMENT.c, OBSERVATION.c
    age = func.row_number().over(
        partition_by=(what.trial_id, what.measure, what.participant_id), order_by=(what.sent_at.desc(), what.rev.desc())
    )
    known = (
        select(what.trial_id, what.measure, who.arm, who.order_key, what.value, age.label("age"))
        .join(ENROLMENT, (who.trial_id == what.trial_id) & (who.participant_id == what.participant_id))
        .join(STATE, STATE.c.trial_id == what.trial_id)
        .where(
            what.trial_id.in_(measures), what.measure.in_(set(measures.values())), who.order_key <= STATE.c.cursor_key
        )
        .subquery()
    )
    within = (known.c.trial_id, known.c.measure)
    placed = (
        select(
            *(known.c.trial_id, known.c.measure, known.c.arm, known.c.value),
            func.row_number().over(partition_by=within, order_by=known.c.order_key).label("place"),
            func.count().over(partition_by=within).label("people"),
        )
        .where(known.c.age == 1, known.c.value.is_not(None))
        .subquery()
    )
    first = case((2 * placed.c.place <= placed.c.people, 1), else_=0)
    columns = (placed.c.trial_id, placed.c.measure, placed.c.arm, first, placed.c.value)
    found: defaultdict[str, list[Tally]] = defaultdict(list)
    with reading(store) as connection:
        for trial, measure, arm, early, value, people in connection.execute(
            select(*columns, func.count()).group_by(*columns)
        ).tuples():
            if measures[trial] == measure:
                found[trial].append((arm, bool(early), value, people))
    return dict(found)


def joined(store: Store, protocol: Protocol, told: Iterable[Told], upto: int | None = None) -> SafeTable:
    """Who joined by site and arm, released by delivery: the one table of them that pages, filters and exports show.

    told: what the looks shown tell of each arm's people, and of the sites' (`trials.store.sites.history`). Sites that the plan
    doesn't name are one row, ''. upto: the last delivery that counts, for a page as of an earlier look.
    """
    sites = [site.id for site in protocol.sites]
    came: defaultdict[int, defaultdict[tuple[str, str], int]] = defaultdict(lambda: defaultdict(int))
    for delivery, site, arm, people in enrolled_by_delivery(store, protocol.trial):
        if upto is None or delivery <= upto:
            came[delivery][site if site in sites else "", arm] += people
    others = any(site == "" for moment in came.values() for site, _ in moment)
    looks: defaultdict[int, list[Mapping[str, tuple[int, int]]]] = defaultdict(list)
    for delivery, arms in told:
        looks[delivery].append(arms)
    moments = []
    for delivery in sorted(came.keys() | looks.keys()):
        first, *more = looks[delivery] or [{}]
        moments += [Moment(came[delivery], first), *(Moment(told=arms) for arms in more)]
    rows = [*sites, *([""] if others or not sites else [])]
    return joined_table(rows, [arm.id for arm in protocol.arms], moments)


def enrolled_by_delivery(store: Store, trial_id: str) -> list[tuple[int, str, str, int]]:
    """(delivery, site, arm, people whom it enrolled), the oldest first: what the released table is made from."""
    columns = ENROLMENT.c
    with reading(store) as connection:
        found = connection.execute(
            select(columns.batch_seq, columns.site, columns.arm, func.count())
            .where(columns.trial_id == trial_id)
            .group_by(columns.batch_seq, columns.site, columns.arm)
            .order_by(columns.batch_seq, columns.site, columns.arm)
        )
        return list(found.tuples().all())


def set_aside_by_delivery(store: Store, trial_id: str) -> list[tuple[str, int]]:
    """(reason, rows that a delivery had set aside for it), the oldest delivery first."""
    columns = QUARANTINE.c
    with reading(store) as connection:
        found = connection.execute(
            select(columns.reason, func.count())
            .where(columns.trial_id == trial_id)
            .group_by(columns.batch_seq, columns.reason)
            .order_by(columns.batch_seq, columns.reason)
        )
        return [(reason, rows) for reason, rows in found.tuples()]
