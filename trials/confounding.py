"""Does the arm follow from the site, the time or the caseworker, though the plan says that a lot decides? From the data.

Guarantee: if arms are allocated by lot, P(a flag at one look) ≤ FALSE_ALARM, up to the estimate of the arms' shares from the
same people; much less in practice, because a flag also needs a nearly complete confounding (docs/managing/labels.md has the
measured rates). What is judged is how many people are in the arm that most people of their site (week, caseworker) are in.
With an arm's share p and independent allocation this is a sum of max(X, n − X), X ~ Binomial(n, p), over sites, whose
distribution is worked out by convolution; permuted blocks keep sites more even than that, so they are flagged more seldom.
Measure: the share of what chance leaves open that the site determines, (seen − expected) / (people − expected), which is
Goodman & Kruskal's lambda (1954, J. Am. Stat. Assoc. 49:732-764) with the expectation under no association for its base:
1 = the site tells every arm, 0 = no more than chance. Plain Cramér's V would be 1 too where each week has one person.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np

from trials.disclosure import LIMIT
from trials.evidence import Concern
from trials.sequential.bets import Floats

By = Literal["site", "period", "caseworker"]

FALSE_ALARM = 0.001
# From this share on the arm is as good as determined: about 9 in 10 people of equal arms are where the majority is.
NEARLY = 0.8
# The periods that are tried: calendar weeks and months, by which arms alternate, and quarters, for a change in the middle.
PERIODS: tuple[Callable[[date], int], ...] = (
    lambda day: (day.toordinal() - 1) // 7,  # weeks from Monday to Sunday
    lambda day: 12 * day.year + day.month,
    lambda day: 4 * day.year + (day.month - 1) // 3,
)
# With more people every k-th is judged: enough to see a confounding that is nearly complete.
MOST = 2_000


@dataclass(frozen=True, slots=True)
class Placements:
    """Where people are, by column, in the sealed order. caseworker: empty where nobody notes it; None = not known."""

    arm: tuple[str, ...]
    site: tuple[str, ...] = ()
    enrolled_on: tuple[date | None, ...] = ()
    caseworker: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Confounding:
    """by: what the arm follows from. determined: the measure, from NEARLY to 1. same: the share of people in the arm that most
    people of their site (period, caseworker) are in. p: P(so much or more | allocated by lot)."""

    by: By
    arm: str
    determined: float
    same: float
    p: float
    people: int
    sentence: str


def confounded(placements: Placements) -> Confounding | None:
    """The worst confounding of arms with site, period or caseworker; None when there is none to speak of, or too few people.

    Several arms: each is held against all others. The error is shared out over everything that is tried (Bonferroni).
    """
    arms = sorted(set(placements.arm))
    if len(arms) < 2:
        return None
    tried = arms if len(arms) > 2 else arms[:1]
    keyed = _columns(placements)
    allowed = FALSE_ALARM / max(1, len(keyed) * len(tried))
    found = []
    for by, column in keyed:
        kept = [(arm, key) for arm, key in zip(placements.arm, column, strict=True) if key is not None]
        kept = kept[:: -(-len(kept) // MOST) or 1]
        for arm in tried:
            judged = _judged(by, arm, [one == arm for one, _ in kept], [key for _, key in kept])
            if judged is not None and judged.p <= allowed and judged.determined >= NEARLY:
                found.append(judged)
    return max(found, key=lambda one: (one.determined, -one.p), default=None)


def concern_of(confounding: Confounding) -> Concern:
    """Nobody should promote or drop on such data before it is cleared up."""
    return Concern("confounded", confounding.sentence, holds=True)


def _columns(placements: Placements) -> list[tuple[By, Sequence[Hashable | None]]]:
    """What the arm could follow from; a column in which everybody is alike tells nothing."""
    days = placements.enrolled_on
    columns: list[tuple[By, Sequence[Hashable | None]]] = [("site", placements.site)]
    columns += [("period", [None if day is None else period(day) for day in days]) for period in PERIODS]
    columns.append(("caseworker", placements.caseworker))
    return [(by, column) for by, column in columns if len(set(column) - {None}) > 1]


def _judged(by: By, arm: str, mine: Sequence[bool], keys: Sequence[Hashable]) -> Confounding | None:
    """The measure and its p-value for one arm against all others; None with too few people or nothing left to chance."""
    people, total = len(mine), sum(mine)
    if people < 2 * LIMIT or not 0 < total < people:
        return None
    places = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    at = np.array([places[key] for key in keys])
    sizes = np.bincount(at, minlength=len(places))
    inside = np.bincount(at, weights=np.array(mine, dtype=np.float64), minlength=len(places)).astype(np.int64)
    seen = int(np.maximum(inside, sizes - inside).sum())
    chances, lowest = _by_chance(sizes, total / people)
    expected = float((chances * (lowest + np.arange(len(chances)))).sum())
    if people - expected < 1:  # hardly two people share a place: nothing could be seen
        return None
    p = min(1.0, float(chances[max(seen - lowest, 0) :].sum()))
    determined, same = (seen - expected) / (people - expected), seen / people
    return Confounding(by, arm, determined, same, p, people, _sentence(by, same))


def _by_chance(sizes: Sequence[int] | np.ndarray[tuple[int], np.dtype[np.int64]], share: float) -> tuple[Floats, int]:
    """The distribution of Σ max(X, n − X) over places of these sizes, X ~ Binomial(n, share), and its smallest value."""
    from scipy.stats import binom

    chances, lowest = np.ones(1), 0
    for size, times in zip(*np.unique(sizes, return_counts=True), strict=True):
        least = -(-int(size) // 2)
        one = np.zeros(int(size) - least + 1)
        counts = np.arange(int(size) + 1)
        np.add.at(one, np.maximum(counts, size - counts) - least, binom.pmf(counts, int(size), share))
        for _ in range(int(times)):
            chances = np.convolve(chances, one)
        lowest += least * int(times)
    return chances, lowest


def _sentence(by: By, same: float) -> str:
    who = "all people's arms" if same >= 0.995 else f"the arm of {100 * same:.0f} in 100 people"
    known = {
        "site": f"{who} can be told from their site alone",
        "period": f"{who} can be told from when they joined",
        "caseworker": f"{who} can be told from who their caseworker is",
    }[by]
    cause = {"site": "the site", "period": "the time", "caseworker": "the caseworker"}[by]
    return f"{known}, though a lot was to decide: {cause} may be the cause of any difference; find out how people are allocated"
