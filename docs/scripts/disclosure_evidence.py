"""Prints how often an attacker with everything published over time places a hidden count, under our rule and two others.

    python docs/scripts/disclosure_evidence.py [--histories 2000] [--seed 1] [--targets 12]

The attacker keeps every page there ever was: at each time the cells of a (site x arm) table of people who joined, its totals,
filters (each site, pairs of sites, each arm), the export, and how many people of each arm have a result as of the newest look
shown. They know that counts are not negative and never fall, that whoever has a result joined, and how the rule works. For
hidden counts, and increases from page to page and since the last publication, scipy.optimize.linprog (HiGHS) finds the
least and greatest value that all of this leaves possible. A count is recovered when fewer than 10 whole numbers are left.

Rules: 'released' (trials.disclosure.releases, in use), 'unlinked' (the same without regard to the looks), 'once' (each page
suppressed by trials.disclosure.tables as if it were the only one, with secondary suppression), 'naive' (counts below 10 left
out, totals fresh). The first must not be broken at all; 'once' and 'naive' must be in most histories, or the attack shows
nothing. Exit code 1 otherwise.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_matrix

from trials.disclosure import LIMIT, Moment, joined_table, part_of, safe_table
from trials.disclosure.releases import Column
from trials.disclosure.tables import Place, SafeTable

ARMS = ("usual", "new", "other")


@dataclass(frozen=True)
class History:
    """counts: who joined, by place, at each time. told: at each time, who has a result by arm as of the newest look shown."""

    counts: list[dict[Place, int]]
    told: list[dict[str, int]]


@dataclass
class Known:
    """What the attacker knows: sums over the counts (a count is a place at a time), each with its least and greatest."""

    order: dict[tuple[Place, int], int]
    lines: list[dict[int, float]] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)

    def learn(self, places: Iterable[tuple[Place, int]], low: float, high: float = np.inf) -> None:
        self.lines.append({self.order[one]: 1.0 for one in places})
        self.low.append(low)
        self.high.append(high)

    def never_falls(self, place: Place, before: int) -> None:
        self.lines.append({self.order[place, before]: -1.0, self.order[place, before + 1]: 1.0})
        self.low.append(0.0)
        self.high.append(np.inf)

    def range_of(self, terms: dict[tuple[Place, int], float]) -> tuple[float, float]:
        """The least and greatest value of a sum of counts."""
        matrix, right = self.system
        aim = np.zeros(len(self.order))
        for one, sign in terms.items():
            aim[self.order[one]] = sign
        ends = []
        for sign in (1, -1):
            found = linprog(sign * aim, A_ub=matrix, b_ub=right, bounds=(0, None), method="highs")
            if found.status not in (0, 3):
                raise RuntimeError(f"the solver says: {found.message}")
            ends.append(sign * float(found.fun) if found.status == 0 else np.inf)
        return ends[0], ends[1]

    @cached_property
    def system(self) -> tuple[csr_matrix, np.ndarray]:
        """Everything known as matrix and right side; asked once all is known."""
        rows, right = [], []
        for line, low, high in zip(self.lines, self.low, self.high, strict=True):
            if np.isfinite(high):
                rows.append(line)
                right.append(high)
            if low > -np.inf:
                rows.append({place: -sign for place, sign in line.items()})
                right.append(-low)
        entries = [(at, place, sign) for at, line in enumerate(rows) for place, sign in line.items()]
        at, place, sign = zip(*entries, strict=True)
        return csr_matrix((sign, (at, place)), shape=(len(rows), len(self.order))), np.array(right)


def history(chance: np.random.Generator) -> History:
    """Small and large sites, late ones, an arm dropped, empty cells, quiet weeks; results at once or some pages later."""
    sites = [f"site {number}" for number in range(chance.integers(1, 7))]
    arms, times = ARMS[: chance.integers(1, 4)], int(chance.integers(3, 8))
    pace = {site: float(chance.choice([0.3, 2, 6, 25])) for site in sites}
    starts = {site: int(chance.integers(0, 3)) if chance.random() < 0.3 else 0 for site in sites}
    dropped = {arm: int(chance.integers(1, times)) if chance.random() < 0.2 else times for arm in arms}
    counts: list[dict[Place, int]] = []
    for now in range(times):
        before = counts[-1] if counts else {}
        busy = chance.random() < 0.7
        counts.append(
            {
                (site, arm): before.get((site, arm), 0)
                + (int(chance.poisson(pace[site])) if busy and starts[site] <= now < dropped[arm] else 0)
                for site in sites
                for arm in arms
            }
        )
    return History(counts, _told(counts, arms, lag=int(chance.integers(0, 3))))


def _told(counts: list[dict[Place, int]], arms: tuple[str, ...], lag: int) -> list[dict[str, int]]:
    """By time, people with a result as of the newest look shown: ten or more in each arm, and ten or more than before."""
    found: list[dict[str, int]] = []
    for now in range(len(counts)):
        before = found[-1] if found else {}
        there = counts[now - lag] if now >= lag else {}
        n = {arm: sum(count for (_, other), count in there.items() if other == arm) for arm in arms}
        found.append(n if all(n[arm] >= before.get(arm, 0) + LIMIT for arm in arms) else before)
    return found


def filters(table: SafeTable) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Each site, each pair of sites, and each arm; the whole."""
    yield (table.rows, table.columns)
    for size in (1, 2):
        for rows in combinations(table.rows, size):
            yield (rows, table.columns)
    for column in table.columns:
        yield (table.rows, (column,))


