"""What the pages know: frozen views made from the store, and the only module of the pages that reads it.

Verdict, sentence and evidence of a view come from one look: the newest of those that may be shown (`disclosure.apart`).
Every count is one of that look or a release (`trials.disclosure.releases`): it moves on in steps of ten or more, whoever
looks and however often. Effects have no more digits than the words for them. Pages show what a stakeholder may see, whoever
asks; `trials.store.seeing` shows more, to safety stewards, and logs it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from dashboards import wording
from dashboards.wording import Standing
from trials.disclosure import (
    NOTHING,
    SafeCounts,
    SafeTable,
    Step,
    Told,
    about_numbers,
    added_up,
    released_counts,
    rounded_look,
    safe_concern,
    stepped,
    told,
    told_of_arms,
    unhidden,
    with_crossings,
    without_estimate,
)
from trials.errors import RoadtestError
from trials.evidence import Claim, Look
from trials.protocol import Protocol
from trials.store import reading, seeing, tallies
from trials.store.engine import Store
from trials.store.reading import TrialCard
from trials.verdict import verdict_of

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
    """One trial of the portfolio. badges: what marks it as no finding (simulated, a replay). label: the evidence label, and
    what it means. marks: what was decided, and whether the newest look came after that."""

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
    label: str = ""
    label_means: str = ""
    marks: list[str] = field(default_factory=list)
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """The portfolio: counts per verdict, and a row per trial."""

    counts: dict[Standing, int]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One delivery. How many rows it brought is not told: added to the one before it would tell of a few people."""

    name: str
    sent_at: datetime
    action: str
    refusal: str | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quality:
    """How good the data are; counts are releases, None below ten. missing: by arm ("" = never reported at all)."""

    deliveries: int
    refused: int
    reasons: SafeCounts
    late_changes: int | None
    missing: SafeCounts
    last: tuple[DeliveryView, ...]
    last_received_at: datetime | None


@dataclass(frozen=True, slots=True)
class TrialView:
    """One trial's page.

    look: the newest, for the verdict and the date alone. looks: those that charts and tables may show, thinned to
    MOST_POINTS, effects rounded; the last of them, `shown`, is where all numbers of people and of outcomes come from.
    concerns: the sentences of rules that are broken. arms: whether results by arm may be shown to everybody. marks: what was
    decided, and whether the newest look came after that.
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
    concerns: tuple[str, ...] = ()
    arms: bool = True
    marks: tuple[str, ...] = ()

    @property
    def shown(self) -> Look | None:
        return self.looks[-1] if self.looks else None

    @property
    def joined(self) -> int | None:
        """How many have joined at least: what the released table shows, or those with a result, all of whom did."""
        told = [self.enrolment.total, None if self.shown is None else self.shown.n]
        return max((count for count in told if count is not None), default=None)

    @property
    def effect(self) -> Look | None:
        """The look whose estimate, range and arms are shown; None when there is none, or small numbers stand behind it."""
        return _effect(self.protocol, self.shown, arms=self.arms)

    @property
    def effects(self) -> tuple[Look, ...]:
        """The looks whose estimates and ranges may be drawn."""
        return tuple(look for look in self.looks if _effect(self.protocol, look, arms=self.arms))

    @property
    def claims(self) -> dict[str, Claim]:
        """The claims that may be told of: all of the look shown; before there is one, those that fired."""
        return _claims(self.look, self.shown)

    @property
    def deciding(self) -> Claim | None:
        """The claim whose strength stands beside the verdict, if it may be told."""
        return self.claims.get(deciding_claim(self.look)) if self.look else None


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen for showing of a trial's looks up to number `read`: the looks, the releases of what is missing (by arm,
    and never reported under any) or came too late, and what all pages so far told of each arm's people."""

    read: int = 0
    looks: tuple[Look, ...] = ()
    late: Step = NOTHING
    missing: dict[str, Step] = field(default_factory=dict)
    unreported: Step = NOTHING
    told: tuple[Told, ...] = ()


