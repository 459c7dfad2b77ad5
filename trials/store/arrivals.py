"""What came in for each trial and what did not, for `trials.overdue`. As many queries for all trials as for one.

A source that fails brings no delivery, so the attempt itself is noted, as a link of the trial's audit chain: `source failed`
with the sentence, and `source answered` when it next does.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, FromClause, Select, and_, exists, func, or_, select

from trials.overdue import Arrivals, Failure, Participant
from trials.protocol import Protocol
from trials.store import chain
from trials.store.deliveries import REGISTER
from trials.store.engine import Store, reading, writing
from trials.store.models import AUDIT, BATCH, ENROLMENT, OBSERVATION, PLAN, TRIAL
from trials.store.quarantine import REPLAY

FAILED, ANSWERED = "source failed", "source answered"
MOST_REFUSED = 10  # are listed of a trial, the newest
_SURE = 40  # characters of a file's name, by which a sentence is known to begin with it
_MANY = 500  # asked for more trials than this, all are read and the others left out


def arrivals_of(store: Store, protocols: Mapping[str, Protocol]) -> dict[str, tuple[Arrivals, list[Participant]]]:
    """Per trial what came in, and everybody enrolled. Five queries, however many trials."""
    with reading(store) as connection:
        sealed = _sealed_at(connection, protocols)
        received, refused = _received(connection, protocols), _refused(connection, protocols)
        told, failed = _told(connection, protocols), _failed(connection, protocols)
        people = _people(connection, protocols)
    return {
        trial: (
            Arrivals(
                sealed_at=sealed.get(trial),
                last_received_at=received.get(trial),
                by_site=told.get(trial, {}),
                failures=tuple(
                    sorted([*refused.get(trial, []), *failed.get(trial, [])], key=lambda failure: failure.at)
                ),
            ),
            people.get(trial, []),
        )
        for trial in protocols
    }


def note_attempt(store: Store, trial_id: str, *, failed: str | None, at: datetime) -> None:
    """Notes that the source failed, with the sentence, or (None) that it answered; that only if it had failed before.

    Raises ForbiddenError for somebody who may not collect.
    """
    with writing(store, trial_id, "collect") as connection:
        if failed is not None:
            chain.append(connection, trial_id, FAILED, {"error": failed}, at)
        elif _failed(connection, [trial_id]):
            chain.append(connection, trial_id, ANSWERED, {}, at)


def failing(store: Store, trials: Collection[str]) -> frozenset[str]:
    """Those of the trials whose source did not answer at the last attempt."""
    with reading(store) as connection:
        return frozenset(_failed(connection, trials))


def _of(column: ColumnElement[str], trials: Collection[str]) -> ColumnElement[bool]:
    """Restricts a query to these trials, when they are few enough to be named in it."""
    return column.in_(sorted(trials)) if len(trials) <= _MANY else column.is_not(None)


def _from_a_site(batch: FromClause = BATCH) -> ColumnElement[bool]:
    """Deliveries that a site sent: no list of people, no replay of what came before."""
    return and_(~batch.c.source.startswith(REGISTER, autoescape=True), batch.c.source != REPLAY)


def _sealed_at(connection: Connection, trials: Collection[str]) -> dict[str, datetime]:
    found = connection.execute(
        select(TRIAL.c.id, PLAN.c.sealed_at)
        .join(PLAN, (PLAN.c.trial_id == TRIAL.c.id) & (PLAN.c.version == TRIAL.c.plan_version))
        .where(PLAN.c.sealed_at.is_not(None), _of(TRIAL.c.id, trials))
    )
    return dict(found.tuples().all())


def _received(connection: Connection, trials: Collection[str]) -> dict[str, datetime]:
    found = connection.execute(
        select(BATCH.c.trial_id, func.max(BATCH.c.recorded_at))
        .where(_of(BATCH.c.trial_id, trials), _from_a_site(), BATCH.c.refusal.is_(None))
        .group_by(BATCH.c.trial_id)
    )
    return dict(found.tuples().all())


def _refused(connection: Connection, trials: Collection[str]) -> dict[str, list[Failure]]:
    """The deliveries that were refused since all that came at one time was good, but for those that came again by that name.

    The newest of each trial; a good file that comes with a bad one doesn't hide it.
    """
    beside, later = BATCH.alias("beside"), BATCH.alias("later")
    spoilt = exists().where(
        *(beside.c.trial_id == BATCH.c.trial_id, beside.c.recorded_at == BATCH.c.recorded_at),
        *(beside.c.refusal.is_not(None), _from_a_site(beside)),
    )
    good = (
        select(BATCH.c.trial_id, func.max(BATCH.c.seq).label("seq"))
        .where(_from_a_site(), BATCH.c.refusal.is_(None), ~spoilt)
        .group_by(BATCH.c.trial_id)
        .subquery()
    )
    again = exists().where(
        *(later.c.trial_id == BATCH.c.trial_id, later.c.name == BATCH.c.name),
        *(later.c.seq > BATCH.c.seq, _from_a_site(later)),
    )
    found = connection.execute(
        select(BATCH.c.trial_id, BATCH.c.recorded_at, BATCH.c.name, BATCH.c.refusal)
        .outerjoin(good, good.c.trial_id == BATCH.c.trial_id)
        .where(
            _of(BATCH.c.trial_id, trials),
            _from_a_site(),
            BATCH.c.refusal.is_not(None),
            ~again,
            or_(good.c.seq.is_(None), BATCH.c.seq > good.c.seq),
        )
        .order_by(BATCH.c.trial_id, BATCH.c.seq)
    )
    refused = _by_trial((trial, Failure(at, "refused", _told_by(name, refusal))) for trial, at, name, refusal in found)
    return {trial: failures[-MOST_REFUSED:] for trial, failures in refused.items()}


def _told_by(name: str, refusal: str) -> str:
    """The sentence with the file's name before it, once: a refusal of the checks begins with it, a long one cut short."""
    return refusal if refusal.startswith(name[:_SURE]) else f"{name}: {refusal}"


