"""Outcomes by site: whoever keeps every page and has a linear-programming solver places no small group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from trials.disclosure import LIMIT, Cell, Moment, SiteHistory, follow, joined_table
from trials.disclosure import sites as rule
from trials.disclosure.releases import Sited
from trials.evidence import CLAIMS, ArmTotal, Claim, Look

START = datetime(2024, 1, 1, tzinfo=UTC)
ARM = "call"
Counts = np.ndarray


def look(number: int, n: int, yes: int, verdict: str = "keep_going") -> Look:
    return Look(
        trial="t",
        number=number,
        as_of=START + timedelta(days=number),
        batch_seq=number,
        n=n,
        enrolled=n,
        waiting=0,
        missing=0,
        late_changes=0,
        claims={name: Claim(0.0, 1.0, 20.0) for name in CLAIMS},
        estimate=0.1,
        interval=(None, None),
        arms=(ArmTotal(ARM, n, float(yes), 0),),
        verdict=verdict,  # type: ignore[arg-type]
        sentence="",
        protocol_sha256="",
        code_version="",
        state_sha256="",
    )


@dataclass(frozen=True)
class Story:
    """counts: people by (look, site, without or with the outcome), as they stand at each look, shape (looks, sites, 2)."""

    counts: Counts
    history: SiteHistory

    @property
    def places(self) -> list[int]:
        """The places of the looks that are shown."""
        return [one.number - 1 for one in self.history.shown]


def story(seed: int) -> Story:
    """Sites of any pace, late ones, some where nearly nobody has the outcome, quiet times; one arm, as arms are alike."""
    chance = np.random.default_rng(seed)
    sites, looks = int(chance.integers(2, 6)), int(chance.integers(4, 12))
    pace = chance.choice([1, 8, 25, 40], sites)
    start = np.where(chance.random(sites) < 0.3, chance.integers(0, looks, sites), 0)
    share = chance.choice([0.1, 0.3, 0.5], sites)
    now = chance.poisson(np.where(np.arange(looks)[:, None] >= start, pace, 0.0))
    yes = chance.binomial(now, share)
    return told(np.stack([now - yes, yes], axis=2).cumsum(axis=0))


def told(counts: Counts) -> Story:
    names = [f"site {number}" for number in range(counts.shape[1])]

    def cells(at: Look) -> dict[tuple[str, str], Cell]:
        here = counts[at.number - 1]
        return {
            (name, ARM): Cell(int(no + yes), float(yes), float(yes))
            for name, (no, yes) in zip(names, here, strict=True)
        }

    looks = [look(at + 1, int(there.sum()), int(there[:, 1].sum())) for at, there in enumerate(counts)]
    return Story(counts, follow(looks, cells, names, binary=True))


class Attacker:
    """What follows for the people with (or without) the outcome who came at a site between two looks shown: x[cut, site]."""

    def __init__(self, story: Story, kind: int) -> None:
        self.truth = np.diff(story.counts[story.places, :, kind], axis=0, prepend=0)
        self.cuts, self.sites = self.truth.shape
        self.at = {place + 1: cut for cut, place in enumerate(story.places)}
        self.known: list[tuple[Counts, float]] = [
            (self.run(cut, cut + 1), float(self.truth[cut].sum())) for cut in range(self.cuts)
        ]
        for telling in story.history.tellings:
            upto = self.at[telling.look] + 1
            for group in telling.groups:
                inside = [int(name.removeprefix("site ")) for name in group]
                cell = telling.cells[group, ARM]
                self.known.append((self.run(0, upto, inside), cell.total if kind else cell.n - cell.total))

    def run(self, first: int, end: int, sites: Sequence[int] | None = None) -> Counts:
        """The sum over cuts first to end, of these sites or all."""
        line = np.zeros((self.cuts, self.sites))
        line[first:end, list(sites) if sites is not None else slice(None)] = 1
        return line.ravel()

    def numbers(self, aim: Counts) -> int:
        """How many whole numbers are left for a sum; the truth must be one of them."""
        matrix, right = np.array([line for line, _ in self.known]), [total for _, total in self.known]
        ends = [linprog(sign * aim, A_eq=matrix, b_eq=right, bounds=(0, None)) for sign in (1, -1)]
        assert all(found.status == 0 for found in ends), ends
        low, high = float(ends[0].fun), -float(ends[1].fun)
        assert low - 1e-6 <= float(aim @ self.truth.ravel()) <= high + 1e-6
        return round(np.floor(high + 1e-6) - np.ceil(low - 1e-6)) + 1


def targets(story: Story) -> list[tuple[int, int, int, int, bool]]:
    """(kind, site, first cut, end, whether it is told) of counts of a site: from one telling to another, and in a finer cut."""
    tellings, at = story.history.tellings, {place + 1: cut for cut, place in enumerate(story.places)}
    ends = [0, *(at[telling.look] + 1 for telling in tellings)]
    found = []
    for kind in (0, 1):
        for site in range(story.counts.shape[1]):
            alone = [0, *(end for end, one in zip(ends[1:], tellings, strict=True) if (f"site {site}",) in one.groups)]
            runs = [(first, end) for place, first in enumerate(ends) for end in ends[place + 1 :]]
            cuts = [(cut, cut + 1) for first, end in pairwise(ends) for cut in range(first, end) if end - first > 1]
            found += [(kind, site, *run, run[0] in alone and run[1] in alone) for run in dict.fromkeys(runs + cuts)]
    return found


def least_left(story: Story, attacker: Attacker, first: int, end: int) -> int:
    """How many numbers the guarantee leaves: for a cut between tellings as many as the looks do without any site."""
    ends = [0, *(attacker.at[telling.look] + 1 for telling in story.history.tellings)]
    if first in ends and end in ends:
        return LIMIT
    before, after = max(place for place in ends if place <= first), min(place for place in ends if place >= end)
    inside, whole = int(attacker.truth[first:end].sum()), int(attacker.truth[before:after].sum())
    return min(LIMIT, inside + 1, whole - inside + 1)


def attacked(story: Story, most: int) -> tuple[int, list[str]]:
    """The fewest numbers left for a count that is not told, and what falls short of the guarantee, over some targets."""
    attackers = [Attacker(story, kind) for kind in (0, 1)]
    found, short = targets(story), list[str]()
    fewest = 10**6
    for index in np.random.default_rng(3).permutation(len(found))[:most]:
        kind, site, first, end, is_told = found[index]
        attacker = attackers[kind]
        if is_told:
            count = int(attacker.truth[first:end, site].sum())
            short += (
                [f"site {site} is told to have {count}, cuts {first} to {end}, kind {kind}"] if count < LIMIT else []
            )
            continue
        left = attacker.numbers(attacker.run(first, end, [site]))
        fewest = min(fewest, left)
        if left < least_left(story, attacker, first, end):
            short.append(f"{left} numbers left for site {site}, cuts {first} to {end}, kind {kind}")
    return fewest, short


def test_no_small_group_follows_from_everything_told_over_time() -> None:
    """Sites alone, the rest, all sites at every look: what is told counts ten or more, what is not keeps ten numbers."""
    stories = [story(seed) for seed in range(60)]
    told_of = [each for each in stories if each.history.tellings]
    assert len(told_of) >= 15
    assert sum(len(each.history.tellings) > 1 for each in told_of) >= 5
    assert sum(any(len(group) > 1 for group in each.history.tellings[-1].groups) for each in told_of) >= 5
    for each in told_of:
        assert attacked(each, 25)[1] == []


def test_sites_that_leave_too_few_behind_are_found_by_the_same_attack(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told whenever they are large enough themselves, all but one: the total less theirs gives the small one away."""

    def careless(
        old: tuple[rule.Group, ...], cells: rule.Cells, arms: Sequence[str], binary: bool
    ) -> tuple[rule.Group, ...]:
        every = [site for group in old for site in group]
        alone = tuple((site,) for site in every if rule._least(cells, (site,), arms, binary) >= LIMIT)
        rest = tuple(site for site in every if (site,) not in alone)
        return (*alone, *([rest] if rest else []))

    monkeypatch.setattr(rule, "_split", careless)
    broken = [attacked(each, 25) for seed in range(20) if (each := story(seed)).history.tellings]
    assert sum(fewest < LIMIT for fewest, _ in broken) >= 3


