"""trials.connectors.formats: the same rows from every format, and what each of them must not be guessed at."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.template import TEMPLATE
from trials.connectors.connector import Limits
from trials.connectors.formats import FORMATS, SUFFIXES, Table, read_table
from trials.connectors.formats.cells import text_of
from trials.connectors.formats.table import LIMITS
from trials.protocol import Protocol, from_yaml
from trials.records import RAGGED

PLAN = from_yaml(TEMPLATE)
NAMES = ("participant_id", "arm", "enrolled_on", "entry_order", "reoffended", "score", "note")
MIDNIGHT = datetime(2024, 3, 1)  # noqa: DTZ001 - workbooks and many Parquet files know no zones
NOTES = ("", "café, 5", 'says "yes"', "01", "a;b\tc", "two\nlines")
VALUES: list[tuple[Any, ...]] = [
    (
        *(f"A-{place:04d}", "control" if place % 2 else "treatment", date(2024, 1, place)),
        *(place, place % 2, None if place == 7 else place / 4, NOTES[place % len(NOTES)]),
    )
    for place in range(1, 21)
]
TEXTS = [tuple(text_of(value) for value in row) for row in VALUES]


def separated(delimiter: str) -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows([NAMES, *TEXTS])
    return out.getvalue().encode()


def entries() -> list[dict[str, Any]]:
    return [{name: str(v) if isinstance(v, date) else v for name, v in zip(NAMES, row, strict=True)} for row in VALUES]


def workbook(sheets: dict[str, Sequence[Sequence[Any]]], change: Callable[[Any], None] | None = None) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    if change is not None:
        change(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def parquet(columns: dict[str, Any], **how: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, **how)
    return out.getvalue()


def of_each_format() -> dict[str, bytes]:
    comma = separated(",")
    files = {
        "a.csv": comma,
        "a.tsv": separated("\t"),
        "a.tab": separated("\t"),
        "a.json": json.dumps(entries(), indent=1).encode(),
        "a.ndjson": "".join(json.dumps(one) + "\n" for one in entries()).encode(),
        "a.jsonl": "".join(json.dumps(one, ensure_ascii=False) + "\r\n" for one in entries()).encode(),
        "a.parquet": parquet(
            {name: list(column) for name, column in zip(NAMES, zip(*VALUES, strict=True), strict=True)}
        ),
        "a.xlsx": workbook({"March": [NAMES, *VALUES]}),
    }
    files["two-members.csv.gz"] = gzip.compress(comma[:500]) + gzip.compress(comma[500:])
    return files | {f"{name}.gz": gzip.compress(data) for name, data in files.items() if not name.endswith(".gz")}


def read(data: bytes, name: str, plan: Protocol = PLAN, limits: Limits = LIMITS) -> Table:
    return read_table(data, name, plan, limits)


def cells(data: bytes, name: str) -> list[list[str]]:
    """The rows of a file that must be readable."""
    table = read(data, name)
    assert table.problem is None
    return [list(row.cells.values()) for row in table.rows]


def refusal(data: bytes, name: str, plan: Protocol = PLAN, limits: Limits = LIMITS) -> str:
    """The sentence that refuses a file: one line, and no row beside it."""
    table = read(data, name, plan, limits)
    assert (table.rows, table.columns) == ((), ())
    assert table.problem is not None
    assert "\n" not in table.problem
    return table.problem


@pytest.mark.parametrize("name", sorted(of_each_format()))
def test_the_same_rows_from_every_format(name: str) -> None:
    """Twenty rows of text, dates, numbers and blanks are equal whatever the format they came in."""
    table = read(of_each_format()[name], name)
    assert (table.problem, table.columns, table.repairs, table.unfinished) == (None, NAMES, (), False)
    assert table.rows == read(of_each_format()["a.csv"], "a.csv").rows
    assert [tuple(row.cells.values()) for row in table.rows] == TEXTS
    assert [row.row_no for row in table.rows] == list(range(1, 21))


def test_every_format_has_a_file_in_the_law_above() -> None:
    """A new format is tried by the law of the same rows, under each of its suffixes."""
    assert {f".{name.rpartition('.')[2]}" for name in of_each_format() if not name.endswith(".gz")} == set(SUFFIXES)
    assert len({one.noun for one in FORMATS}) == len(FORMATS)


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_bytes_of_another_format_are_refused(suffix: str) -> None:
    """A file whose bytes are not those of its name is refused in one sentence: an Excel file called .csv."""
    for name, data in of_each_format().items():
        table = read(data, f"a{suffix}")
        same = name.endswith(suffix) or {suffix, f".{name.rpartition('.')[2]}"} in (
            {".tsv", ".tab"},
            {".ndjson", ".jsonl"},
        )
        assert (table.problem is None) == same, name
    assert "an Excel workbook" in refusal(of_each_format()["a.xlsx"], "a.csv")


class Trickle(io.BytesIO):
    """A stream that gives few bytes at a time, as sockets do."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(7)


