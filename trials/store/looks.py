"""Looks in the database: the analysis is handed what the ledger holds, as it stands or as it stood."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from operator import itemgetter
from types import MappingProxyType

from sqlalchemy import Connection, delete, insert, select, type_coerce

from trials.acts.allocating import ARM_DROPPED, ArmDropped
from trials.analysis import Person, Progress, Version, analyse, can_resume, reported_after_all
from trials.errors import StoreError
from trials.evidence import Look
from trials.protocol import Protocol
from trials.store import chain
from trials.store.acts import of
from trials.store.bulk import AS_STORED, Days, Moments
from trials.store.deliveries import measures_of
from trials.store.models import BATCH, ENROLMENT, LOOK, OBSERVATION, STATE
from trials.store.plans import plan_with, sealed_plan

# What people of trials without guardrails have in common.
NOTHING: Mapping[str, tuple[Version, ...]] = MappingProxyType({})
# What arms had been dropped when somebody joined, where none was.
ALL_ARMS: frozenset[str] = frozenset()


def next_look(
    connection: Connection, protocol: Protocol, sha256: str, seq: int, as_of: datetime, changed: str | None
) -> tuple[Look | None, Progress, Look]:
    """The last look, then the next one with the state behind it. `changed`: smallest order key of the people who changed.

    It reads on from the cursor where it can. From the start when somebody before the cursor changed (a correction, a late
    enrolment), when somebody after it came under a number that was passed over, when the last look could not see all that
    was in, when its state is of another format, or when the plan was amended since: so no state mixes two plans.
    """
    last, progress = _last(connection, protocol.trial)
    if progress is not None and last is not None:
        rewritten = changed is not None and changed <= progress.cursor_key
        amended = last.protocol_sha256 != sha256
        if rewritten or amended or not can_resume(progress) or not _saw_everything(connection, last):
            progress = None
    people = people_in_order(connection, protocol, after=None if progress is None else progress.cursor_key)
    if progress is not None and reported_after_all(protocol, progress, people):
        progress, people = None, people_in_order(connection, protocol)
    after, look = analyse(
        protocol,
        people,
        progress,
        as_of=as_of.astimezone(UTC) if last is None else max(as_of.astimezone(UTC), last.as_of),
        batch_seq=seq,
        number=1 if last is None else last.number + 1,
        # Whoever is registered before the cursor was read by it, or the look would start anew: nobody need be counted.
        enrolled=len(people) + (0 if progress is None else progress.position),
        protocol_sha256=sha256,
        everybody=partial(people_in_order, connection, protocol),
    )
    return last, after, look


def past_look(connection: Connection, trial: str, number: int) -> Look:
    """A look that was taken, computed again from history with the version of the plan that it was taken with.

    Raises what `sealed_protocol` does, and StoreError when there is no such look.
    """
    sealed_plan(connection, trial)
    stored = _look(connection, trial, number)
    if stored is None:
        raise StoreError(f"look == {number}, must be a look that {trial} has had. See `roadtest status {trial}`.")
    protocol = plan_with(connection, trial, stored.protocol_sha256)
    people = people_in_order(connection, protocol, upto=stored.batch_seq)
    return analyse(
        protocol,
        people,
        None,
        as_of=stored.as_of,
        batch_seq=stored.batch_seq,
        number=number,
        enrolled=len(people),
        protocol_sha256=stored.protocol_sha256,
    )[1]


def insert_look(
    connection: Connection, progress: Progress, look: Look, recorded_at: datetime, now: datetime | None = None
) -> None:
    """Append the look and its link, and put the state behind it in place of the last one."""
    row = {
        "number": look.number,
        "as_of": look.as_of,
        "recorded_at": recorded_at,
        "batch_seq": look.batch_seq,
        "n": look.n,
        "verdict": look.verdict,
        "body": look.to_json(),
    }
    state = {
        "look_number": look.number,
        "position": progress.position,
        "cursor_key": progress.cursor_key,
        "state": progress.state,
    }
    connection.execute(insert(LOOK).values(trial_id=look.trial, **row))
    connection.execute(delete(STATE).where(STATE.c.trial_id == look.trial))
    connection.execute(insert(STATE).values(trial_id=look.trial, **state))
    chain.append(connection, look.trial, "look", chain.look_body(row, state), now)


def _saw_everything(connection: Connection, look: Look) -> bool:
    """Whether a look counted all that was in: no delivery up to it was received after the time it was taken at.

    A value counts from its effective_at on, which is never after its delivery's recorded_at. No delivery is received before
    the one before it (`deliveries.received_at`), so the last one tells.
    """
    received = connection.scalar(
        select(BATCH.c.recorded_at)
        .where(BATCH.c.trial_id == look.trial, BATCH.c.seq <= look.batch_seq)
        .order_by(BATCH.c.seq.desc())
        .limit(1)
    )
    return received is None or received <= look.as_of


def people_in_order(
    connection: Connection, protocol: Protocol, *, after: str | None = None, upto: int | None = None
) -> list[Person]:
    """People in the sealed order with their versions; after a cursor, or as the ledger stood when delivery `upto` was in."""
    who = ENROLMENT.c
    people = select(
        *(who.participant_id, who.order_key, who.entry_order, type_coerce(who.enrolled_on, AS_STORED)),
        *(who.site, who.arm),
    ).where(who.trial_id == protocol.trial)
    if after is not None:
        people = people.where(who.order_key > after)
    if upto is not None:
        people = people.where(who.batch_seq <= upto)
    primary, *guardrails = measures_of(protocol)
    versions = _versions(connection, protocol, primary, after, upto)
    guarded = {measure: _versions(connection, protocol, measure, after, upto) for measure in guardrails}
    days, dropped = Days(), _dropped(connection, protocol.trial)
    return [
        Person(
            place,
            number,
            days[enrolled_on],
            site,
            arm,
            versions.pop(name, ()),
            {measure: known.pop(name, ()) for measure, known in guarded.items()} if guarded else NOTHING,
            frozenset(arm for arm, last in dropped if number is not None and number > last) if dropped else ALL_ARMS,
        )
        for name, place, number, enrolled_on, site, arm in sorted(connection.execute(people).all(), key=itemgetter(1))
    ]


def _dropped(connection: Connection, trial: str) -> list[tuple[str, int]]:
    """The arms that people dropped, each with the last allocation number given before."""
    found = of(connection, trial, [ARM_DROPPED])
    return [(one.body.arm, one.body.after) for one in found if isinstance(one.body, ArmDropped)]


def _versions(
    connection: Connection, protocol: Protocol, measure: str, after: str | None, upto: int | None
) -> dict[str, tuple[Version, ...]]:
    """Each participant's versions of one measure, by rev."""
    who, what = ENROLMENT.c, OBSERVATION.c
    found = select(
        *(what.participant_id, what.rev, what.value),
        *(type_coerce(what.sent_at, AS_STORED), type_coerce(what.effective_at, AS_STORED), what.companion),
    ).where(what.trial_id == protocol.trial, what.measure == measure)
    if after is not None:
        found = found.join(
            ENROLMENT, (who.trial_id == what.trial_id) & (who.participant_id == what.participant_id)
        ).where(who.order_key > after)
    if upto is not None:
        found = found.where(what.batch_seq <= upto)
    moments = Moments()
    versions: dict[str, tuple[Version, ...]] = {}
    for part in connection.execute(found).partitions(10_000):  # row by row costs half as much again
        for name, rev, value, sent_at, effective_at, companion in part:
            one = Version(rev, value, moments[sent_at], moments[effective_at], companion)
            known = versions.get(name)
            versions[name] = (one,) if known is None else tuple(sorted((*known, one), key=itemgetter(0)))
    return versions


def _last(connection: Connection, trial_id: str) -> tuple[Look | None, Progress | None]:
    row = connection.execute(
        select(STATE.c.position, STATE.c.cursor_key, STATE.c.state, LOOK.c.body)
        .join(LOOK, (STATE.c.trial_id == LOOK.c.trial_id) & (STATE.c.look_number == LOOK.c.number))
        .where(STATE.c.trial_id == trial_id)
    ).one_or_none()
    if row is None:
        return None, None
    return Look.from_json(row.body), Progress(row.position, row.cursor_key, row.state)


def _look(connection: Connection, trial_id: str, number: int) -> Look | None:
    body = connection.scalar(select(LOOK.c.body).where(LOOK.c.trial_id == trial_id, LOOK.c.number == number))
    return None if body is None else Look.from_json(body)
