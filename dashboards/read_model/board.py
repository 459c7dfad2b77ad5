"""The portfolio: counts per verdict and per decision, what waits for people, and a row per trial.

A trial is read, and its row made, anew only when its change token says so, when a day has passed (what is due then may be
overdue), or when it falls silent for too long.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

from dashboards import wording
from dashboards.board import words
from dashboards.read_model.desk import Desk, arms_shown, is_stale, visible
from dashboards.read_model.row import FOREST_REACH, Balance, Forest, Row, row_of
from dashboards.wording import Standing
from trials.store import reading
from trials.store.reading import TrialCard

__all__ = ["FOREST_REACH", "Balance", "Board", "Forest", "Row", "Waiting", "board"]

MOST_WAITING = 3


@dataclass(frozen=True, slots=True)
class Waiting:
    """A trial that has an answer and is open, and how long it has been so."""

    row: Row
    how_long: str


@dataclass(frozen=True, slots=True)
class Board:
    """The portfolio. counts: open trials per verdict; decided: closed ones per decision. waiting: the trials that wait for a
    decision, those that may do harm first, then the oldest, at most MOST_WAITING of `waits`. hidden: there are trials, and
    the reader may see none of them.
    """

    counts: dict[Standing, int]
    rows: tuple[Row, ...]
    decided: dict[str, int]
    waiting: tuple[Waiting, ...] = ()
    waits: int = 0
    hidden: bool = False


def board(desk: Desk, *, now: datetime | None = None) -> Board:
    """Every trial, those that wait for people first, closed ones last. A contradicting look becomes a row that says so."""
    moment = now or datetime.now(UTC)
    everything = known_cards(desk)
    cards = visible(desk, everything)
    arms = arms_shown(desk, cards)
    rows = sorted((_row(card, desk, moment, arms[card.id]) for card in cards), key=_urgency)
    counts: dict[Standing, int] = dict.fromkeys(wording.VERDICT_WORDS, 0)
    for row in rows:
        if row.fault is None and not row.closed:
            counts[row.standing] += 1
    decided = Counter(row.word for row in rows if row.closed)
    waiting = sorted((row for row in rows if row.waits), key=_longest)
    told = tuple(Waiting(row, words.waiting(row.since or moment, moment)) for row in waiting[:MOST_WAITING])
    return Board(counts, tuple(rows), dict(decided), told, len(waiting), hidden=bool(everything) and not cards)


def known_cards(desk: Desk) -> list[TrialCard]:
    """The cards of all trials, whoever may see them; only those are read whose change token moved."""
    tokens = reading.tokens(desk.store)
    known: dict[str, TrialCard] = desk.made.get(("cards", ""), (None, {}))[1]
    moved = [trial for trial, token in tokens.items() if trial not in known or known[trial].token != token]
    few = moved if len(moved) < len(tokens) else None
    fresh = reading.cards(desk.store, few) if few else reading.cards(desk.store) if moved else []
    found = {trial: card for trial, card in known.items() if trial in tokens} | {card.id: card for card in fresh}
    desk.made["cards", ""] = (None, found)
    return [found[trial] for trial in sorted(found)]


def _row(card: TrialCard, desk: Desk, now: datetime, arms: bool) -> Row:
    stale = is_stale(card, desk, now)
    made_from = (card.token, stale, now.date())
    return desk.remembered(f"row {arms}", card.id, made_from, lambda: row_of(card, desk, now, arms=arms, stale=stale))


def _urgency(row: Row) -> tuple[int, str, str]:
    return row.urgency, row.name.lower(), row.id


def _longest(row: Row) -> tuple[bool, str]:
    return row.standing != "stop_for_harm", "" if row.since is None else row.since.isoformat()
