"""Group sequential boundaries, designs and sample sizes against what other people's programs made.

Each entry says its own plan; the tests read that, so other files of the same form are compared as well. Tolerances:
- rpact: 5e-7 for up to 10 looks, or where that is more, the 1e-8 of alpha to which it solves (it ends at .02499999 for
  .025); 1e-5 beyond 10 looks, where it calls itself not validated.
- gsDesign: 1e-5, from its coarser grid. - The 200-node recursion: 1e-10.
- Far bounds: two programs also agree when the probabilities of crossing differ by less than 1e-15, which is what double
  precision leaves of 1 − Φ: z = 7.8378 and 7.8380 at the fourth of 50 looks are 3e-18 apart, and the exact one is 7.8380.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest
from scipy.stats import norm

from trials.sequential.grouped.boundaries import Boundaries, boundaries
from trials.sequential.grouped.sample_size import binary_people, events, people_for_events
from trials.sequential.grouped.spending import equally_spaced

Reference = Callable[[str], Mapping[str, Any]]
Checked = Callable[[int], None]

SHAPES = {"OF": "obrien-fleming", "P": "pocock", "KD": "kim-demets", "HSD": "hwang-shih-decani"}
CLASSICAL = {"P": "classical-pocock", "OF": "classical-obrien-fleming"}
# rpact says "Inf" for a bound that is crossed with a probability below this; we say None below 1e-16.
SMALLEST_CHANCE = 4e-14
# rpact finds a bound where the error spent is met to this.
RPACT = 1.5e-8
# At or below this both programs take a lower bound for none.
NO_FUTILITY = -6.0
FAR = 6.0


def shape_of(text: str, use: str) -> tuple[str, float | None]:
    """asOF, asP, asKD rho=1, asHSD gamma=-4 (use 'as'), or the same for beta (use 'bs')."""
    found = re.fullmatch(rf"{use}(OF|P|KD|HSD)(?: (?:rho|gamma)\s*=\s*(\S+))?", text)
    assert found, f"{text} is no spending function that is known here"
    return SHAPES[found[1]], None if found[2] is None else float(found[2])


def information_of(entry: Mapping[str, Any]) -> tuple[float, ...]:
    if "informationRates" not in entry:
        return equally_spaced(int(entry["K"]))
    fractions = tuple(entry["informationRates"])
    assert int(entry.get("K", len(fractions))) == len(fractions)
    return fractions


def only(entry: Mapping[str, Any], *known: str) -> None:
    """An entry that holds a field which nothing here compares fails."""
    assert not set(entry) - set(known), f"fields that nothing compares: {sorted(set(entry) - set(known))}"


def agree(ours: float | None, theirs: float | str | None, tolerance: float, solved: float) -> bool:
    """Two bounds are as close as the tolerance, both practically infinite, or crossed with the same probability."""
    if theirs is None or theirs == "Inf" or (isinstance(theirs, float) and math.isinf(theirs)):
        return ours is None or norm.sf(ours) < SMALLEST_CHANCE
    if theirs == "-Inf" or float(theirs) <= NO_FUTILITY:
        return ours is None or ours <= NO_FUTILITY
    if ours is None:
        return bool(norm.sf(abs(float(theirs))) < 2e-16)
    apart, chances = abs(ours - float(theirs)), abs(norm.sf(ours) - norm.sf(float(theirs)))
    # Beyond 6 standard deviations a bound moves by more than the tolerance with the last digit of the other's probability.
    far = min(ours, float(theirs)) > FAR and apart <= 10 * tolerance and chances <= solved
    return bool(apart <= tolerance or far or chances < 1e-15)


def same_bounds(
    ours: Iterable[float | None], theirs: Iterable[Any], tolerance: float, checked: Checked, solved: float = 0.0
) -> None:
    """Every look's bound agrees. solved: the error in probability to which the other program solves for a bound."""
    ours, theirs = list(ours), list(theirs)
    assert len(ours) == len(theirs)
    for look, (mine, other) in enumerate(zip(ours, theirs, strict=True), 1):
        assert agree(mine, other, tolerance, solved), f"look {look}: {mine} here, {other} there"
    checked(len(theirs))


def same(ours: float | None, theirs: float, tolerance: float, checked: Checked) -> None:
    assert ours is not None
    assert abs(ours - theirs) <= tolerance
    checked(1)


def within_rpact(looks: int) -> float:
    return 5e-7 if looks <= 10 else 1e-5


