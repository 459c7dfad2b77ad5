"""What is published of a count that people look at again and again: steps, each at least LIMIT from the one before.

Guarantee: let somebody keep every page, filter, total and export there ever was, know this rule, and know that nobody who
joined is taken out again. Then each count at each time, and what it grew by since it was last told or from one page to the
next, can still be any of LIMIT or more whole numbers, unless it is itself LIMIT or more and was told as it is. That holds
for the cells of a (site x arm) table together with their sums, and (`joined_table`) beside the numbers of people with a
result in each arm that the looks tell, all of whom joined. It is no statement of probability: nothing that is published
tells one of these numbers from another.

The rule: a count is told as it is when it reaches LIMIT, and again when it has moved by LIMIT or more from there; in between
the last number stands, and below LIMIT it reads 'under LIMIT', zero too. Each cell has its own steps, which nothing but the
cell and numbers told already decide, and every total, filter and export is a sum of what the cells show, never a fresh count.
So what a reader can think possible is a product of ranges, [b, b + LIMIT − 1] in each cell after the step b, and linear
programming over a product gives the ranges back. No cell needs another to be hidden with it: secondary suppression
protects against totals that tell more than the cells, and here there are none. The price is that totals are lower bounds.

One number comes from outside the table: N people of an arm have a result, so its S sites together have at least N. With
b_s + LIMIT − 1 the most that site s can have, N leaves site s at least N − Σ_{o≠s} (b_o + LIMIT − 1), which is b_s or less for
every site if and only if Σ b_s ≥ N − (LIMIT − 1)(S − 1). Where a new N would break that, the steps b are first raised until
it holds, by an amount that depends on published numbers alone; then the cells take their steps from there. What N implies of
a cell is then shown as its floor.

The same where a site alone, or some sites together, are told to have N people of an arm with a result (`Sited`): the sum then
runs over these sites, and their steps are raised.

A count that falls (a result that comes after all and is missing no more) is told again once it fell by LIMIT, and hidden
while it lies below LIMIT.

Not covered: what a reader knows from elsewhere, such as that arms are allocated in blocks, so that a site's arms are nearly
alike.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from trials.disclosure.tables import LIMIT, Place, SafeCounts, SafeTable
from trials.errors import DataError

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Step:
    """Where a count's releases stand. last: the last one, None before the first. shown: what is published now."""

    last: int | None = None
    shown: int | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """What one delivery changed. came: people who joined, by (row, column). told: by column, what the look after it tells of
    people who joined, as (most, least) that a reader may take it for."""

    came: Mapping[Place, int] = field(default_factory=dict)
    told: Mapping[str, tuple[int, int]] = field(default_factory=dict)


class Sited(tuple[int, int]):
    """(most, least) of an arm, with what is told of parts of its sites: (sites, people with a result), parts apart."""

    parts: tuple[tuple[frozenset[str], int], ...]

    def __new__(cls, most: int, least: int, parts: tuple[tuple[frozenset[str], int], ...] = ()) -> Sited:
        made = super().__new__(cls, (most, least))
        made.parts = parts
        return made


NOTHING = Step()


def stepped(history: Iterable[int], before: Step = NOTHING) -> Step:
    """The releases after a count has gone through `history` in order. Read bit by bit, by `before`, they are the same."""
    last, shown = before.last, before.shown
    for count in history:
        if count >= LIMIT and (last is None or abs(count - last) >= LIMIT):
            last = count
        shown = last if count >= LIMIT else None
    return Step(last, shown)


def released_counts(histories: Mapping[str, Iterable[int]]) -> SafeCounts:
    """Counts by name, each by its own history; the total is the sum of those shown."""
    cells = {name: stepped(history).shown for name, history in histories.items()}
    return SafeCounts(cells, _sum(cells.values()), released=True)


def released_table(histories: Mapping[Place, Iterable[int]]) -> SafeTable:
    """Counts by (row, column), each by its own history (a place that is missing has none), with sums of those shown."""
    rows = tuple(dict.fromkeys(row for row, _ in histories))
    columns = tuple(dict.fromkeys(column for _, column in histories))
    steps = {(row, column): stepped(histories.get((row, column), ())) for row in rows for column in columns}
    below = {place: (step.shown or 0) + LIMIT for place, step in steps.items()}
    return _added(rows, columns, {place: step.shown for place, step in steps.items()}, below)


def joined_table(rows: Sequence[str], columns: Sequence[str], moments: Iterable[Moment]) -> SafeTable:
    """People who joined by row and column after these moments, oldest first. The rows have to hold everybody."""
    arms = {
        column: Column(dict.fromkeys(rows, 0), dict.fromkeys(rows, 0), dict.fromkeys(rows, 0)) for column in columns
    }
    for moment in moments:
        touched = {column for _, column in moment.came} | set(moment.told)
        for column in touched & set(columns):
            came = {row: moment.came.get((row, column), 0) for row in rows}
            arms[column].after(came, moment.told.get(column))
    places = [(row, column) for row in rows for column in columns]
    floors = {(row, column): arms[column].floors[row] for row, column in places}
    shown = {place: floor if floor >= LIMIT else None for place, floor in floors.items()}
    below = {(row, column): arms[column].steps[row] + LIMIT for row, column in places}
    return _added(tuple(rows), tuple(columns), shown, below)


