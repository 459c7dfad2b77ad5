"""Spending functions, boundaries and sample sizes: what must hold whatever the plan. Reference figures: tests/reference."""

import itertools
import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm

from trials.errors import DataError, ProtocolError, RoadtestError
from trials.sequential.grouped.boundaries import CLASSICAL, boundaries, crossing, expected_information, spending_bounds
from trials.sequential.grouped.sample_size import binary_people, event_chance, events, people_for_events
from trials.sequential.grouped.spending import SHAPES, equally_spaced, spent

UNEVEN = (0.15, 0.4, 0.55, 1.0)
PARAMETERS = {"kim-demets": 2.0, "hwang-shih-decani": -4.0}
shapes = pytest.mark.parametrize("shape", SHAPES)


def first_passage(information: tuple[float, ...], upper: tuple[float, ...], drift: float) -> list[float]:
    """P(first at or above the bound at look k), from SciPy's multivariate normal distribution function."""
    t = np.array(information)
    covariance = np.sqrt(np.minimum.outer(t, t) / np.maximum.outer(t, t))
    below = [1.0]
    for k in range(1, t.size + 1):
        normal = multivariate_normal(drift * np.sqrt(t[:k]), covariance[:k, :k], abseps=1e-9, releps=1e-9, maxpts=10**6)
        below.append(float(normal.cdf(np.array(upper[:k]), rng=np.random.default_rng(1))))
    return [a - b for a, b in itertools.pairwise(below)]


@shapes
def test_a_spending_function_rises_from_nothing_to_the_whole_error(shape: str) -> None:
    """f rises with t, is next to nothing at first and the error rate at t = 1 and ever after."""
    at = [spent(shape, t, 0.05, PARAMETERS.get(shape)) for t in (1e-6, 0.1, 0.3, 0.6, 0.99, 1.0, 1.3)]
    assert at[0] < 1e-6
    assert at == sorted(at)
    assert at[-1] == at[-2] == 0.05


def test_hwang_shih_decani_at_zero_is_linear() -> None:
    """At γ = 0 the family's limit α t is taken, and small γ come near it."""
    assert spent("hwang-shih-decani", 0.3, 0.05, 0.0) == pytest.approx(0.015)
    assert spent("hwang-shih-decani", 0.3, 0.05, 1e-9) == pytest.approx(0.015)


@pytest.mark.parametrize("drift", [0.0, 2.5])
def test_first_passage_is_the_multivariate_normal_one(drift: float) -> None:
    """At each look the recursion's probability is SciPy's, for uneven information and with a drift."""
    upper = (2.9, 2.4, 2.1, 1.99)
    ours = crossing(UNEVEN, upper, (None,) * 4, drift).up
    assert ours == pytest.approx(first_passage(UNEVEN, upper, drift), abs=2e-5)


@shapes
@settings(max_examples=20, deadline=None)
@given(
    cuts=st.lists(st.integers(1, 199), min_size=1, max_size=7, unique=True),
    alpha=st.floats(0.001, 0.2),
    beta=st.floats(0.02, 0.4),
)
def test_errors_are_spent_as_planned(shape: str, cuts: list[int], alpha: float, beta: float) -> None:
    """Whatever the looks: alpha is spent as the function says though nobody heeds futility, and power is 1 − beta."""
    information = (*(cut / 200 for cut in sorted(cuts)), 1.0)
    plan = boundaries(
        information,
        alpha,
        shape,
        parameter=PARAMETERS.get(shape),
        futility=shape,
        futility_parameter=PARAMETERS.get(shape),
        beta=beta,
    )
    wanted = [spent(shape, t, alpha, PARAMETERS.get(shape)) for t in information]
    assert plan.alpha_spent == pytest.approx(wanted, abs=1e-10)
    assert plan.beta_spent[-1] == pytest.approx(beta, abs=1e-8)
    assert plan.drift is not None
    heeded = crossing(information, plan.upper, plan.lower, plan.drift)
    assert math.fsum(heeded.up) == pytest.approx(1 - beta, abs=1e-8)
    assert plan.lower[-1] == plan.upper[-1]
    assert all(low is None or high is None or low <= high for low, high in zip(plan.lower, plan.upper, strict=True))


