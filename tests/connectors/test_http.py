"""trials.connectors.http against a real server on this machine: what a good one sends, ETags, no rows, and plans."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.connectors.web_server import CSV, HUSH, NOW, ROWS, Asked, Desk, Reply, Server, as_json, serving
from trials.connectors import http
from trials.connectors.states import shown_before
from trials.errors import ProtocolError, SourceError
from trials.protocol import Source


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


@pytest.fixture
def desk(tmp_path: Path, server: Server) -> Desk:
    return Desk(tmp_path, server.url)


def test_csv_comes_as_it_was_sent(desk: Desk, server: Server) -> None:
    """One answer is one delivery: its cells, the hash of its bytes, and a name with the time."""
    delivery = desk.read(format="csv")
    assert delivery is not None
    assert [row.cells["well"] for row in delivery.rows] == ["0", "1"]
    assert delivery.content_sha256 == hashlib.sha256(CSV).hexdigest()
    assert (delivery.name, delivery.source) == ("outcomes 2024-06-03T08:00:00Z", f"http:{server.url}")
    assert delivery.sent_at == NOW
    assert shown_before(delivery.watermark).etag is None


def test_json_values_become_text_without_loss(desk: Desk, server: Server) -> None:
    """Numbers keep their digits, null and a missing key are blank, columns are the union of the objects' keys."""
    server.in_turn(
        Reply(b'{"data":{"items":[{"id":"01","x":1.0,"y":12345678901234567890},{"id":"02","y":null,"z":true}]}}')
    )
    assert desk.rows(rows="data.items") == [
        {"id": "01", "x": "1", "y": "12345678901234567890", "z": ""},
        {"id": "02", "x": "", "y": "", "z": "true"},
    ]


def test_a_key_with_a_dot_is_named_in_a_list(desk: Desk, server: Server) -> None:
    """A key path may be a list of keys, for keys that hold dots."""
    server.in_turn(as_json({"odata.value": ROWS}))
    assert len(desk.rows(rows=["odata.value"])) == 7


def test_ndjson_is_read_line_by_line(desk: Desk, server: Server) -> None:
    """One object a line."""
    server.in_turn(Reply(b'{"a":1}\n{"a":2}\n', type="application/x-ndjson"))
    assert desk.rows(format="ndjson") == [{"a": "1"}, {"a": "2"}]


def test_headers_parameters_and_secrets_are_sent(desk: Desk, server: Server) -> None:
    """What the plan names is sent with every request, the secret as the plan's auth says."""
    desk.read(
        format="csv", path=f"{server.url}?site=A%20B", params={"year": 2024, "all": True}, headers={"X-Site": "A"}
    )
    assert server.asked[0].query == {"site": "A B", "year": "2024", "all": "true"}
    assert server.asked[0].headers["x-site"] == "A"
    for auth, name, sent in (
        ("bearer", "authorization", f"Bearer {HUSH}"),
        ("header X-Api-Key", "x-api-key", HUSH),
    ):
        desk.read(format="csv", auth=auth, secret="hospital")
        assert server.asked[-1].headers[name] == sent


def test_basic_auth_takes_user_and_password_from_the_secret(desk: Desk) -> None:
    """The secret for basic is user:password; one without a colon is refused by its name."""
    assert http._credentials("hospital", "user:pass word", "basic") == ("Authorization", "Basic dXNlcjpwYXNzIHdvcmQ=")
    with pytest.raises(SourceError, match="'hospital' must be user:password") as caught:
        desk.read(format="csv", auth="basic", secret="hospital")
    assert HUSH not in str(caught.value)


@pytest.mark.parametrize("secret", [f"{HUSH}\n", f"{HUSH}é", f"a\r\nX: {HUSH}", ""])
def test_a_secret_that_is_no_header_is_refused_unseen(secret: str) -> None:
    """A line end or a letter that no header takes is refused before it is sent, and not shown."""
    with pytest.raises(SourceError, match="printable ASCII") as caught:
        http._credentials("hospital", secret, "bearer")
    assert HUSH not in str(caught.value)


def test_a_time_of_change_is_taken_where_it_is_sane(desk: Desk, server: Server) -> None:
    """Last-Modified says when it was sent, unless it lies ahead, or in the years of clocks that were never set."""
    for sent, expected in (
        (NOW - timedelta(hours=5), NOW - timedelta(hours=5)),
        (NOW + timedelta(hours=5), NOW),
        (datetime(1970, 1, 1, tzinfo=UTC), NOW),
        (None, NOW),
    ):
        text = "yesterday" if sent is None else format_datetime(sent, usegmt=True)
        server.in_turn(Reply(CSV, type="text/csv", headers={"Last-Modified": text}))
        delivery = desk.read(format="csv")
        assert delivery is not None
        assert delivery.sent_at == expected


def test_gzip_is_unpacked(desk: Desk, server: Server) -> None:
    """A packed answer gives the same delivery as a plain one."""
    plain = desk.read(format="csv")
    server.in_turn(Reply(gzip.compress(CSV), type="text/csv", headers={"Content-Encoding": "gzip"}))
    assert desk.read(format="csv") == plain
    assert server.asked[-1].headers["accept-encoding"] == "gzip"


def test_what_has_not_changed_is_not_sent_again(desk: Desk, server: Server) -> None:
    """The ETag travels in the watermark and comes back as If-None-Match; 304 is no delivery at all."""

    def answer(asked: Asked) -> Reply:
        same = asked.headers.get("if-none-match") == '"v1"'
        return Reply(status=304, type="") if same else Reply(CSV, type="text/csv", headers={"ETag": '"v1"'})

    server.answer = answer
    delivery = desk.read(format="csv")
    assert delivery is not None
    assert desk.read(format="csv", watermark=delivery.watermark) is None
    assert desk.read(format="csv", watermark="not ours") == delivery


