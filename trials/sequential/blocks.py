"""Pairs and blocks: participants of one stratum in the sealed order, the k-th of each arm together.

An unfinished block waits. So the blocks depend on the sealed order alone, never on the order of arrival.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from trials.errors import DataError
from trials.sequential.design import Design, Unit

Queue = dict[str, list[float | None]]


def complete(
    design: Design, waiting: dict[str, Queue], units: tuple[Unit, ...]
) -> Iterator[tuple[int, str, list[float], list[float]]]:
    """Puts units into `waiting` (changed in place); yields (people with an outcome, stratum, treated, control) per block.

    A block with a missing member is left out. Raises DataError for a loss outside [0, 1]: such a value would break the
    bet's guarantee.
    """
    people = 0
    for unit in units:
        people += unit.loss is not None
        if unit.loss is not None and not 0.0 <= unit.loss <= 1.0:
            raise DataError(
                f"loss == {unit.loss}, must be from 0 to 1: the value is outside what the plan was sealed for."
            )
        queue = waiting.setdefault(unit.stratum, {"t": [], "c": []})
        queue[unit.arm].append(unit.loss)
        if len(queue["t"]) >= design.n_t and len(queue["c"]) >= design.n_c:
            treated, queue["t"] = queue["t"][: design.n_t], queue["t"][design.n_t :]
            control, queue["c"] = queue["c"][: design.n_c], queue["c"][design.n_c :]
            whole = [[loss for loss in arm if loss is not None] for arm in (treated, control)]
            if (len(whole[0]), len(whole[1])) == (design.n_t, design.n_c):
                yield people, unit.stratum, whole[0], whole[1]


def copied(waiting: dict[str, Queue]) -> dict[str, Queue]:
    """A copy that `complete` may change while the state it came from stays as it was."""
    return {stratum: {arm: list(losses) for arm, losses in queue.items()} for stratum, queue in waiting.items()}


# The ends of the confidence sequence so far: benefit's bets from below, harm's and dud's from above.
ENDS = ("low", "high", "top")


def interval(state: dict[str, Any]) -> tuple[float | None, float | None]:
    """(low, high) as `Reading` promises them, from the state's ends."""
    low, high = state["low"], state["top"] if state["top"] > 0 else min(state["high"], 0.0)
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


def note_peaks(state: dict[str, Any], logs: dict[str, float], errors: dict[str, float], people: int) -> None:
    """Keeps each claim's highest log E so far, and the number of people at which it first reached its threshold."""
    for claim, value in logs.items():
        state["peak"][claim] = max(value, state["peak"].get(claim, value))
        if claim not in state["crossed"] and value >= -math.log(errors[claim]):
            state["crossed"][claim] = people
