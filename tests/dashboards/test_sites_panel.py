"""The sites on a trial's page: the same people as the look, few hidden with others, no ranks; and numbers that can be saved."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import plotly.graph_objects as go
import pytest
from dash import html
from plotly.utils import PlotlyJSONEncoder

from dashboards import parts, read_model
from dashboards.figures import effect as effect_figure
from dashboards.figures import people as people_figure
from dashboards.figures import sites as figure
from dashboards.panels import PANELS
from dashboards.panels import sites as panel
from dashboards.panels.panel import place
from dashboards.read_model import Desk
from dashboards.read_model.sites import Sites, sites
from dashboards.reader import Reader
from dashboards.refresh import walk
from dashboards.theme import Screen
from tests.dashboards import making
from tests.dashboards.test_designs import CASES, made
from trials.disclosure import LIMIT
from trials.protocol import Protocol
from trials.records import Record
from trials.site_totals import cells
from trials.store import granting, reading, seeing
from trials.store import sites as told
from trials.store.engine import Store, open_store
from trials.store.engine import reading as open_reading
from trials.store.looks import people_in_order
from trials.store.sights import joined_as_told

NAMES = {"A": "Ashby", "B": "Calder", "C": "Fenwick", "D": "Larkfield"}


def plan(trial: str, **changes: Any) -> Protocol:
    named = [{"id": site, "name": name} for site, name in NAMES.items()]
    return making.plan(trial, sites=named, monitoring={"max_participants": 1_200}, **changes)


def records(pairs: int, seed: int = 3, weights: tuple[int, ...] = (10, 10, 8, 1)) -> list[Record]:
    """Pairs at sites of these sizes, the last a small one, with shares of .45 and .3."""
    chance, found = random.Random(seed), []
    for pair in range(pairs):
        site = chance.choices("ABCD", weights)[0]
        for place_, (arm, share) in enumerate((("usual", 0.45), ("call", 0.3))):
            order = 2 * pair + place_ + 1
            found.append(Record(order, f"P{order}", site, arm, None, order, None, float(chance.random() < share)))
    return found


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('sites') / 'roadtest.db'}")
    making.run(store, plan("four-sites"), records(300), size=60)
    yield store
    store.close()


def about(store: Store, trial: str = "four-sites") -> Sites:
    return sites(Desk(store), read_model.trial(Desk(store), trial))


def test_the_sites_add_up_to_every_look(several: Store) -> None:
    """The same people with the same outcomes, at each look, as the arms' totals of the look itself."""
    looks = reading.looks(several, "four-sites")
    protocol = reading.card(several, "four-sites").protocol
    with open_reading(several) as connection:
        for look in looks:
            found = cells(protocol, people_in_order(connection, protocol, upto=look.batch_seq), look.as_of)
            for arm in look.arms:
                here = [cell for (_, other), cell in found.items() if other == arm.arm]
                assert (sum(cell.n for cell in here), sum(cell.total for cell in here)) == (arm.n, arm.total)


@pytest.mark.parametrize("name", [name for name in CASES if name not in ("counts", "times")])
def test_of_every_design_the_people_are_the_looks(name: str, empty: Store) -> None:
    """One arm or several, scores of clusters, planned looks."""
    protocol, people = made(name)
    making.run(empty, protocol, people, size=30)
    for look in reading.looks(empty, name):
        with open_reading(empty) as connection:
            found = cells(protocol, people_in_order(connection, protocol, upto=look.batch_seq), look.as_of)
        for arm in look.arms:
            here = [cell for (_, other), cell in found.items() if other == arm.arm]
            assert sum(cell.n for cell in here) == arm.n
            assert sum(cell.total for cell in here) == pytest.approx(arm.total)


def test_two_sites_are_both(several: Store) -> None:
    """Two are called both and never "the 2 sites all"; more of them are counted."""
    found = about(several)
    row = replace(found.rows[0], sites=1, own=0.1, estimate=0.1)
    other = replace(row, own=-0.1, estimate=-0.1)
    assert panel.title(replace(found, rows=(row, row), differ=False)) == (
        "Both sites point the same way and cannot be told apart"
    )
    assert panel.title(replace(found, rows=(row, other), differ=True)) == "Both sites point different ways"
    three = panel.title(replace(found, rows=(row, row, row), differ=False))
    assert three == "The 3 sites all point the same way and cannot be told apart"


