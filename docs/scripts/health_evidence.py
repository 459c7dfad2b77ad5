"""Prints how often a trial's vital signs flag a sound trial at any of 50 deliveries, and how often they see a fault.

    python docs/scripts/health_evidence.py [--runs 2000] [--seed 1]

People are allocated by tossing a coin, the worst case for the sample ratio: permuted blocks differ less. Two arms at 1 : 1
are computed exactly, by dynamic programming over the counts; the others are simulated. Beside the exact test of the sample
ratio stands the anytime-valid one of Lindon & Malek (2022, NeurIPS 35): a Dirichlet mixture of multinomials around the plan's
shares. Exit code 1 when a sign is flagged falsely in more than 1 trial in 100 (simulated: beyond the 99.9 % binomial quantile).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

import numpy as np
from scipy.special import gammaln
from scipy.stats import binom

from expectations.health import (
    FEWEST_FOR_A_SHARE,
    ArmVitals,
    SiteVitals,
    Vitals,
    drift_p,
    halves,
    missing_p,
    site_ratio,
)
from trials.disclosure import LIMIT
from trials.exact_tests import allocation_p
from trials.rules import DRIFTING, LATE_SHARE, SUSPICIOUS

LOOKS, SIZES, LIMIT_FALSE = 50, (300, 1_000), 0.01
CONCENTRATIONS = (20, 50, 100, 200)
Flag = Callable[[int], np.ndarray]


def exact(people: int) -> np.ndarray:
    """By count in the first of two equal arms: whether the exact test flags it."""
    return np.array([allocation_p((count, people - count), (1, 1)) < SUSPICIOUS for count in range(people + 1)])


def anytime(concentration: float, level: float) -> Flag:
    """The same of the mixture: e = Dirichlet-multinomial over multinomial likelihood, flagged at 1/level for ever after."""
    half = concentration / 2

    def flagged(people: int) -> np.ndarray:
        count = np.arange(people + 1)
        mixed = gammaln(half + count) + gammaln(half + people - count) - gammaln(concentration + people)
        log_e = mixed + gammaln(concentration) - 2 * gammaln(half) + people * np.log(2)
        return log_e > -np.log(level)

    return flagged


def ever_flagged(flag: Flag, people: int, share: float) -> float:
    """P(flagged at any look), exactly; share: of the first arm, in truth."""
    step = people // LOOKS
    joining, left, found = binom.pmf(np.arange(step + 1), step, share), np.ones(1), 0.0
    for look in range(1, LOOKS + 1):
        left = np.convolve(left, joining)
        at = flag(look * step)
        found += left[at].sum()
        left[at] = 0.0
    return found


def share_of_runs(flagged: Callable[[np.ndarray], bool], trials: list[np.ndarray]) -> float:
    """The share of trials that are flagged at some look; each trial is an array with one row a person."""
    hits = 0
    for people in trials:
        step = len(people) // LOOKS
        hits += any(flagged(people[: look * step]) for look in range(1, LOOKS + 1))
    return hits / len(trials)


def three_arms(people: np.ndarray) -> bool:
    p = allocation_p(np.bincount(people[:, 0].astype(int), minlength=3).tolist(), (1, 1, 1))
    return p is not None and p < SUSPICIOUS


def unequal(people: np.ndarray) -> bool:
    treated = int(people[:, 0].sum())
    p = allocation_p((len(people) - treated, treated), (3, 2))
    return p is not None and p < SUSPICIOUS


def sites(people: np.ndarray) -> bool:
    counts = np.bincount((people[:, 1] * 2 + people[:, 0]).astype(int), minlength=10).reshape(5, 2)
    arms = tuple(ArmVitals(name, 1, 0, 0, 0) for name in "ct")
    p, _ = site_ratio(
        Vitals("", arms, 0, 0, tuple(SiteVitals(str(at), tuple(map(int, one))) for at, one in enumerate(counts)))
    )
    return p is not None and p < SUSPICIOUS


def missing(people: np.ndarray) -> bool:
    split = [people[people[:, 0] == arm, 1] for arm in (0, 1)]
    p = missing_p(*(ArmVitals("", 1, 0, int(len(one) - one.sum()), int(one.sum())) for one in split))
    return p is not None and p < SUSPICIOUS


def drifting(binary: bool) -> Callable[[np.ndarray], bool]:
    def flagged(people: np.ndarray) -> bool:
        early = np.arange(len(people)) < len(people) // 2
        values, tallies = np.unique(np.column_stack([people[:, 0], early, people[:, 1]]), axis=0, return_counts=True)
        told = [(str(arm), bool(first), value, int(n)) for (arm, first, value), n in zip(values, tallies, strict=True)]
        p = drift_p(halves(told, binary=binary))
        return p is not None and p < DRIFTING

    return flagged


def over(limit: float, fewest: int = 0) -> Callable[[np.ndarray], bool]:
    def flagged(people: np.ndarray) -> bool:
        found = people[:, 0].sum()
        return len(people) >= FEWEST_FOR_A_SHARE and found >= fewest and found / len(people) > limit

    return flagged


def cases(
    people: int, rng: np.random.Generator
) -> dict[str, tuple[Callable[[np.ndarray], bool], Callable[[], np.ndarray]]]:
    """Sound trials, by what is looked at: the sign, and one trial's people in order of entry."""
    order = np.arange(people) / people

    def tossed(*columns: np.ndarray, share: float | np.ndarray = 0.5) -> np.ndarray:
        return np.column_stack([rng.random(people) < share, *columns]).astype(float)

    def outcomes(share: float | np.ndarray) -> np.ndarray:
        arm = rng.random(people) < share
        return np.column_stack([arm, rng.random(people) < np.where(arm, 0.6, 0.3)]).astype(float)

    def scores() -> np.ndarray:
        arm = rng.random(people) < 0.5
        return np.column_stack([arm, rng.binomial(10, np.where(arm, 0.6, 0.3))]).astype(float)

    return {
        "sample_ratio, 3 arms": (three_arms, lambda: rng.integers(3, size=(people, 1)).astype(float)),
        "sample_ratio, 3 : 2": (unequal, lambda: tossed(share=0.4)),
        "site_ratio, 5 sites": (sites, lambda: tossed(rng.choice(5, people, p=(0.4, 0.3, 0.15, 0.1, 0.05)))),
        "missing_alike, 10 in 100": (missing, lambda: tossed(rng.random(people) < 0.1)),
        "no_drift, binary, 30 and 60 in 100": (drifting(True), lambda: outcomes(0.5)),
        "no_drift, the same, shares of arms move": (drifting(True), lambda: outcomes(0.3 + 0.4 * order)),
        "no_drift, scores 0 to 10": (drifting(False), scores),
        "missing_few, 5 in 100": (over(0.2), lambda: tossed(share=0.05)),
        "few_late, 3 in 100": (over(LATE_SHARE, LIMIT), lambda: tossed(share=0.03)),
        "quarantined_few, 1 in 100": (over(0.1), lambda: tossed(share=0.01)),
    }


