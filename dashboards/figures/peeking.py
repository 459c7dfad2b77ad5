"""Trials of an idea that does nothing: what an ordinary test and the evidence made of each, and how often both were wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from dashboards.figures.drawn import Drawn, apart, figure, line_label
from dashboards.theme import Screen

HEIGHT, STACKED = 300, 520
LOWEST = -1.2  # log10: below 0.06× the evidence is not told apart
TICKS = (0.1, 1, 5, 20, 100, 1_000)
METHODS = ("Ordinary test", "Roadtest’s evidence")
TOKENS = ("drop", "promote")


@dataclass(frozen=True, slots=True)
class Course:
    """One method's way through one trial, up to where it called the idea a success. heights: z of the ordinary test, log10 of
    what the bet has paid; called: people at which it did, None if it never did."""

    people: tuple[int, ...]
    heights: tuple[float, ...]
    called: int | None


@dataclass(frozen=True, slots=True)
class Round:
    """The newest trials, by both methods. first: the number of the first of them. needed: the heights to be reached."""

    first: int
    looks: int
    people: int
    courses: tuple[tuple[Course, ...], tuple[Course, ...]]
    needed: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Tally:
    """All trials so far: by method, whether each was wrongly called a success, and in how many of 100 it would be in the long
    run."""

    looks: int
    wrong: tuple[tuple[bool, ...], tuple[bool, ...]]
    long_run: tuple[float, float]

    @property
    def trials(self) -> int:
        return len(self.wrong[0])

    def counts(self, trials: int) -> tuple[int, int]:
        """How many of the first so many trials were wrongly called a success."""
        ordinary, evidence = (sum(each[:trials]) for each in self.wrong)
        return ordinary, evidence


def looked(looks: int) -> str:
    """'looked at once', 'looked at 20 times'."""
    return {1: "looked at once", 2: "looked at twice"}.get(looks, f"looked at {looks} times")


def courses(drawn: Round, screen: Screen) -> Drawn:
    """Two pictures of the same trials, side by side (on a phone one above the other): each line is one trial."""
    data = [trace for method in (0, 1) for trace in _traces(drawn, method, screen)]
    axes: dict[str, Any] = {}
    for method, (across, up) in enumerate(_places(screen)):
        number = "" if method == 0 else "2"
        axes[f"xaxis{number}"] = {
            "domain": across,
            "anchor": f"y{number}",
            "range": [0, drawn.people * 1.02],
            "nticks": 5,
            "title": {"text": "people with a result" if method or not screen.narrow else ""},
        }
        axes[f"yaxis{number}"] = {"domain": up, "anchor": f"x{number}", **_heights(drawn, method)}
    height = STACKED if screen.narrow else HEIGHT
    return Drawn(
        figure(
            screen,
            data,
            height,
            margin={"l": 56, "r": 16, "t": 30, "b": 44},
            hovermode="closest",
            shapes=[_line(drawn, method, screen) for method in (0, 1)],
            annotations=[note for method in (0, 1) for note in _notes(drawn, method, screen)],
            **axes,
        ),
        _alt(drawn),
        ("Trial", *METHODS),
        tuple(
            (f"{drawn.first + row}", *(_said(each[row]) for each in drawn.courses))
            for row in range(len(drawn.courses[0]))
        ),
        height,
    )


def _places(screen: Screen) -> tuple[tuple[list[float], list[float]], tuple[list[float], list[float]]]:
    if screen.narrow:
        return ([0, 1], [0.58, 1]), ([0, 1], [0, 0.42])
    return ([0, 0.46], [0, 1]), ([0.54, 1], [0, 1])


def _heights(drawn: Round, method: int) -> dict[str, Any]:
    seen = [height for course in drawn.courses[method] for height in course.heights]
    low, high = min([-2.0 if method == 0 else -1.0, *seen]), max([drawn.needed[method], *seen])
    low = low if method == 0 else max(low, LOWEST)
    room = 0.09 * (high - low)
    axis: dict[str, Any] = {"range": [low - room, high + room]}
    if method == 0:
        return {**axis, "tickvals": [0.0], "ticktext": ["no<br>effect"]}
    ticks = [tick for tick in TICKS if low <= math.log10(tick) <= high]
    return {**axis, "tickvals": [math.log10(tick) for tick in ticks], "ticktext": [f"{tick:,g}×" for tick in ticks]}


def _traces(drawn: Round, method: int, screen: Screen) -> list[dict[str, Any]]:
    """Grey: never called a success; coloured: wrongly called one, with a ring where that was."""
    number = "" if method == 0 else "2"
    common = {"type": "scatter", "xaxis": f"x{number}", "yaxis": f"y{number}", "hoverinfo": "skip"}
    mine = list(enumerate(drawn.courses[method], start=drawn.first))
    traces: list[dict[str, Any]] = []
    for wrong in (False, True):
        some = [course for _, course in mine if (course.called is not None) == wrong]
        x: list[int | None] = []
        y: list[float | None] = []
        for course in some:
            x += [*course.people, None]
            y += [*(max(height, LOWEST * 1.5) if method else height for height in course.heights), None]
        alone = max((len(course.people) for course in some), default=0) == 1
        colour = screen.colour("drop") if wrong else screen.tint("ink-3", 0.55)
        mark = {"color": colour, "size": 6}
        line = {"color": colour, "width": 1.8 if wrong else 1}
        traces.append({**common, "mode": "markers" if alone else "lines", "x": x, "y": y, "line": line, "marker": mark})
    ended = [(number_, course) for number_, course in mine if course.called is not None]
    ring = {"size": 10, "color": screen.colour("surface"), "line": {"width": 2.5, "color": screen.colour("drop")}}
    said = [f"Trial {number_}: {_said(course)}" for number_, course in ended]
    traces.append(
        {
            **common,
            "mode": "markers",
            "x": [course.called for _, course in ended],
            "y": [course.heights[-1] for _, course in ended],
            "marker": ring,
            "text": said,
            "hoverinfo": "text",
        }
    )
    return traces


def _line(drawn: Round, method: int, screen: Screen) -> dict[str, Any]:
    number = "" if method == 0 else "2"
    y = drawn.needed[method]
    line = {"color": screen.colour("ink-2"), "width": 1.4, "dash": "dash"}
    across = {"type": "line", "xref": f"x{number} domain", "yref": f"y{number}", "x0": 0, "x1": 1}
    return {**across, "y0": y, "y1": y, "line": line}


def _notes(drawn: Round, method: int, screen: Screen) -> list[dict[str, Any]]:
    number = "" if method == 0 else "2"
    place = {"xref": f"x{number} domain", "x": 0, "xanchor": "left", "showarrow": False}
    name = f"<b>{METHODS[method]}</b>" + (f", {looked(drawn.looks)}" if method == 0 else ", looked at all the time")
    title = {**place, "yref": f"y{number} domain", "y": 1, "yanchor": "bottom", "text": name, "yshift": 6}
    enough = {**place, "yref": f"y{number}", "y": drawn.needed[method], "yanchor": "bottom"}
    right = {"x": 1, "xanchor": "right", "bgcolor": f"{screen.colour('surface')}B0", "borderpad": 1}
    return [
        title | {"font": {"color": screen.colour("ink"), "size": 13}},
        enough | right | {"text": "“Success” above this line", "font": {"color": screen.colour("ink-2"), "size": 12}},
    ]


def _said(course: Course) -> str:
    return "not called a success" if course.called is None else f"called a success after {course.called:,} people"


def _alt(drawn: Round) -> str:
    ordinary, evidence = (sum(course.called is not None for course in each) for each in drawn.courses)
    return (
        f"Two line charts of the same {len(drawn.courses[0])} made-up trials of an idea that does nothing. The ordinary test, "
        f"{looked(drawn.looks)}, wrongly called {ordinary} of them a success; Roadtest’s evidence {evidence}."
    )


def tally(told: Tally, screen: Screen) -> Drawn:
    """In how many of 100 trials each method was wrong, as trials are added, with the long run as dashed lines. At least one
    trial."""
    running = [_running(each) for each in told.wrong]
    # The first few trials swing between 0 and 100: the axis holds what comes after them.
    settled = [value for each in running for value in each[min(9, told.trials - 1) :]]
    top = max(30.0, *(1.1 * value for value in (*settled, *told.long_run)))
    trials = list(range(1, told.trials + 1))
    data = [_trace(METHODS[k], trials, running[k], TOKENS[k], screen) for k in (0, 1)]
    ends = apart([running[k][-1] for k in (0, 1)], top / 9)
    labels = [
        line_label(screen, told.trials, ends[k], f"<b>{running[k][-1]:.0f}</b> in 100{_which(k, screen)}", TOKENS[k])
        for k in (0, 1)
    ]
    return Drawn(
        figure(
            screen,
            data,
            HEIGHT,
            margin={"l": 56, "r": 80 if screen.narrow else 190, "t": 12, "b": 44},
            shapes=[_flat(told.long_run[k], screen.colour(TOKENS[k])) for k in (0, 1)],
            annotations=labels,
            xaxis={"range": [0, told.trials * 1.01], "title": {"text": "made-up trials so far"}, "tickformat": ",d"},
            yaxis={"range": [0, top], "title": {"text": "wrong in 100", "standoff": 4}, "nticks": 6},
        ),
        _tally_alt(told),
        ("Trials so far", *(f"{name}: wrongly called a success" for name in METHODS)),
        (*(_row(told, count) for count in _steps(told.trials)), _long_run(told)),
        HEIGHT,
    )


def _running(wrong: tuple[bool, ...]) -> list[float]:
    return [100 * count / number for number, count in enumerate(accumulate(map(int, wrong)), start=1)]


def _trace(name: str, x: list[int], y: list[float], token: str, screen: Screen) -> dict[str, Any]:
    line = {"color": screen.colour(token), "width": 2.2, "dash": "solid" if token == TOKENS[1] else "6px,3px"}
    more = {"hovertemplate": "%{y:.0f} in 100", "mode": "lines", "line": line}
    return {"type": "scatter", "name": name, "x": x, "y": y, **more}


def _flat(y: float, colour: str) -> dict[str, Any]:
    line = {"color": colour, "width": 1.2, "dash": "dot"}
    return {"type": "line", "xref": "paper", "yref": "y", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": line}


def _which(method: int, screen: Screen) -> str:
    return "" if screen.narrow else f" {('ordinary test', 'Roadtest')[method]}"


def _steps(trials: int) -> list[int]:
    """At most ten rows, the last one the newest."""
    step = max(20, -(-trials // 200) * 20)
    return sorted({*range(step, trials + 1, step), trials})


def _row(told: Tally, count: int) -> tuple[str, ...]:
    return (f"{count:,}", *(f"{wrong:,} of {count:,}" for wrong in told.counts(count)))


def _long_run(told: Tally) -> tuple[str, ...]:
    return ("in the long run", *(f"{rate:.1f} in 100" for rate in told.long_run))


def _tally_alt(told: Tally) -> str:
    ordinary, evidence = told.counts(told.trials)
    return (
        f"Line chart of {told.trials:,} made-up trials of an idea that does nothing: the ordinary test, {looked(told.looks)}, "
        f"wrongly called {ordinary:,} a success, Roadtest’s evidence {evidence:,}. In the long run that is "
        f"{told.long_run[0]:.1f} and {told.long_run[1]:.1f} in 100."
    )
