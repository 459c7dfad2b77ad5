"""Strengths: intervals that hold at every look, beside the verdict and without a word in it. Pure."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from trials.analysis import STATE_FORMAT, Person, Progress, Version, analyse, can_resume, fold, order_key
from trials.comparing import HOLE, Entry
from trials.errors import ProtocolError
from trials.evidence import Look
from trials.protocol import Protocol, from_content
from trials.sharing import strengths
from trials.sharing.effects import strength_sentences

AT = datetime(2026, 1, 1, tzinfo=UTC)
SCALE = {"measure": "able", "kind": "score", "better": "higher", "bounds": [0, 10], "unit": "points"}
GOALS = {"measure": "goals", "kind": "score", "better": "higher", "bounds": [-2, 2], "sd": 1}
WORK = {"measure": "work", "kind": "binary", "better": "higher"}


def plan(*measures: dict[str, Any], arms: int = 2, sites: int = 2, **changes: Any) -> Protocol:
    ideas = [{"id": f"idea{number}"} for number in range(1, max(arms, 2))]
    control = [] if arms == 1 else [{"id": "usual", "role": "control"}]
    content = {
        "trial": "able",
        "question": "?",
        "owner": "tests",
        "sites": [{"id": one} for one in "ABC"[:sites]],
        "arms": [*control, *ideas],
        "design": {1: "one_arm", 2: "two_arm"}.get(arms, "multi_arm"),
        "primary": {"measure": "y", "kind": "binary", "better": "lower", "baseline": 0.3, "worthwhile": 0.1},
        "strengths": list(measures),
        "monitoring": {"max_participants": 4_000},
        "order_by": ["entry_order"],
        "source": {"connector": "folder", "path": "in"},
    }
    return from_content({**content, **changes})


def people(protocol: Protocol, count: int, effect: float = 1.5, seed: int = 1) -> list[Person]:
    """Arms in turn, sites every second; `able` is drawn around 5 (+ effect with an idea), the others alike in both arms."""
    rng = np.random.default_rng(seed)
    arms = [arm.id for arm in protocol.arms]

    def known(value: float) -> tuple[Version, ...]:
        return (Version(1, float(value), AT, AT),)

    found = []
    for number in range(1, count + 1):
        arm = arms[number % len(arms)]
        able = float(np.clip(rng.normal(5 + effect * (arm != "usual"), 2), 0, 10))
        said = {"able": known(able), "goals": known(rng.integers(-2, 3)), "work": known(rng.random() < 0.5)}
        site = protocol.sites[number // 2 % len(protocol.sites)].id if protocol.sites else ""
        place = order_key(protocol, None, number)
        found.append(Person(place, number, None, site, arm, known(rng.random() < 0.3), said))
    return found


def looked(protocol: Protocol, told: list[Person]) -> tuple[Progress, Look]:
    at = AT + timedelta(days=1)
    return analyse(
        protocol, told, None, as_of=at, batch_seq=1, number=1, enrolled=len(told), protocol_sha256=protocol.seal()
    )


def without_strengths(look: Look) -> dict[str, Any]:
    return {
        key: value
        for key, value in look.to_json().items()
        if key not in ("strengths", "state_sha256", "protocol_sha256")
    }


def test_strengths_stand_beside_the_verdict_and_change_nothing() -> None:
    """The same people with and without strengths: every claim, concern, verdict and sentence is the same."""
    told = people(plan(), 200)
    bare, full = looked(plan(), told)[1], looked(plan(SCALE, GOALS, WORK), told)[1]
    assert without_strengths(bare) == without_strengths(full)
    assert "strengths" not in bare.to_json()
    assert bare.strengths == ()
    assert [one.measure for one in full.strengths] == ["able", "goals", "work"]


def test_a_look_keeps_its_strengths_through_json() -> None:
    """What is stored reads back equal, with and without strengths."""
    for protocol in (plan(), plan(SCALE)):
        look = looked(protocol, people(protocol, 40))[1]
        assert Look.from_json(json.loads(json.dumps(look.to_json()))) == look


def test_states_without_strengths_hold_nothing_of_them() -> None:
    """The state of a plan without strengths has no key for them, and states of the format before are folded again."""
    bare, full = (fold(one, people(one, 20), None, AT + timedelta(days=1)) for one in (plan(), plan(SCALE)))
    assert "strengths" not in json.loads(bare.state)
    assert "weeks" not in json.loads(bare.state)
    assert "strengths" in json.loads(full.state)
    assert can_resume(bare)
    assert can_resume(full)
    before = json.dumps({**json.loads(bare.state), "format": STATE_FORMAT - 1})
    assert not can_resume(replace(bare, state=before))


def test_reading_on_is_reading_at_once() -> None:
    """Folded in two parts the state is the same to the byte."""
    protocol = plan(SCALE, WORK)
    told, at = people(protocol, 90), AT + timedelta(days=1)
    half = fold(protocol, told[:41], None, at)
    assert fold(protocol, told, half, at) == fold(protocol, told, None, at)


def test_the_estimate_is_the_difference_within_sites() -> None:
    """One site is better off and has mostly the idea: the pooled difference is 3, within sites it is 0."""
    protocol = plan(SCALE)
    rows = (
        [("A", "idea1", 8.0)] * 30
        + [("A", "usual", 8.0)] * 10
        + [("B", "idea1", 2.0)] * 10
        + [("B", "usual", 2.0)] * 30
    )
    entries = [Entry(site, arm, 0.0, None, {"able": (value, None)}) for site, arm, value in rows]
    (found,) = strengths.read(protocol, strengths.step(protocol, strengths.start(protocol), [*entries, HOLE]))
    assert found.estimate == pytest.approx(0.0, abs=1e-12)
    means = {total.arm: total.total / total.n for total in found.arms}
    assert means["idea1"] - means["usual"] == pytest.approx(3.0)


def test_missing_values_are_counted_and_amounts_capped() -> None:
    """Who has no value is missing from the measure alone; an amount beyond the bounds counts as the bound."""
    protocol = plan({"measure": "able", "kind": "amount", "better": "higher", "bounds": [0, 10]})
    entries = [Entry("A", "idea1", 0.0, None, {"able": (99.0, None)}), Entry("A", "usual", None, None, {})]
    (found,) = strengths.read(protocol, strengths.step(protocol, strengths.start(protocol), entries))
    assert {(one.arm, one.n, one.total, one.missing) for one in found.arms} == {
        ("idea1", 1, 10.0, 0),
        ("usual", 0, 0.0, 1),
    }
    assert found.estimate is None


@pytest.mark.parametrize("arms", [1, 2, 3])
def test_intervals_cover_the_truth_at_every_look(arms: int) -> None:
    """40 trials of 120 people, looked at after every twelve: alpha .2 allows more misses than an exact binomial 99.9 % quantile
    in 1 of 1000 only; the truth is 1.5 in each idea's arm (in one arm the mean, 6.5), clipping aside."""
    protocol = plan(SCALE, arms=arms, sites=0, monitoring={"max_participants": 4_000, "alpha": 0.2})
    clipped = {
        shift: np.clip(np.random.default_rng(0).normal(5 + shift, 2, 200_000), 0, 10).mean() for shift in (0, 1.5)
    }
    truth = clipped[1.5] if arms == 1 else clipped[1.5] - clipped[0]
    missed = 0
    for seed in range(40):
        state, miss = strengths.start(protocol), False
        rng = np.random.default_rng(seed)
        for _ in range(10):
            here = [protocol.arms[k % len(protocol.arms)].id for k in range(12)]
            values = [float(np.clip(rng.normal(5 + 1.5 * (arm != "usual"), 2), 0, 10)) for arm in here]
            entries = [Entry("", arm, 0.0, None, {"able": (v, None)}) for arm, v in zip(here, values, strict=True)]
            state = strengths.step(protocol, state, entries)
            for one in strengths.read(protocol, state):
                low, high = one.interval
                miss |= (low is not None and low > truth) or (high is not None and high < truth)
        missed += miss
    assert missed <= binom.ppf(0.999, 40, 0.2)


