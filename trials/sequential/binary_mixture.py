"""Pairs and blocks of binary outcomes: a mixture over fixed bets, whose evidence depends on counts alone.

Guarantee: P(there is a block t with E_t ≥ 1/error) ≤ error under the claim's null hypothesis, however often anybody
looks (Ville, 1939), when within each stratum the treated have one chance of a loss and the controls another.
Source: Waudby-Smith & Ramdas (2024), JRSS B 86:1-27, betting; mixture over bets: Robbins (1970), Ann. Math. Stat. 41.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from trials.sequential import bets, blocks
from trials.sequential.bets import Floats, Side
from trials.sequential.blocks import Block
from trials.sequential.design import Design, Mark, Method, Reading, State, Unit
from trials.sequential.inversion import LATTICE, furthest

NOTHING_YET = "no block of treated and control participants is complete yet"
Integers = NDArray[np.int64]


@lru_cache(maxsize=256)
def staked(design: Design) -> dict[str, tuple[Side, Floats]]:
    """Each claim's bets with their stakes; fixed by the plan."""
    return {claim: (side, np.array(bets.binary_stakes(design, side))) for claim, side in bets.sides(design).items()}


@lru_cache(maxsize=256)
def tables(design: Design) -> dict[str, Floats]:
    """log of what each kind of block pays, per claim: shape (K bets, (n_t + 1)(n_c + 1) kinds of block)."""
    return {
        claim: table(design, side, stakes, np.full(stakes.shape, side.margin))
        for claim, (side, stakes) in staked(design).items()
    }


def table(design: Design, side: Side, stakes: Floats, margin: Floats) -> Floats:
    """log pay-offs by kind of block, in the order of `cell`: (actual treated losses, actual control losses)."""
    capped = np.minimum(stakes, bets.most(side.n_t, side.n_c, margin, design.baseline))
    columns = []
    for treated in range(design.n_t + 1):
        for control in range(design.n_c + 1):
            t, c = (control, treated) if side.swapped else (treated, control)
            columns.append(bets.log_factor(t, c, side.n_t, side.n_c, capped, margin, design.baseline))
    return np.stack(columns, axis=-1)


def cell(design: Design, treated: float, control: float) -> int:
    """The index of a kind of block among the (n_t + 1)(n_c + 1)."""
    return int(treated) * (design.n_c + 1) + int(control)


def wealth(counts: Floats, pay: Floats) -> Floats:
    """log wealth of each bet from the counts of each kind of block.

    counts: (B, cells); pay: (K, cells) -> (K, B), or (K, M, cells) for a table per margin -> (K, M, B).
    Summed kind by kind, so the same numbers come out whatever is computed beside them.
    """
    logs = np.zeros((*pay.shape[:-1], counts.shape[0]))
    for index in range(pay.shape[-1]):
        logs = logs + pay[..., index, None] * counts[:, index]
    return logs


def start(design: Design) -> State:
    return {**blocks.fresh(design), "counts": {}}


def step(design: Design, state: State, units: tuple[Unit, ...]) -> State:
    """The state after these participants, in the sealed order. O(1) per block; the given state stays as it was."""
    return blocks.in_parts(_advance, design, state, units)


def trace(design: Design, state: State, units: tuple[Unit, ...]) -> tuple[State, tuple[Mark, ...]]:
    """`step`, and the evidence after each block."""
    state, found, people, logs = _advance(design, state, units)
    return state, blocks.marks(found, people, logs)


def _advance(
    design: Design, state: State, units: tuple[Unit, ...]
) -> tuple[State, list[Block], Integers, dict[str, Floats]]:
    """The state, the blocks found, people with an outcome after each and each claim's log E after each: shape (B,)."""
    waiting = blocks.copied(state["waiting"])
    found = list(blocks.complete(design, waiting, units))
    state = {**state, "waiting": waiting, "peak": dict(state["peak"]), "crossed": dict(state["crossed"])}
    people = state["people"] + np.array([block.people for block in found], dtype=np.int64)
    state["people"] += sum(unit.loss is not None for unit in units)
    if not found:
        return state, found, people, {}
    paths = counted(design, state["counts"], found)
    state["counts"] = {stratum: path[-1].astype(int).tolist() for stratum, path in paths.items()}
    state["blocks"] += len(found)
    errors = {claim: side.error for claim, (side, _) in staked(design).items()}
    logs = {
        claim: total(design, paths, tables(design)[claim], side.weights) for claim, (side, _) in staked(design).items()
    }
    blocks.note_path(state, logs, errors, people)
    state["low"] = bound(design, paths, "benefit", state["low"])
    state["high"] = 0.0 - bound(design, paths, "harm", -state["high"])
    state["top"] = 0.0 - bound(design, paths, "dud", -state["top"])
    return state, found, people, logs


def counted(design: Design, counts: dict[str, list[int]], found: list[Block]) -> dict[str, Floats]:
    """Per stratum its counts after each of the B blocks found, whosever block that was: shape (B, cells)."""
    kinds = (design.n_t + 1) * (design.n_c + 1)
    strata = sorted({*counts, *(block.stratum for block in found)})
    cells = np.array([cell(design, sum(block.treated), sum(block.control)) for block in found])
    whose = np.array([strata.index(block.stratum) for block in found]) if len(strata) > 1 else np.zeros(len(found))
    paths = {}
    for number, stratum in enumerate(strata):
        path = np.zeros((len(found), kinds))
        mine = np.flatnonzero(whose == number)
        path[mine, cells[mine]] = 1
        paths[stratum] = np.cumsum(path, axis=0) + np.array(counts.get(stratum, [0] * kinds), dtype=np.float64)
    return paths


def total(design: Design, paths: dict[str, Floats], pay: Floats, weights: tuple[float, ...]) -> Floats:
    """log E after each block, over all strata. Shape (B,), or (M, B) for a pay-off table per margin."""
    pooled = np.sum(list(paths.values()), axis=0)
    if not design.several:
        return bets.log_mixture(wealth(pooled, pay), weights)
    apart = [] if design.many else [wealth(path, pay) for path in paths.values()]
    return bets.over_strata(apart, wealth(pooled, pay), weights)


def bound(design: Design, paths: dict[str, Floats], claim: str, known: float) -> float:
    """The largest effect m for which H0: effect ≤ m was ever rejected (in the claim's orientation), at least `known`."""
    side, stakes = staked(design)[claim]

    def log_e(effects: Floats, at: dict[str, Floats]) -> Floats:
        return total(design, at, table(design, side, stakes[:, None], effects[None, :]), side.weights)

    first = max(round(known * LATTICE), 1 - LATTICE)
    return furthest(log_e, paths, -math.log(side.error), known, first, LATTICE - 2)


def read(design: Design, state: State) -> Reading:
    errors = {claim: side.error for claim, (side, _) in staked(design).items()}
    if state["blocks"] == 0:
        return blocks.nothing_yet(errors, NOTHING_YET)
    counts = {stratum: np.array([kept], dtype=np.float64) for stratum, kept in sorted(state["counts"].items())}
    logs = {
        claim: float(total(design, counts, tables(design)[claim], side.weights)[0])
        for claim, (side, _) in staked(design).items()
    }
    return Reading(blocks.claims(state, logs, errors), *blocks.interval(state), state["blocks"])


METHOD = Method(
    name="binary-mixture",
    kinds=("binary",),
    guarantee=(
        "P(the claim ever fires) ≤ its error rate under its null hypothesis, at every sample size and however often "
        "anybody looks, when each stratum's treated share one chance of the outcome and its controls another"
    ),
    start=start,
    step=step,
    read=read,
    trace=trace,
)