def test_a_small_site_is_told_with_another_and_never_alone(several: Store) -> None:
    """No count below ten is anywhere on the panel, none is left by subtracting the sites from the look beside them, and sites
    stand in the plan's order."""
    found = about(several)
    names = [row.name for row in found.rows]
    assert [name for name in names if name in NAMES.values()] == [name for name in NAMES.values() if name in names]
    assert names[-1].startswith("The ")
    assert names[-1].endswith("other sites together")
    look = next(look for look in found.view.every if look.number == found.look)
    for arm in look.arms:
        cells_ = [row.arms[arm.arm] for row in found.rows]
        assert sum(cell.n for cell in cells_) == arm.n
        assert min(min(cell.counts(binary=True)) for cell in cells_) >= LIMIT
        for size in range(1, len(cells_)):
            for some in combinations(cells_, size):
                assert arm.n - sum(cell.n for cell in some) >= LIMIT
                assert arm.total - sum(cell.total for cell in some) >= LIMIT
    assert "Larkfield" not in json.dumps(figure.draw(found.view.protocol, found, Screen()).rows)


def test_outcomes_that_move_between_hidden_sites_change_nothing(several: Store, empty: Store, tmp_path: Path) -> None:
    """The people of two sites that are told together have each other's outcomes: every panel of the page stays as it was."""
    hidden = set(told.history(several, about(several).view.protocol).tellings[-1].groups[-1])
    assert len(hidden) == 2
    swapped = records(300)
    for arm in ("usual", "call"):
        for value in (0.0, 1.0):
            one, other = sorted(hidden)
            mine = [at for at, each in enumerate(swapped) if (each.site, each.arm, each.value) == (one, arm, value)]
            theirs = [
                at for at, each in enumerate(swapped) if (each.site, each.arm, each.value) == (other, arm, 1.0 - value)
            ]
            for first, second in zip(mine[:4], theirs[:4], strict=False):
                a, b = swapped[first], swapped[second]
                swapped[first] = Record(
                    *(a.row_no, a.participant_id, a.site, a.arm, None, a.entry_order, None, b.value)
                )
                swapped[second] = Record(
                    *(b.row_no, b.participant_id, b.site, b.arm, None, b.entry_order, None, a.value)
                )
    making.run(empty, plan("four-sites"), swapped, size=600)
    before, after = open_store(f"sqlite:///{tmp_path / 'before.db'}"), empty
    making.run(before, plan("four-sites"), records(300), size=600)
    shown = []
    for store in (before, after):
        assert len(about(store).rows) >= 3
        shown.append(
            json.dumps(
                [place(PANELS_BY_NAME["sites"], Desk(store), about(store).view, Screen())], cls=PlotlyJSONEncoder
            )
        )
    before.close()
    assert shown[0] == shown[1]


PANELS_BY_NAME = {each.name: each for each in PANELS}


def test_who_joined_is_told_beside_the_sites(several: Store) -> None:
    """Each site's floor is at least the people it is told to have with a result; page and command tell the same table."""
    view = read_model.trial(Desk(several), "four-sites")
    for row in about(several).rows:
        site = next((site for site, name in NAMES.items() if name == row.name), None)
        if site is not None:
            for arm, cell in row.arms.items():
                assert (view.enrolment.cells[site, arm] or 0) >= cell.n
    assert joined_as_told(several, view.protocol) == view.enrolment


def test_the_panel_says_what_the_spread_is_and_that_nothing_rests_on_it(several: Store) -> None:
    """The spread as the title, what a look was, that it is no basis for a verdict and not for peeking; no rank anywhere."""
    found = about(several)
    title, how = panel.title(found), panel.how(found)
    assert title.endswith(("cannot be told apart", "point the same way, some further", "point different ways"))
    assert found.differ != title.endswith("cannot be told apart")
    assert panel.NO_BASIS in how
    shown = json.dumps(place(panel.PANEL, Desk(several), found.view, Screen()), cls=PlotlyJSONEncoder)
    assert "not by result" in shown
    assert "do not watch them for a site to cross a line" in shown
    for word in ("rank", "best site", "worst", "top"):
        assert word not in title + how
    for screen in (Screen(), Screen("dark", True)):
        drawn = figure.draw(found.view.protocol, found, screen)
        go.Figure(drawn.figure)
        assert {len(row) for row in drawn.rows} == {len(drawn.columns)}
        assert len(drawn.rows) == len(found.rows)


def test_sites_are_drawn_to_the_average(several: Store) -> None:
    """Each shrunken effect lies between the site's own and the average, as rounded as the words, inside its range."""
    found = about(several)
    assert found.mean is not None
    for row in found.rows:
        low, high = sorted((row.own, found.mean))
        assert low - 0.001 <= row.estimate <= high + 0.001
        assert row.low < row.estimate < row.high
        assert row.estimate == round(row.estimate, 3)


def test_too_few_at_every_site_say_so(desk: Desk) -> None:
    """One sentence, no number."""
    found = sites(desk, read_model.trial(desk, "still-open"))
    missing = panel.absent(found)
    assert missing is not None
    assert (missing.sign, found.rows) == ("hidden", ())
    assert "10 people with the outcome and 10 without it in each group" in missing.why


