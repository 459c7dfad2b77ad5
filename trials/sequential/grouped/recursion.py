"""The joint law of test statistics at several looks, one look at a time.

The score S(t) of a trial with drift θ is a random walk: S(t) has mean θt, variance t and independent increments, and
Z = S(t)/√t, where t is the information as a share of the planned (so θ = effect · √(all the information)). Given where
trials that have not stopped stand at one look, one integral gives where they stand at the next: Armitage, McPherson &
Rowe (1969), JRSS A 132:235-244; Jennison & Turnbull (2000), "Group Sequential Methods", chapter 19. Here by composite
Gauss-Legendre quadrature whose panels are as narrow as the increments ask for, so it is exact to about 1e-12.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Floats = NDArray[np.float64]
# Standard normal tails are cut here. 8e-24 lie beyond, little even beside the smallest probabilities that are spent.
REACH = 10.0
# A bound crossed with a smaller probability than this is no bound.
PRACTICALLY_NEVER = 1e-16
# 32 nodes integrate a panel of 8 standard deviations of the integrand to about 1e-13.
NODES = 32
PANEL = 8.0
ROOT_TWO_PI = math.sqrt(2.0 * math.pi)


@dataclass(frozen=True, slots=True)
class Cloud:
    """Where trials that go on stand after the look at time t: ∫ f(s) dP(S = s, not stopped) ≈ Σ mass · f(at).

    at, mass: shape (n,). step: the increment of information that led here.
    """

    t: float
    at: Floats
    mass: Floats
    step: float


def begin() -> Cloud:
    """Before the first look: every trial stands at 0."""
    return Cloud(0.0, np.zeros(1), np.ones(1), math.inf)


@lru_cache(maxsize=1)
def _panel() -> tuple[Floats, Floats]:
    """Gauss-Legendre nodes and weights of the unit interval."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return (nodes + 1.0) / 2.0, weights / 2.0


def _quadrature(low: float, high: float, scale: float) -> tuple[Floats, Floats]:
    """Nodes and weights on [low, high] for integrands that vary over distances of `scale`."""
    panels = max(1, math.ceil((high - low) / (PANEL * scale)))
    width = (high - low) / panels
    nodes, weights = _panel()
    starts = low + width * np.arange(panels)
    return (starts[:, None] + width * nodes[None, :]).ravel(), np.tile(width * weights, panels)


def above(cloud: Cloud, t: float, bound: float, drift: float) -> float:
    """P(not stopped before, Z(t) ≥ bound)."""
    step = t - cloud.t
    return float(cloud.mass @ ndtr((cloud.at + drift * step - bound * math.sqrt(t)) / math.sqrt(step)))


def below(cloud: Cloud, t: float, bound: float, drift: float) -> float:
    """P(not stopped before, Z(t) < bound)."""
    step = t - cloud.t
    return float(cloud.mass @ ndtr((bound * math.sqrt(t) - cloud.at - drift * step) / math.sqrt(step)))


def beyond_mean(cloud: Cloud, t: float, bound: float, drift: float) -> float:
    """E[Z(t); not stopped before, Z(t) ≥ bound]: a part of a mean, for what stopping does to an estimate."""
    step = t - cloud.t
    centre, sd = cloud.at + drift * step, math.sqrt(step)
    x = (bound * math.sqrt(t) - centre) / sd
    part = centre * ndtr(-x) + sd * np.exp(-0.5 * x * x) / ROOT_TWO_PI
    return float(cloud.mass @ part) / math.sqrt(t)


def go_on(cloud: Cloud, t: float, low: float | None, high: float | None, drift: float, next_t: float) -> Cloud:
    """The trials that neither fell to `low` nor reached `high` at time t (None = no bound there). next_t: the next look."""
    step, root = t - cloud.t, math.sqrt(t)
    centre = drift * root
    bottom = root * max(-math.inf if low is None else low, centre - REACH)
    top = root * min(math.inf if high is None else high, centre + REACH)
    if bottom >= top:
        return Cloud(t, np.array([drift * t]), np.zeros(1), step)
    scale = 1.0 / math.sqrt(1.0 / step + 1.0 / (next_t - t))
    at, weights = _quadrature(bottom, top, scale)
    moved = (at[:, None] - (cloud.at + drift * step)[None, :]) / math.sqrt(step)
    density = np.exp(-0.5 * moved * moved) @ cloud.mass / (math.sqrt(step) * ROOT_TWO_PI)
    return Cloud(t, at, weights * density, step)


def bound_above(cloud: Cloud, t: float, chance: float, drift: float = 0.0) -> float | None:
    """The bound that Z(t) reaches with this probability in a trial that has not stopped; None if practically never."""
    if chance < PRACTICALLY_NEVER:
        return None
    step = t - cloud.t
    sd = math.sqrt(step)
    centre = (cloud.at + drift * step) / math.sqrt(t)

    def tail(bound: float) -> tuple[float, float]:
        x = (centre - bound) * (math.sqrt(t) / sd)
        slope = float(cloud.mass @ np.exp(-0.5 * x * x)) * math.sqrt(t) / (sd * ROOT_TWO_PI)
        return float(cloud.mass @ ndtr(x)), slope

    middle = drift * math.sqrt(t)
    return _invert(tail, chance, middle - REACH - 2.0, middle + REACH + 2.0, middle - float(ndtri(chance)))


def bound_below(cloud: Cloud, t: float, chance: float, drift: float = 0.0) -> float | None:
    """The bound that Z(t) falls below with this probability in a trial that has not stopped; None if practically never."""
    mirrored = bound_above(Cloud(cloud.t, -cloud.at, cloud.mass, cloud.step), t, chance, -drift)
    return None if mirrored is None else -mirrored


def _invert(
    tail: Callable[[float], tuple[float, float]], chance: float, low: float, high: float, guess: float
) -> float:
    """The x at which a falling tail probability is `chance`. Newton on its logarithm, which is concave, kept in a bracket.

    `low` when even there the tail is smaller: less is left than there is to spend.
    """
    if tail(low)[0] <= chance:
        return low
    x, goal = min(max(guess, low), high), math.log(chance)
    for _ in range(200):
        value, slope = tail(x)
        low, high = (x, high) if value >= chance else (low, x)
        new = x + (math.log(value) - goal) * value / slope if value > 0.0 and slope > 0.0 else math.nan
        new = new if low <= new <= high else (low + high) / 2.0
        # Steps shrink quadratically: after one of 1e-8 the next would be below rounding.
        if abs(new - x) < 1e-8:
            return new
        x = new
    return x
