"""The page on which a decision is recorded: what it offers to whom, and that it decides as the command does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dash import Dash
from plotly.utils import PlotlyJSONEncoder

from dashboards.app import create_app
from dashboards.pages import decide
from dashboards.pages.decide_faults import ANSWER, LESSON, NO_ROLE, REUSE, Typed, lacking
from dashboards.pages.decide_form import answers, codes
from dashboards.pages.decide_words import NOT_NEEDED, agrees, choice_of, needs
from dashboards.read_model import Desk
from dashboards.read_model.deciding import Choice, deciding
from dashboards.reader import Reader
from flows.doing import ByHand
from flows.settings import Settings
from tests.dashboards import making
from trials.acts.deciding import DECISIONS
from trials.reasons import REASONS
from trials.store import acts, granting, lessons
from trials.store import decisions as stored
from trials.store.engine import Store

LEAD = Reader("lea", "local")
GATE = {
    "to": "pilot",
    "criteria": [
        {"id": "kept", "asks": "retention", "text": "They stay", "green": 0.5, "red": 0.2},
        {"id": "wanted", "asks": "acceptability", "text": "They would choose it again", "green": 7, "red": 4},
    ],
}
SAID = {
    "decide-code": "no_benefit",
    "decide-reason": "",
    "decide-lesson": "Calling people helps nobody who has no telephone",
    "decide-reuse": "The script",
    "decide-dissent": "",
    "decide-second": "",
}


@pytest.fixture
def dud(empty: Store) -> Store:
    making.run(empty, making.plan("plain-dud"), making.people(400, share=(0.35, 0.40)), size=200)
    return empty


def served(store: Store, folder: Path, reader: Reader = LEAD, *, acting: bool = True) -> Dash:
    return create_app(store, doing=ByHand(store, Settings(home=folder)) if acting else None, reader=reader)


def page(app: Dash, trial: str) -> str:
    """What the page shows, as JSON."""
    with app.server.test_request_context(f"/decide/{trial}"):
        return json.dumps(decide.layout(trial), cls=PlotlyJSONEncoder, ensure_ascii=False)


def press(app: Dash, trial: str, what: str | None, **said: Any) -> tuple[str, str | None]:
    """Presses the button, as the browser does: what the form says then, and the form's class if it changed."""
    told: dict[str, Any] = SAID | {f"decide-{name}": value for name, value in said.items()}
    state: list[dict[str, Any]] = [{"id": "decide-trial", "property": "data", "value": trial}]
    state += [{"id": "decide-what", "property": "value", "value": what}]
    state += [{"id": name, "property": "value", "value": value} for name, value in told.items()]
    outputs = [
        {"id": "decide-outcome", "property": "children"},
        {"id": "decide-form", "property": "className"},
    ]
    body = {
        "output": "..decide-outcome.children...decide-form.className..",
        "outputs": outputs,
        "inputs": [{"id": "decide-button", "property": "n_clicks", "value": 1}],
        "changedPropIds": ["decide-button.n_clicks"],
        "state": [*state, [], []],
    }
    client = app.server.test_client()
    kept = client.get("/").headers.getlist("Set-Cookie")  # what a page of ours leaves, and Dash sends back in a header
    tokens = [value for name, _, value in (one.partition(";")[0].partition("=") for one in kept) if "csrf" in name]
    sent = [("X-CSRFToken", token) for token in tokens]
    answer = client.post("/_dash-update-component", json=body, headers=sent)
    if answer.status_code == 403:  # a link does not even come as far as the form
        return answer.text, None
    assert answer.status_code == 200, answer.text
    found = answer.get_json()["response"]
    # What is set beside the outputs, as errors of fields are, comes last.
    shown = json.dumps(
        found["decide-outcome"] | {"beside": answer.get_json().get("sideUpdate", {})}, ensure_ascii=False
    )
    return shown, found.get("decide-form", {}).get("className")


