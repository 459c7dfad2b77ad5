"""Deciding: which decision agrees with which verdict, when two people are needed, what must be said."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from trials import deciding, reasons
from trials.acts.act import Act
from trials.acts.deciding import DECISIONS, Answered, Decision, Grounds
from trials.deciding import Received, review
from trials.errors import DataError, LifecycleError
from trials.evidence import Claim, Concern, Look, Verdict
from trials.protocol import Protocol, from_content
from trials.stopping.rule import Finding, RuleClaim

AT = datetime(2026, 3, 1, tzinfo=UTC)
CRITERIA = [
    {"id": "kept", "asks": "retention", "text": "people stay", "green": 0.8, "red": 0.6},
    {"id": "wanted", "asks": "acceptability", "text": "people want it", "green": 70, "red": 50, "unit": "%"},
    {"id": "helps", "asks": "benefit", "text": "it helps", "green": 1, "red": 0},
]


def plan(**changes: Any) -> Protocol:
    content = {
        "trial": "a-trial",
        "question": "?",
        "owner": "tests",
        "arms": [{"id": "c", "role": "control"}, {"id": "t"}],
        "primary": {"measure": "y", "kind": "binary", "better": "lower", "baseline": 0.4, "worthwhile": 0.2},
        "monitoring": {"max_participants": 60},
        "order_by": ["entry_order"],
        "source": {"connector": "folder", "path": "in"},
    }
    return from_content({**content, **changes})


def look(verdict: Any, *, benefit: bool = False, missing: int = 10, concerns: tuple[Concern, ...] = ()) -> Look:
    claims = {name: Claim(0.0, 1.0, 20.0) for name in ("benefit", "dud", "harm")}
    if benefit:
        claims["benefit"] = replace(claims["benefit"], crossed_at_n=30)
    return Look(
        *("a-trial", 4, AT, 9, 90, 100, 0, missing, 0, claims, 0.1, (-0.1, 0.3), (), verdict, "sentence"),
        *("p" * 64, "1", "s" * 64),
        concerns=concerns,
    )


@pytest.mark.parametrize(("verdict", "what"), list(itertools.product(get_args(Verdict), DECISIONS)))
def test_a_decision_against_the_verdict_needs_a_second_person_and_a_reason(verdict: Any, what: Any) -> None:
    """For every pair: exactly where the table doesn't say that they agree. People who must decide need a reason alone."""
    found = review(plan(), look(verdict), what)
    agrees = what in reasons.AGREES[verdict]
    assert found.second is not agrees
    assert found.against == (() if agrees else ("verdict",))
    assert found.reason is (not agrees or (verdict == "cant_tell" and what != "continue"))


def test_every_verdict_has_its_line_and_harm_leads_to_a_stop_alone() -> None:
    """The table covers the verdicts that looks have; each has a decision that agrees; harm never agrees with going on."""
    assert set(reasons.AGREES) == {"", *get_args(Verdict)}
    assert all(reasons.AGREES.values())
    assert reasons.AGREES["stop_for_harm"] == {"stop"}
    heads, *rows = reasons.table()
    assert heads == ("verdict", *DECISIONS)
    assert len(rows) == len(reasons.AGREES) + len(reasons.PROGRESSION_AGREES)


def test_a_trial_without_a_look_can_only_be_stopped() -> None:
    """There is nothing that anything else could rest on; the stop needs a reason, and nobody beside."""
    for what in set(DECISIONS) - {"stop"}:
        with pytest.raises(LifecycleError, match=f"a-trial has had no look, must have one to {what}"):
            review(plan(), None, what)
    found = review(plan(), None, "stop", reason_code="funding")
    assert (found.second, found.reason) == (False, True)


def test_a_rule_beside_the_statistics_asks_for_its_own_stop_alone() -> None:
    """A recruitment rule that is broken makes a stop for recruitment agree; not a drop, nor a stop for another reason."""
    broken = Finding("recruitment", "recruitment", "stop", "too slow", "20 a month", RuleClaim("", 0.05))
    watched = replace(broken, code="burden", level="watch")
    rules = deciding.asking(look("keep_going"), [broken, watched])
    assert rules == {"recruitment"}
    assert not review(plan(), look("keep_going"), "stop", reason_code="recruitment", rules=rules).second
    assert review(plan(), look("keep_going"), "stop", reason_code="burden", rules=rules).second
    assert review(plan(), look("keep_going"), "drop", reason_code="recruitment", rules=rules).second
    odd = look("keep_going", concerns=(Concern("sample_ratio", "odd", holds=True),))
    assert deciding.asking(odd, []) == {"data_quality"}


