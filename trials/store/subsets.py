"""What the evidence says without a withdrawn site, and before against after an outside event. Worked out when it is read.

Guarantee: the look without a site is, to the last bit, the look that a trial would have had that never had the site: the same
people in the same order, their numbers closed up where the site's people were (`closed_up`). Both are sensitivity analyses:
the evidence of the trial stays the one of everybody in the sealed order, and no claim is ever made from a part.

Two estimates beside each other tell of the people between them, so both are shown only where each arm has `LIMIT` people in
either part and between them. Whoever may not see small counts is shown both as of an earlier look, one that pages show, and
the next pair only when in each part no arm or every arm has `LIMIT` people more or less: so that last week's pair held against
this week's tells of no fewer.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from trials import analysis
from trials.acts.act import CLOSED, REGISTERED
from trials.acts.events import EXTERNAL_EVENT, ExternalEvent
from trials.analysis import Person, order_key
from trials.disclosure import LIMIT, about, apart, rounded_look, safe_count, unhidden
from trials.disclosure.seeing import Seeing
from trials.evidence import Look
from trials.protocol import Protocol
from trials.records import in_words
from trials.replanning import Replanned, effect_words, replan
from trials.store import acts, decisions
from trials.store.engine import Store, reading
from trials.store.looks import people_in_order as people_in_order
from trials.store.models import LOOK
from trials.store.plans import plan_with, sealed_plan
from trials.store.reading import enrolled_by_site, newest_look
from trials.store.sights import joined_as_told

TOO_FEW = (
    f"not shown: fewer than {LIMIT} people in an arm on one side, so that the two together would tell of single people"
)
KEPT_BACK = "not shown: results by arm are for those whom the plan names"
# A pair is shown of a look with so many times the people of the one before.
GROWTH = 1.25
NO_LOOK = "no look yet, so there is nothing to split"
NO_DAYS = "the days on which people joined are not known, so nobody can be placed before or after"


@dataclass(frozen=True, slots=True)
class Parts:
    """Two estimates beside each other; looks None: not shown, and the sentence says why. labels: what each is of."""

    labels: tuple[str, str]
    looks: tuple[Look, Look] | None
    sentence: str
    event: ExternalEvent | None = None

    def to_json(self) -> dict[str, Any]:
        """Estimates by label, without the arms; `sensitivity` says that nobody acts on them."""
        shown = {} if self.looks is None else dict(zip(self.labels, map(_told, self.looks), strict=True))
        event = None if self.event is None else self.event.model_dump(mode="json")
        return {
            "sensitivity": True,
            "labels": list(self.labels),
            "parts": shown,
            "sentence": self.sentence,
            "event": event,
        }


def _told(look: Look) -> dict[str, Any]:
    return {
        "n": safe_count(look.n),
        "estimate": look.estimate,
        "interval": list(look.interval),
        "verdict": look.verdict,
        "as_of": look.as_of.isoformat(),
    }


def _hidden(labels: tuple[str, str], reason: str, event: ExternalEvent | None = None) -> Parts:
    return Parts(labels, None, f"Sensitivity, {labels[0]} beside {labels[1]}: {reason}.", event)


def _shown(
    protocol: Protocol, labels: tuple[str, str], looks: tuple[Look, Look], event: ExternalEvent | None = None
) -> Parts:
    said = "; ".join(f"{label}: {_said(protocol, look)}" for label, look in zip(labels, looks, strict=True))
    return Parts(labels, looks, f"Sensitivity, never acted on: {said}.", event)


def _said(protocol: Protocol, look: Look) -> str:
    """'6 percentage points fewer (plausibly from 1 fewer to 11 fewer)'."""
    low, high = (effect_words(protocol, end, "unknown") for end in look.interval)
    return f"{effect_words(protocol, look.estimate, 'nothing yet')} (plausibly from {low} to {high})"


def closed_up(protocol: Protocol, people: Sequence[Person], keep: Callable[[Person], bool]) -> list[Person]:
    """Those who are kept, in their order, with the allocation numbers that they would have without the others.

    A number that nobody was reported under stays a hole: whose it is, nobody knows, so it is waited for as before.
    """
    gone = sorted(one.entry_order for one in people if one.entry_order is not None and not keep(one))
    kept = []
    for one in filter(keep, people):
        number = None if one.entry_order is None else one.entry_order - bisect_left(gone, one.entry_order)
        place = order_key(protocol, one.enrolled_on, number)
        kept.append(replace(one, entry_order=number, order_key=place))
    return kept


def at_sites(protocol: Protocol, sites: Collection[str]) -> Protocol:
    """The plan of a trial that has these of its sites and no others."""
    return protocol.model_copy(update={"sites": tuple(site for site in protocol.sites if site.id in sites)})


def look_at(protocol: Protocol, people: Sequence[Person], like: Look) -> Look:
    """The look at these people, at the time of another."""
    return analysis.analyse(
        protocol,
        people,
        None,
        as_of=like.as_of,
        batch_seq=like.batch_seq,
        number=like.number,
        enrolled=len(people),
        protocol_sha256=protocol.seal(),
    )[1]


def without(protocol: Protocol, people: Sequence[Person], sites: Collection[str], like: Look) -> Look:
    """The look that the trial would have had at the time of `like`, had it never had these sites."""
    left = at_sites(protocol, {site.id for site in protocol.sites} - set(sites))
    return look_at(left, closed_up(protocol, people, lambda one: one.site not in sites), like)


def with_and_without(store: Store, trial: str, sight: Seeing | None = None) -> Parts | None:
    """The newest look, and the one without the withdrawn sites; None while none was withdrawn. sight: of whom it is for; all
    is shown if left out. Raises as `sealed_plan`."""
    with reading(store) as connection:
        protocol, _ = sealed_plan(connection, trial)
        gone = decisions.withdrawn(connection, trial)
        if not gone:
            return None
        named = (one.name or f"site {one.id}" for one in protocol.sites if one.id in gone)
        labels = ("with every site", f"without {', '.join(named)}")
        look = newest_look(connection, trial)
        if look is None:
            return _hidden(labels, NO_LOOK)
        protocol = plan_with(connection, trial, look.protocol_sha256)
        if sight is not None and (not sight.small or _arms_kept_back(protocol, sight)):
            return _with_and_without_as_told(connection, protocol, gone, labels, sight)
        less = without(protocol, people_in_order(connection, protocol, upto=look.batch_seq), gone, look)
    return _shown(protocol, labels, (look, less)) if _apart(less, look) else _hidden(labels, TOO_FEW)


def _sizes(look: Look) -> dict[str, int]:
    return {arm.arm: arm.n for arm in look.arms}


def _apart(less: Look, more: Look) -> bool:
    """Whether each arm of the smaller look has LIMIT people, and the larger one so many more."""
    small, large = _sizes(less), _sizes(more)
    return all(small[arm] >= LIMIT and large[arm] - small[arm] >= LIMIT for arm in small)


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two parts beside each other as of a look of the trial, and how many people each arm of each part has."""

    looks: tuple[Look, Look]
    sizes: tuple[Mapping[str, int], Mapping[str, int]]


