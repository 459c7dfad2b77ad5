"""One trial's page: its look, its looks, who joined, how good its data are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dashboards import wording
from dashboards.read_model.desk import (
    Chosen,
    Desk,
    arms_shown,
    assert_agreement,
    choose,
    claims_told,
    deciding_claim,
    effect_of,
    is_stale,
    missing_of,
    must_see,
    sentence_of,
    standing_of,
)
from dashboards.wording import Standing
from trials.disclosure import (
    SafeCounts,
    SafeTable,
    about_numbers,
    added_up,
    released_counts,
    safe_concern,
    with_crossings,
)
from trials.evidence import Claim, Look
from trials.protocol import Protocol
from trials.store import reading, tallies
from trials.store.reading import TrialCard

# "arm is 'pilot': must be one of ..." -> "arm: must be one of ..."; "as registered, 'usual'" -> "as registered".
_QUOTED = re.compile(r",? (?:is )?'[^']*'")
_ROW = re.compile(r"rows? \d+(?:(?:, | and )\d+)*")

# Points a chart draws at most: a screen shows no more, and a live page stays light.
MOST_POINTS = 240


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


def trial(desk: Desk, trial_id: str, *, now: datetime | None = None) -> TrialView:
    """One trial's page. Raises NoAccessError, UnknownTrialError, and ContradictionError when its look contradicts itself."""
    card = must_see(desk, trial_id)
    if card.look is not None:
        assert_agreement(card.look)
    chosen = choose(desk, card.protocol, card.look)
    arms = arms_shown(desk, [card])[card.id]
    return TrialView(
        protocol=card.protocol,
        seal=None if card.state == "registered" else card.sha256,
        standing=standing_of(card.look),
        sentence=None if card.look is None else sentence_of(card.protocol, card.look, chosen.looks, arms=arms),
        look=card.look,
        looks=thinned(with_crossings(chosen.looks)),
        enrolment=tallies.joined(desk.store, card.protocol, chosen.told),
        quality=_quality(desk, card, chosen),
        stale=is_stale(card, desk, now),
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
        missing=missing_of(card.protocol, chosen),
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
