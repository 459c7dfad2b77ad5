"""Lessons: the same answers on SQLite and PostgreSQL, whatever is typed, from a table that is mended when it differs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from trials import lessons as pure
from trials.acts.deciding import DECISION, Decision
from trials.acts.events import EXTERNAL_EVENT, ExternalEvent
from trials.acts.ideas import IDEA, IDEA_ENDED, Idea, IdeaEnded
from trials.acts.site_withdrawing import SITE_WITHDRAWN, SiteWithdrawn
from trials.errors import DataError
from trials.store import acts, granting, ledger, lessons
from trials.store.engine import Store, writing
from trials.store.lessons import Found

NASTY = (
    *('"', "'", "*", "appoint*", "AND", "OR NOT", "NEAR(a b)", "-", "drop-in", "100%", "words:garden", "a | b & !c"),
    *("GRÜN", "grun", "x'; DROP TABLE lesson_text; --", "\\", "(", "мир", "日本", "\x00", "e" * 5_000),
)


@pytest.fixture
def filled(store: Store, kit: Any) -> Store:
    """Four ideas of three days, and a trial with an amended life."""
    noted = {
        "reminders": Idea(text="Text reminders the evening before each appointment", programme="north"),
        "garden": Idea(text="A garden that neighbours and newcomers share, Grün 100%, drop-in", title="Garden"),
        "letters": Idea(text="Letters in plain words; NEAR misses and the word OR"),
        "peace": Idea(text="мир и хлеб"),
    }
    for number, (name, body) in enumerate(noted.items()):
        acts.act(store, f"idea:{name}", IDEA, body, by="anna", at=kit.day(number))
    ended = IdeaEnded(reason_code="not_wanted", reason="neighbours moved", lesson="ask the neighbours first")
    acts.act(store, "idea:garden", IDEA_ENDED, ended, by="anna", at=kit.day(9))
    kit.sealed(store, kit.plan("a-trial"))
    left = SiteWithdrawn(
        site="B", reason_code="provider_failed", reason="the provider left", from_day=kit.day(3).date()
    )
    acts.act(store, "a-trial", SITE_WITHDRAWN, left, by="anna", at=kit.day(10), key="B")
    event = ExternalEvent(day=kit.day(4).date(), text="buses became free")
    acts.act(store, "a-trial", EXTERNAL_EVENT, event, by="anna", at=kit.day(11))
    said = {"reason": "no use", "lesson": "mornings are too early", "reuse": "the letter", "dissent": "the nurses"}
    body = Decision(what="drop", reason_code="no_benefit", **said)
    acts.act(store, "a-trial", DECISION, body, by="anna", at=kit.day(12))
    return store


def scopes(found: Found) -> list[tuple[str, int]]:
    return [(one.scope, one.seq) for one in found.texts]


def test_every_part_is_found(filled: Store) -> None:
    """Ideas, endings, decisions (lesson, re-use, dissent), withdrawn sites and events; all words must be in the text."""
    for words, expected in {
        "appointments": [("idea:reminders", 1)],
        "neighbour": [("idea:garden", 2), ("idea:garden", 1)],
        "the provider": [("a-trial", 1)],
        "buses": [("a-trial", 2)],
        "early morning": [("a-trial", 3)],
        "nurse": [("a-trial", 3)],
        "letter": [("a-trial", 3), ("idea:letters", 1)],
        "letter nurse": [("a-trial", 3)],
        "reminder garden": [],
    }.items():
        assert sorted(scopes(lessons.search(filled, words))) == sorted(expected), words


def test_what_is_found_can_be_narrowed(filled: Store) -> None:
    """By programme and by reason code; without words everything, newest first."""
    assert scopes(lessons.search(filled, programme="north")) == [("idea:reminders", 1)]
    assert scopes(lessons.search(filled, reason_code="not_wanted")) == [("idea:garden", 2)]
    everything = lessons.search(filled).texts
    assert [one.at for one in everything] == sorted((one.at for one in everything), reverse=True)
    assert len(everything) == 8


def test_answers_are_the_texts_that_hold_every_term(filled: Store) -> None:
    """Both databases answer as a plain scan of all texts does, in the order of its ranks: quotes, stars, AND, hyphens, %,
    umlauts and other scripts are words or nothing, never syntax."""
    everything = {(one.scope, one.seq): one for one in lessons.search(filled).texts}
    held = {place: pure.terms(pure.WORDS[one.kind](one.body)) for place, one in everything.items()}
    corpus = pure.Corpus(len(held), sum(map(len, held.values())) / len(held))
    for asked in (*NASTY, "letters", "reminders evening", "neighbours", "the", "of appointment"):
        wanted = pure.wanted(asked)
        ranks = pure.relevance(wanted, {place: terms for place, terms in held.items() if {*terms} & {*wanted}}, corpus)
        expected = sorted(
            ranks, key=lambda place, ranks=ranks: (-round(ranks[place], 9), -everything[place].at.timestamp())
        )
        found = lessons.search(filled, asked)
        assert scopes(found) == expected, asked
        assert [one.rank for one in found.texts] == pytest.approx([ranks[place] for place in expected])
        lessons.similar(filled, asked)


def test_signs_and_spelling_make_no_difference(filled: Store) -> None:
    """The one text that holds them is found by GRÜN, grun and drop-in; signs alone find nothing."""
    for asked in ("GRÜN", "grun", "100%", "drop-in", "Drop In!"):
        assert scopes(lessons.search(filled, asked)) == [("idea:garden", 1)], asked
    for asked in ('"', "*", "-", "\\", "(", "appoint*ment"):
        assert lessons.search(filled, asked).texts == (), asked
    assert scopes(lessons.search(filled, "мир")) == [("idea:peace", 1)]


def test_ties_go_to_the_newest(store: Store, kit: Any) -> None:
    """Texts that answer equally well come newest first, whatever order they were noted in."""
    for name, day in (("one", 3), ("two", 9), ("three", 6)):
        acts.act(store, f"idea:{name}", IDEA, Idea(text="a walking group"), by="anna", at=kit.day(day))
    assert scopes(lessons.search(store, "walk")) == [("idea:two", 1), ("idea:three", 1), ("idea:one", 1)]


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM lesson_text",
        "DELETE FROM lesson_text WHERE scope = 'idea:garden'",
        "UPDATE lesson_text SET words = 'nothing' WHERE scope = 'idea:garden'",
        "UPDATE lesson_text SET source = '0' || source",
        "INSERT INTO lesson_text (scope, seq, kind, source, words) VALUES ('idea:none', 1, 'idea', '1.2.6', 'garden')",
    ],
)
def test_a_table_that_differs_is_mended(filled: Store, change: str) -> None:
    """Rows that are gone, shortened, of older rules or of no act are made again from the acts before the search."""
    before = lessons.search(filled, "garden"), lessons.search(filled, "neighbours")
    with writing(filled) as connection:
        assert connection.execute(text(change)).rowcount != 0
    assert (lessons.search(filled, "garden"), lessons.search(filled, "neighbours")) == before
    assert [one.scope for one in before[0].texts] == ["idea:garden"]


def test_acts_take_their_words_along(filled: Store, kit: Any) -> None:
    """What `note` keeps in the act's transaction is what a rebuilt table holds, and nothing is kept twice."""
    rebuilt = lessons.rebuild(filled)
    assert rebuilt == 9  # eight acts and the plan
    with writing(filled, "idea:new") as connection:
        act = acts.put(connection, "idea:new", IDEA, Idea(text="a choir of inmates"), by="anna", at=kit.day(20))
        connection.execute(text("DELETE FROM lesson_text WHERE scope = 'idea:new'"))
        lessons.note(connection, act)
        assert connection.execute(text("SELECT count(*) FROM lesson_text")).scalar() == rebuilt + 1
    with writing(filled) as connection:
        assert lessons._differing(connection) == ([], [])
    assert scopes(lessons.search(filled, "choirs")) == [("idea:new", 1)]


