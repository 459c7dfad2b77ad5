"""The methods of this repository, and the two ways of testing that everybody knows, as rivals on the same trials."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache

import numpy as np
from scipy.stats import norm

from peers import ERRORS, FIRST, MARGINS, MOST, PLAN, Integers, Rival, Streams, first
from trials.sequential import Design
from trials.sequential.grouped import planned_looks, sample_size
from trials.sequential.grouped.difference import Comparison, Stratum, z_score
from trials.sequential.operating import streams_bounded
from trials.sequential.operating.streams import NEVER, in_one
from trials.sequential.peers import betting, two_by_two

LOOKS = 20
SHARES = tuple(k / LOOKS for k in range(1, LOOKS + 1))
POWERED = 1_760  # the fewest, in whole pairs at each look, with which a worthwhile effect is promoted in .90 of trials


def z_scores(streams: Streams, claim: str) -> np.ndarray:
    """Difference of shares beyond the claim's margin over its unpooled standard error, after each pair: (runs, pairs)."""
    n = np.arange(1, streams.control.shape[1] + 1)
    control, treated = np.cumsum(streams.control, axis=1) / n, np.cumsum(streams.treated, axis=1) / n
    error = np.sqrt(np.maximum(control * (1 - control) + treated * (1 - treated), 1e-12) / n)
    beyond = control - treated - MARGINS[claim]
    return (-beyond if claim == "dud" else beyond) / error


def naive(streams: Streams, claim: str) -> Integers:
    """A z test repeated after every pair from the tenth on."""

    def one(part: Streams) -> Integers:
        reached = z_scores(part, claim) >= norm.isf(ERRORS[claim])
        reached[:, : FIRST - 1] = False
        return first(reached)

    return np.concatenate([one(part) for part in streams.parts()])


def fixed_people() -> int:
    """Participants of a single test with these errors against the smallest worthwhile effect."""
    return 2 * math.ceil(sample_size.binary_people(0.22, 0.30, PLAN.alpha, PLAN.beta) / 2)


def fixed(streams: Streams, claim: str) -> Integers:
    """One z test at the planned end; it drops what it does not promote."""
    at = fixed_people() // 2
    promoted = z_scores(Streams(streams.control[:, :at], streams.treated[:, :at]), "benefit")[:, -1] >= norm.isf(0.05)
    return np.where(promoted if claim == "benefit" else ~promoted, 2 * at, NEVER)


def pair_mixture(streams: Streams, claim: str) -> Integers:
    """`binary-mixture`, as `trials.sequential.operating.streams` runs it."""

    def moves() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for pair in range(streams.control.shape[1]):
            control, treated = streams.control[:, pair], streams.treated[:, pair]
            yield control & ~treated, treated & ~control

    return in_one(PLAN, moves(), runs=len(streams.control)).by_claim[claim]


def normal_mixture(streams: Streams, claim: str) -> Integers:
    """`normal-mixture`, fed with the same columns."""

    def column(losses: np.ndarray) -> streams_bounded.Draw:
        columns = iter(losses.T)
        return lambda rng, shape: next(columns).astype(np.float64)

    found = streams_bounded.simulate_normal(
        PLAN, control=column(streams.control), treated=column(streams.treated), participants=MOST,
        runs=len(streams.control), rng=np.random.default_rng(0),
    )  # fmt: skip
    return found.by_claim[claim]


@lru_cache(maxsize=1 << 20)
def _score(people: int, treated: int, control: int, margin: float, dud: bool) -> float:
    score = z_score(Comparison((Stratum(people, treated, treated, people, control, control),), True), margin)
    return -score if dud else score


def looked_at(most: int) -> Design:
    """The plan with 20 equal looks among `most` participants."""
    return replace(PLAN, most=most, looks=SHARES, spending="pocock", futility="pocock")


def pocock(most: int) -> Callable[[Streams, str], Integers]:
    """`group-sequential`: 20 equal looks, Pocock-type spending of alpha for benefit and of beta for dud."""
    every, design = most // LOOKS // 2, looked_at(most)

    def judge(streams: Streams, claim: str) -> Integers:
        bounds = planned_looks.bounds(design, claim, SHARES, True)
        at = slice(every - 1, every * LOOKS, every)
        control, treated = np.cumsum(streams.control, axis=1)[:, at], np.cumsum(streams.treated, axis=1)[:, at]
        reached = np.zeros(control.shape, dtype=bool)
        for run, look in np.ndindex(control.shape):
            counts, bound = (int(treated[run, look]), int(control[run, look])), bounds[look]
            score = _score(every * (look + 1), *counts, MARGINS[claim], claim == "dud")
            reached[run, look] = bound is not None and score >= bound
        return first(reached, 2 * every)

    return judge


def plug_in(streams: Streams, claim: str) -> Integers:
    """Pair differences bet on with stakes learned from the data (`trials.sequential.peers.betting`), one-sided."""
    sign = -1 if claim == "dud" else 1
    null, level = (1 + sign * MARGINS[claim]) / 2, ERRORS[claim]
    rows = [
        betting.hedged_capital((1 + sign * row) / 2, [null], alpha=level, theta=1.0)[0] >= 1 / level
        for row in streams.difference
    ]
    return first(np.array(rows))


def two_by_two_default(streams: Streams, claim: str) -> Integers:
    """Turner, Ly & Grunwald's test of equal shares; "benefit" when it rejects while fewer of the treated have a loss."""
    return _two_by_two(streams)


def two_by_two_restricted(streams: Streams, claim: str) -> Integers:
    """The same with the alternative restricted to δ = δ*, which makes it one-sided."""
    return _two_by_two(streams, restriction="difference", delta=-PLAN.worthwhile, grid=200)


def _two_by_two(streams: Streams, **settings) -> Integers:
    rows = []
    for control, treated in zip(streams.control, streams.treated, strict=True):
        logs = two_by_two.log_e_values(control, treated, **settings)
        rows.append((logs >= -math.log(PLAN.alpha)) & (np.cumsum(treated) < np.cumsum(control)))
    return first(np.array(rows))


def rivals() -> list[Rival]:
    people = fixed_people()
    return [
        Rival("fixed sample, 90 % power", fixed, note=f"one test after {people}", full=people),
        Rival("naive peeking, z test", naive, guarded=False, note="after every pair from the 10th"),
        Rival("pair mixture (binary-mixture)", pair_mixture, note="the plan's defaults"),
        Rival("group sequential, Pocock, K = 20, 2,000", pocock(MOST), note="normal approximation; a look every 100"),
        Rival(
            f"group sequential, Pocock, K = 20, {POWERED:,}",
            pocock(POWERED),
            full=POWERED,
            note="as many as 90 % power takes; a look every 88",
        ),
        Rival("normal mixture (normal-mixture)", normal_mixture, note="normal approximation; from the 10th pair"),
        Rival("plug-in betting", plug_in, note="stakes learned from the data"),
        Rival("safe 2x2 (Turner, Ly, Grunwald)", two_by_two_default, ("benefit",), note="default prior .18; no margin"),
        Rival("safe 2x2, alternative δ*", two_by_two_restricted, ("benefit",), 400, "restricted to a difference of δ*"),
    ]
