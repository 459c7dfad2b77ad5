"""Rows set aside: shown, mended and judged again, as functions and through the command."""

from __future__ import annotations

import csv
import json
import stat
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from typer.testing import CliRunner

from flows import quarantining, work
from flows.quarantine import changes_of, plain, quarantine_app
from flows.quarantining import Replay
from tests.flows.making import Desk, csv_text, people, plan, row
from trials.errors import DataError, StoreError
from trials.store import ledger, quarantine, reading
from trials.store.engine import reading as snapshot
from trials.store.models import AUDIT, BATCH, OBSERVATION, QUARANTINE, REPLAYED
from trials.store.quarantine import Place
from trials.store.verifying import verify

LATER = datetime(2024, 7, 1, tzinfo=UTC)


def mended(desk: Desk, trial: str, place: Place, **changes: str) -> quarantine.SetAside:
    return quarantining.mend(desk.store, trial, place, changes, reason="a slip", by="Cid", door=desk.door, at=LATER)


def replayed(desk: Desk, trial: str, **options: Any) -> Replay:
    return quarantining.replay(desk.store, trial, **{"by": "Dot", "door": desk.door, "at": LATER, **options})


def states(desk: Desk, trial: str) -> dict[Place, str]:
    return {one.place: one.state for one in quarantine.rows(desk.store, trial)}


def counts(done: Replay) -> list[tuple[int, int, int, int]]:
    return [(one.accepted, one.quarantined, one.duplicates, one.corrections) for one in done.receipts]


def table(desk: Desk, name: Any) -> list[Any]:
    with snapshot(desk.store) as connection:
        return list(connection.execute(select(name)))


@pytest.fixture
def trial(desk: Desk) -> str:
    """Ten people in; rows 11 (an arm misspelt), 12 (a value that is none) and 13 (too few cells) are set aside."""
    bad = [row(11, arm="nwe"), row(12, well="2"), "p013,usual"]
    name = desk.sealed(plan(), **{"2024-03-01": csv_text([*(row(number) for number in range(1, 11)), *bad])})
    assert desk.collect(name)[name].receipts[0].quarantined == 3
    return name


# Mending


def test_a_mended_row_goes_in_by_a_replay_and_is_counted_once(desk: Desk, trial: str) -> None:
    """One row mended: its replay has one row, accepted; the person is in the next look; the other rows still wait."""
    before = reading.card(desk.store, trial)
    assert mended(desk, trial, (1, 11), arm="usual").state == "mended"
    done = replayed(desk, trial)
    assert counts(done) == [(1, 0, 0, 0)]
    assert done.receipts[0].name == "replay of 2024-03-01.csv"
    assert states(desk, trial) == {(1, 11): "replayed: accepted", (1, 12): "open", (1, 13): "open"}
    card = reading.card(desk.store, trial)
    assert before.look is not None
    assert card.look is not None
    assert (before.look.n, card.look.n) == (10, 11)
    assert quarantine.waiting(desk.store) == {trial: 2}


def test_only_the_named_cells_change_and_only_their_names_are_kept(desk: Desk, trial: str) -> None:
    """The mended version is the whole row, sealed as the original is; what is open of it are column names alone."""
    found = mended(desk, trial, (1, 11), arm="usual")
    assert (found.repairs[0].changed, found.repairs[0].by, found.repairs[0].reason) == (("arm",), "Cid", "a slip")
    key = desk.door.pseudonyms(desk.store, trial)
    assert key is not None
    [sealed] = quarantine.newest_cells(desk.store, trial, [(1, 11)]).values()
    assert list(sealed) == ["sealed"]
    assert key.open(sealed) == {"participant_id": "p011", "arm": "usual", "entry_order": "11", "well": "0"}
    original = next(one.cells for one in table(desk, QUARANTINE) if one.row_no == 11)
    assert key.open(original)["arm"] == "nwe"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"amr": "usual"}, r"--set 'amr', must be a column of the plan: .*Did you mean 'arm'\?$"),
        ({"zzz": "1"}, r"--set 'zzz', must be a column of the plan: .*well\.$"),
        ({"arm": "nwe"}, r"row 11 of delivery 1 says so already"),
        ({"arm": "\udcff"}, r"--set arm holds bytes that are no text"),
    ],
)
def test_what_mends_nothing_is_refused(desk: Desk, trial: str, changes: dict[str, str], sentence: str) -> None:
    """A column that the plan does not know, a change that changes nothing, bytes that are no text: nothing is stored."""
    before = desk.contents()
    with pytest.raises(DataError, match=sentence):
        mended(desk, trial, (1, 11), **changes)
    assert desk.contents() == before


