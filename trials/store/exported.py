"""What leaves the ledger in a bundle: all facts that a look needs, as they were known at a time, read in one transaction.

Guarantee: a fact recorded after `known_at` is in none of the tables, and whoever is given them was asked for by the roles and
written into the record before the first row is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select

from trials.acts import Act
from trials.acts.act import CLOSED
from trials.acts.viewing import VIEWED, Viewed
from trials.errors import ForbiddenError
from trials.store import access, acts
from trials.store.engine import Store, reading, writing
from trials.store.models import AUDIT, BATCH, ENROLMENT, LOOK, OBSERVATION, PLAN
from trials.store.plans import must_be_aware
from trials.store.reading import must_exist
from trials.store.seeing import OPEN_PROGRAMME, What
from trials.store.stages import plan_of

_PART = 10_000

# Of each kind of act, what of its body leaves the ledger: None for all of it. No seed, no list that was not revealed, no
# words of anybody who took part, and nothing free that was said of one of them.
KEPT: Mapping[str, tuple[str, ...] | None] = {
    "amendment": None,
    "decision": None,
    "site_withdrawn": None,
    "external_event": None,
    "erased": ("reason", "second", "found"),
    "allocation_seed": ("commitment", "plan_sha256", "shares"),
    "allocation_list": ("commitment", "plan_sha256", "positions"),
    "reveal": None,
    "arm_dropped": None,
    "adaptation": None,
    "co_creation": None,
    "co_creation_outcome": None,
    "fund_request": ("request", "site", "amount", "proposed_by", "day"),
    "fund_answer": ("request", "approved", "amount", "day"),
    "fund_spent": None,
    "voice": ("who", "site", "codes", "stance", "consent", "day"),
    "voice_withdrawn": None,
    "staff_time": None,
    "safety_event": ("day", "site", "serious", "related", "kind"),
    "safety_judged": ("event", "related", "stops"),
}


def allow_rows(store: Store, trial: str, *, by: str, at: datetime, detail: str, what: What = "rows") -> str:
    """Asks whether somebody may be given a trial's rows, and writes that they were; the role that allowed it.
    what: 'people' where it is known whose the rows are.

    Rows name the arm, so who may not see results by arm yet is not given them either. In an open programme everybody may.
    Raises ForbiddenError, UnknownTrialError, DataError without a name.
    """
    with writing(store, trial) as connection:
        role = _may(connection, trial, by)
        acts.put(connection, trial, VIEWED, Viewed(what=what, role=role, detail=detail), by=by, at=at)
        return role


def may_see_rows(store: Store, trial: str) -> str:
    """What `allow_rows` asks, of the store's person; nothing is written. Raises the same."""
    with reading(store) as connection:
        return _may(connection, trial, store.person)


