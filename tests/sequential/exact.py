"""Exact crossing probabilities of pair bets by dynamic programming over counts; independent of the package's stepping."""

import numpy as np


def crossing_chance(
    stakes: np.ndarray,
    weights: tuple[float, ...],
    margin: float,
    control: float,
    treated: float,
    *,
    pairs: int,
    threshold: float,
) -> tuple[float, float]:
    """(P(Σ w Π(1 + λ(D − m)) ≥ threshold within `pairs`), mean pairs until then, at most `pairs`).

    State: how many pairs had D = +1 and how many D = −1; the rest were 0.
    """
    up, down = control * (1 - treated), treated * (1 - control)
    tie = 1 - up - down
    size = pairs + 1
    alive = np.zeros((size, size))
    alive[0, 0] = 1.0
    plus, minus = np.arange(size)[:, None], np.arange(size)[None, :]
    logs = [(np.log1p(s * (1 - margin)), np.log1p(s * (-1 - margin)), np.log1p(-s * margin)) for s in stakes]
    crossed, expected = 0.0, 0.0
    for step in range(1, pairs + 1):
        expected += alive.sum()
        moved = alive * tie
        moved[1:, :] += alive[:-1, :] * up
        moved[:, 1:] += alive[:, :-1] * down
        zero = np.maximum(step - plus - minus, 0)
        value = sum(w * np.exp(plus * a + minus * b + zero * c) for w, (a, b, c) in zip(weights, logs, strict=True))
        fires = value >= threshold
        crossed += moved[fires].sum()
        moved[fires] = 0.0
        alive = moved
    return float(crossed), float(expected)


def one_arm_chance(
    pay: np.ndarray, weights: tuple[float, ...], truth: float, *, participants: int, threshold: float
) -> tuple[float, float]:
    """(P(Σ w Π pay-offs ≥ threshold within `participants`), mean participants until then). pay: log, (bets, 2), loss last.

    State: how many of the participants had a loss.
    """
    alive, crossed, expected = np.ones(1), 0.0, 0.0
    for n in range(1, participants + 1):
        expected += alive.sum()
        moved = np.zeros(n + 1)
        moved[:-1] += alive * (1 - truth)
        moved[1:] += alive * truth
        losses = np.arange(n + 1)
        value = sum(w * np.exp((n - losses) * a + losses * b) for w, (a, b) in zip(weights, pay, strict=True))
        fires = value >= threshold
        crossed += moved[fires].sum()
        moved[fires] = 0.0
        alive = moved
    return float(crossed), float(expected)


def ends_first(by_claim: dict[str, np.ndarray], claim: str) -> float:
    """Share of simulated trials that end with this claim: harm before dud before benefit at one look. -1 = never fired."""
    order = ("harm", "dud", "benefit")
    stops = np.stack([np.where(by_claim[name] < 0, np.iinfo(np.int64).max, by_claim[name]) for name in order])
    return float(np.mean((stops.argmin(axis=0) == order.index(claim)) & (by_claim[claim] >= 0)))
