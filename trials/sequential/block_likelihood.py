"""Blocks judged by a likelihood of "no effect at all", beside bets on the mean: counts with exposure, and amounts.

Guarantee: P(benefit ever fires) ≤ alpha when the treated do no better in distribution (the treated are stochastically no
better than the controls of their block, independent given the past; of this "no effect at all" is the edge), whatever
that distribution, when anybody looks however often; harm likewise. Dud and the upper end come from the bets on the mean
alone, with their guarantee (`count_mixture`, `bounded_mixture`).

With any ratio L(y) > 0 fixed before the block, q = n_T/(n_T + n_C) and h = q L + 1 − q, a block pays

    E = Π_T L(y_i)/h(y_i) · Π_C 1/h(y_j).

If all y have one distribution, x = E[L/h] and z = E[1/h] have q x + (1 − q) z = 1, so x^n_T z^n_C ≤ 1 by the inequality of
the means; as L falls with y, treated who tend to larger y make x smaller still. L = f_T/f_C of a negative binomial or a
lognormal grows fastest when f is right, and is only slow when it is wrong. Source: Turner, Ly & Grünwald (2024),
J. Stat. Plan. Inference 230 (generic two-sample e-values; E = Π f_A / (q f_T + (1 − q) f_C)); plug-in: Wald (1947), 10.10.

Unequal exposures. Two people with one rate but other exposures do not have one distribution, and a wrong guess of the
baseline would then fire by itself. So each count is thinned to the shortest exposure m of its block: of y events in e,
Binomial(y, m/e) fall in m, and the factor is averaged over that, with no draw. Given the exposures, whatever they
depend on, this is exact when each person's events are Poisson at a rate of their own (any distribution of the rates, so
negative binomial counts too); where all exposures in a block are equal, for any distribution of the counts.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from scipy.special import gammaln, xlog1py, xlogy

from trials.errors import DataError
from trials.sequential import count_mixture, exposure_blocks
from trials.sequential.bets import Floats, Side
from trials.sequential.bounded_mixture import PRIOR_WEIGHT
from trials.sequential.design import Design, Mark, Method, Reading, State, Unit
from trials.sequential.exposure_blocks import Engine, Entry, Members

# f_T keeps at least this share of the pooled mean, however large the effect that a bet looks for.
LEAST_SHARE = 0.05
# Amounts below exp(centre − this many standard deviations of the log) count as that, zeros too.
LOWEST_SD = 1.5
# Thinned counts further from their mean than this many standard deviations are left out: E only falls by that.
THINNING_SD = 8.0


def log_factor(ratio: Floats, q: float, *, treated: bool) -> Floats:
    """log of what one person pays: L/(q L + 1 − q) of a treated, 1/(q L + 1 − q) of a control, from log L. Any shape."""
    paid = -np.logaddexp(math.log(q) + ratio, math.log1p(-q))
    return np.asarray(paid + ratio if treated else paid, dtype=np.float64)


def thinned(events: Floats, share: Floats) -> tuple[Floats, Floats]:
    """Values k and chances of Binomial(events, share): how many of a person's events fall in a share of their exposure.

    events, share: shape (R,) -> values (R or 1, V), chances (R, V).
    """
    if (share >= 1.0).all():
        return events[:, None], np.ones((events.size, 1))
    mean = events * share
    reach = THINNING_SD * np.sqrt(mean * (1 - share)) + THINNING_SD
    k = np.arange(max(0.0, np.floor((mean - reach).min())), min(events.max(), np.ceil((mean + reach).max())) + 1)
    n, p, left = events[:, None], share[:, None], np.maximum(events[:, None] - k, 0.0)
    logs = gammaln(n + 1) - gammaln(k + 1) - gammaln(left + 1) + xlogy(k, p) + xlog1py(left, -p)
    return k[None, :], np.where(k <= n, np.exp(np.minimum(logs, 0.0)), 0.0)


def around(mean: Floats | float, effect: Floats, q: float) -> tuple[Floats, Floats]:
    """The two means that differ by `effect` (≥ 0) and lie around a pooled one: the lower has weight q in it."""
    low = np.maximum(mean - (1 - q) * effect, LEAST_SHARE * mean)
    return low, np.where(effect > 0, np.maximum(mean + q * effect, low), low)


def count_ratio(values: Floats, low: Floats, high: Floats, dispersion: Floats, exposure: Floats) -> Floats:
    """log f_low/f_high of negative binomial counts with these rates in one exposure; falls with y. Arguments broadcast.

    Var = μ + k μ², dispersion k; Cook & Lawless (2007), The Statistical Analysis of Recurrent Events, 2.2.3.
    """
    k = np.maximum(dispersion, 1e-9)
    step = np.log1p(k * high * exposure) - np.log1p(k * low * exposure)
    return np.asarray(values * (np.log(low) - np.log(high) + step) + step / k, dtype=np.float64)


def count_log_factors(
    design: Design,
    known: tuple[Floats, Floats, Floats],
    side: Side,
    treated: tuple[Floats, Floats],
    control: tuple[Floats, Floats],
) -> Floats:
    """log of what a block of counts pays each bet, for R trials side by side: shape (K, R).

    known: mean and variance of a capped rate on the unit scale and mean of 1/exposure, before the block, shape (R,) each.
    treated, control: events and exposures in the side's orientation, shape (n, R) each.
    """
    centre, variance, inverse = known
    mean = np.maximum((1.0 - centre if design.higher else centre) * design.cap, 1e-9)
    dispersion = np.maximum(variance * design.cap**2 - mean * inverse, 0.0) / mean**2
    shortest = np.minimum(treated[1].min(axis=0), control[1].min(axis=0))
    q = side.n_t / (side.n_t + side.n_c)
    low, high = around(mean, np.array(side.distances)[:, None] * design.cap, 1 - q if design.higher else q)
    total = np.zeros((len(side.distances), shortest.size))
    for (events, exposures), is_treated in ((treated, True), (control, False)):
        for y, exposure in zip(events, exposures, strict=True):
            values, chances = thinned(y, shortest / exposure)
            # Above the cap a count says no more than at it: still a function that falls with y.
            known_up_to = np.minimum(values, (design.cap * shortest)[:, None])
            ratio = count_ratio(known_up_to, low[..., None], high[..., None], dispersion[:, None], shortest[:, None])
            paid = log_factor(-ratio if design.higher else ratio, q, treated=is_treated)
            total = total + np.log((np.exp(paid) * chances).sum(axis=-1))
    return total


def count_likelihood(
    design: Design, state: State, known: tuple[float, float], side: Side, treated: list[Entry], control: list[Entry]
) -> Floats:
    """log of what a block of counts pays each bet; rate and dispersion are those learned before it. Shape (K,)."""
    inverse = state["inverse"] / state["seen"] if state["seen"] else 0.0
    columns = [tuple(np.array(arm, dtype=np.float64).T[:, :, None]) for arm in (treated, control)]
    before = (np.array([known[0]]), np.array([known[1]]), np.array([inverse]))
    return count_log_factors(design, before, side, *columns)[:, 0]


def loss_of(unit: Unit) -> Entry:
    """The loss of a participant with an outcome. Raises DataError outside [0, 1]."""
    if unit.loss is None or not 0.0 <= unit.loss <= 1.0:
        raise DataError(f"loss == {unit.loss}, must be from 0 to 1: the value is outside what the plan was sealed for.")
    return unit.loss, 1.0


def tailed(design: Design, loss: float) -> float:
    """The amount on [0, 1], with its long tail upwards: losses of amounts of which more is better lie the other way round."""
    return loss if design.baseline < 0.5 else 1.0 - loss


def amount_likelihood(
    design: Design, state: State, known: tuple[float, float], side: Side, treated: list[Entry], control: list[Entry]
) -> Floats:
    """log of what a block of winsorised amounts pays each bet, with a lognormal ratio. Shape (K,)."""
    turned, q = design.baseline >= 0.5, side.n_t / (side.n_t + side.n_c)
    mean = max(tailed(design, known[0]), 1e-9)
    centre, variance = log_moments(design, state)
    low, high = around(mean, np.array(side.distances), 1 - q if turned else q)
    slope, middle = (np.log(low) - np.log(high)) / variance, np.log(low * high / mean**2) / 2
    total = np.zeros(len(side.distances))
    for arm, is_treated in ((treated, True), (control, False)):
        for loss, _ in arm:
            amount, lowest = tailed(design, loss), centre - LOWEST_SD * math.sqrt(variance)
            log = max(math.log(amount), lowest) if amount > 0 else lowest
            ratio = slope * (log - centre - middle)
            total = total + log_factor(-ratio if turned else ratio, q, treated=is_treated)
    return total


def log_moments(design: Design, state: State) -> tuple[float, float]:
    """Mean and variance of log amounts above 0 before the next block: first those of a lognormal with the plan's moments."""
    mean = max(tailed(design, design.baseline), 1e-9)
    variance = math.log1p(design.spread / mean**2)
    centre = math.log(mean) - variance / 2
    n, first, second = (state["notes"].get(key, 0.0) for key in ("n", "sum", "squares"))
    now = (PRIOR_WEIGHT * centre + first) / (PRIOR_WEIGHT + n)
    squares = (PRIOR_WEIGHT * (variance + centre**2) + second) / (PRIOR_WEIGHT + n)
    return now, max(squares - now**2, 1e-3)


