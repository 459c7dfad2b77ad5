"""What the soak reads of its processes and its database, and what it makes of it: lines, and what is wrong. For soak.py."""

from __future__ import annotations

import csv
import os
import sqlite3
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from scipy import stats

from trials.store import rounds
from trials.store.engine import Store

EVERY = 10.0  # seconds between two samples
PARTS, WARM_UP, CHANCE = 12, 0.25, 0.01
MB_A_DAY, GROWN, OFF_LINE = 50.0, 3.0, 0.10
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Sample:
    """One process at one time. seconds: since the soak began. deliveries: taken in until then."""

    seconds: float
    deliveries: int
    pid: int
    role: str
    rss_mb: float
    fds: int
    sockets: int
    threads: int


@dataclass(frozen=True)
class Bytes:
    """The database at one time; connections: to it, as it counts them itself (PostgreSQL) or as open files of it (SQLite)."""

    seconds: float
    deliveries: int
    database: int
    connections: int
    prefect: int


@dataclass
class Soak:
    """What is known so far."""

    began: float = field(default_factory=time.monotonic)
    deliveries: int = 0
    rounds: int = 0
    round_seconds: list[float] = field(default_factory=list)
    round_wrong: dict[int, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    bytes: list[Bytes] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began


# What a process is and has, from /proc.


def descendants(root: int) -> list[int]:
    """Every process below this one."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with suppress(OSError, ValueError):
                said = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
                children[int(said[1])].append(int(entry))
    return sorted(_below(children, root))


def _below(children: dict[int, list[int]], root: int) -> Iterator[int]:
    for child in children[root]:
        yield child
        yield from _below(children, child)


def role_of(pid: int) -> str:
    """What a process does, by how it was called; pages: gunicorn's master and its workers."""
    line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    known = {
        "flows.cli serve": "pages",
        "flows.prefect_server": "prefect server",
        "flows.beside": "beside",
        "flows.runner": "runner",
        "-m prefect": "round",
        "postgres": "postgres",
        "chrom": "browser",
    }
    return next((role for part, role in known.items() if part in line), "other")


def sample(pid: int, soak: Soak) -> tuple[Sample, int]:
    """One process now, and how many of its open files are the database's. Raises OSError when it is gone."""
    links = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with suppress(OSError):
            links.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
    rss = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 1e6
    threads = len(os.listdir(f"/proc/{pid}/task"))
    sockets = sum(link.startswith("socket:") for link in links)
    mine = sum(link.endswith("/roadtest.db") for link in links)
    return Sample(soak.seconds, soak.deliveries, pid, role_of(pid), rss, len(links), sockets, threads), mine


def read_rounds(soak: Soak, store: Store) -> None:
    """What the rounds say of themselves: how many, what they took in, how long they took, and which did not end well."""
    found = [one for one in rounds.listed(store, 1_000_000) if one.state != "running"]
    soak.rounds, soak.deliveries = len(found), sum(one.counts.deliveries for one in found)
    soak.round_seconds = [(one.ended_at - one.begun_at).total_seconds() for one in found if one.ended_at]
    soak.round_wrong = {
        one.id: f"round {one.id} ended as {one.state} with {one.counts.refused} deliveries refused: {one.error}"
        for one in found
        if one.state != "completed" or one.counts.refused
    }


def watch(soak: Soak, store: Store, size: Callable[[], tuple[int, int | None]], prefect: Path) -> None:
    """Samples everything every ten seconds until the soak is done."""
    while not soak.done.wait(EVERY - soak.seconds % EVERY):
        read_rounds(soak, store)
        handles = 0
        for pid in descendants(os.getpid()):
            with suppress(OSError):
                found, mine = sample(pid, soak)
                handles += mine
                if found.role not in ("browser", "postgres", "other"):
                    soak.samples.append(found)
        database, connections = size()
        theirs = prefect.stat().st_size if prefect.exists() else 0
        of_db = handles if connections is None else connections
        soak.bytes.append(Bytes(soak.seconds, soak.deliveries, database, of_db, theirs))


def sqlite_size(path: Path) -> Callable[[], tuple[int, int | None]]:
    def size() -> tuple[int, int | None]:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30) as connection:
            pages, page = (connection.execute(f"PRAGMA {of}").fetchone()[0] for of in ("page_count", "page_size"))
        connection.close()
        return pages * page, None

    return size


