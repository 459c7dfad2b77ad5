"""The demo as people run it, in processes of its own that can't leave this machine: whole, killed, stopped, again."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.keys import Keys
from trials.protocol import Protocol, from_file
from trials.store import acts, amendments, ledger, lessons, reading, stages, standing, subsets, verifying
from trials.store.engine import Store, open_store
from trials.store.engine import reading as snapshot
from trials.store.models import ENROLMENT, QUARANTINE, metadata

pytestmark = pytest.mark.timeout(1500)

ROOT = Path(__file__).parents[1]
REAL = ["nsw-job-training", "rossi-financial-aid"]
SITES = ["a-strengths", "b-budgets", "c-connections", "d-appointments", "e-mentors"]
SIMULATED = [f"probation-{site}" for site in SITES]
AMENDED, PILOT = "probation-b-budgets", "probation-strengths-pilot"
CUT_SHORT = re.compile(
    r"^.*sqlalchemy\.pool\.impl\.AsyncAdaptedQueuePool - Exception .*\n(?:.*\n)*?"
    r"asyncio\.exceptions\.CancelledError.*\n(?!\n(?:During handling|The above))",
    re.MULTILINE,
)
LONG = 900.0  # seconds; a demo takes some 90 on a machine that has nothing else to do
KILLED_AT, LIVE_LOOKS = 150, 10


def wait_for(what: str, true: Callable[[], Any], seconds: float = LONG) -> Any:
    """What `true` gives as soon as that is something."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = true()
        if found:
            return found
        time.sleep(0.1)
    raise TimeoutError(f"{what} did not happen within {seconds:g} s")


