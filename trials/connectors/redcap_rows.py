"""Rows of a REDCap export -> rows of a delivery, one a person (or one for each instance where the plan says `all`).

What is left out or read as blank is counted and said, without values: missing-data codes, answers on forms that are not
marked complete, boxes that REDCap calls unticked although nobody opened their form.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from trials.connectors.redcap_columns import Column, UnclearError, missing_codes
from trials.connectors.redcap_export import Cells, event_of, instance_of
from trials.connectors.redcap_options import Options, short
from trials.connectors.redcap_project import Project
from trials.errors import SourceError


@dataclass(frozen=True, slots=True)
class Told:
    """What was left out or read as blank, counted."""

    codes: Counter[str] = field(default_factory=Counter)
    unopened: Counter[str] = field(default_factory=Counter)
    unfinished: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)

    def sentences(self) -> tuple[str, ...]:
        """One sentence for each thing that happened."""
        made = []
        if self.codes:
            made.append(f"read {_listed(self.codes)} as blank: missing-data codes")
        if self.unopened:
            made.append(f"read {_listed(self.unopened)} as blank: unticked boxes on a form that nobody opened")
        if self.unfinished:
            made.append(f"left out the answers on forms that are not marked complete: {_listed(self.unfinished)}")
        if self.dropped:
            made.append(f"left out records of which nothing is complete: {self.dropped.total():,}")
        return tuple(made)


def people(
    rows: Sequence[Cells], project: Project, columns: Sequence[Column], options: Options
) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """Cells by column in the source's spelling, in one order whatever the server's, and what was left out.

    Raises UnclearError when a record has answers in two REDCap arms for one column.
    """
    told = Told()
    records: dict[str, list[Cells]] = {}
    for row in _blanked(rows, project, columns, options, told):
        records.setdefault(row[project.record_id], []).append(row)
    _check_places(records.values(), columns)
    twofold: Counter[str] = Counter()
    found = [
        cells
        for record in sorted(records, key=_natural)
        for cells in _person(records[record], columns, options, told, twofold)
    ]
    if twofold:
        name = twofold.most_common(1)[0][0]
        raise UnclearError(
            f"'{name}' has answers at two events of one record, must have them at one. Write '[event][field]' in "
            "source.columns, or mend the records."
        )
    return {column.name: [cells[column.name] for cells in found] for column in columns}, told.sentences()


def _blanked(
    rows: Sequence[Cells], project: Project, columns: Sequence[Column], options: Options, told: Told
) -> list[Cells]:
    """The rows with missing-data codes, and boxes that mean nothing, blank."""
    codes = missing_codes(project, options)
    for row in rows:
        for column in columns:
            said = row[column.exported] if column.variable and _is_place(row, column) else ""
            if column.variable is None or not said:
                continue
            if column.variable.kind == "checkbox":
                _blank_box(row, column, codes, told)
            elif said in codes and column.variable.coded:
                told.codes[said] += 1
                row[column.exported] = ""
    return list(rows)


def _blank_box(row: Cells, column: Column, codes: Iterable[str], told: Told) -> None:
    """An unticked box is a 0 even where the form was never opened, or where the answer is a missing-data code."""
    assert column.variable is not None
    ticked = [code for code in codes if row.get(box(column.variable.name, code)) == "1"]
    if ticked:
        told.codes[min(ticked)] += 1
    elif row[column.exported] == "0" and row[f"{column.form}_complete"] == "":
        told.unopened[column.exported] += 1
    else:
        return
    row[column.exported] = ""


def box(variable: str, code: str) -> str:
    """The column of an export that says whether a checkbox's code is ticked."""
    return f"{variable}___{re.sub('[^a-z0-9_]', '_', code.lower())}"