def test_the_sources_own_column_name_is_pointed_to_ours(desk: Desk) -> None:
    """In a plan that maps columns the mended cells are in our names, and are not mapped again by the replay."""
    protocol = plan(source={"connector": "folder", "path": "sources/first-trial", "columns": {"arm": "group"}})
    bad = csv_text([row(1), row(2, arm="nwe")]).replace("arm", "group", 1)
    trial = desk.sealed(protocol, **{"2024-03-01": bad})
    desk.collect(trial)
    with pytest.raises(DataError, match="Did you mean 'arm'"):
        mended(desk, trial, (1, 2), group="new")
    mended(desk, trial, (1, 2), arm="new")
    assert counts(replayed(desk, trial)) == [(1, 0, 0, 0)]


def test_of_a_ragged_row_every_column_must_be_given(desk: Desk, trial: str) -> None:
    """Nobody knows which cell of a row with too few is which, so nothing of it is taken over."""
    with pytest.raises(DataError, match=r"every column must be given, and .*entry_order.*Write --set .*= for a blank"):
        mended(desk, trial, (1, 13), participant_id="p013", arm="usual")
    whole = dict.fromkeys(plan().known_columns, "")
    mended(
        desk, trial, (1, 13), **{**whole, "participant_id": "p013", "arm": "usual", "entry_order": "13", "well": "1"}
    )
    assert counts(replayed(desk, trial)) == [(1, 0, 0, 0)]


def test_a_row_that_ended_is_not_mended_again(desk: Desk, trial: str) -> None:
    """Accepted by a replay: refused. Set aside again: the sentence names the place where it is mended now."""
    mended(desk, trial, (1, 11), arm="usual")
    mended(desk, trial, (1, 12), well="3")
    assert counts(replayed(desk, trial)) == [(1, 1, 0, 0)]
    with pytest.raises(DataError, match="must not be mended any more"):
        mended(desk, trial, (1, 11), arm="new")
    with pytest.raises(DataError, match=r"set aside again as row 2 of delivery 2\. Mend that one"):
        mended(desk, trial, (1, 12), well="1")
    mended(desk, trial, (2, 2), well="1")
    done = replayed(desk, trial)
    assert (counts(done), done.receipts[0].name) == ([(1, 0, 0, 0)], "replay of 2024-03-01.csv")
    assert set(states(desk, trial).values()) == {"replayed: accepted", "replayed: set aside again", "open"}


def test_a_dropped_row_leaves_the_open_list_and_no_replay_takes_it(desk: Desk, trial: str) -> None:
    """Not to be mended: out of every replay, until somebody mends it after all."""
    dropped = quarantining.drop(desk.store, trial, (1, 11), reason="a repeat", by="Cid", at=LATER)
    assert dropped.state == "dropped"
    assert quarantine.waiting(desk.store) == {trial: 2}
    assert replayed(desk, trial, unmended=True).rows == 0
    with pytest.raises(DataError, match="was dropped by Cid already"):
        quarantining.drop(desk.store, trial, (1, 11), reason="a repeat", by="Cid", at=LATER)
    assert mended(desk, trial, (1, 11), arm="nwe").state == "mended"


