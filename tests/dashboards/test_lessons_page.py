"""Lessons: failures first, every sentence from looks that are shown, nobody named, and nothing of what one may not see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dashboards.pages import lessons as page
from dashboards.read_model import Desk
from dashboards.read_model.lessons import Asked, lessons
from dashboards.reader import Reader
from dashboards.refresh import walk
from tests.dashboards import making
from trials.acts.ideas import Idea, IdeaEnded
from trials.store import decisions, granting, ideas
from trials.store.engine import Store, open_store

AT = making.START + timedelta(weeks=40)
DRIVER = Idea(
    text="Drive people to their appointment in a van", title="Lifts", hoped_for="fewer missed", programme="north"
)


def close(store: Store, trial: str, what: Any, code: str, lesson: str, **more: Any) -> None:
    more = {"reason": "By the rule that was agreed.", "reuse": "The letter that people got.", **more}
    decisions.decide(
        *(store, trial, what),
        by="anna",
        at=AT + timedelta(hours=ord(trial[0])),
        reason_code=code,
        lesson=lesson,
        **more,
    )


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Trials promoted, dropped, stopped for harm and still open; ideas unwanted, already known and untried."""
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('lessons') / 'roadtest.db'}")
    making.run(store, making.plan("calls-that-help", programme="north"), making.people(240, share=(0.7, 0.2)))
    making.run(
        store,
        making.plan("plain-dud", simulated=True, programme="north", question="Do postcards help?"),
        making.people(400, share=(0.35, 0.40)),
    )
    making.run(store, making.plan("does-harm", programme="south"), making.people(160, share=(0.1, 0.9)))
    making.run(store, making.plan("still-open", programme="south"), making.people(80, share=(0.4, 0.38)))
    close(store, "calls-that-help", "promote", "worked", "Call in the evening: people are at home.")
    close(store, "plain-dud", "drop", "no_benefit", "Reminders by post come too late.", dissent="One nurse liked them.")
    close(store, "does-harm", "stop", "harm", "Calls at night wake people.")
    ideas.note(store, "lifts", DRIVER, by="anna", at=AT)
    ideas.note(store, "robots", Idea(text="A robot that visits", programme="north"), by="anna", at=AT)
    robots = IdeaEnded(reason_code="not_wanted", reason="people said no", lesson="Ask people first.")
    ideas.end(store, "robots", robots, by="anna", at=AT + timedelta(days=1))
    ideas.note(store, "letters", Idea(text="Plainer letters", title="Letters", programme="south"), by="anna", at=AT)
    known = IdeaEnded(reason_code="known_already", reason="three towns tried it", lesson="Plain letters work.")
    ideas.end(store, "letters", known, by="anna", at=AT)
    yield store
    store.close()


def keys(store: Store, asked: Asked | None = None, reader: Reader | None = None) -> list[str]:
    desk = Desk(store) if reader is None else Desk(store).for_reader(reader)
    return [one.key for one in lessons(desk, asked).lessons]


def said(parts: Any) -> str:
    """All words in components, with those in labels and titles."""
    found = []
    for part in walk(parts):
        inside = part.children if hasattr(part, "children") else None
        found += [each for each in (inside if isinstance(inside, list) else [inside]) if isinstance(each, str)]
        found += [text for name in ("title", "aria-label") if (text := getattr(part, name, None))]
    return " ".join(found)


def test_failures_come_first_and_the_newest_of_them_first(ended: Store) -> None:
    """Dropped, stopped and unwanted before promoted and already known."""
    assert keys(ended) == ["plain-dud", "does-harm", "idea:robots", "calls-that-help", "idea:letters"]


def test_the_page_begins_with_a_sentence(ended: Store, empty: Store) -> None:
    """How many ended, and how many of them failed; also where nothing has."""
    found = lessons(Desk(ended))
    assert page.summary(found) == "5 trials and ideas have ended. 3 of them did not work; here is why."
    nothing = lessons(Desk(empty))
    assert page.summary(nothing).startswith("No trial or idea has ended yet.")
    assert "Nothing has ended yet" in said(page.listed(nothing, Asked()))


def test_a_card_says_what_was_tried_why_it_ended_and_what_to_use_again(ended: Store) -> None:
    """With the evidence's own sentence and label, the reason in words, and who saw it otherwise."""
    found = lessons(Desk(ended))
    card = next(one for one in found.lessons if one.key == "plain-dud")
    text = said(page._card(card))
    for part in (
        *("Reminders by post come too late.", "Do postcards help?", "Phone call", "The letter that people got."),
        *("It does not help enough to be worth it", "By the rule that was agreed.", "One nurse liked them.", "Dropped"),
        *("Drop: not worth it", "Evidence: randomised", "simulated", "Proof of concept"),
    ):
        assert part in text, part


