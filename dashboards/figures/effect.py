"""The confidence sequence: best estimate and plausible range over the people in, with 0 and the worthwhile effect."""

from __future__ import annotations

from typing import Any

from dashboards import wording
from dashboards.figures.drawn import Drawn, apart, drawn_as, edge_label, figure, flat, line_label, people_axis, wash
from dashboards.theme import Screen
from trials.evidence import Look
from trials.protocol import Protocol

HEIGHT = 380
FAR_OFF = 3.0  # a planned end beyond so many times the people in is pointed to, not drawn
LABEL_SHARE = 0.3  # of the axis, right of the newest look: there the labels have room
SETTLED_SHARE = 0.15  # the first looks' ranges fill any axis; from here on the axis must hold them whole


def draw(protocol: Protocol, looks: tuple[Look, ...], screen: Screen) -> Drawn:
    """A band with its estimate. `looks` is not empty, in order, and rounded; ends that can't be told leave a gap."""
    people = [look.n for look in looks]
    worthwhile = protocol.primary.worthwhile
    low, high = _range(looks, worthwhile)
    last = looks[-1]
    shapes = [
        wash(worthwhile, high, screen.tint("promote", 0.08)),
        wash(low, 0.0, screen.tint("drop", 0.05)),
        flat(0.0, screen.colour("ink-3")),
        flat(worthwhile, screen.colour("promote"), "dash", 1.6),
    ]
    ticks = ticks_between(low, high)
    end = axis_end(last.n, protocol.monitoring.max_participants)
    room = 1 - last.n / end > LABEL_SHARE and not screen.narrow
    worth = "Worth having" if screen.narrow else f"Worth having: {wording.worthwhile(protocol)}"
    return Drawn(
        figure(
            screen,
            _traces(protocol, looks, people, screen),
            HEIGHT,
            margin={"l": 72, "r": 20 if room else 64 if screen.narrow else 150, "t": 24, "b": 44},
            shapes=[*shapes, *_uprights(last.n, end, protocol, screen)],
            annotations=[
                edge_label(screen, high, worth, "promote", side="right", above=False),
                edge_label(screen, low, f"Worse than {wording.usual(protocol)}", "drop", side="right"),
                *_labels(protocol, last, people[-1], low, high, screen),
                *_milestones(last, end, protocol, screen),
            ],
            xaxis={**people_axis(people, wording.units(protocol)), "range": [0, end]},
            yaxis={
                "range": [low, high],
                "title": {"text": wording.BETTER, "standoff": 4},
                "tickvals": ticks,
                "ticktext": [wording.effect_tick(protocol.primary, tick) for tick in ticks],
            },
        ),
        _alt(protocol, last),
        (
            f"{wording.units(protocol).capitalize()} with a result",
            "Lowest plausible",
            "Best estimate",
            "Highest plausible",
        ),
        tuple(
            (
                f"{look.n:,}",
                wording.directed(protocol, look.interval[0]),
                wording.directed(protocol, look.estimate),
                wording.directed(protocol, look.interval[1]),
            )
            for look in looks
        ),
        HEIGHT,
    )


def axis_end(n: int, planned: int) -> float:
    """Where the axis of people ends: past the planned end, unless that is too far off to see what there is."""
    return 1.02 * max(n, planned, 10) if planned <= FAR_OFF * n else 1.6 * max(n, 10)


def _uprights(n: int, end: float, protocol: Protocol, screen: Screen) -> list[dict[str, Any]]:
    """Where the newest look is, and where the plan ends if that is on the axis."""
    places = [(n, "keep_going", "dot"), (protocol.monitoring.max_participants, "ink-3", "dash")]
    return [
        {
            "type": "line",
            "xref": "x",
            "yref": "paper",
            "x0": x,
            "x1": x,
            "y0": 0,
            "y1": 1,
            "line": {"color": screen.colour(token), "width": 1.2, "dash": dash},
        }
        for x, token, dash in places
        if x <= end
    ]


