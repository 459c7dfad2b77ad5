"""The plan on the page: what was amended is marked, an altered plan says so, and links are told no way to the data."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from dash import Dash
from plotly.utils import PlotlyJSONEncoder
from sqlalchemy import text

from dashboards import read_model
from dashboards.panels.panel import place
from dashboards.panels.plan import PANEL
from dashboards.read_model import Desk
from dashboards.read_model.plans import KEPT_BACK, in_words, plan
from dashboards.reader import Reader
from dashboards.theme import Screen
from tests.dashboards import making
from trials.protocol import from_yaml
from trials.store import amendments, granting
from trials.store.engine import Store

SECRET_PLACE = "shelf/seven"


@pytest.fixture
def amended(empty: Store) -> Store:
    """A trial with two looks, amended after them: its owner, and where its data come from."""
    before = making.plan("changed-once")
    making.run(empty, before, making.people(80))
    source = before.source.model_copy(update={"path": SECRET_PLACE})
    amendments.amend(
        empty,
        "changed-once",
        before.model_copy(update={"owner": "Another owner", "source": source}),
        reason="The team moved to another house",
        impact="None on what is judged",
        by="anna",
        approved_by="berta",
        at=making.START + timedelta(weeks=3),
    )
    return empty


def drawn(desk: Desk, trial: str) -> str:
    """What the panel would show, as JSON."""
    section = place(PANEL, desk, read_model.trial(desk, trial), Screen())
    return json.dumps(section, cls=PlotlyJSONEncoder, ensure_ascii=False)


def test_every_amended_field_is_marked_with_what_it_was(amended: Store, app: Dash) -> None:
    """Before and after, the reason, the impact, who wrote and who approved it, and between which looks."""
    shown = drawn(Desk(amended), "changed-once")
    for said in (
        "amended after look 2, before look 3",
        "Test owner",
        "Another owner",
        "The team moved to another house",
        "None on what is judged",
        "Written by anna on 29 January 2024, approved by berta.",
        "amended once since",
    ):
        assert said in shown
    found = plan(Desk(amended), read_model.trial(Desk(amended), "changed-once"))
    assert found.marks_of("owner") == ("after look 2, before look 3",)
    assert found.marks_of("primary") == ()
    assert [one.path for one in found.amended[0].changes] == ["owner", "source.path"]


def test_who_registered_and_who_sealed_it_stand_there(amended: Store, app: Dash) -> None:
    """Of the version that was sealed first, and a line for each version with its own seal."""
    found = plan(Desk(amended), read_model.trial(Desk(amended), "changed-once"))
    assert found.sealed is not None
    assert (found.sealed.written_by, found.sealed.sealed_by) == ("test", "second reader")
    assert [(one.number, one.mark) for one in found.versions] == [(1, ""), (2, "after look 2, before look 3")]
    shown = drawn(Desk(amended), "changed-once")
    for one in found.versions:
        assert one.sha256[:12] in shown
    assert found.versions[-1].sha256 in shown


def test_the_whole_plan_is_the_one_that_was_sealed(amended: Store) -> None:
    """The text reads back as the very plan, so that whoever downloads it can compare the seal."""
    found = plan(Desk(amended), read_model.trial(Desk(amended), "changed-once"))
    assert found.newest is not None
    assert from_yaml(found.text).seal() == found.newest.sha256
    assert "# Amended after look 2, before look 3: owner, source.path" in found.text


def test_an_altered_plan_says_so_and_nothing_else(amended: Store, app: Dash) -> None:
    """Somebody lowers the bar in the database: the panel says 'plan hash mismatch' and shows no fact of the plan."""
    with amended.engine.begin() as connection:
        connection.execute(text("UPDATE protocol_version SET canonical = replace(canonical, '400', '40')"))
    shown = drawn(Desk(amended), "changed-once")
    assert "Plan hash mismatch" in shown
    assert "This plan is not the one that was sealed" in shown
    assert "Worth having" not in shown
    assert "plan-text" not in shown


def test_where_data_come_from_is_not_told_by_a_link(amended: Store, app: Dash) -> None:
    """Neither in the text nor in what was amended; nor to a stakeholder, whose role fetches nothing. An operator reads it."""
    granting.give(amended, "tests", "lea", "lead", by="lea", at=making.START)
    granting.give(amended, "tests", "olga", "operator", by="lea", at=making.START)
    granting.give(amended, "tests", "stan", "stakeholder", by="lea", at=making.START)
    by_link = Reader(kind="link", trials=frozenset({"changed-once"}))
    for reader, told in ((by_link, False), (Reader("stan", "account"), False), (Reader("olga", "account"), True)):
        shown = drawn(Desk(amended).for_reader(reader), "changed-once")
        assert (SECRET_PLACE in shown) is told
        assert (KEPT_BACK in shown) is not told
        assert "Another owner" in shown


def test_a_plan_that_nobody_sealed_says_so(desk: Desk, app: Dash) -> None:
    """It names who wrote it, and that another one can take its place."""
    shown = drawn(desk, "being-planned")
    assert "The plan is not sealed yet" in shown
    assert "another plan can take its place" in shown


def test_values_of_a_plan_are_said_in_words() -> None:
    """What is not there, empty parts and nested parts too."""
    assert in_words(None) == "not there"
    assert in_words({"per_month": 50.0, "note": "", "parts": [{"id": "a"}]}) == "per month: 50; parts: (id: a)"
    assert in_words(True) == "yes"


def test_this_panel_asks_the_store_as_often_however_old_the_trial(amended: Store, tmp_path: Path) -> None:
    """The number of statements does not grow with the looks."""
    from sqlalchemy import event

    asked: list[str] = []
    event.listen(amended.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    counts = []
    for week in (4, 5, 6):
        making.deliver(amended, "changed-once", making.people(10, first=1 + 10 * (week + 5)), week=week)
        view = read_model.trial(Desk(amended), "changed-once")
        asked.clear()
        plan(Desk(amended), view)
        counts.append(len(asked))
    assert len(set(counts)) == 1
