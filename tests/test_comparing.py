"""Several arms, one arm, guardrails and burden, from the plan to the sentence."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from flows.template import TEMPLATE
from trials import comparing
from trials.analysis import Person, Version, analyse, order_key
from trials.errors import ProtocolError
from trials.evidence import Look
from trials.protocol import Protocol, from_content, from_yaml

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BASE = json.loads(from_yaml(TEMPLATE).canonical())
HOURS = {"measure": "staff_hours", "kind": "amount", "better": "lower", "margin": 2, "bounds": [0, 40], "baseline": 10}


def plan(**changes: Any) -> Protocol:
    """The template's binary plan, undated, lower better, with these keys changed."""
    primary = {**BASE["primary"], "better": "lower", "baseline": 0.5, "worthwhile": 0.1}
    return from_content(
        {**BASE, "order_by": ["entry_order"], "sites": [], "guardrails": [], "primary": primary, **changes}
    )


def arms(*treatments: str, control: bool = True) -> list[dict[str, Any]]:
    usual = [{"id": "usual", "role": "control"}] if control else []
    return [*usual, *({"id": name, "role": "treatment"} for name in treatments)]


def look(protocol: Protocol, drawn: list[tuple[str, float | None, dict[str, float]]]) -> Look:
    """drawn: (arm, value, guardrail values) in the sealed order."""
    people = []
    for number, (arm, value, guarded) in enumerate(drawn, start=1):

        def version(sent: float | None) -> tuple[Version, ...]:
            return (Version(1, sent, NOW, NOW),)

        others = {measure: version(sent) for measure, sent in guarded.items()}
        people.append(Person(order_key(protocol, None, number), number, None, "", arm, version(value), others))
    return analyse(
        protocol, people, None, as_of=NOW, batch_seq=1, number=1, enrolled=len(people), protocol_sha256=protocol.seal()
    )[1]


def draw(rates: dict[str, float], size: int, seed: int = 1) -> list[tuple[str, float | None, dict[str, float]]]:
    rng = np.random.default_rng(seed)
    chosen = rng.permuted(np.resize([*rates], size))
    return [(str(arm), float(rng.random() < rates[str(arm)]), {}) for arm in chosen]


def test_of_several_arms_the_one_that_helps_is_promoted_by_name() -> None:
    """With one good and one useless idea the sentence names the good one, and each arm has its own comparison."""
    protocol = plan(design="multi_arm", arms=arms("text", "call"))
    found = look(protocol, draw({"usual": 0.5, "text": 0.5, "call": 0.2}, 900))
    assert found.verdict == "promote"
    assert found.sentence.startswith("Promote: call helps")
    assert [one.arm for one in found.comparisons] == ["text", "call"]
    assert not found.comparisons[0].claims["benefit"].fired
    assert found.claims["benefit"] == found.comparisons[1].claims["benefit"]
    assert found.estimate == found.comparisons[1].estimate


def test_a_trial_of_several_arms_is_dropped_only_when_all_are() -> None:
    """While one idea may still be worthwhile the trial goes on and says which to drop; when none may, it is dropped."""
    protocol = plan(
        design="multi_arm", arms=arms("text", "call"), monitoring={**BASE["monitoring"], "max_participants": 5000}
    )
    some = look(protocol, draw({"usual": 0.5, "text": 0.6, "call": 0.43}, 700))
    assert some.verdict == "keep_going"
    assert "Drop text" in some.sentence
    every = look(protocol, draw({"usual": 0.5, "text": 0.55, "call": 0.55}, 900))
    assert every.verdict == "drop"
    assert "none of the ideas is worth it" in every.sentence


def test_harm_by_any_arm_stops_and_names_it() -> None:
    """One harmful idea among others stops the trial, whatever the others do."""
    protocol = plan(design="multi_arm", arms=arms("text", "call"))
    found = look(protocol, draw({"usual": 0.4, "text": 0.8, "call": 0.1}, 900))
    assert found.verdict == "stop_for_harm"
    assert "text does harm" in found.sentence


def test_one_arm_is_judged_against_its_benchmark() -> None:
    """Without a control the baseline is the benchmark, and the estimate is the distance from it."""
    protocol = plan(design="one_arm", arms=arms("text", control=False))
    found = look(protocol, draw({"text": 0.25}, 200))
    assert found.verdict == "promote"
    total = found.arms[0]
    assert found.estimate == pytest.approx(0.5 - total.total / total.n)


def with_hours(
    extra: float, rates: dict[str, float], size: int = 400
) -> list[tuple[str, float | None, dict[str, float]]]:
    rng = np.random.default_rng(5)
    return [
        (arm, value, {"staff_hours": float(np.clip(rng.normal(10 + (extra if arm == "text" else 0), 3), 0, 40))})
        for arm, value, _ in draw(rates, size)
    ]


