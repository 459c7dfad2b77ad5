"""The form of a new trial: its questions and the plan, what is wrong said at its place, answers that are the gate's own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from dash import html, no_update
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards.app import create_app
from dashboards.drafting import answers, faults, talking
from dashboards.drafting.choices import ASKS
from dashboards.drafting.content import applied, content_of, to_yaml, values_of
from dashboards.drafting.fields import BY_NAME, FIELDS, standards
from dashboards.drafting.turns import BusyError, Turns
from dashboards.figures.operating import ENDS, in_100, operating
from dashboards.pages import new
from dashboards.read_model import Desk
from dashboards.read_model import draft as known
from dashboards.reader import Reader
from dashboards.refresh import walk
from dashboards.theme import Screen
from flows.doing import ByHand
from flows.settings import Settings
from flows.template import TEMPLATE
from tests.dashboards import making
from trials import gate, planning
from trials.acts.deciding import What
from trials.errors import ProtocolError
from trials.labelling import FEASIBLE
from trials.outcomes import KINDS
from trials.proposals import joined_until
from trials.protocol import Protocol, from_content, from_yaml
from trials.store import decisions, granting
from trials.store.engine import Store, open_store

EXAMPLES = [
    path
    for path in sorted((Path(__file__).parents[2] / "examples").glob("*/*.yaml"))
    if path.parent.name != "deploy"  # no plans: how to run the server
]
HOPELESS: dict[str, Any] = {
    **standards(),
    "title": "Call the day before",
    "question": "Does a call help?",
    "owner": "Anna",
    "ideas": "Phone call",
    "label": "missed it",
    "better": "lower",
    "baseline_share": 29,
    "worthwhile_share": 10,
    "people": 60,
    "follow_weeks": 8,
}


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'form.db'}")
    yield opened
    opened.close()


def words(parts: Any) -> str:
    """All that is said in a list of components."""
    found = []
    for each in walk(parts):
        inside = getattr(each, "children", None)
        found += (
            [inside]
            if isinstance(inside, str)
            else [one for one in inside if isinstance(one, str)]
            if isinstance(inside, list)
            else []
        )
    return " ".join(found)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_plan_survives_the_form(path: Path) -> None:
    """Read into the form and out of it again it is the same plan, with all that the form doesn't ask."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    values = {**standards(), **values_of(content)}
    assert from_content(content_of(values, content)) == from_content(content)
    assert from_yaml(to_yaml(content_of(values, content))) == from_content(content)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_can_be_asked_for(kind: Any) -> None:
    """Each registered kind is a choice of the form, and its example goes through it without a fault."""
    assert kind.name in dict(BY_NAME["kind"].choices)
    example = kind.example.model_dump(mode="json", exclude_defaults=True)
    content = yaml.safe_load(TEMPLATE) | {"primary": example | {"follow_up": "4 weeks"}}
    values = {**standards(), **values_of(content)}
    assert faults.faults(values) == {}
    assert [one.name for one in faults.missing(values)] in ([], ["label"])
    assert from_content(content_of(values, content)).primary == from_content(content).primary


def test_every_ask_of_a_criterion_is_offered() -> None:
    """The form knows each subject that a progression criterion may have."""
    from typing import get_args

    from trials.plan.progression import Asks

    assert [name for name, _ in ASKS] == list(get_args(Asks))


def test_an_empty_form_says_what_is_missing_and_what_the_gate_waits_for(kept: Store) -> None:
    """In the order of the form, and as errors of their fields only when somebody tried to register."""
    draft = talking.draft_of(None, "Anna")
    said = talking.answer(Desk(kept), draft, asked=False)
    assert said.errors == {}
    assert "Without the idea" in words(said.gate)
    asked = talking.answer(Desk(kept), draft, asked=True).errors
    assert list(asked) == [one.name for one in faults.missing(draft.values)]
    assert asked["people"] == "People at most is missing."
    assert "owner" not in asked


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"baseline_share": 120}, "baseline_share", "Without the idea: 120 in 100"),
        ({"worthwhile_share": 30}, "worthwhile_share", "must be less than 29"),
        ({"worthwhile_share": -1}, "worthwhile_share", "must be more than 0"),
        ({"people": 1}, "people", "must be from 2 to"),
        ({"people": 2.5}, "people", "must be a whole number"),
        ({"people": "many"}, "people", "must be a number"),
        ({"alpha": 100}, "alpha", "less than 100"),
        ({"alpha": 60, "beta": 60}, "beta", "must be <"),
        ({"per_month": 0}, "per_month", "must be more than 0"),
        (
            {"kind": "score", "low": 10, "high": 0, "baseline": 5, "worthwhile": 1},
            "high",
            "must be more than the lowest",
        ),
        (
            {"kind": "score", "low": 0, "high": 10, "baseline": 12, "worthwhile": 1},
            "baseline",
            "must lie between 0 and 10",
        ),
        ({"trial": "No Slug!"}, "trial", "lower-case letters"),
        ({"follow_weeks": ""}, "follow_weeks", "must be given"),
        ({"how": "everyone"}, "how", "must be another in a trial with a control"),
    ],
)
def test_what_cannot_stand_is_said_at_its_field(changes: dict[str, Any], field: str, says: str, kept: Store) -> None:
    """One sentence, which names the question and not the plan's key; the other fields have none."""
    errors = talking.answer(Desk(kept), talking.Draft(HOPELESS | changes), asked=False).errors
    assert list(errors) == [field]
    assert errors[field].startswith(BY_NAME[field].label)
    assert says in errors[field]


