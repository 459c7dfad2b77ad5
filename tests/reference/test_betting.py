"""Betting: against confseq's figures (confseq.json), and against what a fair bet must satisfy."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable

import numpy as np
import pytest

from tests.reference.conftest import Section
from tests.reference.reading import named
from trials.errors import DataError
from trials.sequential.peers import betting

OTHERS = ("normal_mixture_bound", "bernoulli_ci")  # compared in test_uniform_bounds


def interval(key: str, data: np.ndarray) -> tuple[float, float]:
    """What a key that ends in "(last)" asks for: the interval after the last value."""
    if key.startswith("betting_cs"):
        low, high = betting.betting_sequence(data, alpha=named(key, "alpha"), breaks=int(named(key, "breaks")))
    else:
        alpha = named(key, "alpha") if "alpha" in key else 0.05  # the package's default
        low, high = betting.empirical_bernstein_sequence(data, alpha=alpha)
    return float(low[-1]), float(high[-1])


def test_the_published_code(reference: Callable[[str], Section], checked: Callable[[int], None]) -> None:
    """Capital agrees with confseq to 1e-10 of it, grid intervals exactly, empirical Bernstein intervals to 1e-12.

    The file keeps every k-th capital and does not say k: the one that leaves as many as it prints.
    """
    file = reference("confseq")
    for key in [key for key in file["computed"] if not key.startswith(OTHERS)]:
        known = re.fullmatch(r"(betting_mart|betting_cs|predmix_empbern_twosided_cs) .*on (\w+)( \(last\))?", key)
        assert known, f'confseq.json: unknown form "{key}".'
        data, target = np.array(list(file["data"][known[2]])), list(file["computed"][key])
        if known[1] == "betting_mart":
            arguments = {name: named(key, name) for name in ("alpha", "theta")}
            ours = betting.hedged_capital(data, [named(key, "m")], **arguments)[0]
            kept = [ours[::k] for k in range(1, len(ours) + 1) if len(ours[::k]) == len(target)]
            assert any(every == pytest.approx(target, rel=1e-10) for every in kept), key
        else:
            assert interval(key, data) == pytest.approx(target, rel=0, abs=1e-12), key
        checked(len(target))


@pytest.mark.parametrize("theta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("p", [0.1, 0.5])
def test_capital_is_fair(theta: float, p: float) -> None:
    """Over all 2^10 sequences of events of share p, mean capital against p is 1 (one direction) or at most 1 (both)."""
    total = 0.0
    for sequence in itertools.product((0.0, 1.0), repeat=10):
        x = np.array(sequence)
        chance = p ** x.sum() * (1 - p) ** (10 - x.sum())
        total += chance * betting.hedged_capital(x, [p], alpha=0.05, theta=theta)[0, -1]
    assert total == pytest.approx(1, rel=1e-12) if theta in (0.0, 1.0) else total <= 1


def test_ends_of_the_range() -> None:
    """A mean of 0 is never ruled out by zeros, nor 1 by ones; a single 1 rules out 0 only once the bets have paid."""
    low, high = betting.betting_sequence(np.zeros(400), alpha=0.05, breaks=50)
    assert low[-1] == 0.0
    assert high[-1] < 0.1
    low, high = betting.betting_sequence(np.ones(400), alpha=0.05, breaks=50)
    assert high[-1] == 1.0
    assert low[-1] > 0.9


@pytest.mark.parametrize(
    ("x", "alpha"), [([0.5, 1.5], 0.05), ([0.5, math.nan], 0.05), ([], 0.05), ([[0.5]], 0.05), ([0.5], 0.0)]
)
def test_meaningless_arguments_are_refused(x: list[float], alpha: float) -> None:
    """Values outside [0, 1], NaN, no values, a table, and an error of 0 raise DataError."""
    for function in (betting.betting_sequence, betting.empirical_bernstein_sequence):
        with pytest.raises(DataError, match=r"must be"):
            function(x, alpha=alpha)
