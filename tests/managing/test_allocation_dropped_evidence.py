"""When people drop an arm, the evidence of the others goes on: their blocks wait for it no longer, nothing fires falsely."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from expectations.health import ArmVitals, SiteVitals, Vitals, sample_ratio_p, site_ratio
from trials.evidence import Look
from trials.protocol import from_content
from trials.pseudonyms import Pseudonyms
from trials.records import Checked, Delivery, Record, Row
from trials.rules import SUSPICIOUS
from trials.sequential import Design, Unit, binary_mixture, family
from trials.sequential.family import Member, Placed
from trials.store import arms, ledger, revealing, verifying
from trials.store.engine import Store, open_store

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
KEY, SEED = Pseudonyms(b"k" * 32), b"s" * 32
DESIGN = Design(1, 1, 0.3, 0.1, 0.05, 0.10, 0.21)
MEMBERS = tuple(Member(arm, binary_mixture.METHOD, DESIGN, arm) for arm in "ab")
SHARES = {"": 1, "a": 1, "b": 1}
GONE = frozenset("b")


def one(arm: str, loss: float, without: frozenset[str] = frozenset()) -> Placed:
    unit = Unit("", "t" if arm else "c", loss)
    return Placed("", arm, dict.fromkeys(arm or "ab", unit), without)


def judged(people: Sequence[Placed]) -> dict[str, family.Reading]:
    state = family.step(MEMBERS, family.start(MEMBERS), people, range(1, len(people) + 1), SHARES)
    return family.read(MEMBERS, state)


def test_the_others_are_compared_without_the_dropped_arm() -> None:
    """An idea that helps everybody fires after the other was dropped; it would wait for ever for people who never come."""
    before = [one(arm, float(not arm)) for _ in range(5) for arm in ("", "a", "b")]
    after = [(arm, float(not arm)) for _ in range(60) for arm in ("", "a")]
    going_on = judged([*before, *(one(*who, GONE) for who in after)])
    waiting = judged([*before, *(one(*who) for who in after)])
    assert going_on["a"].claims["benefit"].fired
    assert not waiting["a"].claims["benefit"].fired
    assert not going_on["b"].claims["benefit"].fired


def test_who_waited_at_the_drop_is_counted_as_before() -> None:
    """The k-th people of an arm and of the control meet, whether an arm is dropped, never comes, or was never waited for."""
    drawn = [("", 1.0), ("a", 0.0), ("a", 1.0), ("b", 0.0), ("", 0.0), ("", 1.0), ("a", 0.0)]
    dropped = judged([*(one(*who) for who in drawn[:4]), *(one(*who, GONE) for who in drawn[4:])])
    complete = judged([*(one(*who) for who in drawn), one("b", 0.0), one("b", 0.0)])
    assert dropped["a"].claims["benefit"].log_e == complete["a"].claims["benefit"].log_e


def test_in_steps_it_is_the_same_to_the_last_bit() -> None:
    """Resumed after any participant, the state is that of reading all at once."""
    rng = np.random.default_rng(5)
    people = [one(str(arm), float(rng.random() < 0.3)) for arm in rng.choice(["", "a", "b"], 30)]
    people += [one(str(arm), float(rng.random() < 0.3), GONE) for arm in rng.choice(["", "a"], 30)]
    whole = family.step(MEMBERS, family.start(MEMBERS), people, range(1, 61), SHARES)
    state = family.start(MEMBERS)
    for first, last in ((0, 7), (7, 31), (31, 33), (33, 60)):
        state = family.step(MEMBERS, state, people[first:last], range(first + 1, last + 1), SHARES)
    assert state == whole


def test_whoever_peeks_and_drops_makes_nothing_fire() -> None:
    """With no effect, and an arm dropped as soon as the raw counts flatter the other, any false benefit is rarer than alpha."""
    runs, size, fired = 120, 120, 0
    rng = np.random.default_rng(20_260_105)
    for _ in range(runs):
        outcomes, people, dropped = {"": [0.0, 0], "a": [0.0, 0], "b": [0.0, 0]}, [], False
        while len(people) < size:
            for arm in rng.permutation(["", "a"] if dropped else ["", "a", "b"]):
                loss = float(rng.random() < 0.3)
                people.append(one(str(arm), loss, GONE if dropped else frozenset()))
                outcomes[str(arm)][0] += loss
                outcomes[str(arm)][1] += 1
                rate = {name: total / max(n, 1) for name, (total, n) in outcomes.items()}
                if len(people) > 20 and rate["a"] < rate[""] - 0.1 and rate["a"] < rate["b"]:
                    dropped = True
        claims = judged(people)
        fired += any(claims[arm].claims["benefit"].fired for arm in "ab")
    assert fired <= binom.ppf(0.999, runs, DESIGN.alpha)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'roadtest.db'}")
    protocol = from_content(
        {
            "trial": "a-trial",
            "question": "?",
            "owner": "tests",
            "arms": [{"id": "usual", "role": "control"}, {"id": "text"}, {"id": "call"}],
            "design": "multi_arm",
            "primary": {
                "measure": "y",
                "kind": "binary",
                "better": "lower",
                "baseline": 0.6,
                "worthwhile": 0.3,
                "follow_up": "7 days",
            },
            "monitoring": {"max_participants": 400},
            "source": {"connector": "folder", "path": "in"},
        }
    )
    ledger.register(opened, protocol, by="anna", at=AT)
    ledger.seal(opened, "a-trial", by="ben", at=AT)
    yield opened
    opened.close()


def joined(store: Store, first: int, last: int, day: int, *, helps: bool) -> Look:
    """These people join on that day; every second has the event, or those alone who are treated as usual; the look then."""
    rows = []
    for number in range(first, last + 1):
        newcomer = revealing.Newcomer(KEY.of(f"p{number}"), "", (AT + timedelta(days=day)).date())
        found = revealing.reveal(
            store, "a-trial", newcomer, hidden=KEY, seed=SEED, by="nurse", at=AT + timedelta(days=day)
        )
        value = float(found.arm == "usual" if helps else number % 2)
        rows.append(Record(number, found.participant, "", found.arm, newcomer.enrolled_on, number, None, value))
    at = AT + timedelta(days=day + 30)
    content = f"{first:064d}"
    delivery = Delivery("a-trial", "folder:in", f"{day}.csv", content, at, (), tuple(Row(n, {}) for n in range(1, 9)))
    ledger.record(
        store, delivery, Checked(tuple(rows)), recorded_at=at, as_of=at, key=KEY.fingerprint, seal=KEY.seal, now=at
    )
    return ledger.take_look(store, "a-trial", recorded_at=at, as_of=at)


def test_a_trial_goes_on_after_an_arm_was_dropped(store: Store) -> None:
    """The idea that is left is found to help, every look is computed again to the last bit, and the dropped arm is shown on."""
    first = joined(store, 1, 30, 0, helps=False)
    assert not first.claims["benefit"].fired
    arms.drop_arm(store, "a-trial", "call", reason="too dear", second="ben", by="anna", at=AT + timedelta(days=40))
    second = joined(store, 31, 90, 41, helps=True)
    by_arm = {one.arm: one for one in second.comparisons}
    assert by_arm["text"].claims["benefit"].fired
    assert not by_arm["call"].claims["benefit"].fired
    assert second.claims["benefit"] == by_arm["text"].claims["benefit"]
    assert second.estimate == by_arm["text"].estimate
    assert [ledger.recompute(store, "a-trial", look.number) for look in (first, second)] == [first, second]
    assert verifying.verify(store) == []
    assert second.concerns == ()


def test_the_ratio_is_asked_of_the_arms_that_are_left() -> None:
    """A dropped arm that falls behind is no sign of a fault; one of the others still is."""
    left = [ArmVitals("usual", 1, 60, 0, 0), ArmVitals("text", 1, 58, 0, 0)]
    gone = ArmVitals("call", 1, 9, 0, 0, dropped=True)
    assert sample_ratio_p(*left, gone) == sample_ratio_p(*left)
    assert sample_ratio_p(*left, replace(gone, dropped=False)) < SUSPICIOUS  # type: ignore[operator]
    sites = (SiteVitals("A", (30, 28, 9)), SiteVitals("B", (30, 30, 0)))
    p, _ = site_ratio(Vitals("", (*left, gone), 0, 0, sites))
    assert p == 1.0