def test_a_blank_reason_or_name_is_refused(desk: Desk, trial: str) -> None:
    """Both are kept for ever, so both must say something."""
    with pytest.raises(DataError, match="--reason is blank"):
        quarantining.drop(desk.store, trial, (1, 11), reason=" ", by="Cid", at=LATER)
    with pytest.raises(DataError, match="--by is blank"):
        quarantining.drop(desk.store, trial, (1, 11), reason="a repeat", by=" ", at=LATER)


# Judging again


def test_a_mended_old_row_never_overrides_a_newer_correction(desk: Desk) -> None:
    """Person 1 was bad in March and came right in April; mended with March's value, April's still stands."""
    trial = desk.sealed(plan(), **{"2024-03-01": csv_text([row(1, well="2"), row(2)])})
    desk.collect(trial)
    desk.sent(trial, {"2024-04-01.csv": csv_text([row(1, well="1")])})
    desk.collect(trial)
    mended(desk, trial, (1, 1), well="0")
    replayed(desk, trial)
    versions = [one for one in table(desk, OBSERVATION) if one.batch_seq != 1]
    newest = max(versions, key=lambda one: (one.sent_at, one.rev))
    assert (newest.value, newest.sent_at.month) == (1.0, 4)
    assert {one.sent_at.month for one in versions} == {3, 4}


def test_rows_of_different_deliveries_are_different_replays_oldest_first(desk: Desk) -> None:
    """Two deliveries with a bad row each, taken in the other order: two replays in one transaction with one look."""
    trial = desk.sealed(plan(), **{"2024-03-02": csv_text([row(1), row(2, well="2")])})
    desk.collect(trial)
    desk.sent(trial, {"2024-03-01.csv": csv_text([row(3), row(4, well="2")])})
    desk.collect(trial)
    mended(desk, trial, (1, 2), well="1")
    mended(desk, trial, (2, 2), well="1")
    looks = len(reading.looks(desk.store, trial))
    done = replayed(desk, trial)
    assert [one.name for one in done.receipts] == ["replay of 2024-03-01.csv", "replay of 2024-03-02.csv"]
    assert counts(done) == [(1, 0, 0, 0), (1, 0, 0, 0)]
    assert len(reading.looks(desk.store, trial)) == looks + 1
    sent = [one.sent_at for one in table(desk, BATCH) if one.source == "replay"]
    assert [moment.day for moment in sent] == [1, 2]


def test_a_replay_again_changes_nothing(desk: Desk, trial: str) -> None:
    """A retried replay finds nothing left to judge; not a byte of the database changes."""
    mended(desk, trial, (1, 11), arm="usual")
    replayed(desk, trial)
    before = desk.contents()
    assert replayed(desk, trial) == Replay()
    assert desk.contents() == before


def test_a_dry_run_says_the_same_and_stores_nothing(desk: Desk, trial: str) -> None:
    """The same counts and reasons as the replay itself, and the database as it was."""
    mended(desk, trial, (1, 11), arm="usual")
    mended(desk, trial, (1, 12), well="3")
    before = desk.contents()
    dry = replayed(desk, trial, dry_run=True)
    assert desk.contents() == before
    real = replayed(desk, trial)
    assert counts(dry) == counts(real) == [(1, 1, 0, 0)]
    assert [one.reason for one in dry.receipts[0].reasons] == [one.reason for one in real.receipts[0].reasons]


def test_an_unmended_row_whose_reason_has_gone_is_accepted(desk: Desk) -> None:
    """Two rows claimed allocation number 5, and both were set aside; the one that is left when the other is dropped goes in."""
    trial = desk.sealed(plan(), **{"2024-03-01": csv_text([row(1), row(5), row(6, entry_order=5), row(8, well="9")])})
    [receipt] = desk.collect(trial)[trial].receipts
    assert [one.row_no for one in receipt.reasons] == [2, 3, 4]
    quarantining.drop(desk.store, trial, (1, 3), reason="a slip", by="Cid", at=LATER)
    assert replayed(desk, trial).rows == 0
    done = replayed(desk, trial, unmended=True)
    assert counts(done) == [(1, 0, 0, 0)]
    assert [one.place for one, _ in done.left] == [(1, 4)]
    assert states(desk, trial) == {(1, 2): "replayed: accepted", (1, 3): "dropped", (1, 4): "open"}
    before = desk.contents()
    assert replayed(desk, trial, unmended=True).receipts == ()
    assert desk.contents() == before


