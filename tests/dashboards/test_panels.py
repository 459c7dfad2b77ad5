"""Laws over every registered panel, and over the figures they draw."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest
from dash import Dash, html
from plotly.utils import PlotlyJSONEncoder

from dashboards import read_model, wording
from dashboards.figures import effect, enrolment, evidence
from dashboards.figures.drawn import Drawn, apart
from dashboards.pages import portfolio
from dashboards.pages import trial_top as page
from dashboards.panels import PANELS, endings
from dashboards.panels import effect as effect_panel
from dashboards.panels import evidence as evidence_panel
from dashboards.panels.panel import Panel, place
from dashboards.panels.plan import PANEL as plan_panel
from dashboards.read_model import Desk, TrialView
from dashboards.theme import Screen
from tests.dashboards import making
from trials.disclosure import released_counts
from trials.records import Record
from trials.store.engine import Store, open_store

TRIALS = ("clear-winner", "plain-dud", "does-harm", "still-open", "never-settled", "being-planned", "tiny-numbers")
SCREENS = (Screen("light", False), Screen("dark", True))


def text_of(component: object) -> str:
    """What a component would show, as JSON."""
    return json.dumps(component, cls=PlotlyJSONEncoder, ensure_ascii=False)


def ids(panel: Panel) -> str:
    return panel.name


@pytest.mark.parametrize("trial", TRIALS)
@pytest.mark.parametrize("panel", PANELS, ids=ids)
def test_every_panel_shows_something_or_says_why_not(panel: Panel, trial: str, desk: Desk, app: Dash) -> None:
    """On every trial and screen: a finding as title and how to read it, or a sentence about its absence. Never a failure."""
    view = read_model.trial(desk, trial)
    for screen in SCREENS:
        shown = text_of(place(panel, desk, view, screen))
        assert "absence-failed" not in shown
        about = panel.about(desk, view)
        missing = panel.absent(about)
        if missing is None:
            assert panel.title(about)
            assert panel.how(about).endswith(".")
        else:
            assert missing.why.endswith(".")
            assert missing.why in json.loads(f'"{missing.why}"')
            assert f"absence-{missing.sign}" in shown


@pytest.mark.parametrize("panel", PANELS, ids=ids)
def test_every_chart_has_alt_text_and_its_numbers(panel: Panel, desk: Desk, app: Dash) -> None:
    """Whoever can't see the chart gets a sentence and a table."""
    shown = text_of(place(panel, desk, read_model.trial(desk, "still-open"), Screen()))
    assert shown.count('"type": "Graph"') == shown.count('"role": "img"') == shown.count("Show the numbers")


def test_a_panel_that_fails_fails_alone(desk: Desk, app: Dash, caplog: pytest.LogCaptureFixture) -> None:
    """Its place says so with a reference, which the log has too."""

    def broken(*_: object) -> list[html.P]:
        raise ZeroDivisionError

    panel = Panel("broken", "Broken", 4, lambda view: None, lambda view: "T", lambda view: "H.", broken)
    with caplog.at_level(logging.ERROR):
        shown = text_of(place(panel, desk, read_model.trial(desk, "still-open"), Screen()))
    assert "absence-failed" in shown
    assert caplog.records[0].args is not None
    assert f"Reference {tuple(caplog.records[0].args)[-1]}." in shown


def test_the_plan_names_what_is_watched_beside_the_measure(app: Dash, desk: Desk) -> None:
    """Guardrails with their margin in words, and the rules beside the statistics; a plan without them says nothing."""
    view = read_model.trial(desk, "still-open")
    bare = text_of(place(plan_panel, desk, view, Screen()))
    assert "Guardrails" not in bare
    assert "Also watched" not in bare
    hurt = {"measure": "got_hurt", "kind": "binary", "better": "lower", "margin": 0.05, "baseline": 0.1}
    stopping = {"recruitment": {"per_month": 20}, "burden": {"measure": "staff_hours", "at_most": 1.5}}
    shown = text_of(place(plan_panel, desk, plan_with(view, guardrails=[hurt], stopping=stopping), Screen()))
    assert "got hurt (lower is better): nothing worse than 5.0 more in 100" in shown
    assert "recruitment: 20 people a month, judged from month 2 on" in shown
    assert "staff hours: at most 1.5 on average" in shown


def drawings(desk: Desk, trial: str, screen: Screen) -> list[Drawn]:
    view = read_model.trial(desk, trial)
    effects = [effect.draw(view.protocol, view.effects, screen)] if view.effects else []
    return [
        *effects,
        evidence.draw(view.protocol, view.looks, screen),
        enrolment.draw(view.protocol, view.enrolment, screen),
    ]


