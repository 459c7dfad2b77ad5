"""A page asks the ledger once for what its panels share, and remembers what is the same for every reader; nothing else."""

from __future__ import annotations

import json

import pytest
from dash import Dash
from plotly.utils import PlotlyJSONEncoder
from sqlalchemy import event

from dashboards import read_model
from dashboards.panels import PANELS
from dashboards.panels.panel import place
from dashboards.read_model import Desk, NoAccessError
from dashboards.read_model import watch as reads
from dashboards.read_model.trial import card_of
from dashboards.reader import Reader
from dashboards.theme import Screen
from tests.dashboards import making, watched
from trials.store import feasible, sites
from trials.store.engine import Store

TRIAL = watched.TRIAL


@pytest.fixture
def running(empty: Store) -> Desk:
    making.register(empty, watched.plan())
    watched.deliver(empty, TRIAL, [{"N": 20, "S": 15, "W": 15}, {"N": 5, "S": 12, "W": 16}])
    return Desk(empty)


def page(desk: Desk) -> str:
    """All that the page of the trial shows in its panels."""
    view = read_model.trial(desk, TRIAL)
    placed = [place(panel, desk, view, Screen()) for panel in PANELS]
    return json.dumps(placed, cls=PlotlyJSONEncoder, ensure_ascii=False)


def test_what_is_watched_walks_through_nobody_again(running: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of who joined that the page shows is the one that the rules and criteria go by, and the same as a fresh one."""
    view = read_model.trial(running, TRIAL)
    fresh = feasible.facts_between(running.store, view.protocol, making.START.date())
    monkeypatch.setattr(sites, "history", None)
    assert feasible.facts_between(running.store, view.protocol, making.START.date(), view.enrolment) == fresh
    assert reads.watch(running, view).rules


def test_a_page_drawn_again_asks_little_and_says_the_same(
    running: Desk, app: Dash, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most 40 statements with every BEGIN; what it remembers goes as soon as anything is done to the trial."""
    monkeypatch.setattr(reads, "_minute", lambda now: now.date())  # a minute may end between two pages
    first = page(running)
    asked: list[str] = []
    event.listen(running.store.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    assert page(running) == first
    assert len(asked) <= 40
    watched.report_time(running.store, TRIAL, dict.fromkeys(range(1, 9), 30.0))
    making.deliver(running.store, TRIAL, watched.people({"N": 30}, first=1_000), week=3)
    later = page(running)
    assert later != first
    assert later == page(Desk(running.store))


def test_a_view_opens_nothing_to_another_reader(running: Desk) -> None:
    """Whoever comes with the page of somebody else is asked themselves, and what was remembered for the one is not told."""
    view = read_model.trial(running, TRIAL)
    assert card_of(running, view) is view.card
    other = running.for_reader(Reader(kind="link", trials=frozenset({"another"})))
    for read in (card_of, reads.watch, reads.staff_time, reads.lights):
        with pytest.raises(NoAccessError):
            read(other, view)