@pytest.mark.parametrize("name", sorted(of_each_format()))
def test_a_stream_is_read_like_its_bytes(name: str) -> None:
    """It makes no difference whether a file is given as bytes or as a stream, nor how little that gives at a time."""
    data = of_each_format()[name]
    assert read_table(Trickle(data), name, PLAN) == read(data, name)


@pytest.mark.parametrize("name", sorted(of_each_format()))
def test_a_truncated_file_is_refused_or_unfinished(name: str) -> None:
    """However a file is cut, it is never taken for whole: it is refused, or its last record is marked as unfinished, or what
    is missing are whole lines, which nobody can see."""
    data = of_each_format()[name]
    lines = name.removesuffix(".gz").endswith((".csv", ".tsv", ".tab", ".ndjson", ".jsonl"))
    for cut in range(len(data) - 1, 0, -max(1, len(data) // 150)):
        table = read(data[:cut], name)
        if name == "two-members.csv.gz" and table.problem is None:
            assert data[cut:].startswith(b"\x1f\x8b")
        elif not lines or name.endswith(".gz"):
            assert any(word in str(table.problem) for word in ("truncated", "incomplete", "footer", "empty")), cut
        elif table.problem is None:
            assert table.unfinished or data[:cut].endswith((b"\n", b"\r")) or not table.rows


@settings(max_examples=40, deadline=None)
@given(
    content=st.binary(max_size=300)
    | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.tuples(st.sampled_from(sorted(of_each_format().values())), st.integers(0, 10_000), st.binary(max_size=9)).map(
        lambda made: made[0][: made[1] % len(made[0])] + made[2] + made[0][made[1] % len(made[0]) + len(made[2]) :]
    )
)
def test_no_bytes_raise(content: bytes) -> None:
    """Under every suffix, whatever the bytes: a table, or one sentence and no rows."""
    for suffix in (*SUFFIXES, ".csv.gz", ".parquet.gz", ".xlsx.gz", ".xls", ".txt", ""):
        table = read(content, f"a{suffix}")
        assert table.problem is None or (table.rows == () and "\n" not in table.problem)
        assert all(len(row.cells) == len(table.columns) or RAGGED in row.cells for row in table.rows)


SECRET = "Zbigniew"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv", f'participant_id,arm\n"{SECRET}"x,control\n'.encode()),
        ("a.csv", f'participant_id,arm\n"{SECRET},control\n'.encode()),
        ("a.csv", f"participant_id,arm\n{SECRET}\xe9,control\n".encode("latin-1")),
        ("a.json", f'[{{"participant_id": "{SECRET}"}}, {{"participant_id": "{SECRET}'.encode()),
        ("a.json", f'[{{"participant_id": "{SECRET}"}}, "{SECRET}"]'.encode()),
        ("a.json", f'[{{"participant_id": "{SECRET}\\ud800"}}]'.encode()),
        ("a.json", f'[{{"participant_id": "{SECRET}\\u0000"}}]'.encode()),
        ("a.ndjson", f'{{"participant_id": "{SECRET}"}} {SECRET}\n'.encode()),
        ("a.parquet", parquet({"participant_id": [f"{SECRET}\xe9".encode("latin-1")]})),
        ("a.xlsx", workbook({"A": [["participant_id"], [f"={SECRET}()"]]})),
        ("a.xlsx", workbook({"A": [["participant_id"], [SECRET]], "B": [["x"], [SECRET]]})),
    ],
)
def test_no_cell_is_in_a_problem(name: str, data: bytes) -> None:
    """What refuses a file names columns, rows and rules, and nothing of what stands in a cell."""
    assert SECRET not in refusal(data, name)


# JSON


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("null", ""),
        ("true", "true"),
        ("68.0", "68"),
        ("1e2", "100"),
        ("9.40", "9.40"),
        ("-0.0", "0"),
        ("1E400", "1E400"),
        ("1e-400", "1e-400"),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("1" * 5_000, "1" * 5_000),
        ("12345678901234567890.0", "12345678901234567890.0"),
        ('"1.0"', "1.0"),
        ('" 7 "', " 7 "),
        ('["2024-01-01", 1.50]', '["2024-01-01", 1.50]'),
        ('{"a": 1, "a": 2}', '{"a": 1, "a": 2}'),
    ],
)
def test_json_values_as_text(written: str, text: str) -> None:
    """A JSON number stays as it was written, a whole one without its fraction; lists and objects stay JSON."""
    assert cells(f'[{{"x": {written}}}]'.encode(), "a.json") == [[text]]
    assert cells(f'{{"x": {written}}}\n'.encode(), "a.ndjson") == [[text]]


