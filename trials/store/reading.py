"""What pages, reports and `status` read. Nothing here writes; the number of queries never grows with the number of trials."""

from __future__ import annotations

import difflib
import json
import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from pydantic import ValidationError
from sqlalchemy import ColumnElement, Connection, Row, case, func, select

from trials import deciding
from trials.acts import act_kind
from trials.acts.act import CLOSED, Act
from trials.acts.deciding import DECISION, Decision
from trials.acts.erasing import ERASED
from trials.acts.events import EXTERNAL_EVENT
from trials.acts.site_withdrawing import SITE_WITHDRAWN, SiteWithdrawn
from trials.deciding import Mark
from trials.errors import DataError, ProtocolError, UnknownTrialError
from trials.evidence import Look
from trials.protocol import Protocol, from_content
from trials.records import Action
from trials.store.engine import Store, reading
from trials.store.models import ACT, BATCH, ENROLMENT, LOOK, PLAN, QUARANTINE, STATE, TRIAL

log = logging.getLogger("roadtest")
_MANY = 500  # asked for more trials than this, all are read and the others left out


@dataclass(frozen=True, slots=True)
class TrialCard:
    """One trial as a list shows it. look: the newest one. deliveries counts the refused ones too; rows does not.

    sha256: the plan's, as it was registered. A later version of the code may write more defaults out, so the plan's own
    `seal()` need not be it. acts: its decisions, withdrawn sites and outside events, oldest first.
    """

    id: str
    protocol: Protocol
    state: str
    token: int
    look: Look | None
    last_received_at: datetime | None
    last_sent_at: datetime | None
    deliveries: int
    refused: int
    quarantined: int
    rows: int = 0
    sha256: str = ""
    acts: tuple[Act, ...] = ()

    @property
    def decisions(self) -> tuple[Act, ...]:
        return tuple(act for act in self.acts if act.kind == DECISION.name)

    @property
    def closing(self) -> Act | None:
        """The decision that closed the trial; None while it is open."""
        closing = (act for act in self.decisions if isinstance(act.body, Decision) and act.body.closes)
        return next(closing, None) if self.state in CLOSED else None

    @property
    def withdrawn(self) -> dict[str, SiteWithdrawn]:
        """The sites that have left."""
        return {act.body.site: act.body for act in self.acts if isinstance(act.body, SiteWithdrawn)}

    @property
    def events(self) -> tuple[Act, ...]:
        return tuple(act for act in self.acts if act.kind == EXTERNAL_EVENT.name)

    def mark(self, number: int) -> Mark:
        """How the look of this number stands to what was decided."""
        return deciding.mark(number, self.decisions)

    @property
    def post_decision(self) -> bool:
        """Whether the newest look was taken after the trial was closed."""
        return self.look is not None and self.mark(self.look.number).post_decision


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One delivery as a table shows it. accepted: rows that said something new; corrections are among them."""

    seq: int
    name: str
    sent_at: datetime
    recorded_at: datetime
    action: Action
    accepted: int
    quarantined: int
    duplicates: int
    corrections: int
    refusal: str | None
    warnings: tuple[str, ...]


def tokens(store: Store) -> dict[str, int]:
    """Per trial a number that grows whenever anything about it does change. One query over small rows."""
    with reading(store) as connection:
        found = connection.execute(select(TRIAL.c.id, TRIAL.c.token).order_by(TRIAL.c.id))
        return dict(found.tuples().all())


def cards(store: Store, ids: Collection[str] | None = None) -> list[TrialCard]:
    """The trials (those named by `ids`, or all) by id, in three queries. Unknown ids are left out."""
    with reading(store) as connection:
        return _cards(connection, ids)


def plain_ids(store: Store) -> list[str]:
    """The trials whose people's ids are kept as they are sent: those with deliveries and without a key, by id."""
    with reading(store) as connection:
        begun = select(BATCH.c.trial_id).distinct()
        found = select(TRIAL.c.id).where(TRIAL.c.key_fingerprint.is_(None), TRIAL.c.id.in_(begun)).order_by(TRIAL.c.id)
        return list(connection.scalars(found))


def sealed_ids(store: Store) -> list[str]:
    """The sealed trials by id, closed ones too, whose outcomes still come, but those whose key was destroyed; nothing of their
    plans is read, so one that was altered is among them."""
    erased = select(ACT.c.trial_id).where(ACT.c.kind == ERASED.name)
    found = select(TRIAL.c.id).where(TRIAL.c.state != "registered", TRIAL.c.id.not_in(erased)).order_by(TRIAL.c.id)
    with reading(store) as connection:
        return list(connection.scalars(found))


