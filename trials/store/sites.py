"""What is told of the sites as of which look, and, with that, what is told of who joined: one history for pages, the command
and exports."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from trials.disclosure import Cells, SiteHistory, follow, rounded_look
from trials.evidence import Look
from trials.protocol import Protocol
from trials.site_totals import cells, is_binary, told_apart
from trials.store import reading as reads
from trials.store.engine import Store, reading
from trials.store.looks import people_in_order
from trials.store.plans import plan_with


def history(
    store: Store, protocol: Protocol, looks: Iterable[Look] | None = None, before: SiteHistory | None = None
) -> SiteHistory:
    """The tellings after these looks (all that `before` has not read, if they are left out), oldest first.

    It costs a walk through the trial's people for each look that has a quarter more of them than the last telling.
    """
    if looks is None:
        looks = reads.looks(store, protocol.trial, before.read if before else 0)
    return follow(
        (rounded_look(protocol, look) for look in looks),
        _cells_of(store) if told_apart(protocol) else None,
        [site.id for site in protocol.sites],
        binary=is_binary(protocol),
        before=before,
    )


def _cells_of(store: Store) -> Callable[[Look], Cells]:
    def found(look: Look) -> Cells:
        with reading(store) as connection:
            plan = plan_with(connection, look.trial, look.protocol_sha256)
            people = people_in_order(connection, plan, upto=look.batch_seq)
        return cells(plan, people, look.as_of)

    return found