@dataclass(frozen=True)
class Demo:
    """A home in which demos are run, one after the other, and what they say."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def log(self) -> list[str]:
        """What the hook against leaving the machine has to say."""
        return (self.folder / "offline.log").read_text(encoding="utf-8").splitlines()

    def environment(self) -> dict[str, str]:
        own = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "ROADTEST_", "PYTHON", "DO_NOT_"))}
        offline = {"PYTHONPATH": str(ROOT / "tests" / "offline"), "OFFLINE_LOG": str(self.folder / "offline.log")}
        return {**own, **offline, "COLUMNS": "160"}

    def start(self, name: str, *options: str) -> subprocess.Popen[bytes]:
        """Starts a demo in a process group of its own; stdout and stderr go to files."""
        self.folder.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "flows.cli", "demo", "--home", str(self.home), *options]
        with (self.folder / f"{name}.out").open("wb") as out, (self.folder / f"{name}.err").open("wb") as err:
            return subprocess.Popen(
                command, cwd=self.folder, env=self.environment(), stdout=out, stderr=err, start_new_session=True
            )

    def run(self, name: str) -> int:
        """A demo without pages, to its end; the exit code."""
        process = self.start(name, "--no-serve")
        try:
            return process.wait(LONG)
        finally:
            end_group(process)

    def said(self, name: str) -> str:
        return (self.folder / f"{name}.out").read_text(encoding="utf-8")

    def complained(self, name: str) -> str:
        """stderr, but for one record of Prefect's own server. When it is ended while a connection of its pool is being given
        back, SQLAlchemy logs that this was cut short, traceback and all; nothing is wrong by it, and it is not ours to say."""
        return CUT_SHORT.sub("", (self.folder / f"{name}.err").read_text(encoding="utf-8"))

    def looks(self) -> int:
        """How many looks the ledger holds, read beside the demo that writes them."""
        database = self.home / "roadtest.db"
        if not database.exists():
            return 0
        with (
            suppress(sqlite3.OperationalError),
            closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as found,
        ):
            return int(found.execute("SELECT count(*) FROM look").fetchone()[0])
        return 0

    def contents(self) -> dict[str, list[str]]:
        """Every row of the ledger."""
        store = self.store()
        with snapshot(store) as connection:
            rows = {
                table.name: sorted(map(repr, connection.execute(table.select()))) for table in metadata.sorted_tables
            }
        store.close()
        return rows

    def people(self) -> dict[str, list[str]]:
        """Who is enrolled and which rows are set aside, in words that don't depend on the home's own keys."""
        store, keys = self.store(), Keys(self.home / "keys")
        with snapshot(store) as connection:
            enrolled = [dict(row._mapping) for row in connection.execute(ENROLMENT.select())]
            aside = [dict(row._mapping) for row in connection.execute(QUARANTINE.select())]
        store.close()
        for row in enrolled:
            assert row.pop("participant_id")
        for row in aside:
            row["cells"] = keys.of(row["trial_id"]).open(row["cells"])
        return {"enrolment": sorted(map(repr, enrolled)), "quarantine": sorted(map(repr, aside))}

    def store(self) -> Store:
        return open_store(f"sqlite:///{self.home / 'roadtest.db'}", migrate=False)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Ends what is left of a demo's process group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(60)


def is_gone(process: subprocess.Popen[bytes]) -> bool:
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return True
    return False


@dataclass(frozen=True)
class Whole:
    """A demo that nobody disturbed, and a second one in the same home."""

    demo: Demo
    codes: tuple[int, int]
    after_first: dict[str, list[str]]
    after_second: dict[str, list[str]]


@dataclass(frozen=True)
class Broken:
    """A demo killed in the middle, a second one stopped while it served its pages, a third one that ran to the end."""

    demo: Demo
    taken_port: int
    address: str
    page: tuple[int, str]
    health: tuple[int, str]
    looks: tuple[int, int, int]  # when killed, when served, when stopped
    all_ended: bool
    codes: tuple[int, int, int]


def undisturbed(demo: Demo) -> Whole:
    first = demo.run("first")
    after_first = demo.contents()
    second = demo.run("second")
    return Whole(demo, (first, second), after_first, demo.contents())


def disturbed(demo: Demo) -> Broken:
    killed = demo.start("killed", "--no-serve")
    serving = None
    try:
        wait_for("the middle of the demo", lambda: demo.looks() >= KILLED_AT or killed.poll() is not None)
        killed.kill()  # the demo alone, as `kill -9` does: Prefect's server is left behind, and must not matter
        first = killed.wait(60)
        when_killed = demo.looks()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            serving = demo.start("served", "--port", str(port), "--pace", "20")
            address = wait_for("the dashboard", lambda: serving_at(demo, serving))
            page, health = get(address), get(f"{address}healthz")
            when_served = demo.looks()
            wait_for("deliveries arriving live", lambda: demo.looks() >= when_served + LIVE_LOOKS)
            serving.terminate()
            second = serving.wait(120)
        when_stopped = demo.looks()
        wait_for("the end of all its processes", lambda: is_gone(serving), 60)
        third = demo.run("finished")
        looks = (when_killed, when_served, when_stopped)
        return Broken(demo, port, address, page, health, looks, is_gone(serving), (first, second, third))
    finally:
        for process in filter(None, (killed, serving)):
            end_group(process)


def serving_at(demo: Demo, process: subprocess.Popen[bytes] | None) -> str:
    assert process is not None
    assert process.poll() is None, demo.complained("served")
    found = re.search(r"Dashboard: (http://\S+)", demo.said("served"))
    if found is None:
        return ""
    with suppress(OSError):
        get(f"{found[1]}healthz")
        return found[1]
    return ""


def get(address: str) -> tuple[int, str]:
    with urllib.request.urlopen(address, timeout=30) as answer:
        return answer.status, answer.read().decode("utf-8")


@pytest.fixture(scope="session")
def demos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Future[Whole], Future[Broken]]]:
    """Both side by side: a demo keeps one processor busy."""
    folder = tmp_path_factory.mktemp("demos")
    with ThreadPoolExecutor(2) as side_by_side:
        yield (
            side_by_side.submit(undisturbed, Demo(folder / "whole")),
            side_by_side.submit(disturbed, Demo(folder / "broken")),
        )


@pytest.fixture(scope="session")
def whole(demos: tuple[Future[Whole], Future[Broken]]) -> Whole:
    return demos[0].result()


@pytest.fixture(scope="session")
def broken(demos: tuple[Future[Whole], Future[Broken]]) -> Broken:
    return demos[1].result()


@pytest.fixture(scope="session")
def store(whole: Whole) -> Iterator[Store]:
    opened = whole.demo.store()
    yield opened
    opened.close()


def protocols() -> dict[str, Protocol]:
    found = sorted(path for path in (ROOT / "examples").glob("*/*.yaml") if path.parent.name != "deploy")
    plans = [from_file(path) for path in found]
    return {plan.trial: plan for plan in plans}


def final(store: Store) -> dict[str, dict[str, Any]]:
    """Each trial's last look."""
    return {card.id: card.look.to_json() for card in reading.cards(store) if card.look is not None}


