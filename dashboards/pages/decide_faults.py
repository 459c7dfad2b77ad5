"""What the form of a decision says at its fields when the ledger refuses: in the form's own words, not in the command's.

Whether something is refused the ledger alone decides; here it is only said where, and all that is lacking at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dash import set_props

from dashboards.read_model.deciding import Choice
from trials.deciding import SHORTEST_LESSON

MET = "decide-met"
# In the order in which they stand in the form, criteria that people answer before the last two.
FIELDS = ("what", "code", "reason", "lesson", "reuse", "dissent", "second")
_AFTER_CRITERIA = ("dissent", "second")
_NAMED = {"what": "what", "reason_code": "code", "reason": "reason", "lesson": "lesson", "reuse": "reuse"} | {
    name: name for name in _AFTER_CRITERIA
}
WHAT = "Choose first what you decide."
CODE = "Choose the reason."
LESSON = f"Say in at least {SHORTEST_LESSON} words what others should know before they try the same."
REUSE = "Say what others can use again, or “nothing”."
ANSWER = "Answer this with a number: promoting needs it."
SOMEBODY_ELSE = "Name somebody else than yourself."
NO_ROLE = "Name somebody whose role lets them review decisions here: a lead can give that role."
NOBODY = (
    "Write this without naming anybody: it seems to hold a name, an e-mail address, a phone or other number, a postcode or a "
    "birthday."
)


@dataclass(frozen=True, slots=True)
class Typed:
    """What the form holds. answers: by criterion; asked: the criteria that only people can answer."""

    code: str = ""
    reason: str = ""
    lesson: str = ""
    reuse: str = ""
    second: str = ""
    answers: Mapping[str, float] | None = None
    asked: tuple[str, ...] = ()


def lacking(choice: Choice, typed: Typed, refusal: str) -> dict[str, str]:
    """field -> what to do there, in the order of the form; a criterion's field is its own id. refusal: the ledger's sentence.
    Empty where the refusal is about no field, as when somebody else has decided meanwhile."""
    found = _refused(choice, typed, refusal)
    if not found:
        return {}
    found = {**_empty(choice, typed), **found}
    order = [*(name for name in FIELDS if name not in _AFTER_CRITERIA), *typed.asked, *_AFTER_CRITERIA]
    return {name: found[name] for name in order if name in found}


def _refused(choice: Choice, typed: Typed, refusal: str) -> dict[str, str]:
    """The field that the ledger's sentence is about."""
    if refusal.startswith("the gate asks what only people know"):
        return {name: ANSWER for name in typed.asked if name not in (typed.answers or {})}
    if typed.second and refusal.startswith(f"{typed.second} has ") and " to review." in refusal:
        return {"second": NO_ROLE}
    told = re.match(r"(\w+) (==|seems to name a person)", refusal)
    name = _NAMED.get(told[1], "") if told else ""
    if told is None or not name:
        return {}
    if told[2] != "==":
        return {name: NOBODY}
    why = f"it goes against {choice.against}" if choice.against else "no verdict says so by itself"
    needed = {"reason": f"Say why in words, because {why}."}
    if name == "second" and typed.second:
        return {"second": SOMEBODY_ELSE}
    if name == "second":
        return {"second": f"Name who else has reviewed this, because {why}."} | ({} if typed.reason else needed)
    return {name: ({"code": CODE, "lesson": LESSON, "reuse": REUSE} | needed)[name]}


def _empty(choice: Choice, typed: Typed) -> dict[str, str]:
    """What a decision that closes a trial lacks besides, whatever the evidence says."""
    if choice.what == "continue":
        return {}
    fitting = {code for code, _ in choice.codes}
    found = {"code": CODE} if typed.code not in fitting else {}
    found |= {"lesson": LESSON} if len(typed.lesson.split()) < SHORTEST_LESSON else {}
    return found | ({"reuse": REUSE} if not typed.reuse else {})


def mark(found: Mapping[str, str], asked: Iterable[str]) -> str:
    """Inside a callback: says at each field what is to be done there, and takes away what was said before. Returns the id of
    the first field with something to do as the page's elements have it, '' for none."""
    places: dict[str, str | dict[str, str]] = {name: f"decide-{name}" for name in FIELDS}
    places |= {name: {"type": MET, "criterion": name} for name in asked}
    for name, place in places.items():
        set_props(place, {"error": found.get(name)})
    first = places[next(iter(found))] if found else ""
    return first if isinstance(first, str) else json.dumps(first, sort_keys=True, separators=(",", ":"))
