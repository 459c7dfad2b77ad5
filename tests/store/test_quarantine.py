"""Rows set aside, their mended versions, and when they were judged again: appended, and never changed."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event, select

from trials.errors import DataError, StoreError, UnknownTrialError
from trials.records import Rejection
from trials.store import quarantine
from trials.store.engine import Store, reading, writing
from trials.store.models import AUDIT, QUARANTINE, REPAIR, REPLAYED
from trials.store.quarantine import Place, Replayed


def set_aside(desk: Any, kit: SimpleNamespace, name: str = "one", rows: Sequence[int] = (2, 3)) -> None:
    """A delivery of one good row and these bad ones, whose cells are {"y": "bad"}."""
    sent = len(quarantine.rows(desk.store, desk.trial))
    bad = [Rejection(number, f"reason {number}", {"y": "bad"}) for number in rows]
    desk.send(name, [kit.person(1, 1.0)], sent=sent, rejected=bad)


def mend(desk: Any, kit: SimpleNamespace, place: Place, upon: int = 0, **cells: str) -> quarantine.SetAside:
    return quarantine.repair(
        desk.store,
        desk.trial,
        place,
        upon=upon,
        cells=cells,
        changed=list(cells),
        reason="because",
        by="Cid",
        at=kit.day(9),
    )


def replayed(desk: Any, kit: SimpleNamespace, *marks: Replayed) -> None:
    with writing(desk.store, desk.trial) as connection:
        quarantine.mark_replayed(connection, desk.trial, marks, by="Dot", at=kit.day(10))


def states(desk: Any) -> dict[Place, str]:
    return {one.place: one.state for one in quarantine.rows(desk.store, desk.trial)}


def events(store: Store, kind: str) -> list[Any]:
    with reading(store) as connection:
        return list(connection.execute(select(AUDIT).where(AUDIT.c.kind == kind)))


def test_a_row_is_listed_with_its_delivery_and_reason(desk: Any, kit: SimpleNamespace) -> None:
    """Every row set aside, in the order of deliveries and rows, open at first; its cells are read apart."""
    set_aside(desk, kit)
    set_aside(desk, kit, "two", rows=[5])
    found = quarantine.rows(desk.store, desk.trial)
    assert [(one.place, one.name, one.reason, one.state) for one in found] == [
        ((1, 2), "one", "reason 2", "open"),
        ((1, 3), "one", "reason 3", "open"),
        ((2, 5), "two", "reason 5", "open"),
    ]
    assert quarantine.newest_cells(desk.store, desk.trial, [(2, 5)]) == {(2, 5): {"y": "bad"}}


def test_a_mended_version_is_appended_and_the_original_stays(desk: Any, kit: SimpleNamespace) -> None:
    """Two versions, numbered, with who, when and why; the row as sent is untouched; both are links of the chain."""
    set_aside(desk, kit)
    with reading(desk.store) as connection:
        before = connection.execute(select(QUARANTINE)).all()
    assert mend(desk, kit, (1, 2), y="1").version == 1
    row = mend(desk, kit, (1, 2), upon=1, y="0")
    assert (row.state, row.version, row.repairs[0].by, row.repairs[1].at) == ("mended", 2, "Cid", kit.day(9))
    assert quarantine.newest_cells(desk.store, desk.trial, [(1, 2)]) == {(1, 2): {"y": "0"}}
    with reading(desk.store) as connection:
        assert connection.execute(select(QUARANTINE)).all() == before
    assert len(events(desk.store, "repair")) == 2
    assert states(desk) == {(1, 2): "mended", (1, 3): "open"}


def test_of_two_who_mend_the_same_version_the_second_is_told(desk: Any, kit: SimpleNamespace) -> None:
    """Nobody's mending is lost under somebody else's: who mends an old version hears who was faster."""
    set_aside(desk, kit)
    mend(desk, kit, (1, 2), y="1")
    before = kit.contents(desk.store)
    with pytest.raises(StoreError, match="was mended by Cid meanwhile"):
        mend(desk, kit, (1, 2), y="0")
    assert kit.contents(desk.store) == before


def test_a_dropped_row_keeps_its_cells(desk: Any, kit: SimpleNamespace) -> None:
    """Dropping is a version without cells; the newest cells are then those before it, and mending takes it back."""
    set_aside(desk, kit)
    mend(desk, kit, (1, 2), y="1")
    dropped = mend(desk, kit, (1, 2), upon=1)
    assert (dropped.state, dropped.repairs[-1].changed) == ("dropped", ())
    assert quarantine.newest_cells(desk.store, desk.trial, [(1, 2)]) == {(1, 2): {"y": "1"}}
    assert mend(desk, kit, (1, 2), upon=2, y="1").state == "mended"


def test_a_replayed_row_is_accepted_or_set_aside_again(desk: Any, kit: SimpleNamespace) -> None:
    """The state follows from the replay's own delivery: row 2 went in, row 3 was set aside there again and is open there."""
    set_aside(desk, kit)
    desk.send("replay of one", [kit.person(2, 1.0)], sent=5, rejected=[Rejection(2, "still bad", {"y": "bad"})])
    replayed(desk, kit, Replayed(2, 1, (1, 2), 0), Replayed(2, 2, (1, 3), 0))
    assert states(desk) == {(1, 2): "replayed: accepted", (1, 3): "replayed: set aside again", (2, 2): "open"}
    assert [one.replayed_as for one in quarantine.rows(desk.store, desk.trial)] == [(2, 1), (2, 2), None]
    assert len(events(desk.store, "replay")) == 1


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ((1, 2), r"was accepted as row 1 of delivery 2, must not be mended any more"),
        ((1, 3), r"was set aside again as row 2 of delivery 2\. Mend that one"),
        ((1, 9), r"must be one that delivery 1 had set aside: 2, 3\."),
        ((7, 1), r"must be of a delivery with rows set aside: 1, 2\."),
    ],
)
def test_what_can_not_be_mended_says_why(desk: Any, kit: SimpleNamespace, place: Place, sentence: str) -> None:
    """A row that ended or is not there is refused with what to do, and nothing is stored."""
    set_aside(desk, kit)
    desk.send("replay of one", [kit.person(2, 1.0)], sent=5, rejected=[Rejection(2, "still bad", {})])
    replayed(desk, kit, Replayed(2, 1, (1, 2), 0), Replayed(2, 2, (1, 3), 0))
    before = kit.contents(desk.store)
    with pytest.raises(DataError, match=sentence):
        mend(desk, kit, place, y="1")
    assert kit.contents(desk.store) == before


