"""Prints the error rates and expected events of the methods for times to an event, beside their floors and their peers.

    python docs/scripts/time_evidence.py [--runs 5000] [--seed 1]

alpha .05, beta .10, smallest effect worth having: hazard ratio .75; 30 % of the controls have an event by the end of
follow-up. Two arms: entry cohorts of 20, a look after each event. One arm: a look after each participant. Floor per event:
log(1/error)/KL of the two chances that the event is a treated person's, with as many treated as controls at risk.
Exit code 1 when an error rate is above the 99.9 % quantile of its limit, or expected events are over
10 % above their floor.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy.stats import binom, norm

from trials.sequential import logrank_mixture
from trials.sequential.bets import Side, log_mixture
from trials.sequential.design import BENEFIT_TRUTHS, BENEFIT_WEIGHTS, DUD_TRUTHS, DUD_WEIGHTS, Design, Unit
from trials.sequential.operating import time_streams
from trials.sequential.times import hazards

STAR = -math.log(0.75)
PLAN = Design(1, 1, 0.30, STAR, 0.05, 0.10, 1.0, values="time", cohort=20)
ALONE = replace(PLAN, n_c=0)
MOST = 2_000
# (claim, true hazard ratio): events that the design's specification measured at 5,000 runs, and its floor.
TARGETS = {("benefit", 0.70): (203, 191), ("dud", 1.00): (214, 223)}
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


def treated_share(effect: float) -> float:
    """Chance that an event is a treated person's, with as many treated as controls at risk: θ/(1 + θ)."""
    return 1 / (1 + math.exp(effect))


def floor(claim: str, hazard_ratio: float) -> float:
    """log(1/error)/KL in events."""
    null, error = (STAR, PLAN.beta) if claim == "dud" else (0.0, PLAN.alpha)
    q, p = treated_share(-math.log(hazard_ratio)), treated_share(null)
    return -math.log(error) / (q * math.log(q / p) + (1 - q) * math.log((1 - q) / (1 - p)))


def balanced(
    side: Side, truths: tuple[float, ...], weights: tuple[float, ...], effect: float, most: int
) -> tuple[float, float]:
    """(chance, mean events until it fires, at most `most`) with as many treated as controls always at risk. Exact.

    truths: effects bet on; the state is the number of treated among the events (dynamic programming, as in `exact.py`).
    """
    sign = -1 if side.swapped else 1
    p = treated_share(sign * side.margin / hazards.STEPS * STAR)
    q = np.array([treated_share(truth) for truth in truths])[:, None]
    up, down, start = np.log(q / p), np.log((1 - q) / (1 - p)), np.log(np.array(weights))[:, None]
    alive, chance, mean, share = np.ones(1), 0.0, 0.0, treated_share(effect)
    for events in range(1, most + 1):
        mean += float(alive.sum())
        alive = np.append(alive * (1 - share), 0.0) + np.append(0.0, alive * share)
        treated = np.arange(events + 1)
        logs = start + up * treated + down * (events - treated)
        fires = np.logaddexp.reduce(logs, axis=0) >= -math.log(side.error)
        chance += float(alive[fires].sum())
        alive[fires] = 0.0
    return chance, mean


