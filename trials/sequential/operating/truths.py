"""What people's values would be if an effect were true: for planning, before there are any data.

Binary: a share of losses. Bounded: beta with the plan's spread. Counts: Poisson, or negative binomial with the plan's
variance over mean, each person watched for one unit of exposure. Times: one constant hazard per arm, followed up for one
unit of time (`cap`), by whose end a share `baseline` of the controls have the event.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from trials.sequential.bets import Floats
from trials.sequential.design import Design, Unit

# A share of the largest variance that a mean allows; with more a beta distribution is all but 0 and 1.
WIDEST = 0.95


def rates(design: Design, effect: float) -> tuple[float, float]:
    """(control's, treated's) mean loss, rate or hazard under this effect on the method's scale. One arm: the benchmark's."""
    base = -math.log1p(-design.baseline) if design.values == "time" else design.baseline
    if design.values == "time":
        return base, base * math.exp(effect if design.higher else -effect)
    return base, base + effect if design.higher else base - effect


def limits(design: Design) -> tuple[float, float]:
    """Effects below and above which no treated share, mean or rate is left; times: hazards a hundred times apart."""
    if design.values == "time":
        return -math.log(100), math.log(100)
    top = design.cap if design.values == "count" else 1.0
    room = design.baseline, top - design.baseline
    low, high = (room[0], room[1]) if design.higher else (room[1], room[0])
    return -low, high


def possible(design: Design, effect: float) -> bool:
    """Whether the effect lies inside `limits`."""
    low, high = limits(design)
    return low < effect < high


def variance(design: Design, mean: float) -> float:
    """One value's variance at this mean: of a loss, or of a count at exposure 1."""
    if design.values == "binary":
        return mean * (1 - mean)
    return design.spread * mean if design.values == "count" else design.spread


def drawn(design: Design, mean: float, shape: int | tuple[int, ...], rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Values and companions, as `Unit` has them, of people with this mean, rate or hazard. Shapes as asked for."""
    ones = np.ones(shape)
    if design.values == "binary":
        return np.asarray(rng.random(shape) < mean, dtype=np.float64), ones
    if design.values == "time":
        times = rng.exponential(1 / mean, shape)
        return design.cap * np.minimum(times, 1.0), np.asarray(times <= 1.0, dtype=np.float64)
    if design.values == "count":
        if design.spread <= 1.0 + 1e-9:
            return np.asarray(rng.poisson(mean, shape), dtype=np.float64), ones
        size = mean / (design.spread - 1.0)
        return np.asarray(rng.negative_binomial(size, 1 / design.spread, shape), dtype=np.float64), ones
    size = mean * (1 - mean) / min(design.spread, WIDEST * mean * (1 - mean)) - 1
    return np.asarray(rng.beta(size * mean, size * (1 - mean), shape), dtype=np.float64), ones


def people(design: Design, effect: float, number: int, rng: np.random.Generator, strata: int = 1) -> tuple[Unit, ...]:
    """A trial's participants in their order: permuted blocks, strata taking turns block by block."""
    arms = allocated({"t": design.n_t, "c": design.n_c}, number, rng)
    control, treated = (drawn(design, rate, number, rng) for rate in rates(design, effect))
    block = design.n_t + design.n_c
    found = []
    for at, arm in enumerate(arms):
        values, companions = treated if arm == "t" else control
        place: Literal["t", "c"] = "t" if arm == "t" else "c"
        found.append(Unit(f"{at // block % strata:03}", place, float(values[at]), float(companions[at])))
    return tuple(found)


def allocated(shares: dict[str, int], number: int, rng: np.random.Generator) -> list[str]:
    """The arms of so many participants, in permuted blocks of these sizes."""
    block = [arm for arm, share in shares.items() for _ in range(share)]
    blocks = -(-number // len(block))
    order = rng.permuted(np.tile(np.arange(len(block)), (blocks, 1)), axis=1).ravel()[:number]
    return [block[place] for place in order]
