"""/metrics and /readyz: who may read them, what they say and never say, and that no worker's counts are lost."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from dashboards import gauges, metrics
from dashboards.app import create_app
from dashboards.metrics import Metering
from dashboards.read_model import Desk
from dashboards.read_model.measured import readiness
from dashboards.signing import Proxy, Signing
from tests.dashboards import making
from trials.errors import RoadtestError
from trials.store import measuring, rounds
from trials.store.engine import Store, open_store, writing

ROOT = Path(__file__).parents[2]
TOKEN = "correct-horse-battery"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ELSEWHERE = {"REMOTE_ADDR": "192.0.2.7"}
NOW = datetime.now(UTC).replace(microsecond=0)


def client(store: Store, metering: Metering | None = None, mode: str = "none") -> FlaskClient:
    proxy = Proxy("X-Forwarded-User", (ipaddress.ip_network("127.0.0.1/32"),)) if mode == "proxy" else Proxy()
    how = Signing(mode, b"k" * 32, proxy=proxy)  # type: ignore[arg-type]
    return create_app(store, signed=how, metering=metering).server.test_client()


def samples(said: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every sample by name and the values of its labels."""
    return {
        (one.name, tuple(one.labels.values())): one.value
        for family in text_string_to_metric_families(said)
        for one in family.samples
    }


def test_metrics_are_this_machines_alone_while_nobody_signs_in(empty: Store) -> None:
    """By its own name and without anybody in between: not from elsewhere, not by another name, not handed on."""
    browser = client(empty)
    assert browser.get("/metrics").status_code == 200
    assert browser.get("/metrics", base_url="http://[::1]:8050").status_code == 200
    assert browser.get("/metrics", environ_overrides=ELSEWHERE).status_code == 403
    assert browser.get("/metrics", base_url="http://evil.example").status_code == 403
    for name in metrics.FORWARDED:
        assert browser.get("/metrics", headers={name: "127.0.0.1"}).status_code == 403, name


@pytest.mark.parametrize("mode", ["accounts", "proxy"])
def test_where_people_sign_in_only_the_token_opens_the_metrics(empty: Store, mode: str) -> None:
    """As set from the start they are closed, from this machine too; with a token, to whoever shows it."""
    closed = client(empty, mode=mode)
    assert closed.get("/metrics").status_code == 403
    assert closed.get("/metrics", headers=BEARER).status_code == 403
    browser = client(empty, Metering("token", TOKEN), mode)
    assert browser.get("/metrics").status_code == 401
    assert browser.get("/metrics").headers["WWW-Authenticate"].startswith("Bearer")
    assert browser.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}x"}).status_code == 401
    assert browser.get("/metrics", headers={"Authorization": f"Basic {TOKEN}"}).status_code == 401
    assert browser.get("/metrics", headers=BEARER, environ_overrides=ELSEWHERE).status_code == 200


def test_metrics_that_are_off_are_not_there(empty: Store) -> None:
    """Not for this machine either; and they are read, never written."""
    browser = client(empty, Metering("off"))
    assert browser.get("/metrics").status_code == 404
    assert client(empty).post("/metrics").status_code in (403, 405)


@pytest.mark.parametrize("token", ["", "short", "fifteen-letters", "wörter-wörter-wörter"])
def test_a_token_that_could_be_guessed_is_refused_at_the_start(token: str) -> None:
    """In one sentence that says what to set, and doesn't repeat the token."""
    with pytest.raises(RoadtestError, match="ROADTEST_METRICS_TOKEN") as refused:
        Metering("token", token)
    assert not token or token not in str(refused.value)


@given(st.text(max_size=40))
def test_no_other_text_is_the_token(said: str) -> None:
    """Whatever the header holds is compared without a fault, and only the token opens."""
    server = metrics.Flask("guarded")
    with server.test_request_context("/metrics"):
        headers: Any = {"Authorization": f"Bearer {said}"}
        metrics.request.headers = headers  # type: ignore[misc]
        refused = metrics._refusal(Metering("token", TOKEN), signs_in=True)
    assert (refused is None) == (said.strip() == TOKEN)


