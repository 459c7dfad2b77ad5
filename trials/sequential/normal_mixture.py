"""Pairs judged by a running mean and variance as if sums were normal: an asymptotic confidence sequence.

Guarantee, only as numbers grow: P(there is a pair n ≥ 10 with E_n ≥ 1/error) -> at most error under the claim's null
hypothesis on the mean difference of pairs, however often anybody looks, when pairs differ independently with finite variance.
With s the sum of (D − m)/σ̂ over n pairs, E_n is the one-sided normal mixture of exp(λ s − λ² n/2).
Source: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024), "Time-uniform central limit theory and asymptotic confidence
sequences", Annals of Statistics 52(6), Theorem 2.2; mixture: Robbins (1970); one-sided and its tuning: Howard, Ramdas,
McAuliffe & Sekhon (2021), Annals of Statistics 49(2), section 3.2 and eq. 24.

Only for pairs. The difference of two alike losses is symmetric, and that is what makes few pairs enough; one arm's skewed
values are not, and the same formula gave type I errors of .18 to .76 there (docs/scripts/one_arm_evidence.py). Pairs are of one
site; their differences are pooled over sites, and differences between sites only widen the interval.
"""

from __future__ import annotations

import math
from functools import lru_cache

from trials.errors import ProtocolError
from trials.sequential import bets, blocks
from trials.sequential.bets import Side
from trials.sequential.design import Design, Mark, Method, Reading, State, Unit
from trials.sequential.peers import uniform_bounds

# Nothing is said before so many pairs: the approximation is for sums.
FIRST = 10
# The plan's guess of the variance weighs as much as this many pairs. With 5, rare outcomes (.03) were dropped wrongly in .15
# of trials where beta was .10, because early on nobody has an event and nothing seems to vary; with 50 in .07.
PRIOR_WEIGHT = 50.0
SMALLEST_VARIANCE = 1e-8
TOO_FEW = f"fewer than {FIRST} pairs are complete, too few for a normal approximation"
INVERTED = {"low": "benefit", "high": "harm", "top": "dud"}


def admit(design: Design) -> None:
    """Raises ProtocolError for one arm and for arms of unequal size."""
    if design.n_c == 0:
        raise ProtocolError(
            "design == one_arm, must be two_arm for normal-mixture: with one arm a skewed measure makes its errors several "
            "times the stated ones. Write monitoring.method: anytime."
        )
    if (design.n_t, design.n_c) != (1, 1):
        raise ProtocolError(
            f"allocation == {design.n_t}:{design.n_c}, must be 1:1 for normal-mixture: only then is the difference of two "
            "people who are alike symmetric. Write monitoring.method: anytime."
        )


@lru_cache(maxsize=64)
def sides(design: Design) -> dict[str, Side]:
    return bets.sides(design)


def tuned_for(design: Design, error: float) -> float:
    """The number of pairs near which the bound is tightest: half of 2 log(1/error) σ²/δ*², what a worthwhile effect takes.

    Half, because trials end early for larger effects and late bounds suffer little. Never beyond the planned end.
    """
    sought = design.margin or design.worthwhile
    pairs = -math.log(error) * 2 * design.spread / sought**2
    return max(float(FIRST), min(pairs, design.most / 2) if design.most else pairs)


def start(design: Design) -> State:
    return {**blocks.fresh(design), "sum": 0.0, "squares": 0.0}


def step(design: Design, state: State, units: tuple[Unit, ...]) -> State:
    """The state after these participants, in the sealed order. O(1) per pair; the given state stays as it was."""
    return trace(design, state, units)[0]


def trace(design: Design, state: State, units: tuple[Unit, ...]) -> tuple[State, tuple[Mark, ...]]:
    """`step`, and the evidence after each pair from the tenth on."""
    state = {
        **state,
        "waiting": blocks.copied(state["waiting"]),
        "peak": dict(state["peak"]),
        "crossed": dict(state["crossed"]),
    }
    before, marks = state["people"], []
    errors = {claim: side.error for claim, side in sides(design).items()}
    for block in blocks.complete(design, state["waiting"], units):
        difference = block.control[0] - block.treated[0]
        state["blocks"] += 1
        state["sum"] += difference
        state["squares"] += difference * difference
        if state["blocks"] < FIRST:
            continue
        marks.append(Mark(block.at, before + block.people, evidence(design, state)))
        blocks.note_peaks(state, marks[-1].logs, errors, marks[-1].people)
        if design.margin == 0:
            state.update(ends(design, state))
    state["people"] = before + sum(unit.loss is not None for unit in units)
    return state, tuple(marks)


def deviation(design: Design, state: State) -> float:
    """σ̂ of a pair's difference: about its running mean, shrunk to the plan's guess of twice a value's variance.

    The guess may only widen it: a plan whose spread is ten times too small would else fire harm in a quarter of the trials.
    """
    n = state["blocks"]
    seen = max(0.0, state["squares"] - state["sum"] ** 2 / n)
    shrunk = (PRIOR_WEIGHT * 2 * design.spread + seen) / (PRIOR_WEIGHT + n)
    return math.sqrt(max(shrunk, seen / (n - 1), SMALLEST_VARIANCE))


def evidence(design: Design, state: State) -> dict[str, float]:
    """log E of each claim: the normal mixture at the standardised sum beyond the claim's margin."""
    n, sigma = state["blocks"], deviation(design, state)
    found = {}
    for claim, side in sides(design).items():
        beyond = (-state["sum"] if side.swapped else state["sum"]) - n * side.margin
        found[claim] = uniform_bounds.normal_log_mixture(
            beyond / sigma, float(n), v_opt=tuned_for(design, side.error), alpha_opt=side.error
        )
    return found


def ends(design: Design, state: State) -> dict[str, float]:
    """The ends of the confidence sequence: the same mixtures inverted, mean -/+ σ̂ bound(n)/n, and never wider again."""
    n, sigma = state["blocks"], deviation(design, state)
    mean, found = state["sum"] / n, {}
    for end, claim in INVERTED.items():
        reach = sigma * bound(n, sides(design)[claim].error, tuned_for(design, sides(design)[claim].error)) / n
        found[end] = max(state[end], mean - reach) if end == "low" else min(state[end], mean + reach)
    return found


@lru_cache(maxsize=8192)
def bound(pairs: int, error: float, v_opt: float) -> float:
    return uniform_bounds.normal_mixture_bound(float(pairs), error, v_opt=v_opt, alpha_opt=error)


def read(design: Design, state: State) -> Reading:
    errors = {claim: side.error for claim, side in sides(design).items()}
    if state["blocks"] < FIRST:
        return blocks.nothing_yet(errors, TOO_FEW, state["blocks"])
    claims = blocks.claims(state, evidence(design, state), errors)
    return Reading(claims, *blocks.interval(state), state["blocks"])


METHOD = Method(
    name="normal-mixture",
    kinds=("binary", "score", "amount"),
    guarantee=(
        "P(the claim ever fires) ≤ its error rate under its null hypothesis as numbers grow, however often anybody looks; with "
        "few pairs or a rare outcome it can be higher"
    ),
    start=start,
    step=step,
    read=read,
    trace=trace,
    units=("person", "cluster"),
    admit=admit,
    asymptotic=True,
)
