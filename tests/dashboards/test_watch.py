"""What is watched: every rule with word and shape, nothing of single people, staff time, progression and the data's checks."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from dash import Dash
from plotly.utils import PlotlyJSONEncoder

from dashboards import read_model
from dashboards.figures import staff_time as figure
from dashboards.panels import PANELS, lights, quality, rules, staff_time, watch
from dashboards.panels.panel import place
from dashboards.read_model import Desk, NoAccessError
from dashboards.read_model import watch as reads
from dashboards.reader import Reader
from dashboards.theme import Screen
from tests.dashboards import making, watched
from trials.disclosure import LIMIT
from trials.evidence import Concern
from trials.feasibility import Facts as Counted
from trials.overdue import Awaited, Overdue, SilentSite, SourceOverdue
from trials.stopping.practice import practised
from trials.stopping.rule import LEVELS, Finding, RuleClaim, StaffWeek
from trials.stopping.sound import Known, checks, passed
from trials.stopping.told import GOES_ON, WAITS, for_everybody, near
from trials.store.engine import Store

NOW = datetime(2024, 6, 3, 9, tzinfo=UTC)


def text_of(component: object) -> str:
    return json.dumps(component, cls=PlotlyJSONEncoder, ensure_ascii=False)


def running(store: Store, **changes: object) -> Desk:
    making.register(store, watched.plan(**changes))
    watched.deliver(store, watched.TRIAL, [{"N": 20, "S": 15, "W": 15}, {"N": 5, "S": 12, "W": 16}])
    return Desk(store)


def shown(desk: Desk, name: str, trial: str = watched.TRIAL) -> str:
    panel = next(panel for panel in PANELS if panel.name == name)
    return text_of(place(panel, desk, read_model.trial(desk, trial), Screen()))


def test_every_rule_stands_in_one_list_with_word_and_shape(empty: Store, app: Dash) -> None:
    """Recruitment, staff time, both of data quality, safety and whether people may be enrolled; each with its limit."""
    desk = running(empty)
    found = reads.watch(desk, read_model.trial(desk, watched.TRIAL))
    assert {one.finding.rule for one in found.rules} == {
        *("recruitment", "staff_time", "missing", "set_aside", "safety_rate", "safety_event")
    }
    body = shown(desk, "watch")
    for one in found.rules:
        word, sign = rules.LEVELS[rules.shown_level(one.finding)]
        assert word in body
        assert f"icon-{sign}" in body
        assert one.finding.sentence in body
        assert f"Limit: {one.finding.plan}." in body


def test_levels_differ_in_word_and_shape() -> None:
    """Nobody needs the colour to tell them apart; the lights of progression neither."""
    for told in (rules.LEVELS, lights.SHAPES):
        assert len({word for word, _ in told.values()}) == len({sign for _, sign in told.values()}) == len(told)


def test_nothing_needs_attention_only_if_nothing_does(empty: Store) -> None:
    """Whatever found it - a rule, the look's concerns, what is waited for - is in the title, worst first."""
    desk = running(empty)
    view = read_model.trial(desk, watched.TRIAL)
    quiet = replace(reads.watch(desk, view), rules=(), waited=None)
    assert watch.title(quiet) == "Nothing beside the effect needs attention"
    for level in ("watch", "stop"):
        for rule in rules.SUBJECTS:
            finding = Finding(rule, "safety", level, "S.", "p", RuleClaim("n", 0.05), about="falls (call)")
            told = replace(quiet, rules=(reads.Rule(finding, None, "do it"),))
            assert watch.title(told) == f"One thing beside the effect needs attention: {rules.SUBJECTS[rule]}"
    late = Overdue("t", NOW, timedelta(days=7), SourceOverdue(NOW, timedelta(days=7), timedelta(days=9), True))
    silent = replace(late, source=None, silent=(SilentSite("N", None, 10),))
    assert watch.title(replace(quiet, waited=late)).endswith("attention: deliveries")
    assert watch.title(replace(quiet, waited=silent)).endswith("attention: a silent site")


