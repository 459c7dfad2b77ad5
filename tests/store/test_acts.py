"""Acts: one door, one link each, roles asked, and every altered act found."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from trials.acts.granting import GRANT, Grant
from trials.acts.viewing import VIEWED, Viewed
from trials.errors import DataError, ForbiddenError, LifecycleError, UnknownTrialError
from trials.roles import Granted
from trials.store import acts, granting, ledger, verifying
from trials.store.engine import Store

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
PROGRAMME = "programme:north"


def test_the_first_grant_makes_its_giver_a_lead_and_closes_the_programme(store: Store) -> None:
    """From the first role on, only those who hold one may give others."""
    granting.give(store, "north", "ben", "operator", by="anna", at=AT)
    assert granting.held(store, "north") == (Granted("anna", "lead"), Granted("ben", "operator"))
    with pytest.raises(ForbiddenError, match="ben has the role operator in north, must be lead to grant"):
        granting.give(store, "north", "ben", "lead", by="ben", at=AT)
    with pytest.raises(ForbiddenError, match="carl has no role in north"):
        granting.give(store, "north", "carl", "lead", by="carl", at=AT)


def test_the_last_lead_stays(store: Store) -> None:
    """A programme is never left without anybody who can give roles."""
    granting.give(store, "north", "anna", "lead", by="anna", at=AT)
    with pytest.raises(DataError, match="only lead of north"):
        granting.take(store, "north", "anna", "lead", by="anna", at=AT)
    granting.give(store, "north", "ben", "lead", by="anna", at=AT)
    granting.take(store, "north", "anna", "lead", by="ben", at=AT)
    assert granting.held(store, "north") == (Granted("ben", "lead"),)


def test_the_same_key_is_the_same_act(store: Store) -> None:
    """Said again it changes nothing; with other words it is refused."""
    body = Grant(person="anna", role="lead")
    first = acts.act(store, PROGRAMME, GRANT, body, by="anna", at=AT, key="first")
    assert acts.act(store, PROGRAMME, GRANT, body, by="anna", at=AT, key="first") == first
    assert acts.acts(store, PROGRAMME) == (first,)
    with pytest.raises(DataError, match="was done before with other words"):
        acts.act(store, PROGRAMME, GRANT, Grant(person="ben", role="lead"), by="anna", at=AT, key="first")


def test_an_act_needs_its_trial_and_a_name(store: Store) -> None:
    """A trial that is not there, a kind that is not for trials and a nameless doer are refused, and nothing is stored."""
    with pytest.raises(UnknownTrialError):
        acts.act(store, "no-such", VIEWED, Viewed(what="rows", role="custodian"), by="anna", at=AT)
    with pytest.raises(DataError, match="must be the name of whoever does it"):
        acts.act(store, PROGRAMME, GRANT, Grant(person="anna", role="lead"), by=" ", at=AT)
    assert acts.acts(store, PROGRAMME) == ()


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ("UPDATE act SET body = replace(body, 'operator', 'lead') WHERE seq = 2", "act 2 is not what was recorded"),
        ("UPDATE act SET \"by\" = 'carl' WHERE seq = 1", "act 1 is not what was recorded"),
        ("DELETE FROM act WHERE seq = 2", "act 2 is gone"),
        (
            'INSERT INTO act SELECT trial_id, 9, kind, key, "by", at, look, body FROM act WHERE seq = 1',
            "act 9 was added: no link tells of it",
        ),
    ],
)
def test_an_altered_act_is_found(store: Store, change: str, finding: str) -> None:
    """The chain of a programme holds its acts, so `audit verify` names what was altered, added or taken out."""
    granting.give(store, "north", "ben", "operator", by="anna", at=AT)
    assert verifying.verify(store) == []
    with store.engine.begin() as connection:
        connection.execute(text(change))
    assert [one.sentence for one in verifying.verify(store) if finding in one.sentence]


def test_what_a_state_does_not_allow_is_refused(store: Store, kit: Any) -> None:
    """A grant is no act on a trial, whatever its state."""
    ledger.register(store, kit.plan(), by="anna", at=AT)
    with pytest.raises(LifecycleError, match="is registered, must be no trial at all for a grant"):
        acts.act(store, "a-trial", GRANT, Grant(person="anna", role="lead"), by="anna", at=AT)
