"""How often `amount-lognormal` errs: amounts with a long tail and zeros, participants fed to the method one delivery a trial.

    python docs/scripts/lognormal_evidence.py [--runs 5000] [--people 160] [--seed 1]

No effect: both arms have one distribution, lognormal with a share of zeros, capped to the plan's bounds; at the worthwhile
effect the treated's amounts are larger by a factor that moves the capped mean by as much. Judged by the exact 99.9 %
binomial quantile; exit code 1 when an error rate is above it.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from scipy.optimize import brentq
from scipy.stats import binom

from trials.sequential import Design, Unit, block_likelihood

METHOD = block_likelihood.AMOUNT_LOGNORMAL
# Losses are what is missing to the cap of 25,000: earnings, higher is better, a third of people without any.
CAP, ZEROS, LOG_MEAN, LOG_SD = 25_000.0, 0.3, 8.6, 0.9
WORTHWHILE = 0.06


def earnings(factor: float, size: int, rng: np.random.Generator) -> np.ndarray:
    found = np.exp(rng.normal(LOG_MEAN, LOG_SD, size)) * factor
    return np.where(rng.random(size) < ZEROS, 0.0, np.minimum(found, CAP))


def mean_share(factor: float) -> float:
    """Mean of the capped amount over the cap, from a large fixed sample."""
    return float(earnings(factor, 400_000, np.random.default_rng(0)).mean() / CAP)


def units(treated: np.ndarray, control: np.ndarray) -> tuple[Unit, ...]:
    pairs = zip(1 - treated / CAP, 1 - control / CAP, strict=True)
    return tuple(unit for t, c in pairs for unit in (Unit("", "t", float(t)), Unit("", "c", float(c))))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5_000)
    parser.add_argument("--people", type=int, default=160)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    base = mean_share(1.0)
    design = Design(1, 1, 1 - base, WORTHWHILE, 0.05, 0.10, 0.04, values="bounded")
    helped = float(brentq(lambda factor: mean_share(factor) - base - WORTHWHILE, 1.0, 5.0, xtol=1e-4))
    rng, above = np.random.Generator(np.random.PCG64(options.seed)), False
    print(f"{options.runs} trials of {options.people} people, everybody peeking after every pair")
    for factor, claims in ((1.0, ("benefit", "harm")), (helped, ("dud",))):
        fired = dict.fromkeys(claims, 0)
        for _ in range(options.runs):
            half = options.people // 2
            people = units(earnings(factor, half, rng), earnings(1.0, half, rng))
            found = METHOD.read(design, METHOD.step(design, METHOD.start(design), people)).claims
            for claim in claims:
                fired[claim] += found[claim].fired
        for claim in claims:
            limit = design.beta if claim == "dud" else design.alpha
            most = binom.isf(0.001, options.runs, limit) / options.runs
            share = fired[claim] / options.runs
            above = above or share > most
            print(f"  {claim:<8}{share:.4f}  limit {limit:.2f}, quantile {most:.4f}")
    print("above its limit" if above else "all within limits")
    return int(above)


if __name__ == "__main__":
    sys.exit(main())
