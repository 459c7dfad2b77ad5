"""The ledger: one transaction per fact, on both databases."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event, text

from trials.errors import (
    DataError,
    NotSealedError,
    PlanHashMismatchError,
    StoreError,
    UnknownTrialError,
)
from trials.evidence import Look
from trials.records import Checked, Measured, Rejection
from trials.store import engine, ledger, looks, reading, verifying
from trials.store.engine import Store, open_store, writing

HERE = Path(__file__).parent


def people(kit: Any, first: int, last: int, seed: int = 1) -> list:
    draw = random.Random(seed * 1000 + first)
    return [kit.person(number, float(draw.random() < 0.4)) for number in range(first, last + 1)]


def numbers(look: Look) -> Look:
    """A look without what names the moment: only what it says about the evidence."""
    return replace(look, number=0, batch_seq=0, as_of=datetime.min.replace(tzinfo=UTC))


def last_look(desk: Any) -> Look:
    return reading.looks(desk.store, desk.trial)[-1]


def assert_every_look_can_be_taken_again(desk: Any) -> None:
    for look in reading.looks(desk.store, desk.trial):
        assert ledger.recompute(desk.store, desk.trial, look.number).to_json() == look.to_json()


# Plans


def test_registering_the_same_plan_again_changes_nothing(store: Store, kit: SimpleNamespace) -> None:
    """The same plan twice is one plan, before and after its seal."""
    protocol = kit.plan()
    sha256 = ledger.register(store, protocol, by="Ann", at=kit.day(0))
    assert sha256 == protocol.seal()
    before = kit.contents(store)
    assert ledger.register(store, protocol, by="Cem", at=kit.day(1)) == sha256
    assert kit.contents(store) == before
    ledger.seal(store, "a-trial", by="Bea", at=kit.day(1))
    before = kit.contents(store)
    assert ledger.register(store, protocol, by="Cem", at=kit.day(2)) == sha256
    assert ledger.seal(store, "a-trial", by="Cem", at=kit.day(2)) == sha256
    assert kit.contents(store) == before


def test_an_unsealed_plan_is_replaced_and_a_sealed_one_is_not(store: Store, kit: SimpleNamespace) -> None:
    """Until the seal another plan replaces the first, which stays on file; afterwards it is refused by name."""
    ledger.register(store, kit.plan(), by="Ann", at=kit.day(0))
    second = kit.plan(baseline=0.5)
    assert ledger.register(store, second, by="Ann", at=kit.day(1)) == second.seal()
    ledger.seal(store, "a-trial", by="Bea", at=kit.day(2))
    assert ledger.sealed_protocol(store, "a-trial") == (second, second.seal())
    assert len(kit.contents(store)["protocol_version"]) == 2
    with pytest.raises(
        PlanHashMismatchError, match=r"^plan hash mismatch: .* \(it differs in primary\)\. Register it under"
    ):
        ledger.register(store, kit.plan(), by="Ann", at=kit.day(3))


def test_nothing_runs_on_an_unknown_or_unsealed_trial(store: Store, kit: SimpleNamespace) -> None:
    """A trial that is not there or not sealed is named with what to do, whichever way it is asked for."""
    ledger.register(store, kit.plan(), by="Ann", at=kit.day(0))
    with pytest.raises(
        NotSealedError, match=r"a-trial is registered, must be sealed .* Run `roadtest seal a-trial --by NAME`"
    ):
        ledger.sealed_protocol(store, "a-trial")
    with pytest.raises(NotSealedError):
        ledger.take_look(store, "a-trial", recorded_at=kit.day(1), as_of=kit.day(1))
    for attempt in (
        lambda: ledger.seal(store, "a-trail", by="Bea", at=kit.day(0)),
        lambda: ledger.recompute(store, "a-trail", 1),
        lambda: reading.card(store, "a-trail"),
    ):
        with pytest.raises(UnknownTrialError, match=r"^trial == 'a-trail', must be .*\. Did you mean 'a-trial'\?$"):
            attempt()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE protocol_version SET canonical = replace(canonical, '0.2', '0.1')",
        "UPDATE protocol_version SET sha256 = 'f00'",
        "UPDATE trial SET plan_sha256 = 'f00'",
    ],
)
def test_a_plan_altered_in_the_database_stops_everything(desk: Any, kit: SimpleNamespace, change: str) -> None:
    """A stored plan that is not what was sealed is 'plan hash mismatch', and nothing is written on it."""
    desk.send("one", people(kit, 1, 10))
    with writing(desk.store) as connection:
        assert connection.execute(text(change)).rowcount == 1
    before = kit.contents(desk.store)
    for attempt in (
        lambda: desk.send("two", people(kit, 11, 20)),
        lambda: ledger.take_look(desk.store, desk.trial, recorded_at=kit.day(1), as_of=kit.day(1)),
        lambda: ledger.sealed_protocol(desk.store, desk.trial),
        lambda: ledger.register(desk.store, desk.protocol, by="Ann", at=kit.day(1)),
        lambda: ledger.seal(desk.store, desk.trial, by="Bea", at=kit.day(1)),
        lambda: ledger.recompute(desk.store, desk.trial, 1),
    ):
        with pytest.raises(PlanHashMismatchError, match=r"^plan hash mismatch: a-trial "):
            attempt()
    assert kit.contents(desk.store) == before


# Deliveries


def test_a_delivery_brings_people_values_and_a_look(desk: Any, kit: SimpleNamespace) -> None:
    """Rows, quarantine, look and the trial's token come together, and the receipt counts them."""
    token = reading.tokens(desk.store)["a-trial"]
    bad = Rejection(11, "y is '2': must be 0 or 1", {"y": "2"})
    receipt = desk.send("one", people(kit, 1, 10), rejected=[bad])
    assert (receipt.batch_seq, receipt.action, receipt.accepted) == (1, "quarantine_rows", 10)
    assert (receipt.quarantined, receipt.duplicates, receipt.corrections) == (1, 0, 0)
    assert (receipt.reasons, receipt.look_number, receipt.already_known) == ((bad,), 1, False)
    look = last_look(desk)
    assert (look.number, look.n, look.enrolled, look.waiting, look.batch_seq) == (1, 10, 10, 0, 1)
    assert look.protocol_sha256 == desk.protocol.seal()
    register = ledger.register_of(desk.store, desk.trial)
    assert len(register) == 10
    assert register["p003"].arm == "idea"
    delivery = desk.delivery("one", people(kit, 1, 10))
    assert ledger.inbox(desk.store, desk.trial, "folder:in").accepted == {delivery.content_sha256: delivery.sent_at}
    assert ledger.inbox(desk.store, desk.trial, "hand").accepted == {}
    assert reading.tokens(desk.store)["a-trial"] > token


