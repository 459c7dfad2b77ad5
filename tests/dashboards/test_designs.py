"""Pages of trials with one arm or several, with counts, times and scores, by clusters, and at planned looks."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import plotly.graph_objects as go
import pytest
from dash import Dash

from dashboards import read_model, wording
from dashboards.figures import effect, enrolment
from dashboards.pages import portfolio
from dashboards.pages import trial_top as page
from dashboards.panels import PANELS, groups
from dashboards.panels.panel import place
from dashboards.read_model import Desk, TrialView
from dashboards.theme import Screen
from tests.dashboards import making
from tests.dashboards.test_panels import text_of
from trials.protocol import Protocol
from trials.records import Record
from trials.store.engine import Store, open_store

ONE_ARM = {"design": "one_arm", "arms": [{"id": "call", "name": "Phone call"}]}
SEVERAL = {
    "design": "multi_arm",
    "arms": [{"id": "usual", "role": "control"}, {"id": "call", "name": "Phone call"}, {"id": "letter"}],
}
COUNT = {
    "measure": "missed",
    "kind": "count",
    "baseline": 2,
    "worthwhile": 0.5,
    "bounds": [0, 12],
    "exposure": "months_seen",
}
TIME = {"measure": "weeks", "kind": "time_to_event", "baseline": 0.4, "worthwhile": 0.35, "event": "relapsed"}
SCORE = {"measure": "share_well", "kind": "score", "better": "higher", "bounds": [0, 1]} | {
    "baseline": 0.5,
    "worthwhile": 0.1,
    "unit": "points",
}
Draw = Callable[[random.Random, bool], tuple[float, float | None]]


def yes_or_no(chance: random.Random, treated: bool) -> tuple[float, None]:
    return float(chance.random() < (0.3 if treated else 0.5)), None


def counted(chance: random.Random, treated: bool) -> tuple[float, float]:
    return float(chance.randrange(3 if treated else 5)), chance.choice([1.0, 2.0])


def timed(chance: random.Random, treated: bool) -> tuple[float, float]:
    return float(chance.randrange(1, 52)), float(chance.random() < (0.3 if treated else 0.6))


def scored(chance: random.Random, treated: bool) -> tuple[float, None]:
    return round(chance.betavariate(6 if treated else 4, 4), 3), None


CASES: dict[str, tuple[dict[str, Any], Draw]] = {
    "one-arm": (ONE_ARM, yes_or_no),
    "several-arms": (SEVERAL, yes_or_no),
    "counts": ({"primary": COUNT}, counted),
    "times": ({"primary": TIME}, timed),
    "clusters": ({"primary": SCORE, "unit": "cluster"}, scored),
    "planned-looks": ({"monitoring": {"method": "group-sequential", "max_participants": 120}}, yes_or_no),
}


def made(name: str, number: int = 120) -> tuple[Protocol, list[Record]]:
    """The case's plan, and its people with outcomes: arms in turn, all at the site North."""
    changes, draw = CASES[name]
    protocol, chance = making.plan(name, **changes), random.Random(7)
    records = []
    for order in range(1, number + 1):
        arm = protocol.arms[order % len(protocol.arms)]
        value, companion = draw(chance, arm.role == "treatment")
        records.append(Record(order, f"P{order}", "N", arm.id, None, order, None, value, companion=companion))
    return protocol, records


@pytest.fixture(scope="module")
def designs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('designs') / 'roadtest.db'}")
    for name in CASES:
        making.run(opened, *made(name), size=60)
    yield opened
    opened.close()


def view_of(designs: Store, name: str) -> TrialView:
    view = read_model.trial(Desk(designs), name)
    assert view.effect is not None
    return view


@pytest.mark.parametrize("name", CASES)
def test_every_panel_says_what_it_has_to_say(name: str, designs: Store, app: Dash) -> None:
    """No panel, page head or row of the board fails on any design or kind, and every chart is one Plotly knows."""
    view = view_of(designs, name)
    for screen in (Screen("light", False), Screen("dark", True)):
        for panel in PANELS:
            shown = text_of(place(panel, Desk(designs), view, screen))
            assert "absence-failed" not in shown
            about = panel.about(Desk(designs), view)
            missing = panel.absent(about)
            assert missing.why.endswith(".") if missing else panel.how(about).endswith(".")
        for drawn in (
            effect.draw(view.protocol, view.effects, screen),
            enrolment.draw(view.protocol, view.enrolment, screen),
        ):
            go.Figure(drawn.figure)
            assert {len(row) for row in drawn.rows} == {len(drawn.columns)}
    with app.server.test_request_context():
        assert view.sentence is not None
        assert view.sentence in text_of([page.head(view), page.verdict(view)])
    row = next(row for row in read_model.board(Desk(designs)).rows if row.id == name)
    assert portfolio.row_data(row)["standing_word"]


