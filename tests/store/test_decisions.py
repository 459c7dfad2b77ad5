"""Decisions, withdrawn sites, outside events and stages in both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event, text

from trials import deciding
from trials.acts.deciding import Decision
from trials.errors import DataError, ForbiddenError, LifecycleError
from trials.protocol import Protocol, from_content
from trials.store import acts, decisions, granting, ledger, reading, stages, subsets, verifying
from trials.store.engine import Store
from trials.store.engine import reading as open_reading

WORDS: dict[str, Any] = {
    "reason_code": "no_benefit",
    "reason": "nobody came to the second meeting",
    "lesson": "one letter alone moves nobody",
    "reuse": "the wording of the letter",
}
# The SQL of these is that of the others, which run on both databases.
ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"])
GATE = {"to": "pilot", "criteria": [{"id": "wanted", "asks": "acceptability", "text": "?", "green": 70, "red": 50}]}


def changed(protocol: Protocol, **changes: Any) -> Protocol:
    return from_content({**protocol.model_dump(mode="json"), **changes})


@pytest.fixture
def decide(store: Store, kit: SimpleNamespace) -> Callable[..., decisions.Decided]:
    """`decide` by anna on the fortieth day, with words that are enough."""

    def done(
        what: Any, trial: str = "a-trial", *, day: float = 40, by: str = "anna", **words: Any
    ) -> decisions.Decided:
        return decisions.decide(store, trial, what, by=by, at=kit.day(day), now=kit.day(day), **{**WORDS, **words})

    return done


def test_a_decision_keeps_what_it_was_taken_on(desk: Any, kit: Any, decide: Any) -> None:
    """The look, its verdict and figures, the label of the design and who reviewed it stand in the act; the state follows."""
    desk.send("first", kit.rows("first"), sent=30)
    look = reading.looks(desk.store, "a-trial")[0]
    done = decide("drop", second="ben", dissent="the night staff would go on")
    assert (done.decision.against, done.decision.second) == (("verdict",), "ben")
    on = done.decision.grounds
    assert (on.look, on.verdict, on.n, on.estimate, on.as_of) == (1, "keep_going", 40, look.estimate, look.as_of)
    assert (on.low, on.high) == look.interval
    assert on.label == "randomised"
    card = reading.card(desk.store, "a-trial")
    assert card.state == "dropped"
    assert card.closing == done.act
    said = "a-trial was dropped (no benefit) by anna on 10 February 2024, on look 1 of 31 January 2024"
    assert done.sentence.startswith(said)
    assert verifying.verify(desk.store) == []


@ON_SQLITE
def test_looks_after_a_closing_are_marked_wherever_they_are_read(desk: Any, kit: Any, decide: Any) -> None:
    """Outcomes still come in and looks are taken; the mark comes from the act, so the looks themselves are as they were."""
    desk.send("first", kit.rows("first"), sent=30)
    before = ledger.recompute(desk.store, "a-trial", 1)
    decide("drop", second="ben")
    assert reading.card(desk.store, "a-trial").post_decision is False
    desk.send("second", kit.rows("second"), sent=50)
    card = reading.card(desk.store, "a-trial")
    assert card.post_decision is True
    assert [mark.post_decision for _, mark in reading.marked_looks(desk.store, "a-trial")] == [False, True]
    assert ledger.recompute(desk.store, "a-trial", 1) == before
    assert verifying.verify(desk.store) == []


@ON_SQLITE
def test_the_same_words_again_are_the_same_decision(desk: Any, kit: Any, decide: Any) -> None:
    """Sent twice, a closing is one act; with other words, or by somebody else, the closed trial refuses it."""
    desk.send("first", kit.rows("first"), sent=30)
    first = decide("stop", second="ben", reason_code="funding")
    assert decide("stop", second="ben", reason_code="funding", day=41) == first
    for other in ({"lesson": "another lesson than the one before"}, {"by": "carl"}):
        with pytest.raises(LifecycleError, match="a-trial is stopped, must be open to decide stop"):
            decide("stop", second="ben", **{"reason_code": "funding", **other})
    assert len(decisions.decisions(desk.store, "a-trial")) == 1


@ON_SQLITE
def test_going_on_against_the_verdict_is_told_of_every_look_since(desk: Any, kit: Any, decide: Any) -> None:
    """It closes nothing and needs no lesson; a repetition on the same look is the same act, on a later look a new one."""
    desk.send("first", kit.rows("first"), sent=30)
    done = decide("continue", reason_code="")
    assert done.decision.against == ()
    assert decide("continue", reason_code="", day=41).act == done.act
    desk.send("second", kit.rows("second"), sent=50)
    assert decide("continue", reason_code="", day=60).act.seq == done.act.seq + 1
    assert reading.card(desk.store, "a-trial").state == "sealed"


@ON_SQLITE
def test_a_decision_says_that_its_look_is_no_longer_the_newest_word(store: Store, kit: Any, decide: Any) -> None:
    """When more people's turn has come since, the sentence says which look it rests on."""
    desk = kit.sealed(store, kit.plan(dated=True))
    desk.send("first", [kit.person(n, float(n % 3 == 0), joined=n) for n in range(1, 41)], sent=45)
    assert reading.looks(store, "a-trial")[0].n < 40
    early = decide("continue", reason_code="", day=45)
    assert early.decision.grounds.stale is False
    late = decide("stop", reason_code="funding", second="ben", day=200)
    assert late.decision.grounds.stale is True
    assert "More had come in by then than look 1 counted; the decision rests on that look alone." in late.sentence


