"""Draws the pictures of docs/statistics.md into docs/plots: SVG, the same bytes each time.

    python docs/scripts/plots.py [--only paths floor interval boundaries power] [--runs 5000] [--seed 1]

Needs matplotlib (`pip install -e '.[docs]'`). Colours: Okabe & Ito (2008), told apart by colour-blind readers; lines also
carry their names. alpha .05 one-sided, beta .10, worthwhile .08 on a base rate of .30, as in docs/scripts/evidence.py.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")

import matplotlib.pyplot as plt
import numpy as np
from evidence import CONTROL, TARGETS, floor
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from peers import MOST, PLAN, Streams, draw
from peers.roadtest import POWERED, fixed_people, looked_at, rivals, z_scores
from scipy.stats import norm

from trials.sequential import Unit, binary_mixture
from trials.sequential.grouped.boundaries import boundaries
from trials.sequential.grouped.spending import equally_spaced
from trials.sequential.operating import courses, exact
from trials.sequential.operating.frontier import line
from trials.sequential.operating.streams import NEVER

FOLDER = Path(__file__).parents[1] / "plots"
BLACK, ORANGE, SKY, GREEN, BLUE, RED = "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00"
GREY = "#666666"
STREAMS = (("helps: .30 to .20", 0.20, GREEN), ("does nothing", 0.30, BLACK), ("harms: .30 to .36", 0.36, RED))
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1)))
STYLE = {
    "svg.hashsalt": "roadtest",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["Helvetica", "Arial", "DejaVu Sans"],
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "path.simplify_threshold": 0.5,
}


def save(figure: Figure, name: str) -> None:
    FOLDER.mkdir(exist_ok=True)
    figure.savefig(FOLDER / f"{name}.svg", metadata={"Date": None, "Creator": None}, facecolor="white")
    plt.close(figure)
    print(f"{name}.svg: {(FOLDER / f'{name}.svg').stat().st_size / 1000:.0f} kB")


def labelled(axes: Axes, x: float, y: float, text: str, colour: str, **rest) -> None:
    """Text in a darker shade of its line's colour, so that it can be read on white."""
    shade = tuple(0.65 * part for part in mpl.colors.to_rgb(colour))
    axes.annotate(text, (x, y), color=shade, **{"fontsize": 8.5, "va": "center", "annotation_clip": False, **rest})


def plain(axes: Axes, ticks: dict[float, str]) -> None:
    """A logarithmic axis with numbers as people write them."""
    axes.set_yticks(list(ticks), list(ticks.values()))
    axes.minorticks_off()


def evidence_of(streams: Streams, run: int, claim: str) -> np.ndarray:
    """log E after each pair of one trial, (pairs,)."""
    control, treated = streams.control[run], streams.treated[run]
    ups, downs = np.cumsum(control & ~treated), np.cumsum(treated & ~control)
    bet, looks = line(PLAN, claim), np.arange(1, control.size + 1)
    logs = np.outer(bet.each, looks) + np.outer(bet.away, downs) + np.outer(bet.nearer, ups)
    return np.logaddexp.reduce(np.log(bet.weights)[:, None] + logs, axis=0)


def misled(streams: Streams) -> int:
    """The first trial in which a p-value that is looked at after every pair goes below alpha."""
    low = (z_scores(streams, "benefit")[:, 9:] >= norm.isf(PLAN.alpha)).any(axis=1)
    return int(np.flatnonzero(low)[0])


