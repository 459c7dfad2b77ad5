"""The stopping rules: what each says of facts, in words that a non-statistician reads, and that asking often costs nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from trials import rules
from trials.evidence import ArmTotal, Claim, Concern, Evidence, Guarded, Look
from trials.protocol import Protocol, from_content
from trials.stopping import CODES, RULES, Facts, Finding, findings_json, judged, recruitment, table, todo_of, veiled
from trials.stopping.bets import mean_log_e, pace_log_e, share_log_e
from trials.stopping.burden import fitted
from trials.stopping.recruitment import projection
from trials.stopping.rule import Code, Delivered, Event, Joined, Point, StaffWeek, claimed

SCRIPTS = Path(__file__).parents[2] / "docs" / "scripts"
SEALED = date(2026, 1, 5)
ALL = {
    "recruitment": {"per_month": 20, "grace_months": 2},
    "staff_time": {"minutes_at_most": 45, "settle_weeks": 8},
    "data_quality": {},
    "safety": {"related_at_most": 2},
}


def plan(stopping: dict[str, Any] | None = None, sites: int = 2, **changes: Any) -> Protocol:
    content = {
        "trial": "a-trial",
        "question": "?",
        "owner": "tests",
        "sites": [{"id": "ABCDEFGH"[site]} for site in range(sites)],
        "arms": [{"id": "usual", "role": "control"}, {"id": "idea"}],
        "primary": {
            "measure": "y",
            "kind": "binary",
            "better": "lower",
            "baseline": 0.4,
            "worthwhile": 0.2,
            "follow_up": "28 days",
        },
        "monitoring": {"max_participants": 200},
        "stopping": ALL if stopping is None else stopping,
        "source": {"connector": "folder", "path": "in"},
    }
    return from_content({**content, **changes})


def facts(today: date, **changes: Any) -> Facts:
    protocol = changes.pop("protocol", None) or plan()
    return replace(Facts(protocol, today, SEALED, today), **changes)


def of(found: Iterable[Finding], rule: str) -> Finding:
    return next(one for one in found if one.rule == rule)


def daily(days: int, every: int, site: str = "A", people: int = 1) -> tuple[Joined, ...]:
    """So many people on each `every`-th day from the seal on."""
    return tuple(Joined(SEALED + timedelta(days=day), site, people, people // 2) for day in range(0, days, every))


def staff(people: int, weeks: int, settled: float, first: float = 0.0, tau: float = 4.0) -> tuple[StaffWeek, ...]:
    """Staff who begin together; minutes = settled + first exp(−weeks/τ), some of them always a bit slower."""

    def minutes(one: int, week: int) -> float:
        return 5 * (0.97 + 0.01 * one) * (settled + first * math.exp(-week / tau))

    return tuple(
        StaffWeek(f"s{one}", SEALED + timedelta(weeks=week), week, 5, minutes(one, week))
        for one in range(people)
        for week in range(weeks)
    )  # fmt: skip


def event(number: int, **changes: Any) -> Event:
    return replace(
        Event(number, SEALED + timedelta(days=number), f"p{number}", True, True, "yes", "hospital", False), **changes
    )


@pytest.fixture(scope="module")
def evidence() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        yield import_module("stopping_evidence")


@pytest.mark.parametrize("scene", range(8))
def test_asking_at_every_delivery_keeps_the_error(evidence: Any, scene: int) -> None:
    """A trial at the limit of its plan is called a breach in no more trials than the rule's error says, asked all the time."""
    _, draw, limit, _, _ = evidence.SCENES[scene]
    random, runs = np.random.default_rng(20261), 150
    fired = sum(draw(random, limit)[0] is not None for _ in range(runs))
    assert fired <= binom.ppf(0.999, runs, 0.05)


def test_a_fixed_test_asked_as_often_does_not(evidence: Any) -> None:
    """What the rules are instead of: a Poisson test at 5 % on each day calls far more than 5 % of sound trials too slow."""
    random, runs = np.random.default_rng(5), 100
    fired = sum(evidence.pace(random, 1.0)[1] for _ in range(runs))
    assert fired > binom.ppf(0.999, runs, 0.1)