@pytest.mark.parametrize("trial", [name for name in TRIALS if name not in ("being-planned", "tiny-numbers")])
@pytest.mark.parametrize("screen", SCREENS, ids=["light", "dark phone"])
def test_every_figure_is_a_figure_plotly_knows(trial: str, screen: Screen, desk: Desk) -> None:
    """Plotly's own validators accept every attribute; table rows are as wide as their head."""
    for drawn in drawings(desk, trial, screen):
        go.Figure(drawn.figure)
        assert drawn.alt.endswith(".")
        assert drawn.rows
        assert {len(row) for row in drawn.rows} == {len(drawn.columns)}


def test_the_numbers_are_the_looks_own(desk: Desk) -> None:
    """The last row of the table says what the newest look says, and the lines end there, with no more digits."""
    view = read_model.trial(desk, "plain-dud")
    look = view.look
    assert look is not None
    drawn = evidence.draw(view.protocol, view.looks, Screen())
    assert drawn.rows[-1][0] == f"{look.n:,}"
    for trace, column in zip(drawn.figure["data"], range(1, 4), strict=False):
        said = [row[column].removesuffix("×").removeprefix("under ").replace(",", "") for row in drawn.rows]
        assert trace["y"] == [None if each == "–" else pytest.approx(math.log10(float(each))) for each in said]
    figure = effect.draw(view.protocol, view.effects, Screen()).figure
    assert figure["data"][2]["y"][-1] == round(look.estimate or 0, 3)
    assert figure["layout"]["yaxis"]["title"]["text"] == "better →"


def test_a_single_look_is_drawn_as_marks(desk: Desk) -> None:
    """A line needs two points; a chart with one would look empty."""
    view = read_model.trial(desk, "still-open")
    for number, mode in ((1, "markers"), (2, "lines")):
        looks = view.looks[:number]
        for drawn in (effect.draw(view.protocol, looks, Screen()), evidence.draw(view.protocol, looks, Screen())):
            assert {trace["mode"] for trace in drawn.figure["data"]} == {mode}


def test_labels_at_line_ends_do_not_overlap() -> None:
    """They are moved apart as little as needed, and keep their order."""
    assert apart([1.0, 1.01, 5.0], 0.5) == [1.0, 1.5, 5.0]
    assert apart([2.0, 1.9], 0.5) == [2.4, 1.9]


def page_of(store: Store, trial: str) -> str:
    """All that a trial's page and its row on the board would send."""
    view = read_model.trial(Desk(store), trial)
    panels = [place(panel, Desk(store), view, Screen()) for panel in PANELS]
    row = next(row for row in read_model.board(Desk(store)).rows if row.id == trial)
    return text_of([page.head(view), page.verdict(view), *panels, portfolio.row_data(row)])


def flipped(records: Sequence[Record]) -> list[Record]:
    return [replace(record, value=1.0 - (record.value or 0.0)) for record in records]


@pytest.mark.parametrize("first", [0, 60])
@pytest.mark.parametrize("few", [2, 8, 16])
def test_a_handful_of_peoples_outcomes_leave_no_trace(first: int, few: int, tmp_path: Path, app: Dash) -> None:
    """With other outcomes of the first few people, or of the few who came last, page and board are the same."""
    pages = set()
    newest = making.people(few, first=first + 1)
    for number, last in enumerate((newest, flipped(newest))):
        store = open_store(f"sqlite:///{tmp_path / f'{number}.db'}")
        making.register(store, making.plan("handful"))
        if first:
            making.deliver(store, "handful", making.people(first), week=0)
        making.deliver(store, "handful", last, week=1)
        assert read_model.trial(Desk(store), "handful").standing == "keep_going"
        with app.server.test_request_context():
            pages.add(page_of(store, "handful"))
        store.close()
    assert len(pages) == 1


@pytest.mark.parametrize("screen", [Screen(), Screen("dark", narrow=True)], ids=["wide", "phone"])
def test_each_line_of_the_evidence_has_its_words(screen: Screen, desk: Desk) -> None:
    """At its end where there is room, on a phone in a key of the three lines alone, which takes height of its own."""
    view = read_model.trial(desk, "plain-dud")
    drawn = evidence.draw(view.protocol, view.looks, screen)
    layout = drawn.figure["layout"]
    ends = " ".join(each["text"] for each in layout["annotations"] if each["xref"] == "x")
    keyed = [trace["name"] for trace in drawn.figure["data"] if trace.get("showlegend", True)]
    assert (layout.get("showlegend", False), drawn.height > evidence.HEIGHT) == (screen.narrow, screen.narrow)
    assert keyed == list(wording.claim_words(view.protocol, view.look).values())
    assert ("it helps" in ends) != screen.narrow