@pytest.mark.parametrize("meanwhile", ["replayed", "mended"])
def test_a_replay_of_what_changed_meanwhile_is_taken_back_whole(
    desk: Any, kit: SimpleNamespace, meanwhile: str
) -> None:
    """A row is judged again at most once, and only in its newest version; otherwise nothing of the replay stays."""
    set_aside(desk, kit)
    if meanwhile == "replayed":
        replayed(desk, kit, Replayed(1, 1, (1, 3), 0))
    else:
        mend(desk, kit, (1, 3), y="1")
    before = kit.contents(desk.store)
    with pytest.raises(StoreError, match="row 3 of delivery 1 was replayed or mended by somebody else meanwhile"):
        replayed(desk, kit, Replayed(1, 7, (1, 2), 0), Replayed(1, 8, (1, 3), 0))
    assert kit.contents(desk.store) == before


def test_waiting_rows_are_open_or_mended(desk: Any, kit: SimpleNamespace) -> None:
    """A dropped row waits no more, a mended one does until it is judged again; so does one whose dropping was taken back."""
    set_aside(desk, kit, rows=[2, 3, 4, 5, 6, 7])
    assert quarantine.waiting(desk.store) == {desk.trial: 6}
    mend(desk, kit, (1, 2), y="1")
    mend(desk, kit, (1, 3))
    mend(desk, kit, (1, 4), y="1")
    mend(desk, kit, (1, 5))
    mend(desk, kit, (1, 5), upon=1, y="1")
    assert quarantine.waiting(desk.store) == {desk.trial: 5}
    replayed(desk, kit, Replayed(1, 1, (1, 4), 1), Replayed(1, 8, (1, 5), 2))
    assert quarantine.waiting(desk.store) == {desk.trial: 3}
    open_or_mended = [state for state in states(desk).values() if state in quarantine.WAITING]
    assert len(open_or_mended) == 3


def test_the_queries_do_not_grow_with_the_trials(store: Store, kit: SimpleNamespace) -> None:
    """What waits in twelve trials costs two queries, as in one; trials of which nothing waits are left out."""
    sent: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *words: sent.append(words[2]))
    for number in range(12):
        desk = kit.sealed(store, kit.plan(f"trial-{number:02d}"))
        if number:
            set_aside(desk, kit, rows=range(2, 2 + number))
        sent.clear()
        found = quarantine.waiting(store)
        assert len([one for one in sent if one != "BEGIN"]) == 2
    assert found == {f"trial-{number:02d}": number for number in range(1, 12)}
    assert quarantine.waiting(store, ["trial-03", "no-such-trial"]) == {"trial-03": 3}
    assert quarantine.waiting(store, [*map(str, range(1000)), "trial-03"]) == {"trial-03": 3}


def test_who_opened_cells_is_kept(desk: Any, kit: SimpleNamespace) -> None:
    """One link that names who, how many rows, and which by a hash; no cell."""
    set_aside(desk, kit)
    quarantine.note_shown(desk.store, desk.trial, [(1, 2), (1, 3)], by="Eve", at=kit.day(3))
    [found] = events(desk.store, "shown")
    assert '"by":"Eve"' in found.body
    assert '"rows":2' in found.body
    assert "bad" not in found.body


def test_an_unknown_trial_is_named(store: Store, kit: SimpleNamespace) -> None:
    """A misspelt trial is no empty list."""
    kit.sealed(store, kit.plan())
    with pytest.raises(UnknownTrialError, match="Did you mean 'a-trial'"):
        quarantine.rows(store, "a-tral")


def test_the_tables_take_nothing_else(desk: Any, kit: SimpleNamespace) -> None:
    """Listing and counting write nothing."""
    set_aside(desk, kit)
    before = kit.contents(desk.store)
    quarantine.rows(desk.store, desk.trial)
    quarantine.waiting(desk.store)
    quarantine.newest_cells(desk.store, desk.trial, [(1, 2)])
    assert kit.contents(desk.store) == before
    assert {REPAIR.name, REPLAYED.name} <= set(before)
