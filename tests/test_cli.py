"""The command: its help, its exit codes, its JSON, and one sentence for whatever it refuses."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import Engine, event, text

import trials.planning
from flows import cli, erasing, work
from flows.cli import app, main
from flows.keys import Keys
from flows.settings import load_settings
from flows.template import TEMPLATE
from tests.flows.filled import WORDS
from tests.flows.making import NOW, Desk, csv_text, people, plan, row
from trials.protocol import from_yaml
from trials.store import accounts, decisions, granting, ledger, links, reading
from trials.store.engine import Store, open_store, writing

pytestmark = [pytest.mark.usefixtures("prefect"), pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[1]
CLAIM_FIELDS = {"log_e", "p", "threshold", "crossed_at_n"}
LOOK_FIELDS = {"trial", "looks", "n", "verdict", "sentence", "claims", "estimate", "interval", "as_of"}
RECEIPT_FIELDS = {"accepted", "quarantined", "duplicates", "corrections", "action", "reasons", "warnings"}


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def roadtest(*words: object) -> Done:
    """Runs the command as its entry point does, in this process, which has loaded the heavy packages once."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    before = sys.argv
    sys.argv = ["roadtest", *map(str, words)]
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.argv = before
    return Done(code, out.getvalue(), err.getvalue())


def done(*words: object) -> Done:
    """Runs a command that must succeed, with nothing on stderr."""
    found = roadtest(*words)
    assert (found.code, found.err) == (0, "")
    return found


def refused(*words: object) -> str:
    """Runs a command that must refuse: exit code 1 and one line on stderr, no traceback. Returns that line."""
    found = roadtest(*words)
    assert found.code == 1, found
    assert found.err.startswith("roadtest: ")
    assert found.err.count("\n") == 1, found.err
    assert "Traceback" not in found.err + found.out
    return found.err


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty directory to work in; a source that isn't there is not waited for. Afterwards the log is pytest's again."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROADTEST_READ_RETRIES", "0")
    before = signal.getsignal(signal.SIGTERM)
    yield tmp_path
    signal.signal(signal.SIGTERM, before)
    logger = logging.getLogger("roadtest")
    logger.propagate = True
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()


def nothing_registered() -> bool:
    """The home has no trial in it, nor a single row of any other table."""
    return done("status", "--json").json == []


def sealed(trial: str = "first-trial") -> str:
    """A registered and sealed plan."""
    file = Path(f"{trial}.yaml")
    file.write_text(plan(trial).to_yaml(), encoding="utf-8")
    done("register", file, "--by", "Ann")
    done("seal", trial, "--by", "Bea")
    return trial


def written(name: str, content: str) -> Path:
    path = Path(name)
    path.write_text(content, encoding="utf-8")
    return path


def all_commands() -> list[list[str]]:
    """Every command and group, as the words that call it."""

    def below(command: Any, words: list[str]) -> list[list[str]]:
        inner = getattr(command, "commands", {})
        return [words, *(found for name, one in inner.items() for found in below(one, [*words, name]))]

    return below(typer.main.get_command(app), [])


@pytest.mark.parametrize("words", all_commands(), ids=" ".join)
def test_every_command_and_option_has_help(words: list[str]) -> None:
    """--help ends with 0 and says what the command does; so does each of its options and arguments."""
    command: Any = typer.main.get_command(app)
    for word in words:
        command = command.commands[word]
    shown = done(*words, "--help").out
    assert command.help
    assert command.help.split()[0] in shown
    assert all(getattr(one, "help", None) for one in command.params if one.name != "help")


