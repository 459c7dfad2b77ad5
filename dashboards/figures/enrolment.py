"""People enrolled, by site where there are several, else by arm, as released; under ten there are words and no bar."""

from __future__ import annotations

import textwrap

from dashboards import wording
from dashboards.figures.drawn import Drawn, figure
from dashboards.theme import Screen
from trials.disclosure import SafeTable
from trials.protocol import Protocol


def draw(protocol: Protocol, table: SafeTable, screen: Screen) -> Drawn:
    """One horizontal bar per site (or arm), its number at its end. `table` is a released one."""
    by_site = len(table.rows) > 1
    groups = table.row_totals if by_site else table.column_totals
    names = [_site(protocol, name) if by_site else wording.arm_name(protocol, name) for name in groups]
    labels = ["<br>".join(textwrap.wrap(name, 16, max_lines=2, placeholder=" …")) for name in names]
    counts = list(groups.values())
    height = 56 + 44 * len(names)
    longest = max((count or 0 for count in counts), default=0) or 1
    drawn = figure(
        screen,
        [
            {
                "type": "bar",
                "orientation": "h",
                "y": labels,
                "x": [count or 0 for count in counts],
                "text": [wording.floors(count) for count in counts],
                "textposition": "outside",
                "textfont": {"color": screen.colour("ink"), "size": 12},
                "cliponaxis": False,
                "width": 0.42,
                "marker": {"color": screen.colour("keep_going")},
                "hovertemplate": "%{y}: %{text}<extra></extra>",
            }
        ],
        height,
        margin={"l": 116, "r": 56, "t": 6, "b": 30},
        hovermode="closest",
        xaxis={
            "range": [0, longest * 1.08],
            "tickformat": ",d",
            "nticks": 5,
            "showgrid": True,
            "gridcolor": screen.colour("line"),
        },
        yaxis={"autorange": "reversed", "showgrid": False, "type": "category"},
    )
    said = ", ".join(f"{name} {wording.floors(count)}" for name, count in zip(names, counts, strict=True))
    return Drawn(
        drawn,
        f"Bar chart of {wording.units(protocol)} enrolled: {said}.",
        _columns(protocol, table),
        _rows(protocol, table),
        height,
    )


def _site(protocol: Protocol, site_id: str) -> str:
    named = {site.id: site.name for site in protocol.sites}
    return named.get(site_id) or (f"Site {site_id}" if site_id else "Other sites" if named else "All sites")


def _columns(protocol: Protocol, table: SafeTable) -> tuple[str, ...]:
    return ("Site", *(wording.arm_name(protocol, arm) for arm in table.columns), "Total")


def _rows(protocol: Protocol, table: SafeTable) -> tuple[tuple[str, ...], ...]:
    body = [
        (
            _site(protocol, site),
            *(wording.floor(table.cells[site, arm], table.below[site, arm]) for arm in table.columns),
            wording.floors(table.row_totals[site]),
        )
        for site in table.rows
    ]
    if len(table.rows) > 1:
        arms = (wording.floors(table.column_totals[arm]) for arm in table.columns)
        body.append(("All sites", *arms, wording.floors(table.total)))
    return tuple(body)
