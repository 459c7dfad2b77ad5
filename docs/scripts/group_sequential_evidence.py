"""Prints the error rates of planned looks in small trials, where their normal approximation is at its weakest.

    python docs/scripts/group_sequential_evidence.py [--runs 5000] [--seed 1]

100 to 300 people, four equal looks, alpha .05, beta .10, smallest effect worth having .10, or half of a base rate below .20.
Each claim is tried at the edge of its null: benefit and harm at no effect, dud at the smallest effect worth having. "Wald" is
the unpooled z test of benefit at the same bounds, for comparison. The promise is approximate, so a rate is judged by the
exact 99.9 % binomial quantile of what docs/statistics.md says the approximation keeps: .06 for .05 and .12 for .10. Exit code
1 when one is above. Plans that `admit` refuses are simulated all the same, to show what they would do, and not judged.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from trials.errors import ProtocolError
from trials.sequential.design import Design
from trials.sequential.grouped import planned_looks
from trials.sequential.grouped.difference import Comparison, Stratum, standard_error, z_score

LOOKS = (0.25, 0.5, 0.75, 1.0)
SHAPES = ("obrien-fleming", "pocock")
EFFECT = 0.10
RARE = (0.05, 0.02)
KEPT = {"benefit": 0.06, "harm": 0.06, "dud": 0.12}
COLUMNS = ("benefit", "harm", "dud", "Wald")
Sums = NDArray[np.float64]


def plan(people: int, base: float, ratio: tuple[int, int], shape: str, values: str) -> Design:
    effect, spread = min(EFFECT, base / 2), base * (1 - base) / (1 if values == "binary" else 3)
    return Design(
        *ratio, base, effect, 0.05, 0.10, spread,
        values=values, most=people, looks=LOOKS, spending=shape, futility=shape,
    )  # fmt: skip


def admitted(design: Design) -> bool:
    try:
        planned_looks.admit(design)
    except ProtocolError:
        return False
    return True


def drawn(values: str, mean: float, sizes: list[int], runs: int, rng: np.random.Generator) -> Sums:
    """Sum and sum of squares of an arm's losses at each look, (runs, looks, 2). Scores: beta(2 mean, 2 - 2 mean), skewed."""
    if values == "binary":
        losses = (rng.random((runs, sizes[-1])) < mean).astype(np.float64)
    else:
        losses = rng.beta(2 * mean, 2 * (1 - mean), (runs, sizes[-1]))
    at = np.array(sizes) - 1
    return np.stack([np.cumsum(losses, axis=1)[:, at], np.cumsum(losses**2, axis=1)[:, at]], axis=-1)


@lru_cache(maxsize=1 << 18)
def scores(arms: Stratum, effect: float, binary: bool) -> Sums:
    """(z against no effect, z of dud, Wald's z) of one look."""
    seen = Comparison((arms,), binary)
    error = standard_error(seen)
    return np.array([z_score(seen, 0.0), -z_score(seen, effect), seen.estimate / error if error > 0 else 0.0])


def paths(design: Design, sizes: list[tuple[int, int]], treated: Sums, control: Sums) -> Sums:
    """The three statistics at each look of each trial: (runs, looks, 3)."""
    found = np.empty((*treated.shape[:2], 3))
    for run, look in np.ndindex(treated.shape[:2]):
        (n_t, n_c), mine, others = sizes[look], treated[run, look].tolist(), control[run, look].tolist()
        arms = Stratum(n_t, *mine, n_c, *others)
        found[run, look] = scores(arms, design.worthwhile, design.values == "binary")
    return found


def reached(zs: Sums, bounds: planned_looks.Bounds) -> float:
    """Share of trials whose statistic, (runs, looks), is ever at or above its bound."""
    return float(np.mean((zs >= [np.inf if bound is None else bound for bound in bounds]).any(axis=1)))


def errors(design: Design, runs: int, rng: np.random.Generator) -> dict[str, float]:
    """Share of trials in which each claim fires at the edge of its null."""
    share = design.n_t / (design.n_t + design.n_c)
    sizes = [(round(design.most * share * look), round(design.most * (1 - share) * look)) for look in LOOKS]
    n_t, n_c = ([size[arm] for size in sizes] for arm in (0, 1))
    control = drawn(design.values, design.baseline, n_c, runs, rng)
    none, helped = (
        paths(design, sizes, drawn(design.values, design.baseline - effect, n_t, runs, rng), control)
        for effect in (0.0, design.worthwhile)
    )
    upper, dud = (planned_looks.bounds(design, claim, LOOKS, True) for claim in ("benefit", "dud"))
    return {
        "benefit": reached(none[..., 0], upper),
        "harm": reached(-none[..., 0], upper),
        "dud": reached(helped[..., 1], dud),
        "Wald": reached(none[..., 2], upper),
    }


def plans() -> Iterator[Design]:
    for people in (100, 200, 300):
        for base in (0.15, 0.3, 0.5):
            for ratio in ((1, 1), (2, 3) if base == 0.3 else (2, 1)):
                yield from (plan(people, base, ratio, shape, "binary") for shape in SHAPES)
    for base in RARE:
        for ratio in ((1, 1), (1, 2)):
            yield from (plan(300, base, ratio, shape, "binary") for shape in SHAPES)
    for people in (100, 150, 300):
        for ratio in ((1, 1), (2, 3), (1, 2)):
            yield from (plan(people, 0.2, ratio, shape, "bounded") for shape in SHAPES)


def named(design: Design) -> str:
    kind = "binary" if design.values == "binary" else "score"
    return f"{kind:<7}{design.most:>4} people {design.n_t}:{design.n_c} base {design.baseline:.2f} {design.spending}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng, began = np.random.default_rng(options.seed), time.process_time()
    tops = {claim: binom.isf(0.001, options.runs, kept) / options.runs for claim, kept in KEPT.items()}
    print(f"{options.runs} runs a plan, seed {options.seed}; looks at quarters")
    print(f"{'':<50}" + "".join(f"{column:>9}" for column in COLUMNS))
    seen: dict[bool, list[dict[str, float]]] = {True: [], False: []}
    bad = 0
    for design in plans():
        ours, found = admitted(design), errors(design, options.runs, rng)
        seen[ours].append(found)
        above = ours and any(found[claim] > top for claim, top in tops.items())
        bad += above
        note = "ABOVE" if above else "" if ours else "not admitted"
        print(
            f"{named(design):<50}" + "".join(f"{found[column]:>9.4f}" for column in COLUMNS) + f"  {note}", flush=True
        )
    for ours, what in ((True, "admitted plans"), (False, "plans not admitted")):
        spans = ", ".join(
            f"{column} {min(f[column] for f in seen[ours]):.3f} to {max(f[column] for f in seen[ours]):.3f}"
            for column in COLUMNS
        )
        print(f"{len(seen[ours])} {what}: {spans}")
    print("99.9 % quantiles: " + ", ".join(f"{claim} {top:.4f}" for claim, top in tops.items()))
    print(f"{time.process_time() - began:.0f} s of CPU; {'all within' if not bad else f'{bad} above'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
