"""What of a sealed plan may be amended, and when.

Guarantee: an amendment that is allowed after the first outcome leaves P(a claim ever fires | its null) as it was sealed. It
touches neither the measures nor the methods, designs and error rates (`machinery`), nor who counts and when; so each later
claim is the one that the sealed method would have made. Looks that were taken keep the version of the plan they rest on.
Nor does an amendment walk around the gate: what it makes of a plan could have been sealed as that.
The rules on what to tell of an amendment follow SPIRIT 2013 item 3 and CONSERVE 2021 (Orkin et al., 2021, JAMA 326:257-265).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from trials.comparing import burdens_of, design_of, guardrails_of, method_of
from trials.protocol import Protocol, canonical_json
from trials.sequential import Design, Method

Class = Literal["words", "running", "sealed", "fixed"]
# From the freest on: what touches several fields is judged by the last of theirs.
CLASSES: dict[Class, tuple[str, str]] = {
    "words": ("what is said of the trial", "at any time; no number rests on it"),
    "running": ("how it is run from now on", "at any time; no claim rests on it, and no look before it changes"),
    "sealed": ("what the verdict rests on", "before the first outcome is received; after that never"),
    "fixed": ("which trial it is, and whether its outcomes were known when it was sealed", "never"),
}

# Each part of the plan; the longest path that fits holds. So a field that is added to a sealed part is sealed.
_PARTS: dict[Class, tuple[str, ...]] = {
    "words": (*("title", "owner", "partners", "changed", "sites[].name", "intervention.name", "intervention.why"),),
    "running": (
        *("source", "schedule", "monitoring.max_participants", "data.required", "data.id_pattern", "data.fields"),
        *("intervention", "intervention.components[].text", "fund", "costs", "access"),
    ),
    "sealed": (
        # Also what arms and measures are called, for that is what a sentence says of them.
        *("question", "stage", "programme", "simulated", "sites", "arms", "design", "unit", "primary"),
        *(
            "guardrails",
            "strengths",
            "monitoring",
            "data.report_within",
            "data.correction_window",
            "stopping",
            "purpose",
        ),
        *("progression", "assignment", "prototype", "gate", "continues", "events", "order_by"),
        "intervention.components",  # which are core, and what may vary: what is drift and what is tailoring
    ),
    "fixed": ("trial", "retrospective"),
}
PARTS: dict[str, Class] = {path: of for of, paths in _PARTS.items() for path in paths}

# Lists whose members have a name of their own: the field that names them.
NAMED = {
    "partners": "name",
    "partners[].hopes": "value",
    "sites": "id",
    "arms": "id",
    "guardrails": "measure",
    "strengths": "measure",
    "data.fields": "name",
    "progression": "id",
    "gate.criteria": "id",
    "intervention.components": "id",
}
# Sites may join while the trial runs; one that leaves is withdrawn, its people stay. What was not described, or had no rule,
# may get one: a rule for slow recruitment can ask for a stop and claims nothing of the idea.
_ADDED: dict[str, Class] = {
    "sites": "running",
    "intervention.components": "running",
    "stopping.recruitment": "running",
}
_MOVED: dict[str, Class] = {"sites": "words"}

# What an allocation list is made for.
_LISTED = ("arms", "assignment", "design", "unit")

# Methods whose evidence depends on how many people are planned: where looks lie, where the last cohort is cut, where a bound
# is tightest. tests/managing/test_amending_laws.py finds out for every method that is registered.
COUNT_PLANNED = ("group-sequential", "logrank-mixture", "normal-mixture")


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of a plan that differs. path: such as 'sites[north].name'. before, after: as JSON; None = not there."""

    path: str
    before: Any
    after: Any
    of: Class


def class_of(pattern: str) -> Class | None:
    """The class of a path without names ('arms[].name'); None when nobody classified it."""
    while pattern:
        if pattern in PARTS:
            return PARTS[pattern]
        pattern = pattern.removesuffix("[]") if pattern.endswith("[]") else pattern.rpartition(".")[0]
    return None


def field_diff(before: Protocol, after: Protocol) -> tuple[FieldChange, ...]:
    """Where two plans differ, in the plan's order; members of lists are compared by their own names."""
    return tuple(_fields("", "", before, after))


def _fields(path: str, pattern: str, before: BaseModel, after: BaseModel) -> Iterator[FieldChange]:
    for name in type(before).model_fields:
        here, there = (f"{prefix}.{name}".removeprefix(".") for prefix in (path, pattern))
        yield from _values(here, there, getattr(before, name), getattr(after, name))


