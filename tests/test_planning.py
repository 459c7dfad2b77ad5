"""What a plan can and cannot tell, before anybody is asked to join."""

import io
import json
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from flows import simulate
from flows.template import TEMPLATE, outlook_text
from trials import planning
from trials.comparing import design_of, method_of
from trials.errors import ProtocolError
from trials.outcomes import KINDS
from trials.protocol import Protocol, from_content, from_yaml
from trials.sequential import METHODS, Design
from trials.sequential.operating import courses, fixed_size, truths

ONE = [{"id": "a"}]
THREE = [{"id": "u", "role": "control"}, {"id": "a"}, {"id": "b"}]
COUNT = {"measure": "m", "kind": "count", "better": "lower", "baseline": 2.0, "worthwhile": 0.5, "bounds": [0, 12]}
COUNT |= {"exposure": "months", "sd": 1.8}
TIME = {"measure": "w", "kind": "time_to_event", "better": "lower", "baseline": 0.4, "worthwhile": 0.35, "event": "e"}
SCORE = {
    "measure": "s",
    "kind": "score",
    "better": "lower",
    "baseline": 0.5,
    "worthwhile": 0.1,
    "bounds": [0, 1],
    "sd": 0.2,
}


def binary(people: int, baseline: float = 0.30, worthwhile: float = 0.08, better: str = "lower") -> Protocol:
    body = json.loads(from_yaml(TEMPLATE).canonical())
    body["primary"] |= {"baseline": baseline, "worthwhile": worthwhile, "better": better}
    body["monitoring"]["max_participants"] = people
    return from_content(body)


def plan_of(people: int, primary: dict[str, Any] | None = None, *, sites: int = 1, **changes: Any) -> Protocol:
    """A plan of so many people with another measure, or other keys."""
    body = json.loads(binary(people).canonical())
    if primary is not None:
        body["primary"] = primary | {"follow_up": "52 weeks"}
    body["sites"] = [{"id": str(number)} for number in range(sites)]
    for key, value in changes.items():
        body[key] = body[key] | value if isinstance(value, dict) else value
    return from_content(body)


def test_the_fixed_size_agrees_with_another_program() -> None:
    """.22 against .30, one-sided .05, power .9: 1,026.05 people (shared reference file sample_sizes.json, by R's rpact)."""
    design = design_of(binary(1000))
    assert fixed_size.needed(design, 0.08) == pytest.approx(1026.05, abs=0.01)
    assert planning.fixed_size(binary(1000))[0] == 1027


def test_what_the_planned_number_finds_is_its_own_inverse() -> None:
    """A plan whose worthwhile effect is what n people find needs n people."""
    _, detectable = planning.fixed_size(binary(600))
    assert detectable is not None
    size, _ = planning.fixed_size(binary(600, worthwhile=round(detectable, 6)))
    assert size == pytest.approx(600, abs=2)


@pytest.mark.parametrize(
    ("design", "effect", "people"),
    [
        # 2 (z.95 + z.90)² 2 σ²/δ² with σ = .2, δ = .1: 4 · 8.5638 · .04/.01.
        (Design(1, 1, 0.5, 0.1, 0.05, 0.10, 0.04, values="bounded"), 0.1, 137.02),
        # Schoenfeld (1981): 4 · 8.5638/log(2)² = 71.30 events; half have one without the idea, 1 − √.5 with it.
        (Design(1, 1, 0.5, np.log(2), 0.05, 0.10, 1.0, values="time"), np.log(2), 71.30 / ((0.5 + 1 - 0.5**0.5) / 2)),
        # Poisson, 2 against 1.5: 2 · 8.5638 · (2 + 1.5)/.25.
        (Design(1, 1, 2.0, 0.5, 0.05, 0.10, 1.0, values="count", cap=12), 0.5, 239.79),
        # One arm, mean: 8.5638 · .04/.01.
        (Design(1, 0, 0.5, 0.1, 0.05, 0.10, 0.04, values="bounded"), 0.1, 34.26),
    ],
)
def test_fixed_sizes_follow_their_formulas(design: Design, effect: float, people: float) -> None:
    """Worked by hand from the formulas that `fixed_size` names, (z.95 + z.90)² = 8.5638."""
    assert fixed_size.needed(design, effect) == pytest.approx(people, abs=0.05)


