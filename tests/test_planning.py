"""What a plan can and cannot tell, before anybody is asked to join."""

import json

import pytest

from flows.template import TEMPLATE, outlook_text
from trials import planning
from trials.protocol import Protocol, from_content, from_yaml


def binary(people: int, baseline: float = 0.30, worthwhile: float = 0.08, better: str = "lower") -> Protocol:
    body = json.loads(from_yaml(TEMPLATE).canonical())
    body["primary"] |= {"baseline": baseline, "worthwhile": worthwhile, "better": better}
    body["monitoring"]["max_participants"] = people
    return from_content(body)


def test_the_fixed_size_agrees_with_another_program() -> None:
    """.22 against .30, one-sided .05, power .9: 1,026 people (shared reference file sample_sizes.json, by R's rpact).

    Unpooled normal approximation here, so within 1 %.
    """
    size, _ = planning.fixed_size(binary(1000))
    assert size == pytest.approx(1026.05, rel=0.01)


def test_what_the_planned_number_finds_is_its_own_inverse() -> None:
    """A plan whose worthwhile effect is what n people find needs n people."""
    _, detectable = planning.fixed_size(binary(600))
    size, _ = planning.fixed_size(binary(600, worthwhile=round(detectable, 6)))
    assert size == pytest.approx(600, abs=2)


def test_a_small_trial_is_told_what_it_can_find() -> None:
    """60 people at a base rate of 29 % find only a very large fall, and the sentence says so with the number it would take."""
    plan = planning.check(binary(60, baseline=0.29, worthwhile=0.10))
    assert plan.detectable > 0.25
    assert plan.sentence.startswith("60 people are few: a trial of this size finds 2")
    assert f"{plan.fixed_size:,}" in plan.sentence


@pytest.mark.parametrize(("baseline", "better"), [(0.30, "lower"), (0.60, "higher")])
def test_repeated_trials_keep_their_error_rates(baseline: float, better: str) -> None:
    """A dud is promoted in at most alpha of them (plus Monte Carlo error), a worthwhile idea dropped in at most beta."""
    plan = planning.check(binary(600, baseline, 0.10, better))
    by_truth = {outlook.truth: outlook for outlook in plan.outlooks}
    assert by_truth["no effect"].promote <= 0.05 + 4 * by_truth["no effect"].error
    assert by_truth["worthwhile"].drop <= 0.10 + 4 * by_truth["worthwhile"].error
    assert by_truth["twice worthwhile"].promote > by_truth["worthwhile"].promote > by_truth["no effect"].promote
    assert by_truth["no effect"].people < 600


def test_the_answer_is_the_same_every_time() -> None:
    """Simulations are seeded: two people checking one plan read the same numbers."""
    assert planning.check(binary(200)) == planning.check(binary(200))


def test_what_this_version_does_not_watch_is_said() -> None:
    """Guardrails and stopping rules in a plan are recorded but not yet monitored, and the answer says so."""
    body = json.loads(binary(200).canonical())
    body["guardrails"] = [{"measure": "staff_hours", "kind": "amount", "better": "lower", "margin": 1.0}]
    body["stopping"] = {"recruitment": {"per_month": 20}}
    protocol = from_content(body)
    text = outlook_text(protocol, planning.check(protocol))
    assert "guardrails (staff_hours) are recorded in the plan but not monitored" in text
    assert "stopping rules" in text