def test_json_columns_are_the_keys_in_order_of_appearance() -> None:
    """A key that an entry lacks is a blank cell, before it first appears too."""
    table = read(b'\xef\xbb\xbf[{"a": 1}, {"b": 2, "a": 3},\n {"c": "4"}]\n', "a.json")
    assert table.columns == ("a", "b", "c")
    assert [tuple(row.cells.values()) for row in table.rows] == [("1", "", ""), ("3", "2", ""), ("", "", "4")]
    assert table.repairs == ("removed a byte-order mark (BOM)",)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"a": 1}', "the document is an object, must be a JSON array"),
        (b"a,b\n1,2\n", "the document is no JSON"),
        (b'[{"a": 1}, 2]', "entry 2 is no object"),
        (b'[{"a": 1}, {"b": 1, "b": 2}]', "entry 2 has the key 'b' twice"),
        (b'[{"a": 1},]', "entry 2 is not valid JSON"),
        (b'[{"a": 1} {"a": 2}]', "not valid JSON"),
        (b'[{"a": 1}] [', "goes on after its array"),
        (b'[{"a": 1}, {"a": 2}', "truncated or incomplete"),
        (b'[{"a": 1}, {"a"', "truncated or incomplete"),
        (b'[{"a": 1},', "truncated or incomplete"),
        (b"[", "truncated or incomplete"),
        (b"[]", "empty"),
        (b'[{"": 1}]', "no entry names a column"),
        (b'[{"a": 1, "": 1}]', "column 2 has no name"),
        (b'[{"a": ' + b"[" * 100_000, "nested too deeply"),
        (b'[{"a": ' + b'{"a":' * 100_000, "nested too deeply"),
        (b'[{"a": "' + b"x" * 1_100_000 + b'"}]', "has more than 1 MB"),
        ('[{"a": 1}]'.encode("utf-16"), "UTF-16"),
    ],
)
def test_uncertain_json_is_refused(data: bytes, words: str) -> None:
    """A document that is not one whole array of flat objects is refused with what is wrong."""
    assert words in refusal(data, "a.json")


def test_ndjson_lines() -> None:
    """Blank lines are passed over and reported; a last line without an end is read if it is whole, and marked."""
    table = read(b'{"a": 1}\n\n{"a": 2}', "a.ndjson")
    assert [row.cells["a"] for row in table.rows] == ["1", "2"]
    assert (table.repairs, table.unfinished) == (("passed over 1 blank line",), True)
    assert "truncated or incomplete" in refusal(b'{"a": 1}\n{"a": 2', "a.ndjson")
    assert "entry 1 is not valid JSON, must be one object in one line." in refusal(b'{"a": 1\n}\n', "a.ndjson")


def test_a_long_document_is_read_in_pieces_like_a_short_one() -> None:
    """Entries on the borders of what is read at a time are neither lost nor doubled."""
    data = json.dumps([{"n": n, "text": "é" * (n % 50)} for n in range(40_000)], ensure_ascii=False).encode()
    found = cells(data, "a.json")
    assert found == [[str(n), "é" * (n % 50)] for n in range(40_000)]


# Excel


def test_excel_dates_times_numbers_and_errors() -> None:
    """Real dates are ISO dates, a time of day stays, a number in a column of dates stays a number, an error its own text."""
    values = [
        date(2024, 3, 1),
        MIDNIGHT,
        MIDNIGHT.replace(hour=9, minute=30),
        time(9, 30),
        45000,
        45000.0,
        9.4,
        True,
    ]
    values += ["01/03/2024", "#N/A", timedelta(hours=30)]
    found = cells(workbook({"A": [["x"], *([value] for value in values)]}), "a.xlsx")
    texts = ["2024-03-01", "2024-03-01", "2024-03-01T09:30:00", "09:30:00", "45000", "45000", "9.4", "true"]
    assert [row[0] for row in found] == [*texts, "01/03/2024", "#N/A", "1 day, 6:00:00"]


def test_excel_days_are_counted_from_the_workbooks_own_day() -> None:
    """A workbook that counts from 1904, as old Macs did, gives the same dates."""

    def old_mac(book: Any) -> None:
        book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904

    assert cells(workbook({"A": [["x"], [date(2024, 3, 1)]]}, old_mac), "a.xlsx") == [["2024-03-01"]]


