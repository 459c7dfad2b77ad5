"""Answers of the form to the content of a plan, and back. What the form doesn't ask is kept.

`content_of` lays the answers over the content that was there before; `values_of` reads them off again, so that
`values_of(content_of(values, kept))` gives the same answers.
"""

from __future__ import annotations

import copy
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import yaml

from dashboards.drafting.fields import BY_NAME, FIELDS, Field, asked
from dashboards.drafting.rows import criteria_of, criterion_values, dicts, partner_values, partners_of

Content = dict[str, Any]
Values = dict[str, Any]

# How a plan is read: what and why first, then who, what is measured, how it is judged, where data come from.
ORDER = (
    *("trial", "title", "question", "stage", "owner", "programme", "prototype", "simulated", "retrospective"),
    *("continues", "changed", "partners", "sites", "arms", "design", "unit", "assignment", "primary", "guardrails"),
    *("strengths", "monitoring", "purpose", "progression", "stopping", "gate", "intervention", "data", "source"),
)
_LONGEST = 60


def slug(text: str, between: str = "-") -> str:
    """A name made from words: 'Call the day before!' as call-the-day-before."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return between.join(re.findall(r"[a-z0-9]+", plain))[:_LONGEST].strip(between)


def number(value: Any) -> float | None:
    """What was typed as a number; None for nothing, and for what is none yet, such as a lone minus sign."""
    if value is None or value == "" or isinstance(value, bool):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if abs(found) < 1e300 else None


def text(value: Any) -> str:
    return str(value).strip() if value is not None else ""


def lines(value: Any) -> list[str]:
    return list(dict.fromkeys(line.strip() for line in text(value).splitlines() if line.strip()))


def content_of(values: Mapping[str, Any], kept: Content | None = None) -> Content:
    """The content of the plan that the form says. kept: of the plan that it was laid over."""
    content = copy.deepcopy(kept or {})
    shown = {field.name for field in asked(dict(values))}
    for field in FIELDS:
        if field.path and field.name not in shown and not _elsewhere(field, shown):
            _put(content, field.path, None)
    for field in FIELDS:
        if field.path and field.name in shown:
            _put(content, field.path, _said(field, values.get(field.name)))
    _named(content, values)
    _arms(content, values)
    _sites(content, values)
    _measured(content, values, shown)
    _put(content, ("partners",), partners_of(values, content.get("partners")))
    if values.get("purpose") == "feasibility":
        _put(content, ("progression",), criteria_of(values, content.get("progression")))
    return {key: content[key] for key in sorted(content, key=_place)}


def _elsewhere(field: Field, shown: set[str]) -> bool:
    """Whether another question that is shown answers the same part of the plan."""
    return any(BY_NAME[name].path == field.path for name in shown)


def _place(key: str) -> tuple[int, str]:
    return (ORDER.index(key) if key in ORDER else len(ORDER) - 1, key)


def _said(field: Field, value: Any) -> Any:
    """The plan's value for an answer; None for no answer, and for the plan's own standard where it need not be said."""
    if field.ask == "number":
        found = number(value)
        if found is None:
            return None
        found = round(found / field.per, 12)
        return int(found) if found == int(found) else found
    return text(value) or None


def _put(content: Content, path: tuple[str, ...], value: Any) -> None:
    """Sets a part of the plan; None takes it out, and with it whatever is empty then."""
    parents = [content]
    for key in path[:-1]:
        if not isinstance(parents[-1].get(key), dict):
            if value is None:
                return
            parents[-1][key] = {}
        parents.append(parents[-1][key])
    if value is not None:
        parents[-1][path[-1]] = value
        return
    parents[-1].pop(path[-1], None)
    for parent, key in zip(reversed(parents[:-1]), reversed(path[:-1]), strict=True):
        if not parent[key]:
            del parent[key]


def _named(content: Content, values: Mapping[str, Any]) -> None:
    """What is made from other answers where it is left empty: the trial's name, its folder, the idea's name."""
    if "trial" not in content and slug(text(values.get("title"))):
        content["trial"] = slug(text(values.get("title")))
    source = content.get("source")
    if (
        isinstance(source, dict)
        and not source.get("path")
        and source.get("connector") == "folder"
        and "trial" in content
    ):
        source["path"] = f"sources/{content['trial']}"
    described = content.get("intervention")
    if isinstance(described, dict) and described and not described.get("name"):
        name = next(iter(lines(values.get("ideas"))), "") or text(values.get("title"))
        content["intervention"] = {"name": name, **described} if name else described
    recruitment = _found(content, ("stopping", "recruitment"))
    if isinstance(recruitment, dict) and "per_month" not in recruitment:
        _put(content, ("stopping", "recruitment"), None)


def _called(one: Mapping[str, Any]) -> str:
    """What the form shows of a site or an arm: its name, or its id as words."""
    return text(one.get("name")) or text(one.get("id")).replace("_", " ")


def _arms(content: Content, values: Mapping[str, Any]) -> None:
    before = dicts(content.get("arms"))
    ideas, compared = lines(values.get("ideas")), values.get("against") != "benchmark"
    control = text(values.get("control")) or "Usual practice"
    shares = [number(values.get(name)) for name in ("share_control", "share_idea")]
    wanted = [(control, "control", shares[0])] if compared else []
    wanted += [(idea, "treatment", shares[1] if compared else 1) for idea in ideas]
    if not ideas:
        _put(content, ("arms",), None)
        _put(content, ("design",), None)
        return
    content["arms"] = [_arm(name, role, share, before) for name, role, share in wanted]
    content["design"] = "one_arm" if not compared else "two_arm" if len(ideas) == 1 else "multi_arm"


def _arm(name: str, role: str, share: float | None, before: list[Content]) -> Content:
    found = next((one for one in before if _called(one) == name and one.get("role", "treatment") == role), None)
    made: Content = found or {"id": slug(name, "_") or role, "role": role, "name": name}
    first = next((one.get("allocation", 1) for one in before if one.get("role", "treatment") == role), None)
    if found is not None and (share is None or first == share):
        return {**made, "role": role}  # several ideas may have shares of their own
    return {**made, "role": role, "allocation": 1 if share is None else _plain(share)}


def _sites(content: Content, values: Mapping[str, Any]) -> None:
    before = dicts(content.get("sites"))
    known = {_called(one): one for one in before}
    found = [known.get(name) or {"id": slug(name, "_") or name, "name": name} for name in lines(values.get("sites"))]
    _put(content, ("sites",), found or None)


def _measured(content: Content, values: Mapping[str, Any], shown: set[str]) -> None:
    """Bounds, follow-up and the column's name; times between deliveries."""
    label = text(values.get("label"))
    if _found(content, ("primary", "measure")) is None and slug(label, "_"):
        made = slug(label, "_")
        _put(content, ("primary", "measure"), made if made[0].isalpha() else f"m_{made}")
    low = 0.0 if "low" not in shown else number(values.get("low"))
    high = number(values.get("high")) if "high" in shown else None
    if "high" in shown:
        bounds = None if low is None or high is None else [_plain(low), _plain(high)]
        _put(content, ("primary", "bounds"), bounds)
    elif values.get("kind") == "binary":
        _put(content, ("primary", "bounds"), None)
    _duration(content, ("primary", "follow_up"), values.get("follow_weeks"), "weeks", 7)
    _duration(content, ("source", "every"), values.get("every_days"), "days", 1)