def test_what_the_look_flags_is_in_the_list(empty: Store, app: Dash) -> None:
    """Arms that don't add up: the rule 'flagged' says stop, the title and the data's checks know it too."""
    making.register(empty, making.plan("lopsided"))
    records = [replace(one, arm="usual") if one.row_no % 4 else one for one in making.people(160)]
    making.deliver(empty, "lopsided", records, week=0)
    desk = Desk(empty)
    assert [one.code for one in read_model.trial(desk, "lopsided").look.concerns] == ["sample_ratio"]  # type: ignore[union-attr]
    body = shown(desk, "watch", "lopsided")
    assert "needs attention: the data" in body
    assert rules.LEVELS["stop"][0] in body
    checked = shown(desk, "quality", "lopsided")
    assert "The data can't carry a decision yet" in checked
    assert "Group sizes fit the planned allocation" in checked
    assert "they do not" in checked


@pytest.mark.parametrize(
    ("kind", "more"),
    [("death", {}), ("life_threatening", {"participant": "P2"}), ("hospital", {"related": "no"}), ("other", {})],
)
def test_safety_events_tell_whether_enrolment_waits_and_nothing_else(
    kind: str, more: dict[str, str], empty: Store, app: Dash
) -> None:
    """Not what happened, not on which day, not its number, nor that there was one that enrolment does not wait for."""
    desk = running(empty, stopping={})
    before = shown(desk, "watch")
    watched.report_event(empty, watched.TRIAL, kind, **more)
    after = shown(desk, "watch")
    if kind in ("death", "life_threatening"):
        assert WAITS in after
        assert "need attention: enrolment and a silent site" in after
    else:
        assert after == before
        assert GOES_ON in after
    for word in ("event 1", "20 January", "2024-01-20", "at home", "hospital"):
        assert word not in after


def test_a_guardrail_kept_back_names_no_arm() -> None:
    """Where results by arm are kept back, a breach is told, not in which arm, and each guardrail once."""
    arms = [{"id": "usual", "role": "control"}, {"id": "call"}, {"id": "text"}]
    protocol = making.plan("arms", arms=arms, design="multi_arm")
    found = [
        Finding("guardrail", "guardrail", level, f"{said} in {arm}.", "p", RuleClaim("n", 0.05), about=f"falls ({arm})")
        for level, said, arm in (("stop", "Breached", "text"), ("fine", "No breach", "call"))
    ]
    told = for_everybody(protocol, found, arms=False)
    assert [(one.level, one.about, one.sentence) for one in told if one.rule == "guardrail"] == [
        ("stop", "falls", "Breached.")
    ]
    assert len(for_everybody(protocol, found, arms=True)) == 3


def test_what_is_not_for_a_reader_is_not_read(empty: Store) -> None:
    """Each read asks first: a link to another trial gets no word of this one."""
    desk = running(empty)
    view = read_model.trial(desk, watched.TRIAL)
    linked = desk.for_reader(Reader(kind="link", trials=frozenset({"another"})))
    for read in (reads.watch, reads.staff_time, reads.lights, quality.read):
        with pytest.raises(NoAccessError):
            read(linked, view)


def test_how_near_is_said_by_what_may_be_told() -> None:
    """A range that the steps leave open, in whole per cent outwards; nothing where nothing may be told."""
    protocol = watched.plan()
    missing = Finding("missing", "data_quality", "fine", "S.", "p", RuleClaim("n", 0.05))
    worst, best = (Counted(200, 3.0, 100 + absent, 100, 300, absent) for absent in (19, 10))
    found = near(missing, protocol, None, worst, best)
    assert found is not None
    assert (found.low, found.high, found.limit) == (pytest.approx(10 / 110), pytest.approx(19 / 119), 0.2)
    assert found.words == "9 % to 16 % are missing"
    nobody = Counted(0, 0.0, 0, 0, 0, 0)
    assert near(missing, protocol, None, nobody, nobody) is None
    assert near(replace(missing, rule="safety_rate"), protocol, None, worst, best) is None


def weeks(minutes: float, *, staff: str, count: int, start: int = 0, cases: int = 10) -> list[StaffWeek]:
    day = date(2024, 1, 1)
    return [
        StaffWeek(staff, day + timedelta(weeks=week), week, cases, minutes * cases)
        for week in range(start, start + count)
    ]