def test_a_date_in_the_future_is_judged_by_the_day_of_the_replay(desk: Desk) -> None:
    """The row waits while its day is still to come, and then counts as it does where no round read it before that day."""
    dated = {
        "order_by": ["enrolled_on", "entry_order"],
        "primary": {**plan().primary.model_dump(mode="json"), "follow_up": "1 day"},
    }
    header = "participant_id,arm,enrolled_on,entry_order,well\n"
    sent = {"2024-03-01": f"{header}p001,usual,2024-03-01,1,\np002,new,2024-03-04,2,\n"}
    daily, late = desk.sealed(plan(**dated), **sent), desk.sealed(plan("second-trial", **dated), **sent)
    first, missed = datetime(2024, 3, 1, 20, tzinfo=UTC), datetime(2024, 3, 3, tzinfo=UTC)
    [receipt] = desk.collect(daily, clock=work.Clock(first))[daily].receipts
    assert (receipt.accepted, receipt.quarantined) == (1, 1)
    assert replayed(desk, daily, at=missed).rows == 0  # nobody mended it: `--all` takes it
    early = replayed(desk, daily, unmended=True, at=datetime(2024, 3, 2, tzinfo=UTC))
    assert (early.rows, [one.place for one, _ in early.left]) == (0, [(1, 2)])
    assert counts(replayed(desk, daily, unmended=True, at=missed)) == [(1, 0, 0, 0)]
    look = desk.collect(late, clock=work.Clock(missed))[late].look
    [*_, again] = reading.looks(desk.store, daily)
    assert look is not None
    assert (again.enrolled, again.waiting, again.state_sha256) == (look.enrolled, look.waiting, look.state_sha256)
    assert again.enrolled == 2


