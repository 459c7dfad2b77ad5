"""The flows on Prefect's ephemeral server: register, collect, look, round."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from flows import work
from flows.environment import run
from flows.settings import Settings
from tests.flows.making import NOW, Desk, people, plan
from trials.errors import PlanHashMismatchError, ProtocolError
from trials.store import reading
from trials.store.engine import open_store

pytestmark = [pytest.mark.usefixtures("prefect"), pytest.mark.timeout(300)]

PASSWORD = "hush-4711-hush"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The database's address holds the word that must not get out."""
    database = tmp_path / PASSWORD / "roadtest.db"
    return Settings(
        home=tmp_path / "home", database_url=SecretStr(f"sqlite:///{database}"), read_retries=0, read_retry_seconds=0
    )


@pytest.fixture
def desk(settings: Settings) -> Iterator[Desk]:
    store = open_store(settings.url)
    yield Desk(store, settings.folder)
    store.close()


def collect(settings: Settings, *trials: str, **options: Any) -> dict[str, work.Outcome]:
    from flows.collect import collect as flow

    return {outcome.trial: outcome for outcome in run(flow, settings, list(trials), **options)}


def round_state(settings: Settings) -> Any:
    """The state in which a round over everything that is due ends."""
    from flows.round import run_round

    return run(run_round, settings, as_of=NOW, return_state=True)


def outcomes_of(state: Any) -> dict[str, work.Outcome]:
    return {outcome.trial: outcome for outcome in state.result(_sync=True)}


def test_register_seals_once_and_refuses_an_altered_plan(settings: Settings, desk: Desk) -> None:
    """The flow gives the plan's SHA-256; another plan under the sealed name is refused and changes nothing."""
    from flows.register import register

    first = plan()
    assert run(register, settings, first.canonical(), "Ann", "Bea") == first.seal()
    before = desk.contents()
    assert run(register, settings, first.canonical(), "Ann", "Bea") == first.seal()
    with pytest.raises(PlanHashMismatchError, match="plan hash mismatch"):
        run(register, settings, plan(owner="somebody else").canonical(), "Ann", "Bea")
    broken = json.dumps({**json.loads(plan("second-trial").canonical()), "extra": 1})
    with pytest.raises(ProtocolError, match="extra is not a known key"):
        run(register, settings, broken, "Ann")
    assert desk.contents() == before


def test_collect_then_round_changes_nothing(settings: Settings, desk: Desk) -> None:
    """What is collected stays collected: a round after it finds nothing new and says what stands."""
    trials = [desk.sealed(plan(name), **{"2024-03-01": people(1, 10)}) for name in ("first-trial", "second-trial")]
    done = collect(settings, *trials, as_of=NOW)
    assert [len(done[trial].receipts) for trial in trials] == [1, 1]
    before = desk.contents()
    state = round_state(settings)
    assert state.name == "Completed"
    again = outcomes_of(state)
    assert all(outcome.ok and outcome.receipts == () for outcome in again.values())
    assert {trial: again[trial].look for trial in trials} == {trial: done[trial].look for trial in trials}
    assert desk.contents() == before


def test_a_round_with_one_failing_trial_ends_in_a_state_that_says_so(settings: Settings, desk: Desk) -> None:
    """CompletedWithFailures names the trial and its reason; the others' looks are there."""
    sound = desk.sealed(plan("sound"), **{"2024-03-01": people(1, 10)})
    quiet = desk.sealed(plan("quiet"))
    altered = desk.sealed(plan("altered"), **{"2024-03-01": people(1, 10)})
    desk.alter_stored_plan(altered)
    work.register_trial(desk.store, plan("folderless"), by="Ann", at=NOW, seal_by="Bea")
    work.register_trial(desk.store, plan("unsealed"), by="Ann", at=NOW)
    state = round_state(settings)
    assert state.name == "CompletedWithFailures"
    assert state.is_completed()
    assert "altered: plan hash mismatch" in state.message
    assert "folderless: source.path" in state.message
    outcomes = outcomes_of(state)
    assert {trial for trial, outcome in outcomes.items() if not outcome.ok} == {altered, "folderless"}
    assert set(outcomes) == {sound, quiet, altered, "folderless"}
    assert {card.id: card.look.n for card in reading.cards(desk.store) if card.look is not None} == {
        sound: 10,
        quiet: 0,
    }


def test_look_sees_time_pass(settings: Settings, desk: Desk) -> None:
    """Nobody reports; once the time to report is over a look counts them as missing, and looking again is no new look."""
    from flows.look import look

    primary = plan().model_dump(mode="json")["primary"] | {"follow_up": "4 weeks"}
    trial = desk.sealed(plan("dated", primary=primary, order_by=["enrolled_on", "entry_order"]))
    rows = [f"p{n},{('usual', 'new')[n % 2]},2024-01-{n:02d},{n}," for n in range(1, 11)]
    text = "\n".join(["participant_id,arm,enrolled_on,entry_order,well", *rows, ""])
    desk.sent(trial, {"2024-02-01.csv": text})
    assert collect(settings, trial, as_of=NOW - timedelta(days=100))[trial].ok
    [first] = run(look, settings, [trial], as_of=NOW)
    assert first.look.missing == 10
    before = desk.contents()
    [second] = run(look, settings, [trial], as_of=NOW + timedelta(days=1))
    assert second.look == first.look
    assert desk.contents() == before


@pytest.mark.timeout(120, method="thread")  # so that the alarm is Prefect's to use, as it is outside pytest
def test_a_source_that_hangs_fails_alone(settings: Settings, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a source doesn't answer in time its trial says so, and the others of its group are collected."""
    hanging, sound = desk.sealed(plan("hanging")), desk.sealed(plan("sound"), **{"2024-03-01": people(1, 10)})
    read_pending = work.read_pending

    def hangs(store: object, home: object, trial: str) -> work.Pending:
        if trial == hanging:
            time.sleep(60)
        return read_pending(store, home, trial)  # type: ignore[arg-type]

    monkeypatch.setattr(work, "read_pending", hangs)
    hasty = settings.model_copy(update={"read_timeout_seconds": 1.0})
    done = collect(hasty, hanging, sound, as_of=NOW)
    assert not done[hanging].ok
    assert "did not answer within 1 s" in str(done[hanging].error)
    assert len(done[sound].receipts) == 1


def test_the_databases_password_does_not_reach_prefect(settings: Settings, desk: Desk) -> None:
    """Neither the stored parameters nor any other byte of Prefect's database holds the database's address."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.sorting import FlowRunSort
    from prefect.settings import PREFECT_HOME

    trial = desk.sealed(plan(), **{"2024-03-01": people(1, 10)})
    assert collect(settings, trial, as_of=NOW)[trial].ok
    assert round_state(settings).name == "Completed"
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC, limit=200)
    ours = [found for found in runs if found.parameters.get("settings", {}).get("home") == str(settings.home)]
    assert len(ours) == 2
    assert {found.parameters["settings"]["database_url"] for found in ours} == {"**********"}
    files = [path for path in PREFECT_HOME.value().rglob("*") if path.is_file()]
    with sqlite3.connect(PREFECT_HOME.value() / "prefect.db") as connection:
        everything = "\n".join(connection.iterdump())
    assert trial in everything
    assert PASSWORD not in everything
    assert [path.name for path in files if PASSWORD.encode() in path.read_bytes()] == []
