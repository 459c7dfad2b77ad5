"""One trial's page: its look, its looks, who joined, how good its data are; as it is, or as of an earlier look.

An earlier look is one that is shown beside the others (`Chosen.looks`): of any two pages each arm's people differ by ten or
more, so going back and forth tells nobody's outcome. What such a page shows of deliveries and of who joined is what was
released when that look was the newest.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from dashboards import wording
from dashboards.read_model.desk import (
    Chosen,
    Desk,
    NoSuchLookError,
    arms_shown,
    assert_agreement,
    choose,
    chosen_from,
    claims_told,
    deciding_claim,
    effect_of,
    is_stale,
    must_see,
    sentence_of,
    standing_of,
)
from dashboards.read_model.quality import Quality, quality_of
from dashboards.reader import NOBODY, Reader
from dashboards.wording import Standing
from trials.acts.act import Act
from trials.disclosure import (
    SafeTable,
    safe_concern,
    told_of_arms,
    with_crossings,
)
from trials.disclosure.sites import SiteHistory
from trials.evidence import Claim, Look
from trials.protocol import Protocol
from trials.store import reading, tallies, travelling
from trials.store.reading import TrialCard

T = TypeVar("T")

# Points a chart draws at most: a screen shows no more, and a live page stays light.
MOST_POINTS = 240


@dataclass(frozen=True, slots=True)
class Since:
    """What came after the look of a page: how many looks that may be shown, the next of them, what was decided."""

    looks: int
    next: int | None
    closing: Act | None


@dataclass(frozen=True, slots=True)
class TrialView:
    """One trial's page.

    look: the newest, for the verdict and the date alone. looks: those that charts and tables may show, thinned to
    MOST_POINTS, effects rounded; the last of them, `shown`, is where all numbers of people and of outcomes come from.
    concerns: the sentences of rules that are broken. arms: whether results by arm may be shown to everybody. marks: what was
    decided, and whether the newest look came after that. every: all the looks that may be shown, not thinned. closing: the
    decision that had closed the trial. since: None for the page as it is; of a page as of an earlier look what came after it.
    card: the trial's newest, and asked: the reader who was let see it (`card_of`). held: what was read for this page alone.
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
    every: tuple[Look, ...] = ()
    closing: Act | None = None
    since: Since | None = None
    card: TrialCard | None = field(default=None, compare=False, repr=False)
    asked: Reader = field(default=NOBODY, compare=False, repr=False)
    held: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

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
        return effect_of(self.protocol, self.shown, arms=self.arms)

    @property
    def effects(self) -> tuple[Look, ...]:
        """The looks whose estimates and ranges may be drawn."""
        return tuple(look for look in self.looks if effect_of(self.protocol, look, arms=self.arms))

    @property
    def claims(self) -> dict[str, Claim]:
        """The claims that may be told of: all of the look shown; before there is one, those that fired."""
        return claims_told(self.look, self.shown)

    @property
    def deciding(self) -> Claim | None:
        """The claim whose strength stands beside the verdict, if it may be told."""
        return self.claims.get(deciding_claim(self.look)) if self.look else None


def trial(desk: Desk, trial_id: str, *, now: datetime | None = None, look: int | None = None) -> TrialView:
    """One trial's page; look: as of this look. Raises NoAccessError, UnknownTrialError, ContradictionError when its look
    contradicts itself, and NoSuchLookError for a look that may not be shown beside the others."""
    card = must_see(desk, trial_id)
    if card.look is not None:
        assert_agreement(card.look)
    chosen = choose(desk, card.protocol, card.look)
    arms = arms_shown(desk, [card])[card.id]
    if look is not None:
        return _as_of(desk, card, _found(card, chosen, look), chosen, arms=arms)
    return _view(
        card,
        chosen,
        enrolment=kept(desk, card, "joined", lambda: tallies.joined(desk.store, card.protocol, chosen.told)),
        quality=kept(desk, card, "quality", lambda: _quality(desk, card, chosen)),
        stale=is_stale(card, desk, now),
        stale_after=desk.stale_after,
        arms=arms,
        card=card,
        asked=desk.reader,
    )


def card_of(desk: Desk, view: TrialView) -> TrialCard:
    """The card of a page's trial. The reader for whom the page was made was asked then; whoever else asks is asked now.
    Raises NoAccessError."""
    if view.card is not None and view.asked == desk.reader:
        return view.card
    return must_see(desk, view.protocol.trial)