def test_a_dud_is_dropped_with_a_lesson_that_the_next_trial_finds(dud: Store, tmp_path: Path) -> None:
    """The sentence, what follows and the way back are shown; whoever plans something like it is told the lesson."""
    shown, form = press(served(dud, tmp_path), "plain-dud", "drop")
    assert "plain-dud was dropped (no benefit) by lea on" in shown
    assert "/trial/plain-dud" in shown
    assert form == "decide-form decided"
    words = "Would calling somebody who has no telephone help?"
    assert any("no telephone" in one.body.get("lesson", "") for one in lessons.similar(dud, words).texts)


def test_pressing_twice_decides_once(dud: Store, tmp_path: Path) -> None:
    """The second press gets the same sentence, and there is one decision."""
    app = served(dud, tmp_path)
    assert press(app, "plain-dud", "drop")[0] == press(app, "plain-dud", "drop")[0]
    assert len(stored.decisions(dud, "plain-dud")) == 1


@pytest.mark.parametrize(
    ("what", "said", "fields"),
    [
        (None, {}, {"what": "Choose first what you decide."}),
        ("drop", {"lesson": "Too short"}, {"lesson": "at least 4 words"}),
        ("promote", {"code": "worked"}, {"reason": "Say why in words", "second": "Name who else has reviewed this"}),
        ("promote", {"code": "worked", "second": "LEA", "reason": "We want it"}, {"second": "somebody else than your"}),
        ("drop", {"code": None, "lesson": "", "reuse": ""}, {"code": "", "lesson": "", "reuse": "or “nothing”"}),
        ("continue", {"code": None, "second": "Ada"}, {"reason": "goes against the verdict “drop”"}),
        ("drop", {"lesson": "Ask anna.meier@example.org about the calls"}, {"lesson": "without naming anybody"}),
    ],
)
def test_what_is_missing_is_said_at_its_fields(
    what: str | None, said: dict[str, Any], fields: dict[str, str], dud: Store, tmp_path: Path
) -> None:
    """In the form's words and not the command's, all fields at once, the first one led to; and nothing is decided."""
    shown, form = press(served(dud, tmp_path), "plain-dud", what, **said)
    told = json.loads(shown)
    errors = {name.removeprefix("decide-"): each["error"] for name, each in told["beside"].items() if "error" in each}
    assert [name for name, why in errors.items() if why] == list(fields)
    for name, sentence in fields.items():
        assert sentence in errors[name]
        assert errors[name] in shown.partition('"beside"')[0]
    assert told["beside"]["decide-focus"]["data"]["field"] == f"decide-{next(iter(fields))}"
    assert not any(word in shown for word in ("==", "--", "reason_code", "no_benefit"))
    assert form is None
    assert stored.decisions(dud, "plain-dud") == ()


def test_an_unanswered_criterion_is_said_at_its_own_field() -> None:
    """The ledger names the command's option; the form names the criterion, and what else is empty."""
    choice = Choice("promote", "", "", (("worked", "it helps"),))
    refusal = "the gate asks what only people know (wanted: They want it), must be answered to promote. Add --met wanted=VALUE."
    assert lacking(choice, Typed(code="worked", asked=("wanted",)), refusal) == {
        "lesson": LESSON,
        "reuse": REUSE,
        "wanted": ANSWER,
    }
    assert lacking(choice, Typed(), "plain-dud is dropped, must be sealed to decide drop.") == {}
    forbidden = (
        "Ada has the role reader in tests, must be lead or safety steward to review. Ask a lead: roadtest roles give."
    )
    assert lacking(choice, Typed("worked", "Why", "One two three four", "Nothing", "Ada"), forbidden) == {
        "second": NO_ROLE
    }


def test_where_people_must_decide_no_choice_agrees(empty: Store) -> None:
    """Each choice says that the evidence leaves it to people; where a verdict stands, those that agree say so."""
    left = Choice("drop", "", "", (), looked=True, open=True)
    assert agrees(left) == "The evidence leaves this to you."
    making.run(
        empty, making.plan("by-choice", assignment={"how": "choice"}), making.people(400, share=(0.7, 0.2)), size=400
    )
    about = deciding(Desk(empty).for_reader(LEAD), "by-choice")
    assert about.view.look is not None
    assert about.view.look.verdict == "cant_tell"
    assert {agrees(one) for one in about.choices} == {"The evidence leaves this to you."}


