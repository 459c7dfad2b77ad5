"""The flow of people: every box a release or a number of the look shown, and no sum of them gives a hidden one away."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from dash import Dash
from plotly.utils import PlotlyJSONEncoder

from dashboards import read_model
from dashboards.figures.consort import draw
from dashboards.panels import consort
from dashboards.panels.panel import place
from dashboards.read_model import Desk
from dashboards.read_model.who import through
from dashboards.theme import Screen
from tests.dashboards import making, watched
from trials.disclosure import LIMIT, Moment, SafeTable, joined_table, safe_table, stepped
from trials.disclosure.flow import flow
from trials.records import Record
from trials.store.engine import open_store

ARMS = ("usual", "call")


def text_of(component: object) -> str:
    return json.dumps(component, cls=PlotlyJSONEncoder, ensure_ascii=False)


def table_of(joined: tuple[int, int]) -> SafeTable:
    return joined_table(("",), ARMS, [Moment({("", arm): count for arm, count in zip(ARMS, joined, strict=True)})])


def missing_of(counts: tuple[int, ...]) -> Mapping[str, int | None]:
    return {arm: stepped([count]).shown for arm, count in zip((*ARMS, ""), counts, strict=True)}


def test_the_boxes_are_the_pages_own_numbers(desk: Desk, app: Dash) -> None:
    """Joined as in the enrolment table, results as in the look shown, missing as in the data quality panel."""
    view = read_model.trial(desk, "plain-dud")
    about = through(desk, view)
    shown = view.effect
    assert shown is not None
    for branch, arm in zip(about.flow.branches, shown.arms, strict=True):
        assert branch.arm == arm.arm
        assert branch.with_result == arm.n
        assert branch.joined == max(arm.n, view.enrolment.column_totals[arm.arm] or 0)
        assert branch.missing == view.quality.missing.cells[arm.arm]
    assert about.flow.with_result == shown.n
    assert f"{shown.n:,} of them have a result" in consort.title(about)


def test_boxes_sentence_and_table_come_from_one_object(desk: Desk, app: Dash) -> None:
    """Every number of a box stands in the table's column of its arm, and in the sentence for screen readers."""
    view = read_model.trial(desk, "plain-dud")
    about = through(desk, view)
    drawn = draw(view.protocol, about.flow, view.quality.reasons.total, about.left)
    assert {len(row) for row in drawn.rows} == {len(drawn.head)}
    for column, (name, boxes) in enumerate(drawn.columns, start=1):
        assert drawn.head[column] == name
        listed = [row[column] for row in drawn.rows]
        assert [box.number for box in boxes[:3]] == listed[:3]
        assert all(f"{box.number} {box.what}" in drawn.sentence for box in boxes)
    body = text_of(place(consort.PANEL, desk, view, Screen("dark", True)))
    assert drawn.sentence in body
    assert "Show the flow as a table" in body


def test_who_waits_is_never_a_number(desk: Desk, app: Dash) -> None:
    """It moves with each person, up and down."""
    view = read_model.trial(desk, "still-open")
    drawn = draw(view.protocol, through(desk, view).flow, None, ())
    waiting = next(row for row in drawn.rows if row[0].startswith("Waiting"))
    assert set(waiting[1:]) == {"not told"}


def test_brute_force_sums_of_boxes_give_no_hidden_box_away() -> None:
    """All that is drawn is the same for each number that a hidden box could have, the others staying as they are."""
    protocol = making.plan("flow")
    sizes, joined = (0, 5, 9, 10, 11), ((30, 30), (4, 30), (9, 9), (0, 12))

    def sent(people: tuple[int, int], missing: tuple[int, ...]) -> str:
        found = flow(table_of(people), None, missing_of(missing), by_arm=True)
        return repr(draw(protocol, found, None, ()))

    pages = {(people, gone): sent(people, gone) for people in joined for gone in itertools.product(sizes, repeat=3)}
    for (people, gone), page in pages.items():
        for at, other in itertools.product(range(3), (0, 5, 9)):
            if gone[at] < LIMIT:
                assert pages[people, (*gone[:at], other, *gone[at + 1 :])] == page
    assert sent((4, 30), (0, 0, 0)) == sent((9, 30), (0, 0, 0)) == sent((0, 30), (0, 0, 0))


@pytest.mark.parametrize("few", [1, 4, 9])
def test_who_waits_can_not_be_worked_out_from_two_pages(few: int, tmp_path: Path, app: Dash) -> None:
    """With a few people more who joined and wait, fewer than ten in each group, the panel sends the same bytes."""
    sent = set()
    for number, more in enumerate((0, few)):
        store = open_store(f"sqlite:///{tmp_path / f'{number}.db'}")
        making.register(store, making.plan("waiting", sites=[]))
        making.deliver(store, "waiting", making.people(60), week=0)
        waiting = [replace(one, value=None) for one in making.people(more, first=61)]
        making.deliver(store, "waiting", waiting or [again()], week=1)
        sent.add(text_of(place(consort.PANEL, Desk(store), read_model.trial(Desk(store), "waiting"), Screen())))
        store.close()
    assert len(sent) == 1


def again() -> Record:
    """Somebody who is known already, told again."""
    return making.people(1)[0]


def test_results_kept_back_are_not_told_by_arm(desk: Desk, app: Dash) -> None:
    """Then the flow parts where people were allocated and not where results are; nothing of it is sent."""
    view = read_model.trial(desk, "plain-dud")
    shown = view.shown
    assert shown is not None
    drawn = draw(view.protocol, through(desk, replace(view, arms=False)).flow, None, ())
    assert all([box.what for box in boxes] == ["joined"] for _, boxes in drawn.columns)
    assert [row[1:] for row in drawn.rows[1:3]] == [
        ("not by group", "not by group", f"{shown.n:,}"),
        ("not by group", "not by group", "not added up"),
    ]


def test_a_flow_is_made_from_releases_alone() -> None:
    """A table that is protected for one showing only is refused."""
    with pytest.raises(ValueError, match="released"):
        flow(safe_table({("", "usual"): 30, ("", "call"): 30}), None, {}, by_arm=True)


def test_nobody_yet_and_too_few_are_told_apart(desk: Desk) -> None:
    """Two designed states: before the first delivery, and while the numbers are small."""
    for trial, sign in (("being-planned", "empty"), ("tiny-numbers", "hidden")):
        missing = consort.absent(through(desk, read_model.trial(desk, trial)))
        assert missing is not None
        assert missing.sign == sign


def test_the_flow_of_a_trial_with_sites_adds_up_what_is_shown(tmp_path: Path) -> None:
    """Joined by arm is the sum over sites of what the enrolment panel shows, never a fresh count."""
    store = open_store(f"sqlite:///{tmp_path / 'sites.db'}")
    making.register(store, watched.plan())
    watched.deliver(store, watched.TRIAL, [{"N": 20, "S": 4, "W": 9}])
    view = read_model.trial(Desk(store), watched.TRIAL)
    found = through(Desk(store), view).flow
    assert [branch.joined for branch in found.branches] == [20, 20]
    assert found.joined == view.enrolment.total == 40
    store.close()
