"""Erasing a closed trial's key: its people are forgotten, its numbers stand, and nothing can undo or half-do it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from flows import erasing, operating_cli, quarantining
from flows.exporting import story
from flows.keys import Keys
from tests.flows.filled import FIRST, LATER, SECOND, WORDS, fill, numbers
from tests.flows.making import SEALED_AT, Desk, people, plan
from trials.errors import DataError, ForbiddenError, LifecycleError, StoreError
from trials.store import decisions, erasures, granting, quarantine, sharing
from trials.store.engine import open_store
from trials.store.verifying import heads, verify

SAID: dict[str, Any] = {"by": "Cid", "second": "Bea", "reason": "the time to keep is over"}
ON = datetime(2026, 7, 1, tzinfo=UTC)
APP = typer.Typer()
operating_cli.add(APP, typer.Typer())


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("filled") / "home"
    home.mkdir()
    store = open_store(f"sqlite:///{home / 'roadtest.db'}")
    fill(Desk(store, home))
    store.close()
    return home


@pytest.fixture
def desk(filled: Path, tmp_path: Path) -> Iterator[Desk]:
    """A filled home of this test's own; FIRST is closed."""
    shutil.copytree(filled, tmp_path / "home")
    store = open_store(f"sqlite:///{tmp_path / 'home' / 'roadtest.db'}")
    yield Desk(store, tmp_path / "home")
    store.close()


def keys_of(desk: Desk) -> Keys:
    return Keys(desk.home / "keys")


def erased(desk: Desk, trial: str = FIRST, **changes: Any) -> erasing.Erasure:
    said = {"keys": keys_of(desk), "home": desk.home, "at": ON, **SAID, **changes}
    return erasing.erase(desk.store, trial, **said)


def everything_in(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())


def test_numbers_stand_and_the_chain_verifies(desk: Desk) -> None:
    """Every look, worked out again too, is what it was; the chain has one more link and is whole; it can be said again."""
    before = numbers(desk.store)
    done = erased(desk)
    assert (done.act.kind, done.act.by, done.on) == ("erased", "Cid", "2026-07-01")
    assert verify(desk.store) == []
    after = numbers(desk.store)
    assert (after["looks"], after["again"]) == (before["looks"], before["again"])
    assert after["heads"][FIRST][0] == before["heads"][FIRST][0] + 1
    assert after["heads"][SECOND] == before["heads"][SECOND]
    assert erased(desk, reason="said otherwise").act == done.act
    assert heads(desk.store) == after["heads"]


def test_no_copy_of_the_key_is_left_in_the_home(desk: Desk) -> None:
    """Neither its digits nor its bytes, in no file, though somebody had left copies beside it, which are named; other trials
    keep theirs."""
    folder = desk.home / "keys"
    digits = (folder / f"{FIRST}.key").read_bytes().strip()
    other = (folder / f"{SECOND}.key").read_bytes()
    os.link(folder / f"{FIRST}.key", folder / ".new-killed")
    os.symlink(f"{FIRST}.key", folder / "link")
    (folder / f"{FIRST}.key.bak").write_bytes(b" " + digits.upper() + b"\n")
    (folder / "raw").write_bytes(bytes.fromhex(digits.decode()))
    person = Keys(folder).of(FIRST).of("p001")
    assert person.encode() in everything_in(desk.home)
    done = erased(desk)
    assert {Path(one).name for one in done.copies} == {".new-killed", "link", "raw", f"{FIRST}.key.bak"}
    assert "A copy of the key was destroyed with it" in erasing.erasure_text(done)
    held = everything_in(desk.home).lower()
    assert digits not in held
    assert bytes.fromhex(digits.decode()) not in held
    assert sorted(path.name for path in folder.iterdir()) == [f"{FIRST}.erased", f"{SECOND}.key"]
    assert (folder / f"{SECOND}.key").read_bytes() == other