def test_another_site_is_hidden_with_a_small_one() -> None:
    """Sites of 100, 100, 100 and 6 people with the outcome: the last of the large ones stays with the small one."""
    counts = np.array([[[100, 100], [100, 100], [100, 100], [100, 6]]])
    (only,) = told(counts).history.tellings
    assert only.groups == (("site 0",), ("site 1",), ("site 2", "site 3"))
    assert only.cells[("site 2", "site 3"), ARM] == Cell(306, 106.0, 106.0)


def test_a_site_without_anybody_is_hidden_like_any_other() -> None:
    """Zero is a small number too."""
    counts = np.array([[[30, 30], [30, 30], [30, 30], [0, 0]]])
    assert told(counts).history.tellings[0].groups[-1] == ("site 2", "site 3")


def test_the_next_telling_waits_for_every_site() -> None:
    """A quarter more people are in, but one site has only nine more without the outcome; with ten the telling moves on."""
    first = np.full((3, 2), 40)
    second = first + np.array([[30, 30], [30, 30], [9, 30]])
    third = second + np.array([[10, 10], [10, 10], [1, 10]])
    assert [one.look for one in told(np.array([first, second])).history.tellings] == [1]
    assert [one.look for one in told(np.array([first, second, third])).history.tellings] == [1, 3]


