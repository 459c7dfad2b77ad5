"""Prints the error rates and expected participants of one arm against a benchmark, and of methods for values in [0, 1].

    python docs/scripts/one_arm_evidence.py [--runs 5000] [--seed 1]

Everybody peeks after every participant or pair; alpha .05, beta .10, at most 2,000 participants. "exact" is dynamic
programming over counts (trials.sequential.operating.exact); the rest is simulated by the methods' own formulas
(trials.sequential.operating.streams_bounded). The floor is log(1/error) over the fastest growth that any bet has.
Exit code 1 when an exact error rate is above its limit, a simulated one above the exact 99.9 % binomial quantile of its
limit, or expected participants are over 5 % off their target. What is shown as a warning, by another method, counts not.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import binom

from trials.sequential import Design, one_arm_count
from trials.sequential.bets import sides
from trials.sequential.one_arm_binary import null_share
from trials.sequential.operating import exact, streams_bounded
from trials.sequential.operating.streams_bounded import Draw, beta_losses, binary_losses
from trials.sequential.peers.uniform_bounds import best_rho

MOST = 2_000
BINARY = Design(1, 0, 0.30, 0.08, 0.05, 0.10, 0.21)
PAIRS = replace(BINARY, n_c=1, most=MOST)
# Scores that vary like beta(2.5, 2.5), worthwhile .04: their floors are the specification's 399 and 480 for two arms.
VARIANCE = 0.25 / 6
SCORES = Design(1, 1, 0.50, 0.04, 0.05, 0.10, VARIANCE, values="bounded")
SCORE = replace(SCORES, n_c=0)
SKEWED = Design(1, 0, 0.06, 0.02, 0.05, 0.10, 0.01, values="bounded")
COUNT = Design(1, 0, 2.0, 0.5, 0.05, 0.10, 1.0, values="count", cap=12.0)


@dataclass(frozen=True)
class Report:
    """Prints lines and remembers whether one was outside its limit."""

    runs: int
    bad: list[str]

    def rate(self, what: str, share: float, limit: float, *, exact: bool = False, judged: bool = True) -> None:
        top = limit if exact else float(binom.isf(0.001, self.runs, limit)) / self.runs
        above = share > top and judged
        self.bad.extend([what] if above else [])
        note = "exact" if exact else f"{self.runs} runs, quantile {top:.4f}"
        print(f"{what:<84}{share:>8.4f}{limit:>6.2f}  {note}{'  ABOVE' if above else ''}")

    def people(self, what: str, mean: float, error: float, floor: float, target: float | None = None) -> None:
        off = target is not None and mean - 3 * error > 1.05 * target
        self.bad.extend([what] if off else [])
        shown = "" if target is None else f"{target:.0f}"
        print(f"{what:<66}{mean:>8.1f}{error:>7.1f}{floor:>8.1f}{mean / floor:>7.3f}{shown:>8}{'  OFF' if off else ''}")


def one_arm_floor(design: Design, claim: str, draw: Draw, mean: float) -> float:
    """log(1/error) / max over λ of E log(1 + λ(q − y)): what nobody who knows only the bounds can go below.

    mean: that of the losses drawn, as the sample is shifted to it (which takes most of the noise out).
    """
    side = sides(design)[claim]
    edge = null_share(design, side, side.margin)
    losses = draw(np.random.default_rng(0), (400_000,))
    losses = losses + (mean - losses.mean())
    return _floor(edge - (1 - losses if side.swapped else losses), 0.999 / (1 - edge), side.error)


def pair_floor(design: Design, claim: str, control: tuple[Draw, float], treated: tuple[Draw, float]) -> float:
    """The same for pairs, in participants: max over λ of E log(1 + λ(D − m)). Each arm: what it draws, and its mean."""
    side, rng = sides(design)[claim], np.random.default_rng(0)
    difference = control[0](rng, (400_000,)) - treated[0](rng, (400_000,))
    difference = difference + (control[1] - treated[1] - difference.mean())
    gain = (-difference if side.swapped else difference) - side.margin
    return 2 * _floor(gain, 0.999 / (1 + side.margin), side.error)


def _floor(gain: np.ndarray, limit: float, error: float) -> float:
    def loss(stake: float) -> float:
        return -float(np.log(np.maximum(1 + stake * gain, 1e-12)).mean())

    return float(np.log(1 / error) / -minimize_scalar(loss, bounds=(0.0, limit), method="bounded").fun)


def binary(report: Report) -> None:
    for share, star in ((0.05, 0.02), (0.30, 0.08), (0.50, 0.10), (0.90, 0.05)):
        design = replace(BINARY, baseline=share, worthwhile=star)
        for claim, truth, limit in (("benefit", share, 0.05), ("harm", share, 0.05), ("dud", share - star, 0.10)):
            chance = exact.ever(design, claim, control=share, treated=truth, participants=MOST).chance
            report.rate(
                f"one arm, binary: {claim}, benchmark {share:.2f}, truth {truth:.2f}", chance, limit, exact=True
            )


def binary_people(report: Report) -> None:
    targets = (("benefit", 0.20, 131), ("benefit", 0.22, None), ("dud", 0.30, 149), ("dud", 0.36, None))
    for claim, truth, target in targets:
        mean = exact.ever(BINARY, claim, control=BINARY.baseline, treated=truth, participants=MOST).participants
        error = BINARY.beta if claim == "dud" else BINARY.alpha
        floor = -np.log(error) / exact.growth(BINARY, claim, truth)
        report.people(f"one arm, binary (exact): {claim}, benchmark .30, truth {truth:.2f}", mean, 0.0, floor, target)
    for truth in (0.30, 0.22, 0.20, 0.38):
        ending = exact.endings(BINARY, control=BINARY.baseline, treated=truth, participants=MOST)
        shares = ", ".join(f"{name} first {ending.chance(name):.4f}" for name in ("harm", "dud", "benefit"))
        print(f"    truth {truth:.2f}, one trial with all claims: {shares}; {ending.participants:.1f} people")


def capped_lognormal(mean: float) -> Draw:
    """A third zeros, else lognormal, capped: a tail as amounts have, with this mean."""

    def shaped(scale: float, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return np.where(rng.random(shape) < 1 / 3, 0.0, np.minimum(scale * rng.lognormal(0.0, 1.2, shape), 1.0))

    pool = shaped(1.0, np.random.default_rng(11), (1_000_000,))  # only to find the scale
    low, high = 1e-4, 10.0
    for _ in range(60):
        middle = np.sqrt(low * high)
        pool = shaped(middle, np.random.default_rng(11), (1_000_000,))
        low, high = (middle, high) if pool.mean() < mean else (low, middle)
    return lambda rng, shape: shaped(low, rng, shape)


def capped_rates(rate: float, dispersion: float) -> Draw:
    """Counts over exposures of .5 to 1.5, negative binomial with variance μ + dispersion·μ², as losses of COUNT."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        exposure = rng.uniform(0.5, 1.5, shape)
        people = rng.gamma(1 / dispersion, dispersion, shape) if dispersion > 0 else 1.0
        return np.minimum(rng.poisson(rate * exposure * people) / exposure / COUNT.cap, 1.0)

    return draw


