"""What the flows do, as plain functions on a fresh store, without Prefect."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from expectations import engine
from expectations.check import Key, key_of
from flows import work
from flows.byhand import ingest_files
from flows.show import look_json
from tests.flows.making import NOW, Desk, csv_text, people, plan, row
from trials.connectors.connector import Limits
from trials.errors import DataError, NotSealedError, ProtocolError, SourceError
from trials.evidence import Look
from trials.protocol import Protocol
from trials.records import Checked, Delivery, Receipt
from trials.store import ledger, reading
from trials.store.history import history


def test_deliveries_go_in_oldest_first_with_one_look(desk: Desk) -> None:
    """Three deliveries of one trial and one of another: numbered by when they were sent, one look after all of a trial's."""
    first = desk.sealed(
        plan(), **{"2024-03-02": people(11, 20), "2024-03-01": people(1, 10), "2024-03-03": people(21, 30)}
    )
    second = desk.sealed(plan("second-trial"), **{"2024-03-01": people(1, 8)})
    done = desk.collect(first, second)
    assert [(one.name, one.batch_seq, one.look_number) for one in done[first].receipts] == [
        ("2024-03-01.csv", 1, 1),
        ("2024-03-02.csv", 2, 1),
        ("2024-03-03.csv", 3, 1),
    ]
    assert [(look.number, look.n) for look in reading.looks(desk.store, first)] == [(1, 30)]
    assert done[first].look == reading.card(desk.store, first).look
    assert done[second].look is not None
    assert done[second].look.n == 8


def test_a_row_is_judged_against_what_the_earlier_delivery_registered(desk: Desk) -> None:
    """A participant who comes with another arm in the next delivery, collected together with the first, is set aside."""
    wrong = csv_text([row(1, arm="new"), row(11)])
    trial = desk.sealed(plan(), **{"2024-03-01": people(1, 10), "2024-03-02": wrong})
    receipts = desk.collect(trial)[trial].receipts
    assert [(one.accepted, one.quarantined) for one in receipts] == [(10, 0), (1, 1)]
    assert receipts[1].reasons[0].row_no == 1
    assert "arm" in receipts[1].reasons[0].reason


def test_one_failing_trial_fails_alone(desk: Desk) -> None:
    """No source folder, an altered plan, no seal, no such trial: each says so, and the sound trial is judged."""
    sound = desk.sealed(plan("sound"), **{"2024-03-01": people(1, 10)})
    work.register_trial(desk.store, plan("folderless"), by="Ann", at=NOW, seal_by="Bea")
    altered = desk.sealed(plan("altered"), **{"2024-03-01": people(1, 10)})
    desk.alter_stored_plan(altered)
    work.register_trial(desk.store, plan("unsealed"), by="Ann", at=NOW)
    done = desk.collect("folderless", altered, "unsealed", "unknown", sound)
    errors = {trial: outcome.error for trial, outcome in done.items() if not outcome.ok}
    assert set(errors) == {"folderless", "altered", "unsealed", "unknown"}
    assert "must be an existing folder" in str(errors["folderless"])
    assert "plan hash mismatch" in str(errors["altered"])
    assert "must be sealed" in str(errors["unsealed"])
    assert "must be a registered one" in str(errors["unknown"])
    assert done[sound].look is not None
    assert [card.id for card in reading.cards(desk.store) if card.deliveries] == [sound]


def test_a_plan_altered_between_reading_and_recording_stops_that_trial_alone(desk: Desk) -> None:
    """The plan is compared with its seal in the transaction that records; later deliveries of that trial wait."""
    files = {"2024-03-01": people(1, 10), "2024-03-02": people(11, 20)}
    sound, altered = desk.sealed(plan("sound"), **files), desk.sealed(plan("altered"), **files)
    pending = [work.read_pending(desk.store, desk.door, trial) for trial in (altered, sound)]
    desk.alter_stored_plan(altered)
    done = {outcome.trial: outcome for outcome in work.collect(desk.store, pending, work.Clock(NOW), desk.door)}
    assert not done[altered].ok
    assert "plan hash mismatch" in str(done[altered].error)
    assert done[altered].receipts == ()
    assert len(done[sound].receipts) == 2


