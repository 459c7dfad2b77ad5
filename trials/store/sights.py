"""What somebody may see of many trials, and how many joined one, as whoever may not see small counts is told."""

from __future__ import annotations

from collections.abc import Iterable

from trials.disclosure import SafeTable
from trials.errors import ForbiddenError
from trials.protocol import Protocol
from trials.store import access, sites, tallies
from trials.store.access import Sight
from trials.store.engine import Store
from trials.store.engine import reading as open_reading
from trials.store.reading import TrialCard


def sights(store: Store, cards: Iterable[TrialCard]) -> dict[str, Sight]:
    """By trial, what the store's person may see; trials that they may not read are left out. One query."""
    asked, found = list(cards), dict[str, Sight]()
    with open_reading(store) as connection:
        given = access.grants_of(connection, {card.protocol.programme or card.id for card in asked})
    for card in asked:
        held = given.get(card.protocol.programme or card.id, ())
        try:
            found[card.id] = access.sight_by(held, card.id, store.person, card.protocol, card.state)
        except ForbiddenError:
            continue
    return found


def sight_of(store: Store, card: TrialCard) -> Sight:
    """What the store's person may see of one trial. Raises ForbiddenError."""
    with open_reading(store) as connection:
        return access.sight(connection, card.id, store.person, card.protocol, card.state)


def joined_as_told(store: Store, protocol: Protocol) -> SafeTable:
    """Who joined by site and arm, in the steps that pages and `roadtest counts` show; every other number of people who
    joined is made from it, so that no two of them can be held against each other."""
    return tallies.joined(store, protocol, sites.history(store, protocol).told)