def test_efficacy_boundaries_of_spending_functions(reference: Reference, checked: Checked) -> None:
    """Upper bounds and spent alpha are rpact's and gsDesign's, for every spending function, number and spacing of looks."""
    for entry in reference("lan_demets_efficacy.json")["values"]:
        only(entry, "spending", "K", "informationRates", "alpha_one_sided", "rpact", "gsDesign", "alphaSpent")
        name, parameter = shape_of(entry["spending"], "as")
        plan = boundaries(information_of(entry), entry["alpha_one_sided"], name, parameter=parameter)
        assert set(entry) & {"rpact", "gsDesign"}
        if "rpact" in entry:
            same_bounds(plan.upper, entry["rpact"], within_rpact(len(plan.upper)), checked, RPACT)
        if "gsDesign" in entry:
            same_bounds(plan.upper, entry["gsDesign"], 1e-5, checked)
        if "alphaSpent" in entry:
            assert plan.alpha_spent == pytest.approx(list(entry["alphaSpent"]), abs=2e-8, rel=0)
            checked(len(entry["alphaSpent"]))


def test_non_binding_futility(reference: Reference, checked: Checked) -> None:
    """Both bounds, drift, inflation factor and expected numbers of beta-spending plans are rpact's and gsDesign's."""
    for entry in reference("nonbinding_futility.json")["values"]:
        rpact = ("rpact_upper", "rpact_lower", "rpact_shift", "rpact_inflation", "asn1", "asn01", "asn0")
        gs_design = ("gsDesign_upper", "gsDesign_lower", "gsDesign_drift")
        only(entry, "alphaSpending", "betaSpending", "K", "informationRates", "alpha", "beta", *rpact, *gs_design)
        (name, parameter), (futility, its_own) = (
            shape_of(entry["alphaSpending"], "as"),
            shape_of(entry["betaSpending"], "bs"),
        )
        plan = boundaries(
            information_of(entry),
            entry["alpha"],
            name,
            parameter=parameter,
            futility=futility,
            futility_parameter=its_own,
            beta=entry["beta"],
        )
        _same_as_rpact(plan, entry, checked)
        if "gsDesign_upper" in entry:
            same_bounds(plan.upper, entry["gsDesign_upper"], 1e-5, checked)
            same_bounds(plan.lower, entry["gsDesign_lower"], 1e-5, checked)
            same(plan.drift, entry["gsDesign_drift"], 1e-5, checked)


def _same_as_rpact(plan: Boundaries, entry: Mapping[str, Any], checked: Checked) -> None:
    tolerance = within_rpact(len(plan.upper))
    same_bounds(plan.upper, entry["rpact_upper"], tolerance, checked, RPACT)
    same_bounds(plan.lower[:-1], entry["rpact_lower"], tolerance, checked, RPACT)
    assert plan.drift is not None
    # The shift is the drift squared, so its error is 2 · drift times as large.
    same(plan.drift**2, entry["rpact_shift"], 2 * plan.drift * tolerance, checked)
    same(plan.inflation, entry["rpact_inflation"], tolerance, checked)
    same(plan.expected_h1, entry["asn1"], tolerance, checked)
    same(plan.expected_half, entry["asn01"], tolerance, checked)
    same(plan.expected_h0, entry["asn0"], tolerance, checked)


def test_classical_constants(reference: Reference, checked: Checked) -> None:
    """C_P and C_B, and the bounds that follow from them, are those of Jennison & Turnbull's tables 2.1 and 2.3, by rpact."""
    for entry in reference("jt_classical_constants.json")["values"]:
        only(entry, "type", "K", "informationRates", "alpha_two_sided", "constant", "criticalValues")
        looks = information_of(entry)
        plan = boundaries(looks, entry["alpha_two_sided"], CLASSICAL[entry["type"]], sided=2)
        tolerance = within_rpact(len(looks))
        same(plan.constant, entry["constant"], tolerance, checked)
        # A bound is the constant times up to √K, and so is its error.
        same_bounds(plan.upper, entry["criticalValues"], tolerance * math.sqrt(len(looks)), checked, RPACT)