@dataclass
class Column:
    """One column on its way: counts (nobody outside sees them), the steps b they were last told from, floors shown."""

    counts: dict[str, int]
    steps: dict[str, int]
    floors: dict[str, int]
    least: dict[frozenset[str], int] = field(default_factory=dict)

    def after(self, came: Mapping[str, int], told: tuple[int, int] | None) -> None:
        if told is not None:
            everywhere = frozenset(self.steps)
            self.least[everywhere] = max(self.least.get(everywhere, 0), told[1])
            self.make_room(told[0], everywhere)
            parts = told.parts if isinstance(told, Sited) else ()
            for part, least in parts:
                if not part <= everywhere:  # a site that the plan no longer has
                    continue
                self.least[part] = max(self.least.get(part, 0), least)
                self.make_room(least, part)
        for row, more in came.items():
            self.counts[row] += more
            if self.counts[row] >= self.steps[row] + LIMIT:
                self.steps[row] = self.floors[row] = self.counts[row]
        for part, least in self.least.items():
            room = sum(self.steps[row] + LIMIT - 1 for row in part)
            for row in part:
                self.floors[row] = max(self.floors[row], least - (room - (self.steps[row] + LIMIT - 1)))

    def make_room(self, most: int, part: Collection[str] | None = None) -> None:
        """Raises the steps of these rows (of all, if none are named), in proportion to what they are (alike where all are 0),
        until they sum to what `most` asks."""
        steps = {row: step for row, step in self.steps.items() if part is None or row in part}
        lacking = most - sum(steps.values()) - (LIMIT - 1) * (len(steps) - 1)
        if lacking <= 0:
            return
        weights = {row: step or (0 if any(steps.values()) else 1) for row, step in steps.items()}
        total = sum(weights.values())
        shares = {row: lacking * weight // total for row, weight in weights.items()}
        rest = lacking - sum(shares.values())
        order = sorted(weights, key=lambda row: -(lacking * weights[row] % total))
        for row in shares:
            self.steps[row] += shares[row]
        for row in order[:rest]:
            self.steps[row] += 1


def part_of(table: SafeTable, rows: Collection[str] = (), columns: Collection[str] = ()) -> SafeTable:
    """A filter: some rows and columns (all, where none are named) of a released table, with sums of what is shown of them.

    Raises DataError for a row or column that is not in the table, ValueError for a table that was not released.
    """
    if not table.released:
        raise ValueError("a filter sums released cells only; this table was made for one showing")
    for named, known, what in ((rows, table.rows, "row"), (columns, table.columns, "column")):
        for one in sorted(set(named) - set(known)):
            raise DataError(f"{what} == {one!r}, must be one of {', '.join(known)}.")
    kept = tuple(row for row in table.rows if not rows or row in rows)
    across = tuple(column for column in table.columns if not columns or column in columns)
    return _added(kept, across, table.cells, table.below)


def about(table: SafeTable, rows: Collection[str] = ()) -> int | None:
    """About how many a released table (or these rows of it) holds, in tens: the middle of what each cell told can be. None
    where no cell is told. Made from what is shown alone, so it says no more than that."""
    told = [count for (row, _), count in table.cells.items() if count is not None and (not rows or row in rows)]
    return round(sum(count + (LIMIT - 1) / 2 for count in told) / LIMIT) * LIMIT if told else None


def between(table: SafeTable) -> tuple[int, int]:
    """The fewest and the most that a released table can hold."""
    least = sum(count or 0 for count in table.cells.values())
    return least, max(least, sum(table.below[place] - 1 for place in table.cells))


def tens(count: int) -> int | None:
    """A count that goes up and down and that nothing else tells, rounded down to tens; None below LIMIT. However often it is
    told, each telling leaves LIMIT numbers open."""
    return None if count < LIMIT else count - count % LIMIT


def listed(table: SafeTable) -> list[dict[str, str | int | None]]:
    """A released table as an export has it: a line for each cell, with `at_least` or `below`, the other null. Totals are for
    the reader to add up; they would hold nothing that the lines don't."""
    return [
        {
            "row": row,
            "column": column,
            "at_least": table.cells[row, column],
            "below": table.below[row, column] if table.cells[row, column] is None else None,
        }
        for row in table.rows
        for column in table.columns
    ]


def added_up(additions: Iterable[tuple[Key, int]]) -> dict[Key, list[int]]:
    """The count of each place (or whatever is counted) after each of its additions, oldest first: histories to release."""
    found: dict[Key, list[int]] = {}
    for place, more in additions:
        known = found.setdefault(place, [])
        known.append((known[-1] if known else 0) + more)
    return found


def _added(
    rows: tuple[str, ...], columns: tuple[str, ...], shown: Mapping[Place, int | None], below: Mapping[Place, int]
) -> SafeTable:
    cells = {(row, column): shown[row, column] for row in rows for column in columns}
    return SafeTable(
        rows,
        columns,
        cells,
        {row: _sum(cells[row, column] for column in columns) for row in rows},
        {column: _sum(cells[row, column] for row in rows) for column in columns},
        _sum(cells.values()),
        released=True,
        below={place: below[place] for place in cells},
    )


def _sum(shown: Iterable[int | None]) -> int | None:
    told = [count for count in shown if count is not None]
    return sum(told) if told else None
