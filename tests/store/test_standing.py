"""Standing on both databases: the same findings from the same facts."""

from __future__ import annotations

from datetime import date
from typing import Any

from trials.acts.safety_events import SAFETY_EVENT, SafetyEvent
from trials.acts.staff_time import STAFF_TIME, StaffTimes, WorkedWeek
from trials.protocol import from_content
from trials.records import Rejection
from trials.store import acts, ledger, standing
from trials.store.engine import Store, reading

STOPPING = {
    "recruitment": {"per_month": 600, "grace_months": 0},
    "staff_time": {"minutes_at_most": 45},
    "data_quality": {},
    "safety": {"related_at_most": 2},
}


def test_every_rule_reads_its_facts(store: Store, kit: Any) -> None:
    """Enrolments by day and site, rows set aside, looks, uploads and events: each rule has something to say."""
    content = {**kit.plan(dated=True).model_dump(mode="json"), "stopping": STOPPING}
    protocol = from_content(content)
    ledger.register(store, protocol, by="Ann", at=kit.day(0))
    ledger.seal(store, protocol.trial, by="Bea", at=kit.day(0))
    desk = kit.Desk(store, protocol)
    people = [kit.person(number, 1.0, joined=number % 7) for number in range(1, 41)]
    desk.send("one", people, sent=60, rejected=[Rejection(41, "no arm", {})])
    rows = (WorkedWeek(staff="abc", week=date(2024, 1, 3), tenure=0, cases=3, minutes=100),)
    acts.act(store, protocol.trial, STAFF_TIME, StaffTimes(rows=rows), by="Ann", at=kit.day(60))
    event = SafetyEvent(day=date(2024, 1, 20), serious=True, kind="death", text="at home", participant="p002")
    acts.act(store, protocol.trial, SAFETY_EVENT, event, by="Ann", at=kit.day(60))
    found = {one.rule: one for one in standing.standing(store, protocol.trial, kit.day(61), small=True)}
    assert {name: one.level for name, one in found.items()} == {
        "safety_event": "stop",
        "recruitment": "stop",
        "safety_rate": "fine",
        "staff_time": "fine",
        "missing": "fine",
        "set_aside": "fine",
    }
    assert "40 people joined so far, where 400 were planned" in found["recruitment"].sentence
    with reading(store) as connection:
        facts = standing.facts_of(connection, protocol.trial, kit.day(61))
        assert standing.enrolment_waits(connection, protocol.trial) == found["safety_event"].sentence
    assert (sum(one.people for one in facts.joined), sum(one.treated for one in facts.joined)) == (40, 20)
    assert facts.weeks[0].week == date(2024, 1, 1)
    assert [one.treated for one in facts.events] == [False]