def _plain(value: float) -> float | int:
    return int(value) if value == int(value) else value


def _duration(content: Content, path: tuple[str, str], value: Any, word: str, days: int) -> None:
    """A time of whole weeks or days; one that the plan says in other words stays as it is while it means the same."""
    found = number(value)
    before = _found(content, path)
    if found is not None and _days(before) == found * days:
        return
    said = None if found is None else f"{_plain(found)} {word}"
    _put(content, path, said)


def _days(said: Any) -> int | None:
    found = re.fullmatch(r"\s*(\d+)\s*(day|week)s?\s*", said) if isinstance(said, str) else None
    return None if found is None else int(found.group(1)) * (7 if found.group(2) == "week" else 1)


def values_of(content: Content) -> Values:
    """The answers that a plan's content gives; those that it doesn't are left out."""
    values: Values = {}
    values["kind"] = _found(content, ("primary", "kind")) or "binary"
    arms = dicts(content.get("arms"))
    control = next((one for one in arms if one.get("role") == "control"), None)
    ideas = [one for one in arms if one.get("role", "treatment") != "control"]
    values["against"] = "control" if control is not None or not arms else "benchmark"
    values["purpose"] = content.get("purpose", "effect")
    for field in asked(values):
        found = _found(content, field.path) if field.path else None
        if found is not None:
            values[field.name] = _answer(field, found)
    if control is not None:
        values |= {"control": _called(control), "share_control": control.get("allocation", 1)}
    if ideas:
        values |= {"ideas": "\n".join(map(_called, ideas)), "share_idea": ideas[0].get("allocation", 1)}
    sites = [_called(one) for one in dicts(content.get("sites"))]
    values |= {"sites": "\n".join(sites)} if sites else {}
    bounds = _found(content, ("primary", "bounds"))
    if isinstance(bounds, list | tuple) and len(bounds) == 2:
        values |= {"low": bounds[0], "high": bounds[1]}
    weeks, every = _days(_found(content, ("primary", "follow_up"))), _days(_found(content, ("source", "every")))
    values |= {} if weeks is None else {"follow_weeks": _plain(weeks / 7)}
    values |= {} if every is None else {"every_days": every}
    return {**values, **partner_values(content), **criterion_values(content)}


def _found(content: Content, path: tuple[str, ...]) -> Any:
    found: Any = content
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _answer(field: Field, value: Any) -> Any:
    if field.ask != "number":
        return str(value)
    found = number(value)
    return None if found is None else _plain(round(found * field.per, 10))


def to_yaml(content: Content) -> str:
    """The plan as YAML that reads back to the same content."""
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)


def applied(content: Content, changes: Mapping[str, Any]) -> Content:
    """The content with a proposal's changes, merged as `trials.proposals.applied` merges them."""
    changed = copy.deepcopy(content)
    for key, value in changes.items():
        before = changed.get(key)
        merged = key in ("monitoring", "data", "assignment") and isinstance(before, dict)
        changed[key] = {**before, **value} if merged and isinstance(before, dict) else copy.deepcopy(value)
    return changed
