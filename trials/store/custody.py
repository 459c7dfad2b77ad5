"""Who may see an allocation list, and whether the arms that were revealed are those of the list that was fixed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, union

from trials.acts.act import CLOSED
from trials.acts.allocating import ALLOCATION_LIST, REVEAL
from trials.acts.viewing import VIEWED, Viewed
from trials.allocation.blocks import must_be_stratum
from trials.allocation.proofs import Opened, Shown, departures
from trials.amending import same_person
from trials.errors import DataError, ForbiddenError
from trials.pseudonyms import Pseudonyms
from trials.store import access
from trials.store.acts import put, state_of
from trials.store.allocations import Standing, opened_with, standing
from trials.store.engine import Store, reading, writing
from trials.store.models import ACT, ENROLMENT
from trials.store.plans import sealed_plan

MOST_SHOWN = 10_000


@dataclass(frozen=True, slots=True)
class Upcoming:
    """What the custodian is shown of a stratum: how many arms were revealed, and those to come with their positions."""

    trial: str
    stratum: str
    revealed: int
    arms: tuple[tuple[int, str], ...]


def upcoming(store: Store, trial: str, stratum: str, n: int, *, hidden: Pseudonyms, by: str, at: datetime) -> Upcoming:
    """The next n arms of a stratum, for the custodian alone; logged in the same transaction.

    Raises ForbiddenError, also in an open programme and for whoever has enrolled somebody.
    """
    if not 1 <= n <= MOST_SHOWN:
        raise DataError(f"n == {n}, must be from 1 to {MOST_SHOWN}: it is the number of positions to show.")
    with writing(store, trial) as connection:
        role = _must_keep(connection, trial, by)
        protocol, _ = sealed_plan(connection, trial)
        must_be_stratum(protocol, stratum, name="site")
        stands = standing(connection, trial)
        opened = opened_with(stands, trial, hidden)
        last = stands.last(stratum)
        found = opened.coming(stratum, last, n, stands.dropped(stratum))
        where = f"site {stratum}, " if stratum else ""
        _log(connection, trial, role, f"{where}{len(found)} positions after {last}", by, at)
        count = sum(one.stratum == stratum for _, one in stands.reveals)
        return Upcoming(trial, stratum, count, found)


def open_list(store: Store, trial: str, *, hidden: Pseudonyms, by: str, at: datetime) -> Opened:
    """The seed (or the list from outside with its salt): for everybody once the trial is closed, before that for the
    custodian, as `upcoming`; logged. Raises ForbiddenError."""
    with writing(store, trial) as connection:
        closed = state_of(connection, trial) in CLOSED
        role = access.permit(connection, trial, by, "read") if closed else _must_keep(connection, trial, by)
        opened = opened_with(standing(connection, trial), trial, hidden)
        _log(connection, trial, role, "the whole list, opened", by, at)
        return opened


def _must_keep(connection: Connection, trial: str, by: str) -> frozenset[str]:
    """The roles by which somebody may see arms before their turn. Raises ForbiddenError.

    An open programme has no roles to tell people apart by, so there nobody may: concealment needs a named custodian.
    """
    role = access.permit(connection, trial, by, "keep_allocation")
    if not role:
        programme = access.programme_of(connection, trial)
        raise ForbiddenError(
            f"{programme} has no custodian, must have one before anybody sees arms to come of {trial}. Name one: roadtest "
            f"roles give NAME custodian --programme {programme}; from then on only those with a role there may act."
        )
    enrols = select(ACT.c.by).where(ACT.c.trial_id == trial, ACT.c.kind == REVEAL.name).distinct()
    if any(same_person(one, by) for one in connection.scalars(enrols)):
        raise ForbiddenError(
            f"{by} has enrolled people in {trial}, must not see arms to come. Ask a custodian who enrols nobody."
        )
    return role


def must_not_know(connection: Connection, trial: str, by: str) -> None:
    """Raises ForbiddenError when somebody who would enrol was shown arms to come, or brought the list in force."""
    of_list = ACT.c.body.contains('"what":"allocation_list"', autoescape=True)
    saw = select(ACT.c.by).where(ACT.c.trial_id == trial, ACT.c.kind == VIEWED.name, of_list)
    brought = select(ACT.c.by).where(ACT.c.trial_id == trial, ACT.c.kind == ALLOCATION_LIST.name)
    if any(same_person(one, by) for one in connection.scalars(union(saw, brought))):
        raise ForbiddenError(
            f"{by} has seen arms of {trial} before their turn, must not enrol in it. Somebody else enrols; nothing was changed."
        )


def _log(connection: Connection, trial: str, role: frozenset[str], detail: str, by: str, at: datetime) -> None:
    said = ", ".join(sorted(role)) or "anybody: no roles were given"
    put(connection, trial, VIEWED, Viewed(what="allocation_list", role=said, detail=detail), by=by, at=at)


def findings(
    store: Store, trial: str, *, by: str, hidden: Pseudonyms | None = None, opened: Opened | None = None
) -> tuple[int, tuple[str, ...]]:
    """(arms revealed, a sentence for each way in which they are not what the list and the register say).

    opened: what `open_list` gave; else the list is opened with the trial's key, and nothing of it is told but this.
    """
    with reading(store) as connection:
        access.permit(connection, trial, by, "read")
        state_of(connection, trial)
        stands = standing(connection, trial)
        if stands.fixed is None:
            return 0, ()
        found = []
        if opened is None:
            assert hidden is not None
            opened = opened_with(stands, trial, hidden)
        if (opened.trial, opened.commitment) != (trial, stands.commitment):
            return len(stands.reveals), ("what was opened is not what the trial is committed to",)
        if any(one.commitment != stands.commitment for _, one in stands.reveals):
            found.append("an arm was revealed from another list than the one in force")
        shown = [Shown(one.stratum, one.position, one.arm) for _, one in stands.reveals]
        strata = {one.stratum for one in shown}
        found += departures(opened, shown, {stratum: stands.dropped(stratum) for stratum in strata})
        found += _register_findings(connection, trial, stands)
        return len(shown), tuple(found)


def _register_findings(connection: Connection, trial: str, stands: Standing) -> list[str]:
    """Where the register and the reveals differ."""
    who = ENROLMENT.c
    rows = connection.execute(
        select(who.participant_id, who.site, who.arm, who.entry_order).where(who.trial_id == trial)
    ).tuples()
    enrolled = {(name, site, arm, number) for name, site, arm, number in rows}
    revealed = {(one.participant, one.stratum, one.arm, one.entry_order) for _, one in stands.reveals}
    alone, strangers = len(revealed - enrolled), len(enrolled - revealed)
    found = [f"{alone} arms were revealed to people whom the register does not have so"] if alone else []
    return found + ([f"{strangers} people are in the register to whom no such arm was revealed"] if strangers else [])
