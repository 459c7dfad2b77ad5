"""Small numbers: what is shown never lets a hidden one be worked out."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import linprog

from trials.disclosure import (
    LIMIT,
    SafeCounts,
    SafeTable,
    apart,
    enough,
    safe_count,
    safe_counts,
    safe_table,
    splits_hidden,
)
from trials.evidence import CLAIMS, ArmTotal, Claim, Look, Verdict


@pytest.mark.parametrize(("count", "shown"), [(0, None), (1, None), (9, None), (10, 10), (432, 432)])
def test_a_lone_count_is_hidden_below_10(count: int, shown: int | None) -> None:
    """Zero tells of everybody in the group that they are not among the counted; ten is enough to hide among."""
    assert safe_count(count) == shown


def test_a_total_minus_the_visible_sites_no_longer_gives_the_hidden_one() -> None:
    """One small site takes the next smallest with it."""
    assert safe_counts({"A": 8, "B": 300, "C": 310}) == SafeCounts({"A": None, "B": None, "C": 310}, 618)


def test_two_small_counts_take_a_third_along_when_their_sum_gives_them_away() -> None:
    """Two hidden ones that add up to 2 lie from 0 to 2."""
    assert safe_counts({"A": 1, "B": 1, "C": 40}).cells == {"A": None, "B": None, "C": None}


def test_a_small_total_hides_everything() -> None:
    """Fewer than ten people in all are not split further."""
    assert safe_counts({"A": 4, "B": 3}) == SafeCounts({"A": None, "B": None}, None)


def test_nothing_is_hidden_needlessly() -> None:
    """Large counts stay as they are, in a list and in a table."""
    assert not safe_counts({"A": 10, "B": 12, "C": 77}).hides
    table = safe_table({("A", "x"): 20, ("A", "y"): 21, ("B", "x"): 10, ("B", "y"): 11})
    assert not table.hides
    assert (table.row_totals, table.column_totals, table.total) == ({"A": 41, "B": 21}, {"x": 30, "y": 32}, 62)


def test_a_lone_zero_takes_another_along() -> None:
    """The total less the others would tell that it is zero."""
    assert safe_counts({"A": 10, "B": 0, "C": 77}).cells == {"A": None, "B": None, "C": 77}


def test_no_counts_at_all_are_no_error() -> None:
    """A trial that nobody joined has an empty table."""
    assert safe_counts({}).total is None
    assert safe_table({}).total is None


def test_no_random_table_gives_a_hidden_count_away() -> None:
    """A reader with a linear-programming solver, an independent check, can't place any hidden count within LIMIT numbers."""
    chance = random.Random(20240308)
    for _ in range(150):
        sites = [f"site {index}" for index in range(chance.randint(1, 7))]
        scale = chance.choice((4, 15, 60))
        counts = {(site, arm): int(chance.expovariate(1 / scale)) for site in sites for arm in ("usual", "new")}
        table = safe_table(counts)
        everything = _everything(table)
        assert all(count is None or count >= LIMIT for count in everything.values())
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
    """The least and greatest value a place can have, by every sum of the table."""
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
    bounds = [(0, None) for _ in everything]
    ends = []
    for sign in (1, -1):
        aim = np.zeros(len(order))
        aim[order[place]] = sign
        found = linprog(aim, A_eq=np.array(equations), b_eq=np.array(right), bounds=bounds, method="highs")
        ends.append(np.inf if found.status in (3, 4) else sign * float(found.fun))
    return min(ends), max(ends)


def _look(number: int, usual: int, call: int, verdict: Verdict = "keep_going", had: tuple[int, int] = (20, 20)) -> Look:
    arms = (ArmTotal("usual", usual, had[0], 0), ArmTotal("call", call, had[1], 0))
    claims = {name: Claim(0.0, None, 20.0) for name in CLAIMS}
    estimate = 0.0 if usual and call else None
    when = datetime(2024, 1, 1, tzinfo=UTC)
    return Look(
        *("made", number, when, number, usual + call, usual + call, 0, 0, 0, claims, estimate),
        *((None, None), arms, verdict, "Said.", "", "", ""),
    )


def test_a_handful_in_an_arm_is_not_enough() -> None:
    """Nine people in one arm would tell their outcomes, however many are in the other."""
    assert not enough(_look(1, 9, 400))
    assert enough(_look(1, 10, 10))


@pytest.mark.parametrize(
    ("had", "binary", "hidden"),
    [
        ((20, 20), True, False),
        ((9, 20), True, True),
        ((20, 91), True, True),
        ((0, 20), True, True),
        ((9, 20), False, False),
    ],
)
def test_a_small_number_with_or_without_the_outcome_hides_the_split(
    had: tuple[int, int], binary: bool, hidden: bool
) -> None:
    """Nine people who had it, or nine who had it not; an amount has no such split."""
    assert splits_hidden(_look(1, 100, 100, had=had), binary=binary) == hidden


def _steps(chance: random.Random) -> list[Look]:
    looks, usual, call = [], 0, 0
    for number in range(1, 40):
        usual, call = usual + chance.randint(0, 8), call + chance.randint(0, 8)
        verdict: Verdict = "promote" if usual > 100 else "keep_going"
        looks.append(_look(number, usual, call, verdict))
    return looks


def test_no_two_looks_shown_beside_each_other_differ_by_a_handful() -> None:
    """In each arm at least LIMIT people lie between them, and read bit by bit the choice is the same."""
    chance = random.Random(4)
    for _ in range(50):
        looks = _steps(chance)
        shown = apart(looks)
        assert shown == apart(looks[17:], apart(looks[:17]))
        assert len(shown) > 3
        for before, now in pairwise(shown):
            assert all(new.n - old.n >= LIMIT for old, new in zip(before.arms, now.arms, strict=True))


def test_the_choice_of_looks_stays_as_more_come_in() -> None:
    """Yesterday's page and today's are no closer than two rows of today's, while the verdict is the same."""
    looks = [look for look in _steps(random.Random(5)) if look.verdict == "keep_going"]
    whole = apart(looks)
    for number in range(len(looks)):
        assert apart(looks[:number]) == whole[: len(apart(looks[:number]))]


def test_a_changed_verdict_takes_the_place_of_what_it_lies_too_near_to() -> None:
    """It is never held back; the next look is again LIMIT people per arm away from it."""
    looks = [_look(1, 10, 10), _look(2, 20, 20), _look(3, 21, 21, "stop_for_harm"), _look(4, 30, 31, "stop_for_harm")]
    assert [look.number for look in apart(looks)] == [1, 3]
    shrunk = [_look(1, 10, 10), _look(2, 20, 20), _look(3, 19, 20, "promote")]
    assert [look.number for look in apart(shrunk)] == [3]