def _failed(connection: Connection, trials: Collection[str]) -> dict[str, list[Failure]]:
    """The attempts that failed since the source last answered."""
    answered = (
        select(AUDIT.c.trial_id, func.max(AUDIT.c.seq).label("seq"))
        .where(_of(AUDIT.c.trial_id, trials), AUDIT.c.kind == ANSWERED)
        .group_by(AUDIT.c.trial_id)
        .subquery()
    )
    found = connection.execute(
        select(AUDIT.c.trial_id, AUDIT.c.at, AUDIT.c.body)
        .outerjoin(answered, answered.c.trial_id == AUDIT.c.trial_id)
        .where(
            _of(AUDIT.c.trial_id, trials),
            AUDIT.c.kind == FAILED,
            or_(answered.c.seq.is_(None), AUDIT.c.seq > answered.c.seq),
        )
        .order_by(AUDIT.c.trial_id, AUDIT.c.seq)
    )
    return _by_trial((trial, Failure(at, "failed", json.loads(body)["error"])) for trial, at, body in found)


def _told(connection: Connection, trials: Collection[str]) -> dict[str, dict[str, datetime]]:
    """When each site last told something new: a person who joined, or a value."""
    newest = func.max(BATCH.c.recorded_at)

    def of(facts: Select[tuple[str, str, datetime]]) -> Select[tuple[str, str, datetime]]:
        return facts.where(_of(ENROLMENT.c.trial_id, trials), _from_a_site()).group_by(
            ENROLMENT.c.trial_id, ENROLMENT.c.site
        )

    joined = select(ENROLMENT.c.trial_id, ENROLMENT.c.site, newest).join(
        BATCH, (BATCH.c.trial_id == ENROLMENT.c.trial_id) & (BATCH.c.seq == ENROLMENT.c.batch_seq)
    )
    same_person = and_(
        OBSERVATION.c.trial_id == ENROLMENT.c.trial_id, OBSERVATION.c.participant_id == ENROLMENT.c.participant_id
    )
    valued = (
        select(ENROLMENT.c.trial_id, ENROLMENT.c.site, newest)
        .join(OBSERVATION, same_person)
        .join(BATCH, (BATCH.c.trial_id == OBSERVATION.c.trial_id) & (BATCH.c.seq == OBSERVATION.c.batch_seq))
    )
    told: dict[str, dict[str, datetime]] = defaultdict(dict)
    for facts in (joined, valued):
        for trial, site, at in connection.execute(of(facts)).tuples():
            told[trial][site] = max(at, told[trial].get(site, at))
    return told


def _people(connection: Connection, protocols: Mapping[str, Protocol]) -> dict[str, list[Participant]]:
    """Everybody enrolled, each with the first and last time at which a value of their trial's primary measure was known."""
    known, who = OBSERVATION.c, ENROLMENT.c
    measures = {protocol.primary.measure for protocol in protocols.values()}
    # A measure that is primary in one trial may be a guardrail of another, so the measure is compared again below.
    times = (
        select(
            *(known.trial_id, known.participant_id, known.measure),
            *(func.min(known.effective_at).label("first"), func.max(known.effective_at).label("last")),
        )
        .where(_of(known.trial_id, protocols), known.measure.in_(sorted(measures)))
        .group_by(known.trial_id, known.participant_id, known.measure)
        .subquery()
    )
    same_person = and_(times.c.trial_id == who.trial_id, times.c.participant_id == who.participant_id)
    found = connection.execute(
        select(
            *(who.trial_id, who.participant_id, who.site, who.enrolled_on, who.entry_order),
            *(times.c.measure, times.c.first, times.c.last),
        )
        .outerjoin(times, same_person)
        .where(_of(who.trial_id, protocols))
    )
    people: dict[str, dict[str, Participant]] = defaultdict(dict)
    for trial, name, site, enrolled_on, entry_order, measure, first, last in found.tuples():
        protocol = protocols.get(trial)
        if protocol is None:
            continue
        if measure == protocol.primary.measure:
            people[trial][name] = Participant(name, site, enrolled_on, entry_order, first, last)
        else:
            people[trial].setdefault(name, Participant(name, site, enrolled_on, entry_order))
    return {trial: list(each.values()) for trial, each in people.items()}


def _by_trial(failures: Iterable[tuple[str, Failure]]) -> dict[str, list[Failure]]:
    found: dict[str, list[Failure]] = defaultdict(list)
    for trial, failure in failures:
        found[trial].append(failure)
    return found