def _with_and_without_as_told(
    connection: Connection, protocol: Protocol, gone: Collection[str], labels: tuple[str, str], sight: Seeing
) -> Parts:
    kept: _Pair | None = None
    if not _arms_kept_back(protocol, sight):
        for look in _candidates(connection, protocol.trial):
            plan = _primary_alone(plan_with(connection, protocol.trial, look.protocol_sha256))
            people = people_in_order(connection, plan, upto=look.batch_seq)
            less = without(plan, people, gone, look)
            alone = [without(plan, people, {site}, look) for site in gone] if len(gone) > 1 else []
            if all(_apart(part, look) for part in (less, *alone)):
                pair = _Pair((look, less), (_sizes(less), _between_sizes(less, look)))
                kept = _following(plan, [kept], [pair])[0] or kept
    if kept is None:
        return _hidden(labels, KEPT_BACK if _arms_kept_back(protocol, sight) else TOO_FEW)
    return _shown(protocol, labels, _rounded(protocol, kept.looks))


def _primary_alone(protocol: Protocol) -> Protocol:
    """The plan without its strengths, which have no part in a verdict: half of the time to work a look out."""
    return protocol.model_copy(update={"strengths": ()})


def _arms_kept_back(protocol: Protocol, sight: Seeing) -> bool:
    """An estimate of one of several arms is a result by arm."""
    return not sight.arms and len(protocol.treatments) > 1