def _person(
    rows: Sequence[Cells], columns: Sequence[Column], options: Options, told: Told, twofold: Counter[str]
) -> list[Cells]:
    """What a record's rows say: once, or once for each instance of what the plan takes `all` of."""
    unfinished = Counter(form for row in rows for form in _unfinished(row, columns, options))
    told.unfinished.update(unfinished)
    base = {column.name: _own(rows, column, options, twofold) for column in columns if column.group is None}
    several: list[Cells] = [{}]
    for group in dict.fromkeys(column.group for column in columns if column.group is not None):
        mine = [column for column in columns if column.group == group]
        chosen = _chosen(rows, group, mine, options)
        said = [
            {column.name: row[column.exported] if event_of(row) in column.events else "" for column in mine}
            for row in chosen
        ]
        blank = {column.name: "" for column in mine}
        several = [one | other for one in several for other in (said or [blank])]
    found = [base | one for one in several]
    answers = {column.name for column in columns if column.form}
    kept = [cells for cells in found if not unfinished or any(cells[name] for name in answers)]
    if not kept:
        told.dropped["record"] += 1
    return kept


def _unfinished(row: Cells, columns: Sequence[Column], options: Options) -> set[str]:
    """The forms in a row whose answers don't count, because the form is not marked complete; those without any are not
    among them."""
    here = {
        column.form
        for column in columns
        if column.form in options.complete and column.variable and _is_place(row, column) and row[column.exported]
    }
    return {form for form in here if row[f"{form}_complete"] != "2"}


def _check_places(records: Iterable[Sequence[Cells]], columns: Sequence[Column]) -> None:
    """No answer stands only in a row that its form has no place in: it would be lost without a word."""
    plain = [column for column in columns if column.variable and column.variable.kind != "checkbox"]
    for rows in records:
        for column in plain:
            said = [row for row in rows if row[column.exported] and event_of(row) in column.events]
            if said and not any(_is_place(row, column) for row in said):
                raise SourceError(
                    f"the server answers '{column.name}' in rows of something else that repeats, must answer it in its "
                    "own. Was the project changed a moment ago? Try again."
                )


def _own(rows: Sequence[Cells], column: Column, options: Options, twofold: Counter[str]) -> str:
    """A column that doesn't repeat: the one answer among a record's rows."""
    if not column.form:
        return next((row[column.exported] for row in rows if row.get(column.exported)), "")
    said = [row[column.exported] for row in rows if _is_place(row, column) and _counts(row, [column], options)]
    filled = [one for one in said if one]
    if len(filled) > 1:
        twofold[column.name] += 1
    return filled[0] if filled else ""


def _chosen(rows: Sequence[Cells], group: str, columns: Sequence[Column], options: Options) -> list[Cells]:
    """The instances of a group that the plan's rule takes, among those that count, by their number."""
    there = [
        row for row in rows if any(_is_place(row, column) for column in columns) and _counts(row, columns, options)
    ]
    there.sort(key=lambda row: (instance_of(row)[1], event_of(row)))
    rule = {short(name): rule for name, rule in options.repeat.items()}[group]
    return _RULES[rule](there)


_RULES: Mapping[str, Callable[[list[Cells]], list[Cells]]] = {
    "first": lambda rows: rows[:1],
    "last": lambda rows: rows[-1:],
    "all": lambda rows: rows,
}


def _is_place(row: Cells, column: Column) -> bool:
    """Whether a row is where a column is read: its event, and the kind of row in which its form stands."""
    instrument, number = instance_of(row)
    around = instrument or (short(event_of(row)) if number else None)
    return event_of(row) in column.events and around == column.group


def _counts(row: Cells, columns: Iterable[Column], options: Options) -> bool:
    forms = {column.form for column in columns} & set(options.complete)
    return all(row[f"{form}_complete"] == "2" for form in forms)


def _natural(record: str) -> tuple[int, int, str]:
    """Record ids in the order in which people count: 2 before 10, both before 'a'."""
    return (0, int(record), record) if record.isascii() and record.isdigit() and len(record) < 20 else (1, 0, record)


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} ({count:,})" for name, count in sorted(counts.items()))
