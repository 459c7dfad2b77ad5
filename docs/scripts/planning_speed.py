"""Prints how fast plans are tried out, and what the bias-adjusted estimate takes off.

    python docs/scripts/planning_speed.py [--runs 10000] [--trials 200] [--seed 1]

A two-arm binary plan of 1,000 people: `planning.simulate` with its import (target: under 5 s on one core); looks at simulated
streams a second with all three claims (target: 10 million); exact endings; Whitehead's estimate (target: under .5 s) and
its mean beside the plain one's over trials that stop at their first claim. Exit code 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import sys
import time

BEGAN = time.perf_counter()

import json  # noqa: E402 - imports are part of what is timed

import numpy as np  # noqa: E402

from flows.template import TEMPLATE  # noqa: E402
from trials import planning  # noqa: E402
from trials.protocol import from_content, from_yaml  # noqa: E402
from trials.sequential import Design  # noqa: E402
from trials.sequential.operating import exact, streams  # noqa: E402
from trials.sequential.operating.adjusted import bias_adjusted  # noqa: E402

PLAN = Design(n_t=1, n_c=1, baseline=0.30, worthwhile=0.08, alpha=0.05, beta=0.10, spread=0.21, most=2_000)


def seconds(what: str, began: float, target: float) -> bool:
    took = time.perf_counter() - began
    print(f"{what:<78}{took:>8.2f} s   (target {target:g} s){'' if took < target else '  MISSED'}")
    return took >= target


def plan(runs: int) -> bool:
    """Whether the whole answer for 1,000 people took too long, the imports included."""
    body = json.loads(from_yaml(TEMPLATE).canonical())
    body["primary"] |= {"baseline": 0.30, "worthwhile": 0.08, "better": "lower"}
    body["monitoring"]["max_participants"] = 1_000
    planning.simulate(from_content(body), runs)
    return seconds("two-arm binary plan, 1,000 people, five truths and the smallest effect, with import", BEGAN, 5)


def looks(runs: int, rng: np.random.Generator) -> bool:
    began = time.perf_counter()
    streams.simulate(PLAN, control=0.30, treated=0.22, participants=2_000, runs=runs, rng=rng)
    rate = runs * 1_000 / (time.perf_counter() - began) / 1e6
    print(f"{runs:,} streams x 1,000 looks, three claims: {rate:.1f} million looks a second (target 10)")
    return rate < 10


def endings() -> bool:
    began = time.perf_counter()
    found = exact.endings(PLAN, control=0.30, treated=0.20, participants=2_000)
    late = seconds("exact endings of 2,000 people", began, 1)
    print(f"  .20 against .30: promoted {found.chance('benefit'):.4f}, dropped {found.chance('dud'):.4f}, mean")
    print(
        f"  participants {found.participants:.1f}, mean of the plain estimate at the end {found.estimate:.4f} (truth .10)"
    )
    return late


def stopped(rng: np.random.Generator) -> tuple[float, float]:
    """The plain estimate and the controls' share where one trial ends."""
    frontiers = {claim: exact.kept(PLAN, claim) for claim in ("benefit", "dud", "harm")}
    control, treated = rng.random(1_000) < 0.30, rng.random(1_000) < 0.20
    ups, downs = np.cumsum(control & ~treated), np.cumsum(treated & ~control)
    n = 0
    for n, (up, down) in enumerate(zip(ups, downs, strict=True), start=1):
        benefit = up >= frontiers["benefit"].at(n, down, down)[0]
        if benefit or any(down >= frontiers[claim].at(n, up, up)[0] for claim in ("dud", "harm")):
            break
    return float(ups[n - 1] - downs[n - 1]) / n, float(control[:n].mean())


def adjusted(trials: int, rng: np.random.Generator) -> bool:
    ends = [stopped(rng) for _ in range(trials)]
    began = time.perf_counter()
    found = [bias_adjusted(PLAN, estimate=estimate, control=control) or 0.0 for estimate, control in ends]
    each = (time.perf_counter() - began) / trials
    plain = [estimate for estimate, _ in ends]
    for name, values in (("plain", plain), ("adjusted", found)):
        print(
            f"  {name:<9} estimate at the end of {trials} trials: mean {np.mean(values):.4f} "
            f"± {np.std(values) / np.sqrt(trials):.4f} (truth .10)"
        )
    print(f"  {each:.2f} s an adjusted estimate (target .5)")
    return each > 0.5 or abs(np.mean(found) - 0.10) > abs(np.mean(plain) - 0.10)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.Generator(np.random.PCG64(options.seed))
    missed = [plan(options.runs), looks(options.runs, rng), endings(), adjusted(options.trials, rng)]
    return 1 if any(missed) else 0


if __name__ == "__main__":
    sys.exit(main())