def test_whoever_has_no_role_gets_a_state_and_no_form(dud: Store, tmp_path: Path) -> None:
    """An operator, a link and pages that only show; a bare press by any of them decides nothing either."""
    granting.give(dud, "tests", "lea", "lead", by="lea", at=making.START)
    granting.give(dud, "tests", "olga", "operator", by="lea", at=making.START)
    link = Reader(kind="link", trials=frozenset({"plain-dud"}))
    for reader, acting, why in (
        (Reader("olga", "local"), True, "Your role does not decide on this trial"),
        (link, True, "Here you can read, and not decide"),
        (LEAD, False, "Here you can read, and not decide"),
    ):
        app = served(dud, tmp_path, reader, acting=acting)
        shown = page(app, "plain-dud")
        assert why in shown
        assert "decide-button" not in shown
        assert press(app, "plain-dud", "drop")[1] is None
    assert acts.acts(dud, "plain-dud") == ()
    assert "decide-button" in page(served(dud, tmp_path), "plain-dud")


def test_a_trial_outside_a_links_reach_is_not_told_of(dud: Store, tmp_path: Path) -> None:
    """Neither its name in the title nor its question on the page."""
    app = served(dud, tmp_path, Reader(kind="link", trials=frozenset({"another"})))
    assert "Plain dud" not in page(app, "plain-dud")
    with app.server.test_request_context("/decide/plain-dud"):
        assert decide.title("plain-dud") == "No such trial - Roadtest"


def test_closed_and_unsealed_trials_say_so_instead_of_a_form(dud: Store, tmp_path: Path) -> None:
    """What was decided, or that the plan waits for its seal."""
    from trials.store import ledger

    app = served(dud, tmp_path)
    press(app, "plain-dud", "drop")
    shown = page(app, "plain-dud")
    assert "This trial is decided" in shown
    assert "decide-button" not in shown
    ledger.register(dud, making.plan("being-planned"), by="test", at=making.START)
    assert "The plan is not sealed" in page(app, "being-planned")


def test_the_evidence_stands_before_the_form(dud: Store, tmp_path: Path) -> None:
    """Verdict, sentence and label come first, the same as on the trial's page."""
    shown = page(served(dud, tmp_path), "plain-dud")
    about = deciding(Desk(dud), "plain-dud")
    assert about.view.sentence is not None
    assert shown.index(about.view.sentence) < shown.index("decide-what")
    assert "Evidence: randomised" in shown


def test_each_choice_says_whether_it_agrees(dud: Store) -> None:
    """As the table of decisions has it; a choice against the verdict asks for a second reviewer."""
    about = deciding(Desk(dud).for_reader(LEAD), "plain-dud")
    assert about.may
    assert {one.what for one in about.choices if not one.against} == {"drop", "stop"}
    drop, promote = choice_of(about, "drop"), choice_of(about, "promote")
    assert drop is not None
    assert promote is not None
    assert needs(drop)[1] == NOT_NEEDED
    assert "goes against the verdict “drop”" in needs(promote)[1]
    for what in DECISIONS:
        choice = choice_of(about, what)
        assert choice is not None
        assert {one["value"] for one in codes(choice)} == {
            code for code, (_, whats) in REASONS.items() if what in whats
        }


def test_before_the_first_look_a_trial_can_only_be_stopped(empty: Store) -> None:
    """The other choices are refused, with the reason."""
    making.register(empty, making.plan("just-sealed", gate=GATE))
    about = deciding(Desk(empty).for_reader(LEAD), "just-sealed")
    assert [one.what for one in about.choices if not one.refused] == ["stop"]
    assert about.asked == ()


def test_people_answer_what_the_ledger_cannot_know(empty: Store) -> None:
    """Only that criterion has a field, the other one its light by the counts in steps."""
    making.run(empty, making.plan("gated", gate=GATE), making.people(240, share=(0.7, 0.2)), size=120)
    about = deciding(Desk(empty).for_reader(LEAD), "gated")
    assert [(one.id, one.colour, one.asked) for one in about.lights] == [
        ("kept", "green", False),
        ("wanted", "not yet", True),
    ]
    ids = [{"criterion": "wanted"}, {"criterion": "other"}]
    assert answers([8, ""], ids) == {"wanted": 8.0}