def test_a_refused_delivery_leaves_only_its_refusal(desk: Any, kit: SimpleNamespace) -> None:
    """A refusal is kept with its sentence, takes no look, and the same bytes are not tried again."""
    token = reading.tokens(desk.store)["a-trial"]
    receipt = desk.send("bad", refusal="the column y is missing: must be there")
    assert (receipt.action, receipt.look_number, receipt.batch_seq) == ("reject_batch", None, 1)
    assert reading.looks(desk.store, desk.trial) == []
    assert reading.tokens(desk.store)["a-trial"] > token
    again = desk.send("bad", refusal="the column y is missing: must be there")
    assert (again.already_known, again.refusal) == (True, receipt.refusal)
    assert desk.send("good", people(kit, 1, 4)).look_number == 1
    assert_every_look_can_be_taken_again(desk)


def test_the_same_bytes_again_change_nothing(desk: Any, kit: SimpleNamespace) -> None:
    """A delivery that is in is recognised by its bytes; the receipt says so and the database stays as it is."""
    desk.send("one", people(kit, 1, 10))
    before = kit.contents(desk.store)
    again = desk.send("one", people(kit, 1, 10), received=9)
    assert (again.already_known, again.accepted, again.duplicates, again.batch_seq) == (True, 0, 10, 1)
    assert kit.contents(desk.store) == before