def card(store: Store, trial_id: str) -> TrialCard:
    """One trial. Raises UnknownTrialError, which names the ones that are spelt alike."""
    with reading(store) as connection:
        found = _cards(connection, (trial_id,))
        if not found:
            raise unknown_trial(connection, trial_id)
        return found[0]


def looks(store: Store, trial_id: str, after: int = 0) -> list[Look]:
    """The trial's looks with a number above `after`, oldest first."""
    with reading(store) as connection:
        found = connection.execute(
            select(LOOK.c.body).where(LOOK.c.trial_id == trial_id, LOOK.c.number > after).order_by(LOOK.c.number)
        )
        return [Look.from_json(body) for body in found.scalars()]


def marked_looks(store: Store, trial_id: str) -> list[tuple[Look, Mark]]:
    """The trial's looks, oldest first, each with how it stands to what was decided: worked out here, in no look."""
    found = looks(store, trial_id)
    with reading(store) as connection:
        decided = _acts(connection, [trial_id]).get(trial_id, ())
    decisions = [act for act in decided if act.kind == DECISION.name]
    return [(look, deciding.mark(look.number, decisions)) for look in found]


def newest_look(connection: Connection, trial_id: str) -> Look | None:
    """The newest look, inside a transaction; None before the first."""
    body = connection.scalar(
        select(LOOK.c.body).where(LOOK.c.trial_id == trial_id).order_by(LOOK.c.number.desc()).limit(1)
    )
    return None if body is None else Look.from_json(body)


def enrolment_by_site(store: Store, trial_id: str) -> list[tuple[str, str, int]]:
    """(site, arm, people enrolled), by site and arm. Raw counts: pages pass them through `trials.disclosure`."""
    with reading(store) as connection:
        return enrolled_by_site(connection, trial_id)


def enrolled_by_site(connection: Connection, trial_id: str) -> list[tuple[str, str, int]]:
    """What `enrolment_by_site` gives, inside a transaction."""
    columns = ENROLMENT.c
    found = connection.execute(
        select(columns.site, columns.arm, func.count())
        .where(columns.trial_id == trial_id)
        .group_by(columns.site, columns.arm)
    )
    return sorted((site, arm, people) for site, arm, people in found.tuples())


def deliveries(store: Store, trial_id: str, last: int = 50) -> list[DeliveryRow]:
    """The `last` deliveries received, newest first."""
    columns = BATCH.c
    with reading(store) as connection:
        found = connection.execute(
            select(BATCH).where(columns.trial_id == trial_id).order_by(columns.seq.desc()).limit(last)
        )
        return [
            DeliveryRow(
                seq=row.seq,
                name=row.name,
                sent_at=row.sent_at,
                recorded_at=row.recorded_at,
                action=row.action,
                accepted=row.accepted,
                quarantined=row.quarantined,
                duplicates=row.duplicates,
                corrections=row.corrections,
                refusal=row.refusal,
                warnings=tuple(row.warnings),
            )
            for row in found
        ]


def quarantine_reasons(store: Store, trial_id: str) -> list[tuple[str, int]]:
    """(reason, rows quarantined for it), most frequent first."""
    with reading(store) as connection:
        found = connection.execute(
            select(QUARANTINE.c.reason, func.count())
            .where(QUARANTINE.c.trial_id == trial_id)
            .group_by(QUARANTINE.c.reason)
        )
        return sorted(((reason, rows) for reason, rows in found.tuples()), key=lambda pair: (-pair[1], pair[0]))


def must_be_known(store: Store, trial_id: str) -> None:
    """Raises UnknownTrialError, which names the trials that are spelt alike, unless the trial was registered."""
    with reading(store) as connection:
        must_exist(connection, trial_id)


def must_exist(connection: Connection, trial_id: str) -> None:
    """What `must_be_known` does, inside a transaction."""
    if connection.scalar(select(TRIAL.c.id).where(TRIAL.c.id == trial_id)) is None:
        raise unknown_trial(connection, trial_id)


def unknown_trial(connection: Connection, trial_id: str) -> UnknownTrialError:
    """The error for a trial that nobody registered, with the names that come near."""
    known = list(connection.execute(select(TRIAL.c.id).order_by(TRIAL.c.id)).scalars())
    near = difflib.get_close_matches(trial_id, known, n=3)
    if near:
        hint = "Did you mean " + " or ".join(f"'{name}'" for name in near) + "?"
    else:
        hint = "See `roadtest status`." if known else "Run `roadtest register FILE` first."
    return UnknownTrialError(f"trial == '{trial_id}', must be a registered one. {hint}")


