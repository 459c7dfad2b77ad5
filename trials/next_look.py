"""When a trial is looked at next, by its plan: by people for planned looks, else with the next delivery.

Nothing is stored and nothing is guessed: where the plan doesn't say how often a delivery comes, the next look is with the next
file, whenever that is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from cronsim import CronSim, CronSimError

from trials.acts.act import CLOSED, SEALED
from trials.protocol import Protocol

Wait = Literal["over", "unsealed", "people", "date", "file", "first file"]


@dataclass(frozen=True, slots=True)
class NextLook:
    """What a trial's next look waits for. over: nothing more is looked at to decide; unsealed: for its seal; people: until so
    many are accounted for; date: for the delivery that is due then (`late`: should have come); file, first file: for the next
    or first one, of which the plan doesn't say when it comes."""

    wait: Wait
    people: int | None = None
    at: datetime | None = None
    late: bool = False


def next_look(
    protocol: Protocol, state: str, last_received_at: datetime | None, accounted: int, as_of: datetime
) -> NextLook:
    """The next look of a trial in this state at a time (aware). accounted: people whose outcome is known or missing for good,
    as far as whoever is told may know of them."""
    if state in CLOSED or protocol.retrospective:
        return NextLook("over")
    if state != SEALED:
        return NextLook("unsealed")
    if protocol.monitoring.method == "group-sequential":
        coming = [place for place in planned_places(protocol) if place > accounted]
        return NextLook("people", coming[0]) if coming else NextLook("over")
    if last_received_at is None:
        return NextLook("first file")
    due = _due(protocol, last_received_at)
    return NextLook("file") if due is None else NextLook("date", at=due, late=due < as_of)


def planned_places(protocol: Protocol) -> tuple[int, ...]:
    """People accounted for at each planned look, as `trials.sequential.grouped.planned_looks` has them."""
    most = protocol.monitoring.max_participants
    # A share such as .55 of 100 people is a little over 55 in floating point.
    return tuple(math.ceil(share * most - 1e-9) for share in protocol.monitoring.fractions)


def _due(protocol: Protocol, last: datetime) -> datetime | None:
    """When the delivery after the last one is due: after `source.every`, else at the schedule's next time."""
    if protocol.source.every_time is not None:
        return last + protocol.source.every_time
    if protocol.schedule is None:
        return None
    try:
        return next(iter(CronSim(protocol.schedule, last.astimezone(UTC))), None)
    except CronSimError:
        return None
