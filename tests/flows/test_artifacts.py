"""What Prefect shows of a round, and the events of claims that crossed: everything that is told, and nothing that is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from flows import artifacts, events, work
from flows import round as round_flow
from flows.environment import run
from tests.flows.making import HEADER, NOW, Desk, csv_text, people, plan, row
from trials.store.engine import open_store
from trials.store.measuring import Stood


@dataclass(frozen=True)
class Begun:
    id: int = 7
    begun_at: datetime = NOW


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    store = open_store(f"sqlite:///{tmp_path / 'roadtest.db'}")
    yield Desk(store, tmp_path)
    store.close()


def works(first: int, last: int) -> str:
    """People of whom all are well with the new way and none with the usual one."""
    return csv_text(row(number, well=int(number % 2 == 0)) for number in range(first, last + 1))


def rounded(desk: Desk, *trials: str) -> tuple[dict[str, Stood], list[work.Outcome]]:
    """How the trials stood, and what a round over them came to."""
    before = events.standing(desk.store)
    return before, list(desk.collect(*trials).values())


def test_a_claim_that_crossed_is_told_once_at_the_look_in_which_it_did(desk: Desk) -> None:
    """Before the crossing there is none, in its round there is one, and later looks tell of no old one again."""
    trial = desk.sealed(plan("good"), **{"2024-03-01": works(1, 6)})
    quiet = desk.sealed(plan("quiet"), **{"2024-03-01": people(1, 6)})
    before, outcomes = rounded(desk, trial, quiet)
    assert events.crossings(desk.store, outcomes, before) == ()
    desk.sent(trial, {"2024-03-08.csv": works(7, 80)})
    before, outcomes = rounded(desk, trial, quiet)
    assert events.crossings(desk.store, outcomes, before) == (events.Crossing("good", "benefit", 2, "promote"),)
    desk.sent(trial, {"2024-03-15.csv": works(81, 90)})
    before, outcomes = rounded(desk, trial, quiet)
    assert before["good"] == Stood(2, "promote")
    assert events.standing(desk.store)["good"].look == 3
    assert events.crossings(desk.store, outcomes, before) == ()


def test_a_second_claim_of_a_trial_is_not_counted(desk: Desk) -> None:
    """A round's count of what crossed is what metrics show; a second claim would tell that the first was no lone benefit."""
    first, again = (
        events.Crossing("good", claim, 2, "cant_tell", again=claim == "harm") for claim in ("benefit", "harm")
    )
    told = [round_flow.counted([], {}, found).crossed for found in ([first], [first, again], [again], [])]
    assert told == [1, 1, 0, 0]


def test_a_rounds_state_tells_no_counts_and_does_not_grow_with_what_failed() -> None:
    """Prefect shows it to everybody who may open its pages."""
    failed = [work.Outcome(f"t{number}", ok=False, error="37 of 40 rows have no arm") for number in range(23)]
    message = round_flow._state(failed).message
    assert message.startswith("t0: some rows have no arm; t1: ")
    assert message.endswith("; and 3 trials more")


def test_a_trial_that_failed_after_its_look_still_tells_what_crossed(desk: Desk) -> None:
    """The ledger is asked, not the outcome: a failure after the look leaves the crossing told, and other trials' are not."""
    trial = desk.sealed(plan("good"), **{"2024-03-01": works(1, 80)})
    other = desk.sealed(plan("other"), **{"2024-03-01": works(1, 80)})
    before, _ = rounded(desk, trial, other)
    failed = [work.Outcome("good", ok=False, error="its second delivery could not be read.")]
    assert [(one.trial, one.look) for one in events.crossings(desk.store, failed, before)] == [("good", 1)]


def test_verdicts_that_changed_come_first_and_what_is_left_out_is_counted(desk: Desk) -> None:
    """Of five trials a table of two shows the one whose verdict changed, one with a new look, and says that 3 are missing."""
    names = ["a-quiet", "b-quiet", "c-quiet", "d-new", "e-changed"]
    trials = [desk.sealed(plan(name), **{"2024-03-01": people(1, 6)}) for name in names]
    rounded(desk, *trials)
    desk.sent("d-new", {"2024-03-08.csv": people(7, 10)})
    desk.sent("e-changed", {"2024-03-08.csv": works(7, 90)})
    before, outcomes = rounded(desk, *trials)
    shown = artifacts.shown_of(desk.store, Begun(), outcomes, before, most=2)
    assert [(one["trial"], one["verdict"], one["look"]) for one in shown.verdicts.rows] == [
        ("e-changed", "promote", 2),
        ("d-new", "keep going", 2),
    ]
    assert shown.verdicts.left_out == 3
    assert shown.verdicts.more == " 3 more are not listed."
    assert "| verdicts that changed | 1 |" in shown.summary


def test_an_empty_round_has_empty_tables(desk: Desk) -> None:
    """Nothing due is no fault: the tables are there, without rows, and the summary says that nothing failed."""
    shown = artifacts.shown_of(desk.store, Begun(), [], {})
    assert (shown.verdicts.rows, shown.refusals.rows, shown.quarantine.rows) == ((), (), ())
    assert "Nothing failed and nothing was refused." in shown.summary


