"""A withdrawn site: the look without it is that of a trial that never had it; what can still be told; who is protected."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from trials.acts.events import ExternalEvent
from trials.analysis import Person, Version, analyse, order_key
from trials.disclosure import LIMIT
from trials.evidence import Look
from trials.protocol import Protocol, from_content
from trials.replanning import replan
from trials.store import subsets

START = date(2024, 1, 1)
AT = datetime(2025, 6, 1, tzinfo=UTC)
PLANS: dict[str, dict[str, Any]] = {
    "two arms": {},
    "one site left": {"sites": ["A", "B"]},
    "undated": {"order_by": ["entry_order"]},
    "three arms": {"design": "multi_arm", "arms": [{"id": "c", "role": "control"}, {"id": "t"}, {"id": "u"}]},
    "planned looks": {"monitoring": {"max_participants": 120, "method": "group-sequential", "looks": 3}},
    "guarded": {
        "guardrails": [{"measure": "g", "kind": "binary", "better": "lower", "margin": 0.1, "baseline": 0.2}],
        "stopping": {"recruitment": {"per_month": 20}},
    },
}


def plan(sites: list[str], **changes: Any) -> Protocol:
    content: dict[str, Any] = {
        "trial": "a-trial",
        "question": "?",
        "owner": "tests",
        "arms": [{"id": "c", "role": "control"}, {"id": "t"}],
        "primary": {
            "measure": "y",
            "kind": "binary",
            "better": "lower",
            "baseline": 0.4,
            "worthwhile": 0.2,
            "follow_up": "4 weeks",
        },
        "monitoring": {"max_participants": 200},
        "source": {"connector": "folder", "path": "in"},
        **changes,
    }
    return from_content({**content, "sites": [{"id": site} for site in sites]})


def joined(protocol: Protocol, rng: random.Random, count: int = 160) -> list[dict[str, Any] | None]:
    """Who joins, one after the other; None for a number under which nobody is reported."""
    arms, sites = [arm.id for arm in protocol.arms], [site.id for site in protocol.sites]
    found: list[dict[str, Any] | None] = []
    for place in range(count):
        if rng.random() < 0.02:
            found.append(None)
            continue
        day = START + timedelta(days=2 * place)
        told = datetime.combine(day + timedelta(days=29 + rng.choice((0, 5, 60, 200))), datetime.min.time(), UTC)
        values = [] if rng.random() < 0.05 else [float(rng.random() < 0.4)] * (1 if rng.random() < 0.9 else 2)
        versions = tuple(
            Version(rev + 1, value, told + timedelta(days=90 * rev), told + timedelta(days=90 * rev))
            for rev, value in enumerate(values)
        )
        found.append({"site": rng.choice(sites), "arm": arms[place % len(arms)], "day": day, "versions": versions})
    return found


def people(protocol: Protocol, slots: list[dict[str, Any] | None]) -> list[Person]:
    """The slots as the ledger hands them over: numbered 1, 2, 3, ..., in the sealed order."""
    found = []
    for number, one in enumerate(slots, start=1):
        if one is not None:
            guarded = {each.measure: one["versions"] for each in protocol.guardrails}
            place = order_key(protocol, one["day"], number)
            found.append(Person(place, number, one["day"], one["site"], one["arm"], one["versions"], guarded))
    return sorted(found, key=lambda one: one.order_key)


def look(protocol: Protocol, slots: list[dict[str, Any] | None]) -> Look:
    known = people(protocol, slots)
    return analyse(
        protocol,
        known,
        None,
        as_of=AT,
        batch_seq=3,
        number=2,
        enrolled=len(known),
        protocol_sha256=protocol.seal(),
    )[1]


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("seed", range(3))
def test_the_look_without_a_site_is_that_of_a_trial_that_never_had_it(name: str, seed: int) -> None:
    """To the last bit, over designs, with holes, missing people, late values and corrections: the whole Look is equal."""
    changes = dict(PLANS[name])
    sites = changes.pop("sites", ["A", "B", "C"])
    everywhere, elsewhere = plan(sites, **changes), plan([site for site in sites if site != "B"], **changes)
    slots = joined(everywhere, random.Random(f"{name} {seed}"))
    never = look(elsewhere, [one for one in slots if one is None or one["site"] != "B"])
    less = subsets.without(everywhere, people(everywhere, slots), ["B"], look(everywhere, slots))
    assert less == never
    assert less.n < look(everywhere, slots).n


def test_leaving_people_out_without_closing_up_would_count_them_as_missing() -> None:
    """The numbers of those who are left out would be waited for and then count as missing: that is why they are closed up."""
    protocol = plan(["A", "B"])
    slots = [one for one in joined(protocol, random.Random(1)) if one is not None and one["versions"]]
    known, whole = people(protocol, slots), look(protocol, slots)
    left = [one for one in known if one.site == "A"]
    closed = subsets.without(protocol, known, ["B"], whole)
    assert subsets.look_at(protocol, left, whole).missing > closed.missing


def split_of(
    protocol: Protocol, slots: list[dict[str, Any] | None], *events: ExternalEvent
) -> tuple[subsets.Parts, ...]:
    whole = look(protocol, slots)
    counted = subsets._counted(protocol, people(protocol, slots), whole)
    return subsets._split(protocol, counted, events, whole)


def test_a_split_by_an_event_parts_the_very_people_that_the_look_counts() -> None:
    """Joined before plus joined since are the look's people, with and without an outcome, arm by arm."""
    protocol = plan(["A", "B"])
    slots = joined(protocol, random.Random(7))
    whole = look(protocol, slots)
    event = ExternalEvent(day=START + timedelta(days=120), text="a benefit was cut")
    found = split_of(protocol, slots, event)[0]
    assert found.looks is not None
    parts = [{arm.arm: (arm.n, arm.missing, arm.total) for arm in one.arms} for one in found.looks]
    for arm in whole.arms:
        together = [sum(figures) for figures in zip(*(part[arm.arm] for part in parts), strict=True)]
        assert together == [arm.n, arm.missing, arm.total]
    assert found.sentence.startswith("Sensitivity, never acted on: joined before 30 April 2024: ")
    assert found.to_json()["sensitivity"] is True