def test_a_file_that_holds_more_than_the_key_stays_and_is_named(desk: Desk, tmp_path: Path) -> None:
    """An owner's list of keys, and a store outside that a link leads to, are not his command's to destroy; said again, and
    with the key gone, they are named again."""
    folder = desk.home / "keys"
    list_of_all = "\n".join(f"{path.stem} {path.read_text().strip().upper()}" for path in sorted(folder.glob("*.key")))
    (folder / "all.txt").write_text(list_of_all)
    shutil.copy(folder / f"{FIRST}.key", tmp_path / "store")
    os.symlink(tmp_path / "store", folder / "outside")
    store, other = (tmp_path / "store").read_bytes(), (folder / f"{SECOND}.key").read_bytes()
    for _ in range(2):
        done = erased(desk)
        assert done.copies == ()
        assert [one.split(" (")[0] for one in done.left][:2] == [str(folder / "all.txt"), str(folder / "outside")]
        assert f"Yours to remove: {folder / 'all.txt'} (it holds this key" in erasing.erasure_text(done)
    assert (folder / "all.txt").read_text() == list_of_all
    assert ((tmp_path / "store").read_bytes(), (folder / f"{SECOND}.key").read_bytes()) == (store, other)


@pytest.mark.parametrize("gone", [False, True])
def test_a_key_that_is_another_trials_too_is_not_destroyed(desk: Desk, gone: bool) -> None:
    """With two trials under one key, erasing one is refused before anything is done, its own file there or not; what the
    sentence says to do goes through."""
    folder = desk.home / "keys"
    shutil.copy(folder / f"{FIRST}.key", folder / "twin.key")
    if gone:
        (folder / f"{FIRST}.key").unlink()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(StoreError, match=rf"twin\.key is the key of {FIRST} too, must be another.*close twin first"):
        erased(desk, key_gone=gone)
    assert erasures.erased(desk.store, FIRST) is None
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    (folder / "twin.key").rename(desk.home / "aside")
    erased(desk, key_gone=gone)
    (desk.home / "aside").rename(folder / "twin.key")
    assert Keys(folder).of("twin").key.hex().encode() == before["twin.key"].strip()


def test_nobody_is_recognised_any_more(desk: Desk) -> None:
    """Who was in before is found by their id; afterwards no id leads to a pseudonym, and no new key is made."""
    assert story(desk.store, FIRST, "p001", desk.door.pseudonyms(desk.store, FIRST))[0].arm == "usual"
    erased(desk)
    for bound in (None, "0" * 16):
        with pytest.raises(StoreError, match=r"the key of first-trial was erased on 2026-07-01"):
            keys_of(desk).of(FIRST, bound=bound)
    with pytest.raises(StoreError, match="was erased on"):
        desk.door.pseudonyms(desk.store, FIRST)


def test_what_would_need_the_key_is_refused_with_the_sentence(desk: Desk) -> None:
    """Deliveries, rows set aside (shown, mended) and quotes; what is refused changes nothing, and other trials go on."""
    erased(desk)
    before = numbers(desk.store)
    desk.sent(FIRST, {"2024-06-01.csv": people(20, 30)})
    desk.sent(SECOND, {"2024-06-01.csv": people(41, 50)})
    found = desk.collect(FIRST, SECOND)
    assert not found[FIRST].ok
    assert "was erased on 2026-07-01" in str(found[FIRST].error)
    assert found[SECOND].ok
    rows = quarantine.rows(desk.store, FIRST)
    with pytest.raises(StoreError, match="was erased on"):
        quarantining.shown(desk.store, FIRST, rows, door=desk.door, by="Cid", at=LATER)
    said = {"reason": "a slip", "by": "Cid", "door": desk.door, "at": LATER}
    with pytest.raises(StoreError, match="was erased on"):
        quarantining.mend(desk.store, FIRST, (1, 12), {"well": "1"}, **said)
    with pytest.raises(StoreError, match="was erased on"):
        sharing.quotes(desk.store, FIRST, desk.door.pseudonyms(desk.store, FIRST))
    after = numbers(desk.store)
    assert after["heads"][FIRST] == before["heads"][FIRST]
    assert after["looks"][FIRST] == before["looks"][FIRST]


def test_rows_set_aside_can_not_be_opened(desk: Desk) -> None:
    """They stay, encrypted; with any other key they don't open."""
    erased(desk)
    places = [row.place for row in quarantine.rows(desk.store, FIRST)]
    sealed = quarantine.newest_cells(desk.store, FIRST, places)
    assert len(sealed) == 3
    other = keys_of(desk).of(SECOND)
    for cells in sealed.values():
        assert list(cells) == ["sealed"]
        with pytest.raises(DataError, match="sealed with another key"):
            other.open(cells)


def test_a_running_trial_keeps_its_key(desk: Desk) -> None:
    """It is refused with the way on, and nothing is changed; closed, it is erased."""
    before = numbers(desk.store)
    with pytest.raises(
        LifecycleError, match=r"second-trial is sealed, must be closed .* `roadtest decide second-trial"
    ):
        erased(desk, SECOND)
    assert numbers(desk.store) == before
    assert keys_of(desk).erased_on(SECOND) is None
    decisions.decide(desk.store, SECOND, "drop", by="Ann", second="Bea", at=LATER, **WORDS)
    erased(desk, SECOND)