def test_excel_cells_lie_where_they_are() -> None:
    """A blank cell doesn't shift the next; blank rows are passed over; a cell beyond the header sets its row aside."""
    rows = [["a", "b", "c"], [None, None, 3], [], [1, None, None, "beyond"], ["x", "y", "z"]]
    table = read(workbook({"A": rows, "Empty": []}), "a.xlsx")
    assert [row.cells for row in table.rows] == [
        {"a": "", "b": "", "c": "3"},
        {RAGGED: "1,,,beyond"},
        {"a": "x", "b": "y", "c": "z"},
    ]
    assert table.repairs == ("passed over 1 blank line",)


def test_excel_takes_the_one_sheet_with_data_or_the_one_that_is_named() -> None:
    """Two sheets with data are refused by name, hidden or not; source.options names one."""
    data = workbook(
        {"March": [["a"], [1]], "April": [["a"], [2]]}, lambda book: setattr(book["April"], "sheet_state", "hidden")
    )
    assert "'March', 'April'" in refusal(data, "a.xlsx")
    assert "empty" in refusal(workbook({"March": []}), "a.xlsx")

    def naming(sheet: str) -> Protocol:
        return PLAN.model_copy(update={"source": PLAN.source.model_copy(update={"options": {"sheet": sheet}})})

    assert read(data, "a.xlsx", naming("April")).rows[0].cells == {"a": "2"}
    assert "no sheet 'May'" in refusal(data, "a.xlsx", naming("May"))


def test_excel_formulas_titles_and_other_workbooks_are_refused() -> None:
    """A formula that was never worked out, a merged title and workbooks of other kinds are refused with what to do."""
    problem = refusal(workbook({"A": [["id", "x"], ["A-1", "=1+1"]]}), "a.xlsx")
    assert "sheet row 2, column 'x' is a formula without a stored result" in problem
    title = workbook({"A": [["Site return"], ["id", "x"]]}, lambda book: book["A"].merge_cells("A1:B1"))
    assert read(title, "a.xlsx").columns == ("Site return",)
    assert RAGGED in read(title, "a.xlsx").rows[0].cells
    locked = b"\xd0\xcf\x11\xe0" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le")
    assert "protected by a password" in refusal(locked, "a.xlsx")
    assert "an old Excel workbook" in refusal(b"\xd0\xcf\x11\xe0" + b"\0" * 600, "a.xls")


# Parquet


def test_parquet_values_as_text() -> None:
    """Every type of column becomes text that loses nothing and guesses nothing."""
    zone = pa.timestamp("us", tz="Europe/London")
    columns = {
        "day": (pa.array([date(2024, 7, 1), None]), ["2024-07-01", ""]),
        "midnight": (pa.array([MIDNIGHT, None], pa.timestamp("ns")), ["2024-03-01", ""]),
        "nanosecond": (
            pa.array([1, 1_500_000_000], pa.timestamp("ns")),
            ["1970-01-01T00:00:00.000000001", "1970-01-01T00:00:01.5"],
        ),
        "zoned": (
            pa.array([datetime(2024, 6, 30, 23, tzinfo=UTC), datetime(2024, 7, 1, tzinfo=UTC)], zone),
            ["2024-07-01", "2024-07-01T01:00:00+01:00"],
        ),
        "far": (pa.array([2**40, 0], pa.timestamp("s")), ["1099511627776000 / 1000 s since 1970", "1970-01-01"]),
        "whole": (pa.array([68.0, None]), ["68", ""]),
        "short": (pa.array([0.1, None], pa.float32()), ["0.1", ""]),
        "odd": (pa.array([float("nan"), float("-inf")]), ["NaN", "-Infinity"]),
        "exact": (pa.array([Decimal("9.40"), Decimal("68.00")]), ["9.40", "68"]),
        "flag": (pa.array([True, None]), ["true", ""]),
        "kind": (pa.array(["control", None]).dictionary_encode(), ["control", ""]),
        "bytes": (pa.array([b"A-1", None]), ["A-1", ""]),
        "list": (pa.array([["a", "b"], None]), ['["a", "b"]', ""]),
        "struct": (pa.array([{"k": 1.0}, None]), ['{"k": 1}', ""]),
        "nothing": (pa.nulls(2), ["", ""]),
    }
    data = parquet({name: array for name, (array, _) in columns.items()})
    table = read(data, "a.parquet")
    assert table.problem is None
    assert {name: [row.cells[name] for row in table.rows] for name in columns} == {
        k: texts for k, (_, texts) in columns.items()
    }


def test_parquet_of_many_batches_keeps_its_order() -> None:
    """A file of several row groups, more rows than are read at a time, is whole and in order."""
    ids = [f"A-{n:06d}" for n in range(300_000)]
    table = read(parquet({"id": ids, "arm": ["control"] * len(ids)}, row_group_size=70_000), "a.parquet")
    assert table.problem is None
    assert [row.cells["id"] for row in table.rows[::9_999]] == ids[::9_999]
    assert len(table.rows) == len(ids)
