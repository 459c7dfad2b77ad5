"""The server around the pages: headers, health, live tokens, callbacks."""

from __future__ import annotations

import gzip
import re
import socket
import urllib.request
from pathlib import Path
from typing import IO, Any

import brotli
import pytest
from dash import Dash
from flask.testing import FlaskClient

from dashboards import bundles, live
from dashboards.app import create_app
from dashboards.serve import PortError, free_port, serve, start
from tests.dashboards import making
from trials.store.engine import Store, open_store

DRAWING = sorted(Path(bundles.__file__).parent.rglob("*.py"))
# What plotly.js-cartesian-dist-min draws, by its README; and what else is a type in a figure: axes, shapes, error bars.
ON_TWO_AXES = {"bar", "box", "contour", "heatmap", "histogram", "image", "pie", "scatter", "violin"}
NO_TRACES = {"", "figure", "layout", "line", "rect", "date", "linear", "category", "data", "log", "circle", "path"}


@pytest.fixture
def client(app: Dash) -> FlaskClient:
    return app.server.test_client()


def test_health_is_answered_from_the_store(client: FlaskClient) -> None:
    """200 only when the database answers."""
    answer = client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_without_a_database_health_and_live_say_so(tmp_path: Path) -> None:
    """503 and one sentence, not a traceback; the pages then show what came before."""
    store = open_store(f"sqlite:///{tmp_path / 'gone.db'}")
    client = create_app(store).server.test_client()
    assert client.get("/healthz").status_code == 200
    store.close()
    for file in tmp_path.glob("gone.db*"):
        file.unlink()
    (tmp_path / "gone.db").mkdir()
    for path in ("/healthz", "/live/token"):
        answer = client.get(path)
        assert (answer.status_code, answer.text.count("\n")) == (503, 1)


def test_scripts_come_from_here_and_none_is_evaluated(client: FlaskClient) -> None:
    """The policy names this server and the hashes of Dash's own inline scripts, and nothing else."""
    client.get("/")
    policy = client.get("/").headers["Content-Security-Policy"]
    scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert scripts.startswith("script-src 'self' 'sha256-")
    assert "unsafe" not in scripts
    assert "frame-ancestors 'none'" in policy


def test_the_page_names_no_other_machine(client: FlaskClient) -> None:
    """No address of anybody else's in the frame, the theme or our own scripts and styles."""
    for path in ("/", "/theme.css", "/boot.js", "/assets/live.js", "/assets/cells.js", "/assets/pages.css"):
        with client.get(path) as answer:
            assert answer.status_code == 200
            assert "https://" not in answer.text
            assert "http://" not in answer.text


def test_plotlys_own_address_gives_the_part_that_draws_on_two_axes(client: FlaskClient) -> None:
    """Of the installed version, compressed once, asked again by its ETag; every kind of trace that is drawn is in it."""
    found = bundles.cartesian()
    assert found is not None, "the bundle in dashboards/vendor is not the installed Plotly's"
    path = "/_dash-component-suites/plotly/package_data/plotly.min.js"
    with client.get(path, headers={"Accept-Encoding": "br"}) as answer:
        assert brotli.decompress(answer.data) == found.read_bytes()
        assert len(answer.data) < 500_000
        assert answer.headers["Cache-Control"] == "public, no-cache"
        kept = {"Accept-Encoding": "br", "If-None-Match": answer.headers["ETag"]}
    with client.get(path, headers=kept) as again:
        assert (again.status_code, again.data) == (304, b"")
    said = {
        word
        for file in DRAWING
        for word in re.findall(r"\"type\": \"(\w+)\"|go\.(\w+)\(", file.read_text("utf-8"))
        for word in word
    }
    assert {word.lower() for word in said} <= ON_TWO_AXES | NO_TRACES