@ON_SQLITE
@pytest.mark.parametrize("second", ["anna", " Anna"])
def test_nobody_reviews_their_own_decision(desk: Any, kit: Any, decide: Any, second: str) -> None:
    """However the name is spelt."""
    desk.send("first", kit.rows("first"), sent=30)
    with pytest.raises(DataError, match="must be somebody else than anna"):
        decide("drop", second=second)
    with pytest.raises(
        DataError, match="must be the name of a second reviewer to drop a-trial, because the verdict of look 1"
    ):
        decide("drop")


def test_the_second_person_needs_the_role_and_safety_waits_for_nobody(desk: Any, kit: Any, decide: Any) -> None:
    """A reviewer without the role is refused; a safety steward stops for safety alone; a lead does not."""
    desk.send("first", kit.rows("first"), sent=30)
    for person, role in (("anna", "lead"), ("ben", "site"), ("sue", "safety_steward")):
        granting.give(desk.store, "a-trial", person, role, by="anna", at=kit.day(31))  # type: ignore[arg-type]
    with pytest.raises(ForbiddenError, match="ben has the role site in a-trial"):
        decide("drop", second="ben")
    with pytest.raises(DataError, match="second == ''"):
        decide("stop", reason_code="safety")
    assert "for safety, by whoever may judge it alone" in decide("stop", reason_code="safety", by="sue").sentence


def test_words_that_name_somebody_are_refused(desk: Any, kit: Any, decide: Any) -> None:
    """Lessons are read by everybody for years: a person's address in them is refused, and nothing stored."""
    desk.send("first", kit.rows("first"), sent=30)
    before = kit.contents(desk.store)
    with pytest.raises(DataError, match="lesson seems to name a person"):
        decide("drop", second="ben", lesson="ask jane.doe@example.org before you start")
    assert kit.contents(desk.store) == before


def test_promoting_asks_the_gate(store: Store, kit: Any, decide: Any) -> None:
    """What only people know must be answered; a red answer makes it a promotion against the gate."""
    desk = kit.sealed(store, changed(kit.plan(), gate=GATE))
    desk.send("first", kit.rows("first"), sent=30)
    with pytest.raises(DataError, match="Add --met wanted=VALUE"):
        decide("promote", second="ben", reason_code="worked")
    done = decide("promote", second="ben", reason_code="worked", answers={"wanted": 40})
    assert done.decision.against == ("verdict", "gate")
    assert [(one.id, one.light) for one in done.decision.answers] == [("wanted", "red")]


def test_a_closed_trial_hands_over_and_the_idea_passes_on_once(store: Store, kit: Any, decide: Any) -> None:
    """Two small tests, one promoted through its gate: the pilot may begin, carries both lessons, and the idea stands there."""
    for name in ("one", "two"):
        desk = kit.sealed(store, changed(kit.plan(name), gate=GATE, prototype="letters"))
        desk.send(f"first {name}", kit.rows("first"), sent=30)
    pilot = changed(
        kit.plan("pilot"), stage="pilot", prototype="letters", sites=[{"id": "A"}], continues=["one", "two"]
    )
    pilot = changed(pilot, changed="one larger pilot in one site", gate={**GATE, "to": "scale"})
    with pytest.raises(LifecycleError, match="one, two are not closed"):
        stages.carried_over(store, pilot)
    decide("drop", "one", second="ben")
    decide(
        "promote",
        "two",
        second="ben",
        reason_code="worked",
        answers={"wanted": 90},
        lesson="two letters do move people",
    )
    found = stages.carried_over(store, pilot)
    assert (
        found.sentence
        == "From 2 proofs of concept (800 people planned, 2 sites) to one pilot (400 people planned, 1 site)."
    )
    assert [one.lesson for one in found.handed] == ["one letter alone moves nobody", "two letters do move people"]
    ledger.register(store, pilot, by="anna", at=kit.day(50), now=kit.day(50))
    first = stages.pass_on(store, "pilot", by="anna", at=kit.day(51), now=kit.day(51))
    assert stages.pass_on(store, "pilot", by="anna", at=kit.day(52), now=kit.day(52)) == first
    assert stages.carried_by(store, "pilot") == found
    with open_reading(store) as connection:
        assert stages.standing_of(connection, "letters").stage == "pilot"
    with pytest.raises(LifecycleError, match="stage == proof_of_concept, must be pilot or later"):
        stages.may_begin(store, changed(kit.plan("three"), prototype="letters"))
    with pytest.raises(LifecycleError, match="one continues no trial"):
        stages.pass_on(store, "one", by="anna", at=kit.day(52))
    assert verifying.verify(store) == []


