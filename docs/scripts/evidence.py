"""Prints what every method needs until the right stop, and how often it errs, on the same simulated trials.

    python docs/scripts/evidence.py [--runs 5000] [--seed 1] [--only headline others designs] [--peers]

Headline: alpha .05 one-sided, beta .10, worthwhile .08 on a base rate of .30, at most 2,000 participants, a look after every
pair unless a row says otherwise. Floor = log(1/error)/KL to the nearest null: what no method that goes on until its claim
fires, and errs no more than this, goes below on average (Wald, 1947). The ratio to it is what to compare. Trials end at 2,000
participants and then count as 2,000, fired or not, so a ratio can be a little below 1 where many do not fire in time.

Every method sees the same trials; "exact" is dynamic programming, no simulation. --peers adds the packages that are installed
and says which are not: `pip install 'roadtest[peers]'`, into an environment of its own, as they hold pandas below 3. "-" means
that a package has no such claim. Type I error is judged by the exact 99.9 % binomial quantile of .05.
Exit code 1 when one of our methods is above its limit or over 3 % (and three standard errors) above its target, or when on the
same trials a method of others that keeps its error needs fewer people than the pair mixture by over three standard errors.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, field

import count_evidence
import design_evidence
import numpy as np
import one_arm_evidence
import time_evidence
from peers import ERRORS, MARGINS, MOST, PLAN, WITHOUT_ROW, Rival, Streams, draw, installed
from peers.roadtest import rivals
from scipy.optimize import minimize_scalar
from scipy.stats import binom

from trials.sequential.operating import count_streams, exact, streams_bounded, time_streams
from trials.sequential.operating.streams import NEVER

CONTROL = 0.30
# (claim, the treated's chance): participants that the design's specification measured for the pair mixture.
TARGETS = {("benefit", 0.20): 502, ("dud", 0.30): 616, ("dud", 0.36): 241}
PARTS = ("headline", "others", "designs")
OURS = "pair mixture (binary-mixture)"
ALLOWED = 1.03


@dataclass
class Report:
    """What was outside its limit."""

    bad: list[str] = field(default_factory=list)

    def check(self, what: str, share: float, runs: int, limit: float) -> str:
        above = share * runs > binom.isf(0.001, runs, limit)
        if above:
            self.bad.append(what)
        return "ABOVE" if above else ""


def divergence(p: float, q: float) -> float:
    """KL of one binary outcome from another."""
    return float(p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)))


def floor(claim: str, control: float, treated: float, n_t: int = 1, n_c: int = 1) -> float:
    """log(1/error)/KL in participants, allocated n_t : n_c; the null is the nearest with the claim's margin."""
    margin = MARGINS[claim]
    nearest = minimize_scalar(
        lambda null: n_c * divergence(control, null) + n_t * divergence(treated, null - margin),
        bounds=(margin + 1e-9, 1 - 1e-9),
        method="bounded",
        options={"xatol": 1e-10},
    )
    return float(-np.log(ERRORS[claim]) * (n_t + n_c) / nearest.fun)


def shown(mean: float, error: float, least: float) -> str:
    return f"{mean:>8.1f} ±{error:>5.1f}{mean / least:>7.3f}"


def judged(rival: Rival, trials: dict[float, Streams], report: Report) -> str:
    """One row: type I error, participants and ratios to the floor, P(drop worthwhile)."""
    runs = min(len(trials[CONTROL].control), rival.most_runs or MOST**2)
    share = float(np.mean(rival.judge(trials[CONTROL].head(runs), "benefit") != NEVER))
    checked = report.check(rival.name, share, runs, PLAN.alpha) if rival.guarded else "no limit kept"
    cells = [f"{share:>8.4f}"]
    for claim, treated in TARGETS:
        if claim not in rival.claims or not rival.guarded:
            cells.append(f"{'-':>22}")
            continue
        found = rival.judge(trials[treated].head(runs), claim)
        people = np.where(found == NEVER, rival.full, found)
        cells.append(shown(people.mean(), people.std() / np.sqrt(runs), floor(claim, CONTROL, treated)))
    dropped = "dud" in rival.claims and float(np.mean(rival.judge(trials[0.22].head(runs), "dud") != NEVER))
    cells.append(f"{dropped:>8.4f}" if "dud" in rival.claims else f"{'-':>8}")
    return f"{rival.name:<58}{''.join(cells)}{runs:>7}  {rival.note} {checked}".rstrip()