@pytest.mark.parametrize("trial", TRIALS)
def test_no_fired_claim_stands_beside_a_number_that_denies_it(trial: str, desk: Desk) -> None:
    """Alt text says of it that it reached its threshold and where, and the line's end says 'reached'."""
    view = read_model.trial(desk, trial)
    if not view.looks:
        return
    drawn = evidence.draw(view.protocol, view.looks, Screen())
    ends = [each["text"] for each in drawn.figure["layout"]["annotations"]]
    for name, claim in view.claims.items():
        word = wording.CLAIM_WORDS[name].lower()
        assert (f"“{word}” has what it needs: {wording.strength(claim)}" in drawn.alt) == claim.fired
        assert (f"“{word}” stands at" in drawn.alt) != claim.fired
        assert (f"<b>reached</b> {word}" in ends) == claim.fired


@pytest.mark.parametrize(
    ("trial", "title", "left"),
    [
        ("clear-winner", "What was reached", ""),
        ("plain-dud", "What was reached", ""),
        ("does-harm", "What was reached", ""),
        ("never-settled", "What was reached", "reached"),
        ("still-open", "What would end this trial", "at most 320 to go"),
        ("tiny-numbers", "What would end this trial", "most still to come"),
        ("being-planned", "What would end this trial", ""),
    ],
)
def test_the_limit_is_reached_only_where_nothing_fired(trial: str, title: str, left: str, desk: Desk) -> None:
    """How far it is away would give a small number away, and is left out then."""
    view = read_model.trial(desk, trial)
    assert (endings.title(view), endings._left(view)) == (title, left)


def test_the_way_to_the_limit_does_not_tell_how_few_are_missing(desk: Desk) -> None:
    """It is the planned number less the people in, both of which stand on the page."""
    view = read_model.trial(desk, "still-open")
    look = view.look
    assert look is not None
    for missing in (0, 3, 30):
        assert endings._left(replace(view, look=replace(look, missing=missing))) == "at most 320 to go"


def test_the_band_says_how_sure_each_edge_is(desk: Desk) -> None:
    """From the plan: the lower edge at the error of a false claim of benefit, the upper at that of a false drop."""
    assert "lower edge holds with 95 % confidence, the upper with 90 %" in effect_panel.how(
        read_model.trial(desk, "still-open")
    )
    alike = plan_with(read_model.trial(desk, "still-open"), monitoring={"beta": 0.05})
    assert "Each of its edges holds with 95 %" in effect_panel.how(alike)


def plan_with(view: TrialView, **changes: Any) -> TrialView:
    return replace(view, protocol=making.plan(view.protocol.trial, **changes))


def test_a_band_whose_ends_crossed_is_explained(desk: Desk) -> None:
    """An effect that changed over time has no single range; the page says so instead of 'not yet'."""
    view = read_model.trial(desk, "clear-winner")
    crossed = replace(view, looks=tuple(replace(look, interval=(None, None)) for look in view.looks))
    assert "changed over time" in effect_panel.title(crossed)
    assert crossed.effect is not None
    assert wording.plausible(view.protocol, crossed.effect).endswith("the effect has changed over time")
    assert "absence-failed" not in text_of(place(effect_panel.PANEL, desk, crossed, Screen()))


def test_the_range_in_words_agrees_with_the_verdict(desk: Desk) -> None:
    """A title never says that no effect is plausible beside 'Promote', nor that it may be worth having beside 'Drop'."""
    found = {name: effect_panel.title(read_model.trial(desk, name)) for name in ("clear-winner", "plain-dud")}
    assert found["plain-dud"] == "The whole plausible range is below what is worth having"
    assert found["clear-winner"] in (
        "The whole plausible range is worth having",
        "The whole plausible range is on the good side",
    )


def test_tables_say_which_way_an_effect_goes(desk: Desk) -> None:
    """'1.1 more in 100 (worse)': the sign alone would need the axis."""
    view = read_model.trial(desk, "still-open")
    cells = [cell for row in effect.draw(view.protocol, view.effects, Screen()).rows for cell in row[1:]]
    assert all(("(better)" in cell) == ("fewer" in cell) for cell in cells if not cell.startswith(("0.0", "–")))
    assert any("(worse)" in cell for cell in cells)


def test_a_panel_that_is_too_early_says_why_in_its_own_words(desk: Desk) -> None:
    """The page's sentence is not said again in every panel."""
    view = read_model.trial(desk, "tiny-numbers")
    reasons = [
        missing.why
        for panel in PANELS
        if (missing := panel.absent(panel.about(desk, view))) and missing.sign == "early"
    ]
    assert len(reasons) == len(set(reasons)) >= 4
    assert view.sentence is not None
    assert not any(view.sentence in reason or "Too early to say" in reason for reason in reasons)


