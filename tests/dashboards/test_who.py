"""Who took part: enrolment against the plan, the site filter, and that neither gives a hidden number away."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from dash import Dash
from hypothesis import given, settings
from hypothesis import strategies as st
from plotly.utils import PlotlyJSONEncoder

from dashboards import read_model, refresh
from dashboards.figures import enrolment as figure
from dashboards.panels import enrolment
from dashboards.read_model import Desk
from dashboards.read_model.who import Who, who
from dashboards.theme import Screen
from docs.scripts import disclosure_evidence as attacker
from tests.dashboards import making, watched
from trials.disclosure import LIMIT, Moment, SafeTable, joined_table
from trials.disclosure.over_time import joined_over_time
from trials.disclosure.tables import safe_table
from trials.errors import DataError
from trials.stopping.planned import Plan, against
from trials.store.engine import Store

DAY = date(2024, 1, 8)


def text_of(component: object) -> str:
    return json.dumps(component, cls=PlotlyJSONEncoder, ensure_ascii=False)


def table_of(counts: dict[tuple[str, str], int]) -> SafeTable:
    rows, columns = (tuple(dict.fromkeys(place[at] for place in counts)) for at in (0, 1))
    return joined_table(rows, columns, [Moment(counts)])


def plan_now(people: float, sites: int = 2, most: int = 1_000) -> Plan:
    """A plan by which so many should have joined by now."""
    return Plan(DAY, DAY + timedelta(days=round(30.4375 * 10)), people / 10, most, sites)


@pytest.fixture
def seen(empty: Store) -> Who:
    """Three sites: one is large, one has 4 people, one 12 and 14."""
    making.register(empty, watched.plan())
    watched.deliver(empty, watched.TRIAL, [{"N": 20}, {"N": 5, "S": 2, "W": 6}, {"N": 11, "W": 7}])
    return who(Desk(empty), read_model.trial(Desk(empty), watched.TRIAL))


def test_enrolment_is_held_against_what_the_plan_says(seen: Who) -> None:
    """The planned pace, from the seal to the newest delivery, spread alike over the sites; the title says how far behind."""
    assert seen.pace is not None
    days = (making.START + timedelta(weeks=2) - (making.START - timedelta(days=1))).days
    assert seen.pace.plan.now == pytest.approx(60 * days / 30.4375)
    assert seen.pace.plan.a_site == pytest.approx(seen.pace.plan.now / 3)
    assert enrolment.title(seen) == "Enrolment is on plan"


@pytest.mark.parametrize(
    ("counts", "now", "standing"),
    [((40, 40), 60, "on plan"), ((40, 40), 90, "open"), ((40, 40), 200, "behind"), ((4, 4), 9, "not yet")],
)
def test_behind_holds_for_whoever_may_be_there(counts: tuple[int, int], now: float, standing: str) -> None:
    """Behind only if the most that the steps allow is below the plan; on plan only if the fewest reach it."""
    table = table_of({("N", "usual"): counts[0], ("N", "call"): counts[1]})
    found = against(plan_now(now, 1), table)
    assert found.standing == standing
    assert (found.behind is not None) == (standing == "behind")
    assert found.least <= sum(counts) <= found.most
    if found.behind is not None:
        assert found.behind <= 1 - sum(counts) / found.plan.now + 1e-9


def test_a_site_has_barely_started_only_for_sure() -> None:
    """At most a quarter of what was planned there, whatever the hidden numbers are."""
    counts = {("N", "usual"): 90, ("N", "call"): 90, ("S", "usual"): 2, ("S", "call"): 1}
    assert against(plan_now(200), table_of(counts)).barely == ("S",)
    assert against(plan_now(100), table_of(counts)).barely == ()  # 18 of 50 is still possible


def test_a_table_made_for_one_showing_is_refused() -> None:
    """Only releases are held against the plan."""
    with pytest.raises(ValueError, match="released"):
        against(plan_now(100), safe_table({("N", "usual"): 30, ("N", "call"): 30}))


def test_a_plan_without_a_pace_says_so(desk: Desk) -> None:
    """Then nothing is drawn behind the bars, and no number is made up."""
    found = who(desk, read_model.trial(desk, "plain-dud"))
    assert found.pace is None
    assert "names no pace" in enrolment.how(found)
    assert enrolment.title(found).startswith("At least ")
    assert len(figure.draw(found.view.protocol, found.view.enrolment, Screen()).figure["data"]) == 1


def test_one_site_says_suppressed_where_it_is_hidden(seen: Who, app: Dash) -> None:
    """In its sentence, chart, hover and table; the number itself is nowhere in what is sent."""
    shown = text_of(enrolment.one_site(seen, "S", Screen()))
    assert enrolment.sentence(seen, "S").startswith(
        "South: suppressed. Usual: suppressed (< 10). Phone call: suppressed (< 10)."
    )
    assert shown.count("suppressed (< 10)") >= 4
    assert "never shown" in shown
    north = enrolment.sentence(seen, "N")
    assert re.match(r"North: at least \d+ people have joined\. Usual: \d+\+\. Phone call: \d+\+\.", north)
    assert "suppressed" not in north


def test_an_unknown_site_is_refused(seen: Who) -> None:
    """Whoever asks the callback for a site of their own making gets the sentence of the rule, and no number."""
    with pytest.raises(DataError, match="must be one of"):
        enrolment.one_site(seen, "X'; --", Screen())


def test_filtering_every_site_sends_what_the_table_holds_and_no_more(seen: Who, app: Dash) -> None:
    """Whatever is sent of a site is a cell, a sum of cells, an earlier release, or the plan's: a function of these alone."""
    for site in ("N", "S", "W"):
        again = Who(seen.view, seen.pace, seen.told)
        assert text_of(enrolment.one_site(again, site, Screen())) == text_of(enrolment.one_site(seen, site, Screen()))
        drawn = figure.draw(seen.view.protocol, enrolment.part_of(seen.view.enrolment, [site]), Screen())
        told = [seen.view.enrolment.cells[site, arm] for arm in ("usual", "call")]
        assert drawn.figure["data"][0]["x"] == [count or 0 for count in told]
        assert [cell.rstrip("+") for cell in drawn.rows[0][1:3]] == [
            "suppressed (< 10)" if count is None else f"{count:,}" for count in told
        ]


