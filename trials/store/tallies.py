"""How often each value came in the first and in the second half of a trial: what drift of the outcome is judged by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import case, func, select

from trials.store.engine import Store, reading
from trials.store.models import ENROLMENT, OBSERVATION, STATE

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
