"""Pairs and blocks: participants of one stratum in the sealed order, the k-th of each arm together.

An unfinished block waits. So the blocks depend on the sealed order alone, never on the order of arrival.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trials.errors import DataError
from trials.evidence import Claim
from trials.sequential.design import Design, Mark, Reading, State, Unit

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
# Losses that wait, by arm ('t', 'c'; None = missing), and 'seen' = participants of the window so far.
Queue = dict[str, Any]


class Block(NamedTuple):
    """A whole block: which unit completed it (0-based), people with an outcome up to that one, stratum, losses by arm."""

    at: int
    people: int
    stratum: str
    treated: list[float]
    control: list[float]


def complete(design: Design, waiting: dict[str, Queue], units: tuple[Unit, ...]) -> Iterator[Block]:
    """Puts units into `waiting` (changed in place); yields the blocks that they complete.

    A block with a missing member is left out. Raises DataError for a loss outside [0, 1]: such a value would break the
    bet's guarantee.
    """
    people, n_t, n_c = 0, design.n_t, design.n_c
    for at, unit in enumerate(units):
        loss = unit.loss
        if loss is not None:
            if not 0.0 <= loss <= 1.0:
                raise DataError(
                    f"loss == {loss}, must be from 0 to 1: the value is outside what the plan was sealed for."
                )
            people += 1
        queue = waiting.setdefault(unit.stratum, {"t": [], "c": []})
        queue[unit.arm].append(loss)
        treated, control = queue["t"], queue["c"]
        if len(treated) >= n_t and len(control) >= n_c:
            first_t, first_c = treated[:n_t], control[:n_c]
            del treated[:n_t], control[:n_c]
            if None not in first_t and None not in first_c:
                yield Block(at, people, unit.stratum, first_t, first_c)
        if design.window:
            turn(design, queue)


def turn(design: Design, queue: Queue) -> None:
    """Counts one more participant of a stratum; at the end of a window those who wait are put aside for good."""
    queue["seen"] = queue.get("seen", 0) + 1
    if queue["seen"] == design.window:
        queue["t"], queue["c"], queue["seen"] = [], [], 0


def copied(waiting: dict[str, Queue]) -> dict[str, Queue]:
    """A copy that `complete` may change while the state it came from stays as it was."""
    return {
        stratum: {key: list(kept) if isinstance(kept, list) else kept for key, kept in queue.items()}
        for stratum, queue in waiting.items()
    }


# The ends of the confidence sequence so far: benefit's bets from below, harm's and dud's from above.
ENDS = ("low", "high", "top")


def interval(state: dict[str, Any]) -> tuple[float | None, float | None]:
    """(low, high) as `Reading` promises them, from the state's ends."""
    low, high = state["low"], state["top"] if state["top"] > 0 else min(state["high"], 0.0)
    if "harm" in state["crossed"]:  # where alpha > beta harm may fire before dud
        high = min(high, 0.0)
    if low > high:
        return None, None
    return (None if low <= -1.0 else low), (None if high >= 1.0 else high)


def fresh(design: Design) -> dict[str, Any]:
    """The part of a state that every block method has."""
    return {
        "people": 0,
        "blocks": 0,
        "waiting": {},
        "peak": {},
        "crossed": {},
        **dict(zip(ENDS, (-1.0, 1.0, 1.0), strict=True)),
    }


def note_path(state: dict[str, Any], logs: dict[str, Floats], errors: dict[str, float], people: Integers) -> None:
    """`note_peaks` for many blocks at once. logs: each claim's log E after each block, people after each: shape (B,)."""
    for claim, path in logs.items():
        highest = float(path.max())
        state["peak"][claim] = max(highest, state["peak"].get(claim, highest))
        if claim not in state["crossed"]:
            over = np.flatnonzero(path >= -math.log(errors[claim]))
            if over.size:
                state["crossed"][claim] = int(people[over[0]])


def note_peaks(state: dict[str, Any], logs: dict[str, float], errors: dict[str, float], people: int) -> None:
    """Keeps each claim's highest log E so far, and the number of people at which it first reached its threshold."""
    for claim, value in logs.items():
        state["peak"][claim] = max(value, state["peak"].get(claim, value))
        if claim not in state["crossed"] and value >= -math.log(errors[claim]):
            state["crossed"][claim] = people


def claims(state: State, logs: dict[str, float], errors: dict[str, float]) -> dict[str, Claim]:
    """The claims of a state with these log E now; p by the peak so far, so it never rises again."""
    return {
        claim: Claim(log, min(1.0, math.exp(-state["peak"][claim])), 1 / errors[claim], state["crossed"].get(claim))
        for claim, log in logs.items()
    }


def nothing_yet(errors: dict[str, float], reason: str, blocks: int = 0) -> Reading:
    """The reading of a state that says nothing yet, with the reason."""
    return Reading(
        {claim: Claim(None, None, 1 / error, None, reason) for claim, error in errors.items()}, None, None, blocks
    )


# Long deliveries are taken in parts of so many participants: same numbers, less memory, twice as fast.
AT_ONCE = 16_384
Advance = Callable[
    [Design, dict[str, Any], tuple[Unit, ...]], tuple[dict[str, Any], list[Block], Integers, dict[str, Floats]]
]


def in_parts(advance: Advance, design: Design, state: dict[str, Any], units: tuple[Unit, ...]) -> dict[str, Any]:
    """The state that `advance` comes to, a part of the participants at a time."""
    for first in range(0, len(units), AT_ONCE) or (0,):
        state = advance(design, state, units[first : first + AT_ONCE])[0]
    return state


def marks(found: list[Block], people: Integers, logs: dict[str, Floats]) -> tuple[Mark, ...]:
    """The evidence after each block, from each claim's log E and the people after it: shape (B,)."""
    by_claim = {claim: path.tolist() for claim, path in logs.items()}
    return tuple(
        Mark(block.at, int(people[number]), {claim: path[number] for claim, path in by_claim.items()})
        for number, block in enumerate(found)
    )