def kept(desk: Desk, card: TrialCard, what: str, make: Callable[[], T], more: Hashable = None) -> T:
    """What `make` reads of a trial, read again once anything was done to it (its token; people whom a lot let in come as
    deliveries of their own), or `more` is another. For what is the same for every reader: nothing that rests on somebody's
    roles. What it is made from is read after the card, so it is never older."""
    look = 0 if card.look is None else card.look.number
    return desk.remembered(f"trial: {what}", card.id, (card.token, card.deliveries, look, more), make)


def held(view: TrialView, what: str, make: Callable[[], T]) -> T:
    """What `make` gives, once for all the panels of a page."""
    if what not in view.held:
        view.held[what] = make()
    found: T = view.held[what]
    return found


def _quality(desk: Desk, card: TrialCard, chosen: Chosen) -> Quality:
    return quality_of(
        card.protocol,
        chosen,
        (card.deliveries, card.refused, card.last_received_at),
        reading.deliveries(desk.store, card.id),
        tallies.set_aside_by_delivery(desk.store, card.id),
    )


def _view(
    card: TrialCard, chosen: Chosen, /, *, arms: bool, enrolment: SafeTable, quality: Quality, **more: Any
) -> TrialView:
    """The page of a trial whose newest look is the card's."""
    closing = card.closing
    if more.get("since") is not None and (card.look is None or not card.post_decision):
        closing = None  # as of this look it was open
    return TrialView(
        protocol=card.protocol,
        seal=None if card.state == "registered" else card.sha256,
        standing=standing_of(card.look),
        sentence=None if card.look is None else sentence_of(card.protocol, card.look, chosen.looks, arms=arms),
        look=card.look,
        looks=thinned(every := with_crossings(chosen.looks)),
        enrolment=enrolment,
        quality=quality,
        concerns=() if card.look is None else tuple(safe_concern(one) for one in card.look.concerns),
        arms=arms,
        marks=tuple(wording.marks(card)) if closing is not None else (),
        every=every,
        closing=closing,
        **{"stale": False, "stale_after": None, **more},
    )


def _found(card: TrialCard, chosen: Chosen, number: int) -> Look:
    """The look of this number as it was taken. It is one of those shown, which are kept rounded."""
    found = next((look for look in chosen.looks if look.number == number), None)
    if found is None:
        raise NoSuchLookError(
            f"Look {number} of {card.protocol.name} is not shown: there is none, or too few people lie between it and another."
        )
    return found


def _as_of(desk: Desk, card: TrialCard, look: Look, chosen: Chosen, *, arms: bool) -> TrialView:
    """The page as of a look that is shown."""
    assert_agreement(look)
    protocol = card.protocol
    if look.protocol_sha256 != card.sha256:
        protocol = travelling.plan_at(desk.store, look)
    before = [one for one in reading.looks(desk.store, card.id) if one.number <= look.number]
    then = chosen_from(protocol, before, Chosen(), lambda: _sites_then(chosen.by_site(), before, look))
    deliveries = travelling.deliveries_at(desk.store, look)
    newest = [each.recorded_at for each in deliveries]
    counts = (len(deliveries), sum(each.refusal is not None for each in deliveries), max(newest, default=None))
    later = [one.number for one in chosen.looks if one.number > look.number]
    old = replace(card, protocol=protocol, look=before[-1], sha256=look.protocol_sha256)
    return _view(
        old,
        then,
        enrolment=tallies.joined(desk.store, protocol, then.told, look.batch_seq),
        quality=quality_of(protocol, then, counts, deliveries[:50], travelling.set_aside_at(desk.store, look)),
        arms=arms,
        since=Since(len(later), later[0] if later else None, None if old.post_decision else card.closing),
        card=card,
        asked=desk.reader,
    )


def _sites_then(history: SiteHistory, before: Sequence[Look], look: Look) -> SiteHistory:
    """The part of a history that stood when a look that is still shown was the newest."""
    told, _, _ = told_of_arms(before, (), {})
    tellings = tuple(one for one in history.tellings if one.look <= look.number)
    return replace(history, read=look.number, tellings=tellings, told=history.told[: len(told)])


def thinned(looks: Sequence[Look], most: int = MOST_POINTS) -> tuple[Look, ...]:
    """At most `most` looks, evenly spaced; the first and the newest stay."""
    if len(looks) <= most:
        return tuple(looks)
    step = (len(looks) - 1) / (most - 1)
    return tuple(looks[round(index * step)] for index in range(most))
