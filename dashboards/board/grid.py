"""The board's rows: the grid of a wide window, and what its cells (assets/cells.js) and the list of a narrow one read."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import dash_ag_grid as dag

from dashboards import wording
from dashboards.read_model import Row

ROW_HEIGHT, HEADING_HEIGHT, HEADER_HEIGHT = 124, 44, 48
MOST_UNSCROLLED = 40
SCROLLED_HEIGHT = 760

# Together at most 1,140 px, so that nothing lies outside the window at the smallest width that shows the grid;
# below it (boot.js and board.css say where) the board is a list.
COLUMNS: list[dict[str, Any]] = [
    {"field": "name", "headerName": "Trial", "cellRenderer": "TrialCell", "flex": 4, "minWidth": 196},
    {"field": "word", "headerName": "Verdict", "cellRenderer": "VerdictCell", "width": 160},
    {
        "field": "sentence",
        "headerName": "In a sentence",
        "cellRenderer": "SentenceCell",
        "flex": 6,
        "minWidth": 206,
        "sortable": False,
    },
    {
        "field": "lean",
        "headerName": "Evidence",
        "headerComponentParams": {"innerHeaderComponent": "BalanceHeader"},
        "cellRenderer": "BalanceCell",
        "width": 172,
        "sortingOrder": ["desc", "asc", None],
    },
    {
        "field": "effect_sort",
        "headerName": "Effect",
        "headerComponent": "EffectHeader",
        "cellRenderer": "EffectCell",
        "width": 166,
        "sortable": False,
    },
    {"field": "people_share", "headerName": "People in", "cellRenderer": "PeopleCell", "width": 100},
    {
        "field": "as_of_sort",
        "headerName": "Fresh as of",
        "headerComponentParams": {"innerHeaderComponent": "FreshHeader"},
        "cellRenderer": "FreshCell",
        "width": 136,
    },
]


def row_data(row: Row) -> dict[str, Any]:
    """A row as cells and list read it. Everything in it may be shown to the reader."""
    plain = {name: value for name, value in asdict(row).items() if name not in _OWN}
    return {
        **plain,
        "in_short": wording.first_sentence(row.sentence),
        "href": f"/trial/{row.id}",
        "standing_word": row.word,
        "closed": row.closed,
        "effect_sort": row.forest.estimate,
        "lean": row.balance.lean,
    }


# Of no use to a cell.
_OWN = {"since", "stamp", "retrospective"}


def grid() -> dag.AgGrid:
    """The grid without rows: the browser puts in those that the reader asks for, and gives it the height that they take."""
    return dag.AgGrid(
        id="board-rows",
        columnDefs=COLUMNS,
        rowData=[],
        getRowId="params.data.id",
        defaultColDef={
            "sortable": True,
            "resizable": False,
            "suppressMovable": True,
            "wrapText": True,
            # Cells show more than their own column's value, so a changed row is drawn again whole.
            "equals": {"function": "sameCell(params)"},
        },
        dashGridOptions={
            "rowHeight": ROW_HEIGHT,
            "headerHeight": HEADER_HEIGHT,
            "getRowHeight": {"function": "rowHeight(params)"},
            "suppressCellFocus": False,
            "animateRows": False,
            "enableCellTextSelection": True,
            "suppressNoRowsOverlay": True,
            "isFullWidthRow": {"function": "isHeading(params)"},
            "fullWidthCellRenderer": "HeadingRow",
            "postSortRows": {"function": "inGroups(params)"},
            "tabToNextHeader": {"function": "fromHeader(params)"},
            "tabToNextCell": {"function": "fromCell(params)"},
        },
        style=height_of(0),
    )


def height_of(rows: int) -> dict[str, str]:
    """The grid's size with so many rows, as assets/board.js has it too: at first, and while its script loads."""
    whole = HEADER_HEIGHT + 2 + rows * ROW_HEIGHT
    return {"height": f"{whole if rows <= MOST_UNSCROLLED else SCROLLED_HEIGHT}px", "width": "100%"}