def learn_amounts(design: Design, state: State, block: Members) -> None:
    amounts = (tailed(design, loss) for loss, _ in block.treated + block.control)
    logs = [math.log(amount) for amount in amounts if amount > 0]
    for key, more in (("n", float(len(logs))), ("sum", math.fsum(logs)), ("squares", math.fsum(x * x for x in logs))):
        state["notes"][key] = state["notes"].get(key, 0.0) + more


COUNTS = Engine(count_mixture.entry_of, count_mixture.variance, count_likelihood)
AMOUNTS = Engine(loss_of, lambda design, inverse: design.spread, amount_likelihood, learn_amounts)


def step_counts(design: Design, state: State, units: tuple[Unit, ...]) -> State:
    """The state after these participants, in the sealed order. O(1) per block; the given state stays as it was."""
    return trace_counts(design, state, units)[0]


def trace_counts(design: Design, state: State, units: tuple[Unit, ...]) -> tuple[State, tuple[Mark, ...]]:
    """`step_counts`, and the evidence after each block."""
    return exposure_blocks.trace(COUNTS, design, state, units)


def as_losses(design: Design) -> Design:
    """The design of an amount, whose losses lie in [0, 1] and have been turned: no cap on a rate, no direction."""
    return replace(design, cap=1.0, higher=False)


