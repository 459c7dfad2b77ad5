"""One reveal: somebody joins, and hears the next arm of their site. The act and the enrolment are one transaction.

Guarantee: each person has one arm, and each position of a site's list is given once and in order, whatever fails and however
many enrol at once: whoever enrols holds the trial's lock, and nothing of a reveal stays unless all of it does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, Row, func, insert, select

from trials.acts.allocating import REVEAL, Reveal
from trials.acts.site_withdrawing import SITE_WITHDRAWN, SiteWithdrawn
from trials.allocation.blocks import must_be_stratum
from trials.errors import DataError, LifecycleError
from trials.protocol import Protocol, sha256_text
from trials.pseudonyms import Pseudonyms
from trials.records import Checked, Delivery, Record
from trials.records import Row as DeliveredRow
from trials.store import access, chain
from trials.store.acts import of, put
from trials.store.allocations import OURS, dropped, fixed_list, last_position, must_have_nobody_else
from trials.store.custody import must_not_know
from trials.store.deliveries import (
    batch_row,
    bind_key,
    bound_key,
    insert_rows,
    last_seq,
    merge_delivery,
    receipt_of,
    received_at,
)
from trials.store.digests import told
from trials.store.engine import Store, writing
from trials.store.looks import insert_look, next_look
from trials.store.models import ACT, BATCH, ENROLMENT, STATE
from trials.store.plans import must_be_aware, sealed_plan
from trials.store.standing import enrolment_waits


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Who joins. participant: the pseudonym. stratum: their site, "" in a plan without sites. spelling: as in `Record`."""

    participant: str
    stratum: str
    enrolled_on: date
    spelling: str = ""


@dataclass(frozen=True, slots=True)
class Revealed:
    """The arm that somebody is in. already: they were enrolled before, and nothing was changed."""

    trial: str
    participant: str
    stratum: str
    arm: str
    entry_order: int
    enrolled_on: date | None
    by: str
    at: datetime
    already: bool


def reveal(
    store: Store,
    trial: str,
    newcomer: Newcomer,
    *,
    hidden: Pseudonyms,
    seed: bytes,
    by: str,
    at: datetime,
    now: datetime | None = None,
) -> Revealed:
    """Enrol somebody under the next arm of their site's list. Whoever is enrolled there already has the arm they have.

    hidden: the trial's key. seed: 32 secret random bytes, from which the list is made if none is fixed yet.
    Raises NotSealedError, UnknownTrialError; DataError for an unknown site; LifecycleError for a closed
    trial, a withdrawn site, a safety event that must be judged first, somebody of another site, a trial that is full, a list
    from outside that is used up, and people who came in another way; ForbiddenError for whoever knows arms to come;
    StoreError for another key.
    """
    must_be_aware(at=at)
    with writing(store, trial) as connection:
        access.permit(connection, trial, by, "allocate", site=newcomer.stratum or None)
        protocol, sha256 = sealed_plan(connection, trial)
        must_be_stratum(protocol, newcomer.stratum, name="site")
        before = connection.execute(
            select(ENROLMENT).where(ENROLMENT.c.trial_id == trial, ENROLMENT.c.participant_id == newcomer.participant)
        ).one_or_none()
        must_have_nobody_else(connection, trial)
        if before is not None:
            return _again(connection, trial, newcomer, before)
        must_not_know(connection, trial, by)
        number = _next_number(connection, protocol)
        _must_be_open(connection, protocol, newcomer)
        bind_key(connection, trial, hidden.fingerprint)
        stands, opened = fixed_list(connection, protocol, sha256, hidden, seed, by=by, at=at)
        stratum = newcomer.stratum
        last, gone = last_position(connection, trial, stratum), dropped(connection, trial, stands, stratum)
        coming = opened.coming(stratum, last, 1, gone)
        if not coming:
            where = f"site {stratum} of {trial}" if stratum else trial
            raise LifecycleError(
                f"the allocation list of {where} is used up, must have a position left to enrol. It came from outside: ask "
                "its custodian how many people were planned."
            )
        [(position, arm)] = coming
        body = Reveal(
            stratum=stratum,
            position=position,
            arm=arm,
            participant=newcomer.participant,
            entry_order=number,
            enrolled_on=newcomer.enrolled_on,
            commitment=stands.commitment,
        )
        put(connection, trial, REVEAL, body, by=by, at=at, key=newcomer.participant, now=now)
        _enrol(connection, protocol, sha256, newcomer, body, at, now)
        return Revealed(trial, newcomer.participant, stratum, arm, number, newcomer.enrolled_on, by, at, already=False)