def postgres_size(url: str) -> Callable[[], tuple[int, int | None]]:
    from trials.store.engine import open_store, reading

    store = open_store(url)

    def size() -> tuple[int, int | None]:
        with reading(store) as connection:
            found = connection.exec_driver_sql(
                "SELECT pg_database_size(current_database()), count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).one()
        return int(found[0]), int(found[1])

    return size


# What it came to.


@dataclass(frozen=True)
class Slope:
    """A line through the medians of parts: by how much it rises a second, by how much in all, and how likely by chance."""

    a_second: float
    in_all: float
    chance: float


def slope(points: Sequence[tuple[float, float]]) -> Slope:
    """points: (seconds, value), in order. Medians of PARTS parts, so that neighbours that are alike count as one."""
    size = len(points) / PARTS
    if size < 1:
        return Slope(0.0, 0.0, 1.0)
    parts = [points[int(size * part) : int(size * (part + 1))] for part in range(PARTS)]
    x = [statistics.fmean(one[0] for one in part) for part in parts]
    y = [statistics.median(one[1] for one in part) for part in parts]
    if max(y) == min(y):
        return Slope(0.0, 0.0, 1.0)
    fit = stats.linregress(x, y, alternative="greater")
    return Slope(float(fit.slope), float(fit.slope) * (x[-1] - x[0]), float(fit.pvalue))


def judged(soak: Soak, warm_up: float) -> list[str]:
    """Prints the tables; what is wrong, a sentence each."""
    start = warm_up * soak.seconds
    by_pid: dict[int, list[Sample]] = defaultdict(list)
    for one in soak.samples:
        if one.seconds >= start:
            by_pid[one.pid].append(one)
    wrong = []
    heads = (("process", 22), ("n", 6), ("MB", 8), ("MB/day", 9), ("p", 7), ("MB/1,000", 10), ("files", 7), ("+", 6))
    print("\n" + "".join(f"{name:>{width}}" for name, width in (*heads, ("sockets", 9), ("+", 6), ("threads", 9))))
    print(f"{'':>22}{'':>6}{'last':>8}{'':>9}{'':>7}{'deliveries':>10}")
    for pid, found in sorted(by_pid.items()):
        if found[-1].seconds - found[0].seconds < 0.5 * (soak.seconds - start):
            continue  # a process that lived shorter than half of it is not judged by its growth
        name = f"{found[-1].role} {pid}"
        memory = slope([(one.seconds, one.rss_mb) for one in found])
        files = slope([(one.seconds, one.fds) for one in found])
        sockets = slope([(one.seconds, one.sockets) for one in found])
        came = max(1, found[-1].deliveries - found[0].deliveries)
        print(
            f"{name:>22}{len(found):6}{found[-1].rss_mb:8.1f}{memory.a_second * 86_400:9.1f}{memory.chance:7.3f}"
            f"{memory.in_all / came * 1000:10.2f}{found[-1].fds:7}{files.in_all:6.1f}{found[-1].sockets:9}"
            f"{sockets.in_all:6.1f}{found[-1].threads:9}"
        )
        if memory.a_second * 86_400 > MB_A_DAY and memory.chance < CHANCE:
            wrong.append(f"{name}: its memory grows by {memory.a_second * 86_400:.0f} MB a day")
    return wrong + handles_judged(by_pid) + rounds_judged(by_pid) + database_judged(soak, start)


def handles_judged(by_pid: dict[int, list[Sample]]) -> list[str]:
    """Open files and sockets, of all processes of one kind together: viewers' connections go from one worker to another."""
    together: dict[tuple[str, float], list[Sample]] = defaultdict(list)
    for found in by_pid.values():
        for one in found:
            if one.role != "round":
                together[one.role, one.seconds // EVERY].append(one)
    wrong = []
    for role in sorted({role for role, _ in together}):
        turns = [(turn * EVERY, found) for (kind, turn), found in sorted(together.items()) if kind == role]
        for what, count in (("open files", "fds"), ("sockets", "sockets")):
            found = slope([(at, sum(getattr(one, count) for one in some)) for at, some in turns])
            if found.in_all >= GROWN and found.chance < CHANCE:
                wrong.append(f"{role}: its {what} grew by {found.in_all:.0f}")
    return wrong


def rounds_judged(by_pid: dict[int, list[Sample]]) -> list[str]:
    """Each round is a process of its own: the most memory that was seen of each, against its time."""
    each = [found for found in by_pid.values() if found[0].role == "round"]
    most = slope(sorted((found[0].seconds, max(one.rss_mb for one in found)) for found in each))
    if not each:
        return []
    print(
        f"\nthe most memory of a round ({len(each)} seen): {max(one.rss_mb for found in each for one in found):.1f} MB, "
        f"{most.a_second * 86_400:+.1f} MB a day (p = {most.chance:.3f})"
    )
    if most.a_second * 86_400 > MB_A_DAY and most.chance < CHANCE:
        return [f"the memory of a round grows by {most.a_second * 86_400:.0f} MB a day"]
    return []


def database_judged(soak: Soak, start: float) -> list[str]:
    found = [one for one in soak.bytes if one.seconds >= start]
    if len(found) < PARTS or found[-1].deliveries == found[0].deliveries:
        return ["too little came to judge the database by; give it more minutes or deliveries"]
    wrong = []
    deliveries, sizes = [one.deliveries for one in found], [one.database for one in found]
    fit = stats.linregress(deliveries, sizes)
    off = max(abs(y - fit.intercept - fit.slope * x) for x, y in zip(deliveries, sizes, strict=True))
    off /= max(1, sizes[-1] - sizes[0])
    theirs = (found[-1].prefect - found[0].prefect) / max(1, found[-1].deliveries - found[0].deliveries)
    print(
        f"\ndatabase: {sizes[-1] / 1e6:.1f} MB, {fit.slope / 1000:.1f} kB a delivery, at most {off:.1%} of its growth off a "
        f"line; Prefect's: {found[-1].prefect / 1e6:.1f} MB, {theirs / 1000:.1f} kB a delivery"
    )
    connections = slope([(one.seconds, one.connections) for one in found])
    print(f"connections: {found[-1].connections}, {connections.in_all:+.1f} (p = {connections.chance:.3f})")
    if off > OFF_LINE:
        wrong.append(f"the database's size is {off:.0%} of its growth off a line")
    if connections.in_all >= GROWN and connections.chance < CHANCE:
        wrong.append(f"the database's connections grew by {connections.in_all:.0f}")
    return wrong


def written(soak: Soak, path: Path) -> None:
    """The samples as CSV; the database's beside them in a file of its own."""
    for rows, place in ((soak.samples, path), (soak.bytes, path.with_name(f"{path.stem}-database{path.suffix}"))):
        with place.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(rows[0].__dataclass_fields__ if rows else [])
            writer.writerows([getattr(one, name) for name in one.__dataclass_fields__] for one in rows)