@dataclass(frozen=True, slots=True)
class Desk:
    """What a request reads from: the store, and when data count as stale.

    It remembers what was chosen for showing, by trial: looks are never changed, so a fresh choice would be the same.
    """

    store: Store
    stale_after: timedelta | None = None
    chosen: dict[str, Chosen] = field(default_factory=dict, compare=False, repr=False)


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
    if shown is not None:
        return shown.claims
    # Where it fired is no look that is shown, so it is told that it did, and no more.
    return {name: replace(claim, crossed_at_n=0) for name, claim in newest.claims.items() if claim.fired}


def _effect(protocol: Protocol, look: Look | None, *, arms: bool) -> Look | None:
    """The look whose estimates may be shown; of several arms every estimate is one arm's."""
    several = look is not None and len(look.comparisons) > 0
    return None if several and not arms else unhidden(protocol, look)


def _chosen(desk: Desk, protocol: Protocol, newest: Look | None) -> Chosen:
    """What may be shown of the looks up to the newest, in order, with effects as rounded as their words."""
    if newest is None:
        return Chosen()
    before = desk.chosen.get(protocol.trial, Chosen())
    if before.read > newest.number:
        before = Chosen()
    if before.read == newest.number:
        return before
    # A look that lands between two reads belongs to the next refresh: one page shows one state.
    found = [look for look in reading.looks(desk.store, protocol.trial, before.read) if look.number <= newest.number]
    rounded = [rounded_look(protocol, look) for look in found]
    told_of, looks, missing = told_of_arms(rounded, before.looks, before.missing)
    unreported = (look.missing - sum(arm.missing for arm in look.arms) for look in found)
    desk.chosen[protocol.trial] = chosen = Chosen(
        newest.number,
        looks,
        stepped((look.late_changes for look in found), before.late),
        missing,
        stepped(unreported, before.unreported),
        (*before.told, *told_of),
    )
    return chosen


def _missing(protocol: Protocol, chosen: Chosen) -> SafeCounts:
    """Who is missing, by arm ("" = never reported under any)."""
    steps = {arm.id: chosen.missing.get(arm.id, NOTHING) for arm in protocol.arms} | {"": chosen.unreported}
    return SafeCounts({arm: step.shown for arm, step in steps.items()}, None, released=True)


def _sentence(protocol: Protocol, newest: Look, shown: Sequence[Look], *, arms: bool) -> str:
    """The sentence of the look shown, or of the newest where none is; without what may not be shown."""
    text = told(protocol, newest, shown)
    return text if arms or not newest.comparisons else without_estimate(protocol, text)


def _arms_shown(desk: Desk, cards: Collection[TrialCard]) -> dict[str, bool]:
    """By trial, whether a stakeholder may see its results by arm."""
    return seeing.arms_shown(desk.store, [(card.id, card.protocol, card.state) for card in cards])


def standing_of(look: Look | None) -> Standing:
    return "setting_up" if look is None else look.verdict


def board(desk: Desk, *, now: datetime | None = None) -> Board:
    """Every trial, those that wait for people first. A contradicting look becomes a row that says so."""
    cards = reading.cards(desk.store)
    arms = _arms_shown(desk, cards)
    rows = sorted((_row(card, desk, now, arms=arms[card.id]) for card in cards), key=_urgency)
    counts: dict[Standing, int] = dict.fromkeys(wording.VERDICT_WORDS, 0)
    for row in rows:
        if row.fault is None:
            counts[row.standing] += 1
    return Board(counts, tuple(rows))


_ORDER: tuple[Standing, ...] = ("stop_for_harm", "promote", "drop", "cant_tell", "keep_going", "setting_up")


def _urgency(row: Row) -> tuple[int, str]:
    return _ORDER.index(row.standing), row.name.lower()