def test_nothing_of_a_replay_stays_when_it_breaks_off(desk: Desk, trial: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the rows and the note of what they are of: neither is there, and the retry does all of it."""
    mended(desk, trial, (1, 11), arm="usual")
    before = desk.contents()
    with monkeypatch.context() as patch:
        patch.setattr(quarantine, "mark_replayed", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            replayed(desk, trial)
    assert desk.contents() == before
    assert counts(replayed(desk, trial)) == [(1, 0, 0, 0)]
    assert len(table(desk, REPLAYED)) == 1


def test_two_replays_at_once_judge_a_row_once(desk: Desk, trial: str) -> None:
    """Eight at the same moment: one row, one replay; the others find it done or are told to run again."""
    mended(desk, trial, (1, 11), arm="usual")
    found: list[Replay | StoreError] = []
    start = threading.Barrier(8)

    def run() -> None:
        start.wait()
        try:
            found.append(replayed(desk, trial))
        except StoreError as error:
            found.append(error)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert sum(one.accepted for each in found if isinstance(each, Replay) for one in each.receipts) == 1
    assert len([one for one in table(desk, BATCH) if one.source == "replay"]) == 1
    assert len(table(desk, REPLAYED)) == 1


def test_a_replay_that_can_not_be_judged_stores_nothing(
    desk: Desk, trial: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the checks themselves fail the rows stay mended, to be judged once they work."""
    from expectations import engine

    def broken(*_: object) -> Any:
        raise engine.ChecksError("the check 'value' could not be evaluated.")

    mended(desk, trial, (1, 11), arm="usual")
    before = desk.contents()
    with monkeypatch.context() as patch:
        patch.setattr(engine, "reasons", broken)
        with pytest.raises(DataError, match="could not be evaluated"):
            replayed(desk, trial)
    assert desk.contents() == before
    assert counts(replayed(desk, trial)) == [(1, 0, 0, 0)]


def test_past_looks_are_computed_again_after_a_replay(desk: Desk, trial: str) -> None:
    """History before the replay is as it was: every look comes out of the ledger again to the last bit."""
    mended(desk, trial, (1, 11), arm="usual")
    replayed(desk, trial)
    for look in reading.looks(desk.store, trial):
        assert ledger.recompute(desk.store, trial, look.number) == look


def test_mended_dropped_replayed_and_shown_rows_are_in_the_chain(desk: Desk, trial: str) -> None:
    """Each is a link of its own, and what the tables hold is what the links say."""
    mended(desk, trial, (1, 11), arm="usual")
    quarantining.drop(desk.store, trial, (1, 12), reason="no value", by="Cid", at=LATER)
    rows = quarantine.rows(desk.store, trial)
    quarantining.shown(desk.store, trial, rows, door=desk.door, by="Eve", at=LATER)
    replayed(desk, trial)
    kinds = [one.kind for one in sorted(table(desk, AUDIT), key=lambda one: one.seq)]
    assert [kind for kind in kinds if kind in ("repair", "shown", "replay")] == ["repair", "repair", "shown", "replay"]
    assert verify(desk.store, trial) == []


# The command


@pytest.fixture
def roadtest(desk: Desk) -> Callable[..., tuple[int, str, str]]:
    """Runs the sub-command in the desk's home: exit code, output, complaint."""

    def run(*words: object) -> tuple[int, str, str]:
        done = CliRunner().invoke(quarantine_app, [*map(str, words), "--home", str(desk.home)])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.stderr

    return run


def test_list_repair_replay_by_command(roadtest: Callable[..., tuple[int, str, str]], trial: str) -> None:
    """From the open list to the accepted row: each step says what to do next, and the JSON has the documented fields."""
    code, out, _ = roadtest("list", trial)
    assert code == 0
    assert "delivery 1 (2024-03-01.csv), row 11: open" in out
    assert "p011" not in out
    code, out, _ = roadtest("repair", trial, 1, 11, "--set", "arm=usual", "--reason", "a slip", "--by", "Cid")
    assert (code, "version 1 changes arm" in out, f"quarantine replay {trial}" in out) == (0, True, True)
    code, out, _ = roadtest("replay", trial, "--dry-run", "--json")
    dry = json.loads(out)
    assert (code, dry["dry_run"], dry["rows"], dry["accepted"], dry["quarantined"]) == (0, True, 1, 1, 0)
    code, out, _ = roadtest("replay", trial)
    assert (code, "1 rows accepted" in out) == (0, True)
    code, out, _ = roadtest("list", trial, "--all", "--json")
    rows = json.loads(out)["rows"]
    assert [(one["delivery"], one["row"], one["state"]) for one in rows] == [
        (1, 11, "replayed: accepted"),
        (1, 12, "open"),
        (1, 13, "open"),
    ]
    assert rows[0]["replayed_as"] == {"delivery": 2, "row": 1}
    assert rows[0]["repairs"][0]["changed"] == ["arm"]
    assert "cells" not in rows[0]
    code, out, _ = roadtest("list", trial, "--json")
    assert [one["row"] for one in json.loads(out)["rows"]] == [12, 13]


def test_cells_are_opened_only_on_demand_and_that_is_kept(
    desk: Desk, roadtest: Callable[..., tuple[int, str, str]], trial: str
) -> None:
    """With --show the row as it was sent, and a link of the chain that names who saw it; without the key, a sentence."""
    code, out, _ = roadtest("list", trial, "--show", "--json", "--by", "Eve")
    assert code == 0
    assert json.loads(out)["rows"][0]["cells"] == {
        "participant_id": "p011",
        "arm": "nwe",
        "entry_order": "11",
        "well": "0",
    }
    [event] = [one for one in table(desk, AUDIT) if one.kind == "shown"]
    assert '"by":"Eve"' in event.body
    for key in (desk.home / "keys").iterdir():
        key.unlink()
    code, out, complaint = roadtest("list", trial, "--show")
    assert (code, out) == (1, "")
    assert "must hold the key" in complaint
    assert roadtest("list", trial)[0] == 0


def test_what_is_shown_can_not_run_in_a_spreadsheet_or_terminal(
    desk: Desk, roadtest: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    """A formula and an escape sequence in a cell come out as text, on screen and in the CSV, which its owner alone can read."""
    bad = row(2, arm="=HYPERLINK(1)", well="\x1b[2Jx")
    trial = desk.sealed(plan(), **{"2024-03-01": csv_text([row(1), bad])})
    desk.collect(trial)
    file = tmp_path / "list.csv"
    code, out, _ = roadtest("list", trial, "--show", "--csv", file)
    assert (code, out) == (0, f"Wrote 1 rows to {file}.\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with file.open(newline="", encoding="utf-8") as text:
        [found] = list(csv.DictReader(text))
    assert found["cell: arm"] == "'=HYPERLINK(1)"
    assert found["cell: well"] == "\\x1b[2Jx"
    assert (found["delivery"], found["row"], found["state"]) == ("1", "2", "open")
    _, out, _ = roadtest("list", trial, "--show")
    assert "arm = '=HYPERLINK(1)" in out
    assert "\x1b" not in out
    code, _, complaint = roadtest("list", trial, "--csv", file)
    assert (code, "exists already" in complaint) == (1, True)


@given(st.text())
def test_no_text_comes_out_as_a_formula_or_steers_a_terminal(text: str) -> None:
    """Whatever a site sends: nothing that shows nothing, and no first character that a spreadsheet computes."""
    shown = plain(text)
    assert shown.isprintable() or " " in shown or not shown.isascii()
    assert not any(char < " " or "\x7f" <= char <= "\x9f" for char in shown)
    assert not shown.lstrip().startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--set", "arm"], "--set arm, must be column=value"),
        (["--set", "=x"], "must be column=value"),
        (["--set", "arm=new", "--set", "arm=usual"], "--set arm is given twice"),
        ([], "give either --set"),
        (["--drop", "--set", "arm=new"], "give either --set"),
        (["--set", "arm=new", "--reason", ""], "--reason is blank"),
    ],
)
def test_a_wrong_repair_is_one_sentence(
    roadtest: Callable[..., tuple[int, str, str]], trial: str, words: list[str], sentence: str
) -> None:
    """Exit code 1, what is wrong on stderr, nothing stored."""
    code, out, complaint = roadtest("repair", trial, 1, 11, *words, "--by", "Cid")
    assert (code, out) == (1, "")
    assert sentence in complaint


def test_a_cell_may_hold_an_equals_sign() -> None:
    """Only the first one parts column and value."""
    assert changes_of(["arm=a=b", "well="]) == {"arm": "a=b", "well": ""}


def test_nothing_to_do_says_so(desk: Desk, roadtest: Callable[..., tuple[int, str, str]]) -> None:
    """A clean trial has an empty list and nothing to replay; both are no failure."""
    trial = desk.sealed(plan(), **{"2024-03-01": people(1, 4)})
    desk.collect(trial)
    assert roadtest("list", trial)[:2] == (0, f"{trial}: no row waits. --all lists every one.\n")
    code, out, _ = roadtest("replay", trial)
    assert (code, "no mended row waits" in out) == (0, True)
    assert roadtest("list", "no-such-trial")[0] == 1


def test_a_replay_that_is_refused_whole_stores_nothing(desk: Desk, trial: str) -> None:
    """A mended cell with an e-mail address: the sentence, no delivery, and both mended rows wait as they did."""
    mended(desk, trial, (1, 11), participant_id="ann.example@gmail.com", arm="usual")
    mended(desk, trial, (1, 12), well="1")
    before = desk.contents()
    with pytest.raises(DataError, match=r"^replay of 2024-03-01\.csv: .*e-mail"):
        replayed(desk, trial)
    assert desk.contents() == before
    mended(desk, trial, (1, 11), participant_id="p011")
    assert counts(replayed(desk, trial)) == [(2, 0, 0, 0)]
