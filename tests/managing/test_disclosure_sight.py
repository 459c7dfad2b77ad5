"""Who sees what: pages for everybody, a look as somebody may see it, and what a safety steward sees, which is recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from dashboards import read_model
from dashboards.app import create_app
from dashboards.panels import PANELS, groups
from dashboards.panels.panel import place
from dashboards.read_model import Desk
from dashboards.theme import Screen
from flows import seeing as commands
from tests.dashboards import making
from tests.dashboards.test_panels import page_of, text_of
from trials.acts.viewing import VIEWED
from trials.disclosure import apart, safe_concern, safe_look, told, with_crossings, without_estimate
from trials.errors import ForbiddenError, UnknownTrialError
from trials.evidence import Concern, Look
from trials.store import acts, granting, reading, seeing, verifying
from trials.store.engine import Store, open_store

AT = making.START


@dataclass(frozen=True)
class Sees:
    arms: bool
    small: bool


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'roadtest.db'}")
    yield opened
    opened.close()


def run(store: Store, people: int = 68, size: int = 20) -> list[Look]:
    making.run(store, making.plan("seen"), making.people(people, share=(0.45, 0.4)), size=size)
    return reading.looks(store, "seen")


def close_programme(store: Store) -> None:
    granting.give(store, "tests", "sara", "safety_steward", by="anna", at=AT)
    granting.give(store, "tests", "olga", "operator", by="anna", at=AT)


def pages_of(tmp_path: Path, more: int) -> str:
    """What the board and the page of a trial say once a few people, and `more` of them, have joined and wait."""
    store = open_store(f"sqlite:///{tmp_path / f'{more}.db'}")
    making.run(store, making.plan("seen"), making.people(68), size=20)
    making.deliver(store, "seen", [replace(one, value=None) for one in making.people(2 + more, first=69)], week=9)
    with create_app(store).server.test_request_context():
        said = page_of(store, "seen")
    store.close()
    return said


def test_a_few_people_more_leave_no_trace_on_any_page(tmp_path: Path) -> None:
    """Who joined since the last step and waits, at any site and arm: board and page are the same, word for word. Sixty more
    would be seen."""
    none, one, three, many = (pages_of(tmp_path, more) for more in (0, 1, 3, 60))
    assert none == one == three
    assert none != many


def test_sentences_name_only_people_of_looks_that_are_shown(store: Store) -> None:
    """Where a claim fired becomes the first look shown in which it had, and 'more since' goes with it."""
    making.run(store, making.plan("seen"), making.people(200, share=(0.8, 0.2)), size=8)
    looks = reading.looks(store, "seen")
    shown = apart(looks)
    newest = looks[-1]
    assert newest.claims["benefit"].fired
    numbers = {look.n for look in shown}
    first = next(look.n for look in shown if look.claims["benefit"].fired)
    sentence = told(making.plan("seen"), newest, shown)
    assert f"by the look after {first} people ({shown[-1].n - first} more have come in since" in sentence
    assert with_crossings(shown)[-1].claims["benefit"].crossed_at_n == first
    assert first in numbers
    assert newest.claims["benefit"].crossed_at_n not in numbers or newest.claims["benefit"].crossed_at_n == first


def test_before_a_look_may_be_shown_its_sentence_has_no_count(store: Store) -> None:
    """Neither who joined nor who has a result; the verdict and what is missing for more stay."""
    [look] = run(store, people=14)
    assert look.sentence.startswith("Too early to say: 14 people of 400 have joined")
    said = told(making.plan("seen"), look, apart([look]))
    assert said == "Too early to say: at least 10 people in each group must have a result first."


def test_a_full_trial_does_not_tell_whether_anybody_is_missing(store: Store) -> None:
    """'The planned are in' and 'in or counted as missing' read alike."""
    protocol = making.plan("seen", monitoring={"max_participants": 80})
    making.run(store, protocol, making.people(80, share=(0.4, 0.38)))
    looks = reading.looks(store, "seen")
    assert "the planned 80 people are in;" in looks[-1].sentence
    assert "all of the planned 80 people are in or counted as missing;" in told(protocol, looks[-1], apart(looks))


def test_the_label_stays_when_the_estimate_goes() -> None:
    """A sentence is cut between what it found and what it may claim."""
    text = (
        "Promote: it helps. relapsed: 8.0 fewer in 100 (plausibly from 1 to 9). Evidence: descriptive; no comparison."
    )
    assert without_estimate(making.plan("seen"), text) == "Promote: it helps. Evidence: descriptive; no comparison."


def test_a_rules_sentence_loses_its_numbers_of_people() -> None:
    """How many joined would be told at every delivery."""
    late = Concern("late", "31 reports or changes came too late to count: ask for them in time")
    assert safe_concern(late) == "some reports or changes came too late to count: ask for them in time"
    slow = Concern("recruitment", "people join too slowly: 31 so far, where 60 were planned")
    assert safe_concern(slow) == "people join more slowly than planned"


def test_a_look_as_everybody_may_see_it_has_no_count_of_its_own(store: Store) -> None:
    """People are those of the newest look shown; who joined, waits or is missing is null; effects are rounded."""
    looks = run(store)
    body = safe_look(looks, making.plan("seen"), Sees(arms=True, small=False))
    shown = apart(looks)[-1]
    assert (body["n"], body["as_of_look"], body["number"]) == (shown.n, shown.number, looks[-1].number)
    assert shown.n < looks[-1].n
    assert [body[name] for name in ("enrolled", "waiting", "missing", "late_changes", "state_sha256")] == [None] * 5
    assert [arm["missing"] for arm in body["arms"]] == [None, None]
    assert body["estimate"] == round(shown.estimate or 0, 3)
    assert body["verdict"] == looks[-1].verdict
    json.dumps(body)


def test_a_look_without_arms_has_none_of_their_figures(store: Store) -> None:
    """A steward whom the plan keeps arms from sees the counts and no arm."""
    looks = run(store)
    body = safe_look(looks, making.plan("seen"), Sees(arms=False, small=True))
    assert (body["arms"], body["comparisons"]) == ([], [])
    assert body["n"] == looks[-1].n
    whole = safe_look(looks, making.plan("seen"), Sees(arms=True, small=True))
    assert whole == {**looks[-1].to_json(), "as_of_look": looks[-1].number}


def test_pages_of_a_closed_programme_keep_results_by_arm_back(store: Store) -> None:
    """Until the trial is closed they are for those whom the plan names, as everybody's page says; an open programme shows
    them."""
    run(store)
    assert read_model.trial(Desk(store), "seen").arms
    close_programme(store)
    view = read_model.trial(Desk(store), "seen")
    assert not view.arms
    missing = groups.absent(view)
    assert missing is not None
    assert "custodian and safety steward" in missing.why
    assert "absence-failed" not in text_of([place(panel, Desk(store), view, Screen()) for panel in PANELS])
    assert read_model.trial(Desk(store.as_person("sara")), "seen").arms
    assert not read_model.trial(Desk(store.as_person("olga")), "seen").arms


def test_a_steward_sees_everything_and_that_is_recorded_first(store: Store) -> None:
    """Raw counts by site and arm and the whole look; two acts say who was shown what, and the chain holds them."""
    looks = run(store)
    close_programme(store)
    found = seeing.inside(store, "seen", by="sara", at=AT)
    assert found.look == looks[-1]
    assert sum(found.enrolled.values()) == 68
    assert set(found.enrolled) == {(site, arm) for site in "NS" for arm in ("usual", "call")}
    viewed = [(act.by, act.body.what, act.body.role) for act in acts.acts(store, "seen", [VIEWED])]  # type: ignore[attr-defined]
    assert viewed == [("sara", "small_counts", "safety_steward"), ("sara", "arms", "safety_steward")]
    assert verifying.verify(store) == []


@pytest.mark.parametrize("person", ["olga", "anna", "nobody"])
def test_others_are_shown_nothing_and_nothing_is_recorded(person: str, store: Store) -> None:
    """Neither an operator nor a lead nor a stranger."""
    run(store)
    close_programme(store)
    with pytest.raises(ForbiddenError, match="must be safety_steward to see small counts"):
        seeing.inside(store, "seen", by=person, at=AT)
    assert acts.acts(store, "seen", [VIEWED]) == ()


def test_a_plan_can_keep_arms_from_its_steward(store: Store) -> None:
    """Then the counts are shown and the look is not."""
    making.run(store, making.plan("seen", access={"interim": ["custodian"]}), making.people(40))
    close_programme(store)
    found = seeing.inside(store, "seen", by="sara", at=AT)
    assert (found.look, found.arms) == (None, False)
    assert [act.body.what for act in acts.acts(store, "seen", [VIEWED])] == ["small_counts"]  # type: ignore[attr-defined]


def test_a_command_shows_each_reader_what_they_may_see(store: Store) -> None:
    """Everything in an open programme; then steps to an operator, everything to a steward, nothing to a stranger."""
    looks = run(store)
    card = reading.card(store, "seen")
    assert seeing.look_for(store, card) == {**looks[-1].to_json(), "as_of_look": looks[-1].number}
    close_programme(store)
    steward, operator = (seeing.look_for(store.as_person(name), card) for name in ("sara", "olga"))
    assert steward is not None
    assert operator is not None
    assert (steward["n"], operator["n"]) == (looks[-1].n, apart(looks)[-1].n)
    assert (len(steward["arms"]), operator["arms"], operator["waiting"]) == (2, [], None)
    with pytest.raises(ForbiddenError, match="has no role in tests"):
        seeing.look_for(store, card)


def test_an_unknown_trial_is_named(store: Store) -> None:
    """With those spelt alike."""
    run(store)
    with pytest.raises(UnknownTrialError, match="seen"):
        seeing.inside(store, "sen", by="sara", at=AT)


def test_the_commands_show_steps_to_everybody_and_all_to_a_steward(tmp_path: Path) -> None:
    """counts: steps as text, JSON, CSV, filters too, for whoever has a role; look-inside: raw, refused to an operator."""
    home = tmp_path / "home"
    home.mkdir()
    opened = open_store(f"sqlite:///{home / 'roadtest.db'}")
    run(opened, people=68)
    close_programme(opened)
    opened.close()
    app = typer.Typer()
    commands.add(app)

    def call(*words: str) -> tuple[int, str]:
        answer = CliRunner().invoke(app, [*words, "--home", str(home)])
        return answer.exit_code, answer.output

    code, text = call("counts", "seen", "--by", "olga")
    assert (code, "under 10" in text or "+" in text) == (0, True)
    body = json.loads(call("counts", "seen", "--json", "--site", "N", "--by", "olga")[1])
    assert {one["site"] for one in body["cells"]} == {"N"}
    assert all((one["at_least"] or 10) >= 10 for one in body["cells"])
    assert call("counts", "seen", "--csv", "--by", "olga")[1].splitlines()[0] == "site,arm,at_least,below"
    code, text = call("look-inside", "seen", "--by", "olga")
    assert (code, text.count("\n")) == (1, 1)
    code, text = call("look-inside", "seen", "--by", "sara")
    assert (code, "68 have joined" in text, "Recorded: sara" in text) == (0, True, True)
    body = json.loads(call("look-inside", "seen", "--by", "sara", "--json")[1])
    assert (body["joined"], body["look"]["n"], body["role"]) == (68, 68, "safety_steward")