def pages(history: History, *, linked: bool) -> list[SafeTable]:
    """The released table at each time."""
    rows, columns = (tuple(dict.fromkeys(place[at] for place in history.counts[0])) for at in (0, 1))
    moments, found = [], []
    for now, counts in enumerate(history.counts):
        before = history.counts[now - 1] if now else {}
        came = {place: count - before.get(place, 0) for place, count in counts.items()}
        told = {arm: (n, n) for arm, n in history.told[now].items()} if linked else {}
        moments.append(Moment(came, told))
        found.append(joined_table(rows, columns, moments))
    return found


def steps_told(history: History, *, linked: bool) -> Iterator[tuple[int, SafeTable, dict[Place, int], set[Place]]]:
    """What a reader works out at each time: the table, each cell's step, and the cells told as they are just now. Steps are
    read off `below`; one that rose by more than what people were told of its arm makes it rise is a count."""
    before: dict[Place, int] = {}
    for now, table in enumerate(pages(history, linked=linked)):
        steps = {place: below - LIMIT for place, below in table.below.items()}
        fresh: set[Place] = set()
        for arm in table.columns:
            own = Column({}, {row: before.get((row, arm), 0) for row in table.rows}, {})
            if linked and arm in history.told[now]:
                own.make_room(history.told[now][arm])
            fresh |= {(row, arm) for row in table.rows if steps[row, arm] > own.steps[row]}
        yield now, table, steps, fresh
        before = steps


def released(history: History, *, linked: bool = True) -> Known:
    """All that is published under the rule in use, and what its rule tells beside the numbers."""
    known = _start(history)
    for now, table, steps, fresh in steps_told(history, linked=linked):
        for place, step in steps.items():
            known.learn(
                [(place, now)],
                step if place in fresh else table.cells[place] or 0,
                step if place in fresh else step + LIMIT - 1,
            )
        for rows, columns in filters(table):
            part = part_of(table, rows, columns)
            if part.total is not None:
                known.learn([((row, column), now) for row in rows for column in columns], part.total)
    return known


def unlinked(history: History) -> Known:
    """The same steps, taken without regard to what the looks tell."""
    return released(history, linked=False)


def once(history: History) -> Known:
    """Each page suppressed as if it were the only one: counts and totals are those of the day."""
    known = _start(history)
    for now, counts in enumerate(history.counts):
        table = safe_table(counts)
        for place, shown in table.cells.items():
            _exactly(known, [(place, now)], shown)
        for row, shown in table.row_totals.items():
            _exactly(known, [((row, column), now) for column in table.columns], shown)
        for column, shown in table.column_totals.items():
            _exactly(known, [((row, column), now) for row in table.rows], shown)
        _exactly(known, [(place, now) for place in counts], table.total)
    return known


