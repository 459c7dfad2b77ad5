"""Many simulated trials of counts at once: when would each claim fire? Pairs and blocks, everybody peeking after each.

The pay-offs are those of `count_mixture` and `block_likelihood`, over `runs` streams side by side.
"""

from __future__ import annotations

import math

import numpy as np

from trials.sequential import bets, exposure_blocks
from trials.sequential.bets import Floats, Side
from trials.sequential.block_likelihood import count_log_factors
from trials.sequential.count_mixture import variance
from trials.sequential.design import Design, State
from trials.sequential.operating.streams import NEVER, Crossings

People = tuple[Floats, Floats]


def simulate(
    design: Design,
    *,
    control: float,
    treated: float,
    dispersion: float = 0.0,
    participants: int,
    runs: int,
    rng: np.random.Generator,
    exposures: tuple[float, float] = (1.0, 1.0),
    treated_exposures: tuple[float, float] | None = None,
    likelihood: bool = False,
) -> Crossings:
    """Runs of a two-arm trial in one stratum with these rates per unit of exposure. Memory: O(runs).

    dispersion: k of the negative binomial, Var = μ + k μ² (0 = Poisson). exposures: uniform between the two, those of the
    treated between others if given. likelihood: as `count-block` judges, else as `count-mixture` does.
    """
    size = design.n_t + design.n_c
    sides = {claim: side for claim, (side, _, _) in exposure_blocks.claims_of(design).items()}
    wealth = {claim: np.zeros((len(side.weights), runs)) for claim, side in sides.items()}
    modelled = {claim: wealth[claim].copy() for claim in ("benefit", "harm") if likelihood and claim in sides}
    fired = {claim: np.full(runs, NEVER, dtype=np.int64) for claim in sides}
    state: State = {"seen": 0, "sum": np.zeros(runs), "squares": np.zeros(runs), "inverse": np.zeros(runs)}
    for number in range(1, participants // size + 1):
        t = draw(treated, dispersion, treated_exposures or exposures, (design.n_t, runs), rng)
        c = draw(control, dispersion, exposures, (design.n_c, runs), rng)
        known = exposure_blocks.learned(design, state, variance)
        inverse = state["inverse"] / state["seen"] if state["seen"] else np.zeros(runs)
        known = (np.broadcast_to(known[0], (runs,)), np.broadcast_to(known[1], (runs,)))
        for claim, side in sides.items():
            arms = (c, t) if side.swapped else (t, c)
            wealth[claim] += pay(design, side, *arms, known)
            log_e = bets.log_mixture(wealth[claim], side.weights)
            if claim in modelled:
                modelled[claim] += count_log_factors(design, (*known, inverse), side, *arms)
                log_e = np.logaddexp(log_e, bets.log_mixture(modelled[claim], side.weights)) - math.log(2)
            fired[claim][(fired[claim] == NEVER) & (log_e >= -math.log(side.error))] = number * size
        learn(design, state, t, c)
    return Crossings(fired, participants // size * size)


def pay(design: Design, side: Side, treated: People, control: People, known: tuple[Floats, Floats]) -> Floats:
    """log of what a block pays each bet on the mean, shape (K, R)."""
    margin = np.array([side.margin])
    return exposure_blocks.pay(side, losses(design, treated), losses(design, control), margin, *known)


def losses(design: Design, people: People) -> Floats:
    """Capped rates as losses in [0, 1]; any shape."""
    shares = np.minimum(people[0] / people[1], design.cap) / design.cap
    return 1.0 - shares if design.higher else shares


def learn(design: Design, state: State, treated: People, control: People) -> None:
    for people in (treated, control):
        values = losses(design, people)
        state["seen"] += len(values)
        state["sum"] = state["sum"] + values.sum(axis=0)
        state["squares"] = state["squares"] + (values**2).sum(axis=0)
        state["inverse"] = state["inverse"] + (1 / people[1]).sum(axis=0)


def draw(
    rate: float, dispersion: float, exposures: tuple[float, float], shape: tuple[int, int], rng: np.random.Generator
) -> People:
    """Counts of people whose own rates are gamma distributed around `rate`, and their exposures. Shape as given."""
    time = rng.uniform(*exposures, size=shape)
    own = rate * rng.gamma(1 / dispersion, dispersion, size=shape) if dispersion > 0 else rate
    return rng.poisson(own * time).astype(np.float64), time
