"""One arm of binary outcomes against a benchmark: a mixture of likelihood ratios whose evidence depends on counts alone.

Guarantee: P(there is a participant t with E_t ≥ 1/error) ≤ error under the claim's null hypothesis, however often anybody
looks (Ville, 1939), when everybody's chance of a loss, given those before them, is on the null's side of the benchmark.
Source: Wald (1947), "Sequential Analysis", ch. 3 (likelihood ratio of one share); mixture over alternatives: Robbins (1970),
Ann. Math. Stat. 41. That the benchmark holds for the people of this trial is assumed, never tested.

Written for H0: p ≥ q, with the share p of losses. Harm and dud count non-losses instead, so one formula serves all claims.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from trials.errors import DataError, ProtocolError
from trials.sequential import bets, blocks
from trials.sequential.bets import Floats, Side
from trials.sequential.binary_mixture import counted, total
from trials.sequential.blocks import Block
from trials.sequential.design import Design, Mark, Method, Reading, State, Unit
from trials.sequential.inversion import LATTICE, furthest

NOTHING_YET = "no participant's outcome is in yet"


def admit(design: Design) -> None:
    """Raises ProtocolError for a design with controls, or a benchmark that leaves no room for what is claimed."""
    if (design.n_t, design.n_c) != (1, 0):
        raise ProtocolError(
            f"allocation == {design.n_t}:{design.n_c}, must be one arm: this method judges against a benchmark. Leave the "
            "control arm out, or choose a method for two arms."
        )
    edges = {claim: null_share(design, side, side.margin) for claim, side in bets.sides(design).items()}
    if not all(0 < edge < 1 for edge in edges.values()):
        raise ProtocolError(
            f"benchmark == {design.baseline:g}, must lie between 0 and 1 with room for the effect "
            f"{design.margin or design.worthwhile:g} that is to be told apart. Name a smaller one."
        )


@lru_cache(maxsize=256)
def sides(design: Design) -> dict[str, Side]:
    return bets.sides(design)


def null_share(design: Design, side: Side, margin: float) -> float:
    """q of H0: p ≥ q, at an effect in the side's own orientation; for a swapped side p is the share without a loss."""
    return (1.0 - design.baseline if side.swapped else design.baseline) - margin


def table(design: Design, side: Side, margin: Floats) -> Floats:
    """log pay-offs (without a loss, with a loss) of each bet: shape (K, 2), or (K, M, 2) for M effects.

    The alternative of bet k is max(q − distance_k, .02 q). Both pay-offs rise with q whatever the outcome, since
    min(distance/q, .98) falls and min(distance, .98 q)/(1 − q) rises: so log E falls as the effect m = p0 − q rises, the
    effects rejected are an interval, and inverting the bets gives a confidence sequence.
    """
    q = np.asarray(null_share(design, side, 0.0) - margin, dtype=np.float64)
    distance = np.array(side.distances).reshape(-1, *([1] * q.ndim))
    moved = np.minimum(distance, bets.MOST_AT_STAKE * q)
    without, loss = np.log1p(moved / (1.0 - q)), np.log1p(-moved / q)
    return np.stack([loss, without] if side.swapped else [without, loss], axis=-1)


@lru_cache(maxsize=256)
def tables(design: Design) -> dict[str, Floats]:
    """log of what each outcome pays, per claim: shape (K bets, 2)."""
    return {claim: table(design, side, np.float64(side.margin)) for claim, side in sides(design).items()}  # type: ignore[arg-type]


def start(design: Design) -> State:
    return {**blocks.fresh(design), "counts": {}}


def step(design: Design, state: State, units: tuple[Unit, ...]) -> State:
    """The state after these participants, in the sealed order. O(1) each; the given state stays as it was."""
    return blocks.in_parts(_advance, design, state, units)


