"""When a trial is looked at next, by its plan."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.dashboards.making import plan
from trials.acts.act import CLOSED
from trials.comparing import design_of
from trials.next_look import NextLook, next_look, planned_places
from trials.sequential.grouped.planned_looks import planned

CAME = datetime(2024, 3, 4, 9, tzinfo=UTC)  # a Monday
FOLDER = {"connector": "folder", "path": "made"}


def test_the_next_delivery_is_due_so_long_after_the_last_one() -> None:
    """By `source.every`; what is still to come is not late, what did not come is, from the next moment on."""
    weekly = plan("weekly", source={**FOLDER, "every": "7 days"})
    due = CAME + timedelta(days=7)
    assert next_look(weekly, "sealed", CAME, 40, due) == NextLook("date", at=due, late=False)
    assert next_look(weekly, "sealed", CAME, 40, due + timedelta(seconds=1)) == NextLook("date", at=due, late=True)


def test_a_schedule_says_it_where_the_source_does_not() -> None:
    """Its next time after what came last; `source.every` goes before it."""
    daily = plan("daily", schedule="0 6 * * 1-5")
    assert next_look(daily, "sealed", CAME, 40, CAME).at == datetime(2024, 3, 5, 6, tzinfo=UTC)
    friday = datetime(2024, 3, 8, 9, tzinfo=UTC)
    assert next_look(daily, "sealed", friday, 40, friday).at == datetime(2024, 3, 11, 6, tzinfo=UTC)
    both = plan("both", schedule="0 6 * * 1-5", source={**FOLDER, "every": "7 days"})
    assert next_look(both, "sealed", CAME, 40, CAME).at == CAME + timedelta(days=7)


def test_where_nobody_says_when_it_is_with_the_next_file() -> None:
    """No date is guessed; before anything came it is the first file."""
    assert next_look(plan("open"), "sealed", CAME, 40, CAME) == NextLook("file")
    assert next_look(plan("open"), "sealed", None, 0, CAME) == NextLook("first file")


@pytest.mark.parametrize("looks", [1, 3, 7, (0.3, 0.55, 1)])
def test_planned_looks_are_by_people_at_the_methods_own_places(looks: object) -> None:
    """The first place that the people accounted for have not reached; after the last one there is none."""
    grouped = plan("grouped", monitoring={"method": "group-sequential", "looks": looks, "max_participants": 300})
    places = planned(design_of(grouped))
    assert planned_places(grouped) == places
    for before, place in zip((0, *places), places, strict=False):
        for accounted in (before, place - 1):
            assert next_look(grouped, "sealed", CAME, accounted, CAME) == NextLook("people", place)
    assert next_look(grouped, "sealed", CAME, places[-1], CAME) == NextLook("over")


@pytest.mark.parametrize("state", CLOSED)
def test_a_closed_trial_has_no_next_look(state: str) -> None:
    """Nor has a replay of a finished one; a plan that nobody sealed waits for its seal."""
    assert next_look(plan("done"), state, CAME, 40, CAME) == NextLook("over")
    assert next_look(plan("done", retrospective=True), "sealed", CAME, 40, CAME) == NextLook("over")
    assert next_look(plan("new"), "registered", None, 0, CAME) == NextLook("unsealed")
