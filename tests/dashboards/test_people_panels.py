"""People and history on the page: small numbers, results by group and other trials are told to nobody who may not see them."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from dash import Dash
from plotly.utils import PlotlyJSONEncoder
from sqlalchemy import event

from dashboards import read_model
from dashboards.panels import PANELS
from dashboards.panels.panel import place
from dashboards.read_model import Desk, people
from dashboards.read_model.history import carried, history
from dashboards.reader import Reader
from dashboards.theme import Screen
from tests.dashboards import making
from trials.acts.adaptations import Adaptation
from trials.acts.cocreation import CoCreation
from trials.acts.fund import FundAnswer, FundRequest, FundSpent
from trials.acts.voices import Voice, VoiceWithdrawn
from trials.sharing.effects import KEPT_BACK
from trials.store import decisions, granting, sharing
from trials.store.engine import Store

AT = making.START + timedelta(weeks=30)
DAY = date(2024, 3, 1)
MORE: dict[str, Any] = {
    "partners": [
        {"name": "City", "kind": "government", "hopes": [{"value": "Fewer relapses", "measure": "relapsed"}]},
        {
            "name": "Clinic",
            "kind": "industry",
            "hopes": [{"value": "More returns", "measure": "relapsed", "better": "higher"}, {"value": "Trust"}],
        },
    ],
    "fund": {"total": 5000, "per_person": 100, "days_to_approve": 7},
    "intervention": {"name": "Calls", "components": [{"id": "call", "text": "A call the day before"}]},
    "strengths": [{"measure": "goals", "kind": "score", "better": "higher", "bounds": [-2, 2]}],
}
HERE = ("partners", "strengths", "cocreation", "voices", "fund", "decisions", "carried")


@pytest.fixture
def lived(empty: Store) -> Store:
    """A trial that helps, with partners, a fund, an idea that drifts, and a site that left."""
    making.run(empty, making.plan("lived-in", **MORE), making.people(240, share=(0.7, 0.2)), size=120)
    co = CoCreation(who="users", what="proposed", part="call", text="Call in the evening instead", outcome="taken_up")
    sharing.co_create(empty, "lived-in", co, by="anna", at=AT)
    drift = Adaptation(component="call", site="N", what="Letters", why="No telephone", day=DAY, inside=False)
    sharing.adapt(empty, "lived-in", drift, by="anna", at=AT)
    return empty


def give_sums(store: Store, numbers: range) -> None:
    for number in numbers:
        asked = FundRequest(
            request=f"R{number}", participant=f"P{number}", goal="Boots", amount=50, proposed_by="worker", day=DAY
        )
        sharing.ask_fund(store, "lived-in", asked.model_copy(update={"site": _site(number)}), by="anna", at=AT)
        answer = FundAnswer(request=f"R{number}", approved=True, amount=50, day=DAY)
        sharing.answer_fund(store, "lived-in", answer, by="berta", at=AT)
        spent = FundSpent(request=f"R{number}", amount=37, day=DAY, last=True)
        sharing.spend_fund(store, "lived-in", spent, by="anna", at=AT)


def _site(number: int) -> str:
    return making.people(1, first=number)[0].site


def speak(store: Store, number: int, **changes: Any) -> int:
    body = {
        "who": "participant",
        "site": "N",
        "codes": ("was-asked",),
        "stance": "helps",
        "consent": True,
        "day": DAY,
    } | changes
    return sharing.speak(store, "lived-in", Voice(**body), hidden=None, by="anna", at=AT, key=f"v{number}").seq


def drawn(desk: Desk, trial: str, names: tuple[str, ...] = HERE) -> str:
    """What these panels would show, as JSON."""
    view = read_model.trial(desk, trial)
    panels = [place(panel, desk, view, Screen()) for panel in PANELS if panel.name in names]
    return json.dumps(panels, cls=PlotlyJSONEncoder, ensure_ascii=False)


def test_one_person_more_changes_nothing_that_is_told(lived: Store, app: Dash) -> None:
    """From nobody to nine the fund and the voices read the same, word for word; the tenth makes a step, the eleventh none."""
    before = drawn(Desk(lived), "lived-in", ("fund", "voices"))
    for number in range(1, 10):
        give_sums(lived, range(number, number + 1))
        speak(lived, number)
        assert drawn(Desk(lived), "lived-in", ("fund", "voices")) == before
    give_sums(lived, range(10, 11))
    speak(lived, 10)
    ten = drawn(Desk(lived), "lived-in", ("fund", "voices"))
    assert "370.00 EUR or more" in ten
    assert "10+" in ten
    give_sums(lived, range(11, 12))
    speak(lived, 11)
    assert drawn(Desk(lived), "lived-in", ("fund", "voices")) == ten


def test_who_says_the_opposite_of_the_numbers_is_told(lived: Store, app: Dash) -> None:
    """Most participants say that it hinders while the numbers show a benefit: one sentence says so."""
    for number in range(1, 41):
        speak(lived, number, stance="hinders")
    shown = drawn(Desk(lived), "lived-in", ("voices",))
    assert "What people say and what the numbers say pull apart" in shown
    assert "most of the participants who spoke say that it hinders" in shown


def test_a_voice_that_was_taken_back_entirely_is_not_counted_again(lived: Store) -> None:
    """Ten of twenty voices taken back bring the count down by a step."""
    seqs = [speak(lived, number) for number in range(1, 21)]
    view = read_model.trial(Desk(lived), "lived-in")
    assert people.voices_of(Desk(lived), view).summary.heard[0].counts["helps"] == 20
    for seq in seqs[:10]:
        sharing.withdraw_voice(lived, "lived-in", VoiceWithdrawn(number=seq, entirely=True), by="anna", at=AT)
    assert people.voices_of(Desk(lived), view).summary.heard[0].counts["helps"] == 10


def test_hopes_stand_by_each_partners_own_word(lived: Store, app: Dash) -> None:
    """What one hopes for comes nearer, what the other hopes for moves away, and that is named a trade-off."""
    shown = drawn(Desk(lived), "lived-in", ("partners",))
    for said in ("comes nearer", "moves away", "nothing measures it", "Trade-off, on relapsed"):
        assert said in shown


def test_results_by_group_are_kept_back_while_it_runs(lived: Store, app: Dash) -> None:
    """With roles, a stakeholder, a link and whoever does not sign in read no effect among hopes, voices, strengths and fund;
    whom the plan names reads it."""
    for number in range(1, 41):
        speak(lived, number, stance="hinders")
    give_sums(lived, range(1, 25))
    granting.give(lived, "tests", "lea", "lead", by="lea", at=AT)
    granting.give(lived, "tests", "sam", "safety_steward", by="lea", at=AT)
    granting.give(lived, "tests", "stan", "stakeholder", by="lea", at=AT)
    link = Reader(kind="link", trials=frozenset({"lived-in"}))
    for reader in (Reader("stan", "account"), link, Reader()):
        shown = drawn(Desk(lived).for_reader(reader), "lived-in", ("partners", "voices", "strengths", "fund"))
        assert KEPT_BACK in shown
        for told in ("fewer in 100", "pull apart", "comes nearer", "By group", "absence-failed"):
            assert told not in shown
    seen = drawn(Desk(lived).for_reader(Reader("sam", "account")), "lived-in", ("partners", "voices", "fund"))
    for told in ("fewer in 100", "pull apart", "By group"):
        assert told in seen


def test_drift_is_told_by_site_and_a_silent_site_too(lived: Store, app: Dash) -> None:
    """Letters instead of calls are drift, at the core of the idea; South has reported nothing."""
    shown = drawn(Desk(lived), "lived-in", ("cocreation",))
    assert "Site N: 1 of 1 outside what the plan leaves open (call): drift" in shown
    assert "Site S: nothing reported" in shown
    assert "1 of 1 proposal, change or veto altered the plan" in shown
    assert "Call in the evening instead" in shown


def test_a_trial_without_any_of_it_says_why(desk: Desk, app: Dash) -> None:
    """Each panel has a sentence of its own."""
    shown = drawn(desk, "clear-winner")
    for why in (
        "The plan names no partners.",
        "nothing of what people can do",
        "Nobody is on record",
        "What people say appears once 10",
        "no sums that people in it can decide on",
        "What people decide on this trial stands here",
        "it continues no earlier one",
    ):
        assert why in shown


def drop(store: Store, trial: str = "lived-in", what: Any = "promote", code: str = "worked", **more: Any) -> None:
    words = {"reason": "It does what was agreed", "lesson": "Call people in the evening", "reuse": "The script"} | more
    decisions.decide(store, trial, what, by="lea", at=AT, reason_code=code, **words)


def test_a_decision_stands_with_all_that_was_said(lived: Store, app: Dash) -> None:
    """Who, when, what, why, lesson, what to use again, who saw it otherwise; but no figure that it rested on."""
    drop(lived, dissent="The night shift would have waited")
    desk = Desk(lived)
    shown = drawn(desk, "lived-in", ("decisions",))
    for said in ("Promoted on 5 August 2024 (worked), by lea", "It does what was agreed", "Call people in the evening"):
        assert said in shown
    assert "The night shift would have waited" in shown
    assert "On look 2" in shown
    found = history(desk, read_model.trial(desk, "lived-in"))
    assert found.closing is not None
    assert not found.may_decide
    assert not {"n", "missing", "enrolled", "estimate", "low", "high"} & set(type(found.closing).__slots__)


def test_looks_after_the_decision_are_named(lived: Store) -> None:
    """By their numbers, however many there are."""
    drop(lived)
    desk = Desk(lived)
    assert history(desk, read_model.trial(desk, "lived-in")).after == ""
    for week in (31, 32):
        making.deliver(lived, "lived-in", [], week=week)
    assert history(desk, read_model.trial(desk, "lived-in")).after.startswith("Looks 3 to 4 were taken after")


def test_a_site_that_left_stands_beside_the_result_without_it(lived: Store, app: Dash) -> None:
    """In the command's own words, once, and worked out again only when something changed."""
    decisions.withdraw_site(
        lived, "lived-in", "S", reason_code="staffing", reason="Nobody is left.", from_day=DAY, by="lea", at=AT
    )
    desk = Desk(lived)
    view = read_model.trial(desk, "lived-in")
    first = history(desk, view)
    assert first.left[0].site == "South"
    assert "without South" in first.parts[0]
    asked: list[str] = []
    event.listen(lived.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    assert history(desk, view).parts == first.parts
    assert not asked


def test_what_earlier_trials_hand_over_is_told_of_those_one_may_see(lived: Store, app: Dash) -> None:
    """Lesson and criteria of the one in a link's reach; of the other one that there is one, and nothing it said."""
    gate = {
        "to": "pilot",
        "criteria": [{"id": "kept", "asks": "retention", "text": "They stay", "green": 0.5, "red": 0.2}],
    }
    for name in ("open-one", "closed-one"):
        making.run(
            lived,
            making.plan(name, gate=gate, stage="proof_of_concept"),
            making.people(240, share=(0.7, 0.2)),
            size=240,
        )
        drop(lived, name, lesson=f"What we learnt in {name} is this")
    after = making.plan("the-pilot", stage="pilot", continues=["open-one", "closed-one"], changed="Twice the people")
    making.register(lived, after)
    link = Reader(kind="link", trials=frozenset({"the-pilot", "open-one"}))
    desk = Desk(lived).for_reader(link)
    shown = drawn(desk, "the-pilot", ("carried",))
    assert "What we learnt in open-one is this" in shown
    assert "closed-one" not in shown
    assert "1 trial that you cannot see" in shown
    whole = carried(Desk(lived), read_model.trial(Desk(lived), "the-pilot"))
    assert [one.trial for one, _ in whole.handed] == ["open-one", "closed-one"]
    assert "no_longer_asked" not in shown


def test_each_panel_asks_few_questions(lived: Store) -> None:
    """Statements of each read of people and history, without a site that left: one, but for the fund's results by group."""
    desk = Desk(lived)
    view = read_model.trial(desk, "lived-in")
    asked: list[str] = []
    event.listen(lived.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    counts = {}
    reads = (people.shared_hopes, people.strengths, people.shaped, people.voices_of, people.fund, history, carried)
    for read in reads:
        asked.clear()
        read(desk, view)
        counts[read.__name__] = len([one for one in asked if "SELECT" in one])
    fund = counts.pop("fund")
    assert counts == {"shared_hopes": 0, "strengths": 0, "shaped": 1, "voices_of": 1, "history": 1, "carried": 0}
    assert fund <= 14


def test_lights_of_a_decision_stand_under_what_was_asked(empty: Store, app: Dash) -> None:
    """The criterion's text, not its id; what people answered is said as theirs."""
    asked = [{"id": "met_often", "asks": "delivery", "text": "of 100 so many meet", "green": 70, "red": 40}]
    plan = making.plan("small", purpose="feasibility", progression=asked, monitoring={"max_participants": 60})
    making.run(empty, plan, making.people(60), size=60)
    said = {"second": "ben", "reason_code": "funding", "reason": "no money", "reuse": "the form"}
    said["lesson"] = "ask the funder first"
    decisions.decide(empty, "small", "stop", by="anna", at=AT, now=AT, answers={"met_often": 62}, **said)
    shown = drawn(Desk(empty), "small", ("decisions",))
    assert "of 100 so many meet: people answered 62" in shown
    assert "met often" not in shown
