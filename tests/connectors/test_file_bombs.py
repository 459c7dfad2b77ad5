"""trials.connectors.formats: a small file that stands for a huge one is refused before it fills the memory."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).parents[2]
# A tenth of the usual limits, so that a tenth of the bytes does.
TENTH = 100_000
# What reading may take beside what the program takes anyway: the limit of 6 MB, and what Python makes of that.
ROOM_MB = 120

READ = """
import json, resource, sys
from flows.template import TEMPLATE
from trials.connectors.connector import Limits
from trials.connectors.formats import read_table
from trials.protocol import from_yaml
import openpyxl.reader.excel, pyarrow.parquet, pyarrow.compute

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000

plan, start, found = from_yaml(TEMPLATE), peak(), {}
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        table = read_table(file, path, plan, Limits(unpacked_bytes=6_000_000))
    found[path.rpartition("/")[2]] = [table.problem, peak() - start]
print(json.dumps(found))
"""


def zeros(size: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    pieces = [packer.compress(b"a,b\n" + b"1,2\n" * 1000) for _ in range(size // 4004)]
    return b"".join([*pieces, packer.flush()])


def parquet(column: pa.Array, **how: object) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"id": column}), out, compression="zstd", **how)
    return out.getvalue()


def of_one_text(size: int, count: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), pa.array(["x" * size]))


def workbook(sheet: bytes, words: bytes = b"", *, styles: bytes | None = None) -> bytes:
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    office = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    out = io.BytesIO()
    parts = {
        "[Content_Types].xml": (
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            f'<Override PartName="/xl/workbook.xml" ContentType="{office}.sheet.main+xml"/>'
            f'<Override PartName="/xl/sharedStrings.xml" ContentType="{office}.sharedStrings+xml"/></Types>'
        ).encode(),
        "xl/workbook.xml": (
            f'<workbook {main} xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
            '<sheets><sheet name="A" sheetId="1" r:id="r1"/></sheets></workbook>'
        ).encode(),
        "xl/_rels/workbook.xml.rels": (
            b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
            b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/s.xml"/>'
            b"</Relationships>"
        ),
        "xl/styles.xml": styles or f"<styleSheet {main}/>".encode(),
        "xl/sharedStrings.xml": f"<sst {main}>".encode() + words + b"</sst>",
        "xl/worksheets/s.xml": f"<worksheet {main}><sheetData>".encode() + sheet + b"</sheetData></worksheet>",
    }
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return out.getvalue()


HEADER = b'<row r="1"><c t="str"><v>id</v></c></row>'
BILLION = (
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><styleSheet>&b;</styleSheet>'
)

BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "lines.csv.gz": (lambda: zeros(1000 * TENTH), "more than 6 MB"),
    "one-line.csv.gz": (lambda: gzip.compress(b"x" * (400 * TENTH), 1), "a line has more than 1 MB"),
    "open-quote.csv.gz": (lambda: gzip.compress(b'a\n"' + b"x\n" * (100 * TENTH), 1), "a cell has more than 1 MB"),
    "short-rows.csv": (lambda: b"x," * 9_999 + b"y\n" + b"x\n" * (10 * TENTH), "stands twice"),
    "padded-rows.csv": (
        lambda: ",".join(map(str, range(9_999))).encode() + b"\n" + b"x\n" * (10 * TENTH),
        "more than 6 MB",
    ),
    "empty-lists.json": (lambda: b"[" + b"[]," * (16 * TENTH), "entry 1 is no object"),
    "empty-objects.json": (lambda: b"[" + b"{}," * (16 * TENTH) + b"{}]", "no entry names"),
    "one-entry.json": (lambda: b'[{"a":[' + b"[]," * (16 * TENTH), "more than 1 MB"),
    "many-keys.json": (
        lambda: json.dumps([{f"k{n}-{m}": 1 for m in range(20)} for n in range(9_000)]).encode(),
        "columns, must have at most",
    ),
    "sparse-keys.json": (
        lambda: json.dumps([{f"k{n % 9_000}": 1} for n in range(60_000)]).encode(),
        "more than 6 MB",
    ),
    "objects.ndjson.gz": (lambda: gzip.compress(b'{"a": 1}\n' * (60 * TENTH), 1), "more than 6 MB"),
    "dictionary.parquet": (lambda: parquet(of_one_text(900_000, 100_000)), "more than 6 MB"),
    "nulls.parquet": (lambda: parquet(pa.nulls(200 * TENTH, pa.int8())), "more than 6 MB"),
    "nested.parquet": (
        lambda: parquet(pa.ListArray.from_arrays(pa.array([0, 50_000], pa.int32()), of_one_text(100_000, 50_000))),
        "more than 6 MB",
    ),
    "zeros.xlsx": (lambda: workbook(b" " * (300 * TENTH)), "more than 6 MB"),
    "one-row.xlsx": (
        lambda: workbook(HEADER + b'<row r="2">' + b"<c/>" * (11 * TENTH) + b"</row>"),
        "columns are out of order",
    ),
    "one-cell.xlsx": (lambda: workbook(HEADER + b'<row r="2"><c>' + b"<v/>" * (11 * TENTH) + b"</c></row>"), "parts"),
    "far-row.xlsx": (
        lambda: workbook(HEADER + b'<row r="999999999999"><c><v>1</v></c></row>'),
        "rows are out of order",
    ),
    "far-cells.xlsx": (
        lambda: workbook(
            HEADER + b"".join(b'<row r="%d"><c r="XFD%d"><v>1</v></c></row>' % (n, n) for n in range(2, 60_000))
        ),
        "more than 6 MB",
    ),
    "one-text.xlsx": (
        lambda: workbook(
            HEADER + b'<row><c t="s"><v>0</v></c></row>' * 100_000, b"<si><t>" + b"x" * 30_000 + b"</t></si>"
        ),
        "more than 6 MB",
    ),
    "junk.xlsx": (lambda: workbook(b"<a/>" * (11 * TENTH)), "empty"),
    "entities.xlsx": (lambda: workbook(HEADER, styles=BILLION), "document type"),
    "styles.xlsx": (
        lambda: workbook(HEADER, styles=b"<styleSheet>" + b"<a/>" * (13 * TENTH) + b"</styleSheet>"),
        "plain table",
    ),
}


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str | None, float]]:
    """Per bomb, what it was refused with and by how many MB the program had grown by then."""
    folder = tmp_path_factory.mktemp("bombs")
    for name, (make, _) in BOMBS.items():
        (folder / name).write_bytes(make())
    paths = [str(folder / name) for name in BOMBS]
    done = subprocess.run([sys.executable, "-c", READ, *paths], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name: (problem, grown) for name, (problem, grown) in json.loads(done.stdout).items()}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_within_bounds(name: str, read: dict[str, tuple[str | None, float]]) -> None:
    """Each is refused in one sentence that says why, and the program grows by less than it would need to unpack it."""
    problem, grown = read[name]
    assert BOMBS[name][1] in str(problem)
    assert grown < ROOM_MB, f"grew by {grown:.0f} MB"
