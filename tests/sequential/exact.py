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