@settings(max_examples=60, deadline=None)
@given(
    shares=st.lists(st.floats(0, 1), min_size=1, max_size=8),
    limit=st.floats(0.01, 0.99),
    theta=st.floats(0.0, 1.0),
)
def test_each_bet_is_fair_or_worse_under_its_null(shares: list[float], limit: float, theta: float) -> None:
    """One more person, one more value, one more day at the limit: the expected evidence never rises (exact sums)."""
    hits, n = sum(one < theta for one in shares), len(shares)
    now = math.exp(float(share_log_e(hits, n, limit)))
    after = [math.exp(float(share_log_e(hits + hit, n + 1, limit))) for hit in (0, 1)]
    assert (1 - limit) * after[0] + limit * after[1] <= now * (1 + 1e-9)
    # A value that is 0 or 1/q at chance q has a mean of 1, the limit.
    q = max(limit, 1 / 3)
    path = [math.exp(float(mean_log_e([*shares, value])[-1])) for value in (0.0, 1 / q)]
    assert (1 - q) * path[0] + q * path[1] <= math.exp(float(mean_log_e(shares)[-1])) * (1 + 1e-9)


def test_the_pace_is_a_mixture_of_likelihood_ratios() -> None:
    """One bet's log E is N log θ + Λ (1 − θ), Wald's ratio of two Poisson paces; the mixture lies between its bets."""
    bets = [7 * math.log(theta) + 20 * (1 - theta) for theta in (0.9, 0.75, 0.5, 0.25, 0.1)]
    weights = (0.15, 0.3, 0.3, 0.15, 0.1)
    by_hand = math.log(sum(weight * math.exp(bet) for weight, bet in zip(weights, bets, strict=True)))
    assert float(pace_log_e(7, 20)) == pytest.approx(by_hand, abs=1e-12)
    assert float(pace_log_e(14, 40, 2)) == pytest.approx(by_hand, abs=1e-12)


def test_people_who_join_too_slowly() -> None:
    """One a week where twenty a month were planned: said with the numbers, when it would end, and when it was first said."""
    today = SEALED + timedelta(days=240)
    found = of(judged(facts(today, joined=daily(240, 7))), "recruitment")
    assert (found.level, found.code) == ("stop", "recruitment")
    assert found.claim.crossed_on is not None
    assert found.claim.crossed_on < SEALED + timedelta(days=120)
    assert found.sentence.startswith(
        "People join too slowly: 26 people joined since 7 March 2026, where 118 were planned"
    )
    assert "At this pace the last of 200 joins between" in found.sentence
    assert "(80 % sure)" in found.sentence
    assert "1 of 2 sites have not begun yet" in found.sentence


def test_grace_months_are_not_judged() -> None:
    """Two slow months to set up, then the planned pace: nothing to say; within the months of grace nothing at all."""
    months = tuple(Joined(SEALED + timedelta(days=61 + day), "A", 1, 0) for day in range(90))
    found = of(judged(facts(SEALED + timedelta(days=150), joined=months)), "recruitment")
    assert found.level == "fine"
    assert found.sentence.startswith("People join as planned")
    early = of(judged(facts(SEALED + timedelta(days=50), joined=daily(50, 10))), "recruitment")
    assert (early.level, early.claim.log_e) == ("fine", None)
    assert early.sentence == "Fewer than 10 people joined so far; the pace is judged from 7 March 2026 on."


def test_nobody_who_joins_is_too_slow_after_a_while() -> None:
    """No enrolment at all: fine before the grace is over, too slow within weeks after it, and nothing is projected."""
    assert of(judged(facts(SEALED + timedelta(days=30))), "recruitment").sentence.startswith("Nobody has joined yet")
    late = of(judged(facts(SEALED + timedelta(days=75))), "recruitment")
    assert late.level == "stop"
    assert (
        late.sentence
        == "People join too slowly: nobody joined since 7 March 2026, where 9 were planned by 21 March 2026."
    )


