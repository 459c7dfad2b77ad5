"""What the ledger knows of a trial's feasibility: people joined, outcomes known, rows that passed. Counts, by no arm."""

from __future__ import annotations

from datetime import date

from sqlalchemy import func, select

from trials.feasibility import Facts
from trials.protocol import Protocol
from trials.rules import DAYS_A_MONTH
from trials.store.decisions import received
from trials.store.engine import Store, reading
from trials.store.models import ENROLMENT
from trials.store.reading import must_exist, newest_look


def facts_of(store: Store, protocol: Protocol, on: date) -> Facts:
    """The facts on a day. Outcomes are those of the newest look: of the people whose turn has come.

    Months run from the day on which the first person joined to this day, or to the last one's once everybody planned has
    joined: nobody is waited for after that. 0 while nobody has joined, or without days. Raises UnknownTrialError.
    """
    with reading(store) as connection:
        must_exist(connection, protocol.trial)
        held, look = received(connection, protocol.trial), newest_look(connection, protocol.trial)
        last = connection.scalar(
            select(func.max(ENROLMENT.c.enrolled_on)).where(ENROLMENT.c.trial_id == protocol.trial)
        )
    until = last if held.enrolled >= protocol.monitoring.max_participants and last is not None else on
    months = 0.0 if held.first is None else max((until - held.first).days, 0) / DAYS_A_MONTH
    known, missing = (0, 0) if look is None else (look.n, look.missing)
    return Facts(
        enrolled=held.enrolled,
        months=months,
        settled=known + missing,
        with_outcome=known,
        rows=held.taken + held.set_aside,
        set_aside=held.set_aside,
    )
