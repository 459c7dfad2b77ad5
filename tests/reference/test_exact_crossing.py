"""Exact crossings: against another dynamic programme's figures (exact_dp.json), and against brute force."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable

import pytest

from tests.reference.conftest import Section
from tests.reference.reading import named, numbers
from trials.errors import DataError
from trials.sequential.operating.exact_crossing import one_arm, pair_bets

OTHERS = ("sprt", "gs_bounds_gauss_legendre", "note", "versions")  # compared in test_sprt and test_group_sequential
ONE_ARM = re.compile(
    r"one-arm mixture p1 in \((?P<p1>[^)]*)\) w \((?P<w>[^)]*)\) vs (?P<p0>\S+), threshold (?P<threshold>\S+), N=(?P<n>\d+)"
)
PAIRS = re.compile(r"pair bet lambda=\S+ pc=\S+ pt=\S+ N=(?P<n>\d+) pairs thr=\S+")


def test_exact_figures(reference: Callable[[str], Section], checked: Callable[[int], None]) -> None:
    """Crossing chances and mean lengths agree to 1e-12, the lengths to 1e-12 of them."""
    file = reference("exact_dp")
    for key in [key for key in file if not key.startswith(OTHERS)]:
        arm, pairs = ONE_ARM.fullmatch(key), PAIRS.fullmatch(key)
        assert arm or pairs, f'exact_dp.json: unknown form "{key}".'
        for figures, chance, mean in _arms(arm, file[key]) if arm else _pairs(key, pairs, file[key]):
            assert len(figures) == 2, f"exact_dp.json: {key} has a figure that no test here knows."
            assert chance == pytest.approx(figures[0], rel=1e-12, abs=1e-12), key
            assert mean == pytest.approx(figures[1], rel=1e-12), key
            checked(2)


def _arms(key: re.Match[str], rows: Section) -> list[tuple[list[float], float, float]]:
    found = []
    for row, figures in rows.items():
        exact = one_arm(
            numbers(key["p1"]),
            numbers(key["w"]),
            benchmark=float(key["p0"]),
            truth=named(row, "p"),
            threshold=float(key["threshold"]),
            people=int(key["n"]),
        )
        assert set(figures) == {"P_cross", "E[min(tau,N)]"}, row
        found.append(([figures["P_cross"], figures["E[min(tau,N)]"]], exact.chance, exact.mean))
    return found


def _pairs(key: str, found: re.Match[str] | None, figures: Section) -> list[tuple[list[float], float, float]]:
    assert found
    assert set(figures) == {"P_cross", "E pairs"}, key
    exact = pair_bets(
        [named(key, "lambda")],
        [1.0],
        control=named(key, "pc"),
        treated=named(key, "pt"),
        threshold=named(key, "thr"),
        pairs=int(found["n"]),
    )
    return [([figures["P_cross"], figures["E pairs"]], exact.chance, exact.mean)]


def test_pairs_by_brute_force() -> None:
    """All 3^9 sequences of nine pairs, two bets: the same chance and mean."""
    stakes, weights, control, treated, threshold = (0.3, 0.9), (0.6, 0.4), 0.6, 0.2, 5.0
    up, down = control * (1 - treated), treated * (1 - control)
    chances = {1: up, -1: down, 0: 1 - up - down}
    crossed = mean = 0.0
    for path in itertools.product(chances, repeat=9):
        chance = math.prod(chances[step] for step in path)
        wealth = [
            sum(w * math.prod(1 + s * d for d in path[:n]) for s, w in zip(stakes, weights, strict=True))
            for n in range(1, 10)
        ]
        first = next((n for n, value in enumerate(wealth, 1) if value >= threshold), None)
        crossed += chance * (first is not None)
        mean += chance * (first or 9)
    exact = pair_bets(stakes, weights, control=control, treated=treated, threshold=threshold, pairs=9)
    assert (exact.chance, exact.mean) == pytest.approx((crossed, mean), rel=1e-12)


def test_ville() -> None:
    """At the benchmark the chance of ever crossing is at most 1/threshold, however long the trial."""
    exact = one_arm((0.2, 0.1), (0.5, 0.5), benchmark=0.3, truth=0.3, threshold=10, people=600)
    assert 0.05 < exact.chance <= 0.1


@pytest.mark.parametrize(
    "call",
    [
        lambda: one_arm([0.2], [0.9], benchmark=0.3, truth=0.3, threshold=20, people=10),
        lambda: one_arm([0.2, 0.1], [1.0], benchmark=0.3, truth=0.3, threshold=20, people=10),
        lambda: one_arm([math.nan], [1.0], benchmark=0.3, truth=0.3, threshold=20, people=10),
        lambda: one_arm([0.2], [1.0], benchmark=1.0, truth=0.3, threshold=20, people=10),
        lambda: one_arm([0.2], [1.0], benchmark=0.3, truth=0.3, threshold=0.5, people=10),
        lambda: one_arm([0.2], [1.0], benchmark=0.3, truth=0.3, threshold=20, people=0),
        lambda: pair_bets([1.0], [1.0], control=0.3, treated=0.3, threshold=20, pairs=10),
        lambda: pair_bets([0.2], [1.0], control=0.3, treated=math.inf, threshold=20, pairs=10),
    ],
)
def test_meaningless_arguments_are_refused(call: Callable[[], object]) -> None:
    """Weights that do not sum to 1, shares outside (0, 1), bets of everything and thresholds below 1 raise DataError."""
    with pytest.raises(DataError, match=r"must be"):
        call()