def test_results_that_are_kept_back_keep_the_sites_back(empty: Store) -> None:
    """In a programme with roles a reader without one that the plan names gets no row of it, whatever they ask for."""
    making.run(empty, plan("four-sites", access={"interim": ["safety_steward"]}), records(300), size=600)
    at = making.START + timedelta(weeks=40)
    granting.give(empty, "tests", "anna", "lead", by="anna", at=at)
    granting.give(empty, "tests", "sara", "stakeholder", by="anna", at=at)
    desk = Desk(empty).for_reader(Reader("sara", "account"))
    view = read_model.trial(desk, "four-sites")
    assert not view.arms
    found = sites(desk, view)
    assert (found.rows, found.told, found.mean) == ((), False, None)
    missing = panel.absent(found)
    assert missing is not None
    assert missing.title == "not shown while the trial runs"
    assert seeing.arms_shown(empty, [("four-sites", view.protocol, "sealed")]) == {"four-sites": False}


def test_a_page_as_of_an_earlier_look_has_the_sites_of_then(several: Store) -> None:
    """Never a telling that came after it, and none before the first."""
    desk = Desk(several)
    history = told.history(several, read_model.trial(desk, "four-sites").protocol)
    numbers = [telling.look for telling in history.tellings]
    assert numbers
    for look in read_model.trial(desk, "four-sites").every:
        found = sites(desk, read_model.trial(desk, "four-sites", look=look.number))
        assert found.look == max((number for number in numbers if number <= look.number), default=0)


@pytest.mark.parametrize("trial", ["clear-winner", "plain-dud", "still-open"])
def test_the_numbers_of_a_chart_can_be_saved(trial: str, desk: Desk) -> None:
    """The link holds the very table of the chart, as CSV, with nothing that a spreadsheet takes for a formula."""
    view = read_model.trial(desk, trial)
    drawn = effect_figure.draw(view.protocol, view.effects, Screen())
    (link,) = [each for each in walk(html.Div(parts.chart(drawn, "effect-chart"))) if isinstance(each, html.A)]
    kind, _, body = link.href.partition(",")
    assert kind == "data:text/csv;charset=utf-8"
    found = list(csv.reader(io.StringIO(unquote(body).removeprefix("\ufeff"))))
    assert found == [list(drawn.columns), *(list(row) for row in drawn.rows)]
    assert link.download == "effect-chart-numbers.csv"


def test_a_name_that_looks_like_a_formula_is_text() -> None:
    """A spreadsheet that opens the file runs nothing."""
    found = parts.as_csv(("Site",), (("=HYPERLINK(1)",), ("+4",), ("@x",), ("-1",), ("Ashby, North",)))
    assert found == "\ufeffSite\r\n'=HYPERLINK(1)\r\n'+4\r\n'@x\r\n'-1\r\n\"Ashby, North\"\r\n"


@pytest.mark.parametrize("trial", ["clear-winner", "plain-dud", "still-open"])
def test_people_in_words_and_picture_are_the_estimate(trial: str, desk: Desk) -> None:
    """Of a hundred people the two sides differ by the estimate as rounded, and the pictures have as many dots as they say."""
    view = read_model.trial(desk, trial)
    assert view.effect is not None
    found = people_figure.in_people(view.protocol, view.effect)
    usual, idea = (side.of_hundred for side in found.sides)
    assert usual is not None
    assert idea is not None
    assert usual - idea == round(100 * (view.effect.estimate or 0.0))
    assert f"about {idea} with Phone call and {usual} with Usual" in found.sentence
    for count in (usual, idea):
        svg = unquote(people_figure.picture(count, Screen()))
        filled = svg[svg.rindex('d="') :].split('"')[1]
        assert filled.count("h0") == count
        assert svg.count("h0") == 100


@pytest.mark.parametrize(
    ("own", "estimate", "said"),
    [
        (16.0, 4.0, "4.0 points higher"),
        (16.1, 4.0, "(each number rounded)"),
        (16.0, 7.0, "(the adjusted estimate, not the two subtracted)"),
    ],
)
def test_means_are_the_groups_own(own: float, estimate: float, said: str, desk: Desk) -> None:
    """The sentence has the number that the table has; where the two don't subtract to the estimate, it says why."""
    view = read_model.trial(desk, "still-open")
    score = {"kind": "score", "better": "higher", "bounds": (0.0, 40.0), "unit": "points", "worthwhile": 2.0}
    plan_of = view.protocol.model_copy(update={"primary": view.protocol.primary.model_copy(update=score)})
    assert view.effect is not None
    totals = {"usual": 12.0, "call": own}
    arms = tuple(replace(arm, n=100, total=100 * totals[arm.arm]) for arm in view.effect.arms)
    found = people_figure.in_people(plan_of, replace(view.effect, arms=arms, estimate=estimate))
    assert found.sentence.startswith(f"About {own:g} with Phone call on average, 12 with Usual")
    assert found.sides[1].shown == f"{own:g}"
    assert said in found.sentence
    assert ("(" in found.sentence) == (said[0] == "(")