def test_a_site_that_starts_later_counts_from_its_first_person() -> None:
    """The second site's pace is not thinned by the time before it opened; a site that left brings nobody more."""
    first, later = (
        daily(120, 3),
        tuple(replace(one, site="B", day=one.day + timedelta(days=90)) for one in daily(30, 3)),
    )
    known = facts(SEALED + timedelta(days=119), joined=(*first, *later))
    rule = known.protocol.stopping.recruitment  # type: ignore[union-attr]
    both, without = (
        projection(known, rule, known.today),
        projection(replace(known, withdrawn=frozenset("B")), rule, known.today),
    )
    alone = projection(replace(known, joined=first), rule, known.today)
    assert both is not None
    assert without is not None
    assert alone is not None
    # 150 are to come at about 20 a month from both, 10 a month from one.
    assert both.low < 150 / 20 < both.high
    assert without.low < 150 / 10 < without.high
    assert both.middle < without.middle < alone.middle


def test_the_projection_keeps_its_interval(evidence: Any) -> None:
    """In simulated trials the 80 % interval holds the day on which the last person joins about so often."""
    inside, of_all = evidence.covered(150, 3)
    assert binom.ppf(0.0005, of_all, 0.8) <= inside <= binom.ppf(0.9999, of_all, 0.85)


def test_people_who_are_not_reported_yet_are_waited_for() -> None:
    """With weekly deliveries the newest week is not judged, and after the trial was closed nobody is expected."""
    source = {"connector": "folder", "path": "in", "every": "7 days"}
    today = SEALED + timedelta(days=70)
    joined = daily(60, 2)
    weekly = of(judged(facts(today, protocol=plan(source=source), joined=joined)), "recruitment")
    at_once = of(judged(facts(today, joined=joined)), "recruitment")
    assert weekly.claim.log_e is not None
    assert at_once.claim.log_e is not None
    assert weekly.claim.log_e < at_once.claim.log_e
    later = today + timedelta(days=300)
    closed = of(judged(facts(later, joined=daily(64, 1), closed=SEALED + timedelta(days=64))), "recruitment")
    assert closed.level == "fine"


def test_learning_is_not_a_failure() -> None:
    """Slow at first and within the limit once used to it: fine, and the sentence says that this is learning."""
    found = of(judged(facts(SEALED + timedelta(weeks=40), weeks=staff(6, 30, 40.0, 60.0))), "staff_time")
    assert found.level == "fine"
    assert found.sentence == (
        "Staff need 82 minutes per case in their first weeks and 41 once used to it; the limit is 45: this is learning, not a "
        "failure."
    )
    assert dict(found.figures)["curve_settled"] == pytest.approx(40 * 0.995, rel=0.02)


def test_those_used_to_it_who_need_too_long() -> None:
    """Above the limit after the weeks of practice: a breach once the bets have it, 'not sure yet' before that."""
    weeks = staff(5, 40, 61.0, 30.0)
    found = of(judged(facts(SEALED + timedelta(weeks=45), weeks=weeks)), "staff_time")
    assert (found.level, found.code) == ("stop", "burden")
    assert found.sentence == (
        "Staff need 82 minutes per case in their first weeks, and even those used to it need 61; the limit is 45."
    )
    soon = of(judged(facts(SEALED + timedelta(weeks=12), weeks=weeks)), "staff_time")
    assert (soon.level, soon.claim.fired) == ("watch", False)
    assert soon.sentence.endswith("not sure yet.")


def test_no_figure_is_of_single_staff() -> None:
    """Two members of staff, or one with nearly all cases: words, no minutes, and no evidence from which to work them out."""
    for weeks in (
        staff(2, 40, 61.0),
        staff(1, 40, 61.0) + tuple(replace(one, staff=f"x{one.week}", tenure=20) for one in staff(1, 3, 61.0)),
    ):
        found = of(judged(facts(SEALED + timedelta(weeks=45), weeks=weeks)), "staff_time")
        assert found.level == "stop"
        assert "61" not in found.sentence
        assert (found.claim.log_e, found.claim.p) == (None, None)
        assert {value for _, value in found.figures} == {None}


def test_the_learning_curve_is_found_with_honest_width() -> None:
    """The curve of made-up staff comes out as it went in; people who differ widen its interval."""
    curve = fitted(staff(8, 30, 40.0, 60.0, 4.0))
    assert curve is not None
    assert curve.tau == pytest.approx(4.0, rel=0.06)
    assert curve.at(0) == pytest.approx(100, rel=0.03)
    apart = tuple(
        replace(one, minutes=one.minutes * (0.7 + 0.1 * int(one.staff[1:]))) for one in staff(8, 30, 40.0, 60.0)
    )
    wide = fitted(apart)
    assert wide is not None
    assert wide.low < wide.settled < wide.high
    assert wide.high - wide.low > 3 * (curve.high - curve.low)
    assert fitted(staff(3, 30, 40.0)) is None


