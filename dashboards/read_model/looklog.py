"""The looks that may be shown beside each other, what each said, and how to go to it.

A look that lies too near to another is not among them: two pages beside each other would tell how a few people fared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboards.read_model.desk import Desk, sentence_of, standing_of
from dashboards.read_model.trial import TrialView, card_of
from dashboards.wording import Standing, first_sentence
from trials.evidence import Look
from trials.store.reading import TrialCard

# Rows of the table: the newest, and what stands out; every look is in the list below it.
MOST_ROWS = 14
NEWEST = 6


@dataclass(frozen=True, slots=True)
class LookRow:
    """One look: its number, date and people, its verdict, what it said, and what marks it."""

    number: int
    as_of: datetime
    people: int
    standing: Standing
    sentence: str
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LookLog:
    """rows: newest first, some of the looks. every: number and date of all, oldest first. at: the number of the look of this
    page. taken: how many looks there were up to it, those that may not be shown too."""

    view: TrialView
    rows: tuple[LookRow, ...] = ()
    every: tuple[tuple[int, datetime], ...] = ()
    at: int = 0
    taken: int = 0


def looklog(desk: Desk, view: TrialView) -> LookLog:
    """The log up to the look of the page. Raises NoAccessError."""
    card, looks = card_of(desk, view), view.every
    if view.look is None or not looks:
        return LookLog(view)
    marks = [_marks(card, looks, place) for place in range(len(looks))]
    chosen = _standing_out(len(looks), [place for place, found in enumerate(marks) if found])
    rows = tuple(_row(view, looks[: place + 1], marks[place]) for place in sorted(chosen, reverse=True))
    every = tuple((look.number, look.as_of) for look in looks)
    return LookLog(view, rows, every, looks[-1].number, view.look.number)


def _standing_out(looks: int, marked: Sequence[int]) -> set[int]:
    """The first look, the newest ones, the marked ones, then some between them, evenly."""
    found = {0, *range(max(0, looks - NEWEST), looks)}
    found |= set(marked[: max(0, MOST_ROWS - len(found))])
    between = [place for place in range(looks) if place not in found]
    room = min(MOST_ROWS - len(found), len(between))
    return found | {between[(2 * index + 1) * len(between) // (2 * room)] for index in range(room)}


def _row(view: TrialView, looks: Sequence[Look], marks: tuple[str, ...]) -> LookRow:
    look = looks[-1]
    sentence = first_sentence(sentence_of(view.protocol, look, looks, arms=view.arms))
    return LookRow(look.number, look.as_of, look.n, standing_of(look), sentence, marks)


def _marks(card: TrialCard, looks: Sequence[Look], place: int) -> tuple[str, ...]:
    look, before = looks[place], looks[place - 1] if place else None
    decided = card.mark(look.number).words
    found = [
        *(["verdict changed"] if before is not None and look.verdict != before.verdict else []),
        *(["plan amended before it"] if before is not None and look.protocol_sha256 != before.protocol_sha256 else []),
        *([decided] if decided and (before is None or card.mark(before.number).words != decided) else []),
    ]
    return tuple(found)