def test_another_plotlys_bundle_is_its_own(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the installed version is not the vendored one, the page gets what is installed."""
    monkeypatch.setattr(bundles, "cartesian", lambda: None)
    with client.get("/_dash-component-suites/plotly/package_data/plotly.min.js") as answer:
        assert answer.status_code in (200, 404)  # 404 until a page was asked for
        assert b"(cartesian - minified)" not in answer.data


@pytest.mark.parametrize("encoding", ["br", "gzip", "identity"])
def test_what_is_compressed_is_the_same(client: FlaskClient, encoding: str) -> None:
    """Pages, files and what callbacks say, for browsers that understand it and for those that don't."""
    plain = {}
    for path in ("/theme.css", "/assets/pages.css", "/assets/live.js", "/_dash-layout"):
        with client.get(path) as answer:
            plain[path] = answer.data
    unpack = {"br": brotli.decompress, "gzip": gzip.decompress, "identity": bytes}
    for path, data in plain.items():
        with client.get(path, headers={"Accept-Encoding": encoding}) as answer:
            used = answer.headers.get("Content-Encoding", "identity")
            assert used in (encoding, "identity")
            assert unpack[used](answer.data) == data
            assert encoding == "identity" or len(answer.data) < len(data) / 2


def test_a_file_that_a_browser_has_is_not_left_open(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A 304 has no body that is read to its end; the file behind it is closed all the same, packed or not."""
    opened: list[IO[bytes]] = []
    ours = open

    def noted(*what: Any, **how: Any) -> IO[Any]:
        opened.append(ours(*what, **how))
        return opened[-1]

    for encoding in ("br", "identity"):
        with client.get("/assets/icons/warn.svg", headers={"Accept-Encoding": encoding}) as first:
            tag = first.headers["ETag"]
        with monkeypatch.context() as watched:
            watched.setattr("builtins.open", noted)
            kept = {"Accept-Encoding": encoding, "If-None-Match": tag}
            assert client.get("/assets/icons/warn.svg", headers=kept).status_code == 304
    files = [file for file in opened if str(file.name).endswith("warn.svg")]
    assert len(files) == 2
    assert all(file.closed for file in files)


def test_files_are_kept_as_long_as_their_address_stays_theirs(client: FlaskClient) -> None:
    """For good with a fingerprint, a day without; what is somebody's is not kept."""
    kept = {}
    for path in ("/assets/pages.css?m=1", "/assets/icons/warn.svg", "/theme.css?v=1", "/", "/_dash-layout"):
        with client.get(path) as answer:
            kept[path] = answer.headers["Cache-Control"]
    good = "public, max-age=31536000, immutable"
    assert list(kept.values()) == [good, "public, max-age=86400", good, "no-store", "no-store"]


def test_an_unchanged_board_costs_a_304(client: FlaskClient) -> None:
    """Whoever shows the newest state gets an empty answer."""
    first = client.get("/live/token")
    assert first.status_code == 200
    again = client.get("/live/token", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_a_delivery_changes_its_trial_and_the_board_only(empty: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another trial's page stays as it is."""
    monkeypatch.setattr(live, "REMEMBERED", 0.0)
    making.run(empty, making.plan("one"), making.people(20))
    making.run(empty, making.plan("two"), making.people(20))
    client = create_app(empty).server.test_client()

    def etags() -> list[str]:
        return [client.get(path).headers["ETag"] for path in ("/live/token", "/live/token/one", "/live/token/two")]

    before = etags()
    assert etags() == before
    making.deliver(empty, "one", making.people(20, first=21), week=9)
    board, one, two = (old != new for old, new in zip(before, etags(), strict=True))
    assert (board, one, two) == (True, True, False)


def test_apps_in_one_process_keep_to_their_own_store(app: Dash, empty: Store) -> None:
    """A second app over an empty store does not show the first one's trials."""
    from dashboards import read_model, shell

    other = create_app(empty)
    with other.server.test_request_context():
        assert read_model.board(shell.desk()).rows == ()
    with app.server.test_request_context():
        assert len(read_model.board(shell.desk()).rows) == 7


def test_a_taken_port_is_replaced_or_refused_in_one_sentence(app: Dash) -> None:
    """free_port finds another; serve says which port and what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port("127.0.0.1", port) != port
        with pytest.raises(PortError, match=f"port == {port}"):
            serve(app, "127.0.0.1", port)
    assert free_port("127.0.0.1", port) == port


def test_an_address_of_another_machine_is_refused() -> None:
    """One sentence names the argument and what to write."""
    with pytest.raises(PortError, match="host =="):
        free_port("192.0.2.1", 8050)


def test_it_serves_beside_other_work_and_stops(app: Dash) -> None:
    """start() answers from a thread; after stop() the port is free."""
    running = start(app, "127.0.0.1", 0)
    with urllib.request.urlopen(f"{running.address}/healthz") as answer:
        assert answer.status == 200
    running.stop()
    port = int(running.address.rsplit(":", 1)[1])
    assert free_port("127.0.0.1", port) == port
