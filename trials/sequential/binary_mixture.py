"""Pairs and blocks of binary outcomes: a mixture over fixed bets, whose evidence depends on counts alone.

Guarantee: P(there is a block t with E_t ≥ 1/error) ≤ error under the claim's null hypothesis, however often anybody
looks (Ville, 1939), when within each stratum the treated have one chance of a loss and the controls another.
Source: Waudby-Smith & Ramdas (2024), JRSS B 86:1-27, betting; mixture over bets: Robbins (1970), Ann. Math. Stat. 41.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trials.evidence import CLAIMS, Claim
from trials.sequential import bets, blocks
from trials.sequential.bets import Floats, Side
from trials.sequential.design import Design, Method, Reading, Unit

NOTHING_YET = "no block of treated and control participants is complete yet"
# The ends of the confidence sequence are multiples of 2^-40 of the scale, found by cutting into so many sections at a time.
LATTICE = 2**40
SECTIONS = 32
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


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


def log_e(counts: Floats, pay: Floats, weights: tuple[float, ...]) -> Floats:
    """log E from the counts of each kind of block. counts: (B, cells); pay: (K, cells) or (K, M, cells) -> (B,) or (M, B).

    Summed kind by kind, so the same numbers come out whatever is computed beside them.
    """
    logs = np.zeros((*pay.shape[:-1], counts.shape[0]))
    for index in range(pay.shape[-1]):
        logs = logs + pay[..., index, None] * counts[:, index]
    return bets.log_mixture(logs, weights)


def start(design: Design) -> dict[str, Any]:
    return {**blocks.fresh(design), "counts": {}}


def step(design: Design, state: dict[str, Any], units: tuple[Unit, ...]) -> dict[str, Any]:
    """The state after these participants, in the sealed order. O(1) per block; the given state stays as it was."""
    waiting = blocks.copied(state["waiting"])
    found = list(blocks.complete(design, waiting, units))
    state = {**state, "waiting": waiting, "peak": dict(state["peak"]), "crossed": dict(state["crossed"])}
    before = state["people"]
    state["people"] += sum(unit.loss is not None for unit in units)
    if not found:
        return state
    paths = counted(design, state["counts"], found)
    state["counts"] = {stratum: path[-1].astype(int).tolist() for stratum, path in paths.items()}
    state["blocks"] += len(found)
    errors = {claim: side.error for claim, (side, _) in staked(design).items()}
    logs = {claim: total(paths, tables(design)[claim], side.weights) for claim, (side, _) in staked(design).items()}
    for number, (people, *_) in enumerate(found):
        now = {claim: float(path[number]) for claim, path in logs.items()}
        blocks.note_peaks(state, now, errors, before + people)
    state["low"] = bound(design, paths, "benefit", state["low"])
    state["high"] = 0.0 - bound(design, paths, "harm", -state["high"])
    state["top"] = 0.0 - bound(design, paths, "dud", -state["top"])
    return state


def counted(
    design: Design, counts: dict[str, list[int]], found: list[tuple[int, str, list[float], list[float]]]
) -> dict[str, Floats]:
    """Per stratum its counts after each of the B blocks found, whosever block that was: shape (B, cells)."""
    kinds = (design.n_t + 1) * (design.n_c + 1)
    strata = sorted({*counts, *(stratum for _, stratum, _, _ in found)})
    paths = {stratum: np.zeros((len(found), kinds)) for stratum in strata}
    for number, (_, stratum, treated, control) in enumerate(found):
        paths[stratum][number, cell(design, sum(treated), sum(control))] = 1
    return {
        stratum: np.cumsum(path, axis=0) + np.array(counts.get(stratum, [0] * kinds), dtype=np.float64)
        for stratum, path in paths.items()
    }


def total(paths: dict[str, Floats], pay: Floats, weights: tuple[float, ...]) -> Floats:
    """log E after each block: the strata's mixtures multiplied. Shape (B,), or (M, B) for a pay-off table per margin."""
    logs = [log_e(path, pay, weights) for path in paths.values()]
    result = logs[0]
    for more in logs[1:]:
        result = result + more
    return result


def bound(design: Design, paths: dict[str, Floats], claim: str, known: float) -> float:
    """The largest effect m for which H0: effect ≤ m was ever rejected (in the claim's orientation), at least `known`.

    By inverting the claim's own bets. log E falls as m rises, so the rejected m are an interval; its end is sought on
    the lattice of multiples of 2^-40, where it is the same number however the blocks are cut into steps.
    """
    side, stakes = staked(design)[claim]
    threshold = -math.log(side.error)

    def rejected(lattice: Integers) -> Booleans:
        pay = table(design, side, stakes[:, None], (lattice / LATTICE)[None, :])
        return np.asarray(total(paths, pay, side.weights).max(axis=-1) >= threshold)

    low, high = max(round(known * LATTICE), 1 - LATTICE), LATTICE - 1
    if not rejected(np.array([low]))[0]:
        return known
    while high - low > 1:
        inner = np.unique(np.linspace(low, high, SECTIONS + 1).astype(np.int64)[1:-1])
        inner = inner[(inner > low) & (inner < high)]
        accepted = np.flatnonzero(~rejected(inner))
        first = inner.size if accepted.size == 0 else int(accepted[0])
        high = high if first == inner.size else int(inner[first])
        low = low if first == 0 else int(inner[first - 1])
    return low / LATTICE


def read(design: Design, state: dict[str, Any]) -> Reading:
    errors = {claim: side.error for claim, (side, _) in staked(design).items()}
    if state["blocks"] == 0:
        claims = {claim: Claim(None, None, 1 / errors[claim], None, NOTHING_YET) for claim in CLAIMS}
        return Reading(claims, None, None, 0)
    counts = {stratum: np.array([kept], dtype=np.float64) for stratum, kept in sorted(state["counts"].items())}
    claims = {
        claim: Claim(
            log_e=float(total(counts, tables(design)[claim], staked(design)[claim][0].weights)[0]),
            p=min(1.0, math.exp(-state["peak"][claim])),
            threshold=1 / errors[claim],
            crossed_at_n=state["crossed"].get(claim),
        )
        for claim in CLAIMS
    }
    return Reading(claims, *blocks.interval(state), state["blocks"])


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
)
