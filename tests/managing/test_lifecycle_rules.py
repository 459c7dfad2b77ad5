"""The lifecycle's tables and rules: what leads where, which plan may begin, what it carries over."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest

from trials import lifecycle
from trials.acts import ACTS
from trials.acts.act import CLOSED, SEALED, STATES, Act
from trials.acts.deciding import DECISION, DECISIONS, Answered, Decision
from trials.acts.viewing import Viewed
from trials.errors import LifecycleError
from trials.lifecycle import STAGES, Predecessor, Standing
from trials.protocol import Protocol, from_content

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
GATE = {"criteria": [{"id": "helps", "asks": "benefit", "text": "it helps", "green": 1, "red": 0}]}


def plan(trial: str = "next", stage: str = "pilot", **changes: Any) -> Protocol:
    content = {
        "trial": trial,
        "question": "?",
        "owner": "tests",
        "stage": stage,
        "sites": [{"id": f"site of {trial}"}],
        "arms": [{"id": "control", "role": "control"}, {"id": "idea"}],
        "primary": {"measure": "y", "kind": "binary", "better": "lower", "baseline": 0.4, "worthwhile": 0.2},
        "monitoring": {"max_participants": 60},
        "order_by": ["entry_order"],
        "source": {"connector": "folder", "path": "in"},
    }
    return from_content({**content, **changes})


def before(trial: str, state: str, stage: str = "proof_of_concept", to: str | None = "pilot") -> Predecessor:
    """A trial that stands there, with a gate to a stage."""
    what = {"dropped": "drop", "promoted": "promote", "stopped": "stop", "rerun": "rerun"}.get(state)
    told = None
    if what is not None:
        answers = (Answered(id="helps", value=1, light="green", source="ledger"),)
        told = Decision(what=what, reason_code="worked", lesson=f"what {trial} taught us", reuse="x", answers=answers)
    changes = {} if to is None else {"gate": {"to": to, **GATE}}
    return Predecessor(plan(trial, stage, **changes), state, told)


def carrying(*names: str, stage: str = "pilot", **changes: Any) -> Protocol:
    return plan(stage=stage, continues=names, **{"changed": "one site instead of many", **changes})


def test_the_table_of_states_is_what_the_acts_allow() -> None:
    """Each kind of act on a trial has its row, filled exactly where it is allowed; closed trials are never moved."""
    heads, *rows = lifecycle.table()
    assert heads == ("step", *STATES)
    cells = {row[0]: dict(zip(STATES, row[1:], strict=True)) for row in rows}
    for kind in ACTS.values():
        if not kind.states or kind is DECISION:
            continue
        assert {state for state, after in cells[kind.name.replace("_", " ")].items() if after} == set(kind.states)
    for what in DECISIONS:
        assert {state: after for state, after in cells[f"decide {what}"].items() if after} == {
            SEALED: DECISION.moves(SEALED, Decision(what=what))
        }
    assert {cells[step][state] for step in cells for state in CLOSED if cells[step][state]} <= set(CLOSED)
    assert all(cells[step][state] in ("", state) for step in cells for state in CLOSED)


def test_the_table_of_stages_never_skips_and_never_goes_back() -> None:
    """From each stage lead only itself, the next one and the end."""
    heads, *rows = lifecycle.stage_table()
    named = [head.replace(" ", "_") for head in heads[1:-1]]
    assert tuple(named) == STAGES
    for here, row in zip(STAGES, rows, strict=False):
        reached = [stage for stage, cell in zip(STAGES, row[1:-1], strict=True) if cell]
        assert set(reached) <= {here, lifecycle.following(here)}
        assert row[-1]
    assert set(rows[-1][1:]) == {""}


def test_states_are_folded_from_acts_and_a_forbidden_one_is_found() -> None:
    """Continue leaves a trial open, a closing closes it, and nothing is decided after that."""

    def act(seq: int, what: Any) -> Act:
        return Act("t", seq, "decision", "anna", AT, 1, Decision(what=what))

    assert lifecycle.folded(True, [act(1, "continue"), act(2, "stop")]) == "stopped"
    looked = Act("t", 3, "viewed", "anna", AT, 1, Viewed(what="rows", role="custodian"))
    assert lifecycle.folded(True, [act(1, "drop"), looked]) == "dropped"
    with pytest.raises(LifecycleError, match=r"act 2 of t .decision. was done while it was dropped"):
        lifecycle.folded(True, [act(1, "drop"), act(2, "promote")])
    with pytest.raises(LifecycleError, match="while it was registered"):
        lifecycle.folded(False, [act(1, "stop")])


def test_a_pilot_that_continues_nothing_was_begun_elsewhere() -> None:
    """That is a note, not a refusal, unless the idea was tried here before: then its gate comes first."""
    assert lifecycle.may_begin(plan(stage="proof_of_concept"), {}, Standing()) == ()
    assert lifecycle.may_begin(plan(stage="proof_of_concept"), {}, Standing("idea")) == ()
    for stage, standing in itertools.product(("pilot", "scale"), (Standing(), Standing("idea"))):
        assert "begun elsewhere" in lifecycle.may_begin(plan(stage=stage), {}, standing)[0]
    with pytest.raises(
        LifecycleError, match="continues is missing, must name the trials of next that this pilot carries"
    ):
        lifecycle.may_begin(plan(), {}, Standing("proof_of_concept"))


def test_an_idea_does_not_go_back_and_an_ended_one_not_on() -> None:
    """A plan at an earlier stage than the idea has reached is refused, and every plan of an ended idea."""
    with pytest.raises(LifecycleError, match="stage == pilot, must be scale or later"):
        lifecycle.may_begin(plan(), {}, Standing("scale"))
    with pytest.raises(LifecycleError, match=r"the idea next was ended .not_wanted."):
        lifecycle.may_begin(plan(), {}, Standing("pilot", ended="not_wanted"))


@pytest.mark.parametrize(
    ("stage", "known", "reason"),
    [
        ("pilot", {"a": None}, "continues names a, must name other trials that are registered"),
        ("pilot", {"a": before("a", "sealed")}, "a is not closed, must be before another trial carries on"),
        ("pilot", {"a": before("a", "dropped"), "b": before("b", "stopped")}, "none of a, b was promoted"),
        ("pilot", {"a": before("a", "rerun")}, "none of a was promoted"),
        (
            "scale",
            {"a": before("a", "promoted")},
            "a was promoted through a gate to pilot, must have passed a gate to scale",
        ),
        ("pilot", {"a": before("a", "promoted", to=None)}, "a was promoted without a gate"),
        (
            "pilot",
            {"a": before("a", "promoted"), "b": before("b", "dropped", "pilot", None)},
            "b stood at pilot or later",
        ),
        ("pilot", {"a": before("a", "promoted", "pilot", "scale")}, "a stood at pilot or later"),
    ],
)
def test_what_was_not_decided_is_not_carried_on(stage: str, known: dict[str, Predecessor | None], reason: str) -> None:
    """Unknown, open, never promoted, through no gate or through another one: each has its own sentence."""
    with pytest.raises(LifecycleError, match=reason):
        lifecycle.may_begin(carrying(*known, stage=stage), known, Standing())


def test_no_gate_leads_over_a_stage() -> None:
    """A plan whose gate leads anywhere but to the next stage is refused; after the last stage there is none."""
    for stage, to in itertools.product(STAGES, STAGES[1:]):
        one = plan(stage=stage, gate={"to": to, **GATE})
        if to == lifecycle.following(stage):
            lifecycle.may_begin(one, {}, Standing())
            continue
        with pytest.raises(LifecycleError, match=f"gate.to == {to}, must be "):
            lifecycle.may_begin(one, {}, Standing())


def test_a_criterion_is_one_criterion() -> None:
    """The same id in a feasibility trial's progression and in its gate means the same, or the plan is refused."""
    gate = {"to": "scale", **GATE}
    same = plan(purpose="feasibility", progression=GATE["criteria"], gate=gate)
    assert "begun elsewhere" in lifecycle.may_begin(same, {}, Standing())[0]
    with pytest.raises(LifecycleError, match=r"gate\.criteria and progression both have helps, must say the same"):
        lifecycle.may_begin(
            plan(purpose="feasibility", progression=[{**GATE["criteria"][0], "green": 2}], gate=gate), {}, Standing()
        )