def _may(connection: Connection, trial: str, by: str) -> str:
    must_exist(connection, trial)
    allowing = access.permit(connection, trial, by, "see_rows")
    protocol, _ = plan_of(connection, trial)
    state = acts.state_of(connection, trial) or ""
    if not access.sight(connection, trial, by, protocol, state).arms:
        named = " or ".join(protocol.access.interim) or "nobody"
        raise ForbiddenError(
            f"{by} may not see results by arm before {trial} is closed, must be {named} until then (access.interim of the "
            f"plan): its rows name the arm. Counts are free for all: roadtest export {trial} --counts."
        )
    return ", ".join(sorted(allowing)) or OPEN_PROGRAMME


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A trial as it was known at a time (None: as it stands), inside one transaction; each table is read as it is asked for."""

    connection: Connection
    trial: str
    known_at: datetime | None

    def versions(self) -> list[dict[str, Any]]:
        """The plan's versions, oldest first; a seal that came later is left out."""
        found = []
        query = select(PLAN).where(PLAN.c.trial_id == self.trial).order_by(PLAN.c.version)
        for row in self.connection.execute(query).mappings():
            if not self._known(row["registered_at"]):
                continue
            sealed = row["sealed_at"] is not None and self._known(row["sealed_at"])
            found.append({**row, **({} if sealed else {"sealed_by": None, "sealed_at": None})})
        return found

    def deliveries(self) -> Iterator[tuple[Any, ...]]:
        """seq, name, source, sent_at, recorded_at, action, accepted, duplicates, corrections, quarantined, content_sha256."""
        what = BATCH.c
        query = select(
            *(what.seq, what.name, what.source, what.sent_at, what.recorded_at, what.action),
            *(what.accepted, what.duplicates, what.corrections, what.quarantined, what.content_sha256),
        )
        return self._rows(query.where(what.trial_id == self.trial, *self._until(what.recorded_at)).order_by(what.seq))

    def enrolments(self) -> Iterator[tuple[Any, ...]]:
        """participant_id, site, arm, enrolled_on, entry_order, order_key, delivery: by place in the sealed order."""
        who = ENROLMENT.c
        columns = (
            who.participant_id,
            who.site,
            who.arm,
            who.enrolled_on,
            who.entry_order,
            who.order_key,
            who.batch_seq,
        )
        return self._rows(self._brought(select(*columns), ENROLMENT).order_by(who.order_key))

    def observations(self) -> Iterator[tuple[Any, ...]]:
        """participant_id, measure, rev, value, companion, observed_on, sent_at, effective_at, delivery: every version."""
        what = OBSERVATION.c
        columns = (
            *(what.participant_id, what.measure, what.rev, what.value, what.companion),
            *(what.observed_on, what.sent_at, what.effective_at, what.batch_seq),
        )
        order = (what.measure, what.participant_id, what.rev)
        return self._rows(self._brought(select(*columns), OBSERVATION).order_by(*order))

    def looks(self) -> list[tuple[datetime, dict[str, Any]]]:
        """When each look was recorded, and the look as it was stored; oldest first."""
        what = LOOK.c
        query = select(what.recorded_at, what.body).where(what.trial_id == self.trial, *self._until(what.recorded_at))
        return [(at, dict(body)) for at, body in self.connection.execute(query.order_by(what.number)).tuples()]

    def acts(self) -> list[dict[str, Any]]:
        """What people did, but who was shown what; of each body what may leave the ledger (`KEPT`)."""
        found = acts.of(self.connection, self.trial)
        return [_told(act) for act in found if act.kind != VIEWED.name and self._known(act.at)]

    def head(self) -> dict[str, Any]:
        """The chain's newest link by our own clock then: its number, its time and its hash."""
        link = AUDIT.c
        row = self.connection.execute(
            select(link.seq, link.at, link.hash)
            .where(link.trial_id == self.trial, *self._until(link.at))
            .order_by(link.seq.desc())
            .limit(1)
        ).first()
        return {} if row is None else {"seq": row.seq, "at": row.at.isoformat(), "hash": row.hash}

    def state(self) -> str:
        """Where the trial stood: by its seal and by the acts that moved it."""
        sealed = any(version["sealed_at"] is not None for version in self.versions())
        if not sealed:
            return "registered"
        now = str(acts.state_of(self.connection, self.trial))
        decided = [act for act in self.acts() if act["kind"] == "decision" and act["what"] != "continue"]
        return now if decided or now not in CLOSED else "sealed"

    def _brought(self, query: Select[Any], table: Any) -> Select[Any]:
        """Rows of the deliveries that were in by then."""
        query = query.where(table.c.trial_id == self.trial)
        if self.known_at is None:
            return query
        of_batch = (BATCH.c.trial_id == table.c.trial_id) & (BATCH.c.seq == table.c.batch_seq)
        return query.join(BATCH, of_batch).where(BATCH.c.recorded_at <= self.known_at)

    def _rows(self, query: Select[Any]) -> Iterator[tuple[Any, ...]]:
        with self.connection.execute(query, execution_options={"yield_per": _PART}) as found:
            yield from found.tuples()

    def _until(self, column: Any) -> list[Any]:
        return [] if self.known_at is None else [column <= self.known_at]

    def _known(self, at: datetime) -> bool:
        return self.known_at is None or at <= self.known_at


@contextmanager
def snapshot(store: Store, trial: str, known_at: datetime | None = None) -> Iterator[Snapshot]:
    """The trial as it was known at a time. Raises UnknownTrialError, DataError for a time without a zone."""
    if known_at is not None:
        must_be_aware(known_at=known_at)
    with reading(store) as connection:
        must_exist(connection, trial)
        yield Snapshot(connection, trial, known_at)


def _told(act: Act) -> dict[str, Any]:
    body = act.body.model_dump(mode="json")
    kept = KEPT.get(act.kind, ())
    shown = body if kept is None else {name: body[name] for name in kept}
    about = {"seq": act.seq, "kind": act.kind, "by": act.by, "at": act.at.isoformat(), "look": act.look}
    # What some kinds say has a field of such a name, as the kind of a safety event: it is told as `said_kind`.
    return {**about, **{f"said_{name}" if name in about else name: value for name, value in shown.items()}}
