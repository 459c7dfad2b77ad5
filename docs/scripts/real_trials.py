"""Prints how real, finished trials end here beside what was published about them.

    python docs/scripts/real_trials.py [--real DIR] [--orders 30]

Each trial has a plan that somebody could have sealed beforehand (tests/real/plans, examples). Data under the GPL are not
in this tree: DIR is a folder with `<dataset>/data.csv` for them; without it their lines are left out, and that is said.
Then: how often each verdict comes out over other random orders of the same people (in dated trials within the day of
entry only), and how often the estimate lies outside its interval. Exit code 1 when a trial does not end as
tests/real/endings.py has it.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import Counter
from pathlib import Path

from scipy.special import logsumexp

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.real import loading, published
from tests.real.endings import ENDINGS, Ending
from tests.real.judging import comparisons
from tests.real.loading import KEPT, Trial, judged, rows, shuffled
from trials.evidence import Comparison, Look
from trials.outcomes import kind_named
from trials.sequential.multiple import e_bh
from trials.verdict import times


def say(trial: Trial, effect: float | None) -> str:
    primary = trial.protocol.primary
    return "open" if effect is None else kind_named(primary.kind).say_effect(primary, effect)


def e_value(log_e: float | None) -> str:
    return "-" if log_e is None else times(log_e)


def line(trial: Trial, one: Comparison) -> str:
    fired = [f"{name} after {claim.crossed_at_n:,}" for name, claim in one.claims.items() if claim.crossed_at_n]
    paid = ", ".join(f"{name} {e_value(claim.log_e)}" for name, claim in one.claims.items())
    low, high = (say(trial, end) for end in one.interval)
    return f"    {one.arm}: {' and '.join(fired) or 'no claim fired'}; E: {paid}; {say(trial, one.estimate)} ({low} to {high})"


def outside(found: tuple[Comparison, ...]) -> bool:
    """Whether some estimate lies outside its interval, or there is an estimate and no interval."""
    return any(
        one.estimate is not None
        and not (
            (one.interval[0] if one.interval[0] is not None else -math.inf)
            <= one.estimate
            <= (one.interval[1] if one.interval[1] is not None else math.inf)
        )
        for one in found
    )


def show(ending: Ending, folder: Path, orders: int) -> bool:
    trial = ending.load(folder)
    started = time.perf_counter()
    look = judged(trial)
    took = time.perf_counter() - started
    found = comparisons(trial, look)
    print(f"{ending.name}: {len(trial.members):,} {trial.protocol.unit}s, {look.missing:,} missing, {took:.1f} s")
    print(f"    published: {ending.published}: {ending.concluded}")
    print(f"    here: {look.verdict}" + (f"; differs: {ending.differs}" if ending.differs else ""))
    for one in found:
        print(line(trial, one))
    if orders:
        print("    " + other_orders(trial, orders))
    return look.verdict == ending.verdict


def other_orders(trial: Trial, orders: int) -> str:
    looks: list[Look] = [judged(shuffled(trial, seed)) for seed in range(orders)]
    verdicts = ", ".join(f"{verdict} {n}" for verdict, n in Counter(look.verdict for look in looks).most_common())
    claims = Counter(
        f"{one.arm} {name}"
        for look in looks
        for one in comparisons(trial, look)
        for name, claim in one.claims.items()
        if claim.fired
    )
    strays = sum(outside(comparisons(trial, look)) for look in looks)
    fired = ", ".join(f"{name} {n}" for name, n in claims.most_common()) or "none"
    return f"over {orders} other orders: {verdicts}; claims: {fired}; estimate outside its interval: {strays}"


def portfolio(folder: Path, orders: int) -> None:
    names = ("control_recid", "control_nonrecid", "cbt_recid", "cbt_nonrecid")
    tables = [tuple(int(row[name]) for name in names) for row in rows(folder, "landenberger_cbt")]
    pooled = published.dersimonian_laird(tables)  # type: ignore[arg-type]
    logs, verdicts, held = {}, Counter[str](), 0
    for name, trial in loading.landenberger(folder).items():
        looks = [judged(shuffled(trial, seed)) for seed in range(orders)]
        verdicts.update(look.verdict for look in looks)
        held += any(concern.code == "sample_ratio" for concern in looks[0].concerns)
        logs[name] = float(logsumexp([look.claims["benefit"].log_e or 0.0 for look in looks])) - math.log(orders)
    shares = ", ".join(f"{verdict} {n / orders:.1f}" for verdict, n in verdicts.most_common())
    print(f"landenberger: {len(logs)} trials of cognitive behavioural therapy (Landenberger & Lipsey, 2005)")
    print(
        f"    published: mean odds ratio 1.53; recomputed {pooled.ratio:.3f} ({pooled.low:.3f} to {pooled.high:.3f}), "
        f"tau² {pooled.tau2:.4f}, Q {pooled.q:.1f}"
    )
    print(f"    here: mean over {orders} orders of the number of trials that end in {shares}")
    print(
        f"    in {held} of them every claim is held: the arms' sizes are no ratio of small numbers, which the plan gives"
    )
    for q in (0.05, 0.10):
        kept = [name for name, holds in zip(logs, e_bh(list(logs.values()), q), strict=True) if holds]
        print(f"    e-BH at {q:.2f}: {', '.join(kept) or 'none'}")
    mean = float(logsumexp(list(logs.values()))) - math.log(len(logs))
    print(f"    against 'none helps': mean of the e-values {times(mean)}, product (independent trials) 10^{_ten(logs)}")


def _ten(logs: dict[str, float]) -> str:
    return f"{math.fsum(logs.values()) / math.log(10):.0f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, metavar="DIR")
    parser.add_argument("--orders", type=int, default=30)
    options = parser.parse_args()
    as_written = True
    for ending in ENDINGS:
        if ending.kept or options.real is not None:
            as_written &= show(ending, KEPT if ending.kept else options.real, options.orders)
    if options.real is None:
        absent = ", ".join([ending.name for ending in ENDINGS if not ending.kept] + ["landenberger"])
        print(f"left out, because their data are under the GPL and --real names no folder: {absent}")
    else:
        portfolio(options.real, max(1, min(options.orders, 5)))
    return 0 if as_written else 1


if __name__ == "__main__":
    sys.exit(main())
