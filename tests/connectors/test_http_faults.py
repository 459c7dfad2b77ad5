"""trials.connectors.http: servers that are busy, wrong or hostile, and what is told of secrets."""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from tests.connectors.web_server import CSV, HUSH, NOW, ROWS, Desk, Reply, Server, as_json, serving
from trials.connectors import http
from trials.connectors.connector import Context, Limits
from trials.connectors.fetching import Patience
from trials.errors import SourceError


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


@pytest.fixture
def desk(tmp_path: Path, server: Server) -> Desk:
    return Desk(tmp_path, server.url)


def test_a_busy_server_is_asked_again(desk: Desk, server: Server) -> None:
    """Two failures, then an answer: the waits double, unless the server asks for longer."""
    server.in_turn(Reply(status=503), Reply(status=429, headers={"Retry-After": "7"}), as_json(ROWS))
    assert len(desk.rows()) == 7
    assert desk.waits == [1.0, 7.0]
    later = format_datetime(NOW + timedelta(seconds=30), usegmt=True)
    server.in_turn(
        Reply(status=502, headers={"Retry-After": later}),
        Reply(status=504, headers={"Retry-After": "?"}),
        as_json(ROWS),
    )
    assert len(desk.rows()) == 7
    assert desk.waits[2:] == [30.0, 2.0]


def test_a_server_that_stays_busy_is_left_alone(desk: Desk, server: Server) -> None:
    """After three attempts it fails; after one, where the server asks for more than a minute."""
    server.in_turn(Reply(status=503))
    with pytest.raises(SourceError, match=r"answered 503 \(tried 3 times\)"):
        desk.read()
    assert (len(server.asked), desk.waits) == (3, [1.0, 2.0])
    server.in_turn(Reply(status=429, headers={"Retry-After": "3600"}))
    with pytest.raises(SourceError, match="left alone for 3600 s"):
        desk.read()
    assert len(server.asked) == 4


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "must answer 200"),
        (401, "source.secret"),
        (403, "source.secret"),
        (404, "source.path"),
        (204, "204"),
        (500, "500"),
    ],
)
def test_a_refusal_is_not_asked_again(desk: Desk, server: Server, status: int, words: str) -> None:
    """What waiting won't mend fails at once, with what to look at."""
    server.in_turn(Reply(status=status))
    with pytest.raises(SourceError, match=words):
        desk.read()
    assert (len(server.asked), desk.waits) == (1, [])


def test_a_server_that_is_not_there_or_hangs_ends_in_time(desk: Desk, server: Server) -> None:
    """No connection and no answer are tried three times and then named; nothing waits for ever."""
    server.in_turn(Reply(hang=True))
    with pytest.raises(SourceError, match=r"did not answer within 0.05 s \(tried 3 times\)"):
        desk.read(timeout=0.05)
    with pytest.raises(SourceError, match="can't be reached"):
        desk.read(path="http://127.0.0.1:9/x")


def test_an_answer_that_drips_ends_in_time(desk: Desk, server: Server) -> None:
    """A body that comes and comes ends by the clock, although every single wait is short."""
    server.in_turn(as_json(ROWS))
    ticks = iter(range(0, 1_000_000, 20))
    patience = Patience(attempts=1, sleep=desk.waits.append, clock=lambda: float(next(ticks)))
    protocol = desk.plan(format="json")
    context = Context(desk.home, now=NOW, timeout=5.0)
    [found] = http.find(protocol.source, context)
    with pytest.raises(SourceError, match="did not answer within 5 s"):
        http.read(protocol, found, context, patience)


def test_a_body_that_is_cut_off_is_asked_for_again(desk: Desk, server: Server) -> None:
    """Fewer bytes than the server announced are a broken connection, never a shorter delivery."""
    body = json.dumps(ROWS).encode()
    server.in_turn(Reply(body[:-20], length=len(body)), Reply(body))
    assert len(desk.rows()) == 7
    assert desk.waits == [1.0]


def test_a_last_line_may_be_unfinished_where_no_length_is_told(desk: Desk, server: Server) -> None:
    """Without a length the end of the connection may be a cut, so the last record is marked; with one it isn't."""
    for length in (True, False):
        server.in_turn(Reply(CSV.rstrip(), type="text/csv", length=length))
        delivery = desk.read(format="csv")
        assert delivery is not None
        assert delivery.unfinished is not length


def test_a_gzip_bomb_is_refused_while_it_is_unpacked(desk: Desk, server: Server) -> None:
    """A packed body far above the limit ends early; so do damaged and truncated ones, and encodings nobody asked for."""
    packed = gzip.compress(b"[" + b" " * 30_000_000 + b"]")
    for body, encoding, words in (
        (packed, "gzip", "has more than 1 MB"),
        (packed[:-9], "gzip", "has more than 1 MB"),
        (gzip.compress(CSV)[:-9], "gzip", "truncated"),
        (CSV, "gzip", "damaged"),
        (CSV, "br", "content encoding br"),
        (packed, "gzip, gzip", "content encoding"),
    ):
        server.in_turn(Reply(body, headers={"Content-Encoding": encoding}))
        with pytest.raises(SourceError, match=words):
            desk.read(limits=Limits(unpacked_bytes=1_000_000))


