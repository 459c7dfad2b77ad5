"""Laws that hold for every registered outcome kind. A new kind is tested here unasked."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trials.errors import DataError, ProtocolError
from trials.outcomes import KINDS, Kind, kind_named

kinds = pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
unit_scale = pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.values in ("binary", "bounded")], ids=lambda kind: kind.name
)


def allowed(kind: Kind, share: float) -> tuple[float, float | None]:
    """A value, with its companion, that the kind's example plan allows."""
    if kind.values == "count":
        return float(round(20 * share)), 0.5 + share
    if kind.values == "time":
        return 0.1 + share, float(share > 0.5)
    low, high = kind.example.bounds or (0.0, 1.0)
    return float(share > 0.5) if kind.values == "binary" else low + share * (high - low), None


@kinds
def test_the_example_is_a_plan_of_its_kind(kind: Kind) -> None:
    """The plan that the laws run on passes its own checks and is found by its name."""
    kind.check_plan(kind.example)
    assert kind_named(kind.example.kind) is kind


@unit_scale
@given(share=st.floats(0, 1))
def test_losses_lie_in_the_unit_interval_and_turn_with_the_direction(kind: Kind, share: float) -> None:
    """A loss is within [0, 1], and what is a loss when lower is better is its complement when higher is."""
    value, companion = allowed(kind, share)
    lower, _ = kind.to_unit(kind.example.model_copy(update={"better": "lower"}), value, companion)
    higher, _ = kind.to_unit(kind.example.model_copy(update={"better": "higher"}), value, companion)
    assert 0 <= lower <= 1
    assert lower + higher == pytest.approx(1, abs=1e-12)


@kinds
@given(share=st.floats(0, 1))
def test_allowed_values_pass_and_stay_finite(kind: Kind, share: float) -> None:
    """What the plan allows becomes two finite numbers, and whether the event is good doesn't alter counts and times."""
    unit = kind.to_unit(kind.example, *allowed(kind, share))
    assert all(math.isfinite(part) for part in unit)
    if kind.values in ("count", "time"):
        turned = kind.example.model_copy(update={"better": "higher"})
        assert kind.to_unit(turned, *allowed(kind, share)) == unit


@kinds
@given(share=st.floats(-0.95, 0.95))
def test_effects_come_back_from_the_methods_scale(kind: Kind, share: float) -> None:
    """from_effect and to_effect undo each other, keep the sign, and rise together."""
    plan = kind.example
    effect = share * plan.worthwhile
    inner = kind.from_effect(plan, effect)
    assert kind.to_effect(plan, inner) == pytest.approx(effect, abs=1e-12)
    assert inner == 0 or (inner > 0) == (effect > 0)
    assert kind.from_effect(plan, effect + 0.01 * plan.worthwhile) > inner


@kinds
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused(kind: Kind, value: float) -> None:
    """NaN and infinities raise a sentence with the measure and the rule, as a value and beside it."""
    _, companion = allowed(kind, 0.6)
    with pytest.raises(DataError, match=f"{kind.example.measure} == .*must be"):
        kind.to_unit(kind.example, value, companion)
    if kind.example.companion is not None:
        with pytest.raises(DataError, match=f"{kind.example.companion} == .*must be"):
            kind.to_unit(kind.example, allowed(kind, 0.6)[0], value)


@kinds
def test_a_value_without_its_companion_is_refused(kind: Kind) -> None:
    """A count without exposure and a time without its event flag mean nothing; zero exposure neither."""
    if kind.example.companion is None:
        return
    for companion in (None, -1.0, *((0.0,) if kind.values == "count" else (0.5,))):
        with pytest.raises(DataError, match=f"{kind.example.companion} == .*must be"):
            kind.to_unit(kind.example, allowed(kind, 0.6)[0], companion)


@kinds
def test_a_worthwhile_effect_larger_than_the_baseline_allows_is_refused(kind: Kind) -> None:
    """An improvement that would leave the scale raises a sentence with the value and the limit."""
    for better in ("lower", "higher"):
        plan = kind.example.model_copy(update={"worthwhile": 1e9, "better": better})
        with pytest.raises(ProtocolError, match=r"primary\.worthwhile == .*must be (<|at most)"):
            kind.check_plan(plan)


@kinds
def test_a_key_that_means_nothing_for_the_kind_is_refused(kind: Kind) -> None:
    """A plan can't set a key that its kind would ignore in silence."""
    keys = {"bounds": (0.0, 50.0), "sd": 1.0, "exposure": "weeks", "event": "happened"}
    unused = {
        "binary": ("bounds", "sd", "exposure", "event"),
        "bounded": ("exposure", "event"),
        "count": ("event",),
        "time": ("sd", "exposure"),
    }
    for key in unused[kind.values]:
        plan = kind.example.model_copy(update={key: keys[key]})
        with pytest.raises(ProtocolError, match=rf"primary\.{key} means nothing for the kind {kind.name}"):
            kind.check_plan(plan)


@kinds
def test_effects_are_said_in_words_people_use(kind: Kind) -> None:
    """A benefit and a harm of the same size read as opposites, with no sign to misread."""
    size = kind.example.worthwhile
    good, bad = kind.say_effect(kind.example, size), kind.say_effect(kind.example, -size)
    assert good != bad
    assert "-" not in good + bad
    words = {"lower": ("fewer", "less", "lower"), "higher": ("more", "higher")}[kind.example.better]
    assert any(word in good for word in words)
    assert kind.estimand(kind.example)


@kinds
def test_changing_the_unit_changes_nothing(kind: Kind) -> None:
    """A plan in pence and its data in pence give the same losses, baseline and worthwhile effect as in pounds."""
    if kind.values != "bounded":
        return
    assert kind.example.bounds is not None
    assert kind.example.sd is not None
    low, high = kind.example.bounds
    pence = kind.example.model_copy(
        update={
            "bounds": (100 * low, 100 * high),
            "baseline": 100 * kind.example.baseline,
            "worthwhile": 100 * kind.example.worthwhile,
            "sd": 100 * kind.example.sd,
        }
    )
    value = low + 0.37 * (high - low)
    assert kind.to_unit(pence, 100 * value, None)[0] == pytest.approx(
        kind.to_unit(kind.example, value, None)[0], abs=1e-12
    )
    assert kind.spread(pence) == pytest.approx(kind.spread(kind.example), rel=1e-12)
    inner = kind.from_effect(pence, pence.worthwhile)
    assert inner == pytest.approx(kind.from_effect(kind.example, kind.example.worthwhile))
