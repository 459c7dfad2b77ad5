"""The read model: one look behind verdict and evidence, small numbers hidden, one state per page."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from dashboards import read_model
from dashboards.read_model import ContradictionError, Desk, assert_agreement
from tests.dashboards import making
from trials.disclosure import told_of_arms
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
    cards, desk = reading.cards(desk.store), Desk(desk.store)
    broken = [
        replace(card, look=replace(card.look, verdict="promote")) if card.id == "still-open" and card.look else card
        for card in cards
    ]
    monkeypatch.setattr(reading, "cards", lambda store, ids=None: broken)
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
    """Sentence, effect, strength and people are the newest shown look's; the ten who came since are not told of."""
    look = reading.looks(desk.store, "still-open")[1]
    row = next(row for row in read_model.board(desk).rows if row.id == "still-open")
    assert (look.n, look_of(desk.store, "still-open").n) == (80, 90)
    assert row.sentence == look.sentence
    assert row.people == "80"
    assert row.simulated
    assert row.badges == ["simulated"]
    assert row.strength.endswith("× of 20×")
    assert row.forest.estimate == pytest.approx(round(look.estimate or 0, 3) / 0.1, abs=1e-4)
    assert row.plausible.startswith("plausibly ")


def test_fewer_than_ten_people_show_no_number_and_no_estimate(desk: Desk) -> None:
    """An estimate over a handful of people would say who had the outcome."""
    row = next(row for row in read_model.board(desk).rows if row.id == "tiny-numbers")
    assert (row.people, row.effect, row.forest.estimate) == ("too few to show", "–", None)
    view = read_model.trial(desk, "tiny-numbers")
    assert view.enrolment.total is None
    assert (view.looks, view.effects, view.shown, view.claims) == ((), (), None, {})
    assert (row.people_share, row.strength, row.strength_share) == (0.0, "no evidence yet", 0.0)


def test_small_counts_by_reason_and_site_arrive_hidden(desk: Desk) -> None:
    """The pages never see them: of reasons with 12 rows and 1 row the first alone is listed, and the total is its own."""
    quality = read_model.trial(desk, "still-open").quality
    assert dict(quality.reasons.cells) == {"arm: must be usual or call": 12}
    assert quality.reasons.total == 12
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


def test_every_look_of_a_page_is_ten_people_per_arm_from_the_next(desk: Desk) -> None:
    """So no two rows of a table, nor two points of a chart, tell how a handful of people fared."""
    shown = read_model.trial(desk, "still-open").looks
    assert [look.n for look in shown] == [40, 80]
    assert [look.n for look in read_model.trial(desk, "plain-dud").looks] == list(range(40, 401, 40))


def test_a_page_reads_on_from_the_looks_it_chose_before(empty: Store) -> None:
    """A remembered choice leads to the same page as a fresh one, and nothing newer than the page's look gets in."""
    desk = Desk(empty)
    making.run(empty, making.plan("reads-on"), making.people(40))
    assert [look.n for look in read_model.trial(desk, "reads-on").looks] == [40]
    making.deliver(empty, "reads-on", making.people(8, first=41), week=5)
    making.deliver(empty, "reads-on", making.people(40, first=49), week=6)
    view = read_model.trial(desk, "reads-on")
    assert view.looks == read_model.trial(Desk(empty), "reads-on").looks
    assert [look.n for look in view.looks] == [40, 88]


def test_effects_have_no_more_digits_than_their_words(desk: Desk) -> None:
    """A hidden split can't be worked out from the digits of a chart or of a row's payload."""
    for look in read_model.trial(desk, "plain-dud").looks:
        for end in (look.estimate, *look.interval):
            assert end is None or end == round(end, 3)
    row = next(row for row in read_model.board(desk).rows if row.id == "plain-dud")
    assert row.forest.estimate == round(row.forest.estimate or 0, 2)


