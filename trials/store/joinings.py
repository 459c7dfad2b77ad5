"""Who joined, delivery by delivery, as the moments that releases are made from, each with the day on which it was sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date

from sqlalchemy import select

from trials.disclosure import Moment, Told
from trials.disclosure import over_time as releases
from trials.protocol import Protocol
from trials.store import tallies
from trials.store.engine import Store, reading
from trials.store.models import BATCH


def joined_over_time(store: Store, protocol: Protocol, told: Iterable[Told]) -> tuple[releases.Told, ...]:
    """What the table of who joined (`tallies.joined`) told from which day on, oldest first. told: as there."""
    sites = [site.id for site in protocol.sites]
    came: defaultdict[int, defaultdict[tuple[str, str], int]] = defaultdict(lambda: defaultdict(int))
    for delivery, site, arm, people in tallies.enrolled_by_delivery(store, protocol.trial):
        came[delivery][site if site in sites else "", arm] += people
    looks: defaultdict[int, list[Mapping[str, tuple[int, int]]]] = defaultdict(list)
    for delivery, arms in told:
        looks[delivery].append(arms)
    days, moments = _sent_on(store, protocol.trial), list[tuple[date, Moment]]()
    for delivery in sorted(came.keys() | looks.keys()):
        first, *more = looks[delivery] or [{}]
        moments.append((days[delivery], Moment(came[delivery], first)))
        moments += [(days[delivery], Moment(told=arms)) for arms in more]
    others = any(site == "" for moment in came.values() for site, _ in moment)
    rows = [*sites, *([""] if others or not sites else [])]
    return releases.joined_over_time(rows, [arm.id for arm in protocol.arms], moments)


def _sent_on(store: Store, trial: str) -> dict[int, date]:
    with reading(store) as connection:
        found = connection.execute(select(BATCH.c.seq, BATCH.c.sent_at).where(BATCH.c.trial_id == trial)).tuples()
        return {seq: sent_at.date() for seq, sent_at in found}
