"""Trials for the tests of reports: one with all that a report can tell, and others in each state that a trial can be in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from trials.acts import ActKind
from trials.acts.adaptations import ADAPTATION, Adaptation
from trials.acts.events import EXTERNAL_EVENT, ExternalEvent
from trials.acts.voices import VOICE, Voice
from trials.plan.base import Frozen
from trials.protocol import Protocol, from_content
from trials.records import Checked, Delivery, Measured, Record
from trials.store import acts, amendments, granting, ledger
from trials.store.decisions import decide, withdraw_site
from trials.store.engine import Store

START = datetime(2026, 1, 5, tzinfo=UTC)
MADE = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
RICH, EARLIER, SEVERAL, FEASIBLE, HIDDEN, TINY, REGISTERED, REPLAYED = (
    *("evening-calls", "evening-calls-first", "three-reminders", "can-we-call", "nearly-all", "just-begun", "planned"),
    "found-before",
)
TRIALS = (RICH, EARLIER, SEVERAL, FEASIBLE, HIDDEN, TINY, REGISTERED, REPLAYED)
INTERVENTION = {
    "name": "Evening phone call",
    "why": "People forget appointments that were made weeks before.",
    "materials": "A script of one page",
    "procedures": "A call of five minutes on the evening before",
    "who": "Case workers who know the person",
    "how": "By phone, one to one",
    "where": "From the office",
    "when_and_how_much": "Once, between 17:00 and 19:00",
    "tailoring": "The words, by what the person likes to be called",
    "how_well": "Two calls a week are listened to",
    "components": [
        {"id": "call", "text": "A call on the evening before"},
        {
            "id": "words",
            "text": "How it is said",
            "role": "flexible",
            "within": "Any words with the time and the place",
        },
    ],
}
CRITERIA = [
    {"id": "kept", "asks": "retention", "text": "people stay in the trial", "green": 0.8, "red": 0.6},
    {"id": "wanted", "asks": "acceptability", "text": "people want it", "green": 70, "red": 50, "unit": "%"},
]


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def plan(trial: str, **changes: Any) -> Protocol:
    """Calls against usual practice at two sites; `primary` is merged."""
    primary = {"measure": "missed", "kind": "binary", "better": "lower", "baseline": 0.4, "worthwhile": 0.1}
    content = {
        "trial": trial,
        "title": trial.replace("-", " ").capitalize(),
        "question": "Does a call on the evening before help people to keep their appointment?",
        "owner": "Lower Valley probation service",
        "sites": [{"id": "North"}, {"id": "South"}],
        "arms": [{"id": "usual", "role": "control", "name": "Letter"}, {"id": "call", "name": "Evening call"}],
        "monitoring": {"max_participants": 400},
        "order_by": ["entry_order"],
        "source": {"connector": "folder", "path": "in"},
        **changes,
        "primary": primary | {"label": "Missed appointments"} | changes.get("primary", {}),
    }
    return from_content(content)


def sealed(store: Store, protocol: Protocol, at: float = -10) -> None:
    ledger.register(store, protocol, by="Ann", at=day(at - 1), now=day(at - 1))
    ledger.seal(store, protocol.trial, by="Bea", at=day(at), now=day(at))


def send(store: Store, trial: str, rows: Sequence[Record], at: float) -> None:
    digest = hashlib.sha256(repr((trial, at)).encode()).hexdigest()
    delivery = Delivery(trial, "folder:in", f"{at}.csv", digest, day(at), (), ())
    ledger.record(store, delivery, Checked(tuple(rows)), recorded_at=day(at), as_of=day(at), now=day(at))


def people(
    numbers: range, shares: Sequence[float], arms: Sequence[str], seed: int = 1, *, said: bool = False
) -> list[Record]:
    """People in turn in each arm, with the share of missed appointments by arm. said: with guardrail and strength."""
    rng, found = np.random.default_rng(seed * 1_000 + numbers.start), []
    for number in numbers:
        which = number % len(arms)
        beside = (
            (
                Measured("upset", float(rng.random() < 0.1)),
                Measured("hope", round(float(rng.uniform(20, 60) + 15 * which), 1)),
            )
            if said
            else ()
        )
        missed = float(rng.random() < shares[which])
        site = ("North", "South")[number // 4 % 2]
        found.append(Record(number, f"p{number:03d}", site, arms[which], None, number, None, missed, guardrails=beside))
    return found


def did(store: Store, trial: str, kind: ActKind, body: Frozen, at: float) -> None:
    acts.act(store, trial, kind, body, by="Ann", at=day(at))


def rich(store: Store) -> None:
    """A trial that continues another, with every part that a plan can have and every act that a report tells of; closed."""
    common = {"programme": "", "prototype": "evening-calls", "partners": PARTNERS}
    gate = {"to": "pilot", "criteria": CRITERIA}
    sealed(store, plan(EARLIER, stage="proof_of_concept", gate=gate, **common), at=-200)
    for part in range(3):
        send(store, EARLIER, people(range(60 * part + 1, 60 * part + 61), (0.6, 0.2), ("usual", "call")), -150 + part)
    decide(
        store,
        EARLIER,
        "promote",
        by="Ann",
        at=day(-120),
        reason_code="worked",
        second="Bea",
        reason="it helps and people like it",
        lesson="People want to be called by somebody they know.",
        reuse="The list of phone numbers that the sites keep",
        answers={"wanted": 82},
    )
    protocol = plan(
        RICH,
        title="Evening calls",
        stage="pilot",
        continues=[EARLIER],
        changed="Two more sites, and case workers call instead of a call centre.",
        intervention=INTERVENTION,
        guardrails=[
            {
                "measure": "upset",
                "kind": "binary",
                "better": "lower",
                "margin": 0.15,
                "baseline": 0.1,
                "label": "Upset by the call",
            }
        ],
        strengths=[
            {"measure": "hope", "kind": "score", "better": "higher", "bounds": [0, 100], "label": "Hope (0 to 100)"}
        ],
        stopping={"recruitment": {"per_month": 60}, "data_quality": {}, "safety": {"related_at_most": 1}},
        **common,
    )
    sealed(store, protocol, at=-9)
    for part in range(2):
        send(
            store,
            RICH,
            people(range(60 * part + 1, 60 * part + 61), (0.45, 0.3), ("usual", "call"), said=True),
            20 + part,
        )
    more = protocol.monitoring.model_copy(update={"max_participants": 600})
    wider = protocol.model_copy(update={"monitoring": more, "schedule": "0 6 * * 1"})
    amendments.amend(
        store,
        RICH,
        wider,
        reason="Two sites asked to take part for longer than was agreed",
        impact="more people, the same error rates",
        by="Ann",
        approved_by="Bea",
        at=day(30),
    )
    did(
        store,
        RICH,
        ADAPTATION,
        Adaptation(
            component="words", site="North", what="in Polish − “Cześć”", why="language", day=day(31).date(), inside=True
        ),
        32,
    )
    did(
        store,
        RICH,
        ADAPTATION,
        Adaptation(
            component="call", site="South", what="a text message", why="no staff", day=day(33).date(), inside=False
        ),
        34,
    )
    for number in range(30):
        voice = Voice(who="staff", codes=("time", "calm"), stance="hinders", consent=False, day=day(35).date())
        acts.act(store, RICH, VOICE, voice, by="Ann", at=day(35), key=str(number))
    event = ExternalEvent(day=date(2026, 2, 10), text="Bus fares to the office were halved", kind="policy")
    did(store, RICH, EXTERNAL_EVENT, event, 40)
    withdraw_site(
        store,
        RICH,
        "South",
        reason_code="staffing",
        reason="nobody is left to call in the evening",
        from_day=day(41).date(),
        by="Ann",
        at=day(42),
    )
    for part in range(2, 5):
        send(
            store,
            RICH,
            people(range(60 * part + 1, 60 * part + 61), (0.5, 0.22), ("usual", "call"), said=True),
            48 + part,
        )
    decide(
        store,
        RICH,
        "promote",
        by="Ann",
        at=day(60),
        reason_code="worked",
        reason="fewer missed appointments at both sites",
        second="Bea",
        lesson="A call by somebody whom people know halves missed appointments; a text message does not.",
        reuse="The script, and the rota by which two people share the evenings.",
        dissent="One case worker: evenings are not what we were hired for.",
    )


PARTNERS = [
    {
        "name": "City of Lower Valley",
        "kind": "government",
        "hopes": [{"value": "Fewer missed appointments", "measure": "missed"}],
    },
    {"name": "Users’ council", "kind": "users", "hopes": [{"value": "To be met with respect"}]},
]


def several(store: Store) -> None:
    """Three arms in a programme with roles, still open."""
    arms = [{"id": "usual", "role": "control"}, {"id": "text"}, {"id": "call"}]
    protocol = plan(SEVERAL, programme="reminders", design="multi_arm", arms=arms)
    sealed(store, protocol)
    for part in range(3):
        send(
            store,
            SEVERAL,
            people(range(60 * part + 1, 60 * part + 61), (0.5, 0.4, 0.3), ("usual", "text", "call")),
            20 + part,
        )
    decide(
        store, SEVERAL, "continue", by="Ann", at=day(25), second="Bea", reason="the arm with calls looks best by far"
    )
    for name, role in (("Sta", "stakeholder"), ("Ste", "safety_steward")):
        granting.give(store, "reminders", name, role, by="Ann", at=day(30))  # type: ignore[arg-type]


def others(store: Store) -> None:
    """A feasibility trial, small numbers behind an estimate, too early, only registered, a replay."""
    sealed(store, plan(FEASIBLE, purpose="feasibility", progression=CRITERIA, simulated=True))
    sealed(store, plan(HIDDEN))
    sealed(store, plan(TINY))
    sealed(store, plan(REPLAYED, retrospective=True, design="one_arm", arms=[{"id": "call"}]))
    ledger.register(store, plan(REGISTERED, title="Planned − δ ≥ 0"), by="Ann", at=day(0), now=day(0))
    for part in range(2):
        numbers = range(40 * part + 1, 40 * part + 41)
        send(store, FEASIBLE, people(numbers, (0.4, 0.3), ("usual", "call")), 20 + part)
        send(store, HIDDEN, people(numbers, (0.02, 0.0), ("usual", "call")), 20 + part)
        send(store, REPLAYED, people(numbers, (0.3,), ("call",)), 20 + part)
    send(store, TINY, people(range(1, 9), (0.4, 0.3), ("usual", "call")), 20)


def made(store: Store) -> None:
    """All of them."""
    rich(store)
    several(store)
    others(store)
