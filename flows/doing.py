"""What people do on the pages, done through the doors that the command uses (`dashboards.doing.Doing`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dashboards.doing import Place, Registered, Replayed, WaitingRow
from flows import quarantining, work
from flows.byhand import door_of
from flows.deciding import known_decision
from flows.gate import programme_notes
from flows.settings import Settings
from trials.errors import ForbiddenError, StoreError
from trials.protocol import from_yaml
from trials.store import decisions, quarantine
from trials.store.engine import Store
from trials.store.exported import may_see_rows
from trials.store.seeing import allowed, must_allow


@dataclass(frozen=True, slots=True)
class ByHand:
    """Deeds on one store, at the time they are done. settings: where keys and limits are found."""

    store: Store
    settings: Settings

    def register(self, text: str, *, by: str) -> Registered:
        protocol, store = from_yaml(text, origin="the form"), self.store.as_person(by)
        sha256 = work.begin_trial(store, protocol, by=by, at=_now())
        return Registered(protocol.trial, sha256, programme_notes(store, protocol))

    def seal(self, trial: str, *, sha256: str, by: str) -> str:
        return work.seal_trial(self.store.as_person(by), trial, by=by, at=_now(), sha256=sha256)[1]

    def decide(
        self,
        trial: str,
        what: str,
        *,
        by: str,
        reason: str = "",
        reason_code: str = "",
        second: str = "",
        lesson: str = "",
        reuse: str = "",
        dissent: str = "none",
        answers: Mapping[str, float] | None = None,
    ) -> str:
        done = decisions.decide(
            self.store.as_person(by),
            trial,
            known_decision(what),
            by=by,
            at=_now(),
            reason=reason,
            reason_code=reason_code,
            second=second,
            lesson=lesson,
            reuse=reuse,
            dissent=dissent,
            answers=answers,
        )
        return done.sentence

    def waiting(self, *, by: str) -> Mapping[str, int]:
        store = self.store.as_person(by)
        found = quarantine.waiting(store)
        return {trial: found[trial] for trial in allowed(store, sorted(found), "see_rows")}

    def waiting_rows(self, trial: str, *, by: str) -> tuple[WaitingRow, ...]:
        store = self.store.as_person(by)
        must_allow(store, trial, "see_rows")
        rows = [row for row in quarantine.rows(store, trial) if row.state in quarantine.WAITING]
        cells: Mapping[Place, Mapping[str, str]] | None = None
        if rows and _may_open(store, trial):
            cells = quarantining.shown(store, trial, rows, door=door_of(self.settings), by=by, at=_now())
        return tuple(
            WaitingRow(
                row.place,
                row.name,
                row.sent_at,
                row.reason,
                row.state,
                None if cells is None else cells[row.place],
                tuple(dict.fromkeys(column for one in row.repairs for column in one.changed)),
                row.version,
            )
            for row in rows
        )

    def mend(
        self, trial: str, place: Place, changes: Mapping[str, str], *, reason: str, by: str, upon: int | None = None
    ) -> None:
        store, door = self.store.as_person(by), door_of(self.settings)
        _must_stand(store, trial, place, upon)
        quarantining.mend(store, trial, place, changes, reason=reason, by=by, door=door, at=_now())

    def leave(self, trial: str, place: Place, *, reason: str, by: str, upon: int | None = None) -> None:
        store = self.store.as_person(by)
        _must_stand(store, trial, place, upon)
        quarantining.drop(store, trial, place, reason=reason, by=by, at=_now())

    def replay(self, trial: str, *, by: str) -> Replayed:
        store, door = self.store.as_person(by), door_of(self.settings)
        done = quarantining.replay(store, trial, by=by, door=door, at=_now())
        taken = sum(one.accepted for one in done.receipts)
        again = sum(one.quarantined for one in done.receipts)
        return Replayed(taken, again, len(done.left), quarantining.in_words(done))


def _now() -> datetime:
    return work.utc_now()


def _may_open(store: Store, trial: str) -> bool:
    """Whether the store's person may see the cells of rows: whose they are, and under which arm."""
    try:
        may_see_rows(store, trial)
        must_allow(store, trial, "see_people")
    except ForbiddenError:
        return False
    return True


def _must_stand(store: Store, trial: str, place: Place, upon: int | None) -> None:
    """Raises StoreError when a row was mended since somebody saw it, so that nobody mends what they have not read."""
    must_allow(store, trial, "repair")
    row = next((one for one in quarantine.rows(store, trial) if one.place == place), None)
    if upon is not None and row is not None and row.version != upon:
        raise StoreError(
            f"row {place[1]} of delivery {place[0]} was mended by {row.repairs[-1].by} meanwhile (version {row.version}). "
            "Open the rows again, then mend that version."
        )