@pytest.mark.parametrize("values", ["binary", "bounded", "count", "time"])
@pytest.mark.parametrize("n_c", [0, 1, 2])
def test_fixed_size_trials_have_the_power_that_is_said(values: str, n_c: int) -> None:
    """The test at the end of 2,000 simulated trials of the size said rejects in 90 of 100, give or take the approximation."""
    baseline, star = {"binary": (0.3, 0.1), "bounded": (0.5, 0.1), "count": (2.0, 0.5), "time": (0.4, 0.5)}[values]
    spread = {"binary": 0.21, "bounded": 0.04, "count": 1.6, "time": 1.0}[values]
    design = Design(1, n_c, baseline, star, 0.05, 0.10, spread, values=values, cap=12.0 if values == "count" else 1.0)
    people, runs, rng = fixed_size.needed(design, star), 2_000, np.random.default_rng(4)
    n_t = max(round(people / (1 + n_c)), 1)
    rates = truths.rates(design, star)
    t, t_event = truths.drawn(design, rates[1], (runs, n_t), rng)
    c, c_event = truths.drawn(design, rates[0], (runs, n_t * n_c), rng)
    if values == "time":  # exponential times: the log of the ratio of rates, which the logrank test equals in size
        events = t_event.sum(1), c_event.sum(1)
        if n_c == 0:
            expected = rates[0] * t.sum(1)
            z = (expected - events[0]) / np.sqrt(expected)
        else:
            z = np.log((events[1] / c.sum(1)) / (events[0] / t.sum(1))) / np.sqrt(1 / events[0] + 1 / events[1])
    elif n_c == 0:
        z = (rates[0] - t.mean(1)) / np.sqrt(truths.variance(design, rates[0]) / n_t)
    else:
        z = (c.mean(1) - t.mean(1)) / np.sqrt(c.var(1) / c.shape[1] + t.var(1) / n_t)
    # Schoenfeld's number is for hazards that hardly differ; at 1:2 and a hazard ratio of .6 it is a little short.
    off = 0.06 if values == "time" and n_c else 0.03
    assert abs(float((z >= 1.6448536).mean()) - 0.90) < off


def test_a_small_trial_is_told_what_it_can_find() -> None:
    """60 people at a base rate of 29 % find only a very large fall, and the sentence says so with the number it would take."""
    plan = planning.check(binary(60, baseline=0.29, worthwhile=0.10))
    assert plan.detectable is not None
    assert plan.detectable > 0.25
    assert plan.sentence.startswith("60 people are few: a trial of this size finds 2")
    assert f"{plan.fixed_size:,}" in plan.sentence


@pytest.mark.parametrize(("baseline", "better"), [(0.30, "lower"), (0.60, "higher")])
def test_repeated_trials_keep_their_error_rates(baseline: float, better: str) -> None:
    """Exactly: a dud is promoted in at most alpha of them, a worthwhile idea dropped in at most beta."""
    plan = planning.check(binary(600, baseline, 0.10, better))
    by_truth = {outlook.truth: outlook for outlook in plan.outlooks}
    assert all(outlook.exact and outlook.error == 0 for outlook in plan.outlooks)
    assert by_truth["no effect"].promote <= 0.05
    assert plan.drops_worthwhile == by_truth["worthwhile"].drop <= 0.10
    order = ["harmful", "no effect", "half", "worthwhile", "twice worthwhile"]
    promoted = [by_truth[truth].promote for truth in order]
    assert promoted == sorted(promoted)
    assert by_truth["no effect"].people < 600


def test_the_effect_shown_is_shown_as_often_as_said() -> None:
    """A trial whose idea has that effect is promoted in 90 of 100; a fixed-size trial of that size finds a smaller one."""
    protocol = binary(800)
    plan = planning.check(protocol)
    assert plan.shown is not None
    assert plan.detectable is not None
    course = courses.play(design_of(protocol), method_of(protocol), plan.shown, participants=800, runs=1, seed=1)
    assert course.promote == pytest.approx(0.90, abs=0.003)
    assert plan.detectable < plan.shown < 1.4 * plan.detectable


