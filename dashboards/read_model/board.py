"""The portfolio: counts per verdict, and a row per trial."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime

from dashboards import wording
from dashboards.read_model.desk import (
    ContradictionError,
    Desk,
    arms_shown,
    assert_agreement,
    choose,
    claims_told,
    deciding_claim,
    effect_of,
    is_stale,
    sentence_of,
    standing_of,
    visible,
)
from dashboards.wording import Standing
from trials.disclosure import with_crossings
from trials.evidence import Look
from trials.protocol import Protocol
from trials.store import reading
from trials.store.reading import TrialCard

log = logging.getLogger(__name__)

# A mini forest's axis, in worthwhile effects: wide enough for the intervals of small trials, the same for every row.
FOREST_REACH = 4.0


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


def board(desk: Desk, *, now: datetime | None = None) -> Board:
    """Every trial, those that wait for people first. A contradicting look becomes a row that says so."""
    cards = visible(desk, reading.cards(desk.store))
    arms = arms_shown(desk, cards)
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
    looks = choose(desk, protocol, look).looks
    shown = with_crossings(looks)[-1] if looks else None
    claim = None if look is None else claims_told(look, shown).get(deciding_claim(look))
    effect = effect_of(protocol, shown, arms=arms)
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
            else sentence_of(protocol, look, looks, arms=arms)
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
        stale=is_stale(card, desk, now),
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
