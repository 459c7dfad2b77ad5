"""expectations.engine: suites are whole, and what is not evaluated never passes."""

from __future__ import annotations

import logging
from importlib.resources import files

import pytest

from expectations import engine
from trials.errors import DataError
from trials.outcomes import KINDS, Kind

NAMES = sorted(
    file.name.removesuffix(".json")
    for file in (files("expectations") / "suites").iterdir()
    if file.name.endswith(".json")
)


@pytest.mark.parametrize("name", NAMES)
def test_every_expectation_says_why(name: str) -> None:
    """Every expectation in every suite has a rule name of its own and the reason that a site reads."""
    suite = engine.load(name)
    assert len(set(suite.rules)) == len(suite.expectations) > 0
    assert all(expectation["description"] for expectation in suite.expectations)


def test_kinds_include_the_rules_of_every_row() -> None:
    """The suite of a kind holds every row's rules and its own."""
    row = engine.load("row").rules
    assert engine.load("binary").rules == (*row, "value_zero_or_one")
    assert engine.load("amount").rules == (*row, "value_plain_number", "value_finite")
    assert engine.load("score").rules == (*row, "value_plain_number", "value_not_below_scale", "value_not_above_scale")
    companion = ("companion_given", "companion_with_value")
    exposure = ("exposure_plain_number", "exposure_positive")
    assert engine.load("count").rules == (*row, "value_whole", *companion, *exposure)
    times = ("value_plain_number", "value_positive", *companion, "event_zero_or_one")
    assert engine.load("time_to_event").rules == (*row, *times)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.name))
def test_every_kind_has_a_suite(kind: Kind) -> None:
    """A kind without one would have every delivery of its trials refused as unjudged."""
    assert len(engine.load(kind.name).expectations) > len(engine.load("row").expectations)


def test_reasons_name_all_failing_rows() -> None:
    """Every failing row is named, also beyond the first twenty."""
    one = {"name": "x", "problem": None, "identifier": None, "missing": None, "header": ""}
    rows = [{**one, "rows": number % 2} for number in range(60)]
    found = engine.reasons(engine.load("structure"), rows)
    assert [bool(one) for one in found] == [number % 2 == 0 for number in range(60)]


def test_unknown_type_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    """A misspelt expectation type, which Great Expectations would drop, stops the checks."""
    right = engine.load("structure")
    misspelt = {**right.expectations[0], "type": "expect_column_values_to_be_nul"}
    suite = engine.Suite("structure", (misspelt, *right.expectations[1:]))
    row = {"name": "x", "problem": None, "identifier": None, "missing": None, "header": "", "rows": 1}
    with caplog.at_level(logging.CRITICAL), pytest.raises(engine.ChecksError, match="3 of the 4 checks"):
        engine.reasons(suite, [row])


def test_missing_column_is_an_error() -> None:
    """A rule that could not be evaluated raises instead of passing."""
    one = {"name": "x", "problem": None, "identifier": None, "missing": None, "header": ""}
    with pytest.raises(DataError, match="could not be evaluated"):
        engine.reasons(engine.load("structure"), [one])


def test_unknown_suite_is_an_error() -> None:
    """A suite that nobody wrote is refused by name."""
    with pytest.raises(engine.ChecksError, match=r"suites/colour\.json"):
        engine.load("colour")


def test_no_rows_need_no_check() -> None:
    """No rows give no reasons."""
    assert engine.reasons(engine.load("structure"), []) == []