def test_the_answer_is_the_gates_own(kept: Store) -> None:
    """Sentence, reasons, label and each ready change: word for word what `roadtest gate` would say of the plan."""
    said = talking.answer(Desk(kept), talking.Draft(HOPELESS), asked=False)
    found = gate.judged(from_content(content_of(HOPELESS)))
    told = words(said.gate)
    assert "With 60 people only a fall from 29 % to 3.4 % would be found with 80 % power" in told
    for sentence in (found.sentence, found.reasons[0][1:], found.label.may_claim, found.label.may_not_claim):
        assert sentence in told
    codes = [each.id["code"] for each in walk(said.gate) if isinstance(getattr(each, "id", None), dict)]
    assert codes == [one.code for one in found.proposals if one.changes]
    assert yaml.safe_load(said.yaml) == content_of(HOPELESS)


def test_a_plan_that_may_not_be_sealed_is_sent_to_nobody(kept: Store, tmp_path: Path) -> None:
    """Once registered no address is given while the gate says no; nor is it said that it takes the place of itself."""
    doing = ByHand(kept, Settings(home=tmp_path))
    for people, sent in ((60, False), (2_000, True)):
        draft = talking.Draft(HOPELESS | {"people": people})
        if sent:
            assert "puts it in that one's place" in words(talking.answer(Desk(kept), draft, asked=False).named)
        told = words(talking.registered(draft, None, doing, "Anna"))
        assert ("Send this address" in told) is sent
        assert ("may not be sealed" in told) is not sent
        named = words(talking.answer(Desk(kept), draft, asked=True).named)
        assert "This very plan is registered" in named
        assert "puts it in that one's place" not in named


def test_words_alone_change_no_answer_and_cost_nothing(kept: Store) -> None:
    """The answer rests on numbers: another title is answered from memory, and a name that is none blocks nothing."""
    talking.answer(Desk(kept), talking.Draft(HOPELESS), asked=False)
    before = known._foreseen.cache_info().misses
    said = talking.answer(Desk(kept), talking.Draft(HOPELESS | {"title": "Other", "trial": "No Slug"}), asked=False)
    assert known._foreseen.cache_info().misses == before
    assert "only a fall from 29 %" in words(said.gate)


@pytest.mark.parametrize("code", ["feasibility", "people", "count", "score"])
def test_a_proposal_fills_the_form(code: str, kept: Store) -> None:
    """Its plan is the one that `roadtest gate --propose` prints, but for names that follow from other answers."""
    from trials.proposals import applied as plan_with

    changed = talking.proposed(talking.Draft(HOPELESS), code)
    protocol = from_content(content_of(HOPELESS))
    changes = next(one.changes for one in gate.judged(protocol).proposals if one.code == code)
    assert changes is not None
    assert from_content(changed.content) == plan_with(protocol, changes)
    assert changed.values.get("trial") is None  # still made from the title
    assert (
        talking.proposed(talking.Draft(HOPELESS | {"people": 5_000}), code).values["people"] == 5_000
    )  # not proposed any more


def test_a_feasibility_trial_claims_nothing_of_the_idea(kept: Store) -> None:
    """Whatever its label: it may claim that people can be recruited, and not that the idea makes a difference."""
    changed = talking.proposed(talking.Draft(HOPELESS), "feasibility")
    told = words(talking.answer(Desk(kept), changed, asked=False).gate)
    assert "May be sealed as a feasibility trial" in told
    assert all(part in told for part in FEASIBLE)
    assert "makes the difference" not in told