def pages_of(counts: dict[tuple[str, str], int]) -> str:
    """All that the panel sends for a table, unfiltered and for each site: charts, hovers, tables, alt texts, titles."""
    table = table_of(counts)
    protocol = watched.plan(sites=[{"id": row} for row in table.rows])
    told = joined_over_time(table.rows, table.columns, [(DAY, Moment(counts))])
    sent: list[object] = [figure.draw(protocol, table, Screen(), plan_now(90, len(table.rows)))]
    sent += [figure.draw(protocol, enrolment.part_of(table, [row]), Screen()) for row in table.rows]
    sent += [figure.over_time(protocol, told, Screen(), plan_now(90), row) for row in table.rows]
    return repr(sent) + repr(against(plan_now(90, len(table.rows)), table))


def test_brute_force_no_small_table_is_told_from_its_neighbours() -> None:
    """Over all 2 x 2 tables with cells from 0 to 11: every hidden cell could be each of the ten numbers below 10, because
    all of those tables send the very same bytes; totals and each site's filter are among them."""
    sizes = (0, 4, 9, 10, 11)
    sent = {cells: pages_of(table(cells)) for cells in itertools.product(sizes, repeat=4)}
    for cells, page in sent.items():
        for at, count in enumerate(cells):
            if count < LIMIT:
                for other in (0, 4, 9):
                    neighbour = (*cells[:at], other, *cells[at + 1 :])
                    assert sent[neighbour] == page
    assert len(set(sent.values())) == 3**4  # hidden, 10 and 11 are told apart: the panel does say something