def test_a_replay_never_claims_to_have_been_planned_first(desk: Desk, app: Dash) -> None:
    """Badge beside the name, and no word of a seal before the first outcome."""
    view = plan_with(read_model.trial(desk, "clear-winner"), retrospective=True)
    with app.server.test_request_context():
        shown = text_of(
            [page.head(view), page.verdict(view), *(place(panel, desk, view, Screen()) for panel in PANELS)]
        )
    assert "replay of a finished trial" in shown
    assert shown.count(wording.RETROSPECTIVE) == 3
    for claimed in ("before the first outcome", "Proven here"):
        assert claimed not in shown
    assert not any("Proven" in means for means in wording.VERDICT_MEANS.values())


def test_a_delivery_says_what_it_was_warned_of(empty: Store, app: Dash) -> None:
    """'With a warning' alone would help no site."""
    making.register(empty, making.plan("warned"))
    making.deliver(empty, "warned", making.people(20), week=0, warnings=["ignored extra column: note"])
    quality = next(panel for panel in PANELS if panel.name == "quality")
    shown = text_of(place(quality, Desk(empty), read_model.trial(Desk(empty), "warned"), Screen()))
    assert shown.count("taken in, with a warning: ignored extra column: note") == 3  # two tables, and the one to save


def test_results_that_never_came_are_told_by_arm(desk: Desk, app: Dash) -> None:
    """More missing in one arm than in the other is what a reader must see, as far as small numbers allow."""
    view = read_model.trial(desk, "still-open")
    told = released_counts({"usual": (3, 9), "call": (7, 21, 25), "": ()})
    quality = next(panel for panel in PANELS if panel.name == "quality")
    shown = text_of(place(quality, desk, replace(view, quality=replace(view.quality, missing=told)), Screen()))
    said = [(arm, words) for arm, words in (("Usual", "fewer than 10"), ("Phone call", "about 21"))]
    assert [words in shown[shown.index(f"never came, {arm}") :][:400] for arm, words in said] == [True, True]
    assert "25" not in shown


@pytest.mark.parametrize("trial", ["clear-winner", "plain-dud", "does-harm"])
@pytest.mark.parametrize(
    ("design", "beside"),
    [
        ({"assignment": {"how": "before_after"}}, "before"),
        ({"assignment": {"how": "choice"}}, "the others"),
        ({"design": "one_arm", "arms": [{"id": "call", "name": "Phone call"}]}, "the benchmark"),
    ],
)
def test_where_no_lot_formed_the_arms_nothing_helps_or_harms(
    trial: str, design: dict[str, Any], beside: str, desk: Desk
) -> None:
    """Title, lines, labels, table, alt text and endings say how people did beside what they are held against, and no more."""
    view = read_model.trial(desk, trial)
    assert view.shown is not None
    seen = replace(view, protocol=making.plan(trial, **design))
    drawn = text_of(evidence_panel.body(seen, Screen()))
    shown = evidence_panel.title(seen) + drawn + text_of(endings.body(seen, Screen()))
    for claimed in ("it helps", "it harms", "not worth it", "no harm", "no benefit"):
        assert claimed not in shown.lower()
    words = wording.claim_words(seen.protocol, seen.look)
    assert set(words.values()) == {f"{way} than {beside}" for way in ("Better", "Too little better", "Worse")}
    fired = [name for name, claim in view.claims.items() if claim.fired]
    assert evidence_panel.title(seen).endswith(" and ".join(f"“{words[name].lower()}”" for name in fired))
    assert all(word in drawn for word in words.values())
    assert wording.claim_words(view.protocol, view.look) is wording.CLAIM_WORDS
    assert "people did better" in wording.reason_means(seen.protocol, "worked")
    assert wording.reason_means(view.protocol, "worked").startswith("it helps")


@pytest.mark.parametrize("trial", ["clear-winner", "plain-dud", "does-harm", "still-open", "never-settled"])
def test_a_feasibility_trial_says_nothing_of_whether_the_idea_works(trial: str, desk: Desk) -> None:
    """Harm excepted, of which everybody is told: the titles say how wide the range is, and what the trial asks."""
    view = read_model.trial(desk, trial)
    seen = replace(view, protocol=view.protocol.model_copy(update={"purpose": "feasibility"}))
    harm = view.claims["harm"].fired
    assert view.effect is None or (effect_panel.title(seen) == "How wide the plausible range is") != harm
    assert ("not whether the idea works" in evidence_panel.title(seen)) != harm