def _milestones(last: Look, end: float, protocol: Protocol, screen: Screen) -> list[dict[str, Any]]:
    """The words over these lines: the look's date and the planned end; beyond the axis an arrow points to it."""
    planned = protocol.monitoring.max_participants
    far = planned > end
    words = f"{planned:,} planned" + (" →" if far else "")
    dated: dict[str, Any] = {"x": last.n, "xref": "x", "text": wording.short_day(last.as_of), "xanchor": "center"}
    at: dict[str, Any] = {
        "x": 1 if far else planned,
        "xref": "paper" if far else "x",
        "text": words,
        "xanchor": "right",
    }
    # On a narrow screen, or once nearly all are in, the two would lie on each other.
    shown = [at] if screen.narrow or planned < 1.3 * last.n else [dated, at]
    font = {"color": screen.colour("ink-2"), "size": 12}
    return [{**one, "y": 1, "yref": "paper", "yanchor": "bottom", "showarrow": False, "font": font} for one in shown]


def _range(looks: tuple[Look, ...], worthwhile: float) -> tuple[float, float]:
    """Whole from SETTLED_SHARE of the people on, never less than twice the worthwhile effect either way."""
    start = looks[-1].n * SETTLED_SHARE
    settled = [look for look in looks if look.n >= start]
    ends = [end for look in settled for end in (*look.interval, look.estimate) if end is not None]
    reach = 1.6 * max((abs(end) for end in (*looks[-1].interval, looks[-1].estimate) if end is not None), default=0.0)
    low = max(min([*ends, -2 * worthwhile]), -max(reach, 3 * worthwhile))
    high = min(max([*ends, 2 * worthwhile]), max(reach, 3 * worthwhile))
    room = 0.06 * (high - low)
    return low - room, high + room


def ticks_between(low: float, high: float) -> list[float]:
    """Four to eight round numbers, 0 among them."""
    rough = (high - low) / 6
    power = 1.0
    while power > rough:
        power /= 10
    while power * 10 <= rough:
        power *= 10
    step = power * min((1, 2, 5, 10), key=lambda factor: abs(factor * power - rough))
    first = int(low / step)
    return [round(index * step, 10) for index in range(first, int(high / step) + 1)]


def _traces(protocol: Protocol, looks: tuple[Look, ...], people: list[int], screen: Screen) -> list[dict[str, Any]]:
    edge = {"color": screen.colour("keep_going"), "width": 1}
    fill = screen.tint("keep_going", 0.5)
    wash_colour = f"rgba({int(fill[1:3], 16)},{int(fill[3:5], 16)},{int(fill[5:7], 16)},0.30)"
    ends: list[dict[str, Any]] = [
        {"name": "Lowest plausible", "y": [look.interval[0] for look in looks]},
        {
            "name": "Highest plausible",
            "y": [look.interval[1] for look in looks],
            "fill": "tonexty",
            "fillcolor": wash_colour,
        },
    ]
    for trace in ends:
        trace |= {"line": edge, "mode": drawn_as(len(looks)), "marker": {"color": edge["color"], "size": 8}}
    estimate = {
        "name": "Best estimate",
        "mode": drawn_as(len(looks)),
        "marker": {"color": screen.colour("ink"), "size": 10},
        "y": [look.estimate for look in looks],
        "line": {"color": screen.colour("ink"), "width": 2.4},
    }
    return [
        {
            "type": "scatter",
            "x": people,
            "text": [wording.directed(protocol, value) for value in trace["y"]],
            "hovertemplate": "%{text}",
            **trace,
        }
        for trace in (*ends, estimate)
    ]


def _labels(protocol: Protocol, last: Look, x: int, low: float, high: float, screen: Screen) -> list[dict[str, Any]]:
    wanted = [
        (last.interval[0], "lowest plausible", "keep_going"),
        (last.estimate, "best estimate", "ink"),
        (last.interval[1], "highest plausible", "keep_going"),
    ]
    shown = [(value, word, token) for value, word, token in wanted if value is not None]
    heights = apart([min(max(value, low), high) for value, _, _ in shown], (high - low) / 16)
    labels = []
    for (value, word, token), y in zip(shown, heights, strict=True):
        amount = wording.effect_tick(protocol.primary, value)
        text = f"<b>{amount}</b>" + ("" if screen.narrow else f" {word}")
        labels.append(line_label(screen, x, y, text, token, bgcolor=f"{screen.colour('surface')}B0"))
    return labels


def _alt(protocol: Protocol, last: Look) -> str:
    over = f"{last.n:,} {wording.units(protocol)}"
    return (
        f"Chart of the effect on {wording.measure(protocol)} over {over}: best estimate "
        f"{wording.effect(protocol, last.estimate)}, {wording.plausible(protocol, last)}; worth having is "
        f"{wording.worthwhile(protocol)}. Planned are {protocol.monitoring.max_participants:,}."
    )
