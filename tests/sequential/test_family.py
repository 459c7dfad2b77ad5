"""Several claims judged together: e-Holm, e-BH, and families of comparisons that share their controls."""

import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from trials.errors import DataError, ProtocolError
from trials.sequential import Design, Unit, binary_mixture, bounded_mixture, family
from trials.sequential.family import Member, Placed
from trials.sequential.multiple import e_bh, e_holm

DESIGN = Design(1, 1, 0.3, 0.1, 0.05, 0.10, 0.21)
ARMS = ("a", "b", "c")
MEMBERS = tuple(Member(arm, binary_mixture.METHOD, DESIGN, arm) for arm in ARMS)
log_es = st.lists(st.floats(-20, 20), min_size=1, max_size=6)


@given(log_es)
def test_e_holm_is_the_closure_by_means(logs: list[float]) -> None:
    """The adjusted value is the smallest mean e-value over all sets that hold the claim, found by trying every set."""
    for i, adjusted in enumerate(e_holm(logs)):
        sets = (
            chosen
            for size in range(1, len(logs) + 1)
            for chosen in itertools.combinations(range(len(logs)), size)
            if i in chosen
        )
        smallest = min(math.fsum(math.exp(logs[j]) for j in chosen) / len(chosen) for chosen in sets)
        assert math.exp(adjusted) == pytest.approx(smallest, rel=1e-9)


@given(log_es, st.floats(0.01, 0.99))
def test_e_bh_picks_the_largest_set_that_supports_itself(logs: list[float], q: float) -> None:
    """Each one picked has E ≥ K/(q × number picked), and no larger set of the strongest has that property."""
    picked = e_bh(logs, q)
    size = sum(picked)
    needed = math.log(len(logs) / (q * max(size, 1))) - 1e-9
    assert all(log >= needed for log, chosen in zip(logs, picked, strict=True) if chosen)
    ranked = sorted(logs, reverse=True)
    for larger in range(size + 1, len(logs) + 1):
        assert ranked[larger - 1] < math.log(len(logs) / (q * larger))


def test_no_number_is_no_evidence() -> None:
    """NaN and a false discovery rate outside (0, 1) raise one sentence."""
    with pytest.raises(DataError, match="NaN, must be a number"):
        e_holm([0.0, math.nan])
    for q in (0.0, 1.0, -1.0, math.nan):
        with pytest.raises(DataError, match=r"q == .*, must be > 0 and < 1"):
            e_bh([1.0], q)


def people(rates: dict[str, float], size: int, seed: int) -> list[tuple[str, float]]:
    """(arm, loss) in the sealed order; control is 'control'."""
    rng = np.random.default_rng(seed)
    arms = rng.permuted(np.resize([*rates], size))
    return [(str(arm), float(rng.random() < rates[str(arm)])) for arm in arms]


SHARES = {"": 1, "a": 1, "b": 1, "c": 1}


def placed(drawn: list[tuple[str, float]]) -> list[Placed]:
    found = []
    for whose, loss in drawn:
        unit = Unit("", "c" if whose == "control" else "t", loss)
        names = ARMS if whose == "control" else (whose,)
        found.append(Placed("", "" if whose == "control" else whose, dict.fromkeys(names, unit)))
    return found


def judged(drawn: list[tuple[str, float]]) -> dict:  # type: ignore[type-arg]
    state = family.start(MEMBERS)
    return family.step(MEMBERS, state, placed(drawn), range(1, len(drawn) + 1), SHARES)


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 200), max_size=6), seed=st.integers(0, 2**16))
def test_a_family_resumes_where_it_was(cuts: list[int], seed: int) -> None:
    """However the participants are cut into deliveries, and through JSON each time, the family's state is the same."""
    drawn = people({"control": 0.4, "a": 0.3, "b": 0.2, "c": 0.4}, 200, seed)
    state = family.start(MEMBERS)
    for first, last in itertools.pairwise([0, *sorted(cuts), 200]):
        state = family.step(MEMBERS, state, placed(drawn[first:last]), range(first + 1, last + 1), SHARES)
        state = json.loads(json.dumps(state))
    assert state == json.loads(json.dumps(judged(drawn)))