def table(cells: tuple[int, ...]) -> dict[tuple[str, str], int]:
    return dict(zip(itertools.product(("N", "S"), ("usual", "call")), cells, strict=True))


@pytest.mark.parametrize("seed", range(4))
def test_an_attacker_with_every_page_and_every_filter_finds_no_hidden_count(seed: int) -> None:
    """Linear programming over random histories: what the panel tells over time, and of each site, are numbers that the
    attacker of docs/scripts/disclosure_evidence.py has already, and these leave ten numbers or more for each hidden one."""
    chance = np.random.default_rng(seed)
    history = attacker.history(chance)
    pages = attacker.pages(history, linked=True)
    told = joined_over_time(pages[0].rows, pages[0].columns, moments(history))
    at = {one.on: one for one in told}
    newest = None
    for now, page in enumerate(pages):
        newest = at.get(DAY + timedelta(days=now), newest)
        if newest is not None:
            assert newest.rows == dict(page.row_totals)
            assert newest.total == page.total
    assert attacker.attack(history, "released", chance, 8)[0] >= LIMIT


def moments(history: attacker.History) -> list[tuple[date, Moment]]:
    found = []
    for now, counts in enumerate(history.counts):
        before = history.counts[now - 1] if now else {}
        came = {place: count - before.get(place, 0) for place, count in counts.items()}
        found.append((DAY + timedelta(days=now), Moment(came, {arm: (n, n) for arm, n in history.told[now].items()})))
    return found


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 25), min_size=4, max_size=4), min_size=1, max_size=6))
def test_the_newest_point_over_time_is_the_table(came: list[list[int]]) -> None:
    """Line and bars can't disagree: both are made by the same steps, whatever came when."""
    moments_ = [Moment(table(tuple(cells))) for cells in came]
    dated = [(DAY + timedelta(weeks=week), moment) for week, moment in enumerate(moments_)]
    told = joined_over_time(("N", "S"), ("usual", "call"), dated)
    whole = joined_table(("N", "S"), ("usual", "call"), moments_)
    assert told[-1].rows == dict(whole.row_totals)
    assert told[-1].total == whole.total


def test_over_time_ends_where_the_bars_are(seen: Who) -> None:
    """The last row of its table is the total of the other; of one site too."""
    drawn = figure.over_time(seen.view.protocol, seen.told, Screen(), seen.pace.plan if seen.pace else None)
    assert drawn is not None
    assert drawn.rows[-1][1] == f"{seen.view.enrolment.total:,}+"
    assert {len(row) for row in drawn.rows} == {len(drawn.columns)}
    assert figure.over_time(seen.view.protocol, seen.told, Screen(), None, "S") is None  # nothing was ever told of it


def test_the_filter_reads_the_table_on_the_page(seen: Who, app: Dash, monkeypatch: pytest.MonkeyPatch) -> None:
    """The callback gives one site's part and hides all of them; nothing chosen brings all of them back."""
    caught: dict[str, Callable[..., Any]] = {}

    class Listening:
        def callback(self, *_: Any, **__: Any) -> Callable[..., Any]:
            def keep(function: Callable[..., Any]) -> Callable[..., Any]:
                caught[function.__name__] = function
                return function

            return keep

    enrolment.listen(Listening())  # type: ignore[arg-type]
    monkeypatch.setattr(enrolment.read_model, "trial", lambda desk, trial: seen.view)
    monkeypatch.setattr(enrolment, "who", lambda desk, view: seen)
    with app.server.test_request_context():
        shown, hidden, shape = caught["narrow"]("S", None, None, watched.TRIAL)
        assert hidden
        assert shape == refresh.shape(shown)
        assert "suppressed (< 10)" in text_of(shown)
        assert caught["narrow"](None, None, None, watched.TRIAL) == ([], False, [])