def stopped_by(store: Store) -> tuple[Any, ...]:
    """What the harmful trial's rules say on the day it was stopped."""
    closing = reading.card(store, "probation-d-appointments").closing
    assert closing is not None
    return standing.standing(store, "probation-d-appointments", closing.at)


def without_clock(body: dict[str, Any]) -> dict[str, Any]:
    """A look of real data but for its time: an undated delivery is sent when its file is written."""
    return {name: value for name, value in body.items() if name != "as_of" or body["trial"] in SIMULATED}


def test_the_demo_ends_well_and_shows_seven_verdicts(whole: Whole) -> None:
    """Exit code 0, nothing on stderr, a row a trial with verdict and people; five marked simulated, two as replays."""
    assert whole.codes[0] == 0
    assert whole.demo.complained("first") == ""
    said = whole.demo.said("first")
    rows = {line.split("│")[1].strip(): line for line in said.splitlines() if line.startswith("│")}
    assert set(rows) == {f"{trial} (replay of a finished trial)" for trial in REAL} | {
        f"{trial} (simulated)" for trial in SIMULATED
    }
    verdicts = "Keep going|Promote|Drop|Stop for harm|Needs a decision"
    assert all(re.search(rf"({verdicts}) +│ +[\d,]+ of [\d,]+", row) for row in rows.values())
    for name in rows:
        assert re.search(rf"^{re.escape(name)} \(randomised\)[^:]*: \w.+", said, re.MULTILINE)


def test_the_simulated_verdicts_fit_the_known_truth(store: Store) -> None:
    """The winner is promoted and nobody else; the dud and the harmful approach are dropped; the small site can't tell."""
    verdicts = {trial: body["verdict"] for trial, body in final(store).items() if trial in SIMULATED}
    assert [trial for trial, verdict in verdicts.items() if verdict == "promote"] == ["probation-a-strengths"]
    assert verdicts["probation-c-connections"] == "drop"
    assert verdicts["probation-d-appointments"] in ("drop", "stop_for_harm")
    assert verdicts["probation-e-mentors"] == "cant_tell"


