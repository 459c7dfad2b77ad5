"""Staff's minutes per case by weeks of their own practice, against the plan's limit; the weeks of learning shaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboards.figures.drawn import Drawn, drawn_as, edge_label, figure, flat
from dashboards.theme import Screen
from trials.plan.stopping import StaffTime
from trials.stopping.practice import Practised

HEIGHT = 270


def draw(rule: StaffTime, points: Sequence[Practised], screen: Screen) -> Drawn:
    """One line over practice. `points` is not empty, and in order."""
    weeks = [point.first for point in points]
    minutes = [point.minutes for point in points]
    words = [span(point) for point in points]
    last = max([*weeks, rule.settle_weeks]) * 1.08 + 1
    top = 1.2 * max([*minutes, rule.minutes_at_most])
    line = {
        "type": "scatter",
        "mode": "lines+markers" if drawn_as(len(points)) == "lines" else "markers",
        "x": weeks,
        "y": minutes,
        "text": [f"{word}: {count:,.0f} minutes per case" for word, count in zip(words, minutes, strict=True)],
        "hovertemplate": "%{text}<extra></extra>",
        "line": {"color": screen.colour("keep_going"), "width": 2.4},
        "marker": {"color": screen.colour("keep_going"), "size": 8},
    }
    drawn = figure(
        screen,
        [line],
        HEIGHT,
        hovermode="closest",
        margin={"l": 56, "r": 20, "t": 12, "b": 44},
        shapes=[_learning(rule, top, screen), flat(rule.minutes_at_most, screen.colour("warn"), "dash", 1.6)],
        annotations=[
            edge_label(screen, rule.minutes_at_most, f"Limit: {rule.minutes_at_most:g} minutes", "warn", side="right"),
            _learning_label(rule, top, screen),
        ],
        xaxis={"range": [-0.5, last], "title": {"text": "weeks of own practice"}, "nticks": 7},
        yaxis={"range": [0, top], "title": {"text": "minutes per case"}, "nticks": 5},
    )
    said = ", ".join(f"{word} {count:,.0f}" for word, count in zip(words, minutes, strict=True))
    return Drawn(
        drawn,
        f"Line chart of staff's minutes per case by weeks of their own practice: {said}. The limit is "
        f"{rule.minutes_at_most:g} minutes after {rule.settle_weeks} weeks.",
        ("Weeks of own practice", "Minutes per case", "Limit"),
        tuple((word, f"{point.minutes:,.0f}", limit(rule, point)) for word, point in zip(words, points, strict=True)),
        HEIGHT,
    )


def span(point: Practised) -> str:
    """'week 1', 'weeks 3 to 4', 'week 53 on': counted from one, as people do."""
    if point.last is None:
        return f"week {point.first + 1} on"
    if point.last == point.first:
        return f"week {point.first + 1}"
    return f"weeks {point.first + 1} to {point.last + 1}"


def limit(rule: StaffTime, point: Practised) -> str:
    return f"{rule.minutes_at_most:g}" if point.first >= rule.settle_weeks else "learning, not judged"


def _learning(rule: StaffTime, top: float, screen: Screen) -> dict[str, Any]:
    return {
        "type": "rect",
        "x0": -0.5,
        "x1": rule.settle_weeks - 0.5,
        "y0": 0,
        "y1": top,
        "fillcolor": screen.colour("sunken"),
        "line": {"width": 0},
        "layer": "below",
    }


def _learning_label(rule: StaffTime, top: float, screen: Screen) -> dict[str, Any]:
    return {
        "x": -0.3,
        "y": top,
        "text": "learning" if screen.narrow else "learning: not judged",
        "showarrow": False,
        "xanchor": "left",
        "yanchor": "top",
        "font": {"color": screen.colour("ink-3"), "size": 12},
    }