def a_round(store: Store, at: datetime, seconds: float = 60, **counts: int) -> None:
    begun = rounds.begin(store, at, host="here", pid=1)
    assert isinstance(begun, rounds.Round)
    state: Any = "with_failures" if counts.get("failed") else "completed"
    rounds.end(store, begun.id, at + timedelta(seconds=seconds), state, rounds.Counts(**counts))


def test_the_metrics_say_how_trials_rounds_and_the_database_stand(empty: Store) -> None:
    """States count whole trials and rounds; totals are those of all rounds; rows come in tens."""
    making.register(empty, making.plan("sealed-one"))
    making.register(empty, making.plan("sealed-two"))
    a_round(empty, NOW - timedelta(hours=2), deliveries=3, accepted=108, quarantined=9, refused=1, looks=2, crossed=1)
    a_round(empty, NOW - timedelta(hours=1), 90, done=1, failed=1, accepted=7)
    rounds.note(empty, NOW, failed={"sealed-two": "its folder is gone."}, done=["sealed-one"])
    found = samples(client(empty).get("/metrics").get_data(as_text=True))
    assert found["roadtest_trials", ("sealed",)] == 2
    assert found["roadtest_trials", ("registered",)] == 0
    assert found["roadtest_trials_failing", ()] == 1
    assert found["roadtest_rounds", ("completed",)] == found["roadtest_rounds", ("with_failures",)] == 1
    assert found["roadtest_round_rows_total", ("accepted",)] == 110
    assert found["roadtest_round_rows_total", ("quarantined",)] == 0
    assert found["roadtest_round_deliveries_total", ()] == 3
    assert found["roadtest_round_trials_total", ("failed",)] == 1
    assert found["roadtest_round_seconds", ()] == 90
    assert 3600 <= found["roadtest_round_age_seconds", ()] < 7200
    assert found["roadtest_database_info", ("sqlite", measuring.head())] == 1
    assert found["roadtest_alerts", ("round",)] == 0
    empty.close()  # its log is part of the file now
    assert found["roadtest_database_bytes", ()] == Path(empty.url.removeprefix("sqlite:///")).stat().st_size


def test_the_metrics_name_nobody_and_nothing(store: Store) -> None:
    """Over a portfolio of trials with people, sites, arms and refusals, no name or count of theirs is in the text."""
    said = client(store).get("/metrics").get_data(as_text=True)
    with writing(store) as connection:
        trials = list(connection.scalars(text("SELECT id FROM trial")))
        people = list(connection.scalars(text("SELECT participant_id FROM enrolment LIMIT 200")))
    assert len(trials) > 4
    assert len(people) > 100
    labels = {value for _, values in samples(said) for value in values}
    assert not labels & {*trials, *people, "N", "S", "usual", "call", "tests"}
    assert [name for name in trials if name in said] == []


def test_only_the_metrics_that_are_told_of_are_there(empty: Store) -> None:
    """Each family of the answer is one of METRICS, with its labels and its help; before the first round, all but its age."""
    browser = client(empty)
    browser.get("/healthz")
    said = browser.get("/metrics").get_data(as_text=True)
    told = {one.name: one for one in gauges.METRICS}
    families = {one.name: one for one in text_string_to_metric_families(said)}
    named = {f"{name}_total" if one.type == "counter" else name: one for name, one in families.items()}
    assert set(told) - set(named) == {"roadtest_round_age_seconds", "roadtest_round_seconds"}
    assert set(named) - set(told) == set()
    for name, family in named.items():
        assert (family.type, family.documentation) == (told[name].kind, told[name].means)
        assert {*(label for one in family.samples for label in one.labels)} - {"le"} <= set(told[name].labels)