def test_a_stop_for_safety_waits_for_nobody_who_may_judge_safety() -> None:
    """Whoever may judge safety stops alone; whoever may not needs a second person; another reason does too."""
    alone = review(plan(), look("promote"), "stop", reason_code="safety", judges_safety=True)
    assert (alone.against, alone.second, alone.reason) == (("verdict",), False, True)
    assert review(plan(), look("promote"), "stop", reason_code="safety").second
    assert review(plan(), look("promote"), "stop", reason_code="funding", judges_safety=True).second


def gated() -> Protocol:
    return plan(gate={"to": "pilot", "criteria": CRITERIA})


def lit(protocol: Protocol, shown: Look, **said: float) -> tuple[Answered, ...]:
    facts = deciding.facts_of(shown, Received(date(2025, 12, 1), 100, 200, 4), date(2026, 3, 1), 400)
    found, _ = deciding.answered(deciding.criteria_of(protocol), facts, deciding.from_look(protocol, shown), said)
    return found


def test_the_gate_is_asked_and_promoting_against_it_needs_a_second_person() -> None:
    """All green: one person promotes. One amber: that is against the gate, which the sentence names with its light."""
    shown = look("promote", benefit=True)
    green = lit(gated(), shown, wanted=75)
    assert {one.id: (one.light, one.source) for one in green} == {
        "kept": ("green", "ledger"),
        "wanted": ("green", "people"),
        "helps": ("green", "ledger"),
    }
    assert not review(gated(), shown, "promote", answers=green).second
    amber = review(gated(), shown, "promote", answers=lit(gated(), shown, wanted=60))
    assert (amber.against, amber.second) == (("gate",), True)
    assert amber.because == ("at the gate to pilot wanted is amber",)
    assert review(
        gated(), look("keep_going"), "promote", answers=lit(gated(), look("keep_going"), wanted=75)
    ).against == (
        "verdict",
        "gate",
    )


def test_nobody_answers_what_the_ledger_knows() -> None:
    """An answer to a criterion that is worked out, or to none, is refused; what is left open is named."""
    with pytest.raises(DataError, match="met kept, must be left out: the ledger works out retention"):
        lit(gated(), look("promote"), kept=1.0)
    with pytest.raises(DataError, match="met typo, must be one of kept, wanted, helps"):
        lit(gated(), look("promote"), typo=1.0)
    facts = deciding.facts_of(look("promote"), Received(), date(2026, 3, 1), 400)
    _, silent = deciding.answered(deciding.criteria_of(gated()), facts, {}, {})
    assert [one.id for one in silent] == ["wanted", "helps"]


def test_a_feasibility_trial_is_decided_by_its_progression() -> None:
    """Green agrees with going on, red with ending, an open criterion with waiting; harm stays harm."""
    protocol = plan(purpose="feasibility", progression=CRITERIA[:2])
    shown = look("cant_tell")
    assert not review(protocol, shown, "promote", answers=lit(protocol, shown, wanted=80)).second
    red = lit(protocol, shown, wanted=20)
    assert review(protocol, shown, "promote", answers=red).against == ("progression",)
    assert not review(protocol, shown, "rerun", answers=red).second
    assert review(protocol, shown, "drop", answers=lit(protocol, shown)).because == (
        "the progression criteria come to 'not yet'",
    )
    assert review(protocol, look("stop_for_harm"), "continue", answers=lit(protocol, shown, wanted=80)).second