def withdraw(store: Store, site: str, at: datetime, **words: Any) -> Any:
    said = {"reason_code": "provider_failed", "reason": "the provider closed", "from_day": at.date(), **words}
    return decisions.withdraw_site(store, "a-trial", site, by="anna", at=at, now=at, **said)


def test_a_site_leaves_and_its_data_stay(desk: Any, kit: Any) -> None:
    """Nobody is taken out: the look is as it was, and the one without the site stands beside it."""
    desk.send("first", kit.rows("first"), sent=30)
    desk.send("many", [kit.person(n, float(n % 3 == 0)) for n in range(41, 121)], sent=32)
    look = reading.looks(desk.store, "a-trial")[-1]
    assert subsets.with_and_without(desk.store, "a-trial") is None
    assert subsets.replanned(desk.store, "a-trial", date(2024, 3, 1)) is None
    act = withdraw(desk.store, "B", kit.day(40))
    assert withdraw(desk.store, "B", kit.day(40)) == act
    both = subsets.with_and_without(desk.store, "a-trial")
    assert both is not None
    assert both.looks is not None
    assert both.looks[0] == look == ledger.recompute(desk.store, "a-trial", look.number)
    assert both.looks[1].n == 60
    assert set(both.to_json()["parts"]) == {"with every site", "without site B"}
    assert subsets.replanned(desk.store, "a-trial", date(2024, 3, 1)) is not None
    assert reading.card(desk.store, "a-trial").withdrawn["B"].reason_code == "provider_failed"
    assert verifying.verify(desk.store) == []


def test_a_withdrawal_said_again_after_the_close_changes_nothing(desk: Any, kit: Any, decide: Any) -> None:
    """Whoever repeats what was done before the trial was closed is given the act that stands; a new site is refused."""
    desk.send("first", kit.rows("first"), sent=30)
    act = withdraw(desk.store, "B", kit.day(35))
    decide("stop", reason_code="funding", second="ben")
    assert withdraw(desk.store, "B", kit.day(35)) == act
    with pytest.raises(LifecycleError, match="must be open to withdraw a site"):
        withdraw(desk.store, "A", kit.day(41))


def test_the_look_without_a_site_is_that_of_a_trial_in_the_ledger_that_never_had_it(store: Store, kit: Any) -> None:
    """Through the whole store: the same people delivered to a trial without the site give the same numbers, bit by bit."""
    desk = kit.sealed(store, kit.plan(dated=True))
    rows = [kit.person(n, float(n % 3 == 0), joined=n) for n in range(1, 121)]
    desk.send("all", rows, sent=160)
    withdraw(store, "B", kit.day(160))
    never = kit.sealed(store, changed(kit.plan("never", dated=True), sites=[{"id": "A"}]))
    left = [row for row in rows if row.site == "A"]
    never.send(
        "some",
        [
            kit.person(n, row.value, site="A", arm=row.arm, enrolled_on=row.enrolled_on)
            for n, row in enumerate(left, start=1)
        ],
        sent=160,
    )
    both = subsets.with_and_without(store, "a-trial")
    assert both is not None
    assert both.looks is not None
    theirs = reading.looks(store, "never")[0]
    for name in (
        "n",
        "missing",
        "waiting",
        "claims",
        "estimate",
        "interval",
        "arms",
        "verdict",
        "sentence",
        "state_sha256",
    ):
        assert getattr(both.looks[1], name) == getattr(theirs, name)


