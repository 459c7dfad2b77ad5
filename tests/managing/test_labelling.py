"""The evidence label: what a design allows to be claimed, and that it travels with every sentence."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from dashboards import wording
from flows.gate import add, programme_notes
from tests.managing.gate_plans import ONE, THREE, evidence, plan
from trials.errors import ProtocolError
from trials.evidence import CLAIMS, Concern
from trials.labelling import (
    FEASIBLE,
    LABELS,
    check,
    concerns_of,
    label_of,
    labelled,
    programme_confounding,
    programme_sentence,
    seen_label,
    sought,
    table,
)
from trials.plan.assignment import How
from trials.planning import admit
from trials.proposals import applied
from trials.reporting import sections
from trials.store import ledger
from trials.store.engine import open_store, upgrade
from trials.verdict import judge, outlook

HOWS = get_args(How)
SITES = [{"id": "A"}, {"id": "B"}]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "randomised"),
        ({"sites": SITES}, "randomised"),
        ({"unit": "cluster"}, "randomised (clusters)"),
        ({"sites": SITES, "assignment": {"within_site": False}}, "descriptive (lot between sites)"),
        ({"sites": SITES, "assignment": {"within_site": False}, "unit": "cluster"}, "randomised (clusters)"),
        ({"sites": SITES, "assignment": {"how": "site"}}, "descriptive (arm = site)"),
        ({"assignment": {"how": "period"}}, "before-after (arm = period)"),
        ({"assignment": {"how": "caseworker"}}, "within-site comparator (arm = caseworker)"),
        (
            {"sites": SITES, "assignment": {"how": "caseworker", "within_site": False}},
            "descriptive (arm = caseworker)",
        ),
        ({"assignment": {"how": "choice"}}, "descriptive (people chosen)"),
        ({"assignment": {"how": "before_after"}}, "before-after"),
        (ONE, "descriptive (no comparison)"),
        (ONE | {"assignment": {"how": "everyone"}}, "descriptive (no comparison)"),
        (ONE | {"assignment": {"how": "before_after"}}, "before-after"),
        (ONE | {"assignment": {"how": "site"}}, "descriptive (arm = site)"),
        (THREE | {"assignment": {"how": "site"}}, "descriptive (arm = site)"),
    ],
)
def test_each_design_has_its_label(changes: dict[str, Any], words: str) -> None:
    """From the assignment, the arms, the sites and the unit."""
    assert labelled(plan(**changes)) == words


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    st.sampled_from(HOWS),
    st.booleans(),
    st.sampled_from([{}, ONE, THREE]),
    st.integers(0, 3),
    st.sampled_from(["person", "cluster"]),
    st.sets(st.sampled_from(CLAIMS)),
    st.sampled_from([5, 40, 60]),
)
def test_no_confounded_design_is_spoken_of_as_the_cause(
    how: str, within: bool, design: dict[str, Any], sites: int, unit: str, fired: set[str], n: int
) -> None:
    """Whatever the design and whatever fires: without a lot nobody reads that the idea helps, the caution stands in the
    sentence, and neither promote nor drop is said unless there is a comparator within the site (or a sealed benchmark)."""
    body = {
        "assignment": {"how": how, "within_site": within},
        "sites": [{"id": str(i)} for i in range(sites)],
        "unit": unit,
    }
    protocol = plan(**design, **body)
    label = label_of(protocol)
    assert label.name in LABELS
    word, sentence = judge(protocol, evidence(tuple(fired), False, n), enrolled=n)
    outlook(protocol, evidence(tuple(fired), False, n))
    lot = how == "random" and design != ONE and (within or sites < 2 or unit == "cluster")
    assert label.causal == lot
    if lot:
        assert (label.caution, concerns_of(protocol)) == ("", ())
        assert "Evidence:" not in sentence
        return
    assert label.caution
    assert label.caution in sentence
    assert label.name in sentence
    assert "makes the difference between the arms" not in label.may_claim
    if label.people_decide:
        assert word in ("keep_going", "cant_tell", "stop_for_harm")
    assert "it helps" not in sentence
    assert "does harm" not in sentence


def test_a_randomised_trial_reads_as_before() -> None:
    """The label stands beside its sentence, not in it."""
    word, sentence = judge(plan(), evidence(("benefit",), False, 40))
    assert word == "promote"
    assert sentence.startswith("Promote: it helps; a bet against 'no benefit'")


def test_a_comparator_within_the_site_is_promoted_with_its_caution() -> None:
    """It says what was seen, not why."""
    word, sentence = judge(plan(assignment={"how": "caseworker"}), evidence(("benefit",), False, 40))
    assert word == "promote"
    assert sentence.startswith("Promote: people in its arm do better;")
    assert sentence.endswith("each caseworker works in one way only, so the caseworker may be the cause.")


def test_where_the_site_may_be_the_cause_people_decide() -> None:
    """Benefit, dud, or both: the reason stands in the sentence once, and harm still stops."""
    protocol = plan(sites=SITES, assignment={"how": "site"})
    for fired in (("benefit",), ("dud",), ("benefit", "dud")):
        word, sentence = judge(protocol, evidence(fired, False, 40))
        assert word == "cant_tell"
        assert sentence.startswith("People must decide: a bet against")
        assert sentence.count("the site may be the cause") == 1
    assert judge(protocol, evidence(("harm",), False, 40))[0] == "stop_for_harm"
    assert "decide nothing here" in outlook(protocol, evidence((), False, 40))


def test_a_benchmark_that_says_nothing_of_its_assignment_is_judged_with_its_caution() -> None:
    """One arm: promoted as ever while assignment is left out; put into people's hands where the plan says everyone."""
    silent, said = plan(**ONE), plan(**ONE, assignment={"how": "everyone"})
    word, sentence = judge(silent, evidence(("benefit",), False, 40))
    assert word == "promote"
    assert "nothing shows what would have happened without it" in sentence
    assert judge(said, evidence(("benefit",), False, 40))[0] == "cant_tell"


