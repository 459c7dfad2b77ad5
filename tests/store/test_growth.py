"""What a delivery, its checks, its look and a round ask of the database doesn't grow with the history that lies there.

No clock is asked: statements are counted, and the steps of SQLite's own engine, which are the same on every machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event

from flows import work
from flows.keys import Keys
from trials.errors import NotSealedError, UnknownTrialError
from trials.records import Record, Register
from trials.store import history, ledger, reading, registers
from trials.store.engine import Store, open_store

FEW, MANY = 400, 6_400
HEADER = "participant_id,site,arm,entry_order,y"


@pytest.fixture
def file(tmp_path: Path, migrated_file: bytes) -> Iterator[Store]:
    """A fresh SQLite ledger."""
    (tmp_path / "steps.db").write_bytes(migrated_file)
    opened = open_store(f"sqlite:///{tmp_path / 'steps.db'}")
    yield opened
    opened.close()


@contextmanager
def counted(store: Store) -> Iterator[Counter[str]]:
    """Statements that the database is sent; on SQLite also the steps that its engine takes, in tens."""
    found: Counter[str] = Counter()

    def step() -> int:
        found["steps"] += 1
        return 0

    def taken(connection: Any, *_: object) -> None:
        connection.set_progress_handler(step, 10)

    def sent(*_: object) -> None:
        found["statements"] += 1

    listened = [(store.engine, "before_cursor_execute", sent)]
    if store.engine.dialect.name == "sqlite":
        listened.append((store.engine, "checkout", taken))
    for one in listened:
        event.listen(*one)
    try:
        yield found
    finally:
        for one in listened:
            event.remove(*one)


def people(kit: SimpleNamespace, first: int, last: int) -> list[Record]:
    return [kit.person(number, float(number % 3 == 0)) for number in range(first, last + 1)]


def filled(store: Store, kit: SimpleNamespace, trial: str, count: int) -> Any:
    """A trial with so many people, each with an outcome that its look has counted."""
    desk = kit.sealed(store, kit.plan(trial))
    desk.send("history", people(kit, 1, count))
    return desk


def after(store: Store, kit: SimpleNamespace, count: int, rows: int = 10) -> Counter[str]:
    """What recording a delivery of new people with its look takes, after so many."""
    desk = filled(store, kit, f"after-{count}", count)
    with counted(store) as found:
        receipt = desk.send("new", people(kit, count + 1, count + rows), sent=1)
    assert receipt.accepted == rows
    return found


def test_a_delivery_and_its_look_cost_the_same_after_any_history(file: Store, kit: SimpleNamespace) -> None:
    """Sixteen times the people before it: as many statements, and hardly more steps (deeper trees, longer numbers)."""
    few, many = after(file, kit, FEW), after(file, kit, MANY)
    assert many["statements"] == few["statements"]
    assert many["steps"] <= 1.2 * few["steps"]


def test_what_was_delivered_before_is_not_walked_through(file: Store, kit: SimpleNamespace) -> None:
    """Ten times the deliveries before it: a delivery takes as many statements, and hardly more steps."""

    def cost(deliveries: int) -> Counter[str]:
        desk = kit.sealed(file, kit.plan(f"many-{deliveries}"))
        for number in range(deliveries):
            desk.send(f"day {number}", people(kit, 2 * number + 1, 2 * number + 2), sent=number)
        with counted(file) as found:
            desk.send("new", people(kit, 2 * deliveries + 1, 2 * deliveries + 2), sent=deliveries)
        return found

    few, many = cost(8), cost(80)
    assert many["statements"] == few["statements"]
    # Only the chain's links are walked through for the plan's (two a delivery, a step or so each).
    assert many["steps"] - few["steps"] <= 80


def test_a_late_correction_folds_again(file: Store, kit: SimpleNamespace) -> None:
    """Whoever changes somebody before the cursor asks for everybody: that is what it means, so it does grow."""
    costs = []
    for count in (FEW, MANY):
        desk = filled(file, kit, f"late-{count}", count)
        with counted(file) as found:
            desk.send("corrected", [kit.person(3, 0.0)], sent=1)
        costs.append(found["steps"])
    assert costs[1] > 8 * costs[0]


def test_the_register_reads_whom_a_delivery_names(file: Store, kit: SimpleNamespace) -> None:
    """Sixteen times the people: the same statements and hardly more steps for ten names and ten numbers."""
    costs = []
    for count in (FEW, MANY):
        trial = filled(file, kit, f"named-{count}", count).trial
        with counted(file) as found:
            asked = {trial: ([f"p{number:03d}" for number in range(1, 11)], range(11, 21))}
            assert len(registers.registers_of(file, asked)[trial]._book.people) == 20
        costs.append(found)
    assert costs[1]["statements"] == costs[0]["statements"]
    assert costs[1]["steps"] <= 1.2 * costs[0]["steps"]


def test_a_part_of_a_register_answers_as_the_whole_does(store: Store, kit: SimpleNamespace) -> None:
    """For people it was asked for at once, one by one, by number, and after so many that all are read."""
    trial = filled(store, kit, "a-trial", 300).trial
    whole = ledger.register_of(store, trial)
    part = registers.registers_of(store, {trial: (["p001", "nobody"], [2])})[trial]
    assert isinstance(part, Register)
    assert bool(part)
    assert not part.closed
    part.look_up(["p004", None, "stranger"], [5, None, 999])
    assert {person.entry_order for person in part.values()} >= {4, 5}
    for name in ("p001", "p002", "p004", "p005", "nobody", "stranger", "p300", "nul\x00"):
        assert part.get(name) == whole.get(name)
        assert (name in part) == (name in whole)
    copy = part.copied()
    copy["new"] = whole["p001"]
    assert "new" not in part
    assert all(copy[name] == person for name, person in whole.items())
    with pytest.raises(KeyError):
        part["nobody"]


def test_people_are_counted_from_the_state_as_from_the_register(store: Store, kit: SimpleNamespace) -> None:
    """By site and arm, before and behind the cursor, with and without a look, with one site, and after an amended plan."""
    desk = filled(store, kit, "a-trial", 41)
    silent = [kit.person(number, None, withdrawn=False) for number in range(42, 50)]
    desk.send("waiting", silent, sent=2)
    lone = kit.sealed(store, kit.plan("lone").model_copy(update={"trial": "lone", "sites": desk.protocol.sites[:1]}))
    lone.send("few", [kit.person(number, 1.0, site="A") for number in range(1, 8)])
    empty = kit.sealed(store, kit.plan("empty"))
    desks = {one.trial: one for one in (desk, lone, empty)}
    cards = {card.id: card for card in reading.cards(store, list(desks))}
    protocols = {trial: one.protocol for trial, one in desks.items()}

    def counts() -> dict[str, Counter[tuple[str, str]]]:
        return {
            trial: Counter((one.site, one.arm) for one in ledger.register_of(store, trial).values()) for trial in desks
        }

    assert registers.places_of(store, protocols, cards) == counts()
    assert cards["a-trial"].look.waiting == 8
    amended = {trial: card.__class__(**{**_fields(card), "sha256": "another"}) for trial, card in cards.items()}
    assert registers.places_of(store, protocols, amended) == counts()


def _fields(card: Any) -> dict[str, Any]:
    return {name: getattr(card, name) for name in card.__dataclass_fields__}


def test_everybody_as_of_a_time_is_read_once(file: Store, kit: SimpleNamespace) -> None:
    """Eight times the people take eight times the steps, not sixty-four times."""
    costs = []
    for count in (200, 1_600):
        trial = filled(file, kit, f"told-{count}", count).trial
        with counted(file) as found:
            assert sum(1 for _ in history.as_of(file, trial, true_at=kit.day(1), known_at=kit.day(1))) == count
        costs.append(found["steps"])
    assert costs[1] <= 12 * costs[0]


def test_a_round_reads_a_group_at_once(store: Store, kit: SimpleNamespace, tmp_path: Path) -> None:
    """Reading the sources of ten trials takes as many statements as of two; recording as many for each."""
    door = work.Door(tmp_path, Keys(tmp_path / "keys"))

    def cost(trials: list[str]) -> tuple[int, int]:
        for trial in trials:
            kit.sealed(store, kit.plan(trial).model_copy(update={"source": _source(trial)}))
            (tmp_path / trial).mkdir()
            lines = [f"P{number},{'AB'[number % 2]},control,{number},1" for number in range(1, 4)]
            (tmp_path / trial / "2024-01-02.csv").write_text("\n".join([HEADER, *lines, ""]), "utf-8")
        with counted(store) as found:
            pending = [one for one in work.read_all(store, door, trials) if isinstance(one, work.Pending)]
        assert len(pending) == len(trials)
        with counted(store) as recorded:
            ended = work.collect(store, pending, work.Clock(kit.day(60)), door)
        assert [(one.ok, one.receipts[0].accepted) for one in ended] == [(True, 3)] * len(trials)
        return found["statements"], recorded["statements"]

    def _source(trial: str) -> Any:
        return kit.plan(trial).source.model_copy(update={"path": trial})

    read_two, recorded_two = cost(["one", "two"])
    read_ten, recorded_ten = cost([f"trial-{number}" for number in range(10)])
    assert read_ten == read_two
    each = (recorded_ten - recorded_two) / 8
    assert recorded_two - 2 * each == recorded_ten - 10 * each
    assert each <= 40


def test_plans_read_together_are_what_each_is_alone(store: Store, kit: SimpleNamespace) -> None:
    """The sealed plan and its hash; for the others the error that each raises by itself."""
    sealed = kit.sealed(store, kit.plan("sealed"))
    ledger.register(store, kit.plan("open"), by="Ann", at=kit.day(0))
    found = ledger.sealed_protocols(store, ["sealed", "open", "nowhere"])
    assert found["sealed"] == ledger.sealed_protocol(store, sealed.trial)
    for trial, kind in (("open", NotSealedError), ("nowhere", UnknownTrialError)):
        with pytest.raises(kind) as alone:
            ledger.sealed_protocol(store, trial)
        assert isinstance(found[trial], kind)
        assert str(found[trial]) == str(alone.value)
