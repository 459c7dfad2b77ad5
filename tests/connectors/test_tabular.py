"""trials.connectors.tabular: strict reading of CSV bytes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from trials.connectors.connector import Limits
from trials.connectors.tabular import RAGGED, parse_csv, shorten, to_delivery
from trials.protocol import Protocol, from_content
from trials.records import Rows

LIMITS = Limits()
CLEAN = b"participant_id,arm,entry_order,reoffended\nA-1,control,1,0\nA-2,treatment,2,1\n"


def plan(**columns: str) -> Protocol:
    return from_content(
        {
            "trial": "a-trial",
            "question": "Does it help?",
            "owner": "Owner",
            "arms": [{"id": "control", "role": "control"}, {"id": "treatment"}],
            "primary": {
                "measure": "reoffended",
                "kind": "binary",
                "better": "lower",
                "baseline": 0.3,
                "worthwhile": 0.1,
            },
            "monitoring": {"max_participants": 100},
            "order_by": ["entry_order"],
            "source": {"connector": "folder", "path": "in", "columns": columns},
        }
    )


def test_clean_file_is_read_as_sent() -> None:
    """A clean file gives its columns and rows, numbered from 1, with nothing repaired."""
    table = parse_csv(CLEAN, plan())
    assert table.problem is None
    assert table.repairs == ()
    assert table.columns == ("participant_id", "arm", "entry_order", "reoffended")
    assert [row.row_no for row in table.rows] == [1, 2]
    assert table.rows[1].cells == {
        "participant_id": "A-2",
        "arm": "treatment",
        "entry_order": "2",
        "reoffended": "1",
    }


def test_cells_keep_their_blanks() -> None:
    """White space in a cell is left for the checks to judge; around a column's name it is dropped."""
    table = parse_csv(b" participant_id ,arm\n A-1 ,\xc2\xa0control\n", plan())
    assert table.columns == ("participant_id", "arm")
    assert table.rows[0].cells == {"participant_id": " A-1 ", "arm": "\u00a0control"}


def test_lossless_repairs_are_reported() -> None:
    """A byte-order mark, CRLF, blank lines and a missing last line end lose nothing and are reported."""
    data = b"\xef\xbb\xbf" + CLEAN.replace(b"\n", b"\r\n").replace(b"0\r\n", b"0\r\n\r\n").rstrip()
    table = parse_csv(data, plan())
    assert [row.cells["participant_id"] for row in table.rows] == ["A-1", "A-2"]
    assert [word for word in ("BOM", "CRLF", "blank line", "no line end") if word in " ".join(table.repairs)] == [
        "BOM",
        "CRLF",
        "blank line",
        "no line end",
    ]


def test_quoted_cells_hold_commas_and_line_ends() -> None:
    """A quoted cell may hold a comma, a quote or a line end."""
    table = parse_csv(b'participant_id,note\nA-1,"a, ""b""\nc"\n', plan())
    assert table.rows[0].cells["note"] == 'a, "b"\nc'


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b" \r\n\n", "empty"),
        (CLEAN.replace(b",", b";"), "semicolons"),
        (CLEAN.replace(b",", b"\t"), "tabs"),
        (CLEAN.decode().encode("utf-16"), "UTF-16"),
        (CLEAN.decode().encode("utf-16-le"), "NUL"),
        ("participant_id,arm\nJosé,control\n".encode("latin-1"), "not UTF-8 (line 2)"),
        (b"PK\x03\x04rest", "Excel"),
        (b"participant_id,arm,arm\nA-1,control,control\n", "'arm' stands twice"),
        (b"Site return,March,,\n,,,\nparticipant_id,arm,entry_order,x\n", "column 3 has no name"),
        (b",,,\n1,2,3,4\n", "header is blank"),
        (b'participant_id,arm\nA-1,"control\n', "CSV"),
        (b'participant_id,arm\nA-1,"con"trol\n', "CSV"),
        (b'participant_id,arm\nA-1,"control\n', "truncated or incomplete"),
        (b"participant_id,arm\nA-1,caf\xc3", "truncated"),
        (b"participant_id,__ragged__\nA-1,x\n", "Roadtest uses itself"),
        (b"<!DOCTYPE html><html><body>Please log in</body></html>", "a web page"),
        (b'[{"participant_id": "A-1"}]', "the file is JSON"),
        (b"\x1f\x8b\x08\x00", "a gzip archive"),
        (
            b"participant_id,arm\nA-1," + b"x" * LIMITS.line_bytes + b"\n",
            "a line has more than 1 MB, must have at most",
        ),
        (b'participant_id,arm\nA-1,"' + b"x\n" * LIMITS.line_bytes, "a cell has more than 1 MB"),
        (b",".join(b"c%d" % place for place in range(20_000)) + b"\n", "20,000 columns, must have at most"),
    ],
)
def test_uncertain_file_is_a_problem(data: bytes, words: str) -> None:
    """A file that can't be read with certainty gives one sentence and no rows."""
    table = parse_csv(data, plan())
    assert table.rows == ()
    assert table.problem is not None
    assert words in table.problem