def _cards(connection: Connection, ids: Collection[str] | None) -> list[TrialCard]:
    wanted = None if ids is None else sorted(set(ids))
    head = (
        select(TRIAL.c.id, TRIAL.c.state, TRIAL.c.token, PLAN.c.canonical, PLAN.c.sha256, LOOK.c.body)
        .join(PLAN, (PLAN.c.trial_id == TRIAL.c.id) & (PLAN.c.version == TRIAL.c.plan_version))
        .outerjoin(STATE, STATE.c.trial_id == TRIAL.c.id)
        .outerjoin(LOOK, (LOOK.c.trial_id == TRIAL.c.id) & (LOOK.c.number == STATE.c.look_number))
    )
    counts = select(
        BATCH.c.trial_id,
        func.count().label("deliveries"),
        func.sum(case((BATCH.c.refusal.is_not(None), 1), else_=0)).label("refused"),
        _first_time(BATCH.c.quarantined).label("quarantined"),
        _first_time(BATCH.c.accepted + BATCH.c.duplicates + BATCH.c.quarantined).label("rows"),
        func.max(BATCH.c.recorded_at).label("received_at"),
        func.max(BATCH.c.sent_at).label("sent_at"),
    ).group_by(BATCH.c.trial_id)
    if wanted is not None and len(wanted) <= _MANY:
        head, counts = head.where(TRIAL.c.id.in_(wanted)), counts.where(BATCH.c.trial_id.in_(wanted))
    by_trial = {row.trial_id: row for row in connection.execute(counts)}
    acted = _acts(connection, wanted)
    found = [
        card
        for row in connection.execute(head)
        if (card := _card(row, by_trial.get(row.id), acted.get(row.id, ()))) is not None
    ]
    kept = found if wanted is None else [one for one in found if one.id in set(wanted)]
    return sorted(kept, key=lambda one: one.id)


def _acts(connection: Connection, ids: Collection[str] | None) -> dict[str, tuple[Act, ...]]:
    """What a card shows of what people did, by trial. An act that can't be read is left out, and the log says so: the next
    that is done to its trial, and `audit verify`, tell what is wrong."""
    columns = ACT.c
    query = select(ACT).where(columns.kind.in_([DECISION.name, SITE_WITHDRAWN.name, EXTERNAL_EVENT.name]))
    if ids is not None and len(ids) <= _MANY:
        query = query.where(columns.trial_id.in_(ids))
    found: dict[str, list[Act]] = {}
    for row in connection.execute(query.order_by(columns.trial_id, columns.seq)):
        try:
            body = act_kind(row.kind).body.model_validate_json(row.body)
        except (ValidationError, DataError) as error:
            log.error("%s: act %s can't be read (%s)", row.trial_id, row.seq, type(error).__name__)
            continue
        act = Act(row.trial_id, row.seq, row.kind, row.by, row.at, row.look, body, row.key)
        found.setdefault(row.trial_id, []).append(act)
    return {trial: tuple(several) for trial, several in found.items()}


def _first_time(rows: ColumnElement[int]) -> ColumnElement[int]:
    """The sum over deliveries, without rows that were judged again: they came once."""
    return func.sum(case((BATCH.c.source == "replay", 0), else_=rows))


def _card(row: Row[Any], counts: Row[Any] | None, acts: tuple[Act, ...]) -> TrialCard | None:
    """A trial's card; None when its stored plan is no plan any more, which the log says and its next round refuses."""
    try:
        protocol = stored_protocol(row.id, row.canonical)
    except (ProtocolError, ValueError) as error:
        log.error("%s: the stored plan can't be read (plan hash mismatch): %s", row.id, error)
        return None
    return TrialCard(
        id=row.id,
        protocol=protocol,
        state=row.state,
        token=row.token,
        look=None if row.body is None else Look.from_json(row.body),
        last_received_at=None if counts is None else counts.received_at,
        last_sent_at=None if counts is None else counts.sent_at,
        deliveries=0 if counts is None else counts.deliveries,
        refused=0 if counts is None else int(counts.refused),
        quarantined=0 if counts is None else int(counts.quarantined),
        rows=0 if counts is None else int(counts.rows),
        sha256=row.sha256,
        acts=acts,
    )


@lru_cache(maxsize=4096)
def stored_protocol(trial_id: str, canonical: str) -> Protocol:
    """The plan that a stored text is. It is frozen, so the same text gives the same plan, read once. Raises as `from_content`
    does, ValueError for what is no JSON."""
    return from_content(json.loads(canonical), origin=trial_id)
