"""What is measured of a store: the same on both databases, in tens where rows are counted, and without growing costs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from trials.errors import StoreError
from trials.store import measuring, rounds
from trials.store.engine import Store, writing
from trials.store.measuring import Stood


def a_round(store: Store, kit: Any, day: float, **counts: int) -> None:
    begun = rounds.begin(store, kit.day(day), host="here", pid=1)
    assert isinstance(begun, rounds.Round)
    rounds.end(store, begun.id, kit.day(day) + timedelta(minutes=3), "completed", rounds.Counts(**counts))


def test_states_totals_and_the_newest_round(store: Store, kit: Any) -> None:
    """Trials and rounds by state, all of them; totals over all rounds; rows in tens, fewer than ten as none."""
    kit.sealed(store, kit.plan("one"))
    for day, accepted in ((1, 18), (2, 17)):
        a_round(store, kit, day, due=4, accepted=accepted, quarantined=4, looks=2)
    rounds.note(store, kit.day(2), failed={"one": "gone."}, done=[])
    found = measuring.measured(store)
    assert (found.trials["sealed"], found.trials["registered"]) == (1, 0)
    assert found.rounds == {**dict.fromkeys(rounds.STATES, 0), "completed": 2}
    assert (found.totals["due"], found.totals["looks"], found.rows) == (8, 4, {"accepted": 30, "quarantined": 0})
    assert (found.failing, found.channels_failing, set(found.alerts.values())) == (1, 0, {0})
    assert found.newest is not None
    assert (found.newest.state, found.newest.begun_at) == ("completed", kit.day(2))
    assert (found.backend, found.revision) == (store.engine.dialect.name, measuring.head())
    assert found.bytes > 100_000


def test_as_many_queries_for_many_trials_and_rounds_as_for_none(store: Store, kit: Any) -> None:
    """A scrape costs the same statements whatever the store holds."""

    def statements() -> int:
        sent: list[str] = []
        event.listen(store.engine, "before_cursor_execute", lambda *words: sent.append(words[2]))
        measuring.measured(store)
        return len(sent)

    before = statements()
    for number in range(5):
        kit.sealed(store, kit.plan(f"trial-{number}"))
        a_round(store, kit, number)
    assert before == statements() <= 15


def test_tables_of_another_version_are_refused_and_told(store: Store) -> None:
    """`measured` says what to run; `ready` says which revision there is, without a look at its tables."""
    with writing(store) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'r9999'"))
    with pytest.raises(StoreError, match=r"r9999.*roadtest db upgrade"):
        measuring.measured(store)
    assert measuring.ready(store) == measuring.Ready("r9999", measuring.head(), None)


def test_looks_since_a_round_began(store: Store, kit: Any) -> None:
    """Only the newest look of a trial that has a newer one than said, and any look by its number."""
    desk = kit.sealed(store, kit.plan("one"))
    kit.sealed(store, kit.plan("none"))
    desk.send("first", kit.rows("first"), sent=1)
    desk.send("second", kit.rows("second"), sent=2)
    stood = measuring.stood(store)
    assert stood == {"one": Stood(2, stood["one"].verdict)}
    assert {trial: look.number for trial, look in measuring.looks_since(store, {"one": 1, "none": 0}).items()} == {
        "one": 2
    }
    assert measuring.looks_since(store, {"one": 2}) == {}
    assert measuring.looks_at(store, {"one": 1})["one"].n == 40
    assert measuring.looks_at(store, {}) == {}
