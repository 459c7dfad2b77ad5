"""The read model: one look behind verdict and evidence, small numbers hidden, one state per page."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from dashboards import read_model
from dashboards.read_model import ContradictionError, Desk, assert_agreement
from tests.dashboards import making
from trials.errors import UnknownTrialError
from trials.evidence import CLAIMS, Claim, Look
from trials.store import reading
from trials.store.engine import Store


def look_of(store: Store, trial: str) -> Look:
    look = reading.card(store, trial).look
    assert look is not None
    return look


def fired(look: Look, *names: str) -> Look:
    """The look with exactly these claims fired."""
    claims = {name: Claim(3.5, 0.03, 20.0, 10 if name in names else None) for name in CLAIMS}
    return replace(look, claims=claims)


@pytest.mark.parametrize(
    ("verdict", "claims"),
    [
        ("promote", ["benefit"]),
        ("drop", ["dud"]),
        ("stop_for_harm", ["harm"]),
        ("stop_for_harm", ["harm", "dud"]),
        ("keep_going", []),
        ("cant_tell", []),
        ("cant_tell", ["benefit", "dud"]),
    ],
)
def test_a_verdict_that_follows_from_its_claims_passes(store: Store, verdict: str, claims: list[str]) -> None:
    """Each verdict has the claims that lead to it."""
    assert_agreement(replace(fired(look_of(store, "still-open"), *claims), verdict=verdict))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("verdict", "claims"),
    [
        ("promote", []),
        ("promote", ["dud"]),
        ("promote", ["benefit", "harm"]),
        ("drop", []),
        ("drop", ["benefit"]),
        ("stop_for_harm", ["dud"]),
        ("keep_going", ["benefit"]),
        ("cant_tell", ["benefit"]),
        ("cant_tell", ["harm"]),
    ],
)
def test_a_verdict_beside_other_evidence_is_refused(store: Store, verdict: str, claims: list[str]) -> None:
    """A 'Promote' stands nowhere beside evidence that never reached its threshold."""
    look = replace(fired(look_of(store, "still-open"), *claims), verdict=verdict)  # type: ignore[arg-type]
    with pytest.raises(ContradictionError, match="still-open: look"):
        assert_agreement(look)


def test_a_contradicting_trial_is_a_row_that_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """One broken look hides its own verdict and numbers, and nobody else's."""
    cards = reading.cards(desk.store)
    broken = [
        replace(card, look=replace(card.look, verdict="promote")) if card.id == "still-open" and card.look else card
        for card in cards
    ]
    monkeypatch.setattr(reading, "cards", lambda store: broken)
    found = {row.id: row for row in read_model.board(desk).rows}
    assert found["still-open"].fault is not None
    assert (found["still-open"].effect, found["still-open"].strength) == ("–", "no evidence yet")
    assert found["clear-winner"].standing == "promote"


def test_the_board_has_every_trial_and_counts_every_verdict(desk: Desk) -> None:
    """Trials that wait for people come first; one that is only registered is 'Setting up'."""
    found = read_model.board(desk)
    assert found.rows[0].standing == "stop_for_harm"
    assert {row.id: row.standing for row in found.rows} == {
        "clear-winner": "promote",
        "plain-dud": "drop",
        "does-harm": "stop_for_harm",
        "still-open": "keep_going",
        "never-settled": "cant_tell",
        "tiny-numbers": "keep_going",
        "being-planned": "setting_up",
    }
    assert sum(found.counts.values()) == len(found.rows)


def test_a_row_shows_what_its_look_says(desk: Desk) -> None:
    """Sentence, people, effect and strength are the look's own."""
    look = look_of(desk.store, "still-open")
    row = next(row for row in read_model.board(desk).rows if row.id == "still-open")
    assert row.sentence == look.sentence
    assert row.people == str(look.n)
    assert row.simulated
    assert row.strength.endswith("× of 20×")
    assert row.forest.estimate == pytest.approx((look.estimate or 0) / 0.1, abs=1e-4)


def test_fewer_than_ten_people_show_no_number_and_no_estimate(desk: Desk) -> None:
    """An estimate over a handful of people would say who had the outcome."""
    row = next(row for row in read_model.board(desk).rows if row.id == "tiny-numbers")
    assert (row.people, row.effect, row.forest.estimate) == ("fewer than 10", "–", None)
    view = read_model.trial(desk, "tiny-numbers")
    assert view.enrolment.total is None
    assert view.drawable() == ()


def test_small_counts_by_reason_and_site_arrive_hidden(desk: Desk) -> None:
    """The pages never see them: reasons with 12 and 1 rows are both hidden, since their total of 13 is shown."""
    quality = read_model.trial(desk, "still-open").quality
    assert quality.reasons.total == 13
    assert set(quality.reasons.cells.values()) == {None}
    assert (quality.refused, quality.deliveries) == (1, 4)


def test_an_unknown_trial_is_named(desk: Desk) -> None:
    """The error names close matches."""
    with pytest.raises(UnknownTrialError, match="clear-winner"):
        read_model.trial(desk, "clear-winer")


def test_thinned_looks_keep_the_first_and_the_newest(desk: Desk) -> None:
    """A long trial draws no more points than a screen shows."""
    looks = [replace(look_of(desk.store, "still-open"), number=number) for number in range(1, 1001)]
    kept = read_model.thinned(looks, 50)
    assert len(kept) == 50
    assert (kept[0].number, kept[-1].number) == (1, 1000)
    assert len({look.number for look in kept}) == 50


def test_only_a_running_trial_goes_stale(store: Store) -> None:
    """A trial with an answer needs no more news; a running one without any for too long is marked."""
    late = making.START + timedelta(weeks=60)
    desk = Desk(store, stale_after=timedelta(weeks=4))
    stale = {row.id: row.stale for row in read_model.board(desk, now=late).rows}
    assert stale["still-open"]
    assert not stale["clear-winner"]
    assert read_model.trial(desk, "still-open", now=late).stale
    assert not read_model.trial(Desk(store), "still-open", now=late).stale
