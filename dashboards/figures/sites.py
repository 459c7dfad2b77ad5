"""Sites side by side: each one's effect drawn towards the average, its range, and its own figure as a ring."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from dashboards import wording
from dashboards.figures.drawn import Drawn, figure
from dashboards.figures.effect import ticks_between
from dashboards.read_model.sites import SiteRow, Sites
from dashboards.theme import Screen
from trials.protocol import Protocol

ROW = 40
NAME = 18


def draw(protocol: Protocol, sites: Sites, screen: Screen) -> Drawn:
    """One line a site, in the plan's order, on one axis with 0 and the worthwhile effect. `sites.rows` is not empty."""
    rows, worthwhile = sites.rows, protocol.primary.worthwhile
    names = [_wrapped(row.name, screen) for row in rows]
    ends = [end for row in rows for end in (row.low, row.high, row.own)]
    low, high = min([*ends, -0.5 * worthwhile]), max([*ends, 1.5 * worthwhile])
    room = 0.06 * (high - low)
    low, high = low - room, high + room
    ticks = ticks_between(low, high)
    height = 76 + ROW * len(rows)
    mean = sites.mean or 0.0
    return Drawn(
        figure(
            screen,
            _traces(protocol, rows, names, screen),
            height,
            margin={"l": 104 if screen.narrow else 132, "r": 20 if screen.narrow else 146, "t": 26, "b": 44},
            hovermode="closest",
            shapes=[
                _upright(0.0, screen.colour("ink-3")),
                _upright(worthwhile, screen.colour("promote"), "dash"),
                _upright(mean, screen.colour("ink-2"), "dot"),
            ],
            annotations=[
                _heading(worthwhile, "worth having", screen, "promote"),
                *(
                    []
                    if screen.narrow
                    else [_at_end(row, name, protocol, screen) for row, name in zip(rows, names, strict=True)]
                ),
            ],
            xaxis={
                "range": [low, high],
                "tickvals": ticks,
                "ticktext": [wording.effect_tick(protocol.primary, tick) for tick in ticks],
                "title": {"text": f"{wording.BETTER} {wording.effect_unit(protocol.primary)}"},
                "showgrid": True,
                "gridcolor": screen.colour("line"),
            },
            yaxis={"autorange": "reversed", "showgrid": False, "type": "category"},
        ),
        _alt(protocol, sites),
        _columns(protocol),
        tuple(_numbers(protocol, row) for row in rows),
        height,
    )


def _wrapped(name: str, screen: Screen) -> str:
    return "<br>".join(textwrap.wrap(name, 13 if screen.narrow else NAME, max_lines=2, placeholder=" …"))


def _traces(protocol: Protocol, rows: Sequence[SiteRow], names: list[str], screen: Screen) -> list[dict[str, Any]]:
    ink, range_colour = screen.colour("ink"), screen.colour("keep_going")
    said = [_said(protocol, row) for row in rows]
    estimates = [row.estimate for row in rows]
    bars = {
        "type": "data",
        "symmetric": False,
        "array": [row.high - row.estimate for row in rows],
        "arrayminus": [row.estimate - row.low for row in rows],
        "color": range_colour,
        "thickness": 3,
        "width": 0,
    }
    shared = {"type": "scatter", "mode": "markers", "y": names, "text": said, "hovertemplate": "%{text}<extra></extra>"}
    return [
        {
            **shared,
            "x": [row.own for row in rows],
            "marker": {"symbol": "circle-open", "size": 9, "color": screen.colour("ink-3"), "line": {"width": 1.5}},
        },
        {**shared, "x": estimates, "error_x": bars, "marker": {"symbol": "circle", "size": 10, "color": ink}},
    ]


def _upright(x: float, colour: str, dash: str = "solid") -> dict[str, Any]:
    line = {"color": colour, "width": 1.4, "dash": dash}
    return {
        "type": "line",
        "xref": "x",
        "yref": "paper",
        "x0": x,
        "x1": x,
        "y0": 0,
        "y1": 1,
        "line": line,
        "layer": "below",
    }


def _heading(x: float, text: str, screen: Screen, token: str) -> dict[str, Any]:
    font = {"color": screen.colour(token), "size": 12}
    return {
        "x": x,
        "y": 1,
        "xref": "x",
        "yref": "paper",
        "yanchor": "bottom",
        "text": text,
        "showarrow": False,
        "font": font,
    }


def _at_end(row: SiteRow, name: str, protocol: Protocol, screen: Screen) -> dict[str, Any]:
    """A row's numbers in the column at its end."""
    low, high = (wording.effect_tick(protocol.primary, end) for end in (row.low, row.high))
    text = f"<b>{wording.effect_tick(protocol.primary, row.estimate)}</b> ({low} to {high})"
    return {
        "x": 1,
        "xref": "paper",
        "xanchor": "left",
        "xshift": 12,
        "y": name,
        "yref": "y",
        "text": text,
        "showarrow": False,
        "align": "left",
        "font": {"color": screen.colour("ink-2"), "size": 12},
    }


def _said(protocol: Protocol, row: SiteRow) -> str:
    low, high = (wording.effect(protocol, end) for end in (row.low, row.high))
    return f"{row.name}: {wording.effect(protocol, row.estimate)}, plausibly {low} to {high}"


def _alt(protocol: Protocol, sites: Sites) -> str:
    said = "; ".join(_said(protocol, row) for row in sites.rows)
    return f"Chart of the sites' effects after {sites.n:,} {wording.units(protocol)}: {said}."


def _columns(protocol: Protocol) -> tuple[str, ...]:
    arms = tuple(wording.arm_name(protocol, arm.id) for arm in protocol.arms)
    return ("Site", *arms, "Its own figure", "Drawn to the average", "Plausible range")


def _numbers(protocol: Protocol, row: SiteRow) -> tuple[str, ...]:
    low, high = (wording.directed(protocol, end) for end in (row.low, row.high))
    return (
        row.name,
        *(_arm(protocol, row, arm.id) for arm in protocol.arms),
        wording.directed(protocol, row.own),
        wording.directed(protocol, row.estimate),
        f"{low} to {high}",
    )


def _arm(protocol: Protocol, row: SiteRow, arm: str) -> str:
    """'24 of 60', or the mean of so many."""
    cell = row.arms[arm]
    if wording.per_hundred(protocol.primary):
        return f"{round(cell.total):,} of {cell.n:,}"
    return f"{wording.mean(protocol.primary, cell.total / cell.n)} (of {cell.n:,})"
