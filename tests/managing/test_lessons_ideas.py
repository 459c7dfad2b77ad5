"""Ideas in the ledger: noted, tried, ended once, with their lesson; and the commands that do it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from flows import lessons as shown
from tests.flows.making import plan
from trials.acts.deciding import DECISION, Decision
from trials.acts.ideas import ENDINGS, Idea, IdeaEnded, table
from trials.errors import DataError, ForbiddenError, LifecycleError
from trials.store import acts, granting, ideas, ledger, lessons, verifying
from trials.store.engine import Store, open_store

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
REMINDERS = Idea(text="Text reminders the evening before each appointment", title="Reminders", programme="north")
ENDED = IdeaEnded(reason_code="known_already", reason="three cities tried it", lesson="read before you try")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    yield opened
    opened.close()


def tried(store: Store, name: str, **changes: Any) -> None:
    """A sealed trial of an idea."""
    protocol = plan(name).model_copy(update=changes)
    ledger.register(store, protocol, by="anna", at=AT)
    ledger.seal(store, name, by="ben", at=AT)


def test_an_idea_is_noted_once_and_said_anew(store: Store) -> None:
    """The same words change nothing; others are a further act, and the newest count."""
    first = ideas.note(store, "reminders", REMINDERS, by="anna", at=AT)
    assert ideas.note(store, "reminders", REMINDERS, by="ben", at=AT) == first
    other = REMINDERS.model_copy(update={"text": "Calls instead of texts"})
    ideas.note(store, "reminders", other, by="ben", at=AT + timedelta(days=1))
    [card] = ideas.listed(store)
    assert (card.noted, card.noted_by, card.noted_at, card.stage) == (other, "anna", AT, "idea")
    assert verifying.verify(store) == []


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("Two Words", {}, "must be lower-case letters"),
        ("a--b", {}, "must be lower-case letters"),
        ("reminders", {"text": "As Mr Smith said"}, "text seems to name a person"),
        ("reminders", {"hoped_for": "call 020 7946 0958"}, "hoped_for seems to name a person"),
    ],
)
def test_what_is_no_idea_is_refused(store: Store, name: str, change: dict[str, str], says: str) -> None:
    """A name that is none and a text that names a person store nothing."""
    with pytest.raises(DataError, match=says):
        ideas.note(store, name, REMINDERS.model_copy(update=change), by="anna", at=AT)
    assert ideas.listed(store) == ()


def test_an_idea_stays_in_its_programme(store: Store) -> None:
    """Who has no role in a closed programme notes nothing in it, nor takes an idea out of it."""
    ideas.note(store, "reminders", REMINDERS, by="anna", at=AT)
    granting.give(store, "north", "anna", "lead", by="anna", at=AT)
    with pytest.raises(ForbiddenError, match="eve has no role in north"):
        ideas.note(store, "other", REMINDERS, by="eve", at=AT)
    with pytest.raises(ForbiddenError, match="eve has no role in north"):
        ideas.note(store, "reminders", REMINDERS.model_copy(update={"programme": ""}), by="eve", at=AT)
    with pytest.raises(ForbiddenError, match="eve has no role in north"):
        ideas.end(store, "reminders", ENDED, by="eve", at=AT)
    with pytest.raises(DataError, match="must be 'north', in which the idea reminders was noted first"):
        ideas.note(store, "reminders", REMINDERS.model_copy(update={"programme": "south"}), by="anna", at=AT)
    assert ideas.listed(store.as_person("eve")) == ()
    assert [card.name for card in ideas.listed(store.as_person("anna"))] == ["reminders"]


def test_a_site_notes_its_own_idea(store: Store) -> None:
    """A role in one site is enough for an idea that came up there, and for no other."""
    granting.give(store, "north", "anna", "lead", by="anna", at=AT)
    granting.give(store, "north", "sam", "site", by="anna", at=AT, site="A")
    ideas.note(store, "reminders", REMINDERS.model_copy(update={"site": "A"}), by="sam", at=AT)
    with pytest.raises(ForbiddenError, match="sam has the role site of site A"):
        ideas.note(store, "letters", REMINDERS.model_copy(update={"site": "B"}), by="sam", at=AT)


def test_an_idea_is_ended_once_with_its_lesson(store: Store) -> None:
    """Not before it was noted, nor while a trial of it is open; afterwards it is neither noted nor ended otherwise."""
    with pytest.raises(DataError, match="must be one that was noted or tried"):
        ideas.end(store, "reminders", ENDED, by="anna", at=AT)
    ideas.note(store, "reminders", REMINDERS, by="anna", at=AT)
    with pytest.raises(DataError, match="must be one of answered, not_wanted"):
        ideas.end(store, "reminders", ENDED.model_copy(update={"reason_code": "bored"}), by="anna", at=AT)
    tried(store, "reminders-north", prototype="reminders")
    with pytest.raises(LifecycleError, match="reminders-north of the idea reminders is open"):
        ideas.end(store, "reminders", ENDED, by="anna", at=AT)
    acts.act(store, "reminders-north", DECISION, Decision(what="drop"), by="anna", at=AT)
    act = ideas.end(store, "reminders", ENDED, by="anna", at=AT)
    assert ideas.end(store, "reminders", ENDED, by="anna", at=AT) == act
    with pytest.raises(DataError, match="was done before with other words"):
        ideas.end(store, "reminders", ENDED.model_copy(update={"lesson": "another"}), by="anna", at=AT)
    with pytest.raises(LifecycleError, match="was ended on 2026-01-05, must be going on"):
        ideas.note(store, "reminders", REMINDERS, by="anna", at=AT)
    assert ideas.listed(store)[0].stage == "stopped"


def test_the_list_tells_stage_and_trials(store: Store) -> None:
    """The furthest stage that a sealed trial reached; ideas that only plans know are listed too."""
    ideas.note(store, "reminders", REMINDERS, by="anna", at=AT)
    tried(store, "one", prototype="reminders")
    tried(store, "two", prototype="reminders", stage="pilot")
    ledger.register(store, plan("three").model_copy(update={"stage": "scale"}), by="anna", at=AT)
    listed = {card.name: card for card in ideas.listed(store)}
    assert listed.keys() == {"reminders", "three"}
    assert listed["reminders"].stage == "pilot"
    assert [one.trial for one in listed["reminders"].trials] == ["one", "two"]
    assert (listed["three"].stage, listed["three"].noted) == ("idea", None)


def test_what_is_similar_says_why_it_ended(store: Store) -> None:
    """A new idea and a new plan are shown the earlier one with its trials, reason, lesson and what to use again."""
    ideas.note(store, "reminders", REMINDERS, by="anna", at=AT)
    tried(store, "reminders-north", prototype="reminders", simulated=True)
    said = {"reason_code": "no_benefit", "reason": "as many missed", "lesson": "buses matter", "reuse": "the text"}
    acts.act(store, "reminders-north", DECISION, Decision(what="drop", **said), by="anna", at=AT)
    text = shown.similar_text(store, "an evening reminder by text of the next appointment")
    assert "reminders (proof of concept): Reminders" in text
    assert (
        "trial reminders-north (simulated): dropped 2026-01-05 (no_benefit) as many missed. Lesson: buses matter. "
        "Re-use: the text." in text
    )
    question = "Do text reminders before an appointment lower missed appointments?"
    other = plan("sms").model_copy(update={"question": question})
    assert [one["idea"] for one in shown.similar_to_plan(store, other)] == ["reminders"]
    again = other.model_copy(update={"prototype": "reminders", "trial": "reminders-south"})
    assert [one["idea"] for one in shown.similar_to_plan(store, again)] == ["reminders"]
    own = other.model_copy(update={"prototype": "reminders", "trial": "reminders-north"})
    assert shown.similar_to_plan(store, own) == []
    assert shown.similar_text(store, "a choir of inmates") == "No similar idea is on record."


def test_endings_are_a_table() -> None:
    """Headings first, then a row a code."""
    assert [row[0] for row in table()] == ["reason code", *ENDINGS]


@pytest.fixture
def roadtest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Runs a command on a home of its own: (exit code, what it printed)."""
    monkeypatch.setenv("ROADTEST_HOME", str(tmp_path / "home"))
    app = typer.Typer()
    shown.add(app)

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, list(words))
        return done.exit_code, done.output

    yield run
    logger = logging.getLogger("roadtest")
    logger.propagate = True
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()