def test_rows_that_are_sent_again_are_set_aside_once() -> None:
    """A source that sends everything again each week counts its bad rows when they come, not each time."""
    today = SEALED + timedelta(days=100)
    again = tuple(Delivered(SEALED + timedelta(days=day), 20, 30, 60) for day in range(20))
    found = of(judged(facts(today, deliveries=again)), "set_aside")
    assert dict(found.figures)["share"] == pytest.approx(30 / (20 * 20 + 30), abs=1e-4)
    assert found.level == "fine"
    new = tuple(replace(one, known=0) for one in again)
    bad = of(judged(facts(today, deliveries=new)), "set_aside")
    assert (bad.level, bad.claim.unit) == ("stop", "deliveries")
    assert "60 % of rows were set aside" in bad.sentence


def test_related_serious_events_above_the_limit() -> None:
    """Each treated person counts once, only serious and related events do, and never somebody of the control arm."""
    joined = tuple(Joined(SEALED + timedelta(days=day), "A", 2, 1) for day in range(100))
    many = tuple(event(number) for number in range(1, 13))
    found = of(judged(facts(SEALED + timedelta(days=120), joined=joined, events=many)), "safety_rate")
    assert (found.level, found.code) == ("stop", "safety")
    assert "more frequent than 2 per 100 people treated" in found.sentence
    for other in ({"treated": False}, {"related": "no"}, {"related": "unknown"}, {"serious": False}, {"person": "p1"}):
        quiet = tuple(replace(one, **other) for one in many)
        calm = of(judged(facts(SEALED + timedelta(days=120), joined=joined, events=quiet)), "safety_rate")
        assert calm.level == "fine", other


def test_one_death_stops_enrolment_until_it_is_judged() -> None:
    """Whether or not it is thought related, with or without a rate in the plan; the steward's word decides from then on."""
    death = event(3, kind="death", related="no", stops=None)
    for stopping in (ALL, {"recruitment": {"per_month": 20}}):
        found = of(judged(facts(SEALED, protocol=plan(stopping), events=(death,))), "safety_event")
        assert found.level == "stop"
        assert found.sentence == "Enrolment waits until the safety steward has judged event 3, a death."
    goes_on = of(judged(facts(SEALED, events=(replace(death, stops=False),))), "safety_event")
    assert (goes_on.level, goes_on.claim.fired) == ("fine", False)
    stops = of(judged(facts(SEALED, events=(replace(death, stops=True),))), "safety_event")
    assert stops.sentence == "Enrolment is stopped: the safety steward judged that event 3 stops the trial."
    lenient = plan({**ALL, "safety": {"related_at_most": 2, "stop_at_once": False}})
    assert of(judged(facts(SEALED, protocol=lenient, events=(death,))), "safety_event").level == "watch"


def test_small_counts_are_veiled() -> None:
    """Evidence from which one could work out that three people had an event is not shown, nor its day; that it fired is."""
    joined = tuple(Joined(SEALED + timedelta(days=day), "A", 1, 1) for day in range(40))
    found = of(
        judged(facts(SEALED + timedelta(days=50), joined=joined, events=tuple(map(event, (1, 2, 3))))), "safety_rate"
    )
    assert found.claim.log_e is not None
    hidden = veiled(found)
    assert (hidden.claim.log_e, hidden.claim.p, hidden.claim.crossed_at) == (None, None, None)
    assert dict(hidden.figures) == {"per_100_treated": None}
    assert (hidden.level, hidden.sentence, hidden.claim.fired) == (found.level, found.sentence, found.claim.fired)
    assert hidden.claim.crossed_on is None


