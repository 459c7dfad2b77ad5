"""Allocation: the ratio is kept, the lists can't be foreseen but can be made again."""

from __future__ import annotations

import hmac
import os
import subprocess
import sys
from collections import Counter
from itertools import groupby, islice, pairwise, product
from math import comb, gcd
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from trials.allocation import MULTIPLES, Draws, Drop, allocation_list, from_list, from_seed, smallest_block
from trials.allocation.guessing import chances, informed
from trials.allocation.proofs import Opened, Shown, departures
from trials.errors import DataError
from trials.protocol import Protocol, from_content


def plan(control: int = 1, treatment: int = 1, sites: tuple[str, ...] = ("A", "B")) -> Protocol:
    return from_content(
        {
            "trial": "a-trial",
            "question": "?",
            "owner": "tests",
            "sites": [{"id": site} for site in sites],
            "arms": [
                {"id": "control", "role": "control", "allocation": control},
                {"id": "idea", "allocation": treatment},
            ],
            "primary": {
                "measure": "y",
                "kind": "binary",
                "better": "lower",
                "baseline": 0.3,
                "worthwhile": 0.1,
                "follow_up": "28 days",
            },
            "monitoring": {"max_participants": 100},
            "source": {"connector": "folder", "path": "in"},
        }
    )


def test_the_list_is_the_same_on_every_machine() -> None:
    """A seed's list is the one that was written down when this test was."""
    letters = "".join(arm[0] for arm in allocation_list(plan(), "A", 24, "a seed"))
    assert letters == "iiccicicicicicciicicciic"


def test_a_longer_list_begins_with_the_shorter_one() -> None:
    """Asking for more people never changes the arm of anybody before them."""
    assert allocation_list(plan(), "A", 200, "s")[:37] == allocation_list(plan(), "A", 37, "s")


@pytest.mark.parametrize(("control", "treatment"), [(1, 1), (2, 2), (3, 2), (1, 4)])
def test_any_ratio_is_kept_within_a_quarter_of_a_block(control: int, treatment: int) -> None:
    """After every person each arm is within a quarter of the largest block of its share."""
    arms = allocation_list(plan(control, treatment), "A", 600, "s")
    largest = MULTIPLES[-1] * len(smallest_block(plan(control, treatment).arms))
    treated = 0
    for n, arm in enumerate(arms, start=1):
        treated += arm == "idea"
        assert abs(treated - n * treatment / (control + treatment)) <= largest / 4


def test_two_to_two_is_one_to_one() -> None:
    """A ratio is what counts, not how it is written."""
    assert smallest_block(plan(2, 2).arms) == smallest_block(plan(1, 1).arms)


def test_sites_seeds_and_trials_have_lists_of_their_own() -> None:
    """Another site, another seed or another trial gives another list."""
    other_trial = plan().model_copy(update={"trial": "another-trial"})
    lists = {
        allocation_list(plan(), "A", 60, "s"),
        allocation_list(plan(), "B", 60, "s"),
        allocation_list(plan(), "A", 60, "t"),
        allocation_list(other_trial, "A", 60, "s"),
    }
    assert len(lists) == 4


def test_nobody_can_foresee_an_arm_by_counting_in_fixed_blocks() -> None:
    """At no place in the list is an arm more likely than another, over 2,000 seeds."""
    seeds, places = 2000, 24
    counts = [0] * places
    for seed in range(seeds):
        for place, arm in enumerate(allocation_list(plan(), "A", places, str(seed))):
            counts[place] += arm == "idea"
    error = 0.001 / places / 2
    assert min(counts) >= binom.ppf(error, seeds, 0.5)
    assert max(counts) <= binom.ppf(1 - error, seeds, 0.5)


def test_no_block_has_the_size_of_a_single_pair() -> None:
    """Runs of three of the same arm happen: with blocks of one pair each they could not."""
    arms = allocation_list(plan(), "A", 400, "s")
    assert max(len(list(run)) for _, run in groupby(arms)) >= 3


def test_draws_are_fair() -> None:
    """Each of six numbers comes up as often as the next, over 12,000 draws."""
    draws = Draws("dice")
    counts = Counter(draws.below(6) for _ in range(12_000))
    assert set(counts) == set(range(6))
    assert min(counts.values()) >= binom.ppf(0.001 / 12, 12_000, 1 / 6)
    assert max(counts.values()) <= binom.ppf(1 - 0.001 / 12, 12_000, 1 / 6)