def _candidates(connection: Connection, trial: str) -> list[Look]:
    """The looks that parts are shown of: those that pages show, a quarter more people apart, so that few are worked out."""
    bodies = connection.scalars(select(LOOK.c.body).where(LOOK.c.trial_id == trial).order_by(LOOK.c.number))
    every = [Look.from_json(body) for body in bodies]
    found: list[Look] = []
    for look in apart(every):
        if not found or look.n >= GROWTH * found[-1].n:
            found.append(look)
    return found


def _between_sizes(less: Look, more: Look) -> dict[str, int]:
    small, large = _sizes(less), _sizes(more)
    return {arm: large[arm] - small[arm] for arm in small}


def _following(protocol: Protocol, before: Sequence[_Pair | None], now: Sequence[_Pair]) -> list[_Pair | None]:
    """The pairs, or None for all of them when they may not follow those before: a hidden split, or too few people between."""
    refused: list[_Pair | None] = [None] * len(now)
    if any(unhidden(protocol, look) is None for pair in now for look in pair.looks):
        return refused
    for old, new in zip(before, now, strict=True):
        if old is not None and not all(map(_far, old.sizes, new.sizes)):
            return refused
    return list(now)


def _far(before: Mapping[str, int], now: Mapping[str, int]) -> bool:
    moved = [abs(now[arm] - before.get(arm, 0)) for arm in now]
    return not any(moved) or min(moved) >= LIMIT


def splits(store: Store, trial: str, sight: Seeing | None = None) -> tuple[Parts, ...]:
    """For each noted event, those who joined before its day against those since, as the plan prescribes; oldest event first.

    The same people as the newest look counts. Empty when the plan splits by no event, is not sealed, or none was noted. sight:
    of whom it is for; all is shown if left out.
    """
    with reading(store) as connection:
        if acts.state_of(connection, trial) == REGISTERED:
            return ()
        protocol, _ = sealed_plan(connection, trial)
        noted = (act.body for act in acts.of(connection, trial, [EXTERNAL_EVENT]))
        events = sorted((one for one in noted if isinstance(one, ExternalEvent)), key=lambda one: (one.day, one.text))
        if protocol.events.split == "none" or not events:
            return ()
        look = newest_look(connection, trial)
        if look is None:
            return tuple(_hidden(_sides(event), NO_LOOK, event) for event in events)
        protocol = plan_with(connection, trial, look.protocol_sha256)
        if sight is not None and (not sight.small or _arms_kept_back(protocol, sight)):
            return _splits_as_told(connection, protocol, events, sight)
        people = people_in_order(connection, protocol, upto=look.batch_seq)
    return _split(protocol, _counted(protocol, people, look), events, look)


def _splits_as_told(
    connection: Connection, protocol: Protocol, events: Sequence[ExternalEvent], sight: Seeing
) -> tuple[Parts, ...]:
    if _arms_kept_back(protocol, sight):
        return tuple(_hidden(_sides(event), KEPT_BACK, event) for event in events)
    kept = tuple(_hidden(_sides(event), TOO_FEW, event) for event in events)
    for look in _candidates(connection, protocol.trial):
        plan = _primary_alone(plan_with(connection, protocol.trial, look.protocol_sha256))
        people = people_in_order(connection, plan, upto=look.batch_seq)
        now = _split(plan, _counted(plan, people, look), events, look)
        pairs = [_pair_of(one) for one in now]
        before = [_pair_of(old) for old, pair in zip(kept, pairs, strict=True) if pair is not None]
        there = [pair for pair in pairs if pair is not None]
        gone = any(pair is None and old.looks is not None for old, pair in zip(kept, pairs, strict=True))
        if there and not gone and None not in _following(plan, before, there):
            kept = now
    return tuple(
        one
        if one.looks is None or one.event is None
        else _shown(protocol, one.labels, _rounded(protocol, one.looks), one.event)
        for one in kept
    )


