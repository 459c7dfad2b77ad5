"""Prints the pair e-process's error rates and expected participants on this code, beside what they should be.

    python docs/scripts/pair_evidence.py [--runs 20000] [--seed 1]

Everybody peeks after every pair, at most 2,000 participants; alpha .05, beta .10, worthwhile .08 on a base rate of .30.
"exact" is dynamic programming over counts (trials.sequential.exact), "simulated" the same code over random streams.
Exit code 1 when an error rate is above its limit, an exact expected number of participants is over 5 % off its target, or
a simulated one is over four standard errors off the exact one.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
from scipy.stats import binom, norm

from trials.outcomes import kind_named
from trials.sequential import Design, Unit, bounded_mixture, exact, streams

PLAN = Design(n_t=1, n_c=1, baseline=0.30, worthwhile=0.08, alpha=0.05, beta=0.10, spread=0.21)
MOST = 2_000
# Expected participants that the design's specification measured at 5,000 runs for "pair bet, mixture", and the floor
# log(1/error)/KL that no method can go below.
TARGETS = {
    ("benefit", 0.20): (502, 447, "a fall from .30 to .20 is promoted"),
    ("dud", 0.30): (616, 604, "no effect is dropped"),
    ("dud", 0.36): (241, 208, "a rise to .36 is dropped"),
}


def naive_type_one(runs: int, rng: np.random.Generator) -> float:
    """Share of null trials in which a one-sided z test at .05, repeated after every pair from the tenth on, ever fires."""
    pairs = np.arange(1, MOST // 2 + 1)
    fired = 0
    for _ in range(runs):
        difference = np.cumsum(rng.binomial(1, 0.3, pairs.size) - rng.binomial(1, 0.3, pairs.size))
        z = difference / np.sqrt(2 * 0.21 * pairs)
        fired += bool((z[9:] > norm.isf(0.05)).any())
    return fired / runs


def error_rates(runs: int, rng: np.random.Generator) -> list[tuple[str, float | None, float, float]]:
    """(what, exact chance, simulated share, limit): each claim at the edge of its null hypothesis."""
    cases = [("benefit", 0.30), ("harm", 0.30), ("dud", 0.22)]
    found = []
    for claim, treated in cases:
        limit = PLAN.beta if claim == "dud" else PLAN.alpha
        crossings = streams.simulate(PLAN, control=0.30, treated=treated, participants=MOST, runs=runs, rng=rng)
        chance = exact.pairs(PLAN, claim, control=0.30, treated=treated, participants=MOST).chance
        what = f"pairs, binary: {claim} fires with control share .30, treated {treated:.2f}"
        found.append((what, chance, crossings.share(claim), limit))
    return found


def capped_amounts(runs: int, rng: np.random.Generator) -> list[tuple[str, float | None, float, float]]:
    """The same for winsorised amounts with a long tail (lognormal, a third zeros), 200 people a trial, blocks of 2:3."""
    plan = kind_named("amount").example
    kind = kind_named("amount")
    design = Design(2, 3, kind.baseline_loss(plan), plan.worthwhile / kind.scale(plan), 0.05, 0.10, kind.spread(plan))
    fired = {"benefit": 0, "harm": 0}
    for _ in range(runs):
        amounts = np.where(rng.random(200) < 0.33, 0.0, rng.lognormal(8.5, 0.9, 200))
        units = tuple(
            Unit("", "t" if i % 5 < 2 else "c", kind.to_loss(plan, float(amount))) for i, amount in enumerate(amounts)
        )
        reading = bounded_mixture.read(design, bounded_mixture.step(design, bounded_mixture.start(design), units))
        for claim in fired:
            fired[claim] += reading.claims[claim].fired
    return [
        (f"blocks 2:3, capped amounts: {claim} fires with equal arms", None, n / runs, 0.05)
        for claim, n in fired.items()
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.Generator(np.random.PCG64(options.seed))
    bad, began = 0, time.process_time()
    print(f"{options.runs} runs, seed {options.seed}, at most {MOST} participants, a look after every pair\n")
    print(f"{'error rate':<72}{'exact':>8}{'simulated':>11}{'limit':>7}  99.9 % quantile")
    amount_runs = max(options.runs // 10, 100)
    for what, chance, share, limit in error_rates(options.runs, rng) + capped_amounts(amount_runs, rng):
        quantile = binom.isf(0.001, options.runs if chance is not None else amount_runs, limit)
        quantile /= options.runs if chance is not None else amount_runs
        above = share > quantile or (chance is not None and chance > limit)
        bad += above
        shown = "" if chance is None else f"{chance:.4f}"
        print(f"{what:<72}{shown:>8}{share:>11.4f}{limit:>7.2f}  {quantile:.4f}{'  ABOVE' if above else ''}")
    naive = naive_type_one(min(options.runs, 2_000), rng)
    print(f"{'for comparison: a z test repeated after every pair, equal arms':<72}{'':>8}{naive:>11.4f}{0.05:>7.2f}")
    head = ("exact", "simulated", "± SE", "target", "ratio", "floor", "to floor")
    widths = (8, 11, 7, 8, 8, 8, 9)
    columns = "".join(f"{name:>{width}}" for name, width in zip(head, widths, strict=True))
    print(f"\n{'expected participants':<40}{columns}")
    for (claim, treated), (target, floor, what) in TARGETS.items():
        crossings = streams.simulate(PLAN, control=0.30, treated=treated, participants=MOST, runs=options.runs, rng=rng)
        mean = exact.pairs(PLAN, claim, control=0.30, treated=treated, participants=MOST).participants
        stops = crossings.first(claim)
        error = float(np.std(stops) / np.sqrt(options.runs))
        off = abs(mean / target - 1) > 0.05 or abs(stops.mean() - mean) > 4 * error
        bad += off
        print(
            f"{what:<40}{mean:>8.1f}{stops.mean():>11.1f}{error:>7.1f}{target:>8}{mean / target:>8.3f}{floor:>8}"
            f"{mean / floor:>9.3f}{'  OFF' if off else ''}"
        )
    print(
        f"\n{time.process_time() - began:.1f} s of CPU; {'all within limits' if not bad else f'{bad} outside limits'}"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
