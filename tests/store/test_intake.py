"""Whom a delivery may bring in is asked again where it is taken in: the trial may be closed or listed since it was judged."""

from __future__ import annotations

from datetime import date
from typing import Any

from trials.acts.deciding import DECISION, Decision
from trials.pseudonyms import Pseudonyms
from trials.records import Checked
from trials.store import acts, ledger, revealing, verifying
from trials.store.engine import Store

KEY = Pseudonyms(b"k" * 32)


def test_a_closed_trial_takes_nobody_new(store: Store, kit: Any) -> None:
    """Who joined on or after the closing day is set aside; who joined before it, and outcomes of people who are in, come in."""
    desk = kit.sealed(store, kit.plan(dated=True))
    known = [kit.person(number, None, joined=number) for number in range(1, 5)]
    desk.send("first", known, sent=10)
    acts.act(store, desk.trial, DECISION, Decision(what="stop", reason="enough"), by="anna", at=kit.day(20))
    late = kit.person(5, 1.0, joined=19)
    news = [kit.person(6, 1.0, joined=20), kit.person(7, 0.0, joined=25), kit.person(8, None, joined=25)]
    outcomes = [kit.person(number, 1.0, joined=number) for number in range(1, 5)]
    receipt = desk.send("second", [*outcomes, late, *news], sent=60)
    assert (receipt.accepted, receipt.quarantined) == (5, 3)
    assert receipt.reasons[0].reason == (
        "enrolled_on is '2024-01-21': must be before 2024-01-21, when the trial was closed, for somebody it does not know"
    )
    assert set(ledger.register_of(store, desk.trial)) == {one.participant_id for one in [*known, late]}
    again = desk.send("third", [*outcomes, late, *news], sent=61)
    assert (again.accepted, again.quarantined, again.duplicates) == (0, 3, 5)
    for number in range(1, (again.look_number or 0) + 1):
        assert ledger.recompute(store, desk.trial, number).number == number
    assert verifying.verify(store) == []


def test_days_that_nobody_knows(store: Store, kit: Any) -> None:
    """Where people have no day of joining, those are in time whom a delivery names that was sent before the closing."""
    desk = kit.sealed(store, kit.plan())
    desk.send("first", [kit.person(1, None)], sent=10)
    acts.act(store, desk.trial, DECISION, Decision(what="drop", reason="no use"), by="anna", at=kit.day(20))

    def send(number: int, sent: float, received: float) -> Any:
        rows = [kit.person(number, 1.0)]
        delivery = desk.delivery(f"{number}", rows, sent)
        at = kit.day(received)
        return ledger.record(store, delivery, Checked(tuple(rows)), recorded_at=at, as_of=at, now=at)

    assert send(2, sent=19, received=22).accepted == 1
    assert (
        send(3, sent=21, received=22).reasons[0].reason.startswith("enrolled_on is missing: must be before 2024-01-21")
    )
    assert send(4, sent=19, received=40).quarantined == 1  # dated back further than is believed


def test_a_delivery_judged_before_the_first_reveal_ends_nothing(store: Store, kit: Any) -> None:
    """Its rows of people whom the list doesn't have are set aside in its transaction, and arms go on being revealed."""
    desk = kit.sealed(store, kit.plan())

    def join(number: int) -> Any:
        newcomer = revealing.Newcomer(KEY.of(f"p{number}"), "A", date(2024, 1, 2))
        return revealing.reveal(store, desk.trial, newcomer, hidden=KEY, seed=b"s" * 32, by="nurse", at=kit.day(1))

    rows = [kit.person(7, 1.0)]
    judged = desk.delivery("seven", rows, 2), Checked(tuple(rows))
    assert join(1).entry_order == 1
    at = kit.day(2)
    said = {"recorded_at": at, "as_of": at, "key": KEY.fingerprint, "seal": KEY.seal, "now": at}
    receipt = ledger.record(store, *judged, **said)
    assert (receipt.accepted, receipt.quarantined) == (0, 1)
    assert receipt.reasons[0].reason.startswith(
        "participant_id is not in the register: must be somebody who was enrolled"
    )
    assert join(2).entry_order == 2
    assert verifying.verify(store) == []