def test_a_plan_that_carries_on_says_what_is_new() -> None:
    """Without words on what changed nothing is carried over."""
    with pytest.raises(LifecycleError, match="changed is missing"):
        lifecycle.may_begin(carrying("a", changed=""), {"a": before("a", "promoted")}, Standing())


def test_one_promoted_among_closed_ones_is_enough_and_a_rerun_stays() -> None:
    """Five small tests, one of them promoted, lead on; a trial closed for a rerun leads to one in its own stage."""
    known = {
        name: before(name, state)
        for name, state in {"a": "dropped", "b": "stopped", "c": "promoted", "d": "dropped", "e": "rerun"}.items()
    }
    assert lifecycle.may_begin(carrying(*known), known, Standing()) == ()
    again = carrying("e", stage="proof_of_concept")
    assert lifecycle.may_begin(again, {"e": known["e"]}, Standing("proof_of_concept")) == (
        "a rerun of e within the stage proof_of_concept",
    )


def test_what_is_carried_over_is_said_in_one_sentence_and_in_full() -> None:
    """From five small tests to one pilot in one site: lessons, decisions, criteria, what changed, and what is asked no more."""
    known = [before(name, "promoted" if name == "c" else "dropped") for name in "abcde"]
    found = lifecycle.carried(carrying(*"abcde", gate={"to": "scale", **GATE}), known)
    assert found.sentence == (
        "From 5 proofs of concept (300 people planned, 5 sites) to one pilot (60 people planned, 1 site)."
    )
    assert found.changed == "one site instead of many"
    assert [(one.trial, one.decision, one.lesson) for one in found.handed][2] == ("c", "promote", "what c taught us")
    assert found.criteria[0] == ("a", "helps", "it helps")
    assert found.no_longer_asked == ()
    other = {"to": "scale", "criteria": [{**GATE["criteria"][0], "id": "wanted"}]}
    assert lifecycle.carried(carrying(*"abcde", gate=other), known).no_longer_asked == ("helps",)
    assert lifecycle.carried(plan(), []).sentence == "next continues no trial."