def test_a_source_that_fails_is_tried_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that comes back before the last retry is read; waiting happens once for all that wait."""
    first, second = desk.sealed(plan("first-trial")), desk.sealed(plan("second-trial"))
    for trial in (first, second):
        (desk.home / "sources" / trial).rmdir()
    waits: list[float] = []

    def comes_back(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            desk.sent(first, {"2024-03-01.csv": people(1, 10)})

    monkeypatch.setattr(work.time, "sleep", comes_back)
    found = work.read_all(desk.store, desk.door, [first, second], retries=3, wait=1.5)
    assert waits == [1.5, 1.5, 1.5]
    assert isinstance(found[0], work.Pending)
    assert len(found[0].deliveries) == 1
    assert isinstance(found[1], work.Outcome)
    assert found[1].again


def test_what_no_retry_mends_is_not_tried_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unsealed plan stays unsealed: nobody waits for it."""
    work.register_trial(desk.store, plan(), by="Ann", at=NOW)
    monkeypatch.setattr(work.time, "sleep", lambda seconds: pytest.fail("waited"))
    [found] = work.read_all(desk.store, desk.door, ["first-trial"], retries=3, wait=60)
    assert isinstance(found, work.Outcome)
    assert not found.ok


@pytest.mark.parametrize("suite", ["structure", "binary", "health"])
def test_checks_that_fail_store_nothing_and_the_delivery_is_judged_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, suite: str
) -> None:
    """An unjudged delivery is neither accepted nor refused for good: once the checks work it goes in."""
    trial = desk.sealed(plan(), **{"2024-03-01": people(1, 10)})
    before = desk.contents()

    sound = engine.judge

    def broken(asked: engine.Suite, columns: Mapping[str, Sequence[object]], rows: int) -> engine.Judgement:
        if asked.name == suite:
            raise engine.ChecksError("the check 'value' could not be evaluated.")
        return sound(asked, columns, rows)

    with monkeypatch.context() as patch:
        patch.setattr(engine, "judge", broken)
        failed = desk.collect(trial)[trial]
        protocol, _ = ledger.sealed_protocol(desk.store, trial)
        [delivery] = work.read_pending(desk.store, desk.door, trial).deliveries
        with pytest.raises(DataError, match="could not be evaluated"):
            work.ingest(desk.store, protocol, [delivery], recorded_at=NOW, as_of=NOW, door=desk.door)
    assert not failed.ok
    assert "could not be evaluated" in str(failed.error)
    assert desk.contents() == before
    later = desk.collect(trial)[trial]
    assert later.ok
    assert later.receipts[0].accepted == 10


