"""What the form of a new trial and the page of its seal know: the gate's answer, what happens to repeated trials of the plan,
similar ideas on record, and the plan that waits for a second person.

Answers are remembered by what they follow from, so that nothing is worked out again while only words change.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

from dashboards.read_model.desk import Desk, must_see, visible
from trials import gate, lessons, planning
from trials.gate import Gate
from trials.labelling import sought
from trials.planning import Plan
from trials.proposals import joined_until, months_until
from trials.protocol import Protocol, Source, from_content
from trials.store import access, ideas, reading, seeing
from trials.store import lessons as texts
from trials.store.amendments import versions
from trials.store.ideas import IdeaCard, Tried

# Beyond so many people times ideas a plan is not tried out while somebody types: `roadtest simulate` takes its time for it.
MOST_TRIED = 10_000
FIRST_RUNS, MORE_RUNS = 200, planning.RUNS
_SHORTEST = 3
_MEASURE = "decides_this_trial"

Became = Literal["ended", "dropped", "stopped", "rerun", "open", "promoted", "never"]
_DONE: dict[str, Became] = {"drop": "dropped", "stop": "stopped", "promote": "promoted", "rerun": "rerun"}
_FAILED: tuple[Became, ...] = ("ended", "dropped", "stopped")


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What the gate says of a draft, without its trade-off, and what the plan will not do."""

    gate: Gate
    warnings: tuple[str, ...]
    sought: str


@dataclass(frozen=True, slots=True)
class TriedOut:
    """What happens to repeated trials of a plan. pace: mean months until the answer, by truth; None without a rate.
    joined: people who have joined by then, in at most so many of half and of nine in ten of the trials; None likewise.
    longest: months until all who are planned have a result. simulated: more runs would say it more closely."""

    protocol: Protocol
    plan: Plan
    pace: Mapping[str, float | None]
    joined: Mapping[str, tuple[int, int] | None]
    longest: float | None
    simulated: bool


@dataclass(frozen=True, slots=True)
class ByPeople:
    """A plan whose evidence alone decides nothing: why; what its criteria tell; months until all planned have a result."""

    protocol: Protocol
    why: str
    criteria: tuple[str, ...]
    longest: float | None


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of one trial, or of the idea as a whole (trial None). shown: whether the reader may open its page."""

    trial: str | None
    title: str
    became: Became
    mark: str
    at: datetime | None
    reason: str = ""
    lesson: str = ""
    reuse: str = ""
    shown: bool = False


@dataclass(frozen=True, slots=True)
class Near:
    """An idea on record that is like the draft. failed: something of it was dropped, stopped or ended."""

    name: str
    title: str
    failed: bool
    endings: tuple[Ending, ...]


@dataclass(frozen=True, slots=True)
class NearBy:
    """hidden: more of them are of programmes in which the reader has no role."""

    ideas: tuple[Near, ...]
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class Sealing:
    """A registered plan and its seal, or who may still put it there. may: whether the reader's roles let them seal."""

    protocol: Protocol
    sha256: str
    registered_by: str
    registered_at: datetime
    sealed_by: str | None
    sealed_at: datetime | None
    foreseen: Foreseen


def foreseen(protocol: Protocol) -> Foreseen:
    """The gate's whole answer. Raises ProtocolError when the plan can't be judged."""
    return _foreseen(_numbers(protocol))


def by_people(protocol: Protocol) -> ByPeople | None:
    """What is told of a plan that no evidence decides, instead of how often it promotes and drops; None where it does."""
    why = planning.people_decide(protocol)
    if not why:
        return None
    told = planning.criteria_told(protocol) if protocol.purpose == "feasibility" else ()
    return ByPeople(protocol, why, told, months_until(protocol, protocol.monitoring.max_participants))


def tried_out(protocol: Protocol, runs: int) -> TriedOut | None:
    """What happens to repeated trials of the plan, bounded work; None for more than MOST_TRIED."""
    if protocol.monitoring.max_participants * len(protocol.treatments) > MOST_TRIED:
        return None
    plan = _tried(_numbers(protocol, stopping=None, purpose="effect", progression=()), runs)
    pace = {one.truth: months_until(protocol, one.people) for one in plan.outlooks}
    joined = {one.truth: _joined(protocol, one.ended_by) for one in plan.outlooks}
    longest = months_until(protocol, protocol.monitoring.max_participants)
    return TriedOut(protocol, plan, pace, joined, longest, any(one.runs for one in plan.outlooks))


