"""A report as values: HTML, PDF and JSON are all made from one of them, so they can't say different things.

Every text in it is as it is shown; nobody who draws it counts or rounds anything.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts. caption: what it holds, in words."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing said. term: what it is about; empty for a sentence that stands alone."""

    text: str
    term: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the page. name: of its place. note: how to read it. entries in the order of their weight: where the page is
    full, the last are the first to be left out."""

    name: str
    heading: str
    entries: tuple[Entry, ...] = ()
    table: Table | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """One key figure: its name, its value and a line beside it."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """The effect after so many people, as rounded as its words; positive = better. None: can't be told."""

    people: int
    low: float | None
    estimate: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Plot:
    """The effect over people. ticks: (value, label) of the axis, over [low, high]. worthwhile: the smallest effect worth
    having. alt: the picture in a sentence; table: the same in numbers."""

    points: tuple[Point, ...]
    worthwhile: float
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    labels: tuple[tuple[str, float, str], ...]  # (which line, value, label at its end)
    worth_label: str
    worse_label: str
    unit_label: str
    people_label: str
    title: str
    alt: str
    table: Table


@dataclass(frozen=True, slots=True)
class Report:
    """One page on one trial. standing: the verdict's name; verdict: its words. plot None: `plot_absent` says why.

    seen_by: whom it was made for, and what of it is kept back from them. footer: what it rests on.
    """

    trial: str
    title: str
    question: str
    place: str
    badges: tuple[str, ...]
    standing: str
    verdict: str
    marks: tuple[str, ...]
    sentence: str
    label: str
    claims: str
    cautions: tuple[str, ...]
    figures: tuple[Figure, ...]
    plot: Plot | None
    plot_absent: str
    sections: tuple[Section, ...]
    footer: tuple[Entry, ...]
    seen_by: str


def as_json(report: Report) -> dict[str, Any]:
    """The report as a mapping that json.dumps takes."""
    return asdict(report)
