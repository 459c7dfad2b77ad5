"""What the trials wait for, from the store to the words and the JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from flows import work
from flows.overdue import Awaiting, note_attempts, overdue_all, overdue_json, overdue_text
from tests.flows.making import NOW, SEALED_AT, Desk, people, plan
from trials.errors import UnknownTrialError
from trials.overdue import Awaited, Failure, Overdue, SilentSite, SourceOverdue
from trials.protocol import Protocol

JOINED = date(2024, 1, 10)  # follow-up of 28 days closes on 8 February, the reporting time ends on 2 May 2024
DUE = datetime(2024, 3, 1, tzinfo=UTC)


def weekly(trial: str = "first-trial", **changes: Any) -> Protocol:
    source = {"connector": "folder", "path": f"sources/{trial}", "every": "7 days"}
    return plan(trial, source=source, **changes)


def dated(trial: str = "first-trial") -> Protocol:
    primary = {
        "measure": "well",
        "kind": "binary",
        "better": "higher",
        "baseline": 0.4,
        "worthwhile": 0.2,
        "follow_up": "28 days",
    }
    return weekly(
        trial, primary=primary, order_by=["enrolled_on", "entry_order"], sites=[{"id": "North"}, {"id": "South"}]
    )


def joined(numbers: range) -> str:
    """People of North who joined on one day and of whom no outcome is known yet."""
    lines = [f"p{number:03d},{'new' if number % 2 == 0 else 'usual'},{number},{JOINED},North," for number in numbers]
    return "\n".join(["participant_id,arm,entry_order,enrolled_on,site,well", *lines, ""])


def test_an_overdue_source_is_found_in_the_store(desk: Desk) -> None:
    """Collected on 3 June, expected weekly: on 17 June a week late; another trial that got something is not."""
    late = desk.sealed(weekly(), **{"2024-06-01": people(1, 4)})
    fine = desk.sealed(weekly("second-trial"), **{"2024-06-01": people(1, 4)})
    desk.collect(late, fine)
    desk.sent(fine, {"2024-06-15.csv": people(5, 8)})
    desk.collect(fine, clock=work.Clock(NOW + timedelta(days=13)))
    first, second = overdue_all(desk.store, NOW + timedelta(days=14))
    assert first.source is not None
    assert (first.source.since, first.source.late_by) == (NOW, timedelta(days=7))
    assert second.source is None
    assert "a delivery: the last one came 2024-06-03, one is expected every 7 days; 7 days late" in overdue_text(first)
    assert overdue_text(second) == "second-trial: nothing is overdue."


def test_people_without_an_outcome_are_counted_and_only_on_demand_named(desk: Desk) -> None:
    """Twelve people of North are due; the site is silent; pseudonyms only for the custodian, and never an id."""
    trial = desk.sealed(dated(), **{"2024-01-11": joined(range(1, 13))})
    [receipt] = desk.collect(trial, clock=work.Clock(datetime(2024, 1, 11, tzinfo=UTC)))[trial].receipts
    assert receipt.accepted == 12
    [found] = overdue_all(desk.store, DUE, [trial])
    body = overdue_json(found)
    assert body["people"] == {"due": 12, "missing": 0, "by_site": {"North": {"due": 12, "missing": 0}}}
    assert body["silent_sites"] == [{"site": "North", "since": "2024-01-11T00:00:00+00:00"}]
    assert "participants" not in body
    named = overdue_json(found, people=True)["participants"]
    assert len(named) == 12
    assert (named[0]["due"], named[0]["closes"], named[0]["missing"]) == ("2024-02-08", "2024-05-02", False)
    assert not any(one["participant"].startswith("p0") for one in named)
    assert "12 people, which can still be reported (North 12)" in overdue_text(found)
    assert named[0]["participant"] in overdue_text(found, people=True)
    assert named[0]["participant"] not in overdue_text(found)


def test_a_failed_source_is_kept_until_it_answers(desk: Desk) -> None:
    """Two rounds without the folder are two failures; the third finds it again and ends them; a quiet one leaves no trace."""
    trial = desk.sealed(weekly())
    (desk.home / "sources" / trial).rmdir()
    for days in (1, 2):
        note_attempts(desk.store, work.read_all(desk.store, desk.door, [trial]), NOW + timedelta(days=days))
    [found] = overdue_all(desk.store, NOW + timedelta(days=3))
    assert [(one.at, one.kind) for one in found.failures] == [
        (NOW + timedelta(days=1), "failed"),
        (NOW + timedelta(days=2), "failed"),
    ]
    assert "2 attempts have failed since the last good one" in overdue_text(found)
    (desk.home / "sources" / trial).mkdir()
    note_attempts(desk.store, work.read_all(desk.store, desk.door, [trial]), NOW + timedelta(days=3))
    [found] = overdue_all(desk.store, NOW + timedelta(days=3))
    assert found.failures == ()
    before = desk.contents()
    note_attempts(desk.store, work.read_all(desk.store, desk.door, [trial]), NOW + timedelta(days=4))
    assert desk.contents() == before


def test_what_is_no_source_failure_is_not_kept(desk: Desk) -> None:
    """A trial that is not sealed failed for a reason of its own."""
    work.register_trial(desk.store, plan(), by="Ann", at=SEALED_AT)
    before = desk.contents()
    note_attempts(desk.store, work.read_all(desk.store, desk.door, ["first-trial", "unknown"]), NOW)
    assert desk.contents() == before


def test_trials_that_are_not_sealed_wait_for_nothing(desk: Desk) -> None:
    """They are left out; a name that nobody registered is refused."""
    work.register_trial(desk.store, plan(), by="Ann", at=SEALED_AT)
    assert overdue_all(desk.store, NOW) == []
    assert overdue_all(desk.store, NOW, ["first-trial"]) == []
    with pytest.raises(UnknownTrialError, match="Did you mean 'first-trial'"):
        overdue_all(desk.store, NOW, ["first-tril"])


def test_the_queries_do_not_grow_with_the_trials(desk: Desk) -> None:
    """All of eight trials cost as many queries as one."""
    sent: list[str] = []
    event.listen(desk.store.engine, "before_cursor_execute", lambda *words: sent.append(words[2]))
    counts = set()
    for numbers in (range(1), range(1, 8)):
        trials = [desk.sealed(weekly(f"trial-{number}"), **{"2024-06-01": people(1, 2)}) for number in numbers]
        desk.collect(*trials)
        sent.clear()
        assert len(overdue_all(desk.store, NOW + timedelta(days=30))) == numbers.stop
        counts.add(len([one for one in sent if one != "BEGIN"]))
    assert len(counts) == 1


def example(due: int, missing: int) -> Overdue:
    """An overdue trial of one site with so many people in each state."""

    def people(word: str, count: int) -> tuple[Awaited, ...]:
        return tuple(Awaited(f"{word}{number}", "A", NOW, NOW + timedelta(days=84)) for number in range(count))

    return Overdue(
        *("a-trial", NOW, timedelta(days=7)),
        source=SourceOverdue(NOW, timedelta(days=7), timedelta(days=2.5), ever=False),
        silent=(SilentSite("A", None, 12), SilentSite("B", NOW, 1)),
        due=people("d", due),
        missing=people("m", missing),
        holes=(3, 4),
        failures=(Failure(NOW, "refused", "x.csv: no header"),),
    )


def test_small_numbers_of_people_are_hidden() -> None:
    """Three due and 27 missing: none of it tells that it is three, nor 27; nobody due and three due look alike."""
    three, none = (Awaiting.of(example(due, 27), small=False) for due in (3, 0))
    body = overdue_json(three)
    assert body == overdue_json(none)
    assert body["people"] == {"due": None, "missing": 20, "by_site": {"A": {"due": None, "missing": 20}}}
    assert body["holes"] is None
    text = overdue_text(three)
    assert text == overdue_text(none)
    assert "outcomes of 20 or more people, which are missing for good (A 20 or more)" in text
    assert overdue_json(replace(three, holes=tuple(range(12))))["holes"] == 10
    calm = [replace(example(due, 0), source=None, silent=(), failures=()) for due in (3, 0)]
    quiet = [Awaiting.of(one, small=False) for one in calm]
    assert [one.anything for one in quiet] == [False, False]
    assert overdue_text(quiet[0]) == "a-trial: nothing is overdue but of fewer than 10 people, if any."
    assert overdue_json(example(3, 27))["people"] == {
        "due": 3,
        "missing": 27,
        "by_site": {"A": {"due": 3, "missing": 27}},
    }


def test_the_json_has_the_documented_fields_and_is_json() -> None:
    """All of it survives JSON; `null` where there is nothing."""
    body = json.loads(json.dumps(overdue_json(example(12, 15), people=True)))
    assert body["source"] == {"since": NOW.isoformat(), "ever": False, "late_days": 2.5}
    assert (body["every_days"], body["anything"], len(body["participants"])) == (7.0, True, 27)
    assert body["failures"] == [{"at": NOW.isoformat(), "kind": "refused", "sentence": "x.csv: no header"}]
    assert body["hole_numbers"] == [3, 4]
    quiet = overdue_json(Overdue("a-trial", NOW))
    assert (quiet["source"], quiet["every_days"], quiet["anything"]) == (None, None, False)
    assert quiet["people"] == {"due": 0, "missing": 0, "by_site": {}}


def test_the_text_says_each_thing_once() -> None:
    """Source, attempts, sites, people and numbers, a line each; with people, who they are."""
    text = overdue_text(example(12, 15), people=True)
    for line in (
        "none has come since the seal, 2024-06-03",
        "a delivery that was refused: x.csv: no header (2024-06-03)",
        "site A: has never told anything, though people of its are due",
        "site B: has told nothing new since 2024-06-03",
        "outcomes of 12 people, which can still be reported (A 12)",
        "outcomes of 15 people, which are missing for good (A 15)",
        "2 allocation numbers that nobody was reported under",
        "d0 at A: due since 2024-06-03, missing from 2024-08-26 on",
        "allocation numbers: 3, 4",
    ):
        assert text.count(line) == 1, line