def _joined(protocol: Protocol, ended_by: tuple[int, int, int]) -> tuple[int, int] | None:
    half, most = (joined_until(protocol, results) for results in ended_by[1:])
    return None if half is None or most is None else (half, most)


def _numbers(protocol: Protocol, **more: Any) -> str:
    """What the answers follow from: the plan without its words, as text."""
    words = dict.fromkeys(("title", "programme", "prototype", "changed"), "") | {"trial": "draft"}
    asked = {"question": "-", "owner": "-", "source": Source(connector="folder")}
    without = {"partners": (), "intervention": None, "continues": (), "gate": None, "fund": None, "costs": None}
    measure = protocol.primary.model_copy(update={"label": "", "measure": _MEASURE})
    return protocol.model_copy(update={**words, **asked, **without, "primary": measure, **more}).canonical()


@lru_cache(maxsize=256)
def _foreseen(canonical: str) -> Foreseen:
    protocol = from_content(json.loads(canonical))
    return Foreseen(gate.judged(protocol, rows=False), planning.warnings(protocol), sought(protocol))


@lru_cache(maxsize=128)
def _tried(canonical: str, runs: int) -> Plan:
    return planning.check(from_content(json.loads(canonical)), runs)


def may_register(desk: Desk, programme: str) -> bool:
    """Whether the reader's roles let them register in a programme; everybody may where it has no roles."""
    if not programme:
        return True
    store = desk.store.as_person(desk.reader.person)
    return bool(seeing.allowed(store, [access.PROGRAMME + programme], "register"))


def may_seal(desk: Desk, trial: str) -> bool:
    return bool(seeing.allowed(desk.store.as_person(desk.reader.person), [trial], "seal"))


def near_by(desk: Desk, content: Mapping[str, Any]) -> NearBy:
    """Similar ideas on record, those that failed first, as the desk's reader may see them."""
    words = lessons.ASKED[lessons.PLAN](content)
    if len(words) < _SHORTEST:
        return NearBy(())
    found = texts.similar(desk.store, words, most=6)
    known = {one.name: one for one in ideas.listed(desk.store)} if found.texts else {}
    cards = [known[one.subject] for one in found.texts if one.subject in known]
    may = _may_open(desk, cards)
    near = [_near(card, may) for card in cards]
    return NearBy(tuple(sorted(near, key=lambda one: not one.failed))[:4], found.hidden)


def _may_open(desk: Desk, cards: list[IdeaCard]) -> frozenset[str]:
    named = [one.trial for card in cards for one in card.trials]
    return frozenset(card.id for card in visible(desk, reading.cards(desk.store, named))) if named else frozenset()


def _near(card: IdeaCard, may: frozenset[str]) -> Near:
    endings = [_of_trial(one, one.trial in may) for one in card.trials]
    if card.ended is not None:
        ended = card.ended
        endings.insert(0, Ending(None, "", "ended", "", card.ended_at, ended.reason, ended.lesson, ended.reuse))
    endings.sort(key=lambda one: one.became not in _FAILED)
    title = (card.noted.title or card.noted.text) if card.noted else next((t.title for t in card.trials if t.title), "")
    return Near(card.name, title or card.name, any(one.became in _FAILED for one in endings), tuple(endings))


def _of_trial(one: Tried, shown: bool) -> Ending:
    mark = " (simulated)" if one.simulated else " (replay of a finished trial)" if one.retrospective else ""
    decision, title = one.decision, one.title or one.trial
    if decision is None or not decision.closes:
        return Ending(one.trial, title, "never" if one.state == "registered" else "open", mark, None, shown=shown)
    became = _DONE[decision.what]
    words = (decision.reason, decision.lesson, decision.reuse)
    return Ending(one.trial, title, became, mark, one.decided_at, *words, shown=shown)


def sealing(desk: Desk, trial: str) -> Sealing:
    """A registered plan as a second person reads it. Raises NoAccessError, UnknownTrialError, PlanHashMismatchError."""
    card = must_see(desk, trial)
    newest = versions(desk.store, trial)[-1]
    return Sealing(
        card.protocol,
        newest.sha256,
        newest.written_by,
        newest.written_at,
        newest.sealed_by,
        newest.sealed_at,
        foreseen(card.protocol),
    )


def taken(desk: Desk, trial: str, protocol: Protocol | None = None) -> str:
    """What stands under this name already: 'registered', 'same' where that is this very plan, 'sealed', or '' for nothing that
    the reader may see."""
    found = visible(desk, reading.cards(desk.store, [trial])) if trial else []
    if not found:
        return ""
    if found[0].state != "registered":
        return "sealed"
    return "same" if found[0].protocol == protocol else "registered"