def test_the_document_has_the_table_of_the_code() -> None:
    """docs/monitoring.md lists every metric as the code declares it."""
    assert gauges.table() in (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")


def test_every_rule_in_the_document_asks_for_metrics_that_exist() -> None:
    """The alert rules of docs/monitoring.md name no metric that nobody exports."""
    said = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    rules = said.partition("```yaml")[2].partition("```")[0]
    asked = set(re.findall(r"roadtest_[a-z_]+", rules))
    assert len(asked) >= 6
    told = {one.name for one in gauges.METRICS}
    assert {re.sub(r"_(bucket|count|sum)$", "", name) for name in asked} <= told


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "page"),
        ("/trial/anything-at-all", "page"),
        ("/live/token/a-trial", "poll"),
        ("/_dash-update-component", "callback"),
        ("/_dash-layout", "layout"),
        ("/assets/pages.css", "file"),
        ("/metrics", "health"),
        ("/sign-in", "sign-in"),
        ("/data-docs/index.html", "data-docs"),
    ],
)
def test_what_was_asked_for_is_one_of_a_few_kinds(path: str, kind: str) -> None:
    """No address makes a series of its own."""
    assert metrics.kind_of(path) == kind


def test_requests_are_counted_by_what_came_of_them(empty: Store) -> None:
    """Refused ones too, and with a time each; a method that nobody knows is counted as other."""
    browser = client(empty)
    for _ in range(3):
        browser.get("/live/token")
    browser.get("/live/token", base_url="http://evil.example")
    browser.open("/live/token", method="BREW")
    found = samples(browser.get("/metrics").get_data(as_text=True))
    assert found["roadtest_http_requests_total", ("poll", "GET", "200")] == 3
    assert found["roadtest_http_requests_total", ("poll", "GET", "403")] == 1
    assert sum(n for (name, of), n in found.items() if name == "roadtest_http_requests_total" and "other" in of) == 1
    assert found["roadtest_http_request_seconds_count", ("poll",)] == 5


def test_a_database_that_is_away_is_told_and_the_counts_stay(tmp_path: Path) -> None:
    """/metrics says 0 and goes on counting requests; /readyz says 503 and away; neither tells where the database is."""
    folder = tmp_path / "secret-place"
    store = open_store(f"sqlite:///{folder / 'roadtest.db'}")
    browser = client(store)
    assert browser.get("/readyz").get_json()["status"] == "ready"
    store.close()
    (folder / "roadtest.db").unlink()
    folder.rename(tmp_path / "moved")
    found = browser.get("/metrics").get_data(as_text=True)
    assert samples(found)["roadtest_database_up", ()] == 0
    assert samples(found)["roadtest_http_requests_total", ("health", "GET", "200")] == 1
    answer = browser.get("/readyz")
    assert (answer.status_code, answer.get_json()["status"]) == (503, "away")
    assert "secret-place" not in found + answer.get_data(as_text=True)


def test_readiness_needs_no_sign_in_and_says_which_round_was_the_newest(empty: Store) -> None:
    """A balancer has no session; the answer names no trial, and is never kept."""
    a_round(empty, datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1))  # NOW is when the suite began
    answer = client(empty, Metering(schedule="*/15 * * * *"), "accounts").get("/readyz")
    said = answer.get_json()
    assert (answer.status_code, said["status"], said["why"]) == (200, "ready", [])
    assert said["database"] == {"answers": True, "revision": measuring.head(), "expected": measuring.head()}
    assert (said["round"]["state"], answer.headers["Cache-Control"]) == ("completed", "no-store")
    assert json.dumps(said).isascii()


BEGUN = datetime(2024, 3, 1, 12, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("minutes", "schedule", "status"),
    [
        (14, "*/15 * * * *", "ready"),
        (29, "*/15 * * * *", "ready"),  # the next one is due, and may begin any moment
        (30, "*/15 * * * *", "degraded"),
        (60 * 24 * 3, "0 2 * * 1", "ready"),
        (60 * 24 * 15, "0 2 * * 1", "degraded"),
        (60 * 24 * 365, "", "ready"),  # nobody expects rounds
        (59, "every 30.0 minutes", "ready"),
        (60, "every 30.0 minutes", "degraded"),
    ],
)
def test_a_round_is_late_when_the_one_after_it_is_due(empty: Store, minutes: int, schedule: str, status: str) -> None:
    """By the schedule's own ticks, whatever they are."""
    a_round(empty, BEGUN, 1)
    assert readiness(Desk(empty), schedule, BEGUN + timedelta(minutes=minutes)).status == status


