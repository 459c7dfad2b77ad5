"""A feasibility trial: its lights, how sure they are, and that nothing it says is about the idea."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, poisson

from tests.managing.gate_plans import evidence, plan
from trials.errors import DataError
from trials.evidence import CLAIMS
from trials.feasibility import Facts, advice, judge, lights, rate_interval, share_interval
from trials.plan.progression import Criterion
from trials.verdict import judge as verdict
from trials.verdict import outlook

FACTS = Facts(enrolled=40, months=8, settled=30, with_outcome=24, rows=200, set_aside=10)


def criterion(asks: str = "retention", green: float = 0.8, red: float = 0.6, **changes: Any) -> Criterion:
    return Criterion.model_validate({"id": asks, "asks": asks, "text": asks, "green": green, "red": red, **changes})


@pytest.mark.parametrize(
    ("value", "colour"),
    [(0.9, "green"), (0.8, "green"), (0.79, "amber"), (0.61, "amber"), (0.6, "red"), (0.0, "red"), (None, "not yet")],
)
def test_colours_begin_at_their_limits(value: float | None, colour: str) -> None:
    """Green from its limit on, red from its, amber between; turned round where less is better."""
    assert judge(criterion(), value) == colour
    turned = criterion("burden", -0.8, -0.6, higher=False)
    assert judge(turned, None if value is None else -value) == colour


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(-5, 5))
def test_a_better_value_never_has_a_worse_colour(green: float, one: float, other: float) -> None:
    """For any criterion and any two values."""
    order = ["red", "amber", "green"]
    asked = criterion("other", green, green - 1)
    low, high = sorted((one, other))
    assert order.index(judge(asked, low)) <= order.index(judge(asked, high))


@pytest.mark.parametrize("people", [10, 30, 120])
def test_the_interval_of_a_share_covers_at_least_95_percent(people: int) -> None:
    """Exactly, by adding up the binomial, at every share in steps of one in a hundred."""
    intervals = np.array([share_interval(k, people) for k in range(people + 1)])
    for share in np.arange(0.01, 1, 0.01):
        inside = (intervals[:, 0] <= share) & (share <= intervals[:, 1])
        assert binom.pmf(np.arange(people + 1), people, share)[inside].sum() >= 0.95


def test_intervals_agree_with_scipy_and_cover_for_rates() -> None:
    """Clopper-Pearson as scipy.stats.binomtest has it; Garwood's covers 95 % of Poisson counts at every mean tried."""
    low, high = share_interval(24, 30)
    theirs = binomtest(24, 30).proportion_ci(method="exact")
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    counts = np.arange(200)
    intervals = np.array([rate_interval(int(k), 4.0) for k in counts])
    for rate in (0.5, 2.0, 5.0, 12.0):
        inside = (intervals[:, 0] <= rate) & (rate <= intervals[:, 1])
        assert poisson.pmf(counts, 4 * rate)[inside].sum() >= 0.95


def test_the_ledger_answers_what_it_knows_and_people_the_rest() -> None:
    """Retention 24 of 30, five people a month, 95 in 100 rows; delivery is for people, who have no word on the others."""
    criteria = [
        criterion(),
        criterion("recruitment", 6, 3, unit="people a month"),
        criterion("data", 90, 70, unit="%"),
        criterion("delivery"),
    ]
    retention, recruitment, data, delivery = lights(criteria, FACTS, {"delivery": 0.7, "retention": 0.1})
    assert (retention.value, retention.colour, retention.sure) == (0.8, "green", False)
    assert (recruitment.value, recruitment.colour) == (5.0, "amber")
    assert (data.value, data.colour, data.sure) == (95.0, "green", True)
    assert (delivery.value, delivery.colour, delivery.by_people) == (0.7, "amber", True)
    assert "80 %, plausibly 61 % to 92 %; green" in retention.sentence
    assert "another colour can't be ruled out yet" in retention.sentence
    assert "95 %" in data.sentence


def test_nothing_is_said_of_a_handful() -> None:
    """Fewer than ten people or rows: not yet, so that no share tells of persons."""
    few = Facts(enrolled=9, months=2, settled=9, with_outcome=9, rows=9, set_aside=0)
    asked = [criterion(), criterion("recruitment", 6, 3), criterion("data", 0.9, 0.7)]
    assert {one.colour for one in lights(asked, few)} == {"not yet"}
    assert all("too few people or rows" in one.sentence for one in lights(asked, few))


@pytest.mark.parametrize(
    ("facts", "start"),
    [
        (Facts(40, 8, 400, 380, 200, 10), "Green: a larger trial can be done."),
        (FACTS, "Green: a larger trial can be done, though with these numbers amber can't be ruled out for retention."),
        (Facts(40, 8, 30, 20, 200, 10), "Amber: mend retention"),
        (Facts(40, 8, 30, 10, 200, 10), "Red: a larger trial can't be done like this"),
        (Facts(40, 8, 3, 3, 200, 10), "Not yet: nothing is known of retention."),
    ],
)
def test_the_lights_together_say_what_to_do(facts: Facts, start: str) -> None:
    """Any red stops, then what is not known, then amber; green alone goes on, with its doubt."""
    assert advice(lights([criterion(), criterion("data", 0.9, 0.7)], facts)).startswith(start)


def test_facts_that_contradict_themselves_are_refused() -> None:
    """More outcomes than people is no fact."""
    with pytest.raises(DataError, match="larger than its whole"):
        Facts(enrolled=10, months=1, settled=5, with_outcome=6, rows=1, set_aside=0)


def test_a_feasibility_trial_never_promotes_or_drops() -> None:
    """Whatever fires: harm stops it, else its sentence says that it can't tell whether the idea works."""
    protocol = plan(purpose="feasibility", progression=[criterion().model_dump()])
    for size in range(4):
        for fired in itertools.combinations(CLAIMS, size):
            for breached, n in itertools.product((False, True), (5, 40, 60)):
                found = evidence(fired, breached, n)
                word, sentence = verdict(protocol, found, enrolled=n)
                assert (word == "stop_for_harm") == ("harm" in fired)
                assert word in ("stop_for_harm", "cant_tell", "keep_going")
                if "harm" not in fired:
                    assert sentence.startswith("This is a feasibility trial: it can't tell whether the idea works;")
                    assert not {"Promote", "Drop", "helps"} & set(sentence.replace(":", " ").split())
                    assert ("worse than was agreed" in sentence) == breached
                    assert "5 with a result" not in sentence
                    assert "will not tell whether the idea works" in outlook(protocol, found)
