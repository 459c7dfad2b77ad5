"""Pairs and blocks of amounts winsorised to [0, 1]: a mixture over bets that learn the spread as they go.

Guarantee: P(there is a block t with E_t ≥ 1/error) ≤ error under the claim's null hypothesis on the mean of the
*winsorised* amount, however often anybody looks, when within each stratum the treated are alike in mean given the past,
and the controls too. Each stake is fixed before the block that it is laid on (predictable).
Source: Waudby-Smith & Ramdas (2024), JRSS B 86:1-27, section 4 (predictable plug-in bets); mixture: Robbins (1970).

Depends on the order of participants; the order is the plan's, so it is the same whoever delivers when.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from trials.evidence import CLAIMS
from trials.sequential import bets, blocks
from trials.sequential.bets import Floats, Side
from trials.sequential.binary_mixture import NOTHING_YET
from trials.sequential.design import Design, Mark, Method, Reading, State, Unit

# The guesses of the mean and of the spread weigh as much as this many participants.
PRIOR_WEIGHT = 5.0
# Stakes stay below this share of the allowed, because the spread is only an estimate.
CAUTION = 0.9


@lru_cache(maxsize=64)
def grid(design: Design) -> Floats:
    """Effects m at which the bets are kept for the confidence sequence: every δ*/20 within ±8 δ*, every .02 beyond."""
    fine = design.worthwhile * np.arange(-160, 161) / 20
    coarse = np.arange(-49, 50) / 50
    inside = fine[np.abs(fine) < 0.98]
    outside = coarse[np.abs(coarse) > np.abs(inside).max()]
    return np.sort(np.concatenate([inside, outside]))


@lru_cache(maxsize=64)
def ledger_sides(design: Design) -> dict[str, tuple[Side, Floats]]:
    """What is bet on: each claim at its own margin, and every claim's bets at every m of the grid."""
    by_claim = bets.sides(design)
    single = {claim: (side, np.array([side.margin])) for claim, side in by_claim.items()}
    if design.margin > 0:
        return single
    return {
        **single,
        "low": (by_claim["benefit"], grid(design)),
        "high": (by_claim["harm"], grid(design)),
        "top": (by_claim["dud"], grid(design)),
    }


def claims_of(design: Design) -> tuple[str, ...]:
    return ("breach",) if design.margin > 0 else CLAIMS


def start(design: Design) -> State:
    return {**blocks.fresh(design), "logs": {}, "seen": 0, "sum": 0.0, "squares": 0.0}


def step(design: Design, state: State, units: tuple[Unit, ...]) -> State:
    """The state after these participants, in the sealed order. O(1) per block; the given state stays as it was."""
    return trace(design, state, units)[0]


def trace(design: Design, state: State, units: tuple[Unit, ...]) -> tuple[State, tuple[Mark, ...]]:
    """`step`, and the evidence after each block."""
    logs = held(state)
    state = {
        **state,
        "waiting": blocks.copied(state["waiting"]),
        "peak": dict(state["peak"]),
        "crossed": dict(state["crossed"]),
    }
    before, marks = state["people"], []
    sides = ledger_sides(design)
    errors = {claim: sides[claim][0].error for claim in claims_of(design)}
    for block in blocks.complete(design, state["waiting"], units):
        mine = logs.setdefault(
            block.stratum if design.several and not design.many else "",
            {name: np.zeros((len(side.weights), len(m))) for name, (side, m) in sides.items()},
        )
        centre, variance = learned(design, state)
        for name, (side, margins) in sides.items():
            t, c = (block.control, block.treated) if side.swapped else (block.treated, block.control)
            mine[name] = mine[name] + pay(side, t, c, margins, centre, variance)
        learn(state, block.treated + block.control)
        state["blocks"] += 1
        totals = {name: total(design, logs, name, side) for name, (side, _) in sides.items()}
        marks.append(Mark(block.at, before + block.people, {claim: float(totals[claim][0]) for claim in errors}))
        blocks.note_peaks(state, marks[-1].logs, errors, marks[-1].people)
        if design.margin > 0:
            continue
        state["low"] = max(state["low"], highest_rejected(totals["low"], grid(design), design.alpha))
        for end, error in (("high", design.alpha), ("top", design.beta)):
            state[end] = min(state[end], 0.0 - highest_rejected(totals[end], grid(design), error))
    state["people"] = before + sum(unit.loss is not None for unit in units)
    state["logs"] = {
        stratum: {name: values.tolist() for name, values in kept.items()} for stratum, kept in logs.items()
    }
    return state, tuple(marks)


def held(state: State) -> dict[str, dict[str, Floats]]:
    """Each stratum's log wealth by claim and end: shape (K bets, G margins) each."""
    return {
        stratum: {name: np.array(values) for name, values in kept.items()} for stratum, kept in state["logs"].items()
    }


def learned(design: Design, state: State) -> tuple[float, float]:
    """Mean and variance of one loss as known before the next block: the plan's guesses, then the data."""
    weight = PRIOR_WEIGHT + state["seen"]
    mean = (PRIOR_WEIGHT * design.baseline + state["sum"]) / weight
    squares = PRIOR_WEIGHT * (design.spread + design.baseline**2) + state["squares"]
    return mean, max(squares / weight - mean**2, 1e-4)


def learn(state: State, losses: list[float]) -> None:
    state["seen"] += len(losses)
    state["sum"] += math.fsum(losses)
    state["squares"] += math.fsum(loss * loss for loss in losses)


def pay(
    side: Side, treated: list[float], control: list[float], margins: Floats, centre: float, variance: float
) -> Floats:
    """log of what a block pays each bet at each margin, as `bets.block_pay`: shape (K, G)."""
    limit = CAUTION * bets.most(side.n_t, side.n_c, margins, centre)
    return bets.block_pay(side, treated, control, margins, centre, variance, limit)


def total(design: Design, logs: dict[str, dict[str, Floats]], name: str, side: Side) -> Floats:
    """log E at each margin, over all strata. Shape (G,)."""
    apart = [logs[stratum][name] for stratum in sorted(logs)]
    if not design.several:
        return bets.log_mixture(apart[0], side.weights)
    pooled = np.sum(apart, axis=0)
    return bets.over_strata([] if design.many else apart, pooled, side.weights)


def highest_rejected(log_es: Floats, margins: Floats, error: float) -> float:
    """The largest m of the grid at which H0: effect ≤ m is rejected; −1 when none is."""
    rejected = np.flatnonzero(log_es >= -math.log(error))
    return -1.0 if rejected.size == 0 else float(margins[rejected[-1]])


def read(design: Design, state: State) -> Reading:
    sides = ledger_sides(design)
    errors = {claim: sides[claim][0].error for claim in claims_of(design)}
    if state["blocks"] == 0:
        return blocks.nothing_yet(errors, NOTHING_YET)
    kept = held(state)
    logs = {claim: float(total(design, kept, claim, sides[claim][0])[0]) for claim in errors}
    return Reading(blocks.claims(state, logs, errors), *blocks.interval(state), state["blocks"])


METHOD = Method(
    name="bounded-mixture",
    kinds=("amount", "score"),
    guarantee=(
        "P(the claim ever fires) ≤ its error rate under its null hypothesis on the mean of the (winsorised) values, at "
        "every sample size and however often anybody looks"
    ),
    start=start,
    step=step,
    read=read,
    trace=trace,
    units=("person", "cluster"),
)