def test_a_bug_that_one_delivery_sets_off_leaves_the_others_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """When the checks of a wave break, each delivery is judged by itself; the log names the fault."""
    trials = [desk.sealed(plan(name), **{"2024-03-01": people(1, 10)}) for name in ("odd", "sound")]
    check = work.check

    def breaks(deliveries: list[work.Delivery], *rest: object) -> object:
        if any(delivery.trial == "odd" for delivery in deliveries):
            raise TypeError("a fault of ours")
        return check(deliveries, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(work, "check", breaks)
    with caplog.at_level(logging.ERROR, "roadtest"):
        done = desk.collect(*trials)
    assert not done["odd"].ok
    assert done["sound"].ok
    assert "a fault of ours" in caplog.text


def test_guarded_gives_the_result_the_sentence_or_the_report_of_a_bug(caplog: pytest.LogCaptureFixture) -> None:
    """Work that is done comes through; a refusal keeps its sentence; a bug says so, and its traceback is in the log."""

    def refused() -> int:
        raise SourceError("the folder is not there.")

    def bug() -> int:
        return 1 // 0

    assert work.guarded("a-trial", lambda: 42) == 42
    assert work.guarded("a-trial", refused) == work.Outcome("a-trial", False, "the folder is not there.", again=True)
    found = work.guarded("a-trial", bug)
    assert isinstance(found, work.Outcome)
    assert "ZeroDivisionError in Roadtest itself; nothing was stored" in str(found.error)
    assert "1 // 0" in caplog.text


def test_as_sent_receives_each_delivery_when_it_was_sent(desk: Desk) -> None:
    """Loading history: received, and looked at, at the time in the file's name; otherwise now."""
    trial = desk.sealed(plan(), **{"2024-03-01": people(1, 10), "2024-03-05": people(11, 20)})
    desk.collect(trial, clock=work.Clock(NOW, as_sent=True))
    days = [datetime(2024, 3, day, tzinfo=UTC) for day in (1, 5)]
    assert [look.as_of for look in reading.looks(desk.store, trial)] == days
    assert [one.recorded_at for one in reading.deliveries(desk.store, trial)] == days[::-1]
    desk.sent(trial, {"2024-03-09.csv": people(21, 30)})
    desk.collect(trial)
    newest = reading.deliveries(desk.store, trial)[0]
    assert (newest.sent_at, newest.recorded_at) == (datetime(2024, 3, 9, tzinfo=UTC), NOW)


def test_ingest_and_collect_give_the_same_look(desk: Desk, tmp_path: Path) -> None:
    """The same files by hand and from the source: the same receipts and, to the last bit, the same looks."""
    files = {"2024-03-01": people(1, 10), "2024-03-02": csv_text([row(3, well=9), row(4), row(11), row(12)])}
    collected = desk.sealed(plan(), **files)
    by_hand = desk.sealed(plan("by-hand"))
    receipts = desk.collect(collected)[collected].receipts
    paths = sorted((desk.home / "sources" / collected).iterdir())
    hand = ingest_files(desk.store, by_hand, paths, sent_at=None, as_of=NOW, door=desk.door)
    # The rows set aside are sealed with each trial's own key.
    assert [replace(one, trial="", reasons=()) for one in hand] == [
        replace(one, trial="", reasons=()) for one in receipts
    ]
    assert [[row.reason for row in one.reasons] for one in hand] == [
        [row.reason for row in one.reasons] for one in receipts
    ]
    looks = {trial: reading.looks(desk.store, trial) for trial in (collected, by_hand)}
    assert len(looks[collected]) == 1
    assert [replace(look, trial="", protocol_sha256="") for look in looks[by_hand]] == [
        replace(look, trial="", protocol_sha256="") for look in looks[collected]
    ]


def test_dry_run_judges_and_stores_nothing(desk: Desk) -> None:
    """The receipt says what would be accepted, and the database is as it was."""
    trial = desk.sealed(plan())
    before = desk.contents()
    path = desk.sent(trial, {"2024-03-01.csv": csv_text([row(1), row(2, well=7)])})
    [receipt] = ingest_files(desk.store, trial, path, sent_at=None, as_of=NOW, door=desk.door, dry_run=True)
    assert (receipt.accepted, receipt.quarantined, receipt.action) == (1, 1, "quarantine_rows")
    assert receipt.look_number is None
    assert desk.contents() == before


def test_one_missing_file_of_several_stores_none_of_them(desk: Desk) -> None:
    """By hand, all files are there or nothing happens."""
    trial = desk.sealed(plan())
    before = desk.contents()
    here = desk.sent(trial, {"2024-03-01.csv": people(1, 4)})
    with pytest.raises(SourceError, match="no such file"):
        ingest_files(desk.store, trial, [*here, desk.home / "gone.csv"], sent_at=None, as_of=NOW, door=desk.door)
    assert desk.contents() == before


def test_the_same_bytes_under_two_names_count_once(desk: Desk) -> None:
    """Within one collection too: a copy is the delivery itself, one of a later date says nothing new."""
    trial = desk.sealed(plan(), **{"2024-03-01": people(1, 10), "2024-03-02": people(1, 10)})
    desk.sent(trial, {"2024-03-01_copy.csv": people(1, 10)})
    first, copy, later = desk.collect(trial)[trial].receipts
    assert (first.accepted, first.already_known) == (10, False)
    assert (copy.accepted, copy.already_known) == (0, True)
    assert (later.accepted, later.duplicates, later.corrections) == (0, 10, 0)
    assert reading.card(desk.store, trial).deliveries == 2
    before = desk.contents()
    assert desk.collect(trial)[trial].receipts == ()
    assert desk.contents() == before


@pytest.mark.parametrize("name", ["p001.csv", "site-a-4857773456.csv", "Ann_Other.csv"])
def test_a_file_name_that_tells_of_somebody_is_not_stored(desk: Desk, name: str) -> None:
    """Somebody's id, a long number or a name in a file's name reaches neither receipt nor database; the rows do, and the
    same file is known again."""
    desk.sealed(plan(), **{"2024-05-01": people(1, 20)})
    desk.collect("first-trial")
    desk.sent("first-trial", {name: people(21, 40)})
    [receipt] = desk.collect("first-trial")["first-trial"].receipts
    assert receipt.accepted == 20
    assert receipt.name.startswith("delivery-")
    assert name.removesuffix(".csv") not in repr(desk.contents())
    assert desk.collect("first-trial")["first-trial"].receipts == ()


def test_a_refused_delivery_is_on_record_and_stops_nothing(desk: Desk) -> None:
    """A half-written file is refused whole, with its sentence; the next one goes in."""
    trial = desk.sealed(plan(), **{"2024-03-01": "participant_id,ar", "2024-03-02": people(1, 10)})
    refused, accepted = desk.collect(trial)[trial].receipts
    assert refused.action == "reject_batch"
    assert refused.refusal
    assert accepted.accepted == 10
    card = reading.card(desk.store, trial)
    assert (card.deliveries, card.refused) == (2, 1)


def test_what_looks_wrong_with_the_trial_is_among_the_warnings(desk: Desk) -> None:
    """Fifty people of whom all but five are in one arm of a 1 : 1 plan: the receipt says that this can't be chance."""
    lopsided = csv_text(row(number, arm="new" if number > 5 else "usual") for number in range(1, 51))
    trial = desk.sealed(plan(), **{"2024-03-01": lopsided})
    [receipt] = desk.collect(trial)[trial].receipts
    assert receipt.action == "accept_with_warning"
    assert any("arm" in warning for warning in receipt.warnings)


HURT = {"measure": "hurt", "kind": "binary", "better": "lower", "margin": 0.1, "baseline": 0.2}
VISITS = {"measure": "visits", "kind": "count", "better": "higher", "bounds": [0, 9], "exposure": "weeks"}


def visits(first: int, last: int, hurt: str = "0") -> str:
    """People with a count, its exposure and a guardrail: with the new way three visits in a week, else one."""
    rows = (
        f"p{number:03d},{('usual', 'new')[number % 2]},{number},{3 if number % 2 else 1},1,{hurt}"
        for number in range(first, last + 1)
    )
    return "\n".join(["participant_id,arm,entry_order,visits,weeks,hurt", *rows, ""])


def test_a_count_with_a_guardrail_goes_from_file_to_look(desk: Desk) -> None:
    """Events, exposure and guardrail arrive in the look; a row without its exposure is set aside; a blank says nothing."""
    protocol = plan(primary={**VISITS, "baseline": 1, "worthwhile": 0.5}, guardrails=[HURT])
    files = {
        "2024-03-01": visits(1, 20) + "p021,new,21,3,,0\n",
        "2024-03-02": visits(21, 40, hurt=""),
        "2024-03-03": "participant_id,arm,entry_order,visits,weeks\np041,new,41,3,1\n",
    }
    trial = desk.sealed(protocol, **files)
    done = desk.collect(trial)[trial]
    assert [(one.accepted, one.quarantined) for one in done.receipts] == [(20, 1), (20, 0), (1, 0)]
    assert done.receipts[0].reasons[0].reason == "weeks is blank: must be given beside visits"
    assert "nothing said of the guardrail hurt: no column hurt in the header" in done.receipts[2].warnings
    assert done.look is not None
    assert [(arm.arm, arm.n, arm.total, arm.exposure) for arm in done.look.arms] == [
        ("usual", 20, 20.0, 20.0),
        ("new", 21, 63.0, 21.0),
    ]
    (hurt,) = done.look.guardrails
    assert [(arm.n, arm.total, arm.missing) for arm in hurt.arms] == [(10, 0.0, 10), (10, 0.0, 11)]
    shown = look_json(protocol, done.look)
    assert shown["arms"]["new"] == {"n": 21, "total": 63.0, "missing": 0, "exposure": 21.0}
    assert [(one["measure"], one["arm"]) for one in shown["guardrails"]] == [("hurt", "new")]


@pytest.mark.parametrize(
    ("design", "arms"),
    [("one_arm", ["new"]), ("multi_arm", ["usual", "new", "newer"])],
)
def test_one_arm_and_several_go_the_same_way(desk: Desk, design: str, arms: list[str]) -> None:
    """Registered, checked, recorded and looked at like two: the look has each arm, and one arm alone no ratio to be off."""
    roles = [{"id": arm, "role": "control" if arm == "usual" else "treatment"} for arm in arms]
    rows = [row(number, arm=arms[number % len(arms)]) for number in range(1, 61)]
    trial = desk.sealed(plan(design=design, arms=roles), **{"2024-03-01": csv_text(rows)})
    done = desk.collect(trial)[trial]
    assert (done.error, [one.warnings for one in done.receipts]) == (None, [()])
    assert done.look is not None
    assert [(arm.arm, arm.n) for arm in done.look.arms] == [(arm, 60 // len(arms)) for arm in arms]
    shown = look_json(plan(design=design, arms=roles), done.look)
    assert [one["arm"] for one in shown["comparisons"]] == (arms[1:] if design == "multi_arm" else [])


def test_a_look_without_rows_fails_alone_and_writes_nothing_new(desk: Desk) -> None:
    """look_all: an unknown trial says so; a trial about which nothing has changed keeps its last look."""
    trial = desk.sealed(plan(), **{"2024-03-01": people(1, 10)})
    desk.collect(trial)
    before = desk.contents()
    unknown, looked = work.look_all(desk.store, ["unknown", trial], work.Clock(NOW + timedelta(days=30)))
    assert not unknown.ok
    assert looked.look == reading.card(desk.store, trial).look
    assert desk.contents() == before


def test_registering_asks_the_kind_and_the_connector_first(desk: Desk) -> None:
    """A plan that its kind can't judge, or whose connector nobody knows, leaves nothing in the database."""
    before = desk.contents()
    bad_kind = plan().model_dump(mode="json")["primary"] | {"worthwhile": 0.9}
    with pytest.raises(ProtocolError):
        work.register_trial(desk.store, plan(primary=bad_kind), by="Ann", at=NOW)
    with pytest.raises(SourceError, match="must be one of"):
        work.register_trial(desk.store, plan(source={"connector": "fodler", "path": "x"}), by="Ann", at=NOW)
    assert desk.contents() == before


def test_registering_again_changes_nothing_and_only_sealed_trials_are_due(desk: Desk) -> None:
    """The same plan twice is one plan; what is not sealed yet is not collected for."""
    sha256 = work.register_trial(desk.store, plan(), by="Ann", at=NOW)
    before = desk.contents()
    assert work.register_trial(desk.store, plan(), by="Cyd", at=NOW) == sha256
    assert desk.contents() == before
    assert work.sealed_trials(desk.store) == []
    with pytest.raises(NotSealedError):
        work.read_pending(desk.store, desk.door, "first-trial")
    ledger.seal(desk.store, "first-trial", by="Bea", at=NOW)
    assert work.sealed_trials(desk.store) == ["first-trial"]


def well(desk: Desk, trial: str, number: int) -> list[float | None]:
    """Every version of a person's outcome, oldest first, and the one in force at the end."""
    hidden = desk.door.pseudonyms(desk.store, trial)
    assert hidden is not None
    _, told = history(desk.store, trial, hidden.of(f"p{number:03d}"))
    return [*(one.value for one in told), *(one.value for one in told if one.current)]


@pytest.mark.parametrize("together", [True, False])
def test_a_value_can_be_corrected_and_set_back_by_the_same_file(desk: Desk, together: bool) -> None:
    """A, B, and A again under a later date: A holds, whether they are collected at once or one by one."""
    first, changed = csv_text([row(1, well=0), row(2)]), csv_text([row(1, well=1), row(2)])
    trial = desk.sealed(plan())
    files = {"2024-03-01_a.csv": first, "2024-03-02_b.csv": changed, "2024-03-03_c.csv": first}
    for name, text in files.items():
        desk.sent(trial, {name: text})
        if not together:
            desk.collect(trial)
    desk.collect(trial)
    assert well(desk, trial, 1) == [0, 1, 0, 0]
    assert desk.collect(trial)[trial].receipts == ()
    assert [one.name for one in reading.deliveries(desk.store, trial)][::-1] == list(files)


def test_the_same_bytes_without_a_date_are_the_same_delivery(desk: Desk, tmp_path: Path) -> None:
    """A nightly copy that touches old files sets nothing back: only a sender who says so sends again."""
    first, changed = csv_text([row(1, well=0), row(2)]), csv_text([row(1, well=1), row(2)])
    trial = desk.sealed(plan())
    desk.sent(trial, {"one.csv": first})
    desk.collect(trial)
    desk.sent(trial, {"two.csv": changed})
    desk.collect(trial)
    (desk.home / "sources" / trial / "one.csv").touch()
    desk.sent(trial, {"copy.csv": first})
    assert desk.collect(trial)[trial].receipts == ()
    assert well(desk, trial, 1) == [0, 1, 1]


def test_by_hand_a_later_sent_at_says_it_again(desk: Desk) -> None:
    """The same file with a later --sent-at is a correction back; with an earlier or the same one it is known."""
    trial = desk.sealed(plan())
    files = desk.sent("elsewhere", {"a.csv": csv_text([row(1, well=0), row(2)]), "b.csv": csv_text([row(1, well=1)])})
    told = []
    for file, day in ((files[0], 1), (files[1], 2), (files[0], 3), (files[0], 3), (files[0], 1)):
        sent_at = datetime(2024, 3, day, tzinfo=UTC)
        [receipt] = ingest_files(desk.store, trial, [file], sent_at=sent_at, as_of=NOW, door=desk.door)
        told.append((receipt.already_known, receipt.accepted, receipt.corrections, receipt.duplicates))
    assert told == [(False, 2, 0, 0), (False, 1, 1, 0), (False, 1, 1, 1), (True, 0, 0, 2), (True, 0, 0, 2)]
    assert well(desk, trial, 1) == [0, 1, 0, 0]


def test_a_day_corrected_alone_is_a_correction(desk: Desk) -> None:
    """The same value observed on another day is a new version; a row that names no day says nothing of it."""
    header = "participant_id,arm,entry_order,well,observed_on"
    trial = desk.sealed(plan())
    told = []
    for number, day in enumerate(("2024-02-01", "2024-02-01", "", "2024-02-03"), start=1):
        text = f"{header}\np001,new,1,1,{day}\np002,usual,2,{number % 2},2024-02-01\n"
        desk.sent(trial, {f"2024-03-0{number}.csv": text})
        told += [(one.accepted, one.corrections) for one in desk.collect(trial)[trial].receipts]
    assert told == [(2, 0), (1, 1), (1, 1), (2, 2)]
    hidden = desk.door.pseudonyms(desk.store, trial)
    assert hidden is not None
    _, versions = history(desk.store, trial, hidden.of("p001"))
    assert [(str(one.observed_on), one.current) for one in versions] == [("2024-02-01", False), ("2024-02-03", True)]


def test_what_was_refused_is_judged_again(desk: Desk) -> None:
    """A refusal may lie in the file's name or in a limit: once its cause is gone the same bytes go in, and stay in once."""
    trial = desk.sealed(plan())
    content = people(1, 10)
    desk.sent(trial, {"2024-03-01_a.json": content})
    first = desk.collect(trial)[trial].receipts
    assert [one.action for one in first] == ["reject_batch"]
    assert desk.collect(trial)[trial].receipts == ()
    folder = desk.home / "sources" / trial
    (folder / "2024-03-01_a.json").rename(folder / "2024-03-01_a.csv")
    second = desk.collect(trial)[trial].receipts
    assert [(one.action, one.accepted) for one in second] == [("accept", 10)]
    before = desk.contents()
    assert desk.collect(trial)[trial].receipts == ()
    assert desk.contents() == before
    small = work.Door(desk.home, desk.door.keys, Limits(unpacked_bytes=50))
    other = desk.sent("elsewhere", {"b.csv": people(11, 20)})
    refused, again, fine, known = (
        ingest_files(desk.store, trial, other, sent_at=None, as_of=NOW, door=door)[0]
        for door in (small, small, desk.door, desk.door)
    )
    assert [one.action for one in (refused, again, fine)] == ["reject_batch", "reject_batch", "accept"]
    assert again.already_known
    assert known.already_known
    assert known.refusal is None


def test_a_file_that_is_overwritten_and_set_back_counts_as_it_stands(desk: Desk) -> None:
    """A, B and A again under one name, without a date: the file says A, so A holds."""
    trial = desk.sealed(plan())
    folder = desk.home / "sources" / trial
    for day, value in ((6, 0), (7, 1), (8, 0)):
        file = folder / "report.csv"
        file.write_text(csv_text([row(1, well=value), row(2)]), encoding="utf-8")
        stamp = datetime(2024, 3, day, tzinfo=UTC).timestamp()
        os.utime(file, (stamp, stamp))
        assert len(desk.collect(trial)[trial].receipts) == 1
    assert well(desk, trial, 1) == [0, 1, 0, 0]
    assert desk.collect(trial)[trial].receipts == ()


def test_a_date_beyond_the_calendar_is_set_aside(desk: Desk) -> None:
    """9999-12-31, a database's word for unknown, is a date in the future like any other, also in a list of people."""
    plan_with_days = plan(
        order_by=["enrolled_on", "entry_order"],
        primary={**plan().primary.model_dump(mode="json"), "follow_up": "28 days"},
    )
    trial = desk.sealed(plan_with_days)
    header = "participant_id,arm,enrolled_on,entry_order,well"
    files = desk.sent("elsewhere", {"a.csv": f"{header}\np001,new,9999-12-31,1,1\np002,usual,2024-01-01,2,0\n"})
    [receipt] = ingest_files(desk.store, trial, files, sent_at=None, as_of=NOW, door=desk.door)
    assert (receipt.accepted, [row.row_no for row in receipt.reasons]) == (1, [1])
    assert "in the future" in receipt.reasons[0].reason


def counted(receipts: Sequence[Receipt]) -> list[tuple[int, int, int, int]]:
    return [(one.accepted, one.quarantined, one.duplicates, one.corrections) for one in receipts]


def each_day_and_at_once(desk: Desk, daily: Protocol, at_once: Protocol, files: Mapping[str, str]) -> Look:
    """The last look of a trial that gets each file at 20:00 UTC of its day, and of one that gets all of them after the last."""
    receipts: list[Receipt] = []
    desk.sealed(daily)
    for name, text in files.items():
        desk.sent(daily.trial, {f"{name}.csv": text})
        clock = work.Clock(datetime.fromisoformat(f"{name}T20:00+00:00"))
        done = desk.collect(daily.trial, clock=clock)[daily.trial]
        receipts += done.receipts
    caught_up = desk.collect(desk.sealed(at_once, **files), clock=clock)[at_once.trial]
    assert counted(caught_up.receipts) == counted(receipts)
    [last, look] = [one.look for one in (done, caught_up)]
    assert last is not None
    assert look is not None
    assert (last.n, last.enrolled, last.estimate) == (look.n, look.enrolled, look.estimate)
    assert (last.claims, last.state_sha256) == (look.claims, look.state_sha256)
    return look


def test_what_is_sent_again_counts_in_a_catch_up_as_day_by_day(desk: Desk) -> None:
    """A file sent again, after another numbered its people, is judged again after that one, also where all come in at once."""
    said = csv_text([row(1, well=0), "p009,new,,1"])
    files = {"2024-03-01": said, "2024-03-02": csv_text(["p009,new,2,0"]), "2024-03-03": said}
    look = each_day_and_at_once(desk, plan(), plan("second-trial"), files)
    assert (look.n, look.enrolled, look.estimate) == (2, 2, 1.0)


def test_people_of_a_site_ahead_of_utc_count_in_a_catch_up_as_day_by_day(desk: Desk) -> None:
    """Who joined on the next day, as it is called there already, is taken on the day it is read, as in a later round."""
    changes: dict[str, Any] = {
        "order_by": ["enrolled_on", "entry_order"],
        "primary": {**plan().primary.model_dump(mode="json"), "follow_up": "1 day"},
        "data": {"report_within": "7 days"},
    }
    header = "participant_id,arm,enrolled_on,entry_order,well\n"
    files = {
        "2024-03-01": f"{header}p001,usual,2024-03-01,1,\np002,new,2024-03-02,2,\n",
        "2024-03-04": f"{header}p001,usual,2024-03-01,1,0\np003,usual,2024-03-05,3,\n",
    }
    look = each_day_and_at_once(desk, plan(**changes), plan("second-trial", **changes), files)
    assert (look.n, look.enrolled, look.waiting) == (1, 3, 2)


@pytest.mark.parametrize("as_sent", [False, True], ids=["together", "one by one"])
def test_what_comes_after_a_delivery_that_could_not_be_judged_waits(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, as_sent: bool
) -> None:
    """The one before it goes in; it and the one after it go in later, in their order, and another trial's all go in."""
    files = {f"2024-03-0{day}": people(10 * day - 9, 10 * day) for day in (1, 2, 3)}
    trial, other = desk.sealed(plan(), **files), desk.sealed(plan("second-trial"), **files)
    sound = work.check

    def failing(deliveries: Sequence[Delivery], *others: Any) -> dict[Key, Checked]:
        found = sound(deliveries, *others)
        for one in deliveries:
            if (one.trial, one.name) == (trial, "2024-03-02.csv"):
                found[key_of(one)] = Checked(refusal="could not be checked", unjudged=True)
        return found

    clock = work.Clock(NOW, as_sent=as_sent)
    with monkeypatch.context() as patch:
        patch.setattr(work, "check", failing)
        failed = desk.collect(trial, other, clock=clock)
    assert failed[trial].error == "2024-03-02.csv: could not be checked"
    assert [one.name for one in failed[trial].receipts] == ["2024-03-01.csv"]
    assert len(failed[other].receipts) == 3
    done = desk.collect(trial, clock=clock)[trial]
    assert [(one.name, one.batch_seq) for one in done.receipts] == [("2024-03-02.csv", 2), ("2024-03-03.csv", 3)]


def test_the_last_of_several_deliveries_says_what_looks_wrong(desk: Desk) -> None:
    """It is said of the trial with all of them in, so once, not beside each."""
    arms = [row(number, arm="new" if number > 5 else "usual") for number in range(1, 51)]
    trial = desk.sealed(plan(), **{"2024-03-01": csv_text(arms[:30]), "2024-03-02": csv_text(arms[30:])})
    first, last = desk.collect(trial)[trial].receipts
    assert first.warnings == ()
    assert any("arm" in warning for warning in last.warnings)


def test_a_date_in_the_future_sets_nothing_back(desk: Desk) -> None:
    """A file dated by mistake into the future counts as sent when it came, once; a later correction stays."""
    trial = desk.sealed(plan())
    desk.sent(trial, {"2099-03-01.csv": csv_text([row(1, well=0), row(2)])})
    told = []
    for day in range(3):
        clock = work.Clock(NOW + timedelta(days=day))
        told.append(len(desk.collect(trial, clock=clock)[trial].receipts))
        if day == 0:
            desk.sent(trial, {"2024-06-03T0900_b.csv": csv_text([row(1, well=1), row(2)])})
    assert told == [1, 1, 0]
    assert well(desk, trial, 1)[-1] == 1
