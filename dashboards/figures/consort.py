"""The flow of people through a trial as boxes: one object that the boxes, the sentence and the table are read from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from dashboards import wording
from trials.disclosure import LIMIT
from trials.disclosure.flow import Branch, Flow
from trials.protocol import Protocol


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its number in words, and what it counts. quiet: it is beside the flow."""

    number: str
    what: str
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Boxes:
    """The flow. top: before people part; columns: by arm its name and boxes; sentence, head and rows say the same."""

    sentence: str
    top: tuple[Box, ...]
    aside: tuple[Box, ...]
    columns: tuple[tuple[str, tuple[Box, ...]], ...]
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def draw(protocol: Protocol, flow: Flow, set_aside: int | None, left: Sequence[tuple[str, date]]) -> Boxes:
    """The boxes of a flow. set_aside: rows, as released. left: sites that left, and since when."""
    who = wording.units(protocol)
    columns = tuple(
        (wording.arm_name(protocol, branch.arm), _boxes(branch, by_arm=flow.by_arm)) for branch in flow.branches
    )
    top = (
        Box(_least(flow.joined), f"{who} have joined"),
        *(() if flow.by_arm else (Box(_exact(flow.with_result), "with a result, all groups together"),)),
    )
    aside = _aside(flow, set_aside, left)
    head = ("Step", *(name for name, _ in columns), "All")
    rows = _rows(flow, who)
    said = "; ".join(f"{name}: {', '.join(f'{box.number} {box.what}' for box in boxes)}" for name, boxes in columns)
    sentence = f"Flow of {who} through the trial: {top[0].number} {top[0].what}. {said}."
    return Boxes(sentence, top, aside, columns, head, rows)


def _boxes(branch: Branch, *, by_arm: bool) -> tuple[Box, ...]:
    joined = Box(_least(branch.joined), "joined")
    if not by_arm:
        return (joined,)
    return (
        joined,
        Box(_exact(branch.with_result), "with a result"),
        Box(_about(branch.missing), "missing for good", quiet=True),
        Box("the others", "wait for their result, or for those before them", quiet=True),
    )


def _aside(flow: Flow, set_aside: int | None, left: Sequence[tuple[str, date]]) -> tuple[Box, ...]:
    rows = f"fewer than {LIMIT} for any one reason" if set_aside is None else f"at least {set_aside:,}"
    found = [
        Box(rows, "rows set aside until they are mended; a row is not a person", quiet=True),
        Box(_about(flow.unreported), "numbers on the list that nobody was ever reported under", quiet=True),
    ]
    found += [Box(site, f"left the trial on {day.day} {day:%B %Y}", quiet=True) for site, day in left]
    return tuple(found)


def _rows(flow: Flow, who: str) -> tuple[tuple[str, ...], ...]:
    """A line for each step, a column for each arm; what is not told by arm is told of all."""
    arms = flow.branches
    bare = "not by group" if not flow.by_arm else ""
    return (
        ("Joined", *(_least(one.joined) for one in arms), _least(flow.joined)),
        ("With a result", *(bare or _exact(one.with_result) for one in arms), _exact(flow.with_result)),
        ("Missing for good", *(bare or _about(one.missing) for one in arms), "not added up"),
        (f"Waiting {who}", *("not told" for _ in arms), "not told"),
        ("Never reported", *("–" for _ in arms), _about(flow.unreported)),
    )


def _least(count: int | None) -> str:
    return wording.TOO_FEW if count is None else f"at least {count:,}"


def _exact(count: int | None) -> str:
    return wording.TOO_FEW if count is None else f"{count:,}"


def _about(count: int | None) -> str:
    return wording.about(count)