def test_the_programme_lives_through_its_story(whole: Whole, store: Store) -> None:
    """Refused at the gate and changed, four eyes, amended after look 2, a site left, a dud dropped with its lesson, the harmful
    idea stopped, one promoted to a pilot that carries its criteria over; and all of it is in the chain."""
    said = " ".join(whole.demo.said("first").split())
    assert "Refused at the gate: probation-e-mentors: With 300 people" in said
    cards = {card.id: card for card in reading.cards(store)}
    assert cards["probation-e-mentors"].protocol.purpose == "feasibility"
    for trial in (*SIMULATED, PILOT):
        sealed = [one for one in amendments.versions(store, trial) if one.sealed_by is not None]
        assert (sealed[0].written_by, sealed[0].sealed_by) == ("programme lead", "second reader")
    draft, sealed_one = amendments.versions(store, "probation-e-mentors")
    assert (draft.sealed_by, sealed_one.number) == (None, 2)
    [amendment] = amendments.amendments(store, AMENDED)
    assert (amendment.look, amendments.versions(store, AMENDED)[1].mark) == (2, "after look 2, before look 3")
    assert sorted(cards[AMENDED].withdrawn) == ["E"]
    assert subsets.with_and_without(store, AMENDED) is not None
    assert len(subsets.splits(store, AMENDED)) == 1
    ended = {trial: cards[trial].state for trial in SIMULATED}
    assert ended == {
        "probation-a-strengths": "promoted",
        "probation-b-budgets": "dropped",
        "probation-c-connections": "dropped",
        "probation-d-appointments": "stopped",
        "probation-e-mentors": "stopped",
    }
    for trial in SIMULATED:
        closing = cards[trial].closing
        assert closing is not None
        assert closing.body.lesson, trial
    steward = cards["probation-d-appointments"].closing
    assert (steward.by, steward.body.reason_code) == ("safety steward", "safety")
    assert any(finding.rule == "safety_rate" and finding.level == "stop" for finding in stopped_by(store))
    carried = stages.carried_by(store, PILOT)
    assert {one.trial for one in carried.handed} == set(SIMULATED)
    asked = {(trial, one) for trial, one, _ in carried.criteria}
    assert asked >= {("probation-a-strengths", name) for name in ("helps", "kept")}
    assert verifying.verify(store) == []
    found = lessons.search(store, "map of local groups")
    assert "probation-c-connections" in {one.scope for one in found.texts}


@pytest.mark.parametrize("trial", REAL)
def test_real_data_give_the_same_numbers_as_their_replay(store: Store, trial: str) -> None:
    """The last look after the demo's deliveries equals `replay` of the published file, to the last digit."""
    from flows.replaying import replay

    folder = ROOT / "examples" / trial
    replayed = replay(from_file(folder / "protocol.yaml"), folder / "data.csv", datetime.now(UTC)).look.to_json()
    same = ("n", "claims", "estimate", "interval", "arms", "verdict", "sentence", "state_sha256", "protocol_sha256")
    live = json.loads(json.dumps(final(store)[trial]))
    assert {name: live[name] for name in same} == {name: json.loads(json.dumps(replayed))[name] for name in same}


def test_rossi_has_the_published_people(store: Store) -> None:
    """432 people, of whom 66 of 216 and 48 of 216 were re-arrested."""
    look = final(store)["rossi-financial-aid"]
    assert look["n"] == 432
    assert {arm["arm"]: (arm["total"], arm["n"]) for arm in look["arms"]} == {
        "control": (66, 216),
        "financial_aid": (48, 216),
    }


def test_every_plan_is_the_one_in_its_file_and_sealed(store: Store) -> None:
    """Stored text, hash, seal and each look's plan agree with the YAML under examples/."""
    plans = protocols()
    assert set(plans) == {*REAL, *SIMULATED}
    for trial, plan in plans.items():
        first, *amended = [one for one in amendments.versions(store, trial) if one.sealed_by is not None]
        assert (first.sha256, len(amended)) == (plan.seal(), int(trial == AMENDED))
        after = 2 if amended else 10_000
        sealed = [first.sha256 if look.number <= after else amended[0].sha256 for look in reading.looks(store, trial)]
        assert [look.protocol_sha256 for look in reading.looks(store, trial)] == sealed
        assert ledger.sealed_protocol(store, trial)[1] == sealed[-1]


def test_the_last_looks_can_be_taken_again_from_history(store: Store) -> None:
    """Recomputed from the ledger's rows they are the stored ones, to the last bit."""
    cards = reading.cards(store, [*REAL, *SIMULATED])
    assert len(cards) == 7
    for card in cards:
        assert card.look is not None
        assert ledger.recompute(store, card.id, card.look.number) == card.look


