"""Evidence of each claim as a multiple, on a log scale, over the people in, against what it needs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from dashboards import wording
from dashboards.figures.drawn import Drawn, apart, drawn_as, edge_label, figure, flat, line_label, people_axis, wash
from dashboards.theme import Screen
from trials.evidence import CLAIMS, Claim, Look
from trials.protocol import Protocol

HEIGHT = 330
KEY = 60  # of a narrow chart's height: its lines have no room for words, so a key above it says which is which
LOWEST, HIGHEST = -1.2, 4.0  # log10: 0.1× (less is not told apart) to 10,000×. Beyond that nobody decides differently.
DASHES = {"benefit": "solid", "dud": "6px,3px", "harm": "2px,3px"}
TICKS = (0.1, 0.5, 1, 2, 5, 10, 20, 50, 100, 1_000, 10_000)
WIDE_TICKS = (0.1, 1, 10, 100, 1_000, 10_000)


def draw(protocol: Protocol, looks: tuple[Look, ...], screen: Screen, words: Mapping[str, str] | None = None) -> Drawn:
    """Three lines, one per claim. `looks` is not empty, and in order. words: what each claim says (`wording.claim_words`),
    where the newest look, by which that goes, is not among the looks."""
    words = wording.claim_words(protocol, looks[-1]) if words is None else words
    people = [look.n for look in looks]
    heights = {name: [_height(look, name) for look in looks] for name in CLAIMS}
    low, high = _range(heights, looks[-1])
    data = [_trace(name, words[name], people, heights[name], looks, screen) for name in CLAIMS]
    data += [_crossing(name, looks[-1], screen) for name in CLAIMS if looks[-1].claims[name].fired]
    needed = sorted({looks[-1].claims[name].threshold for name in CLAIMS})
    top, height = math.log10(needed[-1]), HEIGHT + KEY * screen.narrow
    shapes = [
        wash(top, high, screen.tint("promote", 0.07)),
        flat(0.0, screen.colour("ink-3")),
        *(flat(math.log10(threshold), screen.colour("ink-2"), "dash") for threshold in needed),
    ]
    ticks = [tick for tick in (WIDE_TICKS if high - low > 3.6 else TICKS) if low <= math.log10(tick) <= high]
    return Drawn(
        figure(
            screen,
            data,
            height,
            margin={"l": 56, "r": 80 if screen.narrow else 142, "t": 10, "b": 44},
            shapes=shapes,
            annotations=_labels(looks[-1], words, heights, people[-1], low, high, screen)
            + _needed(looks[-1], words, needed, screen),
            xaxis=people_axis(people, wording.units(protocol)),
            yaxis={
                "range": [low, high],
                "tickvals": [math.log10(tick) for tick in ticks],
                "ticktext": ["≤ 0.1×" if tick == 0.1 else f"{tick:,g}×" for tick in ticks],
            },
            **(_key() if screen.narrow else {}),
        ),
        _alt(looks[-1], words, wording.units(protocol)),
        (f"{wording.units(protocol).capitalize()} with a result", *(words[name] for name in CLAIMS)),
        tuple((f"{look.n:,}", *(wording.multiple(look.claims[name]) for name in CLAIMS)) for look in looks),
        height,
    )


def _key() -> dict[str, Any]:
    """Dash, colour and word of each line, above the plot; a touch on it hides none of them."""
    place = {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"}
    return {"showlegend": True, "legend": {**place, "itemclick": False, "itemdoubleclick": False, "font": {"size": 12}}}


def _height(look: Look, name: str) -> float | None:
    shown = wording.shown_multiple(look.claims[name])
    return None if shown is None else math.log10(shown)


def _range(heights: dict[str, list[float | None]], last: Look) -> tuple[float, float]:
    seen = [height for line in heights.values() for height in line if height is not None]
    needed = [math.log10(claim.threshold) for claim in last.claims.values()]
    low = min([-0.6, *seen]) - 0.15
    high = max([*needed, *seen]) + 0.35
    return max(low, LOWEST), min(high, HIGHEST)


def _trace(
    name: str, word: str, people: list[int], heights: list[float | None], looks: tuple[Look, ...], screen: Screen
) -> dict[str, Any]:
    leading = wording.CLAIM_LEADS_TO[name]
    return {
        "type": "scatter",
        "mode": drawn_as(len(looks)),
        "marker": {"color": screen.colour(leading), "size": 9},
        "name": word,
        "x": people,
        "y": heights,
        "line": {"color": screen.colour(leading), "width": 2.2, "dash": DASHES[name], "shape": "linear"},
        "text": [wording.multiple(look.claims[name]) for look in looks],
        "hovertemplate": "%{text}",
        "connectgaps": False,
    }


def _crossing(name: str, last: Look, screen: Screen) -> dict[str, Any]:
    claim = last.claims[name]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [claim.crossed_at_n],
        "y": [math.log10(claim.threshold)],
        "marker": {
            "size": 11,
            "color": screen.colour("surface"),
            "line": {"width": 2.5, "color": screen.colour(wording.CLAIM_LEADS_TO[name])},
        },
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _labels(
    last: Look,
    words: Mapping[str, str],
    heights: dict[str, list[float | None]],
    x: int,
    low: float,
    high: float,
    screen: Screen,
) -> list[dict[str, Any]]:
    shown = [name for name in CLAIMS if heights[name][-1] is not None]
    ends = [min(max(heights[name][-1] or 0.0, low + 0.06), high - 0.06) for name in shown]
    labels = []
    for name, y in zip(shown, apart(ends, (high - low) / 15), strict=True):
        word = "" if screen.narrow else f" {_short(words[name])}"
        now = "reached" if last.claims[name].fired else wording.multiple(last.claims[name])
        text = f"<b>{now}</b>{word}"
        labels.append(line_label(screen, x, y, text, wording.CLAIM_LEADS_TO[name]))
    return labels


def _short(word: str) -> str:
    """A claim's words beside a line, where there is room for two or three: 'it helps', 'better', 'too little'."""
    return word.lower().split(" than ")[0].removesuffix(" better")


def _needed(last: Look, words: Mapping[str, str], needed: list[float], screen: Screen) -> list[dict[str, Any]]:
    """What each threshold is enough for, written above the highest and below the others."""
    labels = []
    for threshold in needed:
        who = [f"“{_short(words[name])}”" for name in CLAIMS if last.claims[name].threshold == threshold]
        text = ", ".join(who) if screen.narrow else f"Enough for {', '.join(who)}"
        above = threshold == needed[-1]
        labels.append(edge_label(screen, math.log10(threshold), text, "ink-2", above=above))
    return labels


def _alt(last: Look, words: Mapping[str, str], who: str) -> str:
    parts = [
        f"“{words[name].lower()}” {_stands(claim, who)}"
        for name, claim in last.claims.items()
        if claim.fired or claim.log_e is not None
    ]
    return f"Line chart of evidence over {last.n:,} {who}: {'; '.join(parts)}."


def _stands(claim: Claim, who: str) -> str:
    """Where a claim is. What fired has done so for good, so what its bet is worth since is not said beside it."""
    if claim.fired:
        return f"has what it needs: {wording.strength(claim, who)}"
    return f"stands at {wording.multiple(claim)} of the {wording.threshold(claim)} it needs"