def test_the_commands_are_those_that_are_promised() -> None:
    """No more and no fewer."""
    data = [
        "seal",
        "enrol",
        "ingest",
        "export",
        "history",
        "overdue",
        "collect",
        "look",
        "round",
        "status",
        "replay",
        "simulate",
        "boundaries",
        "portfolio",
    ]
    plain = ["demo", "register", *data, "serve", "deploy", "backup", "restore", "erase", "retention"]
    alerts = ["alerts", "alerts list", "alerts acknowledge", "alerts test", "alerts check"]
    grouped = [
        *alerts,
        "db copy",
        "protocol",
        "protocol new",
        "protocol check",
        "db",
        "db upgrade",
        "audit",
        "audit verify",
        "audit head",
    ]
    grouped += ["quarantine", "quarantine list", "quarantine repair", "quarantine replay"]
    plain += ["gate", "feasibility", "amend", "amendments", "decide", "decisions", "withdraw-site", "note-event"]
    plain += [
        "carried",
        "pass-on",
        "report",
        "recompute",
        "drop-arm",
        "idea",
        "ideas",
        "end-idea",
        "lessons",
        "counts",
        "look-inside",
        "rules",
    ]
    plain += [
        "partners",
        "co-create",
        "co-created",
        "co-creation",
        "adapt",
        "fidelity",
        "voices",
        "strengths",
        "staff-time",
    ]
    groups = {
        "allocation": ("fix", "list", "open", "verify", "import"),
        "roles": ("give", "take", "list"),
        "fund": ("request", "answer", "spent", "show"),
        "voice": ("add", "withdraw"),
        "safety": ("report", "judge", "list"),
        "account": ("add", "list", "password", "remove"),
        "link": ("make", "list", "revoke"),
    }
    for group, inner in groups.items():
        grouped += [group, *(f"{group} {name}" for name in inner)]
    assert sorted(" ".join(words) for words in all_commands()) == sorted(["", *plain, *grouped])


