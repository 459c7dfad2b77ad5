"""Reveals on SQLite and PostgreSQL alike: the lock, the transaction, the chain."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from trials.acts.allocating import REVEAL, Reveal
from trials.pseudonyms import Pseudonyms
from trials.records import Checked
from trials.store import acts, arms, custody, ledger, revealing, verifying
from trials.store.engine import Store

KEY, SEED = Pseudonyms(b"k" * 32), b"s" * 32


def test_many_who_enrol_at_once_take_turns(store: Store, kit: Any) -> None:
    """Eight threads send twenty people three times each: twenty arms, each the next of its site's list."""
    desk = kit.sealed(store, kit.plan())

    def join(number: int) -> tuple[str, str, int]:
        newcomer = revealing.Newcomer(KEY.of(f"p{number}"), "AB"[number % 2], kit.day(1).date())
        found = revealing.reveal(
            store, desk.trial, newcomer, hidden=KEY, seed=SEED, by="nurse", at=kit.day(1), now=kit.day(1)
        )
        return newcomer.participant, found.arm, found.entry_order

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(join, [number % 20 for number in range(60)]))
    assert len({*found}) == 20
    assert {number for _, _, number in found} == set(range(1, 21))
    bodies = [one.body for one in acts.acts(store, desk.trial, [REVEAL])]
    assert sorted((one.stratum, one.position) for one in bodies if isinstance(one, Reveal)) == [
        (site, position) for site in "AB" for position in range(1, 11)
    ]
    assert custody.findings(store, desk.trial, by="anybody", hidden=KEY) == (20, ())
    assert verifying.verify(store) == []


def test_outcomes_come_for_those_who_were_enrolled(store: Store, kit: Any) -> None:
    """The register that reveals make is closed, and the arms in it are what deliveries are held against."""
    desk = kit.sealed(store, kit.plan())
    rows = []
    for number in range(1, 9):
        name = KEY.of(f"p{number}")
        newcomer = revealing.Newcomer(name, "A", kit.day(1).date())
        found = revealing.reveal(store, desk.trial, newcomer, hidden=KEY, seed=SEED, by="nurse", at=kit.day(1))
        changes = {"participant_id": name, "site": "A", "arm": found.arm, "enrolled_on": kit.day(1).date()}
        rows.append(kit.person(number, float(number % 2), entry_order=found.entry_order, **changes))
    register = ledger.register_of(store, desk.trial)
    assert register.closed
    delivery = desk.delivery("first", rows, 40)
    receipt = ledger.record(
        store,
        delivery,
        Checked(tuple(rows)),
        recorded_at=kit.day(40),
        as_of=kit.day(40),
        key=KEY.fingerprint,
        seal=KEY.seal,
        now=kit.day(40),
    )
    assert (receipt.accepted, receipt.quarantined, receipt.look_number) == (8, 0, 1)
    assert verifying.verify(store) == []
    assert dict(arms.dropped_arms(store, desk.trial)) == {}
