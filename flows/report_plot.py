"""The pictures of a report, drawn once as vectors: the effect over people, and the verdict's sign. PDF takes them as they are,
HTML as SVG whose colours are the page's own, so that they turn with light and dark."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from html import escape

from reportlab.graphics import renderSVG
from reportlab.graphics.shapes import Circle, Drawing, Group, Line, Polygon, PolyLine, Rect, String
from reportlab.lib.colors import Color, HexColor

from dashboards.theme import TOKENS, mix
from flows import report_type as type_
from trials.reporting import Plot

WIDTH, HEIGHT = 340.0, 168.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 38.0, 88.0, 12.0, 30.0
_SIZE = 7.0
_LIGHT = TOKENS["light"]
# What is drawn with, by name: a colour in print, and what it is called on the page.
COLOURS: dict[str, tuple[str, str]] = {
    **{name: (_LIGHT[name], f"var(--{name})") for name in ("ink", "ink-2", "ink-3", "line")},
    **{
        name: (_LIGHT[name], f"var(--{name})")
        for name in ("promote", "keep_going", "drop", "cant_tell", "stop_for_harm", "setting_up")
    },
    "surface": (_LIGHT["surface"], "var(--surface)"),
    "band": (mix(_LIGHT["keep_going"], _LIGHT["surface"], 0.16), "var(--band)"),
    "good": (mix(_LIGHT["promote"], _LIGHT["surface"], 0.07), "var(--good)"),
}


def colour(name: str) -> Color:
    return HexColor(COLOURS[name][0])


def plotted(plot: Plot) -> Drawing:
    """The range as a band with the estimate in it, over people; 0; the worthwhile effect dashed, what is beyond tinted."""
    type_.register()
    drawing = Drawing(WIDTH, HEIGHT)
    right, top = WIDTH - _RIGHT, HEIGHT - _TOP
    most = max(point.people for point in plot.points)
    scale = (top - _BOTTOM) / (plot.high - plot.low)

    def x(people: float) -> float:
        return _LEFT + (right - _LEFT) * people / most

    def y(value: float) -> float:
        return _BOTTOM + (min(max(value, plot.low), plot.high) - plot.low) * scale

    good = y(plot.worthwhile)
    drawing.add(Rect(_LEFT, good, right - _LEFT, top - good, fillColor=colour("good"), strokeColor=None))
    for value, label in plot.ticks:
        drawing.add(Line(_LEFT, y(value), right, y(value), strokeColor=colour("line"), strokeWidth=0.5))
        _write(drawing, _LEFT - 4, y(value) - 2.4, label, "ink-3", anchor="end")
    for part in _bands(plot):
        drawing.add(_band([(x(one), y(low), y(high)) for one, low, high in part], right))
    drawing.add(Line(_LEFT, y(0.0), right, y(0.0), strokeColor=colour("ink-3"), strokeWidth=0.8))
    drawing.add(Line(_LEFT, good, right, good, strokeColor=colour("promote"), strokeWidth=1, strokeDashArray=[3, 2]))
    for line in _estimates(plot):
        drawing.add(_line([(x(one), y(value)) for one, value in line]))
    _write(drawing, _LEFT + 3, top - 8, plot.worth_label, "promote")
    _write(drawing, _LEFT + 3, _BOTTOM + 3, plot.worse_label, "drop")
    for people in _people_ticks(most):
        _write(drawing, x(people), _BOTTOM - 9, f"{people:,}", "ink-3", anchor="middle")
    _write(drawing, (_LEFT + right) / 2, 6, plot.people_label, "ink-3", anchor="middle")
    _write(drawing, _LEFT, top + 4, plot.unit_label, "ink-3")
    heights = _apart([y(value) for _, value, _ in plot.labels], _SIZE + 1.5, _BOTTOM, top)
    for (name, _, label), height in zip(plot.labels, heights, strict=True):
        _write(
            drawing,
            right + 5,
            height - 2.4,
            label,
            "ink" if name == "estimate" else "keep_going",
            bold=name == "estimate",
        )
    return drawing


def sign(standing: str, size: float = 14.0) -> Drawing:
    """The verdict's shape: what tells verdicts apart without colour."""
    drawing, ink, half = Drawing(size, size), colour(standing), size / 2
    edge = {"strokeColor": ink, "strokeWidth": size / 11, "fillColor": None}
    lines = {"strokeColor": ink, "strokeWidth": size / 10, "strokeLineCap": 1}

    def polygon(points: Sequence[tuple[float, float]], **look: object) -> Polygon:
        return Polygon([size * part for point in points for part in point], **look)

    if standing == "promote":
        drawing.add(Circle(half, half, size * 0.43, **edge))
        for one, other in (((0.5, 0.28), (0.5, 0.72)), ((0.5, 0.72), (0.33, 0.55)), ((0.5, 0.72), (0.67, 0.55))):
            drawing.add(Line(*(size * part for part in (*one, *other)), **lines))
    elif standing == "keep_going":
        drawing.add(polygon(((0.2, 0.1), (0.9, 0.5), (0.2, 0.9)), fillColor=ink, strokeColor=None))
    elif standing == "drop":
        ring = [(0.5 + 0.47 * math.cos(turn), 0.5 + 0.47 * math.sin(turn)) for turn in _eighths()]
        drawing.add(polygon(ring, fillColor=ink, strokeColor=None))
    elif standing == "cant_tell":
        drawing.add(polygon(((0.5, 0.03), (0.97, 0.5), (0.5, 0.97), (0.03, 0.5)), **edge))
        drawing.add(Line(size * 0.3, half, size * 0.7, half, **lines))
    elif standing == "stop_for_harm":
        drawing.add(polygon(((0.04, 0.08), (0.96, 0.08), (0.5, 0.94)), **edge))
        for place in (0.42, 0.58):
            drawing.add(Line(size * place, size * 0.2, size * place, size * 0.52, **lines))
    else:
        drawing.add(Circle(half, half, size * 0.42, strokeDashArray=[size / 7, size / 9], **edge))
    return drawing


