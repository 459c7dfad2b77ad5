"""A programme's figures: definitions, sums that hide nothing negative, and what the ledger gives them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.portfolio import figures_json, figures_text, portfolio_json, portfolio_text
from tests.flows.making import plan
from trials import programme
from trials.acts.deciding import DECISION, Answered, Decision, Grounds
from trials.acts.ideas import IDEA, Idea
from trials.plan.costs import Costs
from trials.plan.progression import Criterion
from trials.programme import Days, Life, achievement, ending, figures, spared
from trials.protocol import Protocol
from trials.reach import fixed_size
from trials.store import acts, granting, ledger
from trials.store.engine import Store, open_store
from trials.store.programme import lives, planned_people

AT = datetime(2026, 1, 5, tzinfo=UTC)
PLAN = plan("a-trial").model_copy(update={"programme": "north"})


def life(
    state: str = "dropped",
    verdict: str | None = "drop",
    *,
    enrolled: int = 86,
    planned: int | None = 300,
    days: int = 100,
    claims: tuple[str, ...] = (),
    concerns: tuple[str, ...] = (),
    answers: tuple[Answered, ...] = (),
    protocol: Protocol = PLAN,
    **changes: Any,
) -> Life:
    """A closed trial of the plan above, by default a dropped one that 86 of 300 people had joined."""
    closed = state not in ("registered", "sealed")
    grounds = Grounds(verdict=verdict, claims=claims, concerns=concerns)
    decision = Decision(what="stop", grounds=grounds, answers=answers) if closed else None
    found = Life(protocol, state, AT, True, enrolled, planned if closed else None, verdict, decision)
    return replace(found, decided_at=AT + timedelta(days=days) if closed else None, **changes)


def changed(**changes: Any) -> Protocol:
    return PLAN.model_copy(update=changes)


CRITERION = Criterion(id="joined", asks="recruitment", text="people a month", green=10, red=5)
FEASIBLE = changed(purpose="feasibility", progression=(CRITERION,))
ANSWER = Answered(id="joined", value=3, light="red", source="ledger")


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (life("sealed", "keep_going"), "running"),
        (life("registered", None), "running"),
        (life("dropped", "drop"), "learned"),
        (life("promoted", "promote"), "learned"),
        (life("stopped", "stop_for_harm"), "learned"),
        (life("stopped", "keep_going"), "uninformative"),
        (life("stopped", None), "uninformative"),
        (life("stopped", "cant_tell"), "uninformative"),
        (life("stopped", "cant_tell", claims=("benefit", "dud")), "learned"),
        (life("stopped", "cant_tell", claims=("benefit", "dud"), concerns=("sample_ratio",)), "uninformative"),
        (life("stopped", "cant_tell", claims=("benefit",)), "uninformative"),
        (replace(life("stopped", None), verdict="drop"), "uninformative"),  # a look after the decision
        (life("stopped", "keep_going", protocol=FEASIBLE, answers=(ANSWER,)), "learned"),
        (life("stopped", "promote", protocol=FEASIBLE), "uninformative"),
        (life("stopped", "stop_for_harm", protocol=FEASIBLE), "learned"),
    ],
)
def test_what_was_learned(one: Life, expected: str) -> None:
    """A verdict answers, so do both claims together without a concern, and every criterion of a feasibility trial."""
    assert ending(one) == expected


def test_the_figures_of_a_programme() -> None:
    """Counts, days in the middle with their range, and people against the fixed-size plan, worked out by hand."""
    told = figures(
        [
            life("dropped", "drop", days=50),
            life("promoted", "promote", enrolled=200, days=100, from_idea=False),
            life("stopped", "cant_tell", enrolled=320, days=400),
            life("rerun", "cant_tell", enrolled=40, days=10),
            life("sealed", "keep_going", enrolled=120),
        ]
    )
    everything, north = told
    assert everything == replace(north, programme=None)
    assert (north.programme, north.trials, north.running, north.closed) == ("north", 5, 1, 4)
    assert (north.learned, north.uninformative) == (2, 2)
    assert (north.dropped_early, north.promoted_early, north.reruns) == (1, 1, 1)
    assert north.days == Days(75.0, 10, 400, 4, 3)
    assert (north.released.people, north.released.trials, north.released.beyond) == (214 + 100 - 20, 3, 1)


def test_simulated_trials_stand_apart_and_replays_are_left_out() -> None:
    """Made-up people are never added to real ones; a replay decided nothing."""
    told = figures(
        [
            life(protocol=changed(simulated=True)),
            life(protocol=changed(programme="", trial="alone")),
            life(protocol=changed(retrospective=True)),
        ]
    )
    assert [(one.programme, one.simulated, one.trials) for one in told] == [
        (None, False, 1),
        ("alone", False, 1),
        (None, True, 1),
        ("north", True, 1),
    ]
    assert figures([]) == ()


def test_a_programme_beyond_its_plan_says_so() -> None:
    """More people than planned stand below zero, in the sum and in words."""
    one = life("stopped", "cant_tell", enrolled=350)
    [told, _] = figures([one])
    assert (told.released.people, spared(one)) == (-50, -50)
    text = figures_text(figures([one]), [one])
    assert "over 1 closed trial: -50 people" in text
    assert "1 trial took more people than that plan, which is taken off" in text
    assert "a-trial: took 50 people more than the fixed-size plan." in text


def test_few_people_are_not_given_away() -> None:
    """A trial that fewer than ten joined is in no sum, and nothing is said of how many it spared."""
    few, many = life(enrolled=7), life(protocol=changed(trial="other"))
    [told, _] = figures([few, many])
    assert (told.released.people, told.released.trials, told.released.small) == (214, 1, 1)
    assert spared(few) is None
    text = figures_text(figures([few, many]), [few, many])
    assert "293" not in text
    assert "1 trial left out: so few people joined" in text
    assert figures_json(figures([few]), [few])["ends"][0]["spared"] is None


def test_hours_and_money_come_from_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """People times what each costs; plans without costs are counted as such, and money is kept by currency."""
    costs = {"a": Costs(per_person=100, staff_hours_per_person=2.5), "b": Costs(per_person=10, currency="GBP")}
    monkeypatch.setattr(programme, "costs_of", lambda protocol: costs.get(protocol.trial, Costs()))
    ended = [life(protocol=changed(trial=name)) for name in ("a", "b", "c")]
    released = figures(ended)[0].released
    assert released.staff_hours == 214 * 2.5
    assert released.money == (("EUR", 21_400.0), ("GBP", 2_140.0))
    assert (released.trials, released.uncosted) == (3, 1)
    text = figures_text(figures(ended), [])
    assert "642 people, 535 staff hours, 21,400 EUR, 2,140 GBP" in text
    assert "1 plan without costs" in text


def test_clusters_are_no_people() -> None:
    """A trial of clusters adds to its own sum."""
    told = figures([life(protocol=changed(unit="cluster")), life(protocol=changed(trial="other"))])[0]
    assert (told.released.people, told.released.clusters) == (214, 214)


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (life("dropped", "drop"), "stopped early: 214 people were spared an idea that does nothing worthwhile."),
        (life("stopped", "stop_for_harm"), "stopped early: 214 people were spared an idea that does harm."),
        (life("promoted", "promote"), "stopped early: 214 people were not needed to know that it helps."),
        (life("stopped", None), "stopped early: 214 people were not asked to join a trial that could not tell."),
        (
            life("stopped", "keep_going", decision=Decision(what="stop", reason_code="safety")),
            "stopped early: 214 people were spared an idea that may do harm.",
        ),
        (
            life("stopped", "keep_going", protocol=FEASIBLE, answers=(ANSWER,)),
            "stopped early: 214 people were not needed to know whether it can be done.",
        ),
        (life("dropped", "drop", enrolled=300), "took as many as the fixed-size plan."),
        (life("rerun", "cant_tell"), "closed to be run again: its question is still open."),
        (life("dropped", "drop", enrolled=3), "ended with fewer people than may be told."),
        (life("sealed", "keep_going"), ""),
    ],
)
def test_a_drop_is_an_achievement(one: Life, says: str) -> None:
    """What each ending spared, in words; an open trial has released nothing yet."""
    assert achievement(one) == says


def test_before_anything_is_decided() -> None:
    """Open trials are told as still running, without shares of nothing."""
    open_ones = [life("sealed", "keep_going"), life("registered", None)]
    text = figures_text(figures(open_ones), open_ones)
    assert "north: 2 trials, 2 still running" in text
    assert "nothing is decided yet" in text
    body = figures_json(figures(open_ones), open_ones)
    assert body["figures"][0]["share_learned"] is None
    assert [one["sentence"] for one in body["ends"]] == ["still running"] * 2
    assert figures_text((), ()) == ""


def test_the_portfolio_is_told_in_text_and_json(store: Store) -> None:
    """Beside the trials' standings the figures, and what each ending achieved."""
    assert portfolio_json(store, 0.1) == {"fdr": 0.1, "trials": [], "figures": [], "ends": [], "left_out": 0}
    assert portfolio_text(store, 0.1) == "No trial has been looked at yet. Next: roadtest round"
    registered(store, PLAN, 1)
    assert "north: 1 trial, 1 still running" in portfolio_text(store, 0.1)
    assert [one["ending"] for one in portfolio_json(store, 0.1)["ends"]] == ["running"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    yield opened
    opened.close()


def registered(store: Store, protocol: Protocol, day: int) -> None:
    ledger.register(store, protocol, by="anna", at=AT + timedelta(days=day))
    ledger.seal(store, protocol.trial, by="ben", at=AT + timedelta(days=day))


def test_lives_come_from_the_ledger(store: Store) -> None:
    """Days begin with the idea, for a trial that carries on with its registration; the decision that closed it ends them."""
    acts.act(store, "idea:letters", IDEA, Idea(text="plain letters"), by="anna", at=AT)
    registered(store, changed(trial="one", prototype="letters"), 10)
    registered(store, changed(trial="two", prototype="letters", continues=("one",), changed="one site"), 30)
    registered(store, changed(trial="three", programme="south"), 40)
    for what, day in (("continue", 50), ("drop", 60)):
        decided = AT + timedelta(days=day)
        acts.act(store, "one", DECISION, Decision(what=what, reason_code="no_benefit"), by="anna", at=decided)
    found = {one.protocol.trial: one for one in lives(store)}
    assert (found["one"].began_at, found["one"].from_idea) == (AT, True)
    assert found["one"].decided_at == AT + timedelta(days=60)
    assert (found["two"].began_at, found["two"].from_idea) == (AT + timedelta(days=30), False)
    assert found["two"].planned is None
    assert found["one"].planned == min(fixed_size(PLAN)[0], PLAN.monitoring.max_participants)
    assert figures(found.values())[0].days == Days(60.0, 60, 60, 1, 1)
    granting.give(store, "south", "anna", "lead", by="anna", at=AT)
    assert {one.protocol.trial for one in lives(store.as_person("eve"))} == {"one", "two"}


def test_the_plan_beside_a_trial_is_never_more_than_its_own() -> None:
    """Where fewer are planned than one test would need, and for feasibility, the planned people count."""
    few = changed(monitoring=PLAN.monitoring.model_copy(update={"max_participants": 40}))
    assert planned_people(few) == 40
    assert planned_people(changed(purpose="feasibility")) == PLAN.monitoring.max_participants