def _again(connection: Connection, trial: str, newcomer: Newcomer, before: Row[tuple[object, ...]]) -> Revealed:
    stored = before._mapping
    if stored["site"] != newcomer.stratum:
        raise LifecycleError(
            f"this participant is enrolled at site {stored['site']} of {trial}, must be of one site. Nothing was changed."
        )
    said = connection.execute(
        select(ACT.c.by, ACT.c.at).where(
            ACT.c.trial_id == trial, ACT.c.kind == REVEAL.name, ACT.c.key == newcomer.participant
        )
    ).one()
    return Revealed(
        trial,
        newcomer.participant,
        newcomer.stratum,
        stored["arm"],
        stored["entry_order"],
        stored["enrolled_on"],
        said.by,
        said.at,
        already=True,
    )


def _next_number(connection: Connection, protocol: Protocol) -> int:
    """The next allocation number over all sites. Raises LifecycleError when everybody planned is in."""
    count, newest = connection.execute(
        select(func.count(), func.coalesce(func.max(ENROLMENT.c.entry_order), 0)).where(
            ENROLMENT.c.trial_id == protocol.trial
        )
    ).one()
    if count >= protocol.monitoring.max_participants:
        raise LifecycleError(
            f"{protocol.trial} has {count} people, must have at most the {protocol.monitoring.max_participants} of its plan "
            "(monitoring.max_participants). Nobody more can join."
        )
    return int(newest) + 1


def _must_be_open(connection: Connection, protocol: Protocol, newcomer: Newcomer) -> None:
    """Raises LifecycleError when the site was withdrawn by that day, or the safety steward must speak first."""
    trial = protocol.trial
    if enrolment_waits(connection, trial, protocol) is not None:
        raise LifecycleError(  # what happened is for the steward's eyes
            f"enrolment in {trial} is stopped, or waits for the safety steward, must be open. Nobody was enrolled; the steward "
            f"sees why with `roadtest safety list {trial}`."
        )
    for act in of(connection, trial, [SITE_WITHDRAWN]):
        body = act.body
        if isinstance(body, SiteWithdrawn) and body.site == newcomer.stratum and newcomer.enrolled_on >= body.from_day:
            raise LifecycleError(
                f"site {body.site} left {trial} on {body.from_day} ({act.by}), must be in it to enrol anybody. Nothing was "
                "changed."
            )


def _enrol(
    connection: Connection,
    protocol: Protocol,
    sha256: str,
    newcomer: Newcomer,
    revealed: Reveal,
    at: datetime,
    now: datetime | None,
) -> None:
    """Puts the person into the register as a delivery of one row. A look is taken only when their place lies among people
    who were judged already; otherwise the next one counts them."""
    trial, recorded_at = protocol.trial, received_at(connection, protocol.trial, at)
    record = Record(
        row_no=1,
        participant_id=newcomer.participant,
        site=newcomer.stratum,
        arm=revealed.arm,
        enrolled_on=newcomer.enrolled_on,
        entry_order=revealed.entry_order,
        observed_on=None,
        value=None,
        spelling=newcomer.spelling,
    )
    delivery = Delivery(
        trial=trial,
        source=OURS,
        name=f"enrolment {revealed.entry_order}",
        content_sha256=sha256_text(f"roadtest reveal {trial} {newcomer.participant}"),
        sent_at=recorded_at,
        columns=(),
        rows=(DeliveredRow(1, {}),),
    )
    checked = Checked((record,))
    additions = merge_delivery(connection, protocol, delivery, checked, recorded_at)
    if additions.unfit:
        raise DataError(f"{additions.unfit[0][1]}. Nobody was enrolled.")
    seq = last_seq(connection, trial) + 1
    row = batch_row(delivery, receipt_of(delivery, checked, additions, seq), recorded_at)
    connection.execute(insert(BATCH).values(trial_id=trial, **row))
    digests = insert_rows(connection, protocol, seq, checked, additions)
    body = {"batch": told("batch", row), "rows": digests, "key": bound_key(connection, trial)}
    chain.append(connection, trial, "delivery", body, now)
    cursor = connection.scalar(select(STATE.c.cursor_key).where(STATE.c.trial_id == trial))
    if cursor and additions.changed is not None and additions.changed <= cursor:
        _, progress, look = next_look(connection, protocol, sha256, seq, recorded_at, additions.changed)
        insert_look(connection, progress, look, recorded_at, now)
