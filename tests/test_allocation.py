"""Allocation: the ratio is kept, the lists can't be foreseen but can be made again."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

import pytest
from scipy.stats import binom

from trials.allocation import MULTIPLES, Draws, allocation_list, smallest_block
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