def test_the_same_rows_in_other_bytes_are_duplicates(desk: Any, kit: SimpleNamespace) -> None:
    """Rows that repeat what is known make no version, and the evidence stays as it was."""
    desk.send("one", people(kit, 1, 10))
    first = last_look(desk)
    receipt = desk.send("copy", people(kit, 1, 10), sent=1)
    assert (receipt.accepted, receipt.duplicates, receipt.corrections) == (0, 10, 0)
    assert numbers(last_look(desk)) == numbers(first)
    assert len(kit.contents(desk.store)["observation"]) == 10


def test_a_correction_is_a_new_version(desk: Any, kit: SimpleNamespace) -> None:
    """A changed value is added beside the old one, counts as a correction, and the look uses the newer."""
    desk.send("one", [kit.person(number, 0.0) for number in range(1, 11)])
    receipt = desk.send("two", [kit.person(3, 1.0), kit.person(4, None), kit.person(5, 0.0)], sent=1)
    assert (receipt.accepted, receipt.duplicates, receipt.corrections) == (2, 1, 2)
    assert len(kit.contents(desk.store)["observation"]) == 12
    look = last_look(desk)
    assert [(arm.arm, arm.n, arm.total, arm.missing) for arm in look.arms] == [
        ("control", 4, 0.0, 1),
        ("idea", 5, 1.0, 0),
    ]
    assert_every_look_can_be_taken_again(desk)


def test_an_older_delivery_that_comes_late_does_not_take_over(desk: Any, kit: SimpleNamespace) -> None:
    """The newest sent_at is a participant's value, not the newest arrival; a late withdrawal withdraws nothing newer."""
    desk.send("newer", [kit.person(1, 1.0), kit.person(2, 1.0)], sent=5)
    assert desk.send("older", [kit.person(1, 0.0), kit.person(2, None)], sent=3, received=6).corrections == 1
    assert [arm.total for arm in last_look(desk).arms] == [1.0, 1.0]
    assert_every_look_can_be_taken_again(desk)


def test_the_order_of_arrival_leaves_no_trace_in_the_evidence(
    url: str, kit: SimpleNamespace, request: pytest.FixtureRequest
) -> None:
    """Deliveries with corrections, changes back and withdrawals give the same last look in every order of arrival."""
    draw = random.Random(5)
    parts = [
        [kit.person(number, draw.choice([0.0, 1.0, 1.0, None])) for number in sorted(draw.sample(range(1, 41), 25))]
        for _ in range(8)
    ]
    parts.append([kit.person(number, None) for number in range(1, 41)])
    ends = []
    for order in ([8, *range(8)], [8, *reversed(range(8))], draw.sample(range(9), 9), draw.sample(range(9), 9)):
        store = open_store(url)
        desk = kit.sealed(store, kit.plan(f"order-{len(ends)}"))
        for index in order:
            sent = -1 if index == 8 else index
            desk.send(f"part {index}", parts[index], sent=sent, received=20)
        assert_every_look_can_be_taken_again(desk)
        ends.append(replace(numbers(last_look(desk)), trial="", protocol_sha256="", late_changes=0))
        store.close()
    assert ends[0].n > 20
    assert ends == [ends[0]] * 4


def counted(kit: Any, draw: random.Random, number: int) -> Any:
    """A row of `kit.watched`: a count, or a word less, with a yes-or-no guardrail and a counted one beside it."""
    value, weeks = draw.choice([0.0, 1.0, 4.0, None]), draw.choice([1.0, 2.0])
    hurt = draw.choice([Measured("hurt", 1.0), Measured("hurt", 0.0), Measured("hurt", None, withdrawn=True), None])
    falls = draw.choice([Measured("falls", draw.choice([0.0, 2.0]), weeks), None])
    said = tuple(each for each in (hurt, falls) if each is not None)
    return kit.person(number, value, companion=None if value is None else weeks, guardrails=said)