def bad_rows(first: int, last: int, arm: str) -> list[str]:
    return [row(number, arm=arm) for number in range(first, last + 1)]


def test_rows_set_aside_are_told_by_reason_as_the_pages_tell_them(desk: Desk) -> None:
    """Twelve rows of one reason show as ten or more without the cell; nine of a reason, or in a trial, show nowhere."""
    many = csv_text([*bad_rows(1, 12, "secretarm"), *(row(number, well="often") for number in range(13, 22))])
    few = csv_text(bad_rows(1, 9, "secretarm") + [row(number) for number in range(10, 30)])
    trials = [desk.sealed(plan("many"), **{"2024-03-01": many}), desk.sealed(plan("few"), **{"2024-03-01": few})]
    before, outcomes = rounded(desk, *trials)
    shown = artifacts.shown_of(desk.store, Begun(), outcomes, before)
    assert {one["trial"] for one in shown.quarantine.rows} == {"many"}
    assert [(one["rows that wait"], one["rows"]) for one in shown.quarantine.rows] == [("20 or more", "12 or more")]
    assert "arm" in str(shown.quarantine.rows[0]["reason"])


def test_no_artifact_holds_an_id_or_a_cell(desk: Desk) -> None:
    """With ids and cells that can be told from everything else, none of them is in any artifact."""
    lines = [row(n, participant_id=f"zzid{n}") for n in range(1, 41)]
    lines += [row(n, participant_id=f"zzid{n}", arm="zzother") for n in range(41, 54)]
    trial = desk.sealed(plan("shown"), **{"2024-03-01": csv_text(lines)})
    broken = desk.sealed(plan("refused"), **{"2024-03-01": f"{HEADER},{HEADER}\nzzid1,zzarm,1,1,1,1,1,1\n"})
    before, outcomes = rounded(desk, trial, broken)
    shown = artifacts.shown_of(desk.store, Begun(), outcomes, before)
    tables = [list(each.rows) for each in (shown.verdicts, shown.refusals, shown.quarantine)]
    assert [len(table) for table in tables] == [1, 1, 1]
    assert "zz" not in json.dumps(tables) + shown.summary


@pytest.mark.usefixtures("prefect")
@pytest.mark.timeout(300)
def test_a_round_leaves_four_artifacts_and_an_event_per_crossing_in_prefect(desk: Desk) -> None:
    """One request each, whatever the number of trials; each artifact has its key and flow run, each event its trial."""
    from prefect import flow
    from prefect.client.orchestration import get_client

    trials = [desk.sealed(plan(f"good-{n}"), **{"2024-03-01": works(1, 60)}) for n in range(3)]
    before, outcomes = rounded(desk, *trials)

    @flow(name="round-with-artifacts", persist_result=False)
    def ended() -> Any:
        found = events.crossed(desk.store, outcomes, before)
        assert artifacts.round_artifacts(desk.store, Begun(), outcomes, before)
        return found

    found = run(ended)
    assert [(one.trial, one.claim) for one in found] == [(trial, "benefit") for trial in trials]
    with get_client(sync_client=True) as client:
        [made] = client._client.post("/flow_runs/filter", json={"flows": {"name": {"any_": [ended.name]}}}).json()
        asked = {"artifacts": {"flow_run_id": {"any_": [made["id"]]}}}
        kept = {one["key"]: one for one in client._client.post("/artifacts/filter", json=asked).json()}
    assert set(kept) == set(artifacts.KEYS.values())
    assert len(json.loads(kept[artifacts.KEYS["verdicts"]]["data"])) == 3
    assert {(one["resource"]["prefect.resource.id"], one["payload"]["claim"]) for one in sent()} == {
        (f"roadtest.trial.{trial}", "benefit") for trial in trials
    }


def sent() -> list[dict[str, Any]]:
    """The events of crossed claims that Prefect has, once those that are on their way are in."""
    import time

    from prefect.client.orchestration import get_client
    from prefect.events.worker import EventsWorker

    EventsWorker.drain_all(timeout=30)
    deadline = time.monotonic() + 60
    asked = {"filter": {"event": {"name": [events.CROSSED]}}, "limit": 50}
    with get_client(sync_client=True) as client:
        while time.monotonic() < deadline:
            found: list[dict[str, Any]] = client._client.post("/events/filter", json=asked).json()["events"]
            if len(found) >= 3:
                return found
    raise AssertionError("the events did not arrive")


def test_a_round_ends_well_when_its_artifacts_can_not_be_written(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Prefect is away: that is in the log with its reason, and whoever ended the round goes on."""

    def away(*_: Any) -> None:
        raise ConnectionError("nobody answers")

    monkeypatch.setattr(artifacts, "_write", away)
    monkeypatch.setattr(artifacts.log, "propagate", True)
    assert artifacts.round_artifacts(desk.store, Begun(), [], {}) is False
    assert "nobody answers" in caplog.text