def own_bets(claim: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    side = hazards.sides(PLAN)[claim]
    sign = -1 if side.swapped else 1
    return tuple(sign * (side.margin + away) / hazards.STEPS * STAR for away in side.distances), side.weights


def share_bets(claim: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The bets that shares of people get (docs/statistics.md, "Defaults")."""
    found = (DUD_TRUTHS, DUD_WEIGHTS) if claim == "dud" else (BENEFIT_TRUTHS, BENEFIT_WEIGHTS)
    return tuple(STAR * truth for truth in found[0]), found[1]


def fixed_events() -> int:
    """Events of a fixed-size logrank test with the same errors (Schoenfeld, 1981, Biometrika 68: 4 (z_α + z_β)²/δ*²)."""
    return math.ceil(4 * float(norm.isf(PLAN.alpha) + norm.isf(PLAN.beta)) ** 2 / STAR**2)


def tied(runs: int, rng: np.random.Generator) -> dict[str, int]:
    """Trials of 400 in whole weeks of a year, 5 % missing, blocks of 2:3, judged by the method itself: how many claims fire."""
    design = replace(PLAN, n_t=2, n_c=3, most=400)
    fired = {"benefit": 0, "harm": 0}
    for _ in range(runs):
        times = 52 * rng.standard_exponential(400) / -math.log(0.7)
        arms, missing = rng.random(400) < 0.4, rng.random(400) < 0.05
        units = tuple(
            Unit(
                "",
                "t" if arms[i] else "c",
                None if missing[i] else float(math.ceil(min(times[i], 52))),
                float(times[i] <= 52),
            )
            for i in range(400)
        )
        claims = logrank_mixture.read(design, logrank_mixture.step(design, logrank_mixture.start(design), units)).claims
        for claim in fired:
            fired[claim] += claims[claim].fired
    return fired


def error_rates(runs: int, rng: np.random.Generator) -> Iterator[tuple[str, float, float, int]]:
    """(what, share, limit, runs): each claim at the edge of its null hypothesis."""
    for claim, ratio in (("benefit", 1.0), ("harm", 1.0), ("dud", 0.75)):
        limit = PLAN.beta if claim == "dud" else PLAN.alpha
        for n_t, n_c in ((1, 1), (1, 2)):
            design = replace(PLAN, n_t=n_t, n_c=n_c)
            found = time_streams.simulate(design, hazard_ratio=ratio, participants=MOST, runs=runs, rng=rng)
            yield f"two arms {n_t}:{n_c}: {claim} fires at hazard ratio {ratio:.2f}", found.share(claim), limit, runs
        alone = time_streams.simulate_one_arm(ALONE, hazard_ratio=ratio, participants=600, runs=runs, rng=rng)
        yield f"one arm: {claim} fires at hazard ratio {ratio:.2f}", alone.share(claim), limit, runs
    few = max(runs // 5, 100)
    for claim, count in tied(few, rng).items():
        yield f"two arms 2:3, whole weeks, 5 % missing: {claim} fires at 1.00", count / few, PLAN.alpha, few


def naive_type_one(runs: int, rng: np.random.Generator) -> float:
    """Share of trials of 600 without an effect in which a one-sided logrank test at .05, after each cohort from the third
    on, ever calls a benefit. By cohort, so that only the peeking is wrong.
    """
    size, score, variance, fired = PLAN.cohort, np.zeros(runs), np.zeros(runs), np.zeros(runs, dtype=bool)
    for number in range(1, 31):
        times = rng.standard_exponential((runs, size)) / -math.log(0.7)
        order = np.argsort(times, axis=1)
        treated = np.take_along_axis(rng.permuted(np.tile(np.arange(size) % 2 == 0, (runs, 1)), axis=1), order, axis=1)
        event = np.take_along_axis(times, order, axis=1) <= 1.0
        share = np.cumsum(treated[:, ::-1], axis=1)[:, ::-1] / np.arange(size, 0, -1)
        score += np.sum(event * (share - treated), axis=1)
        variance += np.sum(event * share * (1 - share), axis=1)
        fired |= (number > 2) & (score > norm.isf(0.05) * np.sqrt(variance))
    return float(fired.mean())


def staggered(runs: int, rng: np.random.Generator, people: int = 800) -> Iterator[tuple[np.ndarray, ...]]:
    """Nobody helped: people join over two years, at first mostly treated (.95), at last mostly controls (.05).

    Events are most frequent soon after entry (Weibull, shape .3; 60 % within the year of follow-up).
    """
    joined = 2 * np.arange(people) / people
    for _ in range(runs):
        treated = rng.random(people) < 0.95 - 0.45 * joined
        times = (rng.standard_exponential(people) / -math.log(0.4)) ** (1 / 0.3)
        yield joined, treated, np.minimum(times, 1.0), times <= 1.0


def calendar_log_e(joined: np.ndarray, treated: np.ndarray, times: np.ndarray, events: np.ndarray) -> float:
    """The highest log E for benefit with one risk set by calendar time: whoever has joined and is still followed up."""
    left, at = joined + times, np.sort((joined + times)[events])
    n = [np.sum((joined < at[:, None]) & (left >= at[:, None]) & arm, axis=1) for arm in (treated, ~treated)]
    mine = treated[events][np.argsort(left[events])]
    side = hazards.sides(PLAN)["benefit"]
    log_theta = -np.array(own_bets("benefit")[0])[:, None]
    logs = mine * log_theta - np.log((np.exp(log_theta) * n[0] + n[1]) / (n[0] + n[1]))
    return float(log_mixture(np.cumsum(logs, axis=1), side.weights).max())


def disaster(runs: int, rng: np.random.Generator) -> tuple[float, float]:
    """Share of trials without any effect that are promoted: (one risk set by calendar time, ours by entry cohort)."""
    trials = list(staggered(runs, rng))
    calendar = sum(calendar_log_e(*trial) >= -math.log(PLAN.alpha) for trial in trials)
    arrays = [np.array([trial[part] for trial in trials]) for part in (1, 2, 3)]
    cohorts: Iterator[Arrays] = (
        tuple(array[:, first : first + PLAN.cohort] for array in arrays)  # type: ignore[misc]
        for first in range(0, arrays[0].shape[1], PLAN.cohort)
    )
    return calendar / runs, time_streams.judged(PLAN, cohorts, runs).people.share("benefit")


def print_events(runs: int, rng: np.random.Generator) -> int:
    """Expected events until benefit and dud, beside floors and peers. Returns how many are over 10 % off the floor."""
    bad = 0
    head = ("floor", "target", "simulated", "± SE", "to floor", "fired", "exact", "share bets", "one bet", "fixed")
    print(f"\n{'expected events, at most 2,000 people':<40}" + "".join(f"{name:>11}" for name in head))
    for (claim, ratio), (target, _) in TARGETS.items():
        found = time_streams.simulated(PLAN, hazard_ratio=ratio, participants=MOST, runs=runs, rng=rng)
        events, least = found.events[claim], floor(claim, ratio)
        side, effect = hazards.sides(PLAN)[claim], -math.log(ratio)
        # As many events as a whole trial has; the exact figures are for risk sets that are always balanced.
        most = round(MOST / 2 * (0.3 + 1 - 0.7**ratio))
        exact, shares = (balanced(side, *chosen(claim), effect, most)[1] for chosen in (own_bets, share_bets))
        single = balanced(side, (0.0 if claim == "dud" else STAR,), (1.0,), effect, most)[1]
        bad += events.mean() > least * 1.10
        print(
            f"{f'{claim} at hazard ratio {ratio:.2f}':<40}{least:>11.0f}{target:>11}{events.mean():>11.1f}"
            f"{events.std() / math.sqrt(runs):>11.1f}{events.mean() / least:>11.3f}{found.people.share(claim):>11.3f}"
            f"{exact:>11.1f}{shares:>11.1f}{single:>11.1f}{fixed_events():>11}"
        )
    print(
        '"exact": balanced risk sets, own bets; "share bets": the weights that binary outcomes get; "one bet": a single truth.'
    )
    for cohort in (10, 20, 50, 200):
        design = replace(PLAN, cohort=cohort)
        means = [
            time_streams.simulated(design, hazard_ratio=ratio, participants=MOST, runs=max(runs // 2, 100), rng=rng)
            .events[claim]
            .mean()
            for claim, ratio in TARGETS
        ]
        print(f"  cohorts of {cohort:>3}: benefit {means[0]:.0f}, dud {means[1]:.0f} events")
    for claim, ratio in TARGETS:
        alone = time_streams.simulated_one_arm(ALONE, hazard_ratio=ratio, participants=800, runs=runs, rng=rng)
        null, error = (0.75, 0.10) if claim == "dud" else (1.0, 0.05)
        least = -math.log(error) / (math.log(ratio / null) - 1 + null / ratio)
        mean = alone.events[claim].mean()
        print(f"  one arm, {claim} at {ratio:.2f}: {mean:.1f} events, floor {least:.1f}, ratio {mean / least:.3f}")
    return bad


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng, began, bad = np.random.Generator(np.random.PCG64(options.seed)), time.process_time(), 0
    print(f"{options.runs} runs, seed {options.seed}, at most {MOST} people (one arm: 600)\n")
    print(f"{'error rate':<72}{'simulated':>10}{'limit':>7}  99.9 % quantile")
    for what, share, limit, runs in error_rates(options.runs, rng):
        quantile = binom.isf(0.001, runs, limit) / runs
        bad += share > quantile
        print(f"{what:<72}{share:>10.4f}{limit:>7.2f}  {quantile:.4f}{'  ABOVE' if share > quantile else ''}")
    naive = naive_type_one(options.runs, rng)
    print(f"{'for comparison: a logrank test repeated after every cohort, 600 people':<72}{naive:>10.4f}{0.05:>7.2f}")
    calendar, ours = disaster(options.runs, rng)
    bad += ours > binom.isf(0.001, options.runs, PLAN.alpha) / options.runs
    print("\nno effect, drifting allocation, hazard falling since entry, 800 people: share promoted")
    print(f"  one risk set by calendar time {calendar:.3f}, entry cohorts of 20 {ours:.4f}")
    bad += print_events(options.runs, rng)
    print(
        f"\n{time.process_time() - began:.1f} s of CPU; {'all within limits' if not bad else f'{bad} outside limits'}"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