def test_no_order_of_arrival_shows_in_companions_and_guardrails(url: str, kit: SimpleNamespace) -> None:
    """With corrections of values, exposures and guardrails too, the last look is the same in every order of arrival."""
    draw = random.Random(11)
    parts = [[counted(kit, draw, number) for number in sorted(draw.sample(range(1, 31), 18))] for _ in range(6)]
    parts.append([kit.person(number, None, withdrawn=False) for number in range(1, 31)])
    ends = []
    for order in ([6, *range(6)], [6, *reversed(range(6))], draw.sample(range(7), 7)):
        store = open_store(url)
        desk = kit.sealed(store, kit.watched(f"order-{len(ends)}"))
        for index in order:
            desk.send(f"part {index}", parts[index], sent=-1 if index == 6 else index, received=20)
        assert_every_look_can_be_taken_again(desk)
        ends.append(replace(numbers(last_look(desk)), trial="", protocol_sha256="", late_changes=0))
        store.close()
    assert sum(arm.total for guarded in ends[0].guardrails for arm in guarded.arms) > 0
    assert ends == [ends[0]] * 3


def test_people_come_with_companions_and_guardrails(store: Store, kit: SimpleNamespace) -> None:
    """What a row says of each measure is stored as versions of that measure, and handed to the analysis as such."""
    desk = kit.sealed(store, kit.watched())
    said = (Measured("hurt", 1.0), Measured("falls", 3.0, 2.0))
    desk.send("one", [kit.person(1, 4.0, companion=2.0, guardrails=said)])
    desk.send("two", [kit.person(1, 4.0, companion=8.0, guardrails=(Measured("hurt", None, withdrawn=True),))], sent=1)
    with engine.reading(store) as connection:
        (person,) = looks.people_in_order(connection, desk.protocol)
    assert [(one.rev, one.value, one.companion) for one in person.versions] == [(1, 4.0, 2.0), (2, 4.0, 8.0)]
    assert {name: [(one.value, one.companion) for one in known] for name, known in person.guardrails.items()} == {
        "hurt": [(1.0, None), (None, None)],
        "falls": [(3.0, 2.0)],
    }


def test_a_guardrail_that_changes_behind_the_cursor_is_in_the_next_look(store: Store, kit: SimpleNamespace) -> None:
    """A guardrail value of somebody whose outcome has long been read makes the history be folded again."""
    desk = kit.sealed(store, kit.watched())
    desk.send("one", [kit.person(number, 1.0, companion=1.0) for number in range(1, 11)])
    later = [kit.person(number, None, withdrawn=False, guardrails=(Measured("hurt", 1.0),)) for number in (2, 3, 4)]
    receipt = desk.send("two", later, sent=1)
    assert (receipt.accepted, receipt.corrections, receipt.duplicates) == (3, 0, 0)
    hurt = next(one for one in last_look(desk).guardrails if one.measure == "hurt")
    assert [(arm.arm, arm.n, arm.total) for arm in hurt.arms] == [("control", 2, 2.0), ("idea", 1, 1.0)]
    assert_every_look_can_be_taken_again(desk)


def test_rows_that_contradict_the_ledger_are_quarantined(desk: Any, kit: SimpleNamespace) -> None:
    """A row checked against an older register is set aside with its reason; the rest of its delivery goes in."""
    desk.send("one", people(kit, 1, 4))
    rows = [kit.person(4, 1.0, arm="idea"), kit.person(5, 1.0), kit.person(9, 1.0, entry_order=2)]
    receipt = desk.send("two", rows, sent=1)
    assert (receipt.action, receipt.accepted, receipt.quarantined) == ("quarantine_rows", 1, 2)
    assert [(row.row_no, row.cells) for row in receipt.reasons] == [
        (4, {"participant_id": "p004"}),
        (9, {"participant_id": "p009"}),
    ]
    assert sum(count for _, count in reading.quarantine_reasons(desk.store, desk.trial)) == 2


def test_text_that_one_database_would_not_take_goes_into_both(desk: Any, kit: SimpleNamespace) -> None:
    """NUL characters and other oddities in names, reasons and cells are kept readably, not a crash."""
    odd = Rejection(1, "y is '\x00': must be 0 or 1", {"y": "\x00", "naïve": "😀"})
    desk.send("od\x00d", rejected=[odd])
    assert reading.quarantine_reasons(desk.store, desk.trial) == [("y is '␀': must be 0 or 1", 1)]
    assert reading.deliveries(desk.store, desk.trial)[0].name == "od␀d"


