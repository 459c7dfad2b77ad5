"""One trial as a row of the board."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from dashboards import wording
from dashboards.board import words
from dashboards.read_model.desk import (
    Chosen,
    ContradictionError,
    Desk,
    assert_agreement,
    choose,
    claims_told,
    deciding_claim,
    effect_of,
    missing_of,
    sentence_of,
    standing_of,
)
from dashboards.wording import Standing
from trials.acts.act import CLOSED
from trials.acts.deciding import Decision
from trials.disclosure import with_crossings
from trials.evidence import Claim, Look
from trials.next_look import next_look
from trials.protocol import Protocol
from trials.store.reading import TrialCard

log = logging.getLogger(__name__)

# A mini forest's axis, in worthwhile effects: wide enough for the intervals of small trials, the same for every row.
FOREST_REACH = 4.0
ORDER: tuple[Standing, ...] = ("stop_for_harm", "promote", "drop", "cant_tell", "keep_going", "setting_up")


@dataclass(frozen=True, slots=True)
class Forest:
    """An effect and its interval in multiples of the worthwhile effect, positive = better."""

    estimate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Balance:
    """How far the evidence has come towards each answer, 0 to 1 = its threshold reached. said: the same as a sentence.
    lean: where it leans, -1 (drop, or harm) to 1 (promote)."""

    promote: float
    drop: float
    harm: float
    said: str

    @property
    def lean(self) -> float:
        return round(self.promote - max(self.drop, self.harm), 2)


@dataclass(frozen=True, slots=True)
class Row:
    """One trial of the portfolio. badges: what marks it as no finding (simulated, a replay). label: the evidence label, and
    what it means. marks: what was decided, and whether the newest look came after that. word, tone: how it stands in one
    word and a colour: of a closed trial what was decided (`decided` says why), never what its evidence says. furthest: the
    answer that its evidence has come nearest to, and how near. since: when the verdict began to stand. stamp: changes when
    anything of the row does; its first character is how it stands.
    """

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
    word: str = ""
    tone: str = "setting_up"
    decided: str = ""
    furthest: str = ""
    balance: Balance = Balance(0.0, 0.0, 0.0, "")
    sites: tuple[str, ...] = ()
    partners: tuple[str, ...] = ()
    owner: str = ""
    next: str = ""
    next_sort: str = ""
    late: bool = False
    urgency: int = 0
    since: datetime | None = None
    stamp: str = ""

    @property
    def closed(self) -> bool:
        return self.tone == "closed"

    @property
    def waits(self) -> bool:
        """Whether its evidence has an answer and nobody has decided yet. Nobody decides on a replay of a finished trial."""
        answered = self.standing in ("promote", "drop", "stop_for_harm", "cant_tell")
        return answered and not self.closed and self.fault is None and not self.retrospective


def row_of(card: TrialCard, desk: Desk, now: datetime, *, arms: bool, stale: bool) -> Row:
    """The row of a trial as it may be shown. arms: whether results by arm may be; stale: whether it has been silent too long.
    A look that contradicts its own evidence becomes a row that says so."""
    look, fault, chosen = _agreed(card, desk)
    shown = with_crossings(chosen.looks)[-1] if chosen.looks else None
    protocol = card.protocol
    told = claims_told(look, shown)
    effect = effect_of(protocol, shown, arms=arms)
    made = Row(
        **_plan(card),
        **_standing(card, look, fault),
        **evidence_of(protocol, look, told),
        **_effect(protocol, shown, effect),
        **_people(card, look, shown, chosen, now),
        sentence=fault or (words.REGISTERED if look is None else sentence_of(protocol, look, chosen.looks, arms=arms)),
        label=wording.label(protocol, look),
        label_means=wording.label_means(protocol, look),
        marks=words.marks(card),
        since=None if look is None else _since(look, chosen),
        stale=stale,
        fault=fault,
    )
    stood = ORDER.index(made.standing) if not made.closed else len(ORDER)
    return replace(made, stamp=f"{stood}{hashlib.blake2b(repr(made).encode(), digest_size=4).hexdigest()}")


def _agreed(card: TrialCard, desk: Desk) -> tuple[Look | None, str | None, Chosen]:
    """The newest look, if its verdict follows from its own evidence and from the evidence that is shown beside it."""
    chosen = Chosen()
    if card.look is None:
        return None, None, chosen
    try:
        assert_agreement(card.look)
        chosen = choose(desk, card.protocol, card.look)
        if chosen.looks:
            assert_agreement(replace(chosen.looks[-1], verdict=card.look.verdict))
    except ContradictionError as error:
        log.error("%s", error)
        return None, words.FAULT, Chosen()
    return card.look, None, chosen


def _plan(card: TrialCard) -> dict[str, Any]:
    protocol = card.protocol
    return {
        "id": card.id,
        "name": protocol.name,
        "programme": protocol.programme,
        "simulated": protocol.simulated,
        "retrospective": protocol.retrospective,
        "badges": wording.badges(protocol),
        "stage": wording.STAGE_WORDS[protocol.stage],
        "units": wording.units(protocol),
        "planned": f"{protocol.monitoring.max_participants:,}",
        "sites": tuple(site.name or site.id for site in protocol.sites),
        "partners": tuple(partner.name for partner in protocol.partners),
        "owner": protocol.owner,
    }


def _standing(card: TrialCard, look: Look | None, fault: str | None) -> dict[str, Any]:
    """How it stands: what was decided on a closed trial, before what its evidence says."""
    standing = standing_of(look)
    if card.state in CLOSED:
        body = card.closing.body if card.closing is not None else None
        verdict: Any = body.grounds.verdict if isinstance(body, Decision) else None
        said = f"{words.decided(card)} {words.evidence_of_closed(verdict)}"
        word, tone, urgency = words.DECIDED[card.state], "closed", len(ORDER)
    else:
        said, tone, urgency = "", standing, ORDER.index(standing)
        word = words.NOT_SHOWN if fault else wording.VERDICT_WORDS[standing]
    return {"standing": standing, "word": word, "tone": tone, "decided": said, "urgency": urgency}


def evidence_of(protocol: Protocol, look: Look | None, told: dict[str, Claim]) -> dict[str, Any]:
    """How far the evidence has come, as `Row` has it: strength, strength_share, furthest, balance."""
    claim = told.get("benefit" if look is None else deciding_claim(look))
    shares = {each: wording.share_of_threshold(told[each]) if each in told else 0.0 for each in words.TOWARDS}
    leading = max(shares, key=shares.__getitem__)
    if look is not None and claim is not None and claim.fired:
        leading = deciding_claim(look)
    return {
        "strength": "no evidence yet" if claim is None else wording.strength(claim, wording.units(protocol)),
        "strength_share": 0.0 if claim is None else wording.share_of_threshold(claim),
        "furthest": words.furthest(protocol, leading, told.get(leading)),
        "balance": Balance(shares["benefit"], shares["dud"], shares["harm"], words.balance(protocol, told)),
    }


def _effect(protocol: Protocol, shown: Look | None, effect: Look | None) -> dict[str, Any]:
    return {
        "effect": "–" if effect is None else wording.effect(protocol, effect.estimate),
        "plausible": _plausible(protocol, shown, effect),
        "forest": _forest(protocol, effect),
    }


def _people(card: TrialCard, look: Look | None, shown: Look | None, chosen: Chosen, now: datetime) -> dict[str, Any]:
    """Who is in, as of when, and when it is looked at next: from what is shown alone."""
    protocol = card.protocol
    known = 0 if shown is None else shown.n + (missing_of(protocol, chosen).total or 0)
    coming = next_look(protocol, card.state, card.last_received_at, known, now)
    return {
        "people": "–" if look is None else wording.counted(shown),
        "people_share": 0.0 if shown is None else min(shown.n / protocol.monitoring.max_participants, 1.0),
        "as_of": wording.short_day(None if look is None else look.as_of),
        "as_of_sort": "" if look is None else look.as_of.isoformat(),
        "next": words.next_words(coming, wording.units(protocol)),
        "next_sort": "9" if coming.at is None else coming.at.isoformat(),
        "late": coming.late,
    }


def _since(look: Look, chosen: Chosen) -> datetime:
    """When the verdict began to stand, as far back as looks that are shown say the same."""
    since = look.as_of
    for before in reversed(chosen.looks):
        if before.verdict != look.verdict:
            break
        since = before.as_of
    return since


def _plausible(protocol: Protocol, shown: Look | None, effect: Look | None) -> str:
    if shown is None:
        return "too early to say"
    return "hidden to protect privacy" if effect is None else wording.plausible(protocol, effect)


def _forest(protocol: Protocol, look: Look | None) -> Forest:
    if look is None:
        return Forest(None, None, None)
    ends = (look.estimate, *look.interval)
    return Forest(*(None if end is None else round(end / protocol.primary.worthwhile, 4) for end in ends))