def test_bounds_of_an_independent_recursion(reference: Reference, checked: Checked) -> None:
    """Up to 50 looks the bounds are those of a Gauss-Legendre recursion with 200 nodes that somebody else wrote."""
    for label, theirs in reference("exact_dp.json")["gs_bounds_gauss_legendre_200"].items():
        found = re.fullmatch(r"LD(OF|Pocock) K=(\d+) alpha=(\S+)", label)
        assert found, f"{label} is no plan that is known here"
        shape = {"OF": "obrien-fleming", "Pocock": "pocock"}[found[1]]
        ours = boundaries(equally_spaced(int(found[2])), float(found[3]), shape).upper
        assert [bound is None for bound in ours] == [bound is None for bound in theirs]
        same_bounds(ours, theirs, 1e-10, checked)


def test_beta_blocker_heart_attack_trial(reference: Reference, checked: Checked) -> None:
    """BHAT's bounds, and that its statistic first reached them at the sixth of seven reviews."""
    entry = reference("bhat.json")
    only(entry, "note", "versions", "OF_boundary", "LDOF_boundary", "z", "first_crossing_OF", "LDOF_first_crossing")
    alpha = _number(r"two-sided alpha (\S+?)[.,]? ", entry["note"])
    for name, field, crossing in (
        ("classical-obrien-fleming", "OF_boundary", "first_crossing_OF"),
        ("obrien-fleming", "LDOF_boundary", "LDOF_first_crossing"),
    ):
        plan = boundaries(equally_spaced(len(entry[field])), alpha, name, sided=2)
        same_bounds(plan.upper, entry[field], 5e-7, checked, RPACT)
        reached = [
            k
            for k, (z, bound) in enumerate(zip(entry["z"], plan.upper, strict=False), 1)
            if bound is not None and z >= bound
        ]
        assert reached[0] == entry[crossing]
        checked(1)
    checked(len(entry["z"]))


def _number(pattern: str, note: str) -> float:
    found = re.search(pattern, note)
    assert found, f"the note does not say {pattern}"
    return float(found[1])


def test_sample_sizes(reference: Reference, checked: Checked) -> None:
    """People and events, fixed and group sequential, are rpact's: Schoenfeld's events, uniform accrual, constant hazards."""
    entry = reference("sample_sizes.json")
    sizes = ("fixed_total", "gs_max_total", "gs_EN_H0", "gs_EN_H01", "gs_EN_H1", "surv_max_events", "surv_max_subjects")
    only(entry, "note", "versions", *sizes)
    note = entry["note"]
    # The note holds the plan; read what it says rather than what it said once.
    treated, control = (_number(rf"two arms {pair}", note) for pair in (r"(\S+) vs", r"\S+ vs ([.\d]*\d)"))
    alpha, power = _number(r"alpha ([.\d]*\d) one-sided", note), _number(r"power ([.\d]*\d)", note)
    found = re.search(r"GS K=(\d+) (as\w+(?: \w+=\S+)?)/(bs\w+(?: \w+=\S+)?) non-binding", note)
    assert found, "the note does not say the group sequential plan"
    (name, parameter), (futility, its_own) = shape_of(found[2], "as"), shape_of(found[3], "bs")
    plan = boundaries(
        equally_spaced(int(found[1])),
        alpha,
        name,
        parameter=parameter,
        futility=futility,
        futility_parameter=its_own,
        beta=1 - power,
    )
    people = binary_people(treated, control, alpha, 1 - power)
    assert plan.inflation is not None
    assert plan.expected_h0 is not None
    assert plan.expected_half is not None
    assert plan.expected_h1 is not None
    same(people, entry["fixed_total"], 1e-6 * people, checked)
    same(people * plan.inflation, entry["gs_max_total"], 1e-6 * people, checked)
    same(people * plan.expected_h0, entry["gs_EN_H0"], 1e-6 * people, checked)
    same(people * plan.expected_half, entry["gs_EN_H01"], 1e-6 * people, checked)
    same(people * plan.expected_h1, entry["gs_EN_H1"], 1e-6 * people, checked)
    ratio, hazard = _number(r"HR ([.\d]*\d)", note), _number(r"control hazard ([.\d]*\d)", note)
    accrual, follow_up = _number(r"accrual ([.\d]*\d)", note), _number(r"follow-up ([.\d]*\d)", note)
    most = events(ratio, alpha, 1 - power) * plan.inflation
    same(most, entry["surv_max_events"], 1e-6 * most, checked)
    enrolled = people_for_events(most, hazard, ratio, accrual, follow_up)
    same(enrolled, entry["surv_max_subjects"], 1e-6 * enrolled, checked)
