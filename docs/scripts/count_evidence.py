"""Prints error rates and expected participants of the methods for counts, beside what they should be.

    python docs/scripts/count_evidence.py [--runs 5000] [--seed 1] [--epilepsy PATH]

Everybody peeks after every pair; alpha .05, beta .10. Exit code 1 when an error rate is above the 99.9 % binomial quantile of
its limit, or expected participants of `count-mixture` are over 3 % above the target. The trap beside them treats a pair's
total as if its counts were Poisson. --epilepsy: a file with the columns participant_id, arm, entry_order, seizures and
weeks_observed (one row per period), judged by both methods.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import binom

from trials.evidence import CLAIMS
from trials.sequential import Design, Unit, bets, count_mixture
from trials.sequential.block_likelihood import COUNT_BLOCK
from trials.sequential.design import BENEFIT_TRUTHS, BENEFIT_WEIGHTS
from trials.sequential.operating import count_streams

PLAN = Design(n_t=1, n_c=1, baseline=1.0, worthwhile=0.2, alpha=0.05, beta=0.10, spread=1.0, values="count", cap=6.0)
LOOSE = replace(PLAN, cap=20.0)
WIDE = replace(PLAN, spread=2.0, cap=10.0)  # negative binomial, k = 1
MOST, MOST_VARYING = 2_000, 400
VARYING, HALF = (0.5, 1.5), (0.25, 0.75)
# Expected participants in the design's specification (EVIDENCE, section 4: Poisson); floor = log(1/error)/KL.
TARGETS = {"benefit": 460, "dud": 502}
METHODS = {"count-mixture": False, "count-block": True}


def divergence(rate: float, other: float) -> float:
    """KL of one Poisson count from another."""
    return float(rate * np.log(rate / other) - rate + other)


def floor(control: float, treated: float, margin: float, error: float) -> float:
    """Participants below which no test of "the rates differ by margin" can stop on average (1:1, Poisson)."""
    worst = minimize_scalar(
        lambda null: divergence(control, null) + divergence(treated, null - margin),
        bounds=(max(margin, 0.0) + 1e-6, 3 * control),
        method="bounded",
    )
    return float(-2 * np.log(error) / worst.fun)


def conditional_poisson(dispersion: float, runs: int, rng: np.random.Generator) -> float:
    """Share of null trials in which the trap says "benefit": in each pair y_T given the total, as if Binomial(y, 1/2)."""
    truths = 1 - PLAN.worthwhile * np.array(BENEFIT_TRUTHS)
    chance = (truths / (1 + truths))[:, None]
    wealth, fired = np.zeros((truths.size, runs)), np.zeros(runs, dtype=bool)
    for _ in range(MOST // 2):
        t, c = (count_streams.draw(1.0, dispersion, (1.0, 1.0), (1, runs), rng)[0][0] for _ in range(2))
        wealth += t * np.log(2 * chance) + c * np.log(2 * (1 - chance))
        fired |= bets.log_mixture(wealth, BENEFIT_WEIGHTS) >= -np.log(PLAN.alpha)
    return float(fired.mean())


def error_rates(runs: int, rng: np.random.Generator) -> bool:
    """Prints each claim's share of false alarms at the edge of its null; True when all are within their limits."""
    print(f"False alarms in {runs:,} trials (at most the 99.9 % binomial quantile of the limit)")
    fine = True
    worlds = [
        ("Poisson", PLAN, 0.0, (1.0, 1.0), None, MOST),
        ("Poisson, exposure .5-1.5", PLAN, 0.0, VARYING, None, MOST_VARYING),
        ("negative binomial k = 1", WIDE, 1.0, (1.0, 1.0), None, MOST),
        ("negative binomial k = 1, baseline guessed .5", replace(WIDE, baseline=0.5), 1.0, (1.0, 1.0), None, MOST),
        ("negative binomial k = 1, exposure .5-1.5", WIDE, 1.0, VARYING, None, MOST_VARYING),
        ("the same, treated watched half as long", replace(WIDE, cap=40.0), 1.0, VARYING, HALF, MOST_VARYING),
    ]
    for what, plan, dispersion, exposures, theirs, most in worlds:
        for name, likelihood in METHODS.items():
            shares = {}
            for effect, claims in ((0.0, ("benefit", "harm")), (plan.worthwhile, ("dud",))):
                found = count_streams.simulate(
                    plan, control=1.0, treated=1.0 - effect, dispersion=dispersion, participants=most, runs=runs,
                    rng=rng, exposures=exposures, treated_exposures=theirs, likelihood=likelihood,
                )  # fmt: skip
                shares |= {claim: found.share(claim) for claim in claims}
            limits = {claim: plan.beta if claim == "dud" else plan.alpha for claim in CLAIMS}
            good = all(shares[claim] * runs <= binom.isf(0.001, runs, limits[claim]) for claim in CLAIMS)
            fine &= good
            said = "  ".join(f"{claim} {shares[claim]:.4f} (≤ {limits[claim]:.2f})" for claim in CLAIMS)
            print(f"  {what:45} {name:14} {said}  {'ok' if good else 'TOO MANY'}")
    for dispersion in (0.0, 1.0):
        share = conditional_poisson(dispersion, runs, rng)
        print(f"  trap: pairs taken as Poisson given their total, k = {dispersion:g}: benefit {share:.4f} (≤ 0.05)")
    return fine