@pytest.mark.parametrize("name", CLASSICAL)
@pytest.mark.parametrize("sided", [1, 2])
def test_classical_tests_keep_alpha_at_any_fractions(name: str, sided: int) -> None:
    """Pocock's bounds are level and O'Brien & Fleming's fall as 1/√t; all looks together spend alpha."""
    plan = boundaries(UNEVEN, 0.05, name, sided=sided)
    assert plan.alpha_spent[-1] == pytest.approx(0.05, abs=1e-12)
    level = [bound * t ** -CLASSICAL[name] for bound, t in zip(plan.upper, UNEVEN, strict=True) if bound is not None]
    assert level == pytest.approx([plan.constant] * 4)
    assert plan.lower == (tuple(-bound for bound in plan.upper if bound) if sided == 2 else (None,) * 4)


def test_one_look_is_the_fixed_design() -> None:
    """With a single look the bound is the normal quantile and nothing is inflated."""
    for name in ("obrien-fleming", "classical-pocock"):
        plan = boundaries((1.0,), 0.05, name, beta=0.1)
        assert plan.upper == pytest.approx((norm.isf(0.05),))
        assert plan.inflation == pytest.approx(1.0, abs=1e-9)
        assert plan.expected_h0 == pytest.approx(1.0, abs=1e-9)


def test_bounds_that_are_practically_infinite_are_none() -> None:
    """Below 1e-16 there is no bound, what was not spent goes to the next look, and that one is exact far out in the tail."""
    upper = boundaries(equally_spaced(50), 0.025, "obrien-fleming").upper
    assert upper[:3] == (None, None, None)
    # Nothing was spent before, so the fourth bound is the plain normal quantile.
    assert upper[3] == pytest.approx(norm.isf(spent("obrien-fleming", 0.08, 0.025)), abs=1e-8)


def test_expected_information_is_the_mean_of_simulated_stops() -> None:
    """Simulated trials of a plan stop at the information that it expects, within four standard errors."""
    plan = boundaries(UNEVEN, 0.025, "pocock", futility="pocock", beta=0.1)
    rng = np.random.default_rng(11)
    steps = np.diff([0.0, *UNEVEN])
    walks = np.cumsum(rng.normal(size=(20_000, 4)) * np.sqrt(steps) + 2.0 * steps, axis=1)
    z = walks / np.sqrt(UNEVEN)
    out = (z >= np.array(plan.upper, dtype=float)) | (z < np.array(plan.lower, dtype=float))
    out[:, -1] = True
    stops = np.array(UNEVEN)[np.argmax(out, axis=1)]
    error = stops.std() / math.sqrt(stops.size)
    assert expected_information(UNEVEN, plan.upper, plan.lower, 2.0) == pytest.approx(stops.mean(), abs=4 * error)


def test_only_ratios_of_information_matter() -> None:
    """Bounds from spent error are the same whether information counts people or shares."""
    spends = [0.01, 0.03, 0.05]
    assert spending_bounds((30.0, 70.0, 100.0), spends) == pytest.approx(spending_bounds((0.3, 0.7, 1.0), spends))


def test_twenty_looks_with_futility_take_less_than_the_limit() -> None:
    """The fastest of five computations takes less than .15 s."""
    seconds = []
    for _ in range(5):
        began = time.process_time()
        boundaries(equally_spaced(20), 0.025, "obrien-fleming", futility="obrien-fleming", beta=0.1)
        seconds.append(time.process_time() - began)
    assert min(seconds) < 0.15


PLAN = {"information": (0.5, 1.0), "alpha": 0.05, "spending": "obrien-fleming"}


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"alpha": 0.0}, "alpha == 0.0"),
        ({"alpha": 1.0}, "alpha == 1.0"),
        ({"alpha": math.nan}, "alpha == nan"),
        ({"information": (0.5, 0.4, 1.0)}, "information == 0.4 after 0.5"),
        ({"information": (0.5, 0.5, 1.0)}, "information == 0.5 after 0.5"),
        ({"information": (0.5, 1.1)}, "information == 1.1"),
        ({"information": (0.0, 1.0)}, "information == 0"),
        ({"information": (0.5, math.nan)}, "information == nan"),
        ({"information": (0.5, 0.9)}, "information == 0.9 at the last look"),
        ({"information": ()}, "looks == 0"),
        ({"spending": "haybittle"}, 'spending == "haybittle"'),
        ({"parameter": 2.0}, "parameter == 2.0"),
        ({"spending": "classical-pocock", "parameter": 2.0}, "parameter == 2.0"),
        ({"spending": "kim-demets"}, "parameter == None"),
        ({"spending": "kim-demets", "parameter": 0.0}, "parameter == 0.0"),
        ({"spending": "hwang-shih-decani", "parameter": 51.0}, "parameter == 51.0"),
        ({"sided": 3}, "sided == 3"),
        ({"futility": "pocock"}, "beta == None"),
        ({"futility": "pocock", "beta": 0.1, "sided": 2}, "sided == 2"),
        ({"futility": "classical-pocock", "beta": 0.1}, 'spending == "classical-pocock"'),
        ({"futility_parameter": 1.0}, "futility_parameter == 1.0"),
        ({"beta": 0.96}, "beta == 0.96"),
        ({"alpha": 0.6, "spending": "classical-pocock"}, "alpha == 0.6"),
    ],
)
def test_plans_that_mean_nothing_are_refused(change: dict[str, object], names: str) -> None:
    """One sentence that names the argument and its value."""
    with pytest.raises(ProtocolError, match=names.replace("(", r"\(")) as refused:
        boundaries(**{**PLAN, **change})  # type: ignore[arg-type]
    assert "must" in str(refused.value)