def stops(rival: Rival, trials: dict[float, Streams], claim: str, treated: float, runs: int) -> np.ndarray:
    found = rival.judge(trials[treated].head(runs), claim)
    return np.where(found == NEVER, rival.full, found)


def beaten(ours: Rival, rival: Rival, trials: dict[float, Streams]) -> list[str]:
    """The claims for which a rival needs fewer people on the same trials, by over three standard errors of the difference."""
    runs = min(len(trials[CONTROL].control), rival.most_runs or MOST**2)
    found = []
    for claim, treated in TARGETS:
        if claim in rival.claims:
            more = stops(ours, trials, claim, treated, runs) - stops(rival, trials, claim, treated, runs)
            if more.mean() > 3 * more.std() / np.sqrt(runs):
                found.append(f"{rival.name} needs {more.mean():.1f} fewer people for {claim} at {treated:.2f}")
    return found


def exact_row(report: Report) -> str:
    """The pair mixture without simulation; its errors must keep their limits and its means their targets."""
    chance = {
        (claim, treated): exact.pairs(PLAN, claim, control=CONTROL, treated=treated, participants=MOST)
        for claim, treated in (("benefit", CONTROL), ("dud", 0.22), *TARGETS)
    }
    cells = [f"{chance['benefit', CONTROL].chance:>8.4f}"]
    for (claim, treated), target in TARGETS.items():
        mean = chance[claim, treated].participants
        cells.append(shown(mean, 0.0, floor(claim, CONTROL, treated)))
        if mean > ALLOWED * target:
            report.bad.append(f"pair mixture, {claim} at {treated:.2f}")
    cells.append(f"{chance['dud', 0.22].chance:>8.4f}")
    if chance["benefit", CONTROL].chance > PLAN.alpha or chance["dud", 0.22].chance > PLAN.beta:
        report.bad.append("pair mixture, exact error")
    return f"{'pair mixture, exact':<58}{''.join(cells)}{'all':>7}  no simulation"


def headline(runs: int, seed: int, peers: bool, report: Report) -> None:
    floors = "   ".join(f"{claim} at {treated:.2f}: {floor(claim, CONTROL, treated):.1f}" for claim, treated in TARGETS)
    print(f"Two arms, pairs of binary outcomes. Floors: {floors}")
    heads = ("promoted .30 -> .20", "no effect dropped", ".36 dropped")
    print(f"{'':<58}{'type I':>8}" + "".join(f"{head:>22}" for head in heads) + f"{'drop':>8}{'runs':>7}")
    print(f"{'':<58}{'':>8}" + f"{'people   ± SE  ratio':>22}" * 3 + f"{'good':>8}")
    trials = {treated: draw(CONTROL, treated, runs, seed) for treated in (0.20, 0.22, 0.30, 0.36)}
    print(exact_row(report))
    for rival in rivals():
        print(judged(rival, trials, report), flush=True)
    found, absent = installed() if peers else ([], WITHOUT_ROW)
    not_ours = Report()  # what others' methods do is shown, not judged
    for rival in found:
        print(judged(rival, trials, not_ours), flush=True)
    ours = next(rival for rival in rivals() if rival.name == OURS)
    for rival in [*rivals(), *found]:
        if rival.name != OURS and rival.guarded and rival.name not in not_ours.bad:
            report.bad.extend(beaten(ours, rival, trials))
    for package, why in absent.items():
        print(f"{package:<58}{'-':>8}" + f"{'-':>22}" * 3 + f"{'-':>8}{'-':>7}  {why}")
    if not peers:
        print("Other packages: run again with --peers.")


