"""Laws that hold for every registered outcome kind. A new kind is tested here unasked."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trials.errors import DataError, ProtocolError
from trials.outcomes import KINDS, Kind, kind_named

kinds = pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])


def allowed(kind: Kind, share: float) -> float:
    """A value that the kind's example plan allows."""
    low, high = kind.example.bounds or (0.0, 1.0)
    return float(share > 0.5) if kind.values == "binary" else low + share * (high - low)


@kinds
def test_the_example_is_a_plan_of_its_kind(kind: Kind) -> None:
    """The plan that the laws run on passes its own checks and is found by its name."""
    kind.check_plan(kind.example)
    assert kind_named(kind.example.kind) is kind


@kinds
@given(share=st.floats(0, 1))
def test_losses_lie_in_the_unit_interval_and_turn_with_the_direction(kind: Kind, share: float) -> None:
    """to_loss is within [0, 1], and what is a loss when lower is better is its complement when higher is."""
    value = allowed(kind, share)
    lower = kind.to_loss(kind.example.model_copy(update={"better": "lower"}), value)
    higher = kind.to_loss(kind.example.model_copy(update={"better": "higher"}), value)
    assert 0 <= lower <= 1
    assert lower + higher == pytest.approx(1, abs=1e-12)


@kinds
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused(kind: Kind, value: float) -> None:
    """NaN and infinities raise a sentence with the measure and the rule."""
    with pytest.raises(DataError, match=f"{kind.example.measure} == .*must be"):
        kind.to_loss(kind.example, value)


@kinds
def test_a_worthwhile_effect_larger_than_the_baseline_allows_is_refused(kind: Kind) -> None:
    """An improvement that would leave the scale raises a sentence with the value and the limit."""
    room = kind.example.baseline if kind.example.better == "lower" else 1e9
    plan = kind.example.model_copy(update={"worthwhile": room})
    with pytest.raises(ProtocolError, match=r"primary\.worthwhile == .*must be <"):
        kind.check_plan(plan)


@kinds
def test_effects_are_said_in_words_people_use(kind: Kind) -> None:
    """A benefit and a harm of the same size read as opposites, with no sign to misread."""
    size = kind.example.worthwhile
    good, bad = kind.say_effect(kind.example, size), kind.say_effect(kind.example, -size)
    assert good != bad
    assert "-" not in good + bad
    words = {"lower": ("fewer", "less"), "higher": ("more",)}[kind.example.better]
    assert any(word in good for word in words)


@kinds
def test_changing_the_unit_changes_nothing(kind: Kind) -> None:
    """A plan in pence and its data in pence give the same losses, baseline and worthwhile effect as in pounds."""
    if kind.example.bounds is None:
        assert kind.scale(kind.example) == 1
        return
    low, high = kind.example.bounds
    assert kind.example.sd is not None
    pence = kind.example.model_copy(
        update={
            "bounds": (100 * low, 100 * high),
            "baseline": 100 * kind.example.baseline,
            "worthwhile": 100 * kind.example.worthwhile,
            "sd": 100 * kind.example.sd,
        }
    )
    assert kind.to_loss(pence, 123_400) == pytest.approx(kind.to_loss(kind.example, 1_234), abs=1e-12)
    assert kind.spread(pence) == pytest.approx(kind.spread(kind.example), rel=1e-12)
    assert pence.worthwhile / kind.scale(pence) == pytest.approx(kind.example.worthwhile / kind.scale(kind.example))


def test_an_unknown_kind_is_named_with_the_known_ones() -> None:
    """A kind that does not exist raises a sentence that lists those that do."""
    with pytest.raises(ProtocolError, match=r'primary\.kind == "binry".*binary.*Did you mean'):
        kind_named("binry")