def test_a_plan_without_sites_has_one_list() -> None:
    """Without sites there is one stratum, named with the empty text."""
    assert len(allocation_list(plan(sites=()), "", 10, "s")) == 10


def test_an_unknown_site_is_refused_in_one_sentence() -> None:
    """The sentence names the argument, its value and the sites there are."""
    with pytest.raises(DataError, match='stratum == "Z", must be a site of a-trial: A, B'):
        allocation_list(plan(), "Z", 10, "s")


def test_a_negative_number_of_people_is_refused() -> None:
    """n below 0 means nothing."""
    with pytest.raises(DataError, match="n == -1, must be ≥ 0"):
        allocation_list(plan(), "A", -1, "s")


SEED = bytes(range(32))
THREE = (("usual", 2), ("text", 2), ("call", 1))


def hidden(n: int, *drops: Drop, site: str = "A", shares: tuple[tuple[str, int], ...] = THREE) -> list[tuple[int, str]]:
    return list(islice(from_seed(SEED, "a-trial", site, shares, drops), n))


def letters(found: list[tuple[int, str]]) -> str:
    return "".join(arm[0] for _, arm in found)


def test_a_real_trials_list_is_the_same_on_every_machine() -> None:
    """A seed's list is the one that was written down when this test was: HMAC-SHA256 and integers alone."""
    assert letters(hidden(40)) == "ttccttttuuuucuuuctutcututcutuctuttuuctuu"
    assert letters(hidden(24, site="Ö", shares=(("c", 1), ("t", 1)))) == "ctctcttctctctcccttcctttc"
    assert letters(hidden(24, Drop("text", 7))) == "ttcctttuuuuuccucccuuuucc"


def test_the_rule_written_anew_gives_the_same_list() -> None:
    """Whoever opens a seed can make the list without this program, from the words in docs/managing/allocation.md."""
    words = iter(
        int.from_bytes(block[at : at + 8], "big")
        for number in range(1_000)
        for block in [hmac.new(SEED, number.to_bytes(8, "big") + b'["allocation","a-trial","A"]', "sha256").digest()]
        for at in (0, 8, 16, 24)
    )

    def below(limit: int) -> int:
        return next(word for word in words if word < 2**64 - 2**64 % limit) % limit

    made = ""
    while len(made) < 200:
        block = list("uuttc" * (2, 3)[below(2)])
        for last in range(len(block) - 1, 0, -1):
            other = below(last + 1)
            block[last], block[other] = block[other], block[last]
        made += "".join(block)
    shown = {"usual": "u", "text": "t", "call": "c"}
    assert made[:200] == "".join(shown[arm] for _, arm in hidden(200))


@given(
    shares=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    cuts=st.lists(st.integers(0, 30), max_size=2),
    seed=st.binary(min_size=32, max_size=32),
)
def test_any_list_keeps_its_ratio_within_the_limit(shares: list[int], cuts: list[int], seed: bytes) -> None:
    """Positions count 1, 2, 3, ... through every drop, and between drops each arm is within L p (1 - p) of its share."""
    arms = tuple((f"arm{number}", share) for number, share in enumerate(shares))
    drops = [Drop(f"arm{number}", after) for number, after in enumerate(sorted(cuts)[: len(arms) - 1])]
    found = list(islice(from_seed(seed, "t", "", arms, drops), 60))
    assert [position for position, _ in found] == list(range(1, 61))
    edges = [0, *(drop.after for drop in drops), 60]
    for number, (low, high) in enumerate(pairwise(edges)):
        left = dict(arms[number:])
        whole = sum(left.values())
        largest = MULTIPLES[-1] * whole // gcd(*left.values())
        seen = Counter[str]()
        for n, (_, arm) in enumerate(found[low:high], start=1):
            seen[arm] += 1
            for one, share in left.items():
                p = share / whole
                assert abs(seen[one] - n * p) <= largest * p * (1 - p) + 1e-9
        assert set(seen) <= set(left)


def test_what_was_to_come_tells_nothing_after_a_drop() -> None:
    """The list after a drop is not the old one without the arm; another position of the drop gives another list."""
    old = [arm for _, arm in hidden(200)[7:] if arm != "text"]
    new = [arm for _, arm in hidden(100, Drop("text", 7))[7:]]
    other = [arm for _, arm in hidden(100, Drop("text", 8))[8:]]
    assert hidden(7) == hidden(100, Drop("text", 7))[:7]
    assert len({tuple(one[:60]) for one in (old, new, other)}) == 3