SAID: dict[str, Any] = {
    "reason_code": "no_benefit",
    "lesson": "letters alone move nobody",
    "reuse": "the reminder texts",
}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"reason_code": ""}, "reason_code == '', must be one of no_benefit, harm, guardrail"),
        ({"reason_code": "worked"}, "reason_code == 'worked', must be one of"),
        ({"lesson": ""}, "lesson == '', must be at least 4 words"),
        ({"lesson": "did not work"}, "must be at least 4 words"),
        ({"reuse": ""}, "reuse == '', must say what others can use again"),
        ({"what": "continue"}, "must be left out where a trial goes on"),
    ],
)
def test_no_trial_closes_without_its_words(changes: dict[str, Any], reason: str) -> None:
    """A fitting code, a lesson of a few words and what to use again; each is asked for in one sentence."""
    found = review(plan(), look("drop"), "drop")
    deciding.check_words("a-trial", Decision(**{"what": "drop", **SAID}), found)
    with pytest.raises(DataError, match=reason):
        deciding.check_words("a-trial", Decision(**{"what": "drop", **SAID, **changes}), found)


def test_every_closing_has_codes_and_every_code_a_closing() -> None:
    """No decision without a reason to give, no code that nobody can give; the stopping rules' codes are a stop's too."""
    for what in reasons.CLOSING:
        assert [code for code, (_, whats) in reasons.REASONS.items() if what in whats]
    assert all(whats and whats <= reasons.CLOSING for _, whats in reasons.REASONS.values())
    for code in ("recruitment", "burden", "data_quality", "guardrail", "safety"):
        assert "stop" in reasons.REASONS[code][1]


def test_a_decision_says_on_which_look_it_rests() -> None:
    """Who, when, on which look with which verdict, against what, who reviewed it, and that more had come in by then."""
    on = deciding.grounds(look("keep_going"), stale=True, label="randomised")
    said = Decision(
        what="drop", **SAID, reason="the provider is needed elsewhere", second="ben", against=("verdict",), grounds=on
    )
    act = Act("a-trial", 1, "decision", "anna", datetime(2026, 3, 9, tzinfo=UTC), 4, said)
    assert deciding.sentence(act) == (
        "a-trial was dropped (no benefit) by anna on 9 March 2026, on look 4 of 1 March 2026 (verdict: keep going), "
        "against the verdict, reviewed by ben. Why: the provider is needed elsewhere. More had come in by then than look 4 "
        "counted; the decision rests on that look alone."
    )
    first = replace(act, body=Decision(what="stop", reason_code="funding", grounds=Grounds()))
    assert "was stopped (funding) by anna on 9 March 2026, before its first look." in deciding.sentence(first)


def test_looks_after_a_decision_are_marked_and_those_before_are_not() -> None:
    """After a closing: post-decision. After going on against the verdict: marked as such. Agreeing to go on marks nothing."""

    def act(what: Any, at_look: int, against: tuple[str, ...] = ()) -> Act:
        return Act("t", at_look, "decision", "anna", AT, at_look, Decision(what=what, against=against))

    done = [act("continue", 1), act("continue", 2, ("verdict",)), act("stop", 5)]
    marks = [deciding.mark(number, done) for number in range(1, 8)]
    assert [one.post_decision for one in marks] == [False] * 5 + [True] * 2
    assert [one.continued_at for one in marks] == [None, None, 2, 2, 2, 2, 2]
    assert [one.words for one in marks[1:6:2]] == ["", "continued against the verdict of look 2", "after the decision"]


def test_a_gate_asks_something_and_each_thing_once() -> None:
    """A gate without criteria, or with an id twice, is no plan."""
    for criteria in ([], [CRITERIA[0], CRITERIA[0]]):
        with pytest.raises(Exception, match=r"gate\.criteria"):
            plan(gate={"to": "pilot", "criteria": criteria})
    with pytest.raises(ValidationError):
        Decision(what="promote", dissent="")


def test_the_pace_of_recruitment_ends_with_the_last_who_was_planned() -> None:
    """Months go on with the clock while people are waited for, and end with the last one's day once all have joined."""
    first, last = date(2026, 1, 1), date(2026, 4, 1)
    some, whole = Received(first, 299, 300, 0, last), Received(first, 300, 300, 0, last)
    late = date(2027, 1, 1)
    assert deciding.facts_of(None, some, late, 300).months == pytest.approx(365 / 30.4375)
    assert deciding.facts_of(None, whole, late, 300).months == pytest.approx(90 / 30.4375)
    assert deciding.facts_of(None, whole, last, 300).months == deciding.facts_of(None, whole, late, 300).months
