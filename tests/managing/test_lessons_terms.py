"""Terms and ranks of lessons: the same whatever is typed, and whatever database asks."""

from __future__ import annotations

import math
import re
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trials import lessons
from trials.acts import ACTS
from trials.errors import DataError
from trials.lessons.ranking import FEWEST, document_frequencies, rarity
from trials.lessons.stemming import stem

ROOT = Path(__file__).parents[2]


def test_stems_are_those_of_another_program() -> None:
    """SQLite's own Porter stemmer cuts every word of this project's documents alike."""
    text = " ".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md")))
    words = sorted(
        set(re.findall(r"[a-z]{1,40}", text.lower())) - {"ies", "eed", "sses"}
    )  # suffixes alone are no words
    assert len(words) > 1_000
    base = sqlite3.connect(":memory:")
    base.execute("CREATE VIRTUAL TABLE t USING fts5(w, tokenize = 'porter unicode61')")
    base.execute("CREATE VIRTUAL TABLE v USING fts5vocab(t, instance)")
    base.executemany("INSERT INTO t(rowid, w) VALUES (?, ?)", list(enumerate(words)))
    theirs = {words[row]: found for found, row in base.execute("SELECT term, doc FROM v")}
    base.close()
    assert {word: stem(word) for word in words} == theirs


def test_spelling_makes_no_difference() -> None:
    """Capitals, accents, umlauts, endings and apostrophes don't part a word from itself; hyphens part two words."""
    assert lessons.terms("Café CAFÉS") == ("cafe", "cafe")
    assert lessons.terms("Für Straße") == lessons.terms("FUR STRASSE")
    assert lessons.terms("reminders, reminded; reminding!") == ("remind",) * 3
    assert lessons.terms("people's don't") == ("peopl", "dont")
    assert lessons.terms("drop-in text_message") == ("drop", "in", "text", "messag")
    assert lessons.terms("Привет") == lessons.terms("привет") != lessons.terms("мир")


@given(st.text(max_size=200))
def test_a_term_is_never_syntax(text: str) -> None:
    """Whatever is typed, a term is letters a to z and digits alone, short, and the same when it is cut again in the text."""
    for term in lessons.terms(text):
        assert re.fullmatch(r"[a-z0-9]{1,82}", term)
    assert lessons.terms(text + " " + text) == lessons.terms(text) * 2


def test_stop_words_count_only_alone() -> None:
    """A query of stop words asks for these; beside another word they are left out."""
    assert lessons.wanted("who is it") == ("who", "is", "it")
    assert lessons.wanted("the letters") == ("letter",)
    assert lessons.wanted(' "*- %') == ()


def test_rarer_words_count_for_more() -> None:
    """BM25 by hand: the weight of a term in 1 of 4 texts is log(1 + 3.5/1.5); a text twice the mean's length gains less."""
    assert rarity(4, 1) == pytest.approx(math.log(1 + 3.5 / 1.5))
    candidates = {"short": ("garden", "x"), "long": ("garden",) + ("y",) * 3, "other": ("x",)}
    assert document_frequencies(["garden"], candidates) == {"garden": 2}
    found = lessons.relevance(["garden"], candidates, lessons.Corpus(4, 2.0))
    assert found["short"] == pytest.approx(rarity(4, 2) * 2.2 / (1 + 1.2))
    assert found["long"] == pytest.approx(rarity(4, 2) * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 2)))
    assert "other" not in found


def test_one_shared_word_is_no_likeness() -> None:
    """Ideas that share fewer telling words than the floor asks for are not like each other; the same idea is, wholly."""
    idea = lessons.salient("A walking group in the park led by volunteers")
    held = {"same": idea, "one": ("park", "bench"), "none": ("letter",)}
    found = lessons.likeness(idea, held, 3)
    assert FEWEST == 2
    assert found == {"same": pytest.approx(1.0)}


def test_a_short_text_is_like_a_long_one_that_holds_it() -> None:
    """The share is of the shorter one: a title of four words can be like a description of sixty, a fifteenth of which it is."""
    long = tuple(f"word{number}" for number in range(60))
    assert 0.5 < lessons.likeness(long, {"title": long[:4]}, 10)["title"] <= 1
    assert lessons.likeness(long, {"other": (*long[:4], *(f"x{number}" for number in range(60)))}, 10) == {}


@pytest.mark.parametrize(
    "text",
    [
        "Mr Smith liked it",
        "We asked Sarah Johnson",
        "write to ann@example.org",
        "call 020 7946 0958",
        "she lives at SW1A 2AA",
        "first line\nborn on 3 March 1985",
    ],
)
def test_who_is_named_is_refused(text: str) -> None:
    """A lesson that names a person is refused, and the refusal doesn't repeat it."""
    with pytest.raises(DataError, match="must name nobody") as refused:
        lessons.must_name_nobody(text, "lesson")
    assert text.split("\n")[-1] not in str(refused.value)


def test_ordinary_lessons_pass(ordinary: list[str]) -> None:
    """No idea of the made-up set is taken for somebody's name."""
    for text in ordinary:
        lessons.must_name_nobody(text, "text")
    lessons.must_name_nobody("", "reuse")


@pytest.fixture
def ordinary() -> list[str]:
    text = (Path(__file__).parent / "data" / "ideas.yaml").read_text(encoding="utf-8")
    found = re.findall(r"^ *(?:- )+(.+)$", text, re.MULTILINE)
    assert len(found) > 50
    return found


def test_every_searched_kind_is_there() -> None:
    """What is searched are kinds of acts that can be done, and the table tells of each."""
    assert lessons.WORDS.keys() <= ACTS.keys()
    assert [row[0] for row in lessons.table()[1:]] == list(lessons.WORDS)


def test_words_of_a_body_that_holds_other_things() -> None:
    """Fields that are missing, empty or no text are passed over, and 'none' is no dissent."""
    assert lessons.WORDS["decision"]({"reason": "a", "lesson": None, "dissent": "none"}) == "a"
    assert lessons.WORDS["decision"]({"dissent": "the officers disagreed"}) == "the officers disagreed"
    plan = {"title": "T", "question": "Q", "intervention": {"name": "N", "components": [{"text": "C", "within": "W"}]}}
    assert lessons.ASKED[lessons.PLAN](plan).split() == ["T", "Q", "N", "C", "W"]
    assert lessons.ASKED[lessons.PLAN]({"question": "Q", "intervention": None}) == "Q"
