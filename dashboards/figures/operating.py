"""What happens to a hundred trials of one plan, by what is true of the idea: a bar each, cut into how the trials end."""

from __future__ import annotations

from collections.abc import Mapping

from dashboards.figures.drawn import Drawn, figure
from dashboards.theme import Screen
from dashboards.wording import VERDICT_WORDS, Standing
from trials.labelling import label_of
from trials.outcomes import kind_named
from trials.planning import Outlook
from trials.protocol import Protocol
from trials.verdict import noun

TRUTHS = {
    "harmful": "does harm",
    "no effect": "does nothing",
    "half": "does half of it",
    "worthwhile": "is just worthwhile",
    "twice worthwhile": "does twice as much",
}
# The same where a difference may not be put down to the idea: said of people, with whom or what they are compared apart.
AMONG = {
    "harmful": "do worse",
    "no effect": "do no better",
    "half": "do half as much better",
    "worthwhile": "do just enough better",
    "twice worthwhile": "do twice as much better",
}
# How a trial ends, the verdict that it is shown as, and the part of an outlook that counts it.
ENDS: tuple[tuple[str, Standing, str], ...] = (
    ("Promote", "promote", "promote"),
    ("Left open", "setting_up", "cant_tell"),
    ("Drop", "drop", "drop"),
    (VERDICT_WORDS["stop_for_harm"], "stop_for_harm", "stop_for_harm"),
)
_SMALLEST_LABELLED = 0.08


def said_of(protocol: Protocol) -> tuple[str, dict[str, str]]:
    """Of whom a truth is said, and each truth in words: no cause is named where the evidence label knows none."""
    if label_of(protocol).causal:
        return "the idea", TRUTHS
    return "people", AMONG


def operating(
    protocol: Protocol,
    outlooks: tuple[Outlook, ...],
    pace: Mapping[str, float | None],
    joined: Mapping[str, tuple[int, int] | None],
    screen: Screen,
) -> Drawn:
    """outlooks: at least one. pace: mean months until the answer, joined: people who have joined by then in half and in nine
    in ten of the trials, both by truth."""
    who, truths = said_of(protocol)
    by_truth = {one.truth: one for one in outlooks}
    told = [by_truth[truth] for truth in truths if truth in by_truth]
    names = [truths[one.truth] for one in told]
    bars = [_bar(word, part, screen.colour(tone), screen, told, names) for word, tone, part in ENDS]
    height = 48 + 44 * len(told)
    drawn = figure(
        screen,
        bars,
        height,
        barmode="stack",
        bargap=0.36,
        hovermode=False,
        margin={"l": 148 if truths is AMONG else 116 if screen.narrow else 132, "r": 12, "t": 4, "b": 40},
        xaxis={"range": [0, 100], "title": {"text": "of 100 such trials"}, "nticks": 5},
        yaxis={"showgrid": False, "tickfont": {"color": screen.colour("ink-2"), "size": 12}},
    )
    rows = tuple(_row(protocol, truths[one.truth], one, pace.get(one.truth), joined.get(one.truth)) for one in told)
    alt = _sentence(who, truths, told)
    return Drawn(drawn, alt, _columns(protocol, who), rows, height)


def _bar(word: str, part: str, colour: str, screen: Screen, told: list[Outlook], names: list[str]) -> dict[str, object]:
    shares = [getattr(one, part) for one in told]
    return {
        "type": "bar",
        "orientation": "h",
        "name": word,
        "y": names,
        "x": [round(100 * share, 1) for share in shares],
        "text": [f"{in_100(share)}" if share >= _SMALLEST_LABELLED else "" for share in shares],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "textfont": {"color": screen.colour("surface"), "size": 12},
        "marker": {"color": colour, "line": {"color": screen.colour("surface"), "width": 1.5}},
    }


def in_100(share: float) -> str:
    """A share of trials as so many in 100, never rounded to none or all."""
    if 0 < share < 0.005:
        return "fewer than 1"
    return "more than 99" if 0.995 <= share < 1 else f"{100 * share:.0f}"


def _sentence(who: str, truths: Mapping[str, str], told: list[Outlook]) -> str:
    said = (
        f"if {who} {truths[one.truth]}, {in_100(one.promote)} are promoted, {in_100(one.drop)} dropped, "
        f"{in_100(one.stop_for_harm)} stopped for harm and {in_100(one.cant_tell)} left open"
        for one in told
    )
    return f"Of 100 trials of this plan: {'; '.join(said)}."


def _columns(protocol: Protocol, subject: str) -> tuple[str, ...]:
    who = noun(protocol)
    ends = tuple(f"{word}, of 100" for word, _, _ in ENDS)
    results = (f"{who.capitalize()} with a result, on average", f"Half ended by ({who} with a result)")
    until = ("Joined by then, half at most", "Months until the answer")
    return (f"If {subject}", "Its effect" if subject == "the idea" else "Difference", *ends, *results, *until)


def _row(
    protocol: Protocol, truth: str, one: Outlook, took: float | None, joined: tuple[int, int] | None
) -> tuple[str, ...]:
    effect = "none" if one.effect == 0 else kind_named(protocol.primary.kind).say_effect(protocol.primary, one.effect)
    ends = (in_100(getattr(one, part)) for _, _, part in ENDS)
    return (
        *(truth, effect, *ends, f"{one.people:,.0f}", f"{one.ended_by[1]:,}"),
        "no rate planned" if joined is None else f"{joined[0]:,}",
        "no rate planned" if took is None else f"{took:,.0f}",
    )
