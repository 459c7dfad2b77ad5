"""What the pages know: frozen views made from the store, and the only module of the pages that reads it.

Verdict and evidence of a view come from one look; counts by site, arm or reason have passed `trials.disclosure`.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dashboards import wording
from dashboards.wording import Standing
from trials.disclosure import LIMIT, SafeCounts, SafeTable, safe_count, safe_counts, safe_table
from trials.errors import RoadtestError
from trials.evidence import Claim, Look
from trials.protocol import Protocol
from trials.store import reading
from trials.store.engine import Store
from trials.store.reading import TrialCard

# "arm is 'pilot': must be one of ..." -> "arm: must be one of ..."; "as registered, 'usual'" -> "as registered".
_QUOTED = re.compile(r",? (?:is )?'[^']*'")
_ROW = re.compile(r"rows? \d+(?:(?:, | and )\d+)*")

log = logging.getLogger(__name__)

# A mini forest's axis, in worthwhile effects: wide enough for the intervals of small trials, the same for every row.
FOREST_REACH = 4.0
# Points a chart draws at most: a screen shows no more, and a live page stays light.
MOST_POINTS = 240


class ContradictionError(RoadtestError):
    """A look's verdict does not follow from its own claims; showing it would mislead."""


@dataclass(frozen=True, slots=True)
class Forest:
    """An effect and its interval in multiples of the worthwhile effect, positive = better."""

    estimate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """One trial of the portfolio."""

    id: str
    name: str
    programme: str
    simulated: bool
    stage: str
    standing: Standing
    sentence: str
    people: str
    planned: str
    people_share: float
    effect: str
    plausible: str
    forest: Forest
    strength: str
    strength_share: float
    as_of: str
    as_of_sort: str
    stale: bool
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """The portfolio: counts per verdict, and a row per trial."""

    counts: dict[Standing, int]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One delivery, its counts made safe."""

    name: str
    sent_at: datetime
    action: str
    accepted: int | None
    quarantined: int | None
    corrections: int | None
    refusal: str | None


@dataclass(frozen=True, slots=True)
class Quality:
    """How good the data are."""

    deliveries: int
    refused: int
    reasons: SafeCounts
    late_changes: int | None
    missing: int | None
    waiting: int | None
    last: tuple[DeliveryView, ...]
    last_received_at: datetime | None


@dataclass(frozen=True, slots=True)
class TrialView:
    """One trial's page. `looks` are thinned to MOST_POINTS; the newest is always there."""

    protocol: Protocol
    seal: str | None
    standing: Standing
    look: Look | None
    looks: tuple[Look, ...]
    enrolment: SafeTable
    quality: Quality
    stale: bool
    stale_after: timedelta | None

    def drawable(self) -> tuple[Look, ...]:
        """The looks that charts may show."""
        return tuple(look for look in self.looks if enough(look))


@dataclass(frozen=True, slots=True)
class Desk:
    """What a request reads from: the store, and when data count as stale."""

    store: Store
    stale_after: timedelta | None = None


def assert_agreement(look: Look) -> None:
    """Raises ContradictionError unless the verdict is the one that the look's own claims lead to."""
    benefit, dud, harm = (look.claims[name].fired for name in ("benefit", "dud", "harm"))
    allowed = {
        "promote": benefit and not dud and not harm,
        "drop": dud and not benefit and not harm,
        "stop_for_harm": harm,
        "keep_going": not (benefit or dud or harm),
        "cant_tell": benefit == dud and not harm,
    }
    if not allowed[look.verdict]:
        fired = ", ".join(name for name, claim in look.claims.items() if claim.fired) or "none"
        raise ContradictionError(
            f"{look.trial}: look {look.number} says '{look.verdict}', but the claims that fired are: {fired}. "
            "It is not shown; run `roadtest look` again."
        )


def enough(look: Look) -> bool:
    """Whether an estimate may be shown: with fewer than LIMIT people in an arm it would say who had the outcome."""
    return look.estimate is not None and all(arm.n >= LIMIT for arm in look.arms)


def deciding_claim(look: Look) -> Claim:
    """The claim whose strength stands beside the verdict: the one that led to it, else the one for benefit."""
    return look.claims[{"drop": "dud", "stop_for_harm": "harm"}.get(look.verdict, "benefit")]


def standing_of(look: Look | None) -> Standing:
    return "setting_up" if look is None else look.verdict


def board(desk: Desk, *, now: datetime | None = None) -> Board:
    """Every trial, those that wait for people first. A contradicting look becomes a row that says so."""
    rows = sorted((_row(card, desk, now) for card in reading.cards(desk.store)), key=_urgency)
    counts: dict[Standing, int] = dict.fromkeys(wording.VERDICT_WORDS, 0)
    for row in rows:
        if row.fault is None:
            counts[row.standing] += 1
    return Board(counts, tuple(rows))


_ORDER: tuple[Standing, ...] = ("stop_for_harm", "promote", "drop", "cant_tell", "keep_going", "setting_up")


def _urgency(row: Row) -> tuple[int, str]:
    return _ORDER.index(row.standing), row.name.lower()