def test_what_is_tried_out_is_plannings_own() -> None:
    """Figures, picture and table are those of `planning.check`, and the picture's sentence has the table's numbers."""
    protocol = from_content(content_of(HOPELESS | {"per_month": 10, "people": 200}))
    found = known.tried_out(protocol, known.FIRST_RUNS)
    assert found is not None
    plan = planning.check(protocol, known.FIRST_RUNS)
    assert found.plan == plan
    drawn = operating(protocol, plan.outlooks, found.pace, found.joined, Screen())
    for outlook in plan.outlooks:
        row = next(
            row for row in drawn.rows if row[7] == f"{outlook.ended_by[1]:,}" and row[6] == f"{outlook.people:,.0f}"
        )
        assert row[2:6] == tuple(in_100(getattr(outlook, part)) for _, _, part in ENDS)
        assert row[8] == f"{joined_until(protocol, outlook.ended_by[1]):,}"
        assert row[9] == f"{outlook.people / 10 + 56 / 30.4375:,.0f}"
        assert f"{row[2]} are promoted, {row[4]} dropped" in drawn.alt
    bars = drawn.figure["data"]
    assert [sum(shares) for shares in zip(*(bar["x"] for bar in bars), strict=True)] == pytest.approx(
        [100] * 5, abs=0.3
    )
    told = words(answers.tried(found, Screen()))
    nothing = next(one for one in plan.outlooks if one.truth == "no effect")
    assert f"{in_100(nothing.drop)} in 100" in told
    assert f"{joined_until(protocol, nothing.ended_by[1]):,}" in told
    assert f"{nothing.people:,.0f} with a result on average" in told
    assert plan.sentence in told
    worth = next(one for one in plan.outlooks if one.truth == "worthwhile")
    line = words(html.Div(answers.bar(known.foreseen(protocol), found)))
    assert f"promoted in {in_100(worth.promote)} of 100 trials of this plan" in line
    assert "of 100 such trials with one look at the end" in words(html.Div(answers.bar(known.foreseen(protocol))))


@pytest.mark.parametrize(
    "changes", [{"people": 1_000_000, "worthwhile_share": 0.1}, {"people": 3_000, "ideas": "a\nb\nc\nd"}]
)
def test_a_huge_plan_is_not_tried_out_while_somebody_types(changes: dict[str, Any]) -> None:
    """A million people, or very many arms: the page says which command takes its time for it, and begins no simulation."""
    huge = from_content(content_of(HOPELESS | changes))
    before = known._tried.cache_info().misses
    said = talking.tried({"n": 1, "page": "a", "content": huge.canonical()}, Screen(), more=False)
    assert said is not None
    assert "roadtest simulate" in words(said.drawn)
    assert known._tried.cache_info().misses == before


def test_what_was_overtaken_is_not_worked_out() -> None:
    """While one draft is tried out, of the form's next ones only the newest is; another form's is not left out."""
    turns, begun, free = Turns(longest=10), threading.Event(), threading.Event()
    done: list[str] = []

    def first() -> str:
        begun.set()
        free.wait(10)
        return "first"

    threads = [threading.Thread(target=lambda: done.append(str(turns.work("a", 1, first))))]
    threads[0].start()
    begun.wait(10)
    threads.append(threading.Thread(target=lambda: done.append(f"a2: {turns.work('a', 2, lambda: 'done')}")))
    threads[1].start()
    while not turns._waiting.locked():
        threads[1].join(0.001)
    with pytest.raises(BusyError):  # one waits already
        turns.work("b", 1, lambda: "never")
    turns.ask("a", 3)
    free.set()
    for thread in threads:
        thread.join(10)
    assert sorted(done) == ["a2: None", "first"]
    assert [turns.work(form, number, lambda: "done") for form, number in (("a", 3), ("b", 1))] == ["done", "done"]


def test_a_form_that_waits_holds_no_thread() -> None:
    """Whose turn doesn't come in time is told to ask again, at once when another waits already; the page's clock then ticks."""
    turns = Turns(longest=0.0)

    def others() -> str:
        with pytest.raises(BusyError):
            in_another_thread(lambda: turns.work("b", 1, lambda: "done"))
        return "done"

    assert turns.work("a", 1, others) == "done"
    assert turns.work("b", 1, lambda: "now") == "now"
    assert turns.work("a", 1, lambda: "later") == "later"
    turns.ask("c", 2)
    with turns._working:
        assert turns.work("c", 1, lambda: "never") is None  # overtaken: nobody asks for it again


