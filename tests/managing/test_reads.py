"""Reads ask the roles too: a walk over every command as a stranger, and what each kind of reader is and isn't shown."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import typer

from flows.cli import app
from tests.flows.making import NOW, SEALED_AT, Desk, people, plan
from trials.acts.ideas import Idea
from trials.acts.viewing import VIEWED
from trials.protocol import Protocol
from trials.store import acts, granting, ideas, ledger, verifying
from trials.store.engine import open_store

T, NEW = "first-trial", "second-trial"
ROLES = {"olga": "operator", "carl": "custodian", "sue": "safety_steward", "sam": "stakeholder"}

# Commands that show and change nothing of the ledger.
FREE = {
    *("demo", "protocol new", "protocol check", "simulate", "gate", "boundaries", "replay", "recompute"),
    *("register",),  # refused below its flow, which takes seconds to start: tests/managing/test_roles.py
    *("backup", "restore", "db copy", "deploy"),  # of whoever keeps the machine, its files and its server
    # Lists leave out what one may not read, and say of verdicts what one may see: tests/flows/test_{alerts,erasing}.py
    *("alerts list", "alerts acknowledge", "alerts test", "alerts check", "retention"),
    *("serve", "db upgrade"),  # the pages show what a stakeholder sees (`dashboards`); the tables' revision is nobody's
    # Names and passwords are of whoever keeps the machine; a link is its programme's leads': tests/store/test_accounts.py
    *("account add", "account list", "account password", "account remove", "link list", "link revoke"),
}
# Commands over all that there is: they leave out what the person may not read, and say how much that is.
LISTS: dict[str, list[list[str]]] = {
    "status": [[], ["--json"]],
    "overdue": [[], ["--people", "--json"]],
    "portfolio": [[], ["--json"]],
    "ideas": [[], ["--json"]],
    "lessons": [[], ["--json"]],
    "audit verify": [[], ["--json"]],
    "audit head": [[], ["--json"]],
}
# All others, with plausible arguments; {d} is a folder with a delivery, a plan, a list and staff times.
ASKED: dict[str, list[list[str]]] = {
    "amend": [
        [T, "{d}/amended.yaml", "--reason", "why", "--impact", "none", "--approved-by", "sue"],
        [T, "{d}/amended.yaml", "--dry-run"],
    ],
    "amendments": [[T]],
    "decide": [
        [T, "drop", "--reason-code", "no_effect", "--reason", "it is enough", "--lesson", "ask", "--reuse", "nothing"]
    ],
    "withdraw-site": [[T, "A", "--reason-code", "staffing", "--reason", "nobody left"]],
    "note-event": [[T, "a law changed", "--day", "2024-03-01"]],
    "decisions": [[T]],
    "carried": [[T], [NEW]],
    "pass-on": [[NEW]],
    "enrol": [
        [T, "--site", "A", "--participant", "q001"],
        [T, "--from", "{d}/register.csv"],
        [T, "--from", "{d}/register.csv", "--dry-run"],
    ],
    "drop-arm": [[T, "newer", "--reason", "too few", "--second", "sue"]],
    "feasibility": [[T]],
    "idea": [["an-idea", "--text", "said anew", "--programme", "north"]],
    "end-idea": [["an-idea", "--reason-code", "no_money", "--reason", "none is left", "--lesson", "ask early"]],
    "erase": [[T, "--second", "sue", "--reason", "over"]],
    "report": [[T], [T, "--html", "{d}/out.html"]],
    "counts": [[T], [T, "--csv"]],
    "look-inside": [[T]],
    "partners": [[T]],
    "co-create": [
        [T, "--who", "users", "--what", "proposed", "--part", "primary.measure", "--text", "ask us at the start"]
    ],
    "co-created": [[T, "1", "--outcome", "taken_up"]],
    "co-creation": [[T]],
    "adapt": [[T, "--component", "calls", "--what", "later", "--why", "shifts", "--inside", "--site", "A"]],
    "fidelity": [[T]],
    "voices": [[T], [T, "--quotes"]],
    "strengths": [[T]],
    "rules": [[T]],
    "staff-time": [[T, "{d}/staff.csv"]],
    "export": [[T], [T, "--counts"], [T, "--bundle", "{d}/bundle"], [T, "--to", "{d}/rows.csv"]],
    "seal": [[NEW]],
    "ingest": [[T, "{d}/more.csv"], [T, "{d}/more.csv", "--dry-run"]],
    "collect": [[T], []],
    "look": [[T], []],
    "round": [[]],
    "status": [[T], [T, "--json"], [NEW]],
    "overdue": [[T], [T, "--people"]],
    "history": [[T, "--participant", "p001"], [T, "--participant", "nobody"]],
    "quarantine list": [[T], [T, "--show"], [T, "--all", "--csv", "{d}/aside.csv"]],
    "quarantine repair": [[T, "1", "2", "--set", "well=1", "--reason", "slip"], [T, "1", "2", "--drop"]],
    "quarantine replay": [[T], [T, "--dry-run"]],
    "audit verify": [[T]],
    "allocation fix": [[T]],
    "allocation list": [[T, "--site", "A"]],
    "allocation open": [[T]],
    "allocation verify": [[T]],
    "allocation import": [[T, "{d}/list.csv"], [T, "{d}/list.csv", "--dry-run"]],
    "roles give": [["eve", "lead", "--programme", "north"]],
    "roles take": [["olga", "operator", "--programme", "north"]],
    "roles list": [["--programme", "north"]],
    "link make": [[T], ["--programme", "north"]],
    "fund request": [
        [T, "1", "--participant", "p001", "--goal", "shoes", "--amount", "20", "--proposed-by", "worker", "--site", "B"]
    ],
    "fund answer": [[T, "1", "--approve", "--amount", "20"]],
    "fund spent": [[T, "1", "--amount", "20"]],
    "fund show": [[T], [T, "--open"]],
    "voice add": [[T, "--who", "participant", "--stance", "helps", "--code", "time", "--site", "A"]],
    "voice withdraw": [[T, "1"]],
    "safety report": [[T, "--day", "2024-03-01", "--kind", "hospital", "--text", "a fall at home"]],
    "safety judge": [[T, "1", "--related", "no", "--goes-on", "--reason", "a fall"]],
    "safety list": [[T]],
}


def commands() -> dict[str, Any]:
    def below(command: Any, words: tuple[str, ...]) -> dict[str, Any]:
        inner = getattr(command, "commands", None)
        if inner is None:
            return {" ".join(words): command}
        return {path: one for name, each in inner.items() for path, one in below(each, (*words, name)).items()}

    return below(COMMAND, ())


COMMAND: Any = typer.main.get_command(app)  # made once: it takes as long as ten commands


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        return self.stdout + self.stderr


@dataclass(frozen=True)
class House:
    """A home with two trials and an idea of the closed programme north, and the command as somebody runs it."""

    desk: Desk
    files: Path

    def run(self, person: str, path: str, *words: str) -> Done:
        given = [word.replace("{d}", str(self.files)) for word in words]
        out, err, code = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True), io.StringIO(), 0
        who = {"ROADTEST_PERSON": person, "COLUMNS": "200"}
        with redirect_stdout(out), redirect_stderr(err), patch.dict(os.environ, who):
            try:
                COMMAND.main([*path.split(), *given, "--home", str(self.desk.home)], prog_name="roadtest")
            except SystemExit as end:
                code = int(end.code or 0)
        out.seek(0)
        return Done(code, out.read(), err.getvalue())

    def views(self) -> list[tuple[str, str, str]]:
        return [(act.by, act.body.what, act.body.detail) for act in acts.acts(self.desk.store, T, [VIEWED])]  # type: ignore[attr-defined]


PARTS = {
    "fund": {"total": 900, "per_person": 90},
    "intervention": {"name": "calls", "components": [{"id": "calls", "text": "a call a week"}]},
}


def three_arms(trial: str, **changes: object) -> Protocol:
    arms = [{"id": "usual", "role": "control"}, {"id": "new"}, {"id": "newer"}]
    most = {"max_participants": 900}
    return plan(
        trial,
        design="multi_arm",
        programme="north",
        sites=[{"id": "A"}, {"id": "B"}],
        arms=arms,
        monitoring=most,
        **PARTS,
        **changes,
    )


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    home, files = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("files")
    desk = Desk(open_store(f"sqlite:///{home / 'roadtest.db'}"), home)
    rows = people(1, 40).replace("participant_id,", "site,participant_id,").replace("\np", "\nA,p")
    desk.sealed(three_arms(T), one=rows.replace("A,p003", "Z,p003"))
    ledger.register(desk.store, three_arms(NEW), by="anna", at=SEALED_AT)
    ideas.note(desk.store, "an-idea", Idea(text="calls", programme="north"), by="anna", at=SEALED_AT)
    assert desk.collect(T)[T].ok
    for name, role in ROLES.items():
        granting.give(desk.store, "north", name, role, by="anna", at=NOW)  # type: ignore[arg-type]
    granting.give(desk.store, "north", "sid", "site", by="anna", at=NOW, site="A")
    for name, text in {
        "more.csv": rows.replace("A,p", "A,r"),
        "register.csv": "site,participant_id,arm,entry_order\nA,q001,new,41\n",
        "list.csv": "site,position,arm\nA,1,new\n",
        "staff.csv": "staff,week,tenure_weeks,cases,minutes\ns1,2024-03-04,10,4,100\n",
        "amended.yaml": three_arms(T, question="Does it help at once?").to_yaml(),
    }.items():
        (files / name).write_text(text, encoding="utf-8")
    yield House(desk, files)
    desk.store.close()


def test_the_walk_is_over_every_command() -> None:
    """A command that is new is asked for by one of the lists above, and none of them names one that is gone."""
    assert {*commands()} == FREE | {*LISTS} | {*ASKED}


@pytest.mark.parametrize("path", sorted(ASKED))
def test_a_stranger_is_refused(house: House, path: str) -> None:
    """In a closed programme somebody without a role is told so in one sentence, whatever they ask for; nothing is shown or
    written, and no file appears."""
    before, there = house.desk.contents(), sorted(house.files.iterdir())
    for words in ASKED[path]:
        done = house.run("eve", path, *words)
        sentence = "eve may collect for none of the 1 sealed trials" if not words else "eve has no role in north"
        assert done.exit_code == 1, (words, done.output)
        assert done.stdout == "", (words, done.stdout)
        assert sentence in done.stderr, (words, done.stderr)
        assert len(done.stderr.splitlines()) == 1
    assert house.desk.contents() == before
    assert sorted(house.files.iterdir()) == there


@pytest.mark.parametrize("path", sorted(LISTS))
def test_a_stranger_finds_nothing_in_lists(house: House, path: str) -> None:
    """What goes over all trials names none of a closed programme to a stranger; whoever has a role there sees them."""
    for words in LISTS[path]:
        done, inside = house.run("eve", path, *words), house.run("carl", path, *words)
        assert (done.exit_code, inside.exit_code) == (0, 0), (done.output, inside.output)
        assert not any(name in done.output for name in (T, NEW, "an-idea", "calls")), (words, done.output)
        assert any(name in inside.output for name in (T, "an-idea", "calls")) or path == "audit verify", words


def test_a_role_at_one_site_reads_its_trial(house: House) -> None:
    """Who has a role at one site alone reads the trial as a stakeholder does, and no row, no person and no list."""
    for path in ("status", "counts", "decisions", "amendments", "feasibility", "overdue"):
        done = house.run("sid", path, T)
        assert done.exit_code == 0, (path, done.output)
    for path, words in {"export": [], "history": ["--participant", "p001"], "quarantine list": []}.items():
        done = house.run("sid", path, T, *words)
        assert (done.exit_code, "sid has the role site of site A in north" in done.stderr) == (1, True), path


def test_people_are_shown_to_whom_the_plan_trusts_and_it_is_on_record(house: House) -> None:
    """One person's story and a trial's rows go to who may see rows and results by arm, who is overdue to the custodian; each
    view is an act."""
    asked = {"history": ["--participant", "p001"], "export": [], "overdue": ["--people"], "quarantine list": ["--show"]}
    allowed = {
        (path, name)
        for path, words in asked.items()
        for name in ("anna", *ROLES)
        if house.run(name, path, T, *words).exit_code == 0
    }
    rows = {(path, name) for path in ("history", "export") for name in ("carl", "sue")}
    assert allowed == rows | {("overdue", "carl"), ("quarantine list", "carl")}
    kinds = {(by, what, detail.partition(" of ")[0]) for by, what, detail in house.views()}
    assert kinds == {
        *((name, "people", "history") for name in ("carl", "sue")),
        *((name, "rows", "rows") for name in ("carl", "sue")),
        ("carl", "people", "who is overdue"),
    }
    named = [detail for _, _, detail in house.views() if detail.startswith("history")]
    assert named
    assert not any("p001" in detail for detail in named)
    listed = {name for name in ("anna", *ROLES) if house.run(name, "quarantine list", T).exit_code == 0}
    assert listed == {"olga", "carl", "sue"}


def test_the_chain_tells_anybody_that_it_is_broken_but_not_where(house: House) -> None:
    """A stranger hears that something differs, without the trial's name; a stakeholder hears what."""
    from trials.store.engine import writing
    from trials.store.models import TRIAL

    with writing(house.desk.store) as connection:
        connection.execute(TRIAL.update().where(TRIAL.c.id == NEW).values(state="dropped"))
    try:
        assert [one.trial for one in verifying.verify(house.desk.store)] == [NEW]
        stranger, sam = (house.run(name, "audit verify", "--json") for name in ("eve", "sam"))
    finally:
        with writing(house.desk.store) as connection:
            connection.execute(TRIAL.update().where(TRIAL.c.id == NEW).values(state="registered"))
    assert (stranger.exit_code, sam.exit_code) == (1, 1)
    assert json.loads(stranger.stdout) == {"ok": False, "findings": [], "hidden": 1}
    assert [one["trial"] for one in json.loads(sam.stdout)["findings"]] == [NEW]


def test_nobody_collects_behind_the_command(house: House) -> None:
    """The flows' own step refuses too: nothing is fetched, no attempt is noted and no look is given back."""
    from flows import tasks, work
    from flows.settings import Settings

    before = house.desk.contents()
    for name in ("eve", "sam", "carl"):
        settings = Settings(home=house.desk.home, person=name)
        [found] = tasks.collect_trials(settings, [T], work.Clock(NOW))
        assert (found.ok, found.look, found.receipts) == (False, None, ())
        assert found.error is not None
        assert "must be lead or operator to collect" in found.error
        [looked] = work.look_all(house.desk.store.as_person(name), [T], work.Clock(NOW))
        assert (looked.ok, looked.look) == (False, None)
    assert house.desk.contents() == before
