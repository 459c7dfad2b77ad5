"""What of a draft doesn't hold yet, said of the question that it is about and in its units; and what is still missing."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from dashboards.drafting.content import Content, content_of, number, text
from dashboards.drafting.fields import BY_NAME, SCALED, SHARES, Field, asked
from trials.errors import ProtocolError
from trials.planning import admit
from trials.protocol import Protocol

Values = Mapping[str, Any]

# What the answer of the gate rests on; the words around it may still be missing.
_NUMBERS = (
    *(
        "better",
        "baseline_share",
        "baseline",
        "worthwhile_share",
        "worthwhile_rate",
        "worthwhile",
        "low",
        "high",
        "people",
    ),
)
# Stands where words are still missing, so that the numbers can be judged; never shown and never registered.
_STAND_IN: Content = {"trial": "draft", "question": "-", "owner": "-"}
_STAND_IN_ARMS = [{"id": "usual_practice", "role": "control"}, {"id": "idea"}]
_COLUMNS = {"exposure": "time_watched", "event": "happened"}
_KEY = re.compile(r"^(?:[\w-]+: )?(?P<key>[a-z_]+(?:\.[\w]+)*) (?:== .*?|is missing), (?P<rule>must .*)$", re.DOTALL)
# Parts of the plan that `content` makes of an answer in other words.
_MADE = {"primary.follow_up": "follow_weeks", "primary.bounds": "high", "source.every": "every_days"}
MOST_PEOPLE = 10_000_000


def missing(values: Values) -> tuple[Field, ...]:
    """The questions without an answer that nothing can be registered without, in the order of the form."""
    return tuple(
        field
        for field in asked(dict(values))
        if field.needed and (_blank(values.get(field.name), field.ask == "number"))
    )


def missing_numbers(values: Values) -> tuple[Field, ...]:
    """Those of them that the answer of the gate waits for."""
    return tuple(field for field in missing(values) if field.name in _NUMBERS)


def _blank(value: Any, numeric: bool) -> bool:
    return number(value) is None if numeric else not text(value)


def _plain(said: float) -> str:
    """As people write it, "0.0000001" and "1,000,000,000,000"; with an exponent where that would be too long to read."""
    if said and not 1e-9 <= abs(said) < 1e15:
        return f"{said:g}"
    return f"{said:,.10f}".rstrip("0").rstrip(".")


def faults(values: Values) -> dict[str, str]:
    """A sentence for each answer that can't stand, by the field's name; what is missing is no fault."""
    found: dict[str, str] = {}
    for field in asked(dict(values)):
        given = values.get(field.name)
        if field.ask != "number" or _blank(given, False):
            continue
        said = number(given)
        if said is None:
            found[field.name] = f"{field.label}: “{text(given)}”, must be a number."
        elif field.whole and (said != int(said) or said < 1):
            found[field.name] = f"{field.label}: {_plain(said)}, must be a whole number, 1 or more."
    return found | {name: why for name, why in _measured(values).items() if name not in found}


def _measured(values: Values) -> dict[str, str]:
    """The rules that the numbers of the measure keep among themselves, in the units in which they were typed."""
    kind = values.get("kind")
    found = _sizes(values)
    if kind in SHARES:
        found |= _shares(values, str(kind))
    elif kind in (*SCALED, "count"):
        found |= _bounded(values, kind == "count")
    return found


def _sizes(values: Values) -> dict[str, str]:
    found = {}
    people = number(values.get("people"))
    if people is not None and not 2 <= people <= MOST_PEOPLE:
        found["people"] = f"People at most: {_plain(people)}, must be from 2 to {MOST_PEOPLE:,}."
    pace = number(values.get("per_month"))
    if pace is not None and pace <= 0:
        found["per_month"] = f"People who join a month: {pace:g}, must be more than 0."
    for name in ("alpha", "beta"):
        chance = number(values.get(name))
        if chance is not None and not 0 < chance < 100:
            found[name] = f"{BY_NAME[name].label}: {_plain(chance)} in 100, must be more than 0 and less than 100."
    return found


def _shares(values: Values, kind: str) -> dict[str, str]:
    baseline = number(values.get("baseline_share"))
    name = "worthwhile_share" if kind == "binary" else "worthwhile_rate"
    change = number(values.get(name))
    found = {}
    if baseline is not None and not 0 < baseline < 100:
        found["baseline_share"] = (
            f"Without the idea: {_plain(baseline)} in 100, must be more than 0 and less than 100, so that it can change."
        )
    if change is not None and change <= 0:
        found[name] = f"Smallest change worth having: {change:g}, must be more than 0, whichever way is better."
    elif change is not None and baseline is not None and kind == "binary" and "baseline_share" not in found:
        room = baseline if values.get("better") == "lower" else 100 - baseline
        if values.get("better") and change >= room:
            found[name] = (
                f"Smallest change worth having: {_plain(change)} in 100, must be less than {room:g}: from "
                f"{baseline:g} in 100 there is no further to go."
            )
    return found


def _bounded(values: Values, count: bool) -> dict[str, str]:
    low = 0.0 if count else number(values.get("low"))
    high, baseline, change = (number(values.get(name)) for name in ("high", "baseline", "worthwhile"))
    found = {}
    if low is not None and high is not None and low >= high:
        found["high"] = f"Highest that counts in full: {high:g}, must be more than the lowest, {low:g}."
    elif low is not None and high is not None and baseline is not None and not low < baseline < high:
        found["baseline"] = (
            f"Without the idea: {baseline:g}, must lie between {low:g} and {high:g}, which count in full."
        )
    if change is not None and change <= 0:
        found["worthwhile"] = f"Smallest change worth having: {change:g}, must be more than 0, whichever way is better."
    return found


def judgeable(values: Values, kept: Content | None) -> Protocol | None:
    """The plan as far as its numbers go, with stand-ins for words that are still missing; None while a number is missing.

    Raises ProtocolError when the numbers can't be judged together.
    """
    if missing_numbers(values) or faults(values):
        return None
    return _admitted({**completed(content_of(values, kept), values), **_STAND_IN})


def completed(content: Content, values: Values) -> Content:
    """The content with stand-ins for what is still missing of it, beside the numbers."""
    content = {**copy.deepcopy(_STAND_IN), **copy.deepcopy(content)}
    if not content.get("arms"):
        one_arm = values.get("against") == "benchmark"
        content["arms"] = _STAND_IN_ARMS[1:] if one_arm else _STAND_IN_ARMS
        content["design"] = "one_arm" if one_arm else "two_arm"
    primary = content["primary"] if isinstance(content.get("primary"), dict) else {}
    content["primary"] = {"measure": "result", **_companion(values), **primary}
    content.setdefault("source", {"connector": "folder"})
    if "follow_up" not in content["primary"]:
        content["order_by"] = ["entry_order"]  # when results count decides nothing of what the numbers can find
    return content


def _companion(values: Values) -> Content:
    """The column beside the measure's own that its kind needs."""
    shown = {field.name for field in asked(dict(values))}
    return {name: column for name, column in _COLUMNS.items() if name in shown}


