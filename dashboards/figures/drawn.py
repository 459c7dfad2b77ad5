"""What every figure function returns: one object that the chart, its alt text and its table are all read from."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from dashboards.theme import Screen, template


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart as Plotly JSON (`figure`), the sentence that says what it shows, and its numbers as a table of text."""

    figure: dict[str, Any]
    alt: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    height: int


def figure(screen: Screen, data: list[dict[str, Any]], height: int, **layout: Any) -> dict[str, Any]:
    """Traces and layout under the scheme's template."""
    return {"data": data, "layout": {"template": template(screen), "height": height, **layout}}


def line_label(screen: Screen, x: float, y: float, text: str, token: str, **more: Any) -> dict[str, Any]:
    """A label at a line's end, instead of a legend."""
    return {
        "x": x,
        "y": y,
        "xref": "x",
        "yref": "y",
        "text": text,
        "showarrow": False,
        "xanchor": "left",
        "xshift": 8,
        "align": "left",
        "font": {"color": screen.colour(token), "size": 12},
        **more,
    }


def edge_label(
    screen: Screen, y: float, text: str, token: str, *, side: str = "left", above: bool = True
) -> dict[str, Any]:
    """A label inside the plot at its edge, above or below a height; the ground shows through a little."""
    return {
        "x": 0 if side == "left" else 1,
        "y": y,
        "xref": "paper",
        "yref": "y",
        "text": text,
        "showarrow": False,
        "xanchor": side,
        "yanchor": "bottom" if above else "top",
        "xshift": 4 if side == "left" else -4,
        "bgcolor": f"{screen.colour('surface')}B0",
        "borderpad": 1,
        "font": {"color": screen.colour(token), "size": 12},
    }


def flat(y: float, colour: str, dash: str = "solid", width: float = 1.2) -> dict[str, Any]:
    """A horizontal line across the plot."""
    line = {"color": colour, "width": width, "dash": dash}
    return {"type": "line", "xref": "paper", "yref": "y", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": line}


def wash(y0: float, y1: float, colour: str) -> dict[str, Any]:
    """A shaded band across the plot, behind everything."""
    return {
        "type": "rect",
        "xref": "paper",
        "yref": "y",
        "x0": 0,
        "x1": 1,
        "y0": y0,
        "y1": y1,
        "fillcolor": colour,
        "line": {"width": 0},
        "layer": "below",
    }


def apart(wanted: list[float], least: float) -> list[float]:
    """The heights of labels, moved as little as keeps neighbours `least` apart; order is kept."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    placed = list(wanted)
    for below, above in pairwise(order):
        placed[above] = max(placed[above], placed[below] + least)
    return placed


def drawn_as(points: int) -> str:
    """How a line is drawn: a single point has no line, so it is a mark."""
    return "lines" if points > 1 else "markers"


def people_axis(looks_n: list[int], who: str = "people") -> dict[str, Any]:
    """The axis of people (or clusters) in the evidence, from 0 to the newest look."""
    return {
        "range": [0, max(looks_n[-1], 10) * 1.02],
        "title": {"text": f"{who} with a result"},
        "tickformat": ",d",
        "nticks": 7,
    }