def test_staff_time_is_of_three_people_or_of_nobody() -> None:
    """Two people's weeks give no point; three's do; a third who hardly did any of the cases doesn't make one."""
    two = weeks(40, staff="A", count=8) + weeks(60, staff="B", count=8)
    assert practised(two, date(2025, 1, 1)) == ()
    third = practised(two + weeks(50, staff="C", count=8), date(2025, 1, 1))
    assert {point.minutes for point in third} == {50.0}
    assert [(point.first, point.last) for point in third] == [(0, 0), (1, 1), (2, 3), (4, 5), (6, 7)]
    most = weeks(40, staff="A", count=8, cases=99)
    few = weeks(50, staff="C", count=8, cases=1) + weeks(9, staff="B", count=8, cases=1)
    assert practised(most + few, date(2025, 1, 1)) == ()


@pytest.mark.parametrize("minutes", [5.0, 50.0, 500.0])
def test_one_more_persons_weeks_move_no_point(minutes: float) -> None:
    """What somebody needed who began after the others is in no point until two more have come."""
    known = [one for name in "ABC" for one in weeks(40, staff=name, count=12)]
    later = date(2024, 9, 2)
    new = [
        StaffWeek(name, later + timedelta(weeks=week), week, 10, 10 * minutes) for name in "DEF" for week in range(12)
    ]
    before = practised(known, date(2025, 1, 1))
    for few in (1, 2):
        some = [one for one in new if one.staff in "DEF"[:few]]
        assert practised(known + some, date(2025, 1, 1)) == before
    after = {point.minutes for point in practised(known + new, date(2025, 1, 1))}
    assert after == {float(round((40 + minutes) / 2))}


@pytest.mark.parametrize(("settled", "title"), [(30.0, "keep within"), (90.0, "above its limit")])
def test_staff_time_says_its_finding(settled: float, title: str, empty: Store, app: Dash) -> None:
    """The curve against its limit, in the rule's own sentence; the weeks of learning are marked as not judged."""
    desk = running(empty)
    watched.report_time(empty, watched.TRIAL, {week: settled if week >= 4 else 100.0 for week in range(40)})
    about = reads.staff_time(desk, read_model.trial(desk, watched.TRIAL))
    assert title in staff_time.title(about)
    assert about.finding is not None
    assert about.finding.sentence in shown(desk, "staff-time")
    rule = about.view.protocol.stopping.staff_time  # type: ignore[union-attr]
    assert rule is not None
    drawn = figure.draw(rule, about.points, Screen())
    assert [row[2] for row in drawn.rows[:4]] == ["learning, not judged"] * 3 + ["45"]
    assert drawn.rows[-1][1] == f"{settled:,.0f}"
    assert about.finding.claim.log_e is None


def test_staff_time_without_a_rule_a_report_or_enough_people_says_why(empty: Store, app: Dash) -> None:
    """Three designed states."""
    desk = running(empty)
    assert "none reported yet" in shown(desk, "staff-time")
    watched.report_time(empty, watched.TRIAL, dict.fromkeys(range(12), 40.0), staff=2)
    assert "hidden to protect staff" in shown(desk, "staff-time")
    making.run(empty, making.plan("bare"), making.people(40))
    assert "no limit was agreed" in shown(desk, "staff-time", "bare")


def test_progression_is_a_light_with_word_and_shape(empty: Store, app: Dash) -> None:
    """Colours by what the steps leave open; what people answer waits for them; no criteria, no lights."""
    criteria = [
        {"id": "kept", "asks": "retention", "text": "Do people stay?", "green": 0.5, "red": 0.2},
        {"id": "clean", "asks": "data", "text": "Are the rows usable?", "green": 1.0, "red": 0.99},
        {"id": "liked", "asks": "acceptability", "text": "Do they like it?", "green": 4, "red": 2},
    ]
    making.run(empty, making.plan("small", purpose="feasibility", progression=criteria), making.people(80))
    desk = Desk(empty)
    about = reads.lights(desk, read_model.trial(desk, "small"))
    assert [one.colour for one in about.lit] == ["green", "not yet", "not yet"]
    body = shown(desk, "lights", "small")
    assert "Not all is known yet: 1 of 3 criteria are green" in body
    for text in ("Do people stay?", "Green", "icon-ok", "Not yet", "icon-setting_up", "people answer this"):
        assert text in body
    making.run(empty, making.plan("bare"), making.people(40))
    assert "none were agreed" in shown(desk, "lights", "bare")


def known(**changes: object) -> Known:
    base: dict[str, object] = {
        "deliveries": 12,
        "refused": 0,
        "set_aside": None,
        "late": None,
        "missing": {"Usual": None, "Call": 21},
        "concerns": (),
        "judged": True,
        "waited": Overdue("t", NOW, timedelta(days=7)),
    }
    return Known(**(base | changes))  # type: ignore[arg-type]