def test_the_evidence_of_a_card_is_that_of_a_look_a_page_shows(ended: Store) -> None:
    """No number of people in it but one of a shown look: the decision's own exact counts stay inside."""
    desk = Desk(ended)
    for card in lessons(desk).lessons:
        if card.trial and card.evidence:
            shown = {look.n for look in desk.chosen[card.trial].looks}
            told = {int(each.replace(",", "")) for each in re.findall(r"([\d,]+) people", card.evidence)}
            assert told, card.key
            assert told <= shown


def test_looks_after_the_decision_change_no_card(ended: Store, tmp_path: Path) -> None:
    """What the evidence said is what it said when people decided."""
    store = open_store(f"sqlite:///{tmp_path / 'later.db'}")
    making.run(store, making.plan("plain-dud"), making.people(400, share=(0.35, 0.40)))
    close(store, "plain-dud", "drop", "no_benefit", "Post comes far too late.")
    before = lessons(Desk(store)).lessons[0].evidence
    making.deliver(store, "plain-dud", making.people(40, first=401, share=(0.9, 0.1)), week=45)
    assert lessons(Desk(store)).lessons[0].evidence == before
    store.close()


def test_nobody_is_named(ended: Store) -> None:
    """Neither who decided nor who noted an idea."""
    assert "anna" not in said(page.listed(lessons(Desk(ended)), Asked())).lower()


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Asked("postcards"), ["plain-dud"]),
        (Asked("reminder post"), ["plain-dud"]),
        (Asked("wakes"), ["does-harm"]),
        (Asked("robot"), ["idea:robots"]),
        (Asked(reason="harm"), ["does-harm"]),
        (Asked(programme="south"), ["does-harm", "idea:letters"]),
        (Asked("people", programme="south"), ["does-harm"]),
        (Asked('")(* OR NEAR'), []),
        (Asked("postcards", reason="harm"), []),
    ],
)
def test_a_search_finds_what_holds_every_word(asked: Asked, expected: list[str], ended: Store) -> None:
    """In lessons, reasons, plans and ideas; nothing that is typed is a database's syntax."""
    assert keys(ended, asked) == expected


def test_nothing_found_says_so_and_what_to_do(ended: Store) -> None:
    """With the words that were looked for, as text."""
    asked = Asked("<b>zebra</b>")
    found = lessons(Desk(ended), asked)
    assert page.result(found, asked) == "0 of 5 found."
    assert "No lesson has all of these words: <b>zebra</b>." in said(page.listed(found, asked))


def test_ideas_that_nobody_tried_are_there_too(ended: Store) -> None:
    """Without those that ended; found by a search, too."""
    assert [one.title for one in lessons(Desk(ended)).untried] == ["Lifts"]
    assert [one.title for one in lessons(Desk(ended), Asked("van")).untried] == ["Lifts"]
    assert lessons(Desk(ended), Asked("postcards")).untried == ()


def test_a_link_tells_of_what_it_leads_to_alone(ended: Store) -> None:
    """Also in counts, filters and a search; a link to a trial tells nothing of ideas."""
    trial = Reader(kind="link", trials=frozenset({"does-harm"}))
    found = lessons(Desk(ended).for_reader(trial))
    assert [one.key for one in found.lessons] == ["does-harm"]
    assert (found.ended, found.untried, found.programmes) == (1, (), ("south",))
    assert keys(ended, Asked("postcards"), trial) == []
    assert lessons(Desk(ended).for_reader(trial), Asked("van")).untried == ()
    programme = Reader(kind="link", programmes=frozenset({"south"}))
    assert keys(ended, None, programme) == ["does-harm", "idea:letters"]


def test_roles_hold(tmp_path: Path) -> None:
    """Of a programme with roles only those who hold one read the lessons; others are told that some are left out."""
    store = open_store(f"sqlite:///{tmp_path / 'roles.db'}")
    making.run(store, making.plan("plain-dud", programme="north"), making.people(400, share=(0.35, 0.40)))
    close(store, "plain-dud", "drop", "no_benefit", "Post is far too slow.")
    granting.give(store, "north", "ben", "stakeholder", by="anna", at=AT)
    assert keys(store, None, Reader("ben", "account")) == ["plain-dud"]
    for other in (Reader("carl", "account"), Reader()):
        assert keys(store, None, other) == []
        assert keys(store, Asked("slow"), other) == []
    local = lessons(Desk(store))
    assert local.ended == 0
    assert page.result(local, Asked()).startswith("Some lessons are left out")
    assert keys(store, Asked("slow"), Reader(kind="link", trials=frozenset({"plain-dud"}))) == ["plain-dud"]
    store.close()


def test_the_address_leads_to_the_search() -> None:
    """Written so that what it says is asked again, whatever signs are in it."""
    assert page.address(page._asked(" a  &b ", None, "north")) == "?q=a+%26b&programme=north"
    assert page.address(Asked()) == ""


def test_only_so_many_cards_are_made_at_once(ended: Store) -> None:
    """The others wait behind 'Show more', and are counted."""
    found = lessons(Desk(ended), Asked(most=2))
    assert ([one.key for one in found.lessons], found.found) == (["plain-dud", "does-harm"], 5)
