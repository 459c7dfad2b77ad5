"""What a request reads from, and which of a trial's looks may be shown.

Verdict, sentence and evidence of a view come from one look: the newest of those that may be shown (`disclosure.apart`).
Every count is one of that look or a release (`trials.disclosure.releases`): it moves on in steps of ten or more, whoever
looks and however often. Effects have no more digits than the words for them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from dashboards.reader import NOBODY, Reader
from dashboards.wording import Standing
from trials.disclosure import (
    NOTHING,
    SafeCounts,
    SiteHistory,
    Step,
    Told,
    rounded_look,
    stepped,
    told,
    told_of_arms,
    unhidden,
    without_estimate,
)
from trials.errors import RoadtestError, UnknownTrialError
from trials.evidence import Claim, Look
from trials.protocol import Protocol
from trials.store import reading, seeing, sites
from trials.store.engine import Store
from trials.store.reading import TrialCard
from trials.verdict import verdict_of

T = TypeVar("T")


class ContradictionError(RoadtestError):
    """A look's verdict does not follow from its own claims; showing it would mislead."""


class NoSuchLookError(RoadtestError):
    """The trial has no look of this number that may be shown beside its others."""


class NoAccessError(RoadtestError):
    """The reader may not see this, or there is no such thing: which of them it is they are not told."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen for showing of a trial's looks up to number `read`: the looks, the releases of what is missing (by arm,
    and never reported under any) or came too late.

    by_site: what is told of the sites, and with it what all pages so far told of who joined; worked out when it is asked for,
    by the desk and the plan of whoever asks: in what a desk remembers it is left out.
    """

    read: int = 0
    looks: tuple[Look, ...] = ()
    late: Step = NOTHING
    missing: dict[str, Step] = field(default_factory=dict)
    unreported: Step = NOTHING
    by_site: Callable[[], SiteHistory] = field(default=SiteHistory, compare=False)

    @property
    def told(self) -> tuple[Told, ...]:
        return self.by_site().told


