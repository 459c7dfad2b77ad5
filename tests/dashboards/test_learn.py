"""Learn: plain words, examples by the pages' own functions, and a demonstration that can't be asked for more than it can do."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards import demonstration, explaining, wording
from dashboards.explaining import GLOSSARY, SECTIONS
from dashboards.figures import effect, evidence
from dashboards.figures import peeking as figures
from dashboards.pages import learn
from dashboards.read_model import learning
from dashboards.refresh import named, shape
from dashboards.theme import Screen
from trials import labelling, peeking
from trials.disclosure import LIMIT

SCREENS = [Screen(), Screen("dark", narrow=True)]
_VOWELS = re.compile(r"[aeiouy]+")


def syllables(word: str) -> int:
    """A rough count: groups of vowels, without a silent e at the end."""
    found = len(_VOWELS.findall(word))
    return max(found - (word.endswith("e") and not word.endswith("le")), 1)


def grade(texts: list[str]) -> float:
    """The school grade in which the texts can be read (Kincaid et al., 1975, Research Branch Report 8-75)."""
    sentences = [one for text in texts for one in re.split(r"[.!?:]+(?:\s|”|$)", text) if one.strip()]
    words = [word for one in sentences for word in re.findall(r"[a-z’]+", one.lower())]
    return 0.39 * len(words) / len(sentences) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59


def test_a_twelve_year_old_can_read_the_page() -> None:
    """Grade 6 or 7 is age 11 to 13: every section and the glossary stay at or below 7."""
    for section in SECTIONS:
        assert grade(list(section.text)) <= 7.0, section.anchor
    assert grade([means for _, means in GLOSSARY.values()]) <= 7.0
    assert (
        grade(["Sequential methodologies guarantee simultaneous inferential validity for arbitrary continuations."])
        > 12
    )


def test_every_section_has_an_example_and_every_anchor_is_one_place() -> None:
    """So that /learn#evidence leads somewhere, from any page."""
    assert {section.anchor for section in SECTIONS} == learn.EXAMPLES.keys()
    assert len(set(explaining.anchors())) == len(explaining.anchors())
    assert {"verdict", "evidence", "band", "label", "hidden", "light", "flow", "peeking"} <= {*explaining.anchors()}


def test_words_and_labels_are_those_of_the_pages() -> None:
    """Generated, not copied: every verdict, every label with what it may claim."""
    assert str(learn._verdicts(Screen())).count("tone-") == len(wording.VERDICT_WORDS)
    assert [one.name for one in learning.labels()] == list(labelling.LABELS)
    for one in learning.labels():
        assert one.label.may_not_claim in str(learn._labels(Screen()))


@pytest.mark.parametrize("which", learning.TRIALS)
def test_the_examples_are_trials_analysed_as_any_other(which: str) -> None:
    """Marked as simulated, with looks that may be shown: the good idea is promoted, the useless one dropped."""
    trial = learning.made_up(which)
    assert trial.protocol.simulated
    assert trial.last.verdict == {"helps": "promote", "nothing": "drop"}[which]
    assert all(arm.n >= LIMIT for look in trial.looks for arm in look.arms)
    verdicts = [row.standing for row in learning.rows()]
    assert verdicts == ["keep_going", "promote", "drop"]


def test_the_charts_are_drawn_by_the_trial_pages_functions() -> None:
    """The same object gives picture, sentence and table."""
    trial = learning.made_up()
    for parts, figure in ((learn._band, effect), (learn._evidence, evidence)):
        drawn = figure.draw(trial.protocol, trial.looks, Screen())
        assert parts(Screen())[0].to_plotly_json()["props"]["aria-label"] == drawn.alt


def test_shown_numbers_move_as_releases_do() -> None:
    """Never told below ten, and never by fewer than ten."""
    told = [shown for _, _, shown in learning.moving_numbers()]
    assert told[:2] == ["under 10", "under 10"]
    steps = [int(each.rstrip("+")) for each in dict.fromkeys(told[2:])]
    assert all(later - earlier >= LIMIT for earlier, later in pairwise(steps))


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("looks", learning.LOOKS)
def test_sentence_table_and_picture_of_the_demonstration_agree(looks: int, screen: Screen) -> None:
    """All are counted from the same trials."""
    newest, told = learning.tally(looks, 3, 60)
    drawn, sums = figures.courses(newest, screen), figures.tally(told, screen)
    wrong = [sum("called a success after" in row[column] for row in drawn.rows) for column in (1, 2)]
    before = told.counts(40)
    assert tuple(a + b for a, b in zip(wrong, before, strict=True)) == told.counts(60)
    assert f"wrongly called {wrong[0]} of them a success; Roadtest’s evidence {wrong[1]}." in drawn.alt
    assert sums.rows[-2] == ("60", *(f"{count} of 60" for count in told.counts(60)))
    assert sums.figure["data"][0]["y"][-1] == pytest.approx(100 * told.counts(60)[0] / 60)
    rings = [trace for trace in drawn.figure["data"] if "text" in trace]
    assert [len(trace["x"]) for trace in rings] == wrong
    assert (
        f"Of 60 trials of an idea that does nothing, the ordinary test, {figures.looked(looks)}"
        in demonstration.said(told)
    )


def test_the_long_run_is_the_exact_one() -> None:
    """21.8 and 3.5 in 100 at twenty looks, as `trials.peeking` works them out."""
    _, told = learning.tally(20, 1, 20)
    setting = learning.SETTING
    assert told.long_run == (100 * peeking.ordinary_rate(setting, 20), 100 * peeking.evidence_rate(setting))
    assert figures.tally(told, Screen()).rows[-1] == ("in the long run", "21.8 in 100", "3.5 in 100")


anything = st.none() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), max_size=2)


@given(looks=anything, state=anything | st.dictionaries(st.sampled_from(["seed", "trials", "x"]), anything))
def test_whatever_a_browser_sends_is_work_that_is_bounded(looks: Any, state: Any) -> None:
    """Known looks, whole batches, at most so many trials; so a press can never cost more than the largest one."""
    chosen, seed, trials = learning.asked(looks, state)
    assert chosen in learning.LOOKS
    assert 1 <= seed <= 999_999
    assert peeking.BATCH <= trials <= peeking.MOST_TRIALS
    assert trials % peeking.BATCH == 0


def test_the_largest_answer_stays_light() -> None:
    """1,000 trials: two pictures of under 100 kB together."""
    newest, told = learning.tally(40, 1, peeking.MOST_TRIALS)
    sent = [figures.courses(newest, Screen()).figure, figures.tally(told, Screen()).figure]
    assert sum(len(json.dumps(figure["data"])) for figure in sent) < 100_000


def test_the_demonstration_is_redrawn_in_place() -> None:
    """Whatever was asked, the same parts are there: opened tables stay open."""
    shapes = {tuple(shape(demonstration.shown(looks, 1, 20, Screen()))) for looks in learning.LOOKS}
    assert len(shapes) == 1
    assert "peeking-said" in [part.id for part in named(demonstration.shown(1, 1, 20, Screen()))]


def test_a_press_adds_trials_and_the_server_keeps_nothing() -> None:
    """What the browser holds decides: more of the same trials, other ones, or the same looked at more often."""
    held = {"seed": 7, "trials": 100}
    assert demonstration.pressed("peeking-more", "20", held) == (20, 7, 120)
    assert demonstration.pressed("peeking-more", "20", {"seed": 7, "trials": 1_000}) == (20, 7, 1_000)
    assert demonstration.pressed("peeking-again", "20", held) == (20, 8, 20)
    assert demonstration.pressed("peeking-looks", "5", held) == (5, 7, 100)
