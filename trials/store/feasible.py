"""What the ledger knows of a trial's feasibility: people joined, outcomes known, rows that passed. Counts, by no arm."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select

from trials import deciding
from trials.disclosure import LIMIT, NOTHING, SafeTable, Step, added_up, between, stepped, told_of_arms
from trials.feasibility import Facts, months_of
from trials.protocol import Protocol
from trials.store import reading as reads
from trials.store.decisions import received
from trials.store.engine import Store, reading
from trials.store.models import BATCH
from trials.store.reading import must_exist, newest_look
from trials.store.sights import joined_as_told
from trials.store.tallies import set_aside_by_delivery


def facts_of(store: Store, protocol: Protocol, on: date) -> Facts:
    """The facts on a day, as a decision on it would find them. Outcomes are those of the newest look: of the people whose turn
    has come. Months end with the last one's day once everybody planned has joined. Raises UnknownTrialError."""
    with reading(store) as connection:
        must_exist(connection, protocol.trial)
        held, look = received(connection, protocol.trial), newest_look(connection, protocol.trial)
    return deciding.facts_of(look, held, on, protocol.monitoring.max_participants)


def facts_between(
    store: Store, protocol: Protocol, on: date, enrolment: SafeTable | None = None
) -> tuple[Facts, Facts]:
    """The worst and the best that the facts can be by what is told of them in steps: people by the table of who joined,
    outcomes by the newest look that may be shown and the missing beside it, rows by delivery.

    enrolment: the table of who joined (`joined_as_told`) where it is at hand: to make it anew is a walk through the trial's
    people for every telling. Raises UnknownTrialError.
    """
    trial = protocol.trial
    with reading(store) as connection:
        must_exist(connection, trial)
        first = received(connection, trial).first
        taken = connection.execute(
            select(BATCH.c.accepted + BATCH.c.duplicates)
            .where(BATCH.c.trial_id == trial, BATCH.c.source != "replay", BATCH.c.refusal.is_(None))
            .order_by(BATCH.c.seq)
        ).scalars()
        rows = _range([stepped(added_up(("", more) for more in taken).get("", ()))])
    reasons = added_up(set_aside_by_delivery(store, trial)).values()
    aside = _range([stepped(history) for history in reasons] or [NOTHING])
    _, shown, missing = told_of_arms(reads.looks(store, trial), (), {})
    lost, known = _range(list(missing.values())), shown[-1].n if shown else 0
    joined = between(joined_as_told(store, protocol) if enrolment is None else enrolment)
    # By what is told everybody may have joined by now: then nobody knows how long it took, and nothing is said of the pace.
    over = joined[1] >= protocol.monitoring.max_participants
    months = 0.0 if over else months_of(first, None, on, whole=False)

    def facts(people: int, absent: int, good: int, bad: int) -> Facts:
        return Facts(people, months, known + absent if known else 0, known, good + bad, bad)

    return facts(joined[0], lost[1], rows[0], aside[1]), facts(joined[1], lost[0], rows[1], aside[0])


def _range(steps: list[Step]) -> tuple[int, int]:
    """The fewest and the most that counts published in steps can be together."""
    return sum(one.shown or 0 for one in steps), sum((one.shown or 0) + LIMIT - 1 for one in steps)
