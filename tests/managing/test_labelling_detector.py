"""Arms that follow from the site, the time or the caseworker: found in the data, and hardly ever where a lot decided."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pytest
from scipy.stats import binom

from trials.confounding import FALSE_ALARM, NEARLY, Confounding, Placements, _by_chance, confounded
from trials.labelling import concern_of

START = date(2026, 1, 5)
Rng = np.random.Generator


def placed(arms: list[str], rng: Rng, *, sites: int = 5, workers: int = 6, days: int = 300) -> Placements:
    """People whose arms are given, at sites, days and caseworkers drawn at random."""
    n = len(arms)
    joined = sorted(int(day) for day in rng.integers(days, size=n))
    return Placements(
        tuple(arms),
        tuple(f"S{site}" for site in rng.integers(sites, size=n)),
        tuple(START + timedelta(days=day) for day in joined),
        tuple(f"W{worker}" for worker in rng.integers(workers, size=n)),
    )


def by_lot(n: int, rng: Rng) -> list[str]:
    return [("a", "b")[int(one)] for one in rng.integers(2, size=n)]


def in_blocks(n: int, rng: Rng) -> list[str]:
    return [arm for _ in range(n // 4) for arm in rng.permutation(["a", "a", "b", "b"])]


@pytest.mark.parametrize("draw", [by_lot, in_blocks])
@pytest.mark.parametrize("n", [24, 120])
def test_a_lot_is_hardly_ever_taken_for_a_confounding(draw: Callable[[int, Rng], list[str]], n: int) -> None:
    """600 randomised trials at five sites: no more flags than an exact binomial quantile at FALSE_ALARM allows."""
    rng, runs = np.random.default_rng(17), 600
    flags = sum(confounded(placed(draw(n, rng), rng)) is not None for _ in range(runs))
    assert flags <= binom.ppf(0.9999, runs, FALSE_ALARM)


def test_the_distribution_by_chance_is_the_simulated_one() -> None:
    """Majorities of places of 7, 4, 4 and 1 people with share .3: 20,000 draws against the convolution."""
    sizes = np.array([7, 4, 4, 1])
    chances, lowest = _by_chance(sizes, 0.3)
    assert chances.sum() == pytest.approx(1.0)
    rng = np.random.default_rng(3)
    inside = rng.binomial(sizes, 0.3, size=(20_000, 4))
    seen = np.maximum(inside, sizes - inside).sum(axis=1)
    for value in range(lowest, 17):
        low, high = binom.ppf([0.0001, 0.9999], 20_000, chances[value - lowest])
        assert low <= (seen == value).sum() <= high


def sites_of(n: int) -> Placements:
    """Five sites with one approach each: two give a, three give b."""
    site = [f"S{number % 5}" for number in range(n)]
    return Placements(tuple("a" if one in ("S0", "S1") else "b" for one in site), tuple(site))


def periods(n: int, length: int) -> Placements:
    """Three people a week; the arm changes every so many days."""
    joined = [7 * number // 3 for number in range(n)]
    arms = tuple("ab"[day // length % 2] for day in joined)
    return Placements(arms, ("S",) * n, tuple(START + timedelta(days=day) for day in joined))


def workers(n: int) -> Placements:
    worker = [f"W{number % 6}" for number in range(n)]
    return Placements(tuple("ab"[int(one[1]) % 2] for one in worker), (), (), tuple(worker))


@pytest.mark.parametrize(
    ("placements", "by"),
    [
        (sites_of(40), "site"),
        (sites_of(5_000), "site"),
        (periods(90, 7), "period"),
        (periods(90, 28), "period"),
        (periods(120, 140), "period"),
        (workers(40), "caseworker"),
    ],
)
def test_an_arm_that_follows_from_something_else_is_found(placements: Placements, by: str) -> None:
    """One arm a site, arms alternating by week or month, one change in the middle, one way a caseworker."""
    found = confounded(placements)
    assert found is not None
    assert found.by == by
    assert found.p < FALSE_ALARM
    assert NEARLY <= found.determined <= 1.0


def test_nearly_is_enough_and_a_tendency_is_not() -> None:
    """Two sites of 100: 96 in 100 at their site's arm are flagged, 75 in 100 are not, though that is no chance either."""
    for wrong, flagged in ((4, True), (25, False)):
        arms = ["a"] * (100 - wrong) + ["b"] * wrong + ["b"] * (100 - wrong) + ["a"] * wrong
        found = confounded(Placements(tuple(arms), ("A",) * 100 + ("B",) * 100))
        assert (found is not None) == flagged


def test_three_arms_at_three_sites_are_found_and_named() -> None:
    """Each arm is held against the others."""
    site = [f"S{number % 3}" for number in range(60)]
    found = confounded(Placements(tuple({"S0": "a", "S1": "b", "S2": "c"}[one] for one in site), tuple(site)))
    assert found is not None
    assert found.arm in ("a", "b", "c")
    assert found.same == 1.0


@pytest.mark.parametrize(
    "placements",
    [
        Placements((), ()),
        Placements(("a",) * 50, ("S",) * 50),
        Placements(("a", "b") * 8, ("A", "B") * 8),
        Placements(("a", "b") * 40, ("A",) * 80, tuple(START + timedelta(days=100 * number) for number in range(80))),
        Placements(("a", "b") * 40, ("A",) * 80, (None,) * 80, (None,) * 80),
    ],
    ids=["nobody", "one arm", "sixteen people", "a week each", "nothing known"],
)
def test_where_nothing_can_be_seen_nothing_is_said(placements: Placements) -> None:
    """Too few people, one arm, one person in each period, or columns nobody filled in."""
    assert confounded(placements) is None


def test_the_concern_holds_and_says_what_to_do() -> None:
    """It keeps back promote and drop, and reads without a full stop, as concerns do."""
    found = confounded(sites_of(40))
    assert isinstance(found, Confounding)
    concern = concern_of(found)
    assert (concern.code, concern.holds) == ("confounded", True)
    assert concern.sentence.startswith("all people's arms can be told from their site alone")
    assert concern.sentence.endswith("find out how people are allocated")