def test_a_round_that_failed_or_fell_silent_degrades(empty: Store) -> None:
    """A running one doesn't while it gives signs of life, however long it takes."""
    desk, often = Desk(empty), "*/15 * * * *"
    assert readiness(desk, often, BEGUN).status == "ready"
    running = rounds.begin(empty, BEGUN, host="here", pid=1)
    assert isinstance(running, rounds.Round)
    late = BEGUN + timedelta(hours=3)
    assert readiness(desk, often, late).why == ("the round that runs has fallen silent",)
    rounds.beat(empty, running.id, late)
    assert readiness(desk, often, late).status == "ready"
    rounds.end(empty, running.id, late, "failed", rounds.Counts(), "the disk is full.")
    assert "the newest round failed" in readiness(desk, often, late).why


def test_how_rounds_ended_is_judged_whatever_the_schedule(empty: Store) -> None:
    """Where none is expected, and where they come every so many minutes: failed, interrupted and silent degrade, until another
    has completed; only lateness needs a schedule."""
    desk, told = Desk(empty), {"failed": "the newest round failed", "interrupted": "the newest round was interrupted"}
    for state, said in told.items():
        running = rounds.begin(empty, BEGUN, host="here", pid=1)
        assert isinstance(running, rounds.Round)
        rounds.end(empty, running.id, BEGUN, state, rounds.Counts(), "why it was.")  # type: ignore[arg-type]
        assert [readiness(desk, plan, BEGUN).why for plan in ("", "every 30.0 minutes")] == [(said,)] * 2
        following = rounds.begin(empty, BEGUN, host="here", pid=1)
        assert isinstance(following, rounds.Round)
        assert readiness(desk, "", BEGUN).why == (said,)
        silent = BEGUN + rounds.SILENT + timedelta(seconds=1)
        assert readiness(desk, "", silent).why == (said, "the round that runs has fallen silent")
        rounds.end(empty, following.id, BEGUN, "completed", rounds.Counts())
        assert readiness(desk, "", BEGUN).status == "ready"


def test_tables_of_another_version_degrade(empty: Store) -> None:
    """A newer Roadtest has migrated the database under a server that still runs: it says so, and asks no table."""
    with writing(empty) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'r9999'"))
    found = readiness(Desk(empty), "*/15 * * * *")
    assert (found.status, found.revision) == ("degraded", "r9999")
    assert samples(client(empty).get("/metrics").get_data(as_text=True))["roadtest_database_up", ()] == 0


@contextmanager
def two_workers(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    folder = tmp_path / "counts"
    folder.mkdir()
    command = [sys.executable, "-m", "tests.dashboards.metered_server", str(folder), f"sqlite:///{tmp_path / 'm.db'}"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}", folder
    finally:
        server.terminate()
        server.wait(timeout=20)
        server.stdout.close()


def get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=60) as answer:
        found: str = answer.read().decode()
        return found


def test_two_workers_count_together_and_one_that_is_killed_takes_nothing_with_it(tmp_path: Path) -> None:
    """Whichever is asked adds both; after kill -9 of one the sum is what it was, and its successor goes on in its file."""
    with two_workers(tmp_path) as (address, folder):
        pids, asked = {get(f"{address}/live/pid")}, 1

        def until(enough: int) -> None:
            nonlocal asked
            deadline = time.monotonic() + 60
            while len(pids) < enough:
                assert time.monotonic() < deadline
                pids.add(get(f"{address}/live/pid"))
                asked += 1

        until(2)
        os.kill(int(sorted(pids)[0]), signal.SIGKILL)
        until(3)
        found = samples(get(f"{address}/metrics"))
        assert found["roadtest_http_requests_total", ("poll", "GET", "200")] == asked
        assert found["roadtest_http_request_seconds_count", ("poll",)] == asked
        assert found["roadtest_database_up", ()] == 1
        assert sorted(path.name for path in folder.glob("*.db")) == [
            f"{kind}_{slot}.db" for kind in ("counter", "histogram") for slot in (0, 1)
        ]
