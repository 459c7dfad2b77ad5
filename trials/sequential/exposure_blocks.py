"""Pairs and blocks of people with an amount and an exposure: the engine of the methods for counts.

The bets on the mean of the capped rate are those of `bounded_mixture`; a method may add the likelihood of a block under
"no effect at all" as a second bet against δ ≤ m for every m ≤ 0. Nothing here depends on the order of arrival.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from trials.sequential import bets, blocks, bounded_mixture
from trials.sequential.bets import Floats, Side
from trials.sequential.binary_mixture import NOTHING_YET
from trials.sequential.bounded_mixture import CAUTION, PRIOR_WEIGHT
from trials.sequential.design import Design, Mark, Reading, State, Unit

# Amount (events) and exposure of one person.
Entry = tuple[float, float]
Kept = dict[str, dict[str, Floats]]
NOTHING = np.zeros((1, 1))
# Each claim ends the confidence sequence on one side: below, above (under 0), above.
END_OF = {"benefit": "low", "harm": "high", "dud": "top"}


@dataclass(frozen=True, slots=True)
class Members:
    """A complete block, as `blocks.Block` has it, with exposures."""

    at: int
    people: int
    stratum: str
    treated: list[Entry]
    control: list[Entry]


@dataclass(frozen=True, slots=True)
class Engine:
    """What the methods built here differ in.

    entry: checks a unit and gives its entry, or raises DataError. variance: (design, mean of 1/exposure so far) -> guessed
    variance of one capped rate on the unit scale. likelihood: (design, state, (mean, variance) known before the block,
    the side's bets, its treated, its controls) -> log of what the block pays each bet against "no effect", shape (K,);
    None when only the mean is bet on. learn: keeps in state["notes"] what the likelihood needs of a block.
    """

    entry: Callable[[Unit], Entry]
    variance: Callable[[Design, float], float]
    likelihood: Callable[[Design, State, tuple[float, float], Side, list[Entry], list[Entry]], Floats] | None = None
    learn: Callable[[Design, State, Members], None] | None = None


@lru_cache(maxsize=64)
def on_unit_scale(design: Design) -> Design:
    """The design with rates as losses in [0, 1]: divided by the cap, and turned when more events are better."""
    share = design.baseline / design.cap
    return replace(
        design,
        baseline=1.0 - share if design.higher else share,
        worthwhile=design.worthwhile / design.cap,
        margin=design.margin / design.cap,
        cap=1.0,
        higher=False,
    )


@lru_cache(maxsize=64)
def grid(design: Design) -> Floats:
    """Effects m at which the bets are kept, in the method's unit: every δ*/20 within ±8 δ*, every cap/50 beyond.

    0, δ* and −δ* are on it to the bit, so that the interval and the claims can't contradict each other.
    """
    fine = design.worthwhile * (np.arange(-160, 161) / 20)
    coarse = design.cap * (np.arange(-49, 50) / 50)
    inside = fine[np.abs(fine) < 0.98 * design.cap]
    outside = coarse[np.abs(coarse) > np.abs(inside).max()]
    return np.sort(np.concatenate([inside, outside]))


@lru_cache(maxsize=64)
def claims_of(design: Design) -> dict[str, tuple[Side, Floats, int]]:
    """By claim: its bets on the unit scale, the margins m that they are kept at, and which of these is its own null's."""
    found = {}
    for claim, side in bets.sides(on_unit_scale(design)).items():
        if claim == "breach":
            found[claim] = (side, np.array([side.margin]), 0)
            continue
        margins = grid(design)
        own = int(np.flatnonzero(margins == (-design.worthwhile if claim == "dud" else 0.0))[0])
        found[claim] = (side, margins / design.cap, own)
    return found


def losses(design: Design, people: list[Entry]) -> Floats:
    """Each person's capped rate as a loss in [0, 1]. Shape (n,)."""
    shares = np.minimum([amount / exposure for amount, exposure in people], design.cap) / design.cap
    return np.asarray(1.0 - shares if design.higher else shares, dtype=np.float64)


def start(design: Design) -> State:
    sums = {"seen": 0, "sum": 0.0, "squares": 0.0, "inverse": 0.0}
    ledgers: State = {key: {} for key in ("waiting", "peak", "crossed", "ends", "notes", "logs", "model")}
    return {"people": 0, "blocks": 0, **sums, **ledgers}


def trace(engine: Engine, design: Design, state: State, units: tuple[Unit, ...]) -> tuple[State, tuple[Mark, ...]]:
    """The state after these participants, in the sealed order, and the evidence after each block. O(1) per block."""
    logs, model = arrays(state["logs"]), arrays(state["model"])
    copies = {key: dict(state[key]) for key in ("peak", "crossed", "ends", "notes")}
    state = {**state, **copies, "waiting": blocks.copied(state["waiting"])}
    before, marks = state["people"], []
    errors = {claim: side.error for claim, (side, _, _) in claims_of(design).items()}
    for block in complete(engine, design, state["waiting"], units):
        lay(engine, design, state, block, logs, model)
        learn(engine, design, state, block)
        state["blocks"] += 1
        totals = {claim: total(design, logs, model, claim) for claim in errors}
        own = {claim: float(totals[claim][claims_of(design)[claim][2]]) for claim in errors}
        marks.append(Mark(block.at, before + block.people, own))
        blocks.note_peaks(state, own, errors, before + block.people)
        if design.margin == 0:
            narrow(design, state, totals)
    state["people"] = before + sum(unit.loss is not None for unit in units)
    state["logs"], state["model"] = lists(logs), lists(model)
    return state, tuple(marks)


def complete(engine: Engine, design: Design, waiting: dict[str, Any], units: tuple[Unit, ...]) -> Iterator[Members]:
    """As `blocks.complete`, with exposures: the k-th of each arm in a stratum together; a hole leaves its block out whole."""
    people = 0
    for at, unit in enumerate(units):
        people += unit.loss is not None
        queue = waiting.setdefault(unit.stratum, {"t": [], "c": []})
        queue[unit.arm].append(None if unit.loss is None else list(engine.entry(unit)))
        if len(queue["t"]) >= design.n_t and len(queue["c"]) >= design.n_c:
            treated, queue["t"] = queue["t"][: design.n_t], queue["t"][design.n_t :]
            control, queue["c"] = queue["c"][: design.n_c], queue["c"][design.n_c :]
            if None not in treated and None not in control:
                yield Members(at, people, unit.stratum, [(y, e) for y, e in treated], [(y, e) for y, e in control])
        if design.window:
            blocks.turn(design, queue)


def lay(engine: Engine, design: Design, state: State, block: Members, logs: Kept, model: Kept) -> None:
    """Adds what a block pays to its stratum's wealth; the stakes come from what was known before it."""
    stratum = "" if design.many else block.stratum
    known = learned(design, state, engine.variance)
    mine, modelled = logs.setdefault(stratum, {}), model.setdefault(stratum, {})
    for claim, (side, margins, _) in claims_of(design).items():
        t, c = (block.control, block.treated) if side.swapped else (block.treated, block.control)
        treated, control = losses(design, t), losses(design, c)
        mine[claim] = mine.get(claim, NOTHING) + pay(side, treated, control, margins, *known)
        if engine.likelihood is not None and claim in ("benefit", "harm"):
            paid = engine.likelihood(design, state, known, side, t, c)
            modelled[claim] = modelled.get(claim, NOTHING) + paid[:, None]


def pay(
    side: Side,
    treated: Floats,
    control: Floats,
    margins: Floats | float,
    centre: Floats | float,
    variance: Floats | float,
) -> Floats:
    """log of what a block pays each bet, as `bets.block_pay`: shape (K, G). `centre` may be an array of trials side by side."""
    if side.n_t == side.n_c == 1:
        limit = CAUTION * bets.MOST_AT_STAKE / (1.0 + margins)
    else:
        limit = CAUTION * bets.MOST_AT_STAKE * np.minimum(side.n_t / (1.5 - centre), side.n_c / (0.5 + centre))
    return bets.block_pay(side, treated, control, margins, centre, variance, limit)


def learned(design: Design, state: State, variance: Callable[[Design, float], float]) -> tuple[Any, Any]:
    """Mean and variance of one capped rate on the unit scale before the next block: the plan's guesses, then the data.

    The sums in `state` may be arrays of trials side by side.
    """
    mean, seen = on_unit_scale(design).baseline, state["seen"]
    # No exposure is known yet: the largest variance there is, so that the unit of exposure makes no difference.
    guess = variance(design, state["inverse"] / seen) if seen else mean * (1.0 - mean)
    weight = PRIOR_WEIGHT + seen
    now = (PRIOR_WEIGHT * mean + state["sum"]) / weight
    return now, np.maximum((PRIOR_WEIGHT * (guess + mean**2) + state["squares"]) / weight - now**2, 1e-6)


def learn(engine: Engine, design: Design, state: State, block: Members) -> None:
    people = block.treated + block.control
    bounded_mixture.learn(state, losses(design, people).tolist())
    state["inverse"] += math.fsum(1 / exposure for _, exposure in people)
    if engine.learn is not None:
        engine.learn(design, state, block)


def total(design: Design, logs: Kept, model: Kept, claim: str) -> Floats:
    """log E at each margin of a claim, over all strata. Shape (G,).

    Up to 0 a likelihood of benefit or harm shares the stake with the bets on the mean: an average of two e-processes.
    """
    side, margins, _ = claims_of(design)[claim]
    on_mean = over_strata(design, [logs[stratum][claim] for stratum in sorted(logs)], side)
    apart = [model[stratum][claim] for stratum in sorted(model) if claim in model[stratum]]
    if not apart:
        return on_mean
    shared = np.logaddexp(on_mean, over_strata(design, apart, side)) - math.log(2)
    return np.where(margins <= 0.0, shared, on_mean)


def over_strata(design: Design, apart: list[Floats], side: Side) -> Floats:
    if not design.several:
        return bets.log_mixture(apart[0], side.weights)
    return bets.over_strata([] if design.many else apart, np.sum(apart, axis=0), side.weights)


def narrow(design: Design, state: State, totals: dict[str, Floats]) -> None:
    """Moves each end of the confidence sequence to the last m up to which every m is rejected; never back."""
    margins, ends = grid(design), state["ends"]
    for claim, end in END_OF.items():
        kept = np.flatnonzero(totals[claim] < -math.log(claims_of(design)[claim][0].error))
        first = int(kept[0]) if kept.size else margins.size
        if first == 0:
            continue
        reached = float(margins[first - 1]) if end == "low" else 0.0 - float(margins[first - 1])
        ends[end] = (max if end == "low" else min)(ends.get(end, reached), reached)


def interval(state: State) -> tuple[float | None, float | None]:
    """(low, high) as `Reading` promises them, in the method's unit."""
    low, top = state["ends"].get("low"), state["ends"].get("top")
    high = top if top is None or top > 0 else min(state["ends"].get("high", 0.0), 0.0)
    if "harm" in state["crossed"]:
        high = 0.0 if high is None else min(high, 0.0)
    return (None, None) if low is not None and high is not None and low > high else (low, high)


def read(design: Design, state: State) -> Reading:
    errors = {claim: side.error for claim, (side, _, _) in claims_of(design).items()}
    if state["blocks"] == 0:
        return blocks.nothing_yet(errors, NOTHING_YET)
    kept, model = arrays(state["logs"]), arrays(state["model"])
    logs = {claim: float(total(design, kept, model, claim)[own]) for claim, (_, _, own) in claims_of(design).items()}
    return Reading(blocks.claims(state, logs, errors), *interval(state), state["blocks"])


def arrays(kept: dict[str, Any]) -> Kept:
    return {stratum: {claim: np.array(values) for claim, values in mine.items()} for stratum, mine in kept.items()}


def lists(kept: Kept) -> dict[str, Any]:
    return {stratum: {claim: values.tolist() for claim, values in mine.items()} for stratum, mine in kept.items()}