def test_the_worst_comes_first_and_no_rule_says_nothing() -> None:
    """Findings are ordered by level; a plan without rules has no findings."""
    late = facts(SEALED + timedelta(days=200), weeks=staff(4, 20, 40.0))
    assert [one.level for one in judged(late)] == sorted(
        (one.level for one in judged(late)), key=["stop", "watch", "fine"].index
    )
    assert judged(facts(SEALED, protocol=plan({}))) == ()
    for one, body in zip(judged(late), findings_json(judged(late)), strict=True):
        assert body["level"] == one.level
        assert todo_of(one)


def test_the_table_has_every_rule_and_code() -> None:
    """Reason codes and rules in the docs are those of the code, each with what to do."""
    rows = table()
    assert [row[2] for row in rows[1:]] == [rule.name for rule in RULES]
    assert {row[0] for row in rows[1:]} == set(CODES) == set(get_args(Code))
    assert all(all(cell for cell in row) for row in rows)


def test_a_look_says_it_too_and_never_sooner() -> None:
    """The concern of a look counts everybody as if they had joined after the grace, so it can't fire before the rule does."""
    protocol = plan({"recruitment": {"per_month": 20, "grace_months": 2}})
    bare = Evidence(0, 0, {}, None, (None, None), ())
    at = datetime(2026, 9, 2, tzinfo=UTC)
    found = rules.with_concerns(protocol, bare, enrolled=35, first=SEALED, as_of=at, late=0)
    assert [one.code for one in found.concerns] == ["recruitment"]
    assert "35 so far, where 118 were planned for the 6 months after the start" in found.concerns[0].sentence
    assert rules.with_concerns(protocol, bare, enrolled=100, first=SEALED, as_of=at, late=0).concerns == ()


def look(number: int, **changes: Any) -> Look:
    """A look with nothing in it but what is changed."""
    return replace(
        Look("a-trial", number, datetime(2026, 3, number, tzinfo=UTC), number, 0, 0, 0, 0, 0, {}, None, (None, None), (),
             "keep_going", "", "", "", ""),
        **changes,
    )  # fmt: skip


def guarded(fired_at: int | None, arm: str = "idea", measure: str = "hurt", n: int = 40) -> Guarded:
    return Guarded(
        measure, arm, Claim(1.0 if fired_at is None else 3.2, 0.4, 20.0, fired_at), (ArmTotal(arm, n, 9.0, 0),)
    )


def test_a_breached_guardrail_is_told_with_the_day_of_its_look() -> None:
    """Each guardrail in each arm has its finding; it counts from the first look at which its claim had fired."""
    hurt = {"measure": "hurt", "kind": "binary", "better": "lower", "margin": 0.1, "baseline": 0.2, "label": "injuries"}
    protocol = plan(guardrails=[hurt])
    looks = (
        look(1, guardrails=(guarded(None),)),
        look(2, guardrails=(guarded(30),)),
        look(3, guardrails=(guarded(30),)),
    )
    early = of(judged(facts(SEALED, protocol=protocol, looks=looks[:1])), "guardrail")
    assert (early.level, early.sentence, early.claim.error) == ("fine", "No breach of injuries is shown.", 0.05)
    found = of(judged(facts(SEALED, protocol=protocol, looks=looks)), "guardrail")
    assert (found.level, found.code, found.claim.crossed_on, found.claim.crossed_at) == (
        "stop",
        "guardrail",
        date(2026, 3, 2),
        30,
    )
    assert found.sentence == "The guardrail injuries is breached: it is worse than the plan allows."
    assert found.plan == "worse by no more than 0.1"
    few = (look(1, guardrails=(guarded(5, n=7),)),)
    assert veiled(of(judged(facts(SEALED, protocol=protocol, looks=few)), "guardrail")).claim.log_e is None


def test_the_burden_on_participants_has_the_code_burden() -> None:
    """The look's claim that a guardrail's measure is above its agreed limit is a burden, told in its own words."""
    hours = {
        "measure": "hours",
        "kind": "amount",
        "better": "lower",
        "margin": 1,
        "bounds": [0, 10],
        "label": "staff hours",
    }
    protocol = plan({"burden": {"measure": "hours", "at_most": 2}}, guardrails=[hours])
    found = judged(facts(SEALED, protocol=protocol, looks=(look(1, guardrails=(guarded(30, measure="burden"),)),)))
    assert [(one.code, one.level, one.plan) for one in found] == [("burden", "stop", "at most 2 on average")]
    assert found[0].sentence == "The idea takes more of staff hours than the plan allows."


