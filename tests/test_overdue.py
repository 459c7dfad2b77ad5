"""What a trial waits for in vain: judged from plan, arrivals and people alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trials.overdue import Arrivals, Failure, Overdue, Participant, expected_every, overdue
from trials.protocol import Protocol, from_content
from trials.records import ON_TIME
from trials.settling import Person, Version, order_key, settle

START = datetime(2024, 1, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def plan(*, dated: bool = True, source: dict[str, Any] | None = None, **changes: Any) -> Protocol:
    """Two sites; outcomes after four weeks (due on day 29 for who joined on day 0), reported within another twelve."""
    content = {
        "trial": "a-trial",
        "question": "?",
        "owner": "tests",
        "sites": [{"id": "A"}, {"id": "B"}],
        "arms": [{"id": "control", "role": "control"}, {"id": "idea"}],
        "primary": {
            "measure": "y",
            "kind": "binary",
            "better": "lower",
            "baseline": 0.4,
            "worthwhile": 0.2,
            "follow_up": "28 days",
        },
        "monitoring": {"max_participants": 400},
        "order_by": ["enrolled_on", "entry_order"] if dated else ["entry_order"],
        "source": {"connector": "folder", "path": "in", **(source or {})},
    }
    return from_content({**content, **changes})


def person(number: int, *, joined: float | None = 0, known: float | None = None, site: str = "A") -> Participant:
    at = None if known is None else day(known)
    return Participant(f"p{number}", site, None if joined is None else day(joined).date(), number, at, at)


def judged(protocol: Protocol, *people: Participant, at: float, **came: Any) -> Overdue:
    return overdue(protocol, Arrivals(**came), people, day(at))


def names(found: Overdue) -> tuple[list[str], list[str]]:
    return [one.participant_id for one in found.due], [one.participant_id for one in found.missing]


# The source


def test_a_source_is_overdue_when_longer_than_planned_nothing_came() -> None:
    """Exactly `every` after the last delivery it is not late yet; a day later it is late by a day."""
    weekly = plan(source={"every": "7 days"})
    assert judged(weekly, at=17, last_received_at=day(10), sealed_at=day(0)).source is None
    late = judged(weekly, at=18, last_received_at=day(10), sealed_at=day(0))
    assert late.source is not None
    assert (late.source.since, late.source.late_by, late.source.ever) == (day(10), timedelta(days=1), True)
    assert late.anything


def test_before_the_first_delivery_it_counts_from_the_seal() -> None:
    """A source that never sent anything is overdue since the plan was sealed; a plan without a seal waits for nothing."""
    weekly = plan(source={"every": "7 days"})
    late = judged(weekly, at=9, sealed_at=day(1)).source
    assert late is not None
    assert (late.since, late.ever, late.late_by) == (day(1), False, timedelta(days=1))
    assert judged(weekly, at=9).source is None


@pytest.mark.parametrize(
    ("source", "schedule", "days"),
    [
        ({"every": "2 weeks"}, "0 2 * * *", 14),
        ({}, "0 2 * * *", 1),
        ({}, "*/5 * * * *", 1),
        ({}, "0 2 * * 1-5", 3),
        ({}, "0 2 * * 1", 7),
        ({}, "0 2 1 * *", 31),
        ({}, "whenever", None),
        ({}, "0 0 30 2 *", None),
        ({}, None, None),
    ],
)
def test_how_often_a_delivery_is_expected(source: dict[str, Any], schedule: str | None, days: int | None) -> None:
    """By the plan's own word, else by the longest wait of its schedule, a day at least; of neither nothing is expected."""
    found = expected_every(plan(source=source, schedule=schedule), day(0))
    assert found == (None if days is None else timedelta(days=days))
    if days is None:
        assert judged(plan(source=source, schedule=schedule), at=999, sealed_at=day(0)).source is None


def test_a_trial_that_has_everybody_waits_for_no_source() -> None:
    """With the planned people in and every outcome known or missing for good, no delivery is overdue; before that, it is."""
    small = plan(source={"every": "7 days"}, monitoring={"max_participants": 2})
    came = {"at": 300, "last_received_at": day(40), "sealed_at": day(0)}
    assert judged(small, person(1, known=30), person(2), **came).source is None
    assert judged(small, person(1, known=30), **came).source is not None
    assert judged(small, person(1, known=30), person(2, joined=290), **came).source is not None


def test_a_replayed_trial_waits_for_no_source_and_no_site() -> None:
    """A finished data set is never sent again."""
    done = plan(source={"every": "7 days"}, retrospective=True)
    found = judged(done, person(1), at=60, sealed_at=day(0))
    assert (found.source, found.silent) == (None, ())


# People


def test_people_are_due_from_the_close_of_follow_up_and_missing_after_the_reporting_time() -> None:
    """Joined on day 0: due from day 29, missing from day 113 (84 days later) on; the boundaries belong to the later state."""
    assert names(judged(plan(), person(1), at=28.9)) == ([], [])
    assert names(judged(plan(), person(1), at=29)) == (["p1"], [])
    assert names(judged(plan(), person(1), at=112.9)) == (["p1"], [])
    found = judged(plan(), person(1), at=113)
    assert names(found) == ([], ["p1"])
    assert (found.missing[0].due, found.missing[0].closes) == (day(29), day(113))


