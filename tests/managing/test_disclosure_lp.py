"""Suppression over time: whoever keeps every page and has a linear-programming solver recovers nothing."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trials.disclosure import LIMIT, Moment, SafeTable, about, between, joined_table, listed, part_of, stepped, tens
from trials.errors import DataError

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "scripts" / "disclosure_evidence.py"))
SITES, ARMS = ("north", "south", "west"), ("usual", "call")


def attacked(rule: str, seed: int, histories: int, most: int) -> list[tuple[float, bool]]:
    chance = np.random.default_rng(seed)
    return [SCRIPT["attack"](SCRIPT["history"](chance), rule, chance, most) for _ in range(histories)]


def test_no_hidden_count_is_recovered_from_everything_published_over_time() -> None:
    """Cells, totals, filters and exports of every page, and the looks' numbers beside them, leave ten numbers or more for each
    hidden count and increase, and the truth is one of them."""
    found = attacked("released", seed=20_260_105, histories=30, most=12)
    assert all(true for _, true in found)
    assert min(fewest for fewest, _ in found) >= LIMIT


@pytest.mark.parametrize("rule", ["once", "naive"])
def test_the_same_attack_breaks_pages_that_are_suppressed_one_by_one(rule: str) -> None:
    """Most histories, with and without secondary suppression: what the test above finds nothing by can find something."""
    found = attacked(rule, seed=7, histories=16, most=12)
    assert all(true for _, true in found)
    assert sum(fewest < LIMIT for fewest, _ in found) > len(found) / 2


def test_steps_that_pay_no_regard_to_the_looks_are_broken_now_and_then() -> None:
    """The number of people with a result is a lower bound for those who joined, and closes in where nearly all have one."""
    found = attacked("unlinked", seed=5, histories=40, most=12)
    assert any(fewest < LIMIT for fewest, _ in found)


def moments_of(chance: np.random.Generator, times: int) -> list[Moment]:
    return [
        Moment({(site, arm): int(chance.poisson(4)) for site in SITES for arm in ARMS if chance.random() < 0.8})
        for _ in range(times)
    ]


def counts_of(moments: list[Moment]) -> dict[tuple[str, str], int]:
    places = [(site, arm) for site in SITES for arm in ARMS]
    return {place: sum(moment.came.get(place, 0) for moment in moments) for place in places}


@pytest.mark.parametrize("seed", range(4))
def test_what_is_shown_is_true_and_moves_by_ten_or_more(seed: int) -> None:
    """Every floor is at most the count, which is below the number beside it; totals and filters add up what is shown."""
    moments = moments_of(np.random.default_rng(seed), 25)
    before: SafeTable | None = None
    for now in range(1, len(moments) + 1):
        table, counts = joined_table(SITES, ARMS, moments[:now]), counts_of(moments[:now])
        for place, shown in table.cells.items():
            assert (shown or 0) <= counts[place] < table.below[place]
            assert shown is None or shown >= LIMIT
            earlier = None if before is None else before.cells[place]
            assert shown == earlier or (shown or 0) >= (earlier or 0) + LIMIT
        for part in (table, part_of(table, rows=["north", "west"]), part_of(table, columns=["call"])):
            told = [count for count in part.cells.values() if count is not None]
            assert part.total == (sum(told) if told else None)
        before = table
    assert [one["at_least"] for one in listed(table)] == list(table.cells.values())


def test_two_histories_that_differ_below_a_step_are_published_alike() -> None:
    """Nobody joined, or nine did: the page is the same, so nothing on it can tell them apart."""
    for first, second in ((0, 9), (12, 21)):
        alike = [
            joined_table(SITES, ARMS, [Moment({("north", "call"): start}), Moment({("north", "call"): more})])
            for start in (first,)
            for more in range(second - first + 1)
        ]
        assert all(table == alike[0] for table in alike)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.lists(st.integers(0, 30), min_size=3, max_size=3), st.integers(0, 3)), max_size=10))
def test_what_a_look_tells_leaves_every_site_ten_numbers(steps: list[tuple[list[int], int]]) -> None:
    """However many have a result: the least and the most of every site by the sum over its arm are ten numbers apart, unless it
    was told as it is, and what is shown stays true."""
    moments: list[Moment] = []
    counts = dict.fromkeys(SITES, 0)
    for came, lag in steps:
        for site, more in zip(SITES, came, strict=True):
            counts[site] += more
        n = max(sum(counts.values()) - 4 * lag, 0)
        moments.append(Moment({(site, "call"): more for site, more in zip(SITES, came, strict=True)}, {"call": (n, n)}))
        table = joined_table(SITES, ("call",), moments)
        most = {site: table.below[site, "call"] - 1 for site in SITES}
        for site in SITES:
            assert (table.cells[site, "call"] or 0) <= counts[site] <= most[site]
            implied = n - sum(most[other] for other in SITES if other != site)
            assert most[site] - max(implied, table.cells[site, "call"] or 0) + 1 >= LIMIT


def test_a_count_that_falls_is_told_again_only_after_ten() -> None:
    """Hidden below ten; back above, the last number stands until it has moved by ten."""
    shown: list[Any] = []
    step = stepped([])
    for count in (4, 12, 9, 13, 21, 22, 15, 12, 9, 0):
        step = stepped([count], step)
        shown.append(step.shown)
    assert shown == [None, 12, None, 12, 12, 22, 22, 12, None, None]


def test_a_filter_of_what_is_not_there_is_refused() -> None:
    """The row is named, with those that there are."""
    table = joined_table(SITES, ARMS, [])
    with pytest.raises(DataError, match="row == 'nowhere', must be one of north, south, west"):
        part_of(table, rows=["nowhere"])


def test_a_site_is_told_as_no_less_than_what_a_look_implies() -> None:
    """45 people of an arm have a result and the other site holds at most 27 of them: 18 or more are here, and it says so."""
    arm, both = "c", {("A", "c"): 13, ("B", "c"): 12}
    moments = [Moment(both, {arm: (25, 25)}), Moment({("A", arm): 10, ("B", arm): 10}, {arm: (45, 45)})]
    table = joined_table(["A", "B"], [arm], moments)
    assert dict(table.cells) == {("A", arm): 18, ("B", arm): 18}
    assert (between(table), about(table), about(table, ("A",))) == ((36, 54), 40, 20)


def test_a_count_in_tens_leaves_ten_numbers() -> None:
    """Down to tens, and nothing below ten, zero neither."""
    assert [tens(count) for count in (0, 9, 10, 19, 20, 1007)] == [None, None, 10, 10, 20, 1000]
