"""How the data of all trials stand: what came, what was refused, what waits to be mended, what is waited for in vain.

Everybody is told the same. Numbers of rows and people here go up and down, so they are rounded down to tens
(`trials.disclosure.tens`), by site first: a total is the sum of what its sites show. None stands for fewer than ten, none too.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal
from weakref import WeakKeyDictionary
from zlib import crc32

from dashboards import wording
from dashboards.read_model.desk import Desk, visible
from dashboards.read_model.quality import warnings_told
from trials.disclosure import tens
from trials.overdue import Failure, Overdue, SourceOverdue, overdue
from trials.protocol import Protocol
from trials.store import arrivals, quarantine, reading
from trials.store.newest import Newest, newest_deliveries
from trials.store.reading import TrialCard

# Why somebody should look, the most pressing first.
Need = Literal["failed", "overdue", "refused", "silent", "rows", "outcomes", "numbers", "flagged"]
NEEDS: tuple[Need, ...] = ("failed", "overdue", "refused", "silent", "rows", "outcomes", "numbers", "flagged")

# A delivery keeps the flags of its trial's health (expectations/suites/health.json) among its warnings: these phrases tell
# them from what is merely noted, such as a column that nobody asked for.
FLAGS = re.compile(
    "people where the plan allocates|the arms don't have the people|sent under another arm or site|who were never enrolled|"
    "are missing unequally|of the outcomes that are due are missing|came too late to count|among the first half of the people|"
    "of the rows received are in quarantine"
)


@dataclass(frozen=True, slots=True)
class Silent:
    """A site that has told nothing new since then (None: never) although people of its are due."""

    name: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class SiteWaits:
    """A site's people whose outcome can still be reported (due) or can't any more (missing), in tens. name '': no site."""

    name: str
    due: int | None
    missing: int | None


@dataclass(frozen=True, slots=True)
class Waits:
    """What a sealed trial waits for. every_days: how often a delivery is expected; holes: allocation numbers under which
    nobody was reported, in tens; failures: the attempts since the last good one, oldest first."""

    every_days: float | None
    source: SourceOverdue | None
    silent: tuple[Silent, ...]
    sites: tuple[SiteWaits, ...]
    due: int | None
    missing: int | None
    holes: int | None
    failures: tuple[Failure, ...]

    @property
    def late_days(self) -> int:
        """Whole days by which the source is late; 0 when it is not, or by less than a day."""
        return 0 if self.source is None else self.source.late_by.days

    @property
    def failed(self) -> tuple[Failure, ...]:
        return tuple(one for one in self.failures if one.kind == "failed")

    @property
    def refused(self) -> tuple[Failure, ...]:
        return tuple(one for one in self.failures if one.kind == "refused")


@dataclass(frozen=True, slots=True)
class DataRow:
    """One trial. last: its newest usable delivery; flags: what looked wrong with the trial as a whole when it came; notes: the
    delivery's other warnings. rows: set aside and waiting, in tens. waits: None before the seal and after the end. needs: why
    somebody should look."""

    id: str
    name: str
    badges: tuple[str, ...]
    state: str
    deliveries: int
    refused: int
    last: Newest | None
    flags: tuple[str, ...]
    notes: tuple[str, ...]
    rows: int | None
    waits: Waits | None
    needs: tuple[Need, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """Every trial that the reader may see, those that need somebody first; how many trials there are of each need; how many
    are sealed and so expect something; all the rows that wait, as far as the trials show them, and how many show any."""

    rows: tuple[DataRow, ...]
    needs: Mapping[Need, int]
    expecting: int
    silent_sites: int
    waiting: int | None
    waiting_in: int

    @property
    def attention(self) -> int:
        return sum(bool(row.needs) for row in self.rows)


def overview(desk: Desk, *, now: datetime | None = None) -> Overview:
    """The data of all trials; the number of queries doesn't grow with the number of trials."""
    cards = visible(desk, reading.cards(desk.store))
    rows = sorted(data_rows(desk, cards, now or datetime.now(UTC)), key=_urgency)
    shown = [row.rows for row in rows if row.rows is not None]
    return Overview(
        rows=tuple(rows),
        needs={need: sum(need in row.needs for row in rows) for need in NEEDS},
        expecting=sum(row.waits is not None for row in rows),
        silent_sites=sum(len(row.waits.silent) for row in rows if row.waits is not None),
        waiting=sum(shown) if shown else None,
        waiting_in=len(shown),
    )


