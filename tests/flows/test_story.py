"""The demo's story: its weeks, its plans, and that no round runs over one of its steps."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from flows import story
from flows.demo import SIMULATED, WEEKS_A_ROUND, examples, load_protocols, rounds
from trials import gate
from trials.errors import GateError
from trials.protocol import from_file

FOLDER = examples() / SIMULATED / "story"


@pytest.mark.parametrize("quick", [1, 4, 45, 70, 150])
def test_rounds_stop_where_the_story_goes_on(quick: int) -> None:
    """They cover all weeks, none is longer than a round may be, and each step of the story finds its week at an end."""
    found = list(rounds(quick))
    assert [found[0][0], found[-1][1]] == [0, quick]
    assert all(before[1] == after[0] for before, after in pairwise(found))
    assert all(0 < last - first <= WEEKS_A_ROUND for first, last in found)
    assert {week for week in story.boundaries() if 0 < week <= quick} <= {last for _, last in found}


def test_the_draft_is_refused_and_what_became_of_it_passes() -> None:
    """The same trial with the same people: as an effect trial refused, as a feasibility trial sealed."""
    draft = from_file(FOLDER / story.DRAFT)
    [changed] = [protocol for protocol in load_protocols() if protocol.trial == draft.trial]
    assert (draft.purpose, changed.purpose) == ("effect", "feasibility")
    assert draft.monitoring.max_participants == changed.monitoring.max_participants
    with pytest.raises(GateError, match="must be in at least 50 of 100"):
        gate.must_pass(draft)
    gate.must_pass(changed)


def test_the_pilot_asks_what_its_predecessor_asked() -> None:
    """It continues all five, at one site, with more people, and every criterion of the winner's gate is in its own."""
    pilot = from_file(FOLDER / story.PILOT)
    plans = {protocol.trial: protocol for protocol in load_protocols() if protocol.simulated}
    winner = plans[story.STRENGTHS]
    assert set(pilot.continues) == set(plans)
    assert (len(pilot.sites), pilot.stage, pilot.prototype) == (1, "pilot", winner.prototype)
    assert pilot.monitoring.max_participants > winner.monitoring.max_participants
    assert winner.gate is not None
    assert pilot.gate is not None
    assert {one.id for one in winner.gate.criteria} <= {one.id for one in pilot.gate.criteria}


def test_staff_times_are_of_people_who_learn() -> None:
    """The file beside the story has weeks within each person's own practice, none after the upload."""
    rows = Path(FOLDER / "staff-time-a.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0] == "staff,week,tenure_weeks,cases,minutes"
    assert len({row.split(",")[0] for row in rows[1:]}) == 8