@pytest.mark.parametrize("how", [how for how in HOWS if how not in ("random", "everyone")])
def test_the_proposal_makes_a_comparator_within_each_site(how: str) -> None:
    """In words it names arms, sites and ratio; as changes it makes a plan that is admitted and randomised."""
    for design in ({}, ONE):
        protocol = plan(1200, sites=SITES, assignment={"how": how}, **design)
        label = label_of(protocol)
        assert "concealed list" in label.proposal
        assert "A and B" in label.proposal
        assert "1 : 1" in label.proposal
        changed = applied(protocol, label.changes)
        admit(changed)
        assert label_of(changed).causal


def test_a_plan_whose_assignment_contradicts_itself_is_refused() -> None:
    """Everyone gets the idea, and yet there is a control; a caseworker's column that nobody delivers."""
    with pytest.raises(ProtocolError, match="not everybody gets the idea"):
        admit(plan(assignment={"how": "everyone"}))
    with pytest.raises(ProtocolError, match=r"must be a column of data\.fields"):
        check(plan(assignment={"how": "caseworker", "column": "worker"}))
    admit(plan(assignment={"how": "caseworker", "column": "worker"}, data={"fields": [{"name": "worker"}]}))


def test_without_a_lot_no_sentence_says_that_the_idea_is_the_cause() -> None:
    """Benefit, benefit too small, a guardrail breached, and harm: said of the people, by what they are compared with."""
    worker, one = plan(assignment={"how": "caseworker"}), plan(**ONE)
    for protocol, better, worse in (
        (worker, "people in its arm do better", "people in its arm do worse"),
        (one, "people did better than the benchmark", "people did worse than the benchmark"),
    ):
        for fired, breached in ((("benefit",), False), (("benefit", "dud"), False), (("benefit",), True)):
            sentence = judge(protocol, evidence(fired, breached, 40))[1]
            assert f": {better}" in sentence
            assert "it helps" not in sentence
        sentence = judge(protocol, evidence(("harm",), False, 40))[1]
        assert f"steward: {worse}; a bet" in sentence
        assert "does harm" not in sentence
        both = judge(protocol, evidence(("benefit", "harm"), False, 40))[1]
        assert "the difference has changed over time" in both


def test_data_that_show_no_lot_take_its_label_away() -> None:
    """Whatever fires, the label is no longer randomised, its caution is said, and it ends as every other label does; a label
    that the plan's design gives stays."""
    concern = Concern(
        "confounded", "all people's arms can be told from x, though y: x may be the cause; ask", holds=True
    )
    caution = "all people's arms can be told from x, though y, so x may be the cause"
    assert labelled(plan(), [concern]) == "descriptive (arms confounded)"
    found = seen_label(plan(), [concern])
    assert (found.causal, found.people_decide, found.caution) == (False, True, caution)
    by_site = plan(sites=SITES, assignment={"how": "site"})
    assert seen_label(by_site, [concern]) == label_of(by_site)
    for fired in (("benefit",), ("dud",), ("benefit", "dud"), ("harm",), ()):
        seen = replace(evidence(fired, False, 40), concerns=(concern,))
        word, sentence = judge(plan(), seen)
        assert word in ("cant_tell", "stop_for_harm", "keep_going")
        assert "it helps" not in sentence
        assert "does harm" not in sentence
        assert sentence.count(caution) == 1
        if word != "cant_tell":
            assert sentence.endswith(f" Evidence: descriptive; {caution}.")
    assert "no lot formed the arms" in outlook(plan(), replace(evidence((), False, 40), concerns=(concern,)))