@pytest.mark.parametrize(
    ("name", "protocol"),
    [
        ("three sites", plan_of(300, sites=3)),
        ("three arms", plan_of(450, arms=THREE, design="multi_arm")),
        ("three arms, score", plan_of(240, SCORE, arms=THREE, design="multi_arm")),
        ("one arm", plan_of(200, arms=ONE, design="one_arm")),
        ("score", plan_of(200, SCORE)),
        ("clusters", plan_of(60, SCORE, unit="cluster")),
        ("count", plan_of(300, COUNT)),
        ("one arm, count", plan_of(100, COUNT, arms=ONE, design="one_arm")),
        ("time", plan_of(300, TIME)),
        ("one arm, time", plan_of(100, TIME | {"bounds": [0, 52]}, arms=ONE, design="one_arm")),
        ("planned looks", plan_of(400, monitoring={"method": "group-sequential"})),
    ],
)
def test_every_kind_and_design_has_its_outlooks(name: str, protocol: Protocol) -> None:
    """Shares add up, errors are kept within four standard errors, and half of the trials end within the planned people."""
    plan = planning.check(protocol, runs=300)
    assert plan.outlooks[0].truth == "worthwhile"
    for outlook in plan.outlooks:
        total = outlook.promote + outlook.drop + outlook.stop_for_harm + outlook.cant_tell
        assert total == pytest.approx(1.0, abs=1e-9), name
        assert list(outlook.ended_by) == sorted(outlook.ended_by)
        assert 0 < outlook.people <= protocol.monitoring.max_participants + 1e-9
        assert outlook.exact == (outlook.error == 0 and name != "planned looks")
    by_truth = {outlook.truth: outlook for outlook in plan.outlooks}
    runs = by_truth["no effect"].runs
    if runs:
        assert round(by_truth["no effect"].promote * runs) <= binom.ppf(0.9999, runs, 0.05)
        assert round(by_truth["worthwhile"].drop * runs) <= binom.ppf(0.9999, runs, 0.10)
    text = outlook_text(protocol, plan)
    assert (
        ("clusters" in text) == (name == "clusters") and "people" not in text
        if name == "clusters"
        else "people" in text
    )


def test_planned_looks_are_integrated_to_what_the_method_does() -> None:
    """400 people, five looks, 10 more in 100: 150 trials fed to the method one by one end alike, within its approximation."""
    protocol = plan_of(400, monitoring={"method": "group-sequential"})
    design, runs = design_of(protocol), 150
    expected = courses.integrated(design, 0.10)
    found = courses.of_crossings(
        courses.generic(
            design,
            method_of(protocol),
            lambda rng: truths.people(design, 0.10, 400, rng),
            runs,
            np.random.default_rng(8),
        )
    )
    for ended, chance in ((found.promote, expected.promote), (found.drop, expected.drop)):
        low, high = binom.ppf([0.0005, 0.9995], runs, chance)
        assert low <= round(ended * runs) <= high
    assert abs(found.participants - expected.participants) < 4 * found.participants_error + 10


FAST = ("binary-mixture", "one-arm-binary", *courses.ONE_STRATUM)


@pytest.mark.parametrize("method", [method for method in METHODS if method.name in FAST], ids=lambda m: m.name)
def test_the_generic_simulator_agrees_with_the_fast_ones(method: Any) -> None:
    """Any method fed 60 trials one by one ends as many for benefit as 2,000 simulated side by side, by a binomial quantile."""
    kind = next(kind for kind in KINDS if kind.name in method.kinds)
    n_c = 1 if "two_arm" in method.designs else 0
    values: dict[str, tuple[float, float, float]] = {"binary": (0.4, 0.25, 0.24), "bounded": (0.5, 0.15, 0.04)}
    values |= {"count": (2.0, 1.0, 1.5), "time": (0.6, 0.9, 1.0)}
    baseline, star, spread = values[kind.values]
    cap = 12.0 if kind.values == "count" else 1.0
    design = Design(1, n_c, baseline, star, 0.05, 0.10, spread, values=kind.values, cap=cap, most=100)
    fast = courses.play(design, method, star, participants=100, runs=2_000, seed=1)
    slow = courses.of_crossings(
        courses.generic(design, method, lambda rng: truths.people(design, star, 100, rng), 60, np.random.default_rng(2))
    )
    low, high = binom.ppf([0.0005, 0.9995], 60, fast.promote)
    assert low - 1 <= round(slow.promote * 60) <= high + 1