def test_the_chance_of_any_false_benefit_is_kept() -> None:
    """Three useless arms: some arm fires benefit in at most alpha of the trials; without e-Holm in more than twice that."""
    runs, ours, naive = 150, 0, 0
    for seed in range(runs):
        state = judged(people(dict.fromkeys(("control", *ARMS), 0.3), 600, seed))
        ours += any("benefit" in crossed for crossed in state["crossed"].values())
        naive += any(member["peak"].get("benefit", 0.0) >= math.log(20) for member in state["members"].values())
    assert ours <= binom.isf(0.001, runs, 0.05)
    assert naive > 1.5 * ours


def test_the_one_arm_that_helps_is_found_and_named() -> None:
    """Among a good and two useless arms the good one fires benefit, the others never; their intervals agree with that."""
    state = judged(people({"control": 0.5, "a": 0.5, "b": 0.2, "c": 0.5}, 1200, seed=7))
    readings = family.read(MEMBERS, state)
    assert readings["b"].claims["benefit"].fired
    assert readings["b"].low is not None
    assert readings["b"].low >= 0
    for arm in ("a", "c"):
        assert not readings[arm].claims["benefit"].fired
        assert readings[arm].low is None or readings[arm].low < 0


def test_an_adjusted_claim_is_never_stronger_than_its_own() -> None:
    """e-Holm only takes away: every member's adjusted log E is at most its own, and p at least."""
    state = judged(people({"control": 0.4, "a": 0.3, "b": 0.3, "c": 0.35}, 600, seed=11))
    for member in MEMBERS:
        own = binary_mixture.read(member.own(3), state["members"][member.name])
        reading = family.read(MEMBERS, state)[member.name]
        for name, claim in reading.claims.items():
            assert claim.log_e is not None
            assert claim.log_e <= (own.claims[name].log_e or 0.0) + 1e-12


def test_a_method_without_a_trace_is_refused() -> None:
    """Claims are judged together after every block, so a method that can't tell its path raises one sentence."""
    blind = replace(binary_mixture.METHOD, trace=None)
    with pytest.raises(ProtocolError, match="must be anytime where several claims are judged together"):
        family.start([Member("a", blind, DESIGN)])


@pytest.mark.parametrize(("worse_by", "most"), [(0.05, 0.05), (0.4, 1.0)])
def test_a_guardrail_is_breached_beyond_its_margin_only(worse_by: float, most: float) -> None:
    """At its margin a guardrail's breach fires in at most alpha of the trials; far beyond it nearly always."""
    design = Design(1, 1, 0.3, 0.05, 0.05, 0.10, 0.21, values="bounded", margin=0.05)
    rng = np.random.default_rng(3)
    runs, fired = 150, 0
    for _ in range(runs):
        losses = zip(rng.random(150) < 0.3 + worse_by, rng.random(150) < 0.3, strict=True)
        arms = [unit for t, c in losses for unit in (Unit("", "t", float(t)), Unit("", "c", float(c)))]
        state = bounded_mixture.step(design, bounded_mixture.start(design), tuple(arms))
        fired += bounded_mixture.read(design, state).claims["breach"].fired
    assert fired <= binom.isf(0.001, runs, most)
    if worse_by > 0.05:
        assert fired > 0.8 * runs


@pytest.mark.parametrize("cut", [1, 57, 133, 250, 399])
def test_an_arm_that_closed_is_waited_for_no_longer(cut: int) -> None:
    """Once an arm's harm has fired and nobody joins it any more, the others' evidence goes on; however it is cut."""
    both = people({"control": 0.3, "a": 0.95, "b": 0.1, "c": 0.3}, 240, seed=5)
    more = people({"control": 0.3, "b": 0.1, "c": 0.3}, 160, seed=6)
    drawn = [*both, *more]
    whole = judged(drawn)
    assert "harm" in whole["crossed"]["a"]
    assert whole["members"]["b"]["blocks"] > judged(both)["members"]["b"]["blocks"] + 30
    first = family.step(MEMBERS, family.start(MEMBERS), placed(drawn[:cut]), range(1, cut + 1), SHARES)
    then = family.step(MEMBERS, json.loads(json.dumps(first)), placed(drawn[cut:]), range(cut + 1, 401), SHARES)
    assert json.loads(json.dumps(then)) == json.loads(json.dumps(whole))


def test_an_open_arm_that_nobody_joins_holds_the_others() -> None:
    """Without a claim against it an arm is waited for: nobody may learn of a control before all arms bet on it."""
    state = judged(people({"control": 0.3, "a": 0.3, "b": 0.3}, 90, seed=9))
    assert all(member["blocks"] == 0 for member in state["members"].values())
