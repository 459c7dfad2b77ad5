"""expectations.own: our own expectations are Great Expectations' with a column and a limit of their own."""

from __future__ import annotations

import pytest

from expectations import engine, own
from expectations.engine import Suite
from trials.rules import DRIFTING, LATE_SHARE, SUSPICIOUS

CLASSES = [
    own.ExpectSampleRatioAsPlanned,
    own.ExpectMissingnessIndependentOfArm,
    own.ExpectNoOutcomeDrift,
    own.ExpectFewLate,
    own.ExpectOneArmPerParticipant,
    own.ExpectInRegister,
]
# By type: a value that passes, one that breaks it. The limit itself passes.
JUDGED = {
    "expect_sample_ratio_as_planned": (SUSPICIOUS, 0.00099),
    "expect_missingness_independent_of_arm": (SUSPICIOUS, 0.00099),
    "expect_no_outcome_drift": (DRIFTING, 0.00019),
    "expect_few_late": (LATE_SHARE, 0.101),
    "expect_one_arm_per_participant": (None, 1),
    "expect_in_register": (None, 3),
}


def suite(name: str, **kwargs: object) -> Suite:
    return Suite("own", ({"type": name, "kwargs": kwargs, "meta": {"rule": "it"}, "description": "it broke"},))


@pytest.mark.parametrize("one", CLASSES, ids=lambda one: one.__name__)
def test_each_says_what_it_expects(one: type) -> None:
    """A class has its type name, its column and one sentence."""
    made = one()
    assert made.expectation_type in JUDGED
    assert made.column
    assert made.description.endswith(".")


@pytest.mark.parametrize("name", JUDGED)
def test_each_judges_by_its_own_column_and_limit(name: str) -> None:
    """Named in a suite without any argument it passes the good value and a blank, and breaks on the bad one."""
    column = next(one().column for one in CLASSES if one.expectation_type == name)
    good, bad = JUDGED[name]
    rows = [{column: value} for value in (good, None, bad)]
    assert engine.reasons(suite(name), rows) == [(), (), ("it broke",)]


def test_a_suite_may_name_another_column() -> None:
    """The sample ratio is judged twice in suites/health.json: over the trial, and per site."""
    rows = [{"site_ratio_p": 0.5}, {"site_ratio_p": 0.0001}]
    found = engine.reasons(suite("expect_sample_ratio_as_planned", column="site_ratio_p"), rows)
    assert found == [(), ("it broke",)]


def test_the_health_suite_uses_every_one() -> None:
    """No own expectation lies unused, and no other of that name is used."""
    used = {one["type"] for one in engine.load("health").expectations}
    assert used - {"expect_column_values_to_be_between"} == set(JUDGED)