def efficiency(runs: int, rng: np.random.Generator) -> bool:
    """Prints expected participants; True when `count-mixture` keeps within 3 % of the targets."""
    print(
        f"Expected participants, rate 1.0, worthwhile .2, Poisson, exposure 1 ({runs:,} trials, at most {MOST:,} people)"
    )
    fine = True
    cases = (("benefit", 0.775, 0.0, PLAN.alpha), ("dud", 1.0, PLAN.worthwhile, PLAN.beta))
    for claim, treated, margin, error in cases:
        least = floor(1.0, treated, margin, error)
        for plan in (PLAN, LOOSE):
            for name, likelihood in METHODS.items():
                found = count_streams.simulate(
                    plan, control=1.0, treated=treated, participants=MOST, runs=runs, rng=rng, likelihood=likelihood
                )
                mean = found.expected(claim)
                error_of_mean = found.first(claim).std() / np.sqrt(runs)
                fine &= mean <= 1.03 * TARGETS[claim] or likelihood or plan is LOOSE
                print(
                    f"  {claim:8} 1.0 -> {treated:<5g} cap {plan.cap:<3g} {name:14} {mean:6.0f} ± {error_of_mean:.0f}  target "
                    f"{TARGETS[claim]}  floor {least:.0f}  ratio {mean / least:.3f}"
                )
    print("Negative binomial k = 1, 1.0 -> 0.6 (participants to benefit)")
    for cap in (10.0, 20.0):
        for name, likelihood in METHODS.items():
            found = count_streams.simulate(
                replace(WIDE, cap=cap), control=1.0, treated=0.6, dispersion=1.0, participants=MOST, runs=runs, rng=rng,
                likelihood=likelihood,
            )  # fmt: skip
            print(f"  cap {cap:<3g} {name:14} {found.expected('benefit'):6.0f}")
    return fine


def epilepsy(path: Path) -> None:
    """Prints what both methods say of a real trial: events over all periods, with their weeks as exposure."""
    rows = defaultdict(list)
    with path.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            rows[int(row["entry_order"])].append(row)
    units = tuple(
        Unit(
            "",
            "c" if person[0]["arm"] == "placebo" else "t",
            sum(float(row["seizures"]) for row in person),
            sum(float(row["weeks_observed"]) for row in person),
        )
        for _, person in sorted(rows.items())
    )
    for arm in "tc":
        mine = [unit for unit in units if unit.arm == arm]
        rate = sum(unit.loss or 0.0 for unit in mine) / sum(unit.companion for unit in mine)
        print(
            f"  arm {arm}: {len(mine)} people, {sum(unit.loss or 0 for unit in mine):g} events, rate {rate:.3f} a week"
        )
    for cap in (10.0, 20.0):
        plan = replace(PLAN, baseline=4.0, worthwhile=1.0, spread=5.0, cap=cap)
        for method in (count_mixture.METHOD, COUNT_BLOCK):
            reading = method.read(plan, method.step(plan, method.start(plan), units))
            said = "  ".join(f"{name} p {claim.p:.3f} fired {claim.fired}" for name, claim in reading.claims.items())
            print(
                f"  cap {cap:g} {method.name:14} {said}  interval {reading.low} to {reading.high}, {reading.blocks} pairs"
            )


def main() -> int:
    parser = argparse.ArgumentParser(description="Error rates and expected participants of the methods for counts.")
    parser.add_argument("--runs", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epilepsy", type=Path)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    fine = efficiency(arguments.runs, rng)
    fine &= error_rates(arguments.runs, rng)
    if arguments.epilepsy is not None:
        print("Epilepsy: 59 people, seizures per week, 8 weeks each")
        epilepsy(arguments.epilepsy)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
