"""A page as of an earlier look: what it was when that look was the newest, nothing newer, and nothing by difference."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest
from dash import Dash
from plotly.utils import PlotlyJSONEncoder

from dashboards import read_model, wording
from dashboards.figures import evidence as evidence_figure
from dashboards.pages import trial as page
from dashboards.panels import PANELS, effect, endings, evidence, people
from dashboards.panels.looklog import looklog
from dashboards.panels.looklog import read as read_log
from dashboards.read_model import Desk, NoSuchLookError, TrialView
from dashboards.theme import Screen
from tests.dashboards import making
from trials.disclosure import LIMIT
from trials.evidence import CLAIMS
from trials.records import Record
from trials.store import decisions
from trials.store.engine import Store, open_store

# Panels that are the same on the page of a look when it was the newest and when somebody travels to it.
KEPT = ("effect", "endings", "evidence", "people", "groups", "sites")
SHARES = [(0.7, 0.2), (0.35, 0.40), (0.1, 0.9), (0.4, 0.38), (0.45, 0.36), (0.3, 0.29)]


def text_of(component: object) -> str:
    return json.dumps(component, cls=PlotlyJSONEncoder, ensure_ascii=False)


def content(app: Dash, trial: str, look: str = "") -> str:
    """All that a page would send."""
    with app.server.test_request_context():
        return text_of(page.content(trial, Screen(), look))


def panels_of(store: Store, view: TrialView) -> dict[str, str]:
    with_desk = Desk(store)
    return {panel.name: text_of(page.place(panel, with_desk, view, Screen())) for panel in PANELS if panel.name in KEPT}


def by_number(store: Store, trial: str) -> dict[int, TrialView]:
    desk = Desk(store)
    return {
        look.number: read_model.trial(desk, trial, look=look.number) for look in read_model.trial(desk, trial).every
    }


@pytest.mark.parametrize("share", [(0.9, 0.1), (0.4, 0.38)], ids=["promoted", "open"])
def test_the_page_of_a_look_is_the_page_as_it_was(share: tuple[float, float], empty: Store, app: Dash) -> None:
    """Drawn after each delivery and kept; later every look that is still shown leads to the same sentence, figures, counts and
    panels. Deliveries are small, so that looks are left out, and a verdict takes the place of the look before it."""
    making.register(empty, making.plan("kept"))
    seen: dict[int, tuple[TrialView, dict[str, str]]] = {}
    records = making.people(150, share=share)
    for week, part in making.weekly(records, 14):
        making.deliver(
            empty, "kept", part, week=week, rejections=[making.rejected(1, "arm is 'x': must be usual or call")]
        )
        view = read_model.trial(Desk(empty), "kept")
        assert view.look is not None
        seen[view.look.number] = (view, panels_of(empty, view))
    then = by_number(empty, "kept")
    assert 4 <= len(then) < len(seen)
    for number, travelled in then.items():
        view, panels = seen[number]
        assert travelled.since is not None
        assert replace(travelled, since=None, stale_after=None) == replace(view, stale_after=None)
        assert panels_of(empty, travelled) == panels


@pytest.mark.parametrize("trial", ["plain-dud", "does-harm", "clear-winner", "still-open"])
def test_every_pair_of_pages_lies_ten_people_apart_in_each_group(trial: str, store: Store) -> None:
    """So going back and forth between any two tells of no fewer; who joined is what the page then told (above)."""
    views = by_number(store, trial)
    assert len(views) > 1
    for one, other in combinations(views.values(), 2):
        assert one.shown is not None
        assert other.shown is not None
        for before, now in zip(one.shown.arms, other.shown.arms, strict=True):
            assert abs(now.n - before.n) >= LIMIT


def test_a_look_too_near_to_another_cannot_be_gone_to(empty: Store, app: Dash) -> None:
    """Neither by its number, nor by a link of the log; the page says why, and leads to the newest."""
    making.run(empty, making.plan("near"), making.people(80), size=8)
    desk = Desk(empty)
    view = read_model.trial(desk, "near")
    shown = {look.number for look in view.every}
    assert shown < set(range(1, 11))
    assert {number for number, _ in looklog(desk, view).every} == shown
    for number in set(range(12)) - shown:
        with pytest.raises(NoSuchLookError, match="too few people lie between"):
            read_model.trial(desk, "near", look=number)


@pytest.mark.parametrize("asked", ["99", "-1", "0", "1e3", "²", "x", "9" * 40])
def test_what_is_no_look_is_a_page_that_says_so(asked: str, app: Dash) -> None:
    """In words, with a link to the newest; nothing else of the trial is in it."""
    shown = content(app, "plain-dud", asked)
    said = "is not shown: there is none, or too few people" if asked in ("99", "0") else "There is no such look"
    assert said in shown
    assert "Look -1" not in shown
    assert '"href": "/trial/plain-dud"' in shown
    assert "verdict-word" not in shown


def flipped(records: list[Record]) -> list[Record]:
    return [replace(record, value=1.0 - (record.value or 0.0)) for record in records]


@pytest.mark.parametrize("few", [2, 8, 16])
def test_the_newest_few_peoples_outcomes_leave_no_trace_on_any_page(few: int, tmp_path: Path, app: Dash) -> None:
    """With other outcomes of the few who came last, every page of every look is the same, and so is the log of looks."""
    pages = set()
    newest = making.people(few, first=101)
    for number, last in enumerate((newest, flipped(newest))):
        store = open_store(f"sqlite:///{tmp_path / f'{number}.db'}")
        making.run(store, making.plan("few"), making.people(100), size=20)
        making.deliver(store, "few", last, week=9)
        app.server.extensions["roadtest.desk"], before = Desk(store), app.server.extensions["roadtest.desk"]
        try:
            looks = ["", *(str(number) for number in by_number(store, "few"))]
            pages.add(tuple(content(app, "few", look) for look in looks))
        finally:
            app.server.extensions["roadtest.desk"] = before
            store.close()
    assert len(pages) == 1


def test_nothing_newer_is_on_the_page_of_a_look(store: Store, app: Dash) -> None:
    """No later date, no later number of people, no verdict that came after; the banner alone says that there is more."""
    views = by_number(store, "plain-dud")
    newest = list(views.values())[-1]
    assert newest.look is not None
    number, early = next((number, view) for number, view in views.items() if view.standing == "keep_going")
    shown = content(app, "plain-dud", str(number))
    assert early.look is not None
    assert f"This is look {number}, as of {wording.day(early.look.as_of)}. " in shown
    for later in (
        wording.day(newest.look.as_of),
        wording.short_day(newest.look.as_of),
        "pill tone-drop",
        f'"{newest.look.n}"',
    ):
        assert later not in shown
    assert "Who joined site by site" in shown
    assert "panel-enrolment" not in shown
    assert "panel-looklog" in shown


def test_the_newest_look_can_be_gone_to_as_well(app: Dash) -> None:
    """Its page says that it is the look that it is, and offers none after it."""
    shown = content(app, "plain-dud", "10")
    assert "This is look 10" in shown
    assert "the next one" not in shown
    assert "Look 9, the one before" in shown


def close(store: Store, trial: str, what: Any, **more: str) -> None:
    at = making.START + timedelta(weeks=20)
    words = {
        "lesson": "Calls alone change little here.",
        "reuse": "The list of numbers",
        "reason": "Agreed in the meeting.",
    }
    decisions.decide(store, trial, what, by="anna", at=at, now=at, **{**words, **more})


def test_a_closed_trial_says_what_was_decided_first(empty: Store, app: Dash) -> None:
    """Stopped for safety: that comes first and largest; the evidence's verdict stands below it as what the evidence said. As of
    a look before the decision the trial was open, and the banner tells what came of it."""
    making.run(empty, making.plan("safe"), making.people(200, share=(0.2, 0.6)))
    close(empty, "safe", "stop", reason_code="safety", second="berta")
    app.server.extensions["roadtest.desk"], before = Desk(empty), app.server.extensions["roadtest.desk"]
    try:
        now, then = content(app, "safe"), content(app, "safe", "1")
    finally:
        app.server.extensions["roadtest.desk"] = before
    word = now[now.index("verdict-word") - 200 : now.index("verdict-word")]
    assert "Stopped on 27 May 2024" in word
    assert (
        now.index("Stopped on 27 May 2024")
        < now.index("What the evidence said: ")
        < now.index("pill tone-stop_for_harm")
    )
    assert "serious events that may be due to it" in now
    assert "What the evidence said" not in then
    assert "Since then it was stopped on 27 May 2024. " in then


def says(view: TrialView) -> dict[str, str]:
    """Each place of a page that speaks of the verdict, in its words."""
    rows = text_of(endings.body(view, Screen()))
    return {
        "sentence": view.sentence or "",
        "range": effect.title(view) if effect.absent(view) is None else "",
        "evidence": evidence.title(view),
        "endings": endings.title(view),
        "people": people.how(view) if people.absent(view) is None else "",
        "rows": rows,
    }


STARTS = {
    "promote": "Promote: ",
    "drop": "Drop: ",
    "stop_for_harm": "Stop and tell",
    "cant_tell": ("People must decide: ", "Can't tell: "),
    "keep_going": ("Not yet clear: ", "Too early to say: "),
}


def agrees(view: TrialView) -> None:
    """Nothing on a page contradicts anything else on it: all follows from what fired in the look shown."""
    said, fired = says(view), {name for name, claim in view.claims.items() if claim.fired}
    assert said["sentence"].startswith(STARTS[view.standing])
    verdicts = {"promote": {"benefit"}, "drop": {"dud"}, "cant_tell": fired - {"harm"}, "keep_going": set()}
    assert (fired >= {"harm"}) if view.standing == "stop_for_harm" else (fired == verdicts[view.standing])
    for name in CLAIMS:
        assert (f"“{wording.CLAIM_WORDS[name].lower()}”" in said["evidence"]) == (name in fired)
    assert said["rows"].count("reached at") == len(fired)
    assert (said["endings"] == "What was reached") == (view.standing not in ("keep_going", "setting_up"))
    if said["range"] and "changed over time" not in said["range"]:
        assert ("bad side" in said["range"]) == ("harm" in fired)
        assert ("below" in said["range"]) == ("dud" in fired and "harm" not in fired)
        assert ("still plausible" in said["range"]) == (not fired)
    claim = view.deciding
    assert claim is not None
    assert claim.fired == (view.standing in ("promote", "drop", "stop_for_harm") or "benefit" in fired)
    drawn = evidence_figure.draw(view.protocol, view.looks, Screen())
    assert drawn.alt.count("has what it needs") == len(fired)


@pytest.mark.parametrize("share", SHARES, ids=str)
@pytest.mark.parametrize("seed", [1, 2])
def test_no_page_of_any_look_contradicts_itself(share: tuple[float, float], seed: int, empty: Store) -> None:
    """Sentence, titles, endings, key figures and charts' words follow from the same claims, at every look of simulated trials;
    once a claim has fired it stays so, and where it did never moves back."""
    making.run(empty, making.plan("many"), making.people(320, share=share, seed=seed), size=34)
    views = list(by_number(empty, "many").values())
    assert len(views) >= 8
    for view in views:
        agrees(view)
    for before, now in pairwise(views):
        for name, claim in before.claims.items():
            assert not claim.fired or now.claims[name].crossed_at_n == claim.crossed_at_n


def test_the_log_reaches_every_look_and_marks_what_stands_out(empty: Store) -> None:
    """The table has few rows of many looks, the newest first; changed verdicts are among them, and the list has them all."""
    making.run(empty, making.plan("long"), making.people(400, share=(0.35, 0.42)), size=20)
    log = looklog(Desk(empty), read_model.trial(Desk(empty), "long"))
    assert [number for number, _ in log.every] == list(range(1, 21))
    numbers = [row.number for row in log.rows]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == 14
    assert {1, *range(15, 21)} <= set(numbers)
    verdicts = [read_model.trial(Desk(empty), "long", look=number).standing for number, _ in log.every]
    changed = {place + 2 for place, (one, other) in enumerate(pairwise(verdicts)) if one != other}
    assert {row.number for row in log.rows if "verdict changed" in row.marks} == changed
    assert all(row.sentence.endswith(".") for row in log.rows)


def test_the_log_says_one_place_where_a_claim_fired(empty: Store) -> None:
    """Every row from there on names the first look shown in which it had, as the page's own sentence does, and a page as of an
    earlier look says it the same."""
    making.run(empty, making.plan("won"), making.people(240, share=(0.7, 0.2)), size=16)
    desk = Desk(empty)
    view = read_model.trial(desk, "won")
    place = view.claims["benefit"].crossed_at_n
    fired = [row for row in read_log(desk, view).rows if row.standing == "promote"]
    assert len(fired) >= 3
    assert all(f"by the look after {place} people" in row.sentence for row in fired)
    assert fired[-1].people == place
    earlier = read_model.trial(desk, "won", look=fired[1].number)
    assert read_log(desk, earlier).rows[0].sentence == fired[1].sentence
    assert read_log(desk, view).rows[0].sentence == wording.first_sentence(view.sentence or "")


def test_an_unchanged_part_is_not_sent_again(app: Dash) -> None:
    """A redraw compares what each part would say; the same data give the same prints, another scheme others."""
    with app.server.test_request_context():
        one, two = (page._prints(page.content("plain-dud", Screen())) for _ in range(2))
        dark = page._prints(page.content("plain-dud", Screen("dark")))
    assert one == two
    assert dark["panel-effect"][0] == one["panel-effect"][0]
    assert dark["panel-effect"][1] != one["panel-effect"][1]
    assert dark["trial-top"] == one["trial-top"]
