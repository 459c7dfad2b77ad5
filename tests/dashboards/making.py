"""Trials for the tests of the pages, put into a real store through the ledger."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from trials.protocol import Protocol, from_content
from trials.records import Checked, Delivery, Record, Rejection
from trials.store import ledger
from trials.store.engine import Store

START = datetime(2024, 1, 8, 9, tzinfo=UTC)


def plan(trial: str, **changes: Any) -> Protocol:
    """A binary plan without dates, two sites, to be changed by keyword; `primary` and `monitoring` are merged."""
    primary = {"measure": "relapsed", "kind": "binary", "better": "lower", "baseline": 0.4, "worthwhile": 0.1}
    monitoring = {"max_participants": 400}
    content = {
        "trial": trial,
        "title": trial.replace("-", " ").capitalize(),
        "question": "Does calling people the day before help?",
        "owner": "Test owner",
        "programme": "tests",
        "sites": [{"id": "N", "name": "North"}, {"id": "S", "name": "South"}],
        "arms": [{"id": "usual", "role": "control"}, {"id": "call", "name": "Phone call"}],
        "order_by": ["entry_order"],
        "source": {"connector": "folder", "path": "made"},
        **changes,
        "primary": primary | changes.get("primary", {}),
        "monitoring": monitoring | changes.get("monitoring", {}),
    }
    return from_content(content)


def people(number: int, *, first: int = 1, share: tuple[float, float] = (0.4, 0.4), seed: int = 1) -> list[Record]:
    """People in pairs, with the share of bad outcomes by arm (control, treatment); every third at South."""
    chance = random.Random(seed * 100_003 + first)
    made = []
    for order in range(first, first + number):
        treated = order % 2 == 0
        value = float(chance.random() < share[treated])
        site = "S" if (order // 2) % 3 == 0 else "N"
        made.append(Record(order, f"P{order}", site, "call" if treated else "usual", None, order, None, value))
    return made


def rejected(row_no: int, reason: str) -> Rejection:
    return Rejection(row_no, reason, {"participant_id": f"X{row_no}"})


def deliver(
    store: Store,
    trial: str,
    records: Sequence[Record] = (),
    *,
    week: int,
    refusal: str | None = None,
    rejections: Sequence[Rejection] = (),
    warnings: Sequence[str] = (),
) -> None:
    """One delivery of a week, recorded with a look."""
    sent_at = START + timedelta(weeks=week)
    name = f"{sent_at.date().isoformat()}_made.csv"
    digest = hashlib.sha256(f"{trial}{week}{records}{refusal}".encode()).hexdigest()
    delivery = Delivery(trial, "folder:made", name, digest, sent_at, (), ())
    checked = Checked(refusal=refusal) if refusal else Checked(tuple(records), tuple(rejections), tuple(warnings))
    ledger.record(store, delivery, checked, recorded_at=sent_at, as_of=sent_at)


def register(store: Store, protocol: Protocol) -> None:
    ledger.register(store, protocol, by="test", at=START - timedelta(days=2))
    ledger.seal(store, protocol.trial, by="second reader", at=START - timedelta(days=1))


def weekly(records: Sequence[Record], size: int) -> Iterator[tuple[int, Sequence[Record]]]:
    for week, at in enumerate(range(0, len(records), size)):
        yield week, records[at : at + size]


def run(store: Store, protocol: Protocol, records: Sequence[Record], size: int = 40) -> None:
    """Registers, seals, and delivers the people in weekly parts."""
    register(store, protocol)
    for week, part in weekly(records, size):
        deliver(store, protocol.trial, part, week=week)


def portfolio(store: Store) -> None:
    """One trial per verdict, one that is only registered, one whose numbers are too small to show."""
    run(store, plan("clear-winner"), people(240, share=(0.7, 0.2)))
    run(store, plan("plain-dud", simulated=True), people(400, share=(0.35, 0.40)))
    run(store, plan("does-harm"), people(160, share=(0.1, 0.9)))
    run(store, plan("still-open", simulated=True), people(80, share=(0.4, 0.38)))
    run(store, plan("never-settled", monitoring={"max_participants": 80}), people(80, share=(0.4, 0.36)))
    ledger.register(store, plan("being-planned"), by="test", at=START)
    run(store, plan("tiny-numbers"), people(8))
    deliver(store, "still-open", week=30, refusal="The file has no column relapsed.")
    deliver(
        store,
        "still-open",
        people(10, first=81),
        week=31,
        rejections=[rejected(row, "arm is 'phone': must be usual or call") for row in range(1, 13)]
        + [rejected(20, "relapsed is '2': must be 0 or 1")],
    )
