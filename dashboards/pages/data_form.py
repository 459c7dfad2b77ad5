"""The forms in which rows are mended: what is wrong with a row, its cells, why it is mended."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from dashboards import wording
from dashboards.doing import Place, WaitingRow
from dashboards.parts import attributes, icon

MOST = 20  # rows are shown at a time; the others follow when these are done
_QUOTED = re.compile(r"'[^']*'")
_RAGGED = "more or fewer fields"  # of such a row nobody knows which cell is which

Typed = Mapping[tuple[str, int, str], str]  # what stands in the forms, by place, version and column ('' = why)


def forms(rows: Sequence[WaitingRow], columns: Sequence[tuple[str, str]], typed: Typed) -> list[Any]:
    """A form for each row, MOST at a time. columns: the plan's, and what the source calls each."""
    found: list[Any] = [_form(row, columns, typed) for row in rows[:MOST]]
    if len(rows) > MOST:
        left = f"{len(rows) - MOST:,} more follow when these have been judged again."
        found.append(html.P(left, className="note"))
    return found


def place_id(place: Place) -> str:
    return f"{place[0]}-{place[1]}"


def _form(row: WaitingRow, columns: Iterable[tuple[str, str]], typed: Typed) -> html.Article:
    """One row: what is wrong with it, its cells, why it is mended. typed: what was typed and not saved yet."""
    place = place_id(row.place)
    heading = f"data-row-title-{place}"
    whole = _RAGGED in row.reason
    had = [name for name, _ in columns if whole or name in (row.cells or {})]
    known = {"version": row.version, "had": had, "hidden": row.cells is None and not whole}
    mended = [html.Span(f"mended: {', '.join(row.changed)}", className="badge badge-mark")] if row.changed else []
    return html.Article(
        [
            html.Header(
                [
                    html.H4(f"Row {row.place[1]:,} of {row.delivery}", id=heading),
                    html.P(
                        [f"Delivery {row.place[0]:,}, sent {wording.day(row.sent_at)}. ", *mended], className="note"
                    ),
                    html.P([icon("warn"), html.Span(row.reason)], className="data-reason"),
                ]
            ),
            dcc.Store(id={"type": "data-known", "place": place}, data=known),
            *_unread(row),
            html.Div([_cell(row, place, *column, typed) for column in _in_order(row, columns)], className="form-row"),
            html.Div(_why(place, typed.get((place, row.version, ""), "")), className="data-why"),
            html.Div(id={"type": "data-said", "place": place}, className="outcome", role="status"),
        ],
        id=f"data-form-{place}",
        className="data-form",
        **attributes(aria_labelledby=heading),
    )


def _why(place: str, typed: str) -> list[Any]:
    def deed(kind: str, text: str, sign: str, look: str) -> html.Button:
        inside = [icon(sign), html.Span(text)]
        return html.Button(inside, id={"type": kind, "place": place}, type="button", className=look)

    return [
        dmc.TextInput(
            id={"type": "data-reason", "place": place},
            label="Why",
            description="Kept for ever beside the row: who said so, and when. No names.",
            withAsterisk=True,
            value=typed,
            autoComplete="off",
        ),
        html.Div(
            [
                deed("data-save", "Save the mend", "ok", "button primary"),
                deed("data-leave", "Not to be mended", "drop", "button"),
            ],
            className="form-buttons",
        ),
    ]


def _unread(row: WaitingRow) -> list[Any]:
    """What stands in no column of the plan, as it was sent; or why nothing is shown."""
    if row.cells is None:
        why = "Your role shows no cells. Fill in what changes; what you leave empty stays as it was sent."
        return [html.P(why, className="note")]
    if _RAGGED in row.reason:
        sent = " | ".join(row.cells.values())
        return [html.P(["As it was sent: ", html.Code(sent), ". Fill in every column."], className="note")]
    return []


def _in_order(row: WaitingRow, columns: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """What was wrong first, then what was sent, then what the row did not have."""

    def place(column: tuple[str, str]) -> tuple[bool, bool]:
        return not wrong_columns(row.reason, column[:1]), row.cells is not None and column[0] not in row.cells

    return sorted(columns, key=place)


def _cell(row: WaitingRow, place: str, name: str, theirs: str, typed: Typed) -> dmc.TextInput:
    sent = "" if row.cells is None else row.cells.get(name, "")
    wrong = name in wrong_columns(row.reason, [name])
    return dmc.TextInput(
        id={"type": "data-cell", "place": place, "column": name},
        label=name,
        description=f"the site calls it {theirs}" if theirs != name else None,
        value=typed.get((place, row.version, name), sent),
        error="this is what was wrong" if wrong else None,
        autoComplete="off",
        spellCheck=False,
        inputWrapperOrder=["label", "input", "description", "error"],
    )


def wrong_columns(reason: str, columns: Iterable[str]) -> list[str]:
    """The columns that a reason finds fault with: 'arm is 'x': must be ...; enrolled_on is ...' names two."""
    heads = " ".join(clause.partition(":")[0] for clause in _QUOTED.sub("", reason).split("; "))
    named = set(re.findall(r"\w+", heads))
    return [column for column in columns if column in named]
