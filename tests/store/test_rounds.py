"""At most one round at a time; what a late run is covered by; how long a trial that failed rests."""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier, Thread

import pytest

from tests.store.conftest import day, plan, sealed
from trials.acts.erasing import Erased
from trials.due import is_due
from trials.store import amendments, decisions, erasures, rounds
from trials.store.engine import Store

HOUR = timedelta(hours=1)


def begun(store: Store, at: float, **how: object) -> rounds.Round | rounds.Skipped:
    return rounds.begin(store, day(at), host="here", pid=1, **how)  # type: ignore[arg-type]


def done(store: Store, at: float, state: rounds.State = "completed") -> rounds.Round:
    one = begun(store, at)
    assert isinstance(one, rounds.Round)
    rounds.end(store, one.id, day(at) + HOUR, state, rounds.Counts(due=3, done=3))
    return one


def test_a_round_is_kept_as_it_went(store: Store) -> None:
    """What it was due for and what it came to is read back, the newest first."""
    first, second = done(store, 0), begun(store, 1, flow_run="f", scheduled_for=day(1))
    assert isinstance(second, rounds.Round)
    listed = rounds.listed(store)
    assert [one.id for one in listed] == [second.id, first.id]
    assert listed[0] == second
    assert (listed[1].state, listed[1].counts, listed[1].ended_at) == (
        "completed",
        rounds.Counts(due=3, done=3),
        day(0) + HOUR,
    )
    assert rounds.newest(store) == second


