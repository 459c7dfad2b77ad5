"""Block e-values for two shares: against safestats' figures (safestats.json), and against their definition."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from tests.reference.conftest import Section
from tests.reference.reading import NUMBER
from trials.errors import DataError
from trials.sequential.peers import two_by_two

RESTRICTIONS = {"difference": "difference", "logOR": "log_odds_ratio"}
SECTIONS = {"twobytwo", "logrank", "ttest", "batch"}  # of safestats.json; the others are compared in their own files


def test_safestats_e_values(reference: Callable[[str], Section], checked: Callable[[int], None]) -> None:
    """E after every block agrees to 1e-10 of it, for each restriction that the file names in a key."""
    file = reference("safestats")
    assert set(file) <= SECTIONS | {"note", "versions"}, "safestats.json has a section that no test here knows."
    blocks = file["twobytwo"]
    a, b = list(blocks["ya"]), list(blocks["yb"])
    for key in set(blocks) - {"ya", "yb"}:
        known = re.fullmatch(rf"E_(?:none|(difference|logOR)_({NUMBER}))", key)
        assert known, f'safestats.json: unknown form "{key}".'
        plan: dict[str, Any] = {"restriction": RESTRICTIONS[known[1]], "delta": float(known[2])} if known[1] else {}
        ours = np.exp(two_by_two.log_e_values(a, b, **plan))
        assert ours == pytest.approx(list(blocks[key]), rel=1e-10), key
        checked(len(ours))


@pytest.mark.parametrize(
    "plan",
    [
        {},
        {"restriction": "difference", "delta": -0.4, "grid": 40},
        {"restriction": "log_odds_ratio", "delta": 1.5, "grid": 40},
    ],
)
@pytest.mark.parametrize("p", [0.05, 0.4])
def test_mean_is_at_most_one(plan: dict[str, Any], p: float) -> None:
    """Over all outcomes of three blocks of 2 and 1, with one share p in both arms, the mean e-value is <= 1."""
    total = 0.0
    for counts in itertools.product(itertools.product(range(3), range(2)), repeat=3):
        a, b = zip(*counts, strict=True)
        chance = math.prod(binom.pmf(x, 2, p) for x in a) * math.prod(binom.pmf(x, 1, p) for x in b)
        total += chance * math.exp(two_by_two.log_e_values(a, b, n_a=2, n_b=1, **plan)[-1])
    assert 0 < total <= 1 + 1e-12


def test_a_block_says_nothing_about_itself() -> None:
    """The e-value of a block uses shares learnt before it: changing a later block leaves the earlier figures alone."""
    short = two_by_two.log_e_values([1, 0, 1], [0, 0, 1], restriction="difference", delta=0.2)
    long = two_by_two.log_e_values([1, 0, 1, 1], [0, 0, 1, 0], restriction="difference", delta=0.2)
    assert long[:3] == pytest.approx(short, abs=0)


@pytest.mark.parametrize(
    "bad",
    [
        {"a": [0, 2]},
        {"a": [0, 0.5]},
        {"a": [0, math.nan]},
        {"a": [0]},
        {"prior": 0.0},
        {"n_a": 0},
        {"delta": 0.3},
        {"restriction": "difference"},
        {"restriction": "difference", "delta": 1.0},
        {"restriction": "log_odds_ratio", "delta": math.inf},
        {"restriction": "ratio", "delta": 0.3},
    ],
)
def test_meaningless_arguments_are_refused(bad: dict[str, Any]) -> None:
    """Counts that can't be, unequal numbers of blocks, and restrictions without a meaning raise DataError."""
    with pytest.raises(DataError, match=r"must be"):
        two_by_two.log_e_values(**{"a": [0, 1], "b": [1, 0], **bad})