def centred(draw: Draw, design: Design, effect: float = 0.0) -> Design:
    """The design whose benchmark makes these losses have exactly this effect: capping shifts a mean a little."""
    mean = float(draw(np.random.default_rng(1), (4_000_000,)).mean())
    return replace(design, baseline=mean + effect)


def bounded(report: Report, rng: np.random.Generator) -> None:
    count = one_arm_count.scaled(COUNT)
    truths: list[tuple[str, Design, Draw]] = [
        ("score, beta", SCORE, beta_losses(0.50, VARIANCE)),
        ("amount, capped lognormal with zeros", SKEWED, capped_lognormal(0.06)),
        ("amount, 3 % lose all", replace(SKEWED, baseline=0.03), binary_losses(0.03)),
        ("count, Poisson", count, capped_rates(2.0, 0.0)),
        ("count, negative binomial k = 1", count, capped_rates(2.0, 1.0)),
        ("count, negative binomial k = 1/3", count, capped_rates(2.0, 3.0)),
    ]
    for name, plan, draw in truths:
        for claim, effect, limit in (("benefit", 0.0, 0.05), ("harm", 0.0, 0.05), ("dud", plan.worthwhile, 0.10)):
            design = centred(draw, plan, effect)
            found = streams_bounded.simulate_one_arm(
                design, treated=draw, participants=1_000, runs=report.runs, rng=rng
            )
            report.rate(f"one arm, {name}: {claim}", found.share(claim), limit)


