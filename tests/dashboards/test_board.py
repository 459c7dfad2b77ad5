"""The board: one verdict beside its own evidence, decisions first, nothing that gives small numbers away, only news travels."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from dash import Dash
from plotly.utils import PlotlyJSONEncoder

from dashboards import read_model, wording
from dashboards.app import create_app
from dashboards.board import asked, top, words
from dashboards.board.grid import row_data
from dashboards.pages import portfolio
from dashboards.read_model import Board, Desk, Row
from dashboards.read_model import desk as desk_module
from dashboards.read_model.programme import achieved
from dashboards.reader import Reader
from flows.doing import ByHand
from flows.settings import Settings
from tests.dashboards import making
from trials.evidence import Look
from trials.programme import Days, Released
from trials.store import decisions, granting, reading
from trials.store.engine import Store, open_store

VERDICTS = ("promote", "keep_going", "drop", "cant_tell", "stop_for_harm")
LATE = making.START + timedelta(weeks=60)
SHAPED = ("as_of", "as_of_sort", "next", "next_sort", "stamp", "since")


def rows_of(found: Board) -> dict[str, Row]:
    return {row.id: row for row in found.rows}


def text_of(shown: Any) -> str:
    return json.dumps(shown, cls=PlotlyJSONEncoder, ensure_ascii=False)


def with_verdicts(store: Store, monkeypatch: pytest.MonkeyPatch, change: Callable[[Look], Look]) -> dict[str, Row]:
    """The board of a store whose newest looks were altered."""
    cards = [replace(card, look=card.look and change(card.look)) for card in reading.cards(store)]
    monkeypatch.setattr(reading, "cards", lambda _: cards)
    return rows_of(read_model.board(Desk(store)))


@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_planted_verdict_stands_beside_no_evidence(
    verdict: Any, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever verdict is planted in every look: where its claims lead elsewhere the row says 'not shown', with no number."""
    true = rows_of(read_model.board(Desk(store)))
    for trial, row in with_verdicts(store, monkeypatch, lambda look: replace(look, verdict=verdict)).items():
        # Of a trial in which nothing has fired both are right: carry on, or at its end let people decide.
        agreeing = {"keep_going", "cant_tell"} if true[trial].standing in ("keep_going", "cant_tell") else set()
        if true[trial].standing == "setting_up":
            assert row == true[trial]
        elif verdict in {true[trial].standing, *agreeing}:
            assert (row.fault, row.standing) == (None, verdict)
        else:
            assert (row.fault, row.word, row.sentence) == (words.FAULT, "Not shown", words.FAULT)
            assert (row.effect, row.people, row.balance.promote, row.balance.drop, row.balance.harm) == (
                "–",
                "–",
                0,
                0,
                0,
            )
            assert not row.waits