def test_the_answer_is_the_same_every_time() -> None:
    """Simulations are seeded: two people checking one plan read the same numbers; another seed gives others."""
    protocol = plan_of(200, SCORE)
    assert planning.check(protocol, 200) == planning.check(protocol, 200)
    assert planning.simulate(protocol, 200, seed=1) != planning.simulate(protocol, 200, seed=2)


def test_very_long_trials_are_followed_only_so_far() -> None:
    """A plan of ten million people is answered, and the answer says how far its trials were followed."""
    plan = planning.check(plan_of(10_000_000), runs=50)
    assert any("were followed to" in note for note in plan.notes)
    assert plan.outlooks[0].promote > 0.8
    score = planning.check(plan_of(10_000_000, SCORE | {"worthwhile": 0.001}), runs=50)
    assert score.outlooks == ()
    assert score.shown is None
    assert score.notes[0].startswith("not simulated")


def test_a_method_without_a_simulator_is_tried_only_on_demand() -> None:
    """`check` says that it has not simulated it; `simulate` feeds it trials one by one and says how many."""
    slow = [method for method in METHODS if method.name not in FAST and method.evidence == "bets"]
    amount = {
        "measure": "m",
        "kind": "amount",
        "better": "higher",
        "baseline": 5,
        "worthwhile": 4,
        "bounds": [0, 20],
        "sd": 4,
    }
    for method in slow:
        assert method.kinds == ("amount",)
        protocol = plan_of(20, amount, monitoring={"method": method.name})
        assert planning.check(protocol).notes[0].startswith("not simulated here")
        assert planning.simulate(protocol, 5).outlooks[0].runs == 5


def test_too_few_people_are_warned_of() -> None:
    """Eight people show nothing: a warning before the plan is sealed, also where nothing is simulated."""
    assert any("8 people are so few" in warning for warning in planning.warnings(binary(8)))
    assert planning.warnings(binary(800)) == ()
    assert "Note: 8 people are so few" in outlook_text(binary(8), planning.check(binary(8)))


@pytest.mark.parametrize(
    ("protocol", "words"),
    [
        (plan_of(400, TIME, arms=ONE, design="one_arm"), "primary.bounds is missing"),
        (plan_of(400, unit="cluster"), 'unit == "cluster"'),
        (binary(400, worthwhile=0.00001), "at least a 10,000th"),
        (plan_of(400, monitoring={"alpha": 0.5, "beta": 0.5}), "monitoring.beta == 0.5"),
        (
            plan_of(400, guardrails=[{"measure": "hours", "kind": "amount", "better": "lower", "margin": 1.0}]),
            "guardrails.hours.bounds",
        ),
    ],
)
def test_what_cannot_be_judged_is_refused(protocol: Protocol, words: str) -> None:
    """Each with the plan's own key in the sentence, before anything is registered."""
    with pytest.raises(ProtocolError, match=r"must be|must name") as refusal:
        planning.admit(protocol)
    assert words in str(refusal.value)


def test_simulate_prints_a_table_and_the_same_as_json() -> None:
    """A row per truth, shares per 100 trials; no bar where errors are no terminal; JSON holds what the table shows."""
    protocol, errors = binary(300), io.StringIO()
    plan = simulate.simulated(protocol, runs=100, seed=3, errors=errors)
    lines = simulate.text(protocol, plan).splitlines()
    assert errors.getvalue() == ""
    assert lines[2].split()[:3] == ["If", "the", "idea"]
    row = next(line for line in lines if line.startswith("does nothing"))
    nothing = next(outlook for outlook in plan.outlooks if outlook.truth == "no effect")
    assert f"{nothing.people:,.0f}" in row
    assert f"{100 * nothing.drop:.0f}" in row
    body = json.loads(json.dumps(simulate.body(protocol, plan, seed=3)))
    assert body["seed"] == 3
    assert body["outlooks"][3]["drop"] == nothing.drop


def test_progress_is_told_to_the_end() -> None:
    """Each truth before it is tried, then the smallest effect, then the end."""
    told: list[tuple[int, int, str]] = []
    planning.simulate(binary(100), 50, progress=lambda *step: told.append(step))
    assert [done for done, _, _ in told] == list(range(7))
    assert told[-1] == (6, 6, "done")
