"""Playing cases through the command: `roadtest register, seal, enrol`, then `ingest` case by case or one `collect` for all.

The command runs in this process as its entry point does, because every process of its own pays seconds for importing Great
Expectations; `in_a_process` is the same in one of its own.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from tests.corpus import state
from tests.corpus.manifest import Case, Step
from tests.corpus.state import State

TRIAL = "corpus"
ID_PATTERN = "^[A-E]-[0-9]{4}$"


@dataclass(frozen=True, slots=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Person:
    """One line of register.csv."""

    participant_id: str
    site: str
    arm: str
    enrolled_on: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One upload and what the command said of it. report: its JSON, None when it printed none; state: after it."""

    step: Step
    done: Done
    report: dict[str, Any] | None
    state: State


@dataclass(frozen=True, slots=True)
class Played:
    """A case played to its end. again: the state after the same files came once more."""

    case: Case
    trial: str
    turns: tuple[Turn, ...]
    again: State
    home: Path
    way: str


def roadtest(*words: object) -> Done:
    """Runs the command as its entry point does; the process's logging and signals are as before afterwards."""
    from flows.cli import main

    out, err, code = io.StringIO(), io.StringIO(), 0
    before, handler = sys.argv, signal.getsignal(signal.SIGTERM)
    sys.argv = ["roadtest", *map(str, words)]
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.argv = before
        signal.signal(signal.SIGTERM, handler)
        _close_log()
    return Done(code, out.getvalue(), err.getvalue())