def test_pages_have_no_etag(desk: Desk, server: Server) -> None:
    """The first page may stay the same while others change, so with paging no ETag is remembered or asked."""
    server.answer = lambda asked: replace(as_json(ROWS), headers={"ETag": '"v1"'})
    delivery = desk.read(paging="link", watermark='{"etag": "\\"v1\\""}')
    assert delivery is not None
    assert shown_before(delivery.watermark).etag is None
    assert desk.read(paging="link", watermark=delivery.watermark) is None
    assert "if-none-match" not in server.asked[0].headers


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("csv", b""),
        ("csv", b" \n"),
        ("csv", CSV.splitlines(keepends=True)[0]),
        ("json", b"[]"),
        ("json", b""),
        ("ndjson", b"\n"),
    ],
)
def test_200_with_no_rows_is_a_failure(desk: Desk, server: Server, form: str, body: bytes) -> None:
    """An answer without rows is never "no outcomes", with and without paging."""
    server.in_turn(Reply(body, type="text/plain"))
    for paging in ("none", {"kind": "page", "parameter": "page"}):
        with pytest.raises(SourceError, match="answered with no rows"):
            desk.read(format=form, paging=paging)


@pytest.mark.parametrize(
    "body", [b'{"error": "busy"}', b'{"data": null}', b'{"data": {}}', b'{"data": []}', b'"x"', b"[]"]
)
def test_an_answer_without_the_list_is_a_failure(desk: Desk, server: Server, body: bytes) -> None:
    """An error told with 200, or a list that isn't where the plan says, is no delivery."""
    server.in_turn(Reply(body))
    with pytest.raises(SourceError, match="answered with"):
        desk.read(rows="data" if b"data" not in body or b"null" in body else "data.items")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=300) | st.text(max_size=300).map(str.encode),
    form=st.sampled_from(["csv", "json", "ndjson"]),
)
def test_whatever_comes_is_a_delivery_or_one_sentence(desk: Desk, server: Server, body: bytes, form: str) -> None:
    """No body makes anything but a delivery (rows or a problem) or a SourceError in one line."""
    server.in_turn(Reply(body, type="text/plain"))
    said, delivery = "", None
    try:
        delivery = desk.read(format=form)
    except SourceError as error:
        said = str(error)
    assert (delivery is None) == (said != "")
    assert "\n" not in said
    assert delivery is None or (delivery.problem is None) == (len(delivery.rows) > 0)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"path": ""}, "source.path must be an address"),
        ({"path": "ftp://x/y"}, "source.path must be an address"),
        ({"path": "https://u:hush@x/y"}, "no user, password"),
        ({"path": "https://x/y?api_key=hush"}, "parameter api_key"),
        ({"path": "https://x/y?Token=hush"}, "parameter Token"),
        (
            {"path": "http://x/y", "secret": "s", "options": {"format": "csv", "auth": "bearer"}},
            "must begin with https",
        ),
        ({"options": {}}, "source.options.format is missing"),
        ({"options": {"formt": "csv"}}, "formt is not a known key. Did you mean 'format'?"),
        ({"options": {"format": "xml"}}, "format == 'xml', must be 'csv', 'json' or 'ndjson'"),
        ({"options": {"format": "csv", "rows": "a"}}, "rows is for format: json"),
        ({"options": {"format": "csv", "params": {"password": "hush"}}}, "password sounds like a secret"),
        ({"options": {"format": "csv", "headers": {"Authorization": "hush"}}}, "must be sent by auth"),
        ({"options": {"format": "csv", "headers": {"X-Api-Key": "hush"}}}, "must be sent by auth"),
        ({"options": {"format": "csv", "headers": {"Cookie": "hush"}}}, "must be sent by auth"),
        ({"options": {"format": "csv", "headers": {"Host": "x"}}}, "sent by Roadtest itself"),
        ({"options": {"format": "csv", "headers": {"X": "a\r\nY: hush"}}}, "printable ASCII"),
        ({"options": {"format": "csv", "headers": {"X": ["hush"]}}}, "headers.X: must be"),
        ({"options": {"format": "csv", "auth": "Bearer hush"}}, "auth: must be bearer, basic"),
        ({"options": {"format": "csv", "auth": "bearer"}}, "source.secret is missing"),
        ({"secret": "s"}, "source.options.auth is missing"),
        ({"options": {"format": "json", "paging": {"kind": "pages"}}}, "paging.kind == 'pages', must be"),
        ({"options": {"format": "json", "paging": {"kind": "page"}}}, "parameter is missing"),
        (
            {"options": {"format": "json", "paging": {"kind": "page", "paramter": "p"}}},
            "paging.paramter is not a known key. Did you mean 'parameter'?",
        ),
        (
            {"options": {"format": "json", "paging": {"kind": "page", "parameter": "p", "size": 5}}},
            "must stand together",
        ),
        ({"options": {"format": "json", "paging": {"kind": "cursor", "parameter": "p"}}}, "next is missing"),
        ({"options": {"format": "json", "paging": {"kind": "link", "first": 0}}}, "first means nothing"),
        (
            {"options": {"format": "csv", "paging": {"kind": "cursor", "next": "n"}}},
            "paging by cursor is for format: json",
        ),
    ],
)
def test_a_wrong_plan_is_refused_in_one_sentence(source: dict[str, Any], words: str) -> None:
    """Each rule of the options names its key; what may be a secret is not repeated."""
    given = {"connector": "http", "path": "https://x.example/y", "options": {"format": "csv"}, **source}
    with pytest.raises(ProtocolError) as caught:
        http.check(Source(**given))
    sentence = str(caught.value)
    assert words in sentence
    assert "hush" not in sentence
    assert "\n" not in sentence
