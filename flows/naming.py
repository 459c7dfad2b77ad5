"""Names of deliveries as they are stored and told: a name that is somebody's id, or names them, is left at the door."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from trials.identifiers import masked
from trials.identifiers.files import pieces_of
from trials.protocol import Protocol
from trials.pseudonyms import Pseudonyms, canonical
from trials.records import Delivery
from trials.store import ledger
from trials.store.engine import Store
from trials.store.registers import registers_of

# How a trial's ids are hidden, as a Door says; None where they are plain.
Hiding = Callable[[Store, str], Pseudonyms | None]


def named_safely(store: Store, hiding: Hiding, protocol: Protocol, read: Sequence[Delivery]) -> tuple[Delivery, ...]:
    """The deliveries as they may be stored (`identifiers.masked`), also where a name holds the id of somebody who was enrolled
    before. Nothing is asked of the database for names of days and months. Raises StoreError when the trial's key is gone."""
    pieces = sorted({piece for one in read for piece in pieces_of(one.name)})
    known = _enrolled(store, hiding, protocol.trial, pieces) if pieces else frozenset()
    return tuple(masked(one, protocol.data.id_pattern, known) for one in read)


def _enrolled(store: Store, hiding: Hiding, trial: str, pieces: Sequence[str]) -> frozenset[str]:
    """The pieces that are ids of people whom the trial has enrolled."""
    _, begun = ledger.key_of(store, trial)
    if not begun:
        return frozenset()
    hidden = hiding(store, trial)
    if hidden is None:
        return frozenset(pieces) & {canonical(one) for one in ledger.register_of(store, trial)}
    names = hidden.of_all(pieces)
    register = registers_of(store, {trial: (names, ())})[trial]
    return frozenset(piece for piece, name in zip(pieces, names, strict=True) if name in register)
