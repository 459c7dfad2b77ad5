"""The logrank e-factor: against safestats' figures (safestats.json), against SciPy, and against its definition."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import nchypergeom_fisher

from tests.reference.conftest import Section
from trials.errors import DataError
from trials.sequential.times.logrank_e import log_chance, log_factor

MOST = 40  # people per arm looked through for the risk set of the tied example, which the file does not give


@st.composite
def risk_sets(draw: st.DrawFn) -> tuple[int, int, int]:
    """(n_t, n_c, d)."""
    n_t, n_c = draw(st.integers(0, 12)), draw(st.integers(0, 12))
    return n_t, n_c, draw(st.integers(0, n_t + n_c))


def test_safestats_factors(reference: Callable[[str], Section], checked: Callable[[int], None]) -> None:
    """log factors at thetaS ("less") and 1/thetaS ("greater") and their products agree to 1e-11."""
    section = reference("safestats")["logrank"]
    theta = section["thetaS"]
    columns = [list(section[name]) for name in ("y1", "y0", "obs1", "obs0")]
    ours = np.array([log_factor([theta, 1 / theta], *row[:3], row[2] + row[3]) for row in zip(*columns, strict=True)])
    for column, name in enumerate(("less", "greater")):
        assert ours[:, column] == pytest.approx(list(section[f"logE_{name}"]), rel=0, abs=1e-11)
        assert math.exp(math.fsum(ours[:, column])) == pytest.approx(section[f"E_{name}"], rel=1e-11)
        checked(len(ours) + 1)


def possible(log_p: float) -> Iterator[tuple[int, int, int, int]]:
    """Risk sets (n_t, n_c, d_t, d) with tied events whose log chance under the null is `log_p`."""
    for n_t in range(1, MOST + 1):
        for n_c in range(1, MOST + 1):
            for d in range(2, min(8, n_t + n_c) + 1):
                for d_t in range(max(0, d - n_c), min(d, n_t) + 1):
                    own = math.comb(n_t, d_t) * math.comb(n_c, d - d_t) / math.comb(n_t + n_c, d)
                    if abs(math.log(own) - log_p) < 1e-11:
                        yield n_t, n_c, d_t, d


def test_safestats_tied_events(reference: Callable[[str], Section], checked: Callable[[int], None]) -> None:
    """Exactly the risk sets whose null chance is the printed one are tried; one of them gives both printed log factors.

    The file prints the three logs of a tied event time and not who was at risk (here 12 and 10, one of three treated).
    """
    section = reference("safestats")["logrank"]
    tied, theta = section["tied"], section["thetaS"]
    wanted = [tied["logEValueLess"], tied["logEValueGreater"]]
    found = [
        risk
        for risk in possible(tied["logP0"])
        if log_factor([theta, 1 / theta], *risk) == pytest.approx(wanted, rel=0, abs=1e-11)
    ]
    assert found, f"no risk set of up to {MOST} people an arm has these three logs"
    assert log_chance([1.0], *found[0])[0] == pytest.approx(tied["logP0"], rel=0, abs=1e-11)
    checked(3)


@given(risk_sets(), st.floats(0.05, 20))
def test_mean_under_the_null_is_one(risk: tuple[int, int, int], theta: float) -> None:
    """Sum over the possible d_t of p_1(d_t) times the factor is 1, and the chances at theta sum to 1."""
    n_t, n_c, d = risk
    possible = range(max(0, d - n_c), min(d, n_t) + 1)
    null = [math.exp(log_chance([1.0], n_t, n_c, u, d)[0]) for u in possible]
    factors = [math.exp(log_factor([theta], n_t, n_c, u, d)[0]) for u in possible]
    assert math.fsum(p * f for p, f in zip(null, factors, strict=True)) == pytest.approx(1, rel=1e-11)
    assert math.fsum(null) == pytest.approx(1, rel=1e-12)


@given(risk_sets(), st.floats(0.05, 20), st.integers(0, 24))
def test_exchanged_arms(risk: tuple[int, int, int], theta: float, pick: int) -> None:
    """Exchanging the arms and turning theta over changes nothing; theta = 1 says nothing."""
    n_t, n_c, d = risk
    low, high = max(0, d - n_c), min(d, n_t)
    d_t = low + pick % (high - low + 1)
    ours = log_factor([theta, 1.0], n_t, n_c, d_t, d)
    assert ours == pytest.approx(log_factor([1 / theta, 1.0], n_c, n_t, d - d_t, d), rel=1e-10, abs=1e-12)
    assert ours[1] == pytest.approx(0, abs=1e-13)


def test_scipy_agrees() -> None:
    """log chances are those of SciPy's noncentral hypergeometric distribution, to 1e-9 of its own iteration."""
    for n_t, n_c, d, theta in [(12, 10, 3, 0.7), (40, 80, 9, 2.5), (5, 5, 8, 0.2)]:
        for d_t in range(max(0, d - n_c), min(d, n_t) + 1):
            theirs = nchypergeom_fisher.logpmf(d_t, n_t + n_c, n_t, d, theta)
            assert log_chance([theta], n_t, n_c, d_t, d)[0] == pytest.approx(theirs, abs=1e-9)


def test_one_event_in_a_large_risk_set() -> None:
    """theta (n_t + n_c)/(theta n_t + n_c) to the last digits for half a million at risk: nothing is lost in factorials."""
    ours = log_factor([0.5, 2.0], 300_000, 200_000, 1, 1)
    assert ours == pytest.approx([math.log(0.5 / 0.7), math.log(2 / 1.6)], rel=1e-13)


@pytest.mark.parametrize(
    ("theta", "counts"),
    [
        ([0.0], (5, 5, 1, 1)),
        ([-1.0], (5, 5, 1, 1)),
        ([math.nan], (5, 5, 1, 1)),
        ([math.inf], (5, 5, 1, 1)),
        ([], (5, 5, 1, 1)),
        ([0.5], (5, 5, 2, 1)),
        ([0.5], (0, 5, 1, 1)),
        ([0.5], (5, 0, 0, 1)),
        ([0.5], (1, 1, 1, 3)),
        ([0.5], (-1, 5, 0, 1)),
        ([0.5], (5.5, 5, 0, 1)),
    ],
)
def test_impossible_risk_sets_are_refused(theta: list[float], counts: tuple[int, int, int, int]) -> None:
    """Hazard ratios that are no ratio and events among nobody raise DataError."""
    for function in (log_factor, log_chance):
        with pytest.raises(DataError, match=r"must be"):
            function(theta, *counts)
