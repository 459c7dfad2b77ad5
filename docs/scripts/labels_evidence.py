"""How often the confounding detector flags trials, by lot and not: `python docs/scripts/labels_evidence.py [RUNS]`.

Seeded; five sites, six caseworkers, people joining over 300 days. The figures stand in docs/managing/labels.md.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date, timedelta

import numpy as np

from trials.confounding import Placements, confounded

START = date(2026, 1, 5)
Rng = np.random.Generator
Arms = Callable[[Rng, "np.ndarray", "np.ndarray", "np.ndarray"], list[str]]


def blocks(rng: Rng, site: np.ndarray, day: np.ndarray, worker: np.ndarray) -> list[str]:
    """Permuted blocks of four, one list for all sites."""
    order = [arm for _ in range(-(-len(site) // 4)) for arm in rng.permutation(["a", "a", "b", "b"])]
    return [str(arm) for arm in order[: len(site)]]


def following(what: str, wrong: float) -> Arms:
    """Arms that follow from site, week, half or caseworker, but for a share of people."""

    def draw(rng: Rng, site: np.ndarray, day: np.ndarray, worker: np.ndarray) -> list[str]:
        told = {"site": site % 2, "week": day // 7 % 2, "half": (day >= 150).astype(int), "caseworker": worker % 2}[
            what
        ]
        slips = rng.random(len(told)) < wrong
        return ["ab"[one] for one in np.where(slips, 1 - told, told)]

    return draw


WAYS: dict[str, Arms] = {
    "by lot, each alone": lambda rng, site, day, worker: ["ab"[one] for one in rng.integers(2, size=len(site))],
    "by lot, blocks of four": blocks,
    "the site decides": following("site", 0.0),
    "the site decides but for 5 in 100": following("site", 0.05),
    "the week decides": following("week", 0.0),
    "first half, second half": following("half", 0.0),
    "the caseworker decides": following("caseworker", 0.0),
    "the site decides for 3 in 4": following("site", 0.25),
}


def share(way: Arms, people: int, runs: int) -> float:
    rng, flags = np.random.default_rng(20_260_101), 0
    for _ in range(runs):
        site, worker = rng.integers(5, size=people), rng.integers(6, size=people)
        day = np.sort(rng.integers(300, size=people))
        arms = way(rng, site, day, worker)
        days = tuple(START + timedelta(days=int(one)) for one in day)
        placed = Placements(tuple(arms), tuple(map(str, site)), days, tuple(map(str, worker)))
        flags += confounded(placed) is not None
    return flags / runs


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    sizes = (30, 60, 200)
    print(f"{runs:,} trials each; flagged in 100\n{'arms':36}" + "".join(f"{size:>8}" for size in sizes))
    for name, way in WAYS.items():
        tried = runs if name.startswith("by lot") else max(runs // 10, 50)
        print(f"{name:36}" + "".join(f"{100 * share(way, size, tried):8.2f}" for size in sizes))


if __name__ == "__main__":
    main()
