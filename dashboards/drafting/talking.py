"""What the form is told when it says what was typed: errors, answers, the plan as text; and what becomes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dash import dcc, html

from dashboards.doing import Doing
from dashboards.drafting import answers, faults
from dashboards.drafting.content import Content, Values, applied, content_of, text, to_yaml, values_of
from dashboards.drafting.fields import BY_NAME, standards
from dashboards.drafting.turns import Turns
from dashboards.parts import done, refused
from dashboards.read_model import draft as known
from dashboards.read_model.desk import Desk
from dashboards.theme import Screen
from trials.errors import ProtocolError
from trials.protocol import Protocol, from_content, read_yaml

TURNS = Turns()
_LONGEST = 200_000


@dataclass(frozen=True, slots=True)
class Draft:
    """values: what was typed, by field. kept: the content that the form was filled from. n, page: which of which form's drafts
    it is."""

    values: Values
    kept: Content = field(default_factory=dict)
    n: int = 0
    page: str = ""

    @property
    def content(self) -> Content:
        return content_of(self.values, self.kept)

    def told(self, number: int) -> dict[str, Any]:
        """As the form is told of a draft that it didn't type itself."""
        return {"n": number, "page": self.page, "from": "server", "values": self.values, "kept": self.kept}


@dataclass(frozen=True, slots=True)
class Said:
    """The fast answer. plan: what is then tried out; its content is None where there is nothing to try."""

    errors: dict[str, str]
    gate: list[Any]
    bar: list[Any]
    named: list[Any]
    yaml: str
    plan: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Drawn:
    """bar: the answer in a line that goes with it; None where it changes nothing there."""

    drawn: list[Any]
    simulated: bool = False
    bar: list[Any] | None = None


def draft_of(said: Any, person: str) -> Draft:
    """The draft as the browser sends it; an empty form, in the reader's name, where it sent none."""
    if not isinstance(said, dict) or not isinstance(said.get("values"), dict):
        return Draft({**standards(), **({"owner": person} if person else {})})
    kept = said.get("kept")
    number = said.get("n")
    return Draft(
        said["values"],
        kept if isinstance(kept, dict) else {},
        number if isinstance(number, int) else 0,
        text(said.get("page"))[:40],
    )


def answer(desk: Desk, draft: Draft, *, asked: bool) -> Said:
    """asked: somebody tried to register, so what is missing is said at its place too."""
    errors = faults.faults(draft.values)
    missing = faults.missing(draft.values)
    if asked:
        errors = {one.name: f"{one.label} is missing." for one in missing} | errors
    content = draft.content
    if not errors and not faults.missing_numbers(draft.values):
        whole = content if not missing else faults.completed(content, draft.values)
        errors = {name: why for name, why in faults.found_in(whole).items() if name}
    found, why, protocol = _foreseen(draft)
    plan = {"n": draft.n, "page": draft.page, "content": None if protocol is None else protocol.canonical()}
    waiting = faults.missing_numbers(draft.values)
    gate = (
        answers.gate(found)
        if found is not None
        else answers.waiting(waiting, why or "Mend what is marked in the form.")
    )
    return Said(errors, gate, answers.bar(found), _named(desk, draft, content), to_yaml(content), plan)


def _foreseen(draft: Draft) -> tuple[known.Foreseen | None, str, Protocol | None]:
    """The gate's answer, or why there is none; and the plan that it is about."""
    try:
        protocol = faults.judgeable(draft.values, draft.kept)
        return (None, "", None) if protocol is None else (known.foreseen(protocol), "", protocol)
    except ProtocolError as error:
        return None, faults.in_words(str(error))[1], None


def _named(desk: Desk, draft: Draft, content: Content) -> list[Any]:
    """Under which name it will stand, and what stands against that."""
    trial = text(content.get("trial"))
    said: list[Any] = [html.P(["Its page will be ", html.Code(f"/trial/{trial}"), "."])] if trial else []
    stands = known.taken(desk, trial, _whole(content))
    if stands == "same":
        said.append(html.P("This very plan is registered, and waits for its seal."))
    if stands == "registered":
        said.append(html.P("A plan of this name waits for its seal: registering this one puts it in that one's place."))
    if stands == "sealed":
        said.append(html.P("A trial of this name is sealed already: give this one another name."))
    programme = text(content.get("programme"))
    if not known.may_register(desk, programme):
        said.append(
            html.P(f"Your roles don't let you register a trial in {programme}: ask one of its leads for that role.")
        )
    return said


def _whole(content: Content) -> Protocol | None:
    """The plan, where nothing is missing in it and nothing wrong."""
    try:
        return from_content(content)
    except ProtocolError:
        return None