def _admitted(content: Content) -> Protocol:
    try:
        protocol = Protocol.model_validate(content)
    except ValidationError as error:
        raise ProtocolError(next(iter(of_validation(error).values()))) from None
    admit(protocol)
    return protocol


def found_in(content: Content) -> dict[str, str]:
    """What stands against the whole plan, by the field it is about ("" for what the form doesn't ask), in one sentence each."""
    try:
        admit(Protocol.model_validate(content))
    except ValidationError as error:
        return of_validation(error)
    except ProtocolError as error:
        name, sentence = in_words(str(error))
        return {name: sentence}
    return {}


def of_validation(error: ValidationError) -> dict[str, str]:
    """Each complaint with the field that it is about."""
    found: dict[str, str] = {}
    for detail in error.errors(include_url=False):
        path = tuple(str(part) for part in detail["loc"])
        name = _field_at(path)
        reason = str(detail.get("ctx", {}).get("error") or detail["msg"].replace("Input should be", "must be"))
        if not path:
            name, sentence = in_words(reason.rstrip(".") + ".")
        else:
            label = BY_NAME[name].label if name in BY_NAME else ".".join(path)
            sentence = f"{label}: {reason.rstrip('.')}."
        found.setdefault(name, sentence)
    return found


def in_words(sentence: str) -> tuple[str, str]:
    """A refusal that names a key of the plan, as the field and a sentence that names the question instead."""
    match = _KEY.match(sentence)
    name = "" if match is None else _field_at(tuple(match["key"].split(".")))
    if match is None or not name:
        return "", sentence
    return name, f"{BY_NAME[name].label} {match['rule']}"


def _field_at(path: tuple[str, ...]) -> str:
    """The field whose answer stands at this place of a plan; '' if none does."""
    if ".".join(path) in _MADE:
        return _MADE[".".join(path)]
    rows = {"sites": "sites", "arms": "ideas", "design": "ideas"}
    exact = next((name for name, field in BY_NAME.items() if field.path and field.path == path[: len(field.path)]), "")
    return exact or rows.get(path[0] if path else "", "")
