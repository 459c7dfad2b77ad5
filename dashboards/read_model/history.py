"""What was decided on a trial, and what happened to it: decisions, sites that left, outside events, what was taken over.

Figures that a decision rested on have no digits here, nor has what the ledger worked out for a criterion: whoever reads pages
sees the look's number, of which the page shows what may be. Parts of a look (without a site, before an event) are as whoever
may not see small counts is told.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from dashboards import wording
from dashboards.read_model.desk import Desk, visible
from dashboards.read_model.trial import TrialView, card_of, kept
from trials import deciding
from trials.acts import Act
from trials.acts.deciding import DECISION, Answered, Decision
from trials.acts.events import EXTERNAL_EVENT, ExternalEvent
from trials.acts.passing import Handed
from trials.acts.site_withdrawing import SITE_WITHDRAWN, SiteWithdrawn
from trials.errors import LifecycleError, PlanHashMismatchError
from trials.lifecycle import Carried
from trials.reasons import REASONS, SITE_REASONS
from trials.store import acts, reading, seeing, stages, subsets

_MOST = 256  # trials whose parts are remembered


@dataclass(frozen=True, slots=True)
class Light:
    """What a criterion came to. said: the value that people gave; '' where the ledger worked it out."""

    id: str
    colour: str
    said: str


@dataclass(frozen=True, slots=True)
class DecisionView:
    """One decision as every reader may see it. against: what it goes against. look: the number of the look that it rests on."""

    what: str
    at: datetime
    by: str
    sentence: str
    reason: str
    code: str
    code_means: str
    lesson: str
    reuse: str
    dissent: str
    second: str
    against: tuple[str, ...]
    look: int
    label: str
    lights: tuple[Light, ...]
    closes: bool


@dataclass(frozen=True, slots=True)
class SiteLeft:
    site: str
    from_day: date
    reason: str
    means: str


@dataclass(frozen=True, slots=True)
class Happened:
    day: date
    text: str
    kind: str
    sites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class History:
    """decisions, left, events: oldest first. parts: sentences of estimates beside each other, never acted on. after: which
    looks were taken after the decision, '' if none. may_decide: whether the reader can record a decision now. fault: why parts
    are not shown, '' if they are."""

    trial: str
    decisions: tuple[DecisionView, ...]
    left: tuple[SiteLeft, ...]
    events: tuple[Happened, ...]
    parts: tuple[str, ...]
    after: str
    may_decide: bool
    fault: str = ""

    @property
    def closing(self) -> DecisionView | None:
        return next((one for one in self.decisions if one.closes), None)


@dataclass(frozen=True, slots=True)
class CarriedView:
    """What a trial takes over. found: None where it continues none, or `why` says why nothing can be told. hidden: trials that
    the reader may not see, of which nothing is told."""

    continues: tuple[str, ...]
    changed: str = ""
    sentence: str = ""
    handed: tuple[tuple[Handed, tuple[Light, ...]], ...] = ()
    criteria: tuple[tuple[str, str, str], ...] = ()
    lost: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Sight:
    arms: bool
    small: bool = False


def history(desk: Desk, view: TrialView, today: date | None = None) -> History:
    """What was decided on a trial whose view the reader was given, and what happened to it."""
    plan = view.protocol
    kinds = [DECISION, SITE_WITHDRAWN, EXTERNAL_EVENT]
    found = kept(desk, card_of(desk, view), "history", lambda: acts.acts(desk.store, plan.trial, kinds))
    decided = tuple(decision_view(one, view) for one in found if isinstance(one.body, Decision))
    names = {site.id: site.name or site.id for site in plan.sites}
    left = tuple(_left(one.body, names) for one in found if isinstance(one.body, SiteWithdrawn))
    events = tuple(_happened(one.body, names) for one in found if isinstance(one.body, ExternalEvent))
    closed = any(one.closes for one in decided)
    parts: tuple[str, ...] = ()
    fault = ""
    if view.seal is not None and (left or events):
        # What a closed trial can still tell does not move with the days.
        day = None if closed else today or datetime.now(UTC).date()
        parts, fault = _remembered(desk, view, len(found), day)
    may = view.seal is not None and not closed and may_decide(desk, plan.trial)
    return History(plan.trial, decided, left, events, parts, _after(view, decided), may, fault)


def may_decide(desk: Desk, trial: str) -> bool:
    """Whether the reader can record a decision on it: in their own name, by their own roles."""
    reader = desk.reader
    return reader.may_act and bool(seeing.allowed(desk.store.as_person(reader.person), [trial], "decide"))


def decision_view(act: Act, view: TrialView | None = None) -> DecisionView:
    """A decision as every reader may see it. view: its trial's page, by whose evidence label its words go."""
    assert isinstance(act.body, Decision)
    said = act.body
    means = REASONS[said.reason_code][0] if said.reason_code in REASONS else ""
    if view is not None:
        means = wording.reason_means(view.protocol, said.reason_code, view.look)
    return DecisionView(
        what=said.what,
        at=act.at,
        by=act.by,
        sentence=deciding.sentence(act),
        reason=said.reason,
        code=code_words(said.reason_code),
        code_means=means,
        lesson=said.lesson,
        reuse=said.reuse,
        dissent="" if said.dissent == deciding.NONE else said.dissent,
        second=said.second,
        against=said.against,
        look=said.grounds.look,
        label=said.grounds.label,
        lights=_lights(said.answers),
        closes=said.closes,
    )