def trace(design: Design, state: State, units: tuple[Unit, ...]) -> tuple[State, tuple[Mark, ...]]:
    """`step`, and the evidence after each participant with an outcome."""
    state, found, people, logs = _advance(design, state, units)
    return state, blocks.marks(found, people, logs)


def _advance(
    design: Design, state: State, units: tuple[Unit, ...]
) -> tuple[State, list[Block], blocks.Integers, dict[str, Floats]]:
    """The state, who was found, people with an outcome after each and each claim's log E after each: shape (B,)."""
    refuse_others(units, whole=True)
    found = list(blocks.complete(design, {}, units))
    state = {**state, "peak": dict(state["peak"]), "crossed": dict(state["crossed"])}
    people = state["people"] + np.array([block.people for block in found], dtype=np.int64)
    if not found:
        return state, found, people, {}
    state["people"] += len(found)
    state["blocks"] += len(found)
    paths = counted(design, state["counts"], found)
    state["counts"] = {stratum: path[-1].astype(int).tolist() for stratum, path in paths.items()}
    errors = {claim: side.error for claim, side in sides(design).items()}
    logs = {claim: total(design, paths, tables(design)[claim], side.weights) for claim, side in sides(design).items()}
    blocks.note_path(state, logs, errors, people)
    if design.margin == 0:
        state.update(ends(design, paths, state))
    return state, found, people, logs


def refuse_others(units: tuple[Unit, ...], *, whole: bool) -> None:
    """Raises DataError for a control participant; where values must be `whole`, for one that is neither 0 nor 1."""
    for unit in units:
        if unit.arm != "t":
            raise DataError(f'arm == "{unit.arm}", must be "t": this plan has one arm, judged against its benchmark.')
        if whole and unit.loss not in (None, 0.0, 1.0):
            raise DataError(f"loss == {unit.loss}, must be 0 or 1 for a binary measure.")


def ends(design: Design, paths: dict[str, Floats], state: State) -> dict[str, float]:
    """The ends of the confidence sequence after these counts. 1 ulp of the lattice never parts dud from its end."""
    low = bound(design, paths, "benefit", state["low"])
    high = 0.0 - bound(design, paths, "harm", -state["high"])
    top = 0.0 - bound(design, paths, "dud", -state["top"])
    return {"low": low, "high": high, "top": min(top, design.worthwhile) if "dud" in state["crossed"] else top}


def bound(design: Design, paths: dict[str, Floats], claim: str, known: float) -> float:
    """The largest effect m for which H0: effect ≤ m was ever rejected (in the claim's orientation), at least `known`."""
    side = sides(design)[claim]
    free = null_share(design, side, 0.0)  # effects lie in (free − 1, free)

    def log_e(effects: Floats, at: dict[str, Floats]) -> Floats:
        return total(design, at, table(design, side, effects), side.weights)

    first = max(round(known * LATTICE), math.floor((free - 1.0) * LATTICE) + 1) + 1
    return furthest(log_e, paths, -math.log(side.error), known, first, math.ceil(free * LATTICE) - 2)


def read(design: Design, state: State) -> Reading:
    errors = {claim: side.error for claim, side in sides(design).items()}
    if state["blocks"] == 0:
        return blocks.nothing_yet(errors, NOTHING_YET)
    counts = {stratum: np.array([kept], dtype=np.float64) for stratum, kept in sorted(state["counts"].items())}
    logs = {
        claim: float(total(design, counts, tables(design)[claim], side.weights)[0])
        for claim, side in sides(design).items()
    }
    return Reading(blocks.claims(state, logs, errors), *blocks.interval(state), state["blocks"])


METHOD = Method(
    name="one-arm-binary",
    kinds=("binary",),
    guarantee=(
        "P(the claim ever fires) ≤ its error rate under its null hypothesis, at every sample size and however often "
        "anybody looks, when the benchmark is what these people's share of the outcome would be without the idea"
    ),
    start=start,
    step=step,
    read=read,
    trace=trace,
    designs=("one_arm",),
    admit=admit,
)