def test_missing_outcomes_above_the_limit() -> None:
    """By the looks' own counts: a breach from the look at which the bets had it, and chance is given its due before."""
    looks = tuple(look(number, n=30 * number, missing=20 * number) for number in range(1, 5))
    assert of(judged(facts(SEALED)), "missing").sentence == "No outcome is due yet."
    soon = of(judged(facts(SEALED, looks=(look(1, n=14, missing=6),))), "missing")
    assert (soon.level, soon.sentence) == (
        "watch",
        "More than 20 % of outcomes that should be in are missing, but chance may do that.",
    )
    found = of(judged(facts(SEALED, looks=looks)), "missing")
    assert (found.level, found.claim.crossed_on, found.claim.unit) == ("stop", date(2026, 3, 1), "people")
    assert found.sentence.startswith(
        "40 % of outcomes that should be in are missing, more than the 20 % that the plan allows"
    )


def test_what_a_look_flags_is_data_quality() -> None:
    """A concern of the newest look counts from the first look that had it; one that holds asks for a stop, others to watch."""
    ratio, late = Concern("sample_ratio", "the arms don't add up", holds=True), Concern("late", "reports are late")
    slow = Concern("recruitment", "people join too slowly")
    looks = (look(1), look(2, concerns=(ratio,)), look(3, concerns=(ratio, late, slow)))
    found = [one for one in judged(facts(SEALED, looks=looks)) if one.rule == "flagged"]
    assert [(one.about, one.level, one.code) for one in found] == [
        ("sample_ratio", "stop", "data_quality"), ("late", "watch", "data_quality"),
    ]  # fmt: skip
    assert found[0].claim.crossed_on == date(2026, 3, 2)
    assert found[0].sentence == "The arms don't add up."


def test_the_p_value_keeps_the_strongest_evidence_there_was() -> None:
    """It is valid at every look, so later looks can't take it back; the evidence itself can fall."""
    path = [Point(SEALED + timedelta(days=at), at, log) for at, log in ((1, 0.5), (2, 2.0), (3, 1.0))]
    claim = claimed("null", 0.05, "days", path, "nothing")
    assert (claim.log_e, claim.p, claim.fired) == (1.0, pytest.approx(math.exp(-2.0)), False)


def test_who_joins_on_a_day_counts_by_its_end() -> None:
    """People of the first day after the grace are in the evidence of its end, not of the day after."""
    protocol = plan({"recruitment": {"per_month": 20, "grace_months": 1}})
    stopping = protocol.stopping
    assert stopping is not None
    assert stopping.recruitment is not None
    begin = recruitment.judged_from(facts(SEALED, protocol=protocol), stopping.recruitment)
    late = facts(begin + timedelta(days=3), protocol=protocol, joined=(Joined(begin + timedelta(days=1), "A", 2, 1),))
    path = recruitment._path(late, stopping.recruitment, begin, begin + timedelta(days=3))
    nobody = recruitment._path(replace(late, joined=()), stopping.recruitment, begin, begin + timedelta(days=3))
    assert [point.at for point in path] == [1, 2, 3]
    assert path[0].log_e < nobody[0].log_e


def test_whoever_may_not_see_small_counts_is_told_no_number_of_people() -> None:
    """However many there are: the level and the verdict's words stay, a number that moves with each person goes."""
    protocol = plan({"recruitment": {"per_month": 20, "grace_months": 0}})
    told = []
    for more in (0, 1):
        joined = tuple(Joined(SEALED + timedelta(days=4 * day), "A", 1 + more * (day == 7), 1) for day in range(30))
        [found] = judged(facts(SEALED + timedelta(days=180), protocol=protocol, joined=joined))
        assert f"{30 + more} people joined so far" in found.sentence
        told.append(veiled(found))
    assert told[0].sentence == told[1].sentence
    assert "fewer joined by" in told[0].sentence
    assert findings_json(told[:1])[0]["claim"] == findings_json(told[1:])[0]["claim"]
    assert told[0].claim.fired
    assert told[0].claim.crossed_on is None
    assert {value for _, value in told[0].figures} == {None}
