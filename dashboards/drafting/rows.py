"""The rows of the form that repeat: partners, and the criteria of a feasibility trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboards.drafting.fields import CRITERION_PARTS, PARTNER_PARTS, ROWS, row_field

Rows = list[dict[str, Any]]


def partners_of(values: Mapping[str, Any], before: Any) -> Rows | None:
    """The partners; what the form doesn't ask of one (its hopes) stays with its name, and those beyond the rows are kept."""
    known = {one.get("name"): one for one in dicts(before)}
    found = []
    for row in range(ROWS):
        name, kind, value = (_typed(values, "partner", row, part) for part in PARTNER_PARTS)
        if name:
            made = {**known.get(name, {}), "name": name, "kind": kind or "community", "value": value}
            found.append({key: said for key, said in made.items() if said != ""})
    return [*found, *dicts(before)[ROWS:]] or None


def partner_values(content: Mapping[str, Any]) -> dict[str, Any]:
    return {
        row_field("partner", row, part): one[part]
        for row, one in enumerate(dicts(content.get("partners"))[:ROWS])
        for part in PARTNER_PARTS
        if one.get(part)
    }


def criteria_of(values: Mapping[str, Any], before: Any) -> Rows | None:
    """The criteria of a feasibility trial. A row's place keeps its id and its unit."""
    known = dicts(before)
    taken = {_typed(values, "criterion", row, "text") for row in range(ROWS)}
    found = []
    for row in range(ROWS):
        text, asks = (_typed(values, "criterion", row, part) for part in ("text", "asks"))
        green, red = (_number(values.get(row_field("criterion", row, part))) for part in ("green", "red"))
        if not text and green is None and red is None:
            continue
        same = _same(known, row, text, taken)
        made = {"id": f"criterion_{row + 1}", **same, "asks": asks or "other", "text": text, "green": green, "red": red}
        if green is not None and red is not None:
            made["higher"] = green >= red
        found.append({key: said for key, said in made.items() if said is not None and said != ""})
    return [*found, *known[ROWS:]] or None


def _same(known: Rows, row: int, text: str, taken: set[str]) -> dict[str, Any]:
    """The criterion that a row was before: the one with its words, else the one in its place if its words are gone."""
    found = next((one for one in known if one.get("text") == text), None)
    here = known[row] if row < len(known) else {}
    return found if found is not None else here if here.get("text") not in taken else {}


def criterion_values(content: Mapping[str, Any]) -> dict[str, Any]:
    return {
        row_field("criterion", row, part): one[part]
        for row, one in enumerate(dicts(content.get("progression"))[:ROWS])
        for part in CRITERION_PARTS
        if one.get(part) is not None
    }


def dicts(found: Any) -> Rows:
    """The parts of a list in a plan that are mappings; whatever else was typed there is no row."""
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list | tuple) else []


def _typed(values: Mapping[str, Any], what: str, row: int, part: str) -> str:
    value = values.get(row_field(what, row, part))
    return "" if value is None else str(value).strip()


def _number(value: Any) -> float | int | None:
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return int(found) if found == int(found) else found