def test_times_must_name_their_zone(desk: Any, kit: SimpleNamespace) -> None:
    """A time without a zone is refused by its argument's name and nothing is written."""
    before = kit.contents(desk.store)
    with pytest.raises(DataError, match=r"^as_of == 2024-01-01T00:00:00, must name its time zone\."):
        ledger.record(
            desk.store,
            desk.delivery("one", people(kit, 1, 4)),
            Checked(tuple(people(kit, 1, 4))),
            recorded_at=kit.day(0),
            as_of=kit.day(0).replace(tzinfo=None),
        )
    assert kit.contents(desk.store) == before


# Looks


def weekly(kit: Any, seed: int) -> list[tuple[str, list, float, float]]:
    """(name, rows, sent, received) of a dated trial: people join daily, outcomes after four weeks, late, changed, lost."""
    draw = random.Random(seed)
    truth = {number: float(draw.random() < 0.4) for number in range(1, 61)}
    told: dict[int, int] = {}
    for number in truth:
        if draw.random() > 0.08:  # the others are never heard of again
            told[number] = number + 29 + int(draw.expovariate(0.15))
    parcels = []
    for week in range(1, 30):
        today, rows = 7 * week, []
        for number, value in truth.items():
            joined_now = today - 7 < number <= today
            told_now = number in told and today - 7 < told[number] <= today
            changed_now = number in told and told[number] <= today - 7 and draw.random() < 0.02
            if joined_now or told_now or changed_now:
                outcome = (1 - value if changed_now else value) if told_now or changed_now else None
                rows.append(kit.person(number, outcome, joined=number))
        delay = draw.choice([0, 0, 0, 0, 3, 9, 40])
        parcels.append((f"week {week}", rows, float(today), float(today + delay)))
    return sorted(parcels, key=lambda parcel: parcel[3])


def test_every_past_look_can_be_taken_again(store: Store, kit: SimpleNamespace) -> None:
    """Looks read on from the cursor, yet each equals the one computed from history to the last bit, and stays so later."""
    desk = kit.sealed(store, kit.plan(dated=True))
    for name, rows, sent, received in weekly(kit, seed=1):
        receipt = desk.send(name, rows, sent=sent, received=received)
        stored = last_look(desk)
        assert receipt.look_number == stored.number
        assert ledger.recompute(store, desk.trial, stored.number).to_json() == stored.to_json()
    assert_every_look_can_be_taken_again(desk)
    assert last_look(desk).n > 40
    assert last_look(desk).missing > 0
    with pytest.raises(StoreError, match=r"^look == 99, must be a look that a-trial has had"):
        ledger.recompute(store, desk.trial, 99)


def test_amounts_are_taken_again_to_the_last_bit(store: Store, kit: SimpleNamespace) -> None:
    """Sums of amounts have the same last bit whether folded delivery by delivery or at once."""
    protocol = kit.plan(
        kind="amount", bounds=[0, 1e5], baseline=5e3, worthwhile=1e3, sd=7e3, better="higher", unit="dollars"
    )
    desk = kit.sealed(store, protocol)
    draw = random.Random(3)
    for start in range(1, 100, 7):
        rows = [kit.person(number, draw.lognormvariate(8, 1.5)) for number in range(start, start + 7)]
        desk.send(f"from {start}", rows, sent=start)
    desk.send("changes", [kit.person(number, 1234.567) for number in (3, 50, 98)], sent=101)
    assert_every_look_can_be_taken_again(desk)


def test_as_of_never_goes_back(desk: Any, kit: SimpleNamespace) -> None:
    """A look asked for at an earlier time than the last one is taken at the last one's time."""
    desk.send("one", people(kit, 1, 4), sent=10)
    desk.send("two", people(kit, 5, 8), sent=3)
    assert [look.as_of for look in reading.looks(desk.store, desk.trial)] == [kit.day(10)] * 2
    assert ledger.take_look(desk.store, desk.trial, recorded_at=kit.day(1), as_of=kit.day(1)).as_of == kit.day(10)
    assert_every_look_can_be_taken_again(desk)


