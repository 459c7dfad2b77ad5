"""Where a trial and an idea may stand, and what leads from there to where.

Guarantee: a trial's state is what its seal and its acts, taken in order, lead to (`folded`), and none of them was done where
`table` has no entry for it. The acts say themselves where they are allowed (`trials.acts`); the two tables are read off them
and off the rules below. An idea passes through its stages in order; it can be ended in each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from trials.acts import ACTS
from trials.acts.act import CLOSED, REGISTERED, SEALED, STATES, Act, ActKind, nowhere
from trials.acts.deciding import DECISION, DECISIONS, LEADS_TO, Decision
from trials.acts.passing import Handed
from trials.errors import LifecycleError
from trials.plan.progression import Criterion
from trials.protocol import Protocol

STAGES = ("idea", "proof_of_concept", "pilot", "scale")
ENDED = "stopped"
IDEA = "idea:"
STAGE_WORDS = {
    "idea": ("idea", "ideas"),
    "proof_of_concept": ("proof of concept", "proofs of concept"),
    "pilot": ("pilot", "pilots"),
    "scale": ("trial at scale", "trials at scale"),
}

# What the ledger does beside acts: (step, states in which it may be, state after it; '' = as it was).
_LEDGER = (
    ("register again", (REGISTERED,), REGISTERED),
    ("seal", (REGISTERED,), SEALED),
    ("deliver, look", (SEALED, *CLOSED), ""),
)


def table() -> tuple[tuple[str, ...], ...]:
    """States by steps, headings first: the state after the step; empty where it is refused."""
    rows = [_row(step, states, lambda state, after=after: after or state) for step, states, after in _LEDGER]
    rows += [_row(f"decide {what}", DECISION.states, lambda _, what=what: LEADS_TO[what]) for what in DECISIONS]
    kinds = [kind for _, kind in sorted(ACTS.items()) if kind.states and kind is not DECISION]
    rows += [_row(kind.name.replace("_", " "), kind.states, _after(kind)) for kind in kinds]
    return (("step", *STATES), *rows)


def _row(step: str, states: Iterable[str], after: object) -> tuple[str, ...]:
    allowed = set(states)
    return (step, *(str(after(state)) if state in allowed else "" for state in STATES))  # type: ignore[operator]


def _after(kind: ActKind) -> object:
    return lambda state: state if kind.moves is nowhere else "by what it says"


def stage_table() -> tuple[tuple[str, ...], ...]:
    """Stages of an idea: what leads from one to the other, headings first; empty where nothing does."""
    rows = []
    for here in STAGES:
        cells = []
        for there in STAGES:
            if there == here:
                cells.append("another trial, or a rerun" if here != "idea" else "")
            elif there == following(here):
                cells.append("a plan" if here == "idea" else "a promoted trial whose gate leads there")
            else:
                cells.append("")
        rows.append((here.replace("_", " "), *cells, "ended, with a lesson"))
    rows.append((ENDED, *("" for _ in STAGES), ""))
    return (("from", *(stage.replace("_", " ") for stage in STAGES), ENDED), *rows)


def folded(sealed: bool, acts: Iterable[Act]) -> str:
    """The state that a trial's acts lead to, oldest first. Raises LifecycleError at the first that was not allowed."""
    state = SEALED if sealed else REGISTERED
    for act in acts:
        kind = ACTS[act.kind]
        if state not in kind.states:
            raise LifecycleError(
                f"act {act.seq} of {act.scope} ({act.kind}) was done while it was {state}, must not be."
            )
        state = kind.moves(state, act.body)
    return state


def must_be_open(trial: str, state: str, step: str) -> None:
    """Raises LifecycleError unless the trial is sealed and not closed."""
    if state == REGISTERED:
        raise LifecycleError(
            f"{trial} is registered, must be sealed to {step}: nothing runs on it yet. Register another plan over it, or "
            f"run `roadtest seal {trial} --by NAME`."
        )
    if state in CLOSED:
        raise LifecycleError(
            f"{trial} is {state}, must be open to {step}: a closed trial stays closed. See `roadtest decisions {trial}`."
        )