def _eighths() -> list[float]:
    return [math.pi / 8 + turn * math.pi / 4 for turn in range(8)]


def svg(drawing: Drawing, *, label: str = "", name: str = "figure") -> str:
    """A drawing as SVG for a page: no address in it, colours by the page's names. label: read to those who can't see it;
    without one it is decoration."""
    text = renderSVG.drawToString(drawing)
    text = text[text.index("<svg") :]
    text = re.sub(r"\s*<title>.*?</title>\s*<desc>.*?</desc>", "", text, flags=re.DOTALL)
    text = re.sub(r"\s*<clipPath.*?</clipPath>", "", text, flags=re.DOTALL)
    text = text.replace('id="group" ', "").replace("clip-path: url(#clip)", "")
    for print_colour, page_colour in COLOURS.values():
        text = text.replace(_as_svg(HexColor(print_colour)), page_colour)
    text = re.sub(r"font-family: \w+-?Bold;|font-family: VeraBd;", "font-weight: 700;", text)
    text = re.sub(r"font-family: [\w-]+;", "", text)
    opening = (
        f'<svg role="img" aria-labelledby="{name}-label"' if label else '<svg aria-hidden="true" focusable="false"'
    )
    box = f' viewBox="0 0 {drawing.width:g} {drawing.height:g}"'
    named = f'<title id="{name}-label">{escape(label)}</title>' if label else ""
    inside = text[text.index(">") + 1 :]
    return f"{opening}{box}>{named}{inside}".strip()


def _as_svg(one: Color) -> str:
    return "rgb(%d%%,%d%%,%d%%)" % (one.red * 100, one.green * 100, one.blue * 100)  # noqa: UP031 - as reportlab cuts them


def _write(
    drawing: Drawing, x: float, y: float, text: str, name: str, *, anchor: str = "start", bold: bool = False
) -> None:
    """Text at a place; each part in a font that has its letters."""
    font = type_.BOLD if bold else type_.PLAIN
    wide = type_.width(text, _SIZE, font)
    at = x - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
    group = Group()
    for used, part in type_.runs(text, font):
        group.add(String(at, y, part, fontName=used, fontSize=_SIZE, fillColor=colour(name)))
        at += type_.width(part, _SIZE, font)
    drawing.add(group)


def _bands(plot: Plot) -> list[list[tuple[int, float, float]]]:
    """Stretches of looks with both ends; an end that is not known yet leaves a gap."""
    found: list[list[tuple[int, float, float]]] = [[]]
    for point in plot.points:
        if point.low is None or point.high is None:
            found.append([])
        else:
            found[-1].append((point.people, point.low, point.high))
    return [part for part in found if part]


def _band(edges: Sequence[tuple[float, float, float]], right: float) -> Group:
    """The range; a single look is a bar of its own."""
    if len(edges) == 1:
        at, low, high = edges[0]
        edges = [(max(at - 3, _LEFT), low, high), (min(at + 3, right), low, high)]
    points = [part for at, low, _ in edges for part in (at, low)]
    points += [part for at, _, high in reversed(edges) for part in (at, high)]
    group = Group(Polygon(points, fillColor=colour("band"), strokeColor=None))
    for place in (1, 2):
        line = [part for edge in edges for part in (edge[0], edge[place])]
        group.add(PolyLine(line, strokeColor=colour("keep_going"), strokeWidth=0.7))
    return group


def _estimates(plot: Plot) -> list[list[tuple[int, float]]]:
    found: list[list[tuple[int, float]]] = [[]]
    for point in plot.points:
        if point.estimate is None:
            found.append([])
        else:
            found[-1].append((point.people, point.estimate))
    return [part for part in found if part]


def _line(points: Sequence[tuple[float, float]]) -> Circle | PolyLine:
    if len(points) == 1:
        return Circle(*points[0], 2.2, fillColor=colour("ink"), strokeColor=None)
    return PolyLine([part for point in points for part in point], strokeColor=colour("ink"), strokeWidth=1.5)


def _people_ticks(most: int) -> list[int]:
    """Three to six round numbers of people up to the newest look."""
    rough = most / 4
    power = 10 ** math.floor(math.log10(max(rough, 1)))
    step = int(max(power * min((1, 2, 5, 10), key=lambda factor: abs(factor * power - rough)), 1))
    return list(range(step, most + 1, step))


def _apart(heights: Sequence[float], room: float, low: float, high: float) -> list[float]:
    """The same heights, moved until none overlaps another."""
    order = sorted(range(len(heights)), key=lambda place: heights[place])
    moved = [heights[place] for place in order]
    for place in range(1, len(moved)):
        moved[place] = max(moved[place], moved[place - 1] + room)
    over = moved[-1] - high if moved else 0.0
    if over > 0:
        moved = [one - over for one in moved]
        for place in range(len(moved) - 2, -1, -1):
            moved[place] = min(moved[place], moved[place + 1] - room)
    found = list(heights)
    for place, one in zip(order, moved, strict=True):
        found[place] = one
    return found