def test_a_split_of_one_site_leaves_the_others_out() -> None:
    """An event that touched one site is judged by that site's people alone."""
    protocol = plan(["A", "B"])
    slots = joined(protocol, random.Random(7))
    event = ExternalEvent(day=START + timedelta(days=120), text="the provider changed", sites=("A",))
    found = split_of(protocol, slots, event)[0]
    assert found.looks is not None
    here = [
        one for one in subsets._counted(protocol, people(protocol, slots), look(protocol, slots)) if one.site == "A"
    ]
    assert sum(one.n + one.missing for one in found.looks) == len(here)


@pytest.mark.parametrize("days", [4, 310])
def test_parts_of_few_people_are_not_shown(days: int) -> None:
    """With fewer than LIMIT people of an arm on one side nothing is shown, and the sentence says why."""
    protocol = plan(["A", "B"])
    found = split_of(
        protocol, joined(protocol, random.Random(7)), ExternalEvent(day=START + timedelta(days=days), text="x")
    )
    assert found[0].looks is None
    assert f"fewer than {LIMIT} people" in found[0].sentence
    assert found[0].to_json()["parts"] == {}


def test_two_events_close_to_each_other_are_not_both_split() -> None:
    """The difference between two splits would tell of the few who joined between: the second is hidden."""
    protocol = plan(["A", "B"])
    days = [START + timedelta(days=day) for day in (120, 126, 200)]
    events = [ExternalEvent(day=day, text="x") for day in days]
    found = split_of(protocol, joined(protocol, random.Random(7)), *events)
    assert [one.looks is not None for one in found] == [True, False, True]


def test_what_can_still_be_told_is_planned_anew() -> None:
    """Forty a month came, half of them at the site that left: half as many can be expected, and they find less."""
    protocol = plan(["A", "B"], monitoring={"max_participants": 400}, stopping={"recruitment": {"per_month": 40}})
    found = replan(protocol, {"A": 80, "B": 80}, ["B"], START, START + timedelta(days=122))
    assert found.expected == pytest.approx(160 + 20 * 6, abs=2)
    assert found.months_left == pytest.approx(6, abs=0.1)
    assert found.months_needed == pytest.approx(240 / 20, abs=0.2)
    assert found.found is not None
    assert found.found_planned is not None
    assert found.found > found.found_planned
    assert "of 400 planned people can be expected by the planned end, 6 months from now" in found.sentence


def test_no_pace_no_promise() -> None:
    """Where nobody has joined and no pace is planned, nothing is expected, and the sentence says so."""
    found = replan(plan(["A", "B"]), {}, ["B"], None, START)
    assert (found.expected, found.months_left, found.found) == (None, None, None)
    assert "no pace is planned or seen" in found.sentence


def test_few_people_at_a_site_are_not_given_away_by_the_share() -> None:
    """With fewer than LIMIT people at the site that left, the share of sites stands for the share of people."""
    protocol = plan(["A", "B", "C"], stopping={"recruitment": {"per_month": 30}})
    one = replan(protocol, {"A": 60, "B": 3, "C": 60}, ["B"], None, START)
    other = replan(protocol, {"A": 60, "B": 8, "C": 55}, ["B"], None, START)
    assert one == other