def in_a_process(*words: object) -> subprocess.Popen[str]:
    """The same in a process of its own, started."""
    command = [sys.executable, "-m", "flows.cli", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _close_log() -> None:
    logger = logging.getLogger("roadtest")
    logger.propagate = True
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()


def people(register: Path) -> dict[str, Person]:
    """register.csv by participant id."""
    with register.open(encoding="utf-8-sig", newline="") as file:
        names = ("participant_id", "site", "arm", "enrolled_on")
        return {row["participant_id"]: Person(*(row[name] for name in names)) for row in csv.DictReader(file)}


def plan(trial: str, register: dict[str, Person], source: str) -> dict[str, Any]:
    """The trial schema of data/README.md as a plan; sites and arms as the register has them."""
    fits = all(re.fullmatch(ID_PATTERN, one) for one in register)
    # In the order of the schema, because columns in another order are told.
    columns = ("participant_id", "site", "arm", "enrolled_on", "observed_on", "reoffended", "wellbeing", "staff_hours")
    theirs = {"observed_on": "outcome_on"}
    return {
        "trial": trial,
        "question": "Does the corpus end as its manifest says?",
        "owner": "The corpus harness",
        "retrospective": True,  # as many people as the case has, who need not be enough for an effect
        "sites": [{"id": site} for site in sorted({one.site for one in register.values()})],
        "arms": [
            {"id": arm, "role": "control" if arm == "control" else "treatment"}
            for arm in sorted({one.arm for one in register.values()})
        ],
        "primary": {
            "measure": "reoffended",
            "kind": "binary",
            "better": "lower",
            "baseline": 0.3,
            "worthwhile": 0.08,
        },
        "guardrails": [
            {"measure": "wellbeing", "kind": "score", "better": "higher", "bounds": [0, 100], "margin": 5},
            {
                "measure": "staff_hours",
                "kind": "amount",
                "better": "lower",
                "bounds": [0, 60],
                "valid": [0, None],
                "margin": 1,
            },
        ],
        "monitoring": {"max_participants": max(2, len(register))},
        "data": {
            "required": ["participant_id", "site", "arm", "enrolled_on", "observed_on", "reoffended"],
            **({"id_pattern": ID_PATTERN} if fits else {}),
        },
        "order_by": ["entry_order"],
        "source": {
            "connector": "folder",
            "path": source,
            "columns": {ours: theirs.get(ours, ours) for ours in columns},
        },
    }


def prepare(home: Path, trials: Sequence[str], register: Path) -> None:
    """An empty home in which these trials are registered, sealed, and have their people enrolled."""
    found = people(register)
    for trial in trials:
        source = home / "sources" / trial
        source.mkdir(parents=True, exist_ok=True)
        file = home / f"{trial}.json"
        file.write_text(json.dumps(plan(trial, found, f"sources/{trial}")), encoding="utf-8")
        if trial == trials[0]:
            _do("register", file, "--by", "Ann", "--home", home)
            _do("seal", trial, "--by", "Bea", "--home", home)
        else:
            _register_and_seal(file, home)
        _do("enrol", trial, "--from", register, "--home", home)
        file.unlink()


def _do(*words: object) -> None:
    done = roadtest(*words)
    assert (done.code, done.err) == (0, ""), done


def _register_and_seal(file: Path, home: Path) -> None:
    """What `register` and `seal` do, without a flow run of Prefect for each of a hundred trials."""
    from flows.settings import load_settings
    from flows.work import register_trial, utc_now
    from trials.protocol import from_file
    from trials.store.engine import open_store

    store = open_store(load_settings(home=home).url)
    try:
        register_trial(store, from_file(file), by="Ann", at=utc_now(), seal_by="Bea")
    finally:
        store.close()


def play(case: Case, prepared: Path, home: Path) -> Played:
    """A case through `roadtest ingest --json`, in its own copy of the prepared home."""
    shutil.copytree(prepared, home)
    turns = []
    for step in case.steps:
        done = roadtest(*_words(case, step, home))
        turns.append(Turn(step, done, report_in(done), state.of(home, TRIAL)))
    for step in case.steps:
        roadtest(*_words(case, step, home))
    return Played(case, TRIAL, tuple(turns), state.of(home, TRIAL), home, "ingest")


def play_in_processes(cases: Sequence[Case], prepared: Path, folder: Path) -> list[Played]:
    """The first upload of each case in a process of its own, at the same time."""
    homes = [folder / trial_of(case) for case in cases]
    for home in homes:
        shutil.copytree(prepared, home)
    running = [in_a_process(*_words(case, case.steps[0], home)) for case, home in zip(cases, homes, strict=True)]
    found = []
    for case, home, process in zip(cases, homes, running, strict=True):
        out, err = process.communicate(timeout=120)
        done = Done(process.returncode, out, err)
        after = state.of(home, TRIAL)
        turn = Turn(case.steps[0], done, report_in(done), after)
        found.append(Played(case, TRIAL, (turn,), after, home, "process"))
    return found


def _words(case: Case, step: Step, home: Path) -> list[object]:
    words: list[object] = ["ingest", TRIAL, case.path(step), "--as-of", case.as_of, "--home", home, "--json"]
    return words if step.sent_at is None else [*words, "--sent-at", step.sent_at.isoformat()]


def collect(cases: Sequence[Case], home: Path, as_of: date) -> list[Played]:
    """All cases of one day through `roadtest collect --json`: one trial each, one run for each round of uploads."""
    rounds = max(len(case.steps) for case in cases)
    turns: dict[str, list[Turn]] = {case.name: [] for case in cases}
    for number in range(rounds):
        here = [case for case in cases if number < len(case.steps)]
        for case in here:
            _drop(case, case.steps[number], home)
        done = roadtest("collect", "--as-of", as_of, "--home", home, "--json")
        reports = _reports(done)
        for case in here:
            step = case.steps[number]
            # One upload, one receipt; the ledger may have given a file another name, to hide a person's in it.
            received = reports.get(trial_of(case), [])
            report = received[0] if len(received) == 1 else None
            if not received:
                report = _refused_before(case, number, turns[case.name])
            turns[case.name].append(Turn(step, done, report, state.of(home, trial_of(case))))
    roadtest("collect", "--as-of", as_of, "--home", home, "--json")
    return [
        Played(case, trial_of(case), tuple(turns[case.name]), state.of(home, trial_of(case)), home, "collect")
        for case in cases
    ]


def _refused_before(case: Case, number: int, turns: Sequence[Turn]) -> dict[str, Any] | None:
    """The report of the same bytes, refused before: a round names what is refused once."""
    content = case.path(case.steps[number]).read_bytes()
    for turn in turns:
        if turn.report and turn.report["refusal"] is not None and case.path(turn.step).read_bytes() == content:
            return turn.report | {"already_known": True}
    return None


def trial_of(case: Case) -> str:
    """A trial's name made of the case's."""
    return "case-" + re.sub("[^a-z0-9]+", "-", case.name.lower()).strip("-")


def _drop(case: Case, step: Step, home: Path) -> None:
    shutil.copyfile(case.path(step), home / "sources" / trial_of(case) / _dropped(case, step))


def _dropped(case: Case, step: Step) -> str:
    """The file's name in its source, with the time at which it was sent."""
    sent_at = step.sent_at or datetime.combine(case.as_of, time(), tzinfo=UTC)
    return f"{sent_at:%Y-%m-%dT%H%M%S}_{Path(step.file).name}"


def _reports(done: Done) -> dict[str, list[dict[str, Any]]]:
    """What collect said of the deliveries that it found, by trial."""
    body = _json(done.out)
    return {one["trial"]: one["deliveries"] for one in body} if isinstance(body, list) else {}


def report_in(done: Done) -> dict[str, Any] | None:
    """What ingest said, when it printed one JSON object."""
    body = _json(done.out)
    return body if isinstance(body, dict) else None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def texts(home: Path, trial: str) -> dict[str, str]:
    """What leaves the store as a table that a spreadsheet may open, by command; whatever the command says, too."""
    with tempfile.TemporaryDirectory() as folder:
        exported, listed = Path(folder) / "export.csv", Path(folder) / "aside.csv"
        asked = {
            exported: ("export", trial, "--to", exported),
            listed: ("quarantine", "list", trial, "--all", "--csv", listed),
        }
        found = {}
        for file, words in asked.items():
            done = roadtest(*words, "--home", home)
            assert done.code == 0, done
            found[str(words[0])] = file.read_text(encoding="utf-8-sig")
        return found