def _row(card: TrialCard, desk: Desk, now: datetime | None, *, arms: bool) -> Row:
    protocol, look = card.protocol, card.look
    fault = None
    if look is not None:
        try:
            assert_agreement(look)
        except ContradictionError as error:
            log.error("%s", error)
            fault, look = "Verdict and evidence of this trial disagree, so neither is shown.", None
    planned = protocol.monitoring.max_participants
    looks = _chosen(desk, protocol, look).looks
    shown = with_crossings(looks)[-1] if looks else None
    claim = None if look is None else _claims(look, shown).get(deciding_claim(look))
    effect = _effect(protocol, shown, arms=arms)
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
            else _sentence(protocol, look, looks, arms=arms)
        ),
        people="–" if look is None else wording.counted(shown),
        planned=f"{planned:,}",
        people_share=0.0 if shown is None else min(shown.n / planned, 1.0),
        effect="–" if effect is None else wording.effect(protocol, effect.estimate),
        plausible=_plausible(protocol, shown, effect),
        forest=_forest(protocol, effect),
        strength="no evidence yet" if claim is None else wording.strength(claim, wording.units(protocol)),
        strength_share=0.0 if claim is None else wording.share_of_threshold(claim),
        as_of=wording.short_day(None if look is None else look.as_of),
        as_of_sort="" if look is None else look.as_of.isoformat(),
        stale=_stale(card, desk, now),
        units=wording.units(protocol),
        label=wording.label(protocol, look),
        label_means=wording.label_means(protocol, look),
        marks=wording.marks(card),
        fault=fault,
    )


def _plausible(protocol: Protocol, shown: Look | None, effect: Look | None) -> str:
    if shown is None:
        return "too early to say"
    return "hidden to protect privacy" if effect is None else wording.plausible(protocol, effect)


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
    chosen = _chosen(desk, card.protocol, card.look)
    arms = _arms_shown(desk, [card])[card.id]
    return TrialView(
        protocol=card.protocol,
        seal=None if card.state == "registered" else card.sha256,
        standing=standing_of(card.look),
        sentence=None if card.look is None else _sentence(card.protocol, card.look, chosen.looks, arms=arms),
        look=card.look,
        looks=thinned(with_crossings(chosen.looks)),
        enrolment=tallies.joined(desk.store, card.protocol, chosen.told),
        quality=_quality(desk, card, chosen),
        stale=_stale(card, desk, now),
        stale_after=desk.stale_after,
        concerns=() if card.look is None else tuple(safe_concern(one) for one in card.look.concerns),
        arms=arms,
        marks=tuple(wording.marks(card)),
    )


def thinned(looks: Sequence[Look], most: int = MOST_POINTS) -> tuple[Look, ...]:
    """At most `most` looks, evenly spaced; the first and the newest stay."""
    if len(looks) <= most:
        return tuple(looks)
    step = (len(looks) - 1) / (most - 1)
    return tuple(looks[round(index * step)] for index in range(most))


def _quality(desk: Desk, card: TrialCard, chosen: Chosen) -> Quality:
    aside = tallies.set_aside_by_delivery(desk.store, card.id)
    reasons = released_counts(added_up((_rule(reason), rows) for reason, rows in aside))
    listed = sorted(((rows, rule) for rule, rows in reasons.cells.items() if rows is not None), reverse=True)
    return Quality(
        deliveries=card.deliveries,
        refused=card.refused,
        reasons=replace(reasons, cells={rule: rows for rows, rule in listed}),
        late_changes=chosen.late.shown,
        missing=_missing(card.protocol, chosen),
        last=tuple(
            DeliveryView(each.name, each.sent_at, each.action, each.refusal, _warnings(each.warnings))
            for each in reading.deliveries(desk.store, card.id)
        ),
        last_received_at=card.last_received_at,
    )


def _warnings(warnings: Iterable[str]) -> tuple[str, ...]:
    return tuple(about_numbers(warning) for warning in warnings)


def _rule(reason: str) -> str:
    """The rule that a row broke. What was in its cells is its site's business, not every reader's."""
    return _QUOTED.sub("", _ROW.sub("another row", reason))


def tokens(desk: Desk) -> dict[str, int]:
    """Each trial's change token: one cheap query."""
    return reading.tokens(desk.store)