@dataclass(frozen=True, slots=True)
class Desk:
    """What a request reads from: the store, and when data count as stale.

    It remembers what was chosen for showing, by trial: looks are never changed, so a fresh choice would be the same, for
    every reader. sited: by trial, with the plan's sites that it is of. made: what views made, by what and of which, with all
    that it was made from (`remembered`).
    reader: who asks; `for_reader` gives the desk of a request.
    """

    store: Store
    stale_after: timedelta | None = None
    reader: Reader = NOBODY
    chosen: dict[str, Chosen] = field(default_factory=dict, compare=False, repr=False)
    sited: dict[str, tuple[tuple[str, ...], SiteHistory]] = field(default_factory=dict, compare=False, repr=False)
    made: dict[tuple[str, str], tuple[Hashable, Any]] = field(default_factory=dict, compare=False, repr=False)

    def remembered(self, what: str, of: str, made_from: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, made anew only when what it is made from differs from the last time."""
        known = self.made.get((what, of))
        if known is None or known[0] != made_from:
            known = self.made[what, of] = (made_from, make())
        found: T = known[1]
        return found

    def for_reader(self, reader: Reader) -> Desk:
        """The same desk as somebody sees it; what was chosen is shared."""
        return replace(self, store=self.store.as_person(reader.reads_as), reader=reader)


def visible(desk: Desk, cards: Iterable[TrialCard]) -> list[TrialCard]:
    """Those of the trials that the desk's reader may read, in their order: what a link leads to; what somebody who signed in
    has a role for; everything where nobody signs in."""
    found, reader = list(cards), desk.reader
    if reader.kind == "link":
        return [card for card in found if card.id in reader.trials or card.protocol.programme in reader.programmes]
    if reader.kind == "local":
        return found
    may = frozenset(seeing.allowed(desk.store, [card.id for card in found]))
    return [card for card in found if card.id in may]


def must_see(desk: Desk, trial: str) -> TrialCard:
    """The trial's card, before anything else of it is read. Raises NoAccessError when the reader may not read it, and, for
    whoever signed in or came by a link, also when there is none; UnknownTrialError where nobody signs in."""
    if desk.reader.kind == "local":
        return reading.card(desk.store, trial)
    try:
        card = reading.card(desk.store, trial)
    except UnknownTrialError:
        card = None
    if card is None or not visible(desk, [card]):
        raise NoAccessError(f"{trial} is no trial that you can see. Ask its lead for a role, or for a link to it.")
    return card


def may_see(desk: Desk, trial: str) -> bool:
    """Whether the reader can be shown a trial of this name."""
    try:
        must_see(desk, trial)
    except (NoAccessError, UnknownTrialError):
        return False
    return True


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


def claims_told(newest: Look | None, shown: Look | None) -> dict[str, Claim]:
    if newest is None:
        return {}
    if shown is not None:
        return shown.claims
    # Where it fired is no look that is shown, so it is told that it did, and no more.
    return {name: replace(claim, crossed_at_n=0) for name, claim in newest.claims.items() if claim.fired}


def effect_of(protocol: Protocol, look: Look | None, *, arms: bool) -> Look | None:
    """The look whose estimates may be shown; of several arms every estimate is one arm's."""
    several = look is not None and len(look.comparisons) > 0
    return None if several and not arms else unhidden(protocol, look)


def choose(desk: Desk, protocol: Protocol, newest: Look | None) -> Chosen:
    """What may be shown of the looks up to the newest, in order, with effects as rounded as their words."""
    if newest is None:
        return Chosen()
    chosen = desk.chosen.get(protocol.trial, Chosen())
    if chosen.read > newest.number:
        chosen = Chosen()
    if chosen.read < newest.number:
        # A look that lands between two reads belongs to the next refresh: one page shows one state.
        since = reading.looks(desk.store, protocol.trial, chosen.read)
        chosen = chosen_from(protocol, [look for look in since if look.number <= newest.number], chosen)
        desk.chosen[protocol.trial] = chosen
    return replace(chosen, by_site=partial(_by_site, desk, protocol, newest.number))


def chosen_from(
    protocol: Protocol, looks: Sequence[Look], before: Chosen, by_site: Callable[[], SiteHistory] = SiteHistory
) -> Chosen:
    """What may be shown after these looks, which follow those that `before` was chosen from."""
    rounded = [rounded_look(protocol, look) for look in looks]
    _, shown, missing = told_of_arms(rounded, before.looks, before.missing)
    return Chosen(
        looks[-1].number if looks else before.read,
        shown,
        stepped((look.late_changes for look in looks), before.late),
        missing,
        stepped((look.missing - sum(arm.missing for arm in look.arms) for look in looks), before.unreported),
        by_site,
    )


def _by_site(desk: Desk, protocol: Protocol, number: int) -> SiteHistory:
    planned = tuple(site.id for site in protocol.sites)
    of, before = desk.sited.get(protocol.trial, (planned, None))
    if before is not None and (before.read > number or of != planned):
        before = None
    if before is not None and before.read == number:
        return before
    since = reading.looks(desk.store, protocol.trial, before.read if before else 0)
    found = sites.history(desk.store, protocol, [look for look in since if look.number <= number], before)
    desk.sited[protocol.trial] = planned, found
    return found


def missing_of(protocol: Protocol, chosen: Chosen) -> SafeCounts:
    """Who is missing, by arm ("" = never reported under any)."""
    steps = {arm.id: chosen.missing.get(arm.id, NOTHING) for arm in protocol.arms} | {"": chosen.unreported}
    return SafeCounts({arm: step.shown for arm, step in steps.items()}, None, released=True)


def sentence_of(protocol: Protocol, newest: Look, shown: Sequence[Look], *, arms: bool) -> str:
    """The sentence of the look shown, or of the newest where none is; without what may not be shown."""
    text = told(protocol, newest, shown)
    return text if arms or not newest.comparisons else without_estimate(protocol, text)


def arms_shown(desk: Desk, cards: Collection[TrialCard]) -> dict[str, bool]:
    """By trial, whether a stakeholder may see its results by arm."""
    return seeing.arms_shown(desk.store, [(card.id, card.protocol, card.state) for card in cards])


def standing_of(look: Look | None) -> Standing:
    return "setting_up" if look is None else look.verdict


def is_stale(card: TrialCard, desk: Desk, now: datetime | None) -> bool:
    """Whether a trial that is still running has been silent for too long. An answered trial can't be stale."""
    if desk.stale_after is None or card.last_received_at is None:
        return False
    running = card.look is None or card.look.verdict == "keep_going"
    return running and (now or datetime.now(UTC)) - card.last_received_at > desk.stale_after


def tokens(desk: Desk) -> dict[str, int]:
    """Each trial's change token, whoever asks: one cheap query. `seen_ids` says which of them a reader is told of."""
    return reading.tokens(desk.store)


def seen_ids(desk: Desk) -> frozenset[str] | None:
    """The trials whose changes the reader is told of; None = all, without a query."""
    if desk.reader.kind == "local":
        return None
    return frozenset(card.id for card in visible(desk, reading.cards(desk.store)))