def test_a_small_number_behind_an_estimate_hides_it_everywhere(empty: Store) -> None:
    """Where the table of the groups is hidden, so are estimate and range: on the board, in the sentence, in charts."""
    rare = making.plan("rare", primary={"baseline": 0.2})
    making.run(empty, rare, making.people(120, share=(0.5, 0.05)))
    look = look_of(empty, "rare")
    assert any(0 < arm.total < 10 for arm in look.arms)
    assert look.claims["benefit"].fired
    assert "plausibly" in look.sentence
    row = read_model.board(Desk(empty)).rows[0]
    view = read_model.trial(Desk(empty), "rare")
    assert (row.effect, row.plausible, row.forest.estimate) == ("–", "hidden to protect privacy", None)
    assert (view.effect, view.effects) == (None, ())
    for sentence in (row.sentence, view.sentence):
        assert sentence is not None
        assert sentence.startswith("Promote: it helps")
        assert "plausibly" not in sentence
        assert sentence.endswith(".")


def test_a_changed_verdict_is_told_at_once(empty: Store) -> None:
    """It is not held back until ten more people per arm are in: its look takes the last one's place."""
    desk = Desk(empty)
    making.register(empty, making.plan("sudden"))
    sudden = making.people(200, share=(0.9, 0.1))
    at, week = 0, 0
    while at == 0 or look_of(empty, "sudden").verdict == "keep_going":
        making.deliver(empty, "sudden", sudden[at : at + 4], week=week)
        at, week = at + 4, week + 1
        row, view = read_model.board(desk).rows[0], read_model.trial(desk, "sudden")
        assert view.standing == look_of(empty, "sudden").verdict
        assert all(
            now.n - before.n >= 10
            for older, newer in zip(view.looks, view.looks[1:], strict=False)
            for before, now in zip(older.arms, newer.arms, strict=True)
        )
    assert row.standing == "promote"
    assert view.shown is not None
    assert view.shown.number == look_of(empty, "sudden").number


def test_who_is_missing_is_told_in_steps(desk: Desk) -> None:
    """By arm; neither zero nor nine, and no number between two steps. What the page tells of each arm goes with it."""
    look = replace(look_of(desk.store, "still-open"), missing=36)
    arms = (replace(look.arms[0], missing=12), replace(look.arms[1], missing=21))
    told, shown, steps = told_of_arms([replace(look, arms=arms)], (), {})
    assert [(arm, step.shown) for arm, step in steps.items()] == [("usual", 12), ("call", 21)]
    later = tuple(replace(arm, missing=arm.missing + 9) for arm in arms)
    assert told_of_arms([replace(look, arms=later)], shown, steps)[2] == steps
    usual, call = look.arms
    assert told == [(look.batch_seq, {"usual": (usual.n + 12, usual.n), "call": (call.n + 21, call.n)})]
    assert set(read_model.trial(desk, "still-open").quality.missing.cells.values()) == {None}


def test_a_replay_is_marked_on_the_board(empty: Store) -> None:
    """A plan written after the outcomes were known is no finding, and a simulated one neither."""
    making.run(empty, making.plan("replay", retrospective=True, simulated=True), making.people(20))
    row = read_model.board(Desk(empty)).rows[0]
    assert (row.retrospective, row.badges) == (True, ["simulated", "replay of a finished trial"])


def test_small_counts_in_a_warning_are_hidden(empty: Store) -> None:
    """How many rows were mended is not told, delivery by delivery; the rest of the warning stays."""
    making.register(empty, making.plan("warned"))
    warnings = ("trimmed white space around arm (3 rows), site (12 rows)", "ignored extra column: note")
    making.deliver(empty, "warned", making.people(20), week=0, warnings=warnings)
    assert read_model.trial(Desk(empty), "warned").quality.last[0].warnings == (
        "trimmed white space around arm (some rows), site (some rows)",
        "ignored extra column: note",
    )