def test_the_verdict_is_held_against_the_evidence_that_is_shown_too(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look that agrees with itself, beside earlier ones that are shown and say otherwise, is not shown either."""
    promoted = next(card.look for card in reading.cards(store) if card.id == "clear-winner")
    assert promoted is not None
    plant = lambda look: replace(look, verdict="promote", claims=promoted.claims, guardrails=())  # noqa: E731
    found = with_verdicts(store, monkeypatch, plant)
    assert found["clear-winner"].fault is None
    assert found["still-open"].fault == words.FAULT


def test_every_row_shows_the_evidence_that_its_verdict_needs(desk: Desk) -> None:
    """An answer has reached the end of its own bar, 'keep going' none; the sentence of the picture says the same."""
    for row in read_model.board(desk).rows:
        reached = {name for name in ("promote", "drop", "harm") if getattr(row.balance, name) >= 1.0}
        needs = {"promote": {"promote"}, "drop": {"drop"}, "stop_for_harm": {"harm"}}.get(row.standing, set())
        assert needs <= reached
        assert bool(reached) == (row.standing in ("promote", "drop", "stop_for_harm")), row.id
        assert row.balance.said.count("reached") == len(reached)
        assert row.furthest in (
            "no evidence yet",
            row.furthest if row.furthest.split(":")[0] in row.balance.said else "",
        )


def test_a_few_more_people_leave_no_trace_on_the_board(tmp_path: Path) -> None:
    """Pages of two moments that differ by a handful of people are the same but for dates, at every site: what was hidden
    can't be had by taking one from the other. Ten more in each arm show."""
    store = open_store(f"sqlite:///{tmp_path / 'moments.db'}")
    making.run(store, making.plan("moments"), making.people(60))
    pages = [page_of(store)]
    for week, (first, few) in enumerate(((61, 2), (63, 6), (69, 4)), start=5):
        making.deliver(store, "moments", making.people(few, first=first), week=week)
        pages.append(page_of(store))
    assert pages[0] == pages[1] == pages[2] == pages[3]
    making.deliver(store, "moments", making.people(20, first=73), week=9)
    assert page_of(store) != pages[0]
    store.close()


def page_of(store: Store) -> str:
    """All that the board sends, but for dates."""
    found, brought = read_model.board(Desk(store), now=LATE), achieved(Desk(store))
    rows = [{name: value for name, value in row_data(row).items() if name not in SHAPED} for row in found.rows]
    above = [top.strip(found), top.achievements(brought), top.summary(found)]
    return text_of([rows, above, asked.options(found.rows)])


def closing(store: Store, people: int, trial: str = "dud") -> None:
    """A trial of so many people that was dropped."""
    costs = {"per_person": 100, "staff_hours_per_person": 2}
    dud = making.plan(trial, monitoring={"max_participants": 800}, costs=costs)
    making.run(store, dud, making.people(people, share=(0.35, 0.40)), size=200)
    lesson, code = "Calls help nobody without a telephone", "no_benefit"
    said: dict[str, Any] = {"reason_code": code, "lesson": lesson, "reuse": "The script"}
    decisions.decide(store, trial, "drop", by="lea", at=LATE, now=LATE, **said)


def test_a_closed_trial_says_what_was_decided_and_waits_for_nobody(empty: Store) -> None:
    """The decision is its word, its first sentence and its tile; its evidence stands behind, no tile counts it as 'Drop'."""
    closing(empty, 400)
    found = read_model.board(Desk(empty))
    row = found.rows[0]
    assert (row.standing, row.word, row.tone, row.waits) == ("drop", "Dropped", "closed", False)
    assert row.decided.startswith("Dropped on ")
    assert row.decided.endswith("The evidence said then: Drop.")
    assert "does not help enough" in row.decided
    assert (sum(found.counts.values()), found.decided, found.waits) == (0, {"Dropped": 1}, 0)
    drop, decided = (text_of(tile) for tile in (top.strip(found)[2], top.strip(found)[-1]))
    assert ("Drop" in drop, '"0"' in drop, "1 dropped" in decided) == (True, True, True)
    assert top.waiting(found, acting=True) == []
    assert row.next == "none planned"


def test_what_was_released_is_told_in_tens(tmp_path: Path) -> None:
    """In open programmes too: 401 and 406 people who joined release the same, and hours and money follow from that."""
    said = set()
    for people in (400, 402, 406):
        store = open_store(f"sqlite:///{tmp_path / f'{people}.db'}")
        closing(store, people)
        found = achieved(Desk(store))
        released = found.figures[0].released
        assert released.about
        assert released.people % 10 == 0
        assert (released.staff_hours, dict(released.money)) == (2 * released.people, {"EUR": 100 * released.people})
        said.add(text_of(top.achievements(found)))
        store.close()
    assert len(said) == 1
    assert f"about {released.people:,} people" in said.pop()


def test_real_and_simulated_trials_are_told_apart_above_the_rows(empty: Store) -> None:
    """Each has figures of its own; where nothing is closed a sentence says so, and replays of finished trials are left out."""
    making.run(empty, making.plan("made-up", simulated=True), making.people(20))
    making.run(empty, making.plan("replay", retrospective=True), making.people(20))
    assert "Nothing is decided yet" in text_of(top.achievements(achieved(Desk(empty))))
    assert [one.simulated for one in achieved(Desk(empty)).figures] == [True]
    closing(empty, 400)
    found = achieved(Desk(empty))
    assert [(one.simulated, one.trials, one.closed) for one in found.figures] == [(False, 1, 1), (True, 1, 0)]
    shown = text_of(top.achievements(found))
    assert "1 real trial" in shown
    assert "simulated" not in shown


def test_figures_are_of_the_trials_that_the_reader_sees(empty: Store) -> None:
    """A link to one trial tells nothing of another's; who has no role in a programme is told how many are left out."""
    closing(empty, 400)
    making.run(empty, making.plan("other"), making.people(20))
    link = Desk(empty).for_reader(Reader("", "link", trials=frozenset({"other"})))
    reached = achieved(link).figures
    assert [(one.trials, one.closed) for one in reached] == [(1, 0)]
    granting.give(empty, "tests", "lea", "lead", by="lea", at=making.START)
    assert achieved(Desk(empty)).left == 2
    assert "2 trials left out" in text_of(top.achievements(replace(achieved(Desk(empty)), figures=reached)))


def test_answers_that_nobody_has_decided_on_wait_harm_first_then_the_oldest(empty: Store) -> None:
    """At most three are shown, with how long the verdict has stood; 'keep going' and replays of finished trials don't wait."""
    for number in range(3):
        sure = making.plan(f"winner-{number}")
        making.register(empty, sure)
        for week, part in making.weekly(making.people(160, share=(0.8, 0.1)), 80):
            making.deliver(empty, sure.trial, part, week=week + 3 - number)
    making.run(empty, making.plan("harmful"), making.people(160, share=(0.1, 0.9)), size=160)
    making.run(empty, making.plan("going"), making.people(40))
    making.run(empty, making.plan("replay", retrospective=True), making.people(160, share=(0.9, 0.1)))
    found = read_model.board(Desk(empty), now=making.START + timedelta(days=30))
    assert [each.row.id for each in found.waiting] == ["harmful", "winner-2", "winner-1"]
    assert [each.how_long for each in found.waiting] == ["waiting 30 days", "waiting 23 days", "waiting 16 days"]
    assert found.waits == 4
    shown = text_of(top.waiting(found, acting=False))
    assert "4 trials have reached an answer and are still open; possible harm first, then the oldest." in shown
    assert ("/decide/" in shown, "/decide/harmful" in text_of(top.waiting(found, acting=True))) == (False, True)


def test_only_a_trial_whose_token_moved_is_read_and_made_again(empty: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the others not even the plan is read. A new day makes rows anew, as what is due then may be overdue."""
    for trial in ("one", "two", "three"):
        source = {"connector": "folder", "path": "made", "every": "7 days"}
        making.run(empty, making.plan(trial, source=source), making.people(40))
    desk, whole = Desk(empty), reading.cards
    soon = making.START + timedelta(days=1)
    before = rows_of(read_model.board(desk, now=soon))
    asked_for: list[Any] = []

    def spied(store: Store, ids: Any = None) -> list[reading.TrialCard]:
        asked_for.append(ids)
        return whole(store, ids)

    monkeypatch.setattr(reading, "cards", spied)
    assert rows_of(read_model.board(desk, now=soon))["one"] is before["one"]
    assert asked_for == []
    making.deliver(empty, "two", making.people(40, first=41), week=5)
    after = rows_of(read_model.board(desk, now=soon))
    assert asked_for == [["two"]]
    assert [after[trial] is before[trial] for trial in ("one", "two", "three")] == [True, False, True]
    assert after["two"].stamp != before["two"].stamp
    late = rows_of(read_model.board(desk, now=making.START + timedelta(days=8)))
    assert (before["one"].late, late["one"].late) == (False, True)
    assert (before["one"].next, late["one"].next) == ("by 15 Jan 2024", "was due 15 Jan 2024")


def test_readers_who_may_see_more_share_nothing_with_those_who_may_not(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A remembered row of somebody who sees results by arm is not the row of somebody who doesn't."""
    desk = Desk(store)
    seen: list[bool] = []
    whole = desk_module.effect_of

    def spied(*given: Any, arms: bool) -> Any:
        seen.append(arms)
        return whole(*given, arms=arms)

    monkeypatch.setattr("dashboards.read_model.row.effect_of", spied)
    view = importlib.import_module("dashboards.read_model.board")
    for arms in (True, False):
        monkeypatch.setattr(view, "arms_shown", lambda _, cards, a=arms: {c.id: a for c in cards})
        read_model.board(desk)
    assert (seen.count(True), seen.count(False)) == (7, 7)


def test_an_address_asks_for_what_there_is(desk: Desk) -> None:
    """Several of a name are all meant; what no trial has, and orders that nobody knows, are left out."""
    rows = read_model.board(desk).rows
    wanted = asked.asked(
        {"q": "call", "site": ["North", "Atlantis"], "verdict": "Drop", "sort": "luck", "x": "1"}, rows
    )
    assert (wanted.search, wanted.sort, wanted.group) == ("call", "", "")
    assert {name: chosen for name, chosen in wanted.chosen.items() if chosen} == {
        "site": ["North"],
        "verdict": ["Drop"],
    }
    assert asked.options(rows)["verdict"] == [
        word for word in wording.VERDICT_WORDS.values() if any(row.word == word for row in rows)
    ]


def empty_page(store: Store, folder: Path, reader: Reader, *, acting: bool = False) -> str:
    app = create_app(store, doing=ByHand(store, Settings(home=folder)) if acting else None, reader=reader)
    with app.server.test_request_context("/"):
        return text_of(portfolio.layout())


def test_a_board_without_rows_says_why_and_what_to_do(empty: Store, tmp_path: Path) -> None:
    """Nothing there: a form or the command; nothing for this reader: whom to ask; a link that leads nowhere."""
    assert "/new" in empty_page(empty, tmp_path, Reader("lea"), acting=True)
    shown = empty_page(empty, tmp_path, Reader("lea"))
    assert ("roadtest register" in shown, "/new" in shown) == (True, False)
    assert "This link leads to no trial" in empty_page(empty, tmp_path, Reader("", "link"))
    making.run(empty, making.plan("closed-shop"), making.people(20))
    granting.give(empty, "tests", "lea", "lead", by="lea", at=making.START)
    shown = empty_page(empty, tmp_path, Reader("eve", "account"))
    assert ("No role yet" in shown, "closed-shop" in shown, "Closed shop" in shown) == (True, False, False)


def test_the_browser_sends_back_a_stamp_a_row_and_gets_what_changed(empty: Store, app: Dash) -> None:
    """Not the rows: 1,000 of them would be megabytes at every change."""
    making.run(empty, making.plan("one"), making.people(40))
    making.run(empty, making.plan("two"), making.people(40))
    found = read_model.board(Desk(empty)), achieved(Desk(empty))
    stamps = portfolio._stamps(*found)
    assert {len(stamp) for stamp in stamps["rows"].values()} == {9}
    making.deliver(empty, "two", making.people(40, first=41), week=5)
    later = portfolio._stamps(read_model.board(Desk(empty)), achieved(Desk(empty)))
    assert [stamps["rows"][trial] == later["rows"][trial] for trial in ("one", "two")] == [True, False]


def test_words_for_what_was_released() -> None:
    """Fewer than planned is told as more needed; hours and money are left out where no plan has costs."""
    known = Released(
        people=-40, staff_hours=-80.0, money=(("EUR", -4000.0), ("SEK", 50.0)), trials=2, beyond=1, about=True
    )
    head, more = words.released(known)
    assert head == "about 40 people more than planned"
    assert "about 80 staff hours more than planned, about −€4,000, about 50 SEK" in more
    assert "1 trial took more than planned, which is taken off" in more
    assert "staff hours" not in words.released(replace(known, uncosted=2))[1]
    assert words.released(Released(small=2)) == ("can't be told", "so few people joined that it would tell how many")
    assert words.released(Released(clusters=4, trials=1))[0] == "4 clusters"


def test_words_for_how_long_a_decision_took() -> None:
    """The middle and both ends; where an idea was never noted its registration counts, and that is said."""
    assert words.from_idea(Days(143.0, 20, 300, 5, 5)) == (
        "143 days",
        "from idea to decision, the middle of 5; the fastest took 20, the slowest 300",
    )
    assert words.from_idea(Days(20.0, 20, 20, 1, 0))[1] == (
        "from idea, or where none was noted from registration, to the one decision so far"
    )


def test_no_tile_claims_more_than_the_evidence_can(desk: Desk) -> None:
    """They speak of evidence and of people deciding; none says that anything was caused or proven."""
    said = " ".join(wording.VERDICT_MEANS.values()).lower()
    for claimed in ("proven", "it helps", "does harm", "works", "because of it", "causes"):
        assert claimed not in said
