"""The people of a look by site and arm, and the sites' effects: what a page may show of it passes `trials.disclosure.sites`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from trials.disclosure.sites import Cell, Group, Telling
from trials.outcomes import kind_named
from trials.pooling import Pooled, pool
from trials.protocol import Protocol
from trials.settling import Person, Terms, account_for, hole_closed, holes, settle


def told_apart(protocol: Protocol) -> bool:
    """Whether sites can be told apart: two or more, one comparison, and outcomes that are yes or no or have a mean."""
    return (
        len(protocol.sites) > 1
        and protocol.design != "multi_arm"
        and kind_named(protocol.primary.kind).values in ("binary", "bounded")
    )


def is_binary(protocol: Protocol) -> bool:
    """Whether those without the outcome are counted too."""
    return kind_named(protocol.primary.kind).values == "binary"


def cells(protocol: Protocol, people: Sequence[Person], as_of: datetime) -> dict[tuple[str, str], Cell]:
    """The people of the look at this time by (site, arm); sites that the plan doesn't name are ''. Added up they are the arms'
    totals of that look: the same people, in the same order, as `trials.analysis.fold` takes them.

    people: all in the sealed order, as the ledger stood.
    """
    named = {site.id for site in protocol.sites}
    found: defaultdict[tuple[str, str], Cell] = defaultdict(Cell)
    for site, arm, value in _prefix(protocol, people, as_of):
        found[site if site in named else "", arm] += Cell(1, value, value * value)
    return dict(found)


def _prefix(protocol: Protocol, people: Sequence[Person], as_of: datetime) -> list[tuple[str, str, float]]:
    """(site, arm, value as judged) of those who count."""
    terms, state = Terms(protocol), {"frontier": 0, "ahead": [], "unreported": []}
    registered = {person.entry_order for person in people if person.entry_order is not None}
    low, high = protocol.primary.bounds or (float("-inf"), float("inf"))
    found = []
    for person in people:
        number = person.entry_order
        passed = [] if number is None else holes(state, number, registered)
        if passed and not hole_closed(protocol, person, as_of):
            break
        settled = settle(protocol, person, as_of, terms=terms)
        if settled is None:
            break
        if number is not None:
            account_for(state, number, passed)
        if settled.value is not None:
            found.append((person.site, person.arm, min(max(settled.value, low), high)))
    return found


def effects(protocol: Protocol, telling: Telling) -> Pooled | None:
    """The groups' effects in the order of the telling, in the measure's own unit, positive = better. None where all people of a
    group have the same value, which says nothing of how far its effect may be off."""
    found = [_effect(protocol, telling, group) for group in telling.groups]
    if any(variance <= 0 for _, variance in found):
        return None
    return pool([effect for effect, _ in found], [variance for _, variance in found])


def _effect(protocol: Protocol, telling: Telling, group: Group) -> tuple[float, float]:
    treated = telling.cells[group, protocol.treatments[0].id]
    mean, variance = _mean(protocol, treated)
    against, its = protocol.primary.baseline, 0.0
    if protocol.control is not None:
        against, its = _mean(protocol, telling.cells[group, protocol.control.id])
    effect = against - mean if protocol.primary.better == "lower" else mean - against
    return effect, variance + its


def _mean(protocol: Protocol, cell: Cell) -> tuple[float, float]:
    """A mean and its variance."""
    mean = cell.total / cell.n
    squares = max(cell.squares / cell.n - mean * mean, 0.0)
    return mean, squares / cell.n if is_binary(protocol) else squares / (cell.n - 1)