@pytest.mark.parametrize(
    ("type", "body"),
    [
        ("text/html; charset=utf-8", b"<!DOCTYPE html>"),
        ("text/plain", b"\n <html>"),
        ("application/json", CSV),
        ("image/png", CSV),
    ],
)
def test_a_sign_in_page_is_no_data(desk: Desk, server: Server, type: str, body: bytes) -> None:
    """A page or another type than the plan's, with 200, is refused in so many words."""
    server.in_turn(Reply(body, type=type))
    with pytest.raises(SourceError, match=r"must be csv \(text/csv\). Is it a sign-in page\?"):
        desk.read(format="csv")


@pytest.mark.parametrize(
    "body", [b"[1, 2", b"\xff\xfe[", b'[{"a": 1, "a": 2}]', b"[1]", b"[" * 100_000, b"nope", b'[{"a": "\\ud800"}]']
)
def test_bad_json_is_a_problem_in_one_sentence(desk: Desk, server: Server, body: bytes) -> None:
    """What can't be read with certainty is a refused delivery with a hash, not a crash."""
    server.in_turn(Reply(body))
    delivery = desk.read()
    assert delivery is not None
    assert delivery.problem is not None
    assert "\n" not in delivery.problem
    assert delivery.content_sha256 == hashlib.sha256(body).hexdigest()
    assert not delivery.rows


def test_redirects_stay_on_the_server(desk: Desk, server: Server) -> None:
    """A redirect on the same server is followed with the secret; to another port, host or scheme it is refused, unasked."""
    server.answer = lambda asked: (
        as_json(ROWS) if asked.path == "/new" else Reply(status=302, headers={"Location": "/new"})
    )
    assert len(desk.rows(auth="bearer", secret="hospital")) == 7
    assert server.asked[1].headers["authorization"] == f"Bearer {HUSH}"
    with serving() as other:
        for target in (
            other.url,
            "https://127.0.0.1/x",
            "http://localhost/x",
            f"http://u:p@{server.url[7:]}",
            "ftp://127.0.0.1/",
        ):
            server.in_turn(Reply(status=307, headers={"Location": target}))
            with pytest.raises(SourceError, match="must stay on the same server") as caught:
                desk.read(auth="bearer", secret="hospital")
            assert "u:p" not in str(caught.value)
            server.in_turn(replace(as_json(ROWS), headers={"Link": f"<{target}>; rel=next"}))
            with pytest.raises(SourceError, match="must stay on the same server"):
                desk.read(auth="bearer", secret="hospital", paging="link")
        assert other.asked == []


def test_redirects_without_end_are_refused(desk: Desk, server: Server) -> None:
    """A server that sends us round in circles is left after five redirects."""
    server.in_turn(Reply(status=301, headers={"Location": server.url}))
    with pytest.raises(SourceError, match="redirects more than 5 times"):
        desk.read()
    assert len(server.asked) == 6


def test_the_secret_and_cursors_are_told_nobody(desk: Desk, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """Neither logs nor deliveries nor errors hold the secret, and no log holds an address with its query."""
    caplog.set_level(logging.DEBUG)
    cursor = "after-p003"
    server.in_turn(
        replace(as_json({"next": cursor, "rows": ROWS[:3]}), headers={"Set-Cookie": f"session={cursor}"}),
        as_json({"next": None, "rows": ROWS[3:]}),
        Reply(status=401, headers={"WWW-Authenticate": HUSH}),
    )
    asked = {"rows": "rows", "paging": {"kind": "cursor", "parameter": "c", "next": "next"}, "auth": "bearer"}
    delivery = desk.read(secret="hospital", **asked)
    assert server.asked[1].query == {"c": cursor}
    assert HUSH not in repr(delivery)
    with pytest.raises(SourceError) as caught:
        desk.read(secret="hospital", **asked)
    assert HUSH not in str(caught.value)
    said = "\n".join(f"{record.getMessage()} {record.args}" for record in caplog.records)
    assert HUSH not in said
    assert cursor not in said


def test_a_bomb_costs_little_memory_and_no_time(server: Server, desk: Desk) -> None:
    """What is refused is not unpacked to its end: far less than the bomb is held at any time."""
    server.in_turn(Reply(gzip.compress(b" " * 100_000_000, 1), headers={"Content-Encoding": "gzip"}))
    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match="has more than 1 MB"):
            desk.read(limits=Limits(unpacked_bytes=1_000_000))
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
