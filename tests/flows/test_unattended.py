"""What somebody finds who was not there: sentences instead of faults, and nothing told to those who may not know."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows import alerts_found, artifacts, deploying, engines, events, work
from flows.alerts_file import read_channels
from flows.cli import app
from flows.environment import must_answer
from flows.settings import Settings
from flows.tasks import work_on
from tests.flows.making import NOW, SEALED_AT, Desk, people, plan
from trials.acts.erasing import Erased
from trials.errors import RoadtestError
from trials.store import decisions, erasures, granting, measuring, reading, rounds
from trials.store.engine import open_store
from trials.store.measuring import Stood


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    store = open_store(f"sqlite:///{tmp_path / 'roadtest.db'}")
    yield Desk(store, tmp_path)
    store.close()


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def worked(desk: Desk, *trials: str) -> list[work.Outcome]:
    settings = Settings(home=desk.home, read_retries=0, read_retry_seconds=0)
    return work_on(settings, desk.store, trials, work.Clock(NOW), look_too=True)


def test_a_server_that_is_not_there_is_a_sentence(closed_port: int) -> None:
    """Prefect's and Dask's: which setting, what it says without its password, what to do."""
    with pytest.raises(RoadtestError, match=r"^PREFECT_API_URL == 'http://127.0.0.1:\d+/api', must name .* Start it"):
        must_answer(f"http://ann:hush@127.0.0.1:{closed_port}/api")
    address = f"tcp://ann:hush@127.0.0.1:{closed_port}"
    with pytest.raises(RoadtestError, match=r"^dask_address == 'tcp://127.0.0.1:\d+', must be .* Start it") as refused:
        engines.mapped(Settings(engine="dask", dask_address=address), abs, [1])
    assert "hush" not in str(refused.value)
    must_answer("")


def test_status_says_what_the_rounds_fail_on(desk: Desk) -> None:
    """The sentence to act on stands under the table, with how often and when it is tried again."""
    work.register_trial(desk.store, plan("folderless"), by="Ann", at=SEALED_AT, seal_by="Bea")
    for _ in range(2):
        assert not worked(desk, "folderless")[0].ok
    said = CliRunner().invoke(app, ["status", "--home", str(desk.home)])
    assert said.exit_code == 0
    assert "folderless: the rounds failed on it 2 times in a row: source.path" in said.output
    assert "Tried again from" in said.output


def test_a_round_run_again_takes_no_look_more(desk: Desk) -> None:
    """Beside a delivery that was refused the trial gets its look in the same round; the same round again has nothing to do."""
    trial = desk.sealed(plan())
    desk.sent(trial, {"2024-03-02.csv": "participant_id,arm,entry_order\n"})
    (first,), (again,) = worked(desk, trial), worked(desk, trial)
    assert [receipt.refusal is not None for receipt in first.receipts] == [True]
    assert (first.ok, again.ok, again.receipts) == (True, True, ())
    assert first.look == again.look
    assert [look.number for look in reading.looks(desk.store, trial)] == [1]


def test_nothing_is_failing_for_ever_on_an_erased_trial(desk: Desk) -> None:
    """Once its key is destroyed no round takes it up, and what the last one failed on is told no more."""
    trial = desk.sealed(plan(), **{"2024-03-01": people(1, 10)})
    assert worked(desk, trial)[0].ok
    rounds.note(desk.store, NOW, failed={trial: "no file"}, done=[])
    words = {"reason": "it is over", "lesson": "ask people early what they need", "reuse": "nothing"}
    decisions.decide(desk.store, trial, "stop", by="Ann", at=NOW, reason_code="funding", second="Bea", **words)
    erasures.say_erased(desk.store, trial, Erased(key="", reason="it is over", second="Bea"), by="Ann", at=NOW)
    rounds.note(desk.store, NOW, failed={trial: "the key is gone"}, done=[])
    assert rounds.work_of(desk.store) == {}
    assert measuring.measured(desk.store).failing == 0
    assert [
        one
        for one in alerts_found.found_now(desk.store, NOW, schedule="", round_grace=timedelta(1)).findings
        if one.kind == "failed"
    ] == []
    assert work.sealed_trials(desk.store) == []


def test_prefect_is_told_no_verdict_of_a_programme_with_roles(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads Prefect's pages may have no role there: no row of the table, no claim in an event."""
    trials = [
        desk.sealed(plan(name, programme=programme), **{"2024-03-01": people(1, 40)})
        for name, programme in (("first-trial", "open"), ("second-trial", "closed"))
    ]
    outcomes = worked(desk, *trials)
    granting.give(desk.store, "closed", "Ann", "lead", by="Ann", at=NOW)
    begun = rounds.begin(desk.store, NOW, host="here", pid=1)
    assert isinstance(begun, rounds.Round)
    shown = artifacts.shown_of(desk.store, begun, outcomes, {})
    assert [row["trial"] for row in shown.verdicts.rows] == ["first-trial"]
    sent: list[Any] = []
    monkeypatch.setattr("prefect.events.emit_event", lambda *_, **told: sent.append(told))
    crossing = [events.Crossing(trial, "benefit", 1, "promote") for trial in trials]
    assert events.emit(crossing, ["first-trial"]) == 2
    assert [one["payload"] for one in sent] == [{"claim": "benefit", "verdict": "promote", "look": 1}, {"look": 1}]
    assert "roadtest.claim" not in sent[1]["resource"]
    monkeypatch.setattr(events, "crossings", lambda *_: tuple(crossing))
    events.crossed(desk.store, outcomes, dict[str, Stood]())
    assert [len(one["payload"]) for one in sent[2:]] == [3, 1]
    assert [one["id"] for one in sent[2:]] == [one["id"] for one in sent[:2]]


