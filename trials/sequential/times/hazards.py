"""Bets on a hazard ratio, all read off one curve: the log likelihood L(δ) of δ = −log(hazard ratio), turned by `higher`.

P(there is a time at which Σ_k w_k exp(L(m + d_k) − L(m)) ≥ 1/error | δ ≤ m at all times) ≤ error, when L is the (partial)
log likelihood of a counting process: for each d_k > 0 the ratio is a martingale at δ = m, and below m a supermartingale,
because the family has a monotone likelihood ratio: it falls in the number of events, and there are the more of them the
smaller δ is (Lehmann & Romano, 2005, section 3.4; Ville, 1939, for the mixture). The true δ may differ from event to
event as long as it stays on its side of m.

Every claim and both ends of the confidence sequence use differences of the same curve, so it is kept on a lattice of δ
whose steps divide all bets. L is concave, so L(m + d) − L(m) falls as m rises: the rejected m are an interval, and its end
is at most one step of the lattice on the safe side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from trials.errors import ProtocolError
from trials.sequential import bets
from trials.sequential.bets import Floats, Side
from trials.sequential.design import IDLE_WEIGHT, Design

# A worthwhile effect δ* is so many steps of the lattice. Truths that the bets look for, in steps, with their stakes; chosen
# by exact enumeration (docs/scripts/time_evidence.py): 2 to 4 % fewer events than the bets for shares of people. Sums of
# powers of 1/2, so that cohorts that tell nothing leave E at 1 to the bit.
STEPS = 20
BENEFIT_TRUTHS, BENEFIT_WEIGHTS = (20, 30, 50), (0.5, 0.3125, 0.1875)
# Dud's distances from its null are benefit's, with no weight below half of theirs: so when harm fires at 1/alpha, dud's bets
# have reached half of that at m = 0, and the upper end can't stay above 0 (alpha ≤ beta / 2, one stratum).
DUD_TRUTHS, DUD_WEIGHTS = (0, -10, -30), (0.6875, 0.1875, 0.125)
# Effects at which the interval can end: every step within 8 δ*, every tenth beyond; nothing beyond a hazard ratio of 55
# (e^4), two δ* at least, 60 δ* at most.
FINE, COARSE, REACH, WIDEST = 8 * STEPS, STEPS // 2, 4.0, 60 * STEPS
LARGEST_WORTHWHILE = math.log(20) + 1e-9
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Places:
    """Where the nulls and the bets' truths lie on the lattice: columns of the curve, shapes (G,) and (K, G)."""

    null: Integers
    truths: Integers


def admit(design: Design) -> None:
    """Raises ProtocolError when the smallest effect worth having is no hazard ratio that a trial could meet."""
    if not 0 < unit(design) <= LARGEST_WORTHWHILE:
        raise ProtocolError(
            f"worthwhile == {unit(design):g} as -log(hazard ratio), must be > 0 and at most log(20) = 3.0: the hazard a "
            "20th of what it was. Write a smaller improvement."
        )
    if not 0 < design.baseline < 1:
        raise ProtocolError(
            f"baseline == {design.baseline:g}, must be > 0 and < 1: the share of people with an event by the end of follow-up."
        )


def unit(design: Design) -> float:
    """δ*, or a guardrail's margin: what the lattice's steps are a 20th of."""
    return design.margin if design.margin > 0 else design.worthwhile


def turn(design: Design) -> float:
    """δ = −turn · log(hazard ratio)."""
    return -1.0 if design.higher else 1.0


@lru_cache(maxsize=256)
def sides(design: Design) -> dict[str, Side]:
    """Each claim's bets; margin and distances in steps of the lattice, oriented so that H0 is: effect ≤ margin."""

    def side(swapped: bool, margin: int, distances: tuple[int, ...], weights: tuple[float, ...], error: float) -> Side:
        if design.several:
            distances = (0, *distances)
            weights = (IDLE_WEIGHT, *((1 - IDLE_WEIGHT) * weight for weight in weights))
        return Side(margin, design.n_t, design.n_c, swapped, distances, weights, error)

    if design.margin > 0:
        return {"breach": side(True, STEPS, BENEFIT_TRUTHS, BENEFIT_WEIGHTS, design.alpha)}
    dud = tuple(STEPS - truth for truth in DUD_TRUTHS)
    return {
        "benefit": side(False, 0, BENEFIT_TRUTHS, BENEFIT_WEIGHTS, design.alpha),
        "dud": side(True, -STEPS, dud, DUD_WEIGHTS, design.beta),
        "harm": side(True, 0, BENEFIT_TRUTHS, BENEFIT_WEIGHTS, design.alpha),
    }


@lru_cache(maxsize=64)
def margins(design: Design) -> Integers:
    """Effects at which the confidence sequence can end, in steps, increasing. Shape (G,)."""
    furthest = min(max(2 * STEPS, int(REACH / unit(design) * STEPS)), WIDEST)
    beyond = np.arange(FINE + COARSE, furthest + 1, COARSE)
    fine = np.arange(-min(FINE, furthest), min(FINE, furthest) + 1)
    return np.concatenate([-beyond[::-1], fine, beyond])


@lru_cache(maxsize=64)
def lattice(design: Design) -> Integers:
    """Effects at which the curve is kept, in steps, increasing: the margins and what is bet on from them. Shape (P,)."""
    away = {0, *(distance for side in sides(design).values() for distance in side.distances)}
    shifted = np.concatenate([margins(design) + int(distance) for distance in sorted(away)])
    return np.unique(np.concatenate([shifted, -shifted]))


@lru_cache(maxsize=64)
def effects(design: Design) -> Floats:
    """The lattice as effects δ. Shape (P,)."""
    return value(design, lattice(design))


def value(design: Design, steps: Integers) -> Floats:
    """Steps as effects; 20 of them are δ* to the last bit."""
    return np.asarray(steps / STEPS * unit(design), dtype=np.float64)


def places(design: Design, side: Side, at: Integers) -> Places:
    """The columns for H0: effect ≤ m at these m, shape (G,), in steps and the side's own orientation."""
    sign, points = (-1 if side.swapped else 1), lattice(design)
    truths = at[None, :] + np.array(side.distances, dtype=np.int64)[:, None]
    return Places(np.searchsorted(points, sign * at), np.searchsorted(points, sign * truths))


@lru_cache(maxsize=256)
def claim_places(design: Design) -> dict[str, Places]:
    return {claim: places(design, side, np.array([int(side.margin)])) for claim, side in sides(design).items()}


@lru_cache(maxsize=256)
def end_places(design: Design) -> dict[str, Places]:
    return {claim: places(design, side, margins(design)) for claim, side in sides(design).items()}


def log_e(design: Design, side: Side, where: Places, curves: dict[str, Floats]) -> Floats:
    """log E over all strata, shape (B, G), from each stratum's curve after each of B steps, shape (B, P)."""
    wealth = [_wealth(curves[stratum], where) for stratum in sorted(curves)]
    pooled = np.sum(wealth, axis=0)
    if not design.several:
        return bets.log_mixture(pooled, side.weights)
    return bets.over_strata([] if design.many else wealth, pooled, side.weights)


def _wealth(curve: Floats, where: Places) -> Floats:
    null = curve[:, where.null]
    return np.stack([curve[:, truth] - null for truth in where.truths])