def _row(card: TrialCard, desk: Desk, now: datetime | None) -> Row:
    protocol, look = card.protocol, card.look
    fault = None
    if look is not None:
        try:
            assert_agreement(look)
        except ContradictionError as error:
            log.error("%s", error)
            fault, look = "Verdict and evidence of this trial disagree, so neither is shown.", None
    planned = protocol.monitoring.max_participants
    claim = None if look is None else deciding_claim(look)
    shown = look if look is not None and enough(look) else None
    return Row(
        id=card.id,
        name=protocol.name,
        programme=protocol.programme,
        simulated=protocol.simulated,
        stage=wording.STAGE_WORDS[protocol.stage],
        standing=standing_of(look),
        sentence=fault
        or ("The plan is registered; no outcome has been looked at yet." if look is None else look.sentence),
        people="0" if look is None else wording.few(safe_count(look.n)),
        planned=f"{planned:,}",
        people_share=0.0 if look is None else min(look.n / planned, 1.0),
        effect="–" if shown is None else wording.effect(protocol, shown.estimate),
        plausible="too early to say" if shown is None else wording.plausible(protocol, shown),
        forest=_forest(protocol, shown),
        strength="no evidence yet" if claim is None else wording.strength(claim),
        strength_share=0.0 if claim is None else wording.share_of_threshold(claim),
        as_of=wording.short_day(None if look is None else look.as_of),
        as_of_sort="" if look is None else look.as_of.isoformat(),
        stale=_stale(card, desk, now),
        fault=fault,
    )


def _forest(protocol: Protocol, look: Look | None) -> Forest:
    if look is None:
        return Forest(None, None, None)
    ends = (look.estimate, *look.interval)
    return Forest(*(None if end is None else round(end / protocol.primary.worthwhile, 4) for end in ends))


def _stale(card: TrialCard, desk: Desk, now: datetime | None) -> bool:
    """Whether a trial that is still running has been silent for too long. An answered trial can't be stale."""
    if desk.stale_after is None or card.last_received_at is None:
        return False
    running = card.look is None or card.look.verdict == "keep_going"
    return running and (now or datetime.now(UTC)) - card.last_received_at > desk.stale_after


def trial(desk: Desk, trial_id: str, *, now: datetime | None = None) -> TrialView:
    """One trial's page. Raises UnknownTrialError, and ContradictionError when its look contradicts itself."""
    card = reading.card(desk.store, trial_id)
    if card.look is not None:
        assert_agreement(card.look)
    looks = reading.looks(desk.store, trial_id)
    if card.look is not None:
        # A look that lands between the two reads belongs to the next refresh: one page shows one state.
        looks = [look for look in looks if look.number <= card.look.number]
    return TrialView(
        protocol=card.protocol,
        seal=None if card.state == "registered" else card.protocol.seal(),
        standing=standing_of(card.look),
        look=card.look,
        looks=thinned(looks),
        enrolment=_enrolment(desk, card.protocol),
        quality=_quality(desk, card),
        stale=_stale(card, desk, now),
        stale_after=desk.stale_after,
    )


def thinned(looks: Sequence[Look], most: int = MOST_POINTS) -> tuple[Look, ...]:
    """At most `most` looks, evenly spaced; the first and the newest stay."""
    if len(looks) <= most:
        return tuple(looks)
    step = (len(looks) - 1) / (most - 1)
    return tuple(looks[round(index * step)] for index in range(most))


def _enrolment(desk: Desk, protocol: Protocol) -> SafeTable:
    found = {(site, arm): count for site, arm, count in reading.enrolment_by_site(desk.store, protocol.trial)}
    sites = list(dict.fromkeys([*(site.id for site in protocol.sites), *sorted(site for site, _ in found)]))
    arms = [arm.id for arm in protocol.arms]
    return safe_table({(site, arm): found.get((site, arm), 0) for site in sites for arm in arms})


def _quality(desk: Desk, card: TrialCard) -> Quality:
    look = card.look
    last = reading.deliveries(desk.store, card.id)
    return Quality(
        deliveries=card.deliveries,
        refused=card.refused,
        reasons=safe_counts(_by_rule(reading.quarantine_reasons(desk.store, card.id))),
        late_changes=safe_count(0 if look is None else look.late_changes),
        missing=safe_count(0 if look is None else look.missing),
        waiting=safe_count(0 if look is None else look.waiting),
        last=tuple(
            DeliveryView(
                each.name,
                each.sent_at,
                each.action,
                safe_count(each.accepted),
                safe_count(each.quarantined),
                safe_count(each.corrections),
                each.refusal,
            )
            for each in last
        ),
        last_received_at=card.last_received_at,
    )


def _by_rule(reasons: Sequence[tuple[str, int]]) -> dict[str, int]:
    """Rows by the rule they broke. What was in their cells is their site's business, not every reader's."""
    counts: Counter[str] = Counter()
    for reason, rows in reasons:
        counts[_QUOTED.sub("", _ROW.sub("another row", reason))] += rows
    return dict(counts.most_common())


def tokens(desk: Desk) -> dict[str, int]:
    """Each trial's change token: one cheap query."""
    return reading.tokens(desk.store)