def test_bad_rows_and_a_bad_file_are_on_record_with_their_reasons(store: Store) -> None:
    """Each simulated site has quarantined rows, each with a reason; one delivery was refused; real data have none."""
    cards = {card.id: card for card in reading.cards(store)}
    for trial in SIMULATED:
        reasons = reading.quarantine_reasons(store, trial)
        assert reasons
        assert all(reason.strip() for reason, _ in reasons)
        assert sum(rows for _, rows in reasons) == cards[trial].quarantined
    assert [(cards[trial].quarantined, cards[trial].refused) for trial in REAL] == [(0, 0), (0, 0)]
    refusals = [one for trial in SIMULATED for one in reading.deliveries(store, trial, 500) if one.refusal]
    assert refusals
    assert all(one.action == "reject_batch" and one.accepted == 0 for one in refusals)


def test_every_file_that_arrived_is_in_the_ledger_once(whole: Whole, store: Store) -> None:
    """As many deliveries as there are files; one that was sent again under a later date says nothing new."""
    twice = 0
    for card in reading.cards(store):
        files = sorted((whole.demo.home / card.protocol.source.path).glob("*.csv"))
        told = {one.name: one for one in reading.deliveries(store, card.id, last=1_000)}
        assert set(told) == {path.name for path in files}, card.id
        seen: set[bytes] = set()
        for path in files:
            if path.read_bytes() in seen:
                twice += 1
                assert (told[path.name].accepted, told[path.name].corrections) == (0, 0)
                assert told[path.name].duplicates > 0
            seen.add(path.read_bytes())
    assert twice >= 1


def test_a_second_run_finds_its_data_and_changes_nothing(whole: Whole) -> None:
    """Exit code 0, the same table and sentences, and not a row more or other than before."""
    assert whole.codes[1] == 0
    assert whole.demo.complained("second") == ""
    start = "Where the trials stand"
    assert whole.demo.said("second").partition(start)[2] == whole.demo.said("first").partition(start)[2]
    assert whole.after_second == whole.after_first


def test_a_killed_demo_run_again_ends_with_the_same_numbers(whole: Whole, broken: Broken, store: Store) -> None:
    """Killed with SIGKILL in the middle, stopped while serving, then run to the end: each look as if nothing had happened."""
    killed, served, stopped = broken.looks
    in_all = whole.demo.looks()
    assert KILLED_AT <= killed < served < stopped < in_all
    assert broken.codes[0] == -signal.SIGKILL
    assert broken.codes[2] == 0, broken.demo.complained("finished")
    again = broken.demo.store()
    try:
        for trial in (*REAL, *SIMULATED):
            before = [without_clock(look.to_json()) for look in reading.looks(store, trial)]
            assert [without_clock(look.to_json()) for look in reading.looks(again, trial)] == before, trial
        for scope in (*SIMULATED, PILOT):
            done = [(act.kind, act.by, act.at, act.look) for act in acts.acts(store, scope)]
            assert [(act.kind, act.by, act.at, act.look) for act in acts.acts(again, scope)] == done, scope
    finally:
        again.close()
    mended = broken.demo.contents()
    counts = {table: len(rows) for table, rows in whole.after_first.items()}
    assert {table: len(rows) for table, rows in mended.items()} == counts
    assert min(counts[table] for table in ("observation", "enrolment", "quarantine")) > 0
    assert broken.demo.people() == whole.demo.people()


def test_the_pages_are_served_on_another_port_while_the_programme_goes_on(broken: Broken) -> None:
    """The taken port is named, another one answers on / and /healthz, and looks are added meanwhile."""
    assert f"Port {broken.taken_port} is taken" in broken.demo.said("served")
    assert f":{broken.taken_port}/" not in broken.address
    status, page = broken.page
    assert status == 200
    assert "<title>Roadtest" in page
    assert broken.health == (200, "ok\n")
    assert broken.looks[2] >= broken.looks[1] + LIVE_LOOKS