def poisson_warning(report: Report, rng: np.random.Generator) -> None:
    """Mixture of Poisson likelihood ratios of rates against the benchmark, for counts with exposure 1."""
    looks = np.arange(1, 501)
    for name, dispersion in (("Poisson", 0.0), ("negative binomial k = 1", 1.0)):
        rates = 2.0 * rng.gamma(1 / dispersion, dispersion, (report.runs, 500)) if dispersion else 2.0
        events = np.cumsum(rng.poisson(rates, (report.runs, 500)), axis=1)
        log_e = -np.inf
        for truth, weight in zip((0.5, 1.0, 1.5, 2.0, 3.0), (0.1, 0.4, 0.25, 0.15, 0.1), strict=True):
            rate = 2.0 - 0.5 * truth
            log_e = np.logaddexp(log_e, np.log(weight) + events * np.log(rate / 2.0) - looks * (rate - 2.0))
        share = float((log_e >= np.log(20)).any(axis=1).mean())
        report.rate(f"    warning: Poisson likelihood ratios on {name} counts: benefit", share, 0.05, judged=False)


def bounded_people(report: Report, rng: np.random.Generator) -> None:
    count = one_arm_count.scaled(COUNT)
    poisson, wide = capped_rates(2.0, 0.0), capped_rates(2.0, 1.0)
    flat, dispersed = centred(poisson, count), centred(wide, count)
    cases: list[tuple[str, Design, str, Draw, float]] = [
        ("score, beta: benefit of .05", SCORE, "benefit", beta_losses(0.45, VARIANCE), 0.45),
        ("score, beta: no effect dropped", SCORE, "dud", beta_losses(0.50, VARIANCE), 0.50),
        ("count, Poisson: 2.0 -> 1.4", count, "benefit", capped_rates(1.4, 0.0), 1.4 / 12),
        ("count, Poisson: no effect dropped", flat, "dud", poisson, flat.baseline),
        ("count, negative binomial k = 1: no effect dropped", dispersed, "dud", wide, dispersed.baseline),
    ]
    for name, design, claim, draw, mean in cases:
        found = streams_bounded.simulate_one_arm(design, treated=draw, participants=MOST, runs=report.runs, rng=rng)
        stops = found.first(claim)
        error = float(stops.std() / np.sqrt(report.runs))
        report.people(f"one arm, {name}", float(stops.mean()), error, one_arm_floor(design, claim, draw, mean))


def two_arms(report: Report, rng: np.random.Generator) -> None:
    control = beta_losses(0.50, VARIANCE)
    for claim, mean, target in (
        ("benefit", 0.45, 435),
        ("benefit", 0.46, None),
        ("dud", 0.50, 506),
        ("dud", 0.53, None),
    ):
        treated = beta_losses(mean, VARIANCE)
        found = streams_bounded.simulate(
            SCORES, control=control, treated=treated, participants=MOST, runs=report.runs, rng=rng
        )
        stops = found.first(claim)
        error = float(stops.std() / np.sqrt(report.runs))
        floor = pair_floor(SCORES, claim, (control, 0.50), (treated, mean))
        report.people(f"pairs of scores: {claim}, .50 against {mean:.2f}", float(stops.mean()), error, floor, target)