def step_amounts(design: Design, state: State, units: tuple[Unit, ...]) -> State:
    """The state after these participants, in the sealed order. O(1) per block; the given state stays as it was."""
    return trace_amounts(design, state, units)[0]


def trace_amounts(design: Design, state: State, units: tuple[Unit, ...]) -> tuple[State, tuple[Mark, ...]]:
    """`step_amounts`, and the evidence after each block."""
    return exposure_blocks.trace(AMOUNTS, as_losses(design), state, units)


def read_amounts(design: Design, state: State) -> Reading:
    return exposure_blocks.read(as_losses(design), state)


COUNT_BLOCK = Method(
    name="count-block",
    kinds=("count",),
    guarantee=(
        "P(benefit or harm ever fires) ≤ its error rate when the rates of the one arm are not better (worse) in distribution "
        "than those of the other; P(dud ever fires) ≤ its error rate under its null hypothesis on the mean capped rate; at "
        "every sample size and however often anybody looks"
    ),
    start=exposure_blocks.start,
    step=step_counts,
    read=exposure_blocks.read,
    trace=trace_counts,
    admit=count_mixture.admit,
)
AMOUNT_LOGNORMAL = Method(
    name="amount-lognormal",
    kinds=("amount",),
    guarantee=(
        "P(benefit or harm ever fires) ≤ its error rate when the amounts of the one arm are not better (worse) in distribution "
        "than those of the other; P(dud ever fires) ≤ its error rate under its null hypothesis on the mean winsorised amount; "
        "at every sample size and however often anybody looks"
    ),
    start=exposure_blocks.start,
    step=step_amounts,
    read=read_amounts,
    trace=trace_amounts,
)