def within(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """The values until they first leave the picture."""
    outside = (values < low) | (values > high)
    return np.where(np.logical_or.accumulate(outside), math.nan, values)


def paths(runs: int, seed: int) -> None:
    """What the bet against "no benefit" pays in three trials, and the p-value of the same trials."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.2, 3.5), layout="constrained")
    people = np.arange(2, MOST + 1, 2)
    kept = slice(4, None, 5)  # every tenth participant is enough for the eye
    places = ((620, 900, 560, 4e-5), (1330, 0.16, 1330, 0.24), (800, 9e-3, 800, 1.6))
    for (name, treated, colour), dash, place in zip(STREAMS, DASHES, places, strict=True):
        streams = draw(CONTROL, treated, 40, seed)
        run = misled(streams) if treated == CONTROL else 0
        wealth = within(np.exp(evidence_of(streams, run, "benefit")), 1e-3, 1e4)
        p = norm.sf(z_scores(streams, "benefit")[run])
        p = np.concatenate([np.full(9, math.nan), within(p[9:], 1e-5, 1.0)])
        left.plot(people[kept], wealth[kept], color=colour, linestyle=dash, linewidth=1.4)
        right.plot(people[kept], p[kept], color=colour, linestyle=dash, linewidth=1.4)
        labelled(left, place[0], place[1], name, colour)
        labelled(right, place[2], place[3], name, colour)
    left.axhline(20, color=BLUE, linewidth=1)
    labelled(left, 1990, 33, "promote at 20 to 1", BLUE, ha="right")
    right.axhline(0.05, color=BLUE, linewidth=1)
    labelled(right, 1990, 0.034, "p = .05", BLUE, ha="right")
    left.set(yscale="log", ylim=(1e-3, 1e4), xlim=(0, MOST), xlabel="participants", title="what the bet has paid, to 1")
    right.set(
        yscale="log",
        ylim=(3, 1e-5),
        xlim=(0, MOST),
        xlabel="participants",
        title="one-sided p of a z test (axis turned)",
    )
    plain(left, {1e-3: ".001", 1e-2: ".01", 0.1: ".1", 1: "1", 10: "10", 100: "100", 1e3: "1,000", 1e4: "10,000"})
    plain(right, {1: "1", 0.1: ".1", 1e-2: ".01", 1e-3: ".001", 1e-4: ".0001", 1e-5: ".00001"})
    save(figure, "paths")


def ratios(runs: int, seed: int) -> list[tuple[str, list[float]]]:
    """(method, participants over the floor for each target) of the methods with all three claims."""
    found = []
    trials = {treated: draw(CONTROL, treated, runs, seed) for _, treated in TARGETS}
    for rival in rivals():
        if not rival.guarded or rival.name.startswith("safe 2x2, alt"):
            continue
        row = []
        for claim, treated in TARGETS:
            if claim not in rival.claims:
                continue
            if rival.name.startswith("pair mixture"):
                mean = exact.pairs(PLAN, claim, control=CONTROL, treated=treated, participants=MOST).participants
            else:
                stops = rival.judge(trials[treated], claim)
                mean = float(np.where(stops == NEVER, rival.full, stops).mean())
            row.append(mean / floor(claim, CONTROL, treated))
        found.append((rival.name, row))
    return sorted(found, key=lambda one: -one[1][0])


def floors(runs: int, seed: int) -> None:
    """How many times the floor each method needs until the right stop."""
    figure, axes = plt.subplots(figsize=(9.2, 3.5), layout="constrained")
    named = (
        ("promoted, .30 to .20", BLUE, "o"),
        ("dropped, no effect", ORANGE, "s"),
        ("dropped, .30 to .36", GREEN, "^"),
    )
    rows = ratios(runs, seed)
    for at, (_, row) in enumerate(rows):
        axes.plot([1, max(row)], [at, at], color="#dddddd", linewidth=1, zorder=1)
        for value, (_, colour, marker) in zip(row, named, strict=False):
            axes.plot(value, at, marker, color=colour, markersize=7, zorder=2)
    for (text, colour, _), x, side in zip(named, rows[0][1], ("center", "right", "center"), strict=True):
        labelled(axes, x, -0.4, text, colour, ha=side, va="top")
    axes.axvline(1, color=GREY, linewidth=1)
    labelled(axes, 1.005, len(rows) - 0.45, "floor", GREY)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.set(
        xscale="log",
        xlim=(0.95, 6),
        ylim=(-1.1, len(rows) - 0.3),
        title="mean participants until the right stop, over the floor",
    )
    axes.set_xticks([1, 1.25, 1.5, 2, 3, 5], ["1", "1.25", "1.5", "2", "3", "5"])
    axes.minorticks_off()
    axes.tick_params(axis="y", length=0)
    save(figure, "floor")


def interval(runs: int, seed: int) -> None:
    """The confidence sequence of one trial beside the interval of a trial planned for just so many people."""
    streams = draw(CONTROL, 0.20, 40, seed)
    control, treated = streams.control[0], streams.treated[0]
    marks = np.unique(np.round(np.geomspace(10, MOST // 2, 60)).astype(int))
    state, lows, highs, done = binary_mixture.start(PLAN), [], [], 0
    for pairs in marks:
        units = [
            (arm, float(losses[i])) for i in range(done, pairs) for arm, losses in (("t", treated), ("c", control))
        ]
        state = binary_mixture.step(PLAN, state, tuple(Unit("", arm, loss) for arm, loss in units))  # type: ignore[arg-type]
        reading, done = binary_mixture.read(PLAN, state), pairs
        lows.append(-1.0 if reading.low is None else reading.low)  # nothing is excluded yet
        highs.append(1.0 if reading.high is None else reading.high)
    share_c, share_t = np.cumsum(control)[marks - 1] / marks, np.cumsum(treated)[marks - 1] / marks
    error = np.sqrt((share_c * (1 - share_c) + share_t * (1 - share_t)) / marks)
    middle = share_c - share_t
    figure, axes = plt.subplots(figsize=(9.2, 3.6), layout="constrained")
    axes.fill_between(2 * marks, lows, highs, color=SKY, alpha=0.45, linewidth=0)
    fixed = middle - norm.isf(PLAN.alpha) * error, middle + norm.isf(PLAN.beta) * error
    for end in fixed:
        axes.plot(2 * marks, end, color=RED, linestyle=DASHES[1], linewidth=1.2)
    axes.plot(2 * marks, middle, color=BLACK, linewidth=1.2)
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.axhline(0.10, color=GREEN, linewidth=1, linestyle=DASHES[2])
    labelled(axes, 21, 0.075, "truth .10", GREEN)
    labelled(axes, 2040, middle[-1], "estimate", BLACK)
    labelled(axes, 105, 0.30, "shaded: holds at every look", BLUE)
    labelled(axes, 24, 0.30, "holds at one planned size", RED)
    axes.set(
        xscale="log",
        xlim=(20, MOST),
        ylim=(-0.45, 0.5),
        xlabel="participants",
        title="effect: control's share less the treated's",
    )
    axes.set_xticks([20, 50, 100, 200, 500, 1000, 2000], ["20", "50", "100", "200", "500", "1,000", "2,000"])
    axes.minorticks_off()
    save(figure, "interval")


def bounds(runs: int, seed: int) -> None:
    """Boundaries at five looks, with non-binding futility."""
    figure, panels = plt.subplots(1, 2, figsize=(9.2, 3.4), sharey=True, layout="constrained")
    for axes, shape, name in zip(
        panels, ("obrien-fleming", "pocock"), ("O'Brien-Fleming-type", "Pocock-type"), strict=True
    ):
        found = boundaries(equally_spaced(5), 0.05, shape, futility=shape, beta=0.10)
        t = np.array(found.information)
        upper = [math.nan if bound is None else bound for bound in found.upper]
        lower = [math.nan if bound is None else bound for bound in found.lower]
        axes.fill_between(t, upper, 6, color=GREEN, alpha=0.15, linewidth=0)
        axes.fill_between(t, -3.2, lower, color=ORANGE, alpha=0.18, linewidth=0)
        axes.plot(t, upper, "o-", color=GREEN, linewidth=1.4)
        axes.plot(t, lower, "s--", color=ORANGE, linewidth=1.4)
        labelled(axes, 0.62, 3.6, "promote", GREEN)
        labelled(axes, 0.62, -1.6, "drop (non-binding)", RED)
        labelled(axes, 0.22, 0.75, "go on", GREY)
        axes.axhline(norm.isf(0.05), color=GREY, linewidth=0.8, linestyle=DASHES[2])
        labelled(axes, 0.22, 1.4, "one look alone: 1.645", GREY, fontsize=7.5)
        axes.set(
            xlim=(0.15, 1.02),
            ylim=(-3.2, 5),
            xlabel="information fraction",
            title=f"{name}: {found.inflation:.3f} of the fixed size at most",
        )
        axes.set_xticks(t, [f"{share:g}" for share in t])
    panels[0].set_ylabel("z")
    save(figure, "boundaries")


def power(runs: int, seed: int) -> None:
    """Chance of promotion and mean participants by true effect: pairs, fixed size, planned looks."""
    people, size = fixed_people(), POWERED
    design, effects = replace(looked_at(size), most=size), np.linspace(-0.08, 0.16, 25)
    ends = [exact.endings(PLAN, control=CONTROL, treated=CONTROL - effect, participants=MOST) for effect in effects]
    planned = [courses.integrated(design, float(effect)) for effect in effects]
    treated = CONTROL - effects
    error = np.sqrt((CONTROL * (1 - CONTROL) + treated * (1 - treated)) * 2 / people)
    curves = (
        ("pair mixture", BLUE, [end.chance("benefit") for end in ends], [end.participants for end in ends]),
        ("group sequential", ORANGE, [one.promote for one in planned], [one.participants for one in planned]),
        ("fixed size", GREY, norm.sf(norm.isf(PLAN.alpha) - effects / error), np.full(effects.size, people)),
    )
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.2, 3.5), layout="constrained")
    for (_, colour, chance, mean), dash in zip(curves, DASHES, strict=True):
        left.plot(effects, chance, color=colour, linestyle=dash, linewidth=1.6)
        right.plot(effects, mean, color=colour, linestyle=dash, linewidth=1.6)
    labelled(right, 0.12, people + 40, f"fixed size: {people:,}", GREY, ha="center")
    for axes, title in ((left, "chance of promotion"), (right, "mean participants at the end")):
        axes.axvline(PLAN.worthwhile, color=GREEN, linewidth=0.8)
        axes.axvline(0, color=GREY, linewidth=0.6)
        axes.set(xlabel="true effect (base rate .30, positive = better)", title=title, xlim=(effects[0], effects[-1]))
    labelled(left, PLAN.worthwhile + 0.003, 0.04, "worthwhile .08", GREEN)
    left.set(ylim=(0, 1.02))
    right.set(ylim=(0, 1250))
    print("effect, then promoted and mean participants of " + ", ".join(name for name, *_ in curves))
    for at in range(0, effects.size, 4):
        cells = "".join(f"{chance[at]:>9.3f}{mean[at]:>9.1f}" for _, _, chance, mean in curves)
        print(f"{effects[at]:>6.2f}{cells}")
    labelled(left, 0.052, 0.83, "group sequential, 20 looks", ORANGE, ha="right")
    labelled(left, 0.041, 0.55, "fixed size", GREY, ha="right")
    labelled(left, 0.052, 0.36, "pair mixture", BLUE)
    labelled(right, 0.095, 590, "group sequential", ORANGE)
    labelled(right, 0.024, 910, "pair mixture", BLUE, ha="right")
    save(figure, "power")


DRAWN: dict[str, Callable[[int, int], None]] = {
    "paths": paths,
    "floor": floors,
    "interval": interval,
    "boundaries": bounds,
    "power": power,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=DRAWN, default=list(DRAWN))
    parser.add_argument("--runs", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with mpl.rc_context(STYLE):
        for name in options.only:
            DRAWN[name](options.runs, options.seed)


if __name__ == "__main__":
    main()