def following(stage: str) -> str | None:
    """The next stage; None after the last."""
    place = STAGES.index(stage) + 1
    return STAGES[place] if place < len(STAGES) else None


def prototype_of(protocol: Protocol) -> str:
    """The idea that a plan tries."""
    return protocol.prototype or protocol.trial


def scope_of(protocol: Protocol) -> str:
    """The scope of the acts on the idea that a plan tries."""
    return IDEA + prototype_of(protocol)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an idea stands. stage: the furthest that a sealed trial of it has reached, 'idea' if it was only noted, None if
    nobody has heard of it. ended: the code of the reason why it was ended, empty while it goes on."""

    stage: str | None = None
    ended: str = ""
    trials: tuple[str, ...] = ()
    open: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        return ENDED if self.ended else (self.stage or "not known here")


@dataclass(frozen=True, slots=True)
class Predecessor:
    """A trial that a plan continues. decision: the one that closed it."""

    protocol: Protocol
    state: str
    decision: Decision | None = None

    @property
    def handed(self) -> Handed:
        """What it hands over. Only of a closed one."""
        if self.decision is None:
            raise LifecycleError(
                f"{self.protocol.trial} is {self.state}, must be closed before it hands anything over."
            )
        told = self.decision
        return Handed(
            trial=self.protocol.trial,
            decision=told.what,
            reason_code=told.reason_code,
            lesson=told.lesson,
            reuse=told.reuse,
            answers=told.answers,
        )


def may_begin(
    protocol: Protocol, predecessors: Mapping[str, Predecessor | None], standing: Standing
) -> tuple[str, ...]:
    """What is to be noted of a plan's place among the stages, one sentence each.

    predecessors: by each name in `continues`, None where there is no such trial. Raises LifecycleError where the plan would
    skip a stage, go back, or carry on what was not decided.
    """
    if standing.ended:
        raise LifecycleError(
            f"the idea {prototype_of(protocol)} was ended ({standing.ended}), must be going on to be tried again. Name "
            "another prototype, and say in `changed` what is new."
        )
    _must_lead_on(protocol)
    reached = STAGES.index(standing.stage) if standing.stage else -1
    here = STAGES.index(protocol.stage)
    if here < reached:
        raise LifecycleError(
            f"stage == {protocol.stage}, must be {standing.stage} or later: {prototype_of(protocol)} has come that far and an "
            "idea does not go back. Name another prototype for another idea."
        )
    if protocol.continues:
        return _carries_on(protocol, predecessors)
    if here > max(reached, STAGES.index("proof_of_concept")):
        if reached >= STAGES.index("proof_of_concept"):
            raise LifecycleError(
                f"continues is missing, must name the trials of {prototype_of(protocol)} that this {protocol.stage} carries "
                f"on: the idea stands at {standing.stage}, and its gate comes before the next stage."
            )
        return (f"begun elsewhere: no trial in this ledger led to this {protocol.stage}, so no gate was asked here",)
    return ()


def _must_lead_on(protocol: Protocol) -> None:
    if protocol.gate is not None and protocol.gate.to != following(protocol.stage):
        raise LifecycleError(
            f"gate.to == {protocol.gate.to}, must be {following(protocol.stage) or 'left out'} after {protocol.stage}: no "
            "stage is skipped."
        )
    own = {one.id: one for one in protocol.progression}
    other = [one.id for one in _criteria(protocol) if own.get(one.id, one) != one]
    if other:
        raise LifecycleError(
            f"gate.criteria and progression both have {', '.join(other)}, must say the same of it. Rename one of them."
        )


def _carries_on(protocol: Protocol, predecessors: Mapping[str, Predecessor | None]) -> tuple[str, ...]:
    missing = [name for name in protocol.continues if predecessors.get(name) is None or name == protocol.trial]
    if missing:
        raise LifecycleError(
            f"continues names {', '.join(missing)}, must name other trials that are registered. See `roadtest status`."
        )
    known = {name: found for name in protocol.continues if (found := predecessors[name]) is not None}
    still = [name for name, found in known.items() if found.state not in CLOSED]
    if still:
        raise LifecycleError(
            f"{', '.join(still)} {'is' if len(still) == 1 else 'are'} not closed, must be before another trial carries on. "
            f"Run `roadtest decide {still[0]} ...` first."
        )
    if not protocol.changed.strip():
        raise LifecycleError("changed is missing, must say what is new beside the trials that the plan continues.")
    stages = {found.protocol.stage for found in known.values()}
    if stages == {protocol.stage} and any(found.state == "rerun" for found in known.values()):
        again = [name for name, found in known.items() if found.state == "rerun"]
        return (f"a rerun of {', '.join(again)} within the stage {protocol.stage}",)
    _must_have_passed(protocol, known)
    return ()


def _must_have_passed(protocol: Protocol, known: Mapping[str, Predecessor]) -> None:
    """At least one was promoted, each of these through a gate to this stage, and the others come from before it."""
    promoted = {name: found for name, found in known.items() if found.state == "promoted"}
    if not promoted:
        raise LifecycleError(
            f"none of {', '.join(known)} was promoted, must be at least one to go on as {protocol.stage}. A rerun stays in "
            "its stage."
        )
    late = [name for name, found in known.items() if STAGES.index(found.protocol.stage) >= STAGES.index(protocol.stage)]
    if late:
        raise LifecycleError(f"{', '.join(late)} stood at {protocol.stage} or later, must come from an earlier stage.")
    for name, found in promoted.items():
        leads = found.protocol.gate.to if found.protocol.gate is not None else None
        way = "without a gate" if leads is None else f"through a gate to {leads}"
        if leads != protocol.stage:
            raise LifecycleError(
                f"{name} was promoted {way}, must have passed a "
                f"gate to {protocol.stage} that was sealed with its plan. Leave it out of continues."
            )


@dataclass(frozen=True, slots=True)
class Carried:
    """What a plan carries over. stages: those of its predecessors. no_longer_asked: criteria that no gate asks any more."""

    trial: str
    sentence: str
    changed: str
    handed: tuple[Handed, ...] = ()
    criteria: tuple[tuple[str, str, str], ...] = ()
    no_longer_asked: tuple[str, ...] = ()


def carried(protocol: Protocol, predecessors: Iterable[Predecessor]) -> Carried:
    """What the closed trials hand over to a plan. criteria: (trial, id, its sealed text), each once."""
    before = list(predecessors)
    asked = {one.id for one in (*_criteria(protocol), *protocol.progression)}
    criteria = [
        (one.protocol.trial, criterion.id, criterion.text) for one in before for criterion in _criteria(one.protocol)
    ]
    lost = dict.fromkeys(name for _, name, _ in criteria if name not in asked)
    return Carried(
        protocol.trial,
        _from_to(protocol, before),
        protocol.changed,
        tuple(one.handed for one in before),
        tuple(criteria),
        tuple(lost) if protocol.gate is not None else (),
    )


def _criteria(protocol: Protocol) -> tuple[Criterion, ...]:
    return () if protocol.gate is None else protocol.gate.criteria


def _from_to(protocol: Protocol, before: list[Predecessor]) -> str:
    """'From 5 proofs of concept (300 people planned, 5 sites) to one pilot (400, 1 site).'"""
    if not before:
        return f"{protocol.trial} continues no trial."
    stages = {one.protocol.stage for one in before}
    words = STAGE_WORDS[stages.pop()] if len(stages) == 1 else ("trial", "trials")
    people = sum(one.protocol.monitoring.max_participants for one in before)
    sites = len({site.id for one in before for site in one.protocol.sites})
    many = "one" if len(before) == 1 else str(len(before))
    return (
        f"From {many} {words[len(before) > 1]} ({people:,} people planned{_at(sites)}) to one "
        f"{STAGE_WORDS[protocol.stage][0]} ({protocol.monitoring.max_participants:,} people planned{_at(len(protocol.sites))})."
    )


def _at(sites: int) -> str:
    return "" if sites == 0 else f", {sites} site{'s' if sites > 1 else ''}"