def test_a_telling_goes_with_its_look() -> None:
    """Another verdict takes the place of a look that lies less than ten people away; its sites would tell of those between."""
    cells = {(f"site {number}", ARM): Cell(60, 30.0, 30.0) for number in range(3)}
    looks = [look(1, 180, 90), look(2, 185, 92, "promote")]
    before = follow(looks[:1], lambda one: cells, [f"site {number}" for number in range(3)], binary=True)
    assert [one.look for one in before.tellings] == [1]
    after = follow(looks[1:], lambda one: cells, [f"site {number}" for number in range(3)], binary=True, before=before)
    assert [one.look for one in after.tellings if one.look == 1] == []


@pytest.mark.parametrize("seed", range(6))
def test_read_bit_by_bit_it_is_the_same(seed: int) -> None:
    """A page that reads on from what it knew tells what a fresh one does."""
    whole = story(seed)
    names = [f"site {number}" for number in range(whole.counts.shape[1])]
    looks = [look(at + 1, int(there.sum()), int(there[:, 1].sum())) for at, there in enumerate(whole.counts)]
    found: SiteHistory | None = None
    for one in looks:
        cells = {
            (name, ARM): Cell(int(no + yes), float(yes), float(yes))
            for name, (no, yes) in zip(names, whole.counts[one.number - 1], strict=True)
        }
        found = follow([one], lambda _, cells=cells: cells, names, binary=True, before=found)  # type: ignore[misc]
    assert found == whole.history


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.lists(st.integers(0, 30), min_size=3, max_size=3), st.integers(0, 2)), max_size=10))
def test_who_joined_keeps_ten_numbers_beside_the_sites_with_a_result(steps: list[tuple[list[int], int]]) -> None:
    """However many of a site, or of two together, are told to have a result: each site's people keep ten numbers, and what is
    shown of them stays true. Some of those with a result came a delivery or two before."""
    sites = ("north", "south", "west")
    moments: list[Moment] = []
    counts, past = dict.fromkeys(sites, 0), [dict.fromkeys(sites, 0)]
    for came, lag in steps:
        for site, more in zip(sites, came, strict=True):
            counts[site] += more
        past.append(dict(counts))
        ready = past[max(0, len(past) - 1 - lag)]
        parts = ((frozenset({"north"}), ready["north"]), (frozenset({"south", "west"}), ready["south"] + ready["west"]))
        n = sum(ready.values())
        moments.append(
            Moment({(site, ARM): more for site, more in zip(sites, came, strict=True)}, {ARM: Sited(n, n, parts)})
        )
        table = joined_table(sites, (ARM,), moments)
        most = {site: table.below[site, ARM] - 1 for site in sites}
        for site in sites:
            floor = table.cells[site, ARM] or 0
            assert floor <= counts[site] <= most[site]
            known = [
                least - sum(most[o] for o in part if o != site)
                for part, least in (*parts, (set(sites), n))
                if site in part
            ]
            assert most[site] - max(floor, *known) + 1 >= LIMIT