def simulated(what: str, found: np.ndarray, least: float, target: float, report: Report, unit: str = "people") -> None:
    """One row, judged against its target, or its floor where the target lies below that."""
    mean, error = float(found.mean()), float(found.std() / np.sqrt(found.size))
    if mean > ALLOWED * max(target, least) + 3 * error:
        report.bad.append(what)
    print(f"{what:<58}{shown(mean, error, least)}  floor {least:.1f}, target {target:g} {unit}", flush=True)


def others(runs: int, rng: np.random.Generator, report: Report) -> None:
    """Ratios to the floor of the other kinds of outcome and designs, by their own scripts' plans and floors."""
    print(f"\n{'Other outcomes and designs':<58}{'people':>8}{'± SE':>7}{'ratio':>7}")
    alone = one_arm_evidence.BINARY
    for claim, truth, target in (("benefit", 0.20, 131), ("dud", 0.30, 149)):
        mean = exact.ever(alone, claim, control=alone.baseline, treated=truth, participants=MOST).participants
        least = float(-np.log(ERRORS[claim]) / exact.growth(alone, claim, truth))
        what = f"one arm, binary (exact): {claim} at {truth:.2f}"
        print(f"{what:<58}{shown(mean, 0.0, least)}  floor {least:.1f}, target {target} people")
        if mean > ALLOWED * target:
            report.bad.append(f"one arm, {claim}")
    scores, control = one_arm_evidence.SCORES, one_arm_evidence.beta_losses(0.50, one_arm_evidence.VARIANCE)
    for claim, mean_loss, target in (("benefit", 0.45, 435), ("dud", 0.50, 506)):
        treated = one_arm_evidence.beta_losses(mean_loss, one_arm_evidence.VARIANCE)
        least = one_arm_evidence.pair_floor(scores, claim, (control, 0.50), (treated, mean_loss))
        found = streams_bounded.simulate(
            scores, control=control, treated=treated, participants=MOST, runs=runs, rng=rng
        )
        simulated(f"pairs of scores in [0, 1]: {claim} at {mean_loss:.2f}", found.first(claim), least, target, report)
    counts = count_evidence.PLAN
    for claim, rate, margin, target in (("benefit", 0.775, 0.0, 460), ("dud", 1.0, counts.worthwhile, 502)):
        counted = count_streams.simulate(counts, control=1.0, treated=rate, participants=MOST, runs=runs, rng=rng)
        least = count_evidence.floor(1.0, rate, margin, ERRORS[claim])
        simulated(f"pairs of Poisson counts: {claim} at {rate:g}", counted.first(claim), least, target, report)
    for claim, ratio, target in (("benefit", 0.70, 203), ("dud", 1.00, 214)):
        timed = time_streams.simulated(time_evidence.PLAN, hazard_ratio=ratio, participants=MOST, runs=runs, rng=rng)
        least = time_evidence.floor(claim, ratio)
        simulated(
            f"logrank by entry cohort: {claim} at hazard ratio {ratio:.2f}",
            timed.events[claim],
            least,
            target,
            report,
            "events",
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--peers", action="store_true")
    options = parser.parse_args()
    report, began = Report(), time.process_time()
    rng = np.random.Generator(np.random.PCG64(options.seed))
    print(f"{options.runs} runs, seed {options.seed}, at most {MOST} participants, a look after every pair\n")
    if "headline" in options.only:
        headline(options.runs, options.seed, options.peers, report)
    if "others" in options.only:
        others(options.runs, rng, report)
    if "designs" in options.only:
        report.bad.extend(design_evidence.show(options.runs, rng, floor))
    verdict = f"outside: {'; '.join(report.bad)}" if report.bad else "all within limits"
    print(f"\n{time.process_time() - began:.0f} s of CPU; {verdict}")
    return 1 if report.bad else 0


if __name__ == "__main__":
    sys.exit(main())
