"""People enrolled as released: by site against the plan (by arm where there is one site), and over time.

What is hidden is no bar and no number: 'suppressed (< 10)', in the chart, in hover, in the table alike.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from datetime import date
from typing import Any

from dashboards import wording
from dashboards.figures.drawn import Drawn, figure
from dashboards.theme import Screen
from trials.disclosure import SafeTable
from trials.disclosure.over_time import Told
from trials.protocol import Protocol
from trials.stopping.planned import Plan

OVER_TIME = 190


def draw(protocol: Protocol, table: SafeTable, screen: Screen, plan: Plan | None = None) -> Drawn:
    """One horizontal bar per site (or arm), its number at its end, the planned one behind it. `table` is a released one."""
    by_site = len(table.rows) > 1
    groups = table.row_totals if by_site else table.column_totals
    ids = list(groups)
    names = [site_name(protocol, one) if by_site else wording.arm_name(protocol, one) for one in ids]
    labels = ["<br>".join(textwrap.wrap(name, 16, max_lines=2, placeholder=" …")) for name in names]
    counts = list(groups.values())
    said = [_said(table, one, by_site=by_site) for one in ids]
    planned = plan if by_site and plan is not None and plan.now > 0 else None
    height = 56 + 44 * len(names)
    longest = max([count or 0 for count in counts] + ([planned.a_site] if planned else [])) or 1
    traces = [_bars(labels, counts, said, screen)]
    if planned is not None:
        traces.insert(0, _behind(labels, planned, screen))
    drawn = figure(
        screen,
        traces,
        height,
        margin={"l": 116, "r": 116 if None in counts else 56, "t": 6, "b": 30},
        hovermode="closest",
        barmode="overlay",
        xaxis={
            "range": [0, longest * 1.08],
            "tickformat": ",d",
            "nticks": 5,
            "showgrid": True,
            "gridcolor": screen.colour("line"),
        },
        yaxis={"autorange": "reversed", "showgrid": False, "type": "category"},
    )
    listed = ", ".join(f"{name} {text}" for name, text in zip(names, said, strict=True))
    behind = f" Planned by now: {planned.a_site:,.0f} at each site." if planned else ""
    return Drawn(
        drawn,
        f"Bar chart of {wording.units(protocol)} enrolled: {listed}.{behind}",
        (
            "Site",
            *(wording.arm_name(protocol, arm) for arm in table.columns),
            "Total",
            *(["Plan by now"] * bool(planned)),
        ),
        _rows(protocol, table, planned),
        height,
    )


def suppressed(below: int) -> str:
    """A number that is not told, and what it lies below."""
    return f"suppressed (< {below:,})"


def cell(table: SafeTable, site: str, arm: str) -> str:
    """One cell: '30+', or 'suppressed (< 10)'."""
    count = table.cells[site, arm]
    return suppressed(table.below[site, arm]) if count is None else f"{count:,}+"


def total(count: int | None) -> str:
    """A sum of cells shown: '30+', or 'suppressed' where none of them is."""
    return "suppressed" if count is None else f"{count:,}+"


def site_name(protocol: Protocol, site_id: str) -> str:
    named = {site.id: site.name for site in protocol.sites}
    return named.get(site_id) or (f"Site {site_id}" if site_id else "Other sites" if named else "All sites")


def _said(table: SafeTable, one: str, *, by_site: bool) -> str:
    if not by_site and len(table.rows) == 1:
        return cell(table, table.rows[0], one)
    return total((table.row_totals if by_site else table.column_totals)[one])


def _bars(labels: list[str], counts: Sequence[int | None], said: list[str], screen: Screen) -> dict[str, Any]:
    return {
        "type": "bar",
        "orientation": "h",
        "y": labels,
        "x": [count or 0 for count in counts],
        "text": said,
        "textposition": "outside",
        "textfont": {"color": screen.colour("ink"), "size": 12},
        "cliponaxis": False,
        "width": 0.36,
        "marker": {"color": screen.colour("keep_going")},
        "hovertemplate": "%{y}: %{text}<extra></extra>",
    }


def _behind(labels: list[str], plan: Plan, screen: Screen) -> dict[str, Any]:
    return {
        "type": "bar",
        "orientation": "h",
        "y": labels,
        "x": [plan.a_site] * len(labels),
        "width": 0.6,
        "marker": {"color": screen.colour("line")},
        "hovertemplate": f"%{{y}}: planned by now {plan.a_site:,.0f}<extra></extra>",
    }


def _rows(protocol: Protocol, table: SafeTable, plan: Plan | None) -> tuple[tuple[str, ...], ...]:
    due = (f"{plan.a_site:,.0f}",) if plan else ()
    body = [
        (
            site_name(protocol, site),
            *(cell(table, site, arm) for arm in table.columns),
            total(table.row_totals[site]),
            *due,
        )
        for site in table.rows
    ]
    if len(table.rows) > 1:
        arms = (total(table.column_totals[arm]) for arm in table.columns)
        everybody = (f"{plan.now:,.0f}",) if plan else ()
        body.append(("All sites", *arms, total(table.total), *everybody))
    return tuple(body)


def over_time(
    protocol: Protocol, told: Sequence[Told], screen: Screen, plan: Plan | None, site: str = ""
) -> Drawn | None:
    """What was told of who joined from which day on, as steps, and the planned pace; of one site if it is named. None while
    there are fewer than two days to draw."""
    points = [(one.on, one.rows.get(site) if site else one.total) for one in told]
    seen = [(on, count) for on, count in points if count is not None]
    if len({count for _, count in seen}) < 2:
        return None
    days = [on.isoformat() for on, _ in seen]
    counts = [count for _, count in seen]
    if plan is not None and plan.until > seen[-1][0]:  # what was told last still stands
        days, counts = [*days, plan.until.isoformat()], [*counts, counts[-1]]
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": "Have joined",
        "x": days,
        "y": counts,
        "text": [f"at least {count:,}" for count in counts],
        "hovertemplate": "%{text}",
        "line": {"color": screen.colour("keep_going"), "width": 2.2, "shape": "hv"},
    }
    traces = [*([_pace(seen[0][0], plan, screen, bool(site))] if plan else []), line]
    names = [*(["planned"] if plan else []), "joined"]
    labels = [
        _end(screen, trace["x"][-1], trace["y"][-1], name, "ink-3" if name == "planned" else "keep_going")
        for trace, name in zip(traces, names, strict=True)
    ]
    who, where = wording.units(protocol), f" at {site_name(protocol, site)}" if site else ""
    columns = ("From", f"{who.capitalize()} who have joined", *(["Planned by then"] * bool(plan)))
    share = 1 if not site or plan is None else plan.sites
    rows = tuple((_day(on), f"{count:,}+", *([f"{plan.by(on) / share:,.0f}"] if plan else [])) for on, count in seen)
    drawn = figure(
        screen,
        traces,
        OVER_TIME,
        margin={"l": 56, "r": 72, "t": 12, "b": 30},
        annotations=labels,
        xaxis={"type": "date", "nticks": 5},
        yaxis={"rangemode": "tozero", "tickformat": ",d", "nticks": 4},
    )
    alt = f"Line chart of {who} who have joined{where}: at least {counts[-1]:,} by {_day(seen[-1][0])}"
    behind = f", where {plan.now / share:,.0f} were planned by {_day(plan.until)}" if plan else ""
    return Drawn(drawn, f"{alt}{behind}.", columns, rows, OVER_TIME)


def _pace(first: date, plan: Plan, screen: Screen, one_site: bool) -> dict[str, Any]:
    """The planned pace, straight until all have joined."""
    days = sorted({min(first, plan.begin), plan.begin, min(plan.full_on, plan.until), plan.until})
    share = plan.sites if one_site else 1
    heights = [plan.by(day) / share for day in days]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "Planned",
        "x": [day.isoformat() for day in days],
        "y": heights,
        "text": [f"{height:,.0f}" for height in heights],
        "hovertemplate": "%{text}",
        "line": {"color": screen.colour("ink-3"), "width": 1.6, "dash": "dash"},
    }


def _end(screen: Screen, x: str, y: float, text: str, token: str) -> dict[str, Any]:
    return {
        "x": x,
        "y": y,
        "text": text,
        "showarrow": False,
        "xanchor": "left",
        "xshift": 6,
        "yshift": -8 if token == "ink-3" else 8,
        "font": {"color": screen.colour(token), "size": 12},
    }


def _day(on: date) -> str:
    return f"{on.day} {on:%b %Y}"
