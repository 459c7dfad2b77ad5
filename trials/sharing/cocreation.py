"""Co-creation: who proposed, changed, vetoed or tested which part of the plan, and what became of it.

Influence, not attendance: what counts is what altered the plan. Being in the room can't be recorded at all, testing is
counted apart, and whoever's veto is not heeded is owed the reason. After Arnstein (1969), J Am Inst Planners 35(4):216-224
(being heard is not being heeded); reported as GRIPP2 asks (Staniszewska et al., 2017, BMJ 358:j3453).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import BaseModel

from trials.acts.cocreation import ALTERING, GROUPS, CoCreation, CoCreationOutcome, unreasoned
from trials.errors import DataError
from trials.protocol import Protocol

GROUP_WORDS = {name: name.replace("_", " ") for name in GROUPS}


@dataclass(frozen=True, slots=True)
class Entry:
    """One contribution as it stands now. number: what an outcome said later refers to."""

    number: int
    who: str
    what: str
    part: str
    text: str
    outcome: str
    why: str


def may_answer(found: Sequence[Entry], answer: CoCreationOutcome) -> None:
    """Raises DataError when there is no such contribution, or a veto is not heeded in full and nobody says why."""
    about = next((one for one in found if one.number == answer.number), None)
    if about is None:
        raise DataError(f"number == {answer.number}, must be a contribution's. See `roadtest co-creation`.")
    reason = unreasoned(about.what, answer.outcome, answer.why)
    if reason:
        raise DataError(reason)


@dataclass(frozen=True, slots=True)
class Influence:
    """What one kind of people said and what it altered. said: proposals, changes and vetoes; altered: those taken up, partly
    too; pending: not answered yet; tested: parts that they tried out. vetoes, heeded: among those."""

    who: str
    said: int
    altered: int
    pending: int
    tested: int
    vetoes: int
    heeded: int
    parts: tuple[str, ...]
    sentence: str


def entries(said: Mapping[int, CoCreation], answers: Sequence[CoCreationOutcome]) -> tuple[Entry, ...]:
    """The contributions, each with the newest word on what became of it. said: by number."""
    found = {
        number: Entry(number, one.who, one.what, one.part, one.text, one.outcome, one.why)
        for number, one in sorted(said.items())
    }
    for answer in answers:
        if answer.number in found:
            found[answer.number] = replace(found[answer.number], outcome=answer.outcome, why=answer.why)
    return tuple(found.values())


def influence(found: Sequence[Entry]) -> tuple[Influence, ...]:
    """By kind of people, in the order of GROUPS, those who said something."""
    groups = [who for who in GROUPS if any(one.who == who for one in found)]
    return tuple(_of([one for one in found if one.who == who], who) for who in groups)


def _of(mine: Sequence[Entry], who: str) -> Influence:
    said = [one for one in mine if one.what in ALTERING]
    altered = [one for one in said if one.outcome in ("taken_up", "partly")]
    pending = sum(one.outcome == "pending" for one in said)
    vetoes = [one for one in said if one.what == "vetoed"]
    heeded = sum(one.outcome in ("taken_up", "partly") for one in vetoes)
    tested = sum(one.what == "tested" for one in mine)
    parts = tuple(dict.fromkeys(one.part for one in altered))
    sentence = _sentence(GROUP_WORDS[who], len(said), len(altered), pending, tested, parts)
    return Influence(who, len(said), len(altered), pending, tested, len(vetoes), heeded, parts, sentence)


def _sentence(who: str, said: int, altered: int, pending: int, tested: int, parts: Sequence[str]) -> str:
    tried = f"tested {tested} part{'' if tested == 1 else 's'}" if tested else ""
    name = who[:1].upper() + who[1:]
    if not said:
        return f"{name}: {tried}; no proposal, change or veto of theirs is on record, so none altered the plan."
    counted = f"{altered} of {said} proposals, changes and vetoes altered the plan"
    where = f" ({', '.join(parts)})" if parts else ""
    waits = f"; {pending} wait{'s' if pending == 1 else ''} for an answer" if pending else ""
    return f"{name}: {counted}{where}{waits}{'; ' + tried if tried else ''}."


_STEP = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


def must_be_part(protocol: Protocol, part: str) -> str:
    """The part as it is stored: a component of the intervention, or a path into the plan such as 'primary.measure' or
    'arms.idea'. Raises DataError when the plan has no such part."""
    components = () if protocol.intervention is None else protocol.intervention.components
    if part in {one.id for one in components} or _leads(protocol, part.split(".")):
        return part
    known = [*(one.id for one in components[:6]), "arms", "primary", "guardrails", "intervention"]
    raise DataError(
        f"part == '{part}', must be a component of the intervention or a path into the plan, such as primary.measure. Parts "
        f"are: {', '.join(dict.fromkeys(known))}."
    )


def _leads(value: object, path: Sequence[str]) -> bool:
    """Whether a path leads somewhere; an entry of a list is named by its id, name or measure."""
    for step in path:
        if not _STEP.fullmatch(step):
            return False
        if isinstance(value, tuple):
            names = ("id", "name", "measure")
            value = next((one for one in value if step in [getattr(one, name, None) for name in names]), None)
        elif isinstance(value, BaseModel) and step in type(value).model_fields:
            value = getattr(value, step)
            continue  # a field that is left empty is a part of the plan too
        else:
            return False
        if value is None:
            return False
    return bool(path)