@settings(max_examples=100, deadline=None)
@given(
    information=st.sampled_from(
        [(0.1, 1.0), (0.9979, 0.9989, 1.0), (1e-3, 0.5, 1.0), (1e-4, 1.0), (1.0,), (0.5,), (-0.1, 1.0), (1.0, 2.0)]
    ),
    alpha=st.floats(1e-12, 1 - 1e-9) | st.sampled_from([-0.1, 0.0, 1.0, math.nan, math.inf]),
    spending=st.sampled_from([*SHAPES, *CLASSICAL, "other"]),
    parameter=st.none() | st.floats(-60, 60) | st.just(math.nan),
)
def test_nothing_but_a_refusal_or_bounds_comes_out(
    information: tuple[float, ...], alpha: float, spending: str, parameter: float | None
) -> None:
    """Whatever is asked, the answer is a refusal in words or as many bounds as looks, none of them NaN."""
    try:
        plan = boundaries(information, alpha, spending, parameter=parameter)
    except RoadtestError:
        return
    assert len(plan.upper) == len(information)
    assert not any(bound is not None and math.isnan(bound) for bound in plan.upper)
    assert plan.alpha_spent[-1] == pytest.approx(alpha, abs=1e-9)


def test_sample_sizes_have_the_power_they_promise() -> None:
    """With the number given, the normal approximation's power is 1 − beta, for any ratio of the arms."""
    for ratio in (1.0, 2.0, 0.5):
        controls = binary_people(0.22, 0.30, 0.05, 0.1, ratio) / (1 + ratio)
        pooled = (ratio * 0.22 + 0.30) / (1 + ratio)
        limit = norm.isf(0.05) * math.sqrt(pooled * (1 - pooled) * (1 + 1 / ratio) / controls)
        error = math.sqrt((0.22 * 0.78 / ratio + 0.30 * 0.70) / controls)
        assert norm.sf((limit - 0.08) / error) == pytest.approx(0.9, abs=1e-12)


def test_the_chance_of_an_event_is_the_mean_over_entry_times() -> None:
    """With uniform accrual it is the average of 1 − exp(−λ · time under observation)."""
    entries = (np.arange(100_000) + 0.5) / 100_000 * 24
    assert event_chance(0.05, 24, 12) == pytest.approx(np.mean(1 - np.exp(-0.05 * (36 - entries))), abs=1e-9)
    assert people_for_events(100, 0.05, 1.0, 24, 12) == pytest.approx(100 / event_chance(0.05, 24, 12))


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        (lambda: binary_people(0.0, 0.3, 0.05, 0.1), "treated == 0.0"),
        (lambda: binary_people(0.3, 0.3, 0.05, 0.1), "must differ from control"),
        (lambda: events(1.0, 0.05, 0.1), "hazard_ratio == 1.0"),
        (lambda: events(-0.5, 0.05, 0.1), "hazard_ratio == -0.5"),
        (lambda: event_chance(0.05, 0.0, 12), "accrual == 0.0"),
        (lambda: spent("pocock", 0.0, 0.05), "information == 0.0"),
    ],
)
def test_sizes_that_mean_nothing_are_refused(asked, names: str) -> None:  # type: ignore[no-untyped-def]
    """One sentence that names the argument and its value."""
    with pytest.raises(DataError, match=names):
        asked()
