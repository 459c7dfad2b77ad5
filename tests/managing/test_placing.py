"""Arms that follow from the site or the week are noticed in a look, from counts that fold on as people settle."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from trials.analysis import Person, Version, evidence_of, fold, order_key
from trials.comparing import CASEWORKER, strata
from trials.confounding import MOST
from trials.placing import placements
from trials.protocol import Protocol, from_content
from trials.verdict import judge

FIRST = date(2024, 1, 1)
AS_OF = datetime(2026, 1, 1, tzinfo=UTC)


def plan(how: str = "random", **changes: Any) -> Protocol:
    content = {
        "trial": "placed",
        "question": "?",
        "owner": "tests",
        "sites": [{"id": "A"}, {"id": "B"}],
        "arms": [{"id": "usual", "role": "control"}, {"id": "new"}],
        "primary": {
            "measure": "y", "kind": "binary", "better": "lower", "baseline": 0.4, "worthwhile": 0.2, "follow_up": "28 days"
        },
        "assignment": {"how": how},
        "monitoring": {"max_participants": 400},
        "source": {"connector": "folder", "path": "in"},
    }  # fmt: skip
    return from_content({**content, **changes})


def people(protocol: Protocol, follows: str, count: int = 80) -> list[Person]:
    """Two join a day. follows: whether the arm follows from the lot (in turn), the site or the time (the second half)."""
    found = []
    for number in range(1, count + 1):
        day, site = FIRST + timedelta(days=number // 2), "AB"[number // 2 % 2]
        new = {"lot": number % 2 == 0, "site": site == "B", "period": number > count // 2}[follows]
        known = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=40)
        seen = (Version(1, float(number % 3 == 0), known, known),)
        found.append(Person(order_key(protocol, day, number), number, day, site, "new" if new else "usual", seen))
    return found


def codes(protocol: Protocol, told: list[Person]) -> dict[str, str]:
    evidence = evidence_of(protocol, fold(protocol, told, None, AS_OF), enrolled=len(told))
    return {one.code: one.sentence for one in evidence.concerns if one.holds}


@pytest.mark.parametrize(("follows", "word"), [("site", "their site alone"), ("period", "when they joined")])
def test_an_arm_that_follows_from_site_or_time_holds_the_verdict(follows: str, word: str) -> None:
    """It is said where a lot was to decide, and not where the plan says so itself."""
    assert word in codes(plan(), people(plan(), follows))["confounded"]
    told = plan(follows)
    assert "confounded" not in codes(told, people(told, follows))


def test_a_lot_is_not_called_confounded() -> None:
    """Arms in turn within every week and site raise no concern."""
    assert "confounded" not in codes(plan(), people(plan(), "lot"))


def test_counts_fold_on_to_the_same_state() -> None:
    """Read in two parts, the weeks are the same to the byte; without dates there are none."""
    protocol = plan()
    told = people(protocol, "period")
    whole, half = fold(protocol, told, None, AS_OF), fold(protocol, told[:33], None, AS_OF)
    assert fold(protocol, told, half, AS_OF) == whole
    assert sum(sum(weeks.values()) for weeks in json.loads(whole.state)["weeks"].values()) == len(told)
    undated = plan(order_by=["entry_order"])
    assert "weeks" not in json.loads(fold(undated, people(undated, "lot"), None, AS_OF).state)


@pytest.mark.parametrize("assignment", [{"how": "site"}, {"how": "random", "within_site": False}])
def test_where_no_arms_share_a_site_harm_still_stops(assignment: dict[str, Any]) -> None:
    """Everybody is compared with everybody then, and the sentence says that the site may be the cause and not that it is the
    idea; where sites have both arms people are compared within theirs, as ever."""
    protocol = plan(assignment=assignment, order_by=["entry_order"])
    told = people(protocol, "site", 120)
    harmed = [replace(one, versions=(one.versions[0]._replace(value=float(one.arm == "new")),)) for one in told]
    evidence = evidence_of(protocol, fold(protocol, harmed, None, AS_OF), enrolled=len(harmed))
    verdict, sentence = judge(protocol, evidence)
    assert verdict == "stop_for_harm"
    assert sentence.startswith("Stop and tell the safety steward: people in its arm do worse; a bet against 'no harm'")
    assert "Evidence: descriptive;" in sentence
    assert "harm;" not in sentence
    assert evidence.estimate == -1.0
    assert strata(protocol) == 1
    assert strata(plan()) == 2
    by_lot = fold(plan(), harmed, None, AS_OF)
    unshared = evidence_of(plan(), by_lot, enrolled=len(harmed))
    assert judge(plan(), unshared, enrolled=120)[1].startswith("Nothing can be compared: 120 people of 400 have joined")


def test_counts_of_caseworkers_fold_on_to_the_same_state() -> None:
    """Read in two parts they are the same to the byte, by the newest caseworker said; who has none is not counted."""
    protocol = plan(assignment={"how": "random", "column": "worker"}, data={"fields": [{"name": "worker"}]})
    known = datetime(2024, 6, 1, tzinfo=UTC)
    told = [
        replace(one, guardrails={CASEWORKER: (Version(1, 7.0, known, known), Version(2, float(n % 3), known, known))})
        for n, one in enumerate(people(protocol, "lot", 60))
    ]
    told[-1] = replace(told[-1], guardrails={})
    whole, half = fold(protocol, told, None, AS_OF), fold(protocol, told[:33], None, AS_OF)
    assert fold(protocol, told, half, AS_OF) == whole
    counts = json.loads(whole.state)["caseworkers"]
    assert set(counts["new"]) == {"0", "1", "2"}
    assert sum(sum(workers.values()) for workers in counts.values()) == 59
    assert [one for one in placements(json.loads(whole.state)).caseworker if one is not None].count("1") == 20


def test_of_many_every_kth_is_judged() -> None:
    """A million people are judged by about MOST of them, in the same shares."""
    cell = {"n": 240_000, "missing": 10_000}
    found = placements({"strata": {site: {"usual": cell, "new": cell} for site in "AB"}, "first": None})
    assert MOST - 4 <= len(found.arm) <= MOST
    assert {arm: found.arm.count(arm) for arm in ("new", "usual")} == {"new": MOST // 2, "usual": MOST // 2}