def test_a_report_from_before_the_close_is_no_outcome() -> None:
    """What was known on day 20 says nothing of day 29; a finished data set's values count as known at the close."""
    assert names(judged(plan(), person(1, known=20), at=30)) == (["p1"], [])
    assert names(judged(plan(), person(1, known=29), at=30)) == ([], [])
    loaded = Participant("p1", "A", day(0).date(), 1, ON_TIME, ON_TIME)
    assert names(judged(plan(), loaded, at=30)) == ([], [])


@given(joined=st.integers(0, 60), known=st.none() | st.integers(0, 200), at=st.integers(0, 200), on_time=st.booleans())
def test_who_is_settled_is_never_waited_for(joined: int, known: int | None, at: int, on_time: bool) -> None:
    """Due = the evidence still waits for the person; missing or reported = it has settled them (`trials.settling.settle`)."""
    protocol = plan()
    effective = None if known is None else ON_TIME if on_time else day(known)
    versions = () if effective is None or effective > day(at) else (Version(1, 1.0, effective, effective),)
    enrolled: date = day(joined).date()
    who = Person(order_key(protocol, enrolled, 1), 1, enrolled, "A", "idea", versions)
    times = (effective, effective) if versions else (None, None)
    found = overdue(protocol, Arrivals(), [Participant("p1", "A", enrolled, 1, *times)], day(at))
    settled = settle(protocol, who, day(at))
    if found.due:
        assert settled is None
    if found.missing:
        assert settled is not None
        assert settled.value is None
    if not found.due and not found.missing:
        due = protocol.due_at(enrolled)
        assert due is not None
        assert day(at) < due or settled is not None


def test_undated_people_are_never_due() -> None:
    """Without dates nothing falls due, so nobody is listed."""
    assert names(judged(plan(dated=False), person(1, joined=None), at=999)) == ([], [])


def test_people_are_counted_by_site_and_listed_by_due_date() -> None:
    """Two sites, both states; who waits longest comes first."""
    people = [person(1, joined=80), person(2, joined=0, site="B"), person(3, joined=70), person(4, joined=75, site="B")]
    found = judged(plan(), *people, at=113)
    assert names(found) == (["p3", "p4", "p1"], ["p2"])
    assert found.by_site() == {("A", "due"): 2, ("A", "missing"): 0, ("B", "due"): 1, ("B", "missing"): 1}


# Sites


def test_a_site_is_silent_when_it_owes_outcomes_and_told_nothing_for_four_weeks() -> None:
    """Site B told something on day 40 and A on day 41: on day 69 B is silent, A is not yet."""
    people = [person(1, joined=20), person(2, joined=20, site="B")]
    told = {"A": day(41), "B": day(40)}
    found = judged(plan(), *people, at=69, by_site=told)
    assert [(one.site, one.since) for one in found.silent] == [("B", day(40))]


def test_patience_is_twice_the_interval_when_that_is_longer() -> None:
    """Of a site that sends every four weeks nothing for eight is no silence."""
    monthly = plan(source={"every": "28 days"})
    told = {"A": day(0), "B": day(400)}
    assert judged(monthly, person(1, joined=10), at=56, by_site=told).silent == ()
    assert [one.site for one in judged(monthly, person(1, joined=10), at=57, by_site=told).silent] == ["A"]


def test_a_site_that_owes_nothing_may_be_silent() -> None:
    """Nobody joined there, everybody is reported, or nobody is due yet: silence is no fault."""
    assert judged(plan(), at=400).silent == ()
    assert judged(plan(), person(1, known=30), at=400, by_site={"A": day(30)}).silent == ()
    assert judged(plan(), person(1, joined=380), at=400, by_site={"A": day(350)}).silent == ()


def test_a_site_that_never_reported_stays_listed_when_its_people_have_gone_missing() -> None:
    """Enrolled from the list, never heard of: silent from the first due person on, also after the reporting time."""
    for at, silent in ((28, []), (30, [("A", None)]), (400, [("A", None)])):
        found = judged(plan(), person(1), at=at)
        assert [(one.site, one.since) for one in found.silent] == silent


def test_people_who_were_missing_before_a_site_spoke_again_are_no_silence() -> None:
    """A site that sent long after somebody fell due, and has nobody else, has told what it had to tell."""
    assert judged(plan(), person(1), at=400, by_site={"A": day(200)}).silent == ()
    assert [one.site for one in judged(plan(), person(1), at=400, by_site={"A": day(20)}).silent] == ["A"]


# Allocation numbers and attempts


def test_numbers_that_nobody_was_reported_under_are_waited_for_until_the_next_person_is_missing() -> None:
    """People 1, 4 and 6 are in: 2, 3 and 5 are waited for; after day 113 person 4's reporting time is over, and theirs."""
    people = [person(1), person(4), person(6, joined=10)]
    assert judged(plan(), *people, at=50).holes == (2, 3, 5)
    assert judged(plan(), *people, at=113).holes == (5,)
    assert judged(plan(), *people, at=123).holes == ()
    assert judged(plan(dated=False), person(3, joined=None), at=999).holes == (1, 2)


def test_failed_attempts_are_passed_on() -> None:
    """What failed since the last good delivery calls for somebody."""
    failure = Failure(day(3), "failed", "the folder is not there")
    found = judged(plan(), at=4, failures=(failure,))
    assert found.failures == (failure,)
    assert found.anything
    assert not judged(plan(), at=4).anything