def names_of(desk: Desk, trials: Collection[str]) -> dict[str, str]:
    """The names of those of the trials that the reader may see."""
    return {card.id: card.protocol.name for card in visible(desk, reading.cards(desk.store, trials))}


def data_rows(desk: Desk, cards: Sequence[TrialCard], now: datetime) -> list[DataRow]:
    """A row per card, in their order. The cards are those that the reader may see."""
    ids = {card.id for card in cards}
    newest, set_aside = newest_deliveries(desk.store, ids), quarantine.waiting(desk.store, ids)
    waits = _waits(desk, cards, now)
    return [_row(card, newest.get(card.id), tens(set_aside.get(card.id, 0)), waits.get(card.id)) for card in cards]


def _row(card: TrialCard, last: Newest | None, rows: int | None, waits: Waits | None) -> DataRow:
    warnings = () if last is None else warnings_told(last.warnings)
    flags = tuple(one for one in warnings if FLAGS.search(one))
    found: dict[Need, Any] = {"rows": rows, "flagged": flags}
    if waits is not None:
        found |= {"failed": waits.failed, "overdue": waits.source, "refused": waits.refused}
        found |= {"silent": waits.silent, "outcomes": waits.due, "numbers": waits.holes}
    return DataRow(
        id=card.id,
        name=card.protocol.name,
        badges=tuple(wording.badges(card.protocol)),
        state=card.state,
        deliveries=card.deliveries,
        refused=card.refused,
        last=None if last is None else replace(last, warnings=warnings),  # the page sends a digest of all this
        flags=flags,
        notes=tuple(one for one in warnings if one not in flags),
        rows=rows,
        waits=waits,
        needs=tuple(need for need in NEEDS if found.get(need)),
    )


def _urgency(row: DataRow) -> tuple[int, str]:
    return (NEEDS.index(row.needs[0]) if row.needs else len(NEEDS), row.name.lower())


# What a trial waits for follows from its state, whose token changes with it, and from the time. Working it out reads all its
# people, so it is remembered for an hour, by database: it is the same for every reader.
_Known = dict[str, tuple[tuple[int, int], Waits]]
_KNOWN: WeakKeyDictionary[Any, _Known] = WeakKeyDictionary()
_ONE_AT_A_TIME = threading.Lock()  # many who ask at once wait for the first, instead of all reading the same
_HOUR = 3600


def _waits(desk: Desk, cards: Sequence[TrialCard], now: datetime) -> dict[str, Waits]:
    sealed = {card.id: card for card in cards if card.state == "sealed"}
    # Hours begin at another second for each trial, so that not all of them are worked out again in the same one.
    marks = {
        id_: (card.token, int(now.timestamp() + crc32(id_.encode()) % _HOUR) // _HOUR) for id_, card in sealed.items()
    }
    with _ONE_AT_A_TIME:
        known = _KNOWN.setdefault(desk.store.engine, {})
        fresh = {id_: card.protocol for id_, card in sealed.items() if id_ not in known or known[id_][0] != marks[id_]}
        if fresh:
            for trial, (came, people) in arrivals.arrivals_of(desk.store, fresh).items():
                known[trial] = (marks[trial], told_of(fresh[trial], overdue(fresh[trial], came, people, now)))
        return {trial: known[trial][1] for trial in sealed}


def told_of(protocol: Protocol, found: Overdue) -> Waits:
    """What a trial waits for, as everybody may see it: a site is named with its people only where ten or more are counted."""
    named = {site.id: site.name or site.id for site in protocol.sites}
    counts = found.by_site()
    sites = [
        SiteWaits(named.get(site, site), tens(counts[site, "due"]), tens(counts[site, "missing"]))
        for site in dict.fromkeys(site for site, _ in counts)
    ]
    return Waits(
        every_days=None if found.every is None else round(found.every.total_seconds() / 86_400, 1),
        source=found.source,
        silent=tuple(Silent(named.get(one.site, one.site), one.since) for one in found.silent_told),
        sites=tuple(one for one in sites if one.due is not None or one.missing is not None),
        due=_sum(one.due for one in sites),
        missing=_sum(one.missing for one in sites),
        holes=tens(len(found.holes)),
        failures=found.failures,
    )


def _sum(counts: Iterable[int | None]) -> int | None:
    shown = [count for count in counts if count is not None]
    return sum(shown) if shown else None
