"""What of a plan may be amended when, and how two plans differ."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trials.amending import (
    CLASSES,
    NAMED,
    PARTS,
    class_of,
    evidence_of,
    field_diff,
    machinery,
    mark,
    patterns,
    refusal,
    same_person,
    table,
)
from trials.protocol import Protocol, from_content

FULL: dict[str, Any] = {
    "trial": "a-trial",
    "title": "A trial",
    "question": "Does it help?",
    "owner": "tests",
    "partners": [
        {"name": "City", "kind": "government", "hopes": [{"value": "less crime", "measure": "y"}]},
        {"name": "Users", "kind": "users"},
    ],
    "sites": [{"id": "A"}, {"id": "B"}],
    "arms": [{"id": "usual", "role": "control"}, {"id": "idea", "name": "The idea"}],
    "primary": {
        "measure": "y",
        "kind": "binary",
        "better": "lower",
        "baseline": 0.4,
        "worthwhile": 0.2,
        "follow_up": "28 days",
    },
    "guardrails": [{"measure": "hurt", "kind": "binary", "better": "lower", "margin": 0.1, "baseline": 0.2}],
    "strengths": [{"measure": "hope", "kind": "score", "better": "higher", "bounds": [0, 10], "sd": 2}],
    "monitoring": {"max_participants": 400},
    "data": {"fields": [{"name": "shoe", "one_of": ["left", "right"]}]},
    "stopping": {"recruitment": {"per_month": 20}},
    "progression": [{"id": "joins", "asks": "recruitment", "text": "They join", "green": 10, "red": 5}],
    "intervention": {"name": "Calls", "components": [{"id": "call", "text": "A call a week"}]},
    "gate": {"to": "pilot", "criteria": [{"id": "safe", "asks": "safety", "text": "It is safe", "green": 0, "red": 1}]},
    "source": {"connector": "folder", "path": "in", "options": {"mode": 1}},
}


def plan(**changes: Any) -> Protocol:
    """The plan above with some fields changed; a name with dots goes down into it."""
    content = json.loads(json.dumps(FULL))
    for path, value in changes.items():
        *parts, last = path.split("__")
        place = content
        for part in parts:
            place = place[part]
        if value is None:
            place.pop(last)
        else:
            place[last] = value
    return from_content(content)


BEFORE = plan()


def paths(after: Protocol, before: Protocol = BEFORE) -> list[str]:
    return [change.path for change in field_diff(before, after)]


def refused(after: Protocol, *, begun: bool = True, enrolled: int = 0, before: Protocol = BEFORE) -> str:
    return refusal(before, after, begun=begun, enrolled=enrolled) or ""


@pytest.mark.parametrize("pattern", sorted(patterns()))
def test_every_field_of_the_plan_is_classified(pattern: str) -> None:
    """Whoever adds a field to the plan says when it may be amended; a new field of a sealed part is sealed already."""
    assert class_of(pattern) in CLASSES, f"give {pattern} a place in trials.amending.PARTS"


def test_the_table_names_nothing_that_is_not_there() -> None:
    """Each classified path, and each list whose members have names, is a field or a part of the plan."""
    known = set(patterns())
    parts = {
        pattern[:end]
        for pattern in known
        for end in range(len(pattern) + 1)
        if pattern[end : end + 1] in ("", ".", "[")
    }
    assert set(PARTS) <= parts
    assert set(NAMED) <= known
    told = " ".join(row[1] for row in table()[1:])
    assert all(f"`{path}`" in told for path in PARTS)


def test_a_list_of_parts_is_compared_by_name() -> None:
    """Every list of parts in the plan has a field that names its members, so that one moved is not one changed."""
    inside = {pattern.rpartition("[].")[0] for pattern in patterns() if "[]." in pattern}
    assert inside == set(NAMED)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"title": "Another"}, ["title"]),
        ({"monitoring__max_participants": 500, "schedule": "0 6 * * *"}, ["monitoring.max_participants", "schedule"]),
        ({"sites": [{"id": "A", "name": "North"}, {"id": "B"}]}, ["sites[A].name"]),
        ({"sites": [{"id": "A"}]}, ["sites[B]"]),
        ({"sites": [{"id": "C"}, {"id": "A"}, {"id": "B"}]}, ["sites[C]"]),
        ({"sites": [{"id": "B"}, {"id": "A"}]}, ["sites"]),
        ({"partners": [FULL["partners"][1]]}, ["partners[City]"]),
        ({"partners": [{**FULL["partners"][0], "hopes": [{"value": "jobs"}]}, FULL["partners"][1]]},
         ["partners[City].hopes[less crime]", "partners[City].hopes[jobs]"]),
        ({"stopping": None}, ["stopping"]),
        ({"gate": {**FULL["gate"], "criteria": [{**FULL["gate"]["criteria"][0], "red": 2}]}}, ["gate.criteria[safe].red"]),
        ({"source__options": {"mode": True}}, ["source.options"]),
        ({"source__options": {"mode": 1.0}}, ["source.options"]),
        ({"data__fields": [{"name": "shoe"}]}, ["data.fields[shoe].one_of"]),
    ],
)  # fmt: skip
def test_a_difference_is_named_field_by_field(changes: dict[str, Any], expected: list[str]) -> None:
    """Fields by their path, members of lists by their own names; additions, removals and another order too."""
    assert paths(plan(**changes)) == expected


def test_two_plans_differ_exactly_when_their_hashes_do() -> None:
    """Whatever single field is changed the difference is not empty, and back again it is the same the other way round."""
    for change in (
        {"question": "?"}, {"simulated": True}, {"unit": "person"}, {"purpose": "feasibility"}, {"events": {"split": "none"}},
        {"sites": [{"id": "B"}, {"id": "A"}]}, {"access": {"interim": ["lead"]}}, {"order_by": ["entry_order"]},
        {"stopping": {}}, {"arms": list(reversed(FULL["arms"]))},
    ):  # fmt: skip
        after = plan(**change)
        there, back = field_diff(BEFORE, after), field_diff(after, BEFORE)
        assert bool(there) == (after.seal() != BEFORE.seal()), change
        assert {one.path for one in there} == {one.path for one in back}


def test_partners_of_one_name_are_one_change() -> None:
    """Where two members share a name nobody can tell which is which, and the whole list is shown."""
    twins = plan(partners=[{"name": "City", "kind": "users"}, {"name": "City", "kind": "industry"}])
    assert paths(twins) == ["partners"]


@pytest.mark.parametrize(
    ("changes", "of"),
    [
        ({"title": "x"}, "words"),
        ({"arms": [FULL["arms"][0], {"id": "idea", "name": "x"}]}, "sealed"),
        ({"primary__label": "x"}, "sealed"),
        ({"guardrails": [{**FULL["guardrails"][0], "label": "x"}]}, "sealed"),
        ({"strengths": [{**FULL["strengths"][0], "label": "x"}]}, "sealed"),
        ({"intervention__components": [{**FULL["intervention"]["components"][0], "text": "x"}]}, "running"),
        ({"intervention__components": [{**FULL["intervention"]["components"][0], "role": "flexible"}]}, "sealed"),
        ({"intervention__components": []}, "sealed"),
        ({"intervention__components": [*FULL["intervention"]["components"], {"id": "visit", "text": "x"}]}, "running"),
        ({"sites": [*FULL["sites"], {"id": "C"}]}, "running"),
        ({"sites": [{"id": "A"}]}, "sealed"),
        ({"stopping": {"recruitment": {"per_month": 10}}}, "sealed"),
        ({"stopping": None}, "sealed"),
        ({"stopping__staff_time": {"minutes_at_most": 30}}, "sealed"),
        ({"stopping__data_quality": {}}, "sealed"),
        ({"monitoring__max_participants": 500}, "running"),
        ({"monitoring__alpha": 0.1}, "sealed"),
        ({"data__report_within": "100 days"}, "sealed"),
        ({"data__required": ["y"]}, "running"),
        ({"primary__follow_up": "35 days"}, "sealed"),
        ({"gate": None}, "sealed"),
    ],
)  # fmt: skip
def test_the_class_of_a_change(changes: dict[str, Any], of: str) -> None:
    """Words, how it is run, or what the verdict rests on; before the first outcome all may change, after it not the last."""
    after = plan(**changes)
    [change] = field_diff(BEFORE, after)
    assert change.of == of
    assert refused(after, begun=False) == ""
    assert ("can't be amended" in refused(after)) == (of == "sealed")
    assert evidence_of([change]) == ("none" if of == "words" else "future")


def test_what_is_refused_says_what_to_do() -> None:
    """One sentence names the fields, the rule and the way on: a new trial that carries this one over."""
    sentence = refused(plan(primary__worthwhile=0.1, title="x", question="?"))
    assert sentence.startswith("question, primary.worthwhile can't be amended: outcomes of a-trial have been received")
    assert "write continues: [a-trial] in the file" in sentence
    assert "roadtest withdraw-site" in refused(plan(sites=[{"id": "A"}]))
    assert "must be a-trial" in refused(plan(trial="b-trial"), begun=False)
    assert "must differ from it" in refused(BEFORE, begun=False)


def test_arms_stay_once_the_allocation_list_is_fixed() -> None:
    """Before any outcome, but after the list was made, all may be amended but what the list was made for."""
    more = plan(arms=[{**FULL["arms"][0], "allocation": 2}, FULL["arms"][1]], question="?")
    sentence = refusal(BEFORE, more, begun=False, enrolled=0, allocated=True)
    assert sentence is not None
    assert sentence.startswith("arms[usual].allocation can't be amended: the allocation list is fixed")
    assert refusal(BEFORE, more, begun=False, enrolled=0) is None
    named = plan(question="?", arms=[{**FULL["arms"][0], "name": "As usual"}, FULL["arms"][1]])
    assert "arms[usual].name can't" in str(refusal(BEFORE, named, begun=False, enrolled=0, allocated=True))
    other = plan(question="?", primary__label="falls")
    assert refusal(BEFORE, other, begun=False, enrolled=0, allocated=True) is None


def test_what_was_not_there_may_be_added() -> None:
    """A rule for slow recruitment, and a description of the idea, may come late; to change or take them out is too late."""
    for part in ("stopping", "intervention"):
        without = plan(**{part: None})
        assert refused(BEFORE, before=without) == ""
        assert f"{part}" in refused(without)


def test_an_amendment_does_not_walk_around_the_gate() -> None:
    """What the gate refuses is no amendment before the first outcome; after it fewer people aren't, nor is it ever the mark
    that nothing was planned. Words alone, and more people, don't ask the gate."""
    fewer, weak = plan(monitoring__max_participants=120), "the gate refuses"
    said = {"enrolled": 80, "gated": weak}
    assert refusal(BEFORE, fewer, begun=False, **said) == weak
    assert refusal(BEFORE, plan(title="x"), begun=False, **said) is None
    sentence = refusal(BEFORE, fewer, begun=True, **said)
    assert sentence is not None
    assert sentence.startswith(
        "monitoring.max_participants == 120, must be so many that the gate lets the plan through"
    )
    assert refusal(BEFORE, plan(monitoring__max_participants=500), begun=True, **said) is None
    for begun in (False, True):
        late = refusal(BEFORE, plan(retrospective=True), begun=begun, enrolled=0)
        assert "retrospective == true, must stay false" in str(late)
    assert refused(plan(purpose="feasibility"), begun=False) == ""
    assert "purpose can't be amended" in refused(plan(purpose="feasibility"))