def test_ragged_row_is_handed_on() -> None:
    """A row with too few or too many fields is kept as it was sent, under one key, never padded or shifted."""
    table = parse_csv(b'participant_id,arm\nA-1\nA-2,control\nA-3,"x,y",z\n', plan())
    assert [row.cells for row in table.rows] == [
        {RAGGED: "A-1"},
        {"participant_id": "A-2", "arm": "control"},
        {RAGGED: 'A-3,"x,y",z'},
    ]


def test_a_file_above_the_limit_is_a_problem() -> None:
    """A file of one byte more than the limit is refused with the limit in MB; one of just that size is read."""
    data = b"participant_id\n" + b"x\n" * 500_000
    small = parse_csv(data, plan(), Limits(unpacked_bytes=len(data) - 1))
    assert (small.rows, small.problem) == (
        (),
        "unpacked the file has more than 1.00001 MB, must have at most that. Send it in parts.",
    )
    assert len(parse_csv(data, plan(), Limits(unpacked_bytes=len(data))).rows) == 500_000


def test_a_cell_below_the_limit_of_a_line_is_read() -> None:
    """A cell of half a megabyte is within the limits, although it is above what the csv module takes by itself."""
    table = parse_csv(b"participant_id,note\nA-1," + b"x" * 500_000 + b"\n", plan())
    assert (table.problem, len(table.rows[0].cells["note"])) == (None, 500_000)


def test_lines_are_numbered_and_split_alike_wherever_the_bytes_are_cut() -> None:
    """A CRLF, a quoted cell or a letter of two bytes on the border of two pieces is read as anywhere else."""
    row = 'A-1,"é\r\n, ""x""",control\r\n'.encode()
    for shift in range(len(row) + 1):
        data = b"id,note,arm" + b" " * shift + b"\r\n" + row * 20_000
        table = parse_csv(data, plan())
        assert isinstance(table.rows, Rows)
        assert set(table.rows.column("note")) == {'é\r\n, "x"'}
        assert len(table.rows) == 20_000
    broken = parse_csv(b"id,arm\n" + b"A-1,control\n" * 50_000 + b"A-1,caf\xe9\n", plan())
    assert broken.problem is not None
    assert "line 50002" in broken.problem


def test_columns_are_mapped_to_our_names() -> None:
    """source.columns renames their columns to ours; their column that bears our name is not taken for it."""
    table = parse_csv(b"id,participant_id,group\nA-1,9,control\n", plan(participant_id="id", arm="group"))
    assert table.columns == ("participant_id", "participant_id (not mapped)", "arm")
    assert table.rows[0].cells["participant_id"] == "A-1"


def test_delivery_carries_the_hash_of_its_bytes() -> None:
    """A delivery's hash is of the bytes, so the same file again is known whatever it is called."""
    sent = datetime(2024, 3, 4, tzinfo=UTC)
    one = to_delivery(plan(), CLEAN, source="hand", name="a.csv", sent_at=sent)
    other = to_delivery(plan(), CLEAN, source="hand", name="b.csv", sent_at=sent)
    assert one.content_sha256 == other.content_sha256
    assert (one.trial, one.source, one.name, one.sent_at) == ("a-trial", "hand", "a.csv", sent)


def test_shortened_text_is_printable() -> None:
    """Text for a sentence is cut to its length and shows control characters instead of sending them."""
    assert shorten("a\x1b[1m\n") == "a\\x1b[1m\\x0a"
    assert len(shorten("x" * 500)) == 60
