"""The form's questions as inputs that are labelled, described and in the order of the keyboard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dash_mantine_components as dmc
from dash import html

from dashboards.drafting.choices import ASKS, PARTNERS
from dashboards.drafting.fields import FIELDS, ROWS, SECTIONS, Field, row_field
from dashboards.parts import attributes

TYPE = "draft"


def input_id(name: str) -> dict[str, str]:
    return {"type": TYPE, "field": name}


def section(name: str, number: int, values: Mapping[str, Any], more: list[Any] | None = None) -> html.Section:
    """One numbered part of the form. values: what stands in it beforehand."""
    title, why = SECTIONS[name]
    fields = [_place(field, values) for field in FIELDS if field.section == name]
    sign = html.Span(f"{number}", className="new-number", **attributes(aria_hidden="true"))
    heading = html.H2([sign, title], id=f"new-{name}-heading")
    return html.Section(
        [html.Header([heading, html.P(why)]), html.Div(fields, className="new-fields"), *(more or [])],
        className="card new-section",
        id=f"new-{name}",
        **attributes(aria_labelledby=f"new-{name}-heading"),
    )


def _place(field: Field, values: Mapping[str, Any]) -> html.Div:
    wide = field.ask == "long" or field.name in ("title", "label", "kind")
    when = " ".join(f"when-{state}" for state in field.when)
    shown = f"new-field{' new-wide' if wide else ''}{f' when {when}' if when else ''}"
    return html.Div(_input(field, values), className=shown, id=f"place-{field.name}")


def _input(field: Field, values: Mapping[str, Any]) -> Any:
    shared: dict[str, Any] = {
        "id": input_id(field.name),
        "label": field.label,
        "description": field.hint or None,
        "value": values.get(field.name, "" if field.ask != "choice" else None),
        "withAsterisk": field.needed,
    }
    return _asked(field.ask, field.suffix, field.choices, shared, whole=field.whole)


def _asked(
    ask: str, suffix: str, choices: tuple[tuple[str, str], ...], shared: dict[str, Any], *, whole: bool = False
) -> Any:
    if ask == "choice":
        return dmc.Select(
            data=[{"value": value, "label": label} for value, label in choices],
            allowDeselect=False,
            placeholder="Choose",
            **shared,
        )
    if ask == "number":
        # The unit stands beside the number, not in it: typing over "5 in 100" would take its digits for the answer's.
        unit = {"rightSection": html.Span(suffix), "rightSectionWidth": 72, "rightSectionPointerEvents": "none"}
        return dmc.NumberInput(
            hideControls=True,
            # A comma may be a decimal one: assets/draft.js reads what is pasted, and refuses what can be read in two ways.
            thousandSeparator=False,
            allowedDecimalSeparators=[".", ","],
            classNames={"input": "new-whole" if whole else "new-decimal"},
            allowDecimal=not whole,
            clampBehavior="none",
            **(unit if suffix else {}),
            **shared,
        )
    if ask == "long":
        return dmc.Textarea(autosize=True, minRows=2, maxRows=8, **shared)
    return dmc.TextInput(autoComplete="off", **shared)


def partners() -> html.Div:
    return html.Div([_row("partner", row, _partner(row)) for row in range(ROWS)], className="new-rows")


def _partner(row: int) -> list[Any]:
    number = row + 1
    return [
        _part("partner", row, "name", "text", f"Partner {number}"),
        _part("partner", row, "kind", "choice", f"Partner {number} is", PARTNERS),
        _part("partner", row, "value", "text", f"Partner {number} hopes for"),
    ]


def criteria() -> html.Div:
    """The criteria of a feasibility trial; shown for one alone."""
    words = html.P(
        "A feasibility trial goes on when what was agreed beforehand is met: green from one value on, red from the other, "
        "amber between.",
        className="note",
    )
    rows = [_row("criterion", row, _criterion(row)) for row in range(ROWS)]
    return html.Div([words, *rows], className="new-rows when when-feasibility")


def _criterion(row: int) -> list[Any]:
    number = row + 1
    return [
        _part("criterion", row, "text", "text", f"Criterion {number}"),
        _part("criterion", row, "asks", "choice", f"Criterion {number} is about", ASKS),
        _part("criterion", row, "green", "number", f"{number}: green from"),
        _part("criterion", row, "red", "number", f"{number}: red from"),
    ]


def _part(what: str, row: int, part: str, ask: str, label: str, choices: tuple[tuple[str, str], ...] = ()) -> Any:
    standard = None if ask == "choice" else ""
    return _asked(ask, "", choices, {"id": input_id(row_field(what, row, part)), "label": label, "value": standard})


def _row(what: str, row: int, parts: list[Any]) -> html.Div:
    return html.Div(parts, className=f"new-row new-row-{what}", id=f"new-row-{what}-{row}")
