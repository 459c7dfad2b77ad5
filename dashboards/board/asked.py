"""What of the board the reader wants to see: search, filters, order and groups, as form parts and as an address.

They work in the browser (assets/board.js), on rows that are there already: no key press asks the server.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dash_mantine_components as dmc
from dash import html

from dashboards.board import words
from dashboards.parts import button, icon
from dashboards.read_model import Row
from dashboards.wording import STAGE_WORDS, VERDICT_WORDS

LONGEST_SEARCH = 120
# (name in the address, label, what stands in it while nothing is chosen)
FILTERS = (
    ("verdict", "Verdict", "Any verdict"),
    ("stage", "Stage", "Any stage"),
    ("site", "Site", "Any site"),
    ("programme", "Programme", "Any programme"),
    ("partner", "Partner", "Any partner"),
)
GROUPS = {
    "": "No groups",
    "stage": "Stage",
    "site": "Site",
    "partner": "Partner",
    "programme": "Programme",
}
SORTS = {
    "": "Most pressing first",
    "name": "Name",
    "fresh": "Newest results first",
    "next": "Next look first",
    "promote": "Nearest to promote",
    "drop": "Nearest to drop or harm",
    "people": "Most people of planned",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for. chosen: by filter, the values."""

    search: str
    chosen: Mapping[str, list[str]]
    group: str
    sort: str


def asked(query: Mapping[str, Any], rows: Sequence[Row]) -> Asked:
    """What an address asks for; values that no trial has are left out."""
    known = options(rows)
    chosen = {name: [value for value in _several(query.get(name)) if value in known[name]] for name, _, _ in FILTERS}
    search, group, sort = (next(iter(_several(query.get(name))), "") for name in ("q", "group", "sort"))
    return Asked(search[:LONGEST_SEARCH], chosen, group if group in GROUPS else "", sort if sort in SORTS else "")


def _several(value: object) -> list[str]:
    """One word of an address, or several of the same name."""
    found = value if isinstance(value, list | tuple) else [value]
    return [str(each) for each in found if each]


def options(rows: Iterable[Row]) -> dict[str, list[str]]:
    """By filter, the values that trials have, in the order that people expect."""
    found = list(rows)
    verdicts = [*VERDICT_WORDS.values(), *words.DECIDED.values(), words.NOT_SHOWN]
    return {
        "verdict": [word for word in verdicts if any(row.word == word for row in found)],
        "stage": [word for word in STAGE_WORDS.values() if any(row.stage == word for row in found)],
        "site": sorted({site for row in found for site in row.sites}),
        "programme": sorted({row.programme for row in found if row.programme}),
        "partner": sorted({partner for row in found for partner in row.partners}),
    }


def controls(wanted: Asked, rows: Sequence[Row]) -> html.Div:
    """Search, groups and order in a line; the filters behind a button of their own, open where one is on."""
    search = dmc.TextInput(
        id="board-search",
        label="Search",
        placeholder="Name, place, partner or lead",
        value=wanted.search,
        debounce=150,
        leftSection=icon("search"),
        inputProps={"autoComplete": "off", "maxLength": LONGEST_SEARCH},
    )
    one = [
        _select("board-group", "Group by", GROUPS, wanted.group),
        _select("board-sort", "Order", SORTS, wanted.sort),
    ]
    known = options(rows)
    several = [
        dmc.MultiSelect(
            id=f"board-{name}",
            label=label,
            data=known[name],
            value=wanted.chosen[name],
            placeholder=nothing,
            clearable=True,
            searchable=True,
            clearButtonProps={"aria-label": f"Clear {label.lower()}"},
            nothingFoundMessage="None of that name",
        )
        for name, label, nothing in FILTERS
    ]
    filters = html.Details(
        [
            html.Summary([icon("filter"), html.Span("Filter", id="board-filter-word")], className="button"),
            html.Div([*several, button("Show all trials", "board-clear")], className="board-filters"),
        ],
        open=any(wanted.chosen.values()),
        className="board-filter",
    )
    return html.Div([html.Div([search, *one], className="board-first"), filters], className="board-asked")


def _select(select_id: str, label: str, named: Mapping[str, str], value: str) -> dmc.Select:
    # An empty value means "nothing chosen" to the component, so the first of each has a word.
    return dmc.Select(
        id=select_id,
        label=label,
        data=[{"value": key or "none", "label": word} for key, word in named.items()],
        value=value or "none",
        allowDeselect=False,
    )