def naive(history: History) -> Known:
    """Counts and sums below the limit left out, nothing else; each filter is a fresh sum."""
    known = _start(history)
    for now, counts in enumerate(history.counts):
        table = safe_table(counts)
        sums = [[(place, now)] for place in counts]
        sums += [[((row, column), now) for row in rows for column in columns] for rows, columns in filters(table)]
        for places in sums:
            total = sum(counts[place] for place, _ in places)
            _exactly(known, places, total if total >= LIMIT else None)
    return known


RULES: dict[str, Callable[[History], Known]] = {
    "released": released,
    "unlinked": unlinked,
    "once": once,
    "naive": naive,
}


def _start(history: History) -> Known:
    """Before any page of the table: counts never fall, and whoever has a result joined."""
    places, times = list(history.counts[0]), len(history.counts)
    known = Known({(place, now): at for at, (now, place) in enumerate((t, p) for t in range(times) for p in places)})
    for place in places:
        for now in range(times - 1):
            known.never_falls(place, now)
    for now, told in enumerate(history.told):
        for arm, n in told.items():
            known.learn([(place, now) for place in places if place[1] == arm], n)
    return known


def _exactly(known: Known, places: list[tuple[Place, int]], shown: int | None) -> None:
    if shown is not None:
        known.learn(places, shown, shown)


def exact(history: History, rule: str) -> dict[Place, list[bool]]:
    """Which counts were published as they are: for each place at each time."""
    if rule in ("released", "unlinked"):
        fresh = [one for _, _, _, one in steps_told(history, linked=rule == "released")]
        return {place: [place in one for one in fresh] for place in history.counts[0]}
    shown = [safe_table(counts).cells if rule == "once" else counts for counts in history.counts]
    return {place: [(one[place] or 0) >= LIMIT for one in shown] for place in history.counts[0]}


def targets(history: History, rule: str) -> list[dict[tuple[Place, int], float]]:
    """What nobody may recover: each count that was not published as it is, and what each count grew by from page to page and
    since it was last published, unless that is LIMIT or more and both ends were published."""
    found: list[dict[tuple[Place, int], float]] = []
    for place, published in exact(history, rule).items():
        counts = [one[place] for one in history.counts]
        for now, told in enumerate(published):
            if not told:
                found.append({(place, now): 1.0})
            since = {now - 1, max((at for at in range(now) if published[at]), default=-1)} - {-1}
            for at in sorted(since):
                if not (told and published[at] and counts[now] - counts[at] >= LIMIT):
                    found.append({(place, now): 1.0, (place, at): -1.0})
    return found


def attack(history: History, rule: str, chance: np.random.Generator, most: int) -> tuple[float, bool]:
    """(fewest numbers left for any target, whether the truth of each lies in its range); inf without a target."""
    asked = targets(history, rule)
    if not asked:
        return np.inf, True
    known, fewest, true = RULES[rule](history), np.inf, True
    for at in chance.permutation(len(asked))[:most]:
        low, high = known.range_of(asked[at])
        truth = sum(sign * history.counts[now][place] for (place, now), sign in asked[at].items())
        true &= low - 1e-6 <= truth <= high + 1e-6
        fewest = min(fewest, np.inf if np.isinf(high) else np.floor(high + 1e-6) - np.ceil(low - 1e-6) + 1)
    return fewest, true


def main(histories: int, seed: int, most: int) -> int:
    chance = np.random.default_rng(seed)
    made = [history(chance) for _ in range(histories)]
    failed = False
    print(f"{histories:,} histories of 1-6 sites, 1-3 arms, 3-7 pages; up to {most} hidden counts or increases of each")
    print("rule       histories with a count recovered   fewest numbers left   seconds")
    for rule in RULES:
        started = time.monotonic()
        results = [attack(one, rule, chance, most) for one in made]
        broken = sum(fewest < LIMIT for fewest, _ in results) / histories
        failed |= not all(true for _, true in results) or (
            broken > 0 if rule == "released" else rule != "unlinked" and broken < 0.5
        )
        least = min(fewest for fewest, _ in results)
        print(f"{rule:10s} {broken:32.3f}   {least:19.0f}   {time.monotonic() - started:7.1f}")
    return int(failed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--histories", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--targets", type=int, default=12)
    told = parser.parse_args()
    sys.exit(main(told.histories, told.seed, told.targets))