def test_a_breached_guardrail_holds_a_promotion() -> None:
    """An idea that helps but costs far more hours than agreed is not promoted: people must decide, and are told why."""
    protocol = plan(guardrails=[HOURS])
    rates = {"usual": 0.6, "text": 0.2}
    assert look(protocol, with_hours(0, rates)).verdict == "promote"
    found = look(protocol, with_hours(9, rates))
    assert found.claims["benefit"].fired
    assert found.verdict == "cant_tell"
    assert "it helps, but staff_hours is worse than the margin" in found.sentence
    (guarded,) = found.guardrails
    assert guarded.claim.fired
    assert {total.arm: total.n for total in guarded.arms} == {total.arm: total.n for total in found.arms}


def test_the_burden_has_a_limit_of_its_own() -> None:
    """Mean hours above the agreed limit fire the burden rule, which is a concern with its code; below it they never do."""
    rule = {"burden": {"measure": "staff_hours", "at_most": 12}}
    protocol = plan(guardrails=[{**HOURS, "margin": 20}], stopping=rule)
    rates = {"usual": 0.5, "text": 0.45}
    heavy = look(protocol, with_hours(9, rates))
    assert [concern.code for concern in heavy.concerns] == ["burden"]
    assert heavy.verdict == "cant_tell"
    light = look(protocol, with_hours(0, rates))
    assert light.concerns == ()
    assert light.verdict in ("keep_going", "drop")


def test_arms_that_dont_add_up_hold_promotion_and_drop() -> None:
    """With 300 treated for 100 controls where equal arms were planned nobody should act on the numbers."""
    rng = np.random.default_rng(2)
    some = [("text", float(rng.random() < 0.2), {}) for _ in range(300)] + [
        ("usual", float(rng.random() < 0.8), {}) for _ in range(100)
    ]
    shuffled = [some[i] for i in rng.permutation(400)]
    found = look(plan(), shuffled)
    assert found.claims["benefit"].fired
    assert found.verdict == "cant_tell"
    assert [concern.code for concern in found.concerns] == ["sample_ratio"]
    assert "people must decide" in found.sentence.lower()


def test_outcomes_missing_in_one_arm_hold_promotion() -> None:
    """When nearly all missing outcomes are in one arm, benefit is not acted on."""
    drawn = draw({"usual": 0.6, "text": 0.2}, 400)
    holed = [(arm, None if arm == "text" and i % 3 == 0 else value, {}) for i, (arm, value, _) in enumerate(drawn)]
    # A withdrawn outcome is missing for good.
    found = look(plan(), holed)
    assert [concern.code for concern in found.concerns] == ["missing"]
    assert found.verdict == "cant_tell"


def test_a_look_comes_back_from_json() -> None:
    """Comparisons, guardrails, concerns: what to_json wrote, from_json reads, to the bit."""
    protocol = plan(design="multi_arm", arms=arms("text", "call"), guardrails=[HOURS])
    found = look(protocol, draw({"usual": 0.5, "text": 0.4, "call": 0.3}, 90))
    assert Look.from_json(json.loads(json.dumps(found.to_json()))) == found


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"arms": arms("text", "call")}, "must be one control and one treatment for design two_arm"),
        ({"design": "one_arm"}, "must be one treatment and no control for design one_arm"),
        ({"design": "multi_arm"}, "must be one control and 2 to 20 treatments for design multi_arm"),
        ({"guardrails": [HOURS, HOURS]}, "must all differ"),
        ({"guardrails": [{**HOURS, "measure": "site"}]}, "site can't mean two things"),
        (
            {"primary": {**BASE["primary"], "kind": "count", "exposure": BASE["primary"]["measure"], "bounds": [0, 9]}},
            "can't mean two things",
        ),
        ({"monitoring": {**BASE["monitoring"], "looks": 3}}, "looks is for method: group-sequential"),
        ({"monitoring": {**BASE["monitoring"], "spending": "pocock"}}, "spending is for method: group-sequential"),
    ],
)
def test_designs_need_their_arms(changes: dict[str, Any], says: str) -> None:
    """A design whose arms don't fit is refused when the plan is read."""
    with pytest.raises(ProtocolError, match=says):
        plan(**changes)


@pytest.mark.parametrize(
    ("changes", "check", "says"),
    [
        ({"unit": "cluster"}, comparing.method_of, "must be person for the kind binary: a method for individuals"),
        (
            {"guardrails": [{**HOURS, "bounds": None}]},
            comparing.guardrails_of,
            r"guardrails\.staff_hours\.bounds is missing",
        ),
        (
            {"guardrails": [{**HOURS, "margin": 30}]},
            comparing.guardrails_of,
            r"guardrails\.staff_hours\.margin == 30, must be <",
        ),
        (
            {"guardrails": [{**HOURS, "kind": "time_to_event", "bounds": None, "event": "x"}]},
            comparing.guardrails_of,
            r'guardrails\.staff_hours\.kind == "time_to_event", must be',
        ),
        (
            {"stopping": {"burden": {"measure": "hours", "at_most": 3}}},
            comparing.burdens_of,
            r'stopping\.burden\.measure == "hours", must be a guardrail',
        ),
        (
            {"guardrails": [HOURS], "stopping": {"burden": {"measure": "staff_hours", "at_most": 40}}},
            comparing.burdens_of,
            r"stopping\.burden\.at_most == 40, must lie inside",
        ),
        (
            {"design": "one_arm", "arms": arms("text", control=False), "guardrails": [{**HOURS, "baseline": None}]},
            comparing.guardrails_of,
            r"guardrails\.staff_hours\.baseline is missing",
        ),
    ],
)
def test_what_cant_be_judged_is_refused(
    changes: dict[str, Any], check: Callable[[Protocol], object], says: str
) -> None:
    """Plans that no method can judge raise one sentence with the key, its value and the rule."""
    with pytest.raises(ProtocolError, match=says):
        check(plan(**changes))


