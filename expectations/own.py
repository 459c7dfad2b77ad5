"""Expectations of our own: each is one of Great Expectations', with the column, limit and words of a trial's vital sign.

A class that is defined is known to Great Expectations by its name in snake case, so importing this module is all that it
takes for suites/*.json to name them; a suite may still give another column or limit. All judge one row a trial, made by
`expectations.health`; a blank sign (too few people to say) breaks none.

The limit of a p-value is SUSPICIOUS, .001 at each delivery, and that of drift DRIFTING, .0002.
docs/scripts/health_evidence.py prints how often each flags a sound trial at any of 50 deliveries.
"""

from __future__ import annotations

from great_expectations.expectations.core.expect_column_values_to_be_between import ExpectColumnValuesToBeBetween
from great_expectations.expectations.core.expect_column_values_to_be_null import ExpectColumnValuesToBeNull

from trials.rules import DRIFTING, LATE_SHARE, SUSPICIOUS


class ExpectSampleRatioAsPlanned(ExpectColumnValuesToBeBetween):
    """The arms have the people that the plan allocates, up to chance: exact p of the split, over the trial or per site."""

    column: str = "sample_ratio_p"
    min_value: float = SUSPICIOUS
    description: str = "The arms have the people that the plan allocates, up to chance."


class ExpectMissingnessIndependentOfArm(ExpectColumnValuesToBeBetween):
    """Outcomes are missing alike in all arms, up to chance: exact p of the missing by arm."""

    column: str = "missing_p"
    min_value: float = SUSPICIOUS
    description: str = "Outcomes are missing alike in all arms, up to chance."


class ExpectNoOutcomeDrift(ExpectColumnValuesToBeBetween):
    """The outcome's level is the same in both halves of the people, by order of entry: exact p within the arms."""

    column: str = "drift_p"
    min_value: float = DRIFTING
    description: str = "The outcome's level is the same in the first half of the people as in the second, up to chance."


class ExpectFewLate(ExpectColumnValuesToBeBetween):
    """At most one report in ten comes too late to count."""

    column: str = "late_share"
    max_value: float = LATE_SHARE
    description: str = "At most one report in ten comes too late to count."


class ExpectOneArmPerParticipant(ExpectColumnValuesToBeNull):
    """Nobody is sent under another arm or site than they were registered in (crossover): no rows that say so."""

    column: str = "crossovers"
    description: str = "Every participant stays in the arm and the site that they were registered in."


class ExpectInRegister(ExpectColumnValuesToBeNull):
    """Everybody who is sent was enrolled: no rows of people that the trial's closed register doesn't have."""

    column: str = "unregistered"
    description: str = "Everybody who is sent is in the trial's register."