def faults(
    people: int, rng: np.random.Generator
) -> dict[str, tuple[Callable[[np.ndarray], bool], Callable[[], np.ndarray]]]:
    """Trials with something wrong, as above."""
    late = np.arange(people) >= people / 2

    def arms() -> np.ndarray:
        return rng.random(people) < 0.5

    def lopsided() -> np.ndarray:
        arm = arms()
        return np.column_stack([arm, rng.random(people) < np.where(arm, 0.2, 0.05)]).astype(float)

    def one_site() -> np.ndarray:
        site = rng.integers(5, size=people)
        return np.column_stack([rng.random(people) < np.where(site == 0, 0.75, 0.5), site]).astype(float)

    def drifts() -> np.ndarray:
        return np.column_stack([arms(), rng.random(people) < np.where(late, 0.5, 0.3)]).astype(float)

    return {
        "site_ratio, one of 5 at 75 : 25": (sites, one_site),
        "missing_alike, 5 and 20 in 100": (missing, lopsided),
        "no_drift, 30 then 50 in 100": (drifting(True), drifts),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng, outside = np.random.default_rng(arguments.seed), []
    print(f"Sample ratio at 1 : 1, P(flagged at any of {LOOKS} deliveries), exactly")
    print(f"{'':46s}{'sound':>8s}{'55:45':>8s}{'60:40':>8s}")
    for people in SIZES:
        rules: dict[str, Flag] = {f"exact test at {SUSPICIOUS}": exact}
        rules |= {
            f"anytime-valid at {level}, concentration {size}": anytime(size, level)
            for level in (SUSPICIOUS, LIMIT_FALSE)
            for size in CONCENTRATIONS
        }
        for name, flag in rules.items():
            found = [ever_flagged(flag, people, share) for share in (0.5, 0.55, 0.6)]
            print(f"{people:6,} {name:39s}" + "".join(f"{one:8.4f}" for one in found))
            outside += [name] if flag is exact and found[0] > LIMIT_FALSE else []
    most = int(binom.ppf(0.999, arguments.runs, LIMIT_FALSE)) / arguments.runs
    print(
        f"\nSound trials flagged at any of {LOOKS} deliveries, {arguments.runs:,} simulated each; at most {LIMIT_FALSE}"
    )
    for people in SIZES:
        for name, (flagged, draw) in cases(people, rng).items():
            found_share = share_of_runs(flagged, [draw() for _ in range(arguments.runs)])
            print(f"{people:6,} {name:42s}{found_share:8.4f}", flush=True)
            outside += [name] if found_share > most else []
    print("\nTrials with a fault, flagged at any delivery")
    for people in SIZES:
        for name, (flagged, draw) in faults(people, rng).items():
            print(
                f"{people:6,} {name:42s}{share_of_runs(flagged, [draw() for _ in range(max(1, arguments.runs // 10))]):8.3f}",
                flush=True,
            )
    print("\none_arm and in_register flag what was sent, not chance: never where no such row came.")
    print("\nAll within limits." if not outside else f"\nOUTSIDE: {', '.join(outside)}")
    return int(bool(outside))


if __name__ == "__main__":
    sys.exit(main())