def test_an_estimate_outside_its_range_is_said_to_have_changed() -> None:
    """An idea that helps at first and then no more: the sentence says that the range is what came first."""
    first = draw({"usual": 0.7, "text": 0.2}, 160, seed=1)
    then = draw({"usual": 0.3, "text": 0.55}, 240, seed=2)
    found = look(plan(), [*first, *then])
    low, high = found.interval
    assert found.claims["benefit"].fired
    if low is not None and high is not None:
        assert found.estimate is not None
        assert (low <= found.estimate <= high) != ("it seems to have changed since" in found.sentence)


def test_reports_that_come_too_late_are_told() -> None:
    """A history loaded after its reporting time counts nobody; the look says why, with the plan's times."""
    protocol = from_content({**BASE, "guardrails": []})
    late = [
        Person(
            order_key(protocol, date(2020, 1, 1), number), number, date(2020, 1, 1), "A", ("usual", "text")[number % 2],
            (Version(1, 1.0, NOW, NOW),),
        )
        for number in range(1, 41)
    ]  # fmt: skip
    found = analyse(
        protocol, late, None, as_of=NOW, batch_seq=1, number=1, enrolled=40, protocol_sha256=protocol.seal()
    )[1]
    assert (found.n, found.missing) == (0, 40)
    assert [concern.code for concern in found.concerns] == ["late"]
    assert "40 reports or changes came too late to count" in found.concerns[0].sentence
    assert "84 days" in found.concerns[0].sentence


def test_recruitment_that_is_too_slow_is_said_after_its_grace() -> None:
    """Twenty people where forty were planned by then: a concern with the pace, never more than the plan's people."""
    stopping = {"recruitment": {"per_month": 20, "grace_months": 2}}
    protocol = from_content({**BASE, "guardrails": [], "stopping": stopping})
    joined = date(2025, 9, 1)
    people = [
        Person(order_key(protocol, joined, n), n, joined, "A", ("usual", "text")[n % 2], (Version(1, 1.0, at, at),))
        for n in range(1, 21)
        for at in [datetime(2025, 10, 1, tzinfo=UTC)]
    ]
    found = analyse(protocol, people, None, as_of=NOW, batch_seq=1, number=1, enrolled=20, protocol_sha256="")[1]
    assert [concern.code for concern in found.concerns] == ["recruitment"]
    assert "20 so far, where 40 were planned for the 2 months after the start" in found.concerns[0].sentence
    early = analyse(
        protocol,
        people,
        None,
        as_of=datetime(2025, 10, 20, tzinfo=UTC),
        batch_seq=1,
        number=1,
        enrolled=2,
        protocol_sha256="",
    )[1]
    assert early.concerns == ()


@pytest.mark.parametrize(
    ("ratio", "block"),
    [
        ((1, 1), (1, 1, 0)), ((3, 2), (3, 2, 0)), ((1, 20), (1, 20, 0)), ((4, 2), (2, 1, 0)),
        ((7, 6), (1, 1, 13)), ((2, 7), (1, 3, 9)), ((5, 2), (2, 1, 7)), ((20, 19), (1, 1, 39)),
    ],
)  # fmt: skip
def test_blocks_are_small_and_use_most_people(ratio: tuple[int, int], block: tuple[int, int, int]) -> None:
    """Up to six members, or one of an arm, keep the exact ratio; else a smaller block within a window of the ratio's people."""
    n_t, n_c, window = found = comparing.block_of(*ratio)
    assert found == block
    if window:
        used = (n_t + n_c) * min(ratio[0] // n_t, ratio[1] // n_c)
        assert 0.8 * window <= used < window


def test_unequal_blocks_under_a_falling_base_rate_promote_no_useless_idea() -> None:
    """Seven treated to six controls, no effect at any moment, a base rate that falls: alpha is kept, as pairs stay together."""
    protocol = plan(arms=[{"id": "usual", "role": "control", "allocation": 6}, {"id": "text", "allocation": 7}])
    rng, fired, runs = np.random.default_rng(12), 0, 60
    block = ["text"] * 7 + ["usual"] * 6
    for _ in range(runs):
        order = [arm for _ in range(30) for arm in rng.permutation(block)]
        chances = np.linspace(0.95, 0.05, len(order))
        drawn = [(str(arm), float(rng.random() < chance), {}) for arm, chance in zip(order, chances, strict=True)]
        fired += look(protocol, drawn).claims["benefit"].fired  # type: ignore[arg-type]
    assert fired <= binom.isf(0.001, runs, 0.05)