def normal_rates(report: Report, rng: np.random.Generator) -> None:
    rare = replace(PAIRS, baseline=0.03, worthwhile=0.02, spread=0.0291)
    skewed = replace(SKEWED, n_c=1, most=MOST)
    truths: list[tuple[str, Design, Draw, Draw, str, float, bool]] = [
        ("binary .30", PAIRS, binary_losses(0.30), binary_losses(0.30), "benefit", 0.05, True),
        ("binary .30", PAIRS, binary_losses(0.30), binary_losses(0.22), "dud", 0.10, True),
        ("binary .03, rare", rare, binary_losses(0.03), binary_losses(0.03), "benefit", 0.05, True),
        ("binary .03, rare", rare, binary_losses(0.03), binary_losses(0.01), "dud", 0.10, True),
        ("scores, beta", SCORES, beta_losses(0.5, VARIANCE), beta_losses(0.46, VARIANCE), "dud", 0.10, True),
        ("capped lognormal", skewed, capped_lognormal(0.06), capped_lognormal(0.06), "benefit", 0.05, True),
    ]
    for name, design, control, treated, claim, limit, judged in truths:
        found = streams_bounded.simulate_normal(
            design, control=control, treated=treated, participants=MOST, runs=report.runs, rng=rng
        )
        report.rate(f"normal mixture, pairs, {name}: {claim}", found.share(claim), limit, judged=judged)


def normal_warning(report: Report, rng: np.random.Generator) -> None:
    """The same formula on one arm's distances from its true mean, with the plan's variance weighing nothing, 5 and 50."""
    n = np.arange(1, 1_001)
    for name, draw in (("capped lognormal", capped_lognormal(0.06)), ("binary .03", binary_losses(0.03))):
        pool = draw(np.random.default_rng(1), (1_000_000,))
        sums = np.cumsum(pool.mean() - draw(rng, (1_000, 1_000)), axis=1)
        values = np.diff(sums, axis=1, prepend=0.0)
        seen = np.cumsum(values**2, axis=1) - sums**2 / n
        for weight in (0, 5, 50):
            sigma = np.sqrt(np.maximum((weight * pool.var() + seen) / (weight + n), 1e-12))
            logs = streams_bounded.normal_logs(sums / sigma, n, best_rho(200.0, 0.05, one_sided=True))
            share = float((logs[:, 9:] >= np.log(20)).any(axis=1).mean())
            what = f"    warning: normal mixture on one arm, {name}, prior weight {weight}: benefit"
            report.rate(what, share, 0.05, judged=False)


def normal_people(report: Report, rng: np.random.Generator) -> None:
    control = binary_losses(0.30)
    for claim, share, target, floor in (("benefit", 0.20, 547, 447), ("dud", 0.30, 700, 604), ("dud", 0.36, 278, 208)):
        treated = binary_losses(share)
        found = streams_bounded.simulate_normal(
            PAIRS, control=control, treated=treated, participants=MOST, runs=report.runs, rng=rng
        )
        stops = found.first(claim)
        error = float(stops.std() / np.sqrt(report.runs))
        what = f"normal mixture, pairs: {claim}, .30 against {share:.2f}"
        report.people(what, float(stops.mean()), error, floor, target)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.Generator(np.random.PCG64(options.seed))
    report, began = Report(options.runs, []), time.process_time()
    print(f"{'error rate, at the edge of the null hypothesis':<84}{'chance':>8}{'limit':>6}")
    binary(report)
    bounded(report, rng)
    poisson_warning(report, rng)
    normal_rates(report, rng)
    normal_warning(report, rng)
    print(f"\n{'expected participants':<66}{'mean':>8}{'± SE':>7}{'floor':>8}{'ratio':>7}{'target':>8}")
    binary_people(report)
    bounded_people(report, rng)
    two_arms(report, rng)
    normal_people(report, rng)
    outcome = f"outside: {'; '.join(report.bad)}" if report.bad else "all within limits"
    print(f"\n{time.process_time() - began:.0f} s of CPU; {outcome}")
    return 1 if report.bad else 0


if __name__ == "__main__":
    sys.exit(main())
