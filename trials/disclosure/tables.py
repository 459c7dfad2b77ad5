"""A table of counts that is shown once, with its totals: small counts are hidden, and others with them.

Guarantee: no count below LIMIT is shown, zero neither, and whoever adds and subtracts all that is shown of one table, and
knows that counts are not negative, can't place a hidden count within fewer than LIMIT numbers, except by a total that is
itself below LIMIT and hidden. Two such tables of overlapping groups, or of one group at two times, are not protected
against each other: what is looked at again is released (`trials.disclosure.releases`).

A table is cut row by row: a row shows its whole split or none of it. What a reader then knows of the hidden rows are
the margins of a two-way table, whose cells they can place between max(0, r + c − N) and min(r, c), the Fréchet bounds
(Dobra & Fienberg 2000, PNAS 97(22), 11885-11892).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

LIMIT = 10

Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class SafeCounts:
    """Counts of one kind of group, None where hidden, and their total (None when it is itself below LIMIT).

    released: each count is a step of `trials.disclosure.releases`, None means below LIMIT, and the total is the sum of the
    counts shown, None when there are none.
    """

    cells: Mapping[str, int | None]
    total: int | None
    released: bool = False

    @property
    def hides(self) -> bool:
        return None in self.cells.values()


@dataclass(frozen=True, slots=True)
class SafeTable:
    """Counts by row and column with their totals; None where hidden. Rows and columns keep the order they came in.

    released: each cell is a floor from `trials.disclosure.releases`, every total is the sum of the cells shown, and `below` has
    for each cell a number that it lies below.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Mapping[Place, int | None]
    row_totals: Mapping[str, int | None]
    column_totals: Mapping[str, int | None]
    total: int | None
    released: bool = False
    below: Mapping[Place, int] = field(default_factory=dict)

    @property
    def hides(self) -> bool:
        return None in (*self.cells.values(), *self.row_totals.values(), *self.column_totals.values())


def safe_count(count: int) -> int | None:
    """A count that stands alone and is told once: itself, or None when it lies below LIMIT."""
    return None if count < LIMIT else count


def safe_counts(counts: Mapping[str, int]) -> SafeCounts:
    """Counts beside their total, such as rows by reason, with enough of them hidden."""
    hidden = {name for name, count in counts.items() if safe_count(count) is None}
    # One hidden count is the total less the others; several that add up to S lie from 0 to S each.
    while hidden and (len(hidden) < 2 or sum(counts[name] for name in hidden) < LIMIT):
        others = [name for name in counts if name not in hidden]
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
        still_open = [row for row in rows if row not in closed]
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


def _exposed(closed: set[str], splits: Mapping[str, Sequence[int]], totals: SafeCounts) -> bool:
    """Whether the column totals, less the rows that show their split, place a hidden cell too narrowly."""
    if not closed:
        return False
    known = [sum(splits[row]) for row in closed if totals.cells[row] is not None]
    # Rows whose totals are hidden too are one row to the reader: only their sum can be worked out.
    unknown = [row for row in closed if totals.cells[row] is None]
    margins = [*known, *([sum(sum(splits[row]) for row in unknown)] if unknown else [])]
    everyone = sum(margins)
    left_over = [sum(column) for column in zip(*(splits[row] for row in closed), strict=True)]
    return any(
        min(margin, column) - max(0, margin + column - everyone) < LIMIT for margin in margins for column in left_over
    )
