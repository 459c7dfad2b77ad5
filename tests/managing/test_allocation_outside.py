"""A list of arms from outside: wrong ones are refused by row, odd ones are taken with a warning."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trials.allocation.outside import ODD_RATIO, judged
from trials.errors import DataError
from trials.protocol import Protocol, from_content

PLAN: Protocol = from_content(
    {
        "trial": "a-trial",
        "question": "?",
        "owner": "tests",
        "sites": [{"id": "A"}, {"id": "B"}],
        "arms": [{"id": "usual", "role": "control"}, {"id": "text"}],
        "primary": {"measure": "y", "kind": "binary", "better": "lower", "baseline": 0.4, "worthwhile": 0.2},
        "monitoring": {"max_participants": 8},
        "order_by": ["entry_order"],
        "source": {"connector": "folder", "path": "in"},
    }
)


def rows(*lines: str) -> list[tuple[int, dict[str, str]]]:
    names = ("site", "position", "arm", "block")
    return [(number, dict(zip(names, line.split(","), strict=False))) for number, line in enumerate(lines, start=1)]


WHOLE = [f"{site},{at},{'usual' if at % 2 else 'text'}" for site in "AB" for at in range(1, 5)]


def test_a_sound_list_passes_in_any_order_of_rows() -> None:
    """Positions order it, not rows; nothing is said of a list in the plan's ratio that is long enough."""
    found = judged(PLAN, rows(*WHOLE[::-1]))
    assert found.lists == {"A": ("usual", "text", "usual", "text"), "B": ("usual", "text", "usual", "text")}
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["A,1,other"], "row 1: arm is 'other', must be one of usual, text"),
        (["A,1,usual", "Z,1,text"], 'row 2: site == "Z", must be a site'),
        (["A,0,usual"], "row 1: position is '0', must be a whole number from 1"),
        (["A,1.5,usual"], "row 1: position is '1.5'"),
        (["A,²,usual"], "row 1: position is '²'"),
        (["A,1,usual", "A,1,text"], "row 2: position 1 stands twice"),
        (["A,1,usual", "A,3,text"], "site A: position 2 is missing"),
        (["A"], "the list lacks the column position"),
        ([], "the list holds no rows"),
    ],
)
def test_a_wrong_list_is_refused(lines: list[str], sentence: str) -> None:
    """The sentence names the row, or the position that is missing."""
    with pytest.raises(DataError) as refused:
        judged(PLAN, rows(*lines))
    assert sentence in str(refused.value)


CELLS = st.dictionaries(st.sampled_from(["site", "position", "arm"]), st.text(max_size=5))


@given(st.lists(st.tuples(st.integers(1, 9), CELLS)))
def test_no_cell_breaks_it(lines: list[tuple[int, dict[str, str]]]) -> None:
    """Whatever the cells hold, a list is refused in a sentence, or it holds arms of the plan and as many as rows."""
    try:
        found = judged(PLAN, lines)
    except DataError:
        return
    assert sum(map(len, found.lists.values())) == len(lines)
    assert {arm for arms in found.lists.values() for arm in arms} <= {"usual", "text"}


def test_odd_lists_are_taken_with_a_warning() -> None:
    """Too short, without a site, not in the ratio (exact test), or with a block out of balance."""
    short = judged(PLAN, rows("A,1,usual,1", "A,2,usual,1", "A,3,text,2"))
    assert short.warnings == (
        "the list has nothing for B: nobody can be enrolled there",
        "the list has 3 positions and the plan 8 people",
        "site A: block 1 does not keep the plan's ratio",
    )
    skewed = judged(PLAN, rows(*(f"A,{at},{'usual' if at < 15 else 'text'}" for at in range(1, 17)), *WHOLE[4:]))
    assert len(skewed.warnings) == 1
    assert skewed.warnings[0].startswith("site A: 14 usual, 2 text; the plan has 1 : 1 (exact test, p = 0.0042)")
    assert ODD_RATIO == 0.01
