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

from trials.evidence import CLAIMS, Claim
from trials.sequential import bets, blocks
from trials.sequential.bets import Floats, Side
from trials.sequential.design import Design, Method, Reading, Unit

NOTHING_YET = "no block of treated and control participants is complete yet"
# The confidence sequence is refined until its ends are known to 2^-40 of the scale.
HALVINGS = 40


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
    """log E from the counts of each kind of block. counts: (..., cells); pay: (K, cells) -> (...)."""
    logs = np.zeros((pay.shape[0], *counts.shape[:-1]))
    for index in range(pay.shape[1]):
        logs = logs + pay[:, index].reshape(-1, *[1] * (counts.ndim - 1)) * counts[..., index]
    return bets.log_mixture(logs, weights)


def start(design: Design) -> dict[str, Any]:
    return {**blocks.fresh(design), "counts": {}}


def step(design: Design, state: dict[str, Any], units: tuple[Unit, ...]) -> dict[str, Any]:
    """The state after these participants, in the sealed order. O(1) per block; the given state stays as it was."""
    state = {
        **state,
        "waiting": blocks.copied(state["waiting"]),
        "counts": {stratum: list(counts) for stratum, counts in state["counts"].items()},
        "peak": dict(state["peak"]),
        "crossed": dict(state["crossed"]),
    }
    people = state["people"]
    kinds = (design.n_t + 1) * (design.n_c + 1)
    errors = {claim: side.error for claim, (side, _) in staked(design).items()}
    for index, stratum, treated, control in blocks.complete(design, state["waiting"], units):
        counts = state["counts"].setdefault(stratum, [0] * kinds)
        counts[cell(design, sum(treated), sum(control))] += 1
        state["blocks"] += 1
        logs = {claim: now(design, state["counts"], claim) for claim in CLAIMS}
        blocks.note_peaks(state, logs, errors, people + index + 1)
        state["low"] = bound(design, state["counts"], "benefit", state["low"])
        state["high"] = -bound(design, state["counts"], "harm", -state["high"])
    state["people"] = people + len(units)
    return state


def now(design: Design, counts: dict[str, list[int]], claim: str) -> float:
    """log E of a claim: the strata's mixtures multiplied."""
    side, _ = staked(design)[claim]
    pay = tables(design)[claim]
    return math.fsum(
        float(log_e(np.array(counts[stratum], dtype=np.float64), pay, side.weights)) for stratum in sorted(counts)
    )


def bound(design: Design, counts: dict[str, list[int]], claim: str, known: float) -> float:
    """The largest m for which H0: effect ≤ m is rejected (in the claim's orientation), at least `known`.

    By inverting the claim's own bets: log E falls as m rises, so the rejected m are an interval, and the running
    maximum over blocks is the confidence sequence's end.
    """
    side, stakes = staked(design)[claim]
    threshold = -math.log(side.error)

    def rejected(m: float) -> bool:
        pay = table(design, side, stakes, np.full(stakes.shape, m))
        return (
            math.fsum(
                float(log_e(np.array(counts[stratum], dtype=np.float64), pay, side.weights))
                for stratum in sorted(counts)
            )
            >= threshold
        )

    low, high = max(known, -0.9999), 0.9999
    if low >= high or not rejected(low):
        return known
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if rejected(middle) else (low, middle)
    return low


def read(design: Design, state: dict[str, Any]) -> Reading:
    errors = {claim: side.error for claim, (side, _) in staked(design).items()}
    if state["blocks"] == 0:
        claims = {claim: Claim(None, None, 1 / errors[claim], None, NOTHING_YET) for claim in CLAIMS}
        return Reading(claims, None, None, 0)
    claims = {
        claim: Claim(
            log_e=now(design, state["counts"], claim),
            p=min(1.0, math.exp(-state["peak"][claim])),
            threshold=1 / errors[claim],
            crossed_at_n=state["crossed"].get(claim),
        )
        for claim in CLAIMS
    }
    low = None if state["low"] <= -1.0 else state["low"]
    high = None if state["high"] >= 1.0 else state["high"]
    return Reading(claims, low, high, state["blocks"])


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
