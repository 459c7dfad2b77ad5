"""Plain words for numbers."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from dashboards import wording
from tests.dashboards.making import plan
from trials.evidence import Claim
from trials.protocol import Protocol
from trials.verdict import times


def money() -> Protocol:
    primary = {
        "kind": "amount",
        "unit": "USD",
        "better": "higher",
        "baseline": 4500,
        "worthwhile": 1500,
        "bounds": [0, 25000],
    }
    return plan("money", primary=primary)


@pytest.mark.parametrize(
    ("log_e", "crossed", "said"),
    [
        (None, None, "no evidence yet"),
        (math.log(3.2), None, "3.2× of 20×"),
        (math.log(0.001), None, "under 0.1× of 20×"),
        (math.log(0.0999), None, "under 0.1× of 20×"),
        (math.log(19.99), None, "19× of 20×"),
        (math.log(12.0), 351, "20× reached at 351 people"),
        (math.log(0.02), 9, "20× reached"),
    ],
)
def test_strength_says_how_far_the_evidence_is(log_e: float | None, crossed: int | None, said: str) -> None:
    """What fired once is told by where it fired, whatever the bet is worth now."""
    assert wording.strength(Claim(log_e, None, 20.0, crossed)) == said


def test_the_bar_of_evidence_is_full_only_at_the_threshold() -> None:
    """On the log scale; a bet that lost money has an empty bar."""
    assert wording.share_of_threshold(Claim(math.log(20) / 2, None, 20.0)) == pytest.approx(0.5, abs=0.02)
    assert wording.share_of_threshold(Claim(-3.0, None, 20.0)) == 0.0
    assert wording.share_of_threshold(Claim(1.0, None, 20.0, crossed_at_n=40)) == 1.0


def test_effects_read_in_their_unit() -> None:
    """A share reads per 100 people, an amount with its currency."""
    assert wording.effect(plan("share"), 0.083) == "8.3 fewer in 100"
    assert wording.effect(money(), 1530.2) == "$1,530 more"
    assert wording.effect(plan("share"), None) == "–"
    assert wording.effect_unit(money().primary) == "in USD"


@pytest.mark.parametrize(("value", "said"), [(0.1, "+10"), (-0.05, "\u22125"), (0.0, "0")])
def test_axis_labels_of_a_share_are_per_hundred(value: float, said: str) -> None:
    """With a true minus sign, positive = better."""
    assert wording.effect_tick(plan("share").primary, value) == said


def test_axis_labels_of_an_amount_have_its_sign() -> None:
    """Thousands are separated."""
    assert wording.effect_tick(money().primary, -4000.0) == "\u2212$4,000"


def test_releases_read_as_steps() -> None:
    """A step is a floor; a sum of which nothing is shown may be of many, so only a cell is 'under 10'."""
    assert (wording.floor(None), wording.floors(None), wording.floors(1234)) == ("under 10", "few", "1,234+")
    assert (wording.about(None), wording.about(30)) == ("fewer than 10", "about 30")


def test_a_list_shows_the_first_sentence() -> None:
    """A decimal point or a lower-case word does not end it."""
    assert wording.first_sentence("It paid 3.2 to 1. Then more.") == "It paid 3.2 to 1."
    assert wording.first_sentence("Too early to say.") == "Too early to say."


def test_dates_read_as_people_write_them() -> None:
    """No zero before the day."""
    assert wording.day(datetime(2024, 3, 4, tzinfo=UTC)) == "4 March 2024"
    assert wording.short_day(None) == "–"


def test_every_verdict_has_its_word_and_meaning() -> None:
    """Pages never show a verdict's code."""
    assert set(wording.VERDICT_WORDS) == set(wording.VERDICT_MEANS)
    assert wording.VERDICT_WORDS["cant_tell"] == "Needs a decision"


@pytest.mark.parametrize("log_e", [-700.0, -2.4, -0.5, 0.0, 0.71, 2.31, 2.995, 5.2, 13.7, 20.0, 800.0])
def test_pages_and_sentences_say_one_multiple(log_e: float) -> None:
    """The page's words are the sentence's, and the number a chart draws is the one the words say."""
    claim = Claim(log_e, None, 20.0)
    assert wording.multiple(claim) == f"{times(log_e)}×"
    assert "0.0×" not in wording.multiple(claim)
    shown = wording.shown_multiple(claim)
    assert shown is not None
    assert f"{shown:,.1f}".removesuffix(".0") in wording.multiple(claim)


def test_a_bar_of_evidence_tells_no_more_than_its_words() -> None:
    """Two bets that read alike have the same bar."""
    alike = [Claim(math.log(multiple), None, 20.0) for multiple in (3.201, 3.299)]
    assert len({wording.share_of_threshold(claim) for claim in alike}) == 1


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.083, "8.3 fewer in 100 (better)"), (-0.011, "1.1 more in 100 (worse)"), (0.0, "0.0 fewer in 100"), (None, "–")],
)
def test_effects_in_tables_say_their_direction(value: float | None, said: str) -> None:
    """Fewer is better for some measures and worse for others."""
    assert wording.directed(plan("share"), value) == said


@pytest.mark.parametrize(("value", "said"), [(1530.4, 1530.0), (-99.96, -100.0), (4.26, 4.3), (None, None)])
def test_amounts_are_rounded_as_their_words(value: float | None, said: float | None) -> None:
    """Whole units from 100 on, one decimal below."""
    assert wording.rounded(money().primary, value) == said


def test_marks_say_what_is_no_finding() -> None:
    """Made-up people, and a plan written after the outcomes were known."""
    assert wording.badges(plan("plain")) == []
    assert wording.badges(plan("both", simulated=True, retrospective=True)) == [wording.SIMULATED, wording.REPLAY]
    assert set(wording.BADGE_WHY) == {wording.SIMULATED, wording.REPLAY}


def test_the_estimate_can_be_left_out_of_a_sentence() -> None:
    """What stands before it stays whole; a sentence without one stays as it is."""
    said = "Promote: it helps; after 351 people. relapsed: 8.3 fewer in 100 (plausibly from 1.2 to 9.9 fewer in 100)."
    assert wording.without_estimate(plan("share"), said) == "Promote: it helps; after 351 people."
    assert wording.without_estimate(plan("share"), "Too early to say: 3 joined.") == "Too early to say: 3 joined."
