"""trials.connectors.http: answers that come in pages, all of them or none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.web_server import ROWS, Asked, Desk, Reply, Server, as_json, in_pages, serving
from trials.connectors.connector import Limits
from trials.errors import SourceError


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


@pytest.fixture
def desk(tmp_path: Path, server: Server) -> Desk:
    return Desk(tmp_path, server.url)


def test_pages_by_link_header(desk: Desk, server: Server) -> None:
    """rel=next is followed until there is none, and all pages are one delivery with one hash."""

    def wrap(rows: list[Any], number: int) -> Reply:
        more = {"Link": f'<?page=1>; rel="first", </data/outcomes?page={number + 1}>; rel="last next"'}
        return replace(as_json(rows), headers=more if number < 3 else {})

    server.answer = in_pages(3, wrap)
    delivery = desk.read(paging={"kind": "link"})
    assert delivery is not None
    assert [row.cells["participant_id"] for row in delivery.rows] == [row["participant_id"] for row in ROWS]
    assert [row.row_no for row in delivery.rows] == list(range(1, 8))
    bodies = [json.dumps(ROWS[first : first + 3]).encode() for first in (0, 3, 6)]
    expected = hashlib.sha256(b"".join(b"%d:%s" % (len(body), body) for body in bodies)).hexdigest()
    assert delivery.content_sha256 == expected


@pytest.mark.parametrize("form", ["json", "csv", "ndjson"])
def test_pages_by_number(desk: Desk, server: Server, form: str) -> None:
    """Pages are counted until one has no rows, in every format; a short page is no end, as servers cap sizes themselves."""
    heads = {"csv": "participant_id,well\n", "ndjson": "", "json": ""}

    def wrap(rows: list[Any], number: int) -> Reply:
        if form == "json":
            return as_json(rows)
        lines = [json.dumps(row) if form == "ndjson" else f"{row['participant_id']},{row['well']}" for row in rows]
        return Reply((heads[form] + "\n".join(lines)).encode(), type="text/plain")

    server.answer = in_pages(3, wrap)
    found = desk.rows(format=form, paging={"kind": "page", "parameter": "page", "size_parameter": "n", "size": 100})
    assert found == [{name: str(value) for name, value in row.items()} for row in ROWS]
    assert [asked.query for asked in server.asked] == [{"page": str(page), "n": "100"} for page in (1, 2, 3, 4)]


def test_pages_by_cursor(desk: Desk, server: Server) -> None:
    """The value at the key path is sent as the parameter; null, blank or absent ends."""
    for end in ({"next": None}, {"next": ""}, {}):

        def answer(asked: Asked, end: dict[str, Any] = end) -> Reply:
            start = int(asked.query.get("after", "0"))
            more = {"next": start + 4} if start + 4 < len(ROWS) else end
            return as_json({"meta": more, "items": ROWS[start : start + 4]})

        server.answer = answer
        assert len(desk.rows(rows="items", paging={"kind": "cursor", "parameter": "after", "next": "meta.next"})) == 7


def test_a_cursor_without_parameter_is_an_address(desk: Desk, server: Server) -> None:
    """Where an answer holds the next page's address itself, it is followed."""
    server.in_turn(
        as_json({"next": f"{server.url}?page=2", "rows": ROWS[:4]}), as_json({"next": None, "rows": ROWS[4:]})
    )
    assert len(desk.rows(rows="rows", paging={"kind": "cursor", "next": "next"})) == 7


def test_a_failing_page_fails_all(desk: Desk, server: Server) -> None:
    """When a later page fails there is no delivery, not a shorter one."""
    server.answer = in_pages(3, lambda rows, number: Reply(status=500) if number == 2 else as_json(rows))
    with pytest.raises(SourceError, match="answered 500"):
        desk.read(paging={"kind": "page", "parameter": "page"})


def test_pages_that_never_end_are_refused(desk: Desk, server: Server) -> None:
    """The same page again, a cursor that leads back, and more pages than the plan allows."""
    by_page = {"kind": "page", "parameter": "page"}
    number = iter(range(1_000_000))
    server.answer = lambda asked: as_json({"at": next(number), "rows": ROWS})
    with pytest.raises(SourceError, match="sent the same page twice"):
        desk.read(rows="rows", paging=by_page)
    server.answer = lambda asked: as_json({"next": "again", "rows": [{"x": next(number)}]})
    with pytest.raises(SourceError, match="points back to a page"):
        desk.read(rows="rows", paging={"kind": "cursor", "parameter": "after", "next": "next"})
    server.answer = lambda asked: as_json([{"x": next(number)}])
    with pytest.raises(SourceError, match="after 5 pages"):
        desk.read(paging={**by_page, "max_pages": 5})


def test_pages_together_stay_within_the_limit(desk: Desk, server: Server) -> None:
    """Many small pages can't hold more than one answer may."""
    number = iter(range(1_000_000))
    server.answer = lambda asked: as_json([{"x": "y" * 3_000, "n": next(number)}])
    with pytest.raises(SourceError, match="all pages together"):
        desk.read(paging={"kind": "page", "parameter": "page"}, limits=Limits(unpacked_bytes=10_000))
    assert len(server.asked) == 4


def test_pages_that_the_plan_does_not_know_of_are_refused(desk: Desk, server: Server) -> None:
    """An answer that says that more follow is not taken for the whole."""
    server.in_turn(replace(as_json(ROWS), headers={"Link": "<?page=2>; rel=next"}))
    with pytest.raises(SourceError, match="Write paging: link"):
        desk.read()


def test_csv_pages_with_other_columns_are_a_problem(desk: Desk, server: Server) -> None:
    """Pages whose headers differ don't make one table."""
    server.in_turn(*(Reply(body, type="text/csv") for body in (b"a,b\n1,2\n", b"b,a\n3,4\n", b"a,b\n")))
    delivery = desk.read(format="csv", paging={"kind": "page", "parameter": "page"})
    assert delivery is not None
    assert "page 2 has other columns" in str(delivery.problem)
    assert not delivery.rows