@pytest.mark.parametrize(
    ("changes", "kind", "sentence"),
    [
        ({"second": "cid "}, DataError, "must be somebody else than Cid"),
        ({"reason": "Mr John Smith asked, john.smith@example.org"}, DataError, "reason seems to name a person"),
        ({"by": "Bea", "second": "Cid"}, ForbiddenError, "must be custodian"),
        ({"second": "Dot"}, ForbiddenError, "Dot has the role operator in first-trial"),
    ],
)
def test_it_takes_a_custodian_and_a_second(desk: Desk, changes: Any, kind: type[Exception], sentence: str) -> None:
    """Of two people who are let, one may; what is refused leaves act and key as they were."""
    for person, role in (("Cid", "custodian"), ("Bea", "safety_steward"), ("Dot", "operator")):
        granting.give(desk.store, FIRST, person, role, by="Ann", at=LATER)  # type: ignore[arg-type]
    with pytest.raises(kind, match=sentence):
        erased(desk, **changes)
    assert erasures.erased(desk.store, FIRST) is None
    assert keys_of(desk).path(FIRST).exists()
    assert not keys_of(desk).is_gone(FIRST)
    erased(desk)


@pytest.mark.parametrize("step", ["act", "tombstone", "overwritten", "copy"])
def test_a_kill_at_any_step_is_finished_by_the_same_again(desk: Desk, step: str) -> None:
    """Killed (SIGKILL) after the act, the tombstone, or half-way through the key: the trial is shown as to be finished, and the
    same again finishes it."""
    os.link(desk.home / "keys" / f"{FIRST}.key", desk.home / "keys" / ".new-killed")
    digits = (desk.home / "keys" / f"{FIRST}.key").read_bytes().strip()
    script = f"""
import os, signal
from datetime import datetime, UTC
from pathlib import Path
from flows import erasing, keys
from trials.store.engine import open_store
die = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
put, unlink = keys._put, Path.unlink
def key_overwritten(path, *_, **__):
    die() if path.name == "{FIRST}.key" else unlink(path)
def copy_overwritten(path, *_, **__):
    die() if path.name == ".new-killed" else unlink(path)
places = {{"act": (keys, "_put", die), "tombstone": (keys, "_shred", die), "overwritten": (Path, "unlink", key_overwritten),
          "copy": (Path, "unlink", copy_overwritten)}}
setattr(*places[{step!r}])
home = Path({str(desk.home)!r})
erasing.erase(open_store(f"sqlite:///{{home / 'roadtest.db'}}"), {FIRST!r}, keys=keys.Keys(home / "keys"), home=home,
              by="Cid", second="Bea", reason="over", at=datetime(2026, 7, 1, tzinfo=UTC))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, cwd=Path(__file__).parents[2]
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    [mine] = erasing.kept(desk.store, keys=keys_of(desk), keep_days=None, at=ON)
    assert (mine.key, mine.command is None) == ("to be finished", False)
    assert erased(desk).on == "2026-07-01"
    assert digits not in everything_in(desk.home)
    assert [path.name for path in (desk.home / "keys").iterdir() if FIRST in path.name or path.name[0] == "."] == [
        f"{FIRST}.erased"
    ]
    assert verify(desk.store) == []


def test_a_key_that_is_not_there_is_not_said_to_be_destroyed(desk: Desk) -> None:
    """It may lie in another folder: refused, until whoever erases says that it is gone, which the record keeps."""
    keys_of(desk).path(FIRST).rename(desk.home / "elsewhere")
    with pytest.raises(StoreError, match=r"is not there, must hold the key .* --key-gone"):
        erased(desk)
    assert erasures.erased(desk.store, FIRST) is None
    done = erased(desk, key_gone=True)
    assert erasing.erasure_json(done)["key_found"] is False
    shutil.copy(desk.home / "elsewhere", keys_of(desk).path(FIRST))  # somebody puts an old copy back
    with pytest.raises(StoreError, match="was erased on"):
        keys_of(desk).of(FIRST)
    [mine] = erasing.kept(desk.store, keys=keys_of(desk), keep_days=None, at=ON)
    assert mine.key == "to be finished"


@pytest.mark.parametrize("key_too", [False, True])
def test_an_older_database_beside_the_tombstone_is_erased_again(desk: Desk, key_too: bool) -> None:
    """Restored from before the erasure, its key still gone or back too: due at once, whatever time is set, with the command,
    which needs nothing more said; another key in its place is refused."""
    folder = desk.home / "keys"
    key = (folder / f"{FIRST}.key").read_bytes()
    Keys(folder).destroy(FIRST, ON.date())  # all that is left of the erasure beside such a database
    if key_too:
        (folder / f"{FIRST}.key").write_bytes(b"0" * len(key.strip()))
        with pytest.raises(StoreError, match=r"holds the key \w+, must hold"):
            erased(desk)
        (folder / f"{FIRST}.key").write_bytes(key)
    for days in (None, 36_500):
        found = erasing.kept(desk.store, keys=keys_of(desk), keep_days=days, at=ON)
        assert [(one.key, one.passed) for one in found] == [("to be finished", True)]
        assert erasing.kept_text(found, days).endswith(f"Next: {found[0].command}")
    assert found[0].command == f"roadtest erase {FIRST} --by NAME --second NAME --reason TEXT"
    assert erasing.erasure_json(erased(desk))["key_found"] is key_too
    [mine] = erasing.kept(desk.store, keys=keys_of(desk), keep_days=1, at=ON)
    assert (mine.key, mine.passed, verify(desk.store)) == ("erased", False, [])
    assert key.strip() not in everything_in(desk.home)


def test_a_trial_without_a_key_has_none_to_erase(tmp_path: Path) -> None:
    """One whose ids were kept as they were sent, as before r0003, is refused: nothing would make them unreadable."""
    store = open_store(f"sqlite:///{tmp_path / 'roadtest.db'}")
    desk = Desk(store, tmp_path)
    from flows import work

    desk.sealed(plan(), **{"2024-03-01": people(1, 10)})
    plain = work.Door(tmp_path, None)
    found = work.read_all(store, plain, [FIRST])
    work.collect(store, [one for one in found if isinstance(one, work.Pending)], work.Clock(LATER), plain)
    decisions.decide(store, FIRST, "drop", by="Ann", second="Bea", at=LATER + timedelta(days=1), **WORDS)
    with pytest.raises(DataError, match=r"keeps ids as they were sent"):
        erased(desk)
    [mine] = erasing.kept(store, keys=keys_of(desk), keep_days=1, at=ON)
    assert (mine.key, mine.passed, mine.command) == ("plain ids", True, None)
    assert mine.closed_at > SEALED_AT
    store.close()


def test_the_time_to_keep_runs_from_closing(desk: Desk) -> None:
    """Before its last moment nothing is due; from then on the key is kept too long, until it is erased."""
    days = 30
    due = LATER + timedelta(days=days)
    for at, passed in ((due - timedelta(microseconds=1), False), (due, True)):
        [mine] = erasing.kept(desk.store, keys=keys_of(desk), keep_days=days, at=at)
        assert (mine.trial, mine.closed_at, mine.due, mine.passed) == (FIRST, LATER, due, passed)
    erased(desk)
    [mine] = erasing.kept(desk.store, keys=keys_of(desk), keep_days=days, at=ON)
    assert (mine.key, mine.passed, mine.command) == ("erased", False, None)


def test_the_commands_say_what_is_left_to_do(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """`retention` names the command; `erase` names what it does not cover, the sources among it; JSON has the same."""

    def roadtest(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(APP, [*words, "--home", str(desk.home)])
        return done.exit_code, done.output

    monkeypatch.setenv("ROADTEST_KEEP_DAYS", "365")
    code, said = roadtest("retention")
    assert (code, f"Next: roadtest erase {FIRST}" in said) == (0, True)
    code, said = roadtest("erase", FIRST, "--by", "Cid", "--second", "Cid", "--reason", "over")
    assert (code, said.count("\n")) == (1, 1)
    code, said = roadtest("erase", FIRST, "--by", "Cid", "--second", "Bea", "--reason", "over")
    assert code == 0
    assert f"{desk.home / 'sources' / FIRST} (2 files)" in said
    assert "backups that hold the key" in said
    code, said = roadtest("retention", "--json")
    assert [(one["trial"], one["key"], one["command"]) for one in json.loads(said)] == [(FIRST, "erased", None)]
    code, said = roadtest("retention")
    assert (code, "No key is kept for longer than 365 days" in said) == (0, True)