def test_a_look_into_the_past_hides_what_came_later(desk: Any, kit: SimpleNamespace) -> None:
    """What was received after a look's time is not in it, and is in the next one, wherever in the order it stands."""
    desk.send("one", [kit.person(number, 0.0) for number in range(1, 9)], sent=1)
    desk.send("two", [kit.person(2, 1.0), kit.person(9, 1.0)], sent=5, received=6, as_of=4)
    hidden = last_look(desk)
    assert (hidden.n, sum(arm.total for arm in hidden.arms)) == (8, 0.0)
    shown = ledger.take_look(desk.store, desk.trial, recorded_at=kit.day(7), as_of=kit.day(7))
    assert (shown.n, sum(arm.total for arm in shown.arms)) == (9, 2.0)
    assert_every_look_can_be_taken_again(desk)


def test_a_look_that_says_nothing_new_is_not_written(store: Store, kit: SimpleNamespace) -> None:
    """Without new rows the last look is returned and nothing changes, until time itself does change something."""
    desk = kit.sealed(store, kit.plan(dated=True))
    desk.send("one", [kit.person(number, None, joined=number) for number in range(1, 5)], sent=5)
    before = kit.contents(store)
    assert ledger.take_look(store, desk.trial, recorded_at=kit.day(6), as_of=kit.day(6)) == last_look(desk)
    assert kit.contents(store) == before
    later = ledger.take_look(store, desk.trial, recorded_at=kit.day(500), as_of=kit.day(500))
    assert (later.number, later.missing, later.waiting) == (2, 4, 0)
    assert_every_look_can_be_taken_again(desk)


def test_a_trial_without_deliveries_may_be_looked_at(desk: Any, kit: SimpleNamespace) -> None:
    """The first look of an empty trial is taken before delivery 1 and says so."""
    look = ledger.take_look(desk.store, desk.trial, recorded_at=kit.day(0), as_of=kit.day(0))
    assert (look.number, look.batch_seq, look.n, look.enrolled) == (1, 0, 0, 0)
    desk.send("one", people(kit, 1, 4), sent=1)
    assert_every_look_can_be_taken_again(desk)


@pytest.mark.parametrize("state", ["of another form", '{"format":1,"arms":{}}', "[]"], ids=["text", "older", "empty"])
def test_a_state_that_other_code_wrote_is_not_read_on(desk: Any, kit: SimpleNamespace, state: str) -> None:
    """A state of another format, or none at all, is not read on from: the next look starts from history."""
    desk.send("one", people(kit, 1, 10))
    with writing(desk.store) as connection:
        connection.execute(text("UPDATE method_state SET state = :state"), {"state": state})
    desk.send("two", people(kit, 11, 20), sent=1)
    assert_every_look_can_be_taken_again(desk)


# Crashes and crowds


def process(url: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(HERE / "ingest_process.py"), url, *words], stdout=subprocess.PIPE, text=True
    )


@pytest.fixture
def calm(kit: SimpleNamespace, tmp_path: Path) -> dict[str, list[Any]]:
    """What a database holds after two deliveries that nothing disturbed."""
    store = open_store(f"sqlite:///{tmp_path}/calm.db")
    desk = kit.sealed(store, kit.plan())
    for name in ("first", "second"):
        desk.send(name, kit.rows(name), sent=100)
    found = kit.contents(store)
    store.close()
    return dict(found)


class BrokenError(Exception):
    """What the tests below raise in the middle of a transaction."""


