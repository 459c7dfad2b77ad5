"""What the pages know: frozen views made from the store, and the only module of the pages that reads it.

Verdict, sentence and evidence of a view come from one look: the newest of those that may be shown (`disclosure.apart`).
Counts by site, arm or reason have passed `trials.disclosure`, and effects have no more digits than the words for them.
How many people are in, waiting or missing is the newest look's.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from dashboards import wording
from dashboards.wording import Standing
from trials.disclosure import SafeCounts, SafeTable, apart, safe_count, safe_counts, safe_table, splits_hidden
from trials.errors import RoadtestError
from trials.evidence import Claim, Interval, Look
from trials.protocol import Protocol
from trials.store import reading
from trials.store.engine import Store
from trials.store.reading import TrialCard
from trials.verdict import verdict_of

# "arm is 'pilot': must be one of ..." -> "arm: must be one of ..."; "as registered, 'usual'" -> "as registered".
_QUOTED = re.compile(r",? (?:is )?'[^']*'")
_ROW = re.compile(r"rows? \d+(?:(?:, | and )\d+)*")
_FEW_ROWS = re.compile(r"\(\d rows?\)")

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
    """One trial of the portfolio. badges: what marks it as no finding (simulated, a replay)."""

    id: str
    name: str
    programme: str
    simulated: bool
    retrospective: bool
    badges: list[str]
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
    units: str = "people"
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """The portfolio: counts per verdict, and a row per trial."""

    counts: dict[Standing, int]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One delivery, its counts made safe, in its warnings too."""

    name: str
    sent_at: datetime
    action: str
    accepted: int | None
    quarantined: int | None
    corrections: int | None
    refusal: str | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quality:
    """How good the data are. unsettled: people who are waiting, and missing. missing_by_arm: "" = never reported at all."""

    deliveries: int
    refused: int
    reasons: SafeCounts
    late_changes: int | None
    unsettled: SafeCounts
    missing_by_arm: SafeCounts
    last: tuple[DeliveryView, ...]
    last_received_at: datetime | None

    @property
    def waiting(self) -> int | None:
        return self.unsettled.cells["waiting"]

    @property
    def missing(self) -> int | None:
        return self.unsettled.cells["missing"]


@dataclass(frozen=True, slots=True)
class TrialView:
    """One trial's page.

    look: the newest, for counts of people and the date. looks: those that charts and tables may show, thinned to
    MOST_POINTS, effects rounded; the last of them, `shown`, is where all numbers drawn from outcomes come from.
    """

    protocol: Protocol
    seal: str | None
    standing: Standing
    sentence: str | None
    look: Look | None
    looks: tuple[Look, ...]
    enrolment: SafeTable
    quality: Quality
    stale: bool
    stale_after: timedelta | None

    @property
    def shown(self) -> Look | None:
        return self.looks[-1] if self.looks else None

    @property
    def effect(self) -> Look | None:
        """The look whose estimate, range and arms are shown; None when there is none, or small numbers stand behind it."""
        return _unhidden(self.protocol, self.shown)

    @property
    def effects(self) -> tuple[Look, ...]:
        """The looks whose estimates and ranges may be drawn."""
        return tuple(look for look in self.looks if _unhidden(self.protocol, look))

    @property
    def claims(self) -> dict[str, Claim]:
        """The claims that may be told of: all of the look shown; before there is one, those that fired."""
        return _claims(self.look, self.shown)

    @property
    def deciding(self) -> Claim | None:
        """The claim whose strength stands beside the verdict, if it may be told."""
        return self.claims.get(deciding_claim(self.look)) if self.look else None


@dataclass(frozen=True, slots=True)
class Desk:
    """What a request reads from: the store, and when data count as stale.

    It remembers the looks chosen for showing, by trial with the number of the last look read: looks are never changed.
    """

    store: Store
    stale_after: timedelta | None = None
    chosen: dict[str, tuple[int, tuple[Look, ...]]] = field(default_factory=dict, compare=False, repr=False)


def assert_agreement(look: Look) -> None:
    """Raises ContradictionError unless the verdict is one that the look's own evidence leads to, full or not."""
    if look.verdict not in {
        verdict_of(look.claims, look.guardrails, look.concerns, full=full) for full in (False, True)
    }:
        fired = ", ".join(name for name, claim in look.claims.items() if claim.fired) or "none"
        raise ContradictionError(
            f"{look.trial}: look {look.number} says '{look.verdict}', but the claims that fired are: {fired}. "
            "It is not shown; run `roadtest look` again."
        )


def deciding_claim(look: Look) -> str:
    """The claim whose strength stands beside the verdict: the one that led to it, else the one for benefit."""
    return {"drop": "dud", "stop_for_harm": "harm"}.get(look.verdict, "benefit")


def _claims(newest: Look | None, shown: Look | None) -> dict[str, Claim]:
    if newest is None:
        return {}
    return shown.claims if shown else {name: claim for name, claim in newest.claims.items() if claim.fired}


def _unhidden(protocol: Protocol, look: Look | None) -> Look | None:
    primary = protocol.primary
    people = wording.per_hundred(primary) or wording.is_time(primary)
    hidden = look is None or splits_hidden(look, binary=people, events=wording.is_count(primary))
    return None if hidden else look


