"""Small-number suppression: the one door that every count by site, arm or reason passes on its way to a page or export.

Guarantee: no count from 1 to LIMIT − 1 is shown, and whoever adds and subtracts all that is shown of one table can't
place a hidden count within fewer than LIMIT numbers, nor conclude that it is below LIMIT, except from a total that
stands alone. Zero is shown: there is nobody to protect. Two tables of overlapping groups are not protected against
each other, nor is today's table against yesterday's.

What the looks say of outcomes has its own rule, `apart`: an estimate, a bet or a split of the outcome comes from a look
with at least LIMIT people in each arm, and any two looks shown beside each other are at least LIMIT people per arm apart.
Looks are taken from the first on, so the choice stays as it was when more come in, but for one case: a look with another
verdict is never held back. It takes the place of the looks that it lies too near to.

What remains: (1) somebody who kept the page from before a change of verdict can compare the two. (2) The LIMIT or more
people who came between two looks are a group like any other: their share with the outcome can be worked out. (3) The
number of people in is the newest, so its distance to the look shown tells how many came since, not how they fared.
(4) A claim that fired is told at once, however few people it took, and bets are told to one decimal from LIMIT people
per arm on, also while a split is hidden; who inverts the method on them can narrow the split down. (5) People joined,
less people in, less people waiting, is the number missing; that is no outcome.

A table is cut row by row: a row shows its whole split or none of it. What a reader then knows of the hidden rows are
the margins of a two-way table, whose cells they can place between max(0, r + c − N) and min(r, c), the Fréchet bounds
(Dobra & Fienberg 2000, PNAS 97(22), 11885-11892).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from trials.evidence import Look

LIMIT = 10

Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class SafeCounts:
    """Counts of one kind of group, None where hidden, and their total (None when it is itself below LIMIT)."""

    cells: Mapping[str, int | None]
    total: int | None

    @property
    def hides(self) -> bool:
        return None in self.cells.values()


@dataclass(frozen=True, slots=True)
class SafeTable:
    """Counts by row and column with their totals; None where hidden. Rows and columns keep the order they came in."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Mapping[Place, int | None]
    row_totals: Mapping[str, int | None]
    column_totals: Mapping[str, int | None]
    total: int | None

    @property
    def hides(self) -> bool:
        return None in (*self.cells.values(), *self.row_totals.values(), *self.column_totals.values())


def safe_count(count: int) -> int | None:
    """A count that stands alone, such as a trial's people: itself, or None when it lies from 1 to LIMIT − 1."""
    return None if 0 < count < LIMIT else count


def safe_counts(counts: Mapping[str, int]) -> SafeCounts:
    """Counts beside their total, such as rows by reason, with enough of them hidden."""
    hidden = {name for name, count in counts.items() if safe_count(count) is None}
    # k hidden counts of at least 1 that add up to S lie from 1 to S − k + 1 each: S − k numbers apart.
    while hidden and sum(counts[name] for name in hidden) - len(hidden) < LIMIT:
        others = [name for name, count in counts.items() if count > 0 and name not in hidden]
        if not others:
            break
        hidden.add(min(others, key=lambda name: (counts[name], name)))
    shown = {name: None if name in hidden else count for name, count in counts.items()}
    return SafeCounts(shown, safe_count(sum(counts.values())))


def safe_table(counts: Mapping[Place, int]) -> SafeTable:
    """Counts by (row, column) beside their totals, with enough of them hidden. A place that is missing counts 0."""
    rows = tuple(dict.fromkeys(row for row, _ in counts))
    columns = tuple(dict.fromkeys(column for _, column in counts))
    splits = {row: [counts.get((row, column), 0) for column in columns] for row in rows}
    totals = safe_counts({row: sum(split) for row, split in splits.items()})
    closed = {row for row in rows if totals.cells[row] is None or None in map(safe_count, splits[row])}
    by_column = [sum(split[index] for split in splits.values()) for index in range(len(columns))]
    show_columns = None not in map(safe_count, by_column)
    while show_columns and _exposed(closed, splits, totals):
        still_open = [row for row in rows if row not in closed and sum(splits[row]) > 0]
        if still_open:
            closed.add(min(still_open, key=lambda row: (sum(splits[row]), row)))
        else:
            show_columns = False
    return SafeTable(
        rows,
        columns,
        {
            (row, column): None if row in closed else splits[row][index]
            for row in rows
            for index, column in enumerate(columns)
        },
        dict(totals.cells),
        {column: by_column[index] if show_columns else None for index, column in enumerate(columns)},
        totals.total,
    )


def enough(look: Look) -> bool:
    """Whether anything drawn from outcomes may be shown: with fewer than LIMIT people in an arm it would tell theirs."""
    return look.estimate is not None and all(arm.n >= LIMIT for arm in look.arms)


def splits_hidden(look: Look, *, binary: bool = False, events: bool = False) -> bool:
    """Whether a table of the arms would hold a small number.

    binary: the totals are people with the outcome, so those without are a count too. events: the totals are events, of
    which a few are those of a few people. Then the estimate and its interval are hidden with the table: together with the
    arms' sizes they give it away.
    """
    counts = [arm.n for arm in look.arms]
    if binary or events:
        counts += [round(arm.total) for arm in look.arms]
    if binary:
        counts += [arm.n - round(arm.total) for arm in look.arms]
    return None in map(safe_count, counts)


def apart(looks: Iterable[Look], shown: Sequence[Look] = ()) -> tuple[Look, ...]:
    """The looks that may be shown beside each other, in order; `shown` are those already chosen among earlier ones."""
    kept = list(shown)
    for look in filter(enough, looks):
        if kept and not _grown(kept[-1], look) and look.verdict == kept[-1].verdict:
            continue
        while kept and not _grown(kept[-1], look):
            kept.pop()
        kept.append(look)
    return tuple(kept)


def _grown(before: Look, now: Look) -> bool:
    had = {arm.arm: arm.n for arm in before.arms}
    return all(arm.n - had.get(arm.arm, 0) >= LIMIT for arm in now.arms)


def _exposed(closed: set[str], splits: Mapping[str, Sequence[int]], totals: SafeCounts) -> bool:
    """Whether the column totals, less the rows that show their split, place a hidden cell too narrowly."""
    if not closed:
        return False
    known = [sum(splits[row]) for row in closed if totals.cells[row] is not None]
    # Rows whose totals are hidden too are one row to the reader: only their sum can be worked out.
    pooled = sum(sum(splits[row]) for row in closed if totals.cells[row] is None)
    margins = known + ([pooled] if pooled else [])
    everyone = sum(margins)
    left_over = [sum(column) for column in zip(*(splits[row] for row in closed), strict=True)]
    return any(
        min(margin, column) - max(0, margin + column - everyone) < LIMIT for margin in margins for column in left_over
    )