def test_the_commands(roadtest: Any) -> None:
    """Noting shows what is similar, ending keeps the lesson, and both are found; each says what to do next."""
    text = "Text reminders the evening before each appointment"
    code, out = roadtest("idea", "reminders", "--text", text, "--by", "anna")
    assert (code, "No similar idea" in out, "Next: write `prototype: reminders`" in out) == (0, True, True)
    words = ("--reason-code", "known_already", "--reason", "tried elsewhere", "--lesson", "read\x1b[31m before you try")
    assert roadtest("end-idea", "reminders", *words, "--by", "anna")[0] == 0
    code, out = roadtest("idea", "sms", "--text", "A text the evening before an appointment", "--by", "ben", "--json")
    [near] = json.loads(out)["similar"]
    assert (code, near["idea"], near["stage"], near["ended"]["lesson"][:4]) == (0, "reminders", "stopped", "read")
    code, out = roadtest("lessons", "tried", "reading")
    assert code == 0
    assert "idea ended (known_already)" in out
    assert "\x1b" not in out
    found = json.loads(roadtest("lessons", "reading", "--json")[1])
    assert [(one["scope"], one["reason_code"]) for one in found["lessons"]] == [("idea:reminders", "known_already")]
    assert "No lesson has all of these words: garden" in roadtest("lessons", "garden")[1]
    assert "reminders (stopped)" in roadtest("ideas")[1]
    assert [one["idea"] for one in json.loads(roadtest("ideas", "--json")[1])["ideas"]] == ["reminders", "sms"]


def test_a_refusal_is_one_sentence(roadtest: Any) -> None:
    """Exit code 1 and what to write instead, for a name, an empty text and a code that nobody knows."""
    assert "No idea is noted yet" in roadtest("ideas")[1]
    for words, says in (
        (("idea", "Two Words", "--text", "x"), "must be lower-case letters"),
        (("idea", "a", "--text", " "), 'text == " "'),
        (("end-idea", "a", "--reason-code", "x", "--reason", "y", "--lesson", "z"), "must be one of answered"),
    ):
        code, out = roadtest(*words)
        assert (code, says in out, out.count("\n")) == (1, True, 1), out


def test_the_table_is_kept_beside_the_acts(store: Store) -> None:
    """After acts and plans the search finds each one's words without anybody having made the table again."""
    ideas.note(store, "reminders", REMINDERS, by="anna", at=AT)
    tried(store, "one")
    assert [one.scope for one in lessons.search(store, "evening").texts] == ["idea:reminders"]
