"""The state of evidence on a hazard ratio: sums by stratum, peaks, the ends of the confidence sequence. Pure functions.

Guarantee: as `hazards.py` says. Both methods for times to an event are this, with sums of their own and a way to read the
log likelihood off them. Sums are added gain by gain, so the state is the same to the bit however people are delivered.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from trials.sequential import blocks
from trials.sequential.bets import Floats
from trials.sequential.design import Design, Mark, Reading, State
from trials.sequential.times import hazards
from trials.sequential.times.hazards import Places

BATCH = 256
# The ends of the confidence sequence and the claims whose bets they invert.
ENDS = {"low": "benefit", "high": "harm", "top": "dud"}
Curve = Callable[[Design, Floats], Floats]


@dataclass(frozen=True, slots=True)
class Gain:
    """What a step adds to each stratum's sums, shape (S,), when unit number `at` completed it; people with an outcome by then.

    blocks: how many are complete with it; 0 = a step within one, which counts for the peak but leaves no mark.
    """

    at: int
    people: int
    blocks: int
    sums: dict[str, Floats]


def fresh() -> dict[str, Any]:
    """The part of a state that both methods have. sums: by stratum; low, high, top: in steps."""
    return {"people": 0, "blocks": 0, "sums": {}, "peak": {}, "crossed": {}, **dict.fromkeys(ENDS)}


def advance(design: Design, state: State, gains: Iterable[Gain], curve: Curve) -> tuple[State, tuple[Mark, ...]]:
    """The state after these gains, and the evidence after each. curve: a stratum's sums (B, S) -> its L, (B, P).

    `people` is left to the caller, who also sees those that add nothing. The given state stays as it was.
    """
    state = {**state, "peak": dict(state["peak"]), "crossed": dict(state["crossed"])}
    before, marks = state["people"], []
    sums = {stratum: np.array(kept) for stratum, kept in state["sums"].items()}
    errors = {claim: side.error for claim, side in hazards.sides(design).items()}
    for batch in _batches(gains, set(sums)):
        paths = _paths(sums, batch)
        sums = {stratum: path[-1] for stratum, path in paths.items()}
        curves = {stratum: curve(design, path) for stratum, path in paths.items()}
        logs = {
            claim: hazards.log_e(design, side, hazards.claim_places(design)[claim], curves)[:, 0]
            for claim, side in hazards.sides(design).items()
        }
        for row, gain in enumerate(batch):
            now = {claim: float(path[row]) for claim, path in logs.items()}
            blocks.note_peaks(state, now, errors, before + gain.people)
            state["blocks"] += gain.blocks
            marks += [Mark(gain.at, before + gain.people, now)] if gain.blocks else []
        if design.margin == 0:
            _move_ends(design, state, curves)
    state["sums"] = {stratum: kept.tolist() for stratum, kept in sums.items()}
    return state, tuple(marks)


def _batches(gains: Iterable[Gain], known: set[str]) -> Iterator[list[Gain]]:
    """Gains judged at once. A new stratum begins a batch, so that what is summed never depends on the cutting."""
    batch: list[Gain] = []
    for gain in gains:
        if batch and (len(batch) == BATCH or not known.issuperset(gain.sums)):
            yield batch
            batch = []
        known = known | set(gain.sums)
        batch.append(gain)
    if batch:
        yield batch


def _paths(sums: dict[str, Floats], batch: list[Gain]) -> dict[str, Floats]:
    """Per stratum its sums after each gain, whosever it was: shape (B, S). Added one by one, so cuts change no bit."""
    paths = {}
    for stratum in sorted({*sums, *batch[0].sums}):
        size = next(iter(batch[0].sums.values())).size
        start = sums.get(stratum, np.zeros(size))
        rows = [start, *(gain.sums.get(stratum, np.zeros(size)) for gain in batch)]
        paths[stratum] = np.cumsum(rows, axis=0)[1:]
    return paths


def _move_ends(design: Design, state: State, curves: dict[str, Floats]) -> None:
    """Moves each end to the furthest margin that was ever rejected. The next one is tried first: mostly it still stands."""
    steps = hazards.margins(design)
    for end, claim in ENDS.items():
        sign = -1 if hazards.sides(design)[claim].swapped else 1
        known = -1 if state[end] is None else int(np.searchsorted(steps, sign * state[end]))
        last = _last_rejected(design, claim, curves, known)
        state[end] = state[end] if last == known else sign * int(steps[last])


def _last_rejected(design: Design, claim: str, curves: dict[str, Floats], known: int) -> int:
    """The last margin that any row rejects, if beyond `known`, by halving; rows that reject no further drop out."""
    side, where = hazards.sides(design)[claim], hazards.end_places(design)[claim]
    rows = np.arange(next(iter(curves.values())).shape[0])
    here = Places(np.zeros(1, dtype=np.int64), 1 + np.arange(len(side.distances))[:, None])
    low, high, trial = known, where.null.size, known + 1
    while high - low > 1:
        columns = np.concatenate([where.null[trial : trial + 1], where.truths[:, trial]])
        tried = {stratum: curve[np.ix_(rows, columns)] for stratum, curve in curves.items()}
        rejected = hazards.log_e(design, side, here, tried)[:, 0] >= -math.log(side.error)
        if rejected.any():
            low, rows = trial, rows[rejected]
        else:
            high = trial
        trial = (low + high) // 2
    return low


def read(
    design: Design, state: State, curve: Curve, estimate: Callable[[Design, Floats], float | None], nothing_yet: str
) -> Reading:
    """What the state says. estimate: δ from the sums over all strata; nothing_yet: the reason while there are none."""
    errors = {claim: side.error for claim, side in hazards.sides(design).items()}
    if state["blocks"] == 0:
        return blocks.nothing_yet(errors, nothing_yet)
    sums = {stratum: np.array(kept) for stratum, kept in state["sums"].items()}
    curves = {stratum: curve(design, kept[None, :]) for stratum, kept in sums.items()}
    logs = {
        claim: float(hazards.log_e(design, side, hazards.claim_places(design)[claim], curves)[0, 0])
        for claim, side in hazards.sides(design).items()
    }
    together = np.sum([sums[stratum] for stratum in sorted(sums)], axis=0)
    claims = blocks.claims(state, logs, errors)
    return Reading(claims, *interval(design, state), state["blocks"], estimate(design, together))


def interval(design: Design, state: State) -> tuple[float | None, float | None]:
    """(low, high) as `Reading` promises them; both None when they have crossed."""
    low, high, top = state["low"], state["high"], state["top"]
    upper = top if top is None or top > 0 else min(high or 0, 0)
    if "harm" in state["crossed"]:  # where alpha > beta harm may fire before dud
        upper = 0 if upper is None else min(upper, 0)
    if low is not None and upper is not None and low > upper:
        return None, None

    def effect(end: int | None) -> float | None:
        return None if end is None else float(hazards.value(design, np.array(end)))

    return effect(low), effect(upper)