def test_sigterm_ends_the_serving_demo_cleanly(broken: Broken) -> None:
    """Exit code 0, nothing on stderr, and no process of it is left, Prefect's server included."""
    assert broken.codes[1] == 0
    assert broken.demo.complained("served") == ""
    assert broken.demo.said("served").endswith("\nStopped.\n")
    assert broken.all_ended


def test_sigterm_ends_the_working_demo_and_prefects_server_with_it(tmp_path: Path) -> None:
    """Before the pages are served: exit code 143, nothing on stderr, and nothing is left running."""
    demo = Demo(tmp_path / "stopped")
    process = demo.start("stopped", "--no-serve")
    try:
        wait_for("the first look", lambda: demo.looks() > 0 or process.poll() is not None)
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGTERM
        assert demo.complained("stopped") == ""
        wait_for("the end of Prefect's server", lambda: is_gone(process), 30)
    finally:
        end_group(process)


def test_a_refusal_inside_a_flow_is_one_sentence_on_the_terminal(whole: Whole, tmp_path: Path) -> None:
    """Another plan under a sealed name, in a process of its own: exit code 1, one line, no word of Prefect's."""
    altered = protocols()["rossi-financial-aid"].model_copy(update={"owner": "somebody else"})
    (tmp_path / "altered.yaml").write_text(altered.to_yaml(), encoding="utf-8")
    command = ["register", "altered.yaml", "--home", str(whole.demo.home)]
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", *command],
        cwd=tmp_path,
        env={**whole.demo.environment(), "OFFLINE_LOG": str(tmp_path / "offline.log")},
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("roadtest: plan hash mismatch: rossi-financial-aid was sealed as ")
    assert whole.demo.contents() == whole.after_second


def test_nothing_tries_to_leave_the_machine(whole: Whole, broken: Broken) -> None:
    """Neither the demo, nor its pages, nor Prefect's server connects, asks a name server or listens to others."""
    for demo, runs in ((whole.demo, 2), (broken.demo, 3)):
        processes = [line for line in demo.log if line.startswith("process: ")]
        assert sum("flows.cli demo" in line for line in processes) == runs
        assert sum("prefect.server.api.server" in line for line in processes) == runs
        assert [line for line in demo.log if not line.startswith("process: ")] == []


TRIES = {
    "connect": "socket.create_connection(('192.0.2.1', 80), timeout=1)",
    "look up": "socket.getaddrinfo('example.org', 443)",
    "look up the old way": "socket.gethostbyname('example.org')",
    "send a datagram": "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
    "listen to others": "socket.socket().bind(('0.0.0.0', 0))",
    "fetch": "urllib.request.urlopen('http://192.0.2.1/', timeout=1)",
    "from a child": "subprocess.run([sys.executable, '-c', 'import socket; socket.create_connection((\"192.0.2.1\", 80))'])",
}


@pytest.mark.parametrize("how", TRIES)
def test_whoever_tries_to_leave_is_caught(tmp_path: Path, how: str) -> None:
    """The control of the test before: each way out is refused and noted; the ways within the machine are open."""
    demo = Demo(tmp_path)
    inside = "a = socket.create_server(('127.0.0.1', 0)); socket.create_connection(a.getsockname()).close()"
    code = f"import socket, subprocess, sys, urllib.request; {inside}; print('inside', flush=True); {TRIES[how]}"
    done = subprocess.run(
        [sys.executable, "-c", code], env=demo.environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "inside\n"
    assert "this process must stay on this machine" in done.stderr
    tried = [line for line in demo.log if line.startswith("tried: ")]
    assert len(tried) == 1
    assert any(name in tried[0] for name in ("192.0.2.1", "example.org", "0.0.0.0"))
