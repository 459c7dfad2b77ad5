"""Small numbers: what is shown never lets a hidden one be worked out."""

from __future__ import annotations

import random

import numpy as np
import pytest
from scipy.optimize import linprog

from trials.disclosure import LIMIT, SafeCounts, SafeTable, safe_count, safe_counts, safe_table


@pytest.mark.parametrize(("count", "shown"), [(0, 0), (1, None), (9, None), (10, 10), (432, 432)])
def test_a_lone_count_is_hidden_from_1_to_9(count: int, shown: int | None) -> None:
    """Zero has nobody to protect, and ten is enough to hide among."""
    assert safe_count(count) == shown


def test_a_total_minus_the_visible_sites_no_longer_gives_the_hidden_one() -> None:
    """One small site takes the next smallest with it."""
    assert safe_counts({"A": 8, "B": 300, "C": 310}) == SafeCounts({"A": None, "B": None, "C": 310}, 618)


def test_two_small_counts_take_a_third_along_when_their_sum_gives_them_away() -> None:
    """Two hidden ones that add up to 2 would be 1 and 1."""
    assert safe_counts({"A": 1, "B": 1, "C": 40}).cells == {"A": None, "B": None, "C": None}


def test_a_small_total_hides_everything() -> None:
    """Fewer than ten people in all are not split further."""
    assert safe_counts({"A": 4, "B": 3}) == SafeCounts({"A": None, "B": None}, None)


def test_nothing_is_hidden_needlessly() -> None:
    """Large counts and zeros stay as they are, in a list and in a table."""
    assert not safe_counts({"A": 10, "B": 0, "C": 77}).hides
    table = safe_table({("A", "x"): 20, ("A", "y"): 21, ("B", "x"): 0, ("B", "y"): 0})
    assert not table.hides
    assert (table.row_totals, table.column_totals, table.total) == ({"A": 41, "B": 0}, {"x": 20, "y": 21}, 41)


def test_no_counts_at_all_are_no_error() -> None:
    """A trial that nobody joined has an empty table."""
    assert safe_counts({}).total == 0
    assert safe_table({}).total == 0


def test_no_random_table_gives_a_hidden_count_away() -> None:
    """A reader with a linear-programming solver, an independent check, can't place any hidden count within LIMIT numbers."""
    chance = random.Random(20240308)
    for _ in range(150):
        sites = [f"site {index}" for index in range(chance.randint(1, 7))]
        scale = chance.choice((4, 15, 60))
        counts = {(site, arm): int(chance.expovariate(1 / scale)) for site in sites for arm in ("usual", "new")}
        table = safe_table(counts)
        everything = _everything(table)
        assert all(count is None or count == 0 or count >= LIMIT for count in everything.values())
        assert all(count is None or count == counts[place] for place, count in table.cells.items())
        for place in [place for place, count in everything.items() if count is None]:
            low, high = _placed(place, table)
            assert high - low >= LIMIT or high <= (table.total or np.inf) < 2 * LIMIT, (counts, place, low, high)


def _everything(table: SafeTable) -> dict[tuple[str, str], int | None]:
    """Cells, row totals, column totals and the total, as places of one larger table."""
    rows = {(row, "total"): count for row, count in table.row_totals.items()}
    columns = {("total", column): count for column, count in table.column_totals.items()}
    return {**table.cells, **rows, **columns, ("total", "total"): table.total}


def _placed(place: tuple[str, str], table: SafeTable) -> tuple[float, float]:
    """The least and greatest value a place can have, by every sum of the table; hidden site totals are at least 1."""
    everything = _everything(table)
    order = {each: index for index, each in enumerate(everything)}
    equations, right = [], []

    def equation(terms: dict[tuple[str, str], int], equals: float) -> None:
        line = np.zeros(len(order))
        for each, sign in terms.items():
            line[order[each]] += sign
        equations.append(line)
        right.append(equals)

    for row in (*table.rows, "total"):
        equation({**{(row, column): 1 for column in table.columns}, (row, "total"): -1}, 0)
    for column in (*table.columns, "total"):
        equation({**{(row, column): 1 for row in table.rows}, ("total", column): -1}, 0)
    for each, count in everything.items():
        if count is not None:
            equation({each: 1}, count)
    bounds = [(1, None) if each[1] == "total" and everything[each] is None else (0, None) for each in everything]
    ends = []
    for sign in (1, -1):
        aim = np.zeros(len(order))
        aim[order[place]] = sign
        found = linprog(aim, A_eq=np.array(equations), b_eq=np.array(right), bounds=bounds, method="highs")
        ends.append(np.inf if found.status in (3, 4) else sign * float(found.fun))
    return min(ends), max(ends)
