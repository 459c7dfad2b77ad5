"""Unequal allocation, several sites, several arms, clusters: what ours needs, and what the shortcuts do to the type I error.

Called by `evidence.py`, whose plan it shares: alpha .05, beta .10, worthwhile .08 on a base rate of .30, at most 2,000 people.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from peers import MOST, PLAN
from scipy.stats import binom

from trials.sequential import Unit, binary_mixture
from trials.sequential.multiple import e_holm
from trials.sequential.operating import streams, streams_bounded
from trials.sequential.operating.frontier import line

CASES = (("benefit", 0.20), ("dud", 0.30), ("dud", 0.36))
SITES = replace(PLAN, several=True)
# Five sites: control's chance of a loss, and the share of people allocated to treatment. The idea does nothing anywhere.
UNLIKE = ((0.10, 0.8), (0.20, 0.65), (0.30, 0.5), (0.40, 0.35), (0.50, 0.2))
ARMS = 4
PEOPLE, CLUSTERS, SPREAD = 25, 80, 0.02  # per cluster; clusters; variance between clusters' chances (ICC about .1)


def limited(what: str, share: float, runs: int, limit: float = PLAN.alpha) -> tuple[str, bool]:
    above = share * runs > binom.isf(0.001, runs, limit)
    return f"{what:<74}{share:>8.4f}  {runs} runs{'  ABOVE' if above else ''}", above


def allocations(runs: int, rng: np.random.Generator, floor: Callable[..., float]) -> Iterator[tuple[str, bool]]:
    """2:1, 3:2 and five sites that take turns: errors, and participants with their ratio to the floor."""
    shapes = ((2, 1, 1), (1, 2, 1), (3, 2, 1), (1, 1, 5))
    for n_t, n_c, strata in shapes:
        name = f"blocks of {n_t}:{n_c}" if strata == 1 else "five sites, pairs, half shared, half product"
        design = replace(PLAN, n_t=n_t, n_c=n_c, several=strata > 1)

        def found(treated: float, design=design, strata=strata) -> streams.Crossings:
            return streams.simulate(
                design, control=0.30, treated=treated, participants=MOST, runs=runs, rng=rng, strata=strata
            )

        yield limited(f"{name}: benefit fires at no effect", found(0.30).share("benefit"), runs)
        yield limited(f"{name}: dud fires at a worthwhile effect", found(0.22).share("dud"), runs, PLAN.beta)
        for claim, treated in CASES:
            stops, least = found(treated).first(claim), floor(claim, 0.30, treated, n_t, n_c)
            what = f"{name}: people until {claim} at {treated:.2f}"
            error = stops.std() / math.sqrt(runs)
            yield f"{what:<74}{stops.mean():>8.1f}  ± {error:.1f}, ratio to floor {stops.mean() / least:.3f}", False


def pooled_sites(runs: int, rng: np.random.Generator) -> tuple[int, int]:
    """(promoted when pairs are formed over sites, promoted when within) of trials that help nobody anywhere."""
    pooled, within = 0, 0
    for _ in range(runs):
        site = rng.integers(len(UNLIKE), size=MOST)
        chance, share = np.array(UNLIKE)[site].T
        arms, losses = rng.random(site.size) < share, rng.random(site.size) < chance
        units = tuple(
            Unit(str(where), "t" if arm else "c", float(loss))
            for where, arm, loss in zip(site, arms, losses, strict=True)
        )
        mixed = tuple(replace(unit, stratum="") for unit in units)
        pooled += fires(PLAN, mixed)
        within += fires(SITES, units)
    return pooled, within


def fires(design, units: tuple[Unit, ...]) -> bool:
    state = binary_mixture.step(design, binary_mixture.start(design), units)
    return binary_mixture.read(design, state).claims["benefit"].fired


def several_arms(runs: int, rng: np.random.Generator) -> tuple[int, int]:
    """(any arm promoted without adjustment, with e-Holm) where no arm helps: ARMS arms share one control, 500 a group."""
    bet, none, holm = line(PLAN, "benefit"), 0, 0
    for _ in range(runs):
        control = rng.random(500) < 0.30
        treated = rng.random((ARMS, 500)) < 0.30
        ups, downs = np.cumsum(control & ~treated, axis=1), np.cumsum(~control & treated, axis=1)
        looks = np.arange(1, 501)
        logs = np.array(
            [
                np.logaddexp.reduce(
                    np.log(bet.weights)[:, None]
                    + np.outer(bet.each, looks) + np.outer(bet.away, down) + np.outer(bet.nearer, up),
                    axis=0,
                )
                for up, down in zip(ups, downs, strict=True)
            ]
        )  # fmt: skip
        hot = np.flatnonzero((logs >= bet.threshold).any(axis=0))
        none += hot.size > 0
        holm += any(max(e_holm(logs[:, look])) >= bet.threshold for look in hot)
    return none, holm


def clusters(runs: int, rng: np.random.Generator) -> tuple[float, float]:
    """(promoted with people as units, with clusters as units): allocation by cluster, chances that differ by cluster."""
    size = 0.3 * 0.7 / SPREAD - 1

    def moves() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for _ in range(CLUSTERS // 2):
            control, treated = rng.beta(0.3 * size, 0.7 * size, (2, runs))
            for _ in range(PEOPLE):
                lost, kept = rng.random(runs) < control, rng.random(runs) < treated
                yield lost & ~kept, kept & ~lost

    def means(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return generator.binomial(PEOPLE, generator.beta(0.3 * size, 0.7 * size, shape)) / PEOPLE

    naive = streams.in_one(PLAN, moves(), runs=runs).share("benefit")
    design = replace(PLAN, spread=SPREAD + 0.21 / PEOPLE, values="bounded")
    ours = streams_bounded.simulate(
        design, control=means, treated=means, participants=CLUSTERS, runs=runs, rng=rng
    ).share("benefit")
    return naive, ours


def show(runs: int, rng: np.random.Generator, floor: Callable[..., float]) -> list[str]:
    """Prints it all; returns what of ours was above its limit."""
    bad = []
    print(f"\n{'Unequal allocation, sites, arms, clusters':<74}{'':>8}")
    lines = list(allocations(runs, rng, floor))
    few = max(runs // 5, 20)
    pooled, within = pooled_sites(few, rng)
    lines.append(
        (f"{'DISASTER pairs over sites whose allocation differs: benefit, no effect':<74}{pooled / few:>8.4f}", False)
    )
    lines.append(limited("ours, pairs within the site: benefit, no effect", within / few, few))
    none, holm = several_arms(runs, rng)
    lines.append((f"{f'DISASTER {ARMS} arms, no adjustment: any promoted, none helps':<74}{none / runs:>8.4f}", False))
    lines.append(limited("ours, e-Holm: any promoted, none helps", holm / runs, runs))
    naive, ours = clusters(runs, rng)
    lines.append((f"{'DISASTER allocated by cluster, judged by person: benefit, no effect':<74}{naive:>8.4f}", False))
    lines.append(limited("ours, clusters as units: benefit, no effect", ours, runs))
    for text, above in lines:
        print(text)
        bad.extend([text.split("  ")[0]] if above else [])
    return bad