def _values(path: str, pattern: str, before: Any, after: Any) -> Iterator[FieldChange]:
    if _text(before) == _text(after):
        return
    if isinstance(before, BaseModel) and isinstance(after, BaseModel):
        yield from _fields(path, pattern, before, after)
    elif pattern in NAMED:
        yield from _members(path, pattern, before, after)
    else:
        touched = [*_touched(pattern, before), *_touched(pattern, after, added=before is None)]
        yield FieldChange(path, _plain(before), _plain(after), strictest(touched))


def _members(path: str, pattern: str, before: Sequence[Any], after: Sequence[Any]) -> Iterator[FieldChange]:
    key, usual = NAMED[pattern], _of(pattern)
    old, new = ({str(getattr(one, key)): one for one in several} for several in (before, after))
    if len(old) < len(before) or len(new) < len(after):  # two of one name: nobody can tell which is which
        yield FieldChange(path, _plain(before), _plain(after), usual)
        return
    for name in [name for name in old if name not in new]:
        yield FieldChange(f"{path}[{name}]", _plain(old[name]), None, usual)
    for name in [name for name in old if name in new]:
        yield from _values(f"{path}[{name}]", f"{pattern}[]", old[name], new[name])
    for name in [name for name in new if name not in old]:
        yield FieldChange(f"{path}[{name}]", None, _plain(new[name]), _ADDED.get(pattern, usual))
    order = [name for name in old if name in new], [name for name in new if name in old]
    if order[0] != order[1]:
        yield FieldChange(path, *order, _MOVED.get(pattern, usual))


def _touched(pattern: str, value: Any, *, added: bool = False) -> Iterator[Class]:
    """The classes of what a value says, part by part; a part that is left out says nothing. added: it was not there before."""
    if added and value is not None and pattern in _ADDED:
        yield _ADDED[pattern]
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            part = getattr(value, name)
            if part != ():
                yield from _touched(f"{pattern}.{name}", part, added=added)
    elif value is not None:
        yield _of(pattern)


def _of(pattern: str) -> Class:
    """A field that nobody classified can't be amended: the law that walks the plan says so first."""
    return class_of(pattern) or "fixed"


def strictest(classes: Sequence[Class]) -> Class:
    """The class by which several fields are judged together."""
    order = list(CLASSES)
    return max(classes, key=order.index, default="words")


def _plain(value: Any) -> Any:
    """The value as JSON holds it."""
    return to_jsonable_python(value)


def _text(value: Any) -> str:
    return canonical_json(_plain(value))


def counts_planned(method: Method) -> bool:
    """Whether a method's claims depend on `monitoring.max_participants`."""
    return method.name in COUNT_PLANNED


def machinery(protocol: Protocol) -> tuple[Any, ...]:
    """What turns outcomes into claims, beside the data: whether people are compared within sites, methods and designs.

    Two plans with the same machinery, order and times make the same claims of the same people. Raises ProtocolError when
    the plan can't be judged.
    """
    method = method_of(protocol)
    designs = [_free(method, design_of(protocol, arm)) for arm in protocol.treatments]
    beside = [one.member for one in (*guardrails_of(protocol), *burdens_of(protocol))]
    return bool(protocol.sites), method.name, *designs, *((one.name, one.method.name, one.design) for one in beside)


def _free(method: Method, design: Design) -> Design:
    return design if counts_planned(method) else replace(design, most=0)


def refusal(
    before: Protocol,
    after: Protocol,
    *,
    begun: bool,
    enrolled: int,
    allocated: bool = False,
    gated: str | None = None,
) -> str | None:
    """Why the one plan can't become the other; None when it can.

    begun: whether an outcome was received, or a look taken. enrolled: people who have joined. allocated: whether the
    allocation list is fixed, which may be earlier. gated: why the gate would not let the new plan be sealed, None if it would.
    """
    changes = field_diff(before, after)
    if before.trial != after.trial:
        return (
            f"trial == '{after.trial}', must be {before.trial}: an amendment changes a plan, never which trial it is. Write "
            f"trial: {before.trial} in the file, or register it as a trial of its own."
        )
    if not changes:
        return f"the file holds the plan of {before.trial} as it stands, must differ from it. Change the file first."
    if before.retrospective != after.retrospective:
        return (
            f"retrospective == {str(after.retrospective).lower()}, must stay {str(before.retrospective).lower()}: whether the "
            f"outcomes were known when {before.trial} was sealed can't be amended. Register the changed plan as a trial of its "
            "own, under a new name."
        )
    weak = gated if evidence_of(changes) != "none" else None
    if not begun:
        return (_other_list(changes) if allocated else None) or weak
    late = _too_late(before, changes) or _other_bets(before, after) or _too_few(after, enrolled, changes)
    return late or (_too_weak(before, after) if weak is not None else None)