def test_the_title_counts_the_checks_that_pass() -> None:
    """What is only told, and what can't be judged yet, counts for neither side."""
    protocol = watched.plan()
    whole = checks(protocol, known())
    assert passed(whole) == (9, 9)
    assert passed(checks(protocol, known(judged=False))) == (6, 6)
    assert passed(checks(protocol, known(refused=1, set_aside=30))) == (7, 9)
    ratio = Concern("sample_ratio", "the arms' sizes don't fit", holds=True)
    found = checks(protocol, known(concerns=(ratio,)))
    assert [(one.name, one.value, one.holds) for one in found if one.state == "attention"] == [
        ("Group sizes fit the planned allocation", "they do not", True)
    ]


def test_checks_tell_people_in_tens() -> None:
    """Whose results are due is told from ten on, rounded down; nobody can read one person off it."""
    protocol = watched.plan()
    late = [Awaited(f"P{number}", "N", NOW, NOW) for number in range(27)]
    said = {}
    for people in range(28):
        waited = Overdue("t", NOW, timedelta(days=7), due=tuple(late[:people]))
        said[people] = next(
            one for one in checks(protocol, known(waited=waited)) if one.name.startswith("Results come")
        ).value
    assert {said[people] for people in range(LIMIT)} == {"fewer than 10 late"}
    assert {said[people] for people in range(10, 20)} == {"about 10 late"}
    assert {said[people] for people in range(20, 28)} == {"about 20 late"}


def test_where_arms_are_kept_back_missing_is_not_told_by_arm(empty: Store) -> None:
    """Which group loses results is a result of that group."""
    desk = running(empty)
    view = replace(read_model.trial(desk, watched.TRIAL), arms=False)
    names = [one.name for one in quality.read(desk, view).checks]
    assert not any("Phone call" in name or "Usual" in name for name in names)


def test_findings_come_worst_first(empty: Store) -> None:
    """What must be done stands above what is in order."""
    desk = running(empty)
    watched.report_event(empty, watched.TRIAL, "death")
    found = [one.finding.level for one in reads.watch(desk, read_model.trial(desk, watched.TRIAL)).rules]
    assert found == sorted(found, key=LEVELS.index)
    assert found[0] == "stop"


@pytest.mark.parametrize(
    ("rule", "sentence", "waiting"),
    [
        ("guardrail", "Of falls nothing can be said yet.", True),
        ("missing", "Fewer than 10 so far, of which nothing is said yet.", True),
        ("recruitment", "The pace is judged from 1 June 2024 on.", True),
        ("safety_rate", "Nobody is treated yet.", True),
        ("guardrail", "No breach of falls is shown.", False),
        ("set_aside", "No more than 20 % of rows were set aside when they were first sent.", False),
    ],
)
def test_what_was_not_judged_is_not_in_order(rule: str, sentence: str, waiting: bool, app: Dash) -> None:
    """'Not judged yet' with its own shape, never a tick; a command in what to do is code."""
    finding = Finding(rule, "safety", "fine", sentence, "p", RuleClaim("n", 0.05), about="falls")
    shown_ = text_of(rules.row(watched.plan(), reads.Rule(finding, None, "t"), closed=False))
    assert ("Not judged yet" in shown_, "icon-early" in shown_, "icon-ok" in shown_) == (waiting, waiting, not waiting)


def test_a_guardrail_is_told_in_words(app: Dash) -> None:
    """Its label for its id, its margin as effects are told, and what to do with the command as code."""
    hurt = {"measure": "got_hurt", "kind": "binary", "better": "lower", "margin": 0.05, "baseline": 0.1}
    claim = RuleClaim("n", 0.05, crossed_on=date(2024, 3, 4))
    finding = Finding(
        "guardrail", "guardrail", "stop", "The guardrail got_hurt is breached.", "p", claim, about="got_hurt"
    )
    told = text_of(
        rules.row(watched.plan(guardrails=[hurt]), reads.Rule(finding, None, "ask: `roadtest x`"), closed=False)
    )
    for words in (
        "The guardrail got hurt is breached",
        "nothing worse than 5.0 more in 100",
        "Said since 4 March 2024",
        '"Code"',
    ):
        assert words in told
    assert "got_hurt" not in told
    assert "`" not in told