def similar(desk: Desk, draft: Draft) -> list[Any]:
    return answers.near(known.near_by(desk, draft.content))


def tried(plan: Any, screen: Screen, *, more: bool) -> Drawn | None:
    """The plan tried out; None when the form has asked for a newer one meanwhile.

    Raises BusyError when others are before it.
    """
    if not isinstance(plan, dict) or not plan.get("content"):
        return Drawn(answers.no_trying("Nothing to try out yet", "It is tried out as soon as the numbers are there."))
    runs = known.MORE_RUNS if more else known.FIRST_RUNS

    def work() -> Drawn:
        try:
            protocol = from_content(json.loads(str(plan["content"])))
            found = known.by_people(protocol) or known.tried_out(protocol, runs)
        except (ProtocolError, ValueError) as error:
            return Drawn(answers.no_trying("Not tried out", str(error)))
        if found is None:
            why = "A plan so large takes long to try out. Download it, then run: roadtest simulate FILE."
            return Drawn(answers.no_trying("Not tried out here", why))
        simulated = isinstance(found, known.TriedOut) and found.simulated
        return Drawn(answers.tried(found, screen), simulated, answers.bar(known.foreseen(protocol), found))

    return TURNS.work(text(plan.get("page")), int(plan.get("n") or 0), work)


def proposed(draft: Draft, code: str) -> Draft:
    """The draft with a proposal's changes; the same draft when it is proposed no longer, as after a second click."""
    found, _, _ = _foreseen(draft)
    ready: dict[str, Mapping[str, Any]] = {}
    if found is not None:
        ready = {one.code: one.changes for one in found.gate.proposals if one.changes}
        ready |= {answers.COMPARATOR: found.gate.label.changes} if found.gate.label.changes else {}
    if code not in ready:
        return draft
    content = applied(draft.content, ready[code])
    return Draft(_filled(content, draft.values), content, draft.n, draft.page)


def _filled(content: Content, before: Mapping[str, Any]) -> Values:
    """The answers that the content gives; what it leaves to be made from other answers stays empty where it was."""
    values = {**standards(), **values_of(content)}
    for name in ("trial", "path", "measure"):
        if not before.get(name) and values.get(name) == _path(content_of({**values, name: ""}), name):
            values.pop(name, None)
    return {name: value for name, value in values.items() if value not in (None, "")}


def _path(content: Content, name: str) -> Any:
    found: Any = content
    for key in BY_NAME[name].path:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def of_yaml(said: str) -> Draft | str:
    """The draft that a plan's text says, or the sentence why it can't be read. It may still lack things, as the form may."""
    if len(said) > _LONGEST:
        return f"The plan has {len(said):,} signs, must have at most {_LONGEST:,}."
    try:
        read = read_yaml(said, origin="the plan")
    except ProtocolError as error:
        return str(error)
    content = json.loads(json.dumps(read, default=str))
    values = {**standards(), **values_of(content)}
    return Draft({name: value for name, value in values.items() if value not in (None, "")}, content)


def registered(draft: Draft, edited: str | None, doing: Doing, person: str) -> list[Any]:
    """Registers what the form says. edited: the plan's text, where somebody changed it and the form hasn't followed yet."""
    if edited is not None:
        found = of_yaml(edited)
        if isinstance(found, str):
            return refused(f"The plan's text can't be read: {found} Mend it, or undo your edits.")
        draft = found
    missing = faults.missing(draft.values)
    if missing:
        return refused(f"Still missing: {', '.join(one.label for one in missing)}.")
    wrong = faults.faults(draft.values) or faults.found_in(draft.content)
    if wrong:
        return refused(next(iter(wrong.values())))
    made = doing.register(to_yaml(draft.content), by=person)
    more = [html.P(one, className="note") for one in made.said]
    return [
        *_to_be_sealed(made.trial, known.foreseen(from_content(draft.content))),
        html.P(["Its SHA-256 is ", html.Code(made.sha256), "."], className="note"),
        *more,
    ]


def _to_be_sealed(trial: str, found: known.Foreseen) -> list[Any]:
    """What follows: the address for a second person, but where the gate refuses the seal what to change first."""
    if not found.gate.may_seal:
        why = "As it stands it may not be sealed, so there is nothing to send to anybody yet: change it by one of the ways on"
        return [
            *done(f"Registered as {trial}."),
            html.P(f"{why} that stand with the gate's answer, and register it again."),
        ]
    link = dcc.Link("Read it as a second person does", href=f"/seal/{trial}")
    return [
        *done(f"Registered as {trial}.", " ", link),
        html.P(["Send this address to whoever is to seal it: ", html.Code(f"/seal/{trial}"), "."]),
    ]
