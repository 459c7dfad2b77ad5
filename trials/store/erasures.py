"""That a trial's key is destroyed, in the database: the act that says so, and how long each closed trial has been closed.

The file itself is `flows.erasing`'s. The act stands before the key goes, so that a key which is gone without an act was lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from trials.acts.act import CLOSED, Act
from trials.acts.deciding import DECISION, Decision
from trials.acts.erasing import ERASED, Erased
from trials.amending import same_person
from trials.errors import DataError, LifecycleError
from trials.store import access, acts
from trials.store.engine import Store, reading, writing
from trials.store.models import TRIAL, WORK

KEY = "key"


@dataclass(frozen=True, slots=True)
class Ended:
    """A closed trial. closed_at: when its last decision was taken. fingerprint: of its key, None where ids were never hidden.
    erased: the act, if its key was destroyed."""

    trial: str
    state: str
    closed_at: datetime
    fingerprint: str | None
    erased: Act | None


def say_erased(store: Store, trial: str, body: Erased, *, by: str, at: datetime, now: datetime | None = None) -> Act:
    """Put on record that the key is to be destroyed; the act. If one stands already it counts, whatever words it has.

    Raises ForbiddenError unless `by` keeps the keys and `body.second` may review; LifecycleError for an open trial; DataError
    when both are one person, or the reason seems to name somebody.
    """
    with writing(store, trial) as connection:
        acts.state_of(connection, trial)
        access.permit(connection, trial, by, ERASED.action)
        stands = acts.of(connection, trial, [ERASED])
        if stands:
            return stands[0]
        if same_person(by, body.second):
            raise DataError(
                f"second == '{body.second}', must be somebody else than {by}, who erases. Name another with --second."
            )
        access.permit(connection, trial, body.second, "review")
        # No round takes it up any more, so what the last one failed on would be told for ever.
        connection.execute(delete(WORK).where(WORK.c.trial_id == trial))
        return acts.put(connection, trial, ERASED, body, by=by, at=at, key=KEY, now=now)


def must_be_erasable(store: Store, trial: str, *, by: str) -> None:
    """Raises UnknownTrialError, ForbiddenError for who doesn't keep the keys, LifecycleError for a trial that is not closed."""
    with reading(store) as connection:
        state = acts.state_of(connection, trial)
        access.permit(connection, trial, by, ERASED.action)
    if state not in CLOSED:
        raise LifecycleError(
            f"{trial} is {state}, must be closed before its key is destroyed: nobody could be recognised any more. Run "
            f"`roadtest decide {trial} ...` first."
        )


def erased(store: Store, trial: str) -> Act | None:
    """The act by which the trial's key was destroyed; None where it was not."""
    return next(iter(acts.acts(store, trial, [ERASED])), None)


def ended(store: Store, trials: Iterable[str] | None = None) -> tuple[Ended, ...]:
    """The closed trials (of these, or all), longest closed first."""
    wanted = None if trials is None else {*trials}
    with reading(store) as connection:
        query = select(TRIAL.c.id, TRIAL.c.state, TRIAL.c.key_fingerprint).where(TRIAL.c.state.in_(CLOSED))
        rows = [row for row in connection.execute(query) if wanted is None or row.id in wanted]
        said = acts.all_of(connection, None, [DECISION, ERASED])
    found = []
    for row in rows:
        mine = said.get(row.id, ())
        closing = [act.at for act in mine if isinstance(act.body, Decision) and act.body.closes]
        gone = next((act for act in mine if act.kind == ERASED.name), None)
        found.append(Ended(row.id, row.state, closing[-1], row.key_fingerprint, gone))
    return tuple(sorted(found, key=lambda one: (one.closed_at, one.trial)))