def test_a_real_difference_is_seen() -> None:
    """With 300 people in each arm the interval around 1.5 points leaves 0 out, and its sentence says what it is worth."""
    protocol = plan(SCALE)
    look = looked(protocol, people(protocol, 400))[1]
    (found,) = look.strengths
    low, high = found.interval
    assert found.estimate is not None
    assert low is not None
    assert high is not None
    assert 0 < low < found.estimate < high < 4
    (sentence,) = strength_sentences(protocol, look)
    assert sentence.startswith("Able: ")
    assert "points higher (between" in sentence
    assert sentence.endswith(
        "the interval holds better values only. It stands beside the verdict and has no part in it."
    )


def test_one_arm_shows_its_mean() -> None:
    """Without a control the mean itself is told with its interval, and nothing is called better."""
    protocol = plan(SCALE, arms=1)
    look = looked(protocol, people(protocol, 200))[1]
    (found,) = look.strengths
    low, high = found.interval
    assert not found.compared
    assert low is not None
    assert high is not None
    assert found.estimate is not None
    assert low < found.estimate < high
    assert 6 < found.estimate < 7
    assert "on average (between" in strength_sentences(protocol, look)[0]


def test_few_people_tell_nothing() -> None:
    """With nine people in an arm no strength is told."""
    protocol = plan(SCALE)
    look = looked(protocol, people(protocol, 18))[1]
    assert strength_sentences(protocol, look) == (
        "Able: too few people so far to say. It stands beside the verdict and has no part in it.",
    )
    assert strength_sentences(protocol, None) == ("Able: no result yet.",)


@pytest.mark.parametrize(
    ("measure", "says"),
    [
        ({**SCALE, "kind": "count"}, 'strengths.able.kind == "count", must be score, binary or amount'),
        ({**SCALE, "bounds": None}, "strengths.able.bounds is missing"),
        ({**SCALE, "sd": 9}, "strengths.able.sd == 9, must be ≤ 5"),
        ({**WORK, "bounds": [0, 1]}, "strengths.work.bounds means nothing for the kind binary"),
    ],
)
def test_what_can_not_be_shown_is_refused(measure: dict[str, Any], says: str) -> None:
    """Other kinds, a scale without ends and keys without a meaning are refused in one sentence."""
    with pytest.raises(ProtocolError, match=says.replace(".", r"\.")):
        strengths.check(plan(measure))
