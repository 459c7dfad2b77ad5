"""Wald's test: against another dynamic programme's figures (exact_dp.json), and against Wald's inequalities."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from tests.reference.conftest import Section
from tests.reference.reading import named
from trials.errors import DataError
from trials.sequential.operating.sprt import Sprt, characteristics, wald_means

FIELDS = {"ASN": "mean", "P_reject_H0": "reject", "P_accept_H0": "accept"}


def test_exact_figures(reference: Callable[[str], Section], checked: Callable[[int], None]) -> None:
    """Mean length and both chances agree to 1e-12 (the mean: of it), Wald's approximate means to 1e-12 of them."""
    file = reference("exact_dp")
    for key in [key for key in file if key.startswith("sprt")]:
        test = Sprt(*(named(key, name) for name in ("p0", "p1", "alpha", "beta")))
        for row, figures in file[key].items():
            if row == "wald_approx":
                ours = dict(zip(("ASN_H0", "ASN_H1"), wald_means(test), strict=True))
            else:
                exact = characteristics(test, named(row, "p"))
                ours = {field: getattr(exact, name) for field, name in FIELDS.items()}
            assert set(figures) <= set(ours), f"exact_dp.json: {key}, {row} has a figure that no test here knows."
            for field, figure in figures.items():
                assert ours[field] == pytest.approx(figure, rel=1e-12, abs=1e-12), (key, row, field)
                checked(1)


def test_walds_inequalities() -> None:
    """alpha' <= alpha/(1 - beta), beta' <= beta/(1 - alpha), and the test ends with certainty."""
    test = Sprt(0.3, 0.2, 0.05, 0.1)
    null, other = characteristics(test, 0.3), characteristics(test, 0.2)
    assert null.reject <= 0.05 / 0.9
    assert other.accept <= 0.1 / 0.95
    for exact in (null, other):
        assert exact.reject + exact.accept == pytest.approx(1, abs=1e-14)


def test_one_step() -> None:
    """Hypotheses so far apart that the first observation decides: mean 1, rejected exactly as often as an event comes."""
    exact = characteristics(Sprt(0.01, 0.99, 0.05, 0.05), 0.3)
    assert (exact.mean, exact.reject, exact.accept) == pytest.approx((1, 0.3, 0.7), abs=1e-15)


@pytest.mark.parametrize(
    ("p0", "p1", "alpha", "beta"),
    [(0.3, 0.3, 0.05, 0.1), (0, 0.3, 0.05, 0.1), (0.3, math.nan, 0.05, 0.1), (0.3, 0.2, 0.6, 0.5), (0.3, 0.2, 0.05, 1)],
)
def test_meaningless_tests_are_refused(p0: float, p1: float, alpha: float, beta: float) -> None:
    """Equal hypotheses, shares and errors outside (0, 1), and errors that sum to 1 raise DataError."""
    with pytest.raises(DataError, match=r"must"):
        Sprt(p0, p1, alpha, beta)
