"""A real trial: financial aid after prison, 432 men, weeks from release to the first arrest.

Source: `lifelines.datasets.load_rossi()`, lifelines 0.30.0 (MIT licence), as examples/rossi-financial-aid/SOURCE.md says;
that example holds the same people in the same order without the weeks. The order is arbitrary, not chronological.
"""

import csv
import math
from dataclasses import replace
from pathlib import Path

import pytest

from trials.sequential import logrank_mixture, one_arm_time
from trials.sequential.design import Design, Unit
from trials.sequential.times import hazards

# t = financial aid, c = control; weeks at risk; ! = arrested in that week.
PEOPLE = """
t52 c52 t52 t52 c52 c52 t52 c52 t20! c38! c27! c52 t52 t42! t52 t14! c52 c2! t52 c52 c8! t52 t52 c45! c52 t52 t52 c52
t52 t52 c52 t52 c52 t52 c43! c52 c52 c49! c52 c52 c52 t52 t39! c23! t52 c52 t52 t52 t52 c52 t52 t52 c52 t52 c52 t52
c52 t52 t24! c52! t52 c37! t52 t36! c52 c52 t42! c52 c52 t52 t45! t52 c52 c25! t52 t52 t52 c52 t52 c52 t52 t11! t20!
c52 c52 t52 t52 c52 c19! t46! c52 t15! t52 c52 t35! c52 t52 c30! c10! c52 c1! c50! t52 c40! t52 c52 c52 c52 c52 c52
c52 c52 c33! t52 t52 t52 c52 c48! t49! c35! c52 t52 c52 t52 t35! t52 c52 c49! t8! t52 c52 c52 c21! t52 t16! c14! t52
t52 t52 c52 t52 c52 c52 t20! t52 c52 t52 t52 t52 c52 c27! c52 c52 c52 t52 c26! t46! c52! c17! t52 t52 t52 c52 t52 t12!
t52 t52 t40! c52 c13! t52 t52 c52 c52 c52 t32! t52 c52 t52 t20! t52 t8! t52 c52 c52 c52 c52 c37! t52 t52 t52 t52 c8!
c52 c44! t52 t52 t52 t52 t52 c52 t52 t52 t52 t8! c52 c52 t15! c24! c52 c52 c52 t52 c28! t52 c52 c52 t52 c52 t30! t52
t52 c52 c52 t52 c52 c52 t52 t52 t52 t52 t52 c47! t52 c52 c52 c52 t52 c52 t52 c52 c52 c17! t52 t34! t52 c52 c52 c52 t52
t52 c52 t52 c25! c52 t52 c24! c52 c52 c52 t52 c52 c43! c52 t52 t24! t52 c52 t52 c52 t52 t36! c18! c52 t52 t48! t52 t52
c28! c52 t52 t9! t52 t52 t52 t52 t52 t52 c52 t52 t52 t52 t52 c52 t52 c43! t9! c52 t52 t52 c52 c52 c52! c52 t49! t52
t52 t52 c31! c44! t7! c52 c52 t52 t52 t52 t52 c3! t52 t52 c43! c5! t52 c52 c26! c17! t37! t22! t18! c52 c52 t36! c52
t52 c52 c40! c52 c52 c52 c52 c52 t12! t52 t52 c39! t52 c14! t52 t37! t52 t46! c52 c52 t52 c18! c52 c52 t52 t52 c52 t52
c32! c52 c52 t19! t52 t35! t52 c52 t52 t52 c52 c52 c33! c52 t52 t52 c52 t52 t52 c20! t52 c4! t52 t52 c52 t52 c26! c11!
c40! c52 c52 t52 c52 c52 t52 c6! c52 c16! t52 c21! c52 t52 t52 t52 c52 c52 c52 t52 t52 c52 c52 t52 c46! t50! c52 t52
t50! t52 c52 t34! c52 c52! t49! c52 c52 c52 c25! t52 t52 c52 c52
"""
UNITS = tuple(
    Unit("", "t" if word[0] == "t" else "c", float(word[1:].rstrip("!")), float(word.endswith("!")))
    for word in PEOPLE.split()
)
PLAN = Design(1, 1, 0.30, -math.log1p(-0.25), 0.05, 0.10, 1.0, values="time", cohort=20, most=432)
EXAMPLE = Path(__file__).parents[2] / "examples" / "rossi-financial-aid" / "data.csv"


def test_the_people_are_those_of_the_example() -> None:
    """Arm and re-arrest within the year are, person by person, those of the example's own copy of the data."""
    with EXAMPLE.open() as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["entry_order"]))
    assert [(row["arm"] == "financial_aid", float(row["rearrested_52w"])) for row in rows] == [
        (unit.arm == "t", unit.companion) for unit in UNITS
    ]


def test_everybody_in_one_cohort_gives_the_published_logrank_result() -> None:
    """One risk set of all: score test 3.8376 = the published logrank chi-square (p .0501), hazard ratio near the published.

    3.8376 and .05012: the data set's published reference figures (two-sided, without covariates); .684 is the Cox model with
    seven covariates (lifelines documentation), .691 without.
    """
    plan = replace(PLAN, cohort=432)
    state = logrank_mixture.step(plan, logrank_mixture.start(plan), UNITS)
    curve, zero = state["sums"][""], int((hazards.lattice(plan) == 0).argmax())
    assert hazards.lattice(plan)[zero] == 0
    step = hazards.effects(plan)[zero + 1]
    down, up = curve[zero - 1], curve[zero + 1]  # log likelihood at -step and step; 0 at 0
    chi_square = ((up - down) / (2 * step)) ** 2 / (-(up + down) / step**2)
    assert chi_square == pytest.approx(3.8376, abs=2e-3)
    assert math.exp(-logrank_mixture.read(plan, state).estimate) == pytest.approx(0.691, abs=2e-3)  # type: ignore[operator]


def test_by_entry_cohorts_the_trial_cannot_tell() -> None:
    """22 cohorts, the last of 12: hazard ratio .745, E for benefit at best 4.72 of the 20 that it takes; nothing fires."""
    reading = logrank_mixture.read(PLAN, logrank_mixture.step(PLAN, logrank_mixture.start(PLAN), UNITS))
    assert reading.blocks == 22
    assert not any(claim.fired for claim in reading.claims.values())
    assert math.exp(-reading.estimate) == pytest.approx(0.745, abs=1e-3)  # type: ignore[operator]
    assert 1 / reading.claims["benefit"].p == pytest.approx(4.72, abs=0.01)  # type: ignore[operator]
    assert reading.low is not None
    assert reading.high is not None
    assert reading.low < 0 < -math.log(0.684) < reading.high


def test_the_treated_alone_against_a_benchmark_of_thirty_in_a_hundred() -> None:
    """48 of 216 arrested: the estimate is log(A / N) with A the benchmark's cumulative hazard, and benefit fires at 20 to 1."""
    plan = replace(PLAN, n_c=0, cap=52.0)
    treated = tuple(unit for unit in UNITS if unit.arm == "t")
    reading = one_arm_time.read(plan, one_arm_time.step(plan, one_arm_time.start(plan), treated))
    weeks = math.fsum(unit.loss for unit in treated if unit.loss is not None)
    assert (len(treated), sum(unit.companion for unit in treated)) == (216, 48)
    assert reading.estimate == pytest.approx(math.log(-math.log(0.70) * weeks / 52 / 48), abs=1e-12)
    assert reading.claims["benefit"].fired
