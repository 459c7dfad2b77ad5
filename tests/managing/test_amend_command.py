"""The commands `roadtest amend` and `roadtest amendments`: a preview, the change, and the list of versions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from flows import amending, work
from tests.flows.making import SEALED_AT, Desk, people, plan
from trials.protocol import Protocol
from trials.store import ledger
from trials.store.engine import open_store

APP = typer.Typer()
amending.add(APP)
SIGNED = ["--reason", "Two courts joined", "--impact", "Twice as many", "--by", "Ann", "--approved-by", "Bea"]


@pytest.fixture
def desk(tmp_path: Path) -> Any:
    """A home with a sealed trial and one delivery in."""
    store = open_store(f"sqlite:///{tmp_path / 'roadtest.db'}")
    made = Desk(store, tmp_path)
    made.sealed(plan(), first=people(1, 40))
    made.collect("first-trial")
    yield made
    store.close()


@pytest.fixture
def told(desk: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs a command on the desk's home."""
    for name in ("ROADTEST_DATABASE_URL", "ROADTEST_PERSON"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: object) -> Result:
        return CliRunner().invoke(APP, [*map(str, words), "--home", str(desk.home)])

    return run


def written(desk: Any, protocol: Protocol) -> Path:
    file = Path(desk.home) / "plan.yaml"
    file.write_text(protocol.to_yaml(), encoding="utf-8")
    return file


def test_a_preview_shows_what_would_change_and_stores_nothing(desk: Any, told: Callable[..., Result]) -> None:
    """--dry-run names each field, its class and between which looks it falls; exit code 1 where it is not allowed."""
    file, before = written(desk, plan(monitoring={"max_participants": 300})), desk.contents()
    shown = told("amend", "first-trial", file, "--dry-run")
    assert shown.exit_code == 0
    assert "this would be version 2 of its plan, after look 1, before look 2" in shown.stdout
    assert "monitoring.max_participants: from 200 to 300" in shown.stdout
    body = json.loads(told("amend", "first-trial", file, "--dry-run", "--json").stdout)
    assert (body["allowed"], body["refusal"], body["evidence"]) == (True, None, "future")
    assert body["changes"] == [{"path": "monitoring.max_participants", "before": 200, "after": 300, "class": "running"}]
    late = told("amend", "first-trial", written(desk, plan(question="Is it good?")), "--dry-run")
    assert late.exit_code == 1
    assert "this would be no new version of its plan, after look 1" in late.stdout
    assert "It can't be done: question can't be amended" in late.stdout
    assert desk.contents() == before


def test_an_amendment_by_the_command(desk: Any, told: Callable[..., Result]) -> None:
    """It is stored with its words, listed with its mark, and runs from then on; sent again it changes nothing."""
    file = written(desk, plan(monitoring={"max_participants": 300}, title="Courts"))
    done = told("amend", "first-trial", file, *SIGNED)
    assert done.exit_code == 0
    assert done.stdout.startswith("Amended first-trial: version 2 of its plan, after look 1, before look 2.")
    assert done.stdout.endswith("Next: roadtest look first-trial\n")
    before = desk.contents()
    again = json.loads(told("amend", "first-trial", file, *SIGNED, "--json").stdout)
    assert (again["version"], again["mark"], again["approved_by"]) == (2, "after look 1, before look 2", "Bea")
    assert desk.contents() == before
    listed = told("amendments", "first-trial").stdout
    assert "first-trial has been amended 1 time." in listed
    assert "Why: Two courts joined" in listed
    versions = json.loads(told("amendments", "first-trial", "--json").stdout)["versions"]
    assert [(one["version"], one["written_by"], one["sealed_by"]) for one in versions] == [
        (1, "Ann", "Bea"),
        (2, "Ann", "Bea"),
    ]
    assert versions[0]["amendment"] is None
    assert versions[1]["amendment"]["reason"] == "Two courts joined"
    assert ledger.sealed_protocol(desk.store, "first-trial")[0].title == "Courts"


def test_a_plan_replaced_before_its_seal_is_no_amendment(desk: Any, told: Callable[..., Result]) -> None:
    """Versions from before the seal are listed as such; what was never sealed was not amended."""
    work.register_trial(desk.store, plan("second-trial"), by="Ann", at=SEALED_AT)
    assert "second-trial has not been sealed yet, so nothing was amended." in told("amendments", "second-trial").stdout
    work.register_trial(desk.store, plan("second-trial", title="Better"), by="Ann", at=SEALED_AT, seal_by="Bea")
    first, one, two, _ = told("amendments", "second-trial").stdout.splitlines()
    assert first == "second-trial has not been amended since its seal."
    assert one.startswith("Version 1 ")
    assert one.endswith("written by Ann on 2024-01-01, replaced before the seal.")
    assert two.endswith("sealed by Bea.")


def test_deliveries_go_on_under_the_new_plan(desk: Any, told: Callable[..., Result]) -> None:
    """A flow after an amendment collects by the new plan, and its look names it."""
    after = plan(monitoring={"max_participants": 300})
    assert told("amend", "first-trial", written(desk, after), *SIGNED).exit_code == 0
    desk.sent("first-trial", {"second.csv": people(41, 60)})
    outcome = desk.collect("first-trial")["first-trial"]
    assert (outcome.ok, outcome.look.number, outcome.look.protocol_sha256) == (True, 2, after.seal())


def test_a_flow_on_an_altered_version_stops(desk: Any, told: Callable[..., Result]) -> None:
    """The version before the current one altered in the database: collect, look and enrol all say plan hash mismatch."""
    told("amend", "first-trial", written(desk, plan(title="Courts")), *SIGNED)
    desk.sent("first-trial", {"second.csv": people(41, 60)})
    with desk.store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE protocol_version SET sealed_by = 'Eve' WHERE version = 1")
    clock = work.Clock(work.utc_now())
    for outcome in (desk.collect("first-trial")["first-trial"], *work.look_all(desk.store, ["first-trial"], clock)):
        assert not outcome.ok
        assert str(outcome.error).startswith("plan hash mismatch: first-trial has another version 1 of its plan")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([*SIGNED[:-1], "ann"], "must be approved by somebody else"),
        (SIGNED[:4], "approved_by == '', must be given"),
        (SIGNED[2:], "reason == '', must be given"),
    ],
)
def test_what_is_missing_is_one_sentence(
    desk: Any, told: Callable[..., Result], words: list[str], sentence: str
) -> None:
    """Without a reason, or a second person, nothing is stored and the sentence says what to add."""
    file, before = written(desk, plan(title="Courts")), desk.contents()
    refused = told("amend", "first-trial", file, *words)
    assert refused.exit_code == 1
    assert sentence in refused.stderr
    assert desk.contents() == before


def test_a_plan_that_can_not_be_judged_is_no_amendment(desk: Any, told: Callable[..., Result]) -> None:
    """An amended plan passes the checks that every plan passes at registration, its source's too."""
    odd = plan(source={"connector": "carrier-pigeon", "path": "x"})
    refused = told("amend", "first-trial", written(desk, odd), *SIGNED)
    assert refused.exit_code == 1
    assert "carrier-pigeon" in refused.stderr
    assert "must be a registered one" in told("amendments", "no-such").stderr