def test_no_id_of_an_event_says_which_claim_crossed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a hidden claim the id is the same whichever it is, so that trying all there can be tells nothing; however many cross
    at one look there is one, and what is sent again has the same."""
    sent: list[Any] = []
    monkeypatch.setattr("prefect.events.emit_event", lambda *_, **told: sent.append(told["id"]))
    for claims in (("benefit",), ("dud", "harm", "guardrail arrests"), ("benefit",)):
        assert events.emit([events.Crossing("first-trial", claim, 3, "promote") for claim in claims], ()) == 1
    assert len(sent) == 3
    assert len(set(sent)) == 1
    assert events.emit([events.Crossing("first-trial", "harm", 5, "stop_for_harm", again=True)], ()) == 0
    events.emit([events.Crossing("first-trial", "harm", 4, "promote")], ())
    assert sent[-1] not in sent[:3]


def test_an_alerts_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    """A typo in ROADTEST_ALERTS must not silence every alert; without the setting no file is needed."""
    with pytest.raises(RoadtestError, match=r"typo\.yaml is not there, must be the file .* Mend ROADTEST_ALERTS"):
        read_channels(tmp_path / "typo.yaml", named=True)
    assert read_channels(tmp_path / "alerts.yaml").channels == ()


def test_what_only_reads_makes_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`alerts check` of a home with a typo, or on a disk that is not mounted, ends with 1 and a sentence; nothing is made.
    So too a home that is there, without its database."""
    monkeypatch.delenv("ROADTEST_DATABASE_URL", raising=False)
    for words in (["check"], ["list"], ["acknowledge", "64e0935"]):
        refused = CliRunner().invoke(app, ["alerts", *words, "--home", str(tmp_path / "typo")])
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert "roadtest.db is not there, must be a database of Roadtest. Mend --home" in refused.stderr
    assert list(tmp_path.iterdir()) == []
    assert CliRunner().invoke(app, ["alerts", "check", "--home", str(tmp_path)]).exit_code == 1
    with pytest.raises(RoadtestError, match=r"typo is not there, must be the home\."):
        Settings(home=tmp_path / "typo", database_url="postgresql://db/roadtest").require_database()  # type: ignore[arg-type]
    Settings(home=tmp_path, database_url="postgresql://db/roadtest").require_database()  # type: ignore[arg-type]


@pytest.mark.parametrize("pool", ["a/b", "50%", "a&b", "<a>", "", "prefect-managed"])
def test_a_pool_that_no_server_takes_is_one_sentence(
    pool: str, monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    """Before the server is asked: what may not stand in its name."""
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{closed_port}/api")
    with pytest.raises(RoadtestError, match=r"^pool == '.*', must be a name without / % & > <, .* --pool\.$"):
        deploying.deploy(Settings(), pool=pool)


def test_lateness_is_judged_by_the_schedule_in_force(tmp_path: Path) -> None:
    """That of the `serve` that runs, if one does: a day may pass where rounds are daily."""
    settings = Settings(home=tmp_path)
    ended, morning = datetime(2026, 7, 1, 2, 5, tzinfo=UTC), datetime(2026, 7, 1, 9, 17, tzinfo=UTC)
    late = {}
    for said in ("", "cron 0 2 * * *", "minutes 1440.0", "minutes 30.0"):
        if said:
            settings.schedule_file.write_text(said + "\n")
        late[said] = alerts_found.is_late(ended, settings.schedule_in_force, timedelta(hours=1), morning)
    assert late == {"": True, "cron 0 2 * * *": False, "minutes 1440.0": False, "minutes 30.0": True}