def test_only_one_of_many_that_begin_at_once_runs(store: Store) -> None:
    """Of six that begin in the same moment one is the round, and the others name it."""
    ready, found = Barrier(6), []

    def go() -> None:
        ready.wait()
        found.append(begun(store, 0))

    threads = [Thread(target=go) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    [running] = [one for one in found if isinstance(one, rounds.Round)]
    assert [one.by.id for one in found if isinstance(one, rounds.Skipped)] == [running.id] * 5


def test_a_round_that_beats_is_left_alone_and_a_silent_one_is_not(store: Store) -> None:
    """90 seconds after its last word a round is interrupted, and the next one begins."""
    first = begun(store, 0)
    assert isinstance(first, rounds.Round)
    assert rounds.beat(store, first.id, day(1))
    assert begun(store, 1 + 60 / 86_400) == rounds.Skipped("running", rounds.listed(store)[0])
    second = begun(store, 1 + 120 / 86_400)
    assert isinstance(second, rounds.Round)
    assert [one.state for one in rounds.listed(store)] == ["running", "interrupted"]
    assert not rounds.beat(store, first.id, day(2))
    # It was alive after all: what it did is kept.
    rounds.end(store, first.id, day(2), "completed", rounds.Counts(due=1, done=1))
    assert rounds.listed(store)[1].state == "completed"


def test_a_round_whose_process_is_gone_keeps_nobody_waiting(store: Store) -> None:
    """Whoever knows that takes its place at once, though it was heard of a moment ago."""
    first = begun(store, 0)
    assert isinstance(begun(store, 0, gone=lambda one: one != first), rounds.Skipped)
    assert isinstance(begun(store, 0, gone=lambda one: one == first), rounds.Round)
    assert [one.state for one in rounds.listed(store)] == ["running", "interrupted"]


@pytest.mark.parametrize("days", [-3, 3])
def test_a_clock_that_jumps_keeps_no_round_waiting(store: Store, days: int) -> None:
    """However far and whichever way the clock goes, a round that fell silent is over."""
    begun(store, 10)
    assert isinstance(begun(store, 10 + days), rounds.Round)


def test_the_same_flow_run_again_is_no_second_round(store: Store) -> None:
    """A flow run that is started anew (its worker was killed) takes the place of what it was."""
    begun(store, 0, flow_run="one")
    again = begun(store, 0.0001, flow_run="one")
    assert isinstance(again, rounds.Round)
    assert [one.state for one in rounds.listed(store)] == ["running", "interrupted"]


def test_after_three_nights_there_is_one_catch_up(store: Store) -> None:
    """Of the runs of three nights the first does the work; the others were due before it began."""
    done(store, 0)
    late = [begun(store, 3.5, scheduled_for=day(1))]
    assert isinstance(late[0], rounds.Round)
    rounds.end(store, late[0].id, day(3.6), "with_failures", rounds.Counts())
    late += [begun(store, 3.7, scheduled_for=day(2)), begun(store, 3.7, scheduled_for=day(3))]
    assert [isinstance(one, rounds.Skipped) and one.reason for one in late[1:]] == ["covered", "covered"]
    assert isinstance(begun(store, 4.1, scheduled_for=day(4)), rounds.Round)


@pytest.mark.parametrize("state", ["failed", "interrupted"])
def test_a_round_that_did_not_do_its_work_covers_nothing(store: Store, state: rounds.State) -> None:
    """The run behind one that failed as a whole does the work."""
    done(store, 2, state)
    assert isinstance(begun(store, 3, scheduled_for=day(1)), rounds.Round)


def test_a_round_of_the_future_covers_nothing(store: Store) -> None:
    """A clock that was a month ahead must not silence the schedule for a month."""
    done(store, 30)
    assert isinstance(begun(store, 1, scheduled_for=day(1)), rounds.Round)


def test_waits_double_and_end_with_what_is_done(store: Store) -> None:
    """5 minutes, 10, 20 ... 12 hours; the first good round forgets them; unknown trials are left out."""
    sealed(store, plan("a-trial"))
    sealed(store, plan("b-trial"))
    waits = []
    for _ in range(10):
        rounds.note(store, day(1), failed={"a-trial": "no file", "unknown": "x"}, done=["b-trial"])
        one = rounds.work_of(store)["a-trial"]
        assert one.next_try_at is not None
        waits.append((one.next_try_at - day(1)).total_seconds() / 60)
    assert waits == [5, 10, 20, 40, 80, 160, 320, 640, 720, 720]
    assert set(rounds.work_of(store)) == {"a-trial", "b-trial"}
    assert (one.failures, one.error, one.done_at) == (10, "no file", None)
    assert one.rests(day(1.4))
    assert not one.rests(day(1.6))
    assert not one.rests(day(-3))
    rounds.note(store, day(2), failed={}, done=["a-trial"])
    assert rounds.work_of(store, ["a-trial"]) == {"a-trial": rounds.TrialWork("a-trial", done_at=day(2))}


def test_schedules_are_those_of_current_plans(store: Store) -> None:
    """Only trials whose plan names one are told, with their own."""
    sealed(store, plan("a-trial").model_copy(update={"schedule": "0 2 * * *"}))
    sealed(store, plan("b-trial"))
    assert rounds.schedules(store) == {"a-trial": "0 2 * * *"}


@pytest.mark.parametrize(("before", "after"), [("0 2 * * *", "0 5 * * 1"), ("0 2 * * *", None), (None, "0 5 * * 1")])
def test_an_amended_trial_goes_by_its_new_schedule(store: Store, before: str | None, after: str | None) -> None:
    """The version that was amended is stored still, and its schedule counts no more; one that was taken away is gone."""
    first = plan("a-trial").model_copy(update={"schedule": before})
    sealed(store, first)
    changed = first.model_copy(update={"schedule": after})
    words = {"reason": "Staff changed", "impact": "None expected", "by": "Ann", "approved_by": "Bea"}
    amendments.amend(store, "a-trial", changed, **words, at=day(1), now=day(1))
    assert rounds.schedules(store) == ({} if after is None else {"a-trial": after})


def test_nothing_is_noted_of_a_trial_whose_key_was_destroyed(store: Store) -> None:
    """Neither that its work failed nor that it was done, while the same of another trial is kept."""
    for name in ("a-trial", "b-trial"):
        sealed(store, plan(name))
    words = {"reason": "it is over", "lesson": "ask people early what they need", "reuse": "nothing"}
    decisions.decide(store, "a-trial", "stop", by="Ann", at=day(1), reason_code="funding", second="Bea", **words)
    erasures.say_erased(store, "a-trial", Erased(key="", reason="it is over", second="Bea"), by="Ann", at=day(2))
    rounds.note(store, day(3), failed={"a-trial": "the key is gone", "b-trial": "no file"}, done=[])
    assert set(rounds.work_of(store)) == {"b-trial"}
    rounds.note(store, day(4), failed={}, done=["a-trial", "b-trial"])
    assert set(rounds.work_of(store)) == {"b-trial"}


@pytest.mark.parametrize(
    ("schedule", "last", "now", "due"),
    [
        (None, 0.0, 0.0, True),
        ("0 2 * * *", None, 0.0, True),
        ("0 2 * * *", 0.0, 1 / 24, False),
        ("0 2 * * *", 0.0, 2 / 24, True),
        ("0 2 * * *", 0.0, 9.0, True),
        ("0 2 * * *", 5.0, 1.0, True),  # done in the future: the clock was set back
        ("0 2 29 2 *", 60.0, 900.0, False),  # the next leap year
        ("nonsense", 0.0, 0.1, True),
    ],
)
def test_due_is_what_the_schedule_came_round_for(
    schedule: str | None, last: float | None, now: float, due: bool
) -> None:
    """A tick since the work was last done makes a trial due, one tick or many."""
    assert is_due(schedule, None if last is None else day(last), day(now)) is due
