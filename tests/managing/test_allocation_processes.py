"""`kill -9` of whoever enrols, and two who enrol at once: each person one arm, each position one person."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trials.acts.allocating import REVEAL, Reveal
from trials.protocol import from_content
from trials.pseudonyms import Pseudonyms
from trials.store import acts, custody, ledger, revealing, verifying
from trials.store.engine import Store, open_store

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
KEY = Pseudonyms(b"k" * 32)
HERE = Path(__file__).parent


def sealed(folder: Path) -> Store:
    folder.mkdir()
    store = open_store(f"sqlite:///{folder / 'roadtest.db'}")
    protocol = from_content(
        {
            "trial": "a-trial",
            "question": "?",
            "owner": "tests",
            "sites": [{"id": "A"}, {"id": "B"}],
            "arms": [{"id": "usual", "role": "control"}, {"id": "text"}],
            "primary": {"measure": "y", "kind": "binary", "better": "lower", "baseline": 0.4, "worthwhile": 0.2},
            "monitoring": {"max_participants": 100},
            "order_by": ["entry_order"],
            "source": {"connector": "folder", "path": "in"},
        }
    )
    ledger.register(store, protocol, by="anna", at=AT)
    ledger.seal(store, "a-trial", by="ben", at=AT)
    return store


def begin(store: Store, by: str, first: int, last: int, when: str) -> subprocess.Popen[str]:
    words = [
        sys.executable,
        str(HERE / "enrolling_process.py"),
        store.url,
        KEY.key.hex(),
        by,
        str(first),
        str(last),
        when,
    ]
    return subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1]), "OMP_NUM_THREADS": "1"},
    )


def told(process: subprocess.Popen[str], say: str | None = None) -> dict[int, tuple[str, int]]:
    """What a process printed: arm and allocation number of each person."""
    out, err = process.communicate(say, timeout=120)
    assert process.returncode in (0, -signal.SIGKILL), err
    lines = [line.split() for line in out.splitlines() if line != "ready"]
    return {int(person): (arm, int(number)) for person, arm, number in lines}


def whole(store: Store, people: int) -> None:
    """The list's first positions, each given once, each with one person of the register."""
    bodies = [one.body for one in acts.acts(store, "a-trial", [REVEAL])]
    assert sorted(one.position for one in bodies if isinstance(one, Reveal)) == list(range(1, people + 1))
    assert {one.entry_order for one in ledger.register_of(store, "a-trial").values()} == set(range(1, people + 1))
    assert custody.findings(store, "a-trial", by="anybody", hidden=KEY) == (people, ())
    assert verifying.verify(store) == []


@pytest.mark.timeout(300)
def test_killed_at_any_moment_nobody_has_two_arms(tmp_path: Path) -> None:
    """Killed between the act and the person, or before the commit, two people are in; the retry takes up from there."""
    moments = ("INSERT INTO enrolment", "COMMIT")
    stores = [sealed(tmp_path / str(number)) for number in range(len(moments))]
    processes = [begin(store, "nurse", 1, 9, when) for store, when in zip(stores, moments, strict=True)]
    for store, process in zip(stores, processes, strict=True):
        before = told(process)
        assert process.returncode == -signal.SIGKILL
        assert len(before) == 2
        whole(store, 2)
        again = {}
        for number in range(1, 6):
            newcomer = revealing.Newcomer(KEY.of(f"p{number}"), "A", AT.date())
            found = revealing.reveal(store, "a-trial", newcomer, hidden=KEY, seed=b"t" * 32, by="nurse", at=AT)
            assert found.already is (number <= 2)
            again[number] = (found.arm, found.entry_order)
        assert {**again, **before} == again
        whole(store, 5)
        store.close()


@pytest.mark.timeout(300)
def test_two_who_enrol_at_once_take_turns(tmp_path: Path) -> None:
    """Of 30 people, ten of them sent by both, each has one arm, whoever came first."""
    store = sealed(tmp_path / "both")
    processes = [begin(store, "nurse", 1, 20, "together"), begin(store, "doctor", 11, 30, "together")]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    one, two = (told(process) for process in processes)
    assert {person: one[person] for person in range(11, 21)} == {person: two[person] for person in range(11, 21)}
    assert len({**one, **two}) == 30
    whole(store, 30)
    store.close()
