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
from typing import Any

import numpy as np

from trials.evidence import CLAIMS, Claim
from trials.sequential import bets, blocks
from trials.sequential.bets import Floats, Side
from trials.sequential.binary_mixture import NOTHING_YET
from trials.sequential.design import Design, Method, Reading, Unit

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
    return {
        **single,
        "low": (by_claim["benefit"], grid(design)),
        "high": (by_claim["harm"], grid(design)),
        "top": (by_claim["dud"], grid(design)),
    }


def start(design: Design) -> dict[str, Any]:
    return {**blocks.fresh(design), "logs": {}, "seen": 0, "sum": 0.0, "squares": 0.0}


def step(design: Design, state: dict[str, Any], units: tuple[Unit, ...]) -> dict[str, Any]:
    """The state after these participants, in the sealed order. O(1) per block; the given state stays as it was."""
    logs = {
        stratum: {name: np.array(values) for name, values in kept.items()} for stratum, kept in state["logs"].items()
    }
    state = {
        **state,
        "waiting": blocks.copied(state["waiting"]),
        "peak": dict(state["peak"]),
        "crossed": dict(state["crossed"]),
    }
    before = state["people"]
    sides = ledger_sides(design)
    errors = {claim: sides[claim][0].error for claim in CLAIMS}
    for people, stratum, treated, control in blocks.complete(design, state["waiting"], units):
        held = logs.setdefault(
            stratum, {name: np.zeros((len(side.weights), len(m))) for name, (side, m) in sides.items()}
        )
        centre, variance = learned(design, state)
        for name, (side, margins) in sides.items():
            t, c = (control, treated) if side.swapped else (treated, control)
            held[name] = held[name] + pay(side, t, c, margins, centre, variance)
        learn(state, treated + control)
        state["blocks"] += 1
        totals = {name: total(logs, name, side) for name, (side, _) in sides.items()}
        blocks.note_peaks(state, {claim: float(totals[claim][0]) for claim in CLAIMS}, errors, before + people)
        state["low"] = max(state["low"], highest_rejected(totals["low"], grid(design), design.alpha))
        for end, error in (("high", design.alpha), ("top", design.beta)):
            state[end] = min(state[end], 0.0 - highest_rejected(totals[end], grid(design), error))
    state["people"] = before + sum(unit.loss is not None for unit in units)
    state["logs"] = {
        stratum: {name: values.tolist() for name, values in held.items()} for stratum, held in logs.items()
    }
    return state


def learned(design: Design, state: dict[str, Any]) -> tuple[float, float]:
    """Mean and variance of one loss as known before the next block: the plan's guesses, then the data."""
    weight = PRIOR_WEIGHT + state["seen"]
    mean = (PRIOR_WEIGHT * design.baseline + state["sum"]) / weight
    squares = PRIOR_WEIGHT * (design.spread + design.baseline**2) + state["squares"]
    return mean, max(squares / weight - mean**2, 1e-4)


def learn(state: dict[str, Any], losses: list[float]) -> None:
    state["seen"] += len(losses)
    state["sum"] += math.fsum(losses)
    state["squares"] += math.fsum(loss * loss for loss in losses)


def pay(
    side: Side, treated: list[float], control: list[float], margins: Floats, centre: float, variance: float
) -> Floats:
    """log of what a block pays each bet at each margin: shape (K, G).

    Stake λ_k = a_k / (v̂_D + a_k²): the fastest-growing bet, to second order, for an effect a_k beyond the margin when a
    block's difference of means has variance v̂_D = v̂ (1/n_T + 1/n_C).
    """
    distance = np.array(side.distances)[:, None]
    spread = variance * (1 / side.n_t + 1 / side.n_c)
    m = margins[None, :]
    if side.n_t == side.n_c == 1:
        limit = CAUTION * bets.most(1, 1, m, centre)
        stake = np.minimum(distance / (spread + distance**2), limit)
        return np.asarray(np.log1p(stake * (control[0] - treated[0] - m)), dtype=np.float64)
    limit = CAUTION * bets.most(side.n_t, side.n_c, m, centre)
    stake = np.minimum(distance / (spread + distance**2), limit)
    logs = np.zeros((distance.shape[0], m.shape[1]))
    for loss in treated:
        logs = logs + np.log1p(-(stake / side.n_t) * (loss - (centre - m / 2)))
    for loss in control:
        logs = logs + np.log1p((stake / side.n_c) * (loss - (centre + m / 2)))
    return logs


def total(logs: dict[str, dict[str, Floats]], name: str, side: Side) -> Floats:
    """log E at each margin: the strata's mixtures multiplied. Shape (G,)."""
    sums = [bets.log_mixture(logs[stratum][name], side.weights) for stratum in sorted(logs)]
    result = sums[0]
    for more in sums[1:]:
        result = result + more
    return result


def highest_rejected(log_es: Floats, margins: Floats, error: float) -> float:
    """The largest m of the grid at which H0: effect ≤ m is rejected; −1 when none is."""
    rejected = np.flatnonzero(log_es >= -math.log(error))
    return -1.0 if rejected.size == 0 else float(margins[rejected[-1]])


def read(design: Design, state: dict[str, Any]) -> Reading:
    sides = ledger_sides(design)
    errors = {claim: sides[claim][0].error for claim in CLAIMS}
    if state["blocks"] == 0:
        claims = {claim: Claim(None, None, 1 / errors[claim], None, NOTHING_YET) for claim in CLAIMS}
        return Reading(claims, None, None, 0)
    logs = {
        stratum: {name: np.array(values) for name, values in kept.items()} for stratum, kept in state["logs"].items()
    }
    claims = {
        claim: Claim(
            log_e=float(total(logs, claim, sides[claim][0])[0]),
            p=min(1.0, math.exp(-state["peak"][claim])),
            threshold=1 / errors[claim],
            crossed_at_n=state["crossed"].get(claim),
        )
        for claim in CLAIMS
    }
    return Reading(claims, *blocks.interval(state), state["blocks"])


METHOD = Method(
    name="bounded-mixture",
    kinds=("amount",),
    guarantee=(
        "P(the claim ever fires) ≤ its error rate under its null hypothesis on the mean of the winsorised amount, at "
        "every sample size and however often anybody looks"
    ),
    start=start,
    step=step,
    read=read,
)