def code_words(code: str) -> str:
    """A reason's code as people read it: 'no benefit', 'nobody can tell'."""
    return "nobody can tell" if code == "cant_tell" else code.replace("_", " ")


def _lights(answers: Collection[Answered]) -> tuple[Light, ...]:
    """Of what the ledger worked out the colour alone: a share of people tells how many."""
    return tuple(
        Light(
            one.id.replace("_", " "),
            one.light,
            f"{one.value:.3g}" if one.source == "people" and one.value is not None else "",
        )
        for one in answers
    )


def _left(body: SiteWithdrawn, names: dict[str, str]) -> SiteLeft:
    means = SITE_REASONS.get(body.reason_code, body.reason_code)
    return SiteLeft(names.get(body.site, body.site), body.from_day, body.reason, means)


def _happened(body: ExternalEvent, names: dict[str, str]) -> Happened:
    return Happened(body.day, body.text, body.kind, tuple(names.get(site, site) for site in body.sites))


def _after(view: TrialView, decided: Collection[DecisionView]) -> str:
    """'Looks 41 to 44 were taken after the decision.'"""
    closing = next((one for one in decided if one.closes), None)
    newest = 0 if view.look is None else view.look.number
    if closing is None or newest <= closing.look:
        return ""
    first = closing.look + 1
    which = f"Look {first:,} was" if first == newest else f"Looks {first:,} to {newest:,} were"
    return (
        f"{which} taken after the decision: outcomes of people who were in already still come, and alter nothing of it."
    )


_memory: WeakKeyDictionary[Any, dict[tuple[Any, ...], tuple[str, ...]]] = WeakKeyDictionary()
_lock = Lock()


def _remembered(desk: Desk, view: TrialView, acted: int, today: date | None) -> tuple[tuple[str, ...], str]:
    """The sentences of `_parts`. Looks and acts are never changed, so what was worked out of as many holds for every reader who
    sees as much; a withdrawn site's look is worked out from everybody in the trial, and asked for at every refresh."""
    number = 0 if view.look is None else view.look.number
    key = (view.protocol.trial, view.seal, number, acted, view.arms, today)
    with _lock:
        known = _memory.setdefault(desk.store.engine, {})
        if key in known:
            return known[key], ""
    try:
        found = _parts(desk, view, today)
    except PlanHashMismatchError as error:
        return (), str(error)
    with _lock:
        while len(known) >= _MOST:
            known.pop(next(iter(known)))
        known[key] = found
    return found, ""


def _parts(desk: Desk, view: TrialView, today: date | None) -> tuple[str, ...]:
    """With and without the sites that left, what can still be told, and the estimate before and after each event."""
    store, trial, sight = desk.store, view.protocol.trial, _Sight(view.arms)
    both = subsets.with_and_without(store, trial, sight)
    planned = None if today is None else subsets.replanned(store, trial, today, sight)
    splits = [one.sentence for one in subsets.splits(store, trial, sight)]
    first = [one.sentence for one in (both, planned) if one is not None]
    return (*first, *splits)


def carried(desk: Desk, view: TrialView) -> CarriedView:
    """What the trial takes over from those that it continues, of which nothing is told to whoever may not see them."""
    plan = view.protocol
    if not plan.continues:
        return CarriedView(())
    before = reading.cards(desk.store, plan.continues)
    seen = {card.id for card in visible(desk, before)}
    hidden = tuple(name for name in plan.continues if name not in seen)
    try:
        # What is carried is the same for every reader; `_carried` leaves out what this one may not see.
        moved = tuple((card.id, card.token) for card in before)
        found = kept(desk, card_of(desk, view), "carried", lambda: stages.carried_by(desk.store, plan.trial), moved)
    except LifecycleError as error:
        why = "" if hidden else str(error)
        return CarriedView(plan.continues, plan.changed, hidden=hidden, why=why or "They are not for you to see.")
    return _carried(found, plan.continues, seen, hidden)


def _carried(found: Carried, continues: tuple[str, ...], seen: Collection[str], hidden: tuple[str, ...]) -> CarriedView:
    handed = tuple((one, _lights(one.answers)) for one in found.handed if one.trial in seen)
    criteria = tuple(one for one in found.criteria if one[0] in seen)
    asked = {name for _, name, _ in criteria}
    return CarriedView(
        continues,
        found.changed,
        "" if hidden else found.sentence,
        handed,
        criteria,
        tuple(name for name in found.no_longer_asked if name in asked),
        hidden,
    )