@pytest.mark.parametrize(
    "words",
    [
        ["no-such-command"],
        ["status", "--no-such-option"],
        ["register"],
        ["ingest", "a-trial"],
        ["replay", "data.csv"],
        ["serve", "--port", "many"],
        ["serve", "--round-every", "0"],
        ["demo", "--pace", "fast"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(words: list[str]) -> None:
    """A missing argument, an unknown option, a word for a number: the usage on stderr, nothing else done."""
    found = roadtest(*words)
    assert found.code == 2
    assert "Usage: roadtest" in found.err
    assert list(Path().iterdir()) == []


def changed(old: str, new: str) -> str:
    assert TEMPLATE.count(old) == 1
    return TEMPLATE.replace(old, new)


BAD_PLANS = {
    "unknown key": (changed("owner:", "ownr:"), "ownr is not a known key. Did you mean 'owner'?"),
    "worthwhile larger than the baseline": (
        changed("worthwhile: 0.10", "worthwhile: 0.70"),
        "worthwhile == 0.7, must be",
    ),
    "alpha = 5": (changed("alpha: 0.05", "alpha: 5"), "alpha == 5, must be < 1"),
    "arms that add up to nothing": (
        TEMPLATE.replace("allocation: 1", "allocation: 0"),
        "arms have allocations that add up to 0, must add up to more",
    ),
    "not YAML": ("trial: [", "not YAML"),
    "a key twice": (TEMPLATE + "\ntrial: another\n", "trial stands twice"),
    "unknown kind": (changed("kind: binary", "kind: binery"), "Did you mean"),
    "unknown connector": (changed("connector: folder", "connector: foldr"), "Did you mean 'folder'?"),
    "empty": ("", "holds no keys"),
}


@pytest.mark.parametrize("case", BAD_PLANS)
def test_a_bad_plan_is_refused_and_not_registered(case: str) -> None:
    """Checked or registered: one sentence with key, value and rule; nothing is in the database."""
    content, rule = BAD_PLANS[case]
    file = written("plan.yaml", content)
    if case != "unknown connector":  # whether a source can be read is asked when it is registered
        assert rule in refused("protocol", "check", file)
    assert rule in refused("register", file, "--by", "Ann")
    assert nothing_registered()


def test_a_missing_source_folder_is_one_sentence() -> None:
    """collect names the trial, the folder and what to do; nothing is stored."""
    trial = sealed()
    sentence = refused("collect", trial)
    assert "first-trial: source.path == 'sources/first-trial', must be an existing folder" in sentence
    assert "Make it" in sentence
    assert done("status", trial, "--json").json["deliveries"] == 0
    failed = roadtest("round", "--json")
    assert failed.code == 1
    (outcome,) = failed.json
    assert outcome["ok"] is False
    assert "must be an existing folder" in outcome["error"]


def test_a_port_in_use_is_one_sentence() -> None:
    """serve names the port, the address and the option."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        sentence = refused("serve", "--port", port)
    assert f"port == {port}, must be free on 127.0.0.1" in sentence
    assert "--port" in sentence


def newer_database() -> None:
    """Makes the home's database one that a newer version wrote."""
    store = open_store(load_settings().url)
    with writing(store) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'r9999'"))
    store.close()


WITH_DATABASE = [
    ["status"],
    ["register", "plan.yaml"],
    ["seal", "first-trial"],
    ["ingest", "first-trial", "delivery.csv"],
    ["collect"],
    ["look", "first-trial"],
    ["round"],
    ["db", "upgrade"],
    ["serve"],
    ["demo", "--no-serve"],
]


@pytest.mark.parametrize("words", WITH_DATABASE, ids=" ".join)
def test_a_database_from_a_newer_version_is_left_alone(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command that opens it says so in one sentence and changes nothing."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setenv("ROADTEST_PORT", str(probe.getsockname()[1]))
    newer_database()
    written("plan.yaml", TEMPLATE)
    written("delivery.csv", people(1, 4))
    sentence = refused(*words)
    assert "a newer version wrote it" in sentence
    assert "'r9999'" in sentence


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (["protocol", "check", "gone.yaml"], "gone.yaml: no such file"),
        (["register", "gone.yaml"], "gone.yaml: no such file"),
        (["ingest", "first-trial", "gone.csv"], "gone.csv: no such file"),
        (["ingest", "first-trial", "."], ". is a folder, must be a file"),
        (["ingest", "first-trial", "/dev/null"], "/dev/null is a pipe or a device, must be a file"),
        (["enrol", "first-trial", "--from", "."], ". is a folder, must be a file"),
        (["replay", ".", "--protocol", "first-trial.yaml"], ". is a folder, must be a file"),
        (["replay", "gone.csv", "--protocol", "first-trial.yaml"], "gone.csv: no such file"),
        (["replay", "first-trial.yaml", "--protocol", "gone.yaml"], "gone.yaml: no such file"),
        (["replay", "first-trial.yaml", "--protocol", "first-trial.yaml"], "first-trial.yaml: "),
        (["protocol", "new", "first-trial.yaml"], "exists already"),
        (["protocol", "new", "no/such/folder/plan.yaml"], "can't be written"),
        (["look", "first-trial", "--as-of", "yesterday"], "--as-of == 'yesterday', must be an ISO date or time"),
        (["look", "first-trial", "--as-of", "2099-01-01"], "--as-of == '2099-01-01', must not lie in the future"),
        (
            ["ingest", "first-trial", "first-trial.yaml", "--sent-at", "2099-01-01"],
            "--sent-at == '2099-01-01', must not lie in the future.",
        ),
        (
            ["export", "first-trial", "--known-at", "2099-01-01"],
            "--known-at == '2099-01-01', must not lie in the future.",
        ),
        (
            ["export", "first-trial", "--to", "first-trial.yaml", "--format", "csv"],
            "exists already, must be a new file",
        ),
        (["look", "first-trial", "--as-of", "0001-01-01T00:00+14:00"], "must be an ISO date or time"),
        (["ingest", "first-trial", "first-trial.yaml", "--as-of", "2024-13-01"], "--as-of == '2024-13-01'"),
        (
            ["ingest", "first-trial", "first-trial.yaml", "--as-of", "2024-06-03", "--sent-at", "2024-06-09"],
            "--sent-at == 2024-06-09, must not lie after 2024-06-03",
        ),
        (["ingest", "first-trial", "first-trial.yaml", "--sent-at", "soon"], "--sent-at == 'soon'"),
        (["status", "frist-trial"], "trial == 'frist-trial', must be a registered one. Did you mean 'first-trial'?"),
        (["seal", "frist-trial"], "Did you mean 'first-trial'?"),
        (["ingest", "frist-trial", "first-trial.yaml"], "Did you mean 'first-trial'?"),
        (["look", "frist-trial"], "Did you mean 'first-trial'?"),
        (["collect", "frist-trial"], "Did you mean 'first-trial'?"),
        (["status", "--home", "first-trial.yaml"], "must be a folder"),
        (["demo", "--no-serve", "--home", "first-trial.yaml"], "must be a folder"),
        (["demo", "--pace", "0"], "pace == 0.0, must be greater than 0"),
        (["serve", "--port", "70000"], "port == 70000, must be less than or equal to 65535"),
        (["serve", "--host", "192.0.2.1"], "192.0.2.1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_not_there_or_makes_no_sense_is_one_sentence(words: list[str], rule: str) -> None:
    """It names the argument, its value and the rule; the ledger is as it was before."""
    trial = sealed()
    before = standing(trial)
    assert rule in refused(*words)
    assert standing(trial) == before


def standing(trial: str) -> Any:
    """What status says of a trial."""
    return done("status", trial, "--json").json


def test_an_unsealed_trial_takes_nothing() -> None:
    """Between register and seal every way of bringing data is refused and names the next step."""
    file = written("plan.yaml", plan().to_yaml())
    done("register", file)
    delivery = written("2024-03-01.csv", people(1, 4))
    for words in (["ingest", "first-trial", delivery], ["collect", "first-trial"], ["look", "first-trial"]):
        assert "must be sealed before anything runs on it. Run `roadtest seal first-trial --by NAME`" in refused(*words)


def test_an_altered_plan_is_refused() -> None:
    """Registering another plan under a sealed name: plan hash mismatch, and what differs; the sealed one stays."""
    trial = sealed()
    before = done("status", trial, "--json").out
    sentence = refused("register", written("other.yaml", plan(owner="somebody else").to_yaml()))
    assert "plan hash mismatch" in sentence
    assert "owner" in sentence
    assert done("status", trial, "--json").out == before


def test_a_fault_of_ours_is_one_sentence_and_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback on the terminal; it is in the file that the sentence names."""
    monkeypatch.setattr(trials.planning, "check", lambda protocol: 1 // 0)
    sentence = refused("protocol", "check", written("plan.yaml", TEMPLATE))
    log = Path(str(re.search(r"Please report (\S+)\.$", sentence.strip())[1]))  # type: ignore[index]
    assert "ZeroDivisionError" in log.read_text(encoding="utf-8")
    log.unlink()


def test_a_fault_of_ours_in_one_trial_leaves_the_others_alone(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1 and one sentence that names trial and log; the traceback is in that log; the other trial is looked at."""
    sealed("odd")
    sealed("sound")
    take_look = ledger.take_look

    def breaks(store: Store, trial: str, **times: Any) -> Any:
        if trial == "odd":
            raise TypeError("a fault of ours")
        return take_look(store, trial, **times)

    monkeypatch.setattr(ledger, "take_look", breaks)
    found = roadtest("look")
    assert found.code == 1
    assert (
        found.err == "roadtest: odd: TypeError in Roadtest itself; nothing was stored. See roadtest.log in the home.\n"
    )
    assert found.out.startswith("sound (randomised): ")
    assert "a fault of ours" in (place / ".roadtest" / "roadtest.log").read_text(encoding="utf-8")


def check_look(body: dict[str, Any]) -> None:
    assert set(body) >= LOOK_FIELDS
    assert set(body["claims"]) == {"benefit", "dud", "harm"}
    assert all(set(claim) >= CLAIM_FIELDS for claim in body["claims"].values())
    assert len(body["interval"]) == 2
    assert body["verdict"] in {"keep_going", "promote", "drop", "stop_for_harm", "cant_tell"}


def test_json_has_the_documented_fields(place: Path) -> None:
    """ingest, look, status, replay, collect and round give the documented fields."""
    trial = sealed()
    data = written("2024-03-01.csv", csv_text([*(row(number) for number in range(1, 31)), row(31, well=7)]))
    receipt = done("ingest", trial, data, "--as-of", "2024-03-02", "--json").json
    assert set(receipt) >= RECEIPT_FIELDS
    assert (receipt["accepted"], receipt["quarantined"], receipt["action"]) == (30, 1, "quarantine_rows")
    [reason] = receipt["reasons"]
    assert set(reason) == {"row", "reason"}
    assert reason["row"] == 31
    status = done("status", trial, "--json").json
    looked = done("look", trial, "--as-of", "2024-03-02", "--json").json
    replayed = done("replay", data, "--protocol", f"{trial}.yaml", "--as-of", "2024-03-02", "--json").json
    for body in (status, looked, replayed, *done("status", "--json").json):
        check_look(body)
        assert (body["trial"], body["looks"], body["n"]) == (trial, 1, 30)
    same = ("claims", "estimate", "interval", "arms", "verdict", "sentence", "state_sha256", "as_of")
    assert {name: replayed[name] for name in same} == {name: status[name] for name in same}
    assert looked["ok"] is True
    (place / ".roadtest" / "sources" / trial).mkdir(parents=True)
    (place / ".roadtest" / "sources" / trial / "2024-03-05.csv").write_text(people(31, 40), encoding="utf-8")
    collected = done("collect", trial, "--json").json
    check_look(collected)
    assert set(collected["deliveries"][0]) >= RECEIPT_FIELDS
    (again,) = done("round", "--json").json
    assert again["deliveries"] == []


def test_json_of_the_plan(place: Path) -> None:
    """protocol check, register, seal and db upgrade give the trial, its seal and what the plan can tell."""
    file = written("plan.yaml", TEMPLATE)
    sha256 = from_yaml(TEMPLATE).seal()
    checked = done("protocol", "check", file, "--json").json
    assert (checked["trial"], checked["sha256"]) == ("my-trial", sha256)
    assert {"detectable", "fixed_size", "outlooks", "sentence", "warnings"} <= set(checked)
    assert done("register", file, "--json").json["sha256"] == sha256
    assert done("seal", "my-trial", "--by", "Bea", "--json").json == {"trial": "my-trial", "sha256": sha256}
    upgraded = done("db", "upgrade", "--json").json
    assert upgraded["before"] == upgraded["after"] != ""
    empty = done("status", "my-trial", "--json").json
    assert set(empty) >= LOOK_FIELDS
    assert (empty["state"], empty["verdict"], empty["looks"]) == ("sealed", None, 0)


def test_db_upgrade_names_the_trials_with_plain_ids(place: Path) -> None:
    """A trial begun before keys is named, with what helps; one whose ids are hidden is not."""
    trial = sealed()
    done("ingest", trial, written("2024-03-01.csv", people(1, 4)))
    assert done("db", "upgrade", "--json").json["plain_ids"] == []
    store = open_store(load_settings().url)
    with writing(store) as connection:
        connection.execute(text("UPDATE trial SET key_fingerprint = NULL"))
    store.close()
    assert done("db", "upgrade", "--json").json["plain_ids"] == [trial]
    assert f"begun before r0003: {trial}. Start a new trial to hide them." in done("db", "upgrade").out


def test_a_refused_delivery_ends_with_1_and_is_on_record(place: Path) -> None:
    """--json still says what happened; the sentence on stderr is the refusal; the trial counts it."""
    trial = sealed()
    half = written("2024-03-01.csv", "participant_id,ar")
    found = roadtest("ingest", trial, half, "--json")
    assert found.code == 1
    assert found.json["action"] == "reject_batch"
    assert found.err == f"roadtest: {found.json['refusal']}\n"
    assert done("status", trial, "--json").json["refused"] == 1


def test_dry_run_stores_nothing(place: Path) -> None:
    """The rows are judged as they would be, and the trial has no delivery."""
    trial = sealed()
    data = written("2024-03-01.csv", people(1, 10))
    assert done("ingest", trial, data, "--dry-run", "--json").json["accepted"] == 10
    assert "10 rows would be accepted" in done("ingest", trial, data, "--dry-run").out
    assert done("status", trial, "--json").json["deliveries"] == 0


def test_the_first_own_trial_from_template_to_verdict(place: Path) -> None:
    """The README's path: new, check, register, seal, ingest, status; each step names the next; again doubles nothing."""
    assert "roadtest protocol check my-trial.yaml" in done("protocol", "new", "my-trial.yaml").out
    assert done("protocol", "new").out.rstrip("\n") == TEMPLATE.rstrip("\n")
    checked = done("protocol", "check", "my-trial.yaml").out
    assert "If the idea does nothing" in checked
    assert "roadtest register my-trial.yaml" in checked
    assert "roadtest seal my-trial --by NAME" in done("register", "my-trial.yaml").out
    assert "roadtest collect my-trial" in done("seal", "my-trial", "--by", "Bea").out
    header = "participant_id,site,arm,enrolled_on,entry_order,attended"
    arms = ("usual", "text")
    rows = [f"p{n},A,{arms[n % 2]},2024-05-{1 + n // 4:02d},{n},{int(n % 2 or n % 3 == 0)}" for n in range(1, 101)]
    data = written("2024-06-28_site-a.csv", "\n".join([header, *rows, ""]))
    taken = done("ingest", "my-trial", data, "--as-of", "2024-07-01")
    assert "100 rows accepted, 0 set aside" in taken.out
    stands = done("status", "my-trial")
    assert "Promote" in stands.out
    assert "100 of 800" in stands.out
    before = done("status", "my-trial", "--json").out
    assert "came before; nothing changed" in done("ingest", "my-trial", data, "--as-of", "2024-07-02").out
    assert "Promote: it helps" in done("look", "my-trial", "--as-of", "2024-07-01").out
    assert done("status", "my-trial", "--json").out == before


def test_without_a_trial_the_next_step_is_named() -> None:
    """status, collect, look and round on an empty home: not an error, and what to do first."""
    assert "roadtest protocol new" in done("status").out
    for command in ("collect", "look", "round"):
        assert "roadtest register FILE" in done(command).out


def test_home_is_the_option_or_the_variable(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--home wins over ROADTEST_HOME, which wins over .roadtest here."""
    written("plan.yaml", TEMPLATE)
    monkeypatch.setenv("ROADTEST_HOME", str(place / "by-variable"))
    done("register", "plan.yaml", "--home", place / "by-option")
    done("register", "plan.yaml")
    found = {path.parent.name for path in place.glob("**/roadtest.db")}
    assert found == {"by-option", "by-variable"}


def test_a_date_means_its_end_and_a_time_its_zone() -> None:
    """--as-of 2024-07-01 takes in what was sent on that day; a time without a zone is UTC."""
    trial = sealed()
    data = written("2024-07-01T1200.csv", people(1, 4))
    assert done("ingest", trial, data, "--as-of", "2024-07-01", "--json").json["accepted"] == 4
    store = open_store(load_settings().url)
    [delivery] = reading.deliveries(store, trial)
    store.close()
    assert delivery.sent_at.isoformat() == "2024-07-01T12:00:00+00:00"
    assert delivery.recorded_at.isoformat() == "2024-07-01T23:59:59+00:00"
    assert done("look", trial, "--as-of", "2024-07-02T09:30", "--json").json["looks"] == 1


def test_boundaries_are_those_of_other_programs(place: Path) -> None:
    """Five looks, O'Brien-Fleming type with futility: bounds and drift as rpact 3.3.4 and gsDesign give them."""
    asked = ["--looks", "5", "--alpha", "0.025", "--spending", "obrien-fleming"]
    found = done("boundaries", *asked, "--futility", "obrien-fleming", "--beta", "0.1", "--json").json
    rpact = [4.876884948791, 3.357011921704, 2.680280067027, 2.289816774428, 2.031032063067]
    assert found["upper"] == pytest.approx(rpact, abs=5e-7)
    assert found["lower"][:4] == pytest.approx(
        [-1.977252282492, -0.2070437255315, 0.7644230653532, 1.446753225755], abs=5e-7
    )
    assert found["drift"] == pytest.approx(3.398754187069, abs=1e-5)
    assert found["alpha_spent"][-1] == pytest.approx(0.025)
    assert "4.8769" in done("boundaries", *asked).out
    uneven = done("boundaries", "--spending", "obrien-fleming", "--information", "0.2,0.5,1", "--json").json
    assert uneven["information"] == [0.2, 0.5, 1.0]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--looks", "0"], "looks"),
        (["--looks", "5", "--alpha", "1.5"], "alpha == 1.5, must be"),
        (["--looks", "5", "--spending", "brien"], "spending"),
        (["--information", "0.5,0.2,1"], "information"),
        (["--looks", "5", "--futility", "pocock", "--beta", "0"], "beta"),
    ],
)
def test_boundaries_that_mean_nothing_are_refused(options: list[str], says: str, place: Path) -> None:
    """One sentence with the argument, its value and the rule; exit code 1."""
    assert says in refused("boundaries", *options)


def test_a_plan_is_tried_out(place: Path) -> None:
    """simulate gives shares and numbers of people for each truth, exact for pairs; the same twice."""
    done("protocol", "new", "my-trial.yaml")
    found = done("simulate", "my-trial.yaml", "--json").json
    assert found == done("simulate", "my-trial.yaml", "--json").json
    truths = {one["truth"]: one for one in found["outlooks"]}
    assert {"no effect", "worthwhile", "harmful"} <= set(truths)
    assert truths["no effect"]["promote"] <= 0.05
    assert truths["worthwhile"]["drop"] <= 0.10
    assert all(one["exact"] for one in truths.values())
    assert "does nothing" in done("simulate", "my-trial.yaml").out


def test_the_portfolio_is_judged_together(place: Path) -> None:
    """Without looks it says what to do; a false discovery rate outside (0, 1) is refused."""
    assert "roadtest round" in done("portfolio").out
    assert done("portfolio", "--json").json == {"fdr": 0.1, "trials": [], "figures": [], "ends": [], "left_out": 0}
    assert "q == 1.5, must be > 0 and < 1" in refused("portfolio", "--fdr", "1.5")


def statements(*words: object) -> int:
    """How many statements a command sends that must succeed."""
    sent: list[str] = []

    def count(*told: Any) -> None:
        sent.append(told[2])

    event.listen(Engine, "before_cursor_execute", count)
    try:
        done(*words)
    finally:
        event.remove(Engine, "before_cursor_execute", count)
    return len([one for one in sent if "BEGIN" not in one and "PRAGMA" not in one])


def shown(trials: list[str], person: str) -> list[dict[str, Any]]:
    """What `collect` and `round` show of trials for somebody, once the work is done."""
    settings = load_settings(person=person)
    store = open_store(settings.url)
    found = list(work.done_all(store, dict.fromkeys(trials, ())).values())
    store.close()
    out = io.StringIO()
    with redirect_stdout(out):
        cli._finish(settings, found, True, False)
    return list(json.loads(out.getvalue()))


def test_what_is_shown_of_many_trials_takes_as_many_statements_as_of_two() -> None:
    """Of status, and of what collect and round end with, in open programmes and in those with roles, for whoever sees every
    number and for whoever sees tens."""
    settings = load_settings()
    desk = Desk(open_store(settings.url), settings.folder)
    counts: dict[str, set[int]] = {"status": set(), "open": set(), "olga": set(), "sara": set()}
    for numbers in (range(2), range(2, 5)):
        for kind in ("open", "roles"):
            for number in numbers:
                trial = f"{kind}-{number}"
                desk.sealed(plan(trial, programme=f"{kind}-{numbers.start}"), **{"2024-03-01": people(1, 40)})
                assert desk.collect(trial)[trial].ok
        for person, role in (("sara", "safety_steward"), ("olga", "operator")):
            granting.give(desk.store, f"roles-{numbers.start}", person, role, by="anna", at=NOW)  # type: ignore[arg-type]
        counts["status"].add(statements("status", "--json", "--by", "olga"))
        for person, kind in (("nobody", "open"), ("olga", "roles"), ("sara", "roles")):
            sent = []
            event.listen(Engine, "before_cursor_execute", count := lambda *told, sent=sent: sent.append(told[2]))
            found = shown([f"{kind}-{number}" for number in range(numbers.stop)], person)
            event.remove(Engine, "before_cursor_execute", count)
            assert [one["trial"] for one in found] == [f"{kind}-{number}" for number in range(numbers.stop)]
            assert {one["waiting"] is None for one in found} == {person == "olga"}
            counts["open" if kind == "open" else person].add(len([one for one in sent if one != "BEGIN"]))
    assert {name: len(found) for name, found in counts.items()} == dict.fromkeys(counts, 1), counts
    desk.store.close()


def test_why_no_trial_is_due_is_what_is_true() -> None:
    """Nothing registered, nothing sealed, all closed, all erased: each is said as it is, with what to do next."""
    assert done("collect").out == "No trial is sealed yet. Next: roadtest register FILE\n"
    settings = load_settings()
    desk = Desk(open_store(settings.url), settings.folder)
    work.register_trial(desk.store, plan("only"), by="Ann", at=NOW)
    for words in (("round",), ("overdue",)):
        assert done(*words).out == "No trial is sealed yet. Next: roadtest seal TRIAL --by NAME\n"
    for trial in ("one", "two"):
        desk.sealed(plan(trial), **{"2024-03-01": people(1, 40)})
        assert desk.collect(trial)[trial].ok
        decisions.decide(desk.store, trial, "drop", by="Ann", second="Bea", at=NOW, **WORDS)
    assert done("overdue").out.startswith("All 2 trials that were sealed are closed: nothing is waited for. Next: ")
    for trial in ("one", "two"):
        said = {"by": "Ann", "second": "Bea", "reason": "the time to keep is over", "at": NOW}
        erasing.erase(desk.store, trial, keys=Keys(settings.keys_folder), home=settings.folder, **said)
    for command in ("collect", "look", "round"):
        said_then = done(command).out
        assert said_then.startswith("All 2 trials that were sealed are closed and without their keys: nothing more is ")
        assert done(command, "--json").json == []
    desk.store.close()


def test_days_are_said_in_words() -> None:
    """Of accounts, links, sites that left and outside events; JSON has them as machines write them."""
    settings = load_settings()
    store = open_store(settings.url)
    Desk(store, settings.folder).sealed(plan())
    accounts.add(store, "zoe", "hash", stamp="s", by="Ann", at=NOW)
    assert done("account", "list").out == "zoe: added by Ann on 3 June 2024\n"
    assert done("account", "list", "--json").json[0]["added_at"].startswith("2024-06-03T")
    made = {"id": "l1", "secret": "s" * 32, "by": "Ann", "programme": "", "at": NOW, "ends_at": NOW + timedelta(days=7)}
    links.make(store, trial="first-trial", **made)
    assert "made by Ann on 3 June 2024, until 10 June 2024 (ended)" in done("link", "list").out
    done("note-event", "first-trial", "the trams stood still", "--day", "2024-01-05", "--by", "Ann")
    assert "Outside event of 5 January 2024: the trams stood still" in done("decisions", "first-trial").out
    assert done("decisions", "first-trial", "--json").json["events"][0]["day"] == "2024-01-05"
    store.close()


def test_status_waits_for_no_heavy_package() -> None:
    """Neither for SciPy's distributions and solvers nor for what checks, draws and schedules."""
    sealed()
    needed = "import sys; from flows.cli import app; app(['status'], standalone_mode=False); print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", needed], env=environment, capture_output=True, text=True, check=True, encoding="utf-8"
    )
    assert "first-trial" in ended.stdout
    heavy = {"scipy.stats", "scipy.optimize", "great_expectations", "pandas", "prefect", "dash"}
    assert heavy & {*ended.stdout.split()} == set()
