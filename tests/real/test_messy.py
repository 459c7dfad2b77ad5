"""Tables that were never trials, through the real way in: what is wrong is set aside with a reason, and nothing is lost.

The hospitals' table is kept here; the others are judged when `--real DIR` names a folder with `messy/<name>/data.csv`.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.real import messy
from tests.real.messy import FORCE, HEIGHTS, HOSPITALS, TABLES, Table
from trials.records import Receipt

PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?")
CAPITALS = re.compile("[A-Z]")
# Columns whose right contents no plan can list; what else is wrong in the table can be seen cell by cell.
FREE_TEXT = {"HospitalName", "Address1", "City", "CountyName", "MeasureName"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Which tables are at hand: a test on one that is not is left out, and the summary of this folder says why."""
    real = metafunc.config.getoption("--real", default=None)
    folder = None if real is None else Path(real)
    if "table" in metafunc.fixturenames:
        there = [table for table in TABLES if messy.path_of(table, folder) is not None]
        metafunc.parametrize("table", there, ids=[table.name for table in there])


@pytest.fixture(scope="session")
def folder(pytestconfig: pytest.Config) -> Path | None:
    real = pytestconfig.getoption("--real", default=None)
    return None if real is None else Path(real)


def played(table: Table, folder: Path | None, home: Path) -> tuple[list[messy.Row], Receipt]:
    path = messy.path_of(table, folder)
    assert path is not None
    rows = messy.read(path)
    return rows, messy.ingested(table, messy.delivered(table, rows), home)


def test_every_row_ends_accepted_or_set_aside_with_a_reason(table: Table, folder: Path | None, tmp_path: Path) -> None:
    """Accepted and quarantined rows are the table's rows, each row once, and no reason is empty."""
    rows, receipt = played(table, folder, tmp_path)
    assert (receipt.refusal, receipt.duplicates, receipt.corrections) == (None, 0, 0)
    assert receipt.accepted + receipt.quarantined == len(rows)
    assert 0 < receipt.quarantined < len(rows)
    numbers = [one.row_no for one in receipt.reasons]
    assert len(set(numbers)) == len(numbers) == receipt.quarantined
    assert set(numbers) <= set(range(1, len(rows) + 1))
    assert all(one.reason.strip() for one in receipt.reasons)
    wrong = {
        HEIGHTS.name: lambda row: not (PLAIN_NUMBER.fullmatch(row["height"]) and 50 <= float(row["height"]) <= 84),
        FORCE.name: lambda row: (
            row["precinct"] == "0" or not CAPITALS.match(row["type_resistance"]) or "&" in row["primary_offense"]
        ),
    }.get(table.name)
    if wrong is not None:
        assert set(numbers) == {place for place, row in enumerate(rows, start=1) if wrong(row)}


def test_what_is_flagged_among_hospitals_is_wrong(folder: Path | None, tmp_path: Path) -> None:
    """Every cell that is flagged is known to be wrong; every wrong cell is flagged where a plan can say what is right."""
    rows, receipt = played(HOSPITALS, folder, tmp_path)
    known = messy.truth(folder)
    wrong = {(int(one["row_0based"]), one["attribute"]) for one in known}
    assert all(rows[int(one["row_0based"])][one["attribute"]] == one["dirty"] for one in known)
    flagged = messy.flagged(receipt, HOSPITALS)
    assert flagged <= wrong
    unseen = Counter(name for _, name in wrong - flagged)
    assert set(unseen) <= FREE_TEXT
    found = messy.meet(flagged, wrong)
    assert (found.flagged, found.wrong) == (347, 509)
    by_row = messy.meet({place for place, _ in flagged}, {place for place, _ in wrong})
    assert {one.row_no - 1 for one in receipt.reasons} == {place for place, _ in flagged}
    assert (by_row.flagged, by_row.wrong, by_row.both) == (293, 407, 293)


def test_lines_that_repeat_another_are_set_aside(table: Table, folder: Path | None, tmp_path: Path) -> None:
    """Where a person is known by what the line says, each line that says it again is quarantined as a duplicate."""
    path = messy.path_of(table, folder)
    assert path is not None
    rows = messy.read(path)
    lines = Counter(tuple(cell for name, cell in row.items() if name != "row_id") for row in rows)
    repeats = len(rows) - len(lines)
    receipt = messy.ingested(table, messy.delivered(table, rows, messy.by_line()), tmp_path)
    assert receipt.accepted + receipt.quarantined == len(rows)
    assert sum("duplicate" in one.reason for one in receipt.reasons) == repeats
    assert repeats == {FORCE.name: 669, HOSPITALS.name: 0}.get(table.name, repeats)