def _too_late(before: Protocol, changes: Sequence[FieldChange]) -> str | None:
    late = [change.path for change in changes if change.of in ("sealed", "fixed")]
    if not late:
        return None
    leaving = any(one.path.startswith("sites[") and one.after is None for one in changes)
    hint = " A site that leaves is withdrawn: roadtest withdraw-site." if leaving else ""
    return (
        f"{', '.join(late)} can't be amended: outcomes of {before.trial} have been received, and whoever knows them could bend "
        f"what the verdict rests on.{hint} For another plan start a new trial that carries this one over: write continues: "
        f"[{before.trial}] in the file, under a new name."
    )


def _other_list(changes: Sequence[FieldChange]) -> str | None:
    """Before any outcome, but with its allocation list fixed, a plan can't have other arms than the list."""
    touched = [one.path for one in changes if one.of == "sealed" and re.split(r"[.\[]", one.path)[0] in _LISTED]
    if not touched:
        return None
    return (
        f"{', '.join(touched)} can't be amended: the allocation list is fixed, and it was made for the plan as it is. Register "
        "the changed plan as a trial of its own, under a new name."
    )


def _other_bets(before: Protocol, after: Protocol) -> str | None:
    if machinery(before) == machinery(after):
        return None
    method, most = method_of(before), before.monitoring.max_participants
    if counts_planned(method) and after.monitoring.max_participants != most:
        return (
            f"monitoring.max_participants == {after.monitoring.max_participants}, must stay {most} once outcomes have been "
            f"received: {method.name} counts the planned people, so another number would change its claims. Start a new trial "
            f"with continues: [{before.trial}]."
        )
    return (
        f"sites == {len(after.sites)} of them, must stay {len(before.sites)} once outcomes have been received: with one site "
        "or none, with several, and with many the bets are laid differently. Start a new trial with continues: "
        f"[{before.trial}]."
    )


def _too_few(after: Protocol, enrolled: int, changes: Sequence[FieldChange]) -> str | None:
    most = after.monitoring.max_participants
    if most >= enrolled or all(change.path != "monitoring.max_participants" for change in changes):
        return None
    return (
        f"monitoring.max_participants == {most}, must be at least as many as have joined: nobody who is in can be planned "
        "away. To end the trial, decide it: roadtest decide."
    )


def _too_weak(before: Protocol, after: Protocol) -> str | None:
    """With outcomes in, all that can still weaken a trial of an effect is that fewer people are planned."""
    most, was = after.monitoring.max_participants, before.monitoring.max_participants
    if after.purpose != "effect" or most >= was:
        return None
    return (
        f"monitoring.max_participants == {most}, must be so many that the gate lets the plan through: with {most} instead of "
        f"{was} a worthwhile idea is likelier to be missed than found. To end the trial earlier, decide it: roadtest decide "
        f"{before.trial}."
    )


def evidence_of(changes: Sequence[FieldChange]) -> Literal["none", "future"]:
    """Whether an amendment touches what comes in from now on, or words alone."""
    return "none" if strictest([change.of for change in changes]) == "words" else "future"


def mark(look: int) -> str:
    """When an amendment was made, for ever: between which looks. look: the number of the newest one then, 0 if none."""
    return "before look 1" if look == 0 else f"after look {look}, before look {look + 1}"


def same_person(one: str, other: str) -> bool:
    """Whether two names are one person's, however they are spaced and capitalised."""
    first, second = ("".join(unicodedata.normalize("NFKC", name).casefold().split()) for name in (one, other))
    return first == second


def patterns(model: type[BaseModel] = Protocol, prefix: str = "") -> Iterator[str]:
    """Every field of the plan, without names: 'arms', 'arms[].id', 'stopping.burden.at_most'. A list of parts is one too."""
    for name, field in model.model_fields.items():
        inner = _model_in(field.annotation)
        if inner is None:
            yield prefix + name
        elif _listed(field.annotation):
            yield prefix + name
            yield from patterns(inner, f"{prefix}{name}[].")
        else:
            yield from patterns(inner, f"{prefix}{name}.")


def _listed(annotation: Any) -> bool:
    return get_origin(annotation) is tuple


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_in(inner)) is not None), None)


def table() -> tuple[tuple[str, ...], ...]:
    """Which fields may be amended when; the first row is the headings."""
    rows = [("What it is", "Fields", "May be amended")]
    for of, (meaning, when) in CLASSES.items():
        fields = [f"`{path}`" for path, known in PARTS.items() if known == of]
        fields += (
            ["a site that joins", "a component or a rule for slow recruitment that is added"] if of == "running" else []
        )
        rows.append((f"{of}: {meaning}", ", ".join(fields), when))
    return tuple(rows)