def _shown_looks(desk: Desk, protocol: Protocol, newest: Look | None) -> tuple[Look, ...]:
    """The looks up to the newest that may be shown, in order, with effects as rounded as their words."""
    if newest is None:
        return ()
    read, before = desk.chosen.get(protocol.trial, (0, ()))
    if read > newest.number:
        read, before = 0, ()
    if read == newest.number:
        return before
    # A look that lands between two reads belongs to the next refresh: one page shows one state.
    found = (look for look in reading.looks(desk.store, protocol.trial, read) if look.number <= newest.number)
    chosen = apart((_rounded(protocol, look) for look in found), before)
    desk.chosen[protocol.trial] = (newest.number, chosen)
    return chosen


def _rounded(protocol: Protocol, look: Look) -> Look:
    def rounded(value: float | None) -> float | None:
        return wording.rounded(protocol.primary, value)

    def ends(interval: Interval) -> Interval:
        return rounded(interval[0]), rounded(interval[1])

    comparisons = tuple(
        replace(one, estimate=rounded(one.estimate), interval=ends(one.interval)) for one in look.comparisons
    )
    late = look.sensitivity
    if late is not None:
        late = replace(late, estimate=rounded(late.estimate), interval=ends(late.interval))
    return replace(
        look,
        estimate=rounded(look.estimate),
        interval=ends(look.interval),
        adjusted=rounded(look.adjusted),
        comparisons=comparisons,
        sensitivity=late,
    )


def _sentence(protocol: Protocol, newest: Look, shown: Look | None) -> str:
    """The sentence of the look shown, or of the newest where none is; without an estimate that may not be shown."""
    told = shown if shown is not None and shown.verdict == newest.verdict else newest
    if told is shown and _unhidden(protocol, shown):
        return told.sentence
    return wording.without_estimate(protocol, told.sentence)


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
    looks = _shown_looks(desk, protocol, look)
    shown = looks[-1] if looks else None
    claim = None if look is None else _claims(look, shown).get(deciding_claim(look))
    effect = _unhidden(protocol, shown)
    people = 0 if look is None else safe_count(look.n)
    return Row(
        id=card.id,
        name=protocol.name,
        programme=protocol.programme,
        simulated=protocol.simulated,
        retrospective=protocol.retrospective,
        badges=wording.badges(protocol),
        stage=wording.STAGE_WORDS[protocol.stage],
        standing=standing_of(look),
        sentence=fault
        or (
            "The plan is registered; no outcome has been looked at yet."
            if look is None
            else _sentence(protocol, look, shown)
        ),
        people=wording.few(people),
        planned=f"{planned:,}",
        people_share=min((people or 0) / planned, 1.0),
        effect="–" if effect is None else wording.effect(protocol, effect.estimate),
        plausible=_plausible(protocol, look, shown),
        forest=_forest(protocol, effect),
        strength="no evidence yet" if claim is None else wording.strength(claim, wording.units(protocol)),
        strength_share=0.0 if claim is None else wording.share_of_threshold(claim),
        as_of=wording.short_day(None if look is None else look.as_of),
        as_of_sort="" if look is None else look.as_of.isoformat(),
        stale=_stale(card, desk, now),
        units=wording.units(protocol),
        fault=fault,
    )


def _plausible(protocol: Protocol, newest: Look | None, shown: Look | None) -> str:
    if newest is None or shown is None:
        return "too early to say"
    if _unhidden(protocol, shown) is None:
        return "hidden to protect privacy"
    as_of = "" if shown.n == newest.n else f", as of {shown.n:,} {wording.units(protocol)}"
    return wording.plausible(protocol, shown) + as_of


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
    looks = _shown_looks(desk, card.protocol, card.look)
    shown = looks[-1] if looks else None
    return TrialView(
        protocol=card.protocol,
        seal=None if card.state == "registered" else card.sha256,
        standing=standing_of(card.look),
        sentence=None if card.look is None else _sentence(card.protocol, card.look, shown),
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
    counts = {"waiting": 0 if look is None else look.waiting, "missing": 0 if look is None else look.missing}
    unsettled = safe_counts(counts)
    last = reading.deliveries(desk.store, card.id)
    return Quality(
        deliveries=card.deliveries,
        refused=card.refused,
        reasons=safe_counts(_by_rule(reading.quarantine_reasons(desk.store, card.id))),
        late_changes=safe_count(0 if look is None else look.late_changes),
        unsettled=unsettled,
        missing_by_arm=_missing_by_arm(look, told=unsettled.cells["missing"] is not None),
        last=tuple(
            DeliveryView(
                each.name,
                each.sent_at,
                each.action,
                safe_count(each.accepted),
                safe_count(each.quarantined),
                safe_count(each.corrections),
                each.refusal,
                tuple(_FEW_ROWS.sub("(fewer than 10 rows)", warning) for warning in each.warnings),
            )
            for each in last
        ),
        last_received_at=card.last_received_at,
    )


def _missing_by_arm(look: Look | None, *, told: bool) -> SafeCounts:
    """Who is missing, by arm; nothing while the total itself is not told, which it would be worked out from."""
    if look is None or not told:
        return safe_counts({})
    by_arm = {arm.arm: arm.missing for arm in look.arms}
    unreported = look.missing - sum(by_arm.values())
    return safe_counts({**by_arm, "": unreported} if unreported else by_arm)


def _by_rule(reasons: Sequence[tuple[str, int]]) -> dict[str, int]:
    """Rows by the rule they broke. What was in their cells is their site's business, not every reader's."""
    counts: Counter[str] = Counter()
    for reason, rows in reasons:
        counts[_QUOTED.sub("", _ROW.sub("another row", reason))] += rows
    return dict(counts.most_common())


def tokens(desk: Desk) -> dict[str, int]:
    """Each trial's change token: one cheap query."""
    return reading.tokens(desk.store)
