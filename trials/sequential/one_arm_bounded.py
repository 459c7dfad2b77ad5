"""One arm of values in [0, 1] against a benchmark: a mixture over bets that learn the spread as they go.

Guarantee: P(there is a participant t with E_t ≥ 1/error) ≤ error under the claim's null hypothesis on the mean of the
(winsorised) values, whatever their distribution and however often anybody looks, when everybody's mean, given those before
them, is on the null's side. Each stake is fixed before the value that it is laid on (predictable).
Source: Waudby-Smith & Ramdas (2024), JRSS B 86:1-27, sections 3-4 (capital process of a bounded mean, predictable plug-in
bets); mixture: Robbins (1970). That the benchmark holds for the people of this trial is assumed, never tested.

Written for H0: μ ≥ q, with the mean loss μ; harm, dud and breach bet on 1 − loss. A value y pays 1 + λ(q − y). Depends on
the order of participants, which is the plan's. `one_arm_count` lays the same bets on capped rates.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from trials.sequential import bets, blocks, bounded_mixture, one_arm_binary
from trials.sequential.bets import Floats, Side
from trials.sequential.design import Design, Mark, Method, Reading, State, Unit

# Stakes stay below this share of the allowed, because the spread is only an estimate. With 1 a fall of Poisson counts from
# 2.0 to 1.4 takes 8 % fewer people, but one of negative binomial counts (k = 1/3) 20 % more.
CAUTION = 0.9
# Which claim's bets each ledger holds; of a guardrail the one of its breach.
LEDGERS = {"low": "benefit", "high": "harm", "top": "dud"}


@dataclass(frozen=True, slots=True)
class Ledger:
    """One claim's bets at every effect m at which they are kept. margins: (G,) rising; own: where the claim's own m stands."""

    side: Side
    margins: Floats
    own: int


@lru_cache(maxsize=64)
def ledgers(design: Design) -> dict[str, Ledger]:
    """By end of the confidence sequence, or 'breach'."""
    sides = bets.sides(design)
    if design.margin > 0:
        return {"breach": Ledger(sides["breach"], np.array([sides["breach"].margin]), 0)}
    found = {}
    for end, claim in LEDGERS.items():
        margins = possible(design, sides[claim])
        found[end] = Ledger(sides[claim], margins, int(np.flatnonzero(margins == sides[claim].margin)[0]))
    return found


def possible(design: Design, side: Side) -> Floats:
    """The effects m of the grid with 0 < q < 1: every other is impossible, or can't be rejected. The claim's own is one."""
    known = np.union1d(bounded_mixture.grid(design), [side.margin])
    edges = one_arm_binary.null_share(design, side, 0.0) - known
    return known[(edges > 0) & (edges < 1)]


def start(design: Design) -> State:
    return {**blocks.fresh(design), "logs": {}, "seen": 0, "sum": 0.0, "squares": 0.0}


def step(design: Design, state: State, units: tuple[Unit, ...]) -> State:
    """The state after these participants, in the sealed order. O(1) each; the given state stays as it was."""
    return trace(design, state, units)[0]


def trace(design: Design, state: State, units: tuple[Unit, ...]) -> tuple[State, tuple[Mark, ...]]:
    """`step`, and the evidence after each participant with an outcome."""
    found = list(blocks.complete(design, {}, units))
    one_arm_binary.refuse_others(units, whole=False)
    logs = bounded_mixture.held(state)
    state = {**state, "peak": dict(state["peak"]), "crossed": dict(state["crossed"])}
    kept, marks, before = ledgers(design), [], state["people"]
    errors = {claim_of(end): ledger.side.error for end, ledger in kept.items()}
    apart = design.several and not design.many
    for block in found:
        mine = logs.setdefault(block.stratum if apart else "", nothing(kept))
        variance = bounded_mixture.learned(design, state)[1]
        for end, ledger in kept.items():
            mine[end] = mine[end] + pay(design, ledger, block.treated[0], variance)
        bounded_mixture.learn(state, block.treated)
        totals = {end: bounded_mixture.total(design, logs, end, ledger.side) for end, ledger in kept.items()}
        own = {claim_of(end): float(totals[end][ledger.own]) for end, ledger in kept.items()}
        marks.append(Mark(block.at, before + block.people, own))
        blocks.note_peaks(state, own, errors, before + block.people)
        if design.margin == 0:
            state.update(ends(design, state, totals))
    state["people"], state["blocks"] = before + len(found), state["blocks"] + len(found)
    state["logs"] = {stratum: {end: rows.tolist() for end, rows in mine.items()} for stratum, mine in logs.items()}
    return state, tuple(marks)


def claim_of(end: str) -> str:
    return LEDGERS.get(end, end)


def nothing(kept: dict[str, Ledger]) -> dict[str, Floats]:
    """Log wealth before the first value: shape (K bets, G effects) by ledger."""
    return {end: np.zeros((len(ledger.side.weights), ledger.margins.size)) for end, ledger in kept.items()}


def pay(design: Design, ledger: Ledger, loss: float, variance: float) -> Floats:
    """log of what a value pays each bet at each effect: shape (K, G).

    Stake λ_k = a_k/(v̂ + a_k²), the fastest-growing to second order when the mean lies a_k beyond q; at most .98/(1 − q) (less
    caution). With λ fixed 1 + λ(q − y) rises with q, and so does 1 + .98 c (q − y)/(1 − q): its derivative has the sign of
    1 − y. So log E falls as m = p0 − q rises, and the effects rejected are an interval.
    """
    side = ledger.side
    q = one_arm_binary.null_share(design, side, 0.0) - ledger.margins
    distance = np.array(side.distances)[:, None]
    stake = np.minimum(distance / (variance + distance**2), CAUTION * bets.MOST_AT_STAKE / (1.0 - q))
    return np.asarray(np.log1p(stake * (q - (1.0 - loss if side.swapped else loss))), dtype=np.float64)


def ends(design: Design, state: State, totals: dict[str, Floats]) -> dict[str, float]:
    """The ends of the confidence sequence: conservative by at most one step of the grid."""
    kept = ledgers(design)
    reached = {
        end: bounded_mixture.highest_rejected(totals[end], ledger.margins, ledger.side.error)
        for end, ledger in kept.items()
    }
    return {
        "low": max(state["low"], reached["low"]),
        "high": min(state["high"], 0.0 - reached["high"]),
        "top": min(state["top"], 0.0 - reached["top"]),
    }


def read(design: Design, state: State) -> Reading:
    kept = ledgers(design)
    errors = {claim_of(end): ledger.side.error for end, ledger in kept.items()}
    if state["blocks"] == 0:
        return blocks.nothing_yet(errors, one_arm_binary.NOTHING_YET)
    logs = bounded_mixture.held(state)
    now = {
        claim_of(end): float(bounded_mixture.total(design, logs, end, ledger.side)[ledger.own])
        for end, ledger in kept.items()
    }
    ordered = {claim: now[claim] for claim in bets.sides(design)}
    return Reading(blocks.claims(state, ordered, errors), *blocks.interval(state), state["blocks"])


METHOD = Method(
    name="one-arm-bounded",
    kinds=("amount", "score"),
    guarantee=(
        "P(the claim ever fires) ≤ its error rate under its null hypothesis on the mean of the (winsorised) values, at "
        "every sample size and however often anybody looks, when the benchmark is what these people's mean would be "
        "without the idea"
    ),
    start=start,
    step=step,
    read=read,
    trace=trace,
    designs=("one_arm",),
    units=("person", "cluster"),
    admit=one_arm_binary.admit,
)
