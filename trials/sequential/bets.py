"""Bets against a null hypothesis: which truths they look for, how much they stake, what a block pays.

Everything is written for the null H0: μ_C − μ_T ≤ m. Harm and dud are the same bets with the arms exchanged
(δ ≥ m is −δ ≤ −m), so one formula serves all claims and both ends of the confidence sequence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trials.sequential.design import (
    BENEFIT_TRUTHS,
    BENEFIT_WEIGHTS,
    DUD_TRUTHS,
    DUD_WEIGHTS,
    IDLE_WEIGHT,
    Design,
)

# No bet risks more than this share of what it holds on one block; a factor never reaches 0.
MOST_AT_STAKE = 0.98
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Side:
    """The bets of one claim, oriented: H0: μ_C − μ_T ≤ margin with `n_t` treated and `n_c` controls in a block.

    swapped: the actual arms are exchanged (harm, dud). distances: truth − margin per bet, all > 0 (0 = idle).
    """

    margin: float
    n_t: int
    n_c: int
    swapped: bool
    distances: tuple[float, ...]
    weights: tuple[float, ...]
    error: float


def sides(design: Design) -> dict[str, Side]:
    """The oriented bets of the claims benefit, dud and harm; of a guardrail, those of its breach."""
    star = design.worthwhile
    benefit = tuple(star * truth for truth in BENEFIT_TRUTHS)
    dud = tuple(star - star * truth for truth in DUD_TRUTHS)

    def side(
        swapped: bool, margin: float, distances: tuple[float, ...], weights: tuple[float, ...], error: float
    ) -> Side:
        n_t, n_c = (design.n_c, design.n_t) if swapped else (design.n_t, design.n_c)
        if design.several:
            distances = (0.0, *distances)
            weights = (IDLE_WEIGHT, *((1 - IDLE_WEIGHT) * weight for weight in weights))
        return Side(margin, n_t, n_c, swapped, distances, weights, error)

    if design.margin > 0:
        beyond = tuple(design.margin * truth for truth in BENEFIT_TRUTHS)
        return {"breach": side(True, design.margin, beyond, BENEFIT_WEIGHTS, design.alpha)}
    return {
        "benefit": side(False, 0.0, benefit, BENEFIT_WEIGHTS, design.alpha),
        "dud": side(True, -star, dud, DUD_WEIGHTS, design.beta),
        "harm": side(True, 0.0, benefit, BENEFIT_WEIGHTS, design.alpha),
    }


def most(n_t: int, n_c: int, margin: Floats, centre: float) -> Floats:
    """The largest stake λ allowed, per margin m in (−1, 1): every factor of a block stays positive.

    What a block pays must fall as m rises, or the confidence sequence would not be one. Pairs: λ ≤ .98/(1 + m) does
    (its derivative is −.98 (1 + D)/(1 + m)² ≤ 0). Blocks: the limit is the one that holds for every m at once.
    """
    if n_t == n_c == 1:
        return np.asarray(MOST_AT_STAKE / (1.0 + margin), dtype=np.float64)
    limit = MOST_AT_STAKE * min(n_t / (1.5 - centre), n_c / (0.5 + centre))
    return np.full_like(margin, limit, dtype=np.float64)


def log_factor(
    treated: float, control: float, n_t: int, n_c: int, stake: Floats, margin: Floats, centre: float
) -> Floats:
    """log of what one block of *binary* losses pays: `treated` and `control` are its numbers of losses.

    Pairs (1:1): 1 + λ(D − m), D = y_C − y_T. Blocks: Π_T (1 − λ/n_T (y − c_T)) Π_C (1 + λ/n_C (y − c_C)), c_C − c_T = m
    (Waudby-Smith & Ramdas, 2024, JRSS B 86:1, "betting"; block form: docs/statistics.md, "Why a block is a fair bet").
    """
    if n_t == n_c == 1:
        return np.asarray(np.log1p(stake * (control - treated - margin)), dtype=np.float64)
    c_t, c_c = centre - margin / 2, centre + margin / 2
    k_t, k_c = stake / n_t, stake / n_c
    logs = treated * np.log1p(-k_t * (1.0 - c_t))
    logs = logs + (n_t - treated) * np.log1p(k_t * c_t)
    logs = logs + control * np.log1p(k_c * (1.0 - c_c))
    logs = logs + (n_c - control) * np.log1p(-k_c * c_c)
    return np.asarray(logs, dtype=np.float64)


def block_pay(
    side: Side,
    treated: Sequence[float] | Floats,
    control: Sequence[float] | Floats,
    margins: Floats | float,
    centre: Floats | float,
    variance: Floats | float,
    limit: Floats | float,
) -> Floats:
    """log of what a block of losses in [0, 1] pays bets that know the spread: shape (K, G).

    Stake λ_k = a_k / (v̂_D + a_k²), at most `limit`: the fastest-growing bet, to second order, for an effect a_k beyond the
    margin when a block's difference of means has variance v̂_D = v̂ (1/n_T + 1/n_C).
    treated, control: in the side's orientation, one number per person, or shape (n, G); margins, centre, variance, limit:
    (G,) or one number. G: margins of one trial, or trials side by side.
    """
    distance = np.array(side.distances)[:, None]
    stake = np.minimum(distance / (variance * (1 / side.n_t + 1 / side.n_c) + distance**2), limit)
    if side.n_t == side.n_c == 1:
        return np.asarray(np.log1p(stake * (control[0] - treated[0] - margins)), dtype=np.float64)
    logs = np.zeros((1, 1))
    for loss in treated:
        logs = logs + np.log1p(-(stake / side.n_t) * (loss - (centre - margins / 2)))
    for loss in control:
        logs = logs + np.log1p((stake / side.n_c) * (loss - (centre + margins / 2)))
    return np.asarray(logs, dtype=np.float64)


def binary_stakes(design: Design, side: Side) -> tuple[float, ...]:
    """The stake λ of each bet that grows fastest on average if its truth holds (Kelly's criterion, by 1-D maximisation).

    For benefit in pairs this is λ = (u − d)/(u + d), u = p_C(1 − p_T), d = p_T(1 − p_C).
    """
    margin = np.float64(side.margin)
    limit = float(most(side.n_t, side.n_c, np.asarray(margin), design.baseline))
    return tuple(0.0 if distance == 0 else _fastest(design, side, distance, limit) for distance in side.distances)


def _fastest(design: Design, side: Side, distance: float, limit: float) -> float:
    from scipy.optimize import minimize_scalar

    truth = side.margin + distance  # of μ_C − μ_T in the side's own orientation
    actual = -truth if side.swapped else truth
    control, treated = design.baseline, _share(design.baseline - actual)
    p_t, p_c = (control, treated) if side.swapped else (treated, control)
    chances = [
        (t, c, _binomial(side.n_t, t, p_t) * _binomial(side.n_c, c, p_c))
        for t in range(side.n_t + 1)
        for c in range(side.n_c + 1)
    ]
    margin = np.asarray(side.margin)

    def loss(stake: float) -> float:
        lam = np.asarray(stake)
        return -math.fsum(
            chance * float(log_factor(t, c, side.n_t, side.n_c, lam, margin, design.baseline))
            for t, c, chance in chances
        )

    found = minimize_scalar(loss, bounds=(0.0, limit), method="bounded", options={"xatol": 1e-10})
    return float(found.x)


def _share(value: float) -> float:
    return min(max(value, 0.01), 0.99)


def _binomial(n: int, k: int, p: float) -> float:
    return math.comb(n, k) * p**k * (1 - p) ** (n - k)


def log_mixture(logs: Floats, weights: tuple[float, ...]) -> Floats:
    """log Σ_k w_k exp(logs[k]); logs has the bets on its first axis, shape (K, ...) -> (...).

    Summed bet by bet, so the same numbers come out whatever else is computed beside them.
    """
    top = logs.max(axis=0)
    total = np.zeros_like(top)
    for weight, log in zip(weights, logs, strict=True):
        total = total + weight * np.exp(log - top)
    return np.asarray(top + np.log(total), dtype=np.float64)


def over_strata(logs: list[Floats], shared: Floats, weights: tuple[float, ...]) -> Floats:
    """log E of a trial in several strata: half of the stake on one bet over all of them, half on a bet in each.

    logs: each stratum's log wealth by bet, (K, ...) each; empty when strata are so many that only the shared one is laid.
    shared: their sum, (K, ...). An average of e-processes under one filtration is an e-process. The shared bet finds an
    effect that is much the same everywhere, the product of mixtures one that differs; the wrong half costs log 2 at most.
    """
    idle = weights[0] if len(weights) > 1 else 0.0
    together = log_mixture(shared[1:], tuple(weight / (1 - idle) for weight in weights[1:]))
    if not logs:
        return together
    product = log_mixture(logs[0], weights)
    for more in logs[1:]:
        product = product + log_mixture(more, weights)
    return np.asarray(np.logaddexp(product, together) - math.log(2), dtype=np.float64)