@pytest.mark.parametrize(
    ("site", "words", "reason"),
    [
        ("C", {}, "site == 'C', must be one of A, B of the plan"),
        ("A", {"reason_code": "gone"}, "reason_code == 'gone', must be one of provider_failed"),
        ("A", {"reason": " "}, "reason == '', must say why the site leaves"),
    ],
)
def test_a_site_leaves_for_a_known_reason_or_not_at_all(
    desk: Any, kit: Any, site: str, words: Any, reason: str
) -> None:
    """An unknown site, an unknown code, no words: refused. So is the last site that is left."""
    with pytest.raises(DataError, match=reason):
        withdraw(desk.store, site, kit.day(1), **words)
    withdraw(desk.store, "B", kit.day(1))
    with pytest.raises(DataError, match="A is the last site of a-trial, must not be withdrawn alone"):
        withdraw(desk.store, "A", kit.day(2))


@ON_SQLITE
def test_a_delivery_that_enrols_at_a_site_that_left_is_warned_of(desk: Any, kit: Any) -> None:
    """From its last day on, and where no day is known; people who joined before are no matter."""
    withdraw(desk.store, "B", kit.day(40))
    day = kit.day(40).date()
    assert decisions.late_joiners(desk.store, "a-trial", [("B", day - timedelta(days=1)), ("A", day)]) == ()
    for late in (day, None):
        [warning] = decisions.late_joiners(desk.store, "a-trial", [("B", late), ("B", late), ("A", day)])
        assert warning.startswith("site B left the trial on 2024-02-10, and this delivery enrols people there since")


def test_an_outside_event_splits_the_estimate_as_the_plan_says(store: Store, kit: Any) -> None:
    """Joined before against since, of the same people; not where the plan has no split; the event is one fact."""
    desk = kit.sealed(store, kit.plan(dated=True))
    desk.send("all", [kit.person(n, float(n % 3 == 0), joined=n) for n in range(1, 81)], sent=112)

    def note(words: str, *, day: int = 41, trial: str = "a-trial", **more: Any) -> Any:
        when = kit.day(120)
        noted = kit.day(day).date()
        return decisions.note_event(store, trial, words, day=noted, by="anna", at=when, now=when, **more)

    act = note("a benefit was cut", kind="policy")
    assert note("a benefit was cut", kind="policy") == act
    [found] = subsets.splits(store, "a-trial")
    assert found.looks is not None
    assert [one.n for one in found.looks] == [40, 40]
    for words, more, reason in (
        ("?", {"day": 121}, "must not lie ahead"),
        (" ", {}, "text == ''"),
        ("?", {"sites": ("C",)}, "sites == C, must be sites of the plan"),
    ):
        with pytest.raises(DataError, match=reason):
            note(words, **more)  # type: ignore[arg-type]
    plain = kit.sealed(store, changed(kit.plan("plain", dated=True), events={"split": "none"}))
    plain.send("all", [kit.person(n, 0.0, joined=n) for n in range(1, 41)], sent=120)
    note("a benefit was cut", trial="plain")
    assert subsets.splits(store, "plain") == ()
    assert len(reading.card(store, "plain").events) == 1


def test_cards_cost_three_queries_however_many_trials(store: Store, kit: Any, decide: Any) -> None:
    """Decisions and sites of all trials come in one query beside the two of the cards."""
    asked: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    for count in (1, 5):
        for number in range(count):
            if not reading.cards(store, [f"t{number}"]):
                kit.sealed(store, kit.plan(f"t{number}"))
                decide("stop", f"t{number}", reason_code="funding")
        asked.clear()
        assert len(reading.cards(store)) == count
        assert len([one for one in asked if one.startswith("SELECT")]) == 3


@ON_SQLITE
def test_a_decision_that_somebody_altered_is_left_out_and_found(desk: Any, kit: Any, decide: Any) -> None:
    """Pages go on without it; the audit names the act."""
    desk.send("first", kit.rows("first"), sent=30)
    decide("stop", reason_code="funding", second="ben")
    with desk.store.engine.begin() as connection:
        connection.execute(text("UPDATE act SET body = replace(body, 'funding', 'policy') WHERE kind = 'decision'"))
    assert [one for one in verifying.verify(desk.store) if "act 1 is not what was recorded" in one.sentence]
    with desk.store.engine.begin() as connection:
        connection.execute(text("UPDATE act SET body = '{}' WHERE kind = 'decision'"))
    assert reading.card(desk.store, "a-trial").closing is None


@ON_SQLITE
def test_acts_of_a_decision_read_back_equal(desk: Any, kit: Any, decide: Any) -> None:
    """Every float and time of the grounds comes back with every bit."""
    desk.send("first", kit.rows("first"), sent=30)
    done = decide("stop", reason_code="funding", second="ben")
    [stored] = acts.acts(desk.store, "a-trial")
    assert stored == done.act
    assert isinstance(stored.body, Decision)
    assert deciding.sentence(stored) == done.sentence