def test_a_plan_is_found_as_it_stands(store: Store, kit: Any) -> None:
    """A plan that replaces another one replaces its words."""
    question = "Does a weekly lunch for widowers in the parish hall lift their mood?"
    first = kit.plan("lunch").model_copy(update={"question": question})
    ledger.register(store, first, by="anna", at=kit.day(0))
    near = lessons.similar(store, "lunch in the parish hall for widowers")
    assert [(one.kind, one.subject) for one in near.texts] == [("plan", "lunch")]
    other = first.model_copy(update={"question": "Do bus passes help?"})
    ledger.register(store, other, by="anna", at=kit.day(1))
    assert lessons.similar(store, "lunch in the parish hall for widowers").texts == ()
    with writing(store, "lunch") as connection:
        lessons.note_plan(connection, "lunch", 2, other.canonical())
        assert connection.execute(text("SELECT count(*) FROM lesson_text")).scalar() == 1


def test_a_closed_programme_keeps_its_lessons_to_itself(filled: Store, kit: Any) -> None:
    """Who has no role there isn't shown its texts, only that there are some; who has one is."""
    granting.give(filled, "north", "anna", "lead", by="anna", at=kit.day(1) + timedelta(hours=1))
    stranger, lead = filled.as_person("eve"), filled.as_person("anna")
    assert (scopes(lessons.search(stranger, "appointment")), lessons.search(stranger, "appointment").hidden) == ([], 1)
    assert scopes(lessons.search(lead, "appointment")) == [("idea:reminders", 1)]
    assert lessons.similar(stranger, "reminders the evening before an appointment").texts == ()


def test_why_an_open_trial_goes_on_is_not_told(store: Store, kit: Any) -> None:
    """The reason may tell how the arms fare; it is found once the trial is closed."""
    kit.sealed(store, kit.plan("a-trial"))
    acts.act(store, "a-trial", DECISION, Decision(what="continue", reason="looks splendid"), by="anna", at=kit.day(9))
    assert lessons.search(store, "splendid").texts == ()
    acts.act(store, "a-trial", DECISION, Decision(what="stop", reason="provider left"), by="anna", at=kit.day(10))
    assert scopes(lessons.search(store, "splendid")) == [("a-trial", 1)]


def test_an_altered_act_is_named(filled: Store) -> None:
    """A body that is no JSON any more stops the search with one sentence that names its scope."""
    with writing(filled) as connection:
        connection.execute(text("UPDATE act SET body = '{' WHERE trial_id = 'idea:garden' AND seq = 1"))
    with pytest.raises(DataError, match="a text of idea:garden can't be read"):
        lessons.search(filled, "garden")