def test_people_who_are_in_are_not_planned_away() -> None:
    """The planned number may fall to those who have joined, and no further."""
    assert refused(plan(monitoring__max_participants=120), enrolled=120) == ""
    assert "must be at least as many as have joined" in refused(plan(monitoring__max_participants=119), enrolled=120)
    small = plan(monitoring__max_participants=100)
    assert refused(plan(monitoring__max_participants=100, title="x"), enrolled=120, before=small) == ""


def test_sites_join_only_where_the_bets_stay() -> None:
    """A third site changes no design; a second one, or the thirteenth, does, and is refused."""
    several = [{"id": f"S{number}"} for number in range(14)]
    for count, allowed in ((1, False), (2, True), (11, True), (12, False), (13, True)):
        before, after = plan(sites=several[:count]), plan(sites=several[: count + 1])
        assert (machinery(before) == machinery(after)) is allowed, count
        assert (refused(after, before=before) == "") is allowed
    assert "the bets are laid differently" in refused(plan(sites=several[:2]), before=plan(sites=several[:1]))


def test_a_mark_lies_between_two_looks() -> None:
    """Whoever reads of an amendment sees which looks it could not have known."""
    assert mark(0) == "before look 1"
    assert mark(2) == "after look 2, before look 3"


def test_one_person_is_one_however_the_name_is_written() -> None:
    """Case, spaces and letters of another width make no second person."""
    assert same_person("Ann Lee", " ann  LEE")
    assert same_person("AnnLee", "ann lee")
    assert same_person("\uff21nn", "ann")
    assert not same_person("Ann", "Anna")
