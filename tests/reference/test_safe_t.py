"""The safe t-test: against safestats' figures (safestats.json), SciPy's noncentral t, and its own invariances."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import nct, t

from tests.reference.conftest import Section
from trials.errors import DataError
from trials.sequential.peers import safe_t

X = [0.3, -0.2, 1.1, 0.7, 0.4]


def test_safestats_e_value(reference: Callable[[str], Section], checked: Callable[[int], None]) -> None:
    """E of the one-sample test ("greater") agrees to the 12 decimals that are printed."""
    section = reference("safestats")["ttest"]
    assert set(section) == {"x", "E", "deltaS"}, "safestats.json: the t-test has a field that no test here knows."
    ours = math.exp(safe_t.log_e_values(list(section["x"]), section["deltaS"]))
    assert ours == pytest.approx(section["E"], rel=1e-11, abs=1.5e-12)
    checked(1)


def test_safestats_batch_sizes(reference: Callable[[str], Section], checked: Callable[[int], None]) -> None:
    """Sizes for one look, two-sided, effect .4, alpha .05, beta .2, as in its testthat file: z growth-rate optimal (n85),
    z nearly most powerful (n80), t (nT)."""
    plans = {
        "n85": safe_t.plan_z(0.4),
        "n80": safe_t.plan_z(0.4, optimal=True),
        "nT": safe_t.plan_t(0.4),
    }
    section = reference("safestats")["batch"]
    assert set(section) <= set(plans), "safestats.json: a batch size that no plan here is for."
    for name, size in section.items():
        assert plans[name] == size, name
        checked(1)


@pytest.mark.parametrize(
    ("value", "n", "delta"), [(2, 10, 0.5), (-3, 10, 0.5), (-8, 50, 0.6), (20, 5, 2.0), (1, 2, 0.3)]
)
def test_ratio_of_densities(value: float, n: int, delta: float) -> None:
    """log E is the log ratio of SciPy's noncentral and central t densities, for either sign of t."""
    theirs = math.log(nct.pdf(value, n - 1, delta * math.sqrt(n)) / t.pdf(value, n - 1))
    assert safe_t.log_e_t(value, n, delta) == pytest.approx(theirs, abs=1e-9)


def test_far_values_stay_finite() -> None:
    """Where densities underflow the log e-value is still a number, and it rises with t."""
    logs = [safe_t.log_e_t(value, 2_000, 0.5) for value in (-300.0, -30.0, 0.0, 30.0, 300.0)]
    assert np.isfinite(logs).all()
    assert (np.diff(logs) > 0).all()


def test_unit_and_direction() -> None:
    """The unit of the values is immaterial; turning the values round turns the alternative round."""
    ours = safe_t.log_e_values(X, 0.5)
    assert safe_t.log_e_values([1_000 * x for x in X], 0.5) == pytest.approx(ours, rel=1e-12)
    assert safe_t.log_e_values([-x for x in X], 0.5, "less") == pytest.approx(ours, rel=1e-12)
    both = np.logaddexp(ours, safe_t.log_e_values(X, 0.5, "less")) - math.log(2)
    assert safe_t.log_e_values(X, 0.5, "two_sided") == pytest.approx(both, rel=1e-12)


@pytest.mark.parametrize("two_sided", [True, False])
def test_plans_agree_where_they_must(two_sided: bool) -> None:
    """The most powerful z-test needs no more people than the growth-rate optimal one, the t-test no fewer; and an
    effect twice as large needs about a quarter of them."""
    z, least = (safe_t.plan_z(0.3, optimal=optimal, two_sided=two_sided) for optimal in (False, True))
    assert least <= z <= safe_t.plan_t(0.3, two_sided=two_sided)
    assert safe_t.plan_z(0.6, two_sided=two_sided) == pytest.approx(z / 4, abs=1)


@pytest.mark.parametrize("x", [[0.3], [0.3, 0.3], [0.3, math.nan], [0.3, math.inf], []])
def test_samples_without_a_t_are_refused(x: list[float]) -> None:
    """One value, equal values, NaN and infinities raise DataError."""
    with pytest.raises(DataError, match=r"must"):
        safe_t.log_e_values(x, 0.5)


@pytest.mark.parametrize(
    "call",
    [
        lambda: safe_t.log_e_t(1.0, 1, 0.5),
        lambda: safe_t.log_e_t(1.0, 10, 0.0),
        lambda: safe_t.log_e_t(1.0, 10, 0.5, "up"),
        lambda: safe_t.plan_z(0.4, alpha=1.0),
        lambda: safe_t.plan_z(1e-4),
        lambda: safe_t.plan_t(-0.4),
        lambda: safe_t.plan_t(0.4, beta=math.nan),
    ],
)
def test_meaningless_arguments_are_refused(call: Callable[[], float]) -> None:
    """Effects that are none, errors outside (0, 1), and plans beyond a million people raise DataError."""
    with pytest.raises(DataError, match=r"must be"):
        call()