def table_of(view: TrialView) -> tuple[list[str], list[list[str]]]:
    """Column heads and cells of the table of the groups."""
    head, body = groups.body(view, Screen())[0].children.children
    return (
        [cell.children for cell in head.children.children],
        [[cell.children for cell in row.children] for row in body.children],
    )


def test_one_arm_stands_against_its_benchmark(designs: Store) -> None:
    """One row, no control, and the benchmark in words."""
    view = view_of(designs, "one-arm")
    columns, rows = table_of(view)
    assert columns == ["Group", "People", "With it", "In 100"]
    assert [row[:2] for row in rows] == [["Phone call", "120"]]
    assert groups.title(view).startswith("Against the benchmark: ")
    assert groups.how(view).endswith("The benchmark is 40 in 100.")
    assert "Worse than the benchmark" in text_of(effect.draw(view.protocol, view.effects, Screen()).figure)


def test_several_arms_stand_side_by_side(designs: Store) -> None:
    """A row an arm; each idea with its own effect against usual practice, and the title names the one that leads."""
    view = view_of(designs, "several-arms")
    columns, rows = table_of(view)
    assert columns[-1] == "Against usual practice"
    assert [row[0] for row in rows] == ["Usual", "Phone call", "Letter"]
    assert rows[0][-1] == "–"
    assert all(row[-1].endswith(("(better)", "(worse)")) for row in rows[1:])
    assert groups.title(view).split(" leads: ")[0] in ("Phone call", "Letter")


def test_counts_read_as_events_per_exposure(designs: Store) -> None:
    """Events, the exposure they were counted in, and the rate that the two make."""
    view = view_of(designs, "counts")
    columns, rows = table_of(view)
    assert columns == ["Group", "People", "Events", "Months seen", "Per months seen"]
    for _, _, events, months, rate in rows:
        assert float(rate) == pytest.approx(int(events) / float(months), abs=0.06)
    assert wording.effect_unit(view.protocol.primary) == "events per months seen"


def test_times_read_as_people_with_an_event(designs: Store) -> None:
    """How many had the event, in 100, and in how much time at risk; effects are shares of the hazard."""
    view = view_of(designs, "times")
    columns, rows = table_of(view)
    assert columns == ["Group", "People", "With an event", "In 100", "Time at risk"]
    for _, people, events, share, _ in rows:
        assert float(share) == pytest.approx(100 * int(events) / int(people), abs=0.06)
    assert wording.effect_tick(view.protocol.primary, -0.25) == "\u221225 %"
    assert wording.baseline(view.protocol.primary) == "40 in 100 with the event by the end of follow-up"


def test_clusters_are_never_called_people(designs: Store, app: Dash) -> None:
    """In the table, the axes, the key figures and the sentence a trial by clusters counts clusters."""
    view = view_of(designs, "clusters")
    assert table_of(view)[0] == ["Group", "Clusters", "Mean"]
    with app.server.test_request_context():
        shown = text_of([page.verdict(view), *(place(panel, Desk(designs), view, Screen()) for panel in PANELS)])
    assert "lusters with a result" in shown
    assert "eople with a result" not in shown
    assert "clusters have joined" in shown


def test_planned_looks_lay_no_bets(designs: Store) -> None:
    """A plan judged by boundaries says so where others show what a bet has paid."""
    view = view_of(designs, "planned-looks")
    shown = text_of([place(panel, Desk(designs), view, Screen()) for panel in PANELS])
    assert "judged at the planned looks" in shown
    assert "has paid" not in shown
    claim = view.deciding
    assert claim is not None
    assert wording.strength(claim).startswith(("no boundary crossed", "boundary reached at"))


@pytest.mark.parametrize(("name", "few"), [("times", 4.0), ("counts", 6.0)])
def test_a_handful_of_events_hides_the_groups(name: str, few: float, designs: Store) -> None:
    """Fewer than ten events in an arm are hidden, whether of people or of counts, and the estimate with them."""
    view = view_of(designs, name)
    look = view.effect
    assert look is not None
    small = replace(look, arms=(replace(look.arms[0], total=few), *look.arms[1:]))
    hidden = replace(view, looks=(*view.looks[:-1], small))
    assert hidden.effect is None
    assert groups.absent(hidden) is not None


@pytest.mark.parametrize("name", [name for name in CASES if name != "planned-looks"])
def test_effects_are_rounded_as_their_words(name: str, designs: Store) -> None:
    """What a page holds of an effect says no more than its words, of every arm; rounding again changes nothing."""
    view = view_of(designs, name)
    assert view.effect is not None
    for one in (view.effect, *view.effect.comparisons):
        for end in (one.estimate, *one.interval):
            assert end == wording.rounded(view.protocol.primary, end)