def test_a_list_from_outside_is_followed_without_the_dropped_arm() -> None:
    """Positions stay those of the list; a dropped arm is passed over from its drop on."""
    arms = ["text", "usual", "text", "call", "text"]
    assert list(from_list(arms, [Drop("text", 1)])) == [(1, "text"), (2, "usual"), (4, "call")]
    assert list(from_list(arms)) == list(enumerate(arms, start=1))


def test_a_commitment_is_to_one_seed_of_one_plan() -> None:
    """Another trial, plan, seed, arm or list has another commitment; what was written down stays."""
    one = Opened("a-trial", "0" * 64, SEED.hex(), THREE)
    assert one.commitment == "3208f2863a9053bb43407609156be630ca950ee7daf80602e89a23d48f142813"
    others = [
        Opened("b-trial", "0" * 64, SEED.hex(), THREE),
        Opened("a-trial", "1" * 64, SEED.hex(), THREE),
        Opened("a-trial", "0" * 64, "0" * 64, THREE),
        Opened("a-trial", "0" * 64, SEED.hex(), THREE[:2]),
        Opened("a-trial", "0" * 64, SEED.hex(), lists={"A": ("usual",)}),
        Opened("a-trial", "0" * 64, SEED.hex(), lists={"A": ("text",)}),
    ]
    assert len({one.commitment, *(other.commitment for other in others)}) == 7
    with pytest.raises(DataError, match="must be 64 hex digits"):
        Opened("a-trial", "0" * 64, "z" * 64, THREE)


def test_departures_name_the_first_wrong_reveal() -> None:
    """A reveal out of turn, of another arm or beyond the list is named; the right ones are not."""
    opened = Opened("a-trial", "0" * 64, SEED.hex(), lists={"A": ("usual", "text"), "B": ("usual",)})
    right = [Shown("A", 1, "usual"), Shown("B", 1, "usual"), Shown("A", 2, "text")]
    assert departures(opened, right, {}) == ()
    assert departures(opened, right[1:], {}) == (
        "site A, reveal 1 is position 2, text: the list has position 1, usual",
    )
    assert departures(opened, [*right, Shown("B", 2, "text")], {}) == (
        "site B, reveal 2 is position 2, text: the list has nothing more",
    )


def test_the_best_guesser_is_exact() -> None:
    """As counted by hand from every list of two blocks: for 1 : 1 at six places, and at the third place of 2 : 1."""
    lists = [
        (first + second, 1 / 2 / len(firsts) / 2 / len(seconds))
        for size, other in product((4, 6), repeat=2)
        for firsts, seconds in [(_orders(size), _orders(other))]
        for first in firsts
        for second in seconds
    ]
    expected = []
    for n in range(6):
        chance = Counter[str]()
        for arms, p in lists:
            chance[arms[: n + 1]] += p
        expected.append(sum(max(chance[past + "c"], chance[past + "t"]) for past in {arms[:n] for arms, _ in lists}))
    assert chances((1, 1), 6).best == pytest.approx(expected, abs=1e-12)


def _orders(size: int) -> list[str]:
    return ["".join(one) for one in product("ct", repeat=size) if one.count("c") == size // 2]


def test_equal_arms_are_guessed_as_blackwell_and_hodges_say() -> None:
    """For 1 : 1 the convergence strategy is the best, and a block of 2b gives b + 2^(2b-1)/C(2b, b) - 1/2 right guesses."""
    found = chances((1, 1), 12)
    assert found.convergence == pytest.approx(found.best, abs=1e-12)
    expected = sum(b + 2 ** (2 * b - 1) / comb(2 * b, b) - 0.5 for b in (2, 3)) / 10
    assert informed((1, 1)) == pytest.approx(expected, abs=1e-12)


def test_hidden_sizes_leave_few_certain() -> None:
    """In blocks of four every third person's arm is certain beforehand; with hidden sizes one in seventeen of sixteen."""
    assert np.mean(chances((1, 1), 16, (2,)).certain) == pytest.approx(1 / 3, abs=1e-12)
    assert np.mean(chances((1, 1), 16).certain) < 1 / 16


def test_the_evidence_script_finds_everything_in_order() -> None:
    """A thousand lists of each ratio: within the block limits, no guesser above theory, every test passed, the same hash."""
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, root / "docs/scripts/allocation_evidence.py", "--sequences", "1000"],
        cwd=root, capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("1.000 of the limit") == 4
