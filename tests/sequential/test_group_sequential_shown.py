"""`roadtest boundaries`: the same numbers as text for people and as JSON for programs."""

import json

import pytest

from flows.boundaries import as_json, as_text, boundaries, fractions_from
from trials.errors import ProtocolError


def test_json_holds_every_digit_of_what_is_computed() -> None:
    """Bounds, spent errors, drift, inflation and expected numbers survive JSON to the bit."""
    asked = boundaries(5, 0.025, "obrien-fleming", None, "obrien-fleming", 0.1)
    body = json.loads(json.dumps(as_json(asked), allow_nan=False))
    plan = asked.answer
    assert [look["upper"] for look in body["looks"]] == list(plan.upper)
    assert [look["lower"] for look in body["looks"]] == list(plan.lower)
    assert [look["alpha_spent"] for look in body["looks"]] == list(plan.alpha_spent)
    assert [look["beta_spent"] for look in body["looks"]] == list(plan.beta_spent)
    assert (body["drift"], body["inflation"]) == (plan.drift, plan.inflation)
    assert (body["expected_h1"], body["expected_half"], body["expected_h0"]) == (
        plan.expected_h1,
        plan.expected_half,
        plan.expected_h0,
    )
    assert body["note"] is None


def test_the_text_shows_the_same_plan_rounded() -> None:
    """One line per look with four decimals, and what the looks cost."""
    text = as_text(boundaries(5, 0.025, "obrien-fleming", None, "obrien-fleming", 0.1))
    assert "4.8769" in text
    assert "2.0310" in text
    assert "-0.2070" in text
    assert "1.0994" in text
    assert [line.split()[0] for line in text.splitlines()[3:8]] == ["1", "2", "3", "4", "5"]


def test_infinite_bounds_are_null_with_a_note() -> None:
    """A bound that is practically infinite is a dash in the text and null in JSON, and both say what that means."""
    asked = boundaries(20, 0.025, "obrien-fleming")
    assert as_json(asked)["looks"][0]["upper"] is None
    assert "practically infinite" in as_json(asked)["note"]
    assert "-: practically infinite" in as_text(asked)
    assert "drift" not in as_text(asked)


def test_classical_and_two_sided_plans_are_shown_with_constant_and_both_sides() -> None:
    """Pocock's C for five looks at .05 is the 2.413 of Jennison & Turnbull's table 2.1."""
    text = as_text(boundaries(5, 0.05, "classical-pocock", sided=2))
    assert "C = 2.4132" in text
    assert "-2.4132" in text


def test_fractions_may_be_given_instead_of_a_number_of_looks() -> None:
    """`--information 0.2,0.5,1` is three looks."""
    assert fractions_from(None) is None
    asked = boundaries(None, 0.025, "kim-demets", fractions_from("0.2, 0.5,1"), parameter=3.0)
    assert asked.answer.information == (0.2, 0.5, 1.0)
    assert "kim-demets 3" in as_text(asked)


@pytest.mark.parametrize(
    ("looks", "information", "names"),
    [
        (4, "0.2,0.5,1", "looks == 4 with 3 fractions"),
        (None, None, "looks == None"),
        (None, "0.2,half,1", 'information == "half"'),
        (0, None, "looks == 0"),
        (-3, None, "looks == -3"),
        (10**9, None, "looks == 1000000000"),
    ],
)
def test_questions_that_mean_nothing_are_refused(looks: int | None, information: str | None, names: str) -> None:
    """One sentence that names the option and its value."""
    with pytest.raises(ProtocolError, match=names):
        boundaries(looks, 0.025, "pocock", fractions_from(information))