def in_another_thread(work: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(work).result(10)


def test_a_busy_answer_winds_the_clock_of_the_page(kept: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is drawn, and the page asks again after one more tick; an answer leaves the clock as it is."""
    plan: Any = {"n": 3, "page": "a", "content": from_content(content_of(HOPELESS)).canonical()}
    app = create_app(kept)
    with app.server.test_request_context("/new"), monkeypatch.context() as changed:
        changed.setattr(talking, "TURNS", Turns(longest=0.0))
        with talking.TURNS._working:
            assert new._tried(plan, 4, more=False) == (no_update, no_update, 5)
        told, line, ticks = new._tried(plan, 4, more=False)
    assert (told["n"], ticks) == (3, no_update)
    assert "of 100 trials of this plan" in words(html.Div(line))


@pytest.mark.parametrize("how", ["before_after", "period", "site", "choice"])
def test_no_share_promotes_where_people_decide(how: str) -> None:
    """A label that lets no evidence decide has no shares that promote or drop, on the page and on a phone."""
    protocol = making.plan("draft", assignment={"how": how})
    told = tried_words(protocol)
    assert "People decide: the evidence alone can't promote or drop it" in told
    assert "romotes" not in told
    assert "Drops" not in told
    found = known.by_people(protocol)
    assert "people decide" in words(html.Div(answers.bar(known.foreseen(protocol), found)))


def test_a_feasibility_plan_shows_what_its_criteria_tell() -> None:
    """Not how often it promotes an idea that it can't judge, but how sure each light is with its people."""
    kept_on = {"id": "kept", "asks": "retention", "text": "share who stay", "green": 0.8, "red": 0.6}
    plan = {"purpose": "feasibility", "progression": [kept_on], "monitoring": {"max_participants": 60}}
    told = tried_words(making.plan("draft", **plan))
    # Clopper & Pearson's interval of 48 of 60 (R: binom.test(48, 60)$conf.int is 0.677 to 0.892).
    assert "Share who stay: 80 %, plausibly 68 % to 89 %; green" in told
    assert "romotes" not in told
    assert "no progression criteria" in tried_words(making.plan("draft", **plan | {"progression": []}))


def test_no_cause_is_named_where_the_label_knows_none() -> None:
    """One arm beside a benchmark: people do better or no better, and the guardrails are said to be left out."""
    guard = {"measure": "hurt", "kind": "binary", "better": "lower", "margin": 0.05, "baseline": 0.1}
    plan = {"design": "one_arm", "arms": [{"id": "call"}], "monitoring": {"max_participants": 60}}
    protocol = making.plan("draft", **plan, guardrails=[guard])
    told = tried_words(protocol)
    assert "Drops the idea if people do no better" in told
    assert "does nothing" not in told
    assert "uardrails are not in these figures" in told
    found = known.tried_out(protocol, known.FIRST_RUNS)
    assert found is not None
    drawn = operating(protocol, found.plan.outlooks, found.pace, found.joined, Screen())
    assert "if people do no better" in drawn.alt
    assert "idea" not in str((drawn.alt, drawn.columns, drawn.rows))


def test_without_a_rate_the_people_are_those_with_a_result() -> None:
    """How many more have joined by then is asked for, and not left unsaid."""
    told = tried_words(from_content(content_of(HOPELESS | {"people": 200})))
    assert "Expected people with a result if it does nothing" in told
    assert "more have joined by then: say how many join a month" in told


def tried_words(protocol: Protocol) -> str:
    said = talking.tried({"n": 1, "page": "a", "content": protocol.canonical()}, Screen(), more=False)
    assert said is not None
    return words(said.drawn)


def test_similar_ideas_begin_with_failures(kept: Store) -> None:
    """A stopped trial comes before one that runs on, with why, lesson and what to use again."""
    making.run(
        kept, making.plan("text-reminders", question="Do text reminders cut missed appointments?"), making.people(40)
    )
    making.run(
        kept,
        making.plan("letter-reminders", question="Do letter reminders cut missed appointments?"),
        making.people(40),
    )
    stop(kept, "letter-reminders")
    desk = Desk(kept)
    near = known.near_by(desk, {"question": "Do phone reminders cut missed appointments?"})
    assert [(one.name, one.failed) for one in near.ideas] == [("letter-reminders", True), ("text-reminders", False)]
    told = words(answers.near(near))
    for part in ("Too few came forward.", "Start with one site.", "The form of the letter.", "Still running"):
        assert part in told
    assert known.near_by(desk, {"title": "x"}).ideas == ()


def test_similar_ideas_of_closed_programmes_are_only_counted(kept: Store) -> None:
    """Whoever signed in without a role there is told how many there are, and reads none of their words."""
    making.run(
        kept,
        making.plan("letter-reminders", question="Do letter reminders cut missed appointments?"),
        making.people(40),
    )
    stop(kept, "letter-reminders")
    granting.give(kept, "tests", "lead", "lead", by="lead", at=making.START + timedelta(days=400))
    stranger = Desk(kept).for_reader(Reader("eve", "account"))
    near = known.near_by(stranger, {"question": "Do phone reminders cut missed appointments?"})
    assert (near.ideas, near.hidden) == ((), 1)
    assert "letter" not in words(answers.near(near)).lower()
    assert not known.may_register(stranger, "tests")
    assert known.may_register(stranger, "elsewhere")
    said = talking.answer(stranger, talking.Draft(HOPELESS | {"programme": "tests"}), asked=False)
    assert "Your roles don't let you register a trial in tests" in words(said.named)


@pytest.mark.parametrize(
    ("what", "code", "word", "failed"),
    [("drop", "no_benefit", "Dropped on", True), ("rerun", "delivery", "Closed for a rerun on", False)],
)
def test_a_closed_trial_is_called_by_its_decision(what: What, code: str, word: str, failed: bool, kept: Store) -> None:
    """Dropped is not stopped, and one that is to be run again runs no longer."""
    making.run(kept, making.plan("text-reminders", question="Do text reminders cut missed visits?"), making.people(40))
    stop(kept, "text-reminders", what, code)
    near = known.near_by(Desk(kept), {"question": "Do phone reminders cut missed visits?"})
    told = words(answers.near(near))
    assert [one.failed for one in near.ideas] == [failed]
    assert word in told
    assert "Still running" not in told
    assert "Stopped" not in told


def stop(store: Store, trial: str, what: What = "stop", code: str = "recruitment") -> None:
    decisions.decide(
        store,
        trial,
        what,
        by="test",
        second="second reader",
        at=datetime(2024, 6, 1, tzinfo=UTC),
        reason_code=code,
        reason="Too few came forward.",
        lesson="Start with one site.",
        reuse="The form of the letter.",
    )


def test_the_page_is_not_for_readers_who_do_nothing(kept: Store) -> None:
    """Where the pages only show, or somebody came by a link, there is no form, and it says so."""
    app = create_app(kept)
    with app.server.test_request_context("/new"):
        page = new.layout()
    assert "You can't register a trial here" in words(page)
    assert not any(getattr(each, "id", None) == "new-form" for each in walk(page))
    assert isinstance(page, html.Div)


def test_every_question_stands_in_the_form_once() -> None:
    """With a label of its own that a reader of the screen hears."""
    labels = [(field.section, field.label, field.when) for field in FIELDS]
    assert len(set(labels)) == len(labels)
    assert len(BY_NAME) == len(FIELDS)


def test_a_plan_with_aliases_is_not_unfolded() -> None:
    """280 signs that would unfold to millions are refused in a sentence, in the form as in a file."""
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{row}: &a{row} [{','.join([f'*a{row - 1}'] * 10)}]\n" for row in range(1, 6)
    )
    said = talking.of_yaml(bomb)
    assert said == "the plan: *a0 in line 2 is an alias, must be written out. Put there what stands at &a0."
    with pytest.raises(ProtocolError, match="is an alias, must be written out"):
        from_yaml(bomb)
    deep = talking.of_yaml("a: " + "[" * 20_000)
    assert isinstance(deep, str)
    assert "nested too deeply" in deep


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.lists(st.text(max_size=3), max_size=2),
)
PLANS = st.recursive(
    ODD,
    lambda inner: st.dictionaries(
        st.sampled_from(["primary", "bounds", "arms", "name", "id", "source", "every"]), inner
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(
    typed=st.dictionaries(st.sampled_from(sorted(BY_NAME)), ODD),
    kept_plan=st.dictionaries(st.sampled_from(sorted(Protocol.model_fields)), PLANS),
)
def test_nothing_typed_breaks_the_form(typed: dict[str, Any], kept_plan: dict[str, Any]) -> None:
    """Whatever stands in the fields, or in a plan's text, becomes content, faults in words, and answers again."""
    content = content_of(typed, kept_plan)
    values_of(content)
    values_of(kept_plan)
    assert all(isinstance(why, str) and why for why in faults.faults(typed).values())
    assert all(why for why in faults.found_in(content).values())
    applied(content, {"monitoring": {"max_participants": 60}})