def test_an_error_at_any_statement_leaves_nothing(desk: Any, kit: SimpleNamespace, calm: dict[str, list[Any]]) -> None:
    """Whichever statement of a delivery's transaction fails, nothing of it stays, and the retry ends as if never disturbed."""
    desk.send("first", kit.rows("first"), sent=100)
    before = kit.contents(desk.store)
    seen, tries = 0, 0

    def fail(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == tries:
            raise BrokenError

    event.listen(desk.store.engine, "before_cursor_execute", fail)
    while True:
        seen, tries = 0, tries + 1
        try:
            desk.send("second", kit.rows("second"), sent=100)
            break
        except BrokenError:
            assert kit.contents(desk.store) == before
    event.remove(desk.store.engine, "before_cursor_execute", fail)
    assert 12 < tries < 40
    assert kit.contents(desk.store) == calm


def test_an_error_inside_the_analysis_leaves_nothing(
    desk: Any, kit: SimpleNamespace, calm: dict[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the statistics fail, the rows they were for are not kept either; the retry ends as if never disturbed."""
    desk.send("first", kit.rows("first"), sent=100)
    before = kit.contents(desk.store)
    with monkeypatch.context() as patch:
        patch.setattr(looks, "analyse", lambda *_args, **_options: (_ for _ in ()).throw(BrokenError()))
        with pytest.raises(BrokenError):
            desk.send("second", kit.rows("second"), sent=100)
    assert kit.contents(desk.store) == before
    desk.send("second", kit.rows("second"), sent=100)
    assert kit.contents(desk.store) == calm


def test_a_killed_process_leaves_nothing(desk: Any, url: str, kit: SimpleNamespace, calm: dict[str, list[Any]]) -> None:
    """`kill -9` in the middle of the transaction, or as it commits, leaves nothing; the retry ends as if never disturbed."""
    desk.send("first", kit.rows("first"), sent=100)
    before = kit.contents(desk.store)
    for when in ("INSERT INTO observation", "INSERT INTO method_state", "COMMIT"):
        with process(url, "second", when) as killed:
            assert killed.wait(60) == -signal.SIGKILL
    assert kit.contents(desk.store) == before
    assert verifying.verify(desk.store) == []
    assert process(url, "second").communicate(timeout=60)[0].strip() == "False"
    assert kit.contents(desk.store) == calm
    assert verifying.verify(desk.store) == []


def test_processes_with_the_same_delivery_record_it_once(
    desk: Any, url: str, kit: SimpleNamespace, calm: dict[str, list[Any]]
) -> None:
    """Of three processes that bring the same bytes at once one records them and the others see that."""
    desk.send("first", kit.rows("first"), sent=100)
    said = [one.communicate(timeout=60)[0].strip() for one in [process(url, "second") for _ in range(3)]]
    assert sorted(said) == ["False", "True", "True"]
    assert kit.contents(desk.store) == calm
    assert verifying.verify(desk.store) == []


def test_processes_that_record_the_same_deliveries_record_each_once(desk: Any, url: str, kit: SimpleNamespace) -> None:
    """Two processes bring the same twelve deliveries, in different orders: each goes in once, and the chain is whole."""
    names = [f"many {number}" for number in range(12)]
    parts = [process(url, ",".join(order)) for order in (names, names[::-1])]
    said = [one.communicate(timeout=60)[0].split() for one in parts]
    assert [one.returncode for one in parts] == [0, 0]
    assert sorted(told for one in said for told in one) == ["False"] * 12 + ["True"] * 12
    assert [row.seq for row in reading.deliveries(desk.store, desk.trial)] == list(range(12, 0, -1))
    assert len(reading.looks(desk.store, desk.trial)) == 12
    assert verifying.heads(desk.store)["a-trial"][0] == 2 + 24
    assert verifying.verify(desk.store) == []
    assert_every_look_can_be_taken_again(desk)


def test_threads_with_the_same_delivery_record_it_once(
    desk: Any, kit: SimpleNamespace, calm: dict[str, list[Any]]
) -> None:
    """Of eight threads that bring the same bytes at once one records them, twice over."""
    for name in ("first", "second"):
        with ThreadPoolExecutor(8) as pool:
            receipts = list(pool.map(lambda _, name=name: desk.send(name, kit.rows(name), sent=100), range(8)))
        assert sum(not receipt.already_known for receipt in receipts) == 1
    assert kit.contents(desk.store) == calm


def test_different_deliveries_at_once_all_get_in(desk: Any, kit: SimpleNamespace) -> None:
    """Twelve deliveries by six threads are numbered 1 to 12, and every look can be taken again."""
    parts = [people(kit, start, start + 4) for start in range(1, 61, 5)]
    random.Random(2).shuffle(parts)
    with ThreadPoolExecutor(6) as pool:
        receipts = list(pool.map(lambda part: desk.send(f"from {part[0].row_no}", part), parts))
    assert sorted(receipt.batch_seq for receipt in receipts) == list(range(1, 13))
    assert last_look(desk).n == 60
    assert_every_look_can_be_taken_again(desk)