def test_a_plan_is_told_what_every_look_asks_and_what_its_programme_cannot_tell() -> None:
    """By `roadtest gate`, before anything is sealed: the caseworker only where their column is named."""
    assert sought(plan(sites=SITES)).startswith("Every look asks whether the arm follows from the site or when people")
    assert "Caseworkers are not asked about" in sought(plan(sites=SITES))
    named = plan(assignment={"how": "random", "column": "worker"}, data={"fields": [{"name": "worker"}]})
    assert "or the caseworker (worker)." in sought(named)
    assert sought(plan(**ONE)) == sought(plan(assignment={"how": "site"})) == ""
    first, *others = programme(**ONE)
    assert "prove nothing about the approaches" in programme_sentence(first, others)
    assert programme_sentence(first, [first]) == ""
    assert programme_sentence(plan(trial="fine", programme="p"), others) == ""


def test_the_gate_says_what_plans_of_a_programme_cannot_tell_together(tmp_path: Path) -> None:
    """From files with --with, and from what is registered for whoever registers another one."""
    app, files = typer.Typer(), []
    add(app)
    app.command("other")(lambda: None)
    plans = programme(**ONE)[:2]
    for one in plans:
        files.append(str(tmp_path / f"{one.trial}.yaml"))
        Path(files[-1]).write_text(one.to_yaml(), encoding="utf-8")
    done = CliRunner().invoke(app, ["gate", files[0], "--with", files[1]])
    assert "Together: trial-a, trial-b: each approach is tried at a site of its own" in done.stdout
    told = json.loads(CliRunner().invoke(app, ["gate", files[0], "--with", files[1], "--json"]).stdout)
    assert told["programme"].startswith("trial-a, trial-b")
    assert json.loads(CliRunner().invoke(app, ["gate", files[0], "--json"]).stdout)["programme"] is None
    url = f"sqlite:///{tmp_path / 'store.db'}"
    upgrade(url)
    store = open_store(url)
    assert programme_notes(store, plans[0]) == ()
    ledger.register(store, plans[0], by="Ann", at=datetime(2026, 1, 5, tzinfo=UTC))
    assert programme_notes(store, plans[1])[0].startswith("trial-b, trial-a: each approach")


def programme(**changes: Any) -> list[Any]:
    return [plan(trial=f"trial-{name}", sites=[{"id": name}], programme="p", **changes) for name in "abcde"]


def test_five_trials_at_five_sites_without_a_control_prove_nothing_about_each_other() -> None:
    """Unless each has a comparator at its own site, or they are one idea, or they share the sites."""
    found = programme_confounding(programme(**ONE))
    assert found is not None
    assert found.trials == tuple(f"trial-{name}" for name in "abcde")
    assert "prove nothing about the approaches relative to each other" in found.sentence
    assert "concealed list" in found.proposal
    assert programme_confounding(programme()) is None
    assert programme_confounding(programme(**ONE, prototype="text")) is None
    assert programme_confounding(programme(**ONE)[:1]) is None
    shared = [plan(trial=f"trial-{name}", sites=[{"id": "a"}], **ONE) for name in "ab"]
    assert programme_confounding(shared) is None
    assert programme_confounding(programme(assignment={"how": "site"})) is not None


def test_the_table_has_every_way_and_its_label() -> None:
    """What the docs show is what `label_of` says."""
    rows = table()[1:]
    assert {row[0].split(",")[0] for row in rows} == set(HOWS)
    for how, name, _ in rows:
        design = ONE if how == "everyone" else {"sites": SITES}
        assignment = {"how": how.split(",")[0], "within_site": "," not in how}
        assert label_of(plan(**design, assignment=assignment)).name == name


def test_every_combination_of_arms_and_ways_has_words() -> None:
    """No design is without a claim, its limit and, where no lot decides, a proposal."""
    for how, design in itertools.product(HOWS, ({}, ONE, THREE)):
        label = label_of(plan(**design, assignment={"how": how}))
        assert label.may_claim
        assert label.may_not_claim
        assert bool(label.proposal) == bool(label.changes) == (not label.causal)


def test_a_feasibility_trial_claims_nothing_of_what_the_idea_does() -> None:
    """Drawn by lot or not, and when the data say that no lot was: the same two claims, in the report's sentence too."""
    seen = Concern("confounded", "the arm follows from the site; so no lot was drawn", True)
    for how in ("random", "choice", "before_after"):
        protocol = plan(purpose="feasibility", assignment={"how": how})
        for label in (label_of(protocol), seen_label(protocol, [seen])):
            assert (label.may_claim, label.may_not_claim) == FEASIBLE
        assert "makes the difference" not in sections.claims(protocol)
        assert FEASIBLE[0] in sections.claims(protocol)
        assert FEASIBLE[1] in wording.label_means(protocol)