def _pair_of(parts: Parts) -> _Pair | None:
    return None if parts.looks is None else _Pair(parts.looks, (_sizes(parts.looks[0]), _sizes(parts.looks[1])))


def _rounded(protocol: Protocol, looks: tuple[Look, Look]) -> tuple[Look, Look]:
    return rounded_look(protocol, looks[0]), rounded_look(protocol, looks[1])


def _sides(event: ExternalEvent) -> tuple[str, str]:
    day = in_words(event.day)
    return f"joined before {day}", f"joined on {day} or later"


def _counted(protocol: Protocol, people: Sequence[Person], look: Look) -> list[Person]:
    """The people whom a look counts: the prefix up to its cursor."""
    cursor = analysis.fold(protocol, people, None, look.as_of).cursor_key
    return [one for one in people if one.order_key <= cursor]


def _split(
    protocol: Protocol, people: Sequence[Person], events: Sequence[ExternalEvent], look: Look
) -> tuple[Parts, ...]:
    found, shown = [], list[Look]()
    for event in events:
        if any(one.enrolled_on is None for one in people):
            found.append(_hidden(_sides(event), NO_DAYS, event))
            continue
        early, late = _early_and_late(protocol, people, event, look)
        whole = look_at(protocol, _numbered(protocol, people), look)
        safe = _apart(early, whole) and _apart(late, whole)
        if safe and all(_apart(*sorted((early, other), key=lambda one: one.n)) for other in shown):
            shown.append(early)
            found.append(_shown(protocol, _sides(event), (early, late), event))
        else:
            found.append(_hidden(_sides(event), TOO_FEW, event))
    return tuple(found)


def _early_and_late(
    protocol: Protocol, people: Sequence[Person], event: ExternalEvent, look: Look
) -> tuple[Look, Look]:
    touched = set(event.sites) or {one.site for one in people}
    plan = at_sites(protocol, event.sites) if event.sites else protocol
    here = [one for one in people if one.site in touched]
    early = [one for one in here if one.enrolled_on is not None and one.enrolled_on < event.day]
    late = [one for one in here if one.enrolled_on is not None and one.enrolled_on >= event.day]
    return look_at(plan, _numbered(protocol, early), look), look_at(plan, _numbered(protocol, late), look)


def _numbered(protocol: Protocol, people: Sequence[Person]) -> list[Person]:
    """The same people numbered 1, 2, 3, ... by their old numbers: all of them are settled, so no hole is waited for."""
    numbers = {old: place for place, old in enumerate(sorted(one.entry_order or 0 for one in people), start=1)}
    found = []
    for one in people:
        number = numbers[one.entry_order or 0]
        found.append(replace(one, entry_order=number, order_key=order_key(protocol, one.enrolled_on, number)))
    return found


def replanned(store: Store, trial: str, on: date, sight: Seeing | None = None) -> Replanned | None:
    """What can still be told after sites were withdrawn; None while none was, and of a closed trial. sight: of whom it is for;
    whoever may not see small counts is told it from the table of who joined, in steps. As `sealed_plan`."""
    with reading(store) as connection:
        protocol, _ = sealed_plan(connection, trial)
        gone = decisions.withdrawn(connection, trial)
        if not gone or acts.state_of(connection, trial) in CLOSED:
            return None
        by_site = _by_site(connection, trial)
        first = decisions.received(connection, trial).first
    if sight is not None and not sight.small:
        table = joined_as_told(store, protocol)
        by_site = {site: about(table, (site,)) or 0 for site in table.rows}
    return replan(protocol, by_site, gone, first, on)


def _by_site(connection: Connection, trial: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for site, _, people in enrolled_by_site(connection, trial):
        found[site] = found.get(site, 0) + people
    return found
